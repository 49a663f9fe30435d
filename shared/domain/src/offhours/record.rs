//! The journal of one resource: what it was before it was put to sleep, and how far it is on its way there and back.
//!
//! One object in the bucket for each resource. It is created before the first resize, by a write that fails if there is
//! one already; each later stage replaces it, by a write that fails if it has changed; it is deleted when the restore is
//! verified.
//!
//! ```text
//!   (none) --to be down--> Saved --the size is seen to be that of the night--> Asleep
//!     ^                      ^                                                   |
//!     |                      +------------to be down again---------+        to be up
//!     |                                                            |             v
//!   ready <-------------- Woken <--the size is seen to be restored-+-------- Waking
//! ```
//!
//! What is Saved and is not to sleep any more goes to Waking as it is, and is never forgotten at once: another of us may be
//! about to resize it. What is Waking, and is to be down before anything has come of that, goes back to Asleep.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Key, Size};

/// The version of the format. A record of another one is left alone, and reported.
pub const VERSION: u32 = 1;

/// What is known of a resource that is, or was a moment ago, asleep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// [`VERSION`].
    pub version: u32,
    /// Which resource.
    pub resource: Key,
    /// Its size when it was awake.
    pub saved: Size,
    /// Its size at night, as we set it.
    pub off: Size,
    /// When that was written.
    pub saved_at: Timestamp,
    /// Why it was put to sleep.
    pub reason: String,
    /// How far it is.
    pub stage: Stage,
    /// How often something brought it back at night and we took that back.
    #[serde(default)]
    pub reverts: u32,
    /// Of a group: how many machines of which type it had.
    #[serde(default)]
    pub machines: BTreeMap<String, u32>,
}

/// How far a resource is on its way to sleep and back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum Stage {
    /// The size is saved; the resize may or may not have been sent.
    Saved,
    /// It was seen at the size of the night.
    Asleep {
        /// Since when.
        since: Timestamp,
    },
    /// It is being restored.
    Waking {
        /// Since when.
        since: Timestamp,
        /// To this size.
        target: Size,
    },
    /// It was seen at the restored size; it may not be ready yet.
    Woken {
        /// Since when.
        since: Timestamp,
    },
}

impl Record {
    /// The record of a resource that is about to be put to sleep.
    pub fn new(resource: Key, saved: Size, off: Size, reason: impl Into<String>, now: Timestamp) -> Self {
        Self {
            version: VERSION,
            resource,
            saved,
            off,
            saved_at: now,
            reason: reason.into(),
            stage: Stage::Saved,
            reverts: 0,
            machines: BTreeMap::new(),
        }
    }

    /// The same at another stage.
    #[must_use]
    pub fn at(&self, stage: Stage) -> Self {
        Self {
            stage,
            ..self.clone()
        }
    }

    /// Why it can't be the record of a resource of this size, if so.
    pub(super) fn problem(&self, live: Size) -> Option<String> {
        if self.version != VERSION {
            return Some(format!(
                "record of {}: version {}: expected {VERSION}",
                self.resource, self.version
            ));
        }
        let is_of_kind = |size: &Size| std::mem::discriminant(size) == std::mem::discriminant(&live);
        let fits = is_of_kind(&self.saved) && is_of_kind(&self.off) && !self.saved.is_zero();
        (!fits).then(|| {
            let Self { saved, off, .. } = self;
            format!(
                "record of {}: saved {saved}, at night {off}: expected sizes of its kind, not nothing",
                self.resource
            )
        })
    }

    /// Since when it is at its stage.
    pub const fn since(&self) -> Timestamp {
        match &self.stage {
            Stage::Saved => self.saved_at,
            Stage::Asleep { since } | Stage::Waking { since, .. } | Stage::Woken { since } => *since,
        }
    }
}

/// What people see on the resource itself: its size before, and since when it is asleep. They may change the size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// The saved size, as a tag or annotation carries it; none for what is only on or off.
    pub size: Option<String>,
    /// [`Record::saved_at`] of the record that it mirrors.
    pub since: Timestamp,
}

impl Mirror {
    /// What a record is mirrored as.
    pub fn of(record: &Record) -> Self {
        let size = match record.saved {
            Size::Capacity(_) | Size::Replicas(_) => Some(record.saved.to_string()),
            Size::Schedule(_) | Size::Power(_) => None,
        };
        // To the second, as people read it.
        let since = Timestamp::from_second(record.saved_at.as_second()).unwrap_or(record.saved_at);
        Self { size, since }
    }

    /// Whether it mirrors that record. One of another record is a left-over.
    pub(super) fn is_of(&self, record: &Record) -> bool {
        self.since == Self::of(record).since
    }

    /// What the tag or annotation `state` says.
    pub fn state(&self) -> String {
        format!("{ASLEEP}{}", self.since)
    }

    /// Reads the two tags or annotations; none where there is no state of ours.
    pub fn read(state: Option<&str>, size: Option<&str>) -> Option<Self> {
        let since = state?.strip_prefix(ASLEEP)?.parse().ok()?;
        Some(Self {
            size: size.map(str::to_owned),
            since,
        })
    }

    /// The size that a person wrote into the mirror of this record, if one did: only we write it, and what we wrote is
    /// known. The mirror of another record is a left-over and says nothing.
    pub(super) fn edited(&self, record: &Record) -> Option<Size> {
        if !self.is_of(record) || self.size == Self::of(record).size {
            return None;
        }
        let text = self.size.as_deref()?.trim();
        let edited = match record.saved {
            Size::Capacity(_) => Size::Capacity(super::Capacity::parse(text).ok()?),
            Size::Replicas(_) => Size::Replicas(text.parse().ok()?),
            Size::Schedule(_) | Size::Power(_) => return None,
        };
        (!edited.is_zero()).then_some(edited)
    }
}

/// Begins the value of the tag or annotation `state`.
const ASLEEP: &str = "asleep since ";
