//! `node-drain`: drains the Kubernetes node of an instance that waits to be terminated, then lets it go.
//!
//! Each invocation reads from top to bottom: [`decode`] says what to look at, [`targets`] what is really
//! there, then each instance is drained by rounds of observe, plan and apply ([`drain`], [`apply`]) until
//! it is done or the invocation's time is up, and [`report`] tells what happened. What remains is found
//! again by the next tick, because all state lives in Auto Scaling and on the Node.

mod apply;
mod config;
mod decode;
mod drain;
mod finder;
mod report;
mod targets;
#[cfg(test)]
mod tests;

use access::Connect;
use aws::autoscaling::{CompleteHook, DescribeGroups, DescribeHooks, RecordHeartbeat};
use aws::sqs::{ParkMessage, ParkedMessage};
use events::Malformed;
use jiff::SignedDuration;
use runtime::batch::{BatchResponse, Message};
use runtime::clock::{Clock, Deadline};
use runtime::function::Invocation;
use runtime::lines::Lines;
use serde_json::Value;

pub use config::Config;
use decode::Work;
pub use drain::Kubernetes;
pub use report::Failed;
use report::{Report, Tally};

/// The name under which logs and metrics appear.
pub const SERVICE: &str = "node-drain";

/// Time kept back of an invocation for the report: of Lambda's 60 s, 50 are worked.
const RESERVE: SignedDuration = SignedDuration::from_secs(10);

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
        let mut report = Report::new(&self.config, invocation);
        let answer = match decode::decode(event)? {
            Work::Sweep => {
                self.work(targets::of_sweep(self).await, invocation, &mut report)
                    .await;
                report.worst().map_or(Ok(Value::Null), Err)
            }
            Work::Messages { hints, malformed } => {
                let mut answer = BatchResponse::default();
                for (message, problem) in &malformed {
                    self.park(message, problem, &mut answer, &mut report.tally).await;
                }
                if !hints.is_empty() {
                    self.work(targets::of_hints(self, hints).await, invocation, &mut report)
                        .await;
                }
                Ok(answer.to_value())
            }
        };
        report.flush(self.clock.now(), &self.lines);
        answer
    }

    /// Drains everything that was found, side by side: the waits overlap.
    async fn work(
        &self,
        found: Result<targets::Found, Failed>,
        invocation: &Invocation,
        report: &mut Report,
    ) {
        let deadline: Deadline = invocation.deadline(RESERVE);
        match found {
            Ok(mut found) => {
                report.tally.aws_calls += found.aws_calls;
                report.failures.append(&mut found.failures);
                let ended = drain::all(self, found, deadline).await;
                report.tally.add(&ended.tally);
                report.failures.extend(ended.failures);
            }
            Err(failed) => report.failures.push(failed),
        }
    }

    /// Puts a message aside, once. If even that fails, SQS keeps it and delivers it again.
    async fn park(
        &self,
        message: &Message,
        problem: &Malformed,
        answer: &mut BatchResponse,
        tally: &mut Tally,
    ) {
        let reason = problem.to_string();
        tracing::error!(
            message_id = message.message_id,
            reason,
            "message can't be read and is parked"
        );
        tally.messages_malformed += 1;
        if self.config.dry_run {
            answer.retry(message.message_id.as_str());
            return;
        }
        tally.aws_calls += 1;
        let parked = ParkedMessage {
            message_id: &message.message_id,
            body: &message.body,
            reason: &reason,
        };
        if let Err(error) = self.dead_letters.park(&parked).await {
            let error = runtime::error::chain(&error);
            tracing::error!(
                message_id = message.message_id,
                error,
                "message can't be parked; it stays in its queue"
            );
            answer.retry(message.message_id.as_str());
        }
    }
}
