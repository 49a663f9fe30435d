//! Sweeps without machines, sweeps that fail, and what remains of others.

use domain::failure::Class;

use super::fakes::Kept;
use super::*;

fn leftover(description: &str) -> Kept {
    Kept {
        value: "nobody reads this".to_owned(),
        description: description.to_owned(),
        tags: std::collections::BTreeMap::new(),
    }
}

#[tokio::test(start_paused = true)]
async fn leftovers_are_deleted_at_once_and_their_values_are_never_read() {
    let fake = Fake::new();
    fake.remove(FIRST);
    for n in 0..25 {
        let expired = "token abc123, issued 2026-11-21T07:00:00Z, expires 2026-11-21T07:15:00Z";
        let name = Fake::parameter_name(&format!("i-{n:08}"));
        let description = if n == 7 { "edited by hand" } else { expired };
        fake.state().parameters.insert(name, leftover(description));
    }
    let foreign = "/lamplighter/blue/join/readme".to_owned();
    fake.state()
        .parameters
        .insert(foreign.clone(), leftover("not ours"));
    invoke(&function(&fake), tick()).await.unwrap().unwrap();
    assert_eq!(fake.writes(), ["delete 25 parameters"]);
    let state = fake.state();
    assert_eq!(state.parameters.keys().collect::<Vec<_>>(), [&foreign]);
    assert!(state.values_read.is_empty());
    drop(state);
    assert_eq!(fake.kubernetes_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_idle_tick_costs_two_calls_and_none_to_the_cluster() {
    let fake = Fake::new();
    fake.move_to(FIRST, "InService");
    invoke(&function(&fake), tick()).await.unwrap().unwrap();
    assert_eq!((fake.calls(), fake.kubernetes_calls()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn an_event_about_one_machine_leaves_the_others_to_theirs() {
    let fake = Fake::new();
    fake.launch(SECOND, 9);
    invoke(&function(&fake), event("launch-action", SECOND))
        .await
        .unwrap()
        .unwrap();
    assert!(fake.token_of(SECOND).is_some() && fake.token_of(FIRST).is_none());
    invoke(&function(&fake), tick()).await.unwrap().unwrap();
    assert!(fake.token_of(FIRST).is_some());
}

#[tokio::test(start_paused = true)]
async fn an_event_about_no_machine_costs_nothing_and_what_nobody_can_read_is_parked() {
    let fake = Fake::new();
    invoke(&function(&fake), event("launch-without-instance", "i-none"))
        .await
        .unwrap()
        .unwrap();
    let batch = json!({ "Records": [{ "messageId": "m7", "body": "not json" }] });
    let answer = invoke(&function(&fake), batch).await.unwrap().unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert_eq!((fake.calls(), fake.writes()), (1, vec!["park m7".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_writes_nothing_and_reads_no_value() {
    type Prepare = fn(&Fake);
    let over = "token abc123, issued 2026-11-21T07:00:00Z, expires 2026-11-21T07:15:00Z";
    let cases: [Prepare; 3] = [
        |_| (),
        |fake| fake.move_to(FIRST, "InService"),
        |fake| fake.register(FIRST, 7),
    ];
    for prepare in cases {
        for start in [launch(), tick()] {
            let fake = Fake::new();
            fake.state()
                .parameters
                .insert(Fake::parameter_name(FIRST), leftover(over));
            prepare(&fake);
            let mut function = function(&fake);
            function.config.common.dry_run = true;
            invoke(&function, start).await.unwrap().unwrap();
            assert_eq!(fake.writes(), Vec::<String>::new());
            assert!(fake.state().values_read.is_empty());
            assert!(fake.calls() > 1, "it did not even look");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_permission_fails_the_tick_by_name() {
    for call in [
        "describe",
        "hooks",
        "machines",
        "list",
        "put",
        "list nodes",
        "list requests",
        "get cluster-info",
        "create secret",
        "try token",
    ] {
        let fake = Fake::new();
        fake.set(Fault::Refuse(call));
        let failed = invoke(&function(&fake), tick()).await.unwrap().unwrap_err();
        assert_eq!(failed.class, Class::Permanent, "{call}");
        assert!(
            failed.message.contains(&format!("may not {call}")),
            "{}",
            failed.message
        );
    }
    for call in ["delete", "delete secret"] {
        let fake = Fake::new();
        invoke(&function(&fake), launch()).await.unwrap().unwrap();
        fake.remove(FIRST);
        fake.set(Fault::Refuse(call));
        let failed = invoke(&function(&fake), tick()).await.unwrap().unwrap_err();
        assert!(
            failed.message.contains(&format!("may not {call}")),
            "{}",
            failed.message
        );
        fake.set(Fault::None);
        invoke(&function(&fake), tick()).await.unwrap().unwrap();
        assert!(fake.is_clean(), "{call}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_is_away_gives_no_token_and_keeps_the_parameter_that_names_the_secret() {
    let fake = Fake::new();
    fake.set(Fault::ClusterAway);
    let failed = invoke(&function(&fake), tick()).await.unwrap().unwrap_err();
    assert_eq!((failed.class, failed.of_cluster), (Class::Transient, true));
    assert!(fake.writes().is_empty());

    fake.set(Fault::None);
    invoke(&function(&fake), tick()).await.unwrap().unwrap();
    fake.remove(FIRST);
    fake.set(Fault::ClusterAway);
    invoke(&function(&fake), tick()).await.unwrap().unwrap_err();
    assert!(fake.issued(FIRST).is_some(), "who deletes the Secret needs it");
    // Once its token is over, the parameter is a leftover like any other.
    fake.sleep(SignedDuration::from_mins(15)).await;
    invoke(&function(&fake), tick()).await.unwrap().unwrap();
    fake.clean_tokens();
    assert!(fake.is_clean(), "{:?}", fake.writes());
}
