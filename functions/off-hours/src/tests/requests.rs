//! Edges, ticks, and what people ask for by events.

use super::fakes::Fault;
use super::shop::{empty, shop};
use super::*;

fn request(detail: &Value) -> Value {
    request_at("2026-11-26T12:00:00Z", detail)
}

fn request_at(time: &str, detail: &Value) -> Value {
    json!({ "version": "0", "id": "1", "source": "lamplighter.request", "detail-type": "Off-Hours Request",
            "time": time, "detail": detail })
}

fn batch(bodies: &[Value]) -> Value {
    let record = |(number, body): (usize, &Value)| json!({ "messageId": format!("m{number}"), "body": body.to_string() });
    json!({ "Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>() })
}

async fn ask(fake: &Fake, detail: Value) -> Value {
    let at = fake.now().to_string();
    invoke(fake, batch(&[request_at(&at, &detail)]))
        .await
        .unwrap()
        .unwrap()
}

/// A Deployment of three, at noon.
fn one_awake() -> Fake {
    let fake = empty("2026-11-26T12:01:00Z");
    fake.world()
        .add("deployment/shop/web", domain::offhours::Size::Replicas(3), &[]);
    fake
}

#[tokio::test(start_paused = true)]
async fn an_edge_of_a_schedule_looks_at_once_whatever_minute_it_is() {
    let mut fake = one_awake();
    fake.schedules("office=Mon-Fri 07:00-12:02 UTC");
    ticks_until(&fake, "2026-11-26T12:02:00Z").await;
    invoke(&fake, json!({ "edge": "sleep" })).await.unwrap().unwrap();
    assert_eq!(fake.resizes(), ["deployment/shop/web 0"]);
}

#[tokio::test(start_paused = true)]
async fn case_7_an_edge_that_comes_hours_late_does_what_is_right_now() {
    let fake = shop("2026-11-26T18:57:00Z");
    ticks_until(&fake, "2026-11-26T21:00:00Z").await;
    fake.forget();
    invoke(&fake, json!({ "edge": "wake" })).await.unwrap().unwrap();
    assert_eq!(fake.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn case_8_when_the_edge_is_lost_the_next_tick_does_its_work() {
    let fake = one_awake();
    ticks_until(&fake, "2026-11-27T06:50:00Z").await;
    fake.sleep(SignedDuration::from_secs(17 * 60)).await;
    tick(&fake).await.unwrap();
    assert_eq!(fake.resizes(), ["deployment/shop/web 0", "deployment/shop/web 3"]);
}

#[tokio::test(start_paused = true)]
async fn a_tick_that_is_not_due_is_one_call() {
    let fake = one_awake();
    ticks_until(&fake, "2026-11-26T12:06:00Z").await;
    fake.forget();
    tick(&fake).await.unwrap();
    assert_eq!(fake.world().calls, ["s3 get"]);
    assert_eq!(fake.metric("ResourcesAsleep"), 0);
}

#[tokio::test(start_paused = true)]
async fn people_put_to_sleep_wake_hold_and_release_by_events() {
    let fake = one_awake();
    let web = json!(["deployment/shop/web"]);
    ask(
        &fake,
        json!({ "cluster": "blue", "action": "sleep", "until": "2026-11-26T18:00:00Z", "by": "ada" }),
    )
    .await;
    assert_eq!(fake.resizes(), ["deployment/shop/web 0"]);
    ask(
        &fake,
        json!({ "cluster": "blue", "action": "wake", "until": "2026-11-26T13:00:00Z", "resources": web }),
    )
    .await;
    assert_eq!(fake.resizes().last().unwrap(), "deployment/shop/web 3");
    ask(&fake, json!({ "cluster": "blue", "action": "release" })).await;
    ticks_until(&fake, "2026-11-26T13:10:00Z").await;
    assert_eq!(
        (fake.resizes().len(), fake.world().remembered()),
        (2, vec![]),
        "the wish is over and forgotten"
    );
    ask(
        &fake,
        json!({ "cluster": "blue", "action": "hold", "until": "2026-11-26T21:00:00Z", "resources": web }),
    )
    .await;
    ticks_until(&fake, "2026-11-26T20:50:00Z").await;
    assert_eq!(fake.resizes().len(), 2);
    ticks_until(&fake, "2026-11-26T21:10:00Z").await;
    assert_eq!(fake.resizes().last().unwrap(), "deployment/shop/web 0");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_can_read_is_parked_and_what_is_for_another_cluster_is_left_alone() {
    let fake = one_awake();
    let until = "2026-11-26T18:00:00Z";
    let bodies = [
        request(&json!({ "cluster": "blue", "action": "nap" })),
        request(&json!({ "cluster": "green", "action": "sleep", "until": until })),
    ];
    let answer = invoke(&fake, batch(&bodies)).await.unwrap().unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert_eq!(fake.writes(), ["park m0"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_said_can_not_be_written_down_and_is_delivered_again() {
    let fake = one_awake();
    let sleep = json!({ "cluster": "blue", "action": "sleep", "until": "2026-11-26T18:00:00Z" });
    fake.set(Fault::Away("s3 put"));
    let at = fake.now().to_string();
    let event = batch(&[request_at(&at, &sleep)]);
    let failed = invoke(&fake, event.clone()).await.unwrap().unwrap_err();
    assert!(failed.message.contains("s3 put"), "{failed}");
    fake.set(Fault::None);
    invoke(&fake, event.clone()).await.unwrap().unwrap();
    invoke(&fake, event).await.unwrap().unwrap();
    assert_eq!(fake.resizes(), ["deployment/shop/web 0"]);
}

#[tokio::test(start_paused = true)]
async fn an_older_wish_that_comes_late_does_not_replace_a_newer_one() {
    let fake = one_awake();
    let until = "2026-11-26T18:00:00Z";
    let wish = |action: &str| json!({ "cluster": "blue", "action": action, "until": until });
    ask(&fake, wish("sleep")).await;
    let late = request_at("2026-11-26T11:59:00Z", &wish("wake"));
    invoke(&fake, batch(&[late])).await.unwrap().unwrap();
    assert_eq!(fake.resizes(), ["deployment/shop/web 0"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_while_another_invocation_is_at_its_end_is_done_at_once() {
    let fake = one_awake();
    let at = fake.now().to_string();
    let sleep = json!({ "cluster": "blue", "action": "sleep", "until": "2026-11-26T18:00:00Z" });
    let event = batch(&[request_at(&at, &sleep)]);
    let late = async {
        fake.sleep(SignedDuration::from_millis(25)).await; // the other one has read the bucket, and sees no wish
        invoke(&fake, event).await
    };
    let (first, asked) = tokio::join!(invoke(&fake, json!({ "edge": "sleep" })), late);
    first.unwrap().unwrap();
    asked.unwrap().unwrap();
    assert_eq!(fake.resizes(), ["deployment/shop/web 0"]);
}

#[tokio::test(start_paused = true)]
async fn in_a_dry_run_no_wish_is_written_down_and_no_message_parked() {
    let mut fake = one_awake();
    fake.config.common.dry_run = true;
    let until = "2026-11-26T18:00:00Z";
    let bodies = [
        request(&json!({ "cluster": "blue", "action": "nap" })),
        request(&json!({ "cluster": "blue", "action": "sleep", "until": until })),
        request(&json!({ "cluster": "blue", "action": "release" })),
    ];
    let answer = invoke(&fake, batch(&bodies)).await.unwrap().unwrap();
    assert_eq!(answer["batchItemFailures"], json!([{ "itemIdentifier": "m0" }]));
    assert_eq!(
        (fake.mutating(), fake.called("sqs"), fake.writes()),
        (0, 0, vec![])
    );
}
