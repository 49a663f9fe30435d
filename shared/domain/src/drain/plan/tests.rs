mod others;
mod properties;

use std::collections::BTreeMap;

use super::*;
use crate::drain::node::tests::{cordoned, mark, marked, node};
use crate::drain::pod::tests::pod;
use crate::drain::{Owner, Phase, Progress};
use crate::hook::tests::wait;
use crate::ids::InstanceId;
use crate::lifecycle::Completion;

/// Seconds after the drain of [`mark`] began.
fn at(second: i64) -> Timestamp {
    mark().since + SignedDuration::from_secs(second)
}

fn waiting(since: Option<Timestamp>) -> HookView {
    HookView::Waiting(Wait { since, ..wait() })
}

fn began() -> Progress {
    Progress {
        began: true,
        ..Progress::default()
    }
}

fn seen(node: Node, pods: Vec<Pod>) -> Observation {
    Observation {
        instance: InstanceId::parse("i-0123456789abcdef0").unwrap(),
        hook: waiting(Some(at(0))),
        cluster: Cluster::Node(Box::new(node), pods),
        progress: began(),
    }
}

fn leaving(name: &str) -> Pod {
    Pod {
        deletion_deadline: Some(at(30)),
        ..pod(name)
    }
}

fn refused(name: &str, until: i64) -> Progress {
    let refusal = Refusal::Budget {
        message: "needs 3, has 3".to_owned(),
        retry_after: 0,
    };
    Progress {
        refusals: BTreeMap::from([(pod(name).uid, (refusal, at(until)))]),
        ..began()
    }
}

fn words(seen: &Observation, second: i64) -> String {
    plan(seen, at(second)).to_string()
}

#[test]
fn the_cordon_comes_before_the_first_eviction_in_the_first_plan() {
    let plan = plan(&seen(node(), vec![pod("a"), pod("b")]), at(0));
    let expected_mark = Mark {
        deadline: at(30_000 - 60),
        ..mark()
    };
    assert_eq!(
        plan.steps,
        vec![
            Step::Cordon(expected_mark),
            Step::Tell(Notice::Draining {
                cause: Cause::TerminateHook,
                pods: 2
            }),
            Step::Evict(vec![pod("a"), pod("b")]),
        ]
    );
    assert_eq!(plan.then.to_string(), "look again in 1s: 2 pods leave");
}

#[test]
fn pods_that_leave_are_waited_for_and_not_asked_again() {
    let words = words(&seen(cordoned(), vec![leaving("a"), leaving("b")]), 10);
    assert_eq!(words, "look again in 3s: 2 pods leave");
}

#[test]
fn an_empty_node_is_completed_only_after_the_latecomers_had_their_time() {
    let empty = seen(cordoned(), vec![]);
    assert_eq!(
        words(&empty, 3),
        "look again in 1s: pods that were bound while the node was cordoned"
    );
    assert_eq!(
        words(&empty, 5),
        "tell: drained: every pod has left; complete the hook: every pod has left; \
         look again in 1s: the instance's state to show that the hook is completed"
    );
}

#[test]
fn daemon_set_mirror_and_finished_pods_keep_no_node() {
    let pods = vec![
        Pod {
            owner: Owner::DaemonSet,
            ..pod("log-agent")
        },
        Pod {
            mirror: true,
            ..pod("kube-proxy")
        },
        Pod {
            phase: Phase::Finished,
            ..pod("job")
        },
    ];
    let plan = plan(&seen(cordoned(), pods), at(6));
    assert_eq!(plan.steps.last(), Some(&Step::Complete(Finish::Drained)));
}

#[test]
fn a_pod_that_a_budget_holds_back_is_asked_again_when_its_time_has_come_and_never_gets_the_hook_completed() {
    let held_back = Observation {
        progress: refused("a", 15),
        ..seen(cordoned(), vec![pod("a")])
    };
    let before = plan(&held_back, at(14));
    let notice = "tell: shop/a: held back by its disruption budget: needs 3, has 3";
    assert_eq!(before.steps[0].to_string(), notice);
    assert!(
        !before
            .steps
            .iter()
            .any(|step| matches!(step, Step::Evict(_) | Step::Complete(_)))
    );
    let then = plan(&held_back, at(15));
    assert_eq!(then.steps, vec![Step::Evict(vec![pod("a")])]);
}

#[test]
fn people_are_told_once_that_pods_are_held_back() {
    let told = Progress {
        told_of_refusals: true,
        ..refused("a", 15)
    };
    let held_back = Observation {
        progress: told,
        ..seen(cordoned(), vec![pod("a")])
    };
    assert_eq!(words(&held_back, 14), "look again in 4s: 1 pod is held back");
}

#[test]
fn a_minute_before_aws_ends_the_wait_it_is_completed_and_who_is_left_is_named() {
    let late = seen(cordoned(), vec![leaving("a"), pod("b")]);
    let plan = plan(&late, mark().deadline);
    let left = vec![pod("b").key, pod("a").key];
    let steps: Vec<_> = plan
        .steps
        .iter()
        .filter(|step| **step != Step::Heartbeat)
        .cloned()
        .collect();
    assert_eq!(
        steps,
        vec![
            Step::Tell(Notice::LeftBehind(left.clone())),
            Step::Complete(Finish::DeadlinePassed(left))
        ]
    );
}

#[test]
fn the_mark_of_an_earlier_wait_does_not_end_this_one() {
    let hour_later = Observation {
        hook: waiting(Some(at(4_000))),
        ..seen(cordoned(), vec![pod("a")])
    };
    let unknown = Observation {
        hook: waiting(None),
        ..seen(cordoned(), vec![pod("a")])
    };
    for (seen, now) in [(hour_later, at(4_001)), (unknown, at(3_600 + 601))] {
        let plan = plan(&seen, now);
        let Some(Step::Cordon(fresh)) = plan.steps.iter().find(|step| matches!(step, Step::Cordon(_))) else {
            panic!("no new mark: {plan}")
        };
        assert!(fresh.since == now && fresh.deadline > now);
        assert!(matches!(plan.steps.last(), Some(Step::Evict(_))));
    }
}

#[test]
fn an_api_server_that_cannot_be_reached_means_heartbeats_and_never_completion() {
    let unreachable = Observation {
        cluster: Cluster::Unreachable("connection refused".to_owned()),
        ..seen(node(), vec![])
    };
    for second in (0..100_000).step_by(60) {
        let steps = plan(&unreachable, at(second)).steps;
        assert!(steps.iter().all(|step| *step == Step::Heartbeat), "{steps:?}");
    }
    assert_eq!(
        words(&unreachable, 110),
        "heartbeat; look again in 5s: the API server can't be asked: connection refused"
    );
}

#[test]
fn an_instance_without_a_node_is_let_go() {
    let absent = Observation {
        cluster: Cluster::NoNode(vec![]),
        ..seen(node(), vec![])
    };
    assert_eq!(plan(&absent, at(1)).steps, vec![Step::Complete(Finish::NoNode)]);
}

#[test]
fn only_an_instance_that_waits_at_our_hook_is_touched() {
    let elsewhere = |state: &str| HookView::Elsewhere(LifecycleState::parse(state));
    for (hook, end) in [
        (elsewhere("InService"), "done: the instance is InService"),
        (
            elsewhere("Terminating:Proceed"),
            "done: the instance is Terminating:Proceed",
        ),
        (HookView::Gone, "done: the instance is gone"),
    ] {
        let seen = Observation {
            hook,
            ..seen(node(), vec![pod("a")])
        };
        assert_eq!(words(&seen, 10), end);
    }
}

#[test]
fn completion_is_believed_when_the_state_shows_it() {
    let after = |completion, others: &[&str]| {
        let others = others
            .iter()
            .map(|name| HookName::parse(*name).unwrap())
            .collect();
        Observation {
            hook: HookView::Waiting(Wait {
                others,
                since: Some(at(0)),
                ..wait()
            }),
            progress: Progress {
                completion: Some(completion),
                ..Progress::default()
            },
            ..seen(cordoned(), vec![])
        }
    };
    let cases = [
        (
            Completion::Completed,
            &[][..],
            "look again in 5s: the instance's state to show that the hook is completed",
        ),
        (
            Completion::Completed,
            &["logs"],
            "remember that the hook is completed; done: completed; the instance waits for logs",
        ),
        (
            Completion::NoActiveAction,
            &["logs"],
            "remember that the hook is completed; done: completed; the instance waits for logs",
        ),
        (
            Completion::NoActiveAction,
            &[],
            "complete the hook: every pod has left; \
             look again in 5s: the instance's state to show that the hook is completed",
        ),
    ];
    for (completion, others, expected) in cases {
        assert_eq!(
            words(&after(completion, others), 20),
            expected,
            "{completion:?} {others:?}"
        );
    }
}

#[test]
fn a_completion_that_fails_is_tried_again_and_told_once() {
    let mut empty = seen(cordoned(), vec![]);
    assert!(plan(&empty, at(5)).steps.contains(&Step::Tell(Notice::Drained)));
    empty.progress.told_of_end = true;
    assert_eq!(plan(&empty, at(7)).steps, [Step::Complete(Finish::Drained)]);
}

/// Drain case 16: two workers together keep to the pace of one.
#[test]
fn whoever_did_not_begin_leaves_the_pods_to_the_one_who_did_for_as_long_as_that_one_works() {
    let other = Observation {
        progress: Progress::default(),
        ..seen(cordoned(), vec![pod("a")])
    };
    assert_eq!(words(&other, 49), "look again in 5s: 1 pod leaves");
    assert_eq!(words(&other, 50), "evict shop/a; look again in 5s: 1 pod leaves");
}

/// Drain case 37.
#[test]
fn case_37_a_node_deleted_under_its_pods_is_no_node_only_when_they_are_gone() {
    let deleted = |pods| Observation {
        cluster: Cluster::NoNode(pods),
        ..seen(node(), vec![])
    };
    let agent = Pod {
        owner: Owner::DaemonSet,
        ..pod("log-agent")
    };
    let bound = deleted(vec![pod("a"), agent.clone()]);
    assert_eq!(words(&bound, 10), "look again in 5s: 1 pod leaves");
    assert_eq!(words(&bound, 100), "heartbeat; look again in 5s: 1 pod leaves");
    let end = plan(&bound, at(30_000 - 60)).steps;
    assert_eq!(end, [Step::Complete(Finish::DeadlinePassed(vec![pod("a").key]))]);
    assert_eq!(
        plan(&deleted(vec![agent]), at(11)).steps,
        [Step::Complete(Finish::NoNode)]
    );
}

#[test]
fn a_mark_that_no_wait_could_have_is_written_anew() {
    let far = Timestamp::MAX;
    let marks = [
        Mark {
            deadline: far,
            ..mark()
        },
        Mark {
            since: far,
            deadline: far,
            ..mark()
        },
        Mark {
            since: Timestamp::MIN,
            deadline: Timestamp::MIN,
            ..mark()
        },
    ];
    for odd in marks {
        let seen = seen(marked(&odd), vec![pod("a")]);
        let plan = plan(&seen, at(10));
        assert!(
            plan.steps.iter().any(|step| matches!(step, Step::Cordon(_))),
            "{odd:?}: {plan}"
        );
        assert!(
            matches!(plan.steps.last(), Some(Step::Evict(_))),
            "{odd:?}: {plan}"
        );
    }
}

#[test]
fn a_node_that_somebody_opened_again_is_closed_and_looked_at_before_it_is_done() {
    let opened = seen(
        Node {
            unschedulable: false,
            ..cordoned()
        },
        vec![],
    );
    let plan = plan(&opened, at(60));
    assert!(matches!(plan.steps[..], [Step::Cordon(_)]), "{plan}");
}
