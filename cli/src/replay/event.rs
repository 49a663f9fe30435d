//! Recorded events, and which functions they are for.

use events::{Event, Malformed};
use serde_json::{Value, json};

use crate::args::Function;

/// A recorded event, in the form in which Lambda hands it over.
#[derive(Debug)]
pub(super) struct Recorded {
    payload: Value,
    /// What is in it; of a tick nothing.
    messages: Vec<Result<Event, Malformed>>,
}

/// Reads an event of EventBridge, a batch of SQS messages, or a tick.
pub(super) fn read(text: &str) -> Result<Recorded, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("expected JSON: {error}"))?;
    if value["tick"] == true {
        return Ok(Recorded {
            payload: value,
            messages: vec![],
        });
    }
    let payload = match value.get("Records") {
        Some(_) => value,
        None => batch_of(text),
    };
    let bodies = payload["Records"].as_array().into_iter().flatten();
    let messages = bodies
        .map(|record| record["body"].as_str().unwrap_or_default())
        .map(events::parse)
        .collect();
    Ok(Recorded { payload, messages })
}

/// A batch of one message, as a queue would deliver it.
fn batch_of(body: &str) -> Value {
    let attributes = json!({ "ApproximateReceiveCount": "1" });
    json!({ "Records": [{ "messageId": "replay", "body": body, "attributes": attributes }] })
}

impl Recorded {
    /// What a function is called with.
    pub(super) fn payload(&self) -> Value {
        self.payload.clone()
    }

    /// The functions whose rules let it through; only `wanted`, if one is. A tick is for all of them.
    pub(super) fn functions(&self, wanted: Option<Function>) -> Result<Vec<Function>, String> {
        if let Some(function) = wanted {
            return Ok(vec![function]);
        }
        let all = [Function::Drain, Function::Join, Function::Label];
        let is_tick = self.payload["tick"] == true;
        let takes = |function: &Function| {
            let events = self.messages.iter().filter_map(|message| message.as_ref().ok());
            is_tick || events.into_iter().any(|event| is_for(event, *function))
        };
        let functions: Vec<Function> = all.into_iter().filter(takes).collect();
        if functions.is_empty() {
            let problem = self.messages.iter().find_map(|message| message.as_ref().err());
            return Err(problem.map_or_else(
                || "no function handles it; --function runs one nevertheless".to_owned(),
                |problem| format!("no function handles it: {problem}; --function runs one nevertheless"),
            ));
        }
        Ok(functions)
    }
}

/// Whether the rule of `function` in the stack lets `event` through.
fn is_for(event: &Event, function: Function) -> bool {
    match (event, function) {
        (Event::Terminate(_), Function::Drain | Function::Join)
        | (Event::Launch(_), Function::Join | Function::Label)
        | (Event::Ended(_), Function::Join)
        | (Event::TagsChanged(_), Function::Label) => true,
        (
            Event::Terminate(_)
            | Event::Launch(_)
            | Event::Ended(_)
            | Event::TagsChanged(_)
            | Event::TestNotification,
            Function::Drain | Function::Join | Function::Label,
        ) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> String {
        let path = format!("{}/../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).unwrap()
    }

    fn functions(text: &str) -> Result<Vec<&'static str>, String> {
        let functions = read(text)?.functions(None)?;
        Ok(functions.into_iter().map(Function::name).collect())
    }

    #[test]
    fn each_recorded_event_goes_to_the_functions_whose_rules_take_it() {
        let cases = [
            ("node-drain/terminate-action", &["node-drain", "node-join"][..]),
            ("node-join/launch-action", &["node-join", "node-label"]),
            ("node-join/terminate-successful", &["node-join"]),
            ("node-label/tag-change", &["node-label"]),
            ("node-label/delete-tags", &["node-label"]),
        ];
        for (name, expected) in cases {
            assert_eq!(functions(&file(name)).unwrap(), expected, "{name}");
        }
        assert_eq!(functions(r#"{"tick":true}"#).unwrap().len(), 3);
    }

    #[test]
    fn an_event_is_wrapped_as_a_queue_wraps_it_and_a_batch_is_left_as_it_is() {
        let event = file("node-drain/terminate-action");
        let wrapped = read(&event).unwrap().payload();
        assert_eq!(wrapped["Records"][0]["body"], event);
        let again = read(&wrapped.to_string()).unwrap();
        assert_eq!(again.payload(), wrapped);
        assert_eq!(again.functions(None).unwrap(), [Function::Drain, Function::Join]);
    }

    #[test]
    fn what_nobody_handles_says_why_and_can_be_run_nevertheless() {
        assert!(read("{").unwrap_err().starts_with("expected JSON: "));
        let event = read(r#"{"source":"aws.ec2"}"#).unwrap();
        let problem = event.functions(None).unwrap_err();
        assert!(problem.contains("missing field `detail-type`"), "{problem}");
        assert_eq!(event.functions(Some(Function::Join)).unwrap(), [Function::Join]);
        assert!(functions(&file("node-drain/test-notification")).is_err());
    }
}
