//! Which one it is.

use super::base::Base;
use super::judge::{Standing, judge};
use super::order::{Rank, rank};
use super::{Candidate, Choice, Current, Image, Judged, Policy, Rules, Verdict, compare};

/// Chooses among the tags of a repository the one that is to run in place of `current`, and says of every tag
/// why it is the one or why not.
///
/// # Guarantees
/// - What is picked is newer than what runs in the order of the policy; policy `digest` alone goes where its
///   tag goes.
/// - Nothing is picked that has no place in the order, and nothing if what runs has none, but for `latest`.
/// - It depends on the set of candidates alone, not on their order or on duplicates.
/// - The same image by a newer tag is no reason to deploy. Where digests are not known, as on a command line,
///   it can't be told, and the newer tag is picked.
///
/// ```
/// use domain::image::choice::{Candidate, Current, Rules, Tag, Texts, Verdict, choose};
/// let rules = Rules::read(&Texts { policy: "minor", ..Texts::default() })?;
/// let current = Current { tag: Tag::parse("1.2.3").unwrap(), digest: None, pushed: None };
/// let candidates = ["1.2.3", "1.10.0", "1.9.0", "2.0.0"].map(|tag| Candidate::of(Tag::parse(tag).unwrap()));
/// let choice = choose(&rules, Some(&current), &candidates);
/// assert_eq!(choice.picked.unwrap().tag.as_str(), "1.10.0");
/// assert_eq!(choice.reason, "1.10.0: the newest by policy minor, and 1.2.3 runs");
/// assert_eq!(choice.candidates[0].verdict, Verdict::OutOfRange);
/// assert_eq!(choice.candidates[0].reason, "of another major version than 1.2.3, which runs");
/// # Ok::<(), domain::image::choice::RuleError>(())
/// ```
pub fn choose(rules: &Rules, current: Option<&Current>, candidates: &[Candidate]) -> Choice {
    let base = Base::of(rules, current, candidates);
    let mut candidates: Vec<&Candidate> = candidates.iter().collect();
    candidates.sort_by(|one, other| {
        compare(rules, *other, *one)
            .then_with(|| (&one.artifact, &one.barred).cmp(&(&other.artifact, &other.barred)))
    });
    candidates.dedup();
    let mut standings: Vec<Standing> = candidates
        .iter()
        .map(|candidate| judge(rules, &base, current, candidate))
        .collect();
    let shapes = match &base {
        Base::Nothing | Base::Latest => two_shapes(rules, &candidates, &standings),
        Base::At(..) | Base::Unknown(_) => None,
    };
    if let Some(reason) = &shapes {
        for standing in &mut standings {
            if matches!(standing, Standing::Eligible(_)) {
                *standing = Standing::Out(Verdict::NotOrdered, reason.clone());
            }
        }
    }
    conclude(&base, current, &candidates, standings, shapes)
}

/// The newest of the eligible ones, which come newest first, and what is said of the others.
fn conclude(
    base: &Base,
    current: Option<&Current>,
    candidates: &[&Candidate],
    standings: Vec<Standing>,
    shapes: Option<String>,
) -> Choice {
    let running = current.and_then(|current| current.digest.as_ref());
    let mut picked = None;
    let mut best: Option<&Candidate> = None;
    let mut reason = None;
    let mut judged = Vec::new();
    for (candidate, standing) in candidates.iter().copied().zip(standings) {
        let (verdict, why) = match (standing, best) {
            (Standing::Out(Verdict::Current, why), None) if follows(base) => {
                // Pages read while a tag moved may show it twice: what runs is the later of the two.
                best = Some(candidate);
                (Verdict::Current, why)
            }
            (Standing::Out(verdict, why), _) => (verdict, why),
            (Standing::Eligible(_), Some(best)) => (Verdict::NewerExists, format!("{} is newer", best.tag)),
            (Standing::Eligible(_), None) if running.is_some() && candidate.digest.as_ref() == running => {
                best = Some(candidate);
                let why = "newer by its tag, but the image that runs".to_owned();
                reason = Some(format!("{}: {why}", candidate.tag));
                (Verdict::SameImage, why)
            }
            (Standing::Eligible(why), None) => {
                best = Some(candidate);
                picked = Some(candidate.clone());
                reason = Some(format!("{}: {why}, and {}", candidate.tag, base.shown()));
                (Verdict::Picked, why)
            }
        };
        judged.push(Judged {
            tag: candidate.tag.clone(),
            digest: candidate.digest.clone(),
            verdict,
            reason: why,
        });
    }
    let reason = reason.or(shapes).unwrap_or_else(|| nothing(base, &judged));
    Choice {
        picked,
        reason,
        candidates: judged,
    }
}

/// Whether the policy follows the tag that runs.
fn follows(base: &Base) -> bool {
    matches!(base, Base::At(_, Rank::Unordered))
}

/// Why nothing is picked.
fn nothing(base: &Base, judged: &[Judged]) -> String {
    match base {
        _ if judged.is_empty() => "there is no tag to choose from".to_owned(),
        Base::Unknown(reason) => reason.clone(),
        Base::At(current, Rank::Unordered) => {
            let followed = judged.iter().find(|judged| judged.tag == current.tag);
            followed.map_or_else(
                || format!("{}, which is followed, is not in the repository", current.tag),
                |followed| format!("{}: {}", followed.tag, followed.reason),
            )
        }
        Base::At(current, _) => format!("nothing eligible is newer than {}, which runs", current.tag),
        Base::Latest => "no tag is eligible, and latest runs".to_owned(),
        Base::Nothing => judged
            .iter()
            .find(|judged| judged.verdict == Verdict::NotComparable)
            .map_or_else(
                || "no tag is eligible, and nothing runs".to_owned(),
                |judged| judged.reason.clone(),
            ),
    }
}

/// With nothing to compare with, candidates for `numerical` must at least be comparable with each other.
/// Names two that are not, the first of them the one that an order would put first.
fn two_shapes(rules: &Rules, candidates: &[&Candidate], standings: &[Standing]) -> Option<String> {
    match &rules.policy {
        Policy::Numerical(_) => {}
        Policy::Major
        | Policy::Minor
        | Policy::Patch
        | Policy::All
        | Policy::Semver(_)
        | Policy::Digest
        | Policy::NewestPushed
        | Policy::Alphabetical(_) => return None,
    }
    let mut shapes = candidates
        .iter()
        .zip(standings)
        .filter(|(_, standing)| matches!(standing, Standing::Eligible(_)))
        .filter_map(|(candidate, _)| match rank(rules, Image::from(*candidate)) {
            Ok(Rank::Natural(natural)) => Some(natural.shape),
            Ok(Rank::Unordered | Rank::Version(_) | Rank::Pushed(_) | Rank::Text(_)) | Err(_) => None,
        });
    let first = shapes.next()?;
    let other = shapes.find(|shape| *shape != first)?;
    Some(format!(
        "tags of the forms {first} and {other} have no common order: choose one form by filter-tags"
    ))
}
