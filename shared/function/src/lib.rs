//! What every function does the same way around its own decisions.
//!
//! | module | for |
//! | --- | --- |
//! | [`config`] | the settings that all functions have |
//! | [`inbox`] | what an invocation is asked: a tick, or messages; what nobody can read is parked |
//! | [`enrolled`] | the groups of our cluster, and which of their instances wait at our hook |
//! | [`hook`] | heartbeats, completions, and the look that proves them |
//! | [`bus`] | what machines are told |
//! | [`cluster`] | the way into the cluster, with one more try when it does not know us |
//! | [`rounds`] | the bounds of an invocation's rounds, and how one went |
//! | [`report`] | counts as metrics, failures as errors |
//!
//! A function's `handle` reads from top to bottom through them: decode, find, work, report.

pub mod bus;
pub mod cluster;
pub mod config;
pub mod enrolled;
pub mod failed;
pub mod hook;
pub mod inbox;
pub mod report;
pub mod rounds;

use jiff::SignedDuration;

pub use config::{Common, Hooked};
pub use enrolled::{Enrolled, Found, Hint, Waiting};
pub use failed::Failed;
pub use inbox::Work;
pub use report::{Count, Report, Tally};

/// Time kept back of an invocation for the report: of Lambda's 60 s, 50 are worked.
pub const RESERVE: SignedDuration = SignedDuration::from_secs(10);

#[cfg(test)]
mod fakes;
