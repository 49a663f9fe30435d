//! A client that shares no code with the endpoint's other tests.

use std::process::Stdio;

use tokio::process::Command;

use crate::support::World;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/api/client.py");

#[tokio::test]
async fn boto3_drives_a_group_from_creation_to_deletion() {
    let world = World::new().await;
    let (program, first) = match std::env::var_os("LAMPLIGHTER_PYTHON") {
        Some(python) => (python, None),
        None => ("/usr/bin/env".into(), Some("python3")),
    };
    let output = Command::new(program)
        .args(first)
        .args([SCRIPT, &format!("http://{}", world.server.address)])
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(
        !err.contains("No module named 'boto3'"),
        "boto3 is missing: `cargo xtask test` sets up a Python that has it and names it in LAMPLIGHTER_PYTHON"
    );
    assert!(output.status.success(), "{out}{err}");
    assert_eq!(out.trim(), "ok");
    assert!(world.fleet.running().is_empty());
}
