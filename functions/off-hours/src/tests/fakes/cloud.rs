//! Auto Scaling, EKS and RDS.

use std::collections::BTreeMap;

use aws::autoscaling::{DescribeGroups, Group, GroupInstance, Health, ResizeGroup, TagGroup};
use aws::eks::{DescribeNodegroups, Nodegroup, ResizeNodegroup, TagNodegroup};
use aws::rds::{Database, DescribeDatabases, StartDatabase, StopDatabase, TagDatabase, Zones};
use domain::ids::{ClusterName, GroupName, InstanceId, NodeName, Uid};
use domain::keys::CLUSTER_TAG;
use domain::lifecycle::LifecycleState;
use domain::node::{Node, Ready};
use domain::offhours::{Capacity, DatabaseStatus, Key, Kind, NodegroupStatus, Size, Switch};
use jiff::{SignedDuration, Timestamp};

use super::{Fake, Haste, World};

/// A machine is in service so long after it was launched, its node registers, and is ready.
const IN_SERVICE_AFTER: SignedDuration = SignedDuration::from_secs(15);
const NODE_AFTER: SignedDuration = SignedDuration::from_secs(20);
const READY_AFTER: SignedDuration = SignedDuration::from_secs(30);
/// A machine is drained for so long before it goes, and its node with it.
const DRAINED_FOR: SignedDuration = SignedDuration::from_secs(40);
/// EKS takes no other change of a node group for so long after one.
const UPDATING_FOR: SignedDuration = SignedDuration::from_secs(35);
/// A database takes so long to stop or to start.
const POWER_TAKES: SignedDuration = SignedDuration::from_secs(75);
/// AWS starts what was stopped.
const STARTED_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A group or a node group, and its machines.
#[derive(Debug, Clone)]
pub(in crate::tests) struct Pool {
    pub(in crate::tests) capacity: Capacity,
    pub(in crate::tests) tags: BTreeMap<String, String>,
    /// Whether there are machines to be had.
    pub(in crate::tests) has_supply: bool,
    /// Of a node group: until when it takes no other change.
    pub(in crate::tests) busy_until: Timestamp,
    machines: Vec<Machine>,
}

#[derive(Debug, Clone)]
struct Machine {
    number: u64,
    born: Timestamp,
    dying: Option<Timestamp>,
}

/// A database, and since when it is what it is.
#[derive(Debug, Clone)]
pub(in crate::tests) struct Instance {
    pub(in crate::tests) described: Database,
    pub(in crate::tests) since: Timestamp,
}

impl Machine {
    fn id(&self) -> InstanceId {
        InstanceId::parse(format!("i-{:017x}", self.number)).unwrap()
    }

    fn lifecycle(&self, now: Timestamp, haste: Haste) -> LifecycleState {
        LifecycleState::parse(match self.dying {
            Some(_) => "Terminating:Wait",
            None if now < self.born + haste.of(IN_SERVICE_AFTER) => "Pending",
            None => "InService",
        })
    }

    fn node(&self, labels: &BTreeMap<String, String>, now: Timestamp, haste: Haste) -> Option<Node> {
        let created = self.born + haste.of(NODE_AFTER);
        if now < created {
            return None;
        }
        let name = NodeName::parse(format!("ip-10-0-0-{}", self.number)).unwrap();
        let node = Node::new(name, Uid::parse(self.number.to_string()).unwrap(), created);
        let since = self.born + haste.of(READY_AFTER);
        Some(Node {
            labels: labels.clone(),
            ready: Some(Ready {
                is_ready: now >= since && self.dying.is_none(),
                since,
            }),
            ..node.on(format!("aws:///eu-central-1a/{}", self.id()))
        })
    }
}

impl Pool {
    pub(in crate::tests) fn new(size: &str, tags: &[(&str, &str)]) -> Self {
        let mut tags = super::map(tags);
        tags.insert(CLUSTER_TAG.to_owned(), "blue".to_owned());
        Self {
            capacity: Capacity::parse(size).unwrap(),
            tags,
            has_supply: true,
            busy_until: Timestamp::UNIX_EPOCH,
            machines: Vec::new(),
        }
    }

    fn settle(&mut self, now: Timestamp, haste: Haste, number: &mut u64) {
        self.machines
            .retain(|one| one.dying.is_none_or(|since| now < since + haste.of(DRAINED_FOR)));
        let wanted = self.capacity.desired as usize;
        for one in self
            .machines
            .iter_mut()
            .filter(|one| one.dying.is_none())
            .skip(wanted)
        {
            one.dying = Some(now);
        }
        while self.has_supply && self.living() < wanted {
            *number += 1;
            self.machines.push(Machine {
                number: *number,
                born: now,
                dying: None,
            });
        }
    }

    fn living(&self) -> usize {
        self.machines.iter().filter(|one| one.dying.is_none()).count()
    }

    fn resize(&mut self, to: Capacity) -> Result<(), &'static str> {
        if to.min > to.desired || to.desired > to.max {
            return Err("ValidationError");
        }
        self.capacity = to;
        Ok(())
    }
}

impl World {
    pub(super) fn settle_cloud(&mut self, now: Timestamp) {
        for pool in self.groups.values_mut().chain(self.nodegroups.values_mut()) {
            pool.settle(now, self.haste, &mut self.number);
        }
        for database in self.databases.values_mut() {
            let (next, after) = match database.described.status {
                DatabaseStatus::Stopping => (DatabaseStatus::Stopped, self.haste.of(POWER_TAKES)),
                DatabaseStatus::Starting => (DatabaseStatus::Available, self.haste.of(POWER_TAKES)),
                DatabaseStatus::Stopped => (DatabaseStatus::Starting, STARTED_AGAIN_AFTER),
                _ => continue,
            };
            if now >= database.since + after {
                database.described.status = next;
                database.since += after;
            }
        }
    }

    pub(super) fn nodes(&self, now: Timestamp) -> Vec<Node> {
        let (none, haste) = (BTreeMap::new(), self.haste);
        let of_groups = self.groups.values().map(|pool| (pool, none.clone()));
        let label = |name: &str| super::map(&[("eks.amazonaws.com/nodegroup", name)]);
        let of_nodegroups = self.nodegroups.iter().map(|(name, pool)| (pool, label(name)));
        let nodes = of_groups.chain(of_nodegroups).flat_map(|(pool, labels)| {
            let machines = pool.machines.iter();
            machines.filter_map(move |one| one.node(&labels, now, haste))
        });
        nodes.collect()
    }

    fn mark(
        tags: Option<&mut BTreeMap<String, String>>,
        set: &[(&str, &str)],
        removed: &[&str],
    ) -> Result<(), &'static str> {
        let tags = tags.ok_or("ValidationError")?;
        tags.extend(super::map(set));
        tags.retain(|key, _| !removed.contains(&key.as_str()));
        Ok(())
    }
}

impl DescribeGroups for Fake {
    async fn groups_of(&self, cluster: &ClusterName) -> Result<Vec<Group>, aws::Error> {
        self.aws("asg describe", |world, now| {
            let haste = world.haste;
            let ours = world.groups.iter().filter(|(_, pool)| {
                let tag = pool.tags.get(CLUSTER_TAG);
                tag.is_some_and(|tag| tag == cluster.as_str())
            });
            let instance = |one: &Machine| GroupInstance {
                id: one.id(),
                lifecycle: one.lifecycle(now, haste),
                zone: "eu-central-1a".to_owned(),
                health: Health::Healthy,
                machine_type: "m7g.large".to_owned(),
            };
            let group = |(name, pool): (&String, &Pool)| Group {
                name: GroupName::parse(name.clone()).unwrap(),
                tags: pool.tags.clone(),
                capacity: pool.capacity,
                created: None,
                instances: pool.machines.iter().map(instance).collect(),
            };
            Ok(ours.map(group).collect())
        })
        .await
    }

    async fn groups_named(&self, _: &[GroupName]) -> Result<Vec<Group>, aws::Error> {
        unreachable!("groups are found by their tag")
    }
}

impl ResizeGroup for Fake {
    async fn resize_group(&self, group: &GroupName, capacity: Capacity) -> Result<(), aws::Error> {
        self.aws("asg resize", |world, now| {
            let pool = world.groups.get_mut(group.as_str()).ok_or("ValidationError")?;
            pool.resize(capacity)?;
            let key = Key::of_aws(Kind::Group, group.as_str());
            world.resized(&key, Size::Capacity(capacity), now);
            Ok(())
        })
        .await
    }
}

impl TagGroup for Fake {
    async fn tag_group(&self, group: &GroupName, tags: &[(&str, &str)]) -> Result<(), aws::Error> {
        self.aws("asg tag", |world, _| {
            world.writes.push(format!("tag group/{group}"));
            World::mark(
                world.groups.get_mut(group.as_str()).map(|pool| &mut pool.tags),
                tags,
                &[],
            )
        })
        .await
    }

    async fn untag_group(&self, group: &GroupName, keys: &[&str]) -> Result<(), aws::Error> {
        self.aws("asg untag", |world, _| {
            world.writes.push(format!("untag group/{group}"));
            World::mark(
                world.groups.get_mut(group.as_str()).map(|pool| &mut pool.tags),
                &[],
                keys,
            )
        })
        .await
    }
}

impl DescribeNodegroups for Fake {
    async fn nodegroups_of(&self, _: &ClusterName) -> Result<Vec<Nodegroup>, aws::Error> {
        self.aws("eks describe", |world, now| {
            let nodegroup = |(name, pool): (&String, &Pool)| Nodegroup {
                name: name.clone(),
                arn: name.clone(),
                capacity: pool.capacity,
                status: if now < pool.busy_until {
                    NodegroupStatus::Updating
                } else {
                    NodegroupStatus::Active
                },
                tags: pool.tags.clone(),
                groups: vec![],
                problems: vec![],
                created: None,
                machine_types: vec!["c7g.large".to_owned()],
            };
            Ok(world.nodegroups.iter().map(nodegroup).collect())
        })
        .await
    }
}

impl ResizeNodegroup for Fake {
    async fn resize_nodegroup(&self, _: &ClusterName, name: &str, to: Capacity) -> Result<(), aws::Error> {
        self.aws("eks resize", |world, now| {
            let updated = now + world.haste.of(UPDATING_FOR);
            let pool = world.nodegroups.get_mut(name).ok_or("ValidationError")?;
            if now < pool.busy_until {
                return Err("ResourceInUseException");
            }
            if to.max == 0 {
                return Err("InvalidParameterException");
            }
            pool.resize(to)?;
            pool.busy_until = updated;
            world.resized(&Key::of_aws(Kind::NodeGroup, name), Size::Capacity(to), now);
            Ok(())
        })
        .await
    }
}

impl TagNodegroup for Fake {
    async fn tag_nodegroup(&self, arn: &str, tags: &[(&str, &str)]) -> Result<(), aws::Error> {
        self.aws("eks tag", |world, _| {
            world.writes.push(format!("tag nodegroup/{arn}"));
            World::mark(
                world.nodegroups.get_mut(arn).map(|pool| &mut pool.tags),
                tags,
                &[],
            )
        })
        .await
    }

    async fn untag_nodegroup(&self, arn: &str, keys: &[&str]) -> Result<(), aws::Error> {
        self.aws("eks untag", |world, _| {
            world.writes.push(format!("untag nodegroup/{arn}"));
            World::mark(
                world.nodegroups.get_mut(arn).map(|pool| &mut pool.tags),
                &[],
                keys,
            )
        })
        .await
    }
}

/// A database that runs.
pub(in crate::tests) fn database(id: &str, tags: &[(&str, &str)]) -> Instance {
    let mut tags = super::map(tags);
    tags.insert(CLUSTER_TAG.to_owned(), "blue".to_owned());
    Instance {
        since: Timestamp::UNIX_EPOCH,
        described: Database {
            id: id.to_owned(),
            arn: id.to_owned(),
            status: DatabaseStatus::Available,
            tags,
            maintenance_window: "sun:05:00-sun:05:30".to_owned(),
            replica_of: None,
            replicas: vec![],
            db_cluster: None,
            class: "db.t4g.medium".to_owned(),
            created: None,
            engine: "postgres".to_owned(),
            zones: Zones::Single,
        },
    }
}

impl World {
    fn switch(&mut self, id: &str, switch: Switch, now: Timestamp) -> Result<(), &'static str> {
        let (from, to) = match switch {
            Switch::Off => (DatabaseStatus::Available, DatabaseStatus::Stopping),
            Switch::On => (DatabaseStatus::Stopped, DatabaseStatus::Starting),
        };
        let database = self.databases.get_mut(id).ok_or("ValidationError")?;
        if database.described.status != from {
            return Err("InvalidDBInstanceState");
        }
        database.described.status = to;
        database.since = now;
        self.resized(&Key::of_aws(Kind::Database, id), Size::Power(switch), now);
        Ok(())
    }
}

impl DescribeDatabases for Fake {
    async fn databases(&self) -> Result<Vec<Database>, aws::Error> {
        self.aws("rds describe", |world, _| {
            Ok(world
                .databases
                .values()
                .map(|one| one.described.clone())
                .collect())
        })
        .await
    }
}

impl StopDatabase for Fake {
    async fn stop_database(&self, id: &str) -> Result<(), aws::Error> {
        self.aws("rds stop", |world, now| world.switch(id, Switch::Off, now))
            .await
    }
}

impl StartDatabase for Fake {
    async fn start_database(&self, id: &str) -> Result<(), aws::Error> {
        self.aws("rds start", |world, now| world.switch(id, Switch::On, now))
            .await
    }
}

impl TagDatabase for Fake {
    async fn tag_database(&self, arn: &str, tags: &[(&str, &str)]) -> Result<(), aws::Error> {
        self.aws("rds tag", |world, _| {
            world.writes.push(format!("tag database/{arn}"));
            let database = world.databases.get_mut(arn);
            World::mark(database.map(|one| &mut one.described.tags), tags, &[])
        })
        .await
    }

    async fn untag_database(&self, arn: &str, keys: &[&str]) -> Result<(), aws::Error> {
        self.aws("rds untag", |world, _| {
            world.writes.push(format!("untag database/{arn}"));
            let database = world.databases.get_mut(arn);
            World::mark(database.map(|one| &mut one.described.tags), &[], keys)
        })
        .await
    }
}
