//! Identifiers, parsed once where they enter, so that no text of one kind is taken for another.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text that is not the identifier that it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {value:?}: expected {expected}")]
pub struct InvalidId {
    /// What it should have been, for example `instance id`.
    pub what: &'static str,
    /// The text.
    pub value: String,
    /// The rule.
    pub expected: &'static str,
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $what:literal, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            #[doc = concat!("Parses ", $expected, ".")]
            pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
                let valid: fn(&str) -> bool = $valid;
                let value = text.into();
                if valid(&value) {
                    Ok(Self(value))
                } else {
                    Err(InvalidId { what: $what, value, expected: $expected })
                }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

identifier!(
    /// An EC2 instance, `i-0123456789abcdef0`. Fargate and hybrid nodes have other ids and are not ours.
    InstanceId,
    "instance id",
    "`i-` and 8 to 17 hexadecimal digits",
    |text| {
        text.strip_prefix("i-").is_some_and(|digits| {
            (8..=17).contains(&digits.len())
                && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        })
    }
);

identifier!(
    /// The name of an Auto Scaling group.
    GroupName,
    "Auto Scaling group",
    "1 to 255 printable characters without a colon",
    |text| printable(text, 255) && !text.contains(':')
);

identifier!(
    /// The name of a lifecycle hook.
    HookName,
    "lifecycle hook",
    "1 to 255 characters of A-Z a-z 0-9 - _ /",
    |text| {
        printable(text, 255) && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/'))
    }
);

identifier!(
    /// The name of a cluster, as groups and resources name it in the tag `lamplighter:cluster`.
    ClusterName,
    "cluster",
    "1 to 100 characters of A-Z a-z 0-9 - _ that begin with a letter or digit",
    |text| {
        (1..=100).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    }
);

identifier!(
    /// The name of a Kubernetes node.
    NodeName,
    "node",
    "a DNS subdomain of at most 253 characters",
    |text| {
        (1..=253).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.'))
    }
);

identifier!(
    /// The UID of a Kubernetes object: what tells a pod from another one of the same name.
    Uid,
    "uid",
    "a text that is not empty",
    |text| !text.is_empty()
);

fn printable(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

impl InstanceId {
    /// The instance behind a node's `spec.providerID`, `aws:///<zone>/<instance id>`. Only the last segment
    /// counts: cloud providers write the rest differently, and other kinds of node have none of this form.
    ///
    /// ```
    /// use domain::ids::InstanceId;
    /// let id = InstanceId::from_provider_id("aws:///eu-central-1a/i-0123456789abcdef0").unwrap();
    /// assert_eq!(id.as_str(), "i-0123456789abcdef0");
    /// assert_eq!(InstanceId::from_provider_id("aws:///eu-central-1a/fargate-ip-10-0-1-7"), None);
    /// ```
    pub fn from_provider_id(provider_id: &str) -> Option<Self> {
        let path = provider_id.strip_prefix("aws://")?;
        Self::parse(path.rsplit('/').next()?).ok()
    }
}

/// The token of one lifecycle action. Who has it can end the wait, so it shows itself nowhere.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct LifecycleToken(String);

impl LifecycleToken {
    /// Wraps a token as it came.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the request that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for LifecycleToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LifecycleToken(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_id_is_i_and_hexadecimal_digits() {
        for good in ["i-0123456789abcdef0", "i-01234567"] {
            assert_eq!(InstanceId::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "i-",
            "i-123",
            "i-0123456789ABCDEF0",
            "mi-0123456789abcdef0",
            "i-0123456789abcdef01",
        ] {
            assert!(InstanceId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_error_names_the_value_and_the_rule() {
        let error = InstanceId::parse("node-7").unwrap_err();
        assert_eq!(
            error.to_string(),
            "instance id \"node-7\": expected `i-` and 8 to 17 hexadecimal digits"
        );
    }

    #[test]
    fn only_the_last_segment_of_a_provider_id_names_the_instance() {
        let found = |text| InstanceId::from_provider_id(text).map(String::from);
        assert_eq!(
            found("aws:///eu-central-1a/i-01234567").as_deref(),
            Some("i-01234567")
        );
        assert_eq!(
            found("aws://eu-central-1a/i-01234567").as_deref(),
            Some("i-01234567")
        );
        assert_eq!(found("gce:///zone/i-01234567"), None);
        assert_eq!(found("aws:///eu-central-1a/i-01234567/x"), None);
    }

    #[test]
    fn a_token_does_not_show_itself() {
        assert!(!format!("{:?}", LifecycleToken::new("71514b9d")).contains("71514b9d"));
    }
}
