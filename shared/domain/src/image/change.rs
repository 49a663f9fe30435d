//! A patch of a workload: images and our annotations, and nothing else.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::record::Record;
use super::reference::ImageRef;
use super::target::{Kind, Target};
use super::workload::{Role, Workload};

/// Why a revision is there, as `kubectl rollout history` shows it.
const CHANGE_CAUSE: &str = "kubernetes.io/change-cause";

/// A write to one workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which one.
    pub target: Target,
    /// The version that was seen: it must hold for no other.
    pub version: String,
    /// Images to set, by container.
    pub images: Vec<(String, Role, ImageRef)>,
    /// Annotations to set or, with `None`, to take away; full names.
    pub annotations: BTreeMap<String, Option<String>>,
}

impl Change {
    /// A write that sets these images, and makes the workload remember `record` instead of `before`. `None` if
    /// nothing is to be written.
    pub fn of(
        workload: &Workload,
        images: Vec<(String, Role, ImageRef)>,
        before: &Record,
        record: &Record,
        cause: Option<&str>,
    ) -> Option<Self> {
        let mut annotations = record.changes_from(before);
        if let Some(cause) = cause.filter(|_| !images.is_empty()) {
            annotations.insert(CHANGE_CAUSE.to_owned(), Some(cause.to_owned()));
        }
        let is_change = !(images.is_empty() && annotations.is_empty());
        is_change.then(|| Self {
            target: workload.target.clone(),
            version: workload.version.clone(),
            images,
            annotations,
        })
    }

    /// Whether pods are replaced by it.
    pub fn rolls_out(&self) -> bool {
        !self.images.is_empty()
    }

    /// The strategic merge patch: containers are merged by name, so that nothing else of them is touched.
    pub fn patch(&self) -> Value {
        let mut patch = json!({ "metadata": {
            "resourceVersion": self.version, "annotations": self.annotations,
        } });
        if self.images.is_empty() {
            return patch;
        }
        let mut pod = Map::new();
        for (name, role, image) in &self.images {
            let list = match role {
                Role::Main => "containers",
                Role::Init => "initContainers",
            };
            let entry = json!({ "name": name, "image": image });
            if let Value::Array(list) = pod.entry(list).or_insert_with(|| json!([])) {
                list.push(entry);
            }
        }
        let template = json!({ "spec": { "template": { "spec": pod } } });
        patch["spec"] = match self.target.kind {
            Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet => template["spec"].clone(),
            Kind::CronJob => json!({ "jobTemplate": template }),
        };
        patch
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{image, workload};
    use super::*;

    fn change(kind: Kind) -> Change {
        let mut workload = workload();
        workload.target.kind = kind;
        let images = vec![
            ("app".to_owned(), Role::Main, image("1.3.0")),
            ("migrate".to_owned(), Role::Init, image("1.3.0")),
        ];
        let none = Record::default();
        Change::of(&workload, images, &none, &none, Some("1.3.0 was pushed")).unwrap()
    }

    #[test]
    fn a_patch_names_containers_and_the_version_and_touches_nothing_else() {
        let text = image("1.3.0").to_string();
        let pod = json!({
            "containers": [{ "name": "app", "image": text }],
            "initContainers": [{ "name": "migrate", "image": text }],
        });
        let metadata = json!({
            "resourceVersion": workload().version,
            "annotations": { "kubernetes.io/change-cause": "1.3.0 was pushed" },
        });
        assert_eq!(
            change(Kind::StatefulSet).patch(),
            json!({ "metadata": metadata, "spec": { "template": { "spec": pod } } })
        );
        assert_eq!(
            change(Kind::CronJob).patch(),
            json!({ "metadata": metadata, "spec": { "jobTemplate": { "spec": { "template": { "spec": pod } } } } })
        );
    }

    #[test]
    fn nothing_to_write_is_no_change() {
        let none = Record::default();
        assert_eq!(Change::of(&workload(), vec![], &none, &none, Some("why")), None);
    }
}
