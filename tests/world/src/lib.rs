//! The local world: one machine, no AWS account, no container engine, loopback only.
//!
//! [`World`] puts the parts together and runs in the process that starts it: a test, the demo, or the
//! supervisor that `cargo xtask world up` leaves behind ([`supervisor`]).
//!
//! ```text
//!             aws, boto3, SDKs, sam                 kubectl
//!                  |                                  |
//!   +--------------+-----------+--------+      +------+--------+
//!   | emulator     | Auto      | EKS    |      | kube-apiserver|--- TokenReview --> webhook --> STS, EKS
//!   | (IAM, Lambda,| Scaling   |        |      | etcd, ...     |
//!   | SQS, EC2 ...)|           |        |      +------+--------+
//!   +--^--------+--+--+-----+--+--------+             |
//!      |        |     |     |                       KWOK: kubelets
//!      | events |     |     +-- launched, terminated --^
//!      +--relay-+-----+
//! ```
//!
//! A launched instance without user data becomes a node at once. One with user data boots as a machine of its own: it
//! runs the script of the users, with credentials from its instance metadata, and joins by itself or not at all
//! ([`groups::Group::joining`]).
//!
//! Node groups of EKS are Auto Scaling groups in the end ([`nodegroups`]), databases are no more than their state
//! ([`databases`]), and images no more than what the registry knows of them ([`registry`]): kubelets here run nothing.

#![allow(
    clippy::disallowed_methods,
    reason = "the world runs on the machine's clock and in its environment"
)]

pub mod audit;
mod control;
pub mod databases;
pub mod drain_watch;
mod env_file;
pub mod function_logs;
pub mod groups;
mod joining;
mod machines;
pub mod nodegroups;
pub mod objects;
pub mod profiles;
pub mod registry;
pub mod stacks;
pub mod supervisor;
mod timeline;
mod world;

pub use joining::Attempt;
pub use timeline::{Timeline, What};
pub use world::{CLUSTER, Options, Say, World};
