//! Which of a repository's tags is to run, and why each other one is not: the one question, [`choose`], which
//! the function decides by and `lamplighter image pick` prints.
//!
//! The rules are read once from what people write, [`Rules::read`]; what can't be read, or can't be ordered,
//! changes nothing. Under every policy but `digest` what is picked is strictly newer than what runs, so that
//! an event that comes late, twice or out of order can't take an image back. The names of policies are those
//! of keel, Flux and Argo CD Image Updater, and where one of those has a rule for something, it is the rule
//! here, unless the documentation of an item says otherwise.

mod base;
mod candidate;
mod choose;
mod filter;
mod judge;
mod natural;
mod order;
mod pattern;
mod policy;
mod range;
mod rules;
mod tag;
#[cfg(test)]
mod tests;
mod verdict;
mod version;

pub use candidate::{Artifact, Candidate, Current, Image};
pub use choose::choose;
pub use filter::Filter;
pub use order::{Relation, compare, relation};
pub(crate) use pattern::wrong_with;
pub use pattern::{Pattern, TagMatch};
pub use policy::{Order, Policy};
pub use range::{Fit, Range, RangeError};
pub use rules::{PreReleases, RuleError, Rules, Texts};
pub use tag::{Digest, Tag};
pub use verdict::{Choice, Judged, Verdict};
pub use version::Version;
