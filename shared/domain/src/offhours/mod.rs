//! Putting to sleep what nobody needs at night, and waking it exactly as it was.
//!
//! # Expected flow
//! 1. An edge of a schedule, a tick or a person makes the function look. What an event says is only where to look:
//!    [`desired`](crate::schedule::desired) is evaluated for the time that it is.
//! 2. [`plan()`] compares what is with what is to be, and says for each resource what to do next: save its size, resize it, note
//!    how far it is. The [`Record`] of a resource is its journal.
//! 3. Who goes first is an [order](plan()): workloads before machines before databases on the way down, the other way
//!    round on the way up.
//! 4. When a resource is seen as it was, its record is deleted.
//!
//! # Guarantees
//! - The plan depends on its arguments alone: a crash after any step, a duplicate or a lost event all come down to calling
//!   it again with what is then observed.
//! - A size is saved before the first resize, and never from what is asleep; it is never all zero. While it sleeps, what is
//!   saved is superseded by what a person writes into the mirror, by what a delivery tool sets, and, where it waits
//!   for its turn, was waking or should have been, by what [`restored()`] makes of the two; by nothing else.
//! - A size that is not known is never guessed.
//! - Machines are not taken away before the sizes of the workloads are safe.
//!
//! # Caveats
//! - Whether a person or a delivery tool wrote a size is known of workloads, by their managed fields, and not of groups.
//! - Kubernetes takes a resize only of what was seen, AWS takes every one. A [`Lease`] keeps a late one of those from
//!   meeting another plan.
//! - What is not seen any more, as its tag is gone, sleeps on, and its record stays.

mod display;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod intent;
#[cfg(test)]
mod interleavings;
mod judge;
mod key;
mod lease;
mod maintenance;
mod observation;
mod overrides;
mod plan;
mod record;
mod restore;
mod settings;
#[cfg(test)]
mod simulated;
mod size;
mod states;
mod workload;

pub use judge::{REVERTS, Standing, Step};
pub use key::{Key, Kind};
pub use lease::{Claim, Lease, is_due};
pub use maintenance::MaintenanceWindow;
pub use observation::{Condition, FIELD_MANAGER, Observation, Resource, Traits};
pub use overrides::{LONGEST, Override, PREFIX as OVERRIDES, Request, Want, applying};
pub use plan::{LOOK_LATER, Move, Plan, Then, View, plan};
pub use record::{Mirror, Record, Stage, VERSION};
pub use restore::{Live, Note, Restored, restored};
pub use settings::{LAST_TIER, ManualChanges, Place, Policy, Settings, SettingsError, USUAL_TIER};
pub use size::{Capacity, InvalidSize, Size, Switch};
pub use states::{DatabaseStatus, NodegroupStatus};
pub use workload::{Namespace, Operation, Scales, Workload, Writer};
