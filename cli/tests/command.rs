//! The command itself: how it ends, and what it says where.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::process::{Command, Output};

/// Runs the command in a world where nobody can be reached.
fn lamplighter(arguments: &[&str]) -> Output {
    let nobody = "http://127.0.0.1:9";
    Command::new(env!("CARGO_BIN_EXE_lamplighter"))
        .args(arguments)
        .env_clear()
        .env("AWS_ENDPOINT_URL", nobody)
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("KUBECONFIG", "/nowhere/kubeconfig")
        .output()
        .unwrap()
}

fn words(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn help_teaches_by_examples_and_exit_codes() {
    let (code, help, _) = words(&lamplighter(&["--help"]));
    assert_eq!(code, Some(0));
    for part in ["Examples:", "lamplighter status --cluster blue", "Exit codes:"] {
        assert!(help.contains(part), "{part}: {help}");
    }
    let (_, help, _) = words(&lamplighter(&["events", "replay", "--help"]));
    assert!(help.contains("without --apply it writes nothing"), "{help}");
    for (command, part) in [
        ("eval", "it needs no AWS, no cluster and no --cluster"),
        ("show", "lamplighter hours show --cluster blue"),
        ("plan", "--days 31 --time-zone America/New_York"),
        ("wake", "for 8 hours unless told otherwise"),
        ("sleep", "for 12 hours unless told otherwise"),
        ("hold", "--until 23:30"),
        ("release", "what was told of everything"),
    ] {
        let (code, help, _) = words(&lamplighter(&["hours", command, "--help"]));
        assert_eq!(code, Some(0));
        for part in ["Examples:", part] {
            assert!(help.contains(part), "{command}: {part}: {help}");
        }
    }
}

#[test]
fn an_image_is_picked_without_aws_or_a_cluster() {
    let pick = |arguments: &[&str]| {
        let line: Vec<&str> = ["image", "pick"].iter().chain(arguments).copied().collect();
        words(&lamplighter(&line))
    };
    let minor = [
        "--policy",
        "minor",
        "--current",
        "1.2.3",
        "--tags",
        "1.2.4,1.3.0,2.0.0",
    ];
    let (code, answer, errors) = pick(&[&minor[..], &["--output", "json"]].concat());
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["picked"], "1.3.0");
    assert_eq!(answer.as_object().unwrap().len(), 2);
    let verdicts: Vec<&str> = answer["candidates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(verdicts.len(), 3);
    assert!(
        verdicts.contains(&"picked") && verdicts.contains(&"out-of-range"),
        "{verdicts:?}"
    );
    let (code, table, _) = pick(&minor);
    assert!(code == Some(0) && table.contains("picked: 1.3.0: "), "{table}");

    let nothing = [
        "--policy",
        "minor",
        "--current",
        "",
        "--tags",
        "1.2.4,1.3.0",
        "-o",
        "json",
    ];
    assert!(pick(&nothing).1.starts_with("{\"picked\":\"1.3.0\""));
    for wrong in [
        &["--policy", "newest", "--current", "1.2.3", "--tags", "1.3.0"][..],
        &["--policy", "semver:>>1", "--current", "1.2.3", "--tags", "1.3.0"],
        &["--policy", "minor", "--current", "1.2.3"],
        &["--policy", "minor", "--current", "1.2.3", "--tags", "a b"],
    ] {
        let (code, answer, errors) = pick(wrong);
        assert_eq!((code, answer.as_str()), (Some(2), ""), "{wrong:?}");
        assert!(!errors.is_empty());
    }
}

#[test]
fn spans_are_evaluated_without_aws_or_a_cluster() {
    let office = "Mon-Fri 08:00-20:00 Europe/Berlin";
    let eval = |arguments: &[&str]| {
        let line: Vec<&str> = ["hours", "eval"].iter().chain(arguments).copied().collect();
        words(&lamplighter(&line))
    };
    let thursday = "2026-11-26T12:00:00+01:00";
    let json = |arguments: &[&str]| {
        let (code, stdout, stderr) = eval(&[arguments, &["-o", "json"]].concat());
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{arguments:?}");
        stdout
    };
    assert_eq!(
        json(&["--uptime", office, "--at", thursday]),
        "{\"state\":\"up\",\"reason\":\"inside uptime Mon-Fri 08:00-20:00 Europe/Berlin of the command line \
         until 2026-11-26T19:00:00Z\"}\n"
    );
    assert!(
        json(&["--downtime", office, "--at", thursday]).starts_with(r#"{"state":"down","reason":"inside"#)
    );
    let holiday = ["--uptime", office, "--at", thursday, "--holidays", "2026-11-26"];
    assert!(json(&holiday).starts_with(r#"{"state":"down","reason":"holiday 2026-11-26, "#));
    let defaults = [
        "--uptime",
        "08:00-20:00",
        "--time-zone",
        "Asia/Kathmandu",
        "--weekdays",
        "Mon-Fri",
    ];
    let parsed: serde_json::Value = serde_json::from_str(&json(&defaults)).unwrap();
    assert_eq!(
        parsed.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["reason", "state"]
    );

    let (code, line, _) = eval(&["--uptime", office, "--at", thursday]);
    assert_eq!(code, Some(0));
    assert_eq!(line.lines().count(), 1);
    assert!(line.starts_with("up: inside uptime"), "{line}");
}

#[test]
fn spans_that_can_not_be_read_end_with_2_and_the_place_is_marked() {
    for (option, text, place, rule) in [
        (
            "--uptime",
            "Mon-Fri 25:00-20:00 UTC",
            "        ^^^^^",
            "expected an hour from 00 to 24",
        ),
        (
            "--downtime",
            "Mon-Fri 08:00-20:00 Europe/Berlni",
            "                    ^^^^^^^^^^^^^",
            "IANA",
        ),
        (
            "--uptime",
            "always, Mon-Fry 08:00-20:00 UTC",
            "            ^^^",
            "expected a weekday",
        ),
        (
            "--uptime",
            "Mon-Fri 08:00-20:00",
            "                   ^",
            "no default is configured",
        ),
    ] {
        let (code, stdout, stderr) = words(&lamplighter(&["hours", "eval", option, text, "-o", "json"]));
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{text}");
        assert!(
            stderr.starts_with(&format!("lamplighter: {option}: ")),
            "{stderr}"
        );
        assert!(stderr.contains(rule), "{stderr}");
        assert!(
            stderr.ends_with(&format!("\n    {text}\n    {place}\n")),
            "{stderr}"
        );
    }
    let holidays = [
        "hours",
        "eval",
        "--uptime",
        "always",
        "--holidays",
        "2026-12-25,Easter",
    ];
    let (code, _, stderr) = words(&lamplighter(&holidays));
    assert_eq!(code, Some(2));
    assert!(
        stderr.ends_with("\n    2026-12-25,Easter\n               ^^^^^^\n"),
        "{stderr}"
    );
}

#[test]
fn what_sleeps_can_not_be_shown_without_its_bucket_and_who_can_not_be_reached_is_named() {
    for command in [
        &["hours", "show"][..],
        &["hours", "plan"],
        &["hours", "wake"],
        &["hours", "sleep"],
        &["hours", "hold", "group/workers", "--until", "08:00"],
        &["hours", "release"],
    ] {
        let with = |more: &[&str]| words(&lamplighter(&[command, &["--cluster", "blue"], more].concat()));
        let (code, stdout, stderr) = with(&[]);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{command:?}: {stderr}");
        assert!(stderr.contains("OffHoursBucketName"), "{stderr}");
        let (code, stdout, stderr) = with(&["--bucket", "sizes"]);
        assert_eq!((code, stdout.as_str()), (Some(3), ""), "{command:?}: {stderr}");
        assert!(stderr.contains("bucket sizes"), "{command:?}: {stderr}");
    }
}

#[test]
fn a_dry_run_of_a_wish_for_everything_asks_nobody() {
    let wake = [
        "hours",
        "wake",
        "--cluster",
        "blue",
        "--bucket",
        "sizes",
        "--dry-run",
        "-o",
        "json",
    ];
    let (code, stdout, stderr) = words(&lamplighter(&wake));
    assert_eq!(code, Some(0), "{stderr}");
    let answer: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        (&answer["written"], &answer["told"][0]["want"]),
        (&false.into(), &"awake".into())
    );
    assert_eq!(answer["objects"][0], "off-hours/blue/overrides/all.json");
    let long = [
        "hours",
        "sleep",
        "--for",
        "32d",
        "--cluster",
        "blue",
        "--bucket",
        "sizes",
        "--dry-run",
    ];
    let (code, _, stderr) = words(&lamplighter(&long));
    assert_eq!(code, Some(2));
    assert!(stderr.contains("at most 31 days"), "{stderr}");
}

#[test]
fn wrong_usage_ends_with_2_and_names_what_is_wrong() {
    let event = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../events/node-drain/terminate-action.json"
    );
    let cases: [(&[&str], &str); 4] = [
        (&["status"], "--cluster is missing"),
        (&["status", "--cluster", "a b"], "A-Z a-z 0-9 - _"),
        (
            &["events", "replay", "/nowhere/event.json", "--cluster", "blue"],
            "/nowhere/event.json",
        ),
        (
            &[
                "events",
                "replay",
                event,
                "--cluster",
                "blue",
                "--settings",
                event,
            ],
            "expected the JSON",
        ),
    ];
    for (arguments, named) in cases {
        let (code, stdout, stderr) = words(&lamplighter(arguments));
        assert_eq!(code, Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(named), "{arguments:?}: {stderr}");
        assert_eq!(stdout, "");
    }
}

#[test]
fn an_event_that_no_function_handles_ends_with_1() {
    let event = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../events/node-drain/test-notification.json"
    );
    let (code, _, stderr) = words(&lamplighter(&["events", "replay", event, "--cluster", "blue"]));
    assert_eq!(code, Some(1));
    assert!(stderr.contains("no function handles it"), "{stderr}");
}

#[test]
fn what_can_not_be_reached_ends_with_3_and_is_named() {
    let (code, stdout, stderr) = words(&lamplighter(&["status", "--cluster", "blue"]));
    assert_eq!(code, Some(3), "{stderr}");
    assert!(
        stderr.contains("autoscaling:DescribeAutoScalingGroups for cluster blue"),
        "{stderr}"
    );
    assert_eq!(stdout, "");
    let (code, _, stderr) = words(&lamplighter(&[
        "node",
        "explain",
        "ip-10-0-1-7",
        "--cluster",
        "blue",
    ]));
    assert_eq!(code, Some(3));
    assert!(stderr.contains("/nowhere/kubeconfig"), "{stderr}");
}

#[test]
fn a_replay_runs_the_real_function_and_shows_what_it_says() {
    let event = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../events/node-drain/terminate-action.json"
    );
    let arguments = [
        "events",
        "replay",
        event,
        "--cluster",
        "blue",
        "--function",
        "node-drain",
        "-o",
        "json",
    ];
    let (code, stdout, stderr) = words(&lamplighter(&arguments));
    assert_eq!(code, Some(1), "{stderr}");
    let replay: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(replay["applied"], false);
    assert_eq!(replay["runs"][0]["function"], "node-drain");
    let errors = replay["runs"][0]["errors"].to_string();
    assert!(
        errors.contains("autoscaling:DescribeAutoScalingGroups"),
        "{errors}"
    );
    assert!(stderr.contains("\"service\":\"node-drain\""), "{stderr}");
}
