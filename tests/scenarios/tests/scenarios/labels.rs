//! Tags of a group reach the nodes that serve already.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use relay::Faults;
use scenarios::{Stage, until};
use serde_json::json;
use world::groups::{self, Group, Instance};
use world::{CLUSTER, stacks};

/// A tag's event is there in a second; the batching window and the write take a few more.
const BY_EVENT: Duration = Duration::from_secs(30);

/// By the sweep alone: a tick, and a busy machine.
const BY_SWEEP: Duration = Duration::from_secs(100);

const TAG: &str = "lamplighter:label/team";

pub(crate) async fn a_changed_tag_reaches_live_nodes_by_its_event_and_by_the_sweep(
    stage: &Stage,
) -> Result<()> {
    let world = &stage.world;
    let (group, instances) = stage.group(Group::new("tagged", CLUSTER, 2)).await?;
    let named = |value: Option<&'static str>| {
        move |labels: &BTreeMap<String, String>| labels.get("team").map(String::as_str) == value
    };
    // They were there before their group had any hook of ours.
    let ours = |labels: &BTreeMap<String, String>| {
        labels
            .get("lamplighter.dev/group")
            .is_some_and(|name| name == "tagged")
    };
    all_have(stage, &instances, "our own label", BY_SWEEP, ours).await?;

    // Case 29: many addresses of one type, on which a server-side apply fails.
    let first = crate::node_name(stage, &instances[0].id).await?;
    many_addresses(stage, &first).await?;
    stacks::kubectl(world, &["label", "node", &first, "owner=somebody"]).await?;
    tag(stage, "CreateOrUpdateTags", "payments").await?;
    all_have(
        stage,
        &instances,
        "the new tag",
        BY_EVENT,
        named(Some("payments")),
    )
    .await?;

    world.relay().set_faults(Faults::lose_everything());
    let swept = async {
        tag(stage, "CreateOrUpdateTags", "search").await?;
        all_have(
            stage,
            &instances,
            "the changed tag",
            BY_SWEEP,
            named(Some("search")),
        )
        .await?;
        tag(stage, "DeleteTags", "search").await?;
        all_have(stage, &instances, "no tag", BY_SWEEP, named(None)).await
    };
    let swept = swept.await;
    world.relay().set_faults(Faults::default());
    swept?;
    let labels = labels(stage, &instances[0]).await?;
    crate::ensure(
        labels.get("owner").is_some_and(|owner| owner == "somebody"),
        || format!("{labels:?}"),
    )?;
    group.delete(world).await
}

/// Gives a node seven more addresses, of both families.
async fn many_addresses(stage: &Stage, node: &str) -> Result<()> {
    let get = [
        "get",
        "node",
        node,
        "-o",
        "jsonpath={.status.addresses[?(@.type==\"InternalIP\")].address}",
    ];
    let own = stacks::kubectl(&stage.world, &get).await?;
    let own = own
        .split_whitespace()
        .next()
        .context("the node has an address")?
        .to_owned();
    let mut addresses = vec![json!({ "type": "InternalIP", "address": own })];
    addresses.extend((1..=4).map(|n| json!({ "type": "InternalIP", "address": format!("10.77.0.{n}") })));
    addresses.extend((1..=3).map(|n| json!({ "type": "InternalIP", "address": format!("fd00::{n}") })));
    let patch = json!({ "status": { "addresses": addresses } }).to_string();
    let command = [
        "patch",
        "node",
        node,
        "--subresource=status",
        "--type=merge",
        "-p",
        &patch,
    ];
    stacks::kubectl(&stage.world, &command).await.map(drop)
}

async fn tag(stage: &Stage, action: &str, value: &str) -> Result<()> {
    let parameters = [
        ("Tags.member.1.ResourceId", "tagged"),
        ("Tags.member.1.ResourceType", "auto-scaling-group"),
        ("Tags.member.1.Key", TAG),
        ("Tags.member.1.Value", value),
        ("Tags.member.1.PropagateAtLaunch", "false"),
    ];
    groups::call(&stage.world, action, parameters).await.map(drop)
}

async fn all_have(
    stage: &Stage,
    instances: &[Instance],
    what: &str,
    limit: Duration,
    holds: impl Fn(&BTreeMap<String, String>) -> bool,
) -> Result<()> {
    let have = async || {
        for instance in instances {
            if !holds(&labels(stage, instance).await?) {
                return Ok(false);
            }
        }
        Ok(true)
    };
    until(&format!("{what}: not on all nodes"), limit, have).await
}

async fn labels(stage: &Stage, instance: &Instance) -> Result<BTreeMap<String, String>> {
    let node = groups::node_of(&stage.world, &instance.id).await?;
    let node = node.with_context(|| format!("no node runs on {}", instance.id))?;
    Ok(node.metadata.labels.unwrap_or_default())
}
