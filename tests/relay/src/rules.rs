//! The rules that are really deployed, and which of them an event matches.

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::Client;

/// An enabled rule of the default event bus.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) arn: String,
    event_pattern: Option<String>,
    #[serde(default)]
    state: String,
}

/// Where a rule sends its events. Fields that change what is sent and are not known here are found by [`Target::payload`].
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Target {
    pub(crate) arn: String,
    input: Option<String>,
    input_path: Option<String>,
    input_transformer: Option<Value>,
    dead_letter_config: Option<DeadLetterConfig>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeadLetterConfig {
    arn: Option<String>,
}

impl Target {
    /// ARN of the queue for what this target would not have.
    pub(crate) fn dead_letter_queue(&self) -> Option<&str> {
        self.dead_letter_config.as_ref()?.arn.as_deref()
    }

    /// What the target gets of `event`: all of it, a constant, or the part at a path like `$.detail`.
    pub(crate) fn payload(&self, event: &Value) -> Result<String, String> {
        if self.input_transformer.is_some() {
            return Err(format!(
                "{}: input transformers are not built into the relay",
                self.arn
            ));
        }
        if let Some(input) = &self.input {
            return Ok(input.clone());
        }
        let Some(path) = &self.input_path else {
            return Ok(event.to_string());
        };
        let pointer = path.trim_start_matches('$').replace('.', "/");
        let part = event.pointer(&pointer);
        // As EventBridge does: a path that leads nowhere leaves the event whole.
        Ok(part.unwrap_or(event).to_string())
    }
}

/// The enabled rules whose pattern `event` matches, by the emulator's own judgement.
pub(crate) async fn matching(client: &Client, event: &Value) -> Result<Vec<Rule>> {
    let mut matching = Vec::new();
    for rule in enabled(client).await? {
        // Rules with a schedule have no pattern.
        let Some(pattern) = &rule.event_pattern else {
            continue;
        };
        let input = json!({"EventPattern": pattern, "Event": event.to_string()});
        let answer = client
            .events("TestEventPattern", &input)
            .await
            .with_context(|| format!("matching {}", rule.name))?;
        if answer["Result"] == true {
            matching.push(rule);
        }
    }
    Ok(matching)
}

async fn enabled(client: &Client) -> Result<Vec<Rule>> {
    let rules: Vec<Rule> = all(client, "ListRules", json!({}), "Rules").await?;
    Ok(rules
        .into_iter()
        .filter(|rule| rule.state.starts_with("ENABLED"))
        .collect())
}

/// The targets of a rule.
pub(crate) async fn targets(client: &Client, rule: &Rule) -> Result<Vec<Target>> {
    all(client, "ListTargetsByRule", json!({"Rule": rule.name}), "Targets").await
}

/// All pages of a list.
async fn all<T: serde::de::DeserializeOwned>(
    client: &Client,
    operation: &str,
    input: Value,
    key: &str,
) -> Result<Vec<T>> {
    let mut input = input;
    let mut found = Vec::new();
    loop {
        let mut page = client.events(operation, &input).await?;
        found.extend(
            serde_json::from_value::<Vec<T>>(page[key].take())
                .with_context(|| format!("reading {operation}"))?,
        );
        match page["NextToken"].take() {
            Value::Null => return Ok(found),
            token => input["NextToken"] = token,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(extra: Value) -> Target {
        let mut target = json!({"Id": "queue", "Arn": "arn:aws:sqs:eu-central-1:111122223333:q"});
        if let (Value::Object(target), Value::Object(extra)) = (&mut target, extra) {
            target.extend(extra);
        }
        serde_json::from_value(target).unwrap()
    }

    #[test]
    fn a_target_gets_the_whole_event_a_constant_or_a_part() {
        let event = json!({"id": "e1", "detail": {"instance-id": "i-0a"}});
        assert_eq!(target(json!({})).payload(&event), Ok(event.to_string()));
        assert_eq!(
            target(json!({"Input": "{\"tick\": true}"})).payload(&event),
            Ok("{\"tick\": true}".into())
        );
        assert_eq!(
            target(json!({"InputPath": "$.detail"})).payload(&event),
            Ok("{\"instance-id\":\"i-0a\"}".into())
        );
        assert_eq!(
            target(json!({"InputPath": "$.nothing"})).payload(&event),
            Ok(event.to_string())
        );
    }

    #[test]
    fn an_input_transformer_is_an_error_and_not_a_guess() {
        let refused = target(json!({"InputTransformer": {"InputTemplate": "<x>"}}))
            .payload(&json!({}))
            .unwrap_err();
        assert!(refused.contains("input transformers are not built"), "{refused}");
    }

    #[test]
    fn the_dead_letter_queue_is_the_one_of_the_target() {
        assert_eq!(target(json!({})).dead_letter_queue(), None);
        let with = target(json!({"DeadLetterConfig": {"Arn": "arn:aws:sqs:eu-central-1:111122223333:lost"}}));
        assert_eq!(
            with.dead_letter_queue(),
            Some("arn:aws:sqs:eu-central-1:111122223333:lost")
        );
    }
}
