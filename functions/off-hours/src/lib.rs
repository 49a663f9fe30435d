//! `off-hours`: puts to sleep what nobody needs at night, and wakes it exactly as it was.
//!
//! Each invocation reads from top to bottom: what it is asked is decoded; what a person told us is written down
//! ([`journal`]); who holds the lease looks at everything ([`look`]), plans, and carries the plan out ([`apply`]), in rounds
//! ([`rounds`]), until everything is as it is to be or the invocation's time is up; and the report tells what happened. What
//! remains is found again by the next tick, because all state lives in the bucket and on the resources.

mod apply;
mod config;
pub mod journal;
pub mod look;
mod rounds;
mod tell;
#[cfg(test)]
mod tests;

use access::Connect;
use aws::autoscaling::{DescribeGroups, ResizeGroup, TagGroup};
use aws::eks::{DescribeNodegroups, ResizeNodegroup, TagNodegroup};
use aws::eventbridge::PutEvents;
use aws::rds::{DescribeDatabases, StartDatabase, StopDatabase, TagDatabase};
use aws::sqs::ParkMessage;
use domain::offhours::Request;
use events::{Event, HoursRequest};
use function::{RESERVE, Report, Tally, Work, inbox};
use kubernetes::{
    CountCalls, CountPods, ListNamespaces, ListNodes, ListWorkloads, PatchWorkload, RecordWorkloadEvent,
};
use runtime::clock::Clock;
use runtime::function::Invocation;
use runtime::lines::Lines;
use serde_json::{Value, json};

pub use config::Config;
pub use function::Failed;
use journal::{Journal, Objects};
pub use rounds::{Look, WayIn};

/// The name under which logs, metrics and events appear.
pub const SERVICE: &str = "off-hours";

/// What only this function counts.
mod counts {
    use function::Count;

    /// Sizes that were saved.
    pub(crate) const SIZES_SAVED: Count = Count::new("SizesSaved");
    /// Resources that were resized.
    pub(crate) const RESIZED: Count = Count::new("ResourcesResized");
    /// Resources that are asleep.
    pub(crate) const ASLEEP: Count = Count::new("ResourcesAsleep");
    /// Resources that do not move although they should.
    pub(crate) const STUCK: Count = Count::new("StuckResources");
    /// Resources that would have to wake, to a size that nobody knows.
    pub(crate) const UNKNOWN_SIZES: Count = Count::new("UnknownSizes");
    /// Resources that something brought back at night, and that were put to sleep again.
    pub(crate) const REVERTED: Count = Count::new("ResourcesReverted");
    /// Resources that a delivery tool brings back each time, so that we gave up.
    pub(crate) const DRIFT: Count = Count::new("DriftReverts");
    /// Resources about which something is said that can't be read.
    pub(crate) const REFUSED: Count = Count::new("SettingsRefused");
}

/// All that Auto Scaling does for us.
pub trait Groups: DescribeGroups + ResizeGroup + TagGroup {}
impl<A: DescribeGroups + ResizeGroup + TagGroup> Groups for A {}

/// All that EKS does for us.
pub trait Nodegroups: DescribeNodegroups + ResizeNodegroup + TagNodegroup {}
impl<E: DescribeNodegroups + ResizeNodegroup + TagNodegroup> Nodegroups for E {}

/// All that RDS does for us.
pub trait Databases: DescribeDatabases + StartDatabase + StopDatabase + TagDatabase {}
impl<D: DescribeDatabases + StartDatabase + StopDatabase + TagDatabase> Databases for D {}

/// All that a cluster does for us.
pub trait Kubernetes:
    ListNamespaces + ListWorkloads + CountPods + ListNodes + PatchWorkload + RecordWorkloadEvent + CountCalls
{
}
impl<K> Kubernetes for K where
    K: ListNamespaces
        + ListWorkloads
        + CountPods
        + ListNodes
        + PatchWorkload
        + RecordWorkloadEvent
        + CountCalls
{
}

/// The function and its ports.
pub struct OffHours<A, E, D, G, B, P, Q, C, L> {
    /// What the deployment says.
    pub config: Config,
    /// Auto Scaling.
    pub autoscaling: A,
    /// EKS.
    pub eks: E,
    /// RDS.
    pub rds: D,
    /// The way into the cluster.
    pub gate: G,
    /// Where sizes are saved.
    pub bucket: B,
    /// Who is told.
    pub bus: P,
    /// Where messages that nobody can read are parked.
    pub dead_letters: Q,
    /// The time.
    pub clock: C,
    /// Where metrics are written.
    pub lines: L,
}

impl<A, E, D, G, B, P, Q, C, L> OffHours<A, E, D, G, B, P, Q, C, L>
where
    A: Groups,
    E: Nodegroups,
    D: Databases,
    G: Connect<Cluster: Kubernetes>,
    B: Objects,
    P: PutEvents,
    Q: ParkMessage,
    C: Clock,
    L: Lines,
{
    /// Handles one invocation: the tick, an edge of a schedule, or a batch of requests.
    ///
    /// A batch answers which messages SQS shall deliver again; a tick or an edge fails when any part of the work did,
    /// after everything else was done, so that Lambda's error metric shows it.
    pub async fn handle(&self, event: Value, invocation: &Invocation) -> Result<Value, Failed> {
        let mut report = Report::new(SERVICE, &self.config.common, invocation);
        let deadline = invocation.deadline(RESERVE);
        let answer = if is_edge(&event) {
            report
                .tally
                .add(self.converge(Why::Asked, invocation, deadline).await);
            report.worst().map_or(Ok(Value::Null), Err)
        } else {
            match inbox::decode(event, hint)? {
                Work::Sweep => {
                    report
                        .tally
                        .add(self.converge(Why::Tick, invocation, deadline).await);
                    report.worst().map_or(Ok(Value::Null), Err)
                }
                Work::Messages { hints, malformed } => {
                    let dry_run = self.config.common.dry_run;
                    let answer =
                        inbox::park(&self.dead_letters, &malformed, dry_run, &mut report.tally).await;
                    let heard = self.hear(hints).await;
                    let failed = heard.failures().first().cloned();
                    report.tally.add(heard);
                    report
                        .tally
                        .add(self.converge(Why::Asked, invocation, deadline).await);
                    // What could not be written down would be lost: the batch comes again.
                    failed.map_or(Ok(answer.to_value()), Err)
                }
            }
        };
        report.flush(self.clock.now(), &self.lines);
        answer
    }

    /// Writes down what people asked for, whoever holds the lease: it is found there at the next look.
    async fn hear(&self, requests: Vec<HoursRequest>) -> Tally {
        let mut tally = Tally::default();
        let common = &self.config.common;
        let journal = Journal::new(&self.bucket, &common.cluster);
        for asked in requests {
            let (request, dry_run) = (json!(format!("{:?}", asked.request)), common.dry_run);
            if asked.cluster != common.cluster {
                tracing::info!(cluster = %asked.cluster, "the request is for another cluster");
                continue;
            }
            tracing::info!(%request, dry_run, "asked");
            if dry_run {
                continue;
            }
            if let Err(failed) = write_down(&journal, &asked.request, &mut tally).await {
                tracing::error!(%request, error = failed.message, "the request can't be written down");
                tally.fail(failed);
            }
        }
        tally
    }
}

async fn write_down<B: Objects>(
    journal: &Journal<'_, B>,
    request: &Request,
    tally: &mut Tally,
) -> Result<(), Failed> {
    match request {
        Request::Look => {}
        Request::Set(told) => {
            for one in told {
                journal.tell(one, tally).await?;
            }
        }
        Request::Release(resources) => {
            for one in resources {
                journal.release(one.as_ref(), tally).await?;
            }
        }
    }
    Ok(())
}

/// Why an invocation looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// A tick, of which not each looks.
    Tick,
    /// Somebody asked: an edge of a schedule, a request.
    Asked,
}

/// Whether a schedule of the stack says that one of its edges is there. Which one does not matter.
fn is_edge(event: &Value) -> bool {
    event["edge"].is_string()
}

/// What an event of ours asks for.
fn hint(event: Event) -> Option<HoursRequest> {
    match event {
        Event::Hours(asked) => Some(asked),
        Event::Launch(_)
        | Event::Terminate(_)
        | Event::Ended(_)
        | Event::TagsChanged(_)
        | Event::Image(_)
        | Event::TestNotification => None,
    }
}
