//! Child processes: started with their output in a log file, watched, and ended by the id of what was
//! started.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};
use tokio::process::{Child, Command};

/// Lines of a log that are shown when a process died: enough for a stack trace, short enough to read.
const TAIL_LINES: usize = 30;

/// What to start.
#[derive(Debug, Clone)]
pub struct Spec {
    /// What people call it; also the name of its log file.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Variables set on top of the environment that is passed on.
    pub env: Vec<(OsString, OsString)>,
    /// Variables that it must not inherit.
    pub without: Vec<OsString>,
    /// Where its log goes: `<log_dir>/<name>.log`.
    pub log_dir: PathBuf,
}

impl Spec {
    /// A program without arguments.
    pub fn new(name: &str, program: impl Into<PathBuf>, log_dir: impl Into<PathBuf>) -> Self {
        Self {
            name: name.to_owned(),
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            without: Vec::new(),
            log_dir: log_dir.into(),
        }
    }

    /// Appends arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, key: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((key.into(), value.into()));
        self
    }

    /// Keeps a variable of ours from the process.
    #[must_use]
    pub fn without(mut self, key: impl Into<OsString>) -> Self {
        self.without.push(key.into());
        self
    }
}

/// A process that can be found again after the one that started it is gone: ids are reused, so the start
/// time belongs to the identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// What people call it.
    pub name: String,
    /// Its process id, which is also the id of its process group.
    pub pid: i32,
    /// Field 22 of `/proc/<pid>/stat`: ticks since boot.
    pub started: u64,
}

impl Identity {
    /// The identity of the process `pid`, or `None` when there is none.
    pub fn of(name: &str, pid: i32) -> Option<Self> {
        let started = start_time(pid)?;
        Some(Self {
            name: name.to_owned(),
            pid,
            started,
        })
    }

    /// Whether that very process, and not another one with its id, still runs.
    pub fn is_alive(&self) -> bool {
        start_time(self.pid) == Some(self.started)
    }

    /// Ends the process and its group: a request to stop, then, `grace` later, the end.
    pub async fn end(&self, grace: Duration) {
        if !self.is_alive() {
            return;
        }
        signal_group(self.pid, Signal::TERM);
        let step = Duration::from_millis(20);
        let mut waited = Duration::ZERO;
        while self.is_alive() && waited < grace {
            tokio::time::sleep(step).await;
            waited += step;
        }
        signal_group(self.pid, Signal::KILL);
    }
}

fn start_time(pid: i32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in brackets and may hold anything, spaces included.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    if fields.first() == Some(&"Z") {
        return None;
    }
    fields.get(19)?.parse().ok()
}

fn signal_group(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        // An error means that the group is gone, which is what was wanted.
        let _ = rustix::process::kill_process_group(pid, signal);
    }
}

/// A running child. Dropping it ends it at once, with its process group.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    identity: Identity,
    left: bool,
}

impl Process {
    /// Starts `spec` in a process group of its own, so that what it starts ends with it.
    pub fn spawn(spec: &Spec) -> Result<Self> {
        std::fs::create_dir_all(&spec.log_dir)?;
        let log = spec.log_dir.join(format!("{}.log", spec.name));
        let output = File::create(&log).with_context(|| format!("creating {}", log.display()))?;
        let mut command = Command::new(&spec.program);
        command
            .args(&spec.args)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .kill_on_drop(false); // our own drop ends the whole group, and knows which process is to stay
        for key in &spec.without {
            command.env_remove(key);
        }
        command.envs(spec.env.iter().map(|(key, value)| (key, value)));
        let child = command
            .spawn()
            .with_context(|| format!("starting {}: {}", spec.name, spec.program.display()))?;
        let pid = child
            .id()
            .and_then(|pid| i32::try_from(pid).ok())
            .context("the process has no id")?;
        let identity = Identity::of(&spec.name, pid)
            .with_context(|| format!("{} ended at once{}", spec.name, tail(&log)))?;
        Ok(Self {
            name: spec.name.clone(),
            child,
            log,
            identity,
            left: false,
        })
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its log file.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// What finds it again from another process.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// An error with the end of the log if it has ended; call this while waiting for it to be ready.
    pub fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{}", self.epitaph(status)),
        }
    }

    /// Waits until it ends by itself, which a part of the world never should; says how it did, with the
    /// end of its log.
    pub async fn ended(&mut self) -> String {
        match self.child.wait().await {
            Ok(status) => self.epitaph(status),
            Err(error) => format!("{} can't be watched: {error}", self.name),
        }
    }

    /// Waits until it ends by itself, as one does that has something to do and is then done. An error says how it
    /// failed, with the end of its log.
    pub async fn finished(&mut self) -> Result<()> {
        match self.child.wait().await? {
            status if status.success() => Ok(()),
            status => bail!("{}", self.epitaph(status)),
        }
    }

    /// Asks it to stop, and ends it `grace` later if it has not.
    pub async fn stop(mut self, grace: Duration) {
        signal_group(self.identity.pid, Signal::TERM);
        let _ = tokio::time::timeout(grace, self.child.wait()).await;
        signal_group(self.identity.pid, Signal::KILL);
        let _ = self.child.wait().await;
    }

    /// Lets it outlive this process; [`Identity`] finds it again.
    pub fn leave(mut self) {
        self.left = true;
    }

    fn epitaph(&self, status: ExitStatus) -> String {
        format!(
            "{} ended ({status}); the end of {}:{}",
            self.name,
            self.log.display(),
            tail(&self.log)
        )
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.left && self.identity.is_alive() {
            signal_group(self.identity.pid, Signal::KILL);
        }
    }
}

/// What cargo tells us about ourselves when it runs us. Passed on to another cargo it would look as if the
/// environment of build scripts had changed: `ring`, and everything on top of it, would be compiled again each
/// time that builds by hand, by `cargo xtask` and by a test follow each other.
pub fn variables_of_outer_cargo() -> impl Iterator<Item = OsString> {
    const ABOUT_US: [&str; 4] = ["CARGO_BIN_", "CARGO_CRATE_", "CARGO_MANIFEST_", "CARGO_PKG_"];
    let is_about_us = |name: &OsString| {
        ABOUT_US
            .iter()
            .any(|start| name.to_string_lossy().starts_with(start))
    };
    std::env::vars_os().map(|(name, _)| name).filter(is_about_us)
}

/// The last lines of a log, each indented on a line of its own.
pub fn tail(log: &Path) -> String {
    let text = std::fs::read(log)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..]
        .iter()
        .fold(String::new(), |text, line| text + "\n    " + line)
}

/// Calls `ready` every 50 ms until it says yes. Fails when `process` ends, or after `limit`.
pub async fn wait_until<F, R>(process: &mut Process, limit: Duration, mut ready: F) -> Result<()>
where
    F: FnMut() -> R,
    R: Future<Output = bool>,
{
    let step = Duration::from_millis(50);
    let mut waited = Duration::ZERO;
    while !ready().await {
        process.check()?;
        if waited >= limit {
            bail!(
                "{} is not ready after {limit:?}; the end of its log:{}",
                process.name,
                tail(&process.log)
            );
        }
        tokio::time::sleep(step).await;
        waited += step;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(name: &str, script: &str) -> Spec {
        Spec::new(
            name,
            "/bin/sh",
            std::env::temp_dir().join("lamplighter-process-tests"),
        )
        .args(["-c", script])
    }

    #[tokio::test]
    async fn a_process_that_dies_is_reported_with_the_end_of_its_log() {
        let mut process = Process::spawn(&shell("dies", "sleep 0.1; echo no such bucket; exit 3")).unwrap();
        let report = process.ended().await;
        assert!(
            report.contains("exit status: 3") && report.contains("no such bucket"),
            "{report}"
        );
    }

    #[tokio::test]
    async fn stopping_ends_what_the_process_started_too() {
        let process = Process::spawn(&shell("parent", "sleep 60 & echo $!; wait")).unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        let child: i32 = std::fs::read_to_string(process.log())
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        let child = Identity::of("child", child).unwrap();
        process.stop(Duration::from_secs(2)).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!child.is_alive());
    }

    #[tokio::test]
    async fn an_id_that_was_reused_is_not_taken_for_the_process() {
        let process = Process::spawn(&shell("reused", "sleep 60")).unwrap();
        let other = Identity {
            started: 1,
            ..process.identity().clone()
        };
        assert!(process.identity().is_alive() && !other.is_alive());
    }
}
