//! What is to be done in all namespaces.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::accounts::{AccountChange, Act, ServiceAccount, account_change, recorded};
use super::choice::Choice;
use super::judge::{Change, Verdict, judge};
use super::name::ObjectName;
use super::registry::{Region, Registries};
use super::secret::PullSecret;

/// What the deployment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The name of the Secret, the same in each namespace.
    pub name: ObjectName,
    /// The registries for which it holds tokens.
    pub registries: Registries,
    /// The namespaces that get it.
    pub choice: Choice,
}

/// What was seen of a namespace that is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// The namespace.
    pub namespace: String,
    /// The Secret of our name, if there is one.
    pub secret: Option<PullSecret>,
    /// The service accounts that are to pull by it; `None` if what the namespace says can't be read: then nothing is done about
    /// any.
    pub wanted: Option<BTreeSet<ObjectName>>,
    /// Those that were looked at: wanted ones, and those to which the Secret says that it was added. One that is not there is
    /// `None`; one that could not be looked at has no entry.
    pub accounts: BTreeMap<ObjectName, Option<ServiceAccount>>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The regions of which a token is needed: one call for each.
    pub regions: BTreeSet<Region>,
    /// What is to be done in each namespace.
    pub namespaces: Vec<Stance>,
}

/// What is to be done in one namespace, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stance {
    /// The namespace.
    pub namespace: String,
    /// The Secret. Without it, nothing else is done.
    pub verdict: Verdict,
    /// What the Secret has to say of service accounts before any of them is changed: after a crash they are found by it.
    pub record: Option<BTreeSet<ObjectName>>,
    /// The service accounts.
    pub accounts: Vec<AccountChange>,
    /// What the Secret says of them when all of that is done.
    pub forget: Option<BTreeSet<ObjectName>>,
}

/// What is to be done at `now` about everything that was seen.
pub fn plan(seen: &[Sight], policy: &Policy, now: Timestamp) -> Plan {
    let namespaces: Vec<Stance> = seen.iter().map(|sight| stance(sight, policy, now)).collect();
    let changes = namespaces.iter().filter_map(|stance| stance.verdict.change());
    Plan {
        regions: changes.flat_map(Change::regions).cloned().collect(),
        namespaces,
    }
}

/// What is to be done at `now` about one namespace.
pub fn stance(sight: &Sight, policy: &Policy, now: Timestamp) -> Stance {
    let mut stance = Stance {
        namespace: sight.namespace.clone(),
        verdict: judge(sight.secret.as_ref(), policy, now),
        record: None,
        accounts: Vec::new(),
        forget: None,
    };
    let is_ours_to_be = !matches!(stance.verdict, Verdict::Refuse(_));
    if let (Some(wanted), true) = (&sight.wanted, is_ours_to_be) {
        say_of_accounts(sight, wanted, policy, &mut stance);
    }
    stance
}

fn say_of_accounts(sight: &Sight, wanted: &BTreeSet<ObjectName>, policy: &Policy, stance: &mut Stance) {
    let recorded = recorded(sight.secret.as_ref());
    // What the Secret says last: those that carry our mark, and those of which nobody could tell.
    let mut left: BTreeSet<ObjectName> = recorded
        .iter()
        .filter(|name| !sight.accounts.contains_key(name))
        .cloned()
        .collect();
    for (name, seen) in &sight.accounts {
        let Some(seen) = seen else { continue };
        let change = account_change(&policy.name, name, seen, wanted);
        let is_marked_after = match &change {
            Some(change) => change.act == Act::Append,
            None => seen.mark.is_some(),
        };
        if is_marked_after {
            left.insert(name.clone());
        }
        stance.accounts.extend(change);
    }
    let before: BTreeSet<ObjectName> = recorded.union(&left).cloned().collect();
    stance.forget = (left != before).then_some(left);
    stance.record = (before != recorded).then_some(before);
}
