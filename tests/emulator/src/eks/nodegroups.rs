//! `UpdateNodegroupConfig`, which the emulator lacks.
//!
//! Behaviour as in <https://docs.aws.amazon.com/eks/latest/APIReference/API_UpdateNodegroupConfig.html>: sizes,
//! labels, taints and the update configuration, seen by the next `DescribeNodegroup`. Left out: the update is
//! over at once, `DescribeUpdate` does not find it, and no Auto Scaling group follows it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::SystemTime;

use anyhow::{Context, Result};
use autoscaling::judge::{Asked, SignedRequest, Verdict};
use base::aws;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::json_answer;
use crate::client::Refused;
use crate::forward::Answer;
use crate::{Client, EmulatorJudge};

/// What `UpdateNodegroupConfig` may change in a node group.
const FIELDS: [&str; 4] = ["scalingConfig", "labels", "taints", "updateConfig"];

/// The node groups that were changed, by ARN: that of a new group of the same name is another.
#[derive(Debug, Default)]
pub(super) struct Nodegroups {
    changed: Mutex<BTreeMap<String, Map<String, Value>>>,
}

impl Nodegroups {
    /// Puts what was changed into an answer of `DescribeNodegroup`.
    pub(super) fn apply(&self, body: &mut Value) {
        let arn = body["nodegroup"]["nodegroupArn"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let Ok(changed) = self.changed.lock() else { return };
        for (field, value) in changed.get(&arn).into_iter().flatten() {
            body["nodegroup"][field] = value.clone();
        }
    }

    /// The operation: authorised for the caller, then carried out.
    pub(super) async fn update(
        &self,
        judge: &EmulatorJudge,
        emulator: &Client,
        request: &SignedRequest,
        cluster: &str,
        name: &str,
    ) -> Result<Answer> {
        let path = format!("/clusters/{cluster}/node-groups/{name}");
        let found = match emulator.rest("eks", Method::GET, &path, None).await {
            Ok(mut body) => {
                self.apply(&mut body);
                Ok(body["nodegroup"].take())
            }
            Err(error) => Err(error.downcast::<Refused>()?),
        };
        let asked = asked(found.as_ref().ok(), cluster, name);
        if let Verdict::Refused {
            status,
            content_type,
            body,
        } = judge.ask(request, &asked).await?
        {
            let headers = vec![
                ("content-type".to_owned(), content_type),
                ("x-amzn-errortype".to_owned(), code(&body)),
            ];
            return Ok(Answer {
                status,
                headers,
                body,
            });
        }
        let nodegroup = match found {
            Ok(nodegroup) => nodegroup,
            Err(error) => return Ok(refusal(error.status, &error.code, &error.message)),
        };
        let Ok(change) = serde_json::from_slice::<Value>(&request.body) else {
            return Ok(refusal(400, "SerializationException", "the body is not JSON"));
        };
        match changed(&nodegroup, &change) {
            Ok(fields) => self.keep(&nodegroup, fields, &change),
            Err(message) => Ok(refusal(400, "InvalidParameterException", &message)),
        }
    }

    fn keep(&self, nodegroup: &Value, fields: Map<String, Value>, change: &Value) -> Result<Answer> {
        let arn = nodegroup["nodegroupArn"]
            .as_str()
            .context("a node group without ARN")?;
        let mut changed = self
            .changed
            .lock()
            .map_err(|_| anyhow::anyhow!("another request panicked"))?;
        changed.insert(arn.to_owned(), fields);
        let number = changed.len();
        let seconds = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)?
            .as_secs();
        let update = json!({
            "id": format!("00000000-0000-4000-8000-{number:04x}{seconds:08x}"),
            "status": "InProgress",
            "type": "ConfigUpdate",
            "params": params(change),
            "createdAt": seconds,
            "errors": [],
        });
        Ok(json_answer(200, None, &json!({ "update": update })))
    }
}

fn asked(nodegroup: Option<&Value>, cluster: &str, name: &str) -> Asked {
    let arn = nodegroup.and_then(|nodegroup| nodegroup["nodegroupArn"].as_str());
    let tags = nodegroup.and_then(|nodegroup| nodegroup["tags"].as_object());
    Asked {
        action: "eks:UpdateNodegroupConfig".to_owned(),
        resource: arn.map_or_else(
            || {
                format!(
                    "arn:aws:eks:{}:{}:nodegroup/{cluster}/{name}/*",
                    aws::REGION,
                    aws::ACCOUNT
                )
            },
            str::to_owned,
        ),
        resource_tags: tags
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect(),
    }
}

/// The fields of the node group as they are after `change`, or the rule that it breaks.
fn changed(nodegroup: &Value, change: &Value) -> Result<Map<String, Value>, String> {
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

fn params(change: &Value) -> Vec<Value> {
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

fn refusal(status: u16, code: &str, message: &str) -> Answer {
    json_answer(status, Some(code), &json!({ "__type": code, "message": message }))
}

/// The emulator names the error in the body alone; SDKs look at the header first.
fn code(body: &[u8]) -> String {
    serde_json::from_slice::<Value>(body)
        .ok()
        .and_then(|body| Some(body["__type"].as_str()?.to_owned()))
        .unwrap_or_else(|| "AccessDeniedException".to_owned())
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
}
