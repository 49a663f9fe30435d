//! Time as a parameter: the wall's, a faster one, or one that a test moves by hand.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// Where the endpoint takes the time from. Clones show the same time.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Source>);

#[derive(Debug)]
enum Source {
    /// `factor` seconds pass in each second of the wall clock, from `epoch` on.
    Running {
        epoch: Timestamp,
        since: Instant,
        factor: u32,
    },
    /// Time passes in [`Clock::advance`] only.
    Manual(watch::Sender<Timestamp>),
}

impl Clock {
    /// The wall clock.
    pub fn real() -> Self {
        Self::scaled(1)
    }

    /// Starts at the wall clock's time and runs `factor` times as fast: with 3600, 48 hours pass in 48 seconds.
    pub fn scaled(factor: u32) -> Self {
        Self(Arc::new(Source::Running {
            epoch: Timestamp::now(),
            since: Instant::now(),
            factor: factor.max(1),
        }))
    }

    /// Stands at `start` until [`Clock::advance`].
    pub fn manual(start: Timestamp) -> Self {
        Self(Arc::new(Source::Manual(watch::Sender::new(start))))
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        match &*self.0 {
            Source::Running { epoch, since, factor } => {
                *epoch + SignedDuration::try_from(since.elapsed().saturating_mul(*factor)).unwrap_or_default()
            }
            Source::Manual(time) => *time.borrow(),
        }
    }

    /// Returns at `time`, or at once if that has passed.
    pub async fn until(&self, time: Timestamp) {
        match &*self.0 {
            Source::Running { factor, .. } => {
                let left = Duration::try_from(time.duration_since(self.now())).unwrap_or_default();
                // Rounded up to the timer's resolution: waking too early would only mean to wait again.
                tokio::time::sleep(left / *factor + Duration::from_millis(1)).await;
            }
            Source::Manual(now) => {
                let mut now = now.subscribe();
                // The sender lives as long as `self`, so the wait can only end by the time.
                let _reached = now.wait_for(|now| *now >= time).await;
            }
        }
    }

    /// Moves a manual clock on; a running one moves by itself and is left alone.
    pub fn advance(&self, by: SignedDuration) {
        if let Source::Manual(time) = &*self.0 {
            time.send_modify(|now| *now += by);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_scaled_clock_runs_ahead_of_the_wall() {
        let clock = Clock::scaled(36_000);
        let start = clock.now();
        clock.until(start + SignedDuration::from_hours(1)).await;
        assert!(clock.now().duration_since(start) >= SignedDuration::from_hours(1));
    }

    #[tokio::test]
    async fn a_manual_clock_stands_until_it_is_moved() {
        let start = Timestamp::UNIX_EPOCH;
        let clock = Clock::manual(start);
        assert_eq!(clock.now(), start);
        let waiting = tokio::spawn({
            let clock = clock.clone();
            async move { clock.until(start + SignedDuration::from_hours(48)).await }
        });
        clock.advance(SignedDuration::from_hours(47));
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        clock.advance(SignedDuration::from_hours(1));
        waiting.await.unwrap();
    }
}
