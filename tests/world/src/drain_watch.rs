//! A drain as seen from outside: by looking at the node and its pods, several times a second.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, bail};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kube::api::ListParams;

use crate::{World, groups};

/// Short against what is measured, and a few per cent of the machine.
const STEP: Duration = Duration::from_millis(100);

/// When each thing was first seen.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The node is unschedulable.
    pub cordoned: Option<Timestamp>,
    /// Each pod that was asked to leave: by `namespace/name` and UID.
    pub asked: BTreeMap<String, Timestamp>,
    /// Each of those that is gone.
    pub gone: BTreeMap<String, Timestamp>,
    /// The instance is past its hook.
    pub completed: Option<Timestamp>,
}

/// Watches the node of `instance` until the instance is past its hook.
pub async fn watch(world: &World, instance: &str, limit: Duration) -> Result<Seen> {
    let mut seen = Seen::default();
    let Some(node) = groups::node_of(world, instance)
        .await?
        .and_then(|node| node.metadata.name)
    else {
        bail!("no node runs on {instance}");
    };
    let nodes: Api<Node> = Api::all(world.control_plane().client());
    let pods: Api<Pod> = Api::all(world.control_plane().client());
    let on_node = ListParams::default().fields(&format!("spec.nodeName={node}"));
    let mut waited = Duration::ZERO;
    loop {
        let completed = world.timeline().entered(instance, "Terminating:Proceed");
        let unschedulable = |node: Node| node.spec.and_then(|spec| spec.unschedulable) == Some(true);
        if seen.cordoned.is_none() && nodes.get_opt(&node).await?.is_some_and(unschedulable) {
            seen.cordoned = Some(Timestamp::now());
        }
        if completed.is_none() {
            note(&mut seen, &pods.list(&on_node).await?.items);
        } else {
            seen.completed = completed;
            return Ok(seen);
        }
        if waited >= limit {
            bail!("{instance}: the hook is not completed after {limit:?}; seen so far: {seen:?}");
        }
        tokio::time::sleep(STEP).await;
        waited += STEP;
    }
}

fn note(seen: &mut Seen, pods: &[Pod]) {
    let now = Timestamp::now();
    let identity = |pod: &Pod| {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let meta = &pod.metadata;
        format!(
            "{}/{} {}",
            text(&meta.namespace),
            text(&meta.name),
            text(&meta.uid)
        )
    };
    let there: Vec<String> = pods.iter().map(identity).collect();
    for pod in pods
        .iter()
        .filter(|pod| pod.metadata.deletion_timestamp.is_some())
    {
        seen.asked.entry(identity(pod)).or_insert(now);
    }
    for pod in seen.asked.keys() {
        if !there.contains(pod) {
            seen.gone.entry(pod.clone()).or_insert(now);
        }
    }
}
