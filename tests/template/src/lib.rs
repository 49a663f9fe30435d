//! Reads `template.yaml` as `CloudFormation` gets it, for the checks in `tests/`, and runs the checkers of others on it.
#![allow(
    clippy::disallowed_methods,
    reason = "checks of the checkout, which live in the machine's environment"
)]

pub mod evaluator;
pub mod functions;
mod statements;
mod values;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use emulator::Tools;
use serde_json::Value;

pub use statements::{Statement, one_or_many, statements};
pub use values::Values;

/// The source of the stack.
pub fn source() -> PathBuf {
    base::paths::checkout().join("template.yaml")
}

/// The template after SAM's translator.
pub fn translated(tools: &Tools) -> Result<Value> {
    read(tools, "translate", &source())
}

/// The documents of a Kubernetes manifest of the checkout.
pub fn documents(tools: &Tools, path: &str) -> Result<Vec<Value>> {
    match read(tools, "documents", &base::paths::checkout().join(path))? {
        Value::Array(documents) => Ok(documents),
        other => bail!("{path}: expected documents, found {other}"),
    }
}

fn read(tools: &Tools, what: &str, path: &Path) -> Result<Value> {
    let script = base::paths::checkout().join("tests/template/read.py");
    let output = run(
        tools,
        &tools.python(),
        [script.as_os_str(), what.as_ref(), path.as_os_str()],
    )?;
    serde_json::from_str(&output).with_context(|| format!("reading {}", path.display()))
}

/// Runs a tool in the checkout and returns what it prints; an error holds all of it.
pub fn run<A: AsRef<OsStr>>(
    tools: &Tools,
    program: &Path,
    args: impl IntoIterator<Item = A>,
) -> Result<String> {
    let output = Command::new(program)
        .args(args)
        .current_dir(base::paths::checkout())
        .env("PATH", tools.path_env()?)
        .envs(tools.quiet_env())
        .env("AWS_DEFAULT_REGION", base::aws::REGION)
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env_remove("AWS_PROFILE")
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("starting {}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!(
            "{} ({}):\n{text}{}",
            program.display(),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(text)
}

/// The resources of a type, with their names.
pub fn resources<'a>(template: &'a Value, kind: &str) -> Vec<(&'a str, &'a Value)> {
    let all = template["Resources"].as_object().into_iter().flatten();
    all.filter(|(_, resource)| resource["Type"] == kind)
        .map(|(name, resource)| (name.as_str(), &resource["Properties"]))
        .collect()
}

/// The name of the resource that an intrinsic function refers to: `{"Ref": …}` or `{"Fn::GetAtt": […, "Arn"]}`.
pub fn referred(value: &Value) -> Option<&str> {
    value["Ref"].as_str().or_else(|| value["Fn::GetAtt"][0].as_str())
}
