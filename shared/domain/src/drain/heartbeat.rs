//! When to tell Auto Scaling that we still work.

use jiff::Timestamp;

use crate::lifecycle::Hook;

/// A heartbeat is sent at each third of the hook's time-out, so that two in a row may fail. (What
/// lifecycle-manager does at each half allows one.)
const BEATS_PER_TIMEOUT: i32 = 3;

/// Whether a heartbeat is due at `now` for a hook that began to wait at `since` (unknown: perhaps long ago).
///
/// Nothing is remembered between invocations: each of them tells Auto Scaling at its first look, once a third of
/// the time-out has passed since the hook began, and then again at each further third. After a gap in our own
/// work, however long, the first look that comes in time thus saves the hook. A beat too many is harmless.
pub(super) fn is_due(hook: &Hook, since: Option<Timestamp>, last: Option<Timestamp>, now: Timestamp) -> bool {
    let interval = hook.heartbeat / BEATS_PER_TIMEOUT;
    last.or(since)
        .is_none_or(|told| now.duration_since(told) >= interval)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::drain::plan::tests::hook;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    #[test]
    fn beats_are_a_third_of_the_time_out_apart_and_an_invocation_begins_with_one() {
        let hook = hook(); // 300 s: every 100 s
        let cases = [
            (1, None, false),
            (99, None, false),
            (100, None, true),
            (299, None, true), // whatever became of the ticks before
            (199, Some(100), false),
            (200, Some(100), true),
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
        /// Looks come at any times, with gaps of up to two thirds of the time-out.
        #[test]
        fn no_hook_runs_out_while_somebody_looks_within_two_thirds_of_its_time_out(
            timeout in 30_i64..7_200,
            gaps in proptest::collection::vec(0.0_f64..0.66, 300),
        ) {
            let hook = Hook { heartbeat: SignedDuration::from_secs(timeout), ..hook() };
            let (mut now, mut told) = (0, 0);
            for gap in gaps {
                #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "seconds of some hours")]
                let step = (gap * timeout as f64) as i64;
                now += step;
                proptest::prop_assert!(now - told < timeout, "ran out before {now}, last told at {told}");
                if is_due(&hook, Some(at(0)), None, at(now)) { told = now; }
            }
        }
    }
}
