//! Plans in words: what a dry run prints and what the log carries.

use std::fmt;

use super::plan::{Doubt, Finish, Notice, Outcome, Plan, Step, Then, Waiting};
use crate::words::pause;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            write!(f, "{step}; ")?;
        }
        write!(f, "{}", self.then)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Heartbeat => f.write_str("heartbeat"),
            Self::Write(write) => {
                write!(f, "write on {}: {}", write.node.name, write.change)?;
                if write.change.to_tell.is_empty() {
                    return Ok(());
                }
                write!(f, "; tell: not set: {}", list("; ", &write.change.to_tell))
            }
            Self::Tell(nodes, notice) => write!(f, "tell on {}: {notice}", list(", ", nodes)),
            Self::Complete(result, finish) => {
                write!(f, "complete the hook with {}: {finish}", result.as_str())
            }
        }
    }
}

impl fmt::Display for Finish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(node) => write!(f, "{node} is ready"),
            Self::WarmPool => f.write_str("the machine goes to the warm pool"),
            Self::TimedOut(waiting) => write!(f, "time is up, still waiting: {waiting}"),
        }
    }
}

impl fmt::Display for Then {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(outcome) => write!(f, "done: {outcome}"),
            Self::LookAgain { after, waiting } => write!(f, "look again in {}: {waiting}", pause(*after)),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotWaiting(state) => write!(f, "the instance is {state}"),
            Self::Gone => f.write_str("the instance is gone"),
            Self::OthersWait(hooks) => write!(f, "completed; the instance waits for {}", list(", ", hooks)),
            Self::InPlace => f.write_str("nothing to write"),
            Self::Written => f.write_str("written"),
            Self::Draining => f.write_str("the node is being drained"),
            Self::NoNode(since) => write!(f, "no node has joined since the launch at {since}"),
            Self::Left(waiting) => write!(f, "the next tick looks again: {waiting}"),
        }
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ApiServer(why) => write!(f, "the API server can't be asked: {why}"),
            Self::Ec2(why) => write!(f, "EC2 can't be asked: {why}"),
            Self::Machine(why) => f.write_str(why),
            Self::Node => f.write_str("no node has joined"),
            Self::Address(node) => write!(f, "{node} has no address yet"),
            Self::Doubt(doubt) => write!(f, "{doubt}"),
            Self::Labels => f.write_str("labels and taints to be in place"),
            Self::Gate(obstacles) => write!(f, "{}", list(", ", obstacles)),
            Self::Draining(node) => write!(f, "{node} is marked as being drained"),
            Self::Proof => f.write_str("the instance's state to show that the hook is completed"),
        }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stranger(node, mismatch) => write!(f, "{node} is not the machine's node: {mismatch}"),
            Self::Several(nodes) => {
                write!(
                    f,
                    "{} nodes claim to run on the instance: {}",
                    nodes.len(),
                    list(", ", nodes)
                )
            }
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(problems) => write!(f, "not set: {}", list("; ", problems)),
            Self::Doubt(doubt) => write!(f, "no label is set: {doubt}"),
            Self::TimedOut(result, waiting) => {
                write!(
                    f,
                    "not ready in time, the launch ends with {}: {waiting}",
                    result.as_str()
                )
            }
        }
    }
}

fn list<T: fmt::Display>(separator: &str, items: impl IntoIterator<Item = T>) -> String {
    let words: Vec<_> = items.into_iter().map(|item| item.to_string()).collect();
    words.join(separator)
}
