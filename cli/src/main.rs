//! `lamplighter`: the operator's side.
//!
//! It links the functions' own crates and decides nothing by itself: what it shows is what they see, and what they
//! would do next.

mod args;
mod door;
mod exit;
mod explain;
#[cfg(test)]
mod fakes;
mod hours;
mod image;
mod patience;
mod print;
mod replay;
mod settings;
mod status;
mod table;
mod words;

use std::process::ExitCode;

use args::{Cli, Command, EventsCommand, NodeCommand};
use clap::Parser as _;
use exit::Exit;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Cli { shared, command } = Cli::parse();
    let ended = match command {
        Command::Status => status::run(&shared).await,
        Command::Node(NodeCommand::Explain { node }) => explain::run(&shared, &node).await,
        Command::Hours(command) => hours::run(&shared, command).await,
        Command::Image(command) => image::run(&shared, command).await,
        Command::Events(EventsCommand::Replay {
            file,
            function,
            apply,
        }) => replay::run(&shared, &file, function, apply).await,
    };
    ended.map_or_else(|error| error.end(), Exit::code)
}
