//! The relay against the real emulator: rules, queues, policies and functions as a deployed stack has them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test says what went wrong by panicking, and lives by the machine's clock"
)]

use std::time::Duration;

use base::{Ports, aws, paths};
use emulator::{Client, Emulator, Tools};
use jiff::Timestamp;
use relay::{Faults, Relay, Settings, SpotAction, Step};
use reqwest::Method;
use serde_json::{Value, json};

/// Below the ports of worlds that people start, and one world's ports for each test.
const FIRST_PORT: u16 = 15_400;

const DETAIL_TYPE: &str = "EC2 Spot Instance Interruption Warning";

struct Fixture {
    _emulator: Emulator,
    client: Client,
    relay: Relay,
}

impl Fixture {
    async fn start(test: u16) -> Self {
        let ports = Ports::new(FIRST_PORT + test * base::ports::SPAN);
        let directory = paths::checkout().join(format!("target/relay-tests/{test}"));
        let tools = tokio::task::spawn_blocking(|| Tools::ensure(&|_line| ()))
            .await
            .unwrap()
            .unwrap();
        let settings = emulator::Settings {
            ports,
            data: directory.join("data"),
            logs: directory.clone(),
            functions_env: Vec::new(),
        };
        let emulator = Emulator::start(&tools, &settings).await.unwrap();
        let relay = Relay::start(Settings {
            endpoint: emulator.endpoint().to_owned(),
            credentials: emulator.admin().clone(),
            region: aws::REGION.to_owned(),
            account: aws::ACCOUNT.to_owned(),
            seed: 7,
            log: None,
        })
        .unwrap();
        Self {
            client: emulator.client().unwrap(),
            relay,
            _emulator: emulator,
        }
    }

    fn queue_arn(name: &str) -> String {
        format!("arn:aws:sqs:{}:{}:{name}", aws::REGION, aws::ACCOUNT)
    }

    fn rule_arn(name: &str) -> String {
        format!("arn:aws:events:{}:{}:rule/{name}", aws::REGION, aws::ACCOUNT)
    }

    /// A queue that `rule`, if there is one, may send to.
    async fn queue(&self, name: &str, rule: Option<&str>) {
        let mut attributes = json!({});
        if let Some(rule) = rule {
            let policy = json!({"Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
                "Resource": Self::queue_arn(name), "Condition": {"ArnEquals": {"aws:SourceArn": Self::rule_arn(rule)}},
            }]});
            attributes["Policy"] = json!(policy.to_string());
        }
        self.sqs(
            "CreateQueue",
            json!({"QueueName": name, "Attributes": attributes}),
        )
        .await;
    }

    /// A rule for spot interruptions with one target.
    async fn rule(&self, name: &str, state: &str, target: Value) {
        let pattern = json!({"source": ["aws.ec2"], "detail-type": [DETAIL_TYPE]}).to_string();
        let rule = json!({"Name": name, "EventPattern": pattern, "State": state});
        self.client
            .json("events", "AWSEvents.PutRule", &rule)
            .await
            .unwrap();
        let targets = json!({"Rule": name, "Targets": [target]});
        self.client
            .json("events", "AWSEvents.PutTargets", &targets)
            .await
            .unwrap();
    }

    async fn sqs(&self, operation: &str, input: Value) -> Value {
        self.client
            .json("sqs", &format!("AmazonSQS.{operation}"), &input)
            .await
            .unwrap()
    }

    /// Everything in a queue.
    async fn messages(&self, queue: &str) -> Vec<Value> {
        let url = format!("{}/{}/{queue}", self.client.endpoint(), aws::ACCOUNT);
        let input = json!({"QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]});
        self.sqs("ReceiveMessage", input).await["Messages"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    }

    fn spot(&self, instance: &str) -> Value {
        self.relay.origin().spot_interruption(
            instance,
            "eu-central-1a",
            SpotAction::Terminate,
            Timestamp::now(),
        )
    }

    async fn emit(&self, event: Value) -> Vec<Step> {
        let before = self.relay.journal().len();
        self.relay.emit(event);
        self.relay.settled().await;
        self.relay
            .journal()
            .into_iter()
            .skip(before)
            .map(|entry| entry.step)
            .collect()
    }
}

#[tokio::test]
async fn an_event_reaches_the_queue_of_the_enabled_rule_that_it_matches_whole_and_once() {
    let it = Fixture::start(0).await;
    it.queue("q", Some("spot")).await;
    it.queue("off", Some("disabled")).await;
    it.rule(
        "spot",
        "ENABLED",
        json!({"Id": "q", "Arn": Fixture::queue_arn("q")}),
    )
    .await;
    it.rule(
        "disabled",
        "DISABLED",
        json!({"Id": "q", "Arn": Fixture::queue_arn("off")}),
    )
    .await;

    let event = it.spot("i-0a");
    let steps = it.emit(event.clone()).await;
    let delivered = Step::Delivered {
        rule: Fixture::rule_arn("spot"),
        target: Fixture::queue_arn("q"),
    };
    assert_eq!(steps, [Step::Emitted { copies: 1 }, delivered]);
    let messages = it.messages("q").await;
    let bodies: Vec<Value> = messages
        .iter()
        .map(|message| serde_json::from_str(message["Body"].as_str().unwrap()).unwrap())
        .collect();
    assert_eq!(bodies, [event]);
    assert_eq!(it.messages("off").await, Vec::<Value>::new());

    let other = it
        .relay
        .origin()
        .rebalance_recommendation("i-0a", Timestamp::now());
    assert_eq!(
        it.emit(other).await,
        [Step::Emitted { copies: 1 }, Step::Unmatched]
    );
}

#[tokio::test]
async fn an_event_that_the_queue_policy_keeps_out_goes_to_the_dead_letter_queue_with_the_reason() {
    let it = Fixture::start(1).await;
    it.queue("q", Some("another-rule")).await;
    it.queue("lost", Some("spot")).await;
    let target = json!({"Id": "q", "Arn": Fixture::queue_arn("q"), "DeadLetterConfig": {"Arn": Fixture::queue_arn("lost")}});
    it.rule("spot", "ENABLED", target).await;

    let steps = it.emit(it.spot("i-0a")).await;
    let reason = format!(
        "NO_PERMISSIONS: the policy of {} does not allow sqs:SendMessage to {}",
        Fixture::queue_arn("q"),
        Fixture::rule_arn("spot")
    );
    let (rule, target) = (Fixture::rule_arn("spot"), Fixture::queue_arn("q"));
    assert_eq!(
        steps[1],
        Step::DeadLettered {
            rule: rule.clone(),
            target,
            reason
        }
    );
    assert_eq!(it.messages("q").await, Vec::<Value>::new());
    let dead = it.messages("lost").await;
    assert_eq!(
        dead[0]["MessageAttributes"]["RULE_ARN"]["StringValue"],
        rule.as_str()
    );
    assert_eq!(
        dead[0]["MessageAttributes"]["ERROR_CODE"]["StringValue"],
        "NO_PERMISSIONS"
    );
}

#[tokio::test]
async fn faults_lose_and_repeat_events_of_the_chosen_instance_only_and_a_storm_keeps_its_order() {
    let it = Fixture::start(2).await;
    it.queue("q", Some("spot")).await;
    it.rule(
        "spot",
        "ENABLED",
        json!({"Id": "q", "Arn": Fixture::queue_arn("q")}),
    )
    .await;

    it.relay.set_faults(Faults {
        instance: Some("i-0a".into()),
        ..Faults::lose_everything()
    });
    assert_eq!(it.emit(it.spot("i-0a")).await, [Step::Emitted { copies: 0 }]);
    assert_eq!(it.emit(it.spot("i-0b")).await.len(), 2);
    it.relay.set_faults(Faults {
        duplicate: 1,
        delay_ms: 50,
        ..Faults::default()
    });
    it.emit(it.spot("i-0c")).await;
    assert_eq!(it.messages("q").await.len(), 3, "one of i-0b, two of i-0c");

    it.relay.set_faults(Faults {
        delay_ms: 20,
        ..Faults::default()
    });
    let before = it.relay.journal().len();
    for number in 0..100 {
        it.relay.emit(it.spot(&format!("i-{number:03}")));
    }
    it.relay.settled().await;
    let delivered = it.relay.journal().into_iter().skip(before);
    let delivered = delivered
        .filter(|entry| matches!(entry.step, Step::Delivered { .. }))
        .filter_map(|entry| entry.instance);
    assert_eq!(
        delivered.collect::<Vec<_>>(),
        (0..100)
            .map(|number| format!("i-{number:03}"))
            .collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_function_is_invoked_with_the_event_only_if_its_policy_lets_the_rule() {
    let it = Fixture::start(3).await;
    let function = format!("arn:aws:lambda:{}:{}:function:echo", aws::REGION, aws::ACCOUNT);
    let template = json!({"Resources": {
        "Role": {"Type": "AWS::IAM::Role", "Properties": {
            "RoleName": "echo",
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
            ]},
            "Policies": [{"PolicyName": "logs", "PolicyDocument": {"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"},
            ]}}],
        }},
        "Echo": {"Type": "AWS::Lambda::Function", "Properties": {
            "FunctionName": "echo", "Runtime": "python3.12", "Handler": "index.handler", "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "Code": {"ZipFile": "def handler(event, context):\n    print(event['id'])\n"},
        }},
    }});
    let parameters = [
        ("StackName", "echo"),
        ("TemplateBody", &template.to_string()),
        ("Capabilities.member.1", "CAPABILITY_NAMED_IAM"),
    ];
    it.client
        .query("cloudformation", "2010-05-15", "CreateStack", parameters)
        .await
        .unwrap();
    until("the function is there", async || {
        it.client
            .rest("lambda", Method::GET, "/2015-03-31/functions/echo", None)
            .await
            .is_ok()
    })
    .await;
    it.rule("spot", "ENABLED", json!({"Id": "f", "Arn": function}))
        .await;

    let steps = it.emit(it.spot("i-0a")).await;
    let Step::Failed { reason } = &steps[1] else {
        panic!("{steps:?}")
    };
    assert!(
        reason.contains(&format!("NO_PERMISSIONS: the policy of {function}")),
        "{reason}"
    );

    let permission = json!({
        "StatementId": "spot", "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com",
        "SourceArn": Fixture::rule_arn("spot"),
    });
    let path = "/2015-03-31/functions/echo/policy";
    it.client
        .rest("lambda", Method::POST, path, Some(&permission))
        .await
        .unwrap();
    let event = it.spot("i-0a");
    let id = event["id"].as_str().unwrap().to_owned();
    let steps = it.emit(event).await;
    assert_eq!(
        steps[1],
        Step::Delivered {
            rule: Fixture::rule_arn("spot"),
            target: function
        }
    );
    until("the function has printed the id of the event", async || {
        let query = json!({"logGroupName": "/aws/lambda/echo"});
        let found = it
            .client
            .json("logs", "Logs_20140328.FilterLogEvents", &query)
            .await;
        found.is_ok_and(|found| found["events"].to_string().contains(&id))
    })
    .await;
}

async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    for _ in 0..200 {
        if done().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not after 10 s: {what}");
}
