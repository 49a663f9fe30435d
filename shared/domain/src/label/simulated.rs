//! An API server with one node, as far as a patch can tell: versions, merge patches, conflicts.

use serde_json::Value;

use super::gate::obstacles;
use super::policy::Policy;
use crate::node::Node;
use crate::taint::Taint;

/// The node has changed since the version that a patch names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Conflict;

/// The server.
pub(super) struct Api {
    node: Node,
    version: u64,
    /// How many patches it has taken.
    pub(super) writes: u32,
}

impl Api {
    pub(super) fn with(node: Node) -> Self {
        let mut api = Self {
            node,
            version: 0,
            writes: 0,
        };
        api.touch();
        api
    }

    pub(super) fn node(&self) -> &Node {
        &self.node
    }

    /// Somebody else writes something else, as a kubelet that reports does.
    pub(super) fn touch(&mut self) {
        self.version += 1;
        self.node.resource_version = self.version.to_string();
    }

    /// Somebody else writes on the node.
    pub(super) fn edit(&mut self, edit: impl FnOnce(&mut Node)) {
        edit(&mut self.node);
        self.touch();
    }

    /// A JSON merge patch (RFC 7386) of what we patch.
    pub(super) fn patch(&mut self, patch: &Value) -> Result<(), Conflict> {
        assert_eq!(
            patch["metadata"]["uid"],
            self.node.uid.as_str(),
            "for another node"
        );
        if let Some(version) = patch["metadata"].get("resourceVersion")
            && *version != self.node.resource_version.as_str()
        {
            return Err(Conflict);
        }
        for (field, map) in [
            ("labels", &mut self.node.labels),
            ("annotations", &mut self.node.annotations),
        ] {
            for (key, value) in patch["metadata"][field].as_object().into_iter().flatten() {
                match value {
                    Value::Null => drop(map.remove(key)),
                    Value::String(text) => drop(map.insert(key.clone(), text.clone())),
                    other => panic!("{field} {key}: {other}"),
                }
            }
        }
        if let Some(taints) = patch["spec"].get("taints") {
            self.node.taints = serde_json::from_value::<Vec<Taint>>(taints.clone()).unwrap();
        }
        if let Some(provider_id) = patch["spec"]["providerID"].as_str() {
            self.node = self.node.clone().on(provider_id);
        }
        self.writes += 1;
        self.touch();
        Ok(())
    }

    /// Whether a taint of this key is there.
    pub(super) fn has_taint(&self, key: &str) -> bool {
        self.node.taints.iter().any(|taint| taint.key == key)
    }

    /// Whether the gate waits for a taint.
    pub(super) fn is_held(&self, policy: &Policy) -> bool {
        let now = jiff::Timestamp::MAX;
        obstacles(&self.node, policy, now)
            .iter()
            .any(|obstacle| matches!(obstacle, super::Obstacle::Tainted(_)))
    }
}
