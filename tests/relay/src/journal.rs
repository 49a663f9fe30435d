//! What became of each event, for timelines and for the errors that `EventBridge` itself would only count.

use std::collections::VecDeque;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::faults::{image, instance};

/// Entries that are kept: hours of a busy world, a few megabytes.
const CAPACITY: usize = 20_000;

/// One step in the life of one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// By the machine's clock.
    pub at: Timestamp,
    /// The event's id.
    pub event: String,
    /// Its detail type.
    pub detail_type: String,
    /// The instance that it is about, if it is about one.
    pub instance: Option<String>,
    /// The image that it is about, if it is about one: `repository:tag`, or `repository@digest`.
    pub image: Option<String>,
    /// What happened.
    pub step: Step,
}

/// What happened to an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// A source handed it in; this many copies are on their way.
    Emitted {
        /// 0 when it was lost on purpose.
        copies: usize,
    },
    /// No enabled rule matches it.
    Unmatched,
    /// A target has it.
    Delivered {
        /// ARN of the rule.
        rule: String,
        /// ARN of the target.
        target: String,
    },
    /// The target would not have it, its dead-letter queue has.
    DeadLettered {
        /// ARN of the rule.
        rule: String,
        /// ARN of the target.
        target: String,
        /// Why.
        reason: String,
    },
    /// Nobody has it.
    Failed {
        /// Why.
        reason: String,
    },
}

impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            at,
            event,
            detail_type,
            instance,
            image,
            step,
        } = self;
        write!(
            f,
            "{at:.3} {detail_type} {} {event}: ",
            instance.as_deref().or(image.as_deref()).unwrap_or("-")
        )?;
        match step {
            Step::Emitted { copies: 0 } => write!(f, "lost on purpose"),
            Step::Emitted { copies } => write!(f, "emitted, copies on their way: {copies}"),
            Step::Unmatched => write!(f, "no rule matches"),
            Step::Delivered { rule, target } => write!(f, "delivered by {rule} to {target}"),
            Step::DeadLettered { rule, target, reason } => {
                write!(
                    f,
                    "by {rule} to the dead-letter queue instead of {target}: {reason}"
                )
            }
            Step::Failed { reason } => write!(f, "failed: {reason}"),
        }
    }
}

/// The last steps of all events.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    entries: VecDeque<Entry>,
    log: Option<PathBuf>,
}

impl Journal {
    pub(crate) fn new(log: Option<PathBuf>) -> Self {
        Self {
            entries: VecDeque::new(),
            log,
        }
    }

    pub(crate) fn note(&mut self, event: &Value, step: Step) {
        let text = |key: &str| event[key].as_str().unwrap_or("-").to_owned();
        let entry = Entry {
            at: Timestamp::now(),
            event: text("id"),
            detail_type: text("detail-type"),
            instance: instance(event).map(str::to_owned),
            image: image(event),
            step,
        };
        self.append_to_log(&entry);
        if self.entries.len() == CAPACITY {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.entries.iter().cloned().collect()
    }

    fn append_to_log(&self, entry: &Entry) {
        use std::io::Write as _;
        let Some(log) = &self.log else { return };
        let file = std::fs::OpenOptions::new().create(true).append(true).open(log);
        // The log is for people; a full disk must not stop the events.
        let _ = file.and_then(|mut file| writeln!(file, "{entry}"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_entry_reads_as_one_line_with_the_instance_or_the_image() {
        let mut journal = Journal::default();
        for (tag, image) in [("1.0", "web:1.0"), ("", "web@sha256:00")] {
            let pushed = json!({"repository-name": "web", "image-digest": "sha256:00", "image-tag": tag});
            journal.note(
                &json!({"id": "e0", "detail-type": "T", "detail": pushed}),
                Step::Unmatched,
            );
            let entry = journal.entries.remove(0).map(|entry| entry.to_string());
            let line = format!(" T {image} e0: no rule matches");
            assert!(
                entry.as_ref().is_some_and(|entry| entry.ends_with(&line)),
                "{entry:?}"
            );
        }
        let event = json!({"id": "e1", "detail-type": "T", "detail": {"instance-id": "i-0a"}});
        journal.note(&event, Step::Emitted { copies: 0 });
        let entry = journal.entries().remove(0);
        assert!(
            entry.to_string().ends_with(" T i-0a e1: lost on purpose"),
            "{entry}"
        );
    }

    #[test]
    fn the_oldest_entries_make_room() {
        let mut journal = Journal::default();
        for id in 0..=CAPACITY {
            journal.note(&json!({"id": id.to_string()}), Step::Unmatched);
        }
        let entries = journal.entries();
        assert_eq!((entries.len(), entries[0].event.as_str()), (CAPACITY, "1"));
    }
}
