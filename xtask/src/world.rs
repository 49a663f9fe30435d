//! `cargo xtask world up | down | status | logs`.

use anyhow::{Context as _, Result, bail};
use autoscaling::Clock;
use base::{Ports, paths};
use clap::Subcommand;
use world::supervisor::{self, State};
use world::{Options, World};

use crate::say;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Start a world, and return when it is ready
    ///
    /// Then `source target/world/env`, and aws, boto3, any AWS SDK and kubectl work against it.
    Up {
        #[command(flatten)]
        base: Base,
        /// Let the time of Auto Scaling pass so many times faster: hooks run out sooner
        #[arg(long, default_value_t = 1)]
        time_scale: u32,
    },
    /// End a world, and nothing else
    Down(Base),
    /// Say what runs where
    Status(Base),
    /// Show the end of each log, or one whole log
    Logs {
        #[command(flatten)]
        base: Base,
        /// Which one; without it, the end of each
        name: Option<String>,
    },
    /// The supervisor that `up` leaves behind
    #[command(hide = true)]
    Serve {
        #[command(flatten)]
        base: Base,
        #[arg(long, default_value_t = 1)]
        time_scale: u32,
    },
}

#[derive(clap::Args, Clone, Copy)]
pub(crate) struct Base {
    /// The first of the world's 20 ports; worlds with different ones run side by side
    #[arg(long, default_value_t = base::ports::DEFAULT_BASE)]
    pub(crate) port_base: u16,
}

impl Base {
    fn ports(self) -> Ports {
        Ports::new(self.port_base)
    }
}

pub(crate) async fn run(command: Command) -> Result<()> {
    match command {
        Command::Up { base, time_scale } => up(base, time_scale).await,
        Command::Down(base) => down(base.ports()).await,
        Command::Status(base) => status(base.ports()),
        Command::Logs { base, name } => logs(base.ports(), name.as_deref()),
        Command::Serve { base, time_scale } => {
            supervisor::run(Options {
                ports: base.ports(),
                clock: clock(time_scale),
                say: say(),
            })
            .await
        }
    }
}

fn clock(time_scale: u32) -> Clock {
    if time_scale <= 1 {
        Clock::real()
    } else {
        Clock::scaled(time_scale)
    }
}

async fn up(base: Base, time_scale: u32) -> Result<()> {
    let program = std::env::current_exe()?;
    let args = [
        "world",
        "serve",
        "--port-base",
        &base.port_base.to_string(),
        "--time-scale",
        &time_scale.to_string(),
    ];
    let args: Vec<String> = args.iter().map(ToString::to_string).collect();
    let state = supervisor::up(base.ports(), &program, &args, &say()).await?;
    show(&state);
    let env = paths::world(&base.ports()).join("env");
    println!(
        "\nsource {}",
        env.strip_prefix(paths::checkout()).unwrap_or(&env).display()
    );
    Ok(())
}

async fn down(ports: Ports) -> Result<()> {
    if supervisor::down(ports).await? {
        println!("world: down");
    } else {
        println!("world: none is up on port {}", ports.base());
    }
    Ok(())
}

fn status(ports: Ports) -> Result<()> {
    let Some(state) = State::read(ports)? else {
        bail!(
            "no world is up on port {}; start one with `cargo xtask world up`",
            ports.base()
        );
    };
    show(&state);
    match state.failure {
        Some(failure) => bail!("{failure}"),
        None if state.alive().len() != state.parts.len() + 1 => {
            bail!(
                "not every part runs; see `cargo xtask world logs`, end the rest with `cargo xtask world down`"
            )
        }
        None => Ok(()),
    }
}

fn show(state: &State) {
    println!("{:<20} {:>7}  state", "process", "pid");
    for process in std::iter::once(&state.supervisor).chain(&state.parts) {
        let alive = if process.is_alive() { "running" } else { "ended" };
        println!("{:<20} {:>7}  {alive}", process.name, process.pid);
    }
    println!("\n{:<20} {:>7}", "listens", "port");
    for (name, port) in Ports::new(state.port_base).all() {
        println!("{name:<20} {port:>7}");
    }
}

fn logs(ports: Ports, name: Option<&str>) -> Result<()> {
    let logs = supervisor::logs(ports)?;
    let Some(name) = name else {
        for (name, path) in &logs {
            println!("== {name}: {}{}", path.display(), supervisor::end_of(path));
        }
        return Ok(());
    };
    let names: Vec<&str> = logs.iter().map(|(name, _)| name.as_str()).collect();
    let (_, path) = logs
        .iter()
        .find(|(known, _)| known == name)
        .with_context(|| format!("no log {name:?}; there are: {}", names.join(", ")))?;
    print!("{}", String::from_utf8_lossy(&std::fs::read(path)?));
    Ok(())
}

/// A world of the demo or of a test, in this process.
pub(crate) async fn start(ports: Ports) -> Result<World> {
    World::start(Options {
        ports,
        clock: Clock::real(),
        say: say(),
    })
    .await
}
