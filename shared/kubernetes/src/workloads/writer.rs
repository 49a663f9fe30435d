//! Who wrote a size, as the managed fields of an object tell it.

use domain::offhours::{Operation, Writer};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::place::SizeField;

/// Which fields one manager owns.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Entry {
    manager: String,
    operation: String,
    time: Option<Timestamp>,
    #[serde(rename = "fieldsV1")]
    fields: Fields,
}

#[derive(Deserialize, Default)]
struct Fields {
    #[serde(rename = "f:spec", default)]
    spec: SpecFields,
}

/// What is in them does not matter: a field that is named is owned.
#[derive(Deserialize, Default)]
struct SpecFields {
    #[serde(rename = "f:replicas")]
    replicas: Option<IgnoredAny>,
    #[serde(rename = "f:suspend")]
    suspend: Option<IgnoredAny>,
    #[serde(rename = "f:minReplicas")]
    min_replicas: Option<IgnoredAny>,
}

/// Who wrote the field last.
///
/// Whoever changes a field takes it from all others (seen on 1.36), so that several own it only when they declared
/// the value that it has already. What is written through the subresource `scale` has no time. It is then the older
/// one: it would have taken the field from the others.
pub(super) fn writer(entries: Vec<Entry>, field: SizeField) -> Option<Writer> {
    let owners = entries.into_iter().filter(|entry| entry.fields.spec.owns(field));
    let newest = owners.max_by_key(|entry| entry.time)?;
    Some(Writer {
        manager: newest.manager,
        operation: match newest.operation.as_str() {
            "Apply" => Operation::Apply,
            _ => Operation::Update,
        },
        at: newest.time,
    })
}

impl SpecFields {
    const fn owns(&self, field: SizeField) -> bool {
        match field {
            SizeField::Replicas => self.replicas.is_some(),
            SizeField::Suspend => self.suspend.is_some(),
            SizeField::MinReplicas => self.min_replicas.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn wrote(field: SizeField, entries: Value) -> Option<(String, Option<String>)> {
        let found = writer(serde_json::from_value(entries).unwrap(), field)?;
        Some((found.manager, found.at.map(|at| at.to_string())))
    }

    fn entry(manager: &str, time: Option<&str>, fields: &Value) -> Value {
        let mut entry = json!({
            "manager": manager, "operation": "Update", "apiVersion": "apps/v1", "fieldsType": "FieldsV1", "fieldsV1": fields,
        });
        match time {
            Some(time) => entry["time"] = json!(time),
            None => entry["subresource"] = json!("scale"),
        }
        entry
    }

    #[test]
    fn the_writer_is_the_newest_owner_of_the_size_and_not_of_something_else() {
        let replicas = json!({ "f:metadata": { "f:labels": {} }, "f:spec": { "f:replicas": {}, "f:template": { "f:spec": {} } } });
        let others = json!({ "f:spec": { "f:template": { "f:spec": { "f:replicas": {} } } }, "f:status": { "f:replicas": {} } });
        let (early, late) = (Some("2026-11-26T00:17:49Z"), Some("2026-11-26T00:18:06Z"));
        let said = |manager: &str, at: Option<&str>| Some((manager.to_owned(), at.map(str::to_owned)));

        let applied = json!([
            entry("kubectl-client-side-apply", early, &replicas),
            entry("kube-controller-manager", late, &others)
        ]);
        assert_eq!(
            wrote(SizeField::Replicas, applied),
            said("kubectl-client-side-apply", early)
        );
        let scaled = json!([entry("kubectl", None, &replicas), entry("helm", late, &others)]);
        assert_eq!(wrote(SizeField::Replicas, scaled), said("kubectl", None));
        let both = json!([
            entry("kubectl", late, &replicas),
            entry("argocd-controller", early, &replicas)
        ]);
        assert_eq!(wrote(SizeField::Replicas, both), said("kubectl", late));
        let declared_what_was_scaled = json!([
            entry("argocd-controller", early, &replicas),
            entry("kubectl", None, &replicas)
        ]);
        assert_eq!(
            wrote(SizeField::Replicas, declared_what_was_scaled),
            said("argocd-controller", early)
        );
        assert_eq!(
            wrote(SizeField::Replicas, json!([entry("helm", late, &others)])),
            None
        );
        assert_eq!(wrote(SizeField::Replicas, json!([])), None);
        let suspended = json!([entry(
            "kubectl-patch",
            early,
            &json!({ "f:spec": { "f:suspend": {} } })
        )]);
        assert_eq!(wrote(SizeField::Suspend, suspended), said("kubectl-patch", early));
        let mut applied = entry("kubectl", early, &replicas);
        applied["operation"] = json!("Apply");
        let writer = writer(
            serde_json::from_value(json!([applied])).unwrap(),
            SizeField::Replicas,
        );
        assert_eq!(writer.unwrap().operation, Operation::Apply);
        let floor = json!([entry(
            "kubectl-autoscale",
            early,
            &json!({ "f:spec": { "f:maxReplicas": {}, "f:minReplicas": {} } })
        )]);
        assert_eq!(
            wrote(SizeField::MinReplicas, floor),
            said("kubectl-autoscale", early)
        );
    }
}
