//! `cargo xtask test`: everything that must hold before a change lands.

use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use base::paths;
use emulator::Tools;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::say;

/// Packages whose tests start real parts: emulator, control plane, whole worlds.
const WITH_REAL_PARTS: [&str; 9] = [
    "autoscaling",
    "control-plane",
    "deploy",
    "emulator",
    "relay",
    "scenarios",
    "template",
    "world",
    "xtask",
];

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Leave out what starts the emulator, the control plane or a world
    #[arg(long)]
    fast: bool,
    /// Only tests whose name contains this; the checks of the sources are left out then
    filter: Option<String>,
}

/// What was counted so far.
#[derive(Default)]
struct Count {
    passed: u64,
    failed: u64,
    failures: Vec<String>,
}

pub(crate) async fn run(args: Args) -> Result<()> {
    let tools = tokio::task::spawn_blocking(|| Tools::ensure(&|line| say()(line))).await??;
    let mut count = Count::default();
    if args.filter.is_none() {
        check(&mut count, "format", cargo(&tools, &["fmt", "--all", "--check"])?).await?;
        let clippy = [
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ];
        check(&mut count, "clippy", cargo(&tools, &clippy)?).await?;
        let mut docs = cargo(
            &tools,
            &["doc", "--workspace", "--no-deps", "--locked", "--quiet"],
        )?;
        docs.env("RUSTDOCFLAGS", "-D warnings");
        check(&mut count, "documentation", docs).await?;
        let deny = ["--offline", "check", "bans", "licenses", "sources"];
        check(
            &mut count,
            "licences, bans and sources",
            deny_command(&tools, &deny)?,
        )
        .await?;
    }
    tests(&mut count, &tools, &args).await?;

    println!();
    for failure in &count.failures {
        println!("failed: {failure}");
    }
    println!("{} passed, {} failed", count.passed, count.failed);
    if count.failed > 0 {
        bail!("{} of {} did not pass", count.failed, count.passed + count.failed);
    }
    if count.passed == 0 {
        bail!("no test ran; does the filter match a name?");
    }
    Ok(())
}

/// Asks for known vulnerabilities.
pub(crate) async fn advisories() -> Result<()> {
    let tools = tokio::task::spawn_blocking(|| Tools::ensure(&|line| say()(line))).await??;
    let status = deny_command(&tools, &["check", "advisories"])?.status().await?;
    if !status.success() {
        bail!("cargo deny check advisories: {status}");
    }
    Ok(())
}

async fn tests(count: &mut Count, tools: &Tools, args: &Args) -> Result<()> {
    let mut command = vec!["test", "--workspace", "--locked", "--no-fail-fast"];
    if args.fast {
        for package in WITH_REAL_PARTS {
            command.extend(["--exclude", package]);
        }
    }
    command.extend(args.filter.as_deref());
    counted(count, "tests", cargo(tools, &command)?).await?;
    if args.fast {
        let mut units = vec!["test", "--lib", "--bins", "--locked", "--no-fail-fast"];
        for package in WITH_REAL_PARTS {
            units.extend(["--package", package]);
        }
        units.extend(args.filter.as_deref());
        counted(count, "unit tests of the world", cargo(tools, &units)?).await?;
    }
    Ok(())
}

fn cargo(tools: &Tools, args: &[&str]) -> Result<Command> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for name in base::process::variables_of_outer_cargo() {
        command.env_remove(name);
    }
    command
        .current_dir(paths::checkout())
        .args(args)
        .envs(tools.quiet_env())
        .env("PATH", tools.path_env()?)
        .env("LAMPLIGHTER_PYTHON", tools.python());
    Ok(command)
}

fn deny_command(tools: &Tools, args: &[&str]) -> Result<Command> {
    let mut command = Command::new(tools.cargo_deny());
    command
        .current_dir(paths::checkout())
        .args(args)
        .env("PATH", tools.path_env()?);
    Ok(command)
}

/// One check: it passes or fails as a whole.
async fn check(count: &mut Count, name: &str, mut command: Command) -> Result<()> {
    let started = Instant::now();
    say()(&format!("{name} ..."));
    let status = command
        .status()
        .await
        .with_context(|| format!("starting {name}"))?;
    say()(&format!(
        "{name}: {status} in {:.0} s",
        started.elapsed().as_secs_f64()
    ));
    count.note(name, status.success());
    Ok(())
}

/// Tests: what their runners say is shown and counted.
async fn counted(count: &mut Count, name: &str, mut command: Command) -> Result<()> {
    let started = Instant::now();
    say()(&format!("{name} ..."));
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {name}"))?;
    let output = child.stdout.take().context("its output is not ours")?;
    let mut lines = BufReader::new(output).lines();
    let failed_before = count.failed;
    while let Some(line) = lines.next_line().await? {
        println!("{line}");
        count.read(&line);
    }
    let status = child.wait().await?;
    say()(&format!(
        "{name}: {status} in {:.0} s",
        started.elapsed().as_secs_f64()
    ));
    if !status.success() && count.failed == failed_before {
        // It did not even come to run them, or a runner died.
        count.note(name, false);
    }
    Ok(())
}

impl Count {
    fn note(&mut self, name: &str, passed: bool) {
        if passed {
            self.passed += 1;
        } else {
            self.failed += 1;
            self.failures.push(name.to_owned());
        }
    }

    /// Reads a line of a test runner: `test name ... FAILED`, or `test result: ok. 3 passed; 0 failed; …`.
    fn read(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("test result: ") {
            self.passed += number_before(rest, " passed");
            self.failed += number_before(rest, " failed");
        } else if let Some(name) = line
            .strip_prefix("test ")
            .and_then(|rest| rest.strip_suffix("FAILED"))
        {
            self.failures.push(name.trim_end_matches([' ', '.']).to_owned());
        }
    }
}

fn number_before(text: &str, word: &str) -> u64 {
    let before = text.split(word).next().unwrap_or_default();
    before
        .rsplit(' ')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_all_runners_add_up_and_failures_are_named() {
        let mut count = Count::default();
        for line in [
            "test ids::tests::good ... ok",
            "test ids::tests::bad ... FAILED",
            "test result: FAILED. 12 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 2 filtered out; finished in 0.21s",
        ] {
            count.read(line);
        }
        assert_eq!((count.passed, count.failed), (15, 1));
        assert_eq!(count.failures, ["ids::tests::bad"]);
    }
}
