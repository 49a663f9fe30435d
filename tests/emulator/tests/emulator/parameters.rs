//! Parameters that one instance may read and no other: cases 7 and 8 of the join, with policies as the template has
//! them, judged by the emulator's IAM and what the launcher adds to it.

use std::collections::BTreeMap;

use autoscaling::fleet::{Fleet, LaunchRequest};
use base::{Credentials, aws};
use emulator::client::Refused;
use emulator::{Client, Emulator, EmulatorFleet};
use serde_json::{Value, json};

const NODE: &str = "node";

struct Scene {
    emulator: Emulator,
    admin: Client,
    key: String,
}

impl Scene {
    async fn set(base: u16) -> Self {
        let (emulator, _) = crate::common::start(base).await;
        let admin = emulator.client().unwrap();
        let key = admin
            .json("kms", "TrentService.CreateKey", &json!({}))
            .await
            .unwrap();
        let key = key["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
        Self { emulator, admin, key }
    }

    async fn node_role(&self, statements: Value) {
        let trust = json!({ "Statement": [
            { "Effect": "Allow", "Principal": { "Service": "ec2.amazonaws.com" }, "Action": "sts:AssumeRole" },
            { "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": "sts:AssumeRole" },
        ]});
        crate::common::create_role(&self.admin, NODE, &trust, statements).await;
    }

    async fn launch(&self) -> String {
        let request = LaunchRequest {
            image_id: "ami-0123456789abcdef0".to_owned(),
            instance_type: "m7g.large".to_owned(),
            availability_zone: "eu-central-1a".to_owned(),
            tags: BTreeMap::new(),
            ..LaunchRequest::default()
        };
        let fleet = EmulatorFleet::new(self.admin.clone());
        fleet.launch(request).await.unwrap().instance_id
    }

    /// What `instance` does with the credentials of its metadata.
    async fn machine(&self, instance: &str) -> Client {
        let session = self
            .emulator
            .instance_sessions()
            .take(instance, NODE)
            .await
            .unwrap();
        self.client(session.credentials)
    }

    fn client(&self, credentials: Credentials) -> Client {
        Client::new(self.emulator.endpoint(), credentials).unwrap()
    }

    /// Leaves a document for `instance`, as node-join does.
    async fn put(&self, client: &Client, instance: &str) -> anyhow::Result<Value> {
        let request = json!({
            "Name": name(instance), "Value": "secret", "Type": "SecureString", "KeyId": self.key, "Tier": "Standard",
            "Tags": [{ "Key": "InstanceArn", "Value": arn("ec2", &format!("instance/{instance}")) }],
        });
        client.json("ssm", "AmazonSSM.PutParameter", &request).await
    }
}

fn name(instance: &str) -> String {
    format!("/lamplighter/demo/join/{instance}")
}

fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{}:{}:{resource}", aws::REGION, aws::ACCOUNT)
}

async fn ssm(client: &Client, action: &str, request: Value) -> anyhow::Result<Value> {
    client.json("ssm", &format!("AmazonSSM.{action}"), &request).await
}

/// The words of a refusal; panics when it is none.
fn refused(answer: anyhow::Result<Value>) -> String {
    let error = answer.unwrap_err();
    assert!(Refused::is(&error, "AccessDeniedException"), "{error:#}");
    format!("{error:#}")
}

/// What the template attaches to machines, and beside it what `AmazonSSMManagedInstanceCore` and worse give them.
fn policies(key: &str) -> Value {
    let own = json!({ "aws:ResourceTag/InstanceArn": "${ec2:SourceInstanceARN}" });
    let parameters = arn("ssm", "parameter/lamplighter/demo/join/*");
    let paths: Vec<String> = [
        "/",
        "/lamplighter",
        "/lamplighter/demo",
        "/lamplighter/demo/join",
        "/lamplighter/demo/join/*",
    ]
    .map(|path| arn("ssm", &format!("parameter{path}")))
    .to_vec();
    let taken = [
        "ssm:GetParameter",
        "ssm:GetParameters",
        "ssm:DeleteParameter",
        "ssm:DeleteParameters",
    ];
    json!([
        { "Effect": "Allow", "Action": ["ssm:*", "kms:ListKeys"], "Resource": "*" },
        { "Effect": "Allow", "Action": ["ssm:GetParameter", "ssm:DeleteParameter"], "Resource": parameters,
          "Condition": { "StringEquals": own } },
        { "Effect": "Allow", "Action": "kms:Decrypt", "Resource": key,
          "Condition": { "StringEquals": { "kms:ViaService": format!("ssm.{}.amazonaws.com", aws::REGION) },
                         "ArnLike": { "kms:EncryptionContext:PARAMETER_ARN": parameters } } },
        { "Effect": "Deny", "Action": taken, "Resource": parameters, "Condition": { "StringNotEquals": own } },
        { "Effect": "Deny", "Action": taken, "Resource": parameters, "Condition": { "Null": { "ec2:SourceInstanceARN": "true" } } },
        { "Effect": "Deny", "Action": "ssm:GetParameterHistory", "Resource": parameters },
        { "Effect": "Deny", "Action": "ssm:GetParametersByPath", "Resource": paths },
    ])
}

#[tokio::test]
async fn a_parameter_is_for_the_instance_in_its_tag_alone_whatever_else_the_role_may() {
    let scene = Scene::set(15_600).await;
    scene.node_role(policies(&scene.key)).await;
    let (one, other) = (scene.launch().await, scene.launch().await);
    scene.put(&scene.admin, &one).await.unwrap();

    let machine = scene.machine(&one).await;
    let question = json!({ "Name": name(&one), "WithDecryption": true });
    let answer = ssm(&machine, "GetParameter", question.clone()).await.unwrap();
    assert_eq!(answer["Parameter"]["Value"], "secret");

    // Case 7: the role is the same, the instance is not.
    let neighbour = scene.machine(&other).await;
    let whole = arn("ssm", &format!("parameter{}", name(&one)));
    for (action, request) in [
        ("GetParameter", question.clone()),
        ("GetParameter", json!({ "Name": whole, "WithDecryption": true })),
        (
            "GetParameter",
            json!({ "Name": format!("{}:1", name(&one)), "WithDecryption": true }),
        ),
        (
            "GetParameters",
            json!({ "Names": [name(&one)], "WithDecryption": true }),
        ),
        (
            "GetParameters",
            json!({ "Names": ["/something/else", name(&one)], "WithDecryption": true }),
        ),
        (
            "GetParameterHistory",
            json!({ "Name": name(&one), "WithDecryption": true }),
        ),
        (
            "GetParametersByPath",
            json!({ "Path": "/lamplighter/demo/join", "Recursive": true }),
        ),
        (
            "GetParametersByPath",
            json!({ "Path": "/lamplighter/demo/join/", "Recursive": true }),
        ),
        (
            "GetParametersByPath",
            json!({ "Path": "/", "Recursive": true, "WithDecryption": true }),
        ),
        ("DeleteParameter", json!({ "Name": name(&one) })),
        ("DeleteParameters", json!({ "Names": [name(&one)] })),
    ] {
        let words = refused(ssm(&neighbour, action, request.clone()).await);
        assert!(words.contains("explicit deny"), "{action} {request}: {words}");
    }
    // Nor does the machine itself see more than that one value.
    refused(ssm(&machine, "GetParameterHistory", json!({ "Name": name(&one) })).await);
    // What is not there yet looks the same as what is somebody else's: case 51.
    refused(ssm(&neighbour, "GetParameter", json!({ "Name": name(&other) })).await);

    // Case 8: the same role, taken on by a person under the instance's name.
    let credentials = crate::common::take(&scene.admin, NODE, &one).await;
    refused(ssm(&scene.client(credentials), "GetParameter", question.clone()).await);

    ssm(&machine, "DeleteParameter", json!({ "Name": name(&one) }))
        .await
        .unwrap();
    scene.emulator.stop().await;
}

#[tokio::test]
async fn a_secure_string_is_used_with_the_callers_own_permission_on_its_key() {
    let scene = Scene::set(15_620).await;
    let all_of_ssm = json!({ "Effect": "Allow", "Action": "ssm:*", "Resource": "*" });
    let on_key = |action: &str| json!({ "Effect": "Allow", "Action": action, "Resource": scene.key });

    // Writing: without the key, without the tags, with both.
    let writer = crate::common::role(&scene.admin, "no-key", json!([all_of_ssm])).await;
    let words = refused(scene.put(&scene.client(writer), "i-1").await);
    assert!(
        words.contains("kms:Encrypt") && words.contains(&scene.key),
        "{words}"
    );
    let put_only = json!({ "Effect": "Allow", "Action": "ssm:PutParameter", "Resource": "*" });
    let writer = crate::common::role(&scene.admin, "no-tags", json!([put_only, on_key("kms:Encrypt")])).await;
    let words = refused(scene.put(&scene.client(writer), "i-1").await);
    assert!(words.contains("ssm:AddTagsToResource"), "{words}");
    let writer =
        crate::common::role(&scene.admin, "writer", json!([all_of_ssm, on_key("kms:Encrypt")])).await;
    let writer = scene.client(writer);
    scene.put(&writer, "i-1").await.unwrap();
    let again = scene.put(&writer, "i-1").await.unwrap_err();
    assert!(Refused::is(&again, "ParameterAlreadyExists"), "{again:#}");

    // Reading: the ciphertext needs no key, the value does.
    for (action, request, pointer) in [
        ("GetParameter", json!({ "Name": name("i-1") }), "/Parameter/Value"),
        (
            "GetParameters",
            json!({ "Names": [name("i-1")] }),
            "/Parameters/0/Value",
        ),
        (
            "GetParametersByPath",
            json!({ "Path": "/lamplighter", "Recursive": true }),
            "/Parameters/0/Value",
        ),
        (
            "GetParameterHistory",
            json!({ "Name": name("i-1") }),
            "/Parameters/0/Value",
        ),
    ] {
        let sealed = ssm(&writer, action, request.clone()).await.unwrap();
        assert_ne!(sealed.pointer(pointer).unwrap(), "secret", "{action}");
        let mut open = request;
        open["WithDecryption"] = json!(true);
        let words = refused(ssm(&writer, action, open).await);
        assert!(
            words.contains("kms:Decrypt") && words.contains(&scene.key),
            "{action}: {words}"
        );
    }
    scene.emulator.stop().await;
}
