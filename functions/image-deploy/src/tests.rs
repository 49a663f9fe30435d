//! The handler against a world in memory: time is tokio's, paused, so that hours pass at once.

mod crashes;
mod failures;
mod fakes;
mod holds;
mod many;
mod pushes;
mod telling;

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

type Function = ImageDeploy<Fake, Fake, Fake, Fake, Fake, Memory>;

/// When most tests begin: a Thursday.
const MORNING: &str = "2026-11-26T08:00:00Z";
/// The workload of most tests, as events and logs name it.
const WEB: &str = "deployment/shop/web";

fn function(fake: &Fake) -> Function {
    ImageDeploy {
        config: fake.config.clone(),
        registry: fake.clone(),
        gate: fake.clone(),
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
    let invocation = Invocation::new(fake.request_id(), "lamplighter-image-deploy", deadline);
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
        let logs = Logs::new(SERVICE, "image_deploy", LevelFilter::OFF);
        let subscriber = logs.subscriber(fake.clone(), Arc::new(Memory::default()));
        tracing::subscriber::set_global_default(subscriber).expect("nobody listened before");
    });
}

/// The same, and what it logs.
async fn invoke_logged(fake: &Fake, event: Value) -> (Result<Value, Failed>, Vec<String>) {
    somebody_listens(fake);
    let logged = Memory::default();
    let logs = Logs::new(SERVICE, "image_deploy", LevelFilter::INFO);
    let _guard = tracing::subscriber::set_default(logs.subscriber(fake.clone(), Arc::new(logged.clone())));
    let answer = invoke(fake, event).await.expect("it lives");
    (answer, logged.lines())
}

async fn tick(fake: &Fake) -> Result<Value, Failed> {
    invoke(fake, json!({ "tick": true })).await.expect("it lives")
}

/// A tick each minute from now for that many, whatever comes of it.
async fn ticks(fake: &Fake, minutes: u32) {
    for _ in 0..minutes {
        let _ = invoke(fake, json!({ "tick": true })).await;
        next_minute(fake).await;
    }
}

async fn next_minute(fake: &Fake) {
    let into = fake.now().as_second().rem_euclid(60);
    let nanos = fake.now().subsec_nanosecond();
    fake.sleep(SignedDuration::new(60 - into, -nanos)).await;
}

/// A recorded event, of another repository, tag and digest.
fn event(file: &str, repository: &str, tag: &str, number: u32) -> Value {
    let path = format!(
        "{}/../../events/image-deploy/{file}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let body = std::fs::read_to_string(path).unwrap();
    let mut event: Value = serde_json::from_str(&body).unwrap();
    event["id"] = json!(format!("event-{repository}-{tag}"));
    event["detail"]["repository-name"] = json!(repository);
    event["detail"]["image-tag"] = json!(tag);
    event["detail"]["image-digest"] = json!(fakes::digest(number).as_str());
    event
}

fn batch(events: &[Value]) -> Value {
    let record = |(number, body): (usize, &Value)| json!({ "messageId": format!("m{number}"), "body": body.to_string() });
    json!({ "Records": events.iter().enumerate().map(record).collect::<Vec<_>>() })
}

/// Somebody pushes an image, and its event comes at once.
async fn push(fake: &Fake, tag: &str, number: u32) {
    fake.world().push("shop/web", tag, number, fake.now());
    pushed(fake, tag, number).await;
}

/// The event of a push comes.
async fn pushed(fake: &Fake, tag: &str, number: u32) {
    let event = batch(&[event("push", "shop/web", tag, number)]);
    let answer = invoke(fake, event).await.unwrap().unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
}

/// `deployment/shop/web` with policy `minor`, of which 1.2.3 runs since long ago.
fn shop() -> Fake {
    following("minor", "1.2.3")
}

fn following(policy: &str, tag: &str) -> Fake {
    let fake = Fake::at(MORNING);
    let now = fake.now();
    let mut world = fake.world();
    world.push("shop/web", tag, 123, now - SignedDuration::from_hours(48));
    world.add(WEB, &format!("shop/web:{tag}"), policy, now);
    drop(world);
    fake
}

/// The image that is written there, and whether all its pods run it.
fn runs(fake: &Fake) -> String {
    let mut world = fake.world();
    let object = world.workload(WEB);
    let image = object.image();
    let tag = image.tag.as_ref().map(ToString::to_string).unwrap_or_default();
    let digest = image.digest.as_ref().map(|digest| {
        digest
            .as_str()
            .trim_start_matches("sha256:0")
            .trim_start_matches('0')
    });
    match digest {
        Some(digest) => format!("{tag}@{}", u32::from_str_radix(digest, 16).unwrap()),
        None => tag,
    }
}

/// How the last rollout stands, as the annotation says.
fn stage(fake: &Fake) -> String {
    let mut world = fake.world();
    let status = world
        .workload(WEB)
        .annotations
        .get("lamplighter.dev/image-status")
        .cloned();
    let status: Value = status.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap());
    status["stage"].as_str().unwrap_or_default().to_owned()
}
