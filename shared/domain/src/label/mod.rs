//! Labelling the node of a machine that joins, and letting it serve when it is ready.
//!
//! # Expected flow
//! 1. An instance of an enrolled group waits at our launch hook. An event said so, or the sweep found it.
//! 2. Its node joins, with a taint of ours that keeps everything away.
//! 3. [`plan()`] holds what the node says of itself against what EC2 says of the machine, and asks for one patch:
//!    labels, taints, the annotation that says which of them are ours, and the end of that taint.
//! 4. While the gate is closed (the node is not ready, or somebody has still to prepare it), heartbeats keep the
//!    hook waiting.
//! 5. When it opens, the hook is completed. From then on labels and taints follow the group's tags.
//!
//! # Guarantees
//! - The plan depends on its arguments alone: a crash after any step, a duplicate or a lost event all come down to
//!   calling it again with what is then observed.
//! - No label or taint of anybody else is changed, and none of ours comes back that is set only once.
//! - Nothing is written on a node of which it is not certain whose it is.
//! - A machine is given up only after the API server was asked and the policy's patience is at its end. An API
//!   server or an EC2 that can't be asked means heartbeats.
//! - Where a node has what it shall have, there is nothing to write.
//!
//! # Caveats
//! - A label outside of `node-restriction.kubernetes.io` and `node-role.kubernetes.io` can be changed by the
//!   kubelet of its node: it is put back, but it is nothing to rely on for isolation.
//! - Tags that a group hands on to its instances at launch are older than the group's own. Where tags of instances
//!   are trusted, they hide a later change of the group's.

mod change;
mod desired;
mod display;
mod gate;
mod identity;
mod modes;
mod observation;
mod owned;
mod plan;
mod policy;
mod problem;
mod rules;
mod tags;

#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod simulated;

pub use change::{Change, Occasion};
pub use desired::{Desired, DesiredTaint, Label};
pub use gate::{Obstacle, obstacles};
pub use identity::{Identity, Mismatch, claimants, identify};
pub use modes::{LabelMode, TaintMode};
pub use observation::{Cluster, Facts, Observation, Progress};
pub use owned::{Owned, Ownership};
pub use plan::{Doubt, Finish, Notice, Outcome, Plan, Step, Then, Waiting, Write, needs_facts, plan};
pub use policy::{
    CloudController, InstanceTags, InvalidPolicy, Pattern, Policy, parse_aliases, parse_labels,
    parse_patterns,
};
pub use problem::{About, Origin, Problem};
pub use rules::{Owner, Refusal, allow_label, check_label, kubelet_may_set, parse_taint};
pub use tags::{Tagged, Template};
