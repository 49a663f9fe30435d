//! The AWS side of the local world.
//!
//! [`Tools`] installs the pinned tools, [`Emulator`] runs the emulator among them, and [`Client`] talks to
//! it. On top of these: [`EmulatorFleet`] launches the instances of the world's Auto Scaling in the emulator's
//! EC2, [`EmulatorJudge`] has the emulator authenticate and authorise requests to the world's own endpoints,
//! and [`eks`] is such an endpoint.

#![allow(
    clippy::disallowed_methods,
    reason = "the world runs on the machine's clock and in its environment"
)]

pub mod client;
pub mod eks;
pub mod emulator;
pub mod fleet;
pub mod forward;
mod hex;
pub mod judge;
pub mod sessions;
pub mod tools;
pub mod xml;

pub use client::Client;
pub use emulator::{Emulator, Settings};
pub use fleet::EmulatorFleet;
pub use judge::EmulatorJudge;
pub use sessions::InstanceSessions;
pub use tools::Tools;
pub use xml::Element;
