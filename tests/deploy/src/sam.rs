//! Runs `sam` and its companions without anything that calls outside.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use emulator::Tools;
use tokio::process::Command;

/// A command of the tools, in the checkout, with an environment in which nothing is inherited that could send it elsewhere.
pub(crate) fn command(tools: &Tools, program: &Path) -> Result<Command> {
    let mut command = Command::new(program);
    for name in base::process::variables_of_outer_cargo() {
        command.env_remove(name);
    }
    command
        .current_dir(base::paths::checkout())
        .env("PATH", tools.path_env()?)
        .envs(tools.quiet_env())
        // Native compilation with the toolchain's own linker: zig, the default, is for other platforms and other C libraries.
        .env("CARGO_LAMBDA_COMPILER", "cargo")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        // Commands that need no account still ask for a region.
        .env("AWS_REGION", base::aws::REGION)
        .env("AWS_DEFAULT_REGION", base::aws::REGION)
        .env("NO_PROXY", "127.0.0.1,localhost")
        .env_remove("AWS_PROFILE")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    Ok(command)
}

/// Runs `command` with its output in `<directory>/<name>.log`; fails with the end of that log. Returns how long it took.
pub(crate) async fn run(mut command: Command, name: &str, directory: &Path) -> Result<Duration> {
    std::fs::create_dir_all(directory)?;
    let log = directory.join(format!("{name}.log"));
    let output = File::create(&log).with_context(|| format!("creating {}", log.display()))?;
    command.stdout(output.try_clone()?).stderr(output);
    let started = Instant::now();
    let status = command
        .status()
        .await
        .with_context(|| format!("starting {name}"))?;
    if !status.success() {
        bail!(
            "{name} failed ({status}); the end of {}:{}",
            log.display(),
            base::process::tail(&log)
        );
    }
    Ok(started.elapsed())
}
