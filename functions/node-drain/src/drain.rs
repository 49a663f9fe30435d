//! The rounds of a drain: observe, plan, apply, and again when the plan says so.

use access::Connect;
use aws::autoscaling::{CompleteHook, DescribeGroups, DescribeHooks, RecordHeartbeat};
use domain::drain::{Cluster, HookView, Node, Observation, Progress, Step, Then, plan};
use domain::failure::Class;
use futures::{FutureExt as _, StreamExt as _};
use jiff::SignedDuration;
use kubernetes::{CountCalls, EvictPod, ListNodes, ListPods, PatchNode, RecordNodeEvent};
use runtime::clock::{Clock, Deadline};
use runtime::error::chain;
use tokio::sync::Semaphore;
use tracing::Instrument as _;

use crate::NodeDrain;
use crate::apply::Went;
use crate::finder::Finder;
use crate::report::{Failed, Tally};
use crate::targets::{self, Found, Target};

/// Requests to the API server that may be under way at once, in one invocation. One at a time is not enough:
/// an eviction may take 100 ms in a quiet cluster. Far more would be flow control's business.
const IN_FLIGHT: usize = 16;

/// After a step failed, look again this much later: long enough not to hammer, short enough for a conflict.
const AFTER_FAILURE: SignedDuration = SignedDuration::from_secs(2);

/// How long after its deadline a drain may still wait for an answer. Of the time that the invocation keeps back,
/// the rest is for the report.
const OVERTIME: SignedDuration = SignedDuration::from_secs(4);

/// All that a cluster does for a drain.
pub trait Kubernetes: ListNodes + PatchNode + ListPods + EvictPod + RecordNodeEvent + CountCalls {}
impl<K: ListNodes + PatchNode + ListPods + EvictPod + RecordNodeEvent + CountCalls> Kubernetes for K {}

/// What came of everything.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    pub(crate) tally: Tally,
    pub(crate) failures: Vec<Failed>,
}

/// What one drain works with.
pub(crate) struct Bench<'a, A, K, C> {
    pub(crate) autoscaling: &'a A,
    pub(crate) cluster: &'a K,
    pub(crate) clock: &'a C,
    pub(crate) in_flight: &'a Semaphore,
    pub(crate) finder: &'a Finder<'a, K>,
    deadline: Deadline,
    dry_run: bool,
}

/// Drains all targets side by side.
pub(crate) async fn all<A, G, Q, C, L>(
    function: &NodeDrain<A, G, Q, C, L>,
    found: Found,
    deadline: Deadline,
) -> Ended
where
    A: DescribeGroups + DescribeHooks + CompleteHook + RecordHeartbeat,
    G: Connect<Cluster: Kubernetes>,
    C: Clock,
{
    let mut ended = Ended::default();
    if found.targets.is_empty() && !found.with_labelled_nodes {
        return ended;
    }
    let cluster = match function.gate.connect(function.clock.now()).await {
        Ok(cluster) => cluster,
        Err(error) => {
            let why = chain(&error);
            ended.failures.push(Failed::from(error));
            hold(function, &found.targets, &why, &mut ended).await;
            return ended;
        }
    };
    let calls_before = cluster.calls();
    let mut rounds = on_cluster(function, &cluster, found, deadline)
        .boxed_local()
        .await;
    rounds.tally.kubernetes_calls += cluster.calls() - calls_before;
    if rounds.failures.iter().any(|failed| failed.of_cluster) {
        function.gate.forget().await;
    }
    rounds
}

async fn on_cluster<A, G, Q, C, L, K>(
    function: &NodeDrain<A, G, Q, C, L>,
    cluster: &K,
    found: Found,
    deadline: Deadline,
) -> Ended
where
    A: DescribeGroups + DescribeHooks + CompleteHook + RecordHeartbeat,
    C: Clock,
    K: Kubernetes,
{
    let mut ended = Ended::default();
    let finder = Finder::new(cluster);
    if found.with_labelled_nodes {
        match finder.labelled().await {
            Ok(nodes) => say_of_labelled(&found, &nodes),
            Err(error) => ended.failures.push(Failed::from(&*error)),
        }
    }
    let in_flight = Semaphore::new(IN_FLIGHT);
    let bench = Bench {
        autoscaling: &function.autoscaling,
        cluster,
        clock: &function.clock,
        in_flight: &in_flight,
        finder: &finder,
        deadline,
        dry_run: function.config.dry_run,
    };
    let drains = found.targets.into_iter().map(|target| {
        let span = tracing::info_span!("drain", instance_id = %target.instance, asg = %target.group);
        let drain = Drain {
            bench: &bench,
            target,
            node: None,
            progress: Progress::default(),
            ended: Ended::default(),
        };
        drain.run().instrument(span).boxed_local() // a drain's state is large, and there are many of them
    });
    for one in futures::future::join_all(drains).await {
        ended.tally.add(&one.tally);
        ended.failures.extend(one.failures);
    }
    ended
}

/// Nodes that carry our label belong to drains that began. Most wait at the hook and are targets already; what
/// became of the others is Auto Scaling's word, and is said in the log.
fn say_of_labelled(found: &Found, nodes: &[Node]) {
    let is_target = |node: &&Node| {
        found
            .targets
            .iter()
            .any(|target| target.instance == node.instance)
    };
    for node in nodes.iter().filter(|node| !is_target(node)) {
        let state = found
            .lifecycles
            .get(&node.instance)
            .map_or("in no group of this cluster", |state| state.as_str());
        tracing::info!(node = %node.name, instance_id = %node.instance, state, "drain began, and waits no more");
    }
}

/// Keeps the hooks waiting while there is no way into the cluster: never completion.
async fn hold<A, G, Q, C, L>(
    function: &NodeDrain<A, G, Q, C, L>,
    targets: &[Target],
    why: &str,
    ended: &mut Ended,
) where
    A: RecordHeartbeat,
    C: Clock,
{
    let mut sent = futures::stream::iter(targets)
        .map(|target| async move {
            let seen = Observation {
                instance: target.instance.clone(),
                hook: target.hook.clone(),
                cluster: Cluster::Unreachable(why.to_owned()),
                progress: Progress::default(),
            };
            let plan = plan(&seen, function.clock.now());
            tracing::warn!(instance_id = %target.instance, asg = %target.group, %plan, "no way into the cluster");
            let mut tally = Tally::default();
            if function.config.dry_run || !plan.steps.contains(&Step::Heartbeat) {
                return (tally, None);
            }
            let sent = crate::apply::heartbeat(&function.autoscaling, target, &mut tally).await;
            (tally, sent.err())
        })
        .buffer_unordered(IN_FLIGHT);
    while let Some((tally, failed)) = sent.next().await {
        ended.tally.add(&tally);
        ended.failures.extend(failed);
    }
}

/// One instance on its way out.
pub(crate) struct Drain<'a, A, K, C> {
    pub(crate) bench: &'a Bench<'a, A, K, C>,
    pub(crate) target: Target,
    /// The node, once it was found; the version that was seen last.
    pub(crate) node: Option<Node>,
    pub(crate) progress: Progress,
    pub(crate) ended: Ended,
}

impl<A, K, C> Drain<'_, A, K, C>
where
    A: DescribeGroups + DescribeHooks + CompleteHook + RecordHeartbeat,
    K: Kubernetes,
    C: Clock,
{
    /// Rounds, as long as the invocation has time. A request that is still under way a little later is given up:
    /// the next tick asks again, and Lambda would end the whole invocation with its report.
    async fn run(mut self) -> Ended {
        let left = self.bench.deadline.remaining(self.bench.clock.now()) + OVERTIME;
        let limit = std::time::Duration::try_from(left).unwrap_or_default();
        if tokio::time::timeout(limit, self.rounds()).await.is_err() {
            tracing::warn!(node = self.node_name(), "time is up; the next tick goes on");
        }
        self.ended
    }

    /// Until the plan says that it is done, the time is up, or somebody must help first.
    async fn rounds(&mut self) {
        let mut said = String::new();
        loop {
            let seen = self.observe().await;
            let now = self.bench.clock.now();
            let plan = plan(&seen, now);
            let node = self.node.as_ref().map(|node| node.name.as_str());
            let words = plan.to_string();
            if words == said {
                tracing::debug!(node, plan = words, "plan");
            } else {
                tracing::info!(node, plan = words, dry_run = self.bench.dry_run, "plan");
                said = words;
            }
            if self.bench.dry_run {
                return;
            }
            let pause = match (self.apply(plan.steps).await, plan.then) {
                (Err(failed), _) if self.give_up(&failed) => return self.ended.failures.push(failed),
                (Err(_) | Ok(Went::Stale), _) => AFTER_FAILURE,
                (Ok(Went::On), Then::Done(_)) => return,
                (Ok(Went::On), Then::LookAgain { after, .. }) => after,
            };
            // A round takes a moment itself: what can't be finished is left for the next tick.
            if self.bench.deadline.remaining(self.bench.clock.now()) <= pause {
                tracing::info!(node = self.node_name(), "the next tick goes on");
                return;
            }
            self.bench.clock.sleep(pause).await;
        }
    }

    async fn observe(&mut self) -> Observation {
        if self.progress.completion.is_some() {
            self.ended.tally.aws_calls += 1;
            match targets::look_again(self.bench.autoscaling, &self.target).await {
                Ok(view) => self.target.hook = view,
                Err(failed) => tracing::warn!(error = failed.message, "the instance's state can't be read"),
            }
        }
        let cluster = if matches!(self.target.hook, HookView::Waiting { .. }) {
            self.observe_cluster().await
        } else {
            Cluster::NoNode // nothing is decided by it
        };
        Observation {
            instance: self.target.instance.clone(),
            hook: self.target.hook.clone(),
            cluster,
            progress: self.progress.clone(),
        }
    }

    async fn observe_cluster(&mut self) -> Cluster {
        if self.node.is_none() {
            let now = self.bench.clock.now();
            match self.bench.finder.find(&self.target.instance, now).await {
                Ok(found) => self.node = found,
                Err(error) => return self.unreachable(&error),
            }
        }
        let Some(node) = &self.node else {
            return Cluster::NoNode;
        };
        let turn = self.bench.in_flight.acquire().await;
        let pods = self.bench.cluster.pods_on(&node.name).await;
        drop(turn);
        match pods {
            Ok(pods) => Cluster::Node(Box::new(node.clone()), pods),
            Err(error) => self.unreachable(&error),
        }
    }

    /// Whatever the cluster does not tell us, we don't guess: the hook is kept waiting.
    fn unreachable(&mut self, error: &kubernetes::Error) -> Cluster {
        let failed = Failed::from(error);
        let why = failed.message.clone();
        if !self.ended.failures.iter().any(|known| known.message == why) {
            tracing::error!(node = self.node_name(), error = why, "the cluster can't be asked");
            self.ended.failures.push(failed);
        }
        Cluster::Unreachable(why)
    }

    /// A person must help first, so asking again in this invocation is of no use. The tick asks again.
    fn give_up(&mut self, failed: &Failed) -> bool {
        let (node, error) = (self.node_name(), &failed.message);
        if failed.class == Class::Transient {
            tracing::warn!(node, error, "step failed; it is tried again");
            return false;
        }
        tracing::error!(node, error, "step failed");
        true
    }
}

impl<A, K, C> Drain<'_, A, K, C> {
    pub(crate) fn node_name(&self) -> Option<&str> {
        self.node.as_ref().map(|node| node.name.as_str())
    }
}
