//! A workload and its pods, as the API server tells of them, as far as images and rollouts are concerned.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::choice::Digest;
use super::target::Target;
use crate::ids::{NodeName, Uid};

/// The name under which our writes appear in `metadata.managedFields`.
pub const FIELD_MANAGER: &str = "lamplighter-image-deploy";

/// A Deployment, StatefulSet, DaemonSet or CronJob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// Which one.
    pub target: Target,
    /// What tells it from another of its name.
    pub uid: Uid,
    /// The version that was seen: a patch must hold for no other.
    pub version: String,
    /// Its annotations, without kubectl's copy of the manifest.
    pub annotations: BTreeMap<String, String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The kind and name of the controller that owns it, if its owner references name one.
    pub controller: Option<String>,
    /// The containers of its pod template; init containers too.
    pub containers: Vec<Container>,
    /// The architecture that its node selector names by `kubernetes.io/arch`.
    pub node_architecture: Option<String>,
    /// How far its controller has brought it.
    pub rollout: Rollout,
}

/// A container of a pod template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its image, as it is written.
    pub image: String,
    /// When it runs.
    pub role: Role,
}

/// When a container runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// As long as its pod.
    Main,
    /// Before the others; sidecars of the restartable kind are among these.
    Init,
}

/// How far the controller of a workload has brought it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollout {
    /// `metadata.generation`: the specification that there is.
    pub generation: i64,
    /// `status.observedGeneration`: the one that the controller has seen.
    pub observed: i64,
    /// Pods wanted: `spec.replicas`, a DaemonSet's `status.desiredNumberScheduled`.
    pub wanted: u32,
    /// Pods that there are.
    pub pods: u32,
    /// Of these, how many are of the newest specification.
    pub updated: u32,
    /// How many are available: ready for `minReadySeconds`.
    pub available: u32,
    /// Who replaces pods.
    pub replacement: Replacement,
    /// Whether a Deployment is paused.
    pub paused: bool,
    /// `spec.progressDeadlineSeconds` of a Deployment.
    pub progress_deadline: Option<SignedDuration>,
    /// What a Deployment's condition `Progressing` says when it is `False`, for example `ProgressDeadlineExceeded`.
    pub stalled: Option<String>,
    /// What a Deployment's condition `ReplicaFailure` says: why pods can't be made (a quota, an admission webhook).
    pub no_pods: Option<String>,
}

/// Who replaces pods of an old specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replacement {
    /// The controller, all of them.
    Controller,
    /// A person: `OnDelete`, or a StatefulSet's partition, or a CronJob's next run.
    ByHand,
}

/// What belongs to a workload.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Family {
    /// Its pods.
    pub pods: Vec<Pod>,
    /// Our annotations on each of a Deployment's `ReplicaSet`s. Its controller copies the Deployment's to the newest of them,
    /// and `kubectl rollout undo` copies those of an older one back: what was remembered since is here alone then.
    pub revisions: Vec<BTreeMap<String, String>>,
}

/// A pod of a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: Uid,
    /// On which node it is, if on one.
    pub node: Option<NodeName>,
    /// When it was created.
    pub created: Timestamp,
    /// Since when it has its node (its condition `PodScheduled`).
    pub scheduled: Option<Timestamp>,
    /// Why it has none, where the scheduler said so.
    pub unschedulable: Option<String>,
    /// Whether it is being deleted.
    pub leaving: bool,
    /// Since when it is ready, if it is.
    pub ready: Option<Timestamp>,
    /// Its containers; init containers too.
    pub containers: Vec<Running>,
}

/// A container of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Its name.
    pub name: String,
    /// The image that the pod's specification names.
    pub image: String,
    /// The digest in the `imageID` that its node reports, once the image is there. The index's for an image of several
    /// architectures, or the one of its own.
    pub digest: Option<Digest>,
    /// Whether it is ready.
    pub is_ready: bool,
    /// How often it was started again.
    pub restarts: u32,
    /// What it does.
    pub state: ContainerState,
    /// How it ended the time before.
    pub last: Option<Ended>,
}

/// What a container does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContainerState {
    /// Its node has not said anything.
    Unknown,
    /// It waits.
    Waiting {
        /// For example `ImagePullBackOff`.
        reason: String,
        /// The sentence of the kubelet.
        message: String,
    },
    /// It runs.
    Running {
        /// Since when.
        since: Timestamp,
    },
    /// It ended.
    Ended(Ended),
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code.
    pub code: i32,
    /// For example `Error`, `OOMKilled`, `StartError`.
    pub reason: String,
    /// The message, for example `exec format error`.
    pub message: String,
}
