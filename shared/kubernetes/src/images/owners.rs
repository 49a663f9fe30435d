//! Whose a pod is.

use std::collections::BTreeMap;

use domain::ids::Uid;
use domain::image::{Kind, Target};
use domain::keys::ANNOTATION_PREFIX;
use serde::Deserialize;

/// An object that may belong to another.
#[derive(Deserialize)]
pub(super) struct Owned {
    metadata: Meta,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Meta {
    uid: String,
    annotations: BTreeMap<String, String>,
    owner_references: Vec<Owner>,
}

/// An owner of an object.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Owner {
    pub(super) kind: String,
    pub(super) name: String,
    uid: String,
    controller: bool,
}

impl Owner {
    /// The one owner that makes and deletes the object, if there is one.
    pub(super) fn controller(owners: &[Self]) -> Option<&Self> {
        owners.iter().find(|owner| owner.controller)
    }
}

/// The workloads whose pods are wanted, by the UIDs of what pods belong to.
pub(super) struct Owners<'a>(BTreeMap<String, &'a Target>);

impl<'a> Owners<'a> {
    /// Those that pods belong to directly.
    pub(super) fn of(workloads: &'a [(Target, Uid)]) -> Self {
        let pairs = workloads.iter().filter_map(|(target, uid)| match target.kind {
            // The pods of a Deployment belong to its ReplicaSets, which are added.
            Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet => Some((uid.as_str().to_owned(), target)),
            Kind::CronJob => None,
        });
        Self(pairs.collect())
    }

    /// Adds those `ReplicaSet`s that belong to a workload.
    pub(super) fn add_replica_sets(&mut self, sets: &[Owned]) {
        let pairs: Vec<(String, &Target)> = sets
            .iter()
            .filter_map(|set| {
                let owner = Owner::controller(&set.metadata.owner_references)?;
                Some((set.metadata.uid.clone(), self.workload(owner)?))
            })
            .collect();
        self.0.extend(pairs);
    }

    /// What a `ReplicaSet` of one of the workloads remembers: whose it is, and those of its annotations that are ours.
    pub(super) fn memory(&self, set: Owned) -> Option<(&'a Target, BTreeMap<String, String>)> {
        let target = self.workload(Owner::controller(&set.metadata.owner_references)?)?;
        let mut annotations = set.metadata.annotations;
        annotations.retain(|key, _| key.starts_with(ANNOTATION_PREFIX));
        Some((target, annotations))
    }

    /// The workload that an owner is, or is of.
    pub(super) fn workload(&self, owner: &Owner) -> Option<&'a Target> {
        self.0.get(&owner.uid).copied()
    }
}
