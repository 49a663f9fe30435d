//! A virtual environment that holds what a lock file says, made once.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};
use base::paths;
use sha2::{Digest, Sha256};

use super::{Progress, run};
use crate::hex::hex;

/// Written last: an environment without it broke off half-way and is made again.
const COMPLETE: &str = "complete";

/// Only hashes that the lock file names, only built packages (building one would bring in unlocked build
/// tools), and nothing beyond the lock file.
const EXACTLY: [&str; 4] = ["--require-hashes", "--only-binary", ":all:", "--no-deps"];

/// What is to be installed.
#[derive(Debug)]
pub(super) struct Installation {
    name: &'static str,
    python: PathBuf,
    installer: PathBuf,
    packages: Vec<PathBuf>,
}

impl Installation {
    /// An environment of `python`, filled by the installer that the lock file `installer` names.
    pub(super) fn new(name: &'static str, python: &Path, installer: &Path) -> Self {
        Self {
            name,
            python: python.to_owned(),
            installer: installer.to_owned(),
            packages: Vec::new(),
        }
    }

    /// The lock file of what belongs into it.
    pub(super) fn packages(mut self, lock: &Path) -> Self {
        self.packages.push(lock.to_owned());
        self
    }

    /// The directory of the environment, made if it is not there yet.
    pub(super) fn ensure(&self, what: &str, progress: Progress<'_>) -> Result<PathBuf> {
        let directory = self.directory()?;
        if directory.join(COMPLETE).exists() {
            return Ok(directory);
        }
        let parent = directory.parent().unwrap_or(&directory);
        fs::create_dir_all(parent).with_context(|| format!("creating {}", parent.display()))?;
        let lock = File::create(directory.with_extension("lock"))?;
        if lock.try_lock().is_err() {
            progress(&format!("waiting for another installation of {what}"));
            lock.lock()?;
        }
        if !directory.join(COMPLETE).exists() {
            progress(&format!("installing {what}, once, in {}", directory.display()));
            let started = Instant::now();
            self.install(&directory)?;
            File::create(directory.join(COMPLETE))?;
            progress(&format!("installed in {:.1} s", started.elapsed().as_secs_f64()));
        }
        Ok(directory)
    }

    fn install(&self, directory: &Path) -> Result<()> {
        if directory.exists() {
            fs::remove_dir_all(directory).with_context(|| format!("removing {}", directory.display()))?;
        }
        let environment = directory.as_os_str();
        run(
            "creating a virtual environment",
            Command::new(&self.python).args(["-m", "venv"]).arg(environment),
        )?;
        let python = directory.join("bin/python");
        run(
            "installing the installer",
            Command::new(&python)
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
                .args(EXACTLY)
                .arg("--requirement")
                .arg(&self.installer),
        )?;
        for lock in &self.packages {
            run(
                "installing the locked packages",
                Command::new(directory.join("bin/uv"))
                    .args(["pip", "install", "--quiet", "--python"])
                    .arg(&python)
                    .args(EXACTLY)
                    .arg("--requirement")
                    .arg(lock),
            )?;
        }
        Ok(())
    }

    /// Named for everything that decides what is in it: the lock files, Python and the machine.
    fn directory(&self) -> Result<PathBuf> {
        let mut hash = Sha256::new();
        for lock in self.packages.iter().chain([&self.installer]) {
            hash.update(fs::read(lock).with_context(|| format!("reading {}", lock.display()))?);
        }
        let python = Command::new(&self.python)
            .args(["-c", "import sys; print(sys.version, sys.base_prefix)"])
            .output()?;
        hash.update(python.stdout);
        hash.update(std::env::consts::ARCH);
        let name = hex(&hash.finalize()[..8]);
        Ok(paths::cache().join("tools").join(format!("{}-{name}", self.name)))
    }
}
