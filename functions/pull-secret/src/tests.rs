//! The handler against a world in memory: time is tokio's, paused, so mornings pass at once.

mod accounts;
mod fakes;
mod namespaces;
mod secrets;
mod tokens;
mod trouble;
mod waking;

use std::sync::Arc;
use std::time::Duration;

use fakes::{Fake, HOSTS, ts};
use runtime::lines::Memory;
use runtime::telemetry::Logs;
use serde_json::json;
use tracing::level_filters::LevelFilter;

use super::*;

/// One sandbox.
fn function(fake: &Fake) -> PullSecrets<Fake, Fake, Fake, Memory> {
    PullSecrets {
        config: fake.config.clone(),
        gate: fake.clone(),
        ecr: fake.clone(),
        clock: fake.clone(),
        lines: fake.lines.clone(),
        refreshed: Cell::default(),
    }
}

/// One invocation of this sandbox, ended by Lambda after a minute if it has not ended itself. None if the sandbox died.
async fn invoke(
    function: &PullSecrets<Fake, Fake, Fake, Memory>,
    fake: &Fake,
    event: Value,
) -> Option<Result<Value, Failed>> {
    let deadline = (fake.now() + SignedDuration::from_secs(60)).as_millisecond();
    let invocation = Invocation::new("r1", "lamplighter-pull-secret", u64::try_from(deadline).unwrap());
    tokio::select! {
        answer = function.handle(event, &invocation) => Some(answer),
        () = fake.crashed() => None,
        () = tokio::time::sleep(Duration::from_mins(1)) => panic!("it did not end in time"),
    }
}

/// A tick of a new sandbox.
async fn tick(fake: &Fake) -> Result<Value, Failed> {
    let answer = invoke(&function(fake), fake, json!({ "tick": true })).await;
    answer.expect("it lives")
}

/// The same, and what it logs.
async fn tick_logged(fake: &Fake) -> (Result<Value, Failed>, Vec<String>) {
    // Tests run side by side. A line that one of them logs first, while just one other listens, is never built again: so
    // there is always a second one, that listens to nothing.
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let logs = Logs::new(SERVICE, "pull_secret", LevelFilter::OFF);
        let subscriber = logs.subscriber(fake.clone(), Arc::new(Memory::default()));
        tracing::subscriber::set_global_default(subscriber).expect("nobody listened before");
    });
    let logged = Memory::default();
    let logs = Logs::new(SERVICE, "pull_secret", LevelFilter::TRACE);
    let _guard = tracing::subscriber::set_default(logs.subscriber(fake.clone(), Arc::new(logged.clone())));
    let answer = tick(fake).await;
    (answer, logged.lines())
}

async fn pass(fake: &Fake, hours: i64) {
    fake.sleep(SignedDuration::from_hours(hours)).await;
}
