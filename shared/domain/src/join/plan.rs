//! The decision: what to do next about one instance and its token.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::{Issued, TokenId};
use crate::ids::NodeName;
use crate::lifecycle::LifecycleState;
use crate::machine::{Machine, MachineState, Nameless, NodeNaming};
use crate::node::Node;

/// How far the clocks of EC2 and of the control plane may be apart.
const SKEW: SignedDuration = SignedDuration::from_secs(30);

/// What the deployment says about who gets a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Whose approval a token needs.
    pub mode: Mode,
    /// For how long after its launch a machine may have a token.
    pub window: SignedDuration,
    /// The instance profiles that may have one, by ARN; `None`: all of them.
    pub profiles: Option<Vec<String>>,
    /// Whether machines of control-plane and etcd groups get one too.
    pub control_plane: bool,
    /// How nodes are named.
    pub naming: NodeNaming,
}

/// Who approves the certificate of a machine that joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// We do, by [`judge`](super::judge), for the machine's own node alone.
    #[default]
    Strict,
    /// kubeadm's own automatic approval, for any node's name.
    Compatible,
}

impl Mode {
    /// Reads the name of a mode; `None` for one that this version does not know.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "strict" => Some(Self::Strict),
            "compatible" => Some(Self::Compatible),
            _ => None,
        }
    }

    /// The group that a token carries. In strict mode it is one that nothing approves but us.
    pub const fn group(self) -> &'static str {
        match self {
            Self::Strict => super::request::GROUP,
            Self::Compatible => "system:bootstrappers:kubeadm:default-node-token",
        }
    }
}

/// Everything that a plan rests on.
#[derive(Debug, Clone)]
pub struct Observation<'a> {
    /// What Auto Scaling says.
    pub place: Place,
    /// What EC2 says; `None` if it does not know the instance.
    pub machine: Option<&'a Machine>,
    /// The instance's parameter.
    pub parameter: Parameter,
    /// What Kubernetes says.
    pub cluster: Cluster,
    /// Whether this invocation has seen the token open the door.
    pub confirmed: bool,
}

/// Auto Scaling's side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// It waits at our launch hook, in an enrolled group.
    Waits {
        /// Whether the group is one of the control plane or of etcd.
        control_plane: bool,
    },
    /// It waits to be put in service, in an enrolled group that has no launch hook of ours.
    NoHook,
    /// It is in an enrolled group and does not wait to be put in service.
    Elsewhere(LifecycleState),
    /// It is in no enrolled group.
    Nowhere,
    /// The hooks of its group can't be read; why.
    Unknown(String),
}

/// The parameter, by its name and description alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parameter {
    /// There is none.
    None,
    /// There is one with this token.
    Issued(Issued),
    /// There is one, and its description is not ours: its token counts as expired.
    Unreadable,
}

/// Kubernetes' side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cluster {
    /// The API server can't be asked; why.
    Unreachable(String),
    /// The machine has no node.
    NoNode,
    /// The machine has this node.
    Node(NodeName),
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Give it a token, to join as this node.
    Issue(NodeName),
    /// Take back the token, whose life is over or nearly so, and give it another one.
    Reissue {
        /// As which node it joins.
        node: NodeName,
        /// The token whose Secret is there still.
        old: Option<TokenId>,
    },
    /// The parameter is there; see that its Secret is and that the token opens the door.
    Ensure {
        /// As which node it joins.
        node: NodeName,
        /// The token.
        issued: Issued,
    },
    /// Take back the token.
    Revoke {
        /// The token whose Secret may be there still.
        token: Option<TokenId>,
        /// Why.
        why: Refusal,
    },
    /// It has no token and gets none.
    Nothing(Refusal),
    /// It has a token and is on its way.
    Watch(Issued),
    /// What must be known can't be asked now; why.
    Wait(String),
}

/// Why a machine may have no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It does not wait at our launch hook. In a warm pool it never does: no token is given to a machine that
    /// may be stopped for days.
    NotWaiting(LifecycleState),
    /// Its group has no launch hook of ours, so nobody would wait for it.
    NoHook,
    /// It is in no enrolled group.
    Nowhere,
    /// It would be a control-plane or etcd machine.
    ControlPlane,
    /// It does not run.
    NotRunning(MachineState),
    /// Its instance profile is not one of those that may.
    Profile(Option<String>),
    /// There is no name for its node.
    Nameless(Nameless),
    /// It was launched too long ago.
    WindowEnded,
    /// Its node exists: the token has done its work.
    Joined(NodeName),
}

/// What comes after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Nothing is left to do.
    Done,
    /// Look again in some seconds.
    LookAgain,
}

/// Decides what to do next about the instance of `seen`, at `now`.
pub fn plan(seen: &Observation<'_>, policy: &Policy, now: Timestamp) -> Plan {
    let node = match may_have(seen, policy, now) {
        Ok(node) => node,
        Err(Verdict::No(why)) => return seen.refuse(why, now),
        Err(Verdict::Unknown(why)) => return Plan::Wait(why),
    };
    match &seen.cluster {
        Cluster::Unreachable(why) => return Plan::Wait(why.clone()),
        Cluster::Node(node) => return seen.refuse(Refusal::Joined(node.clone()), now),
        Cluster::NoNode => {}
    }
    match &seen.parameter {
        Parameter::None => Plan::Issue(node),
        Parameter::Issued(issued) if issued.is_nearly_over(now) => Plan::Reissue {
            node,
            old: seen.live_token(now),
        },
        Parameter::Unreadable => Plan::Reissue { node, old: None },
        Parameter::Issued(issued) if seen.confirmed => Plan::Watch(issued.clone()),
        Parameter::Issued(issued) => Plan::Ensure {
            node,
            issued: issued.clone(),
        },
    }
}

enum Verdict {
    No(Refusal),
    Unknown(String),
}

/// Whether the machine may have a token at all, and as which node.
fn may_have(seen: &Observation<'_>, policy: &Policy, now: Timestamp) -> Result<NodeName, Verdict> {
    let no = |why| Err(Verdict::No(why));
    match &seen.place {
        Place::Unknown(why) => return Err(Verdict::Unknown(why.clone())),
        Place::Nowhere => return no(Refusal::Nowhere),
        Place::NoHook => return no(Refusal::NoHook),
        Place::Elsewhere(state) => return no(Refusal::NotWaiting(state.clone())),
        Place::Waits { control_plane: true } if !policy.control_plane => return no(Refusal::ControlPlane),
        Place::Waits { control_plane: _ } => {}
    }
    // Auto Scaling knows of a launch a moment before EC2 does.
    let unknown = || Verdict::Unknown("EC2 tells nothing of the instance".to_owned());
    let machine = seen.machine.ok_or_else(unknown)?;
    if !matches!(machine.state, MachineState::Pending | MachineState::Running) {
        return no(Refusal::NotRunning(machine.state.clone()));
    }
    let profile = &machine.profile_arn;
    let is_listed = |profiles: &Vec<String>| profile.as_ref().is_some_and(|arn| profiles.contains(arn));
    if !policy.profiles.as_ref().is_none_or(is_listed) {
        return no(Refusal::Profile(profile.clone()));
    }
    if now.duration_since(machine.launched) >= policy.window {
        return no(Refusal::WindowEnded);
    }
    machine
        .node_name(policy.naming)
        .map_err(|nameless| Verdict::No(Refusal::Nameless(nameless)))
}

impl Observation<'_> {
    fn refuse(&self, why: Refusal, now: Timestamp) -> Plan {
        match self.parameter {
            Parameter::None => Plan::Nothing(why),
            Parameter::Issued(_) | Parameter::Unreadable => Plan::Revoke {
                token: self.live_token(now),
                why,
            },
        }
    }

    /// The token, if its Secret may still open the door. The control plane clears an expired one away itself.
    fn live_token(&self, now: Timestamp) -> Option<TokenId> {
        match &self.parameter {
            Parameter::Issued(issued) if issued.is_live(now) => Some(issued.token.clone()),
            Parameter::Issued(_) | Parameter::Unreadable | Parameter::None => None,
        }
    }
}

/// The node of a machine, if it has registered one: the one that runs on it by its provider id, or, where no
/// node says so yet, the one of its name that does not say on what it runs and is younger than the machine. An
/// older one is of a machine that had the address before.
pub fn node_of<'a>(nodes: &'a [Node], machine: &Machine, name: Option<&NodeName>) -> Option<&'a Node> {
    let registered = |node: &&Node| node.created.duration_since(machine.launched) >= -SKEW;
    nodes
        .iter()
        .find(|node| node.instance.as_ref() == Some(&machine.id))
        .or_else(|| {
            nodes
                .iter()
                .find(|node| Some(&node.name) == name && node.is_silent() && registered(node))
        })
}

impl Plan {
    /// Whether more is to come for this machine.
    pub const fn then(&self) -> Then {
        match self {
            Self::Issue(_) | Self::Reissue { .. } | Self::Ensure { .. } | Self::Watch(_) | Self::Wait(_) => {
                Then::LookAgain
            }
            Self::Revoke { .. } | Self::Nothing(_) => Then::Done,
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Issue(node) => write!(f, "issue a token for node {node}"),
            Self::Reissue { node, old: Some(old) } => {
                write!(f, "issue another token for node {node} in the place of {old}")
            }
            Self::Reissue { node, old: None } => write!(f, "issue another token for node {node}"),
            Self::Ensure { node, issued } => write!(f, "make sure of {issued}, for node {node}"),
            Self::Revoke {
                token: Some(token),
                why,
            } => write!(f, "revoke token {token}: {why}"),
            Self::Revoke { token: None, why } => write!(f, "delete the parameter: {why}"),
            Self::Nothing(why) => write!(f, "no token: {why}"),
            Self::Watch(issued) => write!(f, "wait for the node: {issued}"),
            Self::Wait(why) => write!(f, "wait: {why}"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotWaiting(state) => write!(f, "the instance is {state}"),
            Self::NoHook => f.write_str("the group has no launch hook of ours"),
            Self::Nowhere => f.write_str("the instance is in no group of this cluster"),
            Self::ControlPlane => f.write_str("the group is one of the control plane or of etcd"),
            Self::NotRunning(state) => write!(f, "the machine is {state}"),
            Self::Profile(Some(arn)) => write!(f, "instance profile {arn} is not on the list"),
            Self::Profile(None) => f.write_str("the machine has no instance profile, and only some may join"),
            Self::Nameless(nameless) => nameless.fmt(f),
            Self::WindowEnded => f.write_str("the machine was launched too long ago"),
            Self::Joined(node) => write!(f, "node {node} exists"),
        }
    }
}

#[cfg(test)]
mod tests;
