//! Plans in words: what a dry run prints and what the log carries.

use std::fmt;

use super::{Finish, Notice, Outcome, Plan, Step, Then, Waiting};

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
            Self::Cordon(mark) => write!(f, "cordon until {}", mark.deadline),
            Self::Evict(pods) => write!(f, "evict {}", list(pods.iter().map(|pod| &pod.key))),
            Self::Tell(notice) => write!(f, "tell: {notice}"),
            Self::Complete(finish) => write!(f, "complete the hook: {finish}"),
        }
    }
}

impl fmt::Display for Finish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drained => f.write_str("every pod has left"),
            Self::NoNode => f.write_str("no node runs on the instance"),
            Self::DeadlinePassed(left) => {
                write!(f, "{} pods left at the deadline: {}", left.len(), list(left))
            }
        }
    }
}

impl fmt::Display for Then {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(outcome) => write!(f, "done: {outcome}"),
            Self::LookAgain { after, waiting } => write!(f, "look again in {after:#}: {waiting}"),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotWaiting(state) => write!(f, "the instance is {state}"),
            Self::Gone => f.write_str("the instance is gone"),
            Self::OthersWait(hooks) => write!(f, "completed; the instance waits for {}", list(hooks)),
        }
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ApiServer(why) => write!(f, "the API server can't be asked: {why}"),
            Self::Pods {
                leaving,
                held_back: 0,
            } => write!(f, "{leaving} pods leave"),
            Self::Pods { leaving, held_back } => write!(f, "{leaving} pods leave, {held_back} are held back"),
            Self::Latecomers => f.write_str("pods that were bound while the node was cordoned"),
            Self::Proof => f.write_str("the instance's state to show that the hook is completed"),
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Draining { cause, pods } => write!(f, "draining, since {cause}: {pods} pods to evict"),
            Self::HeldBack(pods) => {
                for (n, (pod, why)) in pods.iter().enumerate() {
                    write!(f, "{}{pod}: {why}", if n == 0 { "" } else { "; " })?;
                }
                Ok(())
            }
            Self::Drained => f.write_str("drained: every pod has left"),
            Self::LeftBehind(left) => write!(f, "{} pods left at the deadline: {}", left.len(), list(left)),
        }
    }
}

fn list<T: fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    items
        .into_iter()
        .map(|item| item.to_string())
        .collect::<Vec<_>>()
        .join(", ")
}
