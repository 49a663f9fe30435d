//! What candidates are compared with.

use jiff::Timestamp;

use super::order::{Rank, Unranked, rank};
use super::{Candidate, Current, Image, Rules};

/// What runs, as far as it matters to the order.
#[derive(Debug)]
pub(super) enum Base {
    /// Nothing: any eligible candidate is newer.
    Nothing,
    /// `latest`, by a policy that goes by tags: any eligible candidate is newer.
    Latest,
    /// An image that has a place in the order, or that policy `digest` follows.
    At(Current, Rank),
    /// An image without a place in the order: nothing can be newer. Why, in one line.
    Unknown(String),
}

impl Base {
    pub(super) fn of(rules: &Rules, current: Option<&Current>, candidates: &[Candidate]) -> Self {
        let Some(current) = current else {
            return Self::Nothing;
        };
        let current = Current {
            // The later one: what the caller knows may be from before the same image was pushed once more.
            pushed: current.pushed.max(push_time(current, candidates)),
            ..current.clone()
        };
        match rank(rules, Image::from(&current)) {
            Ok(rank) => Self::At(current, rank),
            Err(Unranked::Latest) => Self::Latest,
            Err(unranked) => {
                let tag = &current.tag;
                Self::Unknown(format!("{tag}, which runs, {}", unranked.explain(rules, tag)))
            }
        }
    }

    /// What runs, in a few words.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Nothing => "nothing runs".to_owned(),
            Self::Latest => "latest runs".to_owned(),
            Self::At(current, _) => format!("{} runs", current.tag),
            Self::Unknown(reason) => reason.clone(),
        }
    }
}

/// When what runs was pushed, by the candidate that is the same image. A tag alone does not make it the same
/// where both digests are known: it may have been pushed again since. The latest time, if there are several.
fn push_time(current: &Current, candidates: &[Candidate]) -> Option<Timestamp> {
    let is_same = |candidate: &&Candidate| match (&candidate.digest, &current.digest) {
        (Some(digest), Some(running)) => digest == running,
        (Some(_) | None, None) | (None, Some(_)) => candidate.tag == current.tag,
    };
    candidates
        .iter()
        .filter(is_same)
        .filter_map(|candidate| candidate.pushed)
        .max()
}
