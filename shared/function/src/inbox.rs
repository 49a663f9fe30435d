//! What an invocation is asked to look at.

use aws::sqs::{ParkMessage, ParkedMessage};
use events::{Event, Malformed};
use runtime::batch::{Batch, BatchResponse, Message, NotABatch};
use runtime::error::chain;
use serde_json::Value;

use crate::Tally;
use crate::report::count;

/// What to look at.
#[derive(Debug)]
pub enum Work<H> {
    /// Everything: the tick, or a person.
    Sweep,
    /// What these messages hint at.
    Messages {
        /// Where to look. Whether it is ours is not yet known.
        hints: Vec<H>,
        /// Messages that nobody can read.
        malformed: Vec<(Message, Malformed)>,
    },
}

/// The event is neither a tick nor a batch of messages.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// It has records, and they are not those of a queue.
    #[error(transparent)]
    Batch(#[from] NotABatch),
    /// It is something else.
    #[error("event: expected a batch of SQS messages or {{\"tick\": true}}")]
    Unknown,
}

/// Sorts out what came. `take` makes a hint of each event that the function handles; an event of which it makes
/// none is malformed, since no rule should have sent it here. Test notifications of Auto Scaling are dropped.
pub fn decode<H>(event: Value, take: impl Fn(Event) -> Option<H>) -> Result<Work<H>, DecodeError> {
    if !Batch::is_in(&event) {
        return if event["tick"] == true {
            Ok(Work::Sweep)
        } else {
            Err(DecodeError::Unknown)
        };
    }
    let (mut hints, mut malformed) = (Vec::new(), Vec::new());
    for message in Batch::decode(event)?.messages {
        let read = events::parse_as(&message.body, |event| match event {
            Event::TestNotification => Some(Taken::Nothing),
            other => take(other).map(Taken::Hint),
        });
        match read {
            Ok(Taken::Hint(hint)) => hints.push(hint),
            Ok(Taken::Nothing) => {
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

enum Taken<H> {
    Nothing,
    Hint(H),
}

/// Puts messages aside, each once. One that can't be put aside stays in its queue, as the answer tells SQS, and
/// is delivered again; so does each in a dry run.
pub async fn park<Q: ParkMessage>(
    queue: &Q,
    malformed: &[(Message, Malformed)],
    dry_run: bool,
    tally: &mut Tally,
) -> BatchResponse {
    let mut answer = BatchResponse::default();
    for (message, problem) in malformed {
        let (message_id, reason) = (message.message_id.as_str(), problem.to_string());
        tracing::error!(message_id, reason, "message can't be read and is parked");
        tally.one(count::MESSAGES_MALFORMED);
        if dry_run {
            answer.retry(message_id);
            continue;
        }
        tally.one(count::AWS_CALLS);
        let parked = ParkedMessage {
            message_id,
            body: &message.body,
            reason: &reason,
        };
        if let Err(error) = queue.park(&parked).await {
            let error = chain(&error);
            tracing::error!(
                message_id,
                error,
                "message can't be parked; it stays in its queue"
            );
            answer.retry(message_id);
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(id: &str, body: &str) -> Value {
        json!({ "messageId": id, "body": body, "attributes": { "ApproximateReceiveCount": "1" } })
    }

    fn hook(event: Event) -> Option<String> {
        match event {
            Event::Terminate(action) => Some(action.hook.into()),
            Event::Launch(_)
            | Event::Ended(_)
            | Event::TagsChanged(_)
            | Event::Hours(_)
            | Event::Image(_)
            | Event::TestNotification => None,
        }
    }

    #[test]
    fn one_message_that_nobody_can_read_leaves_the_others_readable() {
        let file = |name: &str| {
            std::fs::read_to_string(format!("{}/../../events/{name}.json", env!("CARGO_MANIFEST_DIR")))
                .unwrap()
        };
        let event = json!({ "Records": [
            record("1", "not json"),
            record("2", &file("node-drain/terminate-action")),
            record("3", &file("node-drain/another-detail-type")),
            record("4", &file("node-drain/test-notification")),
            record("5", &file("node-drain/hook-of-someone-else")),
            record("6", &file("node-join/launch-action")),
        ]});
        let Work::Messages { hints, malformed } = decode(event, hook).unwrap() else {
            panic!("a sweep")
        };
        assert_eq!(hints, ["lamplighter-node-drain", "ship-the-logs"]);
        let parked: Vec<&str> = malformed
            .iter()
            .map(|(message, _)| message.message_id.as_str())
            .collect();
        assert_eq!(parked, ["1", "3", "6"]);
    }

    #[test]
    fn only_a_tick_asks_for_the_sweep() {
        assert!(matches!(decode(json!({ "tick": true }), hook), Ok(Work::Sweep)));
        for other in [
            json!({}),
            json!(null),
            json!({ "tick": "yes" }),
            json!({ "Records": [{}] }),
        ] {
            assert!(decode(other.clone(), hook).is_err(), "{other}");
        }
    }
}
