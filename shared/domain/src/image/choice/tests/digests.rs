//! Policy `digest`: the tag says where to go, back too.

use super::*;

#[test]
fn case_6_a_tag_that_is_pushed_again_is_followed_even_back() {
    let follow = policy("digest");
    let runs = running("latest", '1', Some(10));
    for seconds in [5, 20] {
        let choice = choose(
            &follow,
            Some(&runs),
            &[pushed("latest", '2', seconds), pushed("1.0.0", '3', 90)],
        );
        assert_eq!(picked(&choice), Some("latest"));
        assert_eq!(
            choice.reason,
            "latest: the tag points to sha256:222222222222 now, and sha256:111111111111 runs, and latest runs"
        );
        assert_eq!(
            judged(&choice, "1.0.0"),
            (
                Verdict::OtherTag,
                "policy digest follows the tag that runs, latest"
            )
        );
    }
}

#[test]
fn case_7_the_same_digest_again_is_no_move() {
    let choice = choose(
        &policy("digest"),
        Some(&running("latest", '1', Some(10))),
        &[pushed("latest", '1', 20)],
    );
    assert_eq!(choice.picked, None);
    assert_eq!(choice.reason, "latest: runs");
}

#[test]
fn with_an_unknown_digest_the_tag_is_picked_and_the_reason_says_so() {
    let follow = policy("digest");
    let choice = choose(&follow, Some(&current("latest")), &[pushed("latest", '1', 20)]);
    assert_eq!(picked(&choice), Some("latest"));
    assert_eq!(
        judged(&choice, "latest").1,
        "the tag is followed, and the digest that runs is unknown"
    );
    let choice = choose(&follow, Some(&running("latest", '1', None)), &tags(&["latest"]));
    assert_eq!(
        judged(&choice, "latest").1,
        "the tag is followed, and the digest that it points to is unknown"
    );
}

#[test]
fn there_is_nothing_to_follow_without_the_tag() {
    let follow = policy("digest");
    let choice = choose(&follow, None, &tags(&["latest", "1.0.0"]));
    assert_eq!(choice.picked, None);
    assert_eq!(
        choice.reason,
        "policy digest follows the tag that runs, and nothing runs"
    );
    let choice = choose(&follow, Some(&running("stable", '1', None)), &tags(&["latest"]));
    assert_eq!(choice.picked, None);
    assert_eq!(
        choice.reason,
        "stable, which is followed, is not in the repository"
    );
}

#[test]
fn lists_and_bars_hold_for_the_tag_that_is_followed() {
    let runs = running("latest", '1', Some(10));
    let barred = Candidate {
        barred: Some("failed on 2026-11-26".to_owned()),
        ..pushed("latest", '2', 20)
    };
    let choice = choose(&policy("digest"), Some(&runs), &[barred]);
    assert_eq!(choice.picked, None);
    assert_eq!(choice.reason, "latest: failed on 2026-11-26");
    let paused = rules(&Texts {
        policy: "digest",
        ignore_tags: Some("*"),
        ..Texts::default()
    });
    assert_eq!(
        choose(&paused, Some(&runs), &[pushed("latest", '2', 20)]).picked,
        None
    );
}

#[test]
fn a_tag_seen_twice_while_it_moved_does_not_go_back_and_forth() {
    let follow = policy("digest");
    let seen = [pushed("latest", '1', 10), pushed("latest", '2', 20)];
    let choice = choose(&follow, Some(&running("latest", '1', Some(10))), &seen);
    assert_eq!(choice.picked, Some(seen[1].clone()));
    let choice = choose(&follow, Some(&running("latest", '2', Some(20))), &seen);
    assert_eq!(choice.picked, None);
}
