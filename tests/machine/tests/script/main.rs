//! `infra/node/lamplighter-join.sh`, run as it is, with the world's instance metadata, a Parameter Store that answers what
//! the test says, and a `kubeadm` that only notes what it is asked.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test ends where something is missing, and measures time"
)]

mod files;
mod joining;
mod store;
mod stub;
mod waiting;
