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
