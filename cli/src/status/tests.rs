//! Looks at a cluster whose every word is made up.

use domain::drain::{Owner, Phase as PodPhase, Pod, PodKey};
use domain::ids::{HookName, Uid};
use domain::keys::DRAINING;
use domain::lifecycle::LifecycleState;

use super::view::Phase;
use super::*;
use crate::fakes::{Fake, node};

const NOW: &str = "2026-11-21T08:02:10Z";
const LEAVES: &str = "i-0aaaaaaa";
const COMES: &str = "i-0bbbbbbb";

fn marked(mut node: Node) -> Node {
    let mark = r#"{"cause":"terminate-hook","since":"2026-11-21T08:00:00Z","deadline":"2026-11-21T12:00:00Z",
        "cordoned_by_us":true,"excluded_by_us":true}"#;
    node.annotations.insert(DRAINING.to_owned(), mark.to_owned());
    node
}

fn pod(name: &str) -> Pod {
    Pod {
        key: PodKey {
            namespace: "shop".into(),
            name: name.into(),
        },
        uid: Uid::parse(name).unwrap(),
        owner: Owner::Other,
        mirror: false,
        phase: PodPhase::Active,
        deletion_deadline: None,
    }
}

async fn look(fake: &Fake, cluster: Result<&Fake, &str>) -> (Status, Vec<String>) {
    let settings = Settings::of(ClusterName::parse("blue").unwrap());
    let (terminate, launch) = (
        HookName::parse("terminate").unwrap(),
        HookName::parse("launch").unwrap(),
    );
    let look = Look {
        autoscaling: fake,
        ec2: fake,
        parameters: fake,
        cluster,
        terminate: &settings.common(&terminate).unwrap(),
        launch: &settings.common(&launch).unwrap(),
        policies: &settings.policies(&launch).unwrap(),
    };
    look.around(NOW.parse().unwrap()).await.unwrap()
}

/// The one flight.
async fn flight(fake: &Fake) -> Flight {
    let (status, blind) = look(fake, Ok(fake)).await;
    assert_eq!(blind, Vec::<String>::new());
    let [flight] = status.in_flight.try_into().unwrap();
    flight
}

#[tokio::test]
async fn a_drain_names_the_pods_that_a_budget_holds_back() {
    let fake = Fake {
        instances: vec![(LEAVES, LifecycleState::TerminatingWait)],
        nodes: vec![marked(node("ip-10-0-1-7", LEAVES))],
        pods: vec![pod("web-0"), pod("web-1")],
        held: vec!["web-0"],
        ..Fake::default()
    };
    let flight = flight(&fake).await;
    assert_eq!(flight.phase, Phase::Draining);
    assert_eq!(flight.since.unwrap().to_string(), "2026-11-21T08:00:00Z");
    assert_eq!(flight.waits_for, "1 pod leaves, 1 is held back");
    assert_eq!(
        flight.details,
        ["shop/web-0: held back by its disruption budget: needs 3 and has 3"]
    );
    assert!(
        flight.next.contains(&"evict shop/web-1".to_owned()),
        "{:?}",
        flight.next
    );
    assert!(flight.needs_attention);
}

#[tokio::test]
async fn a_drain_that_moves_needs_no_attention() {
    let fake = Fake {
        instances: vec![(LEAVES, LifecycleState::TerminatingWait)],
        nodes: vec![marked(node("ip-10-0-1-7", LEAVES))],
        pods: vec![pod("web-0")],
        ..Fake::default()
    };
    let flight = flight(&fake).await;
    assert_eq!(flight.waits_for, "1 pod leaves");
    assert!(!flight.needs_attention);
}

#[tokio::test]
async fn a_machine_that_joins_shows_its_token_by_the_public_half() {
    let fake = Fake {
        instances: vec![(COMES, LifecycleState::PendingWait)],
        parameters: vec![(
            COMES,
            "token abc123, issued 2026-11-21T08:01:40Z, expires 2026-11-21T08:16:40Z",
        )],
        ..Fake::default()
    };
    let flight = flight(&fake).await;
    assert_eq!(flight.phase, Phase::Joining);
    assert_eq!(flight.since.unwrap().to_string(), "2026-11-21T08:01:30Z");
    assert_eq!(flight.waits_for, "no node has joined");
    assert_eq!(
        flight.details,
        ["wait for the node: token abc123, issued 2026-11-21T08:01:40Z, expires 2026-11-21T08:16:40Z"]
    );
    assert!(!flight.needs_attention);
}

#[tokio::test]
async fn a_machine_that_gets_no_token_needs_attention_and_says_why() {
    let fake = Fake {
        group_tags: vec![("lamplighter:node-role", "etcd")],
        instances: vec![(COMES, LifecycleState::PendingWait)],
        ..Fake::default()
    };
    let flight = flight(&fake).await;
    assert_eq!(
        flight.details,
        ["no token: the group is one of the control plane or of etcd"]
    );
    assert!(flight.needs_attention);
}

#[tokio::test]
async fn a_machine_with_a_node_is_at_the_gate() {
    let fake = Fake {
        instances: vec![(COMES, LifecycleState::PendingWait)],
        nodes: vec![node("ip-10-0-1-7", COMES)],
        ..Fake::default()
    };
    let flight = flight(&fake).await;
    assert_eq!(flight.phase, Phase::AtTheGate);
    assert_eq!(flight.node.unwrap().as_str(), "ip-10-0-1-7");
    assert!(
        flight
            .next
            .iter()
            .any(|step| step.starts_with("write on ip-10-0-1-7")),
        "{:?}",
        flight.next
    );
    let stranger = Fake {
        nodes: vec![node("ip-10-0-9-9", COMES)],
        ..fake
    };
    let flight = self::flight(&stranger).await;
    assert_eq!(
        flight.waits_for,
        "ip-10-0-9-9 is not the machine's node: it should be named ip-10-0-1-7"
    );
    assert!(flight.needs_attention);
}

#[tokio::test]
async fn without_the_cluster_what_aws_says_is_shown_and_the_rest_is_named() {
    let fake = Fake {
        instances: vec![
            (LEAVES, LifecycleState::TerminatingWait),
            (COMES, LifecycleState::PendingWait),
            ("i-0ccccccc", LifecycleState::InService),
        ],
        ..Fake::default()
    };
    let (status, blind) = look(&fake, Err("no access to the cluster")).await;
    assert_eq!(blind, ["no access to the cluster"]);
    assert_eq!(
        (status.groups, status.instances, status.in_flight.len()),
        (1, 3, 2)
    );
    for flight in &status.in_flight {
        assert!(
            flight.waits_for.contains("no access to the cluster"),
            "{}",
            flight.waits_for
        );
        assert!(flight.needs_attention);
    }
}

#[tokio::test]
async fn pods_that_can_not_be_seen_are_no_answer() {
    let fake = Fake {
        instances: vec![(LEAVES, LifecycleState::TerminatingWait)],
        nodes: vec![marked(node("ip-10-0-1-7", LEAVES))],
        refuses: Some("list pods"),
        ..Fake::default()
    };
    let (status, blind) = look(&fake, Ok(&fake)).await;
    assert_eq!(blind, ["list pods: forbidden (status 403)"]);
    assert!(
        status.in_flight[0].waits_for.contains("forbidden"),
        "{:?}",
        status.in_flight
    );
}

#[tokio::test]
async fn a_node_whose_instance_is_on_its_way_out_is_the_course_of_things() {
    for state in [LifecycleState::TerminatingProceed, LifecycleState::Terminated] {
        let fake = Fake {
            instances: vec![(LEAVES, state)],
            nodes: vec![marked(node("ip-10-0-1-7", LEAVES))],
            ..Fake::default()
        };
        let (status, _) = look(&fake, Ok(&fake)).await;
        assert!(!status.needs_attention(), "{:?}", status.notes);
    }
}

#[tokio::test]
async fn a_mark_whose_instance_does_not_wait_is_told() {
    let fake = Fake {
        instances: vec![(LEAVES, LifecycleState::InService)],
        nodes: vec![marked(node("ip-10-0-1-7", LEAVES)), node("ip-10-0-1-8", COMES)],
        ..Fake::default()
    };
    let (status, _) = look(&fake, Ok(&fake)).await;
    assert_eq!(
        status.notes,
        ["node ip-10-0-1-7: its drain began, and its instance is InService"]
    );
}
