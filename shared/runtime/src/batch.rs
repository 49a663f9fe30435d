//! Messages from an SQS queue, and the answer that tells which of them to try again.
//!
//! The event-source mapping must be set to `ReportBatchItemFailures`; without it Lambda takes every answer
//! for "all of them worked".

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

/// What an event-source mapping hands over.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Batch {
    /// In the order of the queue.
    #[serde(rename = "Records")]
    pub messages: Vec<Message>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// What the answer names it by.
    pub message_id: String,
    /// The text that was sent.
    pub body: String,
    /// What SQS says about it.
    #[serde(default)]
    pub attributes: Attributes,
}

/// What SQS says about a message.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Attributes {
    /// How often it has been received, this time included. 0 if SQS did not say.
    #[serde(rename = "ApproximateReceiveCount", deserialize_with = "number")]
    pub receive_count: u32,
    /// When it was sent, if SQS said.
    #[serde(rename = "SentTimestamp", deserialize_with = "milliseconds")]
    pub sent_at: Option<Timestamp>,
}

/// The event is no batch.
#[derive(Debug, thiserror::Error)]
#[error("event is not a batch of SQS messages")]
pub struct NotABatch(#[source] serde_json::Error);

impl Batch {
    /// Whether the event has records at all. A tick and a hand-written event have none.
    pub fn is_in(event: &Value) -> bool {
        event.get("Records").is_some()
    }

    /// Decodes the event. The bodies stay as they are: one that nobody can read must not stop the others.
    pub fn decode(event: Value) -> Result<Self, NotABatch> {
        serde_json::from_value(event).map_err(NotABatch)
    }
}

/// The answer: which messages SQS shall deliver again. All others are deleted from the queue.
///
/// ```
/// use runtime::batch::BatchResponse;
/// let mut response = BatchResponse::default();
/// response.retry("059f36b4");
/// assert_eq!(response.to_value().to_string(), r#"{"batchItemFailures":[{"itemIdentifier":"059f36b4"}]}"#);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BatchResponse {
    failed: Vec<String>,
}

impl BatchResponse {
    /// Asks for the message again.
    pub fn retry(&mut self, message_id: impl Into<String>) {
        self.failed.push(message_id.into());
    }

    /// How many are to be delivered again.
    pub fn retries(&self) -> usize {
        self.failed.len()
    }

    /// The answer as JSON.
    pub fn to_value(&self) -> Value {
        let failures: Vec<Value> = self
            .failed
            .iter()
            .map(|id| json!({ "itemIdentifier": id }))
            .collect();
        json!({ "batchItemFailures": failures })
    }
}

/// SQS writes numbers as text.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse()
        .map_err(|_| serde::de::Error::custom(format!("{text:?}: expected a count")))
}

fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let since_1970 = text
        .parse()
        .ok()
        .and_then(|number| Timestamp::from_millisecond(number).ok());
    match since_1970 {
        Some(sent_at) => Ok(Some(sent_at)),
        None => Err(serde::de::Error::custom(format!(
            "{text:?}: expected milliseconds since 1970"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A batch as Lambda writes it, with the fields that we do not read.
    fn event() -> Value {
        json!({ "Records": [{
            "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
            "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
            "body": "{\"id\":\"1\"}",
            "attributes": {
                "ApproximateReceiveCount": "3",
                "SentTimestamp": "1795244400123",
                "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                "ApproximateFirstReceiveTimestamp": "1795244400200"
            },
            "messageAttributes": {},
            "md5OfBody": "098f6bcd4621d373cade4e832627b4f6",
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-central-1:111122223333:drain",
            "awsRegion": "eu-central-1"
        }]})
    }

    #[test]
    fn a_message_keeps_its_body_and_tells_how_often_and_since_when() {
        let batch = Batch::decode(event()).unwrap();
        assert_eq!(
            batch.messages,
            [Message {
                message_id: "059f36b4-87a3-44ab-83d2-661975830a7d".into(),
                body: "{\"id\":\"1\"}".into(),
                attributes: Attributes {
                    receive_count: 3,
                    sent_at: Some("2026-11-21T07:00:00.123Z".parse().unwrap()),
                },
            }]
        );
    }

    #[test]
    fn a_message_without_attributes_is_read_all_the_same() {
        let mut event = event();
        event["Records"][0].as_object_mut().unwrap().remove("attributes");
        let batch = Batch::decode(event).unwrap();
        assert_eq!(batch.messages[0].attributes, Attributes::default());
    }

    #[test]
    fn an_event_that_is_no_batch_is_refused() {
        let mut without_id = event();
        without_id["Records"][0]
            .as_object_mut()
            .unwrap()
            .remove("messageId");
        let mut odd_count = event();
        odd_count["Records"][0]["attributes"]["ApproximateReceiveCount"] = json!("many");
        let cases = [
            (json!({}), "missing field `Records`"),
            (without_id, "missing field `messageId`"),
            (odd_count, "\"many\": expected a count"),
        ];
        for (event, reason) in cases {
            let error = Batch::decode(event).unwrap_err();
            assert_eq!(
                crate::error::chain(&error),
                format!("event is not a batch of SQS messages: {reason}")
            );
        }
    }

    #[test]
    fn a_tick_is_told_from_a_batch() {
        assert!(Batch::is_in(&event()));
        assert!(!Batch::is_in(&json!({ "tick": true })));
    }

    #[test]
    fn an_answer_without_failures_is_an_empty_list() {
        assert_eq!(
            BatchResponse::default().to_value(),
            json!({ "batchItemFailures": [] })
        );
    }
}
