//! `node-label`: labels and taints the nodes of machines that join, and lets them serve when they are ready. The
//! nodes that serve it keeps as the tags of their groups say.
//!
//! Each invocation reads from top to bottom: what to look at is decoded, and what is really there found
//! ([`targets`]); then everything is looked at together, in rounds ([`rounds`]) of observe ([`view`]), plan and
//! apply ([`apply`]), until nothing waits any more or the invocation's time is up, and the report tells what
//! happened. What remains is found again by the next tick, because all state lives in Auto Scaling and on the Node.

mod apply;
mod config;
mod rounds;
mod targets;
#[cfg(test)]
mod tests;
mod view;

use access::Connect;
use aws::autoscaling::{CompleteHook, DescribeGroups, DescribeHooks, RecordHeartbeat};
use aws::sqs::ParkMessage;
use aws_ec2::DescribeMachines;
use domain::lifecycle::Transition;
use function::{Enrolled, RESERVE, Report, Tally, Work, inbox};
use runtime::clock::{Clock, Deadline};
use runtime::function::Invocation;
use runtime::lines::Lines;
use serde_json::Value;

pub use config::Config;
pub use function::Failed;
pub use rounds::Kubernetes;
use targets::{Target, hint};

/// The name under which logs, metrics and Events appear.
pub const SERVICE: &str = "node-label";

/// What only this function counts.
mod counts {
    use function::Count;

    /// Nodes on which something was written.
    pub(crate) const NODES_WRITTEN: Count = Count::new("NodesLabelled");
    /// Labels and taints that could not be set, when people are told of them.
    pub(crate) const LABELS_REFUSED: Count = Count::new("LabelsRefused");
    /// Machines of which it can't be told which node is theirs.
    pub(crate) const NODES_IN_DOUBT: Count = Count::new("NodesInDoubt");
    /// Machines in service for which no node has come.
    pub(crate) const NODES_MISSING: Count = Count::new("NodesMissing");
    /// Machines that were not ready in time.
    pub(crate) const LAUNCHES_TIMED_OUT: Count = Count::new("LaunchesTimedOut");
}

/// The function and its ports.
pub struct NodeLabel<A, E, G, Q, C, L> {
    /// What the deployment says.
    pub config: Config,
    /// Auto Scaling.
    pub autoscaling: A,
    /// EC2.
    pub ec2: E,
    /// The way into the cluster.
    pub gate: G,
    /// Where messages that nobody can read are parked.
    pub dead_letters: Q,
    /// The time.
    pub clock: C,
    /// Where metrics are written.
    pub lines: L,
}

impl<A, E, G, Q, C, L> NodeLabel<A, E, G, Q, C, L>
where
    A: DescribeGroups + DescribeHooks + CompleteHook + RecordHeartbeat,
    E: DescribeMachines,
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
        let mut report = Report::new(SERVICE, &self.config.common, invocation);
        let deadline = invocation.deadline(RESERVE);
        let enrolled = Enrolled {
            autoscaling: &self.autoscaling,
            config: &self.config.common,
            transition: Transition::Launching,
        };
        let answer = match inbox::decode(event, hint)? {
            Work::Sweep => {
                let found = vec![enrolled.all().await.map(targets::whole)];
                report.tally.add(self.work(found, deadline).await);
                report.worst().map_or(Ok(Value::Null), Err)
            }
            Work::Messages { hints, malformed } => {
                let dry_run = self.config.common.dry_run;
                let answer = inbox::park(&self.dead_letters, &malformed, dry_run, &mut report.tally).await;
                let (launches, groups) = targets::sorted(hints);
                let found = vec![
                    enrolled.hinted(launches).await.map(targets::waiting),
                    enrolled.named(&groups).await.map(targets::whole),
                ];
                report.tally.add(self.work(found, deadline).await);
                Ok(answer.to_value())
            }
        };
        report.flush(self.clock.now(), &self.lines);
        answer
    }

    /// Looks at everything that was found, side by side: the waits overlap.
    async fn work(&self, found: Vec<Result<(Tally, Vec<Target>), Failed>>, deadline: Deadline) -> Tally {
        let mut tally = Tally::default();
        let mut all = Vec::new();
        for part in found {
            match part {
                Ok((cost, targets)) => {
                    tally.add(cost);
                    all.extend(targets);
                }
                Err(failed) => tally.fail(failed),
            }
        }
        if !all.is_empty() {
            let rounds = rounds::all(self, targets::each_once(all), deadline, &mut tally);
            Box::pin(rounds).await; // the state of many conversations is large
        }
        tally
    }
}
