use super::super::desired::tests::{group, machine};
use super::super::policy::Policy;
use super::super::simulated::{Api, Conflict};
use super::super::tags::tests::{tags, template};
use super::*;
use crate::node::tests::node;
use crate::taint::Effect;

fn desired(pairs: &[(&str, &str)]) -> Desired {
    Desired::of(&group(), &template(pairs), Some(&machine()), &Policy::default())
}

fn between(node: &Node, pairs: &[(&str, &str)], occasion: Occasion) -> Option<Change> {
    Change::between(node, &desired(pairs), occasion)
}

/// A node that has just registered.
fn registered() -> Node {
    Node {
        taints: vec![Taint::new(STARTUP_TAINT, Effect::NoSchedule)],
        labels: tags(&[("kubernetes.io/arch", "arm64")]),
        ..node()
    }
}

/// The same after our first patch.
fn initialised(pairs: &[(&str, &str)]) -> Api {
    let mut api = Api::with(registered());
    let change = between(api.node(), pairs, Occasion::Launch).unwrap();
    api.patch(&change.patch()).unwrap();
    api
}

/// What the next sweep does with a node that serves; how many patches that took.
fn reconcile(api: &mut Api, pairs: &[(&str, &str)]) -> u32 {
    let before = api.writes;
    while let Some(change) = between(api.node(), pairs, Occasion::Service) {
        api.patch(&change.patch()).unwrap();
        assert!(api.writes - before < 5, "never converges: {change}");
    }
    api.writes - before
}

fn taints(api: &Api) -> Vec<String> {
    api.node().taints.iter().map(ToString::to_string).collect()
}

fn owned(api: &Api) -> Owned {
    match Ownership::of(api.node()) {
        Ownership::Known(owned) => owned,
        other => panic!("{other:?}"),
    }
}

const TEAM: (&str, &str) = ("lamplighter:label/team", "payments");
const GPU: (&str, &str) = ("lamplighter:taint/gpu", "a100:NoSchedule");
const GPU_ALWAYS: (&str, &str) = ("lamplighter:taint-mode/gpu", "always");

#[test]
fn the_startup_taint_goes_in_the_one_patch_that_brings_everything_else() {
    let node = registered();
    let change = between(&node, &[TEAM, GPU], Occasion::Launch).unwrap();
    assert_eq!(
        change.patch(),
        json!({
            "metadata": {
                "uid": "0f9c",
                "resourceVersion": "41",
                "labels": {
                    "team": "payments",
                    "lamplighter.dev/group": "workers",
                    "lamplighter.dev/capacity-type": "spot",
                },
                "annotations": { "lamplighter.dev/managed-labels":
                    "{\"labels\":[\"team\"],\
                    \"launch\":[\"lamplighter.dev/capacity-type\",\"lamplighter.dev/group\"],\
                    \"taints\":[\"gpu:NoSchedule\"]}" },
            },
            "spec": { "taints": [{ "key": "gpu", "value": "a100", "effect": "NoSchedule" }] },
        })
    );
    assert_eq!(
        change.to_string(),
        "lamplighter.dev/capacity-type=spot, lamplighter.dev/group=workers, team=payments, \
         taints [gpu=a100:NoSchedule]"
    );
}

#[test]
fn labels_alone_are_patched_whatever_the_version_and_taints_only_for_the_one_that_was_seen() {
    let mut api = initialised(&[TEAM]);
    let change = between(
        api.node(),
        &[("lamplighter:label/team", "search")],
        Occasion::Service,
    )
    .unwrap();
    api.touch();
    assert_eq!(api.patch(&change.patch()), Ok(()));
    let change = between(api.node(), &[GPU, GPU_ALWAYS], Occasion::Service).unwrap();
    api.touch();
    assert_eq!(api.patch(&change.patch()), Err(Conflict));
}

#[test]
fn case_37_a_node_that_has_it_all_is_not_written_to() {
    let pairs = [TEAM, GPU, ("lamplighter:label/bad", "two words")];
    let mut api = initialised(&pairs);
    assert_eq!(reconcile(&mut api, &pairs), 0);
    // Nor for what others do to it.
    api.edit(|node| {
        node.labels.insert("theirs".to_owned(), "x".to_owned());
        node.taints.push(Taint::new("theirs", Effect::NoExecute));
    });
    assert_eq!(reconcile(&mut api, &pairs), 0);
}

#[test]
fn case_27_labels_of_people_stay_ours_come_back_and_those_of_the_launch_are_free() {
    let pairs = [
        TEAM,
        ("lamplighter:label/ami", "1"),
        ("lamplighter:label-mode/ami", "launch"),
    ];
    let mut api = initialised(&pairs);
    api.edit(|node| {
        node.labels.insert("note".to_owned(), "by hand".to_owned());
        node.labels.insert("team".to_owned(), "edited".to_owned());
        node.labels.insert("ami".to_owned(), "edited".to_owned());
    });
    assert_eq!(reconcile(&mut api, &pairs), 1);
    let labels = &api.node().labels;
    assert_eq!(
        (
            labels["note"].as_str(),
            labels["team"].as_str(),
            labels["ami"].as_str()
        ),
        ("by hand", "payments", "edited")
    );
    // A new value of the tag is for the nodes to come, and so is a new tag.
    let later = [
        TEAM,
        ("lamplighter:label/ami", "2"),
        ("lamplighter:label/kernel", "6"),
        ("lamplighter:label-mode", "launch"),
        ("lamplighter:label-mode/team", "live"),
    ];
    assert_eq!(reconcile(&mut api, &later), 0);
    assert!(!api.node().labels.contains_key("kernel"));
}

#[test]
fn case_28_when_a_tag_goes_only_its_own_label_goes() {
    let mut api = initialised(&[TEAM, ("lamplighter:label/env", "test"), GPU]);
    api.edit(|node| {
        node.labels.insert("note".to_owned(), "by hand".to_owned());
    });
    assert_eq!(reconcile(&mut api, &[("lamplighter:label/env", "test")]), 1);
    assert!(!api.node().labels.contains_key("team"));
    assert_eq!(api.node().labels["note"], "by hand");
    assert_eq!(taints(&api), Vec::<String>::new());

    // The label is gone already: what we say of it goes too.
    api.edit(|node| {
        node.labels.remove("env");
    });
    let change = between(api.node(), &[], Occasion::Service).unwrap();
    assert!(change.labels.is_empty());
    assert_eq!(reconcile(&mut api, &[]), 1);
    assert!(owned(&api).labels.is_empty());
}

#[test]
fn case_28_an_annotation_that_nobody_can_read_is_written_anew_and_nothing_else_is_deleted() {
    let pairs = [
        TEAM,
        GPU,
        ("lamplighter:label/ami", "1"),
        ("lamplighter:label-mode/ami", "launch"),
    ];
    let mut api = initialised(&pairs);
    let before = api.node().clone();
    let good = owned(&api);
    api.edit(|node| {
        node.annotations.insert(MANAGED_LABELS.to_owned(), "{".to_owned());
        node.labels.insert("stale".to_owned(), "perhaps ours".to_owned());
        node.labels.insert("ami".to_owned(), "edited".to_owned());
    });
    assert_eq!(reconcile(&mut api, &pairs), 1);
    assert_eq!(owned(&api), good);
    assert_eq!(api.node().taints, before.taints);
    assert_eq!(api.node().labels["stale"], "perhaps ours");
    assert_eq!(api.node().labels["ami"], "edited");

    // A taint that an agent has removed does not come back by it.
    api.edit(|node| {
        node.annotations
            .insert(MANAGED_LABELS.to_owned(), "[]".to_owned());
        node.taints.clear();
    });
    assert_eq!(reconcile(&mut api, &pairs), 1);
    assert_eq!(taints(&api), Vec::<String>::new());
}

#[test]
fn case_31_a_taint_that_is_set_once_does_not_come_back() {
    let mut api = initialised(&[TEAM, GPU]);
    assert_eq!(taints(&api), ["gpu=a100:NoSchedule"]);
    api.edit(|node| node.taints.clear());
    // A retry of the launch, and every later sweep, start from what the node says.
    assert_eq!(between(api.node(), &[TEAM, GPU], Occasion::Launch), None);
    assert_eq!(reconcile(&mut api, &[TEAM, GPU]), 0);
    // Nor with another value, nor when the kubelet registers the startup taint again.
    assert_eq!(
        reconcile(&mut api, &[TEAM, ("lamplighter:taint/gpu", "h100:NoSchedule")]),
        0
    );
    api.edit(|node| node.taints.push(Taint::new(STARTUP_TAINT, Effect::NoSchedule)));
    assert_eq!(reconcile(&mut api, &[TEAM, GPU]), 1);
    assert_eq!(taints(&api), Vec::<String>::new());
}

#[test]
fn a_taint_that_is_set_once_stays_as_it_is_when_its_tag_says_another_effect_and_goes_with_its_tag() {
    let mut api = initialised(&[GPU]);
    let harder = [("lamplighter:taint/gpu", "a100:NoExecute")];
    assert_eq!(reconcile(&mut api, &[TEAM, harder[0]]), 1, "for the label");
    assert_eq!(taints(&api), ["gpu=a100:NoSchedule"]);
    // From then on it follows: the other effect, and the end.
    assert_eq!(reconcile(&mut api, &[TEAM, harder[0], GPU_ALWAYS]), 1);
    assert_eq!(taints(&api), ["gpu=a100:NoExecute"]);
    assert_eq!(reconcile(&mut api, &[TEAM]), 1);
    assert_eq!(taints(&api), Vec::<String>::new());
}

#[test]
fn a_taint_that_is_always_there_comes_back_and_follows_its_tag() {
    let mut api = initialised(&[GPU, GPU_ALWAYS]);
    api.edit(|node| node.taints = vec![Taint::new("theirs", Effect::NoExecute)]);
    assert_eq!(reconcile(&mut api, &[GPU, GPU_ALWAYS]), 1);
    assert_eq!(taints(&api), ["theirs:NoExecute", "gpu=a100:NoSchedule"]);
    let moved = ("lamplighter:taint/gpu", "h100:NoExecute");
    assert_eq!(reconcile(&mut api, &[moved, GPU_ALWAYS]), 1);
    assert_eq!(taints(&api), ["theirs:NoExecute", "gpu=h100:NoExecute"]);
    assert_eq!(reconcile(&mut api, &[]), 1);
    assert_eq!(taints(&api), ["theirs:NoExecute"]);
}

#[test]
fn case_43_a_node_that_was_there_before_us_gets_labels_and_lasting_taints_and_no_others() {
    let old = Node {
        labels: tags(&[("note", "by hand"), ("team", "unknown")]),
        taints: vec![Taint::new("theirs", Effect::NoExecute)],
        ..node()
    };
    let pairs = [
        TEAM,
        GPU,
        ("lamplighter:taint/arm", ":NoSchedule"),
        ("lamplighter:taint-mode/arm", "always"),
    ];
    let mut api = Api::with(old);
    assert_eq!(reconcile(&mut api, &pairs), 1);
    assert_eq!(api.node().labels["team"], "payments");
    assert_eq!(api.node().labels["lamplighter.dev/group"], "workers");
    assert_eq!(taints(&api), ["theirs:NoExecute", "arm:NoSchedule"]);
    // One that registered with our startup taint is new, hook or no hook.
    let mut api = Api::with(registered());
    assert_eq!(reconcile(&mut api, &pairs), 1);
    assert_eq!(taints(&api), ["arm:NoSchedule", "gpu=a100:NoSchedule"]);
}

#[test]
fn a_key_with_a_problem_stays_as_it_is_until_the_problem_is_solved() {
    let pairs = [TEAM, GPU, GPU_ALWAYS];
    let mut api = initialised(&pairs);
    let broken = [
        ("lamplighter:label/team", "two words"),
        ("lamplighter:taint/gpu", "a100"),
        GPU_ALWAYS,
    ];
    assert_eq!(reconcile(&mut api, &broken), 1, "to note what people were told");
    assert_eq!(api.node().labels["team"], "payments");
    assert_eq!(taints(&api), ["gpu=a100:NoSchedule"]);
    // With a mode that nobody knows, too.
    let unknown = [
        TEAM,
        ("lamplighter:label-mode", "sometimes"),
        GPU,
        ("lamplighter:taint-mode", "sometimes"),
    ];
    reconcile(&mut api, &unknown);
    assert_eq!(
        (api.node().labels["team"].as_str(), taints(&api).len()),
        ("payments", 1)
    );
    reconcile(&mut api, &[]);
    assert_eq!((api.node().labels.get("team"), taints(&api).len()), (None, 0));
}

#[test]
fn people_are_told_once_of_each_problem() {
    let bad = ("lamplighter:label/bad", "two words");
    let change = between(&registered(), &[bad], Occasion::Launch).unwrap();
    assert_eq!(change.to_tell.len(), 1);
    let mut api = initialised(&[bad]);
    let change = between(api.node(), &[bad, TEAM], Occasion::Service).unwrap();
    assert_eq!(change.to_tell, vec![], "they know");
    let worse = ("lamplighter:label/worse", "a/b");
    let change = between(api.node(), &[bad, worse], Occasion::Service).unwrap();
    assert_eq!(change.to_tell.len(), 2);
    assert_eq!(reconcile(&mut api, &[]), 1);
    assert_eq!(owned(&api).told, None);
}

#[test]
fn a_tag_that_says_what_the_kubelet_finds_is_no_problem_and_one_that_differs_is() {
    let tag = |key: &str| format!("k8s.io/cluster-autoscaler/node-template/label/{key}");
    let told = |key: &str, value: &str| {
        let change = between(&registered(), &[(&tag(key), value)], Occasion::Launch).unwrap();
        change.to_tell.len()
    };
    assert_eq!(told("kubernetes.io/arch", "arm64"), 0);
    assert_eq!(told("kubernetes.io/arch", "amd64"), 1);
    assert_eq!(
        told("topology.kubernetes.io/zone", "eu-central-1a"),
        0,
        "it is not known yet"
    );
    assert_eq!(told("node-role.kubernetes.io/control-plane", ""), 1);
}

#[test]
fn case_34_the_provider_id_is_set_where_nobody_else_does_and_never_changed() {
    let policy = Policy {
        cloud_controller: super::super::policy::CloudController::Absent,
        ..Policy::default()
    };
    let desired = Desired::of(&group(), &template(&[]), Some(&machine()), &policy);
    let silent = Node {
        provider_id: None,
        instance: None,
        ..registered()
    };
    let mut api = Api::with(silent);
    let change = Change::between(api.node(), &desired, Occasion::Launch).unwrap();
    api.patch(&change.patch()).unwrap();
    assert_eq!(
        api.node().provider_id.as_deref(),
        Some("aws:///eu-central-1a/i-0123456789abcdef0")
    );
    assert_eq!(api.node().labels["topology.kubernetes.io/zone"], "eu-central-1a");
    assert_eq!(Change::between(api.node(), &desired, Occasion::Launch), None);
    let change = Change::between(&registered(), &desired, Occasion::Launch).unwrap();
    assert_eq!(change.provider_id, None);
}

#[test]
fn facts_are_asked_for_until_they_are_decided_and_an_alias_that_came_later_is_one_of_them() {
    let aliased = Policy {
        capacity_aliases: ["karpenter.sh/capacity-type".to_owned()].into(),
        ..Policy::default()
    };
    let without_facts = |policy: &Policy| Desired::of(&group(), &template(&[]), None, policy);
    assert!(without_facts(&Policy::default()).lacks_facts(&registered()));
    let mut api = initialised(&[]);
    assert!(!without_facts(&Policy::default()).lacks_facts(api.node()));
    assert_eq!(
        Change::between(api.node(), &without_facts(&Policy::default()), Occasion::Service),
        None
    );
    assert!(without_facts(&aliased).lacks_facts(api.node()));
    let with_facts = Desired::of(&group(), &template(&[]), Some(&machine()), &aliased);
    let change = Change::between(api.node(), &with_facts, Occasion::Service).unwrap();
    api.patch(&change.patch()).unwrap();
    assert_eq!(api.node().labels["karpenter.sh/capacity-type"], "spot");
    assert!(!without_facts(&aliased).lacks_facts(api.node()));
}
