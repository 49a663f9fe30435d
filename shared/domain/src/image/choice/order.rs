//! Which of two images is the newer one.

use std::cmp::Ordering;

use jiff::Timestamp;

use super::natural::Natural;
use super::policy::Order;
use super::{Image, Policy, Rules, Tag, Version};

/// How an image lies to another in the order of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// Strictly newer.
    Newer,
    /// As new, though perhaps by another name: `1.4` and `v1.4.0`.
    Same,
    /// Strictly older.
    Older,
    /// The policy has no order for the two.
    Incomparable,
}

impl Relation {
    fn of(order: Ordering) -> Self {
        match order {
            Ordering::Less => Self::Older,
            Ordering::Equal => Self::Same,
            Ordering::Greater => Self::Newer,
        }
    }
}

/// The place of an image in the order of a policy. Under one policy all are of one variant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// Policy `digest` follows one tag, wherever it goes: it has no order.
    Unordered,
    Version(Version),
    Pushed(Timestamp),
    Natural(Natural),
    Text(String),
}

/// Why an image has no place in the order of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unranked {
    /// Its tag is `latest`, which is a name for any.
    Latest,
    /// Its tag does not match `filter-tags`.
    NotMatched,
    /// This text is no version.
    NotAVersion(String),
    /// This text has no number.
    NoNumber(String),
    /// Nothing was extracted from its tag.
    Empty,
    /// When it was pushed is not known.
    NoPushTime,
}

impl Unranked {
    /// Why, as what is said of a tag: `has no number`.
    pub(super) fn explain(&self, rules: &Rules, tag: &Tag) -> String {
        let of_text = |text: &str, says: &str| {
            if text == tag.as_str() {
                says.to_owned()
            } else {
                format!("{says}: {text:?} is extracted")
            }
        };
        match self {
            Self::Latest => "is a name for any version".to_owned(),
            Self::NotMatched => rules.filter.as_ref().map_or_else(
                || "does not match filter-tags".to_owned(),
                |filter| format!("does not match filter-tags {}", filter.pattern),
            ),
            Self::NotAVersion(text) => of_text(text, "is no version such as 1.2.3 or 1.4"),
            Self::NoNumber(text) => of_text(text, "has no number"),
            Self::Empty => "has nothing to extract".to_owned(),
            Self::NoPushTime => "has no known push time".to_owned(),
        }
    }
}

/// The place of an image. That of `latest` by push time does not depend on the filter, so that one can move
/// on from it.
pub(super) fn rank(rules: &Rules, image: Image<'_>) -> Result<Rank, Unranked> {
    let text = || match &rules.filter {
        None => Ok(image.tag.as_str().to_owned()),
        Some(filter) => filter.text(image.tag).ok_or(Unranked::NotMatched),
    };
    if image.tag.is_latest() && goes_by_tag(&rules.policy) {
        return Err(Unranked::Latest);
    }
    match &rules.policy {
        Policy::Digest => Ok(Rank::Unordered),
        Policy::Major | Policy::Minor | Policy::Patch | Policy::All | Policy::Semver(_) => {
            let text = text()?;
            Version::parse(&text)
                .map(Rank::Version)
                .ok_or(Unranked::NotAVersion(text))
        }
        Policy::NewestPushed if image.tag.is_latest() => {
            image.pushed.map(Rank::Pushed).ok_or(Unranked::NoPushTime)
        }
        Policy::NewestPushed => {
            text()?;
            image.pushed.map(Rank::Pushed).ok_or(Unranked::NoPushTime)
        }
        Policy::Numerical(_) => {
            let text = text()?;
            Natural::parse(&text)
                .map(Rank::Natural)
                .ok_or(Unranked::NoNumber(text))
        }
        Policy::Alphabetical(_) => Some(text()?)
            .filter(|text| !text.is_empty())
            .map(Rank::Text)
            .ok_or(Unranked::Empty),
    }
}

/// Whether a policy orders images by what their tags say.
fn goes_by_tag(policy: &Policy) -> bool {
    match policy {
        Policy::Major
        | Policy::Minor
        | Policy::Patch
        | Policy::All
        | Policy::Semver(_)
        | Policy::Numerical(_)
        | Policy::Alphabetical(_) => true,
        Policy::Digest | Policy::NewestPushed => false,
    }
}

/// The total order of images under a policy: the greater is the newer. Those that have no place in it are the
/// least; then, among as new ones, the one pushed later, with the greater digest and with the greater tag is
/// the greater.
///
/// Total does not mean meaningful: `a-1` and `b-2` are in some order under `numerical`, too. Ask [`relation`]
/// whether one of them is newer.
pub fn compare<'a, 'b>(rules: &Rules, one: impl Into<Image<'a>>, other: impl Into<Image<'b>>) -> Ordering {
    let (one, other) = (one.into(), other.into());
    let by_rank = match (rank(rules, one), rank(rules, other)) {
        (Ok(of_one), Ok(of_other)) => directed(rules, of_one.cmp(&of_other)),
        (Ok(_), Err(_)) => Ordering::Greater,
        (Err(_), Ok(_)) => Ordering::Less,
        (Err(_), Err(_)) => Ordering::Equal,
    };
    by_rank
        .then(one.pushed.cmp(&other.pushed))
        .then(one.digest.cmp(&other.digest))
        .then(one.tag.cmp(other.tag))
}

fn directed(rules: &Rules, order: Ordering) -> Ordering {
    match rules.policy.order() {
        Order::Ascending => order,
        Order::Descending => order.reverse(),
    }
}

/// Whether `one` is newer than `other` as the policy sees it, whatever the lists say: so one tells that a
/// person went back.
///
/// Everything that has a place in the order is newer than `latest`, as in keel; by push time, `latest` is an
/// image like any other. Images pushed at the same moment are in the order of their digests. Under policy
/// `digest` only two images of one tag can be compared, by push time.
///
/// ```
/// use domain::image::choice::{Candidate, Relation, Rules, Tag, Texts, relation};
/// let rules = Rules::read(&Texts { policy: "minor", ..Texts::default() })?;
/// let image = |tag| Candidate::of(Tag::parse(tag).unwrap());
/// let to = |one, other| relation(&rules, &image(one), &image(other));
/// assert_eq!(to("v10.0", "9.1.2"), Relation::Newer);
/// assert_eq!(to("1.4", "v1.4.0"), Relation::Same);
/// assert_eq!(to("main-7", "1.4.0"), Relation::Incomparable);
/// # Ok::<(), domain::image::choice::RuleError>(())
/// ```
pub fn relation<'a, 'b>(rules: &Rules, one: impl Into<Image<'a>>, other: impl Into<Image<'b>>) -> Relation {
    let (one, other) = (one.into(), other.into());
    match (rank(rules, one), rank(rules, other)) {
        (Ok(Rank::Unordered), Ok(Rank::Unordered)) => of_one_tag(one, other),
        (Ok(Rank::Pushed(_)), Ok(Rank::Pushed(_))) => by_push(one, other),
        (Ok(of_one), Ok(of_other)) if have_one_shape(&of_one, &of_other) => {
            Relation::of(directed(rules, of_one.cmp(&of_other)))
        }
        (Ok(_), Err(Unranked::Latest)) => Relation::Newer,
        (Err(Unranked::Latest), Ok(_)) => Relation::Older,
        (Err(Unranked::Latest), Err(Unranked::Latest)) => Relation::Same,
        (Ok(_) | Err(_), Ok(_) | Err(_)) => Relation::Incomparable,
    }
}

fn have_one_shape(one: &Rank, other: &Rank) -> bool {
    match (one, other) {
        (Rank::Natural(one), Rank::Natural(other)) => one.shape == other.shape,
        _ => true,
    }
}

fn by_push(one: Image<'_>, other: Image<'_>) -> Relation {
    let by_digest = || match (one.digest, other.digest) {
        (Some(of_one), Some(of_other)) => of_one.cmp(of_other),
        (Some(_) | None, None) | (None, Some(_)) => Ordering::Equal,
    };
    Relation::of(one.pushed.cmp(&other.pushed).then_with(by_digest))
}

fn of_one_tag(one: Image<'_>, other: Image<'_>) -> Relation {
    match (one.digest, other.digest, one.pushed, other.pushed) {
        _ if one.tag != other.tag => Relation::Incomparable,
        (Some(of_one), Some(of_other), _, _) if of_one == of_other => Relation::Same,
        (_, _, Some(_), Some(_)) => by_push(one, other),
        (_, _, Some(_) | None, None) | (_, _, None, Some(_)) => Relation::Incomparable,
    }
}
