//! Each rule, one request that breaks it, and the one that keeps all of them.

use std::collections::BTreeMap;

use super::*;
use crate::ids::Uid;
use crate::machine::CapacityType;
use crate::node::Ready;

const NODE: &str = "ip-10-0-1-7.eu-central-1.compute.internal";

/// Made by OpenSSL, each with a key of its own.
const GOOD: &str = include_str!("../testdata/csr-good.pem");
const RSA: &str = include_str!("../testdata/csr-rsa.pem");
const OTHER_NODE: &str = include_str!("../testdata/csr-other-node.pem");
const NAMELESS: &str = include_str!("../testdata/csr-nameless.pem");
const MASTERS: &str = include_str!("../testdata/csr-masters.pem");
const TWO_NAMES: &str = include_str!("../testdata/csr-two-names.pem");
const UNIT: &str = include_str!("../testdata/csr-unit.pem");
const SAN: &str = include_str!("../testdata/csr-san.pem");
const USAGE: &str = include_str!("../testdata/csr-extension.pem");
const PASSWORD: &str = include_str!("../testdata/csr-challenge.pem");

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + second).unwrap()
}

fn request(pem: &str) -> SigningRequest {
    SigningRequest {
        name: "node-csr-b".to_owned(),
        resource_version: "7".to_owned(),
        created: at(0),
        signer: SIGNER.to_owned(),
        user: "system:bootstrap:abc123".to_owned(),
        groups: ["system:bootstrappers", GROUP, "system:authenticated"]
            .map(str::to_owned)
            .into(),
        usages: ["digital signature", "client auth"].map(str::to_owned).into(),
        duration: None,
        request: pem.as_bytes().to_vec(),
        decision: Decision::Pending,
    }
}

fn instance() -> InstanceId {
    InstanceId::parse("i-0123456789abcdef0").unwrap()
}

fn machine() -> Machine {
    Machine {
        arn: crate::machine::arn("eu-central-1", "111122223333", &instance()),
        id: instance(),
        state: MachineState::Running,
        launched: at(-60),
        private_dns_name: NODE.to_owned(),
        ips: vec![],
        zone: "eu-central-1a".to_owned(),
        region: "eu-central-1".to_owned(),
        instance_type: "m7g.large".to_owned(),
        capacity: CapacityType::OnDemand,
        architecture: "arm64".to_owned(),
        profile_arn: None,
        tags: BTreeMap::new(),
    }
}

fn node() -> Node {
    Node::new(
        NodeName::parse(NODE).unwrap(),
        Uid::parse("0f9c").unwrap(),
        at(-40),
    )
}

/// Judges a request of the machine that waits, and of whose node `node` is known.
fn judged_beside(request: &SigningRequest, all: &[SigningRequest], node: Option<&Node>) -> Verdict {
    let (machine, name) = (machine(), NodeName::parse(NODE).unwrap());
    let holder = Holder::Machine {
        instance: &instance(),
        waits: true,
        machine: Some(&machine),
        name: Some(&name),
        node,
    };
    judge(request, all, &holder, at(1))
}

/// Judges it when nothing more can be waited for.
fn judged_long_after(request: &SigningRequest, node: Option<&Node>) -> Verdict {
    let asked_long_ago = SigningRequest {
        created: at(-300),
        ..request.clone()
    };
    judged_beside(&asked_long_ago, &[], node)
}

fn judged(request: &SigningRequest) -> Verdict {
    judged_beside(request, std::slice::from_ref(request), None)
}

fn reason(verdict: &Verdict) -> Option<&'static str> {
    match verdict {
        Verdict::Deny(denial) => Some(denial.reason()),
        Verdict::Approve(_) | Verdict::Leave => None,
    }
}

#[test]
fn case_18_a_request_for_the_machines_own_node_is_approved() {
    for pem in [GOOD, RSA] {
        let expected = Verdict::Approve(NodeName::parse(NODE).unwrap());
        assert_eq!(judged(&request(pem)), expected);
    }
    let with_encipherment = SigningRequest {
        usages: USAGES.map(str::to_owned).into(),
        duration: Some(LONGEST),
        ..request(GOOD)
    };
    assert!(matches!(judged(&with_encipherment), Verdict::Approve(_)));
}

#[test]
fn case_19_a_request_that_asks_for_anything_else_is_denied_with_the_reason() {
    for (pem, expected, words) in [
        (
            OTHER_NODE,
            "OtherNode",
            "node \"ip-10-0-1-8.eu-central-1.compute.internal\"",
        ),
        (MASTERS, "NotAKubeletRequest", "system:masters"),
        (TWO_NAMES, "NotAKubeletRequest", "common name is"),
        (UNIT, "NotAKubeletRequest", "alone"),
        (SAN, "NotAKubeletRequest", "subject alternative names"),
        (USAGE, "NotAKubeletRequest", "attributes"),
        (PASSWORD, "NotAKubeletRequest", "attributes"),
    ] {
        let verdict = judged(&request(pem));
        assert_eq!(reason(&verdict), Some(expected), "{verdict:?}");
        let Verdict::Deny(denial) = verdict else {
            unreachable!()
        };
        assert!(denial.to_string().contains(words), "{denial}");
    }
    for (usages, is_fine) in [
        (&["client auth"][..], true),
        (&["client auth", "server auth"], false),
        (&["digital signature"], false),
        (&[], false),
    ] {
        let usages: Vec<String> = usages.iter().map(|usage| (*usage).to_owned()).collect();
        let verdict = judged(&SigningRequest {
            usages,
            ..request(GOOD)
        });
        assert_eq!(
            reason(&verdict),
            (!is_fine).then_some("WrongUsages"),
            "{verdict:?}"
        );
    }
    let signer = "kubernetes.io/kubelet-serving".to_owned();
    let wrong_signer = SigningRequest {
        signer,
        ..request(GOOD)
    };
    assert_eq!(reason(&judged(&wrong_signer)), Some("WrongSigner"));
    let duration = Some(LONGEST + SignedDuration::from_secs(1));
    let for_ever = SigningRequest {
        duration,
        ..request(GOOD)
    };
    assert_eq!(reason(&judged(&for_ever)), Some("TooLong"));
}

#[test]
fn case_19_a_token_certifies_once_and_a_second_request_for_it_is_denied() {
    let second = SigningRequest {
        name: "node-csr-c".to_owned(),
        ..request(GOOD)
    };
    for (decision, denied) in [
        (Decision::Pending, true),
        (Decision::Approved, true),
        (Decision::Refused, false),
    ] {
        let first = SigningRequest {
            decision,
            ..request(GOOD)
        };
        let all = [first.clone(), second.clone()];
        let verdict = judged_beside(&second, &all, None);
        assert_eq!(reason(&verdict), denied.then_some("TokenUsed"), "{decision:?}");
        if decision == Decision::Pending {
            assert!(matches!(judged_beside(&first, &all, None), Verdict::Approve(_)));
        }
    }
    // A bad one that came first uses up nothing.
    let bad = request(OTHER_NODE);
    let all = [bad, second.clone()];
    assert!(matches!(judged_beside(&second, &all, None), Verdict::Approve(_)));
    let later_but_approved = SigningRequest {
        created: at(1),
        decision: Decision::Approved,
        ..second
    };
    let verdict = judged_beside(&request(GOOD), &[later_but_approved], None);
    assert_eq!(reason(&verdict), Some("TokenUsed"));
    let of_another = SigningRequest {
        user: "system:bootstrap:xyz789".to_owned(),
        decision: Decision::Approved,
        ..request(GOOD)
    };
    assert!(matches!(
        judged_beside(&request(GOOD), &[of_another], None),
        Verdict::Approve(_)
    ));
}

#[test]
fn case_19_a_token_that_nobody_or_more_than_one_was_given_is_denied() {
    let judge_at = |holder: &Holder<'_>, now| judge(&request(GOOD), &[], holder, now);
    // The list of parameters may lag behind a token that was issued a moment ago.
    assert_eq!(judge_at(&Holder::Nobody, at(29)), Verdict::Leave);
    assert_eq!(reason(&judge_at(&Holder::Nobody, at(30))), Some("UnknownToken"));
    let several = Holder::Several(vec![instance(), instance()]);
    assert_eq!(reason(&judge_at(&several, at(1))), Some("AmbiguousToken"));
}

#[test]
fn case_19_a_machine_that_does_not_wait_or_run_any_more_gets_no_certificate() {
    let (name, instance) = (NodeName::parse(NODE).unwrap(), instance());
    let judged_at = |second, waits, state: Option<MachineState>, name: Option<&NodeName>| {
        let machine = state.map(|state| Machine { state, ..machine() });
        let holder = Holder::Machine {
            instance: &instance,
            waits,
            machine: machine.as_ref(),
            name,
            node: None,
        };
        judge(&request(GOOD), &[], &holder, at(second))
    };
    let judged = |waits, state, name| judged_at(1, waits, state, name);
    let running = Some(MachineState::Running);
    assert!(matches!(
        judged(true, Some(MachineState::Pending), Some(&name)),
        Verdict::Approve(_)
    ));
    assert_eq!(
        reason(&judged(false, running.clone(), Some(&name))),
        Some("InstanceNotWaiting")
    );
    for state in [MachineState::ShuttingDown, MachineState::Stopped] {
        assert_eq!(
            reason(&judged(true, Some(state), Some(&name))),
            Some("InstanceNotRunning")
        );
    }
    // EC2 may not know it for a moment.
    assert_eq!(judged_at(29, true, None, Some(&name)), Verdict::Leave);
    assert_eq!(
        reason(&judged_at(30, true, None, Some(&name))),
        Some("InstanceNotRunning")
    );
    assert_eq!(reason(&judged(true, running, None)), Some("NoNodeName"));
}

#[test]
fn case_20_a_ready_node_keeps_its_name_and_a_failed_one_of_the_same_machine_may_try_again() {
    let ready = |is_ready| {
        Some(Ready {
            is_ready,
            since: at(-30),
        })
    };
    let own = || node().on("aws:///eu-central-1a/i-0123456789abcdef0");
    let others = || node().on("aws:///eu-central-1a/i-0fedcba9876543210");
    for (node, expected) in [
        (
            Node {
                ready: ready(true),
                ..own()
            },
            Some("NodeReady"),
        ),
        (
            Node {
                ready: ready(true),
                ..node()
            },
            Some("NodeReady"),
        ),
        (
            Node {
                ready: ready(false),
                ..own()
            },
            None,
        ),
        (own(), None),
        (node(), None),
        (
            Node {
                ready: ready(false),
                ..others()
            },
            Some("NodeOfAnotherInstance"),
        ),
        (
            node().on("aws:///eu-central-1a/fargate-ip-10-0-1-9"),
            Some("NodeOfAnotherInstance"),
        ),
    ] {
        let verdict = judged_long_after(&request(GOOD), Some(&node));
        assert_eq!(reason(&verdict), expected, "{node:?}");
    }
}

/// A machine may be given the address, and with it the name, of one that has only just died.
#[test]
fn a_request_waits_for_the_dead_node_of_another_machine_to_be_cleared_away() {
    let leftover = node().on("aws:///eu-central-1a/i-0fedcba9876543210");
    let request = request(GOOD);
    assert_eq!(judged_beside(&request, &[], Some(&leftover)), Verdict::Leave);
    assert!(matches!(judged_beside(&request, &[], None), Verdict::Approve(_)));
}

#[test]
fn case_22_renewals_other_peoples_tokens_and_decided_requests_are_left_alone() {
    let groups = |groups: &[&str]| groups.iter().map(|group| (*group).to_owned()).collect();
    for request in [
        SigningRequest {
            user: format!("system:node:{NODE}"),
            groups: groups(&["system:nodes", "system:authenticated"]),
            ..request(GOOD)
        },
        SigningRequest {
            groups: groups(&[
                "system:bootstrappers",
                "system:bootstrappers:kubeadm:default-node-token",
            ]),
            ..request(OTHER_NODE)
        },
        SigningRequest {
            user: "system:serviceaccount:kube-system:mallory".to_owned(),
            ..request(GOOD)
        },
        SigningRequest {
            decision: Decision::Approved,
            ..request(OTHER_NODE)
        },
        SigningRequest {
            decision: Decision::Refused,
            ..request(OTHER_NODE)
        },
    ] {
        assert_eq!(judged(&request), Verdict::Leave, "{request:?}");
        assert_eq!(judge(&request, &[], &Holder::Nobody, at(60)), Verdict::Leave);
    }
}

#[test]
fn case_23_a_node_without_a_name_is_never_approved() {
    assert_eq!(reason(&judged(&request(NAMELESS))), Some("OtherNode"));
}

#[test]
fn case_19_what_one_reader_of_pem_skips_and_another_reads_is_refused() {
    let lines = |text: &str| text.replace('\n', "\r\n");
    let cases = [
        (lines(GOOD), true),
        (format!("{GOOD}{OTHER_NODE}"), false),
        (format!("a comment\n{GOOD}"), false),
        // Go's reader skips a block whose end does not fit and takes the next one.
        (
            format!(
                "{}{OTHER_NODE}",
                GOOD.replace("-----END CERTIFICATE", "-----END SOMETHING")
            ),
            false,
        ),
        (
            GOOD.replace("REQUEST-----\nM", "REQUEST-----\nProc-Type: 4\n\nM"),
            false,
        ),
        (
            GOOD.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"),
            false,
        ),
        (GOOD.replace("REQUEST-----\nMII", "REQUEST-----\nMIJ"), false),
        (String::new(), false),
    ];
    for (pem, fine) in cases {
        let verdict = judged(&request(&pem));
        let expected = (!fine).then_some("NotAKubeletRequest");
        assert_eq!(reason(&verdict), expected, "{pem}");
    }
}
