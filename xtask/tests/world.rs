//! `cargo xtask world` as a person uses it: by the program, with a world of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::process::{Command, Output};
use std::time::Duration;

use base::Ports;
use world::supervisor::State;

/// Beside the default world, the demo's and the scenarios'.
const PORT_BASE: u16 = base::ports::DEFAULT_BASE + 3 * base::ports::SPAN;

fn xtask(args: &[&str]) -> Output {
    let base = PORT_BASE.to_string();
    Command::new(env!("CARGO_BIN_EXE_xtask"))
        .arg("world")
        .args(args)
        .args(["--port-base", &base])
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Ends the world whatever becomes of the test.
struct Down;

impl Drop for Down {
    fn drop(&mut self) {
        xtask(&["down"]);
    }
}

#[test]
fn a_world_is_up_once_reports_the_part_that_died_and_leaves_nothing_behind() {
    let _down = Down;
    let none = xtask(&["status"]);
    assert!(
        !none.status.success() && text(&none).contains("no world is up"),
        "{}",
        text(&none)
    );

    let up = xtask(&["up"]);
    assert!(up.status.success(), "{}", text(&up));
    for part in ["kube-apiserver", "aws", "autoscaling", "source target/world"] {
        assert!(text(&up).contains(part), "{part} is missing: {}", text(&up));
    }
    assert!(xtask(&["status"]).status.success());
    let state = State::read(Ports::new(PORT_BASE)).unwrap().unwrap();

    let again = xtask(&["up"]);
    assert!(
        !again.status.success() && text(&again).contains("a world is up already"),
        "{}",
        text(&again)
    );
    assert!(
        state.alive().len() > state.parts.len(),
        "the refused `up` ended something"
    );

    let etcd = state.parts.iter().find(|part| part.name == "etcd").unwrap();
    let killed = Command::new("/bin/kill")
        .args(["-KILL", &etcd.pid.to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    let failed = (0..100).find_map(|_| {
        std::thread::sleep(Duration::from_millis(200));
        State::read(Ports::new(PORT_BASE))
            .unwrap()
            .and_then(|state| state.failure)
    });
    let failure = failed.expect("nobody noticed that etcd died");
    assert!(
        failure.contains("etcd ended") && failure.contains("etcd.log"),
        "{failure}"
    );
    let status = xtask(&["status"]);
    assert!(
        !status.status.success() && text(&status).contains("etcd ended"),
        "{}",
        text(&status)
    );

    assert!(xtask(&["down"]).status.success());
    let left: Vec<_> = state.alive();
    assert!(left.is_empty(), "{left:?}");
    assert!(Ports::new(PORT_BASE).taken().is_empty());
}
