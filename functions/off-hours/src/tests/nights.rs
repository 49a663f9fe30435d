//! Whole nights, and what they cost.

use domain::offhours::Size;

use super::fakes::Pool;
use super::shop::{OFFICE, empty, shop};
use super::*;

#[tokio::test(start_paused = true)]
async fn everything_sleeps_and_wakes_in_order_and_is_as_it_was() {
    let fake = shop("2026-11-26T18:58:00Z");
    let before = fake.sizes();
    ticks_until(&fake, "2026-11-26T19:10:00Z").await;
    let evening = [
        "cronjob/shop/report suspended",
        "deployment/shop/mailer 0",
        "deployment/shop/web 0",
        "statefulset/shop/queue 0",
        "deployment/shop/gateway 0",
        "group/batch 0-0-5",
        "group/workers 0-0-10",
        "nodegroup/managed 0-0-4",
        "database/orders stopped",
    ];
    assert_eq!(fake.resizes(), evening);
    ticks_until(&fake, "2026-11-27T06:59:00Z").await;
    assert_eq!(fake.resizes(), evening, "nothing moves at night");
    fake.forget();
    ticks_until(&fake, "2026-11-27T07:10:00Z").await;
    let morning = [
        "database/orders running",
        "group/batch 0-1-5",
        "group/workers 2-4-10",
        "nodegroup/managed 1-2-4",
        "deployment/shop/gateway 3",
        "statefulset/shop/queue 2",
        "deployment/shop/web 7",
        "deployment/shop/mailer 1",
        "cronjob/shop/report active",
    ];
    assert_eq!(fake.resizes(), morning);
    assert_eq!((fake.sizes(), fake.world().remembered()), (before, vec![]));
    assert_eq!(fake.metric("Failures"), 0);
}

#[tokio::test(start_paused = true)]
async fn what_sleeps_says_so_itself() {
    let fake = shop("2026-11-26T18:58:00Z");
    ticks_until(&fake, "2026-11-26T19:10:00Z").await;
    let sizes = fake.sizes();
    let marked = |name: &str, size: &str| {
        let line = sizes.iter().find(|line| line.starts_with(name)).unwrap();
        line.contains("asleep since 2026-11-26T19:00:00Z") && line.contains(size)
    };
    assert!(marked("group/workers", "2-4-10"));
    assert!(marked("nodegroup/managed", "1-2-4"));
    assert!(marked("deployment/shop/web", "\"7\""));
    assert!(marked("database/orders", ""));
    assert!(marked("cronjob/shop/report", ""));
}

#[tokio::test(start_paused = true)]
async fn an_idle_look_by_day_is_a_handful_of_calls_and_one_at_night_one_more_for_each_that_sleeps() {
    let fake = shop("2026-11-26T18:40:00Z");
    let fixed = [
        "s3 get", // the lease
        "s3 put",
        "kube namespaces",
        "s3 list",
        "s3 get", // the lease again, as one of the objects
        "kube list deployments",
        "kube list statefulsets",
        "kube list cronjobs",
        "kube list hpas",
        "asg describe",
        "eks describe",
        "rds describe",
        "s3 put",
    ];
    tick(&fake).await.unwrap(); // the first, which finds no lease
    fake.forget();
    next_minute(&fake).await;
    ticks_until(&fake, "2026-11-26T18:46:00Z").await;
    let calls = fake.world().calls.clone();
    assert_eq!(
        calls[4..calls.len()],
        fixed,
        "four ticks that are not due, and one that is"
    );
    ticks_until(&fake, "2026-11-26T20:01:00Z").await;
    fake.forget();
    ticks_until(&fake, "2026-11-26T20:06:00Z").await;
    let asleep = fake.count_asleep();
    assert_eq!(
        (asleep, fake.called("")),
        (9, 4 + fixed.len() + asleep + 2),
        "their records, pods and nodes"
    );
}

#[tokio::test(start_paused = true)]
async fn two_hundred_workloads_sleep_and_wake_within_minutes_by_a_few_calls_each() {
    let fake = empty("2026-11-26T18:58:00Z");
    {
        let mut world = fake.world();
        for number in 0..200 {
            world.add(&format!("deployment/shop/w{number}"), Size::Replicas(2), &[]);
        }
        world
            .groups
            .insert("workers".to_owned(), Pool::new("2-4-10", &[OFFICE]));
        world.settle(ts("2026-11-26T08:00:00Z"));
    }
    let before = fake.sizes();
    ticks_until(&fake, "2026-11-26T19:03:00Z").await;
    let few_calls = |fake: &Fake| {
        let [lists, gets, puts, patches] =
            ["s3 list", "s3 get", "s3 put", "kube patch"].map(|verb| fake.called(verb));
        assert_eq!(patches, 200, "one for each");
        assert!(puts <= 2 * 201 + 10, "{puts}: the record twice, and the lease");
        assert!(gets <= 3 * 201 + 10, "{gets}: what was written is read again");
        assert!(lists <= 20, "{lists} looks");
    };
    assert_eq!(fake.count_asleep(), 201);
    few_calls(&fake);
    ticks_until(&fake, "2026-11-27T06:59:00Z").await;
    fake.forget();
    ticks_until(&fake, "2026-11-27T07:03:00Z").await;
    few_calls(&fake);
    assert_eq!((fake.sizes(), fake.world().remembered()), (before, vec![]));
}
