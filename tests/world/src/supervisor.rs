//! A world that stays: a supervisor of its own runs it until it is told to end.
//!
//! `state.json` in the world's directory says what runs, by process id and start time. So `down` ends what `up`
//! started and nothing else, even after the supervisor itself was killed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base::process::{Identity, tail};
use base::{Ports, Process, Spec, paths};
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};

use crate::world::{LOOK, Options, Say, World};

/// The supervisor ends its parts in a second or two.
const END_LIMIT: Duration = Duration::from_secs(20);

/// What is known of a world that was started.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    /// The first of its ports.
    pub port_base: u16,
    /// The process that runs it.
    pub supervisor: Identity,
    /// The processes that it started.
    pub parts: Vec<Identity>,
    /// Which part died and how, if one did.
    pub failure: Option<String>,
}

impl State {
    /// The state of the world with these ports; `None` when none was started.
    pub fn read(ports: Ports) -> Result<Option<Self>> {
        let path = path(ports);
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            text => text.with_context(|| format!("reading {}", path.display()))?,
        };
        serde_json::from_str(&text)
            .with_context(|| format!("reading {}", path.display()))
            .map(Some)
    }

    /// A world that is up in this process.
    pub(crate) fn of_this_process(ports: Ports, parts: Vec<Identity>) -> Result<Self> {
        let pid = i32::try_from(std::process::id())?;
        let supervisor = Identity::of("world", pid).context("this process has no entry in /proc")?;
        Ok(Self {
            port_base: ports.base(),
            supervisor,
            parts,
            failure: None,
        })
    }

    /// Forgets the world of these ports.
    pub(crate) fn remove(ports: Ports) -> Result<()> {
        match std::fs::remove_file(path(ports)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    pub(crate) fn write(&self) -> Result<()> {
        let path = path(Ports::new(self.port_base));
        let part = path.with_extension("part");
        std::fs::write(&part, serde_json::to_vec_pretty(self)?)?;
        std::fs::rename(&part, &path).with_context(|| format!("writing {}", path.display()))
    }

    /// Everything of it that still runs.
    pub fn alive(&self) -> Vec<&Identity> {
        std::iter::once(&self.supervisor)
            .chain(&self.parts)
            .filter(|process| process.is_alive())
            .collect()
    }
}

fn path(ports: Ports) -> PathBuf {
    paths::world(&ports).join("state.json")
}

/// Where the supervisor's own log is.
pub fn log(ports: Ports) -> PathBuf {
    paths::world(&ports).join("logs/world.log")
}

/// Starts a supervisor by `program` with `args`, and returns when the world is ready.
pub async fn up(ports: Ports, program: &Path, args: &[String], say: &Say) -> Result<State> {
    if let Some(state) = State::read(ports)?
        && !state.alive().is_empty()
    {
        let program = "cargo xtask world down";
        let flag = if ports == Ports::default() {
            String::new()
        } else {
            format!(" --port-base {}", ports.base())
        };
        bail!(
            "a world is up already on port {}; end it with `{program}{flag}`, or start another one with --port-base",
            ports.base()
        );
    }
    // What takes minutes the first time is done here, where a person sees it.
    crate::world::prepare(say).await?;
    State::remove(ports)?;
    let spec = Spec::new("world", program, paths::world(&ports).join("logs")).args(args);
    let mut supervisor = Process::spawn(&spec)?;
    loop {
        supervisor.check()?;
        match State::read(ports)? {
            Some(State {
                failure: Some(failure),
                ..
            }) => bail!("{failure}"),
            Some(state) => {
                supervisor.leave();
                return Ok(state);
            }
            None => tokio::time::sleep(LOOK).await,
        }
    }
}

/// Runs a world until it is asked to end, or a part dies.
pub async fn run(options: Options) -> Result<()> {
    let (ports, say) = (options.ports, options.say.clone());
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut world = World::start(options).await?;
    let failure = tokio::select! {
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        report = world.ended() => Some(report),
    };
    let Some(failure) = failure else {
        world.stop().await;
        return Ok(());
    };
    say(&failure);
    let state = State {
        failure: Some(failure.clone()),
        ..State::of_this_process(ports, world.processes())?
    };
    world.stop().await;
    state.write()?;
    bail!("{failure}")
}

/// Ends what is left of a world whose supervisor was killed and could not do it.
pub(crate) async fn end_leftovers(ports: Ports) -> Result<()> {
    match State::read(ports)? {
        Some(state) if !state.supervisor.is_alive() => down(ports).await.map(drop),
        _ => Ok(()),
    }
}

/// Ends what [`up`] started. Says whether there was anything.
pub async fn down(ports: Ports) -> Result<bool> {
    let Some(state) = State::read(ports)? else {
        return Ok(false);
    };
    let ended = !state.alive().is_empty();
    state.supervisor.end(END_LIMIT).await;
    for part in &state.parts {
        part.end(Duration::from_secs(2)).await;
    }
    State::remove(ports)?;
    Ok(ended)
}

/// The logs of a world: name and path, sorted by name.
pub fn logs(ports: Ports) -> Result<Vec<(String, PathBuf)>> {
    let dir = paths::world(&ports).join("logs");
    let entries = match std::fs::read_dir(&dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if let Some(name) = path.file_stem().and_then(|name| name.to_str()) {
            found.push((name.to_owned(), path));
        }
    }
    found.sort();
    Ok(found)
}

/// The end of a log.
pub fn end_of(log: &Path) -> String {
    tail(log)
}
