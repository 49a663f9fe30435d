//! When to tell Auto Scaling that we still work.

use jiff::{SignedDuration, Timestamp};

use crate::lifecycle::Hook;

/// A heartbeat is sent at each third of the hook's time-out, so that two in a row may fail. (What
/// lifecycle-manager does at each half allows one.)
const BEATS_PER_TIMEOUT: i32 = 3;

/// How far back an invocation looks for a beat that it should send: the tick comes every minute, one may be
/// lost, and the next may be half a minute late. A beat too many is harmless.
const LOOK_BACK: SignedDuration = SignedDuration::from_secs(150);

/// Whether a heartbeat is due at `now` for a hook that began to wait at `since` (unknown: since long ago).
///
/// Nothing is remembered between invocations: the beats fall on whole multiples of the interval after
/// `since`, and one is due when it lies between the last one that this invocation sent (or the time of the
/// last tick) and now.
pub(super) fn is_due(hook: &Hook, since: Option<Timestamp>, last: Option<Timestamp>, now: Timestamp) -> bool {
    let interval = hook.heartbeat / BEATS_PER_TIMEOUT;
    let Some(since) = since else {
        return last.is_none_or(|last| now.duration_since(last) >= interval);
    };
    let from = last.unwrap_or(now - LOOK_BACK);
    let beats = |at: Timestamp| {
        at.duration_since(since)
            .as_secs()
            .div_euclid(interval.as_secs().max(1))
    };
    now > since && beats(now) > beats(from).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drain::plan::tests::hook;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    #[test]
    fn beats_fall_on_thirds_of_the_time_out() {
        let hook = hook(); // 300 s: every 100 s
        let cases = [
            (1, None, false),
            (99, None, false),
            (100, None, true),
            (195, None, true), // the tick that should have sent it was lost
            (200, None, true),
            (260, Some(201), false),
            (200, Some(150), true),
            (199, Some(150), false),
            (130, Some(101), false),
        ];
        for (now, last, expected) in cases {
            assert_eq!(
                is_due(&hook, Some(at(0)), last.map(at), at(now)),
                expected,
                "at {now}, last {last:?}"
            );
        }
    }

    #[test]
    fn one_that_began_at_an_unknown_time_is_told_at_once_and_then_at_each_third() {
        let hook = hook();
        assert!(is_due(&hook, None, None, at(0)));
        assert!(!is_due(&hook, None, Some(at(0)), at(99)));
        assert!(is_due(&hook, None, Some(at(0)), at(100)));
    }

    proptest::proptest! {
        /// Ticks come every minute, up to 20 s late, and some are lost, though never two in a row.
        #[test]
        fn no_hook_of_five_minutes_or_more_runs_out_between_ticks(
            timeout in 300_i64..7_200,
            ticks in proptest::collection::vec((0_i64..20, proptest::bool::weighted(0.3)), 300),
        ) {
            let hook = Hook { heartbeat: SignedDuration::from_secs(timeout), ..hook() };
            let (mut told, mut lost_one) = (0, false);
            for (tick, (late, lost)) in (1_i64..).zip(ticks) {
                let now = tick * 60 + late;
                lost_one = lost && !lost_one;
                if lost_one { continue; }
                proptest::prop_assert!(now - told < timeout, "ran out before {now}, last told at {told}");
                if is_due(&hook, Some(at(0)), None, at(now)) { told = now; }
            }
        }
    }
}
