//! The decision: what to do next about one instance.

use jiff::{SignedDuration, Timestamp};

use super::{Cause, Cluster, Disposition, Mark, Observation, Pod, PodKey, Refusal};
use crate::hook::{HookView, Proof, Wait};
use crate::ids::HookName;
use crate::lifecycle::LifecycleState;
use crate::node::Node;
use crate::time::later;

/// No drain ends sooner after its cordon: a scheduler that has not yet seen the cordon may bind a pod in
/// these seconds, and the next look catches it. Karpenter waits as long.
const MIN_DRAIN: SignedDuration = SignedDuration::from_secs(5);

/// How long the invocation that began a drain works on it. Until then it alone asks pods to leave: two of them, of
/// an event and of the tick, would ask a pod that a budget holds back twice as often as it may be asked.
const BEGINNER_WORKS: SignedDuration = SignedDuration::from_secs(50);

/// A mark whose deadline is this long past belongs to an earlier wait: the instance would be gone by now.
const STALE_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// How soon to look again, at the most and at the least often: pods that leave at once are seen to be gone at
/// once, and one that takes its minute costs few requests.
const LOOK_SOONEST: SignedDuration = SignedDuration::from_secs(1);
const LOOK_LATEST: SignedDuration = SignedDuration::from_secs(5);

/// What to do, in this order, and when to look again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The steps. Each can be repeated; when one fails, the rest are left for the next look.
    pub steps: Vec<Step>,
    /// What comes after.
    pub then: Then,
}

/// One effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Tell Auto Scaling that we still work.
    Heartbeat,
    /// Apply [`Node::cordon_patch`] with this mark.
    Cordon(Mark),
    /// Ask these pods to leave; the order does not matter.
    Evict(Vec<Pod>),
    /// Tell people, by an Event on the node.
    Tell(Notice),
    /// End the wait, with CONTINUE.
    Complete(Finish),
    /// Apply [`Node::mark_patch`] with this mark.
    Remember(Mark),
}

/// Why the wait ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finish {
    /// Every pod that had to leave has left.
    Drained,
    /// No node runs on the instance.
    NoNode,
    /// AWS would end the wait within a minute; these pods are left.
    DeadlinePassed(Vec<PodKey>),
}

/// What comes after the steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// Nothing is left to do for us; why.
    Done(Outcome),
    /// Look again.
    LookAgain {
        /// How long from now.
        after: SignedDuration,
        /// What for.
        waiting: Waiting,
    },
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The instance is past our hook, or never was at it.
    NotWaiting(LifecycleState),
    /// The instance is no more.
    Gone,
    /// Our hook is completed; the instance waits for the hooks of others.
    OthersWait(Vec<HookName>),
}

/// What a drain waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waiting {
    /// The API server can't be asked.
    ApiServer(String),
    /// Pods were asked to leave, or may not leave yet.
    Pods {
        /// How many have been asked.
        leaving: usize,
        /// How many are held back.
        held_back: usize,
    },
    /// A scheduler that had not seen the cordon.
    Latecomers,
    /// Auto Scaling's state to show that the hook is completed.
    Proof,
}

/// What people are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The drain begins.
    Draining {
        /// Why.
        cause: Cause,
        /// How many pods are asked to leave.
        pods: usize,
    },
    /// Pods are held back; each with the reason.
    HeldBack(Vec<(PodKey, Refusal)>),
    /// The drain is over and the hook is being completed.
    Drained,
    /// The deadline passed with these pods left.
    LeftBehind(Vec<PodKey>),
}

/// Decides what to do next about the instance of `seen`, at `now`.
pub fn plan(seen: &Observation, now: Timestamp) -> Plan {
    let wait = match &seen.hook {
        HookView::Waiting(wait) => wait,
        HookView::Elsewhere(state) => return Plan::done(Outcome::NotWaiting(state.clone())),
        HookView::Gone => return Plan::done(Outcome::Gone),
    };
    match wait.proof(seen.progress.completion) {
        Proof::OthersWait(others) => return others_wait(seen, wait, others, now),
        Proof::Pending => return Plan::look_again(vec![], LOOK_LATEST, Waiting::Proof),
        Proof::Open => {}
    }
    match &seen.cluster {
        Cluster::Unreachable(why) => {
            let steps = heartbeat(seen, wait, None, now);
            Plan::look_again(steps, LOOK_LATEST, Waiting::ApiServer(why.clone()))
        }
        Cluster::NoNode(bound) => no_node(seen, wait, bound, now),
        Cluster::Node(node, pods) => drain(seen, wait, node, pods, now),
    }
}

fn heartbeat(seen: &Observation, wait: &Wait, began: Option<Timestamp>, now: Timestamp) -> Vec<Step> {
    let is_due = wait.is_heartbeat_due(began, seen.progress.heartbeat, now);
    if is_due { vec![Step::Heartbeat] } else { vec![] }
}

/// Ours is completed. The mark says so to the ticks that find the instance while the others keep it.
fn others_wait(seen: &Observation, wait: &Wait, others: Vec<HookName>, now: Timestamp) -> Plan {
    let mut plan = Plan::done(Outcome::OthersWait(others));
    if let Cluster::Node(node, _) = &seen.cluster
        && let Some(mark) = node.mark().filter(|mark| is_current(mark, wait, now))
    {
        plan.steps.push(Step::Remember(Mark {
            completed: Some(now),
            ..mark
        }));
    }
    plan
}

/// No node runs on the instance. Pods that are still bound to the name of one that did are not gone yet: the
/// control plane clears them away within a minute.
fn no_node(seen: &Observation, wait: &Wait, bound: &[Pod], now: Timestamp) -> Plan {
    let workload = Workload::of(seen, bound, now);
    if workload.is_gone() {
        return Plan::finish(seen, vec![], Finish::NoNode);
    }
    if now >= wait.deadline(now) {
        return Plan::finish(seen, vec![], Finish::DeadlinePassed(workload.left()));
    }
    let waiting = Waiting::Pods {
        leaving: workload.total,
        held_back: 0,
    };
    Plan::look_again(heartbeat(seen, wait, None, now), LOOK_LATEST, waiting)
}

fn drain(seen: &Observation, wait: &Wait, node: &Node, pods: &[Pod], now: Timestamp) -> Plan {
    let known = node.mark().filter(|mark| is_current(mark, wait, now));
    let workload = Workload::of(seen, pods, now);
    if let Some(mark) = &known
        && workload.is_gone()
        && is_completed(mark, wait, now)
    {
        return Plan::done(Outcome::OthersWait(wait.others.clone()));
    }
    let mut steps = heartbeat(seen, wait, known.as_ref().map(|mark| mark.since), now);
    let begins = known.is_none();
    let mark = known.unwrap_or_else(|| node.new_mark(Cause::TerminateHook, now, wait.deadline(now)));
    let is_open = begins || !node.is_cordoned();
    if is_open {
        steps.push(Step::Cordon(mark.clone()));
    }
    if now >= mark.deadline && !workload.is_gone() {
        let left = workload.left();
        steps.push(Step::Tell(Notice::LeftBehind(left.clone())));
        return Plan::finish(seen, steps, Finish::DeadlinePassed(left));
    }
    if begins {
        steps.push(Step::Tell(Notice::Draining {
            cause: mark.cause,
            pods: workload.left().len(),
        }));
    }
    let is_ours = begins || seen.progress.began || now >= later(mark.since, BEGINNER_WORKS);
    if !workload.to_evict.is_empty() && is_ours {
        steps.push(Step::Evict(workload.to_evict.iter().copied().cloned().collect()));
    } else if workload.is_gone() && !is_open && now >= later(mark.since, MIN_DRAIN) {
        if mark.completed.is_none() {
            steps.push(Step::Tell(Notice::Drained));
        }
        return Plan::finish(seen, steps, Finish::Drained);
    }
    if !workload.held_back.is_empty() && !seen.progress.told_of_refusals {
        steps.push(Step::Tell(workload.notice()));
    }
    Plan::look_again(steps, pace(mark.since, now), workload.waiting())
}

/// Whether our hook was completed a moment ago, by what the mark says, and others keep the instance. That is
/// believed for half of the hook's time-out only: should the instance have come back from a warm pool since and
/// wait anew, its hook does not run out by it.
fn is_completed(mark: &Mark, wait: &Wait, now: Timestamp) -> bool {
    let believed = |completed| now < later(completed, wait.hook.heartbeat / 2);
    let is_new = |completed| wait.since.is_some_and(|since| since > completed);
    mark.completed
        .is_some_and(|completed| believed(completed) && !is_new(completed))
        && !wait.others.is_empty()
}

/// Whether `mark` belongs to this wait: not to one that the node survived, and not to a time that no wait of this
/// hook could have. Whoever may write to the node may write anything there.
fn is_current(mark: &Mark, wait: &Wait, now: Timestamp) -> bool {
    now <= later(mark.deadline, STALE_AFTER)
        && mark.since <= later(now, STALE_AFTER)
        && mark.deadline <= later(now, wait.hook.global_timeout)
        && wait.since.is_none_or(|since| since <= mark.deadline)
}

/// Look again after a quarter of the time that the drain has taken so far, within the bounds.
fn pace(since: Timestamp, now: Timestamp) -> SignedDuration {
    (now.duration_since(since) / 4).clamp(LOOK_SOONEST, LOOK_LATEST)
}

/// The pods of a node, sorted by what a drain does with them.
struct Workload<'a> {
    /// To be asked now.
    to_evict: Vec<&'a Pod>,
    /// Refused a moment ago, and to be asked later.
    held_back: Vec<(&'a Pod, &'a Refusal)>,
    /// Asked, and on their way.
    leaving: Vec<&'a Pod>,
    /// All of these.
    total: usize,
}

impl<'a> Workload<'a> {
    fn of(seen: &'a Observation, pods: &'a [Pod], now: Timestamp) -> Self {
        let mut workload = Self {
            to_evict: vec![],
            held_back: vec![],
            leaving: vec![],
            total: 0,
        };
        for pod in pods {
            match (pod.disposition(), seen.progress.refusals.get(&pod.uid)) {
                (Disposition::Skip(_), _) => continue,
                (Disposition::Leaving, _) => workload.leaving.push(pod),
                (Disposition::Evict, Some((why, again))) if now < *again => {
                    workload.held_back.push((pod, why));
                }
                (Disposition::Evict, _) => workload.to_evict.push(pod),
            }
            workload.total += 1;
        }
        workload
    }

    fn is_gone(&self) -> bool {
        self.total == 0
    }

    fn notice(&self) -> Notice {
        let held_back = self.held_back.iter();
        Notice::HeldBack(
            held_back
                .map(|(pod, why)| (pod.key.clone(), (*why).clone()))
                .collect(),
        )
    }

    fn waiting(&self) -> Waiting {
        if self.is_gone() {
            return Waiting::Latecomers;
        }
        let held_back = self.held_back.len();
        Waiting::Pods {
            leaving: self.total - held_back,
            held_back,
        }
    }

    fn left(&self) -> Vec<PodKey> {
        let held_back = self.held_back.iter().map(|(pod, _)| *pod);
        self.to_evict
            .iter()
            .copied()
            .chain(held_back)
            .chain(self.leaving.iter().copied())
            .map(|pod| pod.key.clone())
            .collect()
    }
}

impl Plan {
    fn done(outcome: Outcome) -> Self {
        Self {
            steps: vec![],
            then: Then::Done(outcome),
        }
    }

    fn look_again(steps: Vec<Step>, after: SignedDuration, waiting: Waiting) -> Self {
        Self {
            steps,
            then: Then::LookAgain { after, waiting },
        }
    }

    /// Completes the hook after `steps`, and looks for the proof: soon, or, where Auto Scaling knew of no
    /// action a moment ago, a little later.
    fn finish(seen: &Observation, mut steps: Vec<Step>, finish: Finish) -> Self {
        steps.retain(|step| *step != Step::Heartbeat);
        if seen.progress.completion.is_some() || seen.progress.told_of_end {
            steps.retain(|step| !matches!(step, Step::Tell(_)));
        }
        steps.push(Step::Complete(finish));
        let after = if seen.progress.completion.is_none() {
            LOOK_SOONEST
        } else {
            LOOK_LATEST
        };
        Self::look_again(steps, after, Waiting::Proof)
    }
}

#[cfg(test)]
mod tests;
