//! What was seen of one instance and its node at one moment.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Node, Pod, Refusal};
use crate::ids::{HookName, InstanceId, Uid};
use crate::lifecycle::{Completion, Hook, LifecycleState};

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

/// Auto Scaling's side.
#[derive(Debug, Clone)]
pub enum HookView {
    /// It waits to terminate, in an enrolled group that has our hook.
    Waiting {
        /// Our hook.
        hook: Hook,
        /// The other terminate hooks of the group, each of which waits for somebody else.
        others: Vec<HookName>,
        /// When the hook began to wait, if an event said so.
        since: Option<Timestamp>,
    },
    /// It waits for nothing of ours.
    Elsewhere(LifecycleState),
    /// Auto Scaling knows it no more.
    Gone,
}

/// Kubernetes' side.
#[derive(Debug, Clone)]
pub enum Cluster {
    /// The API server can't be asked; why.
    Unreachable(String),
    /// It was asked, and no node runs on the instance.
    NoNode,
    /// The node and every pod that is bound to it.
    Node(Box<Node>, Vec<Pod>),
}

/// What one invocation remembers of its own work. The next one starts with an empty one and loses nothing
/// by it.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// When it last sent a heartbeat.
    pub heartbeat: Option<Timestamp>,
    /// What Auto Scaling answered when it completed the hook.
    pub completion: Option<Completion>,
    /// Evictions that were refused: why, and when to ask again.
    pub refusals: BTreeMap<Uid, (Refusal, Timestamp)>,
    /// Whether people were told of the pods that are held back.
    pub told_of_refusals: bool,
}
