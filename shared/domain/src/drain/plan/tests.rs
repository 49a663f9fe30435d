use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::drain::node::tests::{cordoned, mark, node};
use crate::drain::pod::tests::pod;
use crate::drain::{Owner, Phase, Progress};
use crate::ids::{GroupName, InstanceId};
use crate::lifecycle::{HookResult, Transition};

pub(in crate::drain) fn hook() -> Hook {
    Hook {
        name: HookName::parse("lamplighter-node-drain").unwrap(),
        group: GroupName::parse("workers").unwrap(),
        transition: Transition::Terminating,
        heartbeat: SignedDuration::from_secs(300),
        global_timeout: SignedDuration::from_secs(30_000),
        default_result: HookResult::Continue,
    }
}

/// Seconds after the drain of [`mark`] began.
fn at(second: i64) -> Timestamp {
    mark().since + SignedDuration::from_secs(second)
}

fn waiting() -> HookView {
    HookView::Waiting {
        hook: hook(),
        others: vec![],
        since: Some(at(0)),
    }
}

fn seen(node: Node, pods: Vec<Pod>) -> Observation {
    Observation {
        instance: InstanceId::parse("i-0123456789abcdef0").unwrap(),
        hook: waiting(),
        cluster: Cluster::Node(Box::new(node), pods),
        progress: Progress::default(),
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
        ..Progress::default()
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
    assert_eq!(words, "look again in 2s 500ms: 2 pods leave");
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
    assert_eq!(
        words(&held_back, 14),
        "look again in 3s 500ms: 0 pods leave, 1 are held back"
    );
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
        hook: HookView::Waiting {
            hook: hook(),
            others: vec![],
            since: Some(at(4_000)),
        },
        ..seen(cordoned(), vec![pod("a")])
    };
    let unknown = Observation {
        hook: HookView::Waiting {
            hook: hook(),
            others: vec![],
            since: None,
        },
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
        cluster: Cluster::NoNode,
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
            hook: HookView::Waiting {
                hook: hook(),
                others,
                since: Some(at(0)),
            },
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
            "done: completed; the instance waits for logs",
        ),
        (
            Completion::NoActiveAction,
            &["logs"],
            "done: completed; the instance waits for logs",
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

fn any_pod() -> impl Strategy<Value = Pod> {
    let owner = prop_oneof![Just(Owner::None), Just(Owner::DaemonSet), Just(Owner::Other)];
    let phase = prop_oneof![4 => Just(Phase::Active), 1 => Just(Phase::Finished)];
    (0..50_u32, owner, phase, any::<bool>(), any::<bool>()).prop_map(|(n, owner, phase, mirror, goes)| Pod {
        owner,
        phase,
        mirror: mirror && n % 5 == 0,
        deletion_deadline: goes.then(|| at(i64::from(n))),
        ..pod(&n.to_string())
    })
}

fn any_node() -> impl Strategy<Value = Node> {
    prop_oneof![
        Just(node()),
        Just(cordoned()),
        Just(Node {
            unschedulable: false,
            ..cordoned()
        })
    ]
}

proptest! {
    /// The invariants of a drain, whatever is observed.
    #[test]
    fn whatever_is_seen(
        node in any_node(),
        pods in proptest::collection::vec(any_pod(), 0..12),
        second in 0_i64..40_000,
        refused_until in proptest::option::of(0_i64..40_000),
    ) {
        let mut observed = seen(node, pods.clone());
        if let (Some(until), Some(first)) = (refused_until, pods.first()) {
            observed.progress = refused(&first.key.name, until);
        }
        let plan = plan(&observed, at(second));
        let mut cordoned = matches!(&observed.cluster, Cluster::Node(node, _) if node.is_cordoned());
        let must_leave = pods.iter().any(|pod| !matches!(pod.disposition(), Disposition::Skip(_)));
        for step in &plan.steps {
            match step {
                Step::Cordon(_) => cordoned = true,
                Step::Evict(evicted) => {
                    prop_assert!(cordoned, "evicts before the cordon: {plan}");
                    for pod in evicted {
                        prop_assert_eq!(pod.disposition(), Disposition::Evict);
                        let held = observed.progress.refusals.get(&pod.uid);
                        prop_assert!(held.is_none_or(|(_, again)| at(second) >= *again));
                    }
                }
                Step::Complete(Finish::Drained) => prop_assert!(!must_leave, "completes too early: {plan}"),
                Step::Complete(Finish::DeadlinePassed(left)) => prop_assert!(must_leave && !left.is_empty()),
                Step::Complete(Finish::NoNode) => prop_assert!(false, "there is a node"),
                Step::Heartbeat | Step::Tell(_) => {}
            }
        }
        // The same observation at the same time gives the same plan, in whatever order pods are listed.
        let mut reversed = observed.clone();
        if let Cluster::Node(_, pods) = &mut reversed.cluster { pods.reverse(); }
        let again = super::plan(&reversed, at(second));
        prop_assert_eq!(again.then, plan.then);
        prop_assert_eq!(again.steps.len(), plan.steps.len());
    }
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
        let seen = seen(
            Node {
                mark: Some(odd.clone()),
                ..cordoned()
            },
            vec![pod("a")],
        );
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
