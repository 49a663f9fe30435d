//! The new content of a Secret, out of the old one and of the tokens that could be had.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::content::Content;
use super::judge::{Change, config};
use super::name::ObjectName;
use super::registry::Region;
use super::secret::{PullSecret, annotations};
use super::token::Token;
use crate::keys::{ADOPT, PATCHED_ACCOUNTS};

/// What is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The version that it is made for; `None` if there was no Secret.
    pub version: Option<String>,
    /// The whole content; `None` leaves it as it is.
    pub content: Option<Content>,
    /// Annotations to set, and `None` for those to remove. All others stay.
    pub annotations: BTreeMap<&'static str, Option<String>>,
}

/// Puts together what is to be written of a `change` to the Secret that was `seen`, with the tokens of the regions that gave
/// one; nothing if no entry would change.
///
/// An entry whose token is missing stays as it is, with the time at which it expires if that is known. As long as one is
/// missing, entries that are not configured any more stay too: the Secret never has less in it than before. `accounts` is what
/// its annotation is to say of service accounts, `None` to leave it.
pub fn compose(
    seen: Option<&PullSecret>,
    change: &Change,
    tokens: &BTreeMap<Region, Token>,
    accounts: Option<&BTreeSet<ObjectName>>,
) -> Option<Draft> {
    let mut content = seen.and_then(config).unwrap_or_default();
    let mut expiries: BTreeMap<String, Timestamp> = seen
        .map(PullSecret::expiries)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(host, expires)| Some((host, expires?)))
        .collect();
    // What is not there can't expire.
    expiries.retain(|host, _| content.has_token(host));
    let (mut is_changed, mut is_complete) = (false, true);
    for registry in change.due.keys() {
        let host = registry.host();
        if let Some(token) = tokens.get(registry.region()) {
            content.set(host, token.password());
            expiries.insert(host.to_owned(), token.expires());
            is_changed = true;
        } else {
            is_complete = false;
        }
    }
    if is_complete {
        for host in &change.stale {
            content.remove(host);
            expiries.remove(host);
            is_changed = true;
        }
    }
    if !is_changed {
        return None;
    }
    let times = annotations(&expiries)?.map(|(key, value)| (key, Some(value)));
    let accounts = accounts.map(|names| (PATCHED_ACCOUNTS, listing(names)));
    let adopted = seen.is_some_and(|secret| secret.annotations.contains_key(ADOPT));
    let handed_over = adopted.then_some((ADOPT, None));
    Some(Draft {
        version: seen.map(|secret| secret.version.clone()),
        content: Some(content.into_content()),
        annotations: times.into_iter().chain(accounts).chain(handed_over).collect(),
    })
}

/// What is to be written to note the service accounts to which the Secret was added, and nothing else.
pub fn record(seen: &PullSecret, accounts: &BTreeSet<ObjectName>) -> Draft {
    Draft {
        version: Some(seen.version.clone()),
        content: None,
        annotations: [(PATCHED_ACCOUNTS, listing(accounts))].into(),
    }
}

fn listing(names: &BTreeSet<ObjectName>) -> Option<String> {
    let names: Vec<&str> = names.iter().map(ObjectName::as_str).collect();
    (!names.is_empty()).then(|| names.join(","))
}
