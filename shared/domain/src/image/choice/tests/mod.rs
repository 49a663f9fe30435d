//! Choices as people would check them, table by table, and what holds of all of them.

mod bumps;
mod digests;
mod invariants;
mod lists;
mod orders;
mod properties;

use crate::image::choice;

use choice::{Candidate, Choice, Current, Digest, Rules, Tag, Texts, Verdict, choose};

fn tag(text: &str) -> Tag {
    Tag::parse(text).unwrap()
}

/// A digest of this digit alone.
fn digest(digit: char) -> Digest {
    Digest::parse(format!("sha256:{}", String::from(digit).repeat(64))).unwrap()
}

fn policy(policy: &str) -> Rules {
    rules(&Texts {
        policy,
        ..Texts::default()
    })
}

fn rules(texts: &Texts<'_>) -> Rules {
    Rules::read(texts).unwrap()
}

fn current(text: &str) -> Current {
    Current {
        tag: tag(text),
        digest: None,
        pushed: None,
    }
}

/// Tags of which nothing else is known, as on a command line.
fn tags(texts: &[&str]) -> Vec<Candidate> {
    texts.iter().map(|text| Candidate::of(tag(text))).collect()
}

/// An image with a digest and a push time in seconds.
fn pushed(text: &str, digit: char, seconds: i64) -> Candidate {
    Candidate {
        digest: Some(digest(digit)),
        pushed: Some(jiff::Timestamp::from_second(seconds).unwrap()),
        ..Candidate::of(tag(text))
    }
}

/// The same image, running.
fn running(text: &str, digit: char, seconds: Option<i64>) -> Current {
    Current {
        digest: Some(digest(digit)),
        pushed: seconds.map(|seconds| jiff::Timestamp::from_second(seconds).unwrap()),
        ..current(text)
    }
}

fn picked(choice: &Choice) -> Option<&str> {
    choice.picked.as_ref().map(|candidate| candidate.tag.as_str())
}

/// What became of a tag, and why.
fn judged<'a>(choice: &'a Choice, text: &str) -> (Verdict, &'a str) {
    let judged = choice
        .candidates
        .iter()
        .find(|judged| judged.tag.as_str() == text)
        .unwrap();
    (judged.verdict, &judged.reason)
}

/// Policy, what runs, the tags, and what is picked of them.
type Case = (
    &'static str,
    &'static str,
    &'static [&'static str],
    Option<&'static str>,
);

fn check(cases: &[Case]) {
    for (text, runs, texts, expected) in cases {
        let runs = (!runs.is_empty()).then(|| current(runs));
        let choice = choose(&policy(text), runs.as_ref(), &tags(texts));
        assert_eq!(
            picked(&choice),
            *expected,
            "{text} {runs:?} {texts:?}: {choice:#?}"
        );
    }
}
