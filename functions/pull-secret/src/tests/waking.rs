//! Ticks, and what off-hours tells.

use super::*;

fn event(name: &str) -> Value {
    let path = format!(
        "{}/../../events/pull-secret/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn case_49_after_a_night_without_a_cluster_the_first_event_of_the_morning_renews_before_anything_pulls()
{
    for what in [event("waking"), json!({ "tick": true })] {
        let fake = Fake::with(&["shop"], &[]);
        let sandbox = function(&fake);
        invoke(&sandbox, &fake, json!({ "tick": true }))
            .await
            .unwrap()
            .unwrap();
        let before = fake.password("shop", HOSTS[0]);
        fake.world().away = ["list namespaces".to_owned()].into();
        for _ in 0..13 {
            pass(&fake, 1).await;
            let failed = invoke(&sandbox, &fake, json!({ "tick": true }))
                .await
                .unwrap()
                .unwrap_err();
            assert_eq!(failed.class, Class::Transient);
        }
        fake.world().away.clear();
        let since = fake.now();
        invoke(&sandbox, &fake, what).await.unwrap().unwrap();
        assert_ne!(fake.password("shop", HOSTS[0]), before);
        assert!(fake.now().duration_since(since) < SignedDuration::from_secs(1));
    }
}

#[tokio::test(start_paused = true)]
async fn of_the_many_events_of_a_morning_one_looks() {
    let fake = Fake::with(&["shop"], &[]);
    let sandbox = function(&fake);
    for _ in 0..50 {
        invoke(&sandbox, &fake, event("waking")).await.unwrap().unwrap();
    }
    assert_eq!(fake.called("list namespaces"), 1);
    invoke(&sandbox, &fake, json!({ "tick": true }))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(fake.called("list namespaces"), 2, "a tick always looks");
    fake.sleep(SignedDuration::from_mins(2)).await;
    invoke(&sandbox, &fake, event("waking")).await.unwrap().unwrap();
    assert_eq!(fake.called("list namespaces"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_look_that_failed_answers_for_no_event() {
    let fake = Fake::with(&["shop"], &[]);
    let sandbox = function(&fake);
    fake.world().away = ["token".to_owned()].into();
    invoke(&sandbox, &fake, event("waking"))
        .await
        .unwrap()
        .unwrap_err();
    fake.world().away.clear();
    invoke(&sandbox, &fake, event("waking")).await.unwrap().unwrap();
    assert!(fake.password("shop", HOSTS[0]).is_some());
}

#[tokio::test(start_paused = true)]
async fn what_falls_asleep_or_wakes_elsewhere_costs_nothing_and_anything_else_is_rejected() {
    let fake = Fake::with(&["shop"], &[]);
    for name in ["asleep", "waking-elsewhere"] {
        invoke(&function(&fake), &fake, event(name))
            .await
            .unwrap()
            .unwrap();
    }
    for what in [event("another-detail-type"), json!({}), json!({ "Records": [] })] {
        let failed = invoke(&function(&fake), &fake, what).await.unwrap().unwrap_err();
        assert_eq!(failed.class, Class::Rejected);
        assert!(
            failed
                .message
                .contains("expected {\"tick\": true}, or an event of source \"lamplighter\""),
            "{failed}"
        );
    }
    assert_eq!(fake.world().calls, Vec::<String>::new());
}
