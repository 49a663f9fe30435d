//! The handler against a world in memory: time is tokio's, paused, so nights pass at once.

mod crashes;
mod days;
mod fakes;
mod machines;
mod nights;
mod people;
mod requests;
mod shop;
mod telling;
mod together;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use fakes::{Fake, ts};
use jiff::SignedDuration;
use runtime::function::Invocation;
use runtime::lines::Memory;
use runtime::telemetry::Logs;
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

use super::*;

type Function = OffHours<Fake, Fake, Fake, Fake, Fake, Fake, Fake, Fake, Memory>;

fn function(fake: &Fake) -> Function {
    OffHours {
        config: fake.config.clone(),
        autoscaling: fake.clone(),
        eks: fake.clone(),
        rds: fake.clone(),
        gate: fake.clone(),
        bucket: fake.clone(),
        bus: fake.clone(),
        dead_letters: fake.clone(),
        clock: fake.clone(),
        lines: fake.lines.clone(),
    }
}

/// One invocation of a new sandbox, ended by Lambda after a minute if it has not ended itself. None if the sandbox died.
async fn invoke(fake: &Fake, event: Value) -> Option<Result<Value, Failed>> {
    let function = function(fake);
    let started = fake.now();
    let deadline = u64::try_from((started + SignedDuration::from_secs(60)).as_millisecond()).unwrap();
    let invocation = Invocation::new(fake.request_id(), "lamplighter-off-hours", deadline);
    let answer = tokio::select! {
        answer = function.handle(event, &invocation) => Some(answer),
        () = fake.crashed() => None,
        () = tokio::time::sleep(Duration::from_mins(1)) => panic!("it did not end in time"),
    };
    let took = fake.now().duration_since(started);
    assert!(
        took <= SignedDuration::from_secs(55),
        "an invocation took {took:#}"
    );
    answer
}

/// Tests run side by side. A line that one of them logs first, while just one other listens, is never built again:
/// so there is always a second one, that listens to nothing.
fn somebody_listens(fake: &Fake) {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let logs = Logs::new(SERVICE, "off_hours", LevelFilter::OFF);
        let subscriber = logs.subscriber(fake.clone(), Arc::new(Memory::default()));
        tracing::subscriber::set_global_default(subscriber).expect("nobody listened before");
    });
}

/// The same, and what it logs.
async fn invoke_logged(fake: &Fake, event: Value) -> (Result<Value, Failed>, Vec<String>) {
    somebody_listens(fake);
    let logged = Memory::default();
    let logs = Logs::new(SERVICE, "off_hours", LevelFilter::INFO);
    let _guard = tracing::subscriber::set_default(logs.subscriber(fake.clone(), Arc::new(logged.clone())));
    let answer = invoke(fake, event).await.expect("it lives");
    (answer, logged.lines())
}

async fn tick(fake: &Fake) -> Result<Value, Failed> {
    invoke(fake, json!({ "tick": true })).await.expect("it lives")
}

/// A tick each minute from now to that time, whatever comes of it.
async fn ticks_until(fake: &Fake, end: &str) {
    while fake.now() < ts(end) {
        let _ = invoke(fake, json!({ "tick": true })).await;
        next_minute(fake).await;
    }
}

async fn next_minute(fake: &Fake) {
    let into = fake.now().as_second().rem_euclid(60);
    let nanos = fake.now().subsec_nanosecond();
    fake.sleep(SignedDuration::new(60 - into, -nanos)).await;
}
