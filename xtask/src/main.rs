//! `cargo xtask`: the local world, the demo and the tests.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line: it reads the clock and talks to a person"
)]

mod bench;
mod demo;
mod test;
mod world;

use std::process::ExitCode;
use std::sync::Arc;

use ::world::Say;
use clap::{Parser, Subcommand};

/// Runs Lamplighter's local world, its demo and its tests.
///
/// Everything listens on 127.0.0.1, nothing needs an AWS account or a container engine. The first run installs
/// pinned tools and builds a Kubernetes control plane into ~/.cache/lamplighter, which takes about ten minutes;
/// later runs find both there.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Terminate an instance of a deployed world and watch its node being drained
    Demo(demo::Args),
    /// Check everything: format, lints, licences, unit tests, the template, and the scenarios in a world
    Test(test::Args),
    /// Measure how long things take, against what we promise
    #[command(subcommand)]
    Bench(bench::Command),
    /// Ask for the advisories of our dependencies (needs a database from outside, so it is not part of `test`)
    Advisories,
    /// Bring a world up, look at it, end it
    #[command(subcommand)]
    World(world::Command),
}

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(async {
        match Args::parse().command {
            Command::Demo(args) => demo::run(args).await,
            Command::Test(args) => test::run(args).await,
            Command::Bench(command) => bench::run(command).await,
            Command::Advisories => test::advisories().await,
            Command::World(command) => world::run(command).await,
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Tells the person at the terminal.
fn say() -> Say {
    Arc::new(|line| eprintln!("{line}"))
}
