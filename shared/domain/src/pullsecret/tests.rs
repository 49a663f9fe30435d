//! One namespace at a time: what is decided about it, what is written, and what is found afterwards.

mod accounts;
mod composing;
mod judging;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::secret::annotations;
use super::*;
use crate::keys::{ADOPT, MANAGED_BY, MANAGED_BY_US};

pub(super) const A: &str = "111122223333.dkr.ecr.eu-central-1.amazonaws.com";
pub(super) const B: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com";
/// Of the region of [`A`].
pub(super) const C: &str = "444455556666.dkr.ecr.eu-central-1.amazonaws.com";

pub(super) fn now() -> Timestamp {
    "2026-11-26T08:00:00Z".parse().unwrap()
}

pub(super) fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

pub(super) fn name(text: &str) -> ObjectName {
    ObjectName::parse("name", text).unwrap()
}

pub(super) fn names(text: &[&str]) -> BTreeSet<ObjectName> {
    text.iter().map(|text| name(text)).collect()
}

pub(super) fn policy(hosts: &[&str]) -> Policy {
    Policy {
        name: name("lamplighter-ecr"),
        registries: Registries::parse(&hosts.join(" ")).unwrap(),
        choice: Choice::default(),
    }
}

/// Tokens of the regions of these hosts, good for 12 hours.
pub(super) fn tokens(hosts: &[&str], at: Timestamp) -> BTreeMap<Region, Token> {
    let token = |host: &&str| {
        let region = Registry::parse(host).unwrap().region().clone();
        let password = Password::new(format!("token-{region}-{at}"));
        (region, Token::new(password, at + hours(12), at).unwrap())
    };
    hosts.iter().map(token).collect()
}

/// An entry of a token.
pub(super) fn entry(password: &str) -> serde_json::Value {
    use base64::Engine as _;
    let auth = base64::engine::general_purpose::STANDARD.encode(format!("AWS:{password}"));
    serde_json::json!({ "auth": auth })
}

/// A Secret of ours with these entries of ours, which expire so many hours from now.
pub(super) fn ours(entries: &[(&str, i64)]) -> PullSecret {
    let auths: serde_json::Map<_, _> = entries
        .iter()
        .map(|(host, _)| ((*host).to_owned(), entry("old")))
        .collect();
    let expiries = entries
        .iter()
        .map(|(host, left)| ((*host).to_owned(), now() + hours(*left)))
        .collect();
    let times = annotations(&expiries).into_iter().flatten();
    PullSecret {
        labels: [(MANAGED_BY.to_owned(), MANAGED_BY_US.to_owned())].into(),
        annotations: times.map(|(key, value)| (key.to_owned(), value)).collect(),
        ..of_people(&serde_json::json!({ "auths": auths }).to_string(), None)
    }
}

/// A Secret that people made.
pub(super) fn of_people(content: &str, adopt: Option<&str>) -> PullSecret {
    let adopt = adopt.map(|text| (ADOPT.to_owned(), text.to_owned()));
    PullSecret {
        version: "41".to_owned(),
        kind: SECRET_TYPE.to_owned(),
        is_immutable: false,
        labels: BTreeMap::new(),
        annotations: adopt.into_iter().collect(),
        content: Some(Content::new(content)),
    }
}

/// What the API server makes of a draft.
pub(super) fn written(seen: Option<&PullSecret>, draft: Draft) -> PullSecret {
    assert_eq!(draft.version, seen.map(|secret| secret.version.clone()));
    let mut after = seen.cloned().unwrap_or_else(|| of_people("{}", None));
    after.version = (after.version.parse::<u32>().unwrap() + 1).to_string();
    after
        .labels
        .insert(MANAGED_BY.to_owned(), MANAGED_BY_US.to_owned());
    for (key, value) in draft.annotations {
        match value {
            Some(value) => drop(after.annotations.insert(key.to_owned(), value)),
            None => drop(after.annotations.remove(key)),
        }
    }
    if let Some(content) = draft.content {
        after.content = Some(content);
    }
    after
}

/// The entries of a Secret.
pub(super) fn auths(secret: &PullSecret) -> serde_json::Map<String, serde_json::Value> {
    let text = secret.content.as_ref().unwrap().expose();
    let whole: serde_json::Value = serde_json::from_str(text).unwrap();
    whole["auths"].as_object().unwrap().clone()
}
