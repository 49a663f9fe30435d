//! Auto Scaling for the local world: the Query API that any AWS SDK speaks, and the documented life of instances
//! with its hooks and timers. Emulators answer its calls and do nothing.
//!
//! - `model` is the state machine: pure, synchronous, given the time with every call.
//! - `operations` says for each operation what it takes, does and answers, from which page of AWS's documentation
//!   that was taken, and what is left out.
//! - `server` is the shell: HTTP, the timer, and the calls to the ports [`fleet`] (EC2) and [`judge`] (IAM).
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use std::sync::Arc;
//! use autoscaling::{Clock, Everyone, MemoryFleet, Settings, serve};
//!
//! let (notices, mut heard) = tokio::sync::mpsc::unbounded_channel();
//! let server = serve(Settings {
//!     listen: "127.0.0.1:0".parse()?,
//!     account: "111122223333".to_owned(),
//!     region: "eu-central-1".to_owned(),
//!     clock: Clock::real(),
//!     fleet: Arc::new(MemoryFleet::new("eu-central-1")),
//!     judge: Arc::new(Everyone),
//!     notices,
//! })
//! .await?;
//! // AWS_ENDPOINT_URL_AUTO_SCALING=http://{server.address}
//! while let Some(notice) = heard.recv().await { /* an event, a launch, a state, an end */ }
//! server.stop().await;
//! # Ok(())
//! # }
//! ```
#![allow(
    clippy::disallowed_methods,
    reason = "part of the test world: the clock is read in `clock`, nowhere else"
)]

mod clock;
mod error;
pub mod fleet;
pub mod judge;
mod memory;
mod model;
mod notice;
mod operations;
mod server;
mod wire;

pub use clock::Clock;
pub use judge::Everyone;
pub use memory::MemoryFleet;
pub use model::LifecycleState;
pub use notice::Notice;
pub use server::{Server, Settings, serve};
