//! The rounds of a drain: observe, plan, apply, and again when the plan says so.

use std::rc::Rc;

use access::Connect;
use aws::autoscaling::{CompleteHook, DescribeGroups, DescribeHooks, RecordHeartbeat};
use domain::drain::{Cluster, Observation, Progress, Step, Then, plan};
use domain::failure::Class;
use domain::hook::HookView;
use domain::ids::NodeName;
use domain::node::Node;
use function::hook::Looker;
use function::report::count;
use function::rounds::{self, AFTER_FAILURE, IN_FLIGHT, Went};
use function::{Failed, Found, Tally, Waiting};
use futures::{FutureExt as _, StreamExt as _};
use kubernetes::{CountCalls, EvictPod, ListNodes, ListPods, PatchNode, RecordNodeEvent};
use runtime::clock::{Clock, Deadline};
use tokio::sync::Semaphore;
use tracing::Instrument as _;

use crate::NodeDrain;
use crate::finder::Finder;

/// All that a cluster does for a drain.
pub trait Kubernetes: ListNodes + PatchNode + ListPods + EvictPod + RecordNodeEvent + CountCalls {}
impl<K: ListNodes + PatchNode + ListPods + EvictPod + RecordNodeEvent + CountCalls> Kubernetes for K {}

/// Why an invocation looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The tick: at everything that waits, and at every node that carries our label.
    Everything,
    /// Messages: at what they hint at, and if that does not wait, at nothing.
    Hints,
}

/// What one drain works with.
pub(crate) struct Bench<'a, A, K, C> {
    pub(crate) autoscaling: &'a A,
    pub(crate) cluster: &'a K,
    pub(crate) clock: &'a C,
    pub(crate) in_flight: &'a Semaphore,
    pub(crate) finder: &'a Finder<'a, K>,
    looker: &'a Looker<'a, A>,
    deadline: Deadline,
    dry_run: bool,
}

/// Drains all instances that wait, side by side.
pub(crate) async fn all<A, G, Q, C, L>(
    function: &NodeDrain<A, G, Q, C, L>,
    mut found: Found,
    scope: Scope,
    deadline: Deadline,
) -> Tally
where
    A: DescribeGroups + DescribeHooks + CompleteHook + RecordHeartbeat,
    G: Connect<Cluster: Kubernetes>,
    C: Clock,
{
    let mut tally = std::mem::take(&mut found.tally);
    if found.waiting.is_empty() && scope == Scope::Hints {
        return tally;
    }
    let now = function.clock.now();
    let list_labelled = async |cluster: &G::Cluster| cluster.draining_nodes().await;
    let entered = function::cluster::enter(&function.gate, now, &mut tally, list_labelled).await;
    let (cluster, labelled) = match entered {
        Ok(entered) => entered,
        Err(failed) => {
            tally.add(hold(function, &found.waiting, &failed.message).await);
            tally.fail(failed);
            return tally;
        }
    };
    match &labelled {
        Ok(nodes) if scope == Scope::Everything => say_of_labelled(&found, nodes),
        Ok(_) => {}
        Err(error) => tally.fail(error),
    }
    let calls_before = cluster.calls();
    let finder = Finder::new(&cluster, labelled.map_err(Rc::new), now);
    let drains = on_cluster(function, &cluster, &finder, found.waiting, deadline);
    tally.add(drains.boxed_local().await);
    tally.count(count::KUBERNETES_CALLS, cluster.calls() - calls_before);
    if tally.failures().iter().any(|failed| failed.of_cluster) {
        function.gate.forget().await;
    }
    tally
}

async fn on_cluster<A, G, Q, C, L, K>(
    function: &NodeDrain<A, G, Q, C, L>,
    cluster: &K,
    finder: &Finder<'_, K>,
    waiting: Vec<Waiting>,
    deadline: Deadline,
) -> Tally
where
    A: DescribeGroups + DescribeHooks + CompleteHook + RecordHeartbeat,
    C: Clock,
    K: Kubernetes,
{
    let in_flight = Semaphore::new(IN_FLIGHT);
    let looker = Looker::new(&function.autoscaling);
    let bench = Bench {
        autoscaling: &function.autoscaling,
        cluster,
        clock: &function.clock,
        in_flight: &in_flight,
        finder,
        looker: &looker,
        deadline,
        dry_run: function.config.dry_run,
    };
    let drains = waiting.into_iter().map(|target| {
        let span = tracing::info_span!("drain", instance_id = %target.instance, asg = %target.group);
        let drain = Drain {
            bench: &bench,
            target,
            node: None,
            lost: None,
            progress: Progress::default(),
            tally: Tally::default(),
        };
        drain.run().instrument(span).boxed_local() // a drain's state is large, and there are many of them
    });
    let mut tally = Tally::default();
    for one in futures::future::join_all(drains).await {
        tally.add(one);
    }
    looker.tell(&mut tally);
    tally
}

/// Nodes that carry our label belong to drains that began. Most wait at the hook and are targets already; what
/// became of the others is Auto Scaling's word, and is said in the log.
fn say_of_labelled(found: &Found, nodes: &[Node]) {
    for node in nodes {
        let Some(instance) = &node.instance else { continue };
        if found.waiting.iter().any(|waiting| waiting.instance == *instance) {
            continue;
        }
        let state = found
            .lifecycle_of(instance)
            .map_or("in no group of this cluster", |state| state.as_str());
        tracing::info!(node = %node.name, instance_id = %instance, state, "drain began, and waits no more");
    }
}

/// Keeps the hooks waiting while there is no way into the cluster: never completion.
async fn hold<A, G, Q, C, L>(function: &NodeDrain<A, G, Q, C, L>, waiting: &[Waiting], why: &str) -> Tally
where
    A: RecordHeartbeat,
    C: Clock,
{
    let mut sent = futures::stream::iter(waiting)
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
            if !function.config.dry_run
                && plan.steps.contains(&Step::Heartbeat)
                && let Err(failed) =
                    function::hook::heartbeat(&function.autoscaling, target, &mut tally).await
            {
                tally.fail(failed);
            }
            tally
        })
        .buffer_unordered(IN_FLIGHT);
    let mut tally = Tally::default();
    while let Some(one) = sent.next().await {
        tally.add(one);
    }
    tally
}

/// One instance on its way out.
pub(crate) struct Drain<'a, A, K, C> {
    pub(crate) bench: &'a Bench<'a, A, K, C>,
    pub(crate) target: Waiting,
    /// The node, once it was found; the version that was seen last.
    pub(crate) node: Option<Node>,
    /// The name of a node that was found, and that somebody deleted since.
    pub(crate) lost: Option<NodeName>,
    pub(crate) progress: Progress,
    pub(crate) tally: Tally,
}

impl<A, K, C> Drain<'_, A, K, C>
where
    A: DescribeGroups + DescribeHooks + CompleteHook + RecordHeartbeat,
    K: Kubernetes,
    C: Clock,
{
    /// Rounds, as long as the invocation has time.
    async fn run(mut self) -> Tally {
        let limit = rounds::limit(self.bench.deadline, self.bench.clock.now());
        if tokio::time::timeout(limit, self.rounds()).await.is_err() {
            tracing::warn!(node = self.node_name(), "time is up; the next tick goes on");
        }
        self.tally
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
                (Err(failed), _) if self.give_up(&failed) => return self.tally.fail(failed),
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
            let now = self.bench.clock.now();
            match self.bench.looker.look(&self.target, now).await {
                Ok(view) => self.target.hook = view,
                Err(failed) => tracing::warn!(error = failed.message, "the instance's state can't be read"),
            }
        }
        let cluster = if matches!(self.target.hook, HookView::Waiting(_)) {
            self.observe_cluster().await
        } else {
            Cluster::NoNode(vec![]) // nothing is decided by it
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
        let Some(name) = self.node.as_ref().map(|node| &node.name).or(self.lost.as_ref()) else {
            return Cluster::NoNode(vec![]);
        };
        let turn = self.bench.in_flight.acquire().await;
        let pods = self.bench.cluster.pods_on(name).await;
        drop(turn);
        match (pods, &self.node) {
            (Ok(pods), Some(node)) => Cluster::Node(Box::new(node.clone()), pods),
            (Ok(pods), None) => Cluster::NoNode(pods),
            (Err(error), _) => self.unreachable(&error),
        }
    }

    /// Whatever the cluster does not tell us, we don't guess: the hook is kept waiting.
    fn unreachable(&mut self, error: &kubernetes::Error) -> Cluster {
        let failed = Failed::from(error);
        let why = failed.message.clone();
        if !self.tally.failures().iter().any(|known| known.message == why) {
            tracing::error!(node = self.node_name(), error = why, "the cluster can't be asked");
            self.tally.fail(failed);
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
