//! What `UpdateNodegroupConfig` makes of a node group: sizes, labels, taints and the update configuration.
//!
//! Source: EKS API Reference, `UpdateNodegroupConfig`, `NodegroupScalingConfig` ("Minimum value of 1" for `maxSize`).

use serde_json::{Map, Value, json};

/// What `UpdateNodegroupConfig` may change in a node group.
const FIELDS: [&str; 4] = ["scalingConfig", "labels", "taints", "updateConfig"];

/// The fields of the node group as they are after `change`, or the rule that it breaks.
pub(super) fn changed(nodegroup: &Value, change: &Value) -> Result<Map<String, Value>, String> {
    let mut fields: Map<String, Value> = FIELDS
        .iter()
        .filter_map(|&field| Some((field.to_owned(), nodegroup.get(field)?.clone())))
        .collect();
    merge(&mut fields, "scalingConfig", &change["scalingConfig"]);
    merge(&mut fields, "updateConfig", &change["updateConfig"]);
    merge(&mut fields, "labels", &change["labels"]["addOrUpdateLabels"]);
    if let Some(labels) = fields.get_mut("labels").and_then(Value::as_object_mut) {
        for label in texts(&change["labels"]["removeLabels"]) {
            labels.remove(label);
        }
    }
    change_taints(&mut fields, &change["taints"]);
    let size = |field: &str| {
        fields
            .get("scalingConfig")
            .and_then(|sizes| sizes[field].as_i64())
    };
    for (field, least) in [("minSize", 0), ("desiredSize", 0), ("maxSize", 1)] {
        if let Some(size) = size(field).filter(|&size| size < least) {
            return Err(format!("{field} {size} can't be less than {least}"));
        }
    }
    match (size("minSize"), size("desiredSize"), size("maxSize")) {
        (Some(min), Some(desired), _) if min > desired => Err(format!(
            "Minimum capacity {min} can't be greater than desired size {desired}"
        )),
        (_, Some(desired), Some(max)) if desired > max => Err(format!(
            "desired capacity {desired} can't be greater than max size {max}"
        )),
        _ => Ok(fields),
    }
}

fn merge(fields: &mut Map<String, Value>, field: &str, change: &Value) {
    let Some(change) = change.as_object() else { return };
    let current = fields.entry(field).or_insert_with(|| json!({}));
    if !current.is_object() {
        *current = json!({});
    }
    for (key, value) in change {
        current[key] = value.clone();
    }
}

/// A taint is known by its key and its effect.
fn change_taints(fields: &mut Map<String, Value>, change: &Value) {
    let list = |name: &str| change[name].as_array().cloned().unwrap_or_default();
    let (set, remove) = (list("addOrUpdateTaints"), list("removeTaints"));
    if set.is_empty() && remove.is_empty() {
        return;
    }
    let same = |one: &Value, other: &Value| one["key"] == other["key"] && one["effect"] == other["effect"];
    let mut taints = fields
        .get("taints")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    taints.retain(|taint| !set.iter().chain(&remove).any(|other| same(taint, other)));
    taints.extend(set);
    fields.insert("taints".to_owned(), taints.into());
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

pub(super) fn params(change: &Value) -> Vec<Value> {
    [
        ("MinSize", "minSize"),
        ("MaxSize", "maxSize"),
        ("DesiredSize", "desiredSize"),
    ]
    .into_iter()
    .filter_map(|(kind, field)| {
        let size = change["scalingConfig"][field].as_i64()?;
        Some(json!({ "type": kind, "value": size.to_string() }))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodegroup() -> Value {
        json!({
            "scalingConfig": { "minSize": 1, "desiredSize": 3, "maxSize": 5 },
            "labels": { "a": "1" },
            "taints": [{ "key": "k", "value": "v", "effect": "NO_SCHEDULE" }],
        })
    }

    #[test]
    fn a_change_leaves_what_it_does_not_name() {
        let change = json!({
            "scalingConfig": { "minSize": 0, "desiredSize": 0 },
            "labels": { "addOrUpdateLabels": { "b": "2" }, "removeLabels": ["a"] },
            "taints": { "addOrUpdateTaints": [{ "key": "k", "value": "w", "effect": "NO_SCHEDULE" }] },
        });
        let fields = changed(&nodegroup(), &change).unwrap();
        assert_eq!(
            fields["scalingConfig"],
            json!({ "minSize": 0, "desiredSize": 0, "maxSize": 5 })
        );
        assert_eq!(fields["labels"], json!({ "b": "2" }));
        assert_eq!(fields["taints"][0]["value"], "w");
    }

    #[test]
    fn the_desired_size_stays_between_the_others() {
        for change in [json!({ "desiredSize": 6 }), json!({ "minSize": 4 })] {
            let change = json!({ "scalingConfig": change });
            assert!(changed(&nodegroup(), &change).is_err(), "{change}");
        }
    }

    #[test]
    fn a_group_may_have_no_node_but_must_be_able_to_have_one() {
        let to = |max| json!({ "scalingConfig": { "minSize": 0, "desiredSize": 0, "maxSize": max } });
        assert!(changed(&nodegroup(), &to(1)).is_ok());
        let error = changed(&nodegroup(), &to(0)).unwrap_err();
        assert_eq!(error, "maxSize 0 can't be less than 1");
    }
}
