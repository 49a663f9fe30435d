//! The handler against a world in memory: time is tokio's, paused, so hours pass at once.

mod fakes;
mod serving;
mod trouble;

use std::time::Duration;

use domain::failure::Class;
use domain::keys::DRAINING;
use domain::label::{CloudController, InstanceTags};
use domain::node::Node;
use domain::taint::{Effect, Taint};
use fakes::{Fake, Fault, name, registered};
use jiff::SignedDuration;
use runtime::function::Invocation;
use runtime::lines::Memory;
use serde_json::{Value, json};

use super::*;
use crate::config::tests::config;

type Function = NodeLabel<Fake, Fake, Fake, Fake, Fake, Memory>;

const TEAM: (&str, &str) = ("lamplighter:label/team", "payments");
const GPU: (&str, &str) = ("lamplighter:taint/gpu", "a100:NoSchedule");

fn function(fake: &Fake) -> Function {
    NodeLabel {
        config: config(),
        autoscaling: fake.clone(),
        ec2: fake.clone(),
        gate: fake.clone(),
        dead_letters: fake.clone(),
        clock: fake.clone(),
        lines: Memory::default(),
    }
}

fn file(name: &str) -> Value {
    let path = format!(
        "{}/../../events/node-label/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn batch(bodies: &[Value]) -> Value {
    let record = |(number, body): (usize, &Value)| json!({ "messageId": format!("m{number}"), "body": body.to_string() });
    json!({ "Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>() })
}

/// The event of machine 7.
fn launch(fake: &Fake) -> Value {
    let mut body = file("launch-action");
    body["time"] = json!(fake.now().to_string());
    body["detail"]["EC2InstanceId"] = json!(fakes::id(7).as_str());
    batch(&[body])
}

/// One invocation, ended by Lambda after a minute if it has not ended itself.
async fn invoke(function: &Function, event: Value) -> Option<Result<Value, Failed>> {
    let end = function.clock.now() + SignedDuration::from_secs(60);
    let deadline = u64::try_from(end.as_millisecond()).unwrap();
    let invocation = Invocation::new("r1", "lamplighter-node-label", deadline);
    tokio::select! {
        answer = function.handle(event, &invocation) => Some(answer),
        () = function.clock.crashed() => None,
        () = tokio::time::sleep(Duration::from_mins(1)) => None,
    }
}

async fn sweep(function: &Function) -> Result<Value, Failed> {
    invoke(function, json!({ "tick": true })).await.unwrap()
}

/// A tick each minute.
async fn tick(fake: &Fake, minutes: u32) {
    tick_with(fake, &function(fake), minutes).await;
}

async fn tick_with(fake: &Fake, function: &Function, minutes: u32) {
    for _ in 0..minutes {
        let started = fake.now();
        let _ = invoke(function, json!({ "tick": true })).await;
        let took = fake.now().duration_since(started);
        assert!(
            took <= SignedDuration::from_secs(51),
            "an invocation took {took:#}"
        );
        fake.sleep(SignedDuration::from_secs(60) - took).await;
    }
}

fn taints(node: &Node) -> Vec<String> {
    node.taints.iter().map(ToString::to_string).collect()
}

#[tokio::test(start_paused = true)]
async fn an_event_labels_the_node_and_lets_it_serve_within_one_invocation() {
    let fake = Fake::launching(&[TEAM, GPU]);
    let answer = invoke(&function(&fake), launch(&fake)).await.unwrap().unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert_eq!(fake.writes(), ["patch ip-10-0-1-7", "CONTINUE with token"]);
    let node = fake.node(7);
    assert_eq!(node.labels["team"], "payments");
    assert_eq!(node.labels["lamplighter.dev/capacity-type"], "spot");
    assert_eq!(taints(&node), ["gpu=a100:NoSchedule"]);
    assert_eq!(fake.lifecycle(7), "InService");
    // Ready since second 20, for 10 s: let go within a few seconds of that.
    let took = fake.now().duration_since(node.created).as_secs() + 5;
    assert!((30..35).contains(&took), "{took}");
    assert_eq!(fake.called("machines"), 1);
}

#[tokio::test(start_paused = true)]
async fn without_any_event_the_tick_does_the_same_and_completes_by_instance() {
    let fake = Fake::launching(&[TEAM]);
    tick(&fake, 1).await;
    assert_eq!(fake.writes(), ["patch ip-10-0-1-7", "CONTINUE"]);
}

#[tokio::test(start_paused = true)]
async fn case_25_people_are_told_once_of_what_can_not_be_a_label() {
    let bad = ("lamplighter:label/note", "two words");
    let fake = Fake::launching(&[TEAM, bad]);
    tick(&fake, 3).await;
    assert_eq!(fake.node(7).labels["team"], "payments");
    assert_eq!(
        fake.writes(),
        ["patch ip-10-0-1-7", "event LabelsRefused ip-10-0-1-7", "CONTINUE"]
    );
}

#[tokio::test(start_paused = true)]
async fn case_24_a_role_is_set_and_the_control_plane_is_refused_by_an_event() {
    let role = "k8s.io/cluster-autoscaler/node-template/label/node-role.kubernetes.io/batch";
    let refused = "k8s.io/cluster-autoscaler/node-template/label/node-role.kubernetes.io/control-plane";
    let fake = Fake::launching(&[(role, ""), (refused, "")]);
    tick(&fake, 1).await;
    let labels = fake.node(7).labels;
    assert_eq!(labels["node-role.kubernetes.io/batch"], "");
    assert!(!labels.contains_key("node-role.kubernetes.io/control-plane"));
    assert_eq!(fake.count("event LabelsRefused"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_never_joins_is_given_up_at_the_deadline_and_counted() {
    let fake = Fake::with_tags(&[TEAM]);
    let now = fake.now();
    fake.world().launch(7, "Pending:Wait", now);
    let function = function(&fake);
    tick_with(&fake, &function, 30).await;
    assert_eq!((fake.count("ABANDON"), fake.hook_ran_out()), (0, false));
    tick_with(&fake, &function, 1).await;
    assert_eq!((fake.count("ABANDON"), fake.lifecycle(7)), (1, "Terminating"));
    let blob: Value = serde_json::from_str(function.lines.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&blob["LaunchesTimedOut"], &blob["HooksAbandoned"]),
        (&json!(1), &json!(1))
    );
}

#[tokio::test(start_paused = true)]
async fn a_machine_on_its_way_into_the_warm_pool_is_let_go_at_once() {
    let fake = Fake::with_tags(&[TEAM]);
    let now = fake.now();
    fake.world().launch(7, "Warmed:Pending:Wait", now);
    tick(&fake, 1).await;
    assert_eq!(
        (fake.writes(), fake.lifecycle(7)),
        (vec!["CONTINUE".to_owned()], "Warmed:Stopped")
    );
    assert_eq!(fake.called("machines"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_launches_costs_few_calls() {
    let fake = Fake::with_tags(&[TEAM]);
    let now = fake.now();
    for number in 1..=100 {
        fake.world().launch(number, "Pending:Wait", now);
        fake.joins(number, 5 + i64::from(number) / 20, 20);
    }
    tick(&fake, 1).await;
    assert_eq!((fake.count("patch"), fake.count("CONTINUE")), (100, 100));
    let reads: usize = ["groups", "hooks", "machines", "list", "node"]
        .map(|call| fake.called(call))
        .iter()
        .sum();
    assert!(reads < 60, "{reads} reads");
    assert_eq!(fake.called("machines"), 1);
}
