//! Case 51, and what else means that the script has to wait.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::stub::{Machine, document, in_seconds};

#[tokio::test]
async fn neither_permission_nor_parameter_yet_both_mean_wait() {
    let machine = Machine::new().await;
    for kind in [
        "AccessDeniedException",
        "ParameterNotFound",
        "com.amazonaws.ssm#ThrottlingException",
    ] {
        machine.store.refuses(kind);
    }
    machine.store.has(&document());
    let run = machine.run().await;
    run.ended_with(0, "joined");
    assert_eq!(machine.store.actions().len(), 4);
    // Nobody is alarmed by what is only early.
    assert!(
        !run.said.contains("Denied") && !run.said.contains("NotFound"),
        "{}",
        run.said
    );
}

#[tokio::test]
async fn a_document_that_is_not_this_machines_or_not_fresh_is_not_used() {
    let changes: [(&str, Value, &str); 7] = [
        ("/version", json!(2), "a document of version 2, not 1"),
        ("/cluster", json!("other"), "a document for another cluster"),
        (
            "/instanceId",
            json!("i-00000000000000002"),
            "a document for another instance",
        ),
        (
            "/expiresAtEpoch",
            json!(in_seconds(170).as_second()),
            "a document with less than 180 s left",
        ),
        (
            "/expiresAtEpoch",
            json!("later"),
            "a document with less than 180 s left",
        ),
        (
            "/joinConfiguration",
            json!({ "kind": "Pod" }),
            "a document without a JoinConfiguration",
        ),
        (
            "/joinConfiguration",
            Value::Null,
            "a document without a JoinConfiguration",
        ),
    ];
    for (pointer, value, why) in changes {
        let machine = Machine::new()
            .await
            .setting("LAMPLIGHTER_JOIN_DEADLINE_SECONDS", "0");
        let mut other = document();
        *other.pointer_mut(pointer).unwrap() = value;
        machine.store.has(&other);
        machine
            .run()
            .await
            .ended_with(1, &format!("not joined within 0 s; last: {why}"));
        assert!(machine.asked_of_kubeadm().is_empty(), "{pointer}");
    }
    let machine = Machine::new()
        .await
        .setting("LAMPLIGHTER_JOIN_DEADLINE_SECONDS", "0");
    machine.store.has(&json!("no document"));
    machine
        .run()
        .await
        .ended_with(1, "last: a document that can not be read");
}

#[tokio::test]
async fn at_the_deadline_the_script_fails_and_names_the_last_reason() {
    let machine = Machine::new()
        .await
        .setting("LAMPLIGHTER_JOIN_DEADLINE_SECONDS", "2");
    machine.store.refuses("AccessDeniedException");
    let started = Instant::now();
    let run = machine.run().await;
    run.ended_with(1, "not joined within 2 s; last: AccessDeniedException");
    assert!(started.elapsed() < Duration::from_secs(10));
    assert!(!machine.dir.join("run/join.json").exists());
}

#[tokio::test]
async fn a_machine_without_an_instance_profile_says_so() {
    let machine = Machine::with_role(None)
        .await
        .setting("LAMPLIGHTER_JOIN_DEADLINE_SECONDS", "0");
    machine.run().await.ended_with(
        1,
        "last: no answer of the instance metadata or of Parameter Store",
    );
    assert!(machine.store.asked().is_empty());
}

#[tokio::test]
async fn the_cluster_has_to_be_named() {
    let machine = Machine::new().await.setting("LAMPLIGHTER_CLUSTER", "");
    machine
        .run()
        .await
        .ended_with(2, "LAMPLIGHTER_CLUSTER: the name of the cluster");
}

#[tokio::test]
async fn questions_are_spread_and_become_rarer() {
    let machine = Machine::new()
        .await
        .setting("LAMPLIGHTER_JOIN_POLL_MIN_SECONDS", "1")
        .setting("LAMPLIGHTER_JOIN_POLL_MAX_SECONDS", "3")
        .setting("LAMPLIGHTER_JOIN_DEADLINE_SECONDS", "12");
    machine.store.refuses("ParameterNotFound");
    machine.run().await;
    let times: Vec<Instant> = machine.store.asked().iter().map(|asked| asked.at).collect();
    let gaps: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| *gap >= Duration::from_secs(1)), "{gaps:?}");
    assert!(times.len() >= 4 && times.len() <= 13, "{gaps:?}");
}

#[tokio::test]
async fn a_least_pause_above_the_longest_one_is_the_pause() {
    let machine = Machine::new()
        .await
        .setting("LAMPLIGHTER_JOIN_POLL_MIN_SECONDS", "2")
        .setting("LAMPLIGHTER_JOIN_POLL_MAX_SECONDS", "1")
        .setting("LAMPLIGHTER_JOIN_DEADLINE_SECONDS", "3");
    machine.store.refuses("ParameterNotFound");
    machine.run().await.ended_with(1, "not joined within 3 s");
    assert!(machine.store.asked().len() >= 2);
}
