//! What is out of the question whatever the order says: lists, filters, things that are no images.

use super::*;
use crate::image::choice::Artifact;

#[test]
fn case_10_what_is_attached_to_an_image_is_never_deployed() {
    let hash = "0123456789abcdef".repeat(4);
    let attached = [
        format!("sha256-{hash}"),
        format!("sha256-{hash}.sig"),
        format!("sha256-{hash}.att"),
        format!("sha256-{hash}.sbom"),
        "sha256-0123.sig".to_owned(),
    ];
    for text in [
        "newest-pushed",
        "alphabetical",
        "alphabetical:desc",
        "numerical",
        "all",
        "digest",
    ] {
        for (at, name) in attached.iter().enumerate() {
            let seconds = 1000 + i64::try_from(at).unwrap();
            let choice = choose(
                &policy(text),
                Some(&running("main-1", '1', Some(1))),
                &[pushed(name, '2', seconds)],
            );
            assert_eq!(choice.picked, None, "{text} {name}");
            assert_eq!(
                judged(&choice, name),
                (
                    Verdict::Excluded,
                    "a signature, an attestation or an SBOM, by its name"
                )
            );
        }
    }
    let like = format!("sha256-{hash}-1");
    let choice = choose(&policy("alphabetical"), None, &tags(&[&like]));
    assert_eq!(picked(&choice), Some(like.as_str()), "it only looks alike");
}

#[test]
fn case_11_what_is_no_container_image_is_never_deployed() {
    let chart = Candidate {
        artifact: Artifact::Other("application/vnd.cncf.helm.config.v1+json".to_owned()),
        ..pushed("2.0.0", '2', 20)
    };
    for text in ["major", "all", "newest-pushed", "numerical", "alphabetical"] {
        let choice = choose(
            &policy(text),
            Some(&running("1.0.0", '1', Some(1))),
            std::slice::from_ref(&chart),
        );
        assert_eq!(choice.picked, None, "{text}");
        assert_eq!(
            judged(&choice, "2.0.0"),
            (
                Verdict::Excluded,
                "no container image: its media type is application/vnd.cncf.helm.config.v1+json"
            )
        );
    }
}

#[test]
fn lists_name_what_may_be_deployed_and_what_must_not() {
    let rules = rules(&Texts {
        policy: "major",
        allow_tags: Some("1.*, 2.0.*, 3.0.0"),
        ignore_tags: Some("1.9.*,regexp:^2[.]0[.][0-9]{2,}$"),
        ..Texts::default()
    });
    let texts = ["1.8.0", "1.9.0", "2.0.3", "2.0.14", "2.1.0"];
    let choice = choose(&rules, Some(&current("0.9.0")), &tags(&texts));
    assert_eq!(picked(&choice), Some("2.0.3"));
    assert_eq!(
        judged(&choice, "2.1.0"),
        (Verdict::NotAllowed, "not on allow-tags 1.*, 2.0.*, 3.0.0")
    );
    assert_eq!(
        judged(&choice, "1.9.0"),
        (
            Verdict::Excluded,
            "on ignore-tags 1.9.*,regexp:^2[.]0[.][0-9]{2,}$"
        )
    );
    assert_eq!(judged(&choice, "2.0.14").0, Verdict::Excluded);
}

#[test]
fn to_ignore_everything_is_to_pause_and_what_runs_need_not_be_allowed() {
    let with = |allow_tags, ignore_tags| {
        rules(&Texts {
            policy: "major",
            allow_tags,
            ignore_tags,
            ..Texts::default()
        })
    };
    let candidates = tags(&["1.0.0", "2.0.0"]);
    let choice = choose(&with(None, Some("*")), Some(&current("1.0.0")), &candidates);
    assert_eq!(choice.picked, None);
    assert_eq!(judged(&choice, "2.0.0"), (Verdict::Excluded, "on ignore-tags *"));
    let choice = choose(&with(Some("2.*"), None), Some(&current("1.0.0")), &candidates);
    assert_eq!(picked(&choice), Some("2.0.0"));
    assert_eq!(judged(&choice, "1.0.0").0, Verdict::Current);
}

#[test]
fn what_somebody_bars_is_passed_over_with_their_reason() {
    let mut candidates = tags(&["1.3.0", "1.4.0", "1.2.0"]);
    candidates[1].barred = Some("failed on 2026-11-26".to_owned());
    let choice = choose(&policy("minor"), Some(&current("1.2.0")), &candidates);
    assert_eq!(picked(&choice), Some("1.3.0"));
    assert_eq!(
        judged(&choice, "1.4.0"),
        (Verdict::Blocked, "failed on 2026-11-26")
    );
}

#[test]
fn a_filter_names_the_candidates_and_an_extract_what_is_ordered() {
    let with = |policy, extract| {
        rules(&Texts {
            policy,
            filter_tags: Some(r"^main-[0-9a-f]+-(?P<ts>\d+)(-(?P<version>.*))?$"),
            extract,
            ..Texts::default()
        })
    };
    let texts = [
        "main-ffff-9",
        "main-abc0-100",
        "main-0000-20",
        "dev-ffff-200",
        "main-1-7-2.0.0",
    ];
    let runs = current("main-aaaa-9");
    let choice = choose(&with("numerical", Some("$ts")), Some(&runs), &tags(&texts));
    assert_eq!(picked(&choice), Some("main-abc0-100"));
    assert_eq!(judged(&choice, "dev-ffff-200").0, Verdict::NotMatched);
    assert_eq!(
        judged(&choice, "main-ffff-9").1,
        "no newer than main-aaaa-9, which runs: the two are equal in the order"
    );
    let choice = choose(
        &with("alphabetical", Some("${ts}")),
        Some(&current("main-a-1")),
        &tags(&texts),
    );
    assert_eq!(picked(&choice), Some("main-ffff-9"));
    let choice = choose(
        &with("major", Some("$version")),
        Some(&current("main-a-1-1.0.0")),
        &tags(&texts),
    );
    assert_eq!(picked(&choice), Some("main-1-7-2.0.0"));
    assert_eq!(
        judged(&choice, "main-ffff-9"),
        (
            Verdict::NotAVersion,
            "is no version such as 1.2.3 or 1.4: \"\" is extracted"
        )
    );
    let choice = choose(
        &with("alphabetical", Some("$version")),
        None,
        &tags(&["main-1-7"]),
    );
    assert_eq!(
        judged(&choice, "main-1-7"),
        (Verdict::NotOrdered, "has nothing to extract")
    );
}

#[test]
fn what_runs_beside_the_filter_is_left_alone_unless_it_is_latest() {
    for policy in ["numerical", "alphabetical", "newest-pushed"] {
        let rules = rules(&Texts {
            policy,
            filter_tags: Some("^main-"),
            ..Texts::default()
        });
        let candidates = [pushed("main-7", '7', 70), pushed("latest", '1', 10)];
        let choice = choose(&rules, Some(&running("hotfix-9", '9', Some(1))), &candidates);
        assert_eq!(choice.picked, None, "{policy}");
        assert_eq!(
            choice.reason,
            "hotfix-9, which runs, does not match filter-tags ^main-"
        );
        assert_eq!(judged(&choice, "main-7").0, Verdict::NotComparable);
        let choice = choose(&rules, Some(&running("latest", '1', Some(10))), &candidates);
        assert_eq!(picked(&choice), Some("main-7"), "{policy}");
        let choice = choose(&rules, None, &candidates);
        assert_eq!(picked(&choice), Some("main-7"), "{policy}");
    }
}
