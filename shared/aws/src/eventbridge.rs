//! EventBridge: what we did, told to whoever has a rule for it.

use aws_config::SdkConfig;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;

use crate::error::{Call, Error};

/// The most events that the API takes in one call.
const EVENTS_IN_A_CALL: usize = 10;

/// Puts events on the account's bus.
pub trait PutEvents {
    /// Puts them on the default bus. Each is tried, and the first that is refused is the error.
    async fn put_events(&self, events: &[BusEvent<'_>]) -> Result<(), Error>;
}

/// An event.
#[derive(Debug, Clone, PartialEq)]
pub struct BusEvent<'a> {
    /// Who says it; sources that begin with `aws.` are refused.
    pub source: &'a str,
    /// What kind of event it is, by which rules choose.
    pub detail_type: &'a str,
    /// What it says; EventBridge takes an object.
    pub detail: serde_json::Value,
    /// What it is about, for the most part as ARNs.
    pub resources: Vec<String>,
}

/// EventBridge as this function's role may use it.
#[derive(Debug, Clone)]
pub struct EventBridge {
    client: Client,
}

impl EventBridge {
    /// A client of the configured region.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }

    async fn put(&self, events: &[BusEvent<'_>]) -> Result<(), Error> {
        let entries = events.iter().map(entry).collect();
        let request = self.client.put_events().set_entries(Some(entries));
        let sent = request.send().await;
        let answer = sent.map_err(|error| call(events).failed(error))?;
        // The answer has an entry for each event, in their order.
        let mut results = events.iter().zip(answer.entries());
        match results.find_map(|(event, result)| Some((event, result.error_code()?, result.error_message())))
        {
            Some((event, code, message)) => {
                Err(call(std::slice::from_ref(event)).refused(code, message.unwrap_or("no message")))
            }
            None if answer.failed_entry_count() > 0 => {
                let failed = format!("{} events failed, without a code", answer.failed_entry_count());
                Err(call(events).unexpected(failed))
            }
            None => Ok(()),
        }
    }
}

impl PutEvents for EventBridge {
    async fn put_events(&self, events: &[BusEvent<'_>]) -> Result<(), Error> {
        let mut outcome = Ok(());
        for chunk in events.chunks(EVENTS_IN_A_CALL) {
            outcome = outcome.and(self.put(chunk).await);
        }
        outcome
    }
}

fn entry(event: &BusEvent<'_>) -> PutEventsRequestEntry {
    PutEventsRequestEntry::builder()
        .source(event.source)
        .detail_type(event.detail_type)
        .detail(event.detail.to_string())
        .set_resources(Some(event.resources.clone()))
        .build()
}

fn call(events: &[BusEvent<'_>]) -> Call {
    let mut types: Vec<&str> = events.iter().map(|event| event.detail_type).collect();
    types.dedup();
    Call::new("events:PutEvents", format!("events {}", types.join(", ")))
}

#[cfg(test)]
mod tests {
    use domain::failure::{Class, Classified as _};
    use serde_json::{Value, json};

    use super::*;
    use crate::wire::Wire;

    fn event(detail_type: &str) -> BusEvent<'_> {
        BusEvent {
            source: "lamplighter",
            detail_type,
            detail: json!({ "cluster": "blue" }),
            resources: vec!["arn:aws:eks:eu-central-1:111122223333:cluster/blue".to_owned()],
        }
    }

    async fn put(wire: &Wire, events: &[BusEvent<'_>]) -> Result<(), Error> {
        EventBridge::new(&wire.config()).put_events(events).await
    }

    fn done(events: usize) -> String {
        json!({ "FailedEntryCount": 0, "Entries": vec![json!({ "EventId": "1" }); events] }).to_string()
    }

    #[tokio::test]
    async fn an_event_goes_to_the_default_bus_with_our_source() {
        let wire = Wire::answering([(200, &done(1))]);
        put(&wire, &[event("Off-hours: asleep")]).await.unwrap();
        let [request] = wire.requests().try_into().unwrap();
        assert_eq!(request.target, "AWSEvents.PutEvents");
        assert_eq!(
            request.json(),
            json!({ "Entries": [{
                "Source": "lamplighter",
                "DetailType": "Off-hours: asleep",
                "Detail": r#"{"cluster":"blue"}"#,
                "Resources": ["arn:aws:eks:eu-central-1:111122223333:cluster/blue"],
            }] })
        );
    }

    #[tokio::test]
    async fn events_go_ten_at_a_time_and_none_in_no_call() {
        let wire = Wire::answering([(200, &done(10)), (200, &done(10)), (200, &done(1))]);
        put(&wire, &vec![event("a"); 21]).await.unwrap();
        let sent = |value: Value| value["Entries"].as_array().unwrap().len();
        let sent: Vec<usize> = wire.requests().iter().map(|one| sent(one.json())).collect();
        assert_eq!(sent, [10, 10, 1]);

        let wire = Wire::answering([]);
        put(&wire, &[]).await.unwrap();
        assert_eq!(wire.requests().len(), 0);
    }

    #[tokio::test]
    async fn an_event_that_is_refused_is_named_and_holds_no_other_back() {
        let refused = json!({ "FailedEntryCount": 1, "Entries": [
            { "EventId": "1" },
            { "ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed." },
        ] });
        let wire = Wire::answering([(200, &refused.to_string()), (200, &done(1))]);
        let mut events = vec![event("a"), event("b")];
        events.extend(vec![event("c"); 9]);
        let error = put(&wire, &events).await.unwrap_err();
        assert_eq!(error.class(), Class::Permanent);
        assert_eq!(
            error.to_string(),
            "events:PutEvents for events b: MalformedDetail: Detail is malformed."
        );
        assert_eq!(wire.requests().len(), 2);
    }

    #[tokio::test]
    async fn an_event_that_the_bus_could_not_take_now_is_transient() {
        for code in ["InternalFailure", "InternalException", "ThrottlingException"] {
            let failed = json!({ "FailedEntryCount": 1, "Entries": [{ "ErrorCode": code }] });
            let wire = Wire::answering([(200, &failed.to_string())]);
            let error = put(&wire, &[event("a")]).await.unwrap_err();
            assert_eq!(error.class(), Class::Transient, "{code}");
            assert_eq!(
                error.to_string(),
                format!("events:PutEvents for events a: {code}: no message")
            );
        }
    }

    #[tokio::test]
    async fn failures_without_a_code_are_an_unexpected_answer() {
        let wire = Wire::answering([(200, r#"{"FailedEntryCount":1,"Entries":[]}"#)]);
        let error = put(&wire, &[event("a")]).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "events:PutEvents for events a: unexpected answer: 1 events failed, without a code"
        );
    }
}
