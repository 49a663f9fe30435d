//! Messages that are not what they should be.

use std::time::Duration;

use anyhow::Result;
use base::paths;
use jiff::Timestamp;
use relay::Faults;
use scenarios::workload::Workload;
use scenarios::{Stage, until};
use serde_json::{Value, json};
use world::CLUSTER;
use world::groups::{self, Group};

use crate::{ensure, node_name};

pub(crate) async fn what_nobody_can_read_is_parked_once_and_the_rest_of_the_batch_is_unharmed(
    stage: &Stage,
) -> Result<()> {
    let world = &stage.world;
    let (group, instances) = stage.group(Group::new("batch", CLUSTER, 2)).await?;
    let workload = Workload::new("batch", 4);
    workload.create(world).await?;
    let file = |name: &str| {
        std::fs::read_to_string(paths::checkout().join(format!("events/node-drain/{name}.json")))
    };
    // Our own event of this batch is lost, and comes in by hand between the others.
    world.relay().set_faults(Faults::lose_everything());
    let since = Timestamp::now();
    let (ours, bystander) = (&instances[0].id, &instances[1].id);
    groups::terminate(world, ours).await?;
    stage
        .until_state(ours, "Terminating:Wait", Duration::from_secs(20))
        .await?;
    world.relay().set_faults(Faults::default());
    let action = |instance: &str, hook: &str| -> Result<String> {
        let mut event: Value = serde_json::from_str(&file("terminate-action")?)?;
        event["detail"]["EC2InstanceId"] = json!(instance);
        event["detail"]["AutoScalingGroupName"] = json!("batch");
        event["detail"]["LifecycleHookName"] = json!(hook);
        event["time"] = json!(Timestamp::now().to_string());
        Ok(event.to_string())
    };
    let bodies = [
        "this is not json".to_owned(),
        file("another-detail-type")?,
        action(bystander, "ship-the-logs")?,
        file("test-notification")?,
        action(ours, "lamplighter-node-drain")?,
    ];
    stage.eks.drain.send(world, &bodies).await?;
    stage
        .until_state(ours, "Terminating:Proceed", Duration::from_secs(80))
        .await?;

    let said = "message can't be read and is parked";
    let parked = async || {
        let errors = stage.eks.drain.errors(world, since).await?;
        Ok(errors.iter().filter(|error| error.contains(said)).count() >= 2)
    };
    until("two messages are not reported", Duration::from_secs(20), parked).await?;
    // Longer than a message would take to come back if it had been refused.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let errors = stage.eks.drain.errors(world, since).await?;
    ensure(
        errors.len() == 2 && errors.iter().all(|error| error.contains(said)),
        || format!("reported {} times: {errors:#?}", errors.len()),
    )?;
    let dead = stage.eks.drain.take_dead_letters(world).await?;
    let mut texts: Vec<&str> = dead
        .iter()
        .filter_map(|message| message["Body"].as_str())
        .collect();
    texts.sort_unstable();
    let mut expected = [bodies[0].as_str(), bodies[1].as_str()];
    expected.sort_unstable();
    ensure(texts == expected, || format!("parked: {texts:#?}"))?;
    ensure(
        dead.iter()
            .all(|message| message["MessageAttributes"]["Reason"]["StringValue"].is_string()),
        || format!("no reason: {dead:#?}"),
    )?;

    let node = node_name(stage, bystander).await?;
    let bystanders = world::groups::node_of(world, bystander)
        .await?
        .and_then(|node| node.spec);
    ensure(
        bystanders.is_some_and(|spec| spec.unschedulable != Some(true)),
        || format!("{node} was cordoned"),
    )?;
    workload.delete(world).await?;
    group.delete(world).await
}
