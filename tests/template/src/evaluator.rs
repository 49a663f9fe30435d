//! IAM's evaluation logic, as far as the template's policies use it: for what the emulator's evaluator does not know, like variables in
//! conditions and the session key `ec2:SourceInstanceARN`.
//!
//! From the IAM user guide, "Policy evaluation logic", "IAM JSON policy elements: Condition operators" and "Variables and tags". Where the
//! guide leaves something open the answer here is the one that is worse for the policy under test: a variable for which the request has
//! no value makes its statement apply to nothing, be it an Allow or a Deny.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::one_or_many;

/// What somebody wants to do.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// As `ssm:GetParameter`.
    pub action: String,
    /// ARN of what it is done to.
    pub resource: String,
    /// The condition keys that the request has, in lower case, and their values: of most keys one.
    pub context: BTreeMap<String, Vec<String>>,
}

impl Request {
    /// A request without condition keys.
    pub fn new(action: &str, resource: &str) -> Self {
        Self {
            action: action.to_owned(),
            resource: resource.to_owned(),
            context: BTreeMap::new(),
        }
    }

    /// With a condition key.
    #[must_use]
    pub fn with(self, key: &str, value: &str) -> Self {
        self.with_all(key, &[value])
    }

    /// With a condition key that has many values, like `aws:TagKeys`.
    #[must_use]
    pub fn with_all(mut self, key: &str, values: &[&str]) -> Self {
        let values = values.iter().map(|value| (*value).to_owned());
        self.context.insert(key.to_lowercase(), values.collect());
        self
    }

    fn get(&self, key: &str) -> Option<&[String]> {
        self.context.get(&key.to_lowercase()).map(Vec::as_slice)
    }
}

/// What comes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Some statement allows it and none denies it.
    Allowed,
    /// A statement denies it.
    Denied,
    /// No statement says anything.
    NotAllowed,
}

/// Judges a request by statements without intrinsic functions (see [`crate::Values::resolve`]), whatever policies they are of.
///
/// # Panics
/// When a statement has what is not built in here: it would be a guess.
pub fn evaluate<'a>(statements: impl IntoIterator<Item = &'a Value>, request: &Request) -> Decision {
    let mut decision = Decision::NotAllowed;
    for statement in statements
        .into_iter()
        .filter(|statement| applies(statement, request))
    {
        match statement["Effect"].as_str() {
            Some("Deny") => return Decision::Denied,
            Some("Allow") => decision = Decision::Allowed,
            other => panic!("effect {other:?}"),
        }
    }
    decision
}

fn applies(statement: &Value, request: &Request) -> bool {
    let action = request.action.to_lowercase();
    let named = |key: &str, text: &str, lower: bool| {
        one_or_many(&statement[key]).any(|pattern| {
            let pattern = pattern.as_str().unwrap_or_else(|| panic!("{key} {pattern}"));
            if lower {
                matches(&pattern.to_lowercase(), text)
            } else {
                matches(pattern, text)
            }
        })
    };
    named("Action", &action, true)
        && named("Resource", &request.resource, false)
        && conditions_hold(statement, request)
}

fn conditions_hold(statement: &Value, request: &Request) -> bool {
    let operators = statement["Condition"].as_object().into_iter().flatten();
    let conditions = operators.flat_map(|(operator, keys)| {
        let keys = keys.as_object().into_iter().flatten();
        keys.map(move |(key, wanted)| (operator.as_str(), key.as_str(), wanted))
    });
    conditions
        .into_iter()
        .all(|(operator, key, wanted)| holds(operator, request.get(key), wanted, request))
}

fn holds(operator: &str, actual: Option<&[String]>, wanted: &Value, request: &Request) -> bool {
    let wanted = one_or_many(wanted).map(|value| {
        substituted(
            value.as_str().unwrap_or_else(|| panic!("{operator} {value}")),
            request,
        )
    });
    let Some(wanted) = wanted.collect::<Option<Vec<String>>>() else {
        return false;
    };
    if operator == "Null" {
        return wanted == [actual.is_none().to_string()];
    }
    if let Some(operator) = operator.strip_suffix("IfExists") {
        return actual.is_none() || compares(operator, only(operator, actual), &wanted);
    }
    if let Some(operator) = operator.strip_prefix("ForAllValues:") {
        // Of no values it holds.
        let mut values = actual.unwrap_or_default().iter();
        return values.all(|value| compares(operator, Some(value), &wanted));
    }
    compares(operator, only(operator, actual), &wanted)
}

/// The value of a key for an operator that compares one.
fn only<'a>(operator: &str, values: Option<&'a [String]>) -> Option<&'a str> {
    values.map(|values| match values {
        [value] => value.as_str(),
        values => panic!("{operator} of {values:?} is not built in"),
    })
}

fn compares(operator: &str, actual: Option<&str>, wanted: &[String]) -> bool {
    let any = |same: fn(&str, &str) -> bool| {
        actual.is_some_and(|actual| wanted.iter().any(|wanted| same(wanted, actual)))
    };
    match operator {
        "StringEquals" => any(|wanted, actual| wanted == actual),
        "StringLike" | "ArnEquals" | "ArnLike" => any(matches),
        // A negated operator holds where the key is missing.
        "StringNotEquals" => !any(|wanted, actual| wanted == actual),
        other => panic!("operator {other} is not built in"),
    }
}

/// The text with its variables replaced; `None` when the request has no value for one.
fn substituted(text: &str, request: &Request) -> Option<String> {
    match text.split_once("${") {
        None => Some(text.to_owned()),
        Some((before, rest)) => {
            let (key, after) = rest.split_once('}')?;
            let value = only("a variable", request.get(key))?;
            Some(format!("{before}{value}{}", substituted(after, request)?))
        }
    }
}

/// Whether `pattern`, in which `*` stands for anything and `?` for one character, is `text`.
fn matches(pattern: &str, text: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => text.is_empty(),
        Some('*') => {
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.into_iter().any(|at| matches(rest.as_str(), &text[at..]))
        }
        Some(first) => {
            let mut left = text.chars();
            left.next().is_some_and(|letter| {
                (first == '?' || first == letter) && matches(rest.as_str(), left.as_str())
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn decided(statements: &Value, request: &Request) -> Decision {
        evaluate(statements.as_array().unwrap(), request)
    }

    #[test]
    fn a_deny_wins_and_silence_is_no_permission() {
        let statements = json!([
            {"Effect": "Allow", "Action": "s:*", "Resource": "*"},
            {"Effect": "Deny", "Action": ["s:Put"], "Resource": "arn:x/*"},
        ]);
        assert_eq!(
            decided(&statements, &Request::new("s:Put", "arn:y")),
            Decision::Allowed
        );
        assert_eq!(
            decided(&statements, &Request::new("S:PUT", "arn:x/1")),
            Decision::Denied
        );
        assert_eq!(
            decided(&statements, &Request::new("t:Get", "arn:y")),
            Decision::NotAllowed
        );
    }

    #[test]
    fn a_missing_key_satisfies_what_is_negated_and_nothing_else() {
        for (operator, expected) in [
            ("StringEquals", Decision::NotAllowed),
            ("StringLike", Decision::NotAllowed),
            ("StringNotEquals", Decision::Allowed),
        ] {
            let statements = json!([{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {operator: {"k": "v"}}}]);
            assert_eq!(
                decided(&statements, &Request::new("s:Get", "r")),
                expected,
                "{operator}"
            );
        }
    }

    #[test]
    fn a_variable_without_a_value_makes_its_statement_apply_to_nothing() {
        let denies = json!([
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringNotEquals": {"tag": "${who}"}}},
        ]);
        let request = Request::new("s:Get", "r").with("tag", "ann");
        assert_eq!(decided(&denies, &request), Decision::Allowed);
        assert_eq!(
            decided(&denies, &request.clone().with("Who", "bob")),
            Decision::Denied
        );
        assert_eq!(decided(&denies, &request.with("who", "ann")), Decision::Allowed);
    }

    #[test]
    fn a_set_of_values_is_for_all_of_them_and_if_exists_for_a_key_that_is_missing() {
        let allowed_by = |operator: &str, request: Request| {
            let statements = json!([{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {operator: {"k": ["a", "b"]}}}]);
            decided(&statements, &request) == Decision::Allowed
        };
        let request = Request::new("s:Get", "r");
        for (values, expected) in [
            (&["a", "b"][..], true),
            (&["b"], true),
            (&["a", "c"], false),
            (&[], true),
        ] {
            let request = request.clone().with_all("k", values);
            assert_eq!(
                allowed_by("ForAllValues:StringEquals", request),
                expected,
                "{values:?}"
            );
        }
        assert!(allowed_by("ForAllValues:StringEquals", request.clone()));
        assert!(allowed_by("StringLikeIfExists", request.clone()));
        assert!(allowed_by("StringLikeIfExists", request.clone().with("k", "b")));
        assert!(!allowed_by("StringLikeIfExists", request.with("k", "c")));
    }

    #[test]
    fn null_asks_whether_a_key_is_there() {
        for (wanted, with) in [("true", Decision::NotAllowed), ("false", Decision::Allowed)] {
            let statements = json!([{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Null": {"k": wanted}}}]);
            let request = Request::new("s:Get", "r");
            assert_eq!(decided(&statements, &request.clone().with("k", "v")), with);
            assert_ne!(decided(&statements, &request), with);
        }
    }
}
