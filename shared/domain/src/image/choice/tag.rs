//! The names that a registry gives an image: tags, which people choose and may move, and digests, which are
//! its content.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::InvalidId;

/// A tag of a repository, `1.2.3` (OCI distribution specification, "Pulling manifests").
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(String);

/// The digest of a manifest, `sha256:` and 64 digits (OCI image specification, "Digests"). ECR knows no other
/// algorithm.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Tag {
    /// Parses a tag: at most 128 letters, digits, `_`, `.` and `-`, of which the first is no `.` and no `-`.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
        let value = text.into();
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let begins = value.bytes().next().is_some_and(is_word);
        let is_inner = |byte| is_word(byte) || matches!(byte, b'.' | b'-');
        if begins && value.len() <= 128 && value.bytes().all(is_inner) {
            return Ok(Self(value));
        }
        Err(InvalidId {
            what: "tag",
            value,
            expected: "at most 128 characters of A-Z a-z 0-9 _ . - that begin with a letter, a digit or _",
        })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is `latest`: the name of whatever was pushed without one, and so of no version in
    /// particular.
    pub fn is_latest(&self) -> bool {
        self.0 == "latest"
    }
}

impl Digest {
    /// Parses `sha256:` and 64 lower-case hexadecimal digits.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
        let value = text.into();
        if value.strip_prefix("sha256:").is_some_and(is_hash) {
            return Ok(Self(value));
        }
        Err(InvalidId {
            what: "digest",
            value,
            expected: "`sha256:` and 64 lower-case hexadecimal digits",
        })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The algorithm and the first 12 digits: enough for people to tell two apart.
    pub fn short(&self) -> &str {
        self.0.get(..19).unwrap_or(&self.0)
    }
}

/// Whether this is a SHA-256 hash as digests write it.
pub(super) fn is_hash(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
}

/// What every identifier can do.
macro_rules! texts {
    ($($name:ident)*) => { $(
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
    )* };
}

texts!(Tag Digest);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_31_a_malformed_tag_is_refused_and_the_longest_is_not() {
        let longest = "a".repeat(128);
        for good in ["1.2.3", "_", "latest", "v1-RC_2.x", "9", longest.as_str()] {
            assert_eq!(Tag::parse(good).unwrap().as_str(), good);
        }
        let longer = "a".repeat(129);
        for bad in [
            "",
            ".1",
            "-1",
            "1.0+x",
            "a b",
            "a/b",
            "a:b",
            "ä",
            "a\n",
            longer.as_str(),
        ] {
            assert!(Tag::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(
            Tag::parse("1.0+x").unwrap_err().to_string(),
            "tag \"1.0+x\": expected at most 128 characters of A-Z a-z 0-9 _ . - that begin with a letter, \
             a digit or _"
        );
    }

    #[test]
    fn a_digest_is_sha256_and_64_hexadecimal_digits() {
        let hash = "0123456789abcdef".repeat(4);
        let digest = Digest::parse(format!("sha256:{hash}")).unwrap();
        assert_eq!(digest.short(), "sha256:0123456789ab");
        for bad in [
            hash.clone(),
            format!("sha512:{hash}"),
            format!("sha256:{hash}0"),
            format!("sha256:{}", hash.to_uppercase()),
            format!("sha256:{}ä", &hash[2..]),
            "sha256:".to_owned(),
        ] {
            assert!(Digest::parse(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn both_are_written_as_texts_and_checked_when_they_are_read() {
        let json = serde_json::to_string(&Tag::parse("v1").unwrap()).unwrap();
        assert_eq!(json, "\"v1\"");
        assert!(serde_json::from_str::<Tag>("\"-1\"").is_err());
        assert!(serde_json::from_str::<Digest>("\"sha256:1\"").is_err());
    }
}
