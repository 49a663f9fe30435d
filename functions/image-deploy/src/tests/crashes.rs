//! Sandboxes that die, calls that fail, answers that are lost: whatever happens, everything ends as if nothing had.

use super::fakes::{Fault, Nature};
use super::*;

/// A push that is good, or one that is taken back.
async fn story(fake: &Fake, nature: Nature) {
    fake.world().spoil(130, nature);
    fake.world().push("shop/web", "1.3.0", 130, fake.now());
    let event = batch(&[event("push", "shop/web", "1.3.0", 130)]);
    let _ = invoke(fake, event).await;
    next_minute(fake).await;
    ticks(fake, 9).await;
}

/// Whatever goes wrong once, at any call.
async fn goes_wrong(every: usize, fault: impl Fn(usize) -> Fault) {
    for (nature, end) in [(Nature::Good, "verified"), (Nature::Crashing, "rolled-back")] {
        let calm = shop();
        story(&calm, nature).await;
        assert_eq!(stage(&calm), end);
        let (image, patches, calls) = (runs(&calm), calm.patches(), calm.called(""));
        for number in (1..=calls).step_by(every) {
            let (fake, fault) = (shop(), fault(number));
            fake.set(fault);
            story(&fake, nature).await;
            assert_eq!(
                (stage(&fake).as_str(), runs(&fake)),
                (end, image.clone()),
                "{fault:?}"
            );
            assert_eq!(fake.patches(), patches, "{fault:?}");
            for told in ["deployed", "verified", "rolled-back", "restored"] {
                let times = fake
                    .told("Image Action", WEB)
                    .iter()
                    .filter(|what| *what == told)
                    .count();
                assert!(times <= 1, "{told} {times} times, {fault:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_after_any_call_is_made_up_for_and_nothing_is_written_twice() {
    goes_wrong(1, Fault::CrashAfter).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_is_made_up_for() {
    goes_wrong(2, Fault::FailAt).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_answer_is_lost_is_made_up_for() {
    goes_wrong(2, Fault::LoseAnswerOf).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_never_answered_costs_its_invocation_and_no_more() {
    goes_wrong(3, Fault::HangAt).await;
}

#[tokio::test(start_paused = true)]
async fn case_32_a_workload_that_changes_at_the_moment_of_the_patch_is_read_and_decided_again() {
    for millisecond in (0..100).step_by(5) {
        let fake = shop();
        fake.then(ts(MORNING) + SignedDuration::from_millis(millisecond), |world| {
            world.edit(WEB, true, |object| object.variable = "DEBUG=1".to_owned());
        });
        push(&fake, "1.3.0", 130).await;
        assert_eq!(
            (runs(&fake).as_str(), fake.patches().len()),
            ("1.3.0@130", 1),
            "{millisecond} ms"
        );
        assert_eq!(fake.world().workload(WEB).variable, "DEBUG=1");
    }
}

#[tokio::test(start_paused = true)]
async fn case_32_a_person_who_deploys_at_the_moment_of_the_patch_is_not_overwritten() {
    for millisecond in (0..100).step_by(5) {
        let fake = shop();
        fake.world().push("shop/web", "1.9.0", 190, ts(MORNING));
        fake.then(ts(MORNING) + SignedDuration::from_millis(millisecond), |world| {
            world.delete("shop/web", 190);
            world.push("shop/web", "2.0.0", 200, ts(MORNING));
            world.set_image(WEB, "shop/web:2.0.0");
        });
        pushed(&fake, "1.9.0", 190).await;
        ticks(&fake, 2).await;
        assert!(
            runs(&fake).starts_with("2.0.0"),
            "{millisecond} ms: {}",
            runs(&fake)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_workload_that_is_deleted_during_its_rollout_is_let_go() {
    let fake = shop();
    fake.then(ts(MORNING) + SignedDuration::from_secs(10), |world| {
        world.workloads.clear();
    });
    push(&fake, "1.3.0", 130).await;
    assert!(
        fake.now() < ts(MORNING) + SignedDuration::from_secs(20),
        "nothing is left to watch"
    );
    assert_eq!(fake.metric("Failures"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_can_not_be_listed_is_a_failure_and_the_others_go_on() {
    let fake = shop();
    fake.set(Fault::Denied("kube list daemonsets"));
    fake.world().push("shop/web", "1.3.0", 130, fake.now());
    let mut failed = Vec::new();
    for _ in 0..5 {
        failed.push(tick(&fake).await.is_err());
        next_minute(&fake).await;
    }
    assert_eq!((runs(&fake).as_str(), failed), ("1.3.0@130", vec![true; 5]));
}
