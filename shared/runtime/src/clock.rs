//! The one place that reads the clock. Everybody else takes `now` as an argument.

use std::future::Future;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Tells the time and lets time pass.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// Waits for `duration`; not at all if it is zero or negative.
    fn sleep(&self, duration: SignedDuration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(Duration::try_from(duration).unwrap_or(Duration::ZERO))
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the clock"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock for tests that starts where it is told and follows tokio's own time.
///
/// Under `#[tokio::test(start_paused = true)]` that time stands still while anything can run and jumps to
/// the next wake-up when everything sleeps, so an hour of heartbeats takes no time and tasks that wait side
/// by side wake in the right order.
#[derive(Debug, Clone, Copy)]
pub struct TestClock {
    epoch: Timestamp,
    start: tokio::time::Instant,
}

impl TestClock {
    /// A clock that shows `epoch` now.
    pub fn starting_at(epoch: Timestamp) -> Self {
        Self {
            epoch,
            start: tokio::time::Instant::now(),
        }
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.start.elapsed()).unwrap_or(SignedDuration::MAX);
        self.epoch.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
    }
}

/// The moment at which an invocation must have come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Timestamp);

impl Deadline {
    /// Ends at `at`.
    pub const fn at(at: Timestamp) -> Self {
        Self(at)
    }

    /// The deadline of Lambda, in milliseconds since 1970, brought forward by what the caller needs
    /// afterwards: to report, to flush its metrics and to answer.
    pub fn from_lambda(epoch_milliseconds: u64, reserve: SignedDuration) -> Self {
        let end = i64::try_from(epoch_milliseconds)
            .ok()
            .and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok())
            .unwrap_or(Timestamp::MAX);
        Self(end.saturating_sub(reserve).unwrap_or(Timestamp::MIN))
    }

    /// The moment.
    pub const fn timestamp(self) -> Timestamp {
        self.0
    }

    /// What is left at `now`: zero once it has passed.
    pub fn remaining(self, now: Timestamp) -> SignedDuration {
        self.0.duration_since(now).max(SignedDuration::ZERO)
    }

    /// Whether nothing is left at `now`.
    pub fn has_passed(self, now: Timestamp) -> bool {
        now >= self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ts(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_deadline_keeps_its_reserve() {
        let end = ts("2026-11-21T07:01:00Z");
        let milliseconds = u64::try_from(end.as_millisecond()).unwrap();
        let deadline = Deadline::from_lambda(milliseconds, SignedDuration::from_secs(5));
        assert_eq!(deadline, Deadline::at(ts("2026-11-21T07:00:55Z")));
        assert_eq!(
            deadline.remaining(ts("2026-11-21T07:00:15Z")),
            SignedDuration::from_secs(40)
        );
        assert_eq!(
            deadline.remaining(ts("2026-11-21T07:00:58Z")),
            SignedDuration::ZERO
        );
        assert!(!deadline.has_passed(ts("2026-11-21T07:00:54.999Z")));
        assert!(deadline.has_passed(ts("2026-11-21T07:00:55Z")));
    }

    #[test]
    fn a_deadline_beyond_the_calendar_never_passes() {
        assert_eq!(
            Deadline::from_lambda(u64::MAX, SignedDuration::ZERO),
            Deadline::at(Timestamp::MAX)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn sleepers_wake_in_order_and_an_hour_takes_no_time() {
        let clock = TestClock::starting_at(ts("2026-11-21T07:00:00Z"));
        let nap = |seconds| async move {
            clock.sleep(SignedDuration::from_secs(seconds)).await;
            clock.now()
        };
        let (long, short, none) = tokio::join!(nap(3600), nap(30), nap(-1));
        assert_eq!(long, ts("2026-11-21T08:00:00Z"));
        assert_eq!(short, ts("2026-11-21T07:00:30Z"));
        assert_eq!(none, ts("2026-11-21T07:00:00Z"));
    }

    #[test]
    fn the_system_clock_tells_this_century() {
        assert!(SystemClock.now() > ts("2026-01-01T00:00:00Z"));
    }
}
