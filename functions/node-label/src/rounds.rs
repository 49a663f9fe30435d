//! The rounds of an invocation: observe, plan, apply, and again for those that wait.

use access::Connect;
use aws::autoscaling::{CompleteHook, DescribeGroups, DescribeHooks, RecordHeartbeat};
use aws_ec2::DescribeMachines;
use domain::failure::Class;
use domain::label::{Outcome, Plan, Step, Then, plan};
use domain::node::Node;
use function::hook::Looker;
use function::report::count;
use function::rounds::{self, AFTER_FAILURE, IN_FLIGHT, Went};
use function::{Failed, Tally};
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use kubernetes::{CountCalls, ListNodes, PatchNode, RecordNodeEvent};
use runtime::clock::{Clock, Deadline};
use tracing::Instrument as _;

use crate::apply::Bench;
use crate::targets::Target;
use crate::view::View;
use crate::{NodeLabel, counts};

/// Whoever is due within this time is looked at in the same round.
const TOGETHER: SignedDuration = SignedDuration::from_millis(500);

/// How often Auto Scaling is asked whether an instance still waits: what is terminated while it launches is noticed
/// within this time, and sooner on its node.
const ASK_STATE_EVERY: SignedDuration = SignedDuration::from_secs(15);

/// All that a cluster does for labels.
pub trait Kubernetes: ListNodes + PatchNode + RecordNodeEvent + CountCalls {}
impl<K: ListNodes + PatchNode + RecordNodeEvent + CountCalls> Kubernetes for K {}

/// Looks at all targets until nothing waits or the time is up.
pub(crate) async fn all<A, E, G, Q, C, L>(
    function: &NodeLabel<A, E, G, Q, C, L>,
    targets: Vec<Target>,
    deadline: Deadline,
    tally: &mut Tally,
) where
    A: DescribeGroups + DescribeHooks + CompleteHook + RecordHeartbeat,
    E: DescribeMachines,
    G: Connect<Cluster: Kubernetes>,
    C: Clock,
{
    let now = function.clock.now();
    let list = async |cluster: &G::Cluster| cluster.all_nodes().await;
    let (cluster, listed) = match function::cluster::enter(&function.gate, now, tally, list).await {
        Ok(entered) => entered,
        Err(failed) => {
            hold(function, targets, &failed.message, tally).await;
            return tally.fail(failed);
        }
    };
    let calls_before = cluster.calls();
    let mut run = Rounds {
        function,
        cluster: &cluster,
        looker: Looker::new(&function.autoscaling),
        view: View::new(listed, now, tally),
        targets,
        deadline,
        tally,
    };
    if tokio::time::timeout(rounds::limit(deadline, now), run.run())
        .await
        .is_err()
    {
        tracing::warn!("time is up; the next tick goes on");
    }
    let Rounds { looker, tally, .. } = run;
    looker.tell(tally);
    tally.count(count::KUBERNETES_CALLS, cluster.calls() - calls_before);
    if tally.failures().iter().any(|failed| failed.of_cluster) {
        function.gate.forget().await;
    }
}

/// Keeps the hooks waiting while there is no way into the cluster: never completion.
async fn hold<A, E, G, Q, C, L>(
    function: &NodeLabel<A, E, G, Q, C, L>,
    targets: Vec<Target>,
    why: &str,
    tally: &mut Tally,
) where
    A: RecordHeartbeat,
    C: Clock,
{
    let view = View::unreachable(why);
    let mut sent = futures::stream::iter(targets.iter().filter(|target| target.waits()))
        .map(|target| async {
            let plan = plan(
                &view.observation(target),
                &function.config.policy,
                function.clock.now(),
            );
            let (instance, group) = (target.id(), &target.instance.group);
            tracing::warn!(instance_id = %instance, asg = %group, %plan, "no way into the cluster");
            let mut tally = Tally::default();
            if !function.config.common.dry_run
                && plan.steps.contains(&Step::Heartbeat)
                && let Err(failed) =
                    function::hook::heartbeat(&function.autoscaling, &target.instance, &mut tally).await
            {
                tally.fail(failed);
            }
            tally
        })
        .buffer_unordered(IN_FLIGHT);
    while let Some(one) = sent.next().await {
        tally.add(one);
    }
}

struct Rounds<'a, A, E, G, Q, C, L, K> {
    function: &'a NodeLabel<A, E, G, Q, C, L>,
    cluster: &'a K,
    looker: Looker<'a, A>,
    view: View,
    targets: Vec<Target>,
    deadline: Deadline,
    tally: &'a mut Tally,
}

/// One instance after a round.
struct Looked {
    target: Target,
    /// When to look again; `None` if this invocation is done with it.
    again: Option<SignedDuration>,
    /// Nodes as they are now.
    seen: Vec<Node>,
    tally: Tally,
}

impl<A, E, G, Q, C, L, K> Rounds<'_, A, E, G, Q, C, L, K>
where
    A: DescribeGroups + DescribeHooks + CompleteHook + RecordHeartbeat,
    E: DescribeMachines,
    C: Clock,
    K: Kubernetes,
{
    async fn run(&mut self) {
        let mut is_first = true;
        loop {
            let now = self.function.clock.now();
            let (mut due, later) = std::mem::take(&mut self.targets)
                .into_iter()
                .partition::<Vec<_>, _>(|target| target.due <= now + TOGETHER);
            self.targets = later;
            self.observe(&mut due, is_first, now).await;
            is_first = false;
            self.look_at(due).await;
            let Some(next) = self.targets.iter().map(|target| target.due).min() else {
                return;
            };
            let pause = next.duration_since(self.function.clock.now());
            // A round takes a moment itself: what can't be finished is left for the next tick.
            if self.deadline.remaining(self.function.clock.now()) <= pause {
                tracing::info!(instances = self.targets.len(), "the next tick goes on");
                return;
            }
            self.function.clock.sleep(pause).await;
        }
    }

    /// Asks everybody about the instances that are due.
    async fn observe(&mut self, due: &mut [Target], is_first: bool, now: Timestamp) {
        let policy = &self.function.config.policy;
        if is_first {
            // Nodes and states are those with which the invocation began.
            for target in due.iter_mut() {
                target.asked = Some(now);
            }
        } else {
            self.look_at_states(due, now).await;
            self.view
                .refresh(self.cluster, due, policy, now, self.tally)
                .await;
        }
        self.view
            .ask_ec2(&self.function.ec2, due, policy, self.tally)
            .await;
    }

    /// Asks Auto Scaling about those whose hook was completed, and about the others now and then.
    async fn look_at_states(&self, due: &mut [Target], now: Timestamp) {
        let is_recent = |at: Timestamp| now.duration_since(at) < ASK_STATE_EVERY;
        for target in due.iter_mut().filter(|target| target.waits()) {
            if target.progress.completion.is_none() && target.asked.is_some_and(is_recent) {
                continue;
            }
            match self.looker.look(&target.instance, now).await {
                Ok(hook) => target.instance.hook = hook,
                Err(failed) => tracing::warn!(error = failed.message, "the instance's state can't be read"),
            }
            target.asked = Some(now);
        }
    }

    /// Plans for each instance that is due, and does what the plan says, side by side.
    async fn look_at(&mut self, due: Vec<Target>) {
        let (view, function) = (&self.view, self.function);
        let bench = Bench {
            autoscaling: &function.autoscaling,
            cluster: self.cluster,
            clock: &function.clock,
            view,
        };
        let looks = due.into_iter().map(|mut target| {
            let span = tracing::info_span!("label", instance_id = %target.id(), asg = %target.instance.group);
            let plan = {
                let _in_span = span.enter();
                let plan = plan(
                    &view.observation(&target),
                    &function.config.policy,
                    function.clock.now(),
                );
                say(&mut target, &plan, function.config.common.dry_run);
                plan
            };
            let is_dry = function.config.common.dry_run;
            look(&bench, target, plan, is_dry).instrument(span)
        });
        let looked: Vec<Looked> = futures::stream::iter(looks)
            .buffer_unordered(IN_FLIGHT)
            .collect()
            .await;
        for mut one in looked {
            self.tally.add(one.tally);
            one.seen.into_iter().for_each(|node| self.view.saw(node));
            if let Some(pause) = one.again {
                one.target.due = function.clock.now() + pause;
                self.targets.push(one.target);
            }
        }
    }
}

/// Carries out the plan for one instance, unless this is a dry run.
async fn look<A, K, C>(bench: &Bench<'_, A, K, C>, mut target: Target, plan: Plan, is_dry: bool) -> Looked
where
    A: CompleteHook + RecordHeartbeat,
    K: Kubernetes,
    C: Clock,
{
    let mut tally = Tally::default();
    if let Then::Done(Outcome::NoNode(_)) = plan.then {
        tally.one(counts::NODES_MISSING);
    }
    if is_dry {
        return Looked {
            target,
            again: None,
            seen: vec![],
            tally,
        };
    }
    let mut seen = Vec::new();
    let went = bench.apply(&mut target, plan.steps, &mut seen, &mut tally).await;
    let again = match (went, plan.then) {
        (Err(failed), _) => pause_after(failed, &mut tally),
        (Ok(Went::Stale), Then::LookAgain { .. }) => Some(AFTER_FAILURE),
        (Ok(_), Then::Done(_)) => None,
        (Ok(Went::On), Then::LookAgain { after, .. }) => Some(after),
    };
    Looked {
        target,
        again,
        seen,
        tally,
    }
}

/// Where a person must help first, asking again in this invocation is of no use. The tick asks again.
fn pause_after(failed: Failed, tally: &mut Tally) -> Option<SignedDuration> {
    let error = &failed.message;
    if failed.class == Class::Transient {
        tracing::warn!(error, "step failed; it is tried again");
        return Some(AFTER_FAILURE);
    }
    tracing::error!(error, "step failed");
    tally.fail(failed);
    None
}

/// Says what is planned, unless it was said already or there is nothing to say.
fn say(target: &mut Target, plan: &Plan, dry_run: bool) {
    let words = plan.to_string();
    match &plan.then {
        Then::Done(Outcome::InPlace) if plan.steps.is_empty() => tracing::debug!(plan = words, "plan"),
        Then::Done(Outcome::NoNode(_)) => {
            tracing::warn!(plan = words, dry_run, "a machine serves without a node");
        }
        _ if words == target.said => tracing::debug!(plan = words, "plan"),
        _ => tracing::info!(plan = words, dry_run, "plan"),
    }
    target.said = words;
}
