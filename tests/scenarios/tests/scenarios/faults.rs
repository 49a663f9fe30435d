//! What goes wrong on the way.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use relay::Faults;
use scenarios::workload::Workload;
use scenarios::{Stage, until};
use world::groups::{self, Group};
use world::{CLUSTER, audit};

use crate::ensure;

pub(crate) async fn a_function_killed_in_the_middle_is_finished_by_the_next_tick_and_evicts_nobody_twice(
    stage: &Stage,
) -> Result<()> {
    let world = &stage.world;
    let (group, instances) = stage.group(Group::new("killed", CLUSTER, 1)).await?;
    let instance = &instances[0].id;
    // One at a time, six seconds each: in the middle for half a minute.
    let workload = Workload::new("killed", 5).stopping("6s", 30).budget(1);
    workload.create(world).await?;
    groups::terminate(world, instance).await?;
    let granted = || {
        let evictions = audit::evictions(world, "killed")?;
        Ok::<_, anyhow::Error>(
            evictions
                .into_iter()
                .filter(|eviction| eviction.code == 201)
                .collect::<Vec<_>>(),
        )
    };
    until("no pod was evicted", Duration::from_secs(90), async || {
        Ok(!granted()?.is_empty())
    })
    .await?;
    let killed = stage.eks.drain.kill(world)?;
    ensure(killed > 0, || {
        "no process of the function was found to be killed".to_owned()
    })?;
    let before = granted()?.len();
    ensure(before < 5, || {
        format!("all {before} pods were evicted already: nothing was in the middle")
    })?;
    let state = stage.state_of(&group, instance).await?;
    ensure(state.as_deref() == Some("Terminating:Wait"), || {
        format!("the instance is {state:?}")
    })?;

    stage
        .until_state(instance, "Terminating:Proceed", Duration::from_secs(150))
        .await?;
    let mut times = BTreeMap::new();
    for eviction in granted()? {
        *times.entry((eviction.pod, eviction.uid)).or_insert(0) += 1;
    }
    ensure(
        times.len() >= 5 && times.values().all(|times| *times == 1),
        || format!("{times:#?}"),
    )?;
    workload.delete(world).await?;
    group.delete(world).await
}

pub(crate) async fn events_that_are_repeated_late_and_reordered_end_in_one_drain_each(
    stage: &Stage,
) -> Result<()> {
    let world = &stage.world;
    let (group, instances) = stage.group(Group::new("unreliable", CLUSTER, 4)).await?;
    let workload = Workload::new("unreliable", 12).stopping("1s", 30);
    workload.create(world).await?;
    world.relay().reseed(7);
    world.relay().set_faults(Faults {
        drop_percent: 25,
        duplicate: 3,
        delay_ms: 5_000,
        reorder: true,
        ..Faults::default()
    });
    for instance in &instances[..3] {
        groups::terminate(world, &instance.id).await?;
    }
    let mut drained = Ok(());
    for instance in &instances[..3] {
        let one = stage
            .until_state(&instance.id, "Terminating:Proceed", Duration::from_secs(150))
            .await;
        drained = drained.and(one);
    }
    world.relay().set_faults(Faults::default());
    drained?;
    let mut times: BTreeMap<Option<String>, u32> = BTreeMap::new();
    for eviction in audit::evictions(world, "unreliable")?
        .into_iter()
        .filter(|eviction| eviction.code == 201)
    {
        *times.entry(eviction.uid).or_default() += 1;
    }
    ensure(
        !times.is_empty() && times.values().all(|times| *times == 1),
        || format!("{times:#?}"),
    )?;
    workload.delete(world).await?;
    group.delete(world).await
}
