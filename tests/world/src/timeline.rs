//! What happened to the instances of a world, and when.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

/// Something that happened to an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It entered a lifecycle state.
    Moved {
        /// Its group.
        group: String,
        /// The state, as the API writes it.
        to: String,
    },
    /// Its node joined the cluster.
    Joined,
    /// Its kubelet stopped, and its node was removed.
    Left,
    /// The world itself could not do its part.
    Trouble(String),
}

impl What {
    pub(crate) fn trouble(error: impl Into<anyhow::Error>) -> Self {
        Self::Trouble(format!("{:#}", error.into()))
    }
}

/// Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Timeline(Arc<Mutex<Vec<(Timestamp, String, What)>>>);

impl Timeline {
    pub(crate) fn note(&self, instance: &str, what: What) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.push((Timestamp::now(), instance.to_owned(), what));
    }

    /// Everything so far: by the machine's clock, the instance, and what happened to it.
    pub fn entries(&self) -> Vec<(Timestamp, String, What)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// When the instance entered the state, if it has.
    pub fn entered(&self, instance: &str, state: &str) -> Option<Timestamp> {
        self.entries().into_iter().find_map(|(at, id, what)| match what {
            What::Moved { to, .. } if id == instance && to == state => Some(at),
            _ => None,
        })
    }

    /// What the world itself could not do, in words; empty when all went well.
    pub fn troubles(&self) -> Vec<String> {
        let trouble = |(_, id, what)| match what {
            What::Trouble(why) => Some(format!("{id}: {why}")),
            _ => None,
        };
        self.entries().into_iter().filter_map(trouble).collect()
    }
}
