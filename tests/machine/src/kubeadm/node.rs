//! The registration of the node by its kubelet.

use anyhow::{Context, Result};
use control_plane::Machine;
use k8s_openapi::api::core::v1::Node;
use kube::api::PostParams;
use kube::{Api, Client};

use super::configuration::Configuration;
use crate::metadata::Facts;

/// Creates the Node with its taints, with the permissions of the kubelet that it is.
pub(super) async fn register(
    kubelet: &Client,
    name: &str,
    configuration: &Configuration,
    facts: &Facts,
) -> Result<()> {
    let nodes: Api<Node> = Api::all(kubelet.clone());
    let node = node(name, configuration, facts);
    match nodes.create(&PostParams::default(), &node).await {
        // One that was left there by an earlier attempt.
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        created => created
            .map(drop)
            .with_context(|| format!("unable to register node {name:?} with API server")),
    }
}

fn node(name: &str, configuration: &Configuration, facts: &Facts) -> Node {
    let machine = Machine {
        instance_id: facts.instance_id.clone(),
        private_dns_name: facts.private_dns_name.clone(),
        private_ip: facts.private_ip.clone(),
        availability_zone: facts.availability_zone.clone(),
        region: facts.region.clone(),
        instance_type: facts.instance_type.clone(),
        labels: configuration.labels.clone(),
    };
    let mut node = machine.registration(name);
    let spec = node.spec.get_or_insert_default();
    spec.taints = (!configuration.taints.is_empty()).then(|| configuration.taints.clone());
    if let Some(provider_id) = &configuration.provider_id {
        spec.provider_id = Some(provider_id.clone());
    }
    node
}
