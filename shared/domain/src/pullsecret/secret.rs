//! The Secret as it is read, and what its annotations say.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::content::Content;
use super::name::listed;
use crate::keys::{ADOPT, EXPIRES_AT, MANAGED_BY, MANAGED_BY_US, REGISTRIES};

/// The type of a Secret by which pods pull. It can't be changed (Kubernetes documentation, "Secrets").
pub const SECRET_TYPE: &str = "kubernetes.io/dockerconfigjson";

/// A Secret of our name, whoever made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullSecret {
    /// `metadata.resourceVersion`.
    pub version: String,
    /// `type`.
    pub kind: String,
    /// `immutable`: nothing of its data can be changed.
    pub is_immutable: bool,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// What is in it, if it has what a Secret of its type must have.
    pub content: Option<Content>,
}

/// To whom a Secret belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// We made it, or took it over.
    Ours,
    /// A person gives it to us.
    HandedOver,
    /// Somebody else's.
    NotOurs {
        /// What its annotation `lamplighter.dev/adopt` says instead of `true`.
        adopt: Option<String>,
    },
}

impl PullSecret {
    pub(super) fn standing(&self) -> Standing {
        let is_labelled = self
            .labels
            .get(MANAGED_BY)
            .is_some_and(|value| value == MANAGED_BY_US);
        if is_labelled && self.annotations.contains_key(REGISTRIES) {
            return Standing::Ours;
        }
        match self.annotations.get(ADOPT) {
            Some(text) if text == "true" => Standing::HandedOver,
            other => Standing::NotOurs {
                adopt: other.cloned(),
            },
        }
    }

    /// When the token of each of our entries expires, as the annotations say. If the two of them contradict each other, or
    /// can't be read, nothing is known of any.
    pub(super) fn expiries(&self) -> BTreeMap<String, Option<Timestamp>> {
        let text = self.annotations.get(REGISTRIES).map(String::as_str);
        let read = |part: &str| match part.split_once('=') {
            Some((host, expires)) => (host.to_owned(), expires.parse().ok()),
            None => (part.to_owned(), None),
        };
        let mut all: BTreeMap<String, Option<Timestamp>> =
            listed(text.unwrap_or_default()).map(read).collect();
        let said = self
            .annotations
            .get(EXPIRES_AT)
            .and_then(|text| text.parse().ok());
        let first = all.values().copied().min().flatten();
        if said.is_none() || said != first {
            for expires in all.values_mut() {
                *expires = None;
            }
        }
        all
    }
}

/// The two annotations that say when entries expire; [`PullSecret::expiries`] reads them. Nothing if there are none.
pub(super) fn annotations(expiries: &BTreeMap<String, Timestamp>) -> Option<[(&'static str, String); 2]> {
    let first = expiries.values().min()?;
    let entry = |(host, expires): (&String, &Timestamp)| format!("{host}={expires}");
    let all: Vec<String> = expiries.iter().map(entry).collect();
    Some([(EXPIRES_AT, first.to_string()), (REGISTRIES, all.join(","))])
}
