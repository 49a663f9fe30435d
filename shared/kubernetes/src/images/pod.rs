//! A pod as the API server writes it, as far as we read it.

use std::collections::BTreeMap;

use domain::ids::{NodeName, Uid};
use domain::image::{ContainerState, Digest, Ended, Pod, Running};
use jiff::Timestamp;
use serde::Deserialize;

use super::object::Named;
use super::owners::Owner;
use crate::Error;
use crate::notices::shortened;

#[derive(Deserialize)]
pub(super) struct Object {
    metadata: Meta,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Meta {
    namespace: String,
    name: String,
    uid: String,
    creation_timestamp: Option<Timestamp>,
    deletion_timestamp: Option<Timestamp>,
    owner_references: Vec<Owner>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    node_name: String,
    containers: Vec<Named>,
    init_containers: Vec<Named>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    conditions: Vec<Condition>,
    container_statuses: Vec<ContainerStatus>,
    init_container_statuses: Vec<ContainerStatus>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    reason: String,
    message: String,
    last_transition_time: Option<Timestamp>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ContainerStatus {
    name: String,
    #[serde(rename = "imageID")]
    image_id: String,
    ready: bool,
    restart_count: u32,
    state: State,
    last_state: State,
}

/// One of them, or none while the kubelet has not seen the container.
#[derive(Deserialize, Default)]
#[serde(default)]
struct State {
    waiting: Option<Waiting>,
    running: Option<Started>,
    terminated: Option<Terminated>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Waiting {
    reason: String,
    message: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Started {
    started_at: Option<Timestamp>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Terminated {
    exit_code: i32,
    reason: String,
    message: String,
}

impl Object {
    /// Who makes and deletes it.
    pub(super) fn controller(&self) -> Option<&Owner> {
        Owner::controller(&self.metadata.owner_references)
    }

    /// Takes it apart.
    pub(super) fn into_pod(self, call: &str) -> Result<Pod, Error> {
        let Self {
            metadata,
            spec,
            status,
        } = self;
        let lacks = |field| Error::Incomplete {
            call: call.to_owned(),
            object: format!("pod {}/{}", metadata.namespace, metadata.name),
            field,
        };
        let condition = |kind, value| {
            let mut conditions = status.conditions.iter();
            conditions.find(|condition| condition.kind == kind && condition.status == value)
        };
        Ok(Pod {
            uid: Uid::parse(metadata.uid.as_str()).map_err(|_| lacks("metadata.uid"))?,
            node: NodeName::parse(spec.node_name.as_str()).ok(),
            created: metadata
                .creation_timestamp
                .ok_or_else(|| lacks("metadata.creationTimestamp"))?,
            scheduled: condition("PodScheduled", "True").and_then(|found| found.last_transition_time),
            unschedulable: condition("PodScheduled", "False")
                .filter(|found| found.reason == "Unschedulable")
                .map(|found| shortened(found.message.clone())),
            leaving: metadata.deletion_timestamp.is_some(),
            ready: condition("Ready", "True").and_then(|found| found.last_transition_time),
            containers: containers(spec, status.container_statuses, status.init_container_statuses),
            name: metadata.name,
        })
    }
}

/// The containers of a pod, with what its node says of them. No two of a pod have one name.
fn containers(spec: Spec, main: Vec<ContainerStatus>, init: Vec<ContainerStatus>) -> Vec<Running> {
    let said = main.into_iter().chain(init);
    let mut said: BTreeMap<String, ContainerStatus> =
        said.map(|status| (status.name.clone(), status)).collect();
    let named = spec.containers.into_iter().chain(spec.init_containers);
    named
        .map(|container| {
            let status = said.remove(&container.name).unwrap_or_default();
            Running {
                name: container.name,
                image: container.image,
                digest: digest(&status.image_id),
                is_ready: status.ready,
                restarts: status.restart_count,
                state: status.state.into_state(),
                last: status.last_state.terminated.map(Terminated::into_ended),
            }
        })
        .collect()
}

/// The digest of the manifest that was pulled. `<repository>@<digest>`, with `docker-pullable://` before it from some
/// runtimes; a digest alone is that of the image's configuration, by which no registry knows it.
fn digest(image_id: &str) -> Option<Digest> {
    let (_, digest) = image_id.rsplit_once('@')?;
    Digest::parse(digest).ok()
}

impl State {
    fn into_state(self) -> ContainerState {
        if let Some(ended) = self.terminated {
            return ContainerState::Ended(ended.into_ended());
        }
        if let Some(since) = self.running.and_then(|running| running.started_at) {
            return ContainerState::Running { since };
        }
        self.waiting
            .map_or(ContainerState::Unknown, |waiting| ContainerState::Waiting {
                reason: waiting.reason,
                message: shortened(waiting.message),
            })
    }
}

impl Terminated {
    fn into_ended(self) -> Ended {
        Ended {
            code: self.exit_code,
            reason: self.reason,
            message: shortened(self.message),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn object(spec: &Value, status: &Value) -> Value {
        json!({
            "metadata": {
                "namespace": "shop", "name": "web-1", "uid": "uid-web-1", "creationTimestamp": "2026-11-20T08:00:00Z",
            },
            "spec": spec,
            "status": status,
        })
    }

    fn read(object: Value) -> Result<Pod, Error> {
        serde_json::from_value::<Object>(object).unwrap().into_pod("test")
    }

    fn with(spec: &Value, status: &Value) -> Pod {
        read(object(spec, status)).unwrap()
    }

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// What the status of a pod's one container says of it.
    fn container(status: Value) -> Running {
        let mut status = status;
        status["name"] = json!("app");
        let spec = json!({ "containers": [{ "name": "app", "image": "example/web:1" }] });
        let mut found = with(&spec, &json!({ "containerStatuses": [status] })).containers;
        assert_eq!(found.len(), 1);
        found.remove(0)
    }

    #[test]
    fn a_pod_that_is_ready_says_since_when_it_has_its_node_and_is_so() {
        let conditions = json!({ "conditions": [
            { "type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": "2026-11-20T08:00:01Z" },
            { "type": "ContainersReady", "status": "True", "lastTransitionTime": "2026-11-20T08:00:08Z" },
            { "type": "Ready", "status": "True", "lastTransitionTime": "2026-11-20T08:00:09Z" },
        ] });
        let pod = with(&json!({ "nodeName": "ip-10-0-0-1" }), &conditions);
        assert_eq!((pod.name.as_str(), pod.uid.as_str()), ("web-1", "uid-web-1"));
        assert_eq!(pod.node.as_ref().map(NodeName::as_str), Some("ip-10-0-0-1"));
        assert_eq!(pod.created, time("2026-11-20T08:00:00Z"));
        assert_eq!(pod.scheduled, Some(time("2026-11-20T08:00:01Z")));
        assert_eq!(pod.ready, Some(time("2026-11-20T08:00:09Z")));
        assert_eq!((pod.unschedulable, pod.leaving), (None, false));
    }

    #[test]
    fn a_pod_without_a_node_says_why_if_the_scheduler_does() {
        let because = |reason: &str, message: &str| {
            let condition = json!({
                "type": "PodScheduled", "status": "False", "reason": reason, "message": message,
                "lastTransitionTime": "2026-11-20T08:00:01Z",
            });
            let pod = with(&json!({}), &json!({ "conditions": [condition] }));
            assert_eq!((pod.node, pod.scheduled, pod.ready), (None, None, None));
            pod.unschedulable
        };
        let none = "0/3 nodes are available: 3 Insufficient cpu.";
        assert_eq!(because("Unschedulable", none).as_deref(), Some(none));
        assert_eq!(because("SchedulingGated", "Scheduling is blocked"), None);
        let long = because("Unschedulable", &"n".repeat(5000)).unwrap();
        assert_eq!(long.len(), 1024);
    }

    #[test]
    fn a_pod_that_is_being_deleted_is_leaving() {
        let mut leaving = object(&json!({}), &json!({}));
        leaving["metadata"]["deletionTimestamp"] = json!("2026-11-20T08:01:00Z");
        assert!(read(leaving).unwrap().leaving);
    }

    #[test]
    fn containers_are_told_of_by_name_with_the_image_that_was_asked_for() {
        let spec = json!({
            "containers": [{ "name": "app", "image": "example/web:1" }, { "name": "log", "image": "example/log:2" }],
            "initContainers": [{ "name": "migrate", "image": "example/web:1" }],
        });
        let status = json!({
            "containerStatuses": [
                { "name": "log", "image": "docker.io/example/log:other", "ready": true, "restartCount": 4 },
            ],
            "initContainerStatuses": [{ "name": "migrate", "ready": true, "restartCount": 1 }],
        });
        let found: Vec<_> = with(&spec, &status)
            .containers
            .into_iter()
            .map(|found| (found.name, found.image, found.is_ready, found.restarts))
            .collect();
        let expected = [
            ("app", "example/web:1", false, 0),
            ("log", "example/log:2", true, 4),
            ("migrate", "example/web:1", true, 1),
        ];
        assert_eq!(
            found,
            expected.map(|(name, image, ready, restarts)| (
                name.to_owned(),
                image.to_owned(),
                ready,
                restarts
            ))
        );
    }

    #[test]
    fn only_the_digest_of_a_manifest_is_taken_for_one() {
        let manifest = format!("sha256:{HEX}");
        for (image_id, expected) in [
            (
                format!("111122223333.dkr.ecr.eu-central-1.amazonaws.com/web@{manifest}"),
                Some(&manifest),
            ),
            (
                format!("docker-pullable://example/web@{manifest}"),
                Some(&manifest),
            ),
            (manifest.clone(), None),
            (format!("docker://{manifest}"), None),
            ("example/web@sha256:12".to_owned(), None),
            (String::new(), None),
        ] {
            let found = container(json!({ "imageID": image_id })).digest;
            assert_eq!(
                found.as_ref().map(Digest::as_str),
                expected.map(String::as_str),
                "{image_id}"
            );
        }
    }

    #[test]
    fn a_container_waits_runs_or_has_ended_and_nothing_is_known_before() {
        let ended = Ended {
            code: 128,
            reason: "StartError".to_owned(),
            message: "exec format error".to_owned(),
        };
        let terminated = json!({ "terminated": { "exitCode": 128, "reason": "StartError", "message": "exec format error" } });
        for (state, expected) in [
            (json!({}), ContainerState::Unknown),
            (
                json!({ "waiting": { "reason": "ImagePullBackOff", "message": "Back-off pulling image" } }),
                ContainerState::Waiting {
                    reason: "ImagePullBackOff".to_owned(),
                    message: "Back-off pulling image".to_owned(),
                },
            ),
            (
                json!({ "running": { "startedAt": "2026-11-20T08:00:05Z" } }),
                ContainerState::Running {
                    since: time("2026-11-20T08:00:05Z"),
                },
            ),
            (
                json!({ "running": { "startedAt": null } }),
                ContainerState::Unknown,
            ),
            (terminated.clone(), ContainerState::Ended(ended.clone())),
        ] {
            let found = container(json!({ "state": state, "lastState": {} }));
            assert_eq!((found.state, found.last), (expected, None), "{state}");
        }
        let restarted = container(json!({
            "restartCount": 2, "lastState": terminated,
            "state": { "waiting": { "reason": "CrashLoopBackOff", "message": "b".repeat(2000) } },
        }));
        assert_eq!(restarted.last, Some(ended));
        let ContainerState::Waiting { reason, message } = restarted.state else {
            panic!("{:?}", restarted.state)
        };
        assert_eq!((reason.as_str(), message.len()), ("CrashLoopBackOff", 1024));
    }

    #[test]
    fn what_a_pod_must_have_is_named_when_it_is_missing() {
        for field in ["uid", "creationTimestamp"] {
            let mut object = object(&json!({}), &json!({}));
            object["metadata"].as_object_mut().unwrap().remove(field);
            let error = read(object).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("test: pod shop/web-1 has no metadata.{field}")
            );
        }
    }
}
