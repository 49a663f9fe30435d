//! `node-drain`: drains the Kubernetes node of an instance that waits to be terminated, then lets it go.
//!
//! Each invocation reads from top to bottom: what to look at is decoded, and what is really there found, as every
//! function does it; then each instance is drained by rounds of observe, plan and apply ([`drain`], [`apply`])
//! until it is done or the invocation's time is up, and the report tells what happened. What remains is found
//! again by the next tick, because all state lives in Auto Scaling and on the Node.

mod apply;
mod drain;
mod finder;
#[cfg(test)]
mod tests;

use access::Connect;
use aws::autoscaling::{CompleteHook, DescribeGroups, DescribeHooks, RecordHeartbeat};
use aws::sqs::ParkMessage;
use domain::lifecycle::Transition;
use events::Event;
use function::{Enrolled, Found, Hint, RESERVE, Report, Tally, Work, inbox};
use runtime::clock::{Clock, Deadline};
use runtime::function::Invocation;
use runtime::lines::Lines;
use serde_json::Value;

pub use drain::Kubernetes;
use drain::Scope;
pub use function::{Failed, Hooked as Config};

/// The name under which logs, metrics and Events appear.
pub const SERVICE: &str = "node-drain";

/// What only this function counts.
mod counts {
    use function::Count;

    pub(crate) const NODES_CORDONED: Count = Count::new("NodesCordoned");
    pub(crate) const PODS_EVICTED: Count = Count::new("PodsEvicted");
    pub(crate) const EVICTIONS_REFUSED: Count = Count::new("EvictionsRefused");
    pub(crate) const PODS_LEFT_BEHIND: Count = Count::new("PodsLeftBehind");
}

/// The function and its ports.
pub struct NodeDrain<A, G, Q, C, L> {
    /// What the deployment says.
    pub config: Config,
    /// Auto Scaling.
    pub autoscaling: A,
    /// The way into the cluster.
    pub gate: G,
    /// Where messages that nobody can read are parked.
    pub dead_letters: Q,
    /// The time.
    pub clock: C,
    /// Where metrics are written.
    pub lines: L,
}

impl<A, G, Q, C, L> NodeDrain<A, G, Q, C, L>
where
    A: DescribeGroups + DescribeHooks + CompleteHook + RecordHeartbeat,
    G: Connect<Cluster: Kubernetes>,
    Q: ParkMessage,
    C: Clock,
    L: Lines,
{
    /// Handles one invocation: a batch of messages, or the tick.
    ///
    /// A batch answers which messages SQS shall deliver again; the tick fails when any part of the sweep did,
    /// after everything else was done, so that Lambda's error metric shows it.
    pub async fn handle(&self, event: Value, invocation: &Invocation) -> Result<Value, Failed> {
        let mut report = Report::new(SERVICE, &self.config, invocation);
        let deadline = invocation.deadline(RESERVE);
        let enrolled = Enrolled {
            autoscaling: &self.autoscaling,
            config: &self.config,
            transition: Transition::Terminating,
        };
        let answer = match inbox::decode(event, hint)? {
            Work::Sweep => {
                let found = enrolled.all().await;
                report
                    .tally
                    .add(self.work(found, Scope::Everything, deadline).await);
                report.worst().map_or(Ok(Value::Null), Err)
            }
            Work::Messages { hints, malformed } => {
                let dry_run = self.config.dry_run;
                let answer = inbox::park(&self.dead_letters, &malformed, dry_run, &mut report.tally).await;
                let found = enrolled.hinted(hints).await;
                report.tally.add(self.work(found, Scope::Hints, deadline).await);
                Ok(answer.to_value())
            }
        };
        report.flush(self.clock.now(), &self.lines);
        answer
    }

    /// Drains everything that was found, side by side: the waits overlap.
    async fn work(&self, found: Result<Found, Failed>, scope: Scope, deadline: Deadline) -> Tally {
        match found {
            Ok(found) => drain::all(self, found, scope, deadline).await,
            Err(failed) => {
                let mut tally = Tally::default();
                tally.fail(failed);
                tally
            }
        }
    }
}

/// Where an event of ours says to look.
fn hint(event: Event) -> Option<Hint> {
    match event {
        Event::Terminate(action) => Some(action.into()),
        Event::Launch(_)
        | Event::Ended(_)
        | Event::TagsChanged(_)
        | Event::Hours(_)
        | Event::Image(_)
        | Event::TestNotification => None,
    }
}
