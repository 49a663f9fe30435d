//! What the script does with a document.

use serde_json::Value;

use crate::stub::{INSTANCE, Machine, SECRETS, document};

#[tokio::test]
async fn the_configuration_is_handed_to_kubeadm_in_a_private_file_and_then_removed() {
    let machine = Machine::new().await;
    machine.store.has(&document());
    machine.run().await.ended_with(0, "lamplighter-join: joined");

    let given: Value = serde_json::from_str(&machine.noted("configuration")).unwrap();
    assert_eq!(given, document()["joinConfiguration"]);
    let file = machine.dir.join("run/join.json");
    let modes = format!(
        "600 {}\n700 {}\n",
        file.display(),
        machine.dir.join("run").display()
    );
    assert_eq!(machine.noted("modes"), modes);
    assert!(!file.exists());

    let name = format!("/lamplighter/demo/join/{INSTANCE}");
    let asked = machine.store.asked();
    assert_eq!(machine.store.actions(), ["GetParameter"]);
    assert!(
        asked.iter().all(|one| one.body["Name"] == name.as_str()),
        "{asked:?}"
    );
    assert_eq!(asked[0].body["WithDecryption"], true);
}

#[tokio::test]
async fn requests_are_signed_with_the_credentials_of_the_instance_and_no_secret_is_an_argument() {
    let machine = Machine::new().await;
    machine.store.has(&document());
    let run = machine.run().await;
    for asked in machine.store.asked() {
        let header = |name: &str| asked.headers[name].to_str().unwrap().to_owned();
        assert_eq!(header("x-amz-security-token"), SECRETS[1]);
        let signature = header("authorization");
        assert!(
            signature.starts_with("AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/"),
            "{signature}"
        );
        assert!(
            signature.contains("/eu-central-1/ssm/aws4_request"),
            "{signature}"
        );
    }
    let arguments = machine.noted("arguments");
    assert!(
        arguments.contains("curl") && arguments.contains("jq"),
        "{arguments}"
    );
    for secret in SECRETS {
        assert!(!arguments.contains(secret), "{arguments}");
        assert!(!run.said.contains(secret), "{}", run.said);
    }
}

#[tokio::test]
async fn a_failed_join_is_undone_and_tried_again_with_the_next_document() {
    let machine = Machine::new().await;
    // The first join fails.
    let once = machine.dir.join("once");
    machine.kubeadm(&format!(
        "if [ \"$1\" = join ] && ! [ -e {0} ]; then touch {0}; exit 1; fi",
        once.display()
    ));
    machine.store.has(&document());
    machine
        .run()
        .await
        .ended_with(0, "kubeadm join ended with 1; undoing what it did");
    assert_eq!(machine.asked_of_kubeadm(), ["join", "reset", "join"]);
    assert_eq!(machine.store.actions(), ["GetParameter", "GetParameter"]);
}

#[tokio::test]
async fn a_join_that_failed_after_the_certificate_has_joined() {
    let machine = Machine::new().await;
    machine.kubeadm(&format!("touch {}; exit 1", machine.kubelet_conf().display()));
    machine.store.has(&document());
    machine.run().await.ended_with(0, "this machine has joined");
    assert_eq!(machine.asked_of_kubeadm(), ["join"]);
}

#[tokio::test]
async fn a_machine_that_has_joined_asks_nobody() {
    let machine = Machine::new().await;
    std::fs::write(machine.kubelet_conf(), "").unwrap();
    machine.run().await.ended_with(0, "this machine has joined");
    assert!(machine.store.asked().is_empty() && machine.asked_of_kubeadm().is_empty());
    assert_eq!(machine.noted("arguments"), "");
}
