//! Follows a cluster that is made up from look to look.

use std::collections::VecDeque;

use domain::offhours::{Capacity, Record, Size, Stage};
use runtime::clock::TestClock;

use super::*;
use crate::hours::fixtures::{World, key, ts};

const MORNING: &str = "2026-11-26T07:00:05Z";

fn record(saved: u32, stage: Stage) -> Record {
    let fell = ts("2026-11-25T19:00:00Z");
    let off = Size::Replicas(0);
    Record::new(
        key("deployment/shop/web"),
        Size::Replicas(saved),
        off,
        "night",
        fell,
    )
    .at(stage)
}

fn web(replicas: u32) -> World {
    World::at(MORNING).with(
        "deployment/shop/web",
        Size::Replicas(replicas),
        &[("schedule", "office")],
    )
}

/// Asleep, waking, and awake.
fn morning() -> [World; 3] {
    let (since, target) = (ts(MORNING), Size::Replicas(3));
    [
        web(0).with_record(record(
            3,
            Stage::Asleep {
                since: ts("2026-11-25T19:00:10Z"),
            },
        )),
        web(3).with_record(record(3, Stage::Waking { since, target })),
        web(3),
    ]
}

/// How it ends, and what is said, when these are seen one after the other, the last one for ever.
async fn follow(resources: &[Key], worlds: impl IntoIterator<Item = World>) -> (Exit, Vec<String>) {
    let mut looks: VecDeque<World> = worlds.into_iter().collect();
    let mut last = None;
    let look = async || {
        // A world is looked at once; its last one is made again.
        let next = looks.pop_front().or_else(|| last.take());
        let Some(world) = next else {
            return Err(Error::Unreachable("nothing more was seen".to_owned()));
        };
        if looks.is_empty() {
            last = Some(World {
                seen: world.seen.clone(),
                policy: world.policy.clone(),
                overrides: vec![],
                now: world.now,
            });
        }
        Ok(world.look())
    };
    let mut said = Vec::new();
    let clock = TestClock::starting_at(ts(MORNING));
    let follower = Follower::of(resources);
    let exit = follower
        .follow(&clock, look, |line| said.push(line.to_owned()))
        .await;
    (exit.unwrap(), said)
}

#[tokio::test(start_paused = true)]
async fn each_change_is_told_until_everything_is_there() {
    let (exit, said) = follow(&[], morning()).await;
    assert_eq!(exit, Exit::Fine);
    assert_eq!(
        said,
        [
            "deployment/shop/web: waking, 0",
            "deployment/shop/web: waking, 3",
            "deployment/shop/web: awake, 3",
            "everything is as it is to be",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn only_what_was_named_is_followed() {
    let others = web(3).with(
        "deployment/shop/api",
        Size::Replicas(2),
        &[("downtime", "always")],
    );
    let (exit, said) = follow(&[key("deployment/shop/web")], [others]).await;
    assert_eq!(
        (exit, said),
        (Exit::Fine, vec!["everything is as it is to be".to_owned()])
    );
}

#[tokio::test(start_paused = true)]
async fn what_does_not_get_there_by_itself_ends_it_and_is_named() {
    let asleep = Size::Capacity(Capacity::new(0, 0, 0));
    let world = World::at(MORNING).with("group/workers", asleep, &[("schedule", "office")]);
    let (exit, said) = follow(&[], [world]).await;
    assert_eq!(exit, Exit::Attention);
    assert!(
        said[0].starts_with("group/workers: unknown size: nobody knows"),
        "{said:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_moves_for_ever_ends_after_an_hour() {
    let [asleep, _, _] = morning();
    let (exit, said) = follow(&[], [asleep]).await;
    assert_eq!(exit, Exit::Attention);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[1].starts_with("not there after 1 h"), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_seen_is_not_there_yet() {
    let mut blind = web(3);
    blind.seen.unseen.insert(domain::offhours::Kind::Group);
    let (exit, said) = follow(&[], [blind, web(3)]).await;
    assert_eq!((exit, said.len()), (Exit::Fine, 1));
    let away = World::at(MORNING);
    let (exit, _) = follow(&[key("deployment/shop/web")], [away, web(3)]).await;
    assert_eq!(exit, Exit::Fine);
}
