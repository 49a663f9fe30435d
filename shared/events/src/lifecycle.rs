//! Lifecycle actions of Auto Scaling groups (Amazon EC2 Auto Scaling user guide, "EventBridge event
//! reference").

use domain::ids::{GroupName, HookName, InstanceId, InvalidId, LifecycleToken};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::Malformed;

/// `detail-type` of an instance that waits to be terminated.
pub(crate) const TERMINATE: &str = "EC2 Instance-terminate Lifecycle Action";

/// An instance waits at a terminate hook of its group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerminateAction {
    /// The group.
    pub group: GroupName,
    /// The hook. It may be somebody else's: rules match by name, and names are not secrets.
    pub hook: HookName,
    /// The instance.
    pub instance: InstanceId,
    /// Names this very action.
    pub token: LifecycleToken,
    /// When the hook began to wait.
    pub since: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Detail {
    auto_scaling_group_name: String,
    lifecycle_hook_name: String,
    #[serde(rename = "EC2InstanceId")]
    instance_id: String,
    lifecycle_action_token: LifecycleToken,
}

impl TerminateAction {
    pub(crate) fn read(since: Timestamp, detail: Value) -> Result<Self, Malformed> {
        let detail: Detail = serde_json::from_value(detail).map_err(|error| Malformed::Detail {
            detail_type: TERMINATE.to_owned(),
            problem: error.to_string(),
        })?;
        let identifier = |problem: InvalidId| Malformed::Identifier {
            detail_type: TERMINATE.to_owned(),
            problem,
        };
        Ok(Self {
            group: GroupName::parse(detail.auto_scaling_group_name).map_err(identifier)?,
            hook: HookName::parse(detail.lifecycle_hook_name).map_err(identifier)?,
            instance: InstanceId::parse(detail.instance_id).map_err(identifier)?,
            token: detail.lifecycle_action_token,
            since,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Event, parse};

    fn body(change: impl Fn(&mut Value)) -> String {
        let file = include_str!("../../../events/node-drain/terminate-action.json");
        let mut event = serde_json::from_str(file).unwrap();
        change(&mut event);
        event.to_string()
    }

    #[test]
    fn a_terminate_action_says_which_instance_waits_at_which_hook_since_when() {
        let Ok(Event::Terminate(action)) = parse(&body(|_| ())) else {
            panic!("not a terminate action")
        };
        assert_eq!(action.group.as_str(), "workers");
        assert_eq!(action.hook.as_str(), "lamplighter-node-drain");
        assert_eq!(action.instance.as_str(), "i-0123456789abcdef0");
        assert_eq!(action.token.expose(), "87654321-4321-4321-4321-210987654321");
        assert_eq!(action.since.to_string(), "2026-11-21T08:00:00Z");
    }

    #[test]
    fn a_detail_that_lacks_a_field_or_holds_another_thing_is_named() {
        let missing = body(|event| {
            event["detail"].as_object_mut().unwrap().remove("EC2InstanceId");
        });
        let wrong = body(|event| event["detail"]["EC2InstanceId"] = json!("node-7"));
        let of = |body: &str| parse(body).unwrap_err().to_string();
        assert_eq!(
            of(&missing),
            "detail of \"EC2 Instance-terminate Lifecycle Action\": missing field `EC2InstanceId`"
        );
        assert_eq!(
            of(&wrong),
            "detail of \"EC2 Instance-terminate Lifecycle Action\": \
             instance id \"node-7\": expected `i-` and 8 to 17 hexadecimal digits"
        );
    }
}
