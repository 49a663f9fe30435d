//! Events as AWS sends them, turned into what the domain knows.
//!
//! An event is a hint: it says where to look, and nothing that is decided rests on it.

mod lifecycle;

use domain::ids::InvalidId;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

pub use lifecycle::TerminateAction;

/// A message that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// An instance waits at a terminate hook of its group.
    Terminate(TerminateAction),
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
    detail: Value,
}

/// Reads the body of a message: an EventBridge event, or Auto Scaling's own test notification, as it is or
/// wrapped by SNS.
pub fn parse(body: &str) -> Result<Event, Malformed> {
    let value: Value =
        serde_json::from_str(body).map_err(|error| Malformed::NotAnEvent(error.to_string()))?;
    if is_test_notification(&value) {
        return Ok(Event::TestNotification);
    }
    let envelope: Envelope =
        serde_json::from_value(value).map_err(|error| Malformed::NotAnEvent(error.to_string()))?;
    match (envelope.source.as_str(), envelope.detail_type.as_str()) {
        ("aws.autoscaling", lifecycle::TERMINATE) => {
            TerminateAction::read(envelope.time, envelope.detail).map(Event::Terminate)
        }
        _ => Err(Malformed::UnknownDetailType {
            source_name: envelope.source,
            detail_type: envelope.detail_type,
        }),
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
                "the message is not an event: invalid length 0, expected struct Envelope with 4 elements",
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
