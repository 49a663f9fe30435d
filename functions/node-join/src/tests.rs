//! The handler against a world in memory: time is tokio's, paused, so hours pass at once. Every invocation logs at
//! the most verbose level, and none of its lines may hold a secret.

mod fakes;
mod joins;
mod leftovers;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use fakes::{Fake, Fault};
use jiff::SignedDuration;
use runtime::function::Invocation;
use runtime::lines::Memory;
use runtime::telemetry::Logs;
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

use super::*;
use crate::config::tests::config;

type Function = NodeJoin<Fake, Fake, Fake, Fake, Fake, Fake, Fake, Memory>;

const FIRST: &str = "i-0123456789abcdef0";
const SECOND: &str = "i-0fedcba9876543210";

fn function(fake: &Fake) -> Function {
    NodeJoin {
        config: config(),
        autoscaling: fake.clone(),
        machines: fake.clone(),
        parameters: fake.clone(),
        gate: fake.clone(),
        dead_letters: fake.clone(),
        random: fake.clone(),
        clock: fake.clone(),
        lines: Memory::default(),
    }
}

/// A batch of one message, as recorded, about that instance.
fn event(file: &str, instance: &str) -> Value {
    let path = format!(
        "{}/../../events/node-join/{file}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let body = std::fs::read_to_string(path).unwrap().replace(FIRST, instance);
    json!({ "Records": [{ "messageId": "m1", "body": body }] })
}

fn launch() -> Value {
    event("launch-action", FIRST)
}

fn tick() -> Value {
    json!({ "tick": true })
}

/// One invocation, ended by Lambda after a minute if it has not ended itself.
async fn invoke(function: &Function, event: Value) -> Option<Result<Value, Failed>> {
    let logged = Memory::default();
    let logs = Logs::new(SERVICE, "node_join", LevelFilter::TRACE);
    let subscriber = logs.subscriber(function.clock.clone(), Arc::new(logged.clone()));
    let guard = tracing::subscriber::set_default(subscriber);
    let end = function.clock.now() + SignedDuration::from_secs(60);
    let deadline = u64::try_from(end.as_millisecond()).unwrap();
    let invocation = Invocation::new("r1", "lamplighter-node-join", deadline);
    let started = function.clock.now();
    let answer = tokio::select! {
        answer = function.handle(event, &invocation) => Some(answer),
        () = function.clock.crashed() => None,
        () = tokio::time::sleep(Duration::from_mins(1)) => None,
    };
    drop(guard);
    let took = function.clock.now().duration_since(started);
    assert!(
        took <= SignedDuration::from_secs(55),
        "an invocation took {took:#}"
    );
    let mut lines = logged.lines();
    lines.extend(function.lines.lines());
    lines.extend(answer.iter().map(|answer| format!("{answer:?}")));
    for secret in function.clock.secrets_ever() {
        assert!(
            !lines.iter().any(|line| line.contains(&secret)),
            "a line shows a secret"
        );
    }
    answer
}

/// A tick each minute.
async fn ticks(fake: &Fake, minutes: u32) {
    for _ in 0..minutes {
        let started = fake.now();
        invoke(&function(fake), tick()).await.unwrap().unwrap();
        let took = fake.now().duration_since(started);
        fake.sleep(SignedDuration::from_secs(60) - took).await;
    }
}
