//! What a machine of the world has, and what it runs.
//!
//! - [`metadata`]: the instance metadata service, version 2, with real credentials of the instance profile.
//! - [`image`]: the files of a machine, and the processes that it starts when it boots: its user data, and through it
//!   `infra/node/lamplighter-join.sh`, the very script of the users.
//! - [`kubeadm`]: a stand-in for `kubeadm` that performs the real TLS bootstrap against the real API server, and then
//!   registers the node as its kubelet would. The program of that name is `src/bin/kubeadm.rs`.

#![allow(
    clippy::disallowed_methods,
    reason = "machines of the world run on the machine's clock and in its environment"
)]

pub mod image;
pub mod kubeadm;
pub mod metadata;
