//! What an invocation tells: counts as metrics, failures as errors.

use std::collections::BTreeMap;

use domain::failure::Class;
use jiff::Timestamp;
use runtime::function::Invocation;
use runtime::lines::Lines;
use runtime::metrics::Metrics;

use crate::{Common, Failed};

/// The namespace of all our metrics.
const NAMESPACE: &str = "Lamplighter";

/// The name of a count. Each is a constant, so that it is written once and nobody counts under another.
///
/// ```
/// use function::{Count, Tally};
/// const PODS_EVICTED: Count = Count::new("PodsEvicted");
/// let mut tally = Tally::default();
/// tally.one(PODS_EVICTED);
/// tally.count(PODS_EVICTED, 2);
/// assert_eq!(tally.counted(PODS_EVICTED), 3);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(&'static str);

impl Count {
    /// The count of that name, as the metric shows it.
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }
}

/// The counts that more than one function has.
pub mod count {
    use super::Count;

    /// Calls to AWS.
    pub const AWS_CALLS: Count = Count::new("AwsCalls");
    /// Requests to the API server.
    pub const KUBERNETES_CALLS: Count = Count::new("KubernetesCalls");
    /// Heartbeats that Auto Scaling took.
    pub const HEARTBEATS: Count = Count::new("Heartbeats");
    /// Hooks that were completed by CONTINUE.
    pub const HOOKS_COMPLETED: Count = Count::new("HooksCompleted");
    /// Hooks that were completed by ABANDON.
    pub const HOOKS_ABANDONED: Count = Count::new("HooksAbandoned");
    /// Times that people or the bus could not be told.
    pub const EVENTS_UNTOLD: Count = Count::new("EventsUntold");
    /// Messages that nobody could read.
    pub const MESSAGES_MALFORMED: Count = Count::new("MessagesMalformed");
    /// Whatever did not work.
    pub(super) const FAILURES: Count = Count::new("Failures");
}

/// What was done, and what did not work. Work that is done side by side has one each, added up in the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    counts: BTreeMap<Count, u64>,
    failures: Vec<Failed>,
}

impl Tally {
    /// Counts one.
    pub fn one(&mut self, count: Count) {
        self.count(count, 1);
    }

    /// Counts `number`.
    pub fn count(&mut self, count: Count, number: u64) {
        *self.counts.entry(count).or_default() += number;
    }

    /// How many were counted.
    pub fn counted(&self, count: Count) -> u64 {
        self.counts.get(&count).copied().unwrap_or_default()
    }

    /// Notes what did not work.
    pub fn fail(&mut self, failed: impl Into<Failed>) {
        self.failures.push(failed.into());
    }

    /// What did not work.
    pub fn failures(&self) -> &[Failed] {
        &self.failures
    }

    /// Adds another one's.
    pub fn add(&mut self, other: Self) {
        for (count, number) in other.counts {
            self.count(count, number);
        }
        self.failures.extend(other.failures);
    }
}

/// The report of one invocation.
pub struct Report {
    /// What was done.
    pub tally: Tally,
    metrics: Metrics,
}

impl Report {
    /// An empty report of the function `service`.
    pub fn new(service: &'static str, config: &Common, invocation: &Invocation) -> Self {
        let mut metrics = Metrics::new(NAMESPACE, service).dimensions([("cluster", config.cluster.as_str())]);
        metrics.property("deployment", config.deployment.as_str());
        if invocation.cold_start {
            metrics.cold_start(&invocation.function_name);
        }
        Self {
            tally: Tally::default(),
            metrics,
        }
    }

    /// The failure that the invocation ends with: one that needs a person before one that time may heal.
    pub fn worst(&self) -> Option<Failed> {
        let failures = &self.tally.failures;
        let permanent = failures.iter().find(|failed| failed.class == Class::Permanent);
        permanent.or(failures.first()).cloned()
    }

    /// Writes the metrics. Counts of zero are left out: each is a metric that costs.
    pub fn flush(mut self, now: Timestamp, lines: &dyn Lines) {
        let failures = self.tally.failures.len() as u64;
        self.tally.count(count::FAILURES, failures);
        for (Count(name), number) in self.tally.counts {
            if number > 0 {
                self.metrics.count(name, number);
            }
        }
        self.metrics.flush(now, lines);
    }
}

#[cfg(test)]
mod tests {
    use runtime::lines::Memory;

    use super::*;
    use crate::config::tests::config;

    #[test]
    fn what_needs_a_person_comes_before_what_time_may_heal_and_both_are_counted() {
        let invocation = Invocation::new("r1", "lamplighter-node-drain", 0);
        let mut report = Report::new("node-drain", &config(), &invocation);
        let mut other = Tally::default();
        other.count(count::AWS_CALLS, 2);
        other.count(count::HEARTBEATS, 0);
        other.fail(Failed::transient("throttled"));
        report.tally.add(other);
        assert_eq!(report.worst(), Some(Failed::transient("throttled")));
        report.tally.fail(Failed::permanent("not permitted"));
        assert_eq!(report.worst(), Some(Failed::permanent("not permitted")));

        let lines = Memory::default();
        report.flush(Timestamp::UNIX_EPOCH, &lines);
        let line: serde_json::Value = serde_json::from_str(&lines.lines()[0]).unwrap();
        assert_eq!(
            (&line["AwsCalls"], &line["Failures"], line.get("Heartbeats")),
            (&2.into(), &2.into(), None)
        );
    }
}
