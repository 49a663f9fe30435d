//! `sam build`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use emulator::Tools;

use crate::sam;

/// An instruction set of Lambda, as the template's parameter names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// The template's default.
    Arm64,
    /// What most development machines are.
    X86_64,
}

impl Architecture {
    /// What runs here: the emulator starts the functions as processes of this machine.
    pub const fn host() -> Self {
        if cfg!(target_arch = "aarch64") {
            Self::Arm64
        } else {
            Self::X86_64
        }
    }

    /// As the parameter `Architecture` of the template has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86_64 => "x86_64",
        }
    }
}

/// What `sam build` made.
#[derive(Debug, Clone)]
pub struct Built {
    /// The template whose `CodeUri`s are the built functions.
    pub template: PathBuf,
    /// What the functions were built for.
    pub architecture: Architecture,
    /// Directory of the logs.
    pub(crate) scratch: PathBuf,
}

impl Built {
    /// What an earlier [`build`] into the same directory made.
    pub fn existing(architecture: Architecture, out: &Path) -> Result<Self> {
        let built = Self {
            template: out.join("build/template.yaml"),
            architecture,
            scratch: out.to_owned(),
        };
        if !built.template.exists() {
            bail!("{}: there is no built template", built.template.display());
        }
        Ok(built)
    }
}

/// Builds every function of the template into `out`, with the workspace's own target directory. The compiler's progress shows on the
/// terminal; `sam build` itself, which keeps it to itself, then finds everything compiled.
pub async fn build(tools: &Tools, architecture: Architecture, out: &Path) -> Result<Built> {
    std::fs::create_dir_all(out)?;
    for function in functions()? {
        compile(tools, architecture, &function).await?;
    }
    let checkout = base::paths::checkout();
    let mut command = sam::command(tools, &tools.sam())?;
    command
        .arg("build")
        .arg("--template-file")
        .arg(checkout.join("template.yaml"))
        .arg("--config-file")
        .arg(checkout.join("samconfig.toml"))
        .arg("--build-dir")
        .arg(out.join("build"))
        .arg("--parameter-overrides")
        .arg(format!("Architecture={}", architecture.name()));
    sam::run(command, "sam-build", out).await?;
    Built::existing(architecture, out)
}

/// The directories of the functions.
fn functions() -> Result<Vec<PathBuf>> {
    let directory = base::paths::checkout().join("functions");
    let entries =
        std::fs::read_dir(&directory).with_context(|| format!("reading {}", directory.display()))?;
    let mut functions = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.join("Cargo.toml").exists() {
            functions.push(path);
        }
    }
    functions.sort();
    Ok(functions)
}

/// The very command that `sam build` runs, so that it finds nothing left to compile.
async fn compile(tools: &Tools, architecture: Architecture, function: &Path) -> Result<()> {
    let mut command = sam::command(tools, Path::new("cargo"))?;
    command
        .current_dir(function)
        .args(["lambda", "build", "--release"]);
    if architecture == Architecture::Arm64 {
        command.arg("--arm64");
    }
    let status = command.status().await.context("starting cargo lambda")?;
    if !status.success() {
        bail!("{}: cargo lambda build failed ({status})", function.display());
    }
    Ok(())
}
