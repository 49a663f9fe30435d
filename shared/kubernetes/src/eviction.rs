//! Evictions.

use domain::drain::{Answer, ApiStatus, Pod};
use k8s_openapi::api::policy::v1::Eviction;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{DeleteOptions, ObjectMeta, Preconditions};
use kube::api::{Api, PostParams};

use crate::{Cluster, Error};

/// Asks a pod to leave, as its disruption budgets allow.
pub trait EvictPod {
    /// Posts the eviction of exactly this pod: its UID is a precondition, so a pod of the same name elsewhere is
    /// never touched. Its resource version is not: a precondition that fails has used up the budget's
    /// disruption all the same (seen on 1.36: the API server counts first and compares then), and any change of
    /// the pod's status would make it fail.
    async fn evict(&self, pod: &Pod) -> Result<Answer, Error>;
}

impl EvictPod for Cluster {
    async fn evict(&self, pod: &Pod) -> Result<Answer, Error> {
        self.post_eviction(pod, &PostParams::default()).await
    }
}

impl Cluster {
    pub(crate) async fn post_eviction(&self, pod: &Pod, params: &PostParams) -> Result<Answer, Error> {
        let call = format!("evict pod {}", pod.key);
        let api: Api<k8s_openapi::api::core::v1::Pod> =
            Api::namespaced(self.client.clone(), &pod.key.namespace);
        // Not `Api::evict`: it writes the options under a name that the API server does not know.
        let posted: Result<kube::core::Status, _> = api
            .create_subresource("eviction", &pod.key.name, params, &eviction(pod))
            .await;
        match posted {
            Ok(_) => Ok(Answer::Accepted),
            Err(kube::Error::Api(status)) => Ok(Answer::of(&api_status(*status))),
            Err(error) => Err(Error::new(call, error)),
        }
    }
}

fn eviction(pod: &Pod) -> Eviction {
    Eviction {
        metadata: ObjectMeta {
            name: Some(pod.key.name.clone()),
            namespace: Some(pod.key.namespace.clone()),
            ..ObjectMeta::default()
        },
        delete_options: Some(DeleteOptions {
            preconditions: Some(Preconditions {
                uid: Some(pod.uid.as_str().to_owned()),
                resource_version: None,
            }),
            ..DeleteOptions::default()
        }),
    }
}

fn api_status(status: kube::core::Status) -> ApiStatus {
    let (kind, causes, retry_after) = match status.details {
        Some(details) => (details.kind, details.causes, details.retry_after_seconds),
        None => Default::default(),
    };
    ApiStatus {
        code: status.code,
        reason: status.reason,
        message: status.message,
        kind,
        causes: causes
            .into_iter()
            .map(|cause| (cause.reason, cause.message))
            .collect(),
        retry_after,
    }
}

#[cfg(test)]
mod tests {
    use domain::drain::{Owner, Phase, PodKey, Refusal};
    use domain::ids::Uid;
    use serde_json::json;

    use super::*;
    use crate::scenario::Scenario;

    fn pod() -> Pod {
        Pod {
            key: PodKey {
                namespace: "shop".to_owned(),
                name: "x".to_owned(),
            },
            uid: Uid::parse("7d8e").unwrap(),
            owner: Owner::Other,
            mirror: false,
            phase: Phase::Active,
            deletion_deadline: None,
        }
    }

    /// Drain case 52: guards against the client library's own eviction call, whose options get lost.
    #[tokio::test]
    async fn case_52_the_request_carries_the_uid_where_the_api_server_reads_it() {
        let (cluster, scenario) = Scenario::new();
        let served = scenario
            .expect_body(
                "POST",
                "/api/v1/namespaces/shop/pods/x/eviction?",
                json!({
                    "apiVersion": "policy/v1",
                    "kind": "Eviction",
                    "metadata": { "name": "x", "namespace": "shop" },
                    "deleteOptions": { "preconditions": { "uid": "7d8e" } },
                }),
            )
            .answer_last(
                201,
                json!({ "kind": "Status", "apiVersion": "v1", "status": "Success" }),
            )
            .serve();
        assert_eq!(cluster.evict(&pod()).await.unwrap(), Answer::Accepted);
        served.finished().await;
    }

    #[tokio::test]
    async fn a_budget_that_allows_no_more_is_an_answer_and_comes_after_one_request() {
        let (cluster, scenario) = Scenario::new();
        let served = scenario
            .answer("POST", "/api/v1/namespaces/shop/pods/x/eviction?", 429, json!({
                "kind": "Status", "status": "Failure", "code": 429, "reason": "TooManyRequests",
                "message": "Cannot evict pod as it would violate the pod's disruption budget.",
                "details": { "causes": [{ "reason": "DisruptionBudget", "message": "needs 3 and has 3" }] },
            }))
            .serve();
        let expected = Refusal::Budget {
            message: "needs 3 and has 3".to_owned(),
            retry_after: 0,
        };
        assert_eq!(cluster.evict(&pod()).await.unwrap(), Answer::Refused(expected));
        served.finished().await;
    }
}
