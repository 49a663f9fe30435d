//! The steps of a plan, carried out. Each can be repeated: what a crash left undone, the next round does.

use aws::autoscaling::{CompleteHook, RecordHeartbeat};
use domain::drain::{Answer, Finish, Mark, Notice, Pod, Refusal, Step};
use domain::lifecycle::{Completion, HookResult};
use domain::node::Node;
use function::rounds::Went;
use function::{Failed, hook};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use kubernetes::{NodeEvent, Severity};
use runtime::clock::Clock;

use crate::drain::{Drain, Kubernetes};
use crate::{SERVICE, counts};

/// How often the cordon is tried against others who write to the node at the same moment.
const CORDON_TRIES: u32 = 5;

impl<A, K, C> Drain<'_, A, K, C>
where
    A: CompleteHook + RecordHeartbeat,
    K: Kubernetes,
    C: Clock,
{
    /// Carries the steps out, in order. The first one that fails ends the round, except that telling people
    /// and telling Auto Scaling must not keep a pod from its eviction.
    pub(crate) async fn apply(&mut self, steps: Vec<Step>) -> Result<Went, Failed> {
        for step in steps {
            match step {
                Step::Heartbeat => self.heartbeat().await,
                Step::Cordon(mark) => {
                    if self.cordon(&mark).await? == Went::Stale {
                        return Ok(Went::Stale);
                    }
                }
                Step::Evict(pods) => self.evict(&pods).await?,
                Step::Tell(notice) => self.tell(&notice).await,
                Step::Complete(finish) => self.complete(&finish).await?,
                Step::Remember(mark) => self.remember(&mark).await,
            }
        }
        Ok(Went::On)
    }

    async fn heartbeat(&mut self) {
        match hook::heartbeat(self.bench.autoscaling, &self.target, &mut self.tally).await {
            Ok(()) => self.progress.heartbeat = Some(self.bench.clock.now()),
            Err(failed) => self.tally.fail(failed),
        }
    }

    /// Writes the one patch. A conflict means that somebody else wrote to the node, a kubelet's heartbeat as a
    /// rule: it is read again and patched again. If it was another worker that cordoned it, that one works on.
    async fn cordon(&mut self, mark: &Mark) -> Result<Went, Failed> {
        for _ in 0..CORDON_TRIES {
            let Some(node) = self.node.take() else { break };
            let turn = self.bench.in_flight.acquire().await;
            let patched = self
                .bench
                .cluster
                .patch_node(&node.name, &node.cordon_patch(mark))
                .await;
            drop(turn);
            match patched {
                Ok(now) => {
                    tracing::info!(node = %now.name, deadline = %mark.deadline, "cordoned");
                    self.tally
                        .count(counts::NODES_CORDONED, u64::from(!node.is_cordoned()));
                    self.progress.began |= node.mark().as_ref() != Some(mark);
                    self.node = Some(now);
                    return Ok(Went::On);
                }
                Err(error) if error.is_conflict() || error.is_not_found() => {
                    tracing::debug!(node = %node.name, "the node has changed");
                    let now = self.bench.cluster.node(&node.name).await;
                    self.node = now.map_err(Failed::from)?;
                    if self.node.is_none() {
                        self.bench.finder.forget(&self.target.instance).await;
                        self.lost = Some(node.name);
                        break;
                    }
                    if self.node.as_ref().is_some_and(|now| now.mark() != node.mark()) {
                        break;
                    }
                }
                Err(error) => {
                    self.node = Some(node);
                    return Err(error.into());
                }
            }
        }
        Ok(Went::Stale)
    }

    /// Asks all pods at once, as far as the invocation's share of the API server allows. An answer about one
    /// pod says nothing of the others.
    async fn evict(&mut self, pods: &[Pod]) -> Result<(), Failed> {
        let bench = self.bench;
        let mut answers: FuturesUnordered<_> = pods
            .iter()
            .map(|pod| async move {
                let _turn = bench.in_flight.acquire().await;
                (pod, bench.cluster.evict(pod).await)
            })
            .collect();
        let mut failed = None;
        while let Some((pod, answer)) = answers.next().await {
            let node = self.node.as_ref().map(|node| node.name.as_str());
            match answer {
                Ok(Answer::Accepted) => {
                    tracing::info!(node, pod = %pod.key, pod_uid = pod.uid.as_str(), "evicted");
                    self.tally.one(counts::PODS_EVICTED);
                    self.progress.refusals.remove(&pod.uid);
                }
                // The next look shows the same.
                Ok(answer @ (Answer::Gone | Answer::Replaced)) => {
                    tracing::debug!(node, pod = %pod.key, ?answer, "not evicted");
                }
                Ok(Answer::Refused(refusal)) => {
                    let refused = refused(node, pod, &refusal);
                    self.tally.one(counts::EVICTIONS_REFUSED);
                    let again = refusal.retry_at(bench.clock.now());
                    self.progress.refusals.insert(pod.uid.clone(), (refusal, again));
                    failed = failed.or(refused);
                }
                Err(error) => failed = failed.or(Some(error.into())),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    async fn tell(&mut self, notice: &Notice) {
        let Some(node) = &self.node else { return };
        let event = node_event(node, notice, self.bench.clock.now());
        match notice {
            Notice::HeldBack(_) => self.progress.told_of_refusals = true,
            Notice::Drained | Notice::LeftBehind(_) => self.progress.told_of_end = true,
            Notice::Draining { .. } => {}
        }
        let turn = self.bench.in_flight.acquire().await;
        let recorded = self.bench.cluster.record(event).await;
        drop(turn);
        if let Err(error) = recorded {
            let failed = Failed::from(error);
            tracing::error!(node = %node.name, error = failed.message, "people can't be told");
            self.tally.fail(failed);
        }
    }

    async fn complete(&mut self, finish: &Finish) -> Result<(), Failed> {
        let (autoscaling, answered) = (self.bench.autoscaling, self.progress.completion);
        let completed = hook::complete(
            autoscaling,
            &self.target,
            HookResult::Continue,
            answered,
            &mut self.tally,
        );
        self.progress.completion = completed.await?;
        if self.progress.completion == Some(Completion::Completed) {
            let node = self.node_name();
            if let Finish::DeadlinePassed(left) = finish {
                let pods = left.len();
                tracing::error!(node, pods, "hook completed at its deadline: {finish}");
                self.tally.count(counts::PODS_LEFT_BEHIND, pods as u64);
            } else {
                tracing::info!(node, "hook completed: {finish}");
            }
        }
        Ok(())
    }

    /// Writes down that our hook is completed. Where that fails, the next tick completes it once more.
    async fn remember(&mut self, mark: &Mark) {
        let Some(node) = &self.node else { return };
        let patched = self
            .bench
            .cluster
            .patch_node(&node.name, &node.mark_patch(mark))
            .await;
        match patched {
            Ok(now) => self.node = Some(now),
            Err(error) => {
                let failed = Failed::from(error);
                tracing::warn!(node = %node.name, error = failed.message, "not remembered");
            }
        }
    }
}

/// Says why a pod stays. Only a missing permission is a failure; all else is the cluster doing its work.
fn refused(node: Option<&str>, pod: &Pod, refusal: &Refusal) -> Option<Failed> {
    if let Refusal::Forbidden { message } = refusal {
        return Some(Failed::permanent(format!("evict pod {}: {message}", pod.key)).of_cluster());
    }
    tracing::warn!(node, pod = %pod.key, "not evicted: {refusal}");
    None
}

fn node_event<'a>(node: &'a Node, notice: &Notice, at: jiff::Timestamp) -> NodeEvent<'a> {
    let (severity, reason) = match notice {
        Notice::Draining { .. } => (Severity::Normal, "Draining"),
        Notice::HeldBack(_) => (Severity::Warning, "DrainBlocked"),
        Notice::Drained => (Severity::Normal, "Drained"),
        Notice::LeftBehind(_) => (Severity::Warning, "DrainDeadlinePassed"),
    };
    NodeEvent {
        component: SERVICE,
        action: "Drain",
        node,
        severity,
        reason,
        note: notice.to_string(),
        at,
    }
}
