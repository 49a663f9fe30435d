//! Machines that boot and join, and those that would join as somebody else.

use domain::join::{Decision, SIGNER, SigningRequest};
use domain::node::Ready;

use super::*;

/// A request for ip-10-0-1-7, and one for another node.
const OWN: &str = include_str!("../../../../shared/domain/src/join/testdata/csr-good.pem");
const OTHERS: &str = include_str!("../../../../shared/domain/src/join/testdata/csr-other-node.pem");

/// A request that was made with this token.
fn request(fake: &Fake, name: &str, token: &str, pem: &str) -> SigningRequest {
    let id = token.split('.').next().unwrap();
    SigningRequest {
        name: name.to_owned(),
        resource_version: "7".to_owned(),
        created: fake.now(),
        signer: SIGNER.to_owned(),
        user: format!("system:bootstrap:{id}"),
        groups: ["system:bootstrappers", "system:bootstrappers:lamplighter:node"]
            .map(str::to_owned)
            .into(),
        usages: ["digital signature", "client auth"].map(str::to_owned).into(),
        duration: None,
        request: pem.as_bytes().to_vec(),
        decision: Decision::Pending,
    }
}

fn decision(fake: &Fake, name: &str) -> Decision {
    let state = fake.state();
    state
        .requests
        .iter()
        .find(|one| one.name == name)
        .unwrap()
        .decision
}

/// What a machine does: it boots, waits for its token, asks for a certificate, and registers its node.
async fn machine(fake: &Fake, boots: i64) -> Option<SignedDuration> {
    fake.sleep(SignedDuration::from_secs(boots)).await;
    let token = loop {
        match fake.token_of(FIRST) {
            Some(token) => break token,
            None => fake.sleep(SignedDuration::from_secs(3)).await,
        }
    };
    let asked = fake.now();
    let request = request(fake, "csr", &token, OWN);
    fake.state().requests.push(request);
    loop {
        match decision(fake, "csr") {
            Decision::Pending => fake.sleep(SignedDuration::from_millis(500)).await,
            Decision::Refused => return None,
            Decision::Approved => break,
        }
    }
    let waited = fake.now().duration_since(asked);
    fake.sleep(SignedDuration::from_secs(1)).await;
    fake.register(FIRST, 7);
    Some(waited)
}

#[tokio::test(start_paused = true)]
async fn case_18_a_machine_joins_within_the_invocation_that_gave_it_its_token() {
    let fake = Fake::new();
    let function = function(&fake);
    let (answer, waited) = tokio::join!(invoke(&function, launch()), machine(&fake, 20));
    answer.unwrap().unwrap();
    assert!(waited.unwrap() < SignedDuration::from_secs(4), "{waited:?}");
    assert_eq!(
        fake.writes(),
        [
            "put",
            "create secret",
            "csr Approved",
            "delete secret",
            "delete 1 parameters"
        ]
    );
    assert!(fake.is_clean());
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_deletes_its_own_parameter_leaves_no_secret_and_gets_no_second_token() {
    let fake = Fake::new();
    let function = function(&fake);
    let tidy = async {
        fake.sleep(SignedDuration::from_secs(20)).await;
        fake.state().parameters.clear();
        fake.sleep(SignedDuration::from_secs(6)).await;
        fake.register(FIRST, 7);
    };
    let (answer, ()) = tokio::join!(invoke(&function, launch()), tidy);
    answer.unwrap().unwrap();
    let expected = ["put", "create secret", "delete secret", "delete 1 parameters"];
    assert_eq!(fake.writes(), expected);
}

#[tokio::test(start_paused = true)]
async fn case_18_by_the_sweeps_alone_a_slow_machine_joins_with_a_token_of_its_third_quarter_of_an_hour() {
    let fake = Fake::new();
    let ((), waited) = tokio::join!(ticks(&fake, 45), machine(&fake, 40 * 60));
    assert!(waited.unwrap() <= SignedDuration::from_secs(60), "{waited:?}");
    assert!(fake.is_clean(), "{:?}", fake.writes());
    assert_eq!(
        fake.writes()
            .iter()
            .filter(|write| *write == "csr Approved")
            .count(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn case_19_a_token_does_not_certify_another_node_nor_twice_and_an_unknown_one_nothing() {
    let fake = Fake::new();
    fake.launch(SECOND, 9);
    let function = function(&fake);
    invoke(&function, launch()).await.unwrap().unwrap();
    let token = fake.token_of(FIRST).unwrap();
    let requests = [
        request(&fake, "a-thief", &token, OTHERS),
        request(&fake, "b-own", &token, OWN),
        request(&fake, "c-again", &token, OWN),
        request(&fake, "d-unknown", "zzzzzz.0123456789abcdef", OWN),
    ];
    fake.state().requests.extend(requests);
    fake.sleep(SignedDuration::from_secs(30)).await;
    let function = self::function(&fake);
    invoke(&function, tick()).await.unwrap().unwrap();
    let rulings: Vec<String> = fake
        .writes()
        .into_iter()
        .filter(|write| write.contains('-'))
        .collect();
    assert_eq!(
        rulings,
        [
            "a-thief OtherNode",
            "b-own Approved",
            "c-again TokenUsed",
            "d-unknown UnknownToken"
        ]
    );
    let lines = function.lines.lines();
    let metrics: Value = serde_json::from_str(lines.last().unwrap()).unwrap();
    let counted = (&metrics["RequestsApproved"], &metrics["RequestsDenied"]);
    assert_eq!(counted, (&json!(1), &json!(3)));
}

#[tokio::test(start_paused = true)]
async fn case_22_renewals_and_tokens_of_other_people_are_not_touched() {
    let fake = Fake::new();
    let renewal = SigningRequest {
        user: "system:node:ip-10-0-1-7.eu-central-1.compute.internal".to_owned(),
        groups: vec!["system:nodes".to_owned()],
        ..request(&fake, "renewal", "x", OWN)
    };
    let of_kubeadm = SigningRequest {
        groups: vec!["system:bootstrappers:kubeadm:default-node-token".to_owned()],
        ..request(&fake, "kubeadm", "zzzzzz.x", OWN)
    };
    fake.state().requests.extend([renewal, of_kubeadm]);
    ticks(&fake, 2).await;
    assert_eq!(fake.writes(), ["put", "create secret"]);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_was_given_up_meanwhile_gets_no_certificate() {
    let fake = Fake::new();
    let thief = async {
        fake.sleep(SignedDuration::from_secs(10)).await;
        let token = fake.token_of(FIRST).unwrap();
        fake.move_to(FIRST, "Terminating:Wait");
        let request = request(&fake, "late", &token, OWN);
        fake.state().requests.push(request);
    };
    let function = function(&fake);
    let (answer, ()) = tokio::join!(invoke(&function, tick()), thief);
    answer.unwrap().unwrap();
    assert_eq!(
        fake.writes(),
        [
            "put",
            "create secret",
            "late InstanceNotWaiting",
            "delete secret",
            "delete 1 parameters"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_denied_because_of_what_could_not_be_asked() {
    for call in ["machines", "hooks", "describe"] {
        let fake = Fake::new();
        let boot = async {
            fake.sleep(SignedDuration::from_secs(10)).await;
            let token = fake.token_of(FIRST).unwrap();
            fake.set(Fault::Refuse(call));
            let request = request(&fake, "csr", &token, OWN);
            fake.state().requests.push(request);
        };
        let function = function(&fake);
        let (answer, ()) = tokio::join!(invoke(&function, tick()), boot);
        assert!(answer.unwrap().unwrap_err().message.contains(call));
        assert_eq!(decision(&fake, "csr"), Decision::Pending, "{call}");
        // What could not be asked is no reason to take a token back either.
        invoke(&self::function(&fake), tick()).await.unwrap().unwrap_err();
        assert!(fake.has_one_token(), "{call}: {:?}", fake.writes());
        fake.set(Fault::None);
        invoke(&self::function(&fake), tick()).await.unwrap().unwrap();
        assert_eq!(decision(&fake, "csr"), Decision::Approved, "{call}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_whose_hooks_can_not_be_read_keeps_no_machine_of_another_from_joining() {
    let fake = Fake::new();
    fake.state().has_sick_group = true;
    let function = function(&fake);
    let joins = tokio::time::timeout(Duration::from_mins(1), machine(&fake, 20));
    let (answer, waited) = tokio::join!(invoke(&function, tick()), joins);
    assert!(answer.unwrap().unwrap_err().message.contains("Rate exceeded"));
    let waited = waited.unwrap().unwrap();
    assert!(waited < SignedDuration::from_secs(4), "{waited:#}");
}

#[tokio::test(start_paused = true)]
async fn a_live_node_is_not_taken_over_even_if_its_machine_was_given_up_in_this_invocation() {
    let fake = Fake::new();
    invoke(&function(&fake), launch()).await.unwrap().unwrap();
    let token = fake.token_of(FIRST).unwrap();
    // Something is left to do for another machine, of which EC2 tells nothing yet.
    fake.launch(SECOND, 9);
    fake.state().machines.remove(&InstanceId::parse(SECOND).unwrap());
    fake.set(Fault::Refuse("try token"));
    let thief = async {
        fake.sleep(SignedDuration::from_secs(1)).await;
        fake.register(FIRST, 7);
        let ready = Ready {
            is_ready: true,
            since: fake.now(),
        };
        let request = request(&fake, "again", &token, OWN);
        let mut state = fake.state();
        state.nodes[0].ready = Some(ready);
        state.requests.push(request);
    };
    let function = self::function(&fake);
    let (answer, ()) = tokio::join!(invoke(&function, tick()), thief);
    answer.unwrap().unwrap_err();
    let expected = ["put", "create secret", "again NodeReady"];
    assert_eq!(fake.writes(), expected);
}

#[tokio::test(start_paused = true)]
async fn in_compatible_mode_kubeadms_own_approval_decides() {
    let fake = Fake::new();
    let mut function = function(&fake);
    function.config.policy.mode = domain::join::Mode::Compatible;
    let post = async {
        fake.sleep(SignedDuration::from_secs(10)).await;
        let request = request(&fake, "csr", &fake.token_of(FIRST).unwrap(), OTHERS);
        fake.state().requests.push(request);
    };
    let (answer, ()) = tokio::join!(invoke(&function, tick()), post);
    answer.unwrap().unwrap();
    assert_eq!(decision(&fake, "csr"), Decision::Pending);
    let state = fake.state();
    let secret = state.secrets.values().next().unwrap();
    assert_eq!(secret.group, "system:bootstrappers:kubeadm:default-node-token");
}
