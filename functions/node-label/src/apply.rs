//! The steps of a plan, carried out. Each can be repeated: what a crash left undone, the next round does.

use std::hash::{DefaultHasher, Hasher as _};

use aws::autoscaling::{CompleteHook, RecordHeartbeat};
use domain::ids::NodeName;
use domain::label::{Finish, Notice, Step, Write};
use domain::lifecycle::{Completion, HookResult};
use domain::node::Node;
use function::rounds::Went;
use function::{Failed, Tally, hook};
use jiff::{SignedDuration, Timestamp};
use kubernetes::{NodeEvent, Severity};
use runtime::clock::Clock;

use crate::rounds::Kubernetes;
use crate::targets::Target;
use crate::view::View;
use crate::{SERVICE, counts};

/// How often a write is tried against others who write to the node at the same moment.
const WRITE_TRIES: u32 = 5;

/// Between two tries: as long as a request takes, and not the same for everybody.
const BETWEEN_TRIES_MS: u64 = 40;

/// What a plan is carried out with.
pub(crate) struct Bench<'a, A, K, C> {
    pub(crate) autoscaling: &'a A,
    pub(crate) cluster: &'a K,
    pub(crate) clock: &'a C,
    pub(crate) view: &'a View,
}

impl<A, K, C> Bench<'_, A, K, C>
where
    A: CompleteHook + RecordHeartbeat,
    K: Kubernetes,
    C: Clock,
{
    /// Carries the steps out, in order. The first one that fails ends the round, except that telling people and
    /// telling Auto Scaling must not keep a node from its labels. `seen` collects nodes as they are now.
    pub(crate) async fn apply(
        &self,
        target: &mut Target,
        steps: Vec<Step>,
        seen: &mut Vec<Node>,
        tally: &mut Tally,
    ) -> Result<Went, Failed> {
        for step in steps {
            match step {
                Step::Heartbeat => self.heartbeat(target, tally).await,
                Step::Write(write) => {
                    if self.write(*write, seen, tally).await? == Went::Stale {
                        return Ok(Went::Stale);
                    }
                }
                Step::Tell(nodes, notice) => {
                    self.tell_on(&nodes, &notice, tally).await;
                    target.progress.told = true;
                }
                Step::Complete(result, finish) => self.complete(target, result, &finish, tally).await?,
            }
        }
        Ok(Went::On)
    }

    async fn heartbeat(&self, target: &mut Target, tally: &mut Tally) {
        match hook::heartbeat(self.autoscaling, &target.instance, tally).await {
            Ok(()) => target.progress.heartbeat = Some(self.clock.now()),
            Err(failed) => tally.fail(failed),
        }
    }

    /// Writes the one patch. A conflict means that somebody else wrote to the node: it is read again, and what it
    /// lacks then is written.
    async fn write(&self, mut write: Write, seen: &mut Vec<Node>, tally: &mut Tally) -> Result<Went, Failed> {
        for tried in 1..=WRITE_TRIES {
            let name = write.node.name.clone();
            match self.cluster.patch_node(&name, &write.change.patch()).await {
                Ok(now) => {
                    tracing::info!(node = %name, change = %write.change, "written");
                    tally.one(counts::NODES_WRITTEN);
                    self.tell_refused(&now, write, tally).await;
                    seen.push(now);
                    return Ok(Went::On);
                }
                Err(error) if error.is_conflict() || error.is_not_found() => {
                    tracing::debug!(node = %name, tried, "the node has changed");
                    self.clock.sleep(jitter(&name, tried)).await;
                    let Some(now) = self.cluster.node(&name).await? else {
                        return Ok(Went::Stale);
                    };
                    let again = write.again(&now);
                    seen.push(now);
                    match again {
                        Some(again) => write = again,
                        None => return Ok(Went::Stale),
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Went::Stale)
    }

    async fn tell_refused(&self, node: &Node, write: Write, tally: &mut Tally) {
        let problems = write.change.to_tell;
        if problems.is_empty() {
            return;
        }
        for problem in &problems {
            tracing::warn!(node = %node.name, %problem, "not set");
        }
        tally.count(counts::LABELS_REFUSED, problems.len() as u64);
        self.tell(node, &Notice::Refused(problems), tally).await;
    }

    async fn tell_on(&self, nodes: &[NodeName], notice: &Notice, tally: &mut Tally) {
        if let Notice::Doubt(doubt) = notice {
            tracing::error!(%doubt, "nothing is written");
            tally.one(counts::NODES_IN_DOUBT);
        }
        for node in nodes.iter().filter_map(|name| self.view.node(name)) {
            self.tell(node, notice, tally).await;
        }
    }

    async fn tell(&self, node: &Node, notice: &Notice, tally: &mut Tally) {
        match self
            .cluster
            .record(node_event(node, notice, self.clock.now()))
            .await
        {
            Err(error) if !is_known(notice, &error) => {
                let failed = Failed::from(error);
                tracing::error!(node = %node.name, error = failed.message, "people can't be told");
                tally.fail(failed);
            }
            Ok(()) | Err(_) => {}
        }
    }

    async fn complete(
        &self,
        target: &mut Target,
        result: HookResult,
        finish: &Finish,
        tally: &mut Tally,
    ) -> Result<(), Failed> {
        let answered = target.progress.completion;
        let completed = hook::complete(self.autoscaling, &target.instance, result, answered, tally);
        target.progress.completion = completed.await?;
        if target.progress.completion != Some(Completion::Completed) {
            return Ok(());
        }
        let result = result.as_str();
        if let Finish::TimedOut(_) = finish {
            tracing::error!(result, "hook completed: {finish}");
            tally.one(counts::LAUNCHES_TIMED_OUT);
        } else {
            tracing::info!(result, "hook completed: {finish}");
        }
        Ok(())
    }
}

/// How long to wait before the try after `tried`: a little longer each time, and differently for each node.
fn jitter(node: &NodeName, tried: u32) -> SignedDuration {
    let spread = hash(&(node.as_str(), tried)) % BETWEEN_TRIES_MS;
    let pause = BETWEEN_TRIES_MS * u64::from(tried) + spread;
    SignedDuration::from_millis(i64::try_from(pause).unwrap_or_default())
}

fn hash(what: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// Whether people were told already: see [`told_at`].
fn is_known(notice: &Notice, error: &kubernetes::Error) -> bool {
    !matches!(notice, Notice::Refused(_)) && error.is_conflict()
}

fn node_event<'a>(node: &'a Node, notice: &Notice, now: Timestamp) -> NodeEvent<'a> {
    let reason = match notice {
        Notice::Refused(_) => "LabelsRefused",
        Notice::Doubt(_) => "NodeInDoubt",
        Notice::TimedOut(..) => "NotReadyInTime",
    };
    NodeEvent {
        component: SERVICE,
        action: "Label",
        node,
        severity: Severity::Warning,
        reason,
        note: notice.to_string(),
        at: told_at(notice, now),
    }
}

/// The time of the Event. What is refused is told once, for the node says that people know of it. A doubt lasts, and so
/// does a launch that can't be ended, and there nothing is written on the node. But an Event is named by its node and
/// its time, and no two have one name: so each of them has one time an hour, and the second telling of that hour is
/// refused.
fn told_at(notice: &Notice, now: Timestamp) -> Timestamp {
    if let Notice::Refused(_) = notice {
        return now;
    }
    let hour = now.as_second() - now.as_second().rem_euclid(3600);
    let nanosecond = i32::try_from(hash(&notice.to_string()) % 1_000_000_000).unwrap_or_default();
    Timestamp::new(hour, nanosecond).unwrap_or(now)
}
