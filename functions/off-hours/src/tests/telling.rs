//! Metrics, the bus, and dry runs.

use super::fakes::Fault;
use super::shop::shop;
use super::*;

#[tokio::test(start_paused = true)]
async fn case_31_a_dry_run_changes_nothing_and_plans_what_the_real_run_does() {
    for (time, asleep) in [("2026-11-26T19:00:00Z", false), ("2026-11-27T07:00:00Z", true)] {
        let mut fake = shop("2026-11-26T18:57:00Z");
        if asleep {
            ticks_until(&fake, "2026-11-27T06:59:00Z").await;
        }
        fake.sleep(ts(time).duration_since(fake.now())).await;
        fake.forget();
        fake.config.common.dry_run = true;
        let (answer, dry) = invoke_logged(&fake, json!({ "tick": true })).await;
        answer.unwrap();
        assert_eq!((fake.mutating(), fake.writes()), (0, vec![]));
        fake.config.common.dry_run = false;
        let (answer, real) = invoke_logged(&fake, json!({ "tick": true })).await;
        answer.unwrap();
        let plan = |lines: &[String]| -> Value {
            let line = lines.iter().find(|line| line.contains("\"plan\":")).unwrap();
            serde_json::from_str::<Value>(line).unwrap()["plan"].clone()
        };
        assert_eq!(plan(&dry), plan(&real));
    }
}

#[tokio::test(start_paused = true)]
async fn machines_that_do_not_run_are_counted_by_type_for_every_minute_of_the_night() {
    let fake = shop("2026-11-26T18:57:00Z");
    ticks_until(&fake, "2026-11-26T20:00:00Z").await;
    let before = fake.saved();
    ticks_until(&fake, "2026-11-26T22:00:00Z").await;
    let mut after = fake.saved();
    for (kind, minutes) in &mut after {
        *minutes -= before[kind];
    }
    let expected = [("c7g.large", 240), ("database", 120), ("m7g.large", 600)];
    let expected: std::collections::BTreeMap<_, _> = expected.map(|(kind, n)| (kind.to_owned(), n)).into();
    assert_eq!(after, expected);
}

#[tokio::test(start_paused = true)]
async fn machines_that_do_not_run_are_counted_too_while_something_is_stuck() {
    let fake = shop("2026-11-26T18:57:00Z");
    fake.set(Fault::Denied("rds stop"));
    ticks_until(&fake, "2026-11-26T20:00:00Z").await;
    let before = fake.saved()["m7g.large"];
    ticks_until(&fake, "2026-11-26T22:00:00Z").await;
    assert_eq!(fake.saved()["m7g.large"] - before, 600);
}

#[tokio::test(start_paused = true)]
async fn what_a_person_has_to_look_at_is_told_once_an_hour() {
    let fake = shop("2026-11-26T12:01:00Z");
    fake.world().add(
        "deployment/shop/odd",
        domain::offhours::Size::Replicas(1),
        &[("lamplighter.dev/uptime", "9 to 5")],
    );
    ticks_until(&fake, "2026-11-26T20:30:00Z").await;
    let world = fake.world();
    let errors = world.told.iter().filter(|(kind, resource, what)| {
        kind == "Off-Hours Error" && resource.ends_with("odd") && what == "refused"
    });
    assert_eq!(errors.count(), 8);
    let events = world.told.iter().filter(|(reason, resource, note)| {
        reason == "NeedsAttention"
            && resource == "deployment/shop/odd"
            && note.contains("\"9\" in \"9 to 5\"")
    });
    assert_eq!(events.count(), 8, "{:#?}", world.told);
}

#[tokio::test(start_paused = true)]
async fn the_bus_hears_once_of_everything_that_sleeps_and_wakes() {
    let fake = shop("2026-11-26T18:57:00Z");
    ticks_until(&fake, "2026-11-27T08:00:00Z").await;
    let mut told = fake.world().told.clone();
    told.sort();
    let before = told.len();
    told.dedup();
    assert_eq!((told.len(), before), (27, 27), "{told:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_night_is_counted() {
    let fake = shop("2026-11-26T18:57:00Z");
    ticks_until(&fake, "2026-11-27T08:00:00Z").await;
    let counts = [
        "SizesSaved",
        "ResourcesResized",
        "ResourcesReverted",
        "StuckResources",
        "Failures",
    ];
    assert_eq!(counts.map(|name| fake.metric(name)), [9, 18, 0, 0, 0]);
    let (aws, kubernetes) = (fake.metric("AwsCalls"), fake.metric("KubernetesCalls"));
    let made = |beginning: &str| fake.called(beginning) as u64;
    assert_eq!(kubernetes, made("kube"));
    // Of EKS, each node group is described by a call of its own.
    assert_eq!(
        aws,
        made("s3")
            + made("asg")
            + 2 * made("eks describe")
            + made("eks tag")
            + made("eks untag")
            + made("eks resize")
            + made("rds")
            + made("bus")
    );
}
