//! Label selectors, in the equality-based syntax of Kubernetes.

use std::collections::BTreeMap;

use crate::ids::InvalidId;
use crate::label::check_label;

/// Which labels an object must have: all of the requirements hold (Kubernetes documentation, "Labels and Selectors").
///
/// ```
/// use domain::pullsecret::Selector;
/// let selector = Selector::parse("team=shop,stage!=test,pulls,!archived").unwrap();
/// let labels = [("team", "shop"), ("pulls", "")].map(|(key, value)| (key.to_owned(), value.to_owned()));
/// assert!(selector.matches(&labels.into()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector(Vec<Requirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Requirement {
    /// It has the label with this value.
    Is(String, String),
    /// It has the label with another value, or not at all.
    IsNot(String, String),
    /// It has the label.
    Has(String),
    /// It has not.
    HasNot(String),
}

impl Selector {
    /// Parses requirements with commas between them: `a=b` (or `a==b`), `a!=b`, `a`, `!a`.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId {
            what: "label selector",
            value: text.to_owned(),
            expected: "requirements like a=b, a!=b, a or !a with commas between them, with valid keys and values",
        };
        let requirements = text.split(',').map(|part| Requirement::parse(part.trim()));
        let requirements: Option<Vec<_>> = requirements.collect();
        requirements.map(Self).ok_or_else(invalid)
    }

    /// Whether these labels meet it.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|requirement| requirement.holds(labels))
    }
}

impl Requirement {
    fn parse(text: &str) -> Option<Self> {
        let (requirement, key, value) = if let Some((key, value)) = text.split_once("!=") {
            (Self::IsNot as fn(_, _) -> _, key, value)
        } else if let Some((key, value)) = text.split_once('=') {
            (
                Self::Is as fn(_, _) -> _,
                key,
                value.strip_prefix('=').unwrap_or(value),
            )
        } else if let Some(key) = text.strip_prefix('!') {
            return valid(key.trim(), "").map(|(key, _)| Self::HasNot(key));
        } else {
            return valid(text, "").map(|(key, _)| Self::Has(key));
        };
        valid(key.trim(), value.trim()).map(|(key, value)| requirement(key, value))
    }

    fn holds(&self, labels: &BTreeMap<String, String>) -> bool {
        match self {
            Self::Is(key, value) => labels.get(key) == Some(value),
            Self::IsNot(key, value) => labels.get(key) != Some(value),
            Self::Has(key) => labels.contains_key(key),
            Self::HasNot(key) => !labels.contains_key(key),
        }
    }
}

fn valid(key: &str, value: &str) -> Option<(String, String)> {
    let is_valid = check_label(key, value).is_ok();
    is_valid.then(|| (key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::name::listed;
    use super::*;

    fn labels(text: &str) -> BTreeMap<String, String> {
        let pair = |part: &str| {
            let (key, value) = part.split_once('=').unwrap();
            (key.to_owned(), value.to_owned())
        };
        listed(text).map(pair).collect()
    }

    #[test]
    fn requirements_mean_what_they_mean_in_kubernetes() {
        for (selector, matching, not) in [
            ("team=shop", "team=shop a=b", "team=mail"),
            ("team==shop", "team=shop", ""),
            ("team!=shop", "", "team=shop"),
            ("team", "team=", "a=b"),
            ("!team", "a=b", "team="),
            ("team=", "team=", ""),
            (
                "example.org/team = shop , !a",
                "example.org/team=shop",
                "example.org/team=shop a=",
            ),
        ] {
            let parsed = Selector::parse(selector).unwrap();
            assert!(parsed.matches(&labels(matching)), "{selector} of {matching}");
            assert!(!parsed.matches(&labels(not)), "{selector} of {not}");
        }
    }

    #[test]
    fn what_is_no_selector_is_named_with_the_rule() {
        for text in ["", "a=b,", "=b", "a=b=c", "a in (b)", "a b", "!", "!a=b", "-a"] {
            let error = Selector::parse(text).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("label selector {text:?}: expected")),
                "{error}"
            );
        }
    }
}
