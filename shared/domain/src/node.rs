//! A node of the cluster, as every function sees it. What a function makes of it is in the function's own module.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;

use crate::ids::{InstanceId, NodeName, Uid};
use crate::taint::{Effect, Taint};

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: NodeName,
    /// Its UID, which tells it from another one of its name and ties Events to it.
    pub uid: Uid,
    /// The version that was seen. A patch that replaces a list must hold for no other.
    pub resource_version: String,
    /// When it was registered.
    pub created: Timestamp,
    /// `spec.providerID`: on what it runs, if it says so already.
    pub provider_id: Option<String>,
    /// The EC2 instance that the provider id names; none for nodes of other kinds.
    pub instance: Option<InstanceId>,
    /// Its addresses of type `InternalIP`; each network interface may have several.
    pub internal_ips: Vec<IpAddr>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// `spec.unschedulable`: whether it is cordoned.
    pub unschedulable: bool,
    /// `spec.taints`.
    pub taints: Vec<Taint>,
    /// What its kubelet reports of itself; `None` before the first report.
    pub ready: Option<Ready>,
}

/// The condition `Ready` of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready {
    /// Whether its status is `True`; `False` and `Unknown` are both no.
    pub is_ready: bool,
    /// Since when its status is what it is.
    pub since: Timestamp,
}

impl Node {
    /// A node of which nothing else is known.
    ///
    /// ```
    /// use domain::ids::{NodeName, Uid};
    /// use domain::node::Node;
    /// let (name, uid) = (NodeName::parse("ip-10-0-1-7").unwrap(), Uid::parse("0f9c").unwrap());
    /// let node = Node { unschedulable: true, ..Node::new(name, uid, "2026-11-21T08:00:00Z".parse().unwrap()) };
    /// assert!(node.is_silent());
    /// ```
    pub const fn new(name: NodeName, uid: Uid, created: Timestamp) -> Self {
        Self {
            name,
            uid,
            resource_version: String::new(),
            created,
            provider_id: None,
            instance: None,
            internal_ips: Vec::new(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            unschedulable: false,
            taints: Vec::new(),
            ready: None,
        }
    }

    /// The same node, running on what `provider_id` names. An empty one says nothing.
    #[must_use]
    pub fn on(self, provider_id: impl Into<String>) -> Self {
        let provider_id = Some(provider_id.into()).filter(|id| !id.is_empty());
        Self {
            instance: provider_id.as_deref().and_then(InstanceId::from_provider_id),
            provider_id,
            ..self
        }
    }

    /// Whether it does not say at all on what it runs: it may be the node of any instance.
    pub const fn is_silent(&self) -> bool {
        self.provider_id.is_none()
    }

    /// Whether it has a taint of this key and effect.
    pub fn has_taint(&self, key: &str, effect: &Effect) -> bool {
        self.taints
            .iter()
            .any(|taint| taint.key == key && taint.effect == *effect)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A node on `i-0123456789abcdef0` that was registered a day ago.
    pub(crate) fn node() -> Node {
        let name = NodeName::parse("ip-10-0-1-7.eu-central-1.compute.internal").unwrap();
        let created = "2026-11-20T08:00:00Z".parse().unwrap();
        Node {
            resource_version: "41".to_owned(),
            ..Node::new(name, Uid::parse("0f9c").unwrap(), created)
                .on("aws:///eu-central-1a/i-0123456789abcdef0")
        }
    }

    #[test]
    fn a_node_says_nothing_an_instance_or_something_else() {
        let of = |provider_id: &str| {
            let node = node().on(provider_id);
            (node.is_silent(), node.instance.map(String::from))
        };
        assert_eq!(of(""), (true, None));
        assert_eq!(of("aws:///eu-central-1a/fargate-ip-10-0-1-9"), (false, None));
        assert_eq!(
            of("aws:///eu-central-1a/i-0aaaaaaa"),
            (false, Some("i-0aaaaaaa".to_owned()))
        );
    }
}
