//! Service accounts that are to pull by our Secret: every pod that runs as one of them does, without naming the Secret.

use std::collections::{BTreeMap, BTreeSet};

use super::name::{ObjectName, listed};
use super::secret::{PullSecret, Standing};
use crate::ids::InvalidId;
use crate::keys::{PATCHED_ACCOUNTS, PULL_SECRET_ACCOUNTS};

/// A service account as it is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceAccount {
    /// `metadata.resourceVersion`.
    pub version: String,
    /// The names in `imagePullSecrets`, in their order.
    pub pulls: Vec<String>,
    /// Its annotation `lamplighter.dev/pull-secret`: which of them we added.
    pub mark: Option<String>,
}

/// What is to be done about a service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountChange {
    /// Its name.
    pub account: ObjectName,
    /// In one word.
    pub act: Act,
    /// The version that it is made for: a merge patch replaces the whole list.
    pub version: String,
    /// The names that are to be in `imagePullSecrets`.
    pub pulls: Vec<String>,
    /// The annotation `lamplighter.dev/pull-secret`; `None` removes it.
    pub mark: Option<String>,
}

/// Whether our Secret comes or goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// It is added.
    Append,
    /// It is taken out.
    Remove,
}

/// The service accounts that a namespace's annotation names: none without one.
pub fn wanted(annotations: &BTreeMap<String, String>) -> Result<BTreeSet<ObjectName>, InvalidId> {
    let text = annotations.get(PULL_SECRET_ACCOUNTS).map(String::as_str);
    listed(text.unwrap_or_default())
        .map(|name| ObjectName::parse(PULL_SECRET_ACCOUNTS, name))
        .collect()
}

/// The service accounts to which our Secret was added, as it says itself.
pub fn recorded(secret: Option<&PullSecret>) -> BTreeSet<ObjectName> {
    let ours = secret.filter(|secret| secret.standing() == Standing::Ours);
    let text = ours.and_then(|secret| secret.annotations.get(PATCHED_ACCOUNTS));
    listed(text.map_or("", String::as_str))
        .filter_map(|name| ObjectName::parse(PATCHED_ACCOUNTS, name).ok())
        .collect()
}

/// What is to be done about a service account, which is `wanted` to pull by `secret` or is not. What others added stays, also
/// where it is the same name.
pub fn account_change(
    secret: &ObjectName,
    account: &ObjectName,
    seen: &ServiceAccount,
    wanted: &BTreeSet<ObjectName>,
) -> Option<AccountChange> {
    let has_it = seen.pulls.iter().any(|name| name == secret.as_str());
    let is_wanted = wanted.contains(account);
    let act = match (is_wanted, has_it, &seen.mark) {
        (true, false, _) => Act::Append,
        (false, _, Some(_)) => Act::Remove,
        (true, true, _) | (false, _, None) => return None,
    };
    let is_others = |name: &&String| seen.mark.as_ref() != Some(*name);
    let mut pulls: Vec<String> = seen.pulls.iter().filter(is_others).cloned().collect();
    if act == Act::Append {
        pulls.push(secret.as_str().to_owned());
    }
    Some(AccountChange {
        account: account.clone(),
        act,
        version: seen.version.clone(),
        pulls,
        mark: is_wanted.then(|| secret.as_str().to_owned()),
    })
}
