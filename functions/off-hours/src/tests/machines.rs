//! Groups, node groups and databases, and what AWS does with them.

use domain::offhours::Size;

use super::fakes::{Fault, Pool, database};
use super::shop::{OFFICE, empty, shop};
use super::*;

const MORNING: &str = "2026-11-27T07:30:00Z";

fn with_group(size: &str, tags: &[(&str, &str)]) -> Fake {
    let fake = empty("2026-11-26T18:55:00Z");
    let tags: Vec<_> = tags.iter().chain([&OFFICE]).copied().collect();
    fake.world()
        .groups
        .insert("workers".to_owned(), Pool::new(size, &tags));
    fake
}

#[tokio::test(start_paused = true)]
async fn case_3_a_group_of_which_nobody_knows_the_size_is_told_and_not_guessed() {
    let fake = with_group("0-0-0", &[]);
    ticks_until(&fake, MORNING).await;
    assert_eq!(fake.resizes(), Vec::<String>::new());
    assert!(fake.metric("UnknownSizes") > 0);
    let told = (
        "Off-Hours Error".to_owned(),
        "group/workers".to_owned(),
        "unknown-size".to_owned(),
    );
    assert!(fake.world().told.contains(&told));
    let fake = with_group("0-0-0", &[("lamplighter:on-size", "1-2-3")]);
    fake.sleep(SignedDuration::from_mins(10)).await; // it is night when it is tagged
    ticks_until(&fake, MORNING).await;
    assert_eq!(fake.resizes(), ["group/workers 1-2-3"]);
}

#[tokio::test(start_paused = true)]
async fn case_4_and_5_a_maximum_that_was_changed_at_night_stays_and_the_rest_fits_into_it() {
    for (max, morning) in [(6, "2-4-6"), (3, "2-3-3")] {
        let fake = with_group("2-4-10", &[]);
        fake.then("2026-11-26T23:00:00Z", move |world| {
            world.groups.get_mut("workers").unwrap().capacity.max = max;
        });
        ticks_until(&fake, MORNING).await;
        assert_eq!(
            fake.resizes(),
            [
                "group/workers 0-0-10".to_owned(),
                format!("group/workers {morning}")
            ]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn case_16_a_node_group_keeps_its_maximum_whatever_its_size_at_night() {
    let fake = empty("2026-11-26T18:55:00Z");
    let tags = [OFFICE, ("lamplighter:off-size", "0-0-0")];
    fake.world()
        .nodegroups
        .insert("managed".to_owned(), Pool::new("1-2-4", &tags));
    ticks_until(&fake, MORNING).await;
    assert_eq!(
        fake.resizes(),
        ["nodegroup/managed 0-0-4", "nodegroup/managed 1-2-4"]
    );
}

#[tokio::test(start_paused = true)]
async fn case_17_a_node_group_that_is_being_changed_is_waited_for_and_nothing_fails() {
    let fake = empty("2026-11-26T18:55:00Z");
    let mut pool = Pool::new("1-2-4", &[OFFICE]);
    pool.busy_until = ts("2026-11-26T19:07:00Z");
    fake.world().nodegroups.insert("managed".to_owned(), pool);
    ticks_until(&fake, "2026-11-26T19:30:00Z").await;
    assert_eq!(fake.resizes(), ["nodegroup/managed 0-0-4"]);
    assert_eq!(fake.called("eks resize"), 1);
    assert_eq!(fake.metric("Failures"), 0);
}

#[tokio::test(start_paused = true)]
async fn case_22_machines_go_when_no_pod_is_left_on_them_so_that_no_disruption_budget_holds_them_up() {
    let fake = shop("2026-11-26T18:55:00Z");
    ticks_until(&fake, "2026-11-26T19:30:00Z").await;
    let world = fake.world();
    let machines: Vec<_> = world
        .pods_left
        .iter()
        .filter(|(key, _)| key.contains("group/"))
        .collect();
    assert_eq!(machines.len(), 3, "{machines:?}");
    assert!(machines.iter().all(|(_, pods)| **pods == 0), "{machines:?}");
}

#[tokio::test(start_paused = true)]
async fn case_26_a_database_that_aws_starts_after_seven_days_is_stopped_again_at_once() {
    let mut fake = empty("2026-11-26T18:55:00Z");
    fake.schedules("office=down:from 2026-11-26T19:00:00Z");
    fake.world()
        .databases
        .insert("orders".to_owned(), database("orders", &[OFFICE]));
    let end = "2026-12-03T19:20:00Z";
    while fake.now() < ts(end) {
        let _ = tick(&fake).await;
        fake.sleep(SignedDuration::from_mins(5)).await;
    }
    assert_eq!(fake.resizes(), ["database/orders stopped"; 2]);
    let stopped: Vec<_> = fake.world().resizes.iter().map(|(at, ..)| *at).collect();
    let apart = stopped[1].duration_since(stopped[0]);
    assert!(
        apart > SignedDuration::from_hours(7 * 24) && apart < SignedDuration::from_mins(7 * 24 * 60 + 10)
    );
}

#[tokio::test(start_paused = true)]
async fn case_27_a_database_with_replicas_is_left_alone_and_the_rest_goes_on() {
    let fake = with_group("2-4-10", &[]);
    let mut source = database("orders", &[OFFICE]);
    source.described.replicas = vec!["orders-copy".to_owned()];
    fake.world().databases.insert("orders".to_owned(), source);
    ticks_until(&fake, "2026-11-26T19:30:00Z").await;
    assert_eq!(fake.resizes(), ["group/workers 0-0-10"]);
}

#[tokio::test(start_paused = true)]
async fn case_29_while_the_cluster_can_not_be_asked_its_machines_stay_unless_they_say_otherwise() {
    for way in [
        Fault::Away("kube"),
        Fault::Denied("connect"),
        Fault::Denied("kube list hpas"),
    ] {
        let fake = shop("2026-11-26T18:57:00Z");
        let pool = Pool::new("1-2-3", &[OFFICE, ("lamplighter:nodes-only", "true")]);
        fake.world().groups.insert("stateless".to_owned(), pool);
        fake.set(way);
        ticks_until(&fake, "2026-11-26T21:00:00Z").await;
        let machines = |fake: &Fake| {
            let mut resizes = fake.resizes();
            resizes.retain(|resize| resize.contains("group/") || resize.contains("database/"));
            resizes
        };
        assert_eq!(machines(&fake), ["group/stateless 0-0-3"], "{way:?}");
        fake.set(Fault::None);
        ticks_until(&fake, "2026-11-26T21:20:00Z").await;
        assert_eq!(machines(&fake).len(), 5, "{way:?}: {:?}", fake.resizes());
    }
}

#[tokio::test(start_paused = true)]
async fn case_19_machines_that_can_not_be_had_hold_nobody_up_for_longer_than_patience() {
    let fake = shop("2026-11-26T18:57:00Z");
    ticks_until(&fake, "2026-11-27T06:00:00Z").await;
    fake.world().groups.get_mut("workers").unwrap().has_supply = false;
    ticks_until(&fake, "2026-11-27T07:30:00Z").await;
    let is_awake = |fake: &Fake, name: &str| {
        let world = fake.world();
        let mut workloads = world.workloads.iter();
        workloads.any(|(key, one)| key.name() == name && one.size == Size::Replicas(3))
    };
    assert!(is_awake(&fake, "gateway"));
    assert!(fake.metric("StuckResources") > 0);
    fake.world().groups.get_mut("workers").unwrap().has_supply = true;
    ticks_until(&fake, "2026-11-27T08:30:00Z").await;
    assert_eq!(fake.world().remembered(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_group_of_an_autoscaler_loses_its_maximum_too_and_gets_it_back() {
    let fake = with_group("2-4-10", &[("k8s.io/cluster-autoscaler/enabled", "")]);
    ticks_until(&fake, MORNING).await;
    assert_eq!(fake.resizes(), ["group/workers 0-0-0", "group/workers 2-4-10"]);
}
