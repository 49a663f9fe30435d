//! The endpoint as its clients see it: the AWS SDK for Rust, and boto3.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
#![allow(
    clippy::disallowed_methods,
    reason = "the Python interpreter is named by the environment"
)]

mod support;

mod boto3;
mod capacity;
mod groups;
mod health;
mod lifecycle;
mod refusals;
mod tags;
mod timeouts;
