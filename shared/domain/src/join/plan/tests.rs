//! One machine in every situation.

use std::collections::BTreeMap;

use super::*;
use crate::ids::{InstanceId, Uid};
use crate::machine::CapacityType;

const NODE: &str = "ip-10-0-1-7.eu-central-1.compute.internal";
const PROFILE: &str = "arn:aws:iam::111122223333:instance-profile/workers";

/// Seconds after the launch of the machine.
fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + second).unwrap()
}

fn policy() -> Policy {
    Policy {
        mode: Mode::Strict,
        window: SignedDuration::from_mins(60),
        profiles: None,
        control_plane: false,
        naming: NodeNaming::PrivateDnsName,
    }
}

fn machine() -> Machine {
    let id = InstanceId::parse("i-0123456789abcdef0").unwrap();
    Machine {
        arn: crate::machine::arn("eu-central-1", "111122223333", &id),
        id,
        state: MachineState::Running,
        launched: at(0),
        private_dns_name: NODE.to_owned(),
        ips: vec!["10.0.1.7".parse().unwrap()],
        zone: "eu-central-1a".to_owned(),
        region: "eu-central-1".to_owned(),
        instance_type: "m7g.large".to_owned(),
        capacity: CapacityType::OnDemand,
        architecture: "arm64".to_owned(),
        profile_arn: Some(PROFILE.to_owned()),
        tags: BTreeMap::new(),
    }
}

fn name() -> NodeName {
    NodeName::parse(NODE).unwrap()
}

fn token() -> TokenId {
    TokenId::parse("abc123").unwrap()
}

/// A token that was issued so many seconds after the launch.
fn issued(second: i64) -> Parameter {
    Parameter::Issued(Issued::new(token(), at(second)))
}

fn waits() -> Place {
    Place::Waits { control_plane: false }
}

/// A machine that waits, without a token and without a node.
fn seen(machine: &Machine) -> Observation<'_> {
    Observation {
        place: waits(),
        machine: Some(machine),
        parameter: Parameter::None,
        cluster: Cluster::NoNode,
        confirmed: false,
    }
}

#[test]
fn case_1_a_machine_that_waits_gets_a_token_which_is_made_sure_of_and_then_watched() {
    let machine = machine();
    let mut seen = seen(&machine);
    assert_eq!(plan(&seen, &policy(), at(5)), Plan::Issue(name()));
    seen.parameter = issued(5);
    let expected = Issued::new(token(), at(5));
    assert_eq!(
        plan(&seen, &policy(), at(7)),
        Plan::Ensure {
            node: name(),
            issued: expected.clone()
        }
    );
    seen.confirmed = true;
    let plan = plan(&seen, &policy(), at(9));
    assert_eq!((plan.then(), &plan), (Then::LookAgain, &Plan::Watch(expected)));
}

#[test]
fn case_9_an_instance_that_does_not_wait_in_an_enrolled_group_gets_nothing() {
    let machine = machine();
    for state in [
        "InService",
        "Pending",
        "Pending:Proceed",
        "Terminating:Wait",
        "Standby",
    ] {
        let state = LifecycleState::parse(state);
        let seen = Observation {
            place: Place::Elsewhere(state.clone()),
            ..seen(&machine)
        };
        let plan = plan(&seen, &policy(), at(5));
        assert_eq!(
            (plan.then(), plan),
            (Then::Done, Plan::Nothing(Refusal::NotWaiting(state)))
        );
    }
    for (place, why) in [
        (Place::Nowhere, Refusal::Nowhere),
        (Place::NoHook, Refusal::NoHook),
    ] {
        let seen = Observation {
            place,
            ..seen(&machine)
        };
        assert_eq!(plan(&seen, &policy(), at(5)), Plan::Nothing(why));
    }
}

#[test]
fn case_10_there_is_no_token_in_a_warm_pool_and_one_on_the_way_out_of_it() {
    let machine = machine();
    for state in [
        "Warmed:Pending:Wait",
        "Warmed:Stopped",
        "Warmed:Running",
        "Warmed:Hibernated",
    ] {
        let state = LifecycleState::parse(state);
        let seen = Observation {
            place: Place::Elsewhere(state.clone()),
            ..seen(&machine)
        };
        assert_eq!(
            plan(&seen, &policy(), at(5)),
            Plan::Nothing(Refusal::NotWaiting(state))
        );
    }
    assert_eq!(plan(&seen(&machine), &policy(), at(5)), Plan::Issue(name()));
}

#[test]
fn case_15_a_slow_machine_gets_token_after_token_until_its_window_ends() {
    let machine = machine();
    let of = |parameter, second| {
        let seen = Observation {
            parameter,
            confirmed: true,
            ..seen(&machine)
        };
        plan(&seen, &policy(), at(second))
    };
    let another = |old| Plan::Reissue { node: name(), old };
    assert_eq!(of(issued(0), 779), Plan::Watch(Issued::new(token(), at(0))));
    assert_eq!(of(issued(0), 780), another(Some(token())));
    // Its Secret is gone by itself; the control plane clears it away.
    assert_eq!(of(issued(0), 900), another(None));
    assert_eq!(of(Parameter::Unreadable, 10), another(None));
    assert_eq!(
        of(issued(3000), 3599),
        Plan::Watch(Issued::new(token(), at(3000)))
    );
    let revoked = Plan::Revoke {
        token: Some(token()),
        why: Refusal::WindowEnded,
    };
    assert_eq!(of(issued(3000), 3600), revoked);
    assert_eq!(of(Parameter::None, 3600), Plan::Nothing(Refusal::WindowEnded));
}

#[test]
fn case_16_a_token_is_taken_back_as_soon_as_its_machine_does_not_wait_for_it_any_more() {
    let machine = machine();
    let gone = Place::Nowhere;
    let out = |state: &str| Place::Elsewhere(LifecycleState::parse(state));
    for place in [
        gone,
        out("Terminating:Wait"),
        out("Terminating"),
        out("InService"),
        out("Pending:Proceed"),
    ] {
        for machine in [None, Some(&machine)] {
            let seen = Observation {
                place: place.clone(),
                machine,
                parameter: issued(0),
                ..seen_without()
            };
            let plan = plan(&seen, &policy(), at(60));
            assert!(
                matches!(&plan, Plan::Revoke { token: Some(id), .. } if *id == token()),
                "{place:?}: {plan}"
            );
            assert_eq!(plan.then(), Then::Done);
        }
    }
    let joined = Observation {
        parameter: issued(0),
        cluster: Cluster::Node(name()),
        ..seen(&machine)
    };
    let expected = Plan::Revoke {
        token: Some(token()),
        why: Refusal::Joined(name()),
    };
    assert_eq!(plan(&joined, &policy(), at(60)), expected);
}

fn seen_without() -> Observation<'static> {
    Observation {
        place: waits(),
        machine: None,
        parameter: Parameter::None,
        cluster: Cluster::Unreachable("away".to_owned()),
        confirmed: false,
    }
}

#[test]
fn leftovers_are_deleted_without_asking_the_cluster_about_tokens_that_are_over() {
    for parameter in [issued(0), Parameter::Unreadable] {
        let seen = Observation {
            place: Place::Nowhere,
            parameter,
            ..seen_without()
        };
        let expected = Plan::Revoke {
            token: None,
            why: Refusal::Nowhere,
        };
        assert_eq!(plan(&seen, &policy(), at(900)), expected);
    }
}

#[test]
fn only_machines_that_the_deployment_allows_get_a_token() {
    let allowed = machine();
    let other_profile = Machine {
        profile_arn: Some("arn:aws:iam::1:instance-profile/db".to_owned()),
        ..machine()
    };
    let no_profile = Machine {
        profile_arn: None,
        ..machine()
    };
    let listed = Policy {
        profiles: Some(vec![PROFILE.to_owned()]),
        ..policy()
    };
    let none_listed = Policy {
        profiles: Some(vec![]),
        ..policy()
    };
    let of = |machine: &Machine, policy: &Policy| plan(&seen(machine), policy, at(5));
    assert_eq!(of(&allowed, &listed), Plan::Issue(name()));
    for (machine, policy) in [
        (&other_profile, &listed),
        (&no_profile, &listed),
        (&allowed, &none_listed),
    ] {
        let expected = Plan::Nothing(Refusal::Profile(machine.profile_arn.clone()));
        assert_eq!(of(machine, policy), expected);
    }
    for state in [
        MachineState::ShuttingDown,
        MachineState::Stopped,
        MachineState::Other("napping".to_owned()),
    ] {
        let machine = Machine {
            state: state.clone(),
            ..machine()
        };
        assert_eq!(of(&machine, &policy()), Plan::Nothing(Refusal::NotRunning(state)));
    }
    let pending = Machine {
        state: MachineState::Pending,
        ..machine()
    };
    assert_eq!(of(&pending, &policy()), Plan::Issue(name()));
}

#[test]
fn control_plane_groups_get_a_token_only_when_somebody_asked_for_it() {
    let machine = machine();
    let seen = Observation {
        place: Place::Waits { control_plane: true },
        ..seen(&machine)
    };
    assert_eq!(
        plan(&seen, &policy(), at(5)),
        Plan::Nothing(Refusal::ControlPlane)
    );
    let enabled = Policy {
        control_plane: true,
        ..policy()
    };
    assert_eq!(plan(&seen, &enabled, at(5)), Plan::Issue(name()));
}

#[test]
fn what_can_not_be_asked_is_waited_for_and_never_guessed() {
    let machine = machine();
    let away = Cluster::Unreachable("no answer".to_owned());
    let no_cluster = Observation {
        cluster: away,
        parameter: issued(0),
        ..seen(&machine)
    };
    assert_eq!(
        plan(&no_cluster, &policy(), at(5)),
        Plan::Wait("no answer".to_owned())
    );
    let hooks = Place::Unknown("throttled".to_owned());
    let no_hooks = Observation {
        place: hooks,
        parameter: issued(0),
        ..seen(&machine)
    };
    assert_eq!(
        plan(&no_hooks, &policy(), at(5)),
        Plan::Wait("throttled".to_owned())
    );
    for parameter in [Parameter::None, issued(0)] {
        let not_known_yet = Observation {
            machine: None,
            parameter,
            ..seen(&machine)
        };
        let plan = plan(&not_known_yet, &policy(), at(5));
        assert!(matches!(plan, Plan::Wait(_)) && plan.then() == Then::LookAgain);
    }
}

#[test]
fn case_23_a_machine_without_a_dns_name_joins_by_the_computed_one_and_without_any_not_at_all() {
    let unnamed = Machine {
        private_dns_name: String::new(),
        ..machine()
    };
    assert_eq!(plan(&seen(&unnamed), &policy(), at(5)), Plan::Issue(name()));
    let nameless = Machine {
        ips: vec![],
        ..unnamed
    };
    let plan = plan(&seen(&nameless), &policy(), at(5));
    assert!(matches!(plan, Plan::Nothing(Refusal::Nameless(_))), "{plan}");
}

#[test]
fn a_node_is_the_machines_by_its_provider_id_or_by_its_name_and_age() {
    let machine = machine();
    let node = |name: &str, provider_id: &str, created| {
        Node::new(
            NodeName::parse(name).unwrap(),
            Uid::parse("u").unwrap(),
            at(created),
        )
        .on(provider_id)
    };
    let own = "aws:///eu-central-1a/i-0123456789abcdef0";
    let other = "aws:///eu-central-1a/i-0fedcba9876543210";
    for (found, what) in [
        (node("another-name", own, 40), true),
        (node(NODE, own, -3600), true),
        (node(NODE, "", 40), true),
        (node(NODE, "", -30), true),
        (node(NODE, "", -31), false),
        (node(NODE, other, 40), false),
        (node("another-name", "", 40), false),
    ] {
        let nodes = [node("elsewhere", other, 40), found.clone()];
        let expected = what.then_some(&found);
        assert_eq!(node_of(&nodes, &machine, Some(&name())), expected);
    }
    assert_eq!(node_of(&[node(NODE, "", 40)], &machine, None), None);
}

#[test]
fn a_plan_says_what_it_is_and_shows_no_secret() {
    let machine = machine();
    let seen = Observation {
        parameter: issued(0),
        ..seen(&machine)
    };
    assert_eq!(
        plan(&seen, &policy(), at(790)).to_string(),
        format!("issue another token for node {NODE} in the place of abc123")
    );
    assert_eq!(Mode::parse("strict"), Some(Mode::Strict));
    assert_eq!(Mode::parse("lenient"), None);
    assert_eq!(Mode::default().group(), "system:bootstrappers:lamplighter:node");
}
