//! The real `sam build` and `sam deploy` against the emulator, with the release binary.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

use std::path::PathBuf;
use std::time::Duration;

use base::{Ports, paths};
use deploy::{Account, Architecture, Outputs, RolePolicy, Stack};
use emulator::{Client, Emulator, Settings, Tools};
use reqwest::Method;
use serde_json::{Value, json};

/// After those of the relay's tests.
const FIRST_PORT: u16 = 15_480;

/// How the outputs of each function begin, and the name of its policy.
const FUNCTIONS: [(&str, &str); 5] = [
    ("NodeDrain", "node-drain"),
    ("NodeJoin", "node-join"),
    ("NodeLabel", "node-label"),
    ("OffHours", "off-hours"),
    ("ImageDeploy", "image-deploy"),
];

/// The subnets and the security group of the second deployment.
const SUBNETS: [&str; 2] = ["subnet-0a1b2c3d4e5f60718", "subnet-1a1b2c3d4e5f60718"];
const SECURITY_GROUP: &str = "sg-0a1b2c3d4e5f60718";

fn directory() -> PathBuf {
    paths::checkout().join("target/deploy-tests")
}

async fn start(tools: &Tools) -> Emulator {
    let settings = Settings {
        ports: Ports::new(FIRST_PORT),
        data: directory().join("data"),
        logs: directory(),
        functions_env: Vec::new(),
    };
    Emulator::start(tools, &settings).await.unwrap()
}

/// A second deployment with every optional parameter, so that each condition of the template has been both ways.
fn second() -> Stack {
    Stack::new("second")
        .parameter("DeploymentId", "second")
        .parameter("ClusterName", "kubeadm")
        .parameter("ClusterAccess", "kubeconfig")
        .parameter("KubeconfigParameter", "/second/kubeconfig")
        .parameter(
            "KubeconfigKeyArn",
            "arn:aws:kms:eu-central-1:111122223333:key/5d1a2b3c-0000-4000-a000-000000000000",
        )
        .parameter("SubnetIds", &SUBNETS.join(","))
        .parameter("SecurityGroupIds", SECURITY_GROUP)
        .parameter("AlarmTopicArn", "arn:aws:sns:eu-central-1:111122223333:people")
        .parameter(
            "JoinKeyArn",
            "arn:aws:kms:eu-central-1:111122223333:key/5d1a2b3c-0000-4000-a000-000000000001",
        )
        .parameter("JoinEndpoint", "api.example.com:6443")
        .parameter(
            "NodeInstanceProfileArns",
            "arn:aws:iam::111122223333:instance-profile/a,arn:aws:iam::111122223333:instance-profile/b",
        )
        .parameter("NodeLabels", "team=shop,tier=web")
        .parameter("CapacityTypeAliases", "eks.amazonaws.com/capacityType")
        .parameter("GateTaints", "*/agent-not-ready,example.com/warming")
        .parameter(
            "HoursSchedules",
            "office=Mon-Fri 08:00-20:00 Europe/Berlin; lab=down:Sat-Sun 00:00-24:00 UTC",
        )
        .parameter("HoursHolidays", "2026-12-25, 2026-12-28..2027-01-01")
        .parameter("HoursTimeZone", "Australia/Lord_Howe")
        .parameter("HoursWeekdays", "Mon-Fri")
        .parameter("HoursGraceSeconds", "0")
        .parameter("HoursPatienceSeconds", "60")
        .parameter("HoursManualChanges", "enforce")
        .parameter("WakeSchedule", "")
        .parameter("SleepSchedule", "cron(30 19 ? * MON-FRI *)")
        .parameter("PullSecret", "enabled")
        .parameter(
            "PullRegistries",
            "111122223333.dkr.ecr.eu-central-1.amazonaws.com",
        )
        .parameter("PullNamespaces", "shop, team-*")
        .parameter("PullSelector", "team=shop,!archived")
        .parameter("PullExclude", "team-test")
        .parameter("PullSecretName", "registry")
        .parameter("PullRepositories", "shop/*")
        .parameter("ImageRepositories", "shop/*")
        .parameter("ImageFreeze", "Fri 18:00-Mon 08:00, Wed-Wed 12:00-13:00")
        .parameter("ImageTimeZone", "Europe/Berlin")
        .parameter("ImageWeekdays", "Mon-Fri")
        .parameter("ImageRolloutTimeoutSeconds", "1200")
        .parameter("ImageSoakSeconds", "0")
        .parameter("ImageCooldownSeconds", "0")
        .parameter("ImageSweepMinutes", "10")
        .parameter("MaximumConcurrency", "7")
        .parameter("TickState", "DISABLED")
}

#[tokio::test]
async fn two_deployments_share_an_account_answer_their_own_queues_and_enter_their_subnets_only_if_permitted()
{
    let tools = tokio::task::spawn_blocking(|| Tools::ensure(&|_line| ()))
        .await
        .unwrap()
        .unwrap();
    let emulator = start(&tools).await;
    let account = Account::new(emulator.endpoint(), emulator.admin().clone()).unwrap();
    let built = deploy::build(&tools, Architecture::host(), &directory())
        .await
        .unwrap();

    let first = Stack::new("lamplighter").parameter("ClusterName", "blue");
    let one = deploy::deploy(&tools, &built, &first, &account).await.unwrap();
    let two = deploy::deploy(&tools, &built, &second(), &account).await.unwrap();
    let client = emulator.client().unwrap();
    for (function, _) in FUNCTIONS {
        for output in ["FunctionName", "RoleArn", "QueueUrl", "LogGroupName"] {
            let key = format!("{function}{output}");
            assert_ne!(one.get(&key).unwrap(), two.get(&key).unwrap(), "{key}");
        }
        for outputs in [&one, &two] {
            parks(&client, outputs, function, "not an event").await;
        }
    }
    for (function, policy) in FUNCTIONS {
        stays_out_of_its_subnets_without_the_permission(&client, &two, function, policy).await;
    }
    assert!(two.get("NodeJoinKeyArn").unwrap().ends_with("-000000000001"));
    let bucket = "OffHoursBucketName";
    assert_ne!(one.get(bucket).unwrap(), two.get(bucket).unwrap());
    let size = format!("/{}/off-hours/blue/group/workers", one.get(bucket).unwrap());
    client.s3(Method::PUT, &size, "{}").await.unwrap();

    let first = first.parameter("MaximumConcurrency", "9");
    let again = deploy::deploy(&tools, &built, &first, &account).await.unwrap();
    assert_eq!(again, one);
    parks(&client, &one, "NodeDrain", "after an update").await;

    let first = first
        .parameter("NodeJoin", "disabled")
        .parameter("OffHours", "disabled")
        .parameter("ImageDeploy", "disabled");
    let without = deploy::deploy(&tools, &built, &first, &account).await.unwrap();
    for function in ["NodeJoin", "OffHours", "ImageDeploy"] {
        assert!(without.get(&format!("{function}FunctionName")).is_err());
    }
    parks(&client, &without, "NodeLabel", "without the others").await;
    assert_eq!(
        client.s3(Method::GET, &size, "").await.unwrap(),
        "{}",
        "the bucket stays"
    );

    let nameless = Stack::new("third")
        .parameter("DeploymentId", "third")
        .parameter("ClusterName", "kubeadm");
    let nameless = nameless.parameter("ClusterAccess", "kubeconfig");
    let error = deploy::deploy(&tools, &built, &nameless, &account)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("ClusterAccess kubeconfig needs KubeconfigParameter"),
        "{error}"
    );
    emulator.stop().await;
}

/// Lambda refuses to attach a function to its subnets in the name of a role that lacks the statement for it, and names what is missing.
async fn stays_out_of_its_subnets_without_the_permission(
    client: &Client,
    outputs: &Outputs,
    function: &str,
    policy: &str,
) {
    let output = |name: &str| outputs.get(&format!("{function}{name}")).unwrap();
    let path = format!("/2015-03-31/functions/{}/configuration", output("FunctionName"));
    let subnets = json!({ "VpcConfig": { "SubnetIds": SUBNETS, "SecurityGroupIds": [SECURITY_GROUP] } });
    let attach = async || client.rest("lambda", Method::PUT, &path, Some(&subnets)).await;
    let policy = RolePolicy::of(output("RoleArn"), policy);

    let whole = policy.take_out(client, "AttachToVpc").await.unwrap();
    let error = format!("{:#}", attach().await.unwrap_err());
    assert!(
        error.contains("does not have permissions to call CreateNetworkInterface on EC2"),
        "{function}: {error}"
    );
    policy.put(client, &whole).await.unwrap();
    let attached = attach().await.unwrap();
    assert_eq!(attached["VpcConfig"]["SubnetIds"], json!(SUBNETS), "{function}");
}

/// A message that nobody can read shows that queue, mapping, function, role and dead-letter queue of a function fit together.
async fn parks(client: &Client, outputs: &Outputs, function: &str, body: &str) {
    let url = |output: &str| outputs.get(&format!("{function}{output}")).unwrap();
    let message = json!({"QueueUrl": url("QueueUrl"), "MessageBody": body});
    sqs(client, "SendMessage", &message).await;
    let parked = first_message(client, url("DeadLetterQueueUrl")).await;
    assert_eq!(parked, body, "{function}");
}

async fn sqs(client: &Client, operation: &str, input: &Value) -> Value {
    client
        .json("sqs", &format!("AmazonSQS.{operation}"), input)
        .await
        .unwrap()
}

/// The body of the first message that is not hidden, taken out of the queue.
async fn first_message(client: &Client, url: &str) -> String {
    for _ in 0..150 {
        let answer = sqs(client, "ReceiveMessage", &json!({"QueueUrl": url})).await;
        let message = &answer["Messages"][0];
        if let (Some(body), Some(receipt)) = (message["Body"].as_str(), message["ReceiptHandle"].as_str()) {
            sqs(
                client,
                "DeleteMessage",
                &json!({"QueueUrl": url, "ReceiptHandle": receipt}),
            )
            .await;
            return body.to_owned();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{url}: no message after 15 s");
}
