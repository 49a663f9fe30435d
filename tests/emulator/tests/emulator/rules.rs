//! Events of people's own sources on their way to a queue.

use std::time::Duration;

use emulator::Client;
use emulator::client::Refused;
use serde_json::{Value, json};

const RULE: &str = "arn:aws:events:eu-central-1:111122223333:rule/hours";

fn arn(queue: &str) -> String {
    format!("arn:aws:sqs:eu-central-1:111122223333:{queue}")
}

/// A queue that takes the events of this rule, or of nobody.
async fn queue(admin: &Client, name: &str, rule: Option<&str>) {
    let policy = rule.map(|rule| {
        let statement = json!({
            "Effect": "Allow",
            "Principal": { "Service": "events.amazonaws.com" },
            "Action": "sqs:SendMessage",
            "Resource": arn(name),
            "Condition": { "ArnEquals": { "aws:SourceArn": rule } },
        });
        json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
    });
    let attributes = policy.map_or_else(|| json!({}), |policy| json!({ "Policy": policy }));
    let queue = json!({ "QueueName": name, "Attributes": attributes });
    admin.json("sqs", "AmazonSQS.CreateQueue", &queue).await.unwrap();
}

/// The messages of a queue, which are delivered before `PutEvents` answers.
async fn messages(admin: &Client, name: &str) -> Vec<Value> {
    let url = format!("{}/111122223333/{name}", admin.endpoint());
    let ask = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"] });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let answer = admin.json("sqs", "AmazonSQS.ReceiveMessage", &ask).await.unwrap();
    answer["Messages"].as_array().cloned().unwrap_or_default()
}

async fn put(client: &Client, entries: Value) -> anyhow::Result<Value> {
    client
        .json("events", "AWSEvents.PutEvents", &json!({ "Entries": entries }))
        .await
}

fn wake(source: &str) -> Value {
    json!({ "Source": source, "DetailType": "Off Hours Wake", "Detail": "{\"scope\":\"all\"}" })
}

#[tokio::test]
async fn an_event_of_our_own_reaches_the_queues_that_let_its_rule_in() {
    let (emulator, _) = crate::common::start(15_860).await;
    let admin = emulator.client().unwrap();
    let events = async |operation: &str, input: Value| {
        let target = format!("AWSEvents.{operation}");
        admin.json("events", &target, &input).await.unwrap()
    };
    queue(&admin, "open", Some(RULE)).await;
    queue(&admin, "closed", None).await;
    queue(&admin, "dead", Some(RULE)).await;
    let pattern = json!({ "source": ["lamplighter.hours"] }).to_string();
    events("PutRule", json!({ "Name": "hours", "EventPattern": pattern })).await;
    let targets = json!([
        { "Id": "open", "Arn": arn("open") },
        { "Id": "closed", "Arn": arn("closed"), "DeadLetterConfig": { "Arn": arn("dead") } },
        { "Id": "none", "Arn": arn("none") },
    ]);
    events("PutTargets", json!({ "Rule": "hours", "Targets": targets })).await;

    let put = put(
        &admin,
        json!([wake("lamplighter.hours"), wake("lamplighter.other")]),
    )
    .await;
    assert_eq!(put.unwrap()["FailedEntryCount"], 0);
    let arrived = messages(&admin, "open").await;
    assert_eq!(arrived.len(), 1, "{arrived:?}");
    let event: Value = serde_json::from_str(arrived[0]["Body"].as_str().unwrap()).unwrap();
    assert_eq!(event["source"], "lamplighter.hours");
    assert_eq!(event["detail-type"], "Off Hours Wake");
    assert_eq!(event["detail"], json!({ "scope": "all" }));
    assert_eq!(messages(&admin, "closed").await, Vec::<Value>::new());
    let buried = messages(&admin, "dead").await;
    assert_eq!(buried.len(), 1, "{buried:?}");
    let attribute = |name: &str| buried[0]["MessageAttributes"][name]["StringValue"].clone();
    assert_eq!(attribute("ERROR_CODE"), "NO_PERMISSIONS");
    assert_eq!(attribute("TARGET_ARN"), arn("closed"));
    emulator.stop().await;
}

#[tokio::test]
async fn a_role_puts_only_the_events_of_its_source() {
    let (emulator, _) = crate::common::start(15_880).await;
    let admin = emulator.client().unwrap();
    let statements = json!([{
        "Effect": "Allow",
        "Action": "events:PutEvents",
        "Resource": "arn:aws:events:eu-central-1:111122223333:event-bus/default",
        "Condition": { "StringEquals": { "events:source": "lamplighter.hours" } },
    }]);
    let role = crate::common::role(&admin, "hours", statements).await;
    let role = Client::new(emulator.endpoint(), role).unwrap();
    let (own, foreign) = (wake("lamplighter.hours"), wake("lamplighter.other"));
    put(&role, json!([own, own])).await.unwrap();
    for entries in [json!([foreign]), json!([own, foreign])] {
        let error = put(&role, entries).await.unwrap_err();
        assert!(Refused::is(&error, "AccessDeniedException"), "{error:#}");
    }
    let impostor = put(&admin, json!([wake("aws.autoscaling")])).await.unwrap();
    assert_eq!(
        impostor["Entries"][0]["ErrorCode"],
        "NotAuthorizedForSourceException"
    );
    emulator.stop().await;
}
