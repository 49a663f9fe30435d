//! What we remember of a workload, in annotations that its people can read.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::choice::{Digest, Tag};
use super::reference::ImageRef;
use super::workload::Workload;
use crate::keys::ANNOTATION_PREFIX;

/// The images that we wrote last, by container.
const LAST_APPLIED: &str = "last-applied";
/// The images to go back to, by container: those that were there before, of which we know nothing bad.
const PREVIOUS_IMAGES: &str = "previous-images";
/// Digests that failed here.
const BLOCKED_DIGESTS: &str = "blocked-digests";
/// How the last rollout goes.
const STATUS: &str = "image-status";
/// What was deployed here.
const HISTORY: &str = "image-history";

/// Blocked digests that are kept. Three in a row stop everything until a person looks, so that no more than these can
/// still be of use: older ones are behind what runs, in any order but that of `digest`.
const BLOCKED: usize = 50;

/// Rollouts that are kept. All annotations of an object together may have 256 KiB; these take about 4.
const ROLLOUTS: usize = 10;

/// What we remember.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// The images that we wrote last, by container.
    pub applied: BTreeMap<String, ImageRef>,
    /// The images to go back to, by container.
    pub previous: BTreeMap<String, ImageRef>,
    /// Digests that failed here, the newest first.
    pub blocked: Vec<Blocked>,
    /// How the last rollout goes.
    pub status: Option<Status>,
    /// What was deployed here, the newest first.
    pub history: Vec<Past>,
}

/// A digest that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocked {
    /// The digest.
    pub digest: Digest,
    /// The tag under which it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub why: String,
}

/// How the last rollout goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// How far it is.
    pub stage: Stage,
    /// Since when its time runs: since the patch, or since there are pods again.
    pub since: Timestamp,
    /// When we patched last.
    pub patched: Timestamp,
    /// The containers whose images this rollout changed.
    #[serde(default)]
    pub changed: BTreeSet<String>,
    /// Since when it is complete, while it soaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete: Option<Timestamp>,
    /// What its predecessors took to get ready, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usual_start: Option<u32>,
    /// Digests that failed in a row.
    #[serde(default)]
    pub failures: u32,
    /// Why it is where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Images that a person took back, by container: nothing is deployed that is not newer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rejected: BTreeMap<String, ImageRef>,
    /// Images that failed, by container: nothing older is deployed in their place.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failed: BTreeMap<String, ImageRef>,
    /// The event that made us look, if one did: for people, nothing rests on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
}

/// How far a rollout is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Its pods are being replaced.
    Rolling,
    /// No pods are wanted: it is judged when there are some.
    Deferred,
    /// Its pods were there, ready, for as long as they had to.
    Verified,
    /// A person replaces its pods, or its next run uses the image: nothing to watch.
    Manual,
    /// It failed, and was not taken back.
    Failed,
    /// It failed, and the images before are being rolled out again.
    RollingBack,
    /// It failed, and the images before are there again.
    RolledBack,
    /// A person changed the images.
    Replaced,
}

impl Stage {
    /// The name in annotations, tables and scripts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rolling => "rolling",
            Self::Deferred => "deferred",
            Self::Verified => "verified",
            Self::Manual => "manual",
            Self::Failed => "failed",
            Self::RollingBack => "rolling-back",
            Self::RolledBack => "rolled-back",
            Self::Replaced => "replaced",
        }
    }
}

/// A rollout of the past.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// When it was patched.
    pub at: Timestamp,
    /// What was written, by container.
    pub images: BTreeMap<String, ImageRef>,
    /// What became of it; nothing while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Stage>,
    /// Why.
    pub why: String,
}

/// What we remember can't be read: somebody else wrote there. Nothing is deployed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("annotation {ANNOTATION_PREFIX}{key}: {problem}; remove it, or run `lamplighter image resume`")]
pub struct Unreadable {
    /// Which annotation, without prefix.
    pub key: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl Record {
    /// The annotations, without prefix.
    pub const KEYS: [&'static str; 5] = [LAST_APPLIED, PREVIOUS_IMAGES, BLOCKED_DIGESTS, STATUS, HISTORY];

    /// Reads what we remember of a workload.
    pub fn read(workload: &Workload) -> Result<Self, Unreadable> {
        Self::of(&workload.annotations)
    }

    fn of(annotations: &BTreeMap<String, String>) -> Result<Self, Unreadable> {
        Ok(Self {
            applied: read(annotations, LAST_APPLIED)?.unwrap_or_default(),
            previous: read(annotations, PREVIOUS_IMAGES)?.unwrap_or_default(),
            blocked: read(annotations, BLOCKED_DIGESTS)?.unwrap_or_default(),
            status: read(annotations, STATUS)?,
            history: read(annotations, HISTORY)?.unwrap_or_default(),
        })
    }

    /// This, or what one of the workload's revisions remembers of a patch that came later: then the workload's annotations
    /// were set back, as `kubectl rollout undo` does it. A revision that nobody can read remembers nothing.
    pub(super) fn newest(&self, revisions: &[BTreeMap<String, String>]) -> Self {
        let patched = |record: &Self| record.status.as_ref().map(|status| status.patched);
        let later = revisions
            .iter()
            .filter_map(|annotations| Self::of(annotations).ok());
        let newest = later.max_by_key(patched);
        newest
            .filter(|newest| patched(newest) > patched(self))
            .unwrap_or_else(|| self.clone())
    }

    /// The annotations that make a workload remember this instead of `before`: those that differ, with their full
    /// names; `None` takes one away.
    pub fn changes_from(&self, before: &Self) -> BTreeMap<String, Option<String>> {
        let (new, old) = (self.written(), before.written());
        let differs = |(key, text): &(&'static str, Option<String>)| {
            old.iter().any(|(other, was)| other == key && was != text)
        };
        new.into_iter()
            .filter(differs)
            .map(|(key, text)| (format!("{ANNOTATION_PREFIX}{key}"), text))
            .collect()
    }

    fn written(&self) -> [(&'static str, Option<String>); 5] {
        [
            (LAST_APPLIED, write(&self.applied, self.applied.is_empty())),
            (PREVIOUS_IMAGES, write(&self.previous, self.previous.is_empty())),
            (BLOCKED_DIGESTS, write(&self.blocked, self.blocked.is_empty())),
            (STATUS, write(&self.status, self.status.is_none())),
            (HISTORY, write(&self.history, self.history.is_empty())),
        ]
    }

    /// How far the last rollout is.
    pub fn stage(&self) -> Option<Stage> {
        self.status.as_ref().map(|status| status.stage)
    }

    /// Why a digest must not be deployed here, if it must not.
    pub fn bars(&self, digest: &Digest) -> Option<String> {
        let blocked = self.blocked.iter().find(|blocked| blocked.digest == *digest);
        blocked.map(|blocked| format!("it failed here at {}: {}", blocked.at, blocked.why))
    }

    /// The images of the last rollout, by container.
    pub fn rolled(&self) -> Vec<(&str, &ImageRef)> {
        let changed = self.status.as_ref().map(|status| &status.changed);
        let is_changed = |name: &String| changed.is_some_and(|changed| changed.contains(name));
        let applied = self.applied.iter().filter(|(name, _)| is_changed(name));
        applied.map(|(name, image)| (name.as_str(), image)).collect()
    }

    /// Notes that a digest failed.
    pub(super) fn block(&mut self, blocked: Blocked) {
        self.blocked.retain(|other| other.digest != blocked.digest);
        self.blocked.insert(0, blocked);
        self.blocked.truncate(BLOCKED);
    }

    /// Notes what was deployed.
    pub(super) fn remember(&mut self, past: Past) {
        self.history.insert(0, past);
        self.history.truncate(ROLLOUTS);
    }

    /// Notes what became of the newest rollout.
    pub(super) fn conclude(&mut self, outcome: Stage, why: &str) {
        if let Some(past) = self.history.first_mut().filter(|past| past.outcome.is_none()) {
            past.outcome = Some(outcome);
            why.clone_into(&mut past.why);
        }
    }
}

fn read<T: DeserializeOwned>(
    annotations: &BTreeMap<String, String>,
    key: &'static str,
) -> Result<Option<T>, Unreadable> {
    let Some(text) = annotations.get(&format!("{ANNOTATION_PREFIX}{key}")) else {
        return Ok(None);
    };
    serde_json::from_str(text).map(Some).map_err(|error| Unreadable {
        key,
        problem: error.to_string(),
    })
}

fn write<T: Serialize>(value: &T, is_empty: bool) -> Option<String> {
    // What we write are texts, numbers and maps with text keys: no value of these fails.
    (!is_empty).then(|| serde_json::to_string(value).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{self, at, digest, image};
    use super::*;

    fn record() -> Record {
        let images = |text: &str| BTreeMap::from([("app".to_owned(), image(text))]);
        let mut record = Record {
            applied: images("1.3.0"),
            previous: images("1.2.3"),
            status: Some(Status {
                stage: Stage::Rolling,
                since: at("2026-11-26T08:00:00Z"),
                patched: at("2026-11-26T08:00:00Z"),
                changed: BTreeSet::from(["app".to_owned()]),
                complete: None,
                usual_start: Some(7),
                failures: 1,
                why: None,
                rejected: BTreeMap::new(),
                failed: BTreeMap::new(),
                event: None,
            }),
            ..Record::default()
        };
        record.block(Blocked {
            digest: digest(9),
            tag: None,
            at: at("2026-11-26T07:00:00Z"),
            why: "crash loop".to_owned(),
        });
        record.remember(Past {
            at: at("2026-11-26T08:00:00Z"),
            images: images("1.3.0"),
            outcome: None,
            why: "newer".to_owned(),
        });
        record
    }

    #[test]
    fn what_is_written_is_read_again_and_only_changes_are_written() {
        let (record, mut workload) = (record(), fixtures::workload());
        let changes = record.changes_from(&Record::default());
        assert_eq!(changes.len(), 5);
        for (key, text) in changes {
            workload.annotations.insert(key, text.unwrap());
        }
        assert_eq!(Record::read(&workload).unwrap(), record);
        assert!(record.changes_from(&record).is_empty());
        let mut other = record.clone();
        other.previous.clear();
        let changes = other.changes_from(&record);
        assert_eq!(
            changes.into_iter().collect::<Vec<_>>(),
            [("lamplighter.dev/previous-images".to_owned(), None)]
        );
    }

    #[test]
    fn what_somebody_else_wrote_there_is_an_error_that_names_it() {
        let mut workload = fixtures::workload();
        workload.annotations.insert(
            "lamplighter.dev/blocked-digests".to_owned(),
            "all of them".to_owned(),
        );
        let error = Record::read(&workload).unwrap_err().to_string();
        assert!(
            error.starts_with("annotation lamplighter.dev/blocked-digests: "),
            "{error}"
        );
    }

    #[test]
    fn a_stage_has_one_name_everywhere() {
        for stage in [
            Stage::Rolling,
            Stage::Deferred,
            Stage::Verified,
            Stage::Manual,
            Stage::Failed,
            Stage::RollingBack,
            Stage::RolledBack,
            Stage::Replaced,
        ] {
            let text = format!("\"{}\"", stage.as_str());
            assert_eq!(serde_json::to_string(&stage).unwrap(), text);
        }
    }

    #[test]
    fn lists_stay_short() {
        let mut record = record();
        for n in 0..200 {
            record.block(Blocked {
                digest: digest(n),
                tag: None,
                at: at("2026-11-26T07:00:00Z"),
                why: String::new(),
            });
            record.remember(record.history[0].clone());
        }
        assert_eq!((record.blocked.len(), record.history.len()), (BLOCKED, ROLLOUTS));
        assert_eq!(record.blocked[0].digest, digest(199));
    }
}
