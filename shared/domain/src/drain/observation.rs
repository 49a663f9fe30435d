//! What was seen of one instance and its node at one moment.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Pod, Refusal};
use crate::hook::HookView;
use crate::ids::{InstanceId, Uid};
use crate::lifecycle::Completion;
use crate::node::Node;

/// Everything that a plan rests on.
#[derive(Debug, Clone)]
pub struct Observation {
    /// The instance.
    pub instance: InstanceId,
    /// What Auto Scaling says of it.
    pub hook: HookView,
    /// What Kubernetes says of it.
    pub cluster: Cluster,
    /// What this invocation has done about it so far.
    pub progress: Progress,
}

/// Kubernetes' side.
#[derive(Debug, Clone)]
pub enum Cluster {
    /// The API server can't be asked; why.
    Unreachable(String),
    /// It was asked, and no node runs on the instance. Where one did a moment ago, these pods are still bound to
    /// its name: somebody deleted it under them.
    NoNode(Vec<Pod>),
    /// The node and every pod that is bound to it.
    Node(Box<Node>, Vec<Pod>),
}

/// What one invocation remembers of its own work. The next one starts with an empty one and loses nothing
/// by it.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// Whether it began the drain: the mark on the node is its own.
    pub began: bool,
    /// When it last sent a heartbeat.
    pub heartbeat: Option<Timestamp>,
    /// What Auto Scaling answered when it completed the hook.
    pub completion: Option<Completion>,
    /// Evictions that were refused: why, and when to ask again.
    pub refusals: BTreeMap<Uid, (Refusal, Timestamp)>,
    /// Whether people were told of the pods that are held back.
    pub told_of_refusals: bool,
    /// Whether people were told that the drain is over.
    pub told_of_end: bool,
}
