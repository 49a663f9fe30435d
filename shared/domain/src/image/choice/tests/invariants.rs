//! What holds of every choice, checked on a text that says everything. The fuzz target includes this file,
//! too, so that it names nothing but what is public.

use super::choice::{
    Artifact, Candidate, Choice, Current, Digest, Policy, Range, Relation, Rules, Tag, Texts, Verdict,
    Version, choose, compare, relation,
};

/// As many candidates as are compared, each with each of the others and these with a third.
const MOST: usize = 10;

/// Checks everything on one text, of which the lines are a policy, filter-tags, extract, allow-tags,
/// ignore-tags and what runs, each of which may be empty, and the candidates: see [`candidate`].
pub(crate) fn check(text: &str) {
    for line in text.lines() {
        check_line(line);
    }
    let mut lines = text.lines();
    let mut next = || lines.next().filter(|line| !line.is_empty());
    let texts = Texts {
        policy: next().unwrap_or("newest-pushed"),
        filter_tags: next(),
        extract: next(),
        allow_tags: next(),
        ignore_tags: next(),
    };
    let current = next().and_then(candidate).map(|candidate| Current {
        tag: candidate.tag,
        digest: candidate.digest,
        pushed: candidate.pushed,
    });
    let candidates: Vec<Candidate> = lines.filter_map(candidate).take(MOST).collect();
    if let Ok(rules) = Rules::read(&texts) {
        check_order(&rules, &candidates);
        check_choice(&rules, current.as_ref(), &candidates);
    }
}

/// A tag and, after spaces, the digit of its digest, its push time in seconds, and a word that says it is
/// barred, `b`, or no image, `o`.
fn candidate(line: &str) -> Option<Candidate> {
    let mut words = line.split_whitespace();
    let tag = Tag::parse(words.next()?).ok()?;
    let digit = words.next().and_then(|word| word.chars().next());
    let digest =
        digit.and_then(|digit| Digest::parse(format!("sha256:{}", String::from(digit).repeat(64))).ok());
    let seconds = words.next().and_then(|word| word.parse().ok());
    let word = words.next();
    Some(Candidate {
        digest,
        pushed: seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok()),
        artifact: match word {
            Some("o") => Artifact::Other("text/plain".to_owned()),
            _ => Artifact::Image,
        },
        barred: word.filter(|word| *word == "b").map(str::to_owned),
        ..Candidate::of(tag)
    })
}

/// No text makes a parser panic, and what is read is what was written.
fn check_line(line: &str) {
    if let Ok(tag) = Tag::parse(line) {
        assert_eq!(tag.as_str(), line);
    }
    if let Ok(digest) = Digest::parse(line) {
        assert!(line.starts_with(digest.short()));
    }
    if let Ok(policy) = Policy::parse(line) {
        assert_eq!(Policy::parse(&policy.to_string()).as_ref(), Ok(&policy));
    }
    let version = Version::parse(line);
    if let Some(version) = &version {
        assert_eq!(Version::parse(&version.to_string()).as_ref(), Some(version));
    }
    if let Ok(range) = Range::parse(line) {
        for text in ["0.0.0", "1.2.3", "1.2.3-rc.1", "9.9"] {
            if let Some(version) = Version::parse(text) {
                range.fit(&version);
            }
        }
    }
}

/// The order is total, antisymmetric and transitive, and says the same as the relation where there is one.
fn check_order(rules: &Rules, candidates: &[Candidate]) {
    for one in candidates {
        assert!(compare(rules, one, one).is_eq());
        for other in candidates {
            let order = compare(rules, one, other);
            assert_eq!(order, compare(rules, other, one).reverse(), "{one:?} {other:?}");
            let is_same = (&one.tag, &one.digest, one.pushed) == (&other.tag, &other.digest, other.pushed);
            assert_eq!(order.is_eq(), is_same, "{one:?} {other:?}");
            match (relation(rules, one, other), relation(rules, other, one)) {
                (Relation::Newer, Relation::Older) => assert!(order.is_gt(), "{one:?} {other:?}"),
                (Relation::Older, Relation::Newer) => assert!(order.is_lt(), "{one:?} {other:?}"),
                (Relation::Same, Relation::Same) | (Relation::Incomparable, Relation::Incomparable) => {}
                relations => panic!("{relations:?} of {one:?} and {other:?}"),
            }
            for third in candidates {
                if order.is_ge() && compare(rules, other, third).is_ge() {
                    assert!(compare(rules, one, third).is_ge(), "{one:?} {other:?} {third:?}");
                }
            }
        }
    }
}

fn check_choice(rules: &Rules, current: Option<&Current>, candidates: &[Candidate]) {
    let choice = choose(rules, current, candidates);
    let other_way: Vec<Candidate> = candidates.iter().chain(candidates).rev().cloned().collect();
    assert_eq!(
        choice,
        choose(rules, current, &other_way),
        "neither order nor number matters"
    );
    let of = |verdict| {
        choice
            .candidates
            .iter()
            .filter(move |judged| judged.verdict == verdict)
    };
    assert_eq!(of(Verdict::Picked).count(), usize::from(choice.picked.is_some()));
    assert!(choice.candidates.iter().all(|judged| !judged.reason.is_empty()));
    assert!(!choice.reason.is_empty());
    assert_eq!(choice.candidates.is_empty(), candidates.is_empty());
    if let Some(picked) = &choice.picked {
        check_picked(rules, current, candidates, &choice, picked);
    }
}

fn check_picked(
    rules: &Rules,
    current: Option<&Current>,
    candidates: &[Candidate],
    choice: &Choice,
    picked: &Candidate,
) {
    assert!(candidates.contains(picked));
    assert_eq!((&picked.artifact, &picked.barred), (&Artifact::Image, &None));
    let of_digest = rules.policy == Policy::Digest;
    for judged in &choice.candidates {
        if judged.verdict == Verdict::NewerExists && !of_digest {
            let is_it =
                |candidate: &&Candidate| (&candidate.tag, &candidate.digest) == (&judged.tag, &judged.digest);
            let mut of_it = candidates.iter().filter(is_it);
            assert!(
                of_it.any(|beaten| compare(rules, picked, beaten).is_ge()),
                "{judged:?}"
            );
        }
    }
    if let Some(current) = current {
        if of_digest {
            assert_eq!(picked.tag, current.tag);
            assert!(picked.digest.is_none() || picked.digest != current.digest);
        } else if rules.policy != Policy::NewestPushed || current.pushed.is_some() {
            assert_eq!(
                relation(rules, picked, current),
                Relation::Newer,
                "{picked:?} {current:?}"
            );
        }
        assert!(
            picked.digest.is_none() || picked.digest != current.digest,
            "the same image is no move"
        );
    }
    // Once it runs there is nothing to do: no two tags take turns.
    let moved = Current {
        tag: picked.tag.clone(),
        digest: picked.digest.clone(),
        pushed: picked.pushed,
    };
    if !of_digest || moved.digest.is_some() {
        let next = choose(rules, Some(&moved), candidates);
        assert_eq!(next.picked, None, "{moved:?} {}", next.reason);
    }
}
