//! What was seen of one instance and its node at one moment.

use jiff::Timestamp;

use super::tags::Template;
use crate::hook::HookView;
use crate::ids::{GroupName, InstanceId};
use crate::lifecycle::Completion;
use crate::machine::Machine;
use crate::node::Node;

/// Everything that a plan rests on.
#[derive(Debug, Clone)]
pub struct Observation<'a> {
    /// The instance.
    pub instance: &'a InstanceId,
    /// Its group.
    pub group: &'a GroupName,
    /// What the group's tags say.
    pub template: &'a Template,
    /// What Auto Scaling says of it.
    pub hook: &'a HookView,
    /// What EC2 says of it.
    pub facts: Facts<'a>,
    /// What Kubernetes says.
    pub cluster: Cluster<'a>,
    /// What this invocation has done about it so far.
    pub progress: Progress,
}

/// EC2's side.
#[derive(Debug, Clone, Copy)]
pub enum Facts<'a> {
    /// It was not asked.
    NotAsked,
    /// It can't be asked; why.
    Unreachable(&'a str),
    /// It knows no such instance.
    Missing,
    /// The machine.
    Known(&'a Machine),
}

/// Kubernetes' side.
#[derive(Debug, Clone, Copy)]
pub enum Cluster<'a> {
    /// The API server can't be asked; why.
    Unreachable(&'a str),
    /// The nodes of the cluster.
    Nodes(&'a [Node]),
}

/// What one invocation remembers of its own work. The next one starts with an empty one and loses nothing by it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Progress {
    /// When it last sent a heartbeat.
    pub heartbeat: Option<Timestamp>,
    /// What Auto Scaling answered when it completed the hook.
    pub completion: Option<Completion>,
    /// Whether people were told what keeps the node from being labelled.
    pub told: bool,
}
