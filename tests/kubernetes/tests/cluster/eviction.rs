//! What the eviction API answers. The drain tells these answers apart, so they are pinned here word by word.

use http::Method;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use crate::harness::{Cluster, body_of, response, until};

struct Answer {
    status: u16,
    retry_after: Option<String>,
    body: Value,
}

async fn evict(cluster: &Cluster, pod: &Pod, preconditions: Value) -> Answer {
    let (namespace, name) = (pod.namespace().unwrap(), pod.name_any());
    let eviction = json!({
        "apiVersion": "policy/v1", "kind": "Eviction",
        "metadata": {"name": name, "namespace": namespace},
        "deleteOptions": {"preconditions": preconditions}
    });
    let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/eviction");
    let response = response(&cluster.client, Method::POST, &path, &eviction).await;
    let retry_after = response
        .headers()
        .get("retry-after")
        .map(|value| value.to_str().unwrap().to_owned());
    Answer {
        status: response.status().as_u16(),
        retry_after,
        body: body_of(response).await,
    }
}

async fn ready_pod(cluster: &Cluster, pods: &Api<Pod>, name: &str) -> Pod {
    let manifest = json!({"metadata": {"name": name, "labels": {"app": "web"}}, "spec": {"containers": []}});
    cluster.ready_pod(pods, manifest).await
}

const OTHER_UID: &str = "00000000-0000-0000-0000-000000000000";

fn accepted() -> Value {
    json!({"apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Success", "code": 201})
}

fn conflict(message: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure", "code": 409,
        "reason": "Conflict", "details": {"kind": "Pod", "name": "pod"},
        "message": format!("Operation cannot be fulfilled on Pod \"pod\": {message}")
    })
}

fn blocked(cause: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure", "code": 429,
        "reason": "TooManyRequests", "details": {"causes": [{"reason": "DisruptionBudget", "message": cause}]},
        "message": "Cannot evict pod as it would violate the pod's disruption budget."
    })
}

pub(crate) async fn a_wrong_uid_is_refused_and_the_right_one_accepted(cluster: &Cluster) {
    let pods = cluster.namespace("evict-uid").await;
    let pod = ready_pod(cluster, &pods, "pod").await;
    let uid = pod.uid().unwrap();
    let answer = evict(cluster, &pod, json!({"uid": OTHER_UID})).await;
    let message = format!(
        "the UID in the precondition ({OTHER_UID}) does not match the UID in record ({uid}). \
         The object might have been deleted and then recreated"
    );
    assert_eq!((answer.status, answer.body), (409, conflict(&message)));
    let untouched = pods.get("pod").await.unwrap();
    assert_eq!(untouched.resource_version(), pod.resource_version());

    let answer = evict(cluster, &pod, json!({"uid": uid})).await;
    assert_eq!((answer.status, answer.body), (201, accepted()));
}

pub(crate) async fn a_wrong_resource_version_is_refused_and_the_right_one_accepted(cluster: &Cluster) {
    let pods = cluster.namespace("evict-version").await;
    let pod = ready_pod(cluster, &pods, "pod").await;
    let current = pod.resource_version().unwrap();
    for wrong in ["1", "99999999"] {
        let answer = evict(cluster, &pod, json!({"uid": pod.uid(), "resourceVersion": wrong})).await;
        let message = format!(
            "the ResourceVersion in the precondition ({wrong}) does not match the ResourceVersion in record \
             ({current}). The object might have been modified"
        );
        assert_eq!((answer.status, answer.body), (409, conflict(&message)));
    }
    let answer = evict(
        cluster,
        &pod,
        json!({"uid": pod.uid(), "resourceVersion": current}),
    )
    .await;
    assert_eq!((answer.status, answer.body), (201, accepted()));
}

/// A budget that wants one pod of the two or fewer, computed for as many as there are.
async fn budget(cluster: &Cluster, namespace: &str, name: &str, pods: u8) -> String {
    let path = format!("/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets");
    let budget = json!({
        "metadata": {"name": name},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    });
    assert_eq!(cluster.send(Method::POST, &path, &budget).await.0, 201);
    let path = format!("{path}/{name}");
    until("the budget is computed", || async {
        let (_, budget) = cluster.send(Method::GET, &path, &Value::Null).await;
        budget["status"]["currentHealthy"] == pods
    })
    .await;
    path
}

pub(crate) async fn a_budget_without_disruptions_left_refuses(cluster: &Cluster) {
    let pods = cluster.namespace("evict-budget").await;
    let pod = ready_pod(cluster, &pods, "pod").await;
    budget(cluster, "evict-budget", "one", 1).await;
    let answer = evict(cluster, &pod, json!({"uid": pod.uid()})).await;
    let body = blocked("The disruption budget one needs 1 healthy pods and has 1 currently");
    assert_eq!((answer.status, answer.body), (429, body));
    assert_eq!(answer.retry_after, None);
}

pub(crate) async fn an_exhausted_budget_hides_a_wrong_precondition(cluster: &Cluster) {
    let pods = cluster.namespace("evict-hidden").await;
    let pod = ready_pod(cluster, &pods, "pod").await;
    budget(cluster, "evict-hidden", "one", 1).await;
    let answer = evict(cluster, &pod, json!({"uid": OTHER_UID})).await;
    assert_eq!(answer.status, 429, "{}", answer.body);
}

/// The server takes the disruption from the budget first and looks at the preconditions after that; it gives nothing
/// back, and the controller believes for two minutes that the pod is going.
pub(crate) async fn a_refused_precondition_uses_up_the_budget_all_the_same(cluster: &Cluster) {
    let pods = cluster.namespace("evict-used-up").await;
    let pod = ready_pod(cluster, &pods, "pod").await;
    let other = ready_pod(cluster, &pods, "other").await;
    let path = budget(cluster, "evict-used-up", "one", 2).await;
    let answer = evict(cluster, &pod, json!({"uid": pod.uid(), "resourceVersion": "1"})).await;
    assert_eq!(answer.status, 409, "{}", answer.body);
    let (_, budget) = cluster.send(Method::GET, &path, &Value::Null).await;
    assert_eq!(budget["status"]["disruptionsAllowed"], 0, "{budget}");
    assert!(budget["status"]["disruptedPods"]["pod"].is_string(), "{budget}");
    let body = blocked("The disruption budget one needs 1 healthy pods and has 1 currently");
    for pod in [pod, other] {
        let answer = evict(cluster, &pod, json!({"uid": pod.uid()})).await;
        assert_eq!((answer.status, answer.body), (429, body.clone()));
    }
}

pub(crate) async fn two_budgets_on_one_pod_are_an_error_of_the_server(cluster: &Cluster) {
    let pods = cluster.namespace("evict-budgets").await;
    let pod = ready_pod(cluster, &pods, "pod").await;
    budget(cluster, "evict-budgets", "one", 1).await;
    budget(cluster, "evict-budgets", "two", 1).await;
    let answer = evict(cluster, &pod, json!({"uid": pod.uid()})).await;
    let body = json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure", "code": 500,
        "message": "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
    });
    assert_eq!((answer.status, answer.body), (500, body));
    assert_eq!(answer.retry_after, None);
}
