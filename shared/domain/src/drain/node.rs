//! The node, and the one patch that takes it out of service.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ids::{InstanceId, NodeName, Uid};
use crate::keys::{DRAINING, EXCLUDE_FROM_LOAD_BALANCERS};

/// A taint of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
    /// When the control plane added a `NoExecute` taint.
    #[serde(rename = "timeAdded", default, skip_serializing_if = "Option::is_none")]
    pub time_added: Option<Timestamp>,
}

impl Taint {
    /// The taint of a node that is being drained: nothing new is scheduled there.
    fn draining() -> Self {
        Self {
            key: DRAINING.to_owned(),
            value: None,
            effect: "NoSchedule".to_owned(),
            time_added: None,
        }
    }
}

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
}

/// A node of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: NodeName,
    /// Its UID, which ties Events to it.
    pub uid: Uid,
    /// The version that we saw; the patch below applies to no other, since it replaces all taints.
    pub resource_version: String,
    /// The instance that it runs on, by its provider id.
    pub instance: InstanceId,
    /// `spec.unschedulable`.
    pub unschedulable: bool,
    /// `spec.taints`.
    pub taints: Vec<Taint>,
    /// Value of the label [`DRAINING`].
    pub draining_label: Option<String>,
    /// Whether the label [`EXCLUDE_FROM_LOAD_BALANCERS`] is there.
    pub excluded: bool,
    /// What our annotation says; `None` also when it can't be read, and then it is written anew.
    pub mark: Option<Mark>,
}

impl Node {
    /// Whether everything that [`Node::cordon_patch`] writes is there.
    pub fn is_cordoned(&self) -> bool {
        self.unschedulable
            && self.excluded
            && self.mark.is_some()
            && self.draining_label.as_deref() == Some(self.instance.as_str())
            && self.has_our_taint()
    }

    fn has_our_taint(&self) -> bool {
        self.taints
            .iter()
            .any(|taint| taint.key == DRAINING && taint.effect == "NoSchedule")
    }

    /// The mark of a drain that begins now; what the node already carries is not ours.
    pub fn new_mark(&self, cause: Cause, since: Timestamp, deadline: Timestamp) -> Mark {
        Mark {
            cause,
            since,
            deadline,
            cordoned_by_us: !self.unschedulable,
            excluded_by_us: !self.excluded,
        }
    }

    /// The JSON merge patch that cordons, taints, labels and annotates at once. It holds for the version that
    /// was observed and for no other: the API keeps taints as one list, so a patch of another version would
    /// take away what somebody else has just added.
    pub fn cordon_patch(&self, mark: &Mark) -> Value {
        let mut taints = self.taints.clone();
        if !self.has_our_taint() {
            taints.push(Taint::draining());
        }
        let mut labels = json!({ DRAINING: self.instance.as_str() });
        if !self.excluded {
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

    pub(in crate::drain) fn node() -> Node {
        Node {
            name: NodeName::parse("ip-10-0-1-7.eu-central-1.compute.internal").unwrap(),
            uid: Uid::parse("0f9c").unwrap(),
            resource_version: "41".to_owned(),
            instance: InstanceId::parse("i-0123456789abcdef0").unwrap(),
            unschedulable: false,
            taints: Vec::new(),
            draining_label: None,
            excluded: false,
            mark: None,
        }
    }

    pub(in crate::drain) fn mark() -> Mark {
        let since: Timestamp = "2026-11-21T08:00:00Z".parse().unwrap();
        let deadline: Timestamp = "2026-11-21T09:00:00Z".parse().unwrap();
        node().new_mark(Cause::TerminateHook, since, deadline)
    }

    /// The node as the API server holds it once the patch is applied.
    pub(in crate::drain) fn cordoned() -> Node {
        Node {
            unschedulable: true,
            taints: vec![Taint::draining()],
            draining_label: Some("i-0123456789abcdef0".to_owned()),
            excluded: true,
            mark: Some(mark()),
            ..node()
        }
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
            key: "node.kubernetes.io/unreachable".to_owned(),
            value: None,
            effect: "NoExecute".to_owned(),
            time_added: Some("2026-11-21T07:59:00Z".parse().unwrap()),
        };
        let node = Node {
            taints: vec![theirs.clone()],
            excluded: true,
            unschedulable: true,
            ..node()
        };
        let mark = node.new_mark(Cause::TerminateHook, Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
        assert!(!mark.cordoned_by_us && !mark.excluded_by_us);
        let patch = node.cordon_patch(&mark);
        assert_eq!(patch["spec"]["taints"][0], json!(theirs));
        assert_eq!(patch["metadata"]["labels"].as_object().unwrap().len(), 1);
    }

    #[test]
    fn a_node_counts_as_cordoned_only_with_everything_in_place() {
        assert!(cordoned().is_cordoned());
        let other = Some("i-11111111111111111".to_owned());
        let lacking = [
            Node {
                unschedulable: false,
                ..cordoned()
            },
            Node {
                taints: Vec::new(),
                ..cordoned()
            },
            Node {
                draining_label: other,
                ..cordoned()
            },
            Node {
                excluded: false,
                ..cordoned()
            },
            Node {
                mark: None,
                ..cordoned()
            },
        ];
        assert!(lacking.iter().all(|node| !node.is_cordoned()));
    }
}
