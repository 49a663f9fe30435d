//! The handler against a world in memory: time is tokio's, paused, so hours pass at once.

mod fakes;

use std::time::Duration;

use access::Way;
use domain::failure::Class;
use domain::ids::{ClusterName, HookName};
use fakes::{Fake, Fault};
use function::Common;
use jiff::SignedDuration;
use runtime::function::Invocation;
use runtime::lines::Memory;
use runtime::telemetry::parse_level;
use serde_json::{Value, json};

use super::*;

type Function = NodeDrain<Fake, Fake, Fake, Fake, Memory>;

fn config() -> Config {
    let common = Common {
        deployment: "lamplighter".to_owned(),
        cluster: ClusterName::parse("blue").unwrap(),
        access: Way::Eks,
        dead_letter_queue_url: "https://sqs.eu-central-1.amazonaws.com/111122223333/failed".to_owned(),
        dry_run: false,
        log_level: parse_level("INFO").unwrap(),
    };
    Config {
        common,
        hook: HookName::parse("lamplighter-node-drain").unwrap(),
    }
}

fn function(fake: &Fake) -> Function {
    NodeDrain {
        config: config(),
        autoscaling: fake.clone(),
        gate: fake.clone(),
        dead_letters: fake.clone(),
        clock: fake.clone(),
        lines: Memory::default(),
    }
}

fn event(body: &str) -> Value {
    json!({ "Records": [{ "messageId": "m1", "body": body }] })
}

fn terminate(fake: &Fake) -> Value {
    let file = include_str!("../../../events/node-drain/terminate-action.json");
    let mut body: Value = serde_json::from_str(file).unwrap();
    body["time"] = json!(fake.now().to_string());
    event(&body.to_string())
}

/// One invocation, ended by Lambda after a minute if it has not ended itself.
async fn invoke(function: &Function, event: Value) -> Option<Result<Value, Failed>> {
    let end = function.clock.now() + SignedDuration::from_secs(60);
    let deadline = u64::try_from(end.as_millisecond()).unwrap();
    let invocation = Invocation::new("r1", "lamplighter-node-drain", deadline);
    tokio::select! {
        answer = function.handle(event, &invocation) => Some(answer),
        () = function.clock.crashed() => None,
        () = tokio::time::sleep(Duration::from_mins(1)) => None,
    }
}

/// A tick each minute until the instance is on its way, for at most `minutes`.
async fn tick(fake: &Fake, minutes: u32) {
    for _ in 0..minutes {
        if !fake.waits() {
            return;
        }
        let started = fake.now();
        let _ = invoke(&function(fake), json!({ "tick": true })).await;
        let took = fake.now().duration_since(started);
        assert!(
            took <= SignedDuration::from_secs(51),
            "an invocation took {took:#}"
        );
        fake.sleep(SignedDuration::from_secs(60) - took).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_drains_the_node_within_one_invocation() {
    let fake = Fake::with_pods(&[("a", 2), ("b", 4)]);
    let answer = invoke(&function(&fake), terminate(&fake)).await.unwrap().unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert_eq!(
        fake.writes(),
        [
            "cordon",
            "event Draining",
            "evict a",
            "evict b",
            "event Drained",
            "complete with token"
        ]
    );
    assert!(!fake.waits());
}

#[tokio::test(start_paused = true)]
async fn without_any_event_the_tick_drains_it_and_completes_by_instance() {
    let fake = Fake::with_pods(&[("a", 2)]);
    invoke(&function(&fake), json!({ "tick": true }))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(fake.writes().last().map(String::as_str), Some("complete"));
    assert!(!fake.waits());
}

/// Drain case 5.
#[tokio::test(start_paused = true)]
async fn case_5_a_crash_after_any_single_call_leaves_the_next_ticks_the_same_end() {
    let whole = Fake::with_pods(&[("a", 2), ("b", 30)]);
    invoke(&function(&whole), terminate(&whole)).await;
    let calls = whole.calls();
    assert!(calls > 8, "only {calls} calls: the matrix would prove little");
    for crash in 1..=calls {
        let fake = Fake::with_pods(&[("a", 2), ("b", 30)]);
        fake.set(Fault::CrashAfter(crash));
        assert!(
            invoke(&function(&fake), terminate(&fake)).await.is_none(),
            "no crash after call {crash}"
        );
        fake.set(Fault::None);
        tick(&fake, 3).await;
        assert!(!fake.waits(), "crashed after call {crash}: {:?}", fake.writes());
        for write in ["evict a", "evict b", "cordon"] {
            let times = fake.writes().iter().filter(|done| *done == write).count();
            assert_eq!(
                times,
                1,
                "{write}, crashed after call {crash}: {:?}",
                fake.writes()
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_event_five_times_at_once_evicts_each_pod_once_and_completes_once() {
    let fake = Fake::with_pods(&[("a", 2), ("b", 4), ("c", 1)]);
    let functions: Vec<Function> = (0..5).map(|_| function(&fake)).collect();
    let event = terminate(&fake);
    futures::future::join_all(functions.iter().map(|function| invoke(function, event.clone()))).await;
    let writes = fake.writes();
    for write in ["evict a", "evict b", "evict c", "complete with token", "cordon"] {
        assert_eq!(
            writes.iter().filter(|done| *done == write).count(),
            1,
            "{write}: {writes:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_writes_nothing_and_says_what_it_would_do() {
    for start in [terminate, |_: &Fake| json!({ "tick": true })] {
        let fake = Fake::with_pods(&[("a", 2)]);
        let mut function = function(&fake);
        function.config.dry_run = true;
        invoke(&function, start(&fake)).await.unwrap().unwrap();
        invoke(&function, event("not json")).await.unwrap().unwrap();
        assert_eq!(fake.writes(), Vec::<String>::new());
        assert!(fake.calls() > 2, "it did not even look");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_ours_is_left_alone_and_is_no_error() {
    type Prepare = fn(&Fake);
    let foreign = include_str!("../../../events/node-drain/hook-of-someone-else.json");
    let other_cluster = |fake: &Fake| fake.enrol("green");
    let other_hook = |fake: &Fake| fake.name_hook("ship-the-logs");
    let nothing = |_: &Fake| ();
    let cases: [(&str, Prepare, Option<&str>); 3] = [
        ("a hook of somebody else", nothing, Some(foreign)),
        ("a group of another cluster", other_cluster, None),
        ("a group without our hook", other_hook, None),
    ];
    for (what, prepare, body) in cases {
        let fake = Fake::with_pods(&[("a", 2)]);
        prepare(&fake);
        let event = body.map_or_else(|| terminate(&fake), event);
        let answer = invoke(&function(&fake), event).await.unwrap().unwrap();
        assert_eq!(answer, json!({ "batchItemFailures": [] }), "{what}");
        if body.is_none() {
            invoke(&function(&fake), json!({ "tick": true }))
                .await
                .unwrap()
                .unwrap();
        }
        assert_eq!(fake.writes(), Vec::<String>::new(), "{what}");
    }
}

/// Each instance has a message of its own; were each message to stand for its whole group, a storm of them would
/// drain each node many times at once.
#[tokio::test(start_paused = true)]
async fn a_message_about_one_instance_leaves_the_others_of_its_group_to_theirs() {
    let fake = Fake::with_pods(&[("a", 2)]);
    let other = terminate(&fake)
        .to_string()
        .replace("i-0123456789abcdef0", "i-0fedcba9876543210");
    invoke(&function(&fake), serde_json::from_str(&other).unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(fake.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_message_that_nobody_can_read_is_parked_once_and_the_rest_of_the_batch_is_done() {
    let fake = Fake::with_pods(&[("a", 2)]);
    let mut batch = terminate(&fake);
    let records = batch["Records"].as_array_mut().unwrap();
    records.push(json!({ "messageId": "m2", "body": "not json" }));
    let answer = invoke(&function(&fake), batch).await.unwrap().unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert_eq!(
        fake.writes().iter().filter(|write| *write == "park m2").count(),
        1
    );
    assert!(!fake.waits());
}

#[tokio::test(start_paused = true)]
async fn a_message_that_can_not_be_parked_stays_in_its_queue() {
    let fake = Fake::with_pods(&[]);
    fake.set(Fault::Refuse("park"));
    let answer = invoke(&function(&fake), event("not json"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        answer,
        json!({ "batchItemFailures": [{ "itemIdentifier": "m1" }] })
    );
}

/// Drain case 13.
#[tokio::test(start_paused = true)]
async fn case_13_a_cluster_that_is_away_for_twenty_minutes_means_heartbeats_and_then_the_drain() {
    let fake = Fake::with_pods(&[("a", 2)]);
    fake.set(Fault::ClusterAway);
    tick(&fake, 20).await;
    let writes = fake.writes();
    assert!(writes.iter().all(|write| write == "heartbeat"), "{writes:?}");
    assert!(
        writes.len() >= 10,
        "{} heartbeats in 20 minutes of a hook that waits for 5",
        writes.len()
    );
    fake.set(Fault::None);
    tick(&fake, 2).await;
    assert!(!fake.waits());
}

#[tokio::test(start_paused = true)]
async fn a_node_that_does_not_say_on_what_it_runs_is_not_taken_for_no_node() {
    let fake = Fake::with_pods(&[("a", 2)]);
    fake.set(Fault::SilentNode);
    let failed = invoke(&function(&fake), json!({ "tick": true }))
        .await
        .unwrap()
        .unwrap_err();
    assert!(failed.message.contains("spec.providerID"), "{}", failed.message);
    tick(&fake, 10).await;
    assert!(fake.waits() && !fake.hook_ran_out(), "{:?}", fake.writes());
    fake.set(Fault::None);
    tick(&fake, 1).await;
    assert!(!fake.waits());
}

/// Drain cases 16 and 17, and a heartbeat at each third of the time-out.
#[tokio::test(start_paused = true)]
async fn case_16_and_17_a_budget_holds_the_node_until_it_allows_more() {
    let fake = Fake::with_pods(&[("a", 2), ("b", 2)]);
    fake.set(Fault::Budget("b"));
    tick(&fake, 60).await;
    assert!(fake.waits(), "completed in spite of the budget");
    let asked = fake.asked("b");
    assert!(asked <= 60 * 12, "{asked} requests in an hour for one pod");
    assert!(!fake.hook_ran_out(), "the hook ran out");
    fake.set(Fault::None);
    tick(&fake, 1).await;
    assert!(!fake.waits(), "not gone within a tick");
}

/// Drain case 16, with an event and the tick at work at once.
#[tokio::test(start_paused = true)]
async fn case_16_an_event_and_a_tick_together_ask_a_pod_that_is_held_back_no_more_often_than_one() {
    let fake = Fake::with_pods(&[("a", 2), ("b", 2)]);
    fake.set(Fault::Budget("b"));
    let (by_event, by_tick) = (function(&fake), function(&fake));
    let ticking = async {
        fake.sleep(SignedDuration::from_secs(3)).await;
        invoke(&by_tick, json!({ "tick": true })).await
    };
    tokio::join!(invoke(&by_event, terminate(&fake)), ticking);
    let asked = fake.asked("b");
    assert!((9..=12).contains(&asked), "{asked} requests in a minute");
}

/// Drain case 14.
#[tokio::test(start_paused = true)]
async fn case_14_a_credential_that_is_not_known_any_more_costs_no_tick() {
    let fake = Fake::with_pods(&[("a", 2)]);
    fake.set(Fault::StaleCredential);
    invoke(&function(&fake), json!({ "tick": true }))
        .await
        .unwrap()
        .unwrap();
    assert!(!fake.waits(), "{:?}", fake.writes());
}

/// Drain case 37.
#[tokio::test(start_paused = true)]
async fn case_37_a_node_deleted_just_before_its_cordon_is_let_go_when_no_pod_is_bound_to_it() {
    let fake = Fake::with_pods(&[("a", 2)]);
    fake.set(Fault::DeletedAtPatch);
    let began = fake.now();
    invoke(&function(&fake), terminate(&fake)).await.unwrap().unwrap();
    assert_eq!(fake.writes(), ["complete with token"]);
    let took = fake.now().duration_since(began);
    assert!(
        took >= SignedDuration::from_secs(20),
        "let go after {took:#}, with the pod bound"
    );
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_leaves_the_warm_pool_has_no_node_and_is_let_go() {
    let fake = Fake::in_warm_pool();
    tick(&fake, 1).await;
    assert_eq!(fake.writes(), ["complete"]);
}

#[tokio::test(start_paused = true)]
async fn while_a_hook_of_others_keeps_the_instance_the_ticks_are_quiet() {
    let fake = Fake::with_pods(&[("a", 2)]);
    fake.add_hook_of_others();
    tick(&fake, 10).await;
    let writes = fake.writes();
    let times = |write: &str| writes.iter().filter(|done| *done == write).count();
    let once = ["evict a", "event Drained", "complete"].map(times);
    assert_eq!(once, [1, 1, 1], "{writes:?}");
    let in_vain = times("complete in vain");
    assert!(
        (1..=4).contains(&in_vain),
        "completed {in_vain} more times in 10 minutes"
    );
}

#[tokio::test(start_paused = true)]
async fn a_missing_permission_fails_the_tick_by_name_after_all_else_was_done() {
    for (call, done) in [
        ("evict", "cordon"),
        ("patch", ""),
        ("complete", "evict a"),
        ("event", "complete"),
    ] {
        let fake = Fake::with_pods(&[("a", 2)]);
        fake.set(Fault::Refuse(call));
        let failed = invoke(&function(&fake), json!({ "tick": true }))
            .await
            .unwrap()
            .unwrap_err();
        assert_eq!(failed.class, Class::Permanent);
        assert!(
            failed.message.contains(&format!("may not {call}")),
            "{}",
            failed.message
        );
        assert!(
            done.is_empty() || fake.writes().iter().any(|write| write == done),
            "{:?}",
            fake.writes()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_metrics_say_what_was_done() {
    let fake = Fake::with_pods(&[("a", 2), ("b", 2)]);
    let function = function(&fake);
    invoke(&function, terminate(&fake)).await;
    let lines = function.lines.lines();
    let blob: Value = serde_json::from_str(lines.last().unwrap()).unwrap();
    assert_eq!(
        (&blob["PodsEvicted"], &blob["HooksCompleted"], &blob["cluster"]),
        (&json!(2), &json!(1), &json!("blue"))
    );
    assert_eq!(blob.get("Failures"), None);
}
