//! The Kubernetes cluster of the local world: a real etcd, kube-apiserver, kube-controller-manager and kube-scheduler as
//! plain processes on the loopback address, with KWOK in the place of the kubelets.
//!
//! - [`binary`] builds the one program that is all of them, once, into the user's cache.
//! - [`ControlPlane`] starts them with certificates of their own and watches them.
//! - [`webhook`] answers the API server's token reviews as EKS does.
//! - It has what `kubeadm init` leaves in a cluster, so that machines can join it with bootstrap tokens.
//! - [`Kubelets`] gives launched instances their Node and takes it from terminated ones.
//!
//! What a pod does is said by its annotations, see [`annotations`], and how it fails also by its image, see [`failures`].

#![allow(
    clippy::disallowed_methods,
    reason = "the local world reads the clock and the environment itself"
)]

pub mod annotations;
pub mod binary;
mod certificates;
pub mod failures;
mod kubeadm;
mod kubeconfig;
mod kubelets;
mod parts;
mod plane;
mod stages;
pub mod webhook;

pub use failures::Failure;
pub use kubelets::{Kubelets, Machine};
pub use plane::{ControlPlane, Settings};
