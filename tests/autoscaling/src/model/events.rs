//! `EventBridge` events as Auto Scaling emits them, and as `CloudTrail` emits them for its calls. Shapes: Amazon EC2
//! Auto Scaling User Guide, "Amazon EC2 Auto Scaling event reference"; `CloudTrail` User Guide, "`CloudTrail` record
//! contents".

use jiff::Timestamp;
use serde_json::{Value, json};

use super::group::Group;
use super::hook::{Hook, LifecycleAction};
use super::instance::Activity;
use super::lifecycle::Transition;
use super::{Home, Turn};
use crate::notice::Notice;

/// Where an instance comes from and goes to in a transition.
const fn ends(transition: Transition) -> (&'static str, &'static str) {
    match transition {
        Transition::Launching => ("EC2", "AutoScalingGroup"),
        Transition::Terminating => ("AutoScalingGroup", "EC2"),
    }
}

/// `2026-01-31T10:20:30Z`: events have whole seconds.
pub(crate) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// An instance waits for a hook.
pub(crate) fn lifecycle_action(
    turn: &mut Turn<'_>,
    group: &Group,
    instance: &str,
    hook: &Hook,
    action: &LifecycleAction,
) {
    let (origin, destination) = ends(hook.transition);
    let kind = match hook.transition {
        Transition::Launching => "EC2 Instance-launch Lifecycle Action",
        Transition::Terminating => "EC2 Instance-terminate Lifecycle Action",
    };
    let mut detail = json!({
        "LifecycleActionToken": action.token,
        "AutoScalingGroupName": group.name,
        "LifecycleHookName": action.hook,
        "EC2InstanceId": instance,
        "LifecycleTransition": hook.transition.as_str(),
        "Origin": origin,
        "Destination": destination,
    });
    if let Some(metadata) = &hook.metadata {
        detail["NotificationMetadata"] = json!(metadata);
    }
    send(turn, kind, std::slice::from_ref(&group.arn), &detail);
}

/// How a launch or a termination ended.
#[derive(Clone, Copy)]
pub(crate) enum End<'a> {
    Done,
    /// EC2 refused, with these words.
    Failed(&'a str),
    /// A launch hook abandoned it: the token of the action and how it came to that.
    Abandoned {
        token: &'a str,
        why: &'static str,
    },
}

impl End<'_> {
    /// The event's last word, its `StatusCode` and its `StatusMessage`.
    fn told(self) -> (&'static str, &'static str, String) {
        match self {
            Self::Done => ("Successful", "InProgress", String::new()),
            Self::Failed(why) => ("Unsuccessful", "Failed", why.to_owned()),
            Self::Abandoned { token, why } => {
                let message = format!(
                    "Instance failed to complete user's Lifecycle Action: Lifecycle Action with token {token} was \
                     abandoned: {why}"
                );
                ("Unsuccessful", "Cancelled", message)
            }
        }
    }
}

/// What became of a launch or a termination.
pub(crate) struct Ended<'a> {
    pub(crate) transition: Transition,
    pub(crate) activity: &'a Activity,
    /// `None` when nothing was launched.
    pub(crate) instance: Option<&'a str>,
    pub(crate) zone: Option<&'a str>,
    pub(crate) subnet: Option<&'a str>,
    pub(crate) end: End<'a>,
}

/// A launch or a termination ended.
pub(crate) fn ended(turn: &mut Turn<'_>, group: &Group, ended: &Ended<'_>) {
    let (origin, destination) = ends(ended.transition);
    let instance = ended.instance.unwrap_or_default();
    let (noun, verb) = match ended.transition {
        Transition::Launching => ("Launch", "Launching a new EC2 instance"),
        Transition::Terminating => ("Terminate", "Terminating EC2 instance"),
    };
    let (outcome, status, message) = ended.end.told();
    let detail = json!({
        "StatusCode": status,
        "Description": format!("{verb}: {instance}"),
        "AutoScalingGroupName": group.name,
        "ActivityId": ended.activity.id,
        "Details": details(ended.zone, ended.subnet),
        "RequestId": ended.activity.id,
        "StatusMessage": message,
        "EndTime": time(turn.now),
        "EC2InstanceId": instance,
        "StartTime": time(ended.activity.start),
        "Cause": ended.activity.cause,
        "Origin": origin,
        "Destination": destination,
    });
    let mut resources = vec![group.arn.clone()];
    resources.extend(ended.instance.map(|id| instance_arn(turn.home, id)));
    send(
        turn,
        &format!("EC2 Instance {noun} {outcome}"),
        &resources,
        &detail,
    );
}

/// The `Details` of an activity.
pub(crate) fn details(zone: Option<&str>, subnet: Option<&str>) -> Value {
    let mut details = json!({});
    if let Some(subnet) = subnet {
        details["Subnet ID"] = json!(subnet);
    }
    if let Some(zone) = zone {
        details["Availability Zone"] = json!(zone);
    }
    details
}

/// Tags of groups were changed by a call, with these parameters. Left out: who called, from where, and calls that were
/// refused, which `CloudTrail` records too.
pub(crate) fn tags_changed(turn: &mut Turn<'_>, call: &str, tags: &[Value]) {
    let detail = json!({
        "eventVersion": "1.09",
        "eventTime": time(turn.now),
        "eventSource": "autoscaling.amazonaws.com",
        "eventName": call,
        "awsRegion": turn.home.region,
        "requestParameters": { "tags": tags },
        "responseElements": null,
        "requestID": turn.ids.uuid(),
        "eventID": turn.ids.uuid(),
        "readOnly": false,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": turn.home.account,
        "eventCategory": "Management",
    });
    send(turn, "AWS API Call via CloudTrail", &[], &detail);
}

fn instance_arn(home: &Home, id: &str) -> String {
    format!("arn:aws:ec2:{}:{}:instance/{id}", home.region, home.account)
}

fn send(turn: &mut Turn<'_>, kind: &str, resources: &[String], detail: &Value) {
    let event = json!({
        "version": "0",
        "id": turn.ids.uuid(),
        "detail-type": kind,
        "source": "aws.autoscaling",
        "account": turn.home.account,
        "time": time(turn.now),
        "region": turn.home.region,
        "resources": resources,
        "detail": detail,
    });
    turn.tell(Notice::Event(event));
}
