//! SQS: where messages go that nobody can read.

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageAttributeValue;

use crate::error::{Call, Error};

/// Long enough for any error chain, short enough for the console.
const LONGEST_REASON: usize = 1000;

/// Puts a message aside for people to look at.
pub trait ParkMessage {
    /// Sends the message on to the dead-letter queue. Only then may it be reported as done to its own queue.
    async fn park(&self, message: &ParkedMessage<'_>) -> Result<(), Error>;
}

/// A message to be put aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParkedMessage<'a> {
    /// Its id in the queue from which it came: attribute `OriginalMessageId`.
    pub message_id: &'a str,
    /// Its text, sent on as it is.
    pub body: &'a str,
    /// Why it is put aside: attribute `Reason`.
    pub reason: &'a str,
}

/// The dead-letter queue.
#[derive(Debug, Clone)]
pub struct DeadLetterQueue {
    client: Client,
    url: String,
}

impl DeadLetterQueue {
    /// The queue at `url`.
    pub fn new(config: &SdkConfig, url: impl Into<String>) -> Self {
        Self {
            client: Client::new(config),
            url: url.into(),
        }
    }
}

impl ParkMessage for DeadLetterQueue {
    async fn park(&self, message: &ParkedMessage<'_>) -> Result<(), Error> {
        let call = Call::new(
            "sqs:SendMessage",
            format!("queue {}, message {}", self.url, message.message_id),
        );
        let reason: String = message.reason.chars().take(LONGEST_REASON).collect();
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(message.body)
            .message_attributes("Reason", text(&reason, &call)?)
            .message_attributes("OriginalMessageId", text(message.message_id, &call)?)
            .send()
            .await
            .map(drop)
            .map_err(|error| call.failed(error))
    }
}

fn text(value: &str, call: &Call) -> Result<MessageAttributeValue, Error> {
    MessageAttributeValue::builder()
        .data_type("String")
        .string_value(value)
        .build()
        .map_err(|error| call.not_sent(error))
}

#[cfg(test)]
mod tests {
    use domain::failure::{Class, Classified as _};
    use serde_json::json;

    use super::*;
    use crate::wire::Wire;

    const URL: &str = "https://sqs.eu-central-1.amazonaws.com/111122223333/drain-dead";

    async fn park(wire: &Wire, reason: &str) -> Result<(), Error> {
        let queue = DeadLetterQueue::new(&wire.config(), URL);
        let message = ParkedMessage {
            message_id: "059f36b4",
            body: "{not json",
            reason,
        };
        queue.park(&message).await
    }

    #[tokio::test]
    async fn a_message_is_parked_as_it_came_with_its_id_and_the_reason() {
        let wire = Wire::answering([(200, r#"{"MessageId":"1","MD5OfMessageBody":"x"}"#)]);
        park(&wire, "event: it has no detail").await.unwrap();
        let [request] = wire.requests().try_into().unwrap();
        assert_eq!(request.target, "AmazonSQS.SendMessage");
        let text = |value: &str| json!({ "DataType": "String", "StringValue": value });
        assert_eq!(
            request.json(),
            json!({
                "QueueUrl": URL,
                "MessageBody": "{not json",
                "MessageAttributes": {
                    "Reason": text("event: it has no detail"),
                    "OriginalMessageId": text("059f36b4"),
                },
            })
        );
    }

    #[tokio::test]
    async fn a_long_reason_is_cut_between_characters() {
        let wire = Wire::answering([(200, r#"{"MessageId":"1","MD5OfMessageBody":"x"}"#)]);
        park(&wire, &"ü".repeat(2000)).await.unwrap();
        let sent = wire.requests()[0].json();
        assert_eq!(
            sent["MessageAttributes"]["Reason"]["StringValue"],
            "ü".repeat(1000)
        );
    }

    #[tokio::test]
    async fn a_queue_that_refuses_is_named() {
        let refusal = r#"{"__type":"com.amazon.coral.service#AccessDeniedException","message":"not authorized to perform: sqs:sendmessage"}"#;
        let error = park(&Wire::answering([(400, refusal)]), "no detail")
            .await
            .unwrap_err();
        assert!(error.is_access_denied());
        assert_eq!(error.class(), Class::Permanent);
        assert_eq!(
            error.to_string(),
            format!(
                "sqs:SendMessage for queue {URL}, message 059f36b4: \
                 AccessDeniedException: not authorized to perform: sqs:sendmessage"
            )
        );
    }
}
