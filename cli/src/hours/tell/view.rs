//! What was told, for people and for scripts.

use domain::ids::ClusterName;
use domain::offhours::{Key, Override};
use domain::schedule::Zone;
use jiff::Timestamp;
use serde::Serialize;

use crate::words::span;

/// What became of it. Its JSON is a contract: fields are added, never changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    pub(super) cluster: ClusterName,
    /// Whether anything was done, and not only said.
    pub(super) written: bool,
    /// Whether the function was asked to look at once.
    pub(super) asked_to_look: bool,
    /// What is wanted from now on.
    pub(super) told: Vec<Override>,
    /// What is forgotten.
    pub(super) released: Vec<Forgotten>,
    /// What was told of others and holds on.
    pub(super) remaining: Vec<Override>,
    /// The objects in the bucket that are written or deleted.
    pub(super) objects: Vec<String>,
    #[serde(skip)]
    pub(super) now: Timestamp,
    #[serde(skip)]
    pub(super) zone: Zone,
}

/// What was told of a resource, or of everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Forgotten {
    pub(super) resource: Option<Key>,
    /// What was told; nothing if nobody can read it.
    pub(super) told: Option<Override>,
    #[serde(skip)]
    pub(super) object: String,
}

impl Answer {
    /// Nothing was done yet.
    pub(super) const fn new(cluster: ClusterName, now: Timestamp, zone: Zone) -> Self {
        Self {
            cluster,
            written: false,
            asked_to_look: false,
            told: vec![],
            released: vec![],
            remaining: vec![],
            objects: vec![],
            now,
            zone,
        }
    }

    /// For people.
    pub(super) fn table(&self) -> String {
        let mut lines: Vec<String> = Vec::new();
        for (told, object) in self.told.iter().zip(&self.objects) {
            if self.written {
                lines.push(self.words(told));
            } else {
                let body = serde_json::to_string_pretty(told).unwrap_or_else(|error| error.to_string());
                lines.push(format!("would write {object}:\n{body}"));
            }
        }
        let verb = if self.written { "forgotten" } else { "would forget" };
        for forgotten in &self.released {
            let told = forgotten.told.as_ref().map(|told| self.words(told));
            let told =
                told.unwrap_or_else(|| format!("{}: nobody can read it", name(forgotten.resource.as_ref())));
            lines.push(format!("{verb}: {told}"));
        }
        if self.told.is_empty() && self.released.is_empty() {
            lines.push("nothing was told that could be forgotten".to_owned());
        }
        let remaining = self
            .remaining
            .iter()
            .map(|told| format!("still holds: {}", self.words(told)));
        lines.extend(remaining);
        lines.push(String::new());
        lines.join("\n")
    }

    fn words(&self, told: &Override) -> String {
        let (of, until) = (name(told.resource.as_ref()), told.until);
        let clock = self.zone.clock_at(until).strftime("%a %Y-%m-%d %H:%M");
        let offset = self.zone.offset_at(until);
        let lasts = span(until.duration_since(self.now));
        format!(
            "{of}: {} until {clock} {offset} (for {lasts}), as {} said",
            told.want, told.by
        )
    }
}

fn name(resource: Option<&Key>) -> String {
    resource.map_or_else(|| "everything".to_owned(), Key::to_string)
}
