//! What is to be done about a Secret.

use super::*;
use crate::keys::{EXPIRES_AT, REGISTRIES};

fn verdict(secret: &PullSecret, hosts: &[&str]) -> String {
    judge(Some(secret), &policy(hosts), now()).to_string()
}

#[test]
fn a_secret_is_renewed_when_less_than_half_of_a_life_is_left_and_not_before() {
    for (left, expected) in [
        (12, "keep".to_owned()),
        (6, "keep".to_owned()),
        (5, format!("renew [{A}: expires at 2026-11-26T13:00:00Z]")),
        (0, format!("renew [{A}: expires at 2026-11-26T08:00:00Z]")),
        (-9, format!("renew [{A}: expires at 2026-11-25T23:00:00Z]")),
        (25, format!("renew [{A}: nobody knows when it expires]")),
    ] {
        assert_eq!(verdict(&ours(&[(A, left)]), &[A]), expected, "{left} hours");
    }
}

#[test]
fn only_entries_that_need_a_token_get_one() {
    let secret = ours(&[(A, 11), (B, 3)]);
    assert_eq!(
        verdict(&secret, &[A, B]),
        format!("renew [{B}: expires at 2026-11-26T11:00:00Z]")
    );
    let plan = plan(&[sight(secret)], &policy(&[A, B]), now());
    let regions: Vec<&str> = plan.regions.iter().map(Region::as_str).collect();
    assert_eq!(regions, ["us-east-1"]);
}

fn sight(secret: PullSecret) -> Sight {
    Sight {
        namespace: "shop".to_owned(),
        secret: Some(secret),
        wanted: None,
        accounts: BTreeMap::new(),
    }
}

#[test]
fn other_registries_than_configured_are_added_and_dropped() {
    let secret = ours(&[(A, 11)]);
    assert_eq!(verdict(&secret, &[A, C]), format!("renew [{C}: new]"));
    assert_eq!(
        verdict(&secret, &[C]),
        format!("renew [{C}: new] [{A}: not configured any more]")
    );
}

#[test]
fn what_is_damaged_or_contradicts_itself_is_made_good() {
    let good = ours(&[(A, 11)]);
    let with = |key: &str, value: Option<&str>| {
        let mut secret = good.clone();
        match value {
            Some(value) => drop(secret.annotations.insert(key.to_owned(), value.to_owned())),
            None => drop(secret.annotations.remove(key)),
        }
        secret
    };
    let containing = |content: Option<&str>| PullSecret {
        content: content.map(Content::new),
        ..good.clone()
    };
    let unknown = format!("renew [{A}: nobody knows when it expires]");
    let damaged = format!("renew [{A}: no token in it]");
    for (secret, expected) in [
        (with(EXPIRES_AT, None), &unknown),
        (with(EXPIRES_AT, Some("soon")), &unknown),
        (with(EXPIRES_AT, Some("2026-11-26T20:00:00Z")), &unknown),
        (with(REGISTRIES, Some(A)), &unknown),
        (with(REGISTRIES, Some(&format!("{A}=soon"))), &unknown),
        (with(REGISTRIES, Some("")), &format!("renew [{A}: new]")),
        (containing(None), &damaged),
        (containing(Some("not json")), &damaged),
        (containing(Some(r#"{"auths":{}}"#)), &damaged),
        (containing(Some(r#"{"auths":[]}"#)), &damaged),
    ] {
        assert_eq!(verdict(&secret, &[A]), *expected, "{secret:?}");
    }
}

#[test]
fn case_47_what_is_of_another_type_or_not_ours_is_refused_and_says_how_to_hand_it_over() {
    let of_type = |kind: &str| PullSecret {
        kind: kind.to_owned(),
        ..ours(&[(A, 1)])
    };
    let unlabelled = PullSecret {
        labels: BTreeMap::new(),
        ..ours(&[(A, 1)])
    };
    let immutable = PullSecret {
        is_immutable: true,
        ..ours(&[(A, 11)])
    };
    for (secret, expected) in [
        (
            of_type("Opaque"),
            "refuse: it has type \"Opaque\": expected \"kubernetes.io/dockerconfigjson\", and a type can't be changed: \
             rename it or configure another name",
        ),
        (
            of_people("{}", None),
            "refuse: it is not ours: to hand it over, annotate it with lamplighter.dev/adopt=true; other entries in it are kept",
        ),
        (
            of_people("{}", Some("yes")),
            "refuse: it is not ours (lamplighter.dev/adopt is \"yes\": expected \"true\"): to hand it over, annotate it with \
             lamplighter.dev/adopt=true; other entries in it are kept",
        ),
        (
            unlabelled,
            "refuse: it is not ours: to hand it over, annotate it with lamplighter.dev/adopt=true; other entries in it are kept",
        ),
        (
            immutable,
            "refuse: it is immutable: expected one that can be renewed; delete it, and it is made anew",
        ),
        (
            of_people("not json", Some("true")),
            "refuse: its .dockerconfigjson can't be read: expected an object whose auths is an object; it is not taken over",
        ),
        (of_people("{}", Some("true")), &format!("adopt [{A}: new]")),
    ] {
        assert_eq!(verdict(&secret, &[A]), expected);
        assert_eq!(
            judge(Some(&secret), &policy(&[A]), now()).change().is_none(),
            expected.starts_with("refuse")
        );
    }
}

#[test]
fn what_is_left_is_the_least_and_nothing_where_an_entry_is_missing() {
    let left = |secret: Option<&PullSecret>| remaining(secret, &policy(&[A, B]), now());
    assert_eq!(left(Some(&ours(&[(A, 11), (B, 3)]))), Some(hours(3)));
    assert_eq!(left(Some(&ours(&[(A, 11), (B, -3)]))), Some(hours(0)));
    assert_eq!(left(Some(&ours(&[(A, 11)]))), Some(hours(0)));
    assert_eq!(left(None), Some(hours(0)));
    assert_eq!(left(Some(&of_people("{}", Some("true")))), None);
}

#[test]
fn a_plan_asks_for_each_region_once_and_says_what_it_does() {
    let seen: Vec<Sight> = (0..100)
        .map(|n| Sight {
            namespace: format!("shop-{n}"),
            secret: (n == 0).then(|| ours(&[(A, 11), (B, 11), (C, 11)])),
            ..sight(ours(&[]))
        })
        .collect();
    let everywhere = plan(&seen, &policy(&[A, B, C]), now());
    assert_eq!(everywhere.regions.len(), 2);
    let few = plan(&seen[..2], &policy(&[A, B, C]), now());
    assert_eq!(
        few.to_string(),
        format!(
            "shop-1: create [{A}: new] [{B}: new] [{C}: new]; 1 as they are to be; tokens of eu-central-1, us-east-1"
        ),
    );
}
