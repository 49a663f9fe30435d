//! Plans in words: what a dry run prints and what the log carries.

use std::fmt;

use super::{Finish, Notice, Outcome, Plan, Step, Then, Waiting};
use crate::words::{pause, pods};

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
            Self::Remember(_) => f.write_str("remember that the hook is completed"),
        }
    }
}

impl fmt::Display for Finish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drained => f.write_str("every pod has left"),
            Self::NoNode => f.write_str("no node runs on the instance"),
            Self::DeadlinePassed(left) => {
                write!(f, "{} left at the deadline: {}", pods(left.len()), list(left))
            }
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
            Self::OthersWait(hooks) => write!(f, "completed; the instance waits for {}", list(hooks)),
        }
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ApiServer(why) => write!(f, "the API server can't be asked: {why}"),
            Self::Pods {
                leaving: 0,
                held_back: held @ 1..,
            } => write!(f, "{} held back", be(&pods(*held), *held)),
            Self::Pods { leaving, held_back } => {
                let verb = if *leaving == 1 { "leaves" } else { "leave" };
                write!(f, "{} {verb}", pods(*leaving))?;
                match *held_back {
                    0 => Ok(()),
                    held => write!(f, ", {} held back", be(&held.to_string(), held)),
                }
            }
            Self::Latecomers => f.write_str("pods that were bound while the node was cordoned"),
            Self::Proof => f.write_str("the instance's state to show that the hook is completed"),
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Draining { cause, pods: number } => {
                write!(f, "draining, since {cause}: {} to evict", pods(*number))
            }
            Self::HeldBack(held) => {
                for (n, (pod, why)) in held.iter().enumerate() {
                    write!(f, "{}{pod}: {why}", if n == 0 { "" } else { "; " })?;
                }
                Ok(())
            }
            Self::Drained => f.write_str("drained: every pod has left"),
            Self::LeftBehind(left) => {
                write!(f, "{} left at the deadline: {}", pods(left.len()), list(left))
            }
        }
    }
}

/// `1 is`, `2 are`: `who` are `number`.
fn be(who: &str, number: usize) -> String {
    let verb = if number == 1 { "is" } else { "are" };
    format!("{who} {verb}")
}

fn list<T: fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    items
        .into_iter()
        .map(|item| item.to_string())
        .collect::<Vec<_>>()
        .join(", ")
}
