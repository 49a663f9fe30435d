//! Deploying images: which tag is chosen, whether its rollout is good, and what is put back if it is not.
//!
//! # Expected flow
//! 1. A push, a tick or a person makes the function look. What an event says is only where to look.
//! 2. [`choice`] picks a tag from what the registry holds at that moment.
//! 3. [`plan()`] writes it, by its digest, with the images before in an annotation.
//! 4. The pods are watched by [`judge`], until they are good, or failed: then the images before are written again, and the
//!    digest is never deployed there again.
//!
//! # Guarantees
//! - An image never moves backwards in its policy's order, but for a rollback, and for the tag of policy `digest`.
//! - A rollback changes images only, and only if they are still those that we wrote.
//! - What a person did by hand is not undone: something newer than what they took away must come first.
//! - A rollout is not called failed for want of nodes, of pods, or of credentials.
//! - The plan depends on its arguments alone, and all memory is in annotations of the workload, each write of which holds
//!   for the version that was seen: a crash, a duplicate or a lost event all come down to planning again.

mod candidates;
mod change;
pub mod choice;
mod existence;
mod expiry;
mod facts;
#[cfg(test)]
mod fixtures;
mod gate;
#[cfg(test)]
mod interleavings;
mod notice;
mod owner;
mod plan;
mod record;
mod reference;
mod request;
mod select;
mod settings;
mod signal;
#[cfg(test)]
mod simulated;
mod target;
mod verdict;
mod watch;
mod workload;

pub use change::Change;
pub use choice::{Digest, Tag};
pub use expiry::why_gone;
pub use facts::{Ask, Attention, Facts, Held, Observation, Platforms, configures, foreign};
pub use notice::{HeldBack, Notice, NoticeKind, Standing};
pub use plan::{Plan, Then, plan};
pub use record::{Blocked, Past, Record, Stage, Status, Unreadable};
pub use reference::{ImageRef, Repository};
pub use request::{Request, RequestError};
pub use settings::{GitOps, Hold, Policy, ReadyWithin, Rollback, Settings, SettingsError};
pub use signal::Signal;
pub use target::{Kind, Target};
pub use verdict::{Failure, LEAST_START, Verdict, Waiting, judge, usual_start};
pub use workload::{
    Container, ContainerState, Ended, FIELD_MANAGER, Family, Pod, Replacement, Role, Rollout, Running,
    Workload,
};
