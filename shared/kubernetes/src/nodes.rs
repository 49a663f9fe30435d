//! Nodes: how they are found, and how they are changed.

use domain::ids::{NodeName, Uid};
use domain::keys::DRAINING;
use domain::node::{Node, Ready};
use domain::taint::{Effect, Taint};
use k8s_openapi::api::core::v1 as api;
use kube::api::{Api, ListParams, Patch, PatchParams};
use serde_json::Value;

use crate::{Cluster, Error};

/// Objects in a page: some hundred kilobytes of nodes, a fraction of a function's memory.
const PAGE: u32 = 500;

/// Finds nodes, whatever they run on.
pub trait ListNodes {
    /// Every node.
    async fn all_nodes(&self) -> Result<Vec<Node>, Error>;
    /// The nodes that carry the label [`DRAINING`]: few, however large the cluster is.
    async fn draining_nodes(&self) -> Result<Vec<Node>, Error>;
    /// The node of that name, as it is now.
    async fn node(&self, name: &NodeName) -> Result<Option<Node>, Error>;
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

    async fn list_nodes(&self, call: &str, params: ListParams) -> Result<Vec<Node>, Error> {
        let mut params = params.limit(PAGE);
        let mut found = Vec::new();
        loop {
            let page = self
                .nodes()
                .list(&params)
                .await
                .map_err(|error| Error::new(call, error))?;
            for node in page.items {
                found.push(from_resource(call, node)?);
            }
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok(found),
            }
        }
    }
}

impl ListNodes for Cluster {
    async fn all_nodes(&self) -> Result<Vec<Node>, Error> {
        self.list_nodes("list nodes", ListParams::default()).await
    }

    async fn draining_nodes(&self) -> Result<Vec<Node>, Error> {
        let labelled = ListParams::default().labels(DRAINING);
        self.list_nodes("list draining nodes", labelled).await
    }

    async fn node(&self, name: &NodeName) -> Result<Option<Node>, Error> {
        let named = ListParams::default().fields(&format!("metadata.name={name}"));
        let mut found = self.list_nodes(&format!("look at node {name}"), named).await?;
        Ok(found.pop())
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
        from_resource(&call, patched.map_err(|error| Error::new(call.as_str(), error))?)
    }
}

/// Takes a node apart.
fn from_resource(call: &str, node: api::Node) -> Result<Node, Error> {
    let (meta, spec, status) = (
        node.metadata,
        node.spec.unwrap_or_default(),
        node.status.unwrap_or_default(),
    );
    let name = meta.name.unwrap_or_default();
    let lacks = |field| Error::Incomplete {
        call: call.to_owned(),
        object: name.clone(),
        field,
    };
    let created = meta
        .creation_timestamp
        .ok_or_else(|| lacks("metadata.creationTimestamp"))?;
    let blank = Node::new(
        NodeName::parse(name.clone()).map_err(|_| lacks("valid name"))?,
        Uid::parse(meta.uid.unwrap_or_default()).map_err(|_| lacks("metadata.uid"))?,
        created.0,
    );
    let blank = blank.on(spec.provider_id.unwrap_or_default());
    let internal = |address: &api::NodeAddress| address.type_ == "InternalIP";
    Ok(Node {
        resource_version: meta
            .resource_version
            .ok_or_else(|| lacks("metadata.resourceVersion"))?,
        internal_ips: status
            .addresses
            .unwrap_or_default()
            .iter()
            .filter(|address| internal(address))
            .filter_map(|address| address.address.parse().ok())
            .collect(),
        labels: meta.labels.unwrap_or_default(),
        annotations: meta.annotations.unwrap_or_default(),
        unschedulable: spec.unschedulable.unwrap_or_default(),
        taints: spec.taints.unwrap_or_default().into_iter().map(taint).collect(),
        ready: status.conditions.unwrap_or_default().into_iter().find_map(ready),
        ..blank
    })
}

fn taint(taint: api::Taint) -> Taint {
    Taint {
        key: taint.key,
        value: taint.value,
        effect: Effect::parse(&taint.effect),
        time_added: taint.time_added.map(|time| time.0),
    }
}

/// Without the time of its last change the condition can't be told to be stable, and counts as not there.
fn ready(condition: api::NodeCondition) -> Option<Ready> {
    let since = condition.last_transition_time?.0;
    (condition.type_ == "Ready").then_some(Ready {
        is_ready: condition.status == "True",
        since,
    })
}

#[cfg(test)]
mod tests {
    use domain::ids::InstanceId;
    use domain::keys::EXCLUDE_FROM_LOAD_BALANCERS;
    use serde_json::json;

    use super::*;
    use crate::scenario::{Scenario, node};

    #[tokio::test]
    async fn every_page_is_read_with_nodes_of_every_kind() {
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
        let said: Vec<_> = all
            .iter()
            .map(|node| {
                let instance = node.instance.as_ref().map(InstanceId::as_str);
                (node.name.as_str(), instance, node.is_silent())
            })
            .collect();
        assert_eq!(
            said,
            [
                ("a", Some("i-0aaaaaaa"), false),
                ("fargate-1", None, false),
                ("b", Some("i-0bbbbbbb"), false),
                ("c", None, true)
            ]
        );
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
            cluster.patch_node(&name, &patch).await.unwrap().name.as_str(),
            "a"
        );
        let conflict = cluster.patch_node(&name, &patch).await.unwrap_err();
        assert!(conflict.is_conflict());
        assert_eq!(conflict.to_string(), "patch node a: changed (status 409)");
        served.finished().await;
    }

    fn read(object: serde_json::Value) -> Node {
        from_resource("test", serde_json::from_value(object).unwrap()).unwrap()
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
        assert!(read(object).is_cordoned());
    }

    #[test]
    fn a_node_tells_its_inner_addresses_and_since_when_it_is_ready() {
        let mut object = node("a", "i-0aaaaaaa");
        object["status"] = json!({
            "addresses": [
                { "type": "InternalIP", "address": "10.0.1.7" },
                { "type": "InternalIP", "address": "10.0.1.8" },
                { "type": "InternalIP", "address": "2001:db8::7" },
                { "type": "ExternalIP", "address": "192.0.2.7" },
                { "type": "Hostname", "address": "a" },
            ],
            "conditions": [
                { "type": "MemoryPressure", "status": "True", "lastTransitionTime": "2026-11-21T07:00:00Z" },
                { "type": "Ready", "status": "Unknown", "lastTransitionTime": "2026-11-21T08:00:00Z" },
            ],
        });
        let found = read(object.clone());
        let ips: Vec<String> = found.internal_ips.iter().map(ToString::to_string).collect();
        assert_eq!(ips, ["10.0.1.7", "10.0.1.8", "2001:db8::7"]);
        let since = "2026-11-21T08:00:00Z".parse().unwrap();
        assert_eq!(
            found.ready,
            Some(Ready {
                is_ready: false,
                since
            })
        );
        object["status"]["conditions"][1]["status"] = json!("True");
        assert!(read(object.clone()).ready.is_some_and(|ready| ready.is_ready));
        object["status"] = json!({});
        assert_eq!(read(object).ready, None);
    }
}
