//! What a drain makes of a node: the mark that it carries, and the one patch that takes it out of service.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ids::InstanceId;
use crate::keys::{DRAINING, EXCLUDE_FROM_LOAD_BALANCERS};
use crate::node::Node;
use crate::taint::{Effect, Taint};

/// Why a node is drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// Its instance waits at our terminate hook.
    TerminateHook,
}

/// What the node's annotation says of its drain. It is all that a later invocation needs to go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Why.
    pub cause: Cause,
    /// Since when: the time of the event, or of the sweep that found the instance.
    pub since: Timestamp,
    /// When the drain ends, whoever is left.
    pub deadline: Timestamp,
    /// Whether the cordon is ours, so that undoing it later never takes away somebody else's.
    pub cordoned_by_us: bool,
    /// Whether the exclusion from load balancers is ours.
    pub excluded_by_us: bool,
    /// When our hook was completed, where the hooks of others keep the instance waiting: its state can't say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed: Option<Timestamp>,
}

/// A drain's view of a node.
impl Node {
    /// What our annotation says; `None` also when it can't be read, and then it is written anew.
    pub fn mark(&self) -> Option<Mark> {
        serde_json::from_str(self.annotations.get(DRAINING)?).ok()
    }

    /// Whether it is kept out of the targets of load balancers, by us or by somebody else.
    pub fn is_excluded(&self) -> bool {
        self.labels.contains_key(EXCLUDE_FROM_LOAD_BALANCERS)
    }

    /// Whether everything that [`Node::cordon_patch`] writes is there.
    pub fn is_cordoned(&self) -> bool {
        let label = self.labels.get(DRAINING).map(String::as_str);
        self.unschedulable
            && self.is_excluded()
            && self.mark().is_some()
            && label == Some(self.draining_label())
            && self.has_taint(DRAINING, &Effect::NoSchedule)
    }

    /// The mark of a drain that begins now; what the node already carries is not ours.
    pub fn new_mark(&self, cause: Cause, since: Timestamp, deadline: Timestamp) -> Mark {
        Mark {
            cause,
            since,
            deadline,
            cordoned_by_us: !self.unschedulable,
            excluded_by_us: !self.is_excluded(),
            completed: None,
        }
    }

    /// The JSON merge patch that cordons, taints, labels and annotates at once. It holds for the version that
    /// was observed and for no other: the API keeps taints as one list, so a patch of another version would
    /// take away what somebody else has just added.
    pub fn cordon_patch(&self, mark: &Mark) -> Value {
        let mut taints = self.taints.clone();
        if !self.has_taint(DRAINING, &Effect::NoSchedule) {
            taints.push(Taint::new(DRAINING, Effect::NoSchedule));
        }
        let mut labels = json!({ DRAINING: self.draining_label() });
        if !self.is_excluded() {
            labels[EXCLUDE_FROM_LOAD_BALANCERS] = json!("lamplighter");
        }
        json!({
            "metadata": {
                "resourceVersion": self.resource_version,
                "labels": labels,
                "annotations": { DRAINING: json!(mark).to_string() },
            },
            "spec": { "unschedulable": true, "taints": taints },
        })
    }

    /// The patch that only renews the mark, on this very node.
    pub fn mark_patch(&self, mark: &Mark) -> Value {
        json!({ "metadata": {
            "uid": self.uid,
            "annotations": { DRAINING: json!(mark).to_string() },
        } })
    }

    /// The value of our label: the instance, so that people see it in a list of nodes.
    fn draining_label(&self) -> &str {
        self.instance.as_ref().map_or("", InstanceId::as_str)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TerminateHook => "its instance is terminating",
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    pub(in crate::drain) use crate::node::tests::node;

    pub(in crate::drain) fn mark() -> Mark {
        let since: Timestamp = "2026-11-21T08:00:00Z".parse().unwrap();
        let deadline: Timestamp = "2026-11-21T09:00:00Z".parse().unwrap();
        node().new_mark(Cause::TerminateHook, since, deadline)
    }

    /// The node as the API server holds it once the patch is applied.
    pub(in crate::drain) fn cordoned() -> Node {
        marked(&mark())
    }

    pub(in crate::drain) fn marked(mark: &Mark) -> Node {
        let mut node = node();
        let label = node.draining_label().to_owned();
        node.unschedulable = true;
        node.taints.push(Taint::new(DRAINING, Effect::NoSchedule));
        node.labels.insert(DRAINING.to_owned(), label);
        node.labels
            .insert(EXCLUDE_FROM_LOAD_BALANCERS.to_owned(), "lamplighter".to_owned());
        node.annotations
            .insert(DRAINING.to_owned(), json!(mark).to_string());
        node
    }

    #[test]
    fn one_patch_does_all_of_it_for_the_version_that_was_seen() {
        let patch = node().cordon_patch(&mark());
        assert_eq!(patch["metadata"]["resourceVersion"], "41");
        assert_eq!(patch["spec"]["unschedulable"], true);
        assert_eq!(
            patch["spec"]["taints"],
            json!([{ "key": "lamplighter.dev/draining", "effect": "NoSchedule" }])
        );
        let labels = &patch["metadata"]["labels"];
        assert_eq!(labels["lamplighter.dev/draining"], "i-0123456789abcdef0");
        assert_eq!(
            labels["node.kubernetes.io/exclude-from-external-load-balancers"],
            "lamplighter"
        );
        let annotation = patch["metadata"]["annotations"]["lamplighter.dev/draining"]
            .as_str()
            .unwrap();
        assert_eq!(serde_json::from_str::<Mark>(annotation).unwrap(), mark());
    }

    #[test]
    fn the_taints_of_others_and_their_exclusion_stay_as_they_are() {
        let theirs = Taint {
            time_added: Some("2026-11-21T07:59:00Z".parse().unwrap()),
            ..Taint::new("node.kubernetes.io/unreachable", Effect::NoExecute)
        };
        let mut node = node();
        node.taints = vec![theirs.clone()];
        node.unschedulable = true;
        node.labels
            .insert(EXCLUDE_FROM_LOAD_BALANCERS.to_owned(), String::new());
        let mark = node.new_mark(Cause::TerminateHook, Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
        assert!(!mark.cordoned_by_us && !mark.excluded_by_us);
        let patch = node.cordon_patch(&mark);
        assert_eq!(patch["spec"]["taints"][0], json!(theirs));
        assert_eq!(patch["metadata"]["labels"].as_object().unwrap().len(), 1);
    }

    #[test]
    fn a_node_counts_as_cordoned_only_with_everything_in_place() {
        assert!(cordoned().is_cordoned());
        let lacking: [fn(&mut Node); 6] = [
            |node| node.unschedulable = false,
            |node| node.taints.clear(),
            |node| *node.labels.get_mut(DRAINING).unwrap() = "i-11111111111111111".to_owned(),
            |node| drop(node.labels.remove(EXCLUDE_FROM_LOAD_BALANCERS)),
            |node| drop(node.annotations.remove(DRAINING)),
            |node| *node.annotations.get_mut(DRAINING).unwrap() = "{}".to_owned(),
        ];
        for take_away in lacking {
            let mut node = cordoned();
            take_away(&mut node);
            assert!(!node.is_cordoned(), "{node:?}");
        }
    }

    #[test]
    fn a_mark_of_an_earlier_version_is_still_read() {
        let written = r#"{"cause":"terminate-hook","since":"2026-11-21T08:00:00Z",
            "deadline":"2026-11-21T09:00:00Z","cordoned_by_us":true,"excluded_by_us":true}"#;
        assert_eq!(serde_json::from_str::<Mark>(written).unwrap(), mark());
    }
}
