//! What each candidate is, seen alone: out of the question for a reason, or eligible.

use super::base::Base;
use super::order::{Rank, Unranked, rank};
use super::range::Fit;
use super::tag::is_hash;
use super::{
    Artifact, Candidate, Current, Image, Policy, PreReleases, Relation, Rules, Verdict, Version, relation,
};

/// What a candidate is before it is compared with the other eligible ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// Not to run, and why.
    Out(Verdict, String),
    /// It may run, if it is the newest; what is to be said of it then.
    Eligible(String),
}

fn out(verdict: Verdict, reason: impl Into<String>) -> Standing {
    Standing::Out(verdict, reason.into())
}

/// Judges one candidate. The first rule that speaks against it is the one that is named.
pub(super) fn judge(
    rules: &Rules,
    base: &Base,
    current: Option<&Current>,
    candidate: &Candidate,
) -> Standing {
    is_current(rules, current, candidate)
        .or_else(|| is_listed_out(rules, candidate))
        .unwrap_or_else(|| match &rules.policy {
            Policy::Digest => follow(current, candidate),
            Policy::Major
            | Policy::Minor
            | Policy::Patch
            | Policy::All
            | Policy::Semver(_)
            | Policy::NewestPushed
            | Policy::Numerical(_)
            | Policy::Alphabetical(_) => compare_with(rules, base, candidate),
        })
}

/// What runs is out of the question before any rule is asked. By push time and by digest, the same tag may be
/// another image.
fn is_current(rules: &Rules, current: Option<&Current>, candidate: &Candidate) -> Option<Standing> {
    let current = current.filter(|current| current.tag == candidate.tag)?;
    let digests = (&candidate.digest, &current.digest);
    let is_repushed = matches!(digests, (Some(digest), Some(running)) if digest != running);
    let is_certain = matches!(digests, (Some(_), Some(_)));
    let reason = match &rules.policy {
        Policy::Digest if is_repushed || !is_certain => return None,
        Policy::NewestPushed if is_repushed => return None,
        _ if is_repushed => "runs, though the tag was pushed again since: policy digest would follow it",
        _ => "runs",
    };
    Some(out(Verdict::Current, reason))
}

/// The rules that don't depend on what runs.
fn is_listed_out(rules: &Rules, candidate: &Candidate) -> Option<Standing> {
    let tag = candidate.tag.as_str();
    if is_attachment(tag) {
        return Some(out(
            Verdict::Excluded,
            "a signature, an attestation or an SBOM, by its name",
        ));
    }
    if let Artifact::Other(media_type) = &candidate.artifact {
        let reason = format!("no container image: its media type is {media_type}");
        return Some(out(Verdict::Excluded, reason));
    }
    if let Some(ignore) = rules.ignore.as_ref().filter(|ignore| ignore.matches(tag)) {
        return Some(out(Verdict::Excluded, format!("on ignore-tags {ignore}")));
    }
    if let Some(allow) = rules.allow.as_ref().filter(|allow| !allow.matches(tag)) {
        return Some(out(Verdict::NotAllowed, format!("not on allow-tags {allow}")));
    }
    if let Some(reason) = &candidate.barred {
        return Some(out(Verdict::Blocked, reason.as_str()));
    }
    let filter = rules.filter.as_ref()?;
    let is_out = !filter.pattern.matches(tag);
    is_out.then(|| {
        let reason = Unranked::NotMatched.explain(rules, &candidate.tag);
        out(Verdict::NotMatched, reason)
    })
}

/// Whether this is the tag of something attached to an image: `sha256-<hash>`, perhaps with more behind a
/// dot, as cosign and clients of registries without referrers write it.
fn is_attachment(tag: &str) -> bool {
    let Some(rest) = tag.strip_prefix("sha256-") else {
        return false;
    };
    let has_suffix = [".sig", ".att", ".sbom"]
        .iter()
        .any(|suffix| rest.ends_with(suffix));
    has_suffix || is_hash(rest)
}

/// Policy `digest`: the tag that runs, if it points elsewhere now.
fn follow(current: Option<&Current>, candidate: &Candidate) -> Standing {
    let Some(current) = current else {
        return out(
            Verdict::NotComparable,
            "policy digest follows the tag that runs, and nothing runs",
        );
    };
    if candidate.tag != current.tag {
        let reason = format!("policy digest follows the tag that runs, {}", current.tag);
        return out(Verdict::OtherTag, reason);
    }
    match (&candidate.digest, &current.digest) {
        (Some(digest), Some(running)) => Standing::Eligible(format!(
            "the tag points to {} now, and {} runs",
            digest.short(),
            running.short()
        )),
        (Some(_) | None, None) => {
            Standing::Eligible("the tag is followed, and the digest that runs is unknown".to_owned())
        }
        (None, Some(_)) => {
            Standing::Eligible("the tag is followed, and the digest that it points to is unknown".to_owned())
        }
    }
}

/// Every other policy: only what is newer.
fn compare_with(rules: &Rules, base: &Base, candidate: &Candidate) -> Standing {
    let rank = match rank(rules, Image::from(candidate)) {
        Ok(rank) => rank,
        Err(unranked) => {
            let verdict = match &unranked {
                Unranked::NotAVersion(_) => Verdict::NotAVersion,
                Unranked::Latest if asks_for_versions(&rules.policy) => Verdict::NotAVersion,
                Unranked::NotMatched => Verdict::NotMatched,
                Unranked::Latest | Unranked::NoNumber(_) | Unranked::Empty | Unranked::NoPushTime => {
                    Verdict::NotOrdered
                }
            };
            return out(verdict, unranked.explain(rules, &candidate.tag));
        }
    };
    is_not_newer(rules, base, &rank, candidate)
        .or_else(|| match &rank {
            Rank::Version(version) => is_out_of_bounds(rules, base, version),
            Rank::Unordered | Rank::Pushed(_) | Rank::Natural(_) | Rank::Text(_) => None,
        })
        .unwrap_or_else(|| Standing::Eligible(format!("the newest by policy {}", rules.policy)))
}

fn asks_for_versions(policy: &Policy) -> bool {
    match policy {
        Policy::Major | Policy::Minor | Policy::Patch | Policy::All | Policy::Semver(_) => true,
        Policy::Digest | Policy::NewestPushed | Policy::Numerical(_) | Policy::Alphabetical(_) => false,
    }
}

fn is_not_newer(rules: &Rules, base: &Base, rank: &Rank, candidate: &Candidate) -> Option<Standing> {
    let (current, of_current) = match base {
        Base::Nothing | Base::Latest => return None,
        Base::Unknown(reason) => return Some(out(Verdict::NotComparable, reason.as_str())),
        Base::At(current, of_current) => (current, of_current),
    };
    let tag = &current.tag;
    match relation(rules, candidate, current) {
        Relation::Newer => None,
        Relation::Older => Some(out(Verdict::Older, format!("older than {tag}, which runs"))),
        Relation::Same if candidate.digest.is_some() && candidate.digest == current.digest => {
            Some(out(Verdict::SameImage, format!("the image that runs as {tag}")))
        }
        Relation::Same => Some(out(
            Verdict::Older,
            format!("no newer than {tag}, which runs: the two are equal in the order"),
        )),
        Relation::Incomparable => {
            let reason = match (rank, of_current) {
                (Rank::Natural(natural), Rank::Natural(of_current)) => format!(
                    "{} and {}, which runs, differ in more than their numbers",
                    natural.shape, of_current.shape
                ),
                _ => format!("can't be compared with {tag}, which runs"),
            };
            Some(out(Verdict::NotOrdered, reason))
        }
    }
}

/// The bump level or the range, and the rule for pre-releases.
fn is_out_of_bounds(rules: &Rules, base: &Base, version: &Version) -> Option<Standing> {
    let current = match base {
        Base::At(_, Rank::Version(current)) => Some(current),
        Base::At(..) | Base::Nothing | Base::Latest | Base::Unknown(_) => None,
    };
    let is_of_another = |level: &str, is_same: bool| {
        let current = current.filter(|_| !is_same)?;
        let reason = format!("of another {level} version than {current}, which runs");
        Some(out(Verdict::OutOfRange, reason))
    };
    let same_major = current.is_none_or(|current| current.major == version.major);
    let same_minor = current.is_none_or(|current| current.minor == version.minor);
    let bounds = match &rules.policy {
        Policy::Minor => is_of_another("major", same_major),
        Policy::Patch => is_of_another("major", same_major).or_else(|| is_of_another("minor", same_minor)),
        Policy::Semver(range) => {
            return match range.fit(version) {
                Fit::Inside => None,
                Fit::Outside => Some(out(Verdict::OutOfRange, format!("not in {range}"))),
                Fit::PreRelease => Some(out(
                    Verdict::PreRelease,
                    format!("a pre-release, which {range} does not ask for"),
                )),
            };
        }
        Policy::All => return None,
        Policy::Major
        | Policy::Digest
        | Policy::NewestPushed
        | Policy::Numerical(_)
        | Policy::Alphabetical(_) => None,
    };
    bounds.or_else(|| is_other_pre_release(rules, base, current, version))
}

fn is_other_pre_release(
    rules: &Rules,
    base: &Base,
    current: Option<&Version>,
    version: &Version,
) -> Option<Standing> {
    let followed = current.map(Version::pre_release).unwrap_or_default();
    let found = version.pre_release();
    match rules.pre_releases {
        PreReleases::Any => return None,
        PreReleases::Equal if found == followed => return None,
        PreReleases::Equal => {}
    }
    let shown = base.shown();
    let reason = match (found.is_empty(), followed.is_empty()) {
        (true, _) => format!("a release, and {shown}: only {followed} follows {followed}"),
        (false, true) => format!("a pre-release, and {shown}"),
        (false, false) => format!("of pre-release {found}, and {shown}: only {followed} follows {followed}"),
    };
    Some(out(Verdict::PreRelease, reason))
}
