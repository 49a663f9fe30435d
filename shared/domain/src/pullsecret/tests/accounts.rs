//! Service accounts.

use super::*;
use crate::keys::PULL_SECRET_ACCOUNTS;

const OURS: &str = "lamplighter-ecr";

fn account(pulls: &[&str], mark: Option<&str>) -> ServiceAccount {
    ServiceAccount {
        version: "7".to_owned(),
        pulls: pulls.iter().map(|name| (*name).to_owned()).collect(),
        mark: mark.map(str::to_owned),
    }
}

/// The list afterwards, and the mark; `None` if nothing is changed.
fn changed(seen: &ServiceAccount, is_wanted: bool) -> Option<(Vec<String>, Option<String>)> {
    let wanted = names(if is_wanted { &["default"] } else { &[] });
    let change = account_change(&name(OURS), &name("default"), seen, &wanted)?;
    assert_eq!(change.version, "7");
    Some((change.pulls, change.mark))
}

#[test]
fn case_50_what_others_added_is_kept_ours_comes_once_and_goes_alone() {
    let lists = |pulls: &[&str], mark: Option<&str>| {
        let after = account(pulls, mark);
        Some((after.pulls, after.mark))
    };
    for (pulls, mark, is_wanted, expected) in [
        (&[][..], None, true, lists(&[OURS], Some(OURS))),
        (&["theirs"], None, true, lists(&["theirs", OURS], Some(OURS))),
        (&["theirs", OURS], Some(OURS), true, None),
        (&[OURS, "theirs"], None, true, None),
        (
            &["theirs"],
            Some(OURS),
            true,
            lists(&["theirs", OURS], Some(OURS)),
        ),
        (
            &["old", "theirs"],
            Some("old"),
            true,
            lists(&["theirs", OURS], Some(OURS)),
        ),
        (
            &["theirs", OURS, "more"],
            Some(OURS),
            false,
            lists(&["theirs", "more"], None),
        ),
        (&["theirs"], Some(OURS), false, lists(&["theirs"], None)),
        (&["theirs", OURS], None, false, None),
        (&[], None, false, None),
    ] {
        let after = changed(&account(pulls, mark), is_wanted);
        assert_eq!(after, expected, "{pulls:?}, {mark:?}, wanted: {is_wanted}");
        if let Some((pulls, mark)) = after {
            assert_eq!(
                changed(
                    &ServiceAccount {
                        pulls,
                        mark,
                        version: "7".to_owned()
                    },
                    is_wanted
                ),
                None
            );
        }
    }
}

#[test]
fn what_a_namespace_names_is_read_and_a_name_that_is_none_is_an_error() {
    let said = |text: &str| wanted(&[(PULL_SECRET_ACCOUNTS.to_owned(), text.to_owned())].into());
    assert_eq!(wanted(&BTreeMap::new()).unwrap(), names(&[]));
    assert_eq!(
        said("default, builder,default").unwrap(),
        names(&["builder", "default"])
    );
    assert_eq!(said("").unwrap(), names(&[]));
    let error = said("default,Builder").unwrap_err().to_string();
    let expected = "lamplighter.dev/pull-secret-service-accounts \"Builder\": expected lower-case letters";
    assert!(error.starts_with(expected), "{error}");
}

/// A namespace whose Secret is fine and says that it was added to these.
fn sight(noted: &[&str], wanted: &[&str], accounts: &[(&str, Option<ServiceAccount>)]) -> Sight {
    let secret = ours(&[(A, 11)]);
    let noted = record(&secret, &names(noted));
    Sight {
        namespace: "shop".to_owned(),
        secret: Some(written(Some(&secret), noted)),
        wanted: Some(names(wanted)),
        accounts: accounts
            .iter()
            .map(|(text, seen)| (name(text), seen.clone()))
            .collect(),
    }
}

#[test]
fn an_account_is_noted_before_it_is_changed_and_forgotten_after() {
    let stance = |sight: &Sight| super::super::stance(sight, &policy(&[A]), now());
    let plain = || Some(account(&[], None));
    let marked = || Some(account(&[OURS], Some(OURS)));

    let added = stance(&sight(&[], &["default"], &[("default", plain())]));
    assert_eq!((added.record, added.forget), (Some(names(&["default"])), None));
    assert_eq!(added.accounts.len(), 1);

    let settled = stance(&sight(&["default"], &["default"], &[("default", marked())]));
    assert!(settled.is_idle(), "{settled:?}");

    let taken_out = stance(&sight(&["default"], &[], &[("default", marked())]));
    assert_eq!((taken_out.record, taken_out.forget), (None, Some(names(&[]))));
    assert_eq!(taken_out.accounts[0].act, Act::Remove);

    let gone = stance(&sight(&["default"], &[], &[("default", None)]));
    assert_eq!((gone.accounts.len(), gone.forget), (0, Some(names(&[]))));

    let not_yet_there = stance(&sight(&[], &["builder"], &[("builder", None)]));
    assert!(not_yet_there.is_idle(), "{not_yet_there:?}");

    let not_seen = stance(&sight(&["default"], &[], &[]));
    assert!(not_seen.is_idle(), "it may carry our mark still: {not_seen:?}");

    let record_lost = stance(&sight(&[], &["default"], &[("default", marked())]));
    assert_eq!(
        (record_lost.record, record_lost.accounts.len()),
        (Some(names(&["default"])), 0)
    );
}

#[test]
fn where_the_secret_is_not_ours_or_the_namespace_can_not_be_understood_no_account_is_changed() {
    let mut refused = sight(&[], &["default"], &[("default", Some(account(&[], None)))]);
    refused.secret = Some(of_people("{}", None));
    let mut unclear = sight(
        &["default"],
        &[],
        &[("default", Some(account(&[OURS], Some(OURS))))],
    );
    unclear.wanted = None;
    for sight in [refused, unclear] {
        let stance = stance(&sight, &policy(&[A]), now());
        assert_eq!(
            (stance.record, stance.accounts, stance.forget),
            (None, vec![], None)
        );
    }
}
