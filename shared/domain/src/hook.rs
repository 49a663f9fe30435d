//! Waiting at a lifecycle hook: what is seen of it, when to say that we still work, when to let go, and what
//! proves that we did.
//!
//! The same for either transition: an instance that is launched waits until its node serves, one that is
//! terminated until its node is drained.

use jiff::{SignedDuration, Timestamp};

use crate::ids::HookName;
use crate::lifecycle::{Completion, Hook, LifecycleState};

/// We end the wait this long before AWS does: enough for a tick to come late and to try again.
pub const RESERVE: SignedDuration = SignedDuration::from_secs(60);

/// A heartbeat is sent at each third of the hook's time-out, so that two in a row may fail. (What
/// lifecycle-manager does at each half allows one.)
const BEATS_PER_TIMEOUT: i32 = 3;

/// What Auto Scaling says of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookView {
    /// It waits at our hook, in an enrolled group.
    Waiting(Wait),
    /// It waits for nothing of ours.
    Elsewhere(LifecycleState),
    /// Auto Scaling knows it no more.
    Gone,
}

/// An instance's wait at our hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// Our hook.
    pub hook: Hook,
    /// The other hooks of the group for the same transition, each of which waits for somebody else.
    pub others: Vec<HookName>,
    /// The state in which the instance waits.
    pub state: LifecycleState,
    /// When the hook began to wait, if an event said so.
    pub since: Option<Timestamp>,
}

/// How far a completion is proven. Its answer proves nothing; the instance's state does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// The hook is to be completed: it was not yet, or Auto Scaling knew no action where the state still says
    /// that it waits. The action may only be late.
    Open,
    /// It was completed; the state must show it.
    Pending,
    /// Ours is completed, and these keep the instance waiting, so its state can't prove it. No action of ours is
    /// open any more, by the answer that we got.
    OthersWait(Vec<HookName>),
}

impl Wait {
    /// Whether a heartbeat is due at `now`. Without an event to say when the wait began, `began` does, as far as
    /// the caller knows (unknown: perhaps long ago). `last` is when this invocation sent one.
    ///
    /// Nothing is remembered between invocations: each of them tells Auto Scaling at its first look, once a third
    /// of the time-out has passed since the hook began, and then again at each further third. After a gap in our
    /// own work, however long, the first look that comes in time thus saves the hook. A beat too many is harmless.
    pub fn is_heartbeat_due(
        &self,
        began: Option<Timestamp>,
        last: Option<Timestamp>,
        now: Timestamp,
    ) -> bool {
        let interval = self.hook.heartbeat / BEATS_PER_TIMEOUT;
        last.or(self.since)
            .or(began)
            .is_none_or(|told| now.duration_since(told) >= interval)
    }

    /// When to let go at the latest, whatever the heartbeats: [`RESERVE`] before AWS ends a wait that began at
    /// `began`, or when the event said.
    pub fn deadline(&self, began: Timestamp) -> Timestamp {
        let duration = self.hook.global_timeout - RESERVE;
        self.since
            .unwrap_or(began)
            .saturating_add(duration)
            .unwrap_or(Timestamp::MAX)
    }

    /// What follows from the answer to our completion, while the instance is still seen to wait.
    pub fn proof(&self, answered: Option<Completion>) -> Proof {
        match answered {
            Some(_) if !self.others.is_empty() => Proof::OthersWait(self.others.clone()),
            Some(Completion::Completed) => Proof::Pending,
            Some(Completion::NoActiveAction) | None => Proof::Open,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::ids::GroupName;
    use crate::lifecycle::{HookResult, Transition};

    /// A wait at a terminate hook of five minutes that began at an unknown time.
    pub(crate) fn wait() -> Wait {
        Wait {
            hook: Hook {
                name: HookName::parse("lamplighter-node-drain").unwrap(),
                group: GroupName::parse("workers").unwrap(),
                transition: Transition::Terminating,
                heartbeat: SignedDuration::from_secs(300),
                global_timeout: SignedDuration::from_secs(30_000),
                default_result: HookResult::Continue,
            },
            others: vec![],
            state: LifecycleState::TerminatingWait,
            since: None,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    #[test]
    fn beats_are_a_third_of_the_time_out_apart_and_an_invocation_begins_with_one() {
        let by_event = Wait {
            since: Some(at(0)),
            ..wait()
        };
        let cases = [
            (1, None, false),
            (99, None, false),
            (100, None, true), // 300 s: every 100 s
            (299, None, true), // whatever became of the ticks before
            (199, Some(100), false),
            (200, Some(100), true),
        ];
        for (now, last, expected) in cases {
            let last = last.map(at);
            assert_eq!(
                by_event.is_heartbeat_due(Some(at(-900)), last, at(now)),
                expected,
                "at {now}, last {last:?}"
            );
            assert_eq!(
                wait().is_heartbeat_due(Some(at(0)), last, at(now)),
                expected,
                "no event, at {now}, last {last:?}"
            );
        }
    }

    #[test]
    fn one_that_began_at_an_unknown_time_is_told_at_once_and_then_at_each_third() {
        assert!(wait().is_heartbeat_due(None, None, at(0)));
        assert!(!wait().is_heartbeat_due(None, Some(at(0)), at(99)));
        assert!(wait().is_heartbeat_due(None, Some(at(0)), at(100)));
    }

    #[test]
    fn the_wait_ends_a_minute_before_aws_would_end_it() {
        assert_eq!(wait().deadline(at(7)), at(7 + 30_000 - 60));
        let by_event = Wait {
            since: Some(at(0)),
            ..wait()
        };
        assert_eq!(by_event.deadline(at(7)), at(30_000 - 60));
        assert_eq!(wait().deadline(Timestamp::MAX), Timestamp::MAX);
    }

    #[test]
    fn an_answer_is_believed_only_where_the_state_can_not_tell() {
        let logs = HookName::parse("logs").unwrap();
        let shared = Wait {
            others: vec![logs.clone()],
            ..wait()
        };
        for answer in [Completion::Completed, Completion::NoActiveAction] {
            assert_eq!(shared.proof(Some(answer)), Proof::OthersWait(vec![logs.clone()]));
        }
        assert_eq!(shared.proof(None), Proof::Open);
        assert_eq!(wait().proof(Some(Completion::Completed)), Proof::Pending);
        assert_eq!(wait().proof(Some(Completion::NoActiveAction)), Proof::Open);
    }

    proptest::proptest! {
        /// Looks come at any times, with gaps of up to two thirds of the time-out.
        #[test]
        fn no_hook_runs_out_while_somebody_looks_within_two_thirds_of_its_time_out(
            timeout in 30_i64..7_200,
            gaps in proptest::collection::vec(0.0_f64..0.66, 300),
        ) {
            let mut wait = Wait { since: Some(at(0)), ..wait() };
            wait.hook.heartbeat = SignedDuration::from_secs(timeout);
            let (mut now, mut told) = (0, 0);
            for gap in gaps {
                #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "seconds of some hours")]
                let step = (gap * timeout as f64) as i64;
                now += step;
                proptest::prop_assert!(now - told < timeout, "ran out before {now}, last told at {told}");
                if wait.is_heartbeat_due(None, None, at(now)) { told = now; }
            }
        }
    }
}
