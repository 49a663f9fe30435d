//! Nodes are drained, by each way in.

use std::time::Duration;

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use relay::Faults;
use scenarios::function::Function;
use scenarios::workload::Workload;
use scenarios::{Stage, until};
use serde_json::Value;
use world::groups::{self, Group};
use world::stacks::{self, KUBEADM};
use world::{CLUSTER, audit, drain_watch};

use crate::{ensure, node_name};

/// One invocation works for 50 s; a drain that takes a tick more is found within it.
const LIMIT: Duration = Duration::from_secs(140);

/// Drains the first node of a group of two, and checks everything that can be seen from outside.
async fn drain_one(stage: &Stage, name: &str, cluster: &str, function: &Function) -> Result<()> {
    let world = &stage.world;
    let since = Timestamp::now();
    let (group, instances) = stage.group(Group::new(name, cluster, 2)).await?;
    let workload = Workload::new(name, 8).stopping("2s", 30).budget(3);
    workload.create(world).await?;
    let instance = &instances[0].id;
    let node = node_name(stage, instance).await?;
    workload.until_on(world, &node).await?;
    let on_node = workload.pods_on(world, &node).await?.len();

    groups::terminate(world, instance).await?;
    let seen = drain_watch::watch(world, instance, LIMIT).await?;

    let cordoned = seen.cordoned.context("the node was never seen cordoned")?;
    let first_asked = seen.asked.values().min().context("no pod was seen leaving")?;
    ensure(cordoned <= *first_asked, || {
        format!("cordoned at {cordoned}, first eviction at {first_asked}")
    })?;
    ensure(seen.asked.len() == on_node && seen.gone.len() == on_node, || {
        format!("{on_node} pods were on the node: {seen:?}")
    })?;
    for (pod, asked) in &seen.asked {
        let took = seen.gone[pod].duration_since(*asked);
        // It takes 2 s to stop, and each look comes up to 0.3 s late.
        ensure(took >= SignedDuration::from_millis(1_500), || {
            format!("{pod} was gone {took:#} after its eviction")
        })?;
    }
    let evictions = audit::evictions(world, name)?;
    let granted: Vec<_> = evictions.iter().filter(|eviction| eviction.code == 201).collect();
    ensure(granted.len() == on_node, || {
        format!("{on_node} pods, and {granted:#?}")
    })?;
    ensure(evictions.iter().all(|eviction| eviction.uid.is_some()), || {
        format!("no UID: {evictions:#?}")
    })?;
    stage
        .until_state(instance, "Terminated", Duration::from_secs(20))
        .await?;
    told(stage, &node).await?;
    // An invocation's log is complete when it has ended.
    let completed = async || {
        let records = function.records(world, since).await?;
        Ok(records
            .iter()
            .any(|record| record["instance_id"] == instance.as_str() && says(record, "hook completed")))
    };
    until(
        "the function did not log that it completed the hook",
        Duration::from_secs(60),
        completed,
    )
    .await?;
    let errors = function.errors(world, since).await?;
    ensure(errors.is_empty(), || format!("{errors:#?}"))?;
    group.ready(world).await?;
    workload.delete(world).await?;
    group.delete(world).await
}

fn says(record: &Value, message: &str) -> bool {
    record["message"]
        .as_str()
        .is_some_and(|text| text.starts_with(message))
}

/// `kubectl describe node` shows people that the drain began and that it ended.
async fn told(stage: &Stage, node: &str) -> Result<()> {
    let selector = format!("involvedObject.name={node},involvedObject.kind=Node");
    let get = [
        "get",
        "events",
        "--field-selector",
        &selector,
        "-o",
        "jsonpath={.items[*].reason}",
    ];
    let reasons = stacks::kubectl(&stage.world, &get).await?;
    let has = |reason| reasons.split_whitespace().any(|one| one == reason);
    ensure(has("Draining") && has("Drained"), || {
        format!("people were told: {reasons}")
    })
}

pub(crate) async fn an_event_drains_the_node_through_queue_and_eks_token_and_completes_the_hook(
    stage: &Stage,
) -> Result<()> {
    drain_one(stage, "by-event", CLUSTER, &stage.eks.drain).await?;
    let user = audit::evictions(&stage.world, "by-event")?.remove(0).user;
    ensure(user.contains(&stage.eks.drain.policy.role), || {
        format!("evicted by {user}, not by the function's own role")
    })
}

pub(crate) async fn without_any_event_the_sweep_alone_drains_the_node(stage: &Stage) -> Result<()> {
    stage.world.relay().set_faults(Faults::lose_everything());
    let drained = drain_one(stage, "by-sweep", CLUSTER, &stage.eks.drain).await;
    stage.world.relay().set_faults(Faults::default());
    drained
}

pub(crate) async fn a_kubeconfig_leads_to_the_cluster_too(stage: &Stage) -> Result<()> {
    drain_one(stage, "by-kubeconfig", KUBEADM, &stage.kubeadm.drain).await?;
    let user = audit::evictions(&stage.world, "by-kubeconfig")?.remove(0).user;
    ensure(user == "lamplighter-node-drain", || {
        format!("evicted by {user}, not by the kubeconfig's user")
    })
}

pub(crate) async fn many_nodes_are_drained_side_by_side(stage: &Stage) -> Result<()> {
    let world = &stage.world;
    let (group, instances) = stage.group(Group::new("many", CLUSTER, 6)).await?;
    let workload = Workload::new("many", 24).stopping("3s", 30);
    workload.create(world).await?;
    let start = Timestamp::now();
    for instance in &instances[..5] {
        groups::terminate(world, &instance.id).await?;
    }
    for instance in &instances[..5] {
        stage
            .until_state(&instance.id, "Terminating:Proceed", LIMIT)
            .await?;
    }
    // Each takes at least 5 s; one after the other they would take more than 25.
    let took = Timestamp::now().duration_since(start);
    ensure(took < SignedDuration::from_secs(50), || {
        format!("5 nodes took {took:#}")
    })?;
    group.ready(world).await?;
    workload.delete(world).await?;
    group.delete(world).await
}

pub(crate) async fn a_budget_that_allows_nothing_keeps_the_hook_alive_until_it_allows_something(
    stage: &Stage,
) -> Result<()> {
    let world = &stage.world;
    let heartbeat = 60;
    let (group, instances) = stage
        .group(Group::new("guarded", CLUSTER, 1).heartbeat(heartbeat))
        .await?;
    let instance = &instances[0].id;
    let mut workload = Workload::new("guarded", 2).budget(0);
    workload.create(world).await?;
    groups::terminate(world, instance).await?;
    // Twice its time-out: without heartbeats the hook would have run out.
    tokio::time::sleep(Duration::from_secs(u64::from(2 * heartbeat))).await;
    let state = stage.state_of(&group, instance).await?;
    ensure(state.as_deref() == Some("Terminating:Wait"), || {
        format!("the instance is {state:?}")
    })?;
    let evictions = audit::evictions(world, "guarded")?;
    ensure(
        !evictions.is_empty() && evictions.iter().all(|eviction| eviction.code == 429),
        || format!("{evictions:#?}"),
    )?;
    // Two pods in two minutes, twelve requests a minute each.
    ensure(evictions.len() <= 2 * 2 * 12 + 4, || {
        format!("{} requests in two minutes", evictions.len())
    })?;
    workload.set_budget(world, 1).await?;
    stage
        .until_state(instance, "Terminating:Proceed", Duration::from_secs(70))
        .await?;
    workload.delete(world).await?;
    group.delete(world).await
}

pub(crate) async fn pods_that_ignore_their_signal_get_their_whole_grace(stage: &Stage) -> Result<()> {
    let world = &stage.world;
    let grace = 12;
    let (group, instances) = stage.group(Group::new("stubborn", CLUSTER, 1)).await?;
    let instance = &instances[0].id;
    let workload = Workload::new("stubborn", 2).stopping("never", grace);
    workload.create(world).await?;
    groups::terminate(world, instance).await?;
    let seen = drain_watch::watch(world, instance, LIMIT).await?;
    ensure(seen.gone.len() == 2, || format!("{seen:?}"))?;
    for (pod, asked) in &seen.asked {
        let took = seen.gone[pod].duration_since(*asked);
        ensure(
            took >= SignedDuration::from_millis(i64::from(grace) * 1000 - 500),
            || format!("{pod} had {took:#} of its {grace} s"),
        )?;
    }
    workload.delete(world).await?;
    group.delete(world).await
}
