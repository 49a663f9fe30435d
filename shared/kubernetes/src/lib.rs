//! Kubernetes, as far as we call it: how a client is made, and one small trait for each thing that a function
//! may do, so that its signature says what its cluster role must allow.
//!
//! No API type leaves this crate: what comes in is taken apart at once, into the domain's own types.

#![expect(
    async_fn_in_trait,
    reason = "functions run on one thread and name their ports' types: no Send needed"
)]

mod client;
mod error;
mod eviction;
mod kubeconfig;
mod nodes;
mod notices;
mod pods;

#[cfg(test)]
mod scenario;

pub use client::{Access, AccessError, Cluster, CountCalls};
pub use error::Error;
pub use eviction::EvictPod;
pub use kubeconfig::KubeconfigError;
pub use nodes::{AllNodes, ListNodes, PatchNode};
pub use notices::{NodeEvent, RecordNodeEvent, Severity};
pub use pods::ListPods;
