//! The operator's command, in a world that is as it finds it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use scenarios::{Stage, until};
use serde_json::{Value, json};
use tokio::process::Command;
use world::CLUSTER;
use world::groups::{self, Group};

use crate::{ensure, node_name};

/// What the command printed, and how it ended.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) output: String,
    pub(crate) errors: String,
}

impl Said {
    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.output)
            .with_context(|| format!("exit code {:?}: {}{}", self.code, self.output, self.errors))
    }
}

/// Runs it as a person would, after `source target/world/env`.
pub(crate) async fn lamplighter(stage: &Stage, program: &Path, arguments: &[&str]) -> Result<Said> {
    let script = format!(". '{}'; exec \"$@\"", stage.world.dir().join("env").display());
    let output = Command::new("/bin/sh")
        .args(["-c", &script, "sh"])
        .arg(program)
        .args(arguments)
        .args(["--cluster", CLUSTER])
        .env_remove("HTTP_PROXY")
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .context("starting lamplighter")?;
    Ok(Said {
        code: output.status.code(),
        output: String::from_utf8_lossy(&output.stdout).into_owned(),
        errors: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

pub(crate) async fn the_operator_sees_what_is_in_flight_why_a_node_is_as_it_is_and_what_an_event_would_do(
    stage: &Stage,
) -> Result<()> {
    let world = &stage.world;
    let program = base::programs::build("lamplighter", "lamplighter").await?;
    let (serving, instances) = stage
        .group(
            Group::new("seen", CLUSTER, 1)
                .tag("lamplighter:label/team", "payments")
                .tag("lamplighter:label/bad", "a b"),
        )
        .await?;
    let node = node_name(stage, &instances[0].id).await?;
    // It has a token, and does nothing with it: it joins for ever.
    let mut idle = Group::new("idle", CLUSTER, 0)
        .joining("lamplighter-node-launch", 300)
        .setting("LAMPLIGHTER_JOIN_DEADLINE_SECONDS", "0");
    idle.create(world).await?;
    idle.resize(world, 1).await?;
    let joining = async || {
        let said = lamplighter(stage, &program, &["status", "--output", "json"]).await?;
        let status = said.json()?;
        let flights = status["inFlight"].as_array().cloned().unwrap_or_default();
        Ok(flights
            .iter()
            .any(|flight| flight["phase"] == "joining" && flight["group"] == "idle"))
    };
    until(
        "status does not show the machine that joins",
        Duration::from_secs(60),
        joining,
    )
    .await?;
    let table = lamplighter(stage, &program, &["status"]).await?;
    ensure(
        table.code == Some(0) && table.output.contains("no node has joined"),
        || format!("{:?} {}{}", table.code, table.output, table.errors),
    )?;

    // The tag that can't be a label needs attention, and the node has the other one within a tick.
    let explained = async || {
        let said = lamplighter(stage, &program, &["node", "explain", &node]).await?;
        let says = |text: &str| said.output.contains(text);
        Ok(said.code == Some(1)
            && says("lamplighter:label/team")
            && says("payments")
            && says("lamplighter:label/bad"))
    };
    until(
        "node explain does not tell where the labels come from",
        Duration::from_secs(100),
        explained,
    )
    .await?;

    let file = world.dir().join("data/tick.json");
    std::fs::write(&file, json!({ "tick": true }).to_string())?;
    let path = file.display().to_string();
    let replay = ["events", "replay", &path, "--function", "node-label"];
    let said = lamplighter(stage, &program, &replay).await?;
    ensure(said.code == Some(0), || {
        format!("{:?} {}{}", said.code, said.output, said.errors)
    })?;
    let nobody = lamplighter(stage, &program, &["node", "explain", "no-such-node"]).await?;
    ensure(
        nobody.code != Some(0) && nobody.errors.contains("no-such-node"),
        || format!("{:?} {}{}", nobody.code, nobody.output, nobody.errors),
    )?;
    idle.delete(world).await?;
    serving.delete(world).await?;
    let gone = async || Ok(groups::instances(world, "idle").await.is_err());
    until("the group is not gone", Duration::from_secs(60), gone).await
}
