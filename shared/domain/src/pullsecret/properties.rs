//! What holds whatever is found, whichever tokens can be had, and however often it is done.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::subsequence;
use serde_json::{Value, json};

use super::tests::{A, B, C, auths, entry, hours, names, now, of_people, ours, policy, tokens, written};
use super::*;

const HOSTS: [&str; 3] = [A, B, C];
const OTHERS: [&str; 3] = ["docker.io", "quay.io", "https://index.docker.io/v1/"];

/// A Secret of ours or of people who hand it over, good, damaged and old, with entries of others; or none.
fn any_secret() -> impl Strategy<Value = Option<PullSecret>> {
    let entries = prop::collection::btree_map(prop::sample::select(HOSTS.to_vec()), -20_i64..30, 1..4);
    let others = subsequence(OTHERS.to_vec(), 0..=3);
    let damaged = subsequence(HOSTS.to_vec(), 0..=3);
    let secret = (entries, others, damaged, any::<bool>()).prop_map(|(entries, others, damaged, is_ours)| {
        let entries: Vec<(&str, i64)> = entries.into_iter().collect();
        let mut secret = ours(&entries);
        let mut content: Value = json!({ "auths": auths(&secret), "credsStore": "x" });
        for host in others {
            content["auths"][host] = json!({ "username": host, "password": "theirs" });
        }
        for host in damaged {
            content["auths"][host] = json!({ "auth": "" });
        }
        secret.content = Some(Content::new(content.to_string()));
        if is_ours {
            secret
        } else {
            of_people(&content.to_string(), Some("true"))
        }
    });
    prop_oneof![1 => Just(None), 9 => secret.prop_map(Some)]
}

fn any_hosts(least: usize) -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(HOSTS.to_vec(), least..=3)
}

/// One run: the Secret afterwards, and whether it was written.
fn run(seen: Option<PullSecret>, hosts: &[&str], good: &[&str]) -> (Option<PullSecret>, bool) {
    let verdict = judge(seen.as_ref(), &policy(hosts), now());
    let draft = verdict
        .change()
        .and_then(|change| compose(seen.as_ref(), change, &tokens(good, now()), None));
    match draft {
        Some(draft) => (Some(written(seen.as_ref(), draft)), true),
        None => (seen, false),
    }
}

fn of_others(secret: Option<&PullSecret>) -> BTreeMap<String, Value> {
    let mut all: BTreeMap<String, Value> = secret.map(auths).unwrap_or_default().into_iter().collect();
    all.retain(|host, _| OTHERS.contains(&host.as_str()));
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Entries of others are never lost; after a run with all tokens nothing is left to do; a token that can't be had takes no
    /// good entry away and makes none.
    #[test]
    fn whatever_is_found(seen in any_secret(), hosts in any_hosts(1), good in any_hosts(0)) {
        let (after, _) = run(seen.clone(), &hosts, &good);
        prop_assert_eq!(of_others(after.as_ref()), of_others(seen.as_ref()));
        let regions = tokens(&good, now());
        for host in &hosts {
            let region = Registry::parse(host).unwrap().region().clone();
            let entry_of = |secret: &Option<PullSecret>| secret.as_ref().and_then(|secret| auths(secret).get(*host).cloned());
            if !regions.contains_key(&region) {
                prop_assert_eq!(entry_of(&after), entry_of(&seen), "{} has no token", host);
            }
        }
        let (again, is_written) = run(after.clone(), &hosts, &good);
        prop_assert!(!is_written, "the same once more: {:?} and then {:?}", after, again);

        let (whole, _) = run(after, &hosts, &HOSTS);
        prop_assert_eq!(judge(whole.as_ref(), &policy(&hosts), now()), Verdict::Keep);
        prop_assert_eq!(remaining(whole.as_ref(), &policy(&hosts), now()).map(|left| left >= hours(6)), Some(true));
        for host in &hosts {
            prop_assert!(auths(whole.as_ref().unwrap()).contains_key(*host));
        }
        prop_assert_eq!(of_others(whole.as_ref()), of_others(seen.as_ref()));
    }

    /// What is asked for is what is due, once a region, and nothing where nothing is due.
    #[test]
    fn tokens_are_asked_for_where_they_are_needed(secrets in prop::collection::vec(any_secret(), 0..20), hosts in any_hosts(1)) {
        let sight = |(n, secret): (usize, Option<PullSecret>)| Sight {
            namespace: format!("shop-{n}"),
            secret,
            wanted: Some(names(&[])),
            accounts: BTreeMap::new(),
        };
        let seen: Vec<Sight> = secrets.into_iter().enumerate().map(sight).collect();
        let plan = plan(&seen, &policy(&hosts), now());
        prop_assert!(plan.regions.len() <= 2);
        for region in &plan.regions {
            let needs = |stance: &Stance| stance.verdict.change().is_some_and(|change| change.regions().any(|one| one == region));
            prop_assert!(plan.namespaces.iter().any(needs));
        }
        let idle = plan.namespaces.iter().all(Stance::is_idle);
        prop_assert!(!idle || plan.regions.is_empty());
    }

    /// What stands in a Secret may be anything.
    #[test]
    fn nothing_that_stands_in_a_secret_makes_it_panic(content in ".{0,40}", expires in ".{0,20}", registries in ".{0,40}") {
        let mut secret = ours(&[(A, 3)]);
        secret.content = Some(Content::new(content));
        secret.annotations.insert(crate::keys::EXPIRES_AT.to_owned(), expires);
        secret.annotations.insert(crate::keys::REGISTRIES.to_owned(), registries);
        let (after, _) = run(Some(secret), &[A], &[A]);
        prop_assert_eq!(judge(after.as_ref(), &policy(&[A]), now()), Verdict::Keep);
        prop_assert_ne!(&auths(after.as_ref().unwrap())[A], &entry("old"));
    }
}
