//! What is written of a change.

use super::*;
use crate::keys::{EXPIRES_AT, PATCHED_ACCOUNTS, REGISTRIES};

/// What is found after a change with the tokens of the regions of these hosts; `None` if nothing is written.
fn changed(seen: Option<&PullSecret>, hosts: &[&str], good: &[&str]) -> Option<PullSecret> {
    let verdict = judge(seen, &policy(hosts), now());
    let draft = compose(seen, verdict.change().unwrap(), &tokens(good, now()), None)?;
    Some(written(seen, draft))
}

fn keys(secret: &PullSecret) -> Vec<String> {
    auths(secret).keys().cloned().collect()
}

#[test]
fn a_new_secret_has_every_entry_and_says_when_each_expires() {
    let made = changed(None, &[A, B], &[A, B]).unwrap();
    assert_eq!(keys(&made), [A, B]);
    assert_eq!(made.annotations[EXPIRES_AT], "2026-11-26T20:00:00Z");
    assert_eq!(
        made.annotations[REGISTRIES],
        format!("{A}=2026-11-26T20:00:00Z,{B}=2026-11-26T20:00:00Z")
    );
    assert_eq!(judge(Some(&made), &policy(&[A, B]), now()), Verdict::Keep);
}

#[test]
fn case_45_without_a_token_nothing_is_written_and_no_secret_without_entries_is_made() {
    assert_eq!(changed(None, &[A, B], &[]), None);
    assert_eq!(changed(Some(&ours(&[(A, 1)])), &[A], &[]), None);
    assert_eq!(changed(Some(&of_people("{}", Some("true"))), &[A], &[]), None);
    let damaged = PullSecret {
        content: Some(Content::new("not json")),
        ..ours(&[(A, 1)])
    };
    assert_eq!(changed(Some(&damaged), &[A], &[]), None);
}

#[test]
fn case_45_a_region_that_fails_keeps_its_old_entry_and_the_others_are_renewed() {
    let seen = ours(&[(A, 2), (B, 3)]);
    let after = changed(Some(&seen), &[A, B], &[A]).unwrap();
    assert_ne!(auths(&after)[A], auths(&seen)[A]);
    assert_eq!(auths(&after)[B], auths(&seen)[B]);
    assert_eq!(after.annotations[EXPIRES_AT], "2026-11-26T11:00:00Z");
    let again = judge(Some(&after), &policy(&[A, B]), now());
    assert_eq!(
        again.to_string(),
        format!("renew [{B}: expires at 2026-11-26T11:00:00Z]")
    );
    let whole = changed(Some(&after), &[A, B], &[B]).unwrap();
    assert_eq!(judge(Some(&whole), &policy(&[A, B]), now()), Verdict::Keep);
}

#[test]
fn a_new_secret_that_lacks_a_region_gets_it_later() {
    let made = changed(None, &[A, B], &[A]).unwrap();
    assert_eq!(keys(&made), [A]);
    let again = judge(Some(&made), &policy(&[A, B]), now());
    assert_eq!(again.to_string(), format!("renew [{B}: new]"));
    assert_eq!(
        changed(Some(&made), &[A, B], &[A]),
        None,
        "and nothing is written before"
    );
}

#[test]
fn what_is_not_configured_any_more_goes_without_a_token_but_not_before_the_rest_is_there() {
    let seen = ours(&[(A, 11), (B, 11)]);
    assert_eq!(keys(&changed(Some(&seen), &[A], &[]).unwrap()), [A]);
    assert_eq!(changed(Some(&seen), &[C], &[]), None);
    assert_eq!(keys(&changed(Some(&seen), &[C], &[C]).unwrap()), [C]);
}

#[test]
fn what_is_taken_over_keeps_the_entries_of_other_registries_and_is_ours_then() {
    let content =
        serde_json::json!({ "auths": { "docker.io": { "auth": "eDp5" }, A: entry("by hand") }, "x": 1 });
    let seen = of_people(&content.to_string(), Some("true"));
    let after = changed(Some(&seen), &[A, B], &[A, B]).unwrap();
    assert_eq!(keys(&after), [A, B, "docker.io"]);
    assert_eq!(auths(&after)["docker.io"], auths(&seen)["docker.io"]);
    assert_ne!(auths(&after)[A], auths(&seen)[A]);
    assert_eq!(after.annotations.get(ADOPT), None);
    assert!(after.content.as_ref().unwrap().expose().contains(r#""x":1"#));
    assert_eq!(judge(Some(&after), &policy(&[A, B]), now()), Verdict::Keep);

    let partly = changed(Some(&seen), &[A, B], &[B]).unwrap();
    assert_eq!(
        auths(&partly)[A],
        auths(&seen)[A],
        "what a person put there is better than nothing"
    );
    let again = judge(Some(&partly), &policy(&[A, B]), now());
    assert_eq!(again.to_string(), format!("renew [{A}: new]"));
}

#[test]
fn a_damaged_entry_of_a_region_that_fails_is_not_said_to_be_good() {
    let seen = PullSecret {
        content: Some(Content::new(r#"{"auths":{"docker.io":{"auth":"eDp5"}}}"#)),
        ..ours(&[(A, 11), (B, 11)])
    };
    let after = changed(Some(&seen), &[A, B], &[A]).unwrap();
    assert_eq!(keys(&after), [A, "docker.io"]);
    assert_eq!(after.annotations[REGISTRIES], format!("{A}=2026-11-26T20:00:00Z"));
}

#[test]
fn accounts_are_noted_with_the_content_or_alone() {
    let seen = ours(&[(A, 1)]);
    let verdict = judge(Some(&seen), &policy(&[A]), now());
    let noted = names(&["builder", "default"]);
    let draft = compose(
        Some(&seen),
        verdict.change().unwrap(),
        &tokens(&[A], now()),
        Some(&noted),
    )
    .unwrap();
    assert_eq!(recorded(Some(&written(Some(&seen), draft))), noted);
    let after = written(Some(&seen), record(&seen, &noted));
    assert_eq!((recorded(Some(&after)), &after.content), (noted, &seen.content));
    let none = written(Some(&after), record(&after, &names(&[])));
    assert_eq!(none.annotations.get(PATCHED_ACCOUNTS), None);
}
