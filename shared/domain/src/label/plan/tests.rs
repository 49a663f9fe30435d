mod nodes;

use std::collections::BTreeMap;

use super::super::desired::tests::{group, machine};
use super::super::observation::Progress;
use super::super::policy::CloudController;
use super::super::simulated::Api;
use super::super::tags::Template;
use super::super::tags::tests::template;
use super::*;
use crate::hook::tests::wait;
use crate::ids::InstanceId;
use crate::keys::{DRAINING, STARTUP_TAINT};
use crate::node::Ready;
use crate::node::tests::node as bare;
use crate::taint::{Effect, Taint};

/// What is seen, with a life long enough to lend it.
struct Seen {
    template: Template,
    hook: HookView,
    machine: Option<Machine>,
    nodes: Vec<Node>,
    away: Option<&'static str>,
    progress: Progress,
    policy: Policy,
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + second).unwrap()
}

/// A node that registered at 60 and is ready since 80.
fn node() -> Node {
    Node {
        created: at(60),
        internal_ips: vec!["10.0.1.7".parse().unwrap()],
        taints: vec![Taint::new(STARTUP_TAINT, Effect::NoSchedule)],
        ready: Some(Ready {
            is_ready: true,
            since: at(80),
        }),
        ..bare()
    }
}

impl Seen {
    /// An instance that was launched at 0 and waits at our hook since 5.
    fn waiting() -> Self {
        let mut wait = wait();
        wait.state = LifecycleState::PendingWait;
        wait.since = Some(at(5));
        Self {
            template: template(&[("lamplighter:label/team", "payments")]),
            hook: HookView::Waiting(wait),
            machine: Some(Machine {
                launched: at(0),
                ..machine()
            }),
            nodes: vec![node()],
            away: None,
            progress: Progress::default(),
            policy: Policy::default(),
        }
    }

    fn in_service() -> Self {
        Self {
            hook: HookView::Elsewhere(LifecycleState::InService),
            ..Self::waiting()
        }
    }

    /// The same once our patch is in.
    fn labelled(mut self) -> Self {
        let desired = Desired::of(&group(), &self.template, self.machine.as_ref(), &self.policy);
        let mut api = Api::with(self.nodes.pop().unwrap());
        let change = Change::between(api.node(), &desired, Occasion::Launch).unwrap();
        api.patch(&change.patch()).unwrap();
        self.nodes.push(api.node().clone());
        self
    }

    fn with<R>(&self, look: impl FnOnce(&Observation<'_>) -> R) -> R {
        let instance = InstanceId::parse("i-0123456789abcdef0").unwrap();
        look(&Observation {
            instance: &instance,
            group: &group(),
            template: &self.template,
            hook: &self.hook,
            facts: self.machine.as_ref().map_or(Facts::NotAsked, Facts::Known),
            cluster: self
                .away
                .map_or(Cluster::Nodes(&self.nodes), Cluster::Unreachable),
            progress: self.progress,
        })
    }

    fn plan(&self, now: i64) -> Plan {
        self.with(|seen| plan(seen, &self.policy, at(now)))
    }

    fn said(&self, now: i64) -> String {
        self.plan(now).to_string()
    }
}

fn writes(plan: &Plan) -> bool {
    plan.steps.iter().any(|step| matches!(step, Step::Write(_)))
}

#[test]
fn a_launch_is_labelled_waits_at_the_gate_and_is_completed() {
    let joining = Seen {
        nodes: vec![],
        ..Seen::waiting()
    };
    assert_eq!(joining.said(20), "look again in 3s: no node has joined");
    let joined = Seen::waiting();
    assert_eq!(
        joined.said(61),
        "write on ip-10-0-1-7.eu-central-1.compute.internal: lamplighter.dev/capacity-type=spot, \
         lamplighter.dev/group=workers, team=payments, taints []; look again in 1s: labels and taints to be in place"
    );
    let labelled = joined.labelled();
    assert_eq!(labelled.said(85), "look again in 5s: ready, to stay so for 5s");
    assert_eq!(labelled.said(86), "look again in 4s: ready, to stay so for 4s");
    assert_eq!(
        labelled.said(90),
        "complete the hook with CONTINUE: ip-10-0-1-7.eu-central-1.compute.internal is ready; \
         look again in 1s: the instance's state to show that the hook is completed"
    );
}

#[test]
fn case_35_with_the_cloud_controllers_taint_the_hook_beats_and_nothing_is_removed() {
    let mut seen = Seen::waiting();
    let theirs = Taint::new(
        "node.cloudprovider.kubernetes.io/uninitialized",
        Effect::NoSchedule,
    );
    seen.nodes[0].taints.push(theirs.clone());
    let seen = seen.labelled();
    assert_eq!(seen.nodes[0].taints, [theirs]);
    assert_eq!(
        seen.said(120),
        "heartbeat; look again in 3s: taint node.cloudprovider.kubernetes.io/uninitialized:NoSchedule"
    );
}

#[test]
fn case_36_a_node_that_flaps_is_let_go_only_after_the_stable_window() {
    let mut seen = Seen::waiting().labelled();
    seen.nodes[0].ready = Some(Ready {
        is_ready: false,
        since: at(85),
    });
    assert!(matches!(
        seen.plan(90).then,
        Then::LookAgain {
            waiting: Waiting::Gate(_),
            ..
        }
    ));
    seen.nodes[0].ready = Some(Ready {
        is_ready: true,
        since: at(92),
    });
    assert_eq!(seen.said(93), "look again in 5s: ready, to stay so for 9s");
    assert!(matches!(
        seen.plan(102).steps[..],
        [Step::Complete(HookResult::Continue, Finish::Ready(_))]
    ));
}

#[test]
fn case_41_an_api_server_that_can_not_be_asked_means_heartbeats_for_as_long_as_it_takes() {
    let mut seen = Seen {
        away: Some("no answer"),
        ..Seen::waiting().labelled()
    };
    for minute in 2..200 {
        let plan = seen.plan(minute * 60);
        let expected = Then::LookAgain {
            after: LOOK_LATEST,
            waiting: Waiting::ApiServer("no answer".to_owned()),
        };
        assert_eq!((plan.steps, plan.then), (vec![Step::Heartbeat], expected));
    }
    seen.away = None;
    assert!(matches!(
        seen.plan(12_000).steps[..],
        [Step::Complete(HookResult::Continue, _)]
    ));
}

#[test]
fn nor_does_an_ec2_that_can_not_be_asked_cost_a_machine() {
    let seen = Seen::waiting();
    for facts in [Facts::Unreachable("throttled"), Facts::Missing, Facts::NotAsked] {
        let plan = seen.with(|seen| plan(&Observation { facts, ..*seen }, &Policy::default(), at(9_000)));
        assert_eq!(plan.steps, [Step::Heartbeat]);
    }
    let nameless = Seen {
        machine: Some(Machine {
            private_dns_name: String::new(),
            ips: vec![],
            launched: at(0),
            ..machine()
        }),
        ..Seen::waiting()
    };
    assert!(matches!(
        nameless.plan(9_000).then,
        Then::LookAgain {
            waiting: Waiting::Machine(_),
            ..
        }
    ));
}

#[test]
fn at_the_deadline_the_configured_result_follows_and_says_what_was_missing() {
    let mut seen = Seen {
        nodes: vec![],
        ..Seen::waiting()
    };
    assert_eq!(
        seen.said(5 + 1_799),
        "heartbeat; look again in 3s: no node has joined"
    );
    assert_eq!(
        seen.plan(5 + 1_800).steps,
        [Step::Complete(
            HookResult::Abandon,
            Finish::TimedOut(Waiting::Node)
        )]
    );
    seen.policy.on_timeout = HookResult::Continue;
    seen.nodes = Seen::waiting().labelled().nodes;
    seen.nodes[0].ready = None;
    let said = seen.said(5 + 1_800);
    assert!(
        said.starts_with(
            "tell on ip-10-0-1-7.eu-central-1.compute.internal: not ready in time, the launch ends with CONTINUE: \
             the kubelet has not reported yet; complete the hook with CONTINUE: time is up"
        ),
        "{said}"
    );
    // Auto Scaling's own patience may be shorter than ours.
    let HookView::Waiting(wait) = &mut seen.hook else {
        panic!()
    };
    wait.hook.global_timeout = SignedDuration::from_mins(10);
    assert!(matches!(seen.plan(5 + 540).steps[..], [_, Step::Complete(..)]));
    // One that is ready in the end is let go, however late.
    seen.nodes[0].ready = Some(Ready {
        is_ready: true,
        since: at(0),
    });
    assert!(matches!(
        seen.plan(9_000).steps[..],
        [Step::Complete(HookResult::Continue, Finish::Ready(_))]
    ));
}

#[test]
fn without_an_event_the_wait_counts_from_the_launch() {
    let mut seen = Seen {
        nodes: vec![],
        ..Seen::waiting()
    };
    let HookView::Waiting(wait) = &mut seen.hook else {
        panic!()
    };
    wait.since = None;
    assert_eq!(seen.said(99), "look again in 3s: no node has joined");
    assert!(seen.said(100).starts_with("heartbeat"));
    assert!(matches!(
        seen.plan(1_800).steps[..],
        [Step::Complete(HookResult::Abandon, _)]
    ));
}

#[test]
fn one_that_was_launched_long_before_it_waits_is_not_given_up_at_the_first_look() {
    let mut seen = Seen {
        nodes: vec![],
        ..Seen::waiting()
    };
    let HookView::Waiting(wait) = &mut seen.hook else {
        panic!()
    };
    wait.since = None;
    let gives_up = |seen: &Seen, second| {
        let is_end = |step: &Step| matches!(step, Step::Complete(..));
        seen.plan(second).steps.iter().any(is_end)
    };
    // We look each minute, and may be away for some: a machine that never joins does not wait for hours.
    assert!(gives_up(&seen, 1_800 + 900));
    // Out of a warm pool of running machines, out of standby, attached: as Auto Scaling has it since a moment ago.
    assert!(!gives_up(&seen, 1_800 + 901));
    assert_eq!(seen.plan(90_000).steps, [Step::Heartbeat]);
    // An event dates its wait.
    let HookView::Waiting(wait) = &mut seen.hook else {
        panic!()
    };
    wait.since = Some(at(90_000));
    assert!(!gives_up(&seen, 91_799) && gives_up(&seen, 91_800) && gives_up(&seen, 99_000));
}

#[test]
fn case_40_after_the_completion_the_state_is_the_proof_and_no_active_action_is_tried_again() {
    let mut seen = Seen::waiting().labelled();
    seen.progress.completion = Some(Completion::Completed);
    assert_eq!(
        seen.said(95),
        "look again in 5s: the instance's state to show that the hook is completed"
    );
    seen.progress.completion = Some(Completion::NoActiveAction);
    assert!(matches!(
        seen.plan(95).steps[..],
        [Step::Complete(HookResult::Continue, _)]
    ));
    // Completed or timed out already: the instance serves, and nothing is left to do.
    seen.hook = HookView::Elsewhere(LifecycleState::InService);
    assert_eq!(seen.said(95), "done: nothing to write");
    seen.hook = HookView::Elsewhere(LifecycleState::PendingProceed);
    assert_eq!(seen.said(95), "done: the instance is Pending:Proceed");
}

#[test]
fn a_machine_on_its_way_into_the_warm_pool_is_let_go_at_once() {
    let mut seen = Seen {
        nodes: vec![],
        ..Seen::waiting()
    };
    let HookView::Waiting(wait) = &mut seen.hook else {
        panic!()
    };
    wait.state = LifecycleState::WarmedPendingWait;
    assert!(!seen.with(|seen| needs_facts(seen, &Policy::default())));
    assert_eq!(
        seen.plan(10).steps,
        [Step::Complete(HookResult::Continue, Finish::WarmPool)]
    );
    // One that comes back from service waits in the same state, for the drain's hook: asked once, and not each second.
    seen.progress.completion = Some(Completion::NoActiveAction);
    assert_eq!(seen.said(11), "done: the instance is Warmed:Pending:Wait");
}

#[test]
fn where_others_wait_too_ours_is_done_by_the_answer() {
    let mut seen = Seen::waiting().labelled();
    let HookView::Waiting(wait) = &mut seen.hook else {
        panic!()
    };
    wait.others = vec![HookName::parse("install-agents").unwrap()];
    seen.progress.completion = Some(Completion::Completed);
    assert_eq!(
        seen.said(95),
        "done: completed; the instance waits for install-agents"
    );
}
