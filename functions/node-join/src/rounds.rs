//! The rounds: observe, plan, apply, and again while a machine is on its way.

use std::cell::RefCell;
use std::collections::BTreeMap;

use access::Connect;
use aws::autoscaling::{DescribeGroups, DescribeHooks};
use aws_ec2::DescribeMachines;
use domain::failure::Class;
use domain::ids::{InstanceId, NodeName};
use domain::join::{
    Cluster, Issued, Mode, Observation, Parameter, Plan, Random, SigningRequest, node_of, plan,
};
use domain::node::Node;
use function::report::count;
use function::rounds::{self, IN_FLIGHT};
use function::{Failed, Tally, cluster};
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::{SignedDuration, Timestamp};
use kubernetes::{CountCalls as _, ListNodes, ListSigningRequests as _};
use runtime::clock::{Clock, Deadline};

use crate::facts::{Facts, Leaves};
use crate::{Kubernetes, NodeJoin, Parameters, Scope};

/// Between two looks: a certificate waits no longer than this for its approval, nor a spent token for its end.
const PAUSE: SignedDuration = SignedDuration::from_millis(2_500);

/// Up to so many nodes are looked at one by one; for more of them, one list of all is cheaper.
const FEW: usize = 10;

/// One machine, and what this invocation remembers of it.
#[derive(Debug, Default)]
pub(crate) struct Case {
    /// The token that it has seen open the door.
    pub(crate) confirmed: Option<Issued>,
    /// Nothing is left to do, or nothing that helps before somebody else did something.
    pub(crate) is_over: bool,
    said: String,
}

/// What the cluster says in one round.
#[derive(Debug)]
pub(crate) struct View {
    /// All nodes, or those of the names that matter; or why they are not known.
    pub(crate) nodes: Result<Vec<Node>, String>,
    /// The certificates that kubelets ask for, in strict mode.
    pub(crate) requests: Vec<SigningRequest>,
}

impl View {
    fn unreachable(why: &Failed) -> Self {
        Self {
            nodes: Err(why.message.clone()),
            requests: vec![],
        }
    }
}

impl<A, M, P, G, Q, R, C, L> NodeJoin<A, M, P, G, Q, R, C, L>
where
    A: DescribeGroups + DescribeHooks,
    M: DescribeMachines,
    P: Parameters,
    G: Connect<Cluster: Kubernetes>,
    R: Random,
    C: Clock,
{
    /// Rounds, as long as the invocation has time.
    pub(crate) async fn rounds(&self, scope: &Scope, deadline: Deadline, tally: &RefCell<Tally>) {
        let limit = rounds::limit(deadline, self.clock.now());
        match tokio::time::timeout(limit, self.until_all_are_over(scope, deadline, tally)).await {
            Ok(Ok(())) => {}
            Ok(Err(failed)) => {
                tracing::error!(error = failed.message, "what AWS says can't be read");
                tally.borrow_mut().fail(failed);
            }
            Err(_) => tracing::warn!("time is up; the next tick goes on"),
        }
        if tally.borrow().failures().iter().any(|failed| failed.of_cluster) {
            self.gate.forget().await;
        }
    }

    async fn until_all_are_over(
        &self,
        scope: &Scope,
        deadline: Deadline,
        tally: &RefCell<Tally>,
    ) -> Result<(), Failed> {
        let mut spent = Tally::default();
        let facts = Facts::gather(self, scope, &mut spent).await;
        tally.borrow_mut().add(spent);
        let mut round = Round {
            function: self,
            scope,
            tally,
            facts: facts?,
            leaves: Leaves::default(),
            cases: BTreeMap::new(),
            cluster: None,
        };
        loop {
            if round.play().await? {
                return Ok(());
            }
            if deadline.remaining(self.clock.now()) <= PAUSE {
                tracing::info!("the next tick goes on");
                return Ok(());
            }
            self.clock.sleep(PAUSE).await;
        }
    }
}

/// What lives from one round to the next.
pub(crate) struct Round<'a, A, M, P, G: Connect, Q, R, C, L> {
    pub(crate) function: &'a NodeJoin<A, M, P, G, Q, R, C, L>,
    pub(crate) scope: &'a Scope,
    pub(crate) tally: &'a RefCell<Tally>,
    pub(crate) facts: Facts,
    pub(crate) leaves: Leaves,
    pub(crate) cases: BTreeMap<InstanceId, Case>,
    /// The way in, once something was asked of the cluster.
    pub(crate) cluster: Option<G::Cluster>,
}

impl<A, M, P, G, Q, R, C, L> Round<'_, A, M, P, G, Q, R, C, L>
where
    A: DescribeGroups + DescribeHooks,
    M: DescribeMachines,
    P: Parameters,
    G: Connect<Cluster: Kubernetes>,
    R: Random,
    C: Clock,
{
    /// One round. Returns whether it was the last.
    async fn play(&mut self) -> Result<bool, Failed> {
        let mut spent = Tally::default();
        let described = self.facts.describe_missing(self.function, self.scope, &mut spent);
        if let Err(failed) = described.await {
            self.fail(failed, "the machines can't be described");
        }
        let path = self.function.config.path();
        let leaves = Leaves::list(&self.function.parameters, &path, &mut spent).await;
        self.tally.borrow_mut().add(spent);
        self.leaves = leaves?;
        for instance in self.leaves.cases(&self.facts, self.scope) {
            self.cases.entry(instance).or_default();
        }
        if self.cases.values().all(|case| case.is_over) {
            return Ok(true);
        }
        let view = if self.needs_the_cluster() {
            self.look().await
        } else {
            View {
                nodes: Ok(vec![]),
                requests: vec![],
            }
        };
        // First, for it is what a machine waits for, and what it asks anew of AWS goes into the plans.
        self.judge(&view).await;
        let plans = self.plans(&view);
        if self.function.config.common.dry_run {
            return Ok(true);
        }
        self.apply(plans).await;
        Ok(self.cases.values().all(|case| case.is_over))
    }

    fn open(&self) -> impl Iterator<Item = &InstanceId> {
        let open = self.cases.iter().filter(|(_, case)| !case.is_over);
        open.map(|(instance, _)| instance)
    }

    /// Leftovers of tokens that are over need nobody but Parameter Store.
    fn needs_the_cluster(&self) -> bool {
        let now = self.function.clock.now();
        let is_live =
            |instance| matches!(self.leaves.of(instance), Parameter::Issued(issued) if issued.is_live(now));
        self.open()
            .any(|instance| self.facts.waits(instance) || is_live(instance))
    }

    /// Asks the cluster, and finds the way in before the first question.
    async fn look(&mut self) -> View {
        let names = self.names();
        let Some(cluster) = &self.cluster else {
            return self.enter().await;
        };
        let calls_before = cluster.calls();
        let nodes = nodes_named(cluster, &names).await;
        let view = self.with_requests(cluster, nodes).await;
        let calls = cluster.calls() - calls_before;
        self.tally.borrow_mut().count(count::KUBERNETES_CALLS, calls);
        view
    }

    /// The first look is at all nodes: one that runs on a machine of ours may have another name than it should.
    async fn enter(&mut self) -> View {
        let mut spent = Tally::default();
        let now = self.function.clock.now();
        let all = async |cluster: &G::Cluster| cluster.all_nodes().await;
        let entered = cluster::enter(&self.function.gate, now, &mut spent, all).await;
        self.tally.borrow_mut().add(spent);
        match entered {
            Ok((cluster, nodes)) => {
                let calls_before = cluster.calls();
                let view = self.with_requests(&cluster, nodes).await;
                let calls = cluster.calls() - calls_before;
                self.tally.borrow_mut().count(count::KUBERNETES_CALLS, calls);
                self.cluster = Some(cluster);
                view
            }
            Err(failed) => {
                let view = View::unreachable(&failed);
                self.fail(failed, "there is no way into the cluster");
                view
            }
        }
    }

    async fn with_requests(&self, cluster: &G::Cluster, nodes: Result<Vec<Node>, kubernetes::Error>) -> View {
        let asked = match nodes {
            Ok(nodes) if self.function.config.policy.mode == Mode::Compatible => Ok((nodes, vec![])),
            Ok(nodes) => cluster.signing_requests().await.map(|requests| (nodes, requests)),
            Err(error) => Err(error),
        };
        match asked {
            Ok((nodes, requests)) => View {
                nodes: Ok(nodes),
                requests,
            },
            Err(error) => {
                let failed = Failed::from(error);
                let view = View::unreachable(&failed);
                self.fail(failed, "the cluster can't be asked");
                view
            }
        }
    }

    /// The names that the nodes of these machines will have.
    fn names(&self) -> Vec<NodeName> {
        self.open().filter_map(|instance| self.name(instance)).collect()
    }

    pub(crate) fn name(&self, instance: &InstanceId) -> Option<NodeName> {
        let naming = self.function.config.policy.naming;
        self.facts.machine(instance)?.node_name(naming).ok()
    }

    /// What to do about each machine. It is said when it changes.
    fn plans(&mut self, view: &View) -> Vec<(InstanceId, Plan)> {
        let now = self.function.clock.now();
        let mut plans = Vec::new();
        for instance in self.open() {
            let parameter = self.parameter(instance, now);
            let seen = Observation {
                place: self.facts.place(instance),
                machine: self.facts.machine(instance),
                confirmed: self.is_confirmed(instance, &parameter),
                parameter,
                cluster: self.node(instance, view),
            };
            plans.push((instance.clone(), plan(&seen, &self.function.config.policy, now)));
        }
        for (instance, plan) in &plans {
            self.say(instance, plan);
        }
        plans
    }

    fn say(&mut self, instance: &InstanceId, plan: &Plan) {
        let asg = self.facts.group(instance).map(|group| group.name.as_str());
        let dry_run = self.function.config.common.dry_run;
        let words = plan.to_string();
        let Some(case) = self.cases.get_mut(instance) else {
            return;
        };
        if case.said == words {
            tracing::debug!(instance_id = %instance, asg, plan = words, "plan");
        } else {
            tracing::info!(instance_id = %instance, asg, plan = words, dry_run, "plan");
            case.said = words;
        }
        case.is_over |= matches!(plan, Plan::Nothing(_));
    }

    /// The parameter as the list shows it, unless this invocation knows better. The list may lag behind; and if a
    /// parameter goes that we did not delete, its Secret is still there to be taken back.
    fn parameter(&self, instance: &InstanceId, now: Timestamp) -> Parameter {
        let listed = self.leaves.of(instance);
        let Some(known) = self.confirmed(instance) else {
            return listed;
        };
        let knows_better = match &listed {
            Parameter::Issued(issued) => issued.issued < known.issued,
            Parameter::None => known.is_live(now),
            Parameter::Unreadable => false,
        };
        if knows_better {
            Parameter::Issued(known.clone())
        } else {
            listed
        }
    }

    fn is_confirmed(&self, instance: &InstanceId, parameter: &Parameter) -> bool {
        matches!(parameter, Parameter::Issued(issued) if Some(issued) == self.confirmed(instance))
    }

    fn confirmed(&self, instance: &InstanceId) -> Option<&Issued> {
        self.cases.get(instance)?.confirmed.as_ref()
    }

    fn node(&self, instance: &InstanceId, view: &View) -> Cluster {
        let nodes = match &view.nodes {
            Ok(nodes) => nodes,
            Err(why) => return Cluster::Unreachable(why.clone()),
        };
        let Some(machine) = self.facts.machine(instance) else {
            return Cluster::NoNode; // nothing is decided by it
        };
        let node = node_of(nodes, machine, self.name(instance).as_ref());
        node.map_or(Cluster::NoNode, |node| Cluster::Node(node.name.clone()))
    }

    /// Notes what did not work. What was said in this invocation already is not said again.
    pub(crate) fn fail(&self, failed: Failed, what: &'static str) {
        let mut tally = self.tally.borrow_mut();
        if tally.failures().contains(&failed) {
            return;
        }
        match failed.class {
            Class::Transient => tracing::warn!(error = failed.message, "{what}"),
            Class::Permanent | Class::Rejected => tracing::error!(error = failed.message, "{what}"),
        }
        tally.fail(failed);
    }
}

/// The nodes of these names, and maybe others.
pub(crate) async fn nodes_named<K: ListNodes>(
    cluster: &K,
    names: &[NodeName],
) -> Result<Vec<Node>, kubernetes::Error> {
    if names.len() > FEW {
        return cluster.all_nodes().await;
    }
    let looks = futures::stream::iter(names).map(|name| cluster.node(name));
    let found: Vec<Option<Node>> = looks.buffer_unordered(IN_FLIGHT).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}
