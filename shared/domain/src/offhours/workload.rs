//! A resource of the cluster, as the API server tells of it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Key, Size};
use crate::ids::Uid;

/// A Deployment, StatefulSet, CronJob or HorizontalPodAutoscaler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// Which one.
    pub key: Key,
    /// What tells it from another of its name.
    pub uid: Uid,
    /// The version that was seen: a patch must hold for no other.
    pub version: String,
    /// When it was created.
    pub created: Timestamp,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// How large it is to be: `spec.replicas`, `spec.suspend`, `spec.minReplicas`.
    pub size: Size,
    /// Who wrote that size last, if its managed fields tell.
    pub writer: Option<Writer>,
    /// How many pods are ready, as its controller counts them; 0 for kinds that have none.
    pub ready: u32,
    /// What a HorizontalPodAutoscaler scales, and how far.
    pub scales: Option<Scales>,
}

/// Who wrote a field last, as `metadata.managedFields` tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writer {
    /// The field manager: `kubectl`, `helm`, `argocd-controller`.
    pub manager: String,
    /// How it wrote.
    pub operation: Operation,
    /// When it wrote.
    pub at: Option<Timestamp>,
}

/// How a field was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// By server-side apply: somebody declared it, with whatever tool.
    Apply,
    /// In any other way.
    Update,
}

/// What a HorizontalPodAutoscaler scales.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scales {
    /// The Deployment or StatefulSet; others are `None`.
    pub target: Option<Key>,
    /// `spec.maxReplicas`.
    pub max: u32,
}

/// A namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Since when it is being deleted, if it is: nothing can be created in it any more.
    pub deleted: Option<Timestamp>,
}
