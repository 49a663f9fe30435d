//! Draining a node whose machine is about to go.
//!
//! # Expected flow
//! 1. An instance of an enrolled group waits at our terminate hook. An event said so, or the sweep found it.
//! 2. [`plan()`] asks for one patch that cordons, taints, labels and annotates the node.
//! 3. It asks for the eviction of every pod that can be evicted, each with its UID as a precondition, and
//!    asks again for those that a budget holds back.
//! 4. While pods leave, heartbeats keep the hook waiting.
//! 5. When the last pod is gone, the hook is completed; the instance's lifecycle state then proves it.
//!
//! # Guarantees
//! - The plan depends on its arguments alone: a crash after any step, a duplicate or a lost event all come
//!   down to calling it again with what is then observed.
//! - The hook is completed only when no pod is left, or at the deadline that AWS imposes; then the pods that
//!   are left are named.
//! - An API server that can't be reached means heartbeats, never completion.
//!
//! # Caveats
//! - A pod of a `DaemonSet` and a mirror pod stay until the machine goes: who manages them would bring them
//!   back at once.

mod display;
mod eviction;
mod node;
mod observation;
mod plan;
mod pod;

pub use eviction::{Answer, ApiStatus, Refusal};
pub use node::{Cause, Mark};
pub use observation::{Cluster, Observation, Progress};
pub use plan::{Finish, Notice, Outcome, Plan, Step, Then, Waiting, plan};
pub use pod::{Disposition, Owner, Phase, Pod, PodKey, Skip};
