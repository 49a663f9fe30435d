//! Metrics, what people are told, dry runs, and what nobody can read.

use super::fakes::Fault;
use super::*;

#[tokio::test(start_paused = true)]
async fn a_dry_run_changes_nothing_and_plans_what_the_real_run_does() {
    let mut fake = shop();
    fake.config.common.dry_run = true;
    fake.world().push("shop/web", "1.3.0", 130, fake.now());
    let event = batch(&[event("push", "shop/web", "1.3.0", 130), json!("?")]);
    let (answer, dry) = invoke_logged(&fake, event.clone()).await;
    assert_eq!(
        answer.unwrap(),
        json!({ "batchItemFailures": [{ "itemIdentifier": "m1" }] })
    );
    assert_eq!((fake.mutating(), fake.writes()), (0, vec![]));
    fake.config.common.dry_run = false;
    let (answer, real) = invoke_logged(&fake, event).await;
    answer.unwrap();
    let plan = |lines: &[String]| -> Value {
        let line = lines.iter().find(|line| line.contains("\"plan\":")).unwrap();
        serde_json::from_str::<Value>(line).unwrap()["plan"].clone()
    };
    assert_eq!(plan(&dry), plan(&real));
    assert!(plan(&dry).as_str().unwrap().starts_with("app="), "{}", plan(&dry));
    assert_eq!(fake.patches().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_read_is_told_once_an_hour_and_counted_by_each_sweep() {
    let fake = shop();
    fake.world().edit(WEB, false, |object| {
        object
            .annotations
            .insert("lamplighter.dev/soak".to_owned(), "soon".to_owned());
    });
    fake.world().push("shop/web", "1.3.0", 130, fake.now());
    ticks(&fake, 180).await;
    assert_eq!(fake.told("Event", WEB), ["NeedsAttention"; 3]);
    assert_eq!(fake.told("Image Error", WEB), ["attention"; 3]);
    assert_eq!(fake.metric("ImageSettingsRefused"), 36);
    assert_eq!(fake.patches(), Vec::<String>::new());
    let note = fake.world().told[0][3].clone();
    assert!(note.contains("soak \"soon\""), "{note}");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_can_read_is_parked_and_stops_nothing_else() {
    let fake = shop();
    fake.world().push("shop/web", "1.3.0", 130, fake.now());
    let mut headless = event("push", "shop/web", "1.3.0", 130);
    headless["account"] = json!("");
    let scan = json!({ "source": "aws.ecr", "detail-type": "ECR Image Scan", "time": MORNING, "detail": {} });
    let events = [headless, event("push", "shop/web", "1.3.0", 130), scan];
    let answer = invoke(&fake, batch(&events)).await.unwrap().unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert_eq!(fake.writes()[..2], ["park m0", "park m2"]);
    assert_eq!(runs(&fake), "1.3.0@130");
}

#[tokio::test(start_paused = true)]
async fn events_that_nothing_can_follow_from_cost_no_call() {
    let fake = shop();
    let events = [
        event("push-that-failed", "shop/web", "1.3.0", 130),
        event("push-of-a-child", "shop/web", "", 130),
        event("replication-that-failed", "shop/web", "1.3.0", 130),
    ];
    invoke(&fake, batch(&events)).await.unwrap().unwrap();
    assert_eq!(fake.world().calls.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_can_not_be_told_holds_nothing_up_and_is_counted() {
    let fake = shop();
    fake.set(Fault::Denied("bus"));
    push(&fake, "1.3.0", 130).await;
    ticks(&fake, 3).await;
    assert_eq!(stage(&fake), "verified");
    assert_eq!((fake.metric("EventsUntold"), fake.metric("Failures")), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn calls_are_counted() {
    let fake = shop();
    push(&fake, "1.3.0", 130).await;
    ticks(&fake, 5).await;
    assert_eq!(fake.metric("KubernetesCalls"), fake.called("kube") as u64);
    assert_eq!(
        fake.metric("AwsCalls"),
        (fake.called("ecr") + fake.called("bus")) as u64
    );
}

#[tokio::test(start_paused = true)]
async fn a_view_says_what_the_next_sweep_would_do_and_changes_nothing() {
    let fake = shop();
    let now = fake.now();
    fake.world()
        .add("deployment/shop/api", "shop/web:1.2.3", "minor", now);
    fake.world().push("shop/web", "1.3.0", 130, now);
    let mut tally = function::Tally::default();
    let is_wanted = |target: &domain::image::Target| target.name == "web";
    let views = function_of(&fake).view(is_wanted, &mut tally).await.unwrap();
    assert_eq!(views.len(), 1);
    let change = views[0].plan.change.as_ref().unwrap();
    assert!(change.images[0].2.to_string().contains(":1.3.0@"));
    assert_eq!((fake.mutating(), tally.failures().len()), (0, 0));
}

fn function_of(fake: &Fake) -> Function {
    super::function(fake)
}
