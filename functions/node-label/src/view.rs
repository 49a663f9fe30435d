//! What is seen of the cluster and of EC2: asked once for everybody who wants to know.

use std::collections::{BTreeMap, BTreeSet};

use aws_ec2::DescribeMachines;
use domain::ids::{InstanceId, NodeName};
use domain::label::{Cluster, Facts, Observation, Policy, needs_facts};
use domain::machine::{Machine, MachineState};
use domain::node::Node;
use function::report::count;
use function::{Failed, Tally};
use jiff::{SignedDuration, Timestamp};
use kubernetes::ListNodes;

use crate::targets::Target;

/// All nodes are listed again after this long, so that one which nobody expected is seen. In between, those that
/// are waited for are read by their names.
const LIST_EVERY: SignedDuration = SignedDuration::from_secs(15);

/// With more than this many to read by name, one list is cheaper.
const FEW: usize = 10;

/// What is seen.
pub(crate) struct View {
    nodes: Vec<Node>,
    /// When all nodes were listed; `None` if that failed.
    listed: Option<Timestamp>,
    /// Why the API server can't be asked.
    cluster_trouble: Option<String>,
    machines: BTreeMap<InstanceId, Machine>,
    /// Instances that EC2 did not know.
    unknown: BTreeSet<InstanceId>,
    /// Why EC2 can't be asked.
    ec2_trouble: Option<String>,
}

impl View {
    /// The nodes as the invocation's first request told them.
    pub(crate) fn new(
        listed: Result<Vec<Node>, kubernetes::Error>,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Self {
        let mut view = Self {
            nodes: Vec::new(),
            listed: None,
            cluster_trouble: None,
            machines: BTreeMap::new(),
            unknown: BTreeSet::new(),
            ec2_trouble: None,
        };
        view.take_list(listed, now, tally);
        view
    }

    /// Of a cluster into which there is no way.
    pub(crate) fn unreachable(why: &str) -> Self {
        Self {
            nodes: Vec::new(),
            listed: None,
            cluster_trouble: Some(why.to_owned()),
            machines: BTreeMap::new(),
            unknown: BTreeSet::new(),
            ec2_trouble: None,
        }
    }

    /// What a plan for `target` rests on.
    pub(crate) fn observation<'a>(&'a self, target: &'a Target) -> Observation<'a> {
        let facts = match (self.machines.get(target.id()), &self.ec2_trouble) {
            (Some(machine), _) => Facts::Known(machine),
            (None, _) if self.unknown.contains(target.id()) => Facts::Missing,
            (None, Some(why)) => Facts::Unreachable(why),
            (None, None) => Facts::NotAsked,
        };
        let cluster = match &self.cluster_trouble {
            Some(why) => Cluster::Unreachable(why),
            None => Cluster::Nodes(&self.nodes),
        };
        Observation {
            instance: target.id(),
            group: &target.instance.group,
            template: &target.template,
            hook: &target.instance.hook,
            facts,
            cluster,
            progress: target.progress,
        }
    }

    /// Reads the nodes that `targets` wait for once more, or all of them.
    pub(crate) async fn refresh<K: ListNodes>(
        &mut self,
        cluster: &K,
        targets: &[Target],
        policy: &Policy,
        now: Timestamp,
        tally: &mut Tally,
    ) {
        let is_recent = |at: Timestamp| now.duration_since(at) < LIST_EVERY;
        if targets.len() > FEW || !self.listed.is_some_and(is_recent) {
            return self.take_list(cluster.all_nodes().await, now, tally);
        }
        let expected = |target: &Target| self.machines.get(target.id())?.node_name(policy.naming).ok();
        let names: Vec<NodeName> = targets.iter().filter_map(expected).collect();
        let reads = names.iter().map(|name| cluster.node(name));
        let reads = futures::future::join_all(reads).await;
        let mut has_joined = false;
        for (name, read) in names.iter().zip(reads) {
            match read {
                Ok(Some(node)) => {
                    has_joined |= self.node(name).is_none();
                    self.saw(node);
                }
                Ok(None) => self.nodes.retain(|node| node.name != *name),
                Err(error) => return self.take_list(Err(error), now, tally),
            }
        }
        // Before anything is written on it, it must be known whether another node claims its machine.
        if has_joined {
            self.take_list(cluster.all_nodes().await, now, tally);
        }
    }

    fn take_list(&mut self, listed: Result<Vec<Node>, kubernetes::Error>, now: Timestamp, tally: &mut Tally) {
        match listed {
            Ok(nodes) => {
                self.nodes = nodes;
                self.listed = Some(now);
                self.cluster_trouble = None;
            }
            Err(error) => {
                let failed = Failed::from(error);
                self.listed = None;
                self.cluster_trouble = Some(failed.message.clone());
                fail_once(failed, "the cluster can't be asked", tally);
            }
        }
    }

    /// A node as it is now.
    pub(crate) fn saw(&mut self, node: Node) {
        match self.nodes.iter_mut().find(|known| known.name == node.name) {
            Some(known) => *known = node,
            None => self.nodes.push(node),
        }
    }

    /// The node of that name, as it was last seen.
    pub(crate) fn node(&self, name: &NodeName) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == *name)
    }

    /// Asks EC2 about those of `targets` for which it must be known, all in one request.
    pub(crate) async fn ask_ec2<E: DescribeMachines>(
        &mut self,
        ec2: &E,
        targets: &[Target],
        policy: &Policy,
        tally: &mut Tally,
    ) {
        let is_wanted = |target: &&Target| {
            !self.is_settled(target.id(), policy) && needs_facts(&self.observation(target), policy)
        };
        let wanted = targets.iter().filter(is_wanted).map(|target| target.id().clone());
        let wanted: Vec<InstanceId> = wanted.collect();
        if wanted.is_empty() {
            return;
        }
        tally.one(count::AWS_CALLS);
        match ec2.machines(&wanted).await {
            Ok(machines) => {
                self.ec2_trouble = None;
                self.unknown.extend(wanted);
                for machine in machines {
                    self.unknown.remove(&machine.id);
                    self.machines.insert(machine.id.clone(), machine);
                }
            }
            Err(error) => {
                let failed = Failed::from(error);
                self.ec2_trouble = Some(failed.message.clone());
                fail_once(failed, "EC2 can't be asked", tally);
            }
        }
    }

    /// Whether all is known of a machine that can be. One that has just been launched may lack its name.
    fn is_settled(&self, instance: &InstanceId, policy: &Policy) -> bool {
        self.machines.get(instance).is_some_and(|machine| {
            machine.state == MachineState::Running
                && !machine.ips.is_empty()
                && machine.node_name(policy.naming).is_ok()
        })
    }
}

/// What fails in each round is told once.
fn fail_once(failed: Failed, what: &str, tally: &mut Tally) {
    if !tally.failures().contains(&failed) {
        tracing::error!(error = failed.message, "{what}");
        tally.fail(failed);
    }
}
