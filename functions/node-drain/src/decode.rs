//! What an invocation is asked to look at.

use events::{Event, Malformed, TerminateAction};
use runtime::batch::{Batch, Message};
use serde_json::Value;

/// What to look at.
#[derive(Debug)]
pub(crate) enum Work {
    /// Everything: the tick, or a person.
    Sweep,
    /// What these messages hint at.
    Messages {
        /// Instances that are said to wait at a hook. Whether it is ours is not yet known.
        hints: Vec<TerminateAction>,
        /// Messages that nobody can read.
        malformed: Vec<(Message, Malformed)>,
    },
}

/// The event is neither a tick nor a batch of messages.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// It has records, and they are not those of a queue.
    #[error(transparent)]
    Batch(#[from] runtime::batch::NotABatch),
    /// It is something else.
    #[error("event: expected a batch of SQS messages or {{\"tick\": true}}")]
    Unknown,
}

/// Sorts out what came.
pub(crate) fn decode(event: Value) -> Result<Work, DecodeError> {
    if !Batch::is_in(&event) {
        return if event["tick"] == true {
            Ok(Work::Sweep)
        } else {
            Err(DecodeError::Unknown)
        };
    }
    let (mut hints, mut malformed) = (Vec::new(), Vec::new());
    for message in Batch::decode(event)?.messages {
        match events::parse(&message.body) {
            Ok(Event::Terminate(action)) => hints.push(action),
            Ok(Event::TestNotification) => {
                tracing::info!(
                    message_id = message.message_id,
                    "test notification of Auto Scaling"
                );
            }
            Err(problem) => malformed.push((message, problem)),
        }
    }
    Ok(Work::Messages { hints, malformed })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(id: &str, body: &str) -> Value {
        json!({ "messageId": id, "body": body, "attributes": { "ApproximateReceiveCount": "1" } })
    }

    #[test]
    fn one_message_that_nobody_can_read_leaves_the_others_readable() {
        let file = |name: &str| {
            std::fs::read_to_string(format!(
                "{}/../../events/node-drain/{name}.json",
                env!("CARGO_MANIFEST_DIR")
            ))
            .unwrap()
        };
        let event = json!({ "Records": [
            record("1", "not json"),
            record("2", &file("terminate-action")),
            record("3", &file("another-detail-type")),
            record("4", &file("test-notification")),
            record("5", &file("hook-of-someone-else")),
        ]});
        let Work::Messages { hints, malformed } = decode(event).unwrap() else {
            panic!("a sweep")
        };
        let hooks: Vec<&str> = hints.iter().map(|hint| hint.hook.as_str()).collect();
        assert_eq!(hooks, ["lamplighter-node-drain", "ship-the-logs"]);
        let parked: Vec<&str> = malformed
            .iter()
            .map(|(message, _)| message.message_id.as_str())
            .collect();
        assert_eq!(parked, ["1", "3"]);
    }

    #[test]
    fn only_a_tick_asks_for_the_sweep() {
        assert!(matches!(decode(json!({ "tick": true })), Ok(Work::Sweep)));
        for other in [
            json!({}),
            json!(null),
            json!({ "tick": "yes" }),
            json!({ "Records": [{}] }),
        ] {
            assert!(decode(other.clone()).is_err(), "{other}");
        }
    }
}
