//! Versions: bump levels, pre-releases, ranges.

use super::*;
use crate::image::choice::PreReleases;

#[test]
fn a_bump_level_says_which_numbers_may_grow() {
    let tags: &[&str] = &[
        "1.2.3", "1.2.4", "1.2.10", "1.3.0", "1.10.1", "2.0.0", "v10.0", "0.9.0", "1.2.2",
    ];
    check(&[
        ("patch", "1.2.3", tags, Some("1.2.10")),
        ("minor", "1.2.3", tags, Some("1.10.1")),
        ("major", "1.2.3", tags, Some("v10.0")),
        ("all", "1.2.3", tags, Some("v10.0")),
        ("patch", "1.3.0", tags, None),
        ("major", "v10.0", tags, None),
        ("minor", "2.0.0", tags, None),
        ("major", "11.0.0", tags, None),
    ]);
}

#[test]
fn case_3_a_version_is_never_taken_back_whichever_event_comes_last() {
    check(&[
        ("minor", "1.4.0", &["1.3.0"], None),
        ("minor", "1.4.0", &["1.3.0", "1.4.0"], None),
        ("minor", "1.2.0", &["1.4.0", "1.3.0"], Some("1.4.0")),
    ]);
}

/// In keel#823 the oldest version of a list was deployed.
#[test]
fn a_set_of_older_tags_is_no_reason_to_go_back() {
    let tags: &[&str] = &["0.1.0", "0.2.0", "0.9.9", "1.0.0", "latest", "1.0.0-rc.1"];
    for policy in [
        "major",
        "minor",
        "patch",
        "all",
        "semver:*",
        "semver:>=0.1 <1",
        "semver:0.2.0",
    ] {
        check(&[(policy, "1.0.0", tags, None), (policy, "1.0.1", tags, None)]);
    }
}

#[test]
fn the_same_version_in_another_spelling_is_no_move() {
    let tags: &[&str] = &["1.4", "1.4.0", "v1.4.0", "v1.4", "1.04"];
    for runs in tags {
        check(&[("all", runs, tags, None), ("patch", runs, tags, None)]);
    }
    let choice = choose(&policy("major"), Some(&current("1.4")), &self::tags(tags));
    assert_eq!(
        judged(&choice, "v1.4.0"),
        (
            Verdict::Older,
            "no newer than 1.4, which runs: the two are equal in the order"
        )
    );
    assert_eq!(choice.reason, "nothing eligible is newer than 1.4, which runs");
}

#[test]
fn of_two_spellings_of_the_newest_version_it_is_always_the_same() {
    check(&[
        ("major", "1.0.0", &["v1.4", "1.4", "1.4.0"], Some("v1.4")),
        ("major", "1.0.0", &["1.4.0", "1.4", "v1.4"], Some("v1.4")),
    ]);
}

#[test]
fn a_bare_number_and_other_words_are_no_versions() {
    let texts = ["7", "v8", "20260101", "main", "latest", "1.2.3.4", "1.5-"];
    let choice = choose(&policy("major"), Some(&current("1.2.3")), &tags(&texts));
    assert_eq!(choice.picked, None);
    for text in texts {
        assert_eq!(judged(&choice, text).0, Verdict::NotAVersion, "{text}");
    }
    assert_eq!(judged(&choice, "7").1, "is no version such as 1.2.3 or 1.4");
}

#[test]
fn a_pre_release_follows_only_its_own_kind() {
    let tags: &[&str] = &["1.3.0-alpha", "1.3.0-beta", "1.3.0-rc.1", "1.3.0-rc.2", "1.2.9"];
    check(&[
        ("major", "1.2.0-alpha", tags, Some("1.3.0-alpha")),
        ("major", "1.2.0-rc.1", tags, Some("1.3.0-rc.1")),
        ("major", "1.3.0-rc.1", tags, None),
        ("major", "1.2.0", tags, Some("1.2.9")),
        ("all", "1.2.0", tags, Some("1.3.0-rc.2")),
        ("all", "1.3.0-rc.1", tags, Some("1.3.0-rc.2")),
        ("semver:>=1.3.0-0", "1.3.0-rc.1", tags, Some("1.3.0-rc.2")),
        ("semver:>=1.2", "1.2.0", tags, Some("1.2.9")),
        ("major", "1.3.0-alpha", &["1.3.0"], None),
        ("all", "1.3.0-alpha", &["1.3.0"], Some("1.3.0")),
    ]);
    let choice = choose(&policy("major"), Some(&current("1.2.0-alpha")), &self::tags(tags));
    assert_eq!(
        judged(&choice, "1.2.9"),
        (
            Verdict::PreRelease,
            "a release, and 1.2.0-alpha runs: only alpha follows alpha"
        )
    );
    assert_eq!(
        judged(&choice, "1.3.0-beta").1,
        "of pre-release beta, and 1.2.0-alpha runs: only alpha follows alpha"
    );
    let choice = choose(&policy("major"), Some(&current("1.2.0")), &self::tags(tags));
    assert_eq!(judged(&choice, "1.3.0-beta").1, "a pre-release, and 1.2.0 runs");
    let choice = choose(
        &policy("semver:>=1.2"),
        Some(&current("1.2.0")),
        &self::tags(tags),
    );
    assert_eq!(
        judged(&choice, "1.3.0-beta"),
        (Verdict::PreRelease, "a pre-release, which >=1.2 does not ask for")
    );
}

#[test]
fn any_pre_release_follows_where_that_is_said() {
    let rules = Rules {
        pre_releases: PreReleases::Any,
        ..policy("minor")
    };
    let choice = choose(
        &rules,
        Some(&current("1.2.0")),
        &tags(&["1.3.0-beta", "2.0.0-rc.1"]),
    );
    assert_eq!(picked(&choice), Some("1.3.0-beta"));
}

#[test]
fn a_range_is_kept_and_never_taken_as_a_reason_to_go_back() {
    let tags: &[&str] = &["1.0.0", "1.4.0", "1.9.9", "2.0.0", "3.1.0"];
    check(&[
        ("semver:>=1.2 <2", "1.2.0", tags, Some("1.9.9")),
        ("semver:1.0.0", "0.9.0", tags, Some("1.0.0")),
        ("semver:1.0.0", "1.0.0", tags, None),
        // Above the range: nothing in it is newer.
        ("semver:>=1.2 <2", "2.0.0", tags, None),
        // Below the range, and between two parts of it.
        ("semver:>=1.2 <2", "0.1.0", tags, Some("1.9.9")),
        ("semver:1.x || 3.x", "2.0.0", tags, Some("3.1.0")),
    ]);
    let choice = choose(
        &policy("semver:>=1.2 <2"),
        Some(&current("1.2.0")),
        &self::tags(tags),
    );
    assert_eq!(judged(&choice, "2.0.0"), (Verdict::OutOfRange, "not in >=1.2 <2"));
    assert_eq!(judged(&choice, "1.4.0"), (Verdict::NewerExists, "1.9.9 is newer"));
    assert_eq!(
        judged(&choice, "1.0.0"),
        (Verdict::Older, "older than 1.2.0, which runs")
    );
    assert_eq!(
        choice.reason,
        "1.9.9: the newest by policy semver:>=1.2 <2, and 1.2.0 runs"
    );
}

#[test]
fn from_latest_and_from_nothing_any_release_is_newer() {
    let tags: &[&str] = &["1.0.0", "2.1.0", "2.2.0-rc.1", "latest", "main"];
    for runs in ["", "latest"] {
        check(&[
            ("patch", runs, tags, Some("2.1.0")),
            ("major", runs, tags, Some("2.1.0")),
            ("all", runs, tags, Some("2.2.0-rc.1")),
            ("semver:1.x", runs, tags, Some("1.0.0")),
            ("minor", runs, &["latest"], None),
        ]);
    }
    let choice = choose(&policy("patch"), Some(&current("latest")), &self::tags(tags));
    assert_eq!(
        choice.reason,
        "2.1.0: the newest by policy patch, and latest runs"
    );
    assert_eq!(
        judged(&choice, "2.2.0-rc.1"),
        (Verdict::PreRelease, "a pre-release, and latest runs")
    );
    let choice = choose(&policy("minor"), None, &self::tags(&["main"]));
    assert_eq!(choice.reason, "no tag is eligible, and nothing runs");
    assert_eq!(
        choose(&policy("minor"), None, &[]).reason,
        "there is no tag to choose from"
    );
}

#[test]
fn from_what_is_no_version_nothing_follows_and_the_reason_says_so() {
    let choice = choose(
        &policy("major"),
        Some(&current("main-7")),
        &tags(&["1.0.0", "main-7"]),
    );
    assert_eq!(choice.picked, None);
    assert_eq!(
        choice.reason,
        "main-7, which runs, is no version such as 1.2.3 or 1.4"
    );
    assert_eq!(judged(&choice, "1.0.0").0, Verdict::NotComparable);
    assert_eq!(judged(&choice, "main-7"), (Verdict::Current, "runs"));
}
