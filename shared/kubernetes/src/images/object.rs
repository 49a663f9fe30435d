//! A workload as the API server writes it, as far as we read it: one shape for all kinds, as no two of their fields
//! have one name and two meanings.

use std::collections::BTreeMap;

use domain::ids::Uid;
use domain::image::{Container, Kind, Role, Target, Workload};
use serde::Deserialize;

use super::owners::Owner;
use super::status::{Spread, Status, UpdateStrategy};
use crate::Error;

/// Where kubectl keeps the whole manifest: large, and nothing that anybody says to us.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// By which nodes, and those that want some of them, name an architecture.
const ARCHITECTURE: &str = "kubernetes.io/arch";

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
    resource_version: Option<String>,
    generation: i64,
    annotations: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
    owner_references: Vec<Owner>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    template: Template,
    job_template: JobTemplate,
    replicas: Option<u32>,
    paused: bool,
    progress_deadline_seconds: Option<i64>,
    update_strategy: UpdateStrategy,
}

/// What a `CronJob` makes its Jobs of.
#[derive(Deserialize, Default)]
#[serde(default)]
struct JobTemplate {
    spec: JobSpec,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct JobSpec {
    template: Template,
}

/// What pods are made of.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Template {
    spec: PodSpec,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct PodSpec {
    containers: Vec<Named>,
    init_containers: Vec<Named>,
    node_selector: BTreeMap<String, String>,
}

/// A container of a specification.
#[derive(Deserialize)]
pub(super) struct Named {
    pub(super) name: String,
    #[serde(default)]
    pub(super) image: String,
}

impl Object {
    /// Takes it apart.
    pub(super) fn into_workload(self, call: &str, kind: Kind) -> Result<Workload, Error> {
        let Self {
            metadata,
            spec,
            status,
        } = self;
        let target = Target {
            kind,
            namespace: metadata.namespace,
            name: metadata.name,
        };
        let lacks = |field| Error::Incomplete {
            call: call.to_owned(),
            object: target.to_string(),
            field,
        };
        let mut annotations = metadata.annotations;
        annotations.remove(LAST_APPLIED);
        let spread = Spread {
            replicas: spec.replicas,
            paused: spec.paused,
            progress_deadline_seconds: spec.progress_deadline_seconds,
            replacement: spec.update_strategy.replacement(),
        };
        let mut pod = match kind {
            Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet => spec.template.spec,
            Kind::CronJob => spec.job_template.spec.template.spec,
        };
        Ok(Workload {
            uid: Uid::parse(metadata.uid).map_err(|_| lacks("metadata.uid"))?,
            version: metadata
                .resource_version
                .ok_or_else(|| lacks("metadata.resourceVersion"))?,
            annotations,
            labels: metadata.labels,
            controller: Owner::controller(&metadata.owner_references)
                .map(|owner| format!("{} {}", owner.kind, owner.name)),
            node_architecture: pod.node_selector.remove(ARCHITECTURE),
            containers: pod.into_containers(),
            rollout: status.into_rollout(kind, metadata.generation, &spread),
            target,
        })
    }
}

impl PodSpec {
    fn into_containers(self) -> Vec<Container> {
        let of = |named: Named, role| Container {
            name: named.name,
            image: named.image,
            role,
        };
        let main = self.containers.into_iter().map(|named| of(named, Role::Main));
        let init = self
            .init_containers
            .into_iter()
            .map(|named| of(named, Role::Init));
        main.chain(init).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::scenario::workload;

    fn read(kind: Kind, object: Value) -> Result<Workload, Error> {
        serde_json::from_value::<Object>(object)
            .unwrap()
            .into_workload("test", kind)
    }

    fn template() -> Value {
        json!({
            "metadata": { "labels": { "app": "web" } },
            "spec": {
                "nodeSelector": { "kubernetes.io/arch": "arm64", "pool": "blue" },
                "initContainers": [{ "name": "migrate", "image": "example/web:1", "restartPolicy": "Always" }],
                "containers": [{ "name": "app", "image": "example/web:1", "env": [] }, { "name": "log", "image": "example/log" }],
            },
        })
    }

    #[test]
    fn containers_and_their_architecture_are_read_from_the_pod_template_of_each_kind() {
        for kind in Kind::ALL {
            let spec = match kind {
                Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet => json!({ "template": template() }),
                Kind::CronJob => {
                    json!({ "schedule": "0 0 * * *", "jobTemplate": { "spec": { "template": template() } } })
                }
            };
            let found = read(kind, workload("web", &spec)).unwrap();
            assert_eq!(found.target.to_string(), format!("{kind}/shop/web"));
            let containers: Vec<_> = found
                .containers
                .iter()
                .map(|container| (container.name.as_str(), container.image.as_str(), container.role))
                .collect();
            assert_eq!(
                containers,
                [
                    ("app", "example/web:1", Role::Main),
                    ("log", "example/log", Role::Main),
                    ("migrate", "example/web:1", Role::Init),
                ],
                "{kind}"
            );
            assert_eq!(found.node_architecture.as_deref(), Some("arm64"), "{kind}");
        }
    }

    #[test]
    fn metadata_is_read_but_for_kubectls_copy_of_the_manifest() {
        let mut object = workload("web", &json!({ "template": { "spec": { "containers": [] } } }));
        object["metadata"]["annotations"] =
            json!({ "lamplighter.dev/image-policy": "minor", LAST_APPLIED: "{}" });
        object["metadata"]["labels"] = json!({ "team": "shop" });
        object["metadata"]["generation"] = json!(7);
        object["metadata"]["ownerReferences"] = json!([
            { "apiVersion": "v1", "kind": "ConfigMap", "name": "seen", "uid": "u1" },
            { "apiVersion": "example.org/v1", "kind": "Shop", "name": "berlin", "uid": "u2", "controller": true },
        ]);
        let found = read(Kind::Deployment, object).unwrap();
        assert_eq!((found.uid.as_str(), found.version.as_str()), ("uid-web", "41"));
        assert_eq!(found.rollout.generation, 7);
        assert_eq!(found.controller.as_deref(), Some("Shop berlin"));
        let pairs = |map: &BTreeMap<String, String>| -> Vec<String> {
            map.iter().map(|(key, value)| format!("{key}={value}")).collect()
        };
        assert_eq!(pairs(&found.annotations), ["lamplighter.dev/image-policy=minor"]);
        assert_eq!(pairs(&found.labels), ["team=shop"]);
        assert_eq!(found.node_architecture, None);
    }

    #[test]
    fn nobody_controls_a_workload_that_is_only_owned() {
        let mut object = workload("web", &json!({}));
        object["metadata"]["ownerReferences"] = json!([{ "apiVersion": "v1", "kind": "ConfigMap", "name": "seen", "uid": "u1", "controller": false }]);
        assert_eq!(read(Kind::DaemonSet, object).unwrap().controller, None);
    }

    #[test]
    fn what_a_workload_must_have_is_named_when_it_is_missing() {
        for (field, name) in [
            ("uid", "metadata.uid"),
            ("resourceVersion", "metadata.resourceVersion"),
        ] {
            let mut object = workload("web", &json!({}));
            object["metadata"].as_object_mut().unwrap().remove(field);
            let error = read(Kind::Deployment, object).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("test: deployment/shop/web has no {name}")
            );
        }
    }
}
