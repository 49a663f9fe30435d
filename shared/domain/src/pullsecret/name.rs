//! Names of objects in a namespace.

use std::fmt;

use crate::ids::InvalidId;

/// The name of a Secret unless another one is configured. The Role in `infra/rbac` names it too.
const USUAL_SECRET: &str = "lamplighter-ecr";

/// The name of a Secret or a service account (Kubernetes documentation, "Object Names and IDs", DNS subdomain names).
///
/// ```
/// use domain::pullsecret::ObjectName;
/// assert_eq!(ObjectName::parse("secret", "lamplighter-ecr").unwrap().as_str(), "lamplighter-ecr");
/// let error = ObjectName::parse("service account", "Default").unwrap_err().to_string();
/// assert!(error.starts_with("service account \"Default\": expected lower-case letters"), "{error}");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectName(String);

impl ObjectName {
    /// The name that the Secret has unless another one is configured: `lamplighter-ecr`.
    pub fn usual_secret() -> Self {
        Self(USUAL_SECRET.to_owned())
    }

    /// Parses the name of a `what`, which is what the error calls it.
    pub fn parse(what: &'static str, text: &str) -> Result<Self, InvalidId> {
        let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let is_valid = (1..=253).contains(&text.len())
            && text.starts_with(is_inner)
            && text.ends_with(is_inner)
            && text.chars().all(|c| is_inner(c) || matches!(c, '-' | '.'));
        if is_valid {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidId {
            what,
            value: text.to_owned(),
            expected: "lower-case letters, digits, - and ., at most 253 of them, a letter or digit at both ends",
        })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The parts of a list as people write it: commas and spaces between them.
pub(super) fn listed(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c == ',' || c.is_whitespace())
        .filter(|part| !part.is_empty())
}
