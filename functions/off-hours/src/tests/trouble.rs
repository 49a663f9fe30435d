//! What is away, not permitted or not to be read.

use super::fakes::Fault;
use super::shop::shop;
use super::*;

const EVENING: &str = "2026-11-26T18:57:00Z";
const SLEPT: &str = "2026-11-26T19:30:00Z";

#[tokio::test(start_paused = true)]
async fn while_the_bucket_is_away_nothing_is_changed_and_the_tick_fails() {
    for verb in ["s3", "s3 list", "s3 put", "s3 get"] {
        let fake = shop(EVENING);
        fake.set(Fault::Away(verb));
        ticks_until(&fake, SLEPT).await;
        assert_eq!(fake.resizes(), Vec::<String>::new(), "{verb}");
        let failed = tick(&fake).await.unwrap_err();
        assert!(failed.message.contains(verb), "{failed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_that_can_not_be_read_leaves_only_its_own_resource_alone() {
    for body in ["{", "{}", r#"{"version": 2}"#] {
        let fake = shop(EVENING);
        fake.world().put("deployment/shop/gateway.json", body);
        ticks_until(&fake, SLEPT).await;
        let resizes = fake.resizes();
        assert_eq!(resizes.len(), 8, "{resizes:#?}");
        assert!(!resizes.iter().any(|resize| resize.contains("gateway")));
        assert!(fake.metric("SettingsRefused") > 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wish_that_can_not_be_read_leaves_alone_what_it_is_about() {
    for (name, touched) in [
        ("overrides/deployment/shop/gateway.json", 8),
        ("overrides/all.json", 0),
    ] {
        let fake = shop(EVENING);
        fake.world().put(name, r#"{"want": "later"}"#);
        ticks_until(&fake, SLEPT).await;
        assert_eq!(fake.resizes().len(), touched, "{name}");
        assert!(fake.metric("SettingsRefused") > 0);
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_bus_is_away_everything_sleeps_as_ever_and_no_tick_fails() {
    for fault in [Fault::Away("bus"), Fault::Denied("bus")] {
        let fake = shop(EVENING);
        fake.set(fault);
        while fake.now() < ts(SLEPT) {
            tick(&fake).await.unwrap();
            next_minute(&fake).await;
        }
        assert_eq!(fake.resizes().len(), 9);
        assert!(fake.metric("EventsUntold") > 0);
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_changed_is_tried_once_a_minute_while_the_others_go_on_and_its_tick_fails() {
    for (verb, resized, each) in [
        ("asg resize", 6, 2),
        ("asg tag", 9, 2),
        ("eks resize", 7, 1),
        ("rds stop", 8, 1),
        ("kube patch", 0, 1),
    ] {
        let fake = shop(EVENING);
        fake.set(Fault::Denied(verb));
        ticks_until(&fake, SLEPT).await;
        assert_eq!(fake.resizes().len(), resized, "{verb}");
        let tried = fake.called(verb);
        assert!(tried <= 30 * each, "{verb}: tried {tried} times in 30 minutes");
        let failed = tick(&fake).await.unwrap_err();
        assert!(failed.message.contains(verb), "{failed}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_seen_is_said_in_the_log_once_and_the_rest_goes_on() {
    let fake = shop("2026-11-26T19:00:00Z");
    fake.set(Fault::Denied("rds describe"));
    let (answer, lines) = invoke_logged(&fake, json!({ "tick": true })).await;
    assert!(answer.unwrap_err().message.contains("rds describe"));
    let said = |line: &&String| line.contains("not everything could be seen");
    assert_eq!(lines.iter().filter(said).count(), 1, "{lines:#?}");
    ticks_until(&fake, SLEPT).await;
    assert_eq!(fake.resizes().len(), 8);
}
