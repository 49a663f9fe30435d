//! Programs of this workspace that run in a world, and are no test themselves.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::process::Command;

use crate::{paths, process};

/// Compiles the program `name` of `package` if it is not built yet, and gives its path as cargo names it.
pub async fn build(package: &str, name: &str) -> Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    for variable in process::variables_of_outer_cargo() {
        cargo.env_remove(variable);
    }
    let output = cargo
        .current_dir(paths::checkout())
        .args(["build", "--locked", "--package", package, "--bin", name])
        .args(["--message-format", "json-render-diagnostics"])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await
        .context("starting cargo")?;
    if !output.status.success() {
        bail!(
            "cargo can't build {name} of package {package} ({})",
            output.status
        );
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .with_context(|| format!("cargo named no program {name}"))
}
