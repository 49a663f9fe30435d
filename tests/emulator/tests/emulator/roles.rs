//! What happens in the name of a role needs that role's permission.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use emulator::{Client, Tools};
use reqwest::Method;
use serde_json::{Value, json};

const QUEUE: &str = "arn:aws:sqs:eu-central-1:111122223333:work";
const FUNCTION: &str = "arn:aws:lambda:eu-central-1:111122223333:function:";

/// A custom runtime: prints what it is asked and answers with its environment.
const BOOTSTRAP: &str = r#"
import json, os, urllib.request
api = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"
while True:
    event = urllib.request.urlopen(f"{api}/next")
    print("asked", event.read().decode(), flush=True)
    request = event.headers["Lambda-Runtime-Aws-Request-Id"]
    answer = json.dumps(dict(os.environ)).encode()
    urllib.request.urlopen(urllib.request.Request(f"{api}/{request}/response", data=answer, method="POST"))
"#;

/// The bootstrap as Lambda takes it.
fn package(directory: &Path) -> String {
    let python = Tools::ensure(&|_| ()).unwrap().python();
    let bootstrap = directory.join("bootstrap");
    std::fs::write(&bootstrap, format!("#!{}{BOOTSTRAP}", python.display())).unwrap();
    std::fs::set_permissions(&bootstrap, std::fs::Permissions::from_mode(0o755)).unwrap();
    let zipped = Command::new(python)
        .args(["-m", "zipfile", "-c", "function.zip", "bootstrap"])
        .current_dir(directory)
        .status()
        .unwrap();
    assert!(zipped.success());
    STANDARD.encode(std::fs::read(directory.join("function.zip")).unwrap())
}

fn allow(actions: &[&str]) -> Value {
    json!([{ "Effect": "Allow", "Action": actions, "Resource": "*" }])
}

async fn function(admin: &Client, name: &str, zip: &str, actions: &[&str]) {
    crate::common::role(admin, name, allow(actions)).await;
    let function = json!({
        "FunctionName": name,
        "Role": format!("arn:aws:iam::111122223333:role/{name}"),
        "Runtime": "provided.al2023",
        "Handler": "bootstrap",
        "Architectures": ["arm64"],
        "Code": { "ZipFile": zip },
    });
    admin
        .rest("lambda", Method::POST, "/2015-03-31/functions", Some(&function))
        .await
        .unwrap();
}

async fn invoke(admin: &Client, name: &str) -> Value {
    let path = format!("/2015-03-31/functions/{name}/invocations");
    admin
        .rest("lambda", Method::POST, &path, Some(&json!({ "by": "hand" })))
        .await
        .unwrap()
}

/// Every line that the function logged, or why there is none.
async fn logged(admin: &Client, name: &str) -> String {
    let group = json!({ "logGroupName": format!("/aws/lambda/{name}") });
    match admin.json("logs", "Logs_20140328.FilterLogEvents", &group).await {
        Ok(found) => found["events"].to_string(),
        Err(error) => format!("{error:#}"),
    }
}

/// Waits until `met` holds, for 20 s.
async fn eventually<F: Future<Output = bool>>(what: &str, mut met: impl FnMut() -> F) {
    for _ in 0..200 {
        if met().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{what} did not happen in 20 s");
}

#[tokio::test]
async fn what_a_role_lacks_is_refused_and_named() {
    let (emulator, ports) = crate::common::start(15_360).await;
    let admin = emulator.client().unwrap();
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("roles");
    std::fs::create_dir_all(&directory).unwrap();
    let zip = package(&directory);
    let logs = ["logs:CreateLogStream", "logs:PutLogEvents"];
    let queue = [
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
    ];

    // A function has its role's session and the endpoints of the world.
    function(&admin, "full", &zip, &[&logs[..], &queue].concat()).await;
    let environment = invoke(&admin, "full").await;
    assert_eq!(environment["AWS_ENDPOINT_URL"], emulator.endpoint());
    assert_eq!(
        environment["AWS_ENDPOINT_URL_AUTO_SCALING"],
        base::Ports::http(ports.autoscaling())
    );
    assert_eq!(
        environment["AWS_ENDPOINT_URL_EKS"],
        base::Ports::http(ports.eks())
    );
    let text = |name: &str| environment[name].as_str().unwrap().to_owned();
    let session = base::Credentials {
        access_key_id: text("AWS_ACCESS_KEY_ID"),
        secret_access_key: text("AWS_SECRET_ACCESS_KEY"),
        session_token: Some(text("AWS_SESSION_TOKEN")),
    };
    let function_client = Client::new(emulator.endpoint(), session).unwrap();
    let none: [(&str, &str); 0] = [];
    let identity = function_client
        .query("sts", "2011-06-15", "GetCallerIdentity", none)
        .await
        .unwrap();
    assert_eq!(
        identity.text_at("GetCallerIdentityResult/Arn").as_deref(),
        Some("arn:aws:sts::111122223333:assumed-role/full/full")
    );
    let error = function_client
        .json("sqs", "AmazonSQS.ListQueues", &json!({}))
        .await
        .unwrap_err();
    assert!(
        format!("{error:#}").contains("is not authorized to perform: sqs:ListQueues"),
        "{error:#}"
    );

    // Log lines.
    assert!(
        logged(&admin, "full")
            .await
            .contains(r#"asked {\"by\": \"hand\"}"#)
    );
    assert!(logged(&admin, "full").await.contains("\\tInit Duration: "));
    function(&admin, "mute", &zip, &logs[..1]).await;
    invoke(&admin, "mute").await;
    assert!(logged(&admin, "mute").await.contains("ResourceNotFoundException"));
    let log = directory.with_file_name("emulator-15360").join("logs/aws.log");
    let says = |words: &str| std::fs::read_to_string(&log).unwrap().contains(words);
    assert!(says("function mute: log lines lost") && says("not authorized to perform: logs:PutLogEvents"));

    // The queue: at creation, and for as long as the mapping lives.
    admin
        .json("sqs", "AmazonSQS.CreateQueue", &json!({ "QueueName": "work" }))
        .await
        .unwrap();
    function(&admin, "deaf", &zip, &queue[..2]).await;
    let mapping = |name: &str| json!({ "FunctionName": name, "EventSourceArn": QUEUE, "BatchSize": 1 });
    let mappings = "/2015-03-31/event-source-mappings";
    let error = admin
        .rest("lambda", Method::POST, mappings, Some(&mapping("deaf")))
        .await
        .unwrap_err();
    assert!(
        format!("{error:#}").contains("does not have permissions to call GetQueueAttributes on SQS"),
        "{error:#}"
    );
    let created = admin
        .rest("lambda", Method::POST, mappings, Some(&mapping("full")))
        .await
        .unwrap();
    let send =
        json!({ "QueueUrl": format!("{}/111122223333/work", emulator.endpoint()), "MessageBody": "first" });
    admin.json("sqs", "AmazonSQS.SendMessage", &send).await.unwrap();
    eventually("the first message", || async {
        logged(&admin, "full").await.contains("first")
    })
    .await;
    let without = [
        ("RoleName", "full".to_owned()),
        ("PolicyName", "only".to_owned()),
        (
            "PolicyDocument",
            json!({ "Statement": allow(&[&logs[..], &queue[1..]].concat()) }).to_string(),
        ),
    ];
    admin
        .query("iam", "2010-05-08", "PutRolePolicy", without)
        .await
        .unwrap();
    let path = format!("{mappings}/{}", created["UUID"].as_str().unwrap());
    eventually("the end of polling", || async {
        let state = admin.rest("lambda", Method::GET, &path, None).await.unwrap();
        state["LastProcessingResult"]
            .to_string()
            .contains("not authorized to perform: sqs:ReceiveMessage")
    })
    .await;

    // Schedules, at a time that has passed: they start at the next sweep.
    for (name, actions) in [("may", ["lambda:InvokeFunction"]), ("may-not", ["s3:GetObject"])] {
        crate::common::role(&admin, name, allow(&actions)).await;
        let schedule = json!({
            "ScheduleExpression": "at(2024-01-01T00:00:00)",
            "FlexibleTimeWindow": { "Mode": "OFF" },
            "Target": {
                "Arn": format!("{FUNCTION}full"),
                "RoleArn": format!("arn:aws:iam::111122223333:role/{name}"),
                "Input": json!({ "tick": name }).to_string(),
            },
        });
        admin
            .rest(
                "scheduler",
                Method::POST,
                &format!("/schedules/{name}"),
                Some(&schedule),
            )
            .await
            .unwrap();
    }
    eventually("the tick", || async {
        logged(&admin, "full").await.contains(r#"{\"tick\": \"may\"}"#)
    })
    .await;
    eventually("the refusal of the other tick", || async {
        says("schedule/default/may-not not started")
    })
    .await;
    assert!(!logged(&admin, "full").await.contains("may-not"));
    emulator.stop().await;
}
