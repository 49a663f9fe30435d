//! Sandboxes that die, calls that fail, answers that are lost, ticks that never come: whatever happens, everything sleeps
//! and wakes as if nothing had.

use super::fakes::{Fault, Haste};
use super::shop::{corner_shop, shop};
use super::*;

/// A shop, and a night of six minutes.
fn nap() -> Fake {
    let mut fake = corner_shop("2026-11-26T18:59:00Z");
    fake.schedules("office=down:2026-11-26T19:00:00Z-2026-11-26T19:06:00Z");
    fake.world().haste = Haste(15);
    fake
}

/// From before the night to after it.
async fn night_and_morning(fake: &Fake) -> Vec<String> {
    ticks_until(fake, "2026-11-26T19:05:00Z").await;
    let asleep = fake.bare_sizes();
    ticks_until(fake, "2026-11-26T19:12:00Z").await;
    asleep
}

/// Whatever goes wrong once, at every call or every so many.
async fn goes_wrong(every: usize, fault: impl Fn(usize) -> Fault) {
    let calm = nap();
    let before = calm.sizes();
    let asleep = night_and_morning(&calm).await;
    let calls = calm.called("");
    assert_eq!(calm.sizes(), before);
    for number in (1..=calls).step_by(every) {
        let fault = fault(number);
        let fake = nap();
        fake.set(fault);
        assert_eq!(night_and_morning(&fake).await, asleep, "asleep, {fault:?}");
        assert_eq!(fake.sizes(), before, "awake, {fault:?}");
        assert_eq!(fake.world().remembered(), Vec::<String>::new(), "{fault:?}");
        for saved in fake.writes().iter().filter(|write| write.contains(" saved ")) {
            assert_eq!(fake.count(saved), 1, "{saved}, {fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_28_a_crash_after_any_call_is_made_up_for_and_nothing_is_saved_twice() {
    goes_wrong(1, Fault::CrashAfter).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_is_made_up_for() {
    goes_wrong(4, Fault::FailAt).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_answer_is_lost_is_made_up_for() {
    goes_wrong(4, Fault::LoseAnswerOf).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_never_answered_costs_its_invocation_and_no_more() {
    goes_wrong(6, Fault::HangAt).await;
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_the_very_next_tick_goes_on() {
    for call in 2..14 {
        let mut fake = shop("2026-11-26T19:00:00Z");
        fake.schedules("office=down:from 2026-11-26T19:02:00Z");
        tick(&fake).await.unwrap();
        fake.sleep(SignedDuration::from_mins(2)).await;
        fake.set(Fault::CrashAfter(fake.called("") + call));
        assert_eq!(invoke(&fake, json!({ "edge": "sleep" })).await, None);
        fake.sleep(SignedDuration::from_mins(1)).await;
        tick(&fake).await.unwrap();
        assert!(fake.count("resize") > 0, "crash after call {call}");
    }
}
