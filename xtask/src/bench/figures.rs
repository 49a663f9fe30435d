//! Times that were measured, and what becomes of them.

use std::time::Duration;

use serde_json::{Value, json};

/// One thing that is measured.
#[derive(Debug)]
pub(super) struct Figure {
    /// What.
    pub(super) what: String,
    /// Each time.
    pub(super) times: Vec<Duration>,
    /// What is promised: of the middle one, and of the slowest but one of a hundred.
    pub(super) targets: (Duration, Duration),
}

impl Figure {
    /// The time which that share of all does not exceed.
    fn percentile(&self, percent: usize) -> Option<Duration> {
        let mut times = self.times.clone();
        times.sort_unstable();
        let rank = (times.len() * percent).div_ceil(100);
        times.get(rank.saturating_sub(1)).copied()
    }

    /// As a line of a table.
    pub(super) fn row(&self) -> String {
        let seconds = |time: Option<Duration>| {
            time.map_or_else(|| "-".to_owned(), |time| format!("{:.1} s", time.as_secs_f64()))
        };
        format!(
            "{:<44} {:>3} {:>8} {:>8} {:>8}   {:.0} s, {:.0} s",
            self.what,
            self.times.len(),
            seconds(self.percentile(50)),
            seconds(self.percentile(99)),
            seconds(self.times.iter().max().copied()),
            self.targets.0.as_secs_f64(),
            self.targets.1.as_secs_f64(),
        )
    }

    /// The head of that table.
    pub(super) fn head() -> String {
        format!(
            "{:<44} {:>3} {:>8} {:>8} {:>8}   {}",
            "", "n", "p50", "p99", "most", "promised (p50, p99)"
        )
    }

    pub(super) fn json(&self) -> Value {
        let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
        json!({
            "what": self.what, "n": self.times.len(),
            "p50": seconds(self.percentile(50)), "p99": seconds(self.percentile(99)),
            "seconds": self.times.iter().map(Duration::as_secs_f64).collect::<Vec<_>>(),
            "promised": { "p50": self.targets.0.as_secs_f64(), "p99": self.targets.1.as_secs_f64() },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_times() {
        let figure = Figure {
            what: String::new(),
            times: (1..=20).rev().map(Duration::from_secs).collect(),
            targets: (Duration::ZERO, Duration::ZERO),
        };
        let seconds = |percent| figure.percentile(percent).map(|time| time.as_secs());
        assert_eq!(
            (seconds(50), seconds(99), seconds(100)),
            (Some(10), Some(20), Some(20))
        );
        let none = Figure {
            times: vec![],
            ..figure
        };
        assert_eq!(none.percentile(50), None);
    }
}
