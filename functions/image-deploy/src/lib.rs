//! `image-deploy`: deploys what is pushed to ECR, by each workload's own policy, and takes back what does not get well.
//!
//! Each invocation reads from top to bottom: what it is asked is decoded; the workloads that take part are found
//! ([`look`]); for each a plan is made, with whatever it asks of registries, pods and nodes ([`answers`]); the plan is
//! carried out ([`apply`]), and again while a rollout is under way ([`rounds`]), until everything is settled or the
//! invocation's time is up; and people are told ([`tell`]). What remains is found again by the next tick, because all
//! state lives in annotations of the workloads.

mod answers;
mod apply;
mod config;
pub mod look;
mod pace;
mod rounds;
mod tell;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use access::Connect;
use aws::ecr::{DescribeImages, GetLifecyclePolicy, ReadPlatforms};
use aws::eventbridge::PutEvents;
use aws::sqs::ParkMessage;
use domain::image::Repository;
use events::{Event, ImageAction};
use function::{RESERVE, Report, Work, inbox};
use kubernetes::{
    CountCalls, GetImageWorkload, ListFamilies, ListImageWorkloads, ListNodes, PatchImages,
    RecordWorkloadEvent,
};
use runtime::clock::Clock;
use runtime::function::Invocation;
use runtime::lines::Lines;
use serde_json::Value;

pub use config::Config;
pub use function::Failed;
use look::Why;
pub use look::{Subject, View};
pub use pace::Pace;

/// The name under which logs, metrics and events appear.
pub const SERVICE: &str = "image-deploy";

/// What only this function counts.
mod counts {
    use function::Count;

    /// Times that new images were written to a workload.
    pub(crate) const DEPLOYED: Count = Count::new("ImagesDeployed");
    /// Rollouts that were good.
    pub(crate) const VERIFIED: Count = Count::new("RolloutsVerified");
    /// Rollouts that failed, taken back or not.
    pub(crate) const FAILED: Count = Count::new("RolloutsFailed");
    /// Rollouts that failed and were taken back.
    pub(crate) const ROLLED_BACK: Count = Count::new("RollbacksMade");
    /// Rollouts that are judged later, because no pods are wanted.
    pub(crate) const DEFERRED: Count = Count::new("RolloutsDeferred");
    /// Workloads for which a better image is there, and is held back.
    pub(crate) const HELD: Count = Count::new("CandidatesHeld");
    /// Workloads of which something can't be read.
    pub(crate) const REFUSED: Count = Count::new("ImageSettingsRefused");
    /// Workloads whose image is no longer in its repository.
    pub(crate) const VANISHED: Count = Count::new("ImagesVanished");
}

/// All that a registry does for us.
pub trait Registry: DescribeImages + ReadPlatforms + GetLifecyclePolicy {}
impl<R: DescribeImages + ReadPlatforms + GetLifecyclePolicy> Registry for R {}

/// All that a cluster does for us.
pub trait Kubernetes:
    ListImageWorkloads
    + GetImageWorkload
    + ListFamilies
    + ListNodes
    + PatchImages
    + RecordWorkloadEvent
    + CountCalls
{
}
impl<K> Kubernetes for K where
    K: ListImageWorkloads
        + GetImageWorkload
        + ListFamilies
        + ListNodes
        + PatchImages
        + RecordWorkloadEvent
        + CountCalls
{
}

/// The function and its ports.
pub struct ImageDeploy<R, G, P, Q, C, L> {
    /// What the deployment says.
    pub config: Config,
    /// The registries.
    pub registry: R,
    /// The way into the cluster.
    pub gate: G,
    /// Who is told.
    pub bus: P,
    /// Where messages that nobody can read are parked.
    pub dead_letters: Q,
    /// The time.
    pub clock: C,
    /// Where metrics are written.
    pub lines: L,
}

impl<R, G, P, Q, C, L> ImageDeploy<R, G, P, Q, C, L>
where
    R: Registry,
    G: Connect<Cluster: Kubernetes>,
    P: PutEvents,
    Q: ParkMessage,
    C: Clock,
    L: Lines,
{
    /// Handles one invocation: the tick, or a batch of events.
    ///
    /// A batch answers which messages SQS shall deliver again; a tick fails when any part of the work did, after
    /// everything else was done, so that Lambda's error metric shows it.
    pub async fn handle(&self, event: Value, invocation: &Invocation) -> Result<Value, Failed> {
        let mut report = Report::new(SERVICE, &self.config.common, invocation);
        let deadline = invocation.deadline(RESERVE);
        let answer = match inbox::decode(event, hint)? {
            Work::Sweep => {
                report.tally.add(self.deploy(&Why::Tick, deadline).await);
                report.worst().map_or(Ok(Value::Null), Err)
            }
            Work::Messages { hints, malformed } => {
                let dry_run = self.config.common.dry_run;
                let answer = inbox::park(&self.dead_letters, &malformed, dry_run, &mut report.tally).await;
                let changed = changed(hints);
                if !changed.is_empty() {
                    report
                        .tally
                        .add(self.deploy(&Why::Events(changed), deadline).await);
                }
                Ok(answer.to_value())
            }
        };
        report.flush(self.clock.now(), &self.lines);
        answer
    }
}

/// The repositories that changed, whatever else the events say. Many events of one push come to one look.
fn changed(actions: Vec<ImageAction>) -> BTreeMap<Repository, String> {
    let mut changed = BTreeMap::new();
    for action in actions {
        let (repository, event) = (&action.repository, &action.event);
        let tag = action.tag.as_ref().map(ToString::to_string);
        if action.is_worth_a_look() {
            tracing::info!(%repository, event, tag, action = ?action.action, "a repository changed");
            changed.entry(action.repository).or_insert(action.event);
        } else {
            tracing::debug!(%repository, event, tag, outcome = ?action.outcome, "nothing that could be deployed");
        }
    }
    changed
}

/// What an event of ours says.
fn hint(event: Event) -> Option<ImageAction> {
    match event {
        Event::Image(action) => Some(action),
        Event::Launch(_)
        | Event::Terminate(_)
        | Event::Ended(_)
        | Event::TagsChanged(_)
        | Event::Hours(_)
        | Event::TestNotification => None,
    }
}
