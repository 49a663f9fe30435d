//! `target/world/env`: what a shell needs, so that anybody's `aws`, boto3 and `kubectl` find this world.

use std::fmt::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use anyhow::{Context, Result};
use base::{Ports, aws};

use crate::World;

/// Writes it, readable by its owner alone: it holds an administrator's key, if only that of an emulator.
pub(crate) fn write(world: &World) -> Result<()> {
    use std::io::Write as _;
    let path = world.dir().join("env");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options
        .open(&path)
        .with_context(|| format!("writing {}", path.display()))?;
    file.write_all(lines(world).as_bytes())?;
    Ok(())
}

fn lines(world: &World) -> String {
    let ports = world.ports();
    let admin = world.emulator().admin();
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let variables = [
        ("AWS_ENDPOINT_URL", Ports::http(ports.aws())),
        ("AWS_ENDPOINT_URL_AUTO_SCALING", Ports::http(ports.autoscaling())),
        ("AWS_ENDPOINT_URL_EKS", Ports::http(ports.eks())),
        ("AWS_REGION", aws::REGION.to_owned()),
        ("AWS_DEFAULT_REGION", aws::REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", admin.access_key_id.clone()),
        ("AWS_SECRET_ACCESS_KEY", admin.secret_access_key.clone()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        (
            "KUBECONFIG",
            world.control_plane().kubeconfig().display().to_string(),
        ),
        ("LAMPLIGHTER_WORLD", Ports::http(ports.control())),
    ];
    let mut text = String::new();
    for (name, value) in variables {
        let _ = writeln!(text, "export {name}={}", quoted(&value));
    }
    let _ = writeln!(
        text,
        "export PATH={}:\"$PATH\"",
        quoted(&world.dir().join("bin").display().to_string())
    );
    // A profile or a session of the person's own account must not get in between.
    let _ = writeln!(text, "unset AWS_SESSION_TOKEN AWS_PROFILE");
    text
}
