//! The cluster, and the way into it.

use std::collections::BTreeMap;

use access::Connect;
use domain::drain::{Answer, Pod, Refusal};
use domain::ids::NodeName;
use domain::keys::DRAINING;
use domain::node::Node;
use jiff::{SignedDuration, Timestamp};
use kubernetes::{CountCalls, EvictPod, ListNodes, ListPods, NodeEvent, PatchNode, RecordNodeEvent};
use runtime::clock::Clock as _;
use serde_json::Value;

use super::{Fake, Fault};

/// How long the control plane takes to delete the pods of a node that is no more.
const CLEARS_AWAY: SignedDuration = SignedDuration::from_secs(20);

impl Connect for Fake {
    type Cluster = Self;

    async fn connect(&self, _: Timestamp) -> Result<Self, access::Error> {
        Ok(self.clone())
    }

    async fn forget(&self) {
        let mut state = self.state();
        if state.fault == Fault::StaleCredential {
            state.fault = Fault::None;
        }
    }
}

impl CountCalls for Fake {
    fn calls(&self) -> u64 {
        self.state().calls
    }
}

impl ListNodes for Fake {
    async fn all_nodes(&self) -> Result<Vec<Node>, kubernetes::Error> {
        self.kubernetes("list", |state| match state.fault {
            Fault::SilentNode => state.node.iter().map(|node| node.clone().on("")).collect(),
            _ => state.node.iter().cloned().collect(),
        })
        .await
    }

    async fn draining_nodes(&self) -> Result<Vec<Node>, kubernetes::Error> {
        let labelled = |node: &&Node| node.labels.contains_key(DRAINING);
        self.kubernetes("list", |state| {
            state.node.iter().filter(labelled).cloned().collect()
        })
        .await
    }

    async fn node(&self, _: &NodeName) -> Result<Option<Node>, kubernetes::Error> {
        self.kubernetes("list", |state| state.node.clone()).await
    }
}

impl PatchNode for Fake {
    async fn patch_node(&self, _: &NodeName, patch: &Value) -> Result<Node, kubernetes::Error> {
        let refused = |code, message: &str| kubernetes::Error::Refused {
            call: "patch".to_owned(),
            code,
            message: message.to_owned(),
        };
        let clears_away = self.now() + CLEARS_AWAY;
        self.kubernetes("patch", |state| {
            if state.fault == Fault::DeletedAtPatch {
                state.node = None;
                for (pod, _) in &mut state.pods {
                    pod.deletion_deadline = Some(clears_away);
                }
            }
            let node = state.node.as_mut().ok_or_else(|| refused(404, "not found"))?;
            let (meta, spec) = (&patch["metadata"], &patch["spec"]);
            let version = meta.get("resourceVersion");
            if version.is_some_and(|version| version != node.resource_version.as_str()) {
                return Err(refused(409, "changed"));
            }
            node.resource_version.push('1');
            merge(&mut node.labels, &meta["labels"]);
            merge(&mut node.annotations, &meta["annotations"]);
            let mut write = "remember";
            if spec.is_object() {
                node.unschedulable = spec["unschedulable"] == true;
                node.taints = serde_json::from_value(spec["taints"].clone()).unwrap();
                write = "cordon";
            }
            state.writes.push(write.to_owned());
            Ok(node.clone())
        })
        .await?
    }
}

fn merge(map: &mut BTreeMap<String, String>, patch: &Value) {
    for (key, value) in patch.as_object().into_iter().flatten() {
        map.insert(key.clone(), value.as_str().unwrap().to_owned());
    }
}

impl ListPods for Fake {
    async fn pods_on(&self, _: &NodeName) -> Result<Vec<Pod>, kubernetes::Error> {
        self.kubernetes("pods", |state| {
            state.pods.iter().map(|(pod, _)| pod.clone()).collect()
        })
        .await
    }
}

impl EvictPod for Fake {
    async fn evict(&self, wanted: &Pod) -> Result<Answer, kubernetes::Error> {
        let now = self.now();
        let name = wanted.key.name.clone();
        *self.state().asked.entry(name.clone()).or_default() += 1;
        self.kubernetes("evict", |state| {
            let is_cordoned = state.node.as_ref().is_some_and(Node::is_cordoned);
            assert!(is_cordoned, "evicted before the cordon");
            if matches!(state.fault, Fault::Budget(held) if held == name) {
                return Answer::Refused(Refusal::Budget {
                    message: "needs 2, has 2".to_owned(),
                    retry_after: 0,
                });
            }
            let Some((pod, takes)) = state.pods.iter_mut().find(|(pod, _)| pod.uid == wanted.uid) else {
                return Answer::Gone;
            };
            pod.deletion_deadline.get_or_insert(now + *takes);
            state.writes.push(format!("evict {name}"));
            Answer::Accepted
        })
        .await
    }
}

impl RecordNodeEvent for Fake {
    async fn record(&self, event: NodeEvent<'_>) -> Result<(), kubernetes::Error> {
        self.kubernetes("event", |state| {
            state.writes.push(format!("event {}", event.reason));
        })
        .await
    }
}
