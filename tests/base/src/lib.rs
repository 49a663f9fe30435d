//! What every part of the local world stands on: who it is to AWS ([`aws`]), where things are ([`paths`]), which port each part
//! listens on ([`ports`]), and child processes that are watched and ended by id ([`process`]).

#![allow(
    clippy::disallowed_methods,
    reason = "the world runs on the machine's clock and in its environment"
)]

pub mod aws;
pub mod paths;
pub mod ports;
pub mod process;
pub mod programs;

pub use aws::Credentials;
pub use ports::Ports;
pub use process::{Process, Spec};
