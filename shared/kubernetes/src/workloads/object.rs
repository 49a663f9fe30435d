//! A workload as the API server writes it, as far as we read it: one shape for all kinds, as no two of their fields
//! have one name and two meanings.

use std::collections::BTreeMap;

use domain::ids::Uid;
use domain::offhours::{Key, Kind, Scales, Size, Switch, Workload};
use jiff::Timestamp;
use serde::Deserialize;

use super::writer::{Entry, writer};
use crate::Error;
use crate::place::SizeField;

/// What Kubernetes takes an absent size for, of pods as of an autoscaler's minimum.
const DEFAULT_REPLICAS: u32 = 1;

/// Where kubectl keeps the whole manifest: large, and nothing that anybody says to us.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

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
    creation_timestamp: Option<Timestamp>,
    annotations: BTreeMap<String, String>,
    managed_fields: Vec<Entry>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    replicas: Option<u32>,
    suspend: bool,
    min_replicas: Option<u32>,
    max_replicas: Option<u32>,
    scale_target_ref: Option<Target>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    #[serde(default)]
    api_version: String,
    kind: String,
    name: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    ready_replicas: u32,
}

impl Object {
    /// Takes it apart.
    pub(super) fn into_workload(self, call: &str, kind: Kind, field: SizeField) -> Result<Workload, Error> {
        let Self {
            metadata,
            spec,
            status,
        } = self;
        let key = Key::in_cluster(kind, metadata.namespace, metadata.name);
        let lacks = |field| Error::Incomplete {
            call: call.to_owned(),
            object: key.to_string(),
            field,
        };
        let mut annotations = metadata.annotations;
        annotations.remove(LAST_APPLIED);
        Ok(Workload {
            uid: Uid::parse(metadata.uid).map_err(|_| lacks("metadata.uid"))?,
            version: metadata
                .resource_version
                .ok_or_else(|| lacks("metadata.resourceVersion"))?,
            created: metadata
                .creation_timestamp
                .ok_or_else(|| lacks("metadata.creationTimestamp"))?,
            annotations,
            size: spec.size(field),
            writer: writer(metadata.managed_fields, field),
            ready: status.ready_replicas,
            scales: match field {
                SizeField::Replicas | SizeField::Suspend => None,
                SizeField::MinReplicas => {
                    let max = spec.max_replicas.ok_or_else(|| lacks("spec.maxReplicas"))?;
                    let target = spec.scale_target_ref.and_then(|target| target.key(&key));
                    Some(Scales { target, max })
                }
            },
            key,
        })
    }
}

impl Spec {
    fn size(&self, field: SizeField) -> Size {
        match field {
            SizeField::Replicas => Size::Replicas(self.replicas.unwrap_or(DEFAULT_REPLICAS)),
            SizeField::MinReplicas => Size::Replicas(self.min_replicas.unwrap_or(DEFAULT_REPLICAS)),
            SizeField::Suspend if self.suspend => Size::Schedule(Switch::Off),
            SizeField::Suspend => Size::Schedule(Switch::On),
        }
    }
}

impl Target {
    /// What the autoscaler of that key scales, in its own namespace.
    fn key(self, autoscaler: &Key) -> Option<Key> {
        let kind = match self.kind.as_str() {
            "Deployment" => Kind::Deployment,
            "StatefulSet" => Kind::StatefulSet,
            _ => return None,
        };
        let namespace = autoscaler
            .namespace()
            .filter(|_| self.api_version.starts_with("apps/"))?;
        Some(Key::in_cluster(kind, namespace, self.name))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::scenario::workload;

    fn read(kind: Kind, object: Value) -> Result<Workload, Error> {
        let (_, field) = crate::place::Place::of(kind).unwrap();
        serde_json::from_value::<Object>(object)
            .unwrap()
            .into_workload("test", kind, field)
    }

    fn with(kind: Kind, spec: &Value) -> Workload {
        read(kind, workload("web", spec)).unwrap()
    }

    #[test]
    fn a_size_is_read_from_the_field_of_its_kind_and_has_the_api_servers_default() {
        let replicas = json!({ "replicas": 3, "template": { "spec": { "containers": [] } } });
        let cases = [
            (Kind::Deployment, replicas.clone(), Size::Replicas(3)),
            (Kind::Deployment, json!({ "replicas": 0 }), Size::Replicas(0)),
            (Kind::Deployment, json!({}), Size::Replicas(1)),
            (Kind::StatefulSet, replicas, Size::Replicas(3)),
            (
                Kind::CronJob,
                json!({ "suspend": true }),
                Size::Schedule(Switch::Off),
            ),
            (
                Kind::CronJob,
                json!({ "suspend": false }),
                Size::Schedule(Switch::On),
            ),
            (Kind::CronJob, json!({}), Size::Schedule(Switch::On)),
            (
                Kind::Autoscaler,
                json!({ "minReplicas": 2, "maxReplicas": 9 }),
                Size::Replicas(2),
            ),
            (Kind::Autoscaler, json!({ "maxReplicas": 9 }), Size::Replicas(1)),
        ];
        for (kind, spec, size) in cases {
            assert_eq!(with(kind, &spec).size, size, "{kind} {spec}");
        }
    }

    #[test]
    fn everything_else_is_read_but_for_kubectls_copy_of_the_manifest() {
        let mut object = workload("web", &json!({}));
        object["metadata"]["annotations"] = json!({ "lamplighter.dev/tier": "0", LAST_APPLIED: "{}" });
        object["status"] = json!({ "replicas": 3, "readyReplicas": 2 });
        let found = read(Kind::StatefulSet, object).unwrap();
        assert_eq!(found.key.to_string(), "statefulset/shop/web");
        assert_eq!(
            (found.uid.as_str(), found.version.as_str(), found.ready),
            ("uid-web", "41", 2)
        );
        assert_eq!(found.created.to_string(), "2026-11-20T08:00:00Z");
        let annotations: Vec<_> = found
            .annotations
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        assert_eq!(annotations, [("lamplighter.dev/tier", "0")]);
        assert_eq!(found.scales, None);
    }

    #[test]
    fn an_autoscaler_says_what_it_scales_if_that_can_sleep() {
        let target = |api_version: &str, kind: &str| {
            let spec = json!({ "maxReplicas": 9, "scaleTargetRef": { "apiVersion": api_version, "kind": kind, "name": "api" } });
            let scales = with(Kind::Autoscaler, &spec).scales.unwrap();
            assert_eq!(scales.max, 9);
            scales.target.map(|key| key.to_string())
        };
        assert_eq!(
            target("apps/v1", "Deployment").as_deref(),
            Some("deployment/shop/api")
        );
        assert_eq!(
            target("apps/v1", "StatefulSet").as_deref(),
            Some("statefulset/shop/api")
        );
        assert_eq!(target("apps/v1", "ReplicaSet"), None);
        assert_eq!(target("argoproj.io/v1alpha1", "Rollout"), None);
        assert_eq!(target("apps.example.org/v1", "Deployment"), None);
    }

    #[test]
    fn an_object_that_lacks_what_each_has_is_named() {
        let said = |kind, place: &str| {
            let mut object = workload("web", &json!({ "maxReplicas": 9 }));
            let (parent, field) = place.rsplit_once('/').unwrap();
            object
                .pointer_mut(parent)
                .unwrap()
                .as_object_mut()
                .unwrap()
                .remove(field)
                .unwrap();
            read(kind, object).unwrap_err().to_string()
        };
        assert_eq!(
            said(Kind::CronJob, "/metadata/uid"),
            "test: cronjob/shop/web has no metadata.uid"
        );
        assert_eq!(
            said(Kind::CronJob, "/metadata/resourceVersion"),
            "test: cronjob/shop/web has no metadata.resourceVersion"
        );
        assert_eq!(
            said(Kind::CronJob, "/metadata/creationTimestamp"),
            "test: cronjob/shop/web has no metadata.creationTimestamp"
        );
        assert_eq!(
            said(Kind::Autoscaler, "/spec/maxReplicas"),
            "test: hpa/shop/web has no spec.maxReplicas"
        );
    }
}
