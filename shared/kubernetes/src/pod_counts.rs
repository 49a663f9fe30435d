//! How many pods are left of each workload.

use std::collections::BTreeMap;

use domain::offhours::{Key, Kind};
use kube::api::ListParams;
use serde::Deserialize;

use crate::pages::Part;
use crate::{Cluster, Error};

/// Pods whose containers have not all ended. One that is terminating is still there.
pub(crate) const NOT_FINISHED: &str = "status.phase!=Succeeded,status.phase!=Failed";

/// Counts pods.
pub trait CountPods {
    /// How many pods that have not finished each Deployment and `StatefulSet` has; those without any are left out.
    async fn pods_by_owner(&self) -> Result<BTreeMap<Key, u32>, Error>;
}

#[derive(Deserialize)]
struct Pod {
    metadata: Meta,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    namespace: String,
    #[serde(default)]
    labels: Labels,
    #[serde(default)]
    owner_references: Vec<Owner>,
}

#[derive(Deserialize, Default)]
struct Labels {
    /// By which the controller of Deployments tells the pods of one `ReplicaSet` from those of another.
    #[serde(rename = "pod-template-hash")]
    template_hash: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Owner {
    api_version: String,
    kind: String,
    name: String,
    #[serde(default)]
    controller: bool,
}

impl CountPods for Cluster {
    async fn pods_by_owner(&self) -> Result<BTreeMap<Key, u32>, Error> {
        let unfinished = ListParams::default().fields(NOT_FINISHED);
        let pods: Vec<Pod> = self
            .list_all("count pods", "/api/v1/pods", Part::Metadata, unfinished)
            .await?;
        let mut counts = BTreeMap::new();
        for owner in pods.into_iter().filter_map(owner) {
            *counts.entry(owner).or_default() += 1;
        }
        Ok(counts)
    }
}

/// The Deployment or `StatefulSet` that a pod belongs to.
fn owner(pod: Pod) -> Option<Key> {
    let meta = pod.metadata;
    let controller = meta.owner_references.into_iter().find(|owner| owner.controller)?;
    if !controller.api_version.starts_with("apps/") {
        return None;
    }
    match controller.kind.as_str() {
        "StatefulSet" => Some(Key::in_cluster(
            Kind::StatefulSet,
            meta.namespace,
            controller.name,
        )),
        // Named after its Deployment and the pods' hash. One of somebody's own, or of Argo Rollouts, has no such hash.
        "ReplicaSet" => {
            let hash = meta.labels.template_hash?;
            let deployment = controller.name.strip_suffix(&hash)?.strip_suffix('-')?;
            Some(Key::in_cluster(Kind::Deployment, meta.namespace, deployment))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::scenario::{METADATA_ONLY, Scenario};

    fn pod(api_version: &str, kind: &str, name: &str, hash: Option<&str>) -> Value {
        json!({ "metadata": {
            "namespace": "shop", "name": "x", "labels": hash.map(|hash| json!({ "pod-template-hash": hash })).unwrap_or(json!({})),
            "ownerReferences": [
                { "apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "u" },
                { "apiVersion": api_version, "kind": kind, "name": name, "uid": "u", "controller": true },
            ],
        } })
    }

    #[tokio::test]
    async fn pods_that_have_not_finished_are_counted_for_whoever_made_them() {
        let (cluster, scenario) = Scenario::new();
        let path =
            "/api/v1/pods?&fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed&limit=500";
        let web = pod("apps/v1", "ReplicaSet", "web-v2-5d4f8", Some("5d4f8"));
        let mut leaving = web.clone();
        leaving["metadata"]["deletionTimestamp"] = json!("2026-11-21T08:00:30Z");
        let served = scenario
            .answer(
                "GET",
                path,
                200,
                json!({ "metadata": { "continue": "next" }, "items": [
                web, pod("apps/v1", "StatefulSet", "db-main", None), leaving,
            ] }),
            )
            .expect_header(METADATA_ONLY.0, METADATA_ONLY.1)
            .answer(
                "GET",
                &format!("{path}&continue=next"),
                200,
                json!({ "metadata": {}, "items": [
                pod("apps/v1", "ReplicaSet", "web-v2-7c9b6", Some("7c9b6")),
                { "metadata": { "namespace": "shop", "name": "alone" } },
                pod("apps/v1", "ReplicaSet", "some-set", None),
                pod("apps/v1", "ReplicaSet", "web-v2-5d4f8", None),
                pod("apps/v1", "DaemonSet", "agent", None),
                pod("batch/v1", "Job", "report-1", None),
                pod("apps.kruise.io/v1", "StatefulSet", "other", None),
            ] }),
            )
            .serve();
        let counts = cluster.pods_by_owner().await.unwrap();
        let said: Vec<_> = counts
            .iter()
            .map(|(key, count)| (key.to_string(), *count))
            .collect();
        assert_eq!(
            said,
            [
                ("deployment/shop/web-v2".to_owned(), 3),
                ("statefulset/shop/db-main".to_owned(), 1)
            ]
        );
        served.finished().await;
    }

    #[tokio::test]
    async fn no_list_of_pods_is_no_count() {
        let (cluster, scenario) = Scenario::new();
        let path =
            "/api/v1/pods?&fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed&limit=500";
        let refused = json!({
            "kind": "Status", "status": "Failure", "code": 403, "reason": "Forbidden", "message": "pods is forbidden",
        });
        let served = scenario.answer("GET", path, 403, refused).serve();
        let error = cluster.pods_by_owner().await.unwrap_err();
        assert_eq!(error.to_string(), "count pods: pods is forbidden (status 403)");
        served.finished().await;
    }
}
