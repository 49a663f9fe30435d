//! Requests about node groups, taken apart, and answers to them.

use anyhow::{Context, Result};
use autoscaling::judge::Asked;
use base::aws;
use serde_json::{Value, json};

use super::super::json_answer;
use crate::client::Refused;
use crate::forward::Answer;

/// Which node group a request is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name<'a> {
    cluster: &'a str,
    nodegroup: &'a str,
}

impl<'a> Name<'a> {
    pub(super) const fn new(cluster: &'a str, nodegroup: &'a str) -> Self {
        Self { cluster, nodegroup }
    }

    pub(super) fn path(self) -> String {
        format!("/clusters/{}/node-groups/{}", self.cluster, self.nodegroup)
    }

    /// What IAM is asked for: the node group with its tags, or any by this name if it is not there.
    pub(super) fn asked(self, found: Option<&Value>) -> Asked {
        let tags = found.and_then(|nodegroup| nodegroup["tags"].as_object());
        Asked {
            action: String::new(),
            resource: found.map_or_else(
                || arn(&format!("nodegroup/{}/{}/*", self.cluster, self.nodegroup)),
                |nodegroup| arn_of(nodegroup).to_owned(),
            ),
            resource_tags: tags
                .into_iter()
                .flatten()
                .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
                .collect(),
        }
    }
}

/// What IAM is asked for by requests about all node groups of a cluster. Left out: the cluster's tags.
pub(super) fn cluster_asked(cluster: &str) -> Asked {
    Asked {
        resource: arn(&format!("cluster/{cluster}")),
        ..Asked::default()
    }
}

fn arn(resource: &str) -> String {
    format!("arn:aws:eks:{}:{}:{resource}", aws::REGION, aws::ACCOUNT)
}

pub(super) fn arn_of(nodegroup: &Value) -> &str {
    nodegroup["nodegroupArn"].as_str().unwrap_or_default()
}

/// The name of the Auto Scaling group behind it.
pub(super) fn group_of(nodegroup: &Value) -> Result<&str> {
    nodegroup["resources"]["autoScalingGroups"][0]["name"]
        .as_str()
        .context("a node group without an Auto Scaling group")
}

/// The names after `after`, `size` at most.
pub(super) fn page(names: &Value, after: &str, size: usize) -> Value {
    let mut names: Vec<&str> = names
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .filter(|&name| name > after)
        .collect();
    names.sort_unstable();
    let is_last = names.len() <= size;
    names.truncate(size);
    let mut answer = json!({ "nodegroups": names });
    if let Some(last) = names.last().filter(|_| !is_last) {
        answer["nextToken"] = (*last).into();
    }
    answer
}

/// A parameter of a query.
pub(super) fn parameter(query: &str, name: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// The ARN in a path, which SDKs encode in different ways. None has a `+` or an `&`.
pub(super) fn decoded(arn: &str) -> String {
    parameter(&format!("arn={arn}"), "arn").unwrap_or_default()
}

/// A part of a path or of a query, as it is signed.
pub(super) fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

/// What the emulator would not do is what we would not do; an emulator that can't be asked is an error.
pub(super) fn or_refused(answer: Result<Value>) -> Result<Result<Value, Refused>> {
    match answer {
        Ok(body) => Ok(Ok(body)),
        Err(error) => Ok(Err(error.downcast::<Refused>()?)),
    }
}

pub(super) fn problem(status: u16, code: &str, message: &str) -> Refused {
    Refused {
        status,
        code: code.to_owned(),
        message: message.to_owned(),
    }
}

pub(super) fn answer(outcome: Result<Value, Refused>) -> Answer {
    match outcome {
        Ok(body) => json_answer(200, None, &body),
        Err(Refused {
            status,
            code,
            message,
        }) => json_answer(
            status,
            Some(&code),
            &json!({ "__type": code, "message": message }),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_to_the_last() {
        let names = json!(["b", "c", "a"]);
        let first = page(&names, "", 2);
        assert_eq!(first, json!({ "nodegroups": ["a", "b"], "nextToken": "b" }));
        assert_eq!(page(&names, "b", 2), json!({ "nodegroups": ["c"] }));
    }

    #[test]
    fn an_arn_is_read_however_it_is_encoded() {
        let arn = "arn:aws:eks:eu-central-1:111122223333:nodegroup/world/blue/1";
        assert_eq!(decoded(arn), arn);
        assert_eq!(decoded(&encoded(arn)), arn);
    }
}
