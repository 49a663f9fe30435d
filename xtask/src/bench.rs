//! `cargo xtask bench`: how long things take in a world of one machine, against what we promise.

mod deploy;
mod figures;

use anyhow::Result;

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// From a push to the patch, from a bad image to the verdict, and from there to what was before
    Deploy(deploy::Args),
}

pub(crate) async fn run(command: Command) -> Result<()> {
    match command {
        Command::Deploy(args) => deploy::run(args).await,
    }
}
