//! Recorded events, and which functions they are for.

use events::{Event, Malformed};
use serde_json::{Value, json};

use crate::args::Function;

/// A recorded event, in the form in which Lambda hands it over.
#[derive(Debug)]
pub(super) struct Recorded {
    payload: Value,
    content: Content,
}

/// What is in it.
#[derive(Debug)]
enum Content {
    /// A schedule's tick, for every function.
    Tick,
    /// An edge of a schedule of off-hours.
    Edge,
    /// Messages of a queue.
    Messages(Vec<Result<Event, Malformed>>),
}

/// Reads an event of EventBridge, a batch of SQS messages, a tick or an edge.
pub(super) fn read(text: &str) -> Result<Recorded, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("expected JSON: {error}"))?;
    let of_schedule = if value["tick"] == true {
        Some(Content::Tick)
    } else {
        value["edge"].is_string().then_some(Content::Edge)
    };
    if let Some(content) = of_schedule {
        return Ok(Recorded {
            payload: value,
            content,
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
    let content = Content::Messages(messages);
    Ok(Recorded { payload, content })
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
        let all = [
            Function::Drain,
            Function::Join,
            Function::Label,
            Function::Hours,
            Function::Images,
        ];
        let messages = match &self.content {
            Content::Tick => return Ok(all.into()),
            Content::Edge => return Ok(vec![Function::Hours]),
            Content::Messages(messages) => messages,
        };
        let takes = |function: &Function| {
            let events = messages.iter().filter_map(|message| message.as_ref().ok());
            events.into_iter().any(|event| is_for(event, *function))
        };
        let functions: Vec<Function> = all.into_iter().filter(takes).collect();
        if functions.is_empty() {
            let problem = messages.iter().find_map(|message| message.as_ref().err());
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
        | (Event::TagsChanged(_), Function::Label)
        | (Event::Hours(_), Function::Hours)
        | (Event::Image(_), Function::Images) => true,
        (
            Event::Terminate(_)
            | Event::Launch(_)
            | Event::Ended(_)
            | Event::TagsChanged(_)
            | Event::Hours(_)
            | Event::Image(_)
            | Event::TestNotification,
            Function::Drain | Function::Join | Function::Label | Function::Hours | Function::Images,
        ) => false,
    }
}

#[cfg(test)]
mod tests {
    use domain::offhours::{Key, Request, Want};

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
            ("image-deploy/push", &["image-deploy"]),
            ("node-label/delete-tags", &["node-label"]),
            ("off-hours/wake", &["off-hours"]),
            ("off-hours/hold", &["off-hours"]),
            ("off-hours/sleep", &["off-hours"]),
            ("off-hours/release", &["off-hours"]),
            ("off-hours/look", &["off-hours"]),
        ];
        for (name, expected) in cases {
            assert_eq!(functions(&file(name)).unwrap(), expected, "{name}");
        }
        assert_eq!(functions(r#"{"tick":true}"#).unwrap().len(), 5);
        assert_eq!(functions(r#"{"edge":"wake"}"#).unwrap(), ["off-hours"]);
    }

    #[test]
    fn a_request_says_what_is_asked_of_off_hours_and_a_malformed_one_what_it_lacks() {
        let asked = |name: &str| match events::parse(&file(name)) {
            Ok(Event::Hours(asked)) => Ok(asked.request),
            other => Err(other.unwrap_err().to_string()),
        };
        let wants = |name: &str| match asked(name) {
            Ok(Request::Set(set)) => set,
            other => panic!("{name}: {other:?}"),
        };
        let until = "2026-11-26T23:00:00Z".parse().unwrap();
        let web = Key::parse("deployment/shop/web").unwrap();
        for (name, want, resource) in [
            ("off-hours/wake", Want::Awake, Some(&web)),
            ("off-hours/hold", Want::Awake, Some(&web)),
            ("off-hours/sleep", Want::Asleep, None),
        ] {
            let first = &wants(name)[0];
            assert_eq!(
                (first.want, first.resource.as_ref(), first.until),
                (want, resource, until),
                "{name}"
            );
        }
        assert_eq!(asked("off-hours/look"), Ok(Request::Look));
        assert_eq!(asked("off-hours/release"), Ok(Request::Release(vec![Some(web)])));
        let lacks = asked("off-hours/wake-without-end").unwrap_err();
        assert!(lacks.contains("missing field `until`"), "{lacks}");
        let problem = functions(&file("off-hours/wake-without-end")).unwrap_err();
        assert!(problem.contains("missing field `until`"), "{problem}");
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
