//! Amazon's services, one file each: small traits named for the one thing that they can do, and their
//! implementations over the SDK.
//!
//! A function takes the traits that it needs, so its signature says what it may do, as its IAM policy does.
//! No type of an SDK goes past this crate, [`config::load`]'s result aside. EC2 is in `aws-ec2`, since its
//! SDK is enormous.

#![expect(
    async_fn_in_trait,
    reason = "functions run on a current-thread runtime with one implementation each: no future needs Send"
)]

pub mod autoscaling;
mod capacity;
pub mod config;
pub mod ecr;
pub mod eks;
pub mod eks_token;
pub mod error;
pub mod eventbridge;
pub mod rds;
pub mod s3;
pub mod secret;
pub mod sqs;
pub mod ssm;
mod time;

#[cfg(any(test, feature = "wire"))]
pub mod wire;

pub use error::Error;
pub use secret::Secret;
