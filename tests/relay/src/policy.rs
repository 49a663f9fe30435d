//! Whether a resource's own policy lets `EventBridge` in. The emulator does not ask, AWS does: without this check a stack whose queue policy is
//! wrong would pass here and lose every event in a real account.

use serde_json::Value;

/// Who `EventBridge` is to a resource policy.
const SERVICE: &str = "events.amazonaws.com";

/// What `EventBridge` wants to do to a resource.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Access<'a> {
    /// As `sqs:SendMessage`.
    pub(crate) action: &'a str,
    /// ARN of the queue or function.
    pub(crate) resource: &'a str,
    /// ARN of the rule.
    pub(crate) rule: &'a str,
    /// The rule's account.
    pub(crate) account: &'a str,
}

/// Nothing when the policy allows it, otherwise the reason in words. A statement that can't be judged counts against it: a condition that
/// this module does not know allows nothing.
pub(crate) fn check(policy: Option<&str>, access: Access<'_>) -> Result<(), String> {
    let Access {
        action,
        resource,
        rule,
        account: _,
    } = access;
    let policy = policy.ok_or_else(|| format!("{resource} has no policy, so {rule} may not {action}"))?;
    let policy: Value = serde_json::from_str(policy)
        .map_err(|error| format!("the policy of {resource} is not JSON: {error}"))?;
    let mut allowed = false;
    for statement in one_or_many(&policy["Statement"]).filter(|statement| concerns(statement, access)) {
        if statement["Effect"] == "Deny" {
            return Err(format!("the policy of {resource} denies {action} to {rule}"));
        }
        allowed = true;
    }
    if allowed {
        Ok(())
    } else {
        Err(format!(
            "the policy of {resource} does not allow {action} to {rule}"
        ))
    }
}

fn concerns(statement: &Value, access: Access<'_>) -> bool {
    let principal = statement["Principal"] == "*" || has(&statement["Principal"]["Service"], SERVICE);
    principal
        && has(&statement["Action"], access.action)
        && has(&statement["Resource"], access.resource)
        && conditions(statement).all(|(operator, key, wanted)| holds(operator, key, wanted, access))
}

fn conditions(statement: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let operators = statement["Condition"].as_object().into_iter().flatten();
    operators.flat_map(|(operator, keys)| {
        let keys = keys.as_object().into_iter().flatten();
        keys.map(move |(key, wanted)| (operator.as_str(), key.as_str(), wanted))
    })
}

fn holds(operator: &str, key: &str, wanted: &Value, access: Access<'_>) -> bool {
    let actual = match key.to_ascii_lowercase().as_str() {
        "aws:sourcearn" => access.rule,
        "aws:sourceaccount" => access.account,
        _ => return false,
    };
    match operator {
        "ArnEquals" | "ArnLike" | "StringLike" => has(wanted, actual),
        "StringEquals" => one_or_many(wanted).any(|value| value == actual),
        _ => false,
    }
}

/// Whether one of the patterns, in which `*` stands for anything, is `text`.
fn has(patterns: &Value, text: &str) -> bool {
    one_or_many(patterns)
        .filter_map(Value::as_str)
        .any(|pattern| matches(pattern, text))
}

fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            let mut tails = (0..=text.len()).filter_map(|at| text.get(at..));
            tails.any(|tail| matches(rest, tail))
        }),
    }
}

fn one_or_many(value: &Value) -> impl Iterator<Item = &Value> {
    let (many, one) = match value {
        Value::Array(values) => (values.as_slice(), None),
        Value::Null => (Default::default(), None),
        value => (Default::default(), Some(value)),
    };
    many.iter().chain(one)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const QUEUE: &str = "arn:aws:sqs:eu-central-1:111122223333:drain";
    const RULE: &str = "arn:aws:events:eu-central-1:111122223333:rule/drain";

    fn verdict(change: impl FnOnce(&mut Value)) -> Result<(), String> {
        let mut statement = json!({
            "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": QUEUE,
            "Condition": {"ArnEquals": {"aws:SourceArn": RULE}},
        });
        change(&mut statement);
        let policy = json!({"Statement": [statement]}).to_string();
        check(
            Some(&policy),
            Access {
                action: "sqs:SendMessage",
                resource: QUEUE,
                rule: RULE,
                account: "111122223333",
            },
        )
    }

    #[test]
    fn the_rule_that_the_policy_names_is_let_in() {
        assert_eq!(verdict(|_| ()), Ok(()));
        assert_eq!(verdict(|s| s["Action"] = json!(["sqs:*"])), Ok(()));
        assert_eq!(
            verdict(|s| s["Condition"]["ArnEquals"]["aws:SourceArn"] = json!(["arn:aws:events:*:rule/drain"])),
            Ok(())
        );
    }

    #[test]
    fn another_rule_action_service_or_resource_is_not() {
        let refused = format!("the policy of {QUEUE} does not allow sqs:SendMessage to {RULE}");
        assert_eq!(
            verdict(|s| s["Condition"]["ArnEquals"]["aws:SourceArn"] = json!("arn:other")),
            Err(refused.clone())
        );
        assert_eq!(
            verdict(|s| s["Action"] = json!("sqs:ReceiveMessage")),
            Err(refused.clone())
        );
        assert_eq!(
            verdict(|s| s["Principal"] = json!({"Service": "sns.amazonaws.com"})),
            Err(refused.clone())
        );
        assert_eq!(
            verdict(|s| s["Resource"] = json!("arn:aws:sqs:eu-central-1:111122223333:other")),
            Err(refused)
        );
    }

    #[test]
    fn a_condition_that_is_not_understood_allows_nothing() {
        assert!(verdict(|s| s["Condition"] = json!({"Bool": {"aws:SecureTransport": "true"}})).is_err());
    }

    #[test]
    fn a_deny_wins_and_no_policy_is_a_refusal() {
        assert_eq!(
            verdict(|s| s["Effect"] = json!("Deny")),
            Err(format!("the policy of {QUEUE} denies sqs:SendMessage to {RULE}"))
        );
        let access = Access {
            action: "sqs:SendMessage",
            resource: QUEUE,
            rule: RULE,
            account: "111122223333",
        };
        assert!(check(None, access).unwrap_err().contains("has no policy"));
    }
}
