//! What becomes of a machine that boots.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::{DeleteParams, ListParams};
use world::groups;
use world::stacks::kubectl;
use world::supervisor::State;

use crate::documents::{Document, KUBEADMS, OURS, parameter};
use crate::stage::{Stage, group, until};

fn requests(stage: &Stage) -> Api<CertificateSigningRequest> {
    Api::all(stage.world.control_plane().client())
}

/// The requests that were posted with this token: name and the conditions of each.
async fn posted(stage: &Stage, token_id: &str) -> Vec<(String, Vec<String>)> {
    let user = format!("system:bootstrap:{token_id}");
    let all = requests(stage).list(&ListParams::default()).await.unwrap();
    let mine = all
        .items
        .into_iter()
        .filter(|request| request.spec.username.as_deref() == Some(&user));
    mine.map(|request| {
        let conditions = request
            .status
            .and_then(|status| status.conditions)
            .unwrap_or_default();
        let kinds = conditions.into_iter().map(|condition| condition.type_).collect();
        (request.metadata.name.unwrap(), kinds)
    })
    .collect()
}

/// Waits for the request of this token and does this with it.
async fn answer(stage: &Stage, token_id: &str, verb: &str) {
    until("a request is posted", async || {
        !posted(stage, token_id).await.is_empty()
    })
    .await;
    let name = posted(stage, token_id).await[0].0.clone();
    kubectl(&stage.world, &["certificate", verb, &name])
        .await
        .unwrap();
}

async fn ready_node(stage: &Stage, instance: &str) -> Node {
    let is_ready = |node: &Node| {
        let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
        conditions
            .into_iter()
            .flatten()
            .any(|one| one.type_ == "Ready" && one.status == "True")
    };
    until("the node is ready", async || {
        groups::node_of(&stage.world, instance)
            .await
            .unwrap()
            .is_some_and(|node| is_ready(&node))
    })
    .await;
    groups::node_of(&stage.world, instance).await.unwrap().unwrap()
}

pub(crate) async fn a_machine_takes_its_own_document_and_becomes_a_ready_node(stage: &Stage) {
    let group = group("joins");
    let instance = stage.machine(group.clone()).await;
    // Case 51: before there is a document, there is no permission either. That means: wait.
    stage
        .until_logged(&instance, "waiting for /lamplighter/world/join/i-")
        .await;
    let document = Document::new("joins1");
    let name = document.issue(stage, &instance).await;

    // Strict: nobody approves it but us.
    until("a request is posted", async || {
        !posted(stage, "joins1").await.is_empty()
    })
    .await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let pending = posted(stage, "joins1").await;
    assert!(pending.len() == 1 && pending[0].1.is_empty(), "{pending:?}");
    answer(stage, "joins1", "approve").await;

    let node = ready_node(stage, &instance).await;
    assert_eq!(node.metadata.name.as_deref(), Some(name.as_str()));
    let labels = node.metadata.labels.unwrap();
    assert_eq!(labels["team"], "payments");
    // What only a cloud controller knows is not there: none runs, and no kubelet says it.
    assert!(!labels.contains_key("topology.kubernetes.io/zone"), "{labels:?}");
    let taints = node.spec.unwrap().taints.unwrap();
    let startup = |taint: &&k8s_openapi::api::core::v1::Taint| taint.key == "lamplighter.dev/uninitialized";
    assert_eq!(taints.iter().filter(startup).count(), 1);
    assert_eq!(node.status.unwrap().addresses.unwrap()[0].type_, "InternalIP");

    // It has cleaned up behind itself, and said nothing that it should not.
    stage.until_logged(&instance, "lamplighter-join: joined").await;
    let root = stage.world.dir().join(format!("data/machines/{instance}"));
    assert!(root.join("etc/kubernetes/kubelet.conf").exists());
    assert!(!root.join("run/lamplighter/join.json").exists());
    let log = stage.log(&instance);
    assert!(!log.contains(&document.secret()), "{log}");

    group.delete(&stage.world).await.unwrap();
    until("the node is gone", async || {
        groups::node_of(&stage.world, &instance).await.unwrap().is_none()
    })
    .await;
}

pub(crate) async fn a_token_of_kubeadms_group_is_approved_by_the_cluster_itself(stage: &Stage) {
    let group = group("compatible");
    let instance = stage.machine(group.clone()).await;
    let document = Document {
        group: KUBEADMS,
        ..Document::new("compat")
    };
    assert_ne!(document.group, OURS);
    document.issue(stage, &instance).await;
    ready_node(stage, &instance).await;
    assert_eq!(posted(stage, "compat").await[0].1, ["Approved"]);
    group.delete(&stage.world).await.unwrap();
}

pub(crate) async fn a_label_that_no_kubelet_may_set_ends_the_join(stage: &Stage) {
    let group = group("forbidden");
    let instance = stage.machine(group.clone()).await;
    let labels = "node-role.kubernetes.io/batch=";
    let document = Document {
        group: KUBEADMS,
        labels,
        ..Document::new("forbid")
    };
    document.issue(stage, &instance).await;
    stage.until_logged(&instance, "is not allowed to set").await;
    stage.until_logged(&instance, "undoing what it did").await;
    assert!(groups::node_of(&stage.world, &instance).await.unwrap().is_none());
    group.delete(&stage.world).await.unwrap();
}

pub(crate) async fn a_refused_request_is_followed_by_another_join_with_a_new_document(stage: &Stage) {
    let group = group("denied");
    let instance = stage.machine(group.clone()).await;
    // A document that is about to be replaced is left alone, as is one that is not understood.
    let stale = Document {
        seconds_left: 170,
        ..Document::new("stale1")
    };
    stale.issue(stage, &instance).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(posted(stage, "stale1").await.is_empty());
    let name = serde_json::json!({ "Name": parameter(&instance) });
    stage.ssm("DeleteParameter", name.clone()).await.unwrap();

    Document::new("denied").issue(stage, &instance).await;
    answer(stage, "denied", "deny").await;
    stage.until_logged(&instance, "undoing what it did").await;
    stage.ssm("DeleteParameter", name).await.unwrap();
    Document::new("second").issue(stage, &instance).await;
    answer(stage, "second", "approve").await;
    ready_node(stage, &instance).await;
    group.delete(&stage.world).await.unwrap();
}

pub(crate) async fn a_machine_without_a_document_gives_up_at_its_deadline_and_says_why(stage: &Stage) {
    let group = group("forgotten").setting("LAMPLIGHTER_JOIN_DEADLINE_SECONDS", "3");
    let instance = stage.machine(group.clone()).await;
    let trouble = || {
        stage
            .world
            .timeline()
            .troubles()
            .into_iter()
            .find(|one| one.starts_with(&instance))
    };
    until("the machine gave up", async || trouble().is_some()).await;
    let trouble = trouble().unwrap();
    assert!(trouble.contains("exit status: 1"), "{trouble}");
    assert!(
        trouble.contains("not joined within 3 s; last: AccessDeniedException"),
        "{trouble}"
    );
    group.delete(&stage.world).await.unwrap();
}

pub(crate) async fn a_wrong_pin_keeps_the_machine_from_the_cluster(stage: &Stage) {
    let group = group("pinned");
    let instance = stage.machine(group.clone()).await;
    let pin = format!("sha256:{}", "00".repeat(32));
    let document = Document {
        pin: Some(&pin),
        ..Document::new("pinned")
    };
    document.issue(stage, &instance).await;
    stage
        .until_logged(&instance, "cluster CA found in cluster-info ConfigMap is invalid")
        .await;
    assert!(posted(stage, "pinned").await.is_empty());
    group.delete(&stage.world).await.unwrap();
}

pub(crate) async fn who_has_a_token_of_kubeadms_group_can_become_any_node(stage: &Stage) {
    // Why there is a strict mode: nothing compares the name with whom the token was for.
    let group = group("by-hand").setting("LAMPLIGHTER_JOIN_DEADLINE_SECONDS", "0");
    let instance = stage.machine(group.clone()).await;
    let ends = Timestamp::now() + SignedDuration::from_secs(900);
    let another = "ip-10-9-9-9.eu-central-1.compute.internal";
    for (id, group, becomes) in [("byhand", KUBEADMS, true), ("strict", OURS, false)] {
        let document = Document {
            group,
            ..Document::new(id)
        };
        document.create_secret(stage, ends).await;
        let mut configuration = document.join_configuration(stage, another).await;
        configuration["timeouts"]["tlsBootstrap"] = serde_json::json!("5s");
        let attempt = stage.world.join_by_hand(&instance, &configuration).await.unwrap();
        assert_eq!(attempt.joined, becomes, "{}", attempt.said);
        let nodes: Api<Node> = Api::all(stage.world.control_plane().client());
        assert_eq!(nodes.get_opt(another).await.unwrap().is_some(), becomes);
        if becomes {
            nodes.delete(another, &DeleteParams::default()).await.unwrap();
        } else {
            assert!(
                attempt.said.contains("has no certificate after 5s"),
                "{}",
                attempt.said
            );
        }
    }
    group.delete(&stage.world).await.unwrap();
}

pub(crate) async fn a_machine_that_is_terminated_runs_no_more(stage: &Stage) {
    let group = group("terminated");
    let instance = stage.machine(group.clone()).await;
    stage.until_logged(&instance, "waiting for").await;
    let runs = || {
        let state = State::read(stage.world.ports()).unwrap().unwrap();
        state.alive().iter().any(|process| process.name == instance)
    };
    assert!(runs());
    group.delete(&stage.world).await.unwrap();
    until("it is switched off", async || !runs()).await;
}
