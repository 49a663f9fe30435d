//! Looking at everything that can sleep.

mod cloud;
mod cluster;

use std::collections::{BTreeMap, BTreeSet};

use aws::s3::ETag;
use domain::ids::{GroupName, Uid};
use domain::node::Node;
use domain::offhours::{
    Key, Kind, Mirror, Observation, Override, Place, Policy, Record, Resource, Settings, SettingsError,
    Stage, applying,
};
use function::{Failed, Tally};
use jiff::Timestamp;

pub use cloud::Cloud;
pub(crate) use cluster::{look as look_at_cluster, nothing};

use crate::journal::{Pages, record_name};

/// What was seen, and what is needed to change it.
#[derive(Debug, Default)]
pub struct Sight {
    /// For the plan.
    pub seen: Observation,
    /// How each resource is changed.
    pub handles: BTreeMap<Key, Handle>,
    /// Which version of its record was seen.
    pub etags: BTreeMap<Key, ETag>,
    /// What it cost, and what could not be seen.
    pub tally: Tally,
}

/// How a resource is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handle {
    /// A resource of the cluster, at the version that was seen.
    Workload {
        /// `metadata.resourceVersion`.
        version: String,
        /// `metadata.uid`.
        uid: Uid,
    },
    /// A group.
    Group(GroupName),
    /// A node group.
    Nodegroup {
        /// Its ARN, by which it is tagged.
        arn: String,
    },
    /// A database.
    Database {
        /// Its ARN, by which it is tagged.
        arn: String,
    },
}

/// What counts for every resource that is looked at.
pub(crate) struct Scene<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) overrides: &'a [Override],
    pub(crate) records: &'a BTreeMap<Key, (Record, ETag)>,
    pub(crate) now: Timestamp,
}

impl Scene<'_> {
    /// What people say about a resource, in these places.
    fn settings(&self, key: &Key, places: &[Place<'_>]) -> Result<Settings, SettingsError> {
        let context = &self.policy.context;
        let told = applying(self.overrides, key, self.now).map(|told| told.scope(context));
        Settings::read(places, told.collect::<Result<_, _>>()?, self.policy)
    }

    /// Whether any resource of one of these kinds is on its way to sleep or asleep, so that what is left of it counts.
    fn any_sleeping(&self, of: impl Fn(Kind) -> bool) -> bool {
        self.any(of, |stage| matches!(stage, Stage::Saved | Stage::Asleep { .. }))
    }

    fn any(&self, of: impl Fn(Kind) -> bool, at: impl Fn(&Stage) -> bool) -> bool {
        self.records
            .iter()
            .any(|(key, (record, _))| of(key.kind()) && at(&record.stage))
    }

    /// Whether nodes have to be looked at: machines are on their way.
    pub(crate) fn needs_nodes(&self) -> bool {
        self.any(|kind| matches!(kind, Kind::Group | Kind::NodeGroup), |_| true)
    }
}

/// What the cluster has.
#[derive(Debug, Default)]
pub(crate) struct InCluster {
    pub(crate) resources: Vec<(Resource, Handle)>,
    /// Kinds that could not be listed.
    pub(crate) unseen: BTreeSet<Kind>,
    /// Its nodes, if they were looked at.
    pub(crate) nodes: Option<Vec<Node>>,
    pub(crate) failures: Vec<Failed>,
}

/// Puts together what was seen in the journal, in the cluster and in AWS.
pub(crate) fn sight(pages: &Pages, in_cluster: InCluster, in_cloud: InCloud) -> Sight {
    let mut sight = Sight::default();
    for (key, (record, etag)) in &pages.records {
        sight.seen.records.insert(key.clone(), record.clone());
        sight.etags.insert(key.clone(), etag.clone());
    }
    sight.seen.unseen = in_cluster.unseen.into_iter().chain(in_cloud.unseen).collect();
    for (resource, handle) in in_cluster.resources.into_iter().chain(in_cloud.resources) {
        if let Some(why) = unreadable(pages, &resource.key) {
            sight.seen.unreadable.insert(resource.key.clone(), why.clone());
        }
        sight.handles.insert(resource.key.clone(), handle);
        sight.seen.resources.push(resource);
    }
    for failed in in_cluster.failures.into_iter().chain(in_cloud.failures) {
        sight.tally.fail(failed);
    }
    sight
}

/// Why what is remembered or wanted of a resource can't be read, if so.
fn unreadable<'a>(pages: &'a Pages, key: &Key) -> Option<&'a String> {
    let names = [
        record_name(key),
        Override::object_name(Some(key)),
        Override::object_name(None),
    ];
    names.iter().find_map(|name| pages.unreadable.get(name))
}

/// What AWS has.
#[derive(Debug, Default)]
pub(crate) struct InCloud {
    pub(crate) resources: Vec<(Resource, Handle)>,
    /// Kinds that could not be listed.
    pub(crate) unseen: BTreeSet<Kind>,
    pub(crate) failures: Vec<Failed>,
}

/// The values of a map whose keys begin with `prefix`, without it.
fn below<'a>(map: &'a BTreeMap<String, String>, prefix: &str) -> BTreeMap<&'a str, &'a str> {
    map.iter()
        .filter_map(|(key, value)| Some((key.strip_prefix(prefix)?, value.as_str())))
        .collect()
}

fn mirror(map: &BTreeMap<String, String>, state: &str, size: &str) -> Option<Mirror> {
    Mirror::read(
        map.get(state).map(String::as_str),
        map.get(size).map(String::as_str),
    )
}
