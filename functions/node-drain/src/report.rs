//! What an invocation tells: counts as metrics, failures as errors.

use domain::failure::{Class, Classified};
use jiff::Timestamp;
use runtime::error::chain;
use runtime::function::Invocation;
use runtime::lines::Lines;
use runtime::metrics::Metrics;

use crate::decode::DecodeError;
use crate::{Config, SERVICE};

/// The namespace of all our metrics.
const NAMESPACE: &str = "Lamplighter";

/// Something that did not work and that the next tick will try again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failed {
    /// What may be done about it.
    pub class: Class,
    /// The whole chain of causes; a missing permission is named.
    pub message: String,
    /// Whether it was the cluster that did not do it.
    pub of_cluster: bool,
}

impl Failed {
    pub(crate) fn permanent(message: String) -> Self {
        Self {
            class: Class::Permanent,
            message,
            of_cluster: true,
        }
    }
}

impl Classified for Failed {
    fn class(&self) -> Class {
        self.class
    }
}

impl From<&kubernetes::Error> for Failed {
    fn from(error: &kubernetes::Error) -> Self {
        Self {
            class: error.class(),
            message: chain(error),
            of_cluster: true,
        }
    }
}

impl From<access::Error> for Failed {
    fn from(error: access::Error) -> Self {
        Self {
            class: error.class(),
            message: chain(&error),
            of_cluster: true,
        }
    }
}

impl From<aws::Error> for Failed {
    fn from(error: aws::Error) -> Self {
        Self {
            class: error.class(),
            message: chain(&error),
            of_cluster: false,
        }
    }
}

impl From<DecodeError> for Failed {
    fn from(error: DecodeError) -> Self {
        Self {
            class: Class::Rejected,
            message: chain(&error),
            of_cluster: false,
        }
    }
}

/// What was done, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) nodes_cordoned: u64,
    pub(crate) pods_evicted: u64,
    pub(crate) evictions_refused: u64,
    pub(crate) pods_left_behind: u64,
    pub(crate) heartbeats: u64,
    pub(crate) hooks_completed: u64,
    pub(crate) messages_malformed: u64,
    pub(crate) kubernetes_calls: u64,
    pub(crate) aws_calls: u64,
}

impl Tally {
    /// The metrics, by their names.
    const fn named(&self) -> [(&'static str, u64); 9] {
        let Self {
            nodes_cordoned,
            pods_evicted,
            evictions_refused,
            pods_left_behind,
            heartbeats,
            hooks_completed,
            messages_malformed,
            kubernetes_calls,
            aws_calls,
        } = *self;
        [
            ("NodesCordoned", nodes_cordoned),
            ("PodsEvicted", pods_evicted),
            ("EvictionsRefused", evictions_refused),
            ("PodsLeftBehind", pods_left_behind),
            ("Heartbeats", heartbeats),
            ("HooksCompleted", hooks_completed),
            ("MessagesMalformed", messages_malformed),
            ("KubernetesCalls", kubernetes_calls),
            ("AwsCalls", aws_calls),
        ]
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.nodes_cordoned += other.nodes_cordoned;
        self.pods_evicted += other.pods_evicted;
        self.evictions_refused += other.evictions_refused;
        self.pods_left_behind += other.pods_left_behind;
        self.heartbeats += other.heartbeats;
        self.hooks_completed += other.hooks_completed;
        self.messages_malformed += other.messages_malformed;
        self.kubernetes_calls += other.kubernetes_calls;
        self.aws_calls += other.aws_calls;
    }
}

/// The report of one invocation.
pub(crate) struct Report {
    pub(crate) tally: Tally,
    pub(crate) failures: Vec<Failed>,
    metrics: Metrics,
}

impl Report {
    pub(crate) fn new(config: &Config, invocation: &Invocation) -> Self {
        let mut metrics = Metrics::new(NAMESPACE, SERVICE).dimensions([("cluster", config.cluster.as_str())]);
        metrics.property("deployment", config.deployment.as_str());
        if invocation.cold_start {
            metrics.cold_start(&invocation.function_name);
        }
        Self {
            tally: Tally::default(),
            failures: Vec::new(),
            metrics,
        }
    }

    /// The failure that the invocation ends with: one that needs a person before one that time may heal.
    pub(crate) fn worst(&self) -> Option<Failed> {
        let permanent = self
            .failures
            .iter()
            .find(|failed| failed.class == Class::Permanent);
        permanent.or(self.failures.first()).cloned()
    }

    /// Writes the metrics. Counts of zero are left out: each is a metric that costs.
    pub(crate) fn flush(mut self, now: Timestamp, lines: &dyn Lines) {
        for (name, number) in self.tally.named() {
            if number > 0 {
                self.metrics.count(name, number);
            }
        }
        if !self.failures.is_empty() {
            self.metrics.count("Failures", self.failures.len() as u64);
        }
        self.metrics.flush(now, lines);
    }
}
