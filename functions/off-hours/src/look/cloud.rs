//! What AWS has.

use std::collections::{BTreeMap, BTreeSet};

use aws::autoscaling::Group;
use aws::eks::Nodegroup;
use aws::rds::Database;
use domain::ids::ClusterName;
use domain::keys::{CLUSTER_TAG, SAVED_SIZE_TAG, STATE_TAG, TAG_PREFIX};
use domain::lifecycle::LifecycleState;
use domain::node::Node;
use domain::offhours::{
    Condition, DatabaseStatus, Key, Kind, MaintenanceWindow, NodegroupStatus, Place, Resource, Size, Switch,
    Traits,
};
use function::report::count;
use function::{Failed, Tally};

use super::{Handle, InCloud, Scene, below, mirror};
use crate::{Databases, Groups, Nodegroups};

/// By this tag Cluster Autoscaler finds the groups that it may resize (its AWS README, "Auto-Discovery Setup").
const AUTOSCALED: &str = "k8s.io/cluster-autoscaler/enabled";
/// EKS puts this tag on the groups behind its node groups. They are changed through EKS alone.
const OF_NODEGROUP: &str = "eks:nodegroup-name";
/// EKS labels the nodes of a node group by its name.
const NODEGROUP_LABEL: &str = "eks.amazonaws.com/nodegroup";

/// AWS, and which part of it is the cluster's.
pub struct Cloud<'a, A, E, D> {
    /// Auto Scaling.
    pub autoscaling: &'a A,
    /// EKS; none where the cluster is not one of EKS.
    pub eks: Option<&'a E>,
    /// RDS.
    pub rds: &'a D,
    /// The cluster.
    pub cluster: &'a ClusterName,
}

impl<A: Groups, E: Nodegroups, D: Databases> Cloud<'_, A, E, D> {
    /// Looks at groups, node groups and databases. `nodes` tell whether machines are ready, where they are known.
    pub(crate) async fn look(&self, scene: &Scene<'_>, nodes: Option<&[Node]>, tally: &mut Tally) -> InCloud {
        let nodegroups = async {
            match self.eks {
                Some(eks) => eks.nodegroups_of(self.cluster).await,
                None => Ok(Vec::new()),
            }
        };
        tally.count(count::AWS_CALLS, 2);
        let (groups, nodegroups, databases) = futures::join!(
            self.autoscaling.groups_of(self.cluster),
            nodegroups,
            self.rds.databases()
        );
        let mut seen = InCloud::default();
        if let Some(groups) = seen.keep(Kind::Group, groups) {
            seen.resources
                .extend(groups.into_iter().map(|one| group(one, scene, nodes)));
        }
        if let Some(nodegroups) = seen.keep(Kind::NodeGroup, nodegroups) {
            if self.eks.is_some() {
                tally.count(count::AWS_CALLS, 1 + nodegroups.len() as u64);
            }
            let ours = nodegroups.into_iter().filter(|one| self.is_ours(&one.tags));
            seen.resources
                .extend(ours.map(|one| nodegroup(one, scene, nodes)));
        }
        if let Some(databases) = seen.keep(Kind::Database, databases) {
            let ours = databases.into_iter().filter(|one| self.is_ours(&one.tags));
            seen.resources.extend(ours.map(|one| database(one, scene)));
        }
        seen
    }

    fn is_ours(&self, tags: &BTreeMap<String, String>) -> bool {
        tags.get(CLUSTER_TAG)
            .is_some_and(|name| name == self.cluster.as_str())
    }
}

impl InCloud {
    fn keep<T>(&mut self, kind: Kind, listed: Result<T, aws::Error>) -> Option<T> {
        match listed {
            Ok(listed) => Some(listed),
            Err(error) => {
                self.unseen.insert(kind);
                self.failures.push(Failed::from(error));
                None
            }
        }
    }
}

/// What all three have in common: tags.
fn resource(key: Key, size: Size, tags: &BTreeMap<String, String>, scene: &Scene<'_>) -> Resource {
    let own = below(tags, TAG_PREFIX);
    let of_tags = |key: &'static str| own.get(key).copied();
    let places = [Place {
        origin: key.to_string(),
        lookup: &of_tags,
    }];
    Resource {
        size,
        settings: scene.settings(&key, &places),
        created: None,
        writer: None,
        mirror: mirror(tags, STATE_TAG, SAVED_SIZE_TAG),
        condition: Condition::READY,
        unsupported: None,
        traits: Traits::default(),
        key,
    }
}

fn is_ready(node: &Node) -> bool {
    node.ready.is_some_and(|ready| ready.is_ready)
}

fn at_least(there: usize, wanted: u32) -> bool {
    u32::try_from(there).is_ok_and(|there| there >= wanted)
}

fn group(group: Group, scene: &Scene<'_>, nodes: Option<&[Node]>) -> (Resource, Handle) {
    let key = Key::of_aws(Kind::Group, group.name.as_str());
    let in_service = group
        .instances
        .iter()
        .filter(|one| one.lifecycle == LifecycleState::InService);
    // Without a look at the nodes, what Auto Scaling says has to do.
    let ready = match nodes {
        None => in_service.count(),
        Some(nodes) => {
            let ready: BTreeSet<_> = nodes
                .iter()
                .filter(|node| is_ready(node))
                .filter_map(|node| node.instance.as_ref())
                .collect();
            in_service.filter(|one| ready.contains(&one.id)).count()
        }
    };
    let of_nodegroup = group.tags.get(OF_NODEGROUP);
    let unsupported =
        of_nodegroup.map(|name| format!("EKS manages it for node group {name}: tag that one instead"));
    let mut machines = BTreeMap::new();
    for one in &group.instances {
        *machines.entry(one.machine_type.clone()).or_default() += 1;
    }
    let seen = Resource {
        created: group.created,
        condition: Condition {
            is_ready: at_least(ready, group.capacity.desired),
            is_quiet: group.instances.is_empty(),
            is_busy: false,
        },
        unsupported,
        traits: Traits {
            is_autoscaled: group.tags.contains_key(AUTOSCALED),
            machines,
            ..Traits::default()
        },
        ..resource(key, Size::Capacity(group.capacity), &group.tags, scene)
    };
    (seen, Handle::Group(group.name))
}

fn nodegroup(group: Nodegroup, scene: &Scene<'_>, nodes: Option<&[Node]>) -> (Resource, Handle) {
    let key = Key::of_aws(Kind::NodeGroup, &group.name);
    let is_at_rest = matches!(group.status, NodegroupStatus::Active | NodegroupStatus::Degraded);
    let its = |node: &&Node| node.labels.get(NODEGROUP_LABEL) == Some(&group.name);
    let (is_ready, is_quiet) = match nodes {
        None => (is_at_rest, is_at_rest),
        Some(nodes) => {
            let ready = nodes.iter().filter(its).filter(|node| is_ready(node)).count();
            (
                at_least(ready, group.capacity.desired),
                !nodes.iter().any(|node| its(&node)),
            )
        }
    };
    for problem in &group.problems {
        tracing::warn!(nodegroup = group.name, problem, "the node group is not well");
    }
    let machine_type = group.machine_types.first().cloned().unwrap_or_default();
    let seen = Resource {
        created: group.created,
        condition: Condition {
            is_ready,
            is_quiet,
            is_busy: !is_at_rest,
        },
        traits: Traits {
            machines: BTreeMap::from([(machine_type, group.capacity.desired)]),
            ..Traits::default()
        },
        ..resource(key, Size::Capacity(group.capacity), &group.tags, scene)
    };
    (seen, Handle::Nodegroup { arn: group.arn })
}

fn database(database: Database, scene: &Scene<'_>) -> (Resource, Handle) {
    let key = Key::of_aws(Kind::Database, &database.id);
    let (power, condition) = match &database.status {
        DatabaseStatus::Available => (Switch::On, Condition::READY),
        DatabaseStatus::Stopped => (Switch::Off, Condition::QUIET),
        DatabaseStatus::Stopping => (Switch::Off, BUSY),
        // It serves, and takes no change for a while.
        DatabaseStatus::BackingUp | DatabaseStatus::StorageOptimization | DatabaseStatus::StorageFull => (
            Switch::On,
            Condition {
                is_busy: true,
                ..Condition::READY
            },
        ),
        DatabaseStatus::Starting
        | DatabaseStatus::Creating
        | DatabaseStatus::Deleting
        | DatabaseStatus::Modifying
        | DatabaseStatus::Rebooting
        | DatabaseStatus::Upgrading
        | DatabaseStatus::Maintenance
        | DatabaseStatus::Failed
        | DatabaseStatus::Other(_) => (Switch::On, BUSY),
    };
    let seen = Resource {
        created: database.created,
        condition,
        unsupported: unsupported(&database),
        traits: Traits {
            maintenance: MaintenanceWindow::parse(&database.maintenance_window),
            ..Traits::default()
        },
        ..resource(key, Size::Power(power), &database.tags, scene)
    };
    (seen, Handle::Database { arn: database.arn })
}

/// On its way from one state to another.
const BUSY: Condition = Condition {
    is_ready: false,
    is_quiet: false,
    is_busy: true,
};

/// What RDS does not stop (user guide, "Stopping an Amazon RDS DB instance temporarily", limitations).
fn unsupported(database: &Database) -> Option<String> {
    if let Some(source) = &database.replica_of {
        return Some(format!("RDS stops no read replica: it is one of {source}"));
    }
    if !database.replicas.is_empty() {
        let replicas = database.replicas.join(", ");
        return Some(format!(
            "RDS stops no instance that has read replicas: {replicas}"
        ));
    }
    if let Some(cluster) = &database.db_cluster {
        return Some(format!("RDS stops it only with all of its cluster {cluster}"));
    }
    let is_mirrored = database.engine.starts_with("sqlserver") && database.zones == aws::rds::Zones::Multi;
    is_mirrored.then(|| "RDS stops no SQL Server that runs in several zones".to_owned())
}
