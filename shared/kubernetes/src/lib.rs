//! Kubernetes, as far as we call it: how a client is made, and one small trait for each thing that a function
//! may do, so that its signature says what its cluster role must allow.
//!
//! No API type leaves this crate: what comes in is taken apart at once, into the domain's own types.

#![expect(
    async_fn_in_trait,
    reason = "functions run on one thread and name their ports' types: no Send needed"
)]

mod bootstrap_tokens;
mod certificate_requests;
mod client;
mod cluster_info;
mod error;
mod eviction;
mod images;
mod kubeconfig;
mod namespaces;
mod nodes;
mod notices;
mod operator;
mod pages;
mod place;
mod pod_counts;
mod pods;
mod pull_secrets;
mod service_accounts;
mod workloads;

#[cfg(test)]
mod scenario;

pub use bootstrap_tokens::{CreateToken, DeleteToken, Made, NewToken, TryToken};
pub use certificate_requests::{DecideSigningRequest, ListSigningRequests, Ruling};
pub use client::{Access, AccessError, Cluster, CountCalls};
pub use cluster_info::{ClusterInfo, ReadClusterInfo};
pub use error::Error;
pub use eviction::EvictPod;
pub use images::{GetImageWorkload, ListFamilies, ListImageWorkloads, PatchImages};
pub use kubeconfig::KubeconfigError;
pub use namespaces::ListNamespaces;
pub use nodes::{ListNodes, PatchNode};
pub use notices::{NodeEvent, RecordNodeEvent, RecordWorkloadEvent, Severity, Subject, WorkloadEvent};
pub use operator::TryEviction;
pub use pod_counts::CountPods;
pub use pods::ListPods;
pub use pull_secrets::{CreatePullSecret, PatchPullSecret, ReadPullSecret};
pub use service_accounts::{PatchServiceAccount, ReadServiceAccount};
pub use workloads::{ListWorkloads, PatchWorkload};
