//! The pods of a node.

use domain::drain::{Owner, Phase, Pod, PodKey};
use domain::ids::{NodeName, Uid};
use k8s_openapi::api::core::v1 as api;
use kube::api::{Api, ListParams};

use crate::{Cluster, Error};

/// Annotation by which a kubelet mirrors a static pod to the API server.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// Lists pods.
pub trait ListPods {
    /// Every pod that is bound to the node, in all namespaces, as of now and not as of some cache.
    async fn pods_on(&self, node: &NodeName) -> Result<Vec<Pod>, Error>;
}

impl ListPods for Cluster {
    async fn pods_on(&self, node: &NodeName) -> Result<Vec<Pod>, Error> {
        let call = format!("list the pods of node {node}");
        let api: Api<api::Pod> = Api::all(self.client.clone());
        // Not in pages: a node has few pods, and a list without a limit is one that the API server's own cache can
        // serve by node, where a page may be cut out of every pod of the cluster.
        let on_node = ListParams::default().fields(&format!("spec.nodeName={node}"));
        let list = api
            .list(&on_node)
            .await
            .map_err(|error| Error::new(call.as_str(), error))?;
        list.items
            .into_iter()
            .map(|pod| from_resource(&call, pod))
            .collect()
    }
}

fn from_resource(call: &str, pod: api::Pod) -> Result<Pod, Error> {
    let meta = pod.metadata;
    let key = PodKey {
        namespace: meta.namespace.unwrap_or_default(),
        name: meta.name.unwrap_or_default(),
    };
    let lacks = |field| Error::Incomplete {
        call: call.to_owned(),
        object: key.to_string(),
        field,
    };
    let controller = meta
        .owner_references
        .unwrap_or_default()
        .into_iter()
        .find(|owner| owner.controller == Some(true));
    let phase = pod.status.and_then(|status| status.phase);
    Ok(Pod {
        uid: Uid::parse(meta.uid.unwrap_or_default()).map_err(|_| lacks("metadata.uid"))?,
        owner: match controller {
            None => Owner::None,
            Some(owner) if owner.kind == "DaemonSet" && owner.api_version.starts_with("apps/") => {
                Owner::DaemonSet
            }
            Some(_) => Owner::Other,
        },
        mirror: meta.annotations.unwrap_or_default().contains_key(MIRROR),
        phase: match phase.as_deref() {
            Some("Succeeded" | "Failed") => Phase::Finished,
            _ => Phase::Active,
        },
        deletion_deadline: meta.deletion_timestamp.map(|time| time.0),
        key,
    })
}

#[cfg(test)]
mod tests {
    use domain::drain::{Disposition, Skip};
    use serde_json::json;

    use super::*;
    use crate::scenario::{Scenario, pod};

    #[tokio::test]
    async fn the_pods_of_one_node_are_listed_in_all_namespaces() {
        let (cluster, scenario) = Scenario::new();
        let items = json!({ "metadata": {}, "items": [pod("shop", "x"), pod("mail", "y")] });
        let served = scenario
            .answer("GET", "/api/v1/pods?&fieldSelector=spec.nodeName%3Da", 200, items)
            .serve();
        let found = cluster.pods_on(&NodeName::parse("a").unwrap()).await.unwrap();
        let keys: Vec<String> = found.iter().map(|pod| pod.key.to_string()).collect();
        assert_eq!(keys, ["shop/x", "mail/y"]);
        served.finished().await;
    }

    #[test]
    fn who_manages_a_pod_and_whether_it_has_ended_is_read_from_it() {
        let with = |patch: &dyn Fn(&mut serde_json::Value)| {
            let mut object = pod("shop", "x");
            patch(&mut object);
            from_resource("test", serde_json::from_value(object).unwrap())
                .unwrap()
                .disposition()
        };
        let owner = |kind: &str, controller: bool| json!([{ "apiVersion": "apps/v1", "kind": kind, "name": "o", "uid": "u", "controller": controller }]);
        assert_eq!(with(&|_| ()), Disposition::Evict);
        assert_eq!(
            with(&|pod| pod["metadata"]["ownerReferences"] = owner("ReplicaSet", true)),
            Disposition::Evict
        );
        assert_eq!(
            with(&|pod| pod["metadata"]["ownerReferences"] = owner("DaemonSet", true)),
            Disposition::Skip(Skip::DaemonSet)
        );
        assert_eq!(
            with(&|pod| pod["metadata"]["ownerReferences"] = owner("DaemonSet", false)),
            Disposition::Evict
        );
        assert_eq!(
            with(&|pod| pod["metadata"]["annotations"] = json!({ MIRROR: "5f" })),
            Disposition::Skip(Skip::Mirror)
        );
        for phase in ["Succeeded", "Failed"] {
            assert_eq!(
                with(&|pod| pod["status"]["phase"] = json!(phase)),
                Disposition::Skip(Skip::Finished)
            );
        }
        assert_eq!(
            with(&|pod| pod["status"]["phase"] = json!("Unknown")),
            Disposition::Evict
        );
        assert_eq!(
            with(&|pod| pod["metadata"]["deletionTimestamp"] = json!("2026-11-21T08:00:30Z")),
            Disposition::Leaving
        );
    }
}
