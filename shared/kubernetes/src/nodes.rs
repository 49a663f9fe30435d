//! Nodes: how they are found, and the one patch that we write.

use domain::drain::{Node, Taint};
use domain::ids::{InstanceId, NodeName, Uid};
use domain::keys::{DRAINING, EXCLUDE_FROM_LOAD_BALANCERS};
use k8s_openapi::api::core::v1 as api;
use kube::api::{Api, ListParams, Patch, PatchParams};
use serde_json::Value;

use crate::{Cluster, Error};

/// Objects in a page: some hundred kilobytes of nodes, a fraction of a function's memory.
const PAGE: u32 = 500;

/// Finds nodes. Those that run on no EC2 instance are not ours and are left out.
pub trait ListNodes {
    /// Every node.
    async fn all_nodes(&self) -> Result<AllNodes, Error>;
    /// The nodes that carry the label [`DRAINING`]: few, however large the cluster is.
    async fn draining_nodes(&self) -> Result<Vec<Node>, Error>;
    /// The node of that name, as it is now.
    async fn node(&self, name: &NodeName) -> Result<Option<Node>, Error>;
}

/// Every node of a cluster.
#[derive(Debug, Clone, Default)]
pub struct AllNodes {
    /// Those of which it is known on which EC2 instance they run.
    pub nodes: Vec<Node>,
    /// How many do not say at all on what they run. Each may be the node of any instance.
    pub without_provider_id: usize,
}

/// Changes a node.
pub trait PatchNode {
    /// Applies a JSON merge patch and returns the node as it is then. A patch that names a resource version is
    /// refused with a conflict when the node has changed since, see [`Error::is_conflict`].
    async fn patch_node(&self, name: &NodeName, patch: &Value) -> Result<Node, Error>;
}

impl Cluster {
    fn nodes(&self) -> Api<api::Node> {
        Api::all(self.client.clone())
    }

    async fn list_nodes(&self, call: &str, params: ListParams) -> Result<AllNodes, Error> {
        let mut params = params.limit(PAGE);
        let mut found = AllNodes::default();
        loop {
            let page = self
                .nodes()
                .list(&params)
                .await
                .map_err(|error| Error::new(call, error))?;
            for node in page.items {
                found.without_provider_id += usize::from(!says_what_it_runs_on(&node));
                found.nodes.extend(from_resource(call, node)?);
            }
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok(found),
            }
        }
    }
}

impl ListNodes for Cluster {
    async fn all_nodes(&self) -> Result<AllNodes, Error> {
        self.list_nodes("list nodes", ListParams::default()).await
    }

    async fn draining_nodes(&self) -> Result<Vec<Node>, Error> {
        let labelled = ListParams::default().labels(DRAINING);
        Ok(self.list_nodes("list draining nodes", labelled).await?.nodes)
    }

    async fn node(&self, name: &NodeName) -> Result<Option<Node>, Error> {
        let named = ListParams::default().fields(&format!("metadata.name={name}"));
        Ok(self
            .list_nodes(&format!("look at node {name}"), named)
            .await?
            .nodes
            .pop())
    }
}

impl PatchNode for Cluster {
    async fn patch_node(&self, name: &NodeName, patch: &Value) -> Result<Node, Error> {
        let call = format!("patch node {name}");
        let params = PatchParams {
            field_manager: Some("lamplighter".to_owned()),
            ..PatchParams::default()
        };
        let patched = self
            .nodes()
            .patch(name.as_str(), &params, &Patch::Merge(patch))
            .await;
        let node = patched.map_err(|error| Error::new(call.as_str(), error))?;
        from_resource(&call, node)?.ok_or_else(|| lacks(&call, name.as_str(), "spec.providerID"))
    }
}

fn says_what_it_runs_on(node: &api::Node) -> bool {
    let provider_id = node.spec.as_ref().and_then(|spec| spec.provider_id.as_deref());
    provider_id.is_some_and(|id| !id.is_empty())
}

fn lacks(call: &str, object: &str, field: &'static str) -> Error {
    Error::Incomplete {
        call: call.to_owned(),
        object: object.to_owned(),
        field,
    }
}

/// Takes a node apart; `None` for one that runs on no EC2 instance.
fn from_resource(call: &str, node: api::Node) -> Result<Option<Node>, Error> {
    let spec = node.spec.unwrap_or_default();
    let Some(instance) = spec.provider_id.as_deref().and_then(InstanceId::from_provider_id) else {
        return Ok(None);
    };
    let name = node.metadata.name.unwrap_or_default();
    let labels = node.metadata.labels.unwrap_or_default();
    let annotation = node
        .metadata
        .annotations
        .as_ref()
        .and_then(|all| all.get(DRAINING));
    let taints = spec.taints.unwrap_or_default().into_iter().map(|taint| Taint {
        key: taint.key,
        value: taint.value,
        effect: taint.effect,
        time_added: taint.time_added.map(|time| time.0),
    });
    Ok(Some(Node {
        uid: Uid::parse(node.metadata.uid.unwrap_or_default())
            .map_err(|_| lacks(call, &name, "metadata.uid"))?,
        resource_version: node
            .metadata
            .resource_version
            .ok_or_else(|| lacks(call, &name, "metadata.resourceVersion"))?,
        instance,
        unschedulable: spec.unschedulable.unwrap_or_default(),
        taints: taints.collect(),
        draining_label: labels.get(DRAINING).cloned(),
        excluded: labels.contains_key(EXCLUDE_FROM_LOAD_BALANCERS),
        mark: annotation.and_then(|text| serde_json::from_str(text).ok()),
        name: NodeName::parse(name.clone()).map_err(|_| lacks(call, &name, "valid name"))?,
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scenario::{Scenario, node};

    #[tokio::test]
    async fn every_page_is_read_and_nodes_that_are_no_instances_are_left_out() {
        let mut fargate = node("fargate-1", "i-00000000");
        fargate["spec"]["providerID"] = json!("aws:///eu-central-1a/fargate-ip-10-0-1-9");
        let mut silent = node("c", "i-00000000");
        silent["spec"] = json!({});
        let (cluster, scenario) = Scenario::new();
        let served = scenario
            .answer(
                "GET",
                "/api/v1/nodes?&limit=500",
                200,
                json!({
                    "metadata": { "continue": "next" }, "items": [node("a", "i-0aaaaaaa"), fargate],
                }),
            )
            .answer(
                "GET",
                "/api/v1/nodes?&limit=500&continue=next",
                200,
                json!({
                    "metadata": {}, "items": [node("b", "i-0bbbbbbb"), silent],
                }),
            )
            .serve();
        let all = cluster.all_nodes().await.unwrap();
        let names: Vec<String> = all.nodes.into_iter().map(|node| node.name.into()).collect();
        assert_eq!(all.without_provider_id, 1);
        assert_eq!(names, ["a", "b"]);
        served.finished().await;
    }

    #[tokio::test]
    async fn a_patch_goes_out_as_it_was_planned_and_a_conflict_is_known() {
        let (cluster, scenario) = Scenario::new();
        let served = scenario
            .expect_body("PATCH", "/api/v1/nodes/a?&fieldManager=lamplighter", json!({ "spec": { "unschedulable": true } }))
            .answer_last(200, node("a", "i-0aaaaaaa"))
            .answer("PATCH", "/api/v1/nodes/a?&fieldManager=lamplighter", 409, json!({
                "kind": "Status", "status": "Failure", "code": 409, "reason": "Conflict", "message": "changed",
            }))
            .serve();
        let name = NodeName::parse("a").unwrap();
        let patch = json!({ "spec": { "unschedulable": true } });
        assert_eq!(
            cluster.patch_node(&name, &patch).await.unwrap().instance.as_str(),
            "i-0aaaaaaa"
        );
        let conflict = cluster.patch_node(&name, &patch).await.unwrap_err();
        assert!(conflict.is_conflict());
        assert_eq!(conflict.to_string(), "patch node a: changed (status 409)");
        served.finished().await;
    }

    #[test]
    fn what_a_drain_wrote_is_read_back() {
        let mut object = node("a", "i-0aaaaaaa");
        let mark = r#"{"cause":"terminate-hook","since":"2026-11-21T08:00:00Z","deadline":"2026-11-21T09:00:00Z",
                       "cordoned_by_us":true,"excluded_by_us":true}"#;
        object["metadata"]["labels"] =
            json!({ DRAINING: "i-0aaaaaaa", EXCLUDE_FROM_LOAD_BALANCERS: "lamplighter" });
        object["metadata"]["annotations"] = json!({ DRAINING: mark });
        object["spec"]["unschedulable"] = json!(true);
        object["spec"]["taints"] = json!([{ "key": DRAINING, "effect": "NoSchedule" }]);
        let read = from_resource("test", serde_json::from_value(object).unwrap())
            .unwrap()
            .unwrap();
        assert!(read.is_cordoned());
    }
}
