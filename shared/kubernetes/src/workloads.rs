//! What can sleep in the cluster: how it is found, and how it is changed.

mod object;
mod writer;

use domain::offhours::{FIELD_MANAGER, Key, Kind, Workload};
use kube::api::{ListParams, Patch, PatchParams};
use kube::core::Request;
use serde_json::Value;

use crate::pages::Part;
use crate::place::{Place, locate};
use crate::{Cluster, Error};
use object::Object;

/// Finds what can sleep in the cluster.
pub trait ListWorkloads {
    /// Every object of that kind, of all namespaces. There is none of a kind that lives in AWS.
    ///
    /// Annotations come without kubectl's copy of the whole manifest.
    async fn workloads(&self, kind: Kind) -> Result<Vec<Workload>, Error>;
}

/// Changes a workload.
pub trait PatchWorkload {
    /// Applies a JSON merge patch as [`FIELD_MANAGER`] and returns the workload as it is then. A patch that names a
    /// resource version is refused with a conflict when the workload has changed since, see [`Error::is_conflict`].
    async fn patch_workload(&self, key: &Key, patch: &Value) -> Result<Workload, Error>;
}

impl ListWorkloads for Cluster {
    async fn workloads(&self, kind: Kind) -> Result<Vec<Workload>, Error> {
        let Some((place, size)) = Place::of(kind) else {
            return Ok(Vec::new());
        };
        let call = format!("list every {kind}");
        let listed: Vec<Object> = self
            .list_all(&call, &place.everywhere(), Part::Whole, ListParams::default())
            .await?;
        listed
            .into_iter()
            .map(|object| object.into_workload(&call, kind, size))
            .collect()
    }
}

impl PatchWorkload for Cluster {
    async fn patch_workload(&self, key: &Key, patch: &Value) -> Result<Workload, Error> {
        let call = format!("patch {key}");
        let (place, size, namespace) = locate(&call, key)?;
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let request = Request::new(place.within(namespace))
            .patch(key.name(), &params, &Patch::Merge(patch))
            .map_err(|error| Error::new(call.as_str(), kube::Error::BuildRequest(error)))?;
        let patched: Result<Object, _> = self.client.request(request).await;
        patched
            .map_err(|error| Error::new(call.as_str(), error))?
            .into_workload(&call, key.kind(), size)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scenario::{Scenario, workload};

    #[tokio::test]
    async fn every_kind_is_listed_where_it_lives_and_none_of_aws() {
        let (cluster, scenario) = Scenario::new();
        let served = scenario
            .answer("GET", "/apis/apps/v1/deployments?&limit=500", 200, json!({
                "metadata": { "continue": "next" }, "items": [workload("web", &json!({ "replicas": 3 }))],
            }))
            .answer("GET", "/apis/apps/v1/deployments?&limit=500&continue=next", 200, json!({
                "metadata": { "continue": "" }, "items": [workload("api", &json!({}))],
            }))
            .answer("GET", "/apis/apps/v1/statefulsets?&limit=500", 200, json!({ "metadata": {}, "items": null }))
            .answer("GET", "/apis/batch/v1/cronjobs?&limit=500", 200, json!({ "metadata": {}, "items": [] }))
            .answer("GET", "/apis/autoscaling/v2/horizontalpodautoscalers?&limit=500", 200, json!({
                "metadata": {}, "items": [workload("web", &json!({ "minReplicas": 2, "maxReplicas": 10 }))],
            }))
            .serve();
        let mut found = Vec::new();
        for kind in Kind::ALL {
            found.extend(cluster.workloads(kind).await.unwrap());
        }
        let said: Vec<_> = found
            .iter()
            .map(|workload| (workload.key.to_string(), workload.size.to_string()))
            .collect();
        let expected = [
            ("deployment/shop/web", "3"),
            ("deployment/shop/api", "1"),
            ("hpa/shop/web", "2"),
        ];
        assert_eq!(
            said,
            expected.map(|(key, size)| (key.to_owned(), size.to_owned()))
        );
        served.finished().await;
    }

    #[tokio::test]
    async fn a_patch_goes_out_under_our_name_and_a_conflict_is_known() {
        let (cluster, scenario) = Scenario::new();
        let path = "/apis/apps/v1/namespaces/shop/deployments/web?&fieldManager=lamplighter-off-hours";
        let patch = json!({ "metadata": { "resourceVersion": "41" }, "spec": { "replicas": 0 } });
        let served = scenario
            .expect_body("PATCH", path, patch.clone())
            .expect_header("content-type", "application/merge-patch+json")
            .answer_last(200, workload("web", &json!({ "replicas": 0 })))
            .answer("PATCH", path, 409, json!({
                "kind": "Status", "status": "Failure", "code": 409, "reason": "Conflict", "message": "changed",
            }))
            .serve();
        let key = Key::parse("deployment/shop/web").unwrap();
        assert!(cluster.patch_workload(&key, &patch).await.unwrap().size.is_zero());
        let conflict = cluster.patch_workload(&key, &patch).await.unwrap_err();
        assert!(conflict.is_conflict());
        assert_eq!(
            conflict.to_string(),
            "patch deployment/shop/web: changed (status 409)"
        );
        served.finished().await;
    }

    #[tokio::test]
    async fn what_is_not_in_the_cluster_is_not_asked_for() {
        let (cluster, scenario) = Scenario::new();
        let served = scenario.serve();
        let error = cluster
            .patch_workload(&Key::of_aws(Kind::Group, "workers"), &json!({}))
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "patch group/workers: group/workers has no place in a cluster"
        );
        served.finished().await;
    }
}
