//! Changes of tags: as the tagging service tells them (Tag Editor user guide, "Monitor tag changes"), and as
//! CloudTrail tells the calls of Auto Scaling's own API. Which of the two an account gets for a group is not
//! documented, so both are understood.

use std::collections::BTreeSet;

use domain::ids::GroupName;
use serde::Deserialize;
use serde_json::Value;

use crate::{Malformed, detail};

/// `detail-type` of the tagging service.
pub(crate) const TAG_CHANGE: &str = "Tag Change on Resource";
/// `detail-type` of CloudTrail.
pub(crate) const API_CALL: &str = "AWS API Call via CloudTrail";

/// How the ARN of a group names it, after the group's number.
const GROUP_IN_ARN: &str = ":autoScalingGroupName/";
/// `resourceType` of a group in Auto Scaling's own calls.
const GROUP_TYPE: &str = "auto-scaling-group";

/// Tags of groups changed, or somebody tried to change them. What they are now is read from the groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagsChanged {
    /// The groups, each once. There is none if the change was refused, or to something that is no group.
    pub groups: BTreeSet<GroupName>,
}

impl TagsChanged {
    /// Of the tagging service, by the resources that the event names.
    pub(crate) fn of_resources(resources: &[String]) -> Result<Self, Malformed> {
        let names = resources.iter().filter_map(|arn| {
            let (_, name) = arn.split_once(GROUP_IN_ARN)?;
            arn.contains(":autoscaling:").then_some(name)
        });
        Self::of_names(TAG_CHANGE, names)
    }

    /// Of CloudTrail; `None` if it tells another call.
    pub(crate) fn of_call(value: Value) -> Result<Option<Self>, Malformed> {
        let call: ApiCall = detail::read(API_CALL, value)?;
        if !matches!(call.event_name.as_str(), "CreateOrUpdateTags" | "DeleteTags") {
            return Ok(None);
        }
        let request: Option<Request> = detail::read(API_CALL, call.request_parameters)?;
        let tags = request.map(|request| request.tags).unwrap_or_default();
        let of_groups = tags.iter().filter(|tag| tag.resource_type == GROUP_TYPE);
        Self::of_names(API_CALL, of_groups.map(|tag| tag.resource_id.as_str())).map(Some)
    }

    fn of_names<'a>(detail_type: &str, names: impl Iterator<Item = &'a str>) -> Result<Self, Malformed> {
        let groups = names
            .map(GroupName::parse)
            .collect::<Result<_, _>>()
            .map_err(detail::invalid(detail_type))?;
        Ok(Self { groups })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ApiCall {
    event_name: String,
    /// Differs from call to call, and is null for one that was refused.
    #[serde(default)]
    request_parameters: Value,
}

#[derive(Deserialize)]
struct Request {
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tag {
    resource_id: String,
    resource_type: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Event, parse};

    fn groups(body: &str) -> Vec<String> {
        match parse(body) {
            Ok(Event::TagsChanged(change)) => change.groups.into_iter().map(String::from).collect(),
            other => panic!("not a change of tags: {other:?}"),
        }
    }

    #[test]
    fn a_change_of_tags_names_each_group_once() {
        let cases = [
            (
                include_str!("../../../events/node-label/tag-change.json"),
                &["workers"][..],
            ),
            (
                include_str!("../../../events/node-label/create-or-update-tags.json"),
                &["spare", "workers"],
            ),
            (
                include_str!("../../../events/node-label/delete-tags.json"),
                &["workers"],
            ),
        ];
        for (body, expected) in cases {
            assert_eq!(groups(body), expected);
        }
    }

    #[test]
    fn a_refused_change_and_one_of_something_else_name_no_group() {
        for body in [
            include_str!("../../../events/node-label/delete-tags-refused.json"),
            include_str!("../../../events/node-label/tag-change-elsewhere.json"),
        ] {
            assert!(groups(body).is_empty(), "{body}");
        }
    }

    #[test]
    fn a_call_that_changes_no_tags_is_not_for_us() {
        let file = include_str!("../../../events/node-label/delete-tags.json");
        let mut event: Value = serde_json::from_str(file).unwrap();
        event["detail"]["eventName"] = json!("UpdateAutoScalingGroup");
        event["detail"]["requestParameters"] = json!({ "autoScalingGroupName": "workers" });
        assert_eq!(
            parse(&event.to_string()).unwrap_err().to_string(),
            "detail-type \"AWS API Call via CloudTrail\" of source \"aws.autoscaling\": \
             expected one that this function handles"
        );
    }
}
