//! Builds and deploys the stack as its users do, with the real `sam build` and `sam deploy`; only the endpoint and the credentials are the
//! world's.
//!
//! ```no_run
//! # async fn example(credentials: base::Credentials) -> anyhow::Result<()> {
//! let tools = emulator::Tools::ensure(&|line| println!("{line}"))?;
//! let aws = deploy::Account::new("http://127.0.0.1:14500", credentials)?;
//! let built = deploy::build(&tools, deploy::Architecture::host(), &base::paths::checkout().join("target/sam")).await?;
//! let stack = deploy::Stack::new("lamplighter").parameter("ClusterName", "demo");
//! let outputs = deploy::deploy(&tools, &built, &stack, &aws).await?;
//! println!("{}", outputs.get("NodeDrainRoleArn")?);
//! # Ok(())
//! # }
//! ```
#![allow(
    clippy::disallowed_methods,
    reason = "a part of the test world, which lives in the machine's environment"
)]

mod build;
pub mod policy;
mod sam;
mod stack;

pub use build::{Architecture, Built, build};
pub use policy::RolePolicy;
pub use stack::{Account, Outputs, Stack, deploy, outputs};
