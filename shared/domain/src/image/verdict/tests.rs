//! One row for each thing that a rollout can show.

use super::super::fixtures::{after, image, pinned, pod, ready, start, waiting, workload};
use super::super::record::Stage;
use super::super::settings::Policy;
use super::super::workload::Ended;
use super::*;

fn status() -> Status {
    Status {
        stage: Stage::Rolling,
        since: start(),
        patched: start(),
        changed: ["app".to_owned()].into(),
        complete: None,
        usual_start: None,
        failures: 0,
        why: None,
        rejected: std::collections::BTreeMap::new(),
        failed: std::collections::BTreeMap::new(),
        event: None,
    }
}

fn settings(said: &[(&str, &str)]) -> Settings {
    let mut workload = workload();
    for (key, value) in said {
        workload
            .annotations
            .insert(format!("lamplighter.dev/{key}"), (*value).to_owned());
    }
    Settings::read(&workload, &Policy::default()).unwrap().unwrap()
}

/// One pod of the new image of two is there.
fn rolling() -> Workload {
    let mut workload = workload();
    workload.containers[0].image = new().to_string();
    workload.rollout.pods = 3;
    workload.rollout.updated = 1;
    workload
}

fn new() -> ImageRef {
    pinned("1.3.0", 130)
}

/// A pod of the image before, which took that long to get ready.
fn old(seconds: i64) -> Pod {
    ready(
        pod("old", &pinned("1.2.3", 123), after(-600)),
        after(-600 + seconds),
    )
}

fn judged(workload: &Workload, pods: &[Pod], seconds: i64) -> Verdict {
    judge(
        workload,
        pods,
        &[("app", &new())],
        &status(),
        &settings(&[]),
        after(seconds),
    )
}

fn signal(verdict: &Verdict) -> Option<Signal> {
    match verdict {
        Verdict::Failed(failure) => Some(failure.signal),
        Verdict::Complete | Verdict::Waiting(_) | Verdict::Deferred | Verdict::Manual => None,
    }
}

/// The second at which a pod that stays as it is is judged to have failed, up to the default deadline.
fn fails_at(pods: &[Pod]) -> Option<(i64, Signal)> {
    let judge = |seconds| signal(&judged(&rolling(), pods, seconds));
    (0..=700).find_map(|seconds| Some((seconds, judge(seconds)?)))
}

fn ended(code: i32, reason: &str, message: &str) -> Ended {
    Ended {
        code,
        reason: reason.to_owned(),
        message: message.to_owned(),
    }
}

fn crashing(restarts: u32, end: Ended) -> Pod {
    let mut pod = waiting(pod("new", &new(), start()), "CrashLoopBackOff", "back-off 20s");
    pod.containers[0].restarts = restarts;
    pod.containers[0].last = Some(end);
    pod
}

#[test]
fn case_14_an_image_that_is_not_there_has_failed_after_45_seconds() {
    for reason in ["ErrImagePull", "ImagePullBackOff"] {
        let pods = [waiting(
            pod("new", &new(), start()),
            reason,
            "r/web:1.3.0: not found",
        )];
        assert_eq!(fails_at(&pods), Some((45, Signal::ImagePull)), "{reason}");
    }
    let pods = [waiting(pod("new", &new(), start()), "InvalidImageName", "")];
    assert_eq!(fails_at(&pods), Some((0, Signal::InvalidImageName)));
}

#[test]
fn credentials_that_are_refused_never_fail_an_image_however_long() {
    for message in ["401 Unauthorized", "403 Forbidden", "no basic auth credentials"] {
        let pods = [waiting(pod("new", &new(), start()), "ImagePullBackOff", message)];
        assert_eq!(fails_at(&pods), None, "{message}");
        let verdict = judged(&rolling(), &pods, 100_000);
        assert_eq!(
            verdict,
            Verdict::Waiting(Waiting::Credentials(message.to_owned()))
        );
    }
}

#[test]
fn a_registry_that_does_not_answer_has_until_the_deadline() {
    let pods = [waiting(
        pod("new", &new(), start()),
        "ErrImagePull",
        "dial tcp: i/o timeout",
    )];
    assert_eq!(fails_at(&pods), Some((600, Signal::Deadline)));
}

#[test]
fn a_container_that_can_not_be_configured_has_failed_after_30_seconds() {
    let pods = [waiting(
        pod("new", &new(), start()),
        "CreateContainerConfigError",
        "secret \"x\" not found",
    )];
    assert_eq!(fails_at(&pods), Some((30, Signal::Config)));
}

#[test]
fn case_15_a_container_that_ended_three_times_has_failed_at_once() {
    for restarts in [0, 1] {
        let pods = [crashing(restarts, ended(1, "Error", ""))];
        assert_eq!(
            fails_at(&pods),
            Some((600, Signal::Deadline)),
            "{restarts} restarts"
        );
    }
    let pods = [crashing(2, ended(1, "Error", ""))];
    assert_eq!(fails_at(&pods), Some((0, Signal::CrashLoop)));
    // Caught in the moment in which it runs, for the fourth time.
    let mut pod = pod("new", &new(), start());
    pod.containers[0].restarts = 3;
    pod.containers[0].last = Some(ended(137, "OOMKilled", ""));
    let Verdict::Failed(failure) = judged(&rolling(), &[pod], 40) else {
        panic!("it goes on")
    };
    assert_eq!(
        failure.to_string(),
        "the container crashes again and again in pod new: exit code 137, OOMKilled"
    );
}

#[test]
fn a_container_that_can_not_even_be_started_has_failed_the_second_time() {
    let ends = [
        ended(
            128,
            "StartError",
            "exec: \"/app\": stat /app: no such file or directory",
        ),
        ended(1, "Error", "exec /app: exec format error"),
        ended(127, "Error", ""),
        ended(126, "Error", ""),
    ];
    for end in ends {
        let once = [crashing(0, end.clone())];
        assert_eq!(fails_at(&once), Some((600, Signal::Deadline)), "{end:?}");
        let twice = [crashing(1, end.clone())];
        assert_eq!(fails_at(&twice), Some((0, Signal::Start)), "{end:?}");
    }
}

#[test]
fn a_container_that_does_not_get_ready_fails_by_what_its_predecessors_took() {
    let new = || pod("new", &new(), start());
    assert_eq!(fails_at(&[new(), old(3)]), Some((45, Signal::NotReady)));
    assert_eq!(fails_at(&[new(), old(40)]), Some((120, Signal::NotReady)));
    // Nothing to learn from: the deadline.
    assert_eq!(fails_at(&[new()]), Some((600, Signal::Deadline)));
    let mut restarted = old(500);
    restarted.containers[0].restarts = 1;
    assert_eq!(fails_at(&[new(), restarted]), Some((600, Signal::Deadline)));
}

#[test]
fn what_is_set_counts_more_than_what_was_learned_and_what_was_learned_is_remembered() {
    let pods = [pod("new", &new(), start()), old(3)];
    let judge = |setting: &str, status: &Status, pods: &[Pod], seconds| {
        let settings = settings(&[("ready-within", setting)]);
        signal(&judge(
            &rolling(),
            pods,
            &[("app", &new())],
            status,
            &settings,
            after(seconds),
        ))
    };
    assert_eq!(judge("10s", &status(), &pods, 9), None);
    assert_eq!(judge("10s", &status(), &pods, 10), Some(Signal::NotReady));
    assert_eq!(judge("off", &status(), &pods, 599), None);
    assert_eq!(judge("off", &status(), &pods, 600), Some(Signal::Deadline));
    let learned = Status {
        usual_start: Some(20),
        ..status()
    };
    let verdict = |seconds| {
        let settings = settings(&[]);
        let pods = [pod("new", &new(), start())];
        signal(&super::judge(
            &rolling(),
            &pods,
            &[("app", &new())],
            &learned,
            &settings,
            after(seconds),
        ))
    };
    assert_eq!((verdict(59), verdict(60)), (None, Some(Signal::NotReady)));
}

#[test]
fn want_of_nodes_is_no_failure_even_past_every_deadline() {
    let mut homeless = pod("new", &new(), start());
    homeless.scheduled = None;
    homeless.node = None;
    homeless.containers[0].state = ContainerState::Unknown;
    homeless.unschedulable = Some("0/3 nodes are available: 3 Insufficient cpu".to_owned());
    let mut workload = rolling();
    workload.rollout.stalled = Some("ProgressDeadlineExceeded".to_owned());
    let verdict = judged(&workload, &[homeless.clone(), old(3)], 100_000);
    assert!(
        matches!(verdict, Verdict::Waiting(Waiting::Nodes(_))),
        "{verdict:?}"
    );
    // Beside one that is late, as its volume is: what is missing may be the same node.
    let mut late = pod("late", &new(), start());
    late.containers[0].state = ContainerState::Unknown;
    let verdict = judged(&workload, &[homeless, late], 100_000);
    assert!(
        matches!(verdict, Verdict::Waiting(Waiting::Nodes(_))),
        "{verdict:?}"
    );
}

#[test]
fn pods_that_can_not_be_made_are_no_failure() {
    let mut workload = rolling();
    workload.rollout.updated = 0;
    workload.rollout.no_pods = Some("exceeded quota: pods".to_owned());
    let verdict = judged(&workload, &[old(3)], 100_000);
    assert_eq!(
        verdict,
        Verdict::Waiting(Waiting::Admission("exceeded quota: pods".to_owned()))
    );
    assert!(Waiting::Admission(String::new()).needs_attention());
}

#[test]
fn case_22_kubernetes_own_deadline_counts() {
    let mut workload = rolling();
    workload.rollout.stalled = Some("ProgressDeadlineExceeded".to_owned());
    let verdict = judged(&workload, &[pod("new", &new(), start())], 61);
    assert_eq!(signal(&verdict), Some(Signal::ProgressDeadline));
}

#[test]
fn what_fails_in_a_container_that_was_not_changed_counts_at_the_deadline_only() {
    let mut pod = pod("new", &new(), start());
    let mut other = crashing(9, ended(1, "Error", "")).containers.remove(0);
    other.name = "proxy".to_owned();
    other.image = image("7").to_string();
    pod.containers.push(other);
    assert_eq!(fails_at(&[pod]), Some((600, Signal::Deadline)));
}

#[test]
fn a_pod_of_the_old_image_or_one_that_leaves_says_nothing_of_the_new_one() {
    let mut leaving = crashing(9, ended(1, "Error", ""));
    leaving.leaving = true;
    let mut before = crashing(9, ended(1, "Error", ""));
    before.containers[0].image = image("1.2.3").to_string();
    assert_eq!(fails_at(&[leaving, before]), None);
}

#[test]
fn it_is_complete_when_every_pod_is_new_and_available_and_no_old_one_is_left() {
    let at = |updated, available, pods| {
        let mut workload = rolling();
        workload.rollout.updated = updated;
        workload.rollout.available = available;
        workload.rollout.pods = pods;
        judged(&workload, &[], 10)
    };
    assert_eq!(at(2, 2, 2), Verdict::Complete);
    let waits = |done| Verdict::Waiting(Waiting::Pods { done, wanted: 2 });
    assert_eq!(at(2, 2, 3), waits(2));
    assert_eq!(at(1, 2, 2), waits(1));
    assert_eq!(at(2, 1, 2), waits(1));
}

#[test]
fn it_is_not_judged_before_its_controller_saw_it_nor_where_nobody_wants_pods() {
    let mut workload = rolling();
    workload.rollout.generation = 2;
    let crashed = [crashing(9, ended(1, "Error", ""))];
    assert_eq!(
        judged(&workload, &crashed, 10),
        Verdict::Waiting(Waiting::Controller)
    );
    workload.rollout.observed = 2;
    workload.rollout.wanted = 0;
    assert_eq!(judged(&workload, &crashed, 10), Verdict::Deferred);
    workload.rollout.replacement = Replacement::ByHand;
    assert_eq!(judged(&workload, &crashed, 10), Verdict::Manual);
}

#[test]
fn a_pod_that_was_ready_and_crashes_again_and_again_fails_while_all_seems_complete() {
    let mut workload = rolling();
    workload.rollout.updated = 2;
    workload.rollout.pods = 2;
    let verdict = judged(&workload, &[crashing(2, ended(1, "Error", ""))], 50);
    assert_eq!(signal(&verdict), Some(Signal::CrashLoop));
}
