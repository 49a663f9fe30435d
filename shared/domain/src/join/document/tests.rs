//! The document as a machine reads it, and as we read it back.

use super::*;

const CA: &[u8] = include_bytes!("../testdata/ca-ec.pem");

/// The document of a machine with these labels and so many pins, and its token.
fn rendered(labels: &[(&str, &str)], pins: usize, kubeadm: KubeadmApi) -> Result<Rendered, TooLong> {
    let token = BootstrapToken::parse("abc123.0123456789abcdef").unwrap();
    let issued = Issued::new(token.id().clone(), "2026-11-21T08:00:00Z".parse().unwrap());
    let labels = labels
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let pin = crate::join::pins(CA).unwrap().remove(0);
    Document {
        cluster: &ClusterName::parse("blue").unwrap(),
        instance: &InstanceId::parse("i-0123456789abcdef0").unwrap(),
        token: &token,
        issued: &issued,
        endpoint: &Endpoint::parse("api.blue.example.org:6443").unwrap(),
        pins: &vec![pin; pins],
        node: &NodeName::parse("ip-10-0-1-7.eu-central-1.compute.internal").unwrap(),
        labels: &labels.collect(),
        kubeadm,
    }
    .render()
}

#[test]
fn the_document_is_a_whole_join_configuration_with_its_term() {
    let text = rendered(&[("team", "search"), ("a/b", "")], 1, KubeadmApi::V1Beta4).unwrap();
    let written: Value = serde_json::from_str(text.expose()).unwrap();
    let configuration = json!({
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "JoinConfiguration",
        "discovery": { "bootstrapToken": {
            "token": "abc123.0123456789abcdef",
            "apiServerEndpoint": "api.blue.example.org:6443",
            "caCertHashes": [crate::join::pins(CA).unwrap()[0].as_str()],
        }},
        "nodeRegistration": {
            "name": "ip-10-0-1-7.eu-central-1.compute.internal",
            "taints": [{ "key": "lamplighter.dev/uninitialized", "effect": "NoSchedule" }],
            "kubeletExtraArgs": [{ "name": "node-labels", "value": "a/b=,team=search" }],
        },
    });
    assert_eq!(
        written,
        json!({
            "version": 1,
            "cluster": "blue",
            "instanceId": "i-0123456789abcdef0",
            "issuedAt": "2026-11-21T08:00:00Z",
            "expiresAt": "2026-11-21T08:15:00Z",
            "expiresAtEpoch": 1_795_248_900,
            "joinConfiguration": configuration,
        })
    );
}

#[test]
fn an_older_kubeadm_gets_its_arguments_as_a_map_and_no_labels_are_no_arguments() {
    let of = |labels: &[(&str, &str)]| {
        let text = rendered(labels, 1, KubeadmApi::V1Beta3).unwrap();
        let value: Value = serde_json::from_str(text.expose()).unwrap();
        value["joinConfiguration"].clone()
    };
    let configuration = of(&[("team", "search")]);
    assert_eq!(configuration["apiVersion"], "kubeadm.k8s.io/v1beta3");
    assert_eq!(
        configuration["nodeRegistration"]["kubeletExtraArgs"],
        json!({ "node-labels": "team=search" })
    );
    assert_eq!(of(&[])["nodeRegistration"].get("kubeletExtraArgs"), None);
    assert_eq!(KubeadmApi::parse("v1beta3"), Some(KubeadmApi::V1Beta3));
    assert_eq!(KubeadmApi::parse("v1beta5"), None);
}

#[test]
fn case_11_a_document_that_is_too_long_is_refused_with_what_makes_it_long() {
    let longest = (1..60).take_while(|pins| rendered(&[], *pins, KubeadmApi::V1Beta4).is_ok());
    let pins = longest.last().unwrap();
    let text = rendered(&[], pins, KubeadmApi::V1Beta4).unwrap();
    assert!(
        (4000..=4096).contains(&text.expose().len()),
        "{}",
        text.expose().len()
    );
    let error = rendered(&[], pins + 1, KubeadmApi::V1Beta4).unwrap_err();
    assert!(error.bytes > 4096 && error.pins == pins + 1, "{error}");
    assert!(error.to_string().contains("expected at most 4096"), "{error}");
}

#[test]
fn a_document_gives_its_token_back_to_who_knows_whose_it_is() {
    let blue = ClusterName::parse("blue").unwrap();
    let instance = InstanceId::parse("i-0123456789abcdef0").unwrap();
    let text = rendered(&[], 1, KubeadmApi::V1Beta4).unwrap();
    let (token, issued) = Document::read(text.expose(), &blue, &instance).unwrap();
    assert_eq!(token.expose(), "abc123.0123456789abcdef");
    assert_eq!(
        issued.to_string(),
        "token abc123, issued 2026-11-21T08:00:00Z, expires 2026-11-21T08:15:00Z"
    );

    let of = |text: &str| Document::read(text, &blue, &instance).unwrap_err().field;
    assert_eq!(of("abc123.0123456789abcdef"), "it is no JSON");
    assert_eq!(
        of(&text.expose().replace("\"version\":1", "\"version\":2")),
        "version"
    );
    assert_eq!(of(&text.expose().replace("blue\",", "green\",")), "cluster");
    assert_eq!(of(&text.expose().replace("abcdef0\"", "abcdef1\"")), "instanceId");
    assert_eq!(of(&text.expose().replace("abc123.", "abc123-")), "token");
    for other in ["soon", "08:15:01Z", "07:59:59Z"] {
        assert_eq!(of(&text.expose().replace("08:15:00Z", other)), "expiresAt");
    }
    let error = Document::read("abc123.0123456789abcdef", &blue, &instance).unwrap_err();
    assert!(!error.to_string().contains("0123456789abcdef\""), "{error}");
    assert_eq!(format!("{text:?}"), "Rendered(redacted)");
}

#[test]
fn an_endpoint_is_a_host_and_a_port() {
    for (url, expected) in [
        ("https://10.0.0.1:6443", "10.0.0.1:6443"),
        ("https://api.example.org", "api.example.org:443"),
        ("https://api.example.org/", "api.example.org:443"),
        ("https://[fd00::1]:6443", "[fd00::1]:6443"),
        ("https://[fd00::1]", "[fd00::1]:443"),
    ] {
        assert_eq!(Endpoint::of_url(url).unwrap().as_str(), expected);
    }
    for other in [
        "http://a:1",
        "https://",
        "https://a:b",
        "https://a/path",
        "https://a:0",
        "https://a:+1",
        "https://a b",
        "https://u@a",
    ] {
        assert!(Endpoint::of_url(other).is_err(), "{other}");
    }
    assert!(Endpoint::parse("10.0.0.1").is_err() && Endpoint::parse("a:70000").is_err());
}
