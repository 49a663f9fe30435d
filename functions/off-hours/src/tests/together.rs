//! Several invocations at once, and the lease that lets one of them work.

use domain::offhours::{Key, Record, Size};

use super::shop::{empty, shop};
use super::*;

#[tokio::test(start_paused = true)]
async fn case_6_of_five_at_once_one_works_and_the_others_end_well() {
    let fake = shop("2026-11-26T19:00:00Z");
    let edge = || invoke(&fake, json!({ "edge": "sleep" }));
    let all = tokio::join!(edge(), edge(), edge(), edge(), edge());
    for answer in [all.0, all.1, all.2, all.3, all.4] {
        assert_eq!(answer.unwrap(), Ok(Value::Null));
    }
    next_minute(&fake).await;
    ticks_until(&fake, "2026-11-26T19:20:00Z").await;
    let saved: Vec<String> = fake
        .writes()
        .into_iter()
        .filter(|write| write.contains(" saved "))
        .collect();
    let unique: std::collections::BTreeSet<_> = saved.iter().collect();
    assert_eq!((saved.len(), unique.len()), (9, 9), "{saved:#?}");
    let resizes = fake.resizes();
    let unique: std::collections::BTreeSet<_> = resizes.iter().collect();
    assert_eq!((resizes.len(), unique.len()), (9, 9), "{resizes:#?}");
}

#[tokio::test(start_paused = true)]
async fn while_somebody_holds_the_lease_a_tick_leaves_everything_to_them_and_after_it_goes_on() {
    let fake = shop("2026-11-26T19:00:00Z");
    let lease = json!({ "holder": "another", "until": "2026-11-26T19:02:30Z", "converging": true });
    fake.world().put("lease.json", &lease.to_string());
    for _ in 0..3 {
        tick(&fake).await.unwrap();
        assert_eq!(fake.writes(), Vec::<String>::new());
        next_minute(&fake).await;
    }
    tick(&fake).await.unwrap();
    assert!(fake.count("record") > 0);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_nobody_can_read_is_replaced() {
    let fake = shop("2026-11-26T19:00:00Z");
    fake.world().put("lease.json", "{");
    tick(&fake).await.unwrap();
    assert!(fake.count("record") > 0);
}

#[tokio::test(start_paused = true)]
async fn who_was_asked_waits_for_the_lease_as_long_as_there_is_time_and_ends_well() {
    for (until, resized) in [("2026-11-26T19:00:20Z", 1), ("2026-11-26T19:02:00Z", 0)] {
        let fake = shop("2026-11-26T19:00:00Z");
        let lease = json!({ "holder": "another", "until": until, "converging": true });
        fake.world().put("lease.json", &lease.to_string());
        let answer = invoke(&fake, json!({ "edge": "sleep" })).await.unwrap();
        assert_eq!(
            (answer, fake.count("resize cronjob")),
            (Ok(Value::Null), resized),
            "{until}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_that_another_invocation_made_a_moment_ago_stands() {
    let fake = empty("2026-11-26T19:00:00Z");
    fake.world().add("deployment/shop/web", Size::Replicas(3), &[]);
    // Between the look and the write.
    fake.then("2026-11-26T19:00:00.075Z", |world| {
        let key = Key::parse("deployment/shop/web").unwrap();
        let now = ts("2026-11-26T19:00:00.075Z");
        let record = Record::new(
            key,
            Size::Replicas(3),
            Size::Replicas(0),
            "another was first",
            now,
        );
        world.put(
            "deployment/shop/web.json",
            &serde_json::to_string(&record).unwrap(),
        );
    });
    tick(&fake).await.unwrap();
    assert_eq!(fake.resizes(), ["deployment/shop/web 0"]);
    assert_eq!(fake.count("record deployment/shop/web saved"), 0);
    assert_eq!(
        fake.world().record("deployment/shop/web").unwrap().reason,
        "another was first"
    );
}
