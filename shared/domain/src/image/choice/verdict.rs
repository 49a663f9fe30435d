//! What was chosen, and why each other tag was not.

use std::fmt;

use serde::Serialize;

use super::{Candidate, Digest, Tag};

/// What was chosen among the tags of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// What is to run in place of what runs; `None` if nothing is to change.
    pub picked: Option<Candidate>,
    /// Why this, or why nothing, in one line.
    pub reason: String,
    /// Every candidate, the newest first; those without a place in the order come last.
    pub candidates: Vec<Judged>,
}

/// A candidate and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// Its tag.
    pub tag: Tag,
    /// What the tag points to, if that is known.
    pub digest: Option<Digest>,
    /// What became of it.
    pub verdict: Verdict,
    /// Why, in one line.
    pub reason: String,
}

/// What became of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is to run.
    Picked,
    /// It runs already.
    Current,
    /// It is the image that runs, by another tag.
    SameImage,
    /// It is not newer than what runs.
    Older,
    /// It is newer than what runs, but not the newest.
    NewerExists,
    /// It can't be compared with what runs.
    NotComparable,
    /// It must never run: it is on the ignore list, or it is no container image.
    Excluded,
    /// It is not on the allow list.
    NotAllowed,
    /// It is barred by somebody else: quarantined, for example.
    Blocked,
    /// It does not match `filter-tags`.
    NotMatched,
    /// It is not the tag that policy `digest` follows.
    OtherTag,
    /// It is no version.
    NotAVersion,
    /// It has no place in the order of the policy.
    NotOrdered,
    /// It is a version that the bump level or the range does not allow.
    OutOfRange,
    /// It is a pre-release of a kind that is not followed.
    PreRelease,
}

impl Verdict {
    /// Its name in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Picked => "picked",
            Self::Current => "current",
            Self::SameImage => "same-image",
            Self::Older => "older",
            Self::NewerExists => "newer-exists",
            Self::NotComparable => "not-comparable",
            Self::Excluded => "excluded",
            Self::NotAllowed => "not-allowed",
            Self::Blocked => "blocked",
            Self::NotMatched => "not-matched",
            Self::OtherTag => "other-tag",
            Self::NotAVersion => "not-a-version",
            Self::NotOrdered => "not-ordered",
            Self::OutOfRange => "out-of-range",
            Self::PreRelease => "pre-release",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_has_one_name_everywhere() {
        for verdict in [
            Verdict::Picked,
            Verdict::Current,
            Verdict::SameImage,
            Verdict::Older,
            Verdict::NewerExists,
            Verdict::NotComparable,
            Verdict::Excluded,
            Verdict::NotAllowed,
            Verdict::Blocked,
            Verdict::NotMatched,
            Verdict::OtherTag,
            Verdict::NotAVersion,
            Verdict::NotOrdered,
            Verdict::OutOfRange,
            Verdict::PreRelease,
        ] {
            let json = serde_json::to_string(&verdict).unwrap();
            assert_eq!(json, format!("\"{verdict}\""));
        }
    }
}
