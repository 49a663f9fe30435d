//! Which tags may follow the one that runs, and in which order.

use std::fmt;

use super::{Range, RuleError};

/// By what a tag is chosen. Every policy but `digest` only ever moves forward in its own order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Policy {
    /// Any newer version.
    Major,
    /// A newer version of the same major version.
    Minor,
    /// A newer version of the same major and minor version.
    Patch,
    /// Any newer version, pre-releases too.
    All,
    /// A newer version within a range.
    Semver(Range),
    /// Whatever the tag that runs points to. The one policy that may go back, since the tag says so.
    Digest,
    /// What was pushed last.
    NewestPushed,
    /// By the numbers within the tags.
    Numerical(Order),
    /// By the bytes of the tags.
    Alphabetical(Order),
}

/// Which end of an order is the newest, as in Flux.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// They ascend: the last and highest is the newest. This is the default.
    Ascending,
    /// They descend: the lowest is the newest.
    Descending,
}

impl Policy {
    /// What there is to choose from, for error messages.
    const EXPECTED: &str = "major, minor, patch, all, semver:<range>, digest, newest-pushed, numerical or \
                            alphabetical, the last two perhaps with :asc or :desc";

    /// Parses a policy: `minor`, `semver:>=1.2 <2`, `numerical:desc`.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let error = |expected: String| RuleError {
            field: "policy",
            value: text.to_owned(),
            expected,
        };
        if let Some(range) = text.strip_prefix("semver:") {
            let range = Range::parse(range).map_err(|rejected| error(rejected.expected().to_owned()))?;
            return Ok(Self::Semver(range));
        }
        match text {
            "major" => Ok(Self::Major),
            "minor" => Ok(Self::Minor),
            "patch" => Ok(Self::Patch),
            "all" => Ok(Self::All),
            "digest" => Ok(Self::Digest),
            "newest-pushed" => Ok(Self::NewestPushed),
            "numerical" | "numerical:asc" => Ok(Self::Numerical(Order::Ascending)),
            "numerical:desc" => Ok(Self::Numerical(Order::Descending)),
            "alphabetical" | "alphabetical:asc" => Ok(Self::Alphabetical(Order::Ascending)),
            "alphabetical:desc" => Ok(Self::Alphabetical(Order::Descending)),
            _ => Err(error(Self::EXPECTED.to_owned())),
        }
    }

    /// Which end of its order is the newest.
    pub(super) fn order(&self) -> Order {
        match self {
            Self::Numerical(order) | Self::Alphabetical(order) => *order,
            Self::Major
            | Self::Minor
            | Self::Patch
            | Self::All
            | Self::Semver(_)
            | Self::Digest
            | Self::NewestPushed => Order::Ascending,
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Major => f.write_str("major"),
            Self::Minor => f.write_str("minor"),
            Self::Patch => f.write_str("patch"),
            Self::All => f.write_str("all"),
            Self::Semver(range) => write!(f, "semver:{range}"),
            Self::Digest => f.write_str("digest"),
            Self::NewestPushed => f.write_str("newest-pushed"),
            Self::Numerical(Order::Ascending) => f.write_str("numerical"),
            Self::Numerical(Order::Descending) => f.write_str("numerical:desc"),
            Self::Alphabetical(Order::Ascending) => f.write_str("alphabetical"),
            Self::Alphabetical(Order::Descending) => f.write_str("alphabetical:desc"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_shown_as_it_is_written() {
        for text in [
            "major",
            "minor",
            "patch",
            "all",
            "semver:>=1.2 <2",
            "digest",
            "newest-pushed",
            "numerical",
            "numerical:desc",
            "alphabetical",
            "alphabetical:desc",
        ] {
            assert_eq!(Policy::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Policy::parse("numerical:asc"), Policy::parse("numerical"));
        assert_eq!(Policy::parse("alphabetical:asc"), Policy::parse("alphabetical"));
    }

    #[test]
    fn an_error_names_the_policy_and_what_was_expected() {
        for text in [
            "newest",
            "",
            "Minor",
            " minor",
            "numerical:",
            "numerical:up",
            "minor:asc",
            "force",
        ] {
            let error = Policy::parse(text).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("policy {text:?}: expected major, minor, patch,")),
                "{error}"
            );
        }
        for text in ["semver:", "semver:new", "semver:>=1.2 ||"] {
            let error = Policy::parse(text).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("policy {text:?}: expected comparisons such as")),
                "{error}"
            );
        }
    }
}
