//! Orders other than that of versions.

use super::*;
use crate::image::choice::{Relation, relation};

#[test]
fn case_4_a_late_event_of_an_older_build_is_no_move() {
    let main = rules(&Texts {
        policy: "numerical",
        filter_tags: Some("^main-.*$"),
        ..Texts::default()
    });
    let choice = choose(&main, Some(&current("main-20")), &tags(&["main-9", "main-20"]));
    assert_eq!(choice.picked, None);
    assert_eq!(
        judged(&choice, "main-9"),
        (Verdict::Older, "older than main-20, which runs")
    );
    let choice = choose(
        &main,
        Some(&current("main-9")),
        &tags(&["main-9", "main-20", "main-100"]),
    );
    assert_eq!(picked(&choice), Some("main-100"));
}

#[test]
fn case_5_ten_comes_after_nine() {
    let v = rules(&Texts {
        policy: "numerical",
        allow_tags: Some("v*"),
        ..Texts::default()
    });
    let choice = choose(&v, Some(&current("v9")), &tags(&["v9", "v10", "11"]));
    assert_eq!(picked(&choice), Some("v10"));
    assert_eq!(judged(&choice, "11").0, Verdict::NotAllowed);
}

#[test]
fn numbers_are_ordered_only_within_what_runs() {
    check(&[
        ("numerical", "2026.9", &["2026.10", "2025.99"], Some("2026.10")),
        ("numerical", "main-9", &["dev-20", "main-9-1", "20"], None),
        (
            "numerical",
            "1-99999999999999999999999",
            &["1-100000000000000000000000"],
            Some("1-100000000000000000000000"),
        ),
        ("numerical", "v09", &["v9", "v009"], None),
        ("numerical:desc", "b5", &["b6", "b4", "b3"], Some("b3")),
        ("numerical:desc", "b5", &["b6"], None),
        ("numerical", "latest", &["b6", "b4", "latest"], Some("b6")),
        ("numerical", "", &["b6", "b14"], Some("b14")),
        ("numerical", "", &["main"], None),
        ("numerical", "main", &["b6"], None),
    ]);
    let choice = choose(
        &policy("numerical"),
        Some(&current("main-9")),
        &tags(&["dev-20", "stable"]),
    );
    assert_eq!(
        judged(&choice, "dev-20"),
        (
            Verdict::NotOrdered,
            "dev-# and main-#, which runs, differ in more than their numbers"
        )
    );
    assert_eq!(judged(&choice, "stable"), (Verdict::NotOrdered, "has no number"));
    let choice = choose(&policy("numerical"), Some(&current("main")), &tags(&["b6"]));
    assert_eq!(choice.reason, "main, which runs, has no number");
}

#[test]
fn with_nothing_to_compare_with_numbers_must_be_of_one_form() {
    for runs in [None, Some(current("latest"))] {
        let choice = choose(
            &policy("numerical"),
            runs.as_ref(),
            &tags(&["main-9", "v10", "latest"]),
        );
        assert_eq!(choice.picked, None);
        assert_eq!(
            choice.reason,
            "tags of the forms v# and main-# have no common order: choose one form by filter-tags"
        );
        assert_eq!(judged(&choice, "v10").0, Verdict::NotOrdered);
    }
}

#[test]
fn the_alphabet_is_that_of_bytes_and_latest_is_no_word_of_it() {
    check(&[
        ("alphabetical", "b", &["a", "c", "B", "latest"], Some("c")),
        ("alphabetical", "v9", &["v10"], None),
        ("alphabetical:desc", "b", &["a", "c", "B"], Some("B")),
        ("alphabetical", "zz", &["a", "c"], None),
        ("alphabetical", "a", &["latest"], None),
        ("alphabetical", "latest", &["a", "latest"], Some("a")),
        (
            "alphabetical",
            "",
            &["2026-01-31", "2026-02-01"],
            Some("2026-02-01"),
        ),
    ]);
    let choice = choose(&policy("alphabetical"), Some(&current("a")), &tags(&["latest"]));
    assert_eq!(
        judged(&choice, "latest"),
        (Verdict::NotOrdered, "is a name for any version")
    );
}

#[test]
fn the_newest_push_is_picked_and_at_one_moment_the_greater_digest() {
    let newest = policy("newest-pushed");
    let candidates = [
        pushed("a", 'a', 10),
        pushed("b", 'b', 30),
        pushed("c", 'c', 30),
        pushed("d", 'd', 20),
    ];
    let choice = choose(&newest, Some(&running("a", 'a', Some(10))), &candidates);
    assert_eq!(picked(&choice), Some("c"));
    assert_eq!(judged(&choice, "d"), (Verdict::NewerExists, "c is newer"));
    let choice = choose(&newest, Some(&running("c", 'c', Some(30))), &candidates);
    assert_eq!(choice.picked, None);
    assert_eq!(judged(&choice, "b").0, Verdict::Older);
    let choice = choose(&newest, Some(&running("z", '0', Some(40))), &candidates);
    assert_eq!(choice.picked, None, "what runs was pushed later");
    assert_eq!(picked(&choose(&newest, None, &candidates)), Some("c"));
}

#[test]
fn without_a_push_time_there_is_no_newest_push() {
    let newest = policy("newest-pushed");
    let candidates = [
        pushed("a", 'a', 10),
        pushed("b", 'b', 20),
        Candidate::of(tag("c")),
    ];
    // Found among the candidates, by its digest and, failing that, by its tag.
    let choice = choose(&newest, Some(&running("x", 'a', None)), &candidates);
    assert_eq!(picked(&choice), Some("b"));
    assert_eq!(
        judged(&choice, "c"),
        (Verdict::NotOrdered, "has no known push time")
    );
    let choice = choose(&newest, Some(&current("a")), &candidates);
    assert_eq!(picked(&choice), Some("b"));
    // The tag has moved on from what runs, so that its push time says nothing of that.
    for runs in [running("a", '9', None), current("x")] {
        let choice = choose(&newest, Some(&runs), &candidates);
        assert_eq!(choice.picked, None);
        assert_eq!(
            choice.reason,
            format!("{}, which runs, has no known push time", runs.tag)
        );
    }
}

#[test]
fn the_image_that_runs_may_have_been_pushed_once_more() {
    let candidates = [pushed("a", 'a', 90), pushed("b", 'b', 30)];
    let choice = choose(
        &policy("newest-pushed"),
        Some(&running("a", 'a', Some(10))),
        &candidates,
    );
    assert_eq!(choice.picked, None);
    assert_eq!(judged(&choice, "b"), (Verdict::Older, "older than a, which runs"));
}

#[test]
fn a_tag_that_was_pushed_again_is_a_new_image_by_push_time_alone() {
    let again = [pushed("1.2.3", '2', 20)];
    let runs = running("1.2.3", '1', Some(10));
    assert_eq!(
        picked(&choose(&policy("newest-pushed"), Some(&runs), &again)),
        Some("1.2.3")
    );
    for text in ["major", "all", "semver:*", "numerical", "alphabetical"] {
        let choice = choose(&policy(text), Some(&runs), &again);
        assert_eq!(choice.picked, None, "{text}");
        assert_eq!(
            judged(&choice, "1.2.3"),
            (
                Verdict::Current,
                "runs, though the tag was pushed again since: policy digest would follow it"
            )
        );
    }
}

#[test]
fn case_8_a_newer_tag_of_the_image_that_runs_is_no_move() {
    let candidates = [
        pushed("1.2.3", '1', 10),
        pushed("1.2.4", '1', 10),
        pushed("1.2.5", '1', 10),
    ];
    let runs = running("1.2.3", '1', Some(10));
    let choice = choose(&policy("minor"), Some(&runs), &candidates);
    assert_eq!(choice.picked, None);
    assert_eq!(choice.reason, "1.2.5: newer by its tag, but the image that runs");
    assert_eq!(judged(&choice, "1.2.5").0, Verdict::SameImage);
    assert_eq!(judged(&choice, "1.2.4"), (Verdict::NewerExists, "1.2.5 is newer"));
    let choice = choose(&policy("newest-pushed"), Some(&runs), &candidates);
    assert_eq!(choice.picked, None);
    assert_eq!(
        judged(&choice, "1.2.5"),
        (Verdict::SameImage, "the image that runs as 1.2.3")
    );
    let choice = choose(&policy("minor"), Some(&running("latest", '1', None)), &candidates);
    assert_eq!(choice.picked, None, "latest is 1.2.5 already");
    let choice = choose(&policy("minor"), Some(&current("1.2.3")), &candidates);
    assert_eq!(picked(&choice), Some("1.2.5"), "the digest that runs is unknown");
}

#[test]
fn a_person_who_goes_back_is_seen() {
    let to = |text: &str, one: &str, other: &str| relation(&policy(text), &current(one), &current(other));
    let cases = [
        ("minor", "1.2.3", "1.3.0", Relation::Older),
        // Bump level and range say where one may go, not what is newer.
        ("minor", "2.0.0", "1.3.0", Relation::Newer),
        ("semver:1.x", "2.0.0", "1.3.0", Relation::Newer),
        ("all", "v1.4", "1.4.0", Relation::Same),
        ("major", "latest", "1.3.0", Relation::Older),
        ("major", "1.3.0", "latest", Relation::Newer),
        ("major", "latest", "latest", Relation::Same),
        ("major", "main", "1.3.0", Relation::Incomparable),
        ("numerical", "b4", "b12", Relation::Older),
        ("numerical:desc", "b4", "b12", Relation::Newer),
        ("numerical", "b4", "a12", Relation::Incomparable),
        ("alphabetical", "a", "b", Relation::Older),
        ("newest-pushed", "a", "b", Relation::Incomparable),
        ("digest", "a", "b", Relation::Incomparable),
        ("digest", "a", "a", Relation::Incomparable),
    ];
    for (text, one, other, expected) in cases {
        assert_eq!(to(text, one, other), expected, "{text} {one} {other}");
    }
    let (old, new) = (running("x", '1', Some(10)), running("x", '2', Some(20)));
    for text in ["digest", "newest-pushed"] {
        assert_eq!(relation(&policy(text), &old, &new), Relation::Older);
        assert_eq!(relation(&policy(text), &new, &old), Relation::Newer);
        assert_eq!(relation(&policy(text), &old, &old), Relation::Same);
    }
}
