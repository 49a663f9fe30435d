//! Which labels and taints of a node are ours: what its annotation says.

use std::collections::BTreeSet;
use std::fmt::Display;

use serde::{Deserialize, Serialize};

use crate::keys::MANAGED_LABELS;
use crate::node::Node;
use crate::taint::{Effect, Taint};

/// What the annotation [`MANAGED_LABELS`] says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// It is not there: the node was not initialised by us.
    None,
    /// It is there, and nobody can read it. The node was initialised; what is ours is found out anew, and nothing
    /// else is taken away.
    Corrupt,
    /// These are ours.
    Known(Owned),
}

/// Labels and taints of a node that are ours.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Owned {
    /// Keys of labels that follow their source.
    pub labels: BTreeSet<String>,
    /// Keys of labels that were decided once. They are not looked at again.
    pub launch: BTreeSet<String>,
    /// Taints that we set, as `key:Effect`.
    pub taints: BTreeSet<String>,
    /// Tells the problems of which people were told from others, so that they are told once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<String>,
}

impl Ownership {
    /// Reads the annotation of `node`.
    pub fn of(node: &Node) -> Self {
        match node.annotations.get(MANAGED_LABELS) {
            None => Self::None,
            Some(text) => serde_json::from_str(text).map_or(Self::Corrupt, Self::Known),
        }
    }
}

/// How the annotation names a taint.
pub(super) fn taint_id(taint: &Taint) -> String {
    id(&taint.key, &taint.effect)
}

fn id(key: &str, effect: &Effect) -> String {
    format!("{key}:{effect}")
}

/// The key of a taint that the annotation names.
pub(super) fn key_of(taint_id: &str) -> &str {
    taint_id.rsplit_once(':').map_or(taint_id, |(key, _)| key)
}

/// A short text that differs when `items` do; none for none. It only tells what changed (FNV-1a), and protects
/// nothing.
pub(super) fn digest<T: Display>(items: impl Iterator<Item = T>) -> Option<String> {
    let text: Vec<String> = items.map(|item| item.to_string()).collect();
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let hash = text
        .join("\n")
        .as_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, step);
    (!text.is_empty()).then(|| format!("{hash:016x}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::tests::node;

    fn annotated(text: &str) -> Node {
        let mut node = node();
        node.annotations
            .insert(MANAGED_LABELS.to_owned(), text.to_owned());
        node
    }

    #[test]
    fn the_annotation_is_written_sorted_and_read_back() {
        let owned = Owned {
            labels: ["team".to_owned(), "a/b".to_owned()].into(),
            launch: ["lamplighter.dev/group".to_owned()].into(),
            taints: ["dedicated:NoSchedule".to_owned()].into(),
            told: None,
        };
        let text = serde_json::to_string(&owned).unwrap();
        assert_eq!(
            text,
            r#"{"labels":["a/b","team"],"launch":["lamplighter.dev/group"],"taints":["dedicated:NoSchedule"]}"#
        );
        assert_eq!(Ownership::of(&annotated(&text)), Ownership::Known(owned));
    }

    #[test]
    fn an_annotation_that_nobody_can_read_is_told_from_none() {
        assert_eq!(Ownership::of(&node()), Ownership::None);
        for text in ["", "{", "[]", r#"{"labels":"team"}"#, r#"{"labels":[]}"#] {
            assert_eq!(Ownership::of(&annotated(text)), Ownership::Corrupt, "{text}");
        }
    }

    #[test]
    fn a_digest_is_always_the_same_and_none_for_none() {
        assert_eq!(digest(["a"].iter()).as_deref(), Some("af63dc4c8601ec8c"));
        assert_ne!(digest(["a", "b"].iter()), digest(["b", "a"].iter()));
        assert_eq!(digest(std::iter::empty::<&str>()), None);
    }
}
