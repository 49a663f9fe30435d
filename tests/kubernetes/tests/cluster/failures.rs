//! Pods whose images fail show what a kubelet would.

use control_plane::Failure;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::Api;
use kube::api::PostParams;
use serde_json::json;

use crate::harness::{Cluster, pod, pod_is_ready, until};

/// An image that fails in this way by its digest.
fn image(failure: Failure) -> String {
    format!("example/app:1@sha256:{:0>64}", failure.marker())
}

async fn failing(pods: &Api<Pod>, failure: Failure) -> String {
    let name = failure.word().to_owned();
    let mut pod = pod(json!({ "metadata": { "name": name } }));
    if let Some(spec) = &mut pod.spec {
        spec.containers[0].image = Some(image(failure));
    }
    pods.create(&PostParams::default(), &pod).await.unwrap();
    name
}

async fn status(pods: &Api<Pod>, name: &str) -> (ContainerStatus, bool) {
    let pod = pods.get(name).await.unwrap();
    let statuses = pod.status.clone().and_then(|status| status.container_statuses);
    let first = statuses.and_then(|statuses| statuses.into_iter().next());
    (first.unwrap_or_default(), pod_is_ready(&pod))
}

/// Reason and message of a container that waits.
fn waits(status: &ContainerStatus) -> (String, String) {
    let waiting = status
        .state
        .clone()
        .and_then(|state| state.waiting)
        .unwrap_or_default();
    (
        waiting.reason.unwrap_or_default(),
        waiting.message.unwrap_or_default(),
    )
}

/// Exit code and reason of its last end.
fn ended(status: &ContainerStatus) -> (i32, String) {
    let last = status
        .last_state
        .clone()
        .and_then(|state| state.terminated)
        .unwrap_or_default();
    (last.exit_code, last.reason.unwrap_or_default())
}

pub(crate) async fn an_image_that_can_not_be_pulled_says_why_and_is_tried_again(cluster: &Cluster) {
    let pods = cluster.namespace("pulls").await;
    let cases = [
        (Failure::ImageNotFound, "not found"),
        (Failure::ImageUnauthorised, "no basic auth credentials"),
        (Failure::ImageForbidden, "403 Forbidden"),
    ];
    for (failure, words) in cases {
        let name = failing(&pods, failure).await;
        for reason in ["ErrImagePull", "ImagePullBackOff"] {
            until(&format!("{name}: {reason}: {words}"), || async {
                let (waiting, message) = waits(&status(&pods, &name).await.0);
                waiting == reason && message.contains(words)
            })
            .await;
        }
    }
}

pub(crate) async fn a_container_that_crashes_is_started_again_and_again_and_is_never_ready(
    cluster: &Cluster,
) {
    let pods = cluster.namespace("crashes").await;
    let cases = [
        (Failure::CrashLoop, 1, "Error"),
        (Failure::ExecFormat, 255, "Error"),
        (Failure::StartError, 128, "StartError"),
    ];
    for (failure, ..) in cases {
        failing(&pods, failure).await;
    }
    for (failure, code, reason) in cases {
        let name = failure.word();
        until(&format!("{name}: a second restart, and it waits"), || async {
            let (status, is_ready) = status(&pods, name).await;
            assert!(!is_ready, "{name}");
            status.restart_count >= 2 && waits(&status).0 == "CrashLoopBackOff"
        })
        .await;
        let (status, _) = status(&pods, name).await;
        assert_eq!(ended(&status), (code, reason.to_owned()), "{name}");
    }
}

pub(crate) async fn a_container_without_its_configuration_waits_and_one_may_run_and_never_be_ready(
    cluster: &Cluster,
) {
    let pods = cluster.namespace("waits").await;
    let name = failing(&pods, Failure::ConfigError).await;
    until("it can't be configured", || async {
        waits(&status(&pods, &name).await.0).0 == "CreateContainerConfigError"
    })
    .await;
    let name = failing(&pods, Failure::NeverReady).await;
    until("it runs", || async {
        let (status, is_ready) = status(&pods, &name).await;
        assert!(!is_ready);
        status.state.is_some_and(|state| state.running.is_some())
    })
    .await;
}
