//! Events as AWS sends them, turned into what the domain knows.
//!
//! An event is a hint: it says where to look, and nothing that is decided rests on it.

mod activity;
mod detail;
pub mod hours;
pub mod images;
mod lifecycle;
mod tags;

use domain::ids::InvalidId;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

pub use activity::{End, InstanceEnded};
pub use hours::HoursRequest;
pub use images::ImageAction;
pub use lifecycle::{LaunchAction, TerminateAction};
pub use tags::TagsChanged;

/// A message that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// An instance waits at a terminate hook of its group.
    Terminate(TerminateAction),
    /// An instance waits at a launch hook of its group.
    Launch(LaunchAction),
    /// An instance is gone, or never came.
    Ended(InstanceEnded),
    /// Tags of groups changed.
    TagsChanged(TagsChanged),
    /// Somebody wants something of off-hours.
    Hours(HoursRequest),
    /// Something happened to an image in a repository.
    Image(ImageAction),
    /// Auto Scaling tried whether its notification target can be reached, as it does when a hook is made.
    TestNotification,
}

/// A message that was not understood; what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not JSON, or not of the form of an event.
    #[error("the message is not an event: {0}")]
    NotAnEvent(String),
    /// An event that nobody should have sent here: a rule matches too much.
    #[error("detail-type {detail_type:?} of source {source_name:?}: expected one that this function handles")]
    UnknownDetailType {
        /// `source` of the event.
        source_name: String,
        /// `detail-type` of the event.
        detail_type: String,
    },
    /// A field of the detail is missing or not of its type.
    #[error("detail of {detail_type:?}: {problem}")]
    Detail {
        /// `detail-type` of the event.
        detail_type: String,
        /// The field and what was expected.
        problem: String,
    },
    /// A field of the detail holds something else than its name says.
    #[error("detail of {detail_type:?}: {problem}")]
    Identifier {
        /// `detail-type` of the event.
        detail_type: String,
        /// The identifier and the rule.
        problem: InvalidId,
    },
}

/// The part that all EventBridge events share (EventBridge user guide, "Event structure").
#[derive(Debug, Deserialize)]
struct Envelope {
    source: String,
    #[serde(rename = "detail-type")]
    detail_type: String,
    time: Timestamp,
    #[serde(default)]
    id: String,
    #[serde(default)]
    account: String,
    #[serde(default)]
    region: String,
    #[serde(default)]
    resources: Vec<String>,
    detail: Value,
}

/// Reads the body of a message: an EventBridge event, or Auto Scaling's own test notification, as it is or
/// wrapped by SNS.
pub fn parse(body: &str) -> Result<Event, Malformed> {
    parse_as(body, Some)
}

/// Reads the body of a message and takes from it what one function handles. An event of which `take` makes
/// nothing is as malformed as one that nobody knows: a rule matches too much.
///
/// ```
/// use events::{Event, parse_as};
/// let body = include_str!("../../../events/node-join/launch-action.json");
/// let instance = |event| match event {
///     Event::Terminate(action) => Some(action.instance),
///     _ => None,
/// };
/// assert_eq!(
///     parse_as(body, instance).unwrap_err().to_string(),
///     "detail-type \"EC2 Instance-launch Lifecycle Action\" of source \"aws.autoscaling\": \
///      expected one that this function handles"
/// );
/// ```
pub fn parse_as<T>(body: &str, take: impl FnOnce(Event) -> Option<T>) -> Result<T, Malformed> {
    let not_an_event = |error: serde_json::Error| Malformed::NotAnEvent(error.to_string());
    let value: Value = serde_json::from_str(body).map_err(not_an_event)?;
    if is_test_notification(&value) {
        return take(Event::TestNotification)
            .ok_or_else(|| Malformed::NotAnEvent("it is a test notification of Auto Scaling".to_owned()));
    }
    let mut envelope: Envelope = serde_json::from_value(value).map_err(not_an_event)?;
    envelope
        .read()?
        .and_then(take)
        .ok_or(Malformed::UnknownDetailType {
            source_name: envelope.source,
            detail_type: envelope.detail_type,
        })
}

impl Envelope {
    /// What it says; `None` if nobody here knows its type. Takes the detail out.
    fn read(&mut self) -> Result<Option<Event>, Malformed> {
        let detail = self.detail.take();
        Ok(match (self.source.as_str(), self.detail_type.as_str()) {
            ("aws.autoscaling", lifecycle::TERMINATE) => {
                Some(Event::Terminate(TerminateAction::read(self.time, detail)?))
            }
            ("aws.autoscaling", lifecycle::LAUNCH) => {
                Some(Event::Launch(LaunchAction::read(self.time, detail)?))
            }
            ("aws.autoscaling", activity::TERMINATED) => {
                Some(Event::Ended(InstanceEnded::read(End::Terminated, detail)?))
            }
            ("aws.autoscaling", activity::LAUNCH_FAILED) => {
                Some(Event::Ended(InstanceEnded::read(End::LaunchFailed, detail)?))
            }
            ("aws.autoscaling", tags::API_CALL) => TagsChanged::of_call(detail)?.map(Event::TagsChanged),
            (hours::REQUEST_SOURCE, hours::REQUEST) => {
                Some(Event::Hours(HoursRequest::read(self.time, detail)?))
            }
            ("aws.ecr", images::ACTION | images::PULL_THROUGH | images::REPLICATION) => {
                Some(Event::Image(ImageAction::read(self, detail)?))
            }
            ("aws.tag", tags::TAG_CHANGE) => {
                Some(Event::TagsChanged(TagsChanged::of_resources(&self.resources)?))
            }
            _ => None,
        })
    }
}

fn is_test_notification(value: &Value) -> bool {
    let is_test = |value: &Value| value["Event"] == "autoscaling:TEST_NOTIFICATION";
    let wrapped = || {
        value["Message"]
            .as_str()
            .and_then(|text| serde_json::from_str::<Value>(text).ok())
    };
    is_test(value) || wrapped().is_some_and(|message| is_test(&message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_an_event_says_why() {
        let cases = [
            (
                "not json",
                "the message is not an event: expected ident at line 1 column 2",
            ),
            ("{}", "the message is not an event: missing field `source`"),
            (
                "[]",
                "the message is not an event: invalid length 0, expected struct Envelope with 8 elements",
            ),
            (
                r#"{"source":"aws.ec2","detail-type":"EC2 Fleet Error","time":"2026-11-21T08:00:00Z","detail":{}}"#,
                "detail-type \"EC2 Fleet Error\" of source \"aws.ec2\": expected one that this function handles",
            ),
        ];
        for (body, expected) in cases {
            assert_eq!(parse(body).unwrap_err().to_string(), expected, "{body}");
        }
    }

    #[test]
    fn a_test_notification_is_known_as_it_is_and_wrapped_by_sns() {
        let test = r#"{"AutoScalingGroupName":"workers","Event":"autoscaling:TEST_NOTIFICATION"}"#;
        assert_eq!(parse(test), Ok(Event::TestNotification));
        let wrapped = serde_json::json!({ "Type": "Notification", "Message": test }).to_string();
        assert_eq!(parse(&wrapped), Ok(Event::TestNotification));
    }
}
