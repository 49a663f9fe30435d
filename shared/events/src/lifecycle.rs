//! Lifecycle actions of Auto Scaling groups (Amazon EC2 Auto Scaling user guide, "EventBridge event
//! reference" and "Warm pool example events").

use domain::ids::{GroupName, HookName, InstanceId, LifecycleToken};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::{Malformed, detail};

/// `detail-type` of an instance that waits to be terminated.
pub(crate) const TERMINATE: &str = "EC2 Instance-terminate Lifecycle Action";
/// `detail-type` of an instance that waits to be put in service.
pub(crate) const LAUNCH: &str = "EC2 Instance-launch Lifecycle Action";

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

/// An instance waits at a launch hook of its group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchAction {
    /// The group.
    pub group: GroupName,
    /// The hook. It may be somebody else's.
    pub hook: HookName,
    /// The instance.
    pub instance: InstanceId,
    /// Names this very action.
    pub token: LifecycleToken,
    /// When the hook began to wait. It does so once on the way into a warm pool, and again on the way out of it.
    pub since: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Action {
    auto_scaling_group_name: String,
    lifecycle_hook_name: String,
    #[serde(rename = "EC2InstanceId")]
    instance_id: String,
    lifecycle_action_token: LifecycleToken,
}

impl TerminateAction {
    pub(crate) fn read(since: Timestamp, value: Value) -> Result<Self, Malformed> {
        let action: Action = detail::read(TERMINATE, value)?;
        let invalid = detail::invalid(TERMINATE);
        Ok(Self {
            group: GroupName::parse(action.auto_scaling_group_name).map_err(invalid)?,
            hook: HookName::parse(action.lifecycle_hook_name).map_err(invalid)?,
            instance: InstanceId::parse(action.instance_id).map_err(invalid)?,
            token: action.lifecycle_action_token,
            since,
        })
    }
}

impl LaunchAction {
    pub(crate) fn read(since: Timestamp, value: Value) -> Result<Self, Malformed> {
        let action: Action = detail::read(LAUNCH, value)?;
        let invalid = detail::invalid(LAUNCH);
        Ok(Self {
            group: GroupName::parse(action.auto_scaling_group_name).map_err(invalid)?,
            hook: HookName::parse(action.lifecycle_hook_name).map_err(invalid)?,
            instance: InstanceId::parse(action.instance_id).map_err(invalid)?,
            token: action.lifecycle_action_token,
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

    fn launch(body: &str) -> LaunchAction {
        match parse(body) {
            Ok(Event::Launch(action)) => action,
            other => panic!("not a launch action: {other:?}"),
        }
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
    fn a_launch_action_says_the_same_in_the_group_and_in_its_warm_pool() {
        for file in [
            include_str!("../../../events/node-join/launch-action.json"),
            include_str!("../../../events/node-join/launch-into-warm-pool.json"),
            include_str!("../../../events/node-join/launch-from-warm-pool.json"),
            include_str!("../../../events/node-label/launch-action.json"),
        ] {
            let action = launch(file);
            assert_eq!(action.group.as_str(), "workers");
            assert_eq!(action.hook.as_str(), "lamplighter-node-launch");
            assert_eq!(action.instance.as_str(), "i-0123456789abcdef0");
            assert_eq!(action.since.to_string(), "2026-11-21T08:00:00Z");
        }
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

    #[test]
    fn what_is_wrong_with_a_launch_action_is_told_under_its_own_name() {
        let mut event: Value =
            serde_json::from_str(include_str!("../../../events/node-join/launch-action.json")).unwrap();
        event["detail"].as_object_mut().unwrap().remove("EC2InstanceId");
        assert_eq!(
            parse(&event.to_string()).unwrap_err().to_string(),
            "detail of \"EC2 Instance-launch Lifecycle Action\": missing field `EC2InstanceId`"
        );
    }
}
