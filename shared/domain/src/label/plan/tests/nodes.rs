//! Whose a node is, and what follows for one that serves.

use super::*;

#[test]
fn case_32_and_33_where_it_is_not_certain_whose_a_node_is_it_is_told_and_nothing_written() {
    let stranger = Node {
        internal_ips: vec!["10.0.9.9".parse().unwrap()],
        ..node()
    };
    let twin = Node {
        name: NodeName::parse("twin").unwrap(),
        ..node()
    };
    for (nodes, what) in [
        (vec![stranger], "is not the machine's node"),
        (vec![node(), twin], "2 nodes claim"),
    ] {
        for mut seen in [Seen::waiting(), Seen::in_service()] {
            seen.nodes.clone_from(&nodes);
            let plan = seen.plan(120);
            assert!(!writes(&plan) && plan.to_string().contains(what), "{plan}");
            assert!(
                plan.steps
                    .iter()
                    .any(|step| matches!(step, Step::Tell(about, _) if about.len() == nodes.len()))
            );
        }
        // At the hook it beats, and says so once.
        let mut seen = Seen {
            nodes,
            ..Seen::waiting()
        };
        seen.progress.told = true;
        assert_eq!(seen.plan(120).steps, [Step::Heartbeat]);
    }
}

#[test]
fn case_44_a_launch_that_is_terminated_meanwhile_is_left_alone() {
    for (view, said) in [
        (
            HookView::Elsewhere(LifecycleState::TerminatingWait),
            "done: the instance is Terminating:Wait",
        ),
        (
            HookView::Elsewhere(LifecycleState::Terminated),
            "done: the instance is Terminated",
        ),
        (HookView::Gone, "done: the instance is gone"),
    ] {
        assert_eq!(
            Seen {
                hook: view,
                ..Seen::waiting()
            }
            .said(120),
            said
        );
    }
    // The drain is seen on the node before the state is asked for again.
    for mut seen in [Seen::waiting(), Seen::in_service()] {
        seen.nodes[0].labels = BTreeMap::from([(DRAINING.to_owned(), "i-0123456789abcdef0".to_owned())]);
        assert!(!writes(&seen.plan(70)), "{}", seen.said(70));
    }
}

#[test]
fn case_37_a_node_that_serves_and_has_it_all_costs_neither_a_write_nor_a_question_to_ec2() {
    let seen = Seen {
        machine: None,
        ..Seen::in_service()
    };
    assert!(
        seen.with(|seen| needs_facts(seen, &Policy::default())),
        "the startup taint is still there"
    );
    let seen = Seen {
        machine: None,
        ..Seen::in_service().labelled()
    };
    assert!(!seen.with(|seen| needs_facts(seen, &Policy::default())));
    assert_eq!(seen.plan(120), Plan::done(vec![], Outcome::InPlace));
    let changed = Seen {
        template: template(&[("lamplighter:label/team", "search")]),
        ..seen
    };
    assert!(changed.with(|seen| needs_facts(seen, &Policy::default())));
}

#[test]
fn a_change_of_tags_reaches_a_node_that_serves() {
    let seen = Seen {
        template: template(&[("lamplighter:label/team", "search")]),
        ..Seen::in_service().labelled()
    };
    let plan = seen.plan(120);
    let [Step::Write(write)] = &plan.steps[..] else {
        panic!("{plan}")
    };
    assert_eq!(write.change.to_string(), "team=search");
    assert_eq!(plan.then, Then::Done(Outcome::Written));
}

#[test]
fn a_write_is_made_anew_for_the_node_as_it_is_now_or_not_at_all() {
    let seen = Seen::waiting();
    let plan = seen.plan(70);
    let [Step::Write(write)] = &plan.steps[..] else {
        panic!("{plan}")
    };
    let moved = Node {
        resource_version: "42".to_owned(),
        ..node()
    };
    assert_eq!(
        write.again(&moved).unwrap().change.patch()["metadata"]["resourceVersion"],
        "42"
    );
    let done = Seen::waiting().labelled().nodes.remove(0);
    assert_eq!(write.again(&done), None);
    let another = Node {
        uid: crate::ids::Uid::parse("1a2b").unwrap(),
        ..node()
    };
    assert_eq!(write.again(&another), None);
    let drained = Node {
        labels: BTreeMap::from([(DRAINING.to_owned(), String::new())]),
        ..node()
    };
    assert_eq!(write.again(&drained), None);
}

#[test]
fn a_machine_in_service_without_a_node_is_told_after_a_quarter_of_an_hour() {
    let seen = Seen {
        nodes: vec![],
        ..Seen::in_service()
    };
    assert_eq!(
        seen.said(899),
        "done: the next tick looks again: no node has joined"
    );
    assert_eq!(seen.plan(900).then, Then::Done(Outcome::NoNode(at(0))));
}

#[test]
fn case_34_without_a_cloud_controller_a_silent_node_is_found_by_its_name_and_told_where_it_is() {
    let mut seen = Seen::waiting();
    seen.policy.cloud_controller = CloudController::Absent;
    seen.nodes = vec![Node {
        provider_id: None,
        instance: None,
        ..node()
    }];
    assert!(seen.with(|observed| needs_facts(observed, &seen.policy)));
    let plan = seen.plan(70);
    let [Step::Write(write)] = &plan.steps[..] else {
        panic!("{plan}")
    };
    assert_eq!(
        write.change.patch()["spec"]["providerID"],
        "aws:///eu-central-1a/i-0123456789abcdef0"
    );
    assert_eq!(
        write.change.labels["topology.kubernetes.io/zone"].as_deref(),
        Some("eu-central-1a")
    );
}
