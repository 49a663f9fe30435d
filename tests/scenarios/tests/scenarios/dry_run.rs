//! A dry run says what it would do, and does nothing.

use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use scenarios::workload::Workload;
use scenarios::{Stage, until};
use world::groups::{self, Group};
use world::{CLUSTER, audit};

use crate::{ensure, node_name};

/// A tick is at most a minute away, and works for up to 50 s.
const LIMIT: Duration = Duration::from_secs(140);

/// The group of the function's Kubernetes identity.
const WRITER: &str = "lamplighter:node-drain";

pub(crate) async fn a_dry_run_logs_its_plan_and_writes_nothing_until_it_is_switched_off(
    stage: &Stage,
) -> Result<()> {
    let world = &stage.world;
    let function = &stage.eks.drain;
    let (group, instances) = stage.group(Group::new("dry-run", CLUSTER, 2)).await?;
    let workload = Workload::new("dry-run", 4);
    workload.create(world).await?;
    let instance = &instances[0].id;
    let node = node_name(stage, instance).await?;
    workload.until_on(world, &node).await?;

    function.set_dry_run(world, true).await?;
    let seen = nothing_is_written(stage, instance, &node).await;
    function.set_dry_run(world, false).await?;
    let writes_before = seen?;

    function.tick(world).await?;
    stage.until_state(instance, "Terminating:Proceed", LIMIT).await?;
    // The audit log that showed nothing shows a drain.
    let wrote = audit::writes(world, WRITER)?.split_off(writes_before);
    for (verb, resource) in [("patch", "nodes"), ("create", "pods/eviction")] {
        let is_it = |write: &audit::Write| write.verb == verb && write.resource == resource;
        ensure(wrote.iter().any(is_it), || {
            format!("no {verb} {resource} in {wrote:#?}")
        })?;
    }
    group.ready(world).await?;
    workload.delete(world).await?;
    group.delete(world).await
}

/// Terminates the instance, and looks at what a tick makes of it. Returns how many writes there were before and after.
async fn nothing_is_written(stage: &Stage, instance: &str, node: &str) -> Result<usize> {
    let world = &stage.world;
    let function = &stage.eks.drain;
    let since = Timestamp::now();
    let before = audit::writes(world, WRITER)?;
    groups::terminate(world, instance).await?;
    stage
        .until_state(instance, "Terminating:Wait", Duration::from_secs(20))
        .await?;
    function.tick(world).await?;
    let planned = async || {
        let records = function.records(world, since).await?;
        Ok(records.iter().any(|record| {
            let is_plan = record["message"] == "plan" && record["dry_run"] == true;
            is_plan
                && record["node"] == node
                && record["plan"]
                    .as_str()
                    .is_some_and(|plan| plan.contains("cordon"))
        }))
    };
    until("the plan was not logged", Duration::from_secs(30), planned).await?;

    let after = audit::writes(world, WRITER)?;
    ensure(before == after, || {
        format!("written: {:#?}", &after[before.len()..])
    })?;
    let state = world.timeline().entered(instance, "Terminating:Proceed");
    ensure(state.is_none(), || format!("the hook was completed at {state:?}"))?;
    let found = groups::node_of(world, instance).await?;
    let spec = found.context("the node is gone")?.spec.unwrap_or_default();
    ensure(spec.unschedulable != Some(true) && spec.taints.is_none(), || {
        format!("{spec:?}")
    })?;
    Ok(after.len())
}
