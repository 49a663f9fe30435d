//! Taints of nodes, in the form in which the API keeps them: one list, replaced as a whole.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A taint of a node. It is written back as it was read, since a patch of the taints carries all of them.
///
/// ```
/// use domain::taint::{Effect, Taint};
/// let taint = Taint::new("lamplighter.dev/draining", Effect::NoSchedule);
/// assert_eq!(taint.to_string(), "lamplighter.dev/draining:NoSchedule");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What it does to pods that do not tolerate it.
    pub effect: Effect,
    /// When the control plane added a `NoExecute` taint.
    #[serde(rename = "timeAdded", default, skip_serializing_if = "Option::is_none")]
    pub time_added: Option<Timestamp>,
}

impl Taint {
    /// A taint without a value.
    pub fn new(key: impl Into<String>, effect: Effect) -> Self {
        Self {
            key: key.into(),
            value: None,
            effect,
            time_added: None,
        }
    }
}

impl fmt::Display for Taint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}={value}:{}", self.key, self.effect),
            None => write!(f, "{}:{}", self.key, self.effect),
        }
    }
}

/// What a taint does to pods that do not tolerate it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Effect {
    /// They are not scheduled there.
    NoSchedule,
    /// They are scheduled there last.
    PreferNoSchedule,
    /// They are not scheduled there, and those that run there are evicted.
    NoExecute,
    /// One that this version does not know; it is kept as it is.
    Other(String),
}

impl Effect {
    /// Reads the effect as the API writes it.
    pub fn parse(text: &str) -> Self {
        match text {
            "NoSchedule" => Self::NoSchedule,
            "PreferNoSchedule" => Self::PreferNoSchedule,
            "NoExecute" => Self::NoExecute,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The effect as the API writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::NoSchedule => "NoSchedule",
            Self::PreferNoSchedule => "PreferNoSchedule",
            Self::NoExecute => "NoExecute",
            Self::Other(text) => text,
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<String> for Effect {
    fn from(text: String) -> Self {
        Self::parse(&text)
    }
}

impl From<Effect> for String {
    fn from(effect: Effect) -> Self {
        effect.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_taint_is_written_back_as_it_was_read() {
        for written in [
            json!({ "key": "a/b", "effect": "NoSchedule" }),
            json!({ "key": "a", "value": "c", "effect": "PreferNoSchedule" }),
            json!({ "key": "a", "effect": "NoExecute", "timeAdded": "2026-11-21T07:59:00Z" }),
            json!({ "key": "a", "effect": "SomedayMaybe" }),
        ] {
            let taint: Taint = serde_json::from_value(written.clone()).unwrap();
            assert_eq!(json!(taint), written);
        }
    }
}
