//! What KWOK's stages make of pods.

use std::time::{Duration, Instant};

use control_plane::annotations::{COMPLETES_AFTER, NEVER, READY_AFTER, STOPS_AFTER};
use http::Method;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use crate::harness::{Cluster, pod, pod_is_ready, until};

/// How late a pod may be gone: the second that is added since deletions are stored in whole seconds, and the
/// time that KWOK takes on a busy machine.
const LATE: Duration = Duration::from_millis(2500);

pub(crate) async fn a_deployment_becomes_ready_on_the_nodes(cluster: &Cluster) {
    let pods = cluster.namespace("deployment").await;
    let labels = json!({"app": "web"});
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "replicas": 12, "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"nodeSelector": {"pool": "blue"}, "containers": [{"name": "web", "image": "example/web:1"}]}
            }
        }
    });
    let path = "/apis/apps/v1/namespaces/deployment/deployments";
    assert_eq!(cluster.send(Method::POST, path, &deployment).await.0, 201);
    until("12 replicas are available", || async {
        let (_, deployment) = cluster
            .send(Method::GET, &format!("{path}/web"), &json!(null))
            .await;
        deployment["status"]["availableReplicas"] == 12
    })
    .await;
    let pods = pods.list(&ListParams::default()).await.unwrap().items;
    assert!(
        pods.iter()
            .all(|pod| pod_is_ready(pod) && pod.spec.as_ref().unwrap().node_name.is_some())
    );
}

pub(crate) async fn a_pod_stops_in_its_own_time(cluster: &Cluster) {
    let pods = cluster.namespace("stops").await;
    let (quick, slow) = tokio::join!(
        lifetime(cluster, &pods, "quick", None),
        lifetime(cluster, &pods, "slow", Some("2s"))
    );
    assert!(
        quick >= Duration::from_millis(500) && quick < Duration::from_millis(500) + LATE,
        "{quick:?}"
    );
    assert!(
        slow >= Duration::from_secs(2) && slow < Duration::from_secs(2) + LATE,
        "{slow:?}"
    );
}

pub(crate) async fn a_pod_that_ignores_sigterm_takes_its_whole_grace(cluster: &Cluster) {
    let pods = cluster.namespace("ignores").await;
    let took = lifetime(cluster, &pods, "stubborn", Some(NEVER)).await;
    assert!(
        took >= Duration::from_secs(3) && took < Duration::from_secs(3) + LATE,
        "{took:?}"
    );
}

/// How long a pod with a grace of 3 s lives after its deletion.
async fn lifetime(cluster: &Cluster, pods: &Api<Pod>, name: &str, stops_after: Option<&str>) -> Duration {
    stoppable(cluster, pods, name, stops_after, 3).await;
    let deleted = Instant::now();
    pods.delete(name, &DeleteParams::default()).await.unwrap();
    until_gone(pods, name).await;
    deleted.elapsed()
}

async fn stoppable(cluster: &Cluster, pods: &Api<Pod>, name: &str, stops_after: Option<&str>, grace: u32) {
    let annotations = stops_after.map(|after| json!({STOPS_AFTER: after}));
    let manifest = json!({
        "metadata": {"name": name, "annotations": annotations},
        "spec": {"terminationGracePeriodSeconds": grace, "containers": []}
    });
    cluster.ready_pod(pods, manifest).await;
}

async fn until_gone(pods: &Api<Pod>, name: &str) {
    until("the pod is gone", || async {
        pods.get_opt(name).await.unwrap().is_none()
    })
    .await;
}

pub(crate) async fn a_change_of_a_terminating_pod_does_not_delay_it(cluster: &Cluster) {
    let pods = cluster.namespace("changed").await;
    stoppable(cluster, &pods, "changed", Some(NEVER), 3).await;
    let deleted = Instant::now();
    pods.delete("changed", &DeleteParams::default()).await.unwrap();
    for seconds in 1..=2 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let patch = json!({"metadata": {"labels": {"seen": seconds.to_string()}}});
        pods.patch("changed", &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap();
    }
    until_gone(&pods, "changed").await;
    let took = deleted.elapsed();
    assert!(
        took >= Duration::from_secs(3) && took < Duration::from_secs(3) + LATE,
        "{took:?}"
    );
}

pub(crate) async fn a_second_deletion_with_a_shorter_grace_hastens_it(cluster: &Cluster) {
    let pods = cluster.namespace("hastened").await;
    stoppable(cluster, &pods, "hastened", Some(NEVER), 60).await;
    let deleted = Instant::now();
    pods.delete("hastened", &DeleteParams::default()).await.unwrap();
    pods.delete("hastened", &DeleteParams::default().grace_period(2))
        .await
        .unwrap();
    until_gone(&pods, "hastened").await;
    let took = deleted.elapsed();
    assert!(
        took >= Duration::from_secs(2) && took < Duration::from_secs(2) + LATE,
        "{took:?}"
    );
}

pub(crate) async fn a_pod_whose_work_is_finite_succeeds(cluster: &Cluster) {
    let pods = cluster.namespace("finite").await;
    let manifest = json!({
        "metadata": {"name": "finite", "annotations": {COMPLETES_AFTER: "100ms"}},
        "spec": {"restartPolicy": "Never", "containers": []}
    });
    pods.create(&PostParams::default(), &pod(manifest)).await.unwrap();
    until("the pod has succeeded", || async {
        phase(&pods.get("finite").await.unwrap()) == "Succeeded"
    })
    .await;
}

pub(crate) async fn a_pod_may_stay_unready(cluster: &Cluster) {
    let pods = cluster.namespace("unready").await;
    let manifest = json!({
        "metadata": {"name": "unready", "annotations": {READY_AFTER: NEVER}}, "spec": {"containers": []}
    });
    let name = pods
        .create(&PostParams::default(), &pod(manifest))
        .await
        .unwrap()
        .name_any();
    until("the pod runs", || async {
        phase(&pods.get(&name).await.unwrap()) == "Running"
    })
    .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!pod_is_ready(&pods.get(&name).await.unwrap()));
}

fn phase(pod: &Pod) -> String {
    pod.status
        .as_ref()
        .and_then(|status| status.phase.clone())
        .unwrap_or_default()
}
