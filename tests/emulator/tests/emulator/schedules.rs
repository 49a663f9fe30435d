//! Schedules and buckets as a stack makes them.

use std::time::{Duration, Instant};

use emulator::client::Refused;
use emulator::{Client, Element};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use reqwest::Method;
use serde_json::{Value, json};

/// A stack takes a second or two here.
const LIMIT: Duration = Duration::from_secs(60);

/// A cron expression starts at the next full minute, which is up to a minute away, and the emulator looks every 10 s.
const MINUTE_LIMIT: Duration = Duration::from_secs(140);

const BUCKET: &str = "sizes-111122223333";

async fn cloudformation(
    client: &Client,
    action: &str,
    parameters: &[(&str, &str)],
) -> anyhow::Result<Element> {
    let parameters = parameters.iter().copied();
    client
        .query("cloudformation", "2010-05-15", action, parameters)
        .await
}

/// Calls `action` on the stack and returns its status as soon as that is final; `None` when there is no stack.
async fn stack(client: &Client, action: &str, template: &Value) -> Option<String> {
    let template = template.to_string();
    let mut parameters = vec![("StackName", "hours")];
    if action != "DeleteStack" {
        parameters.extend([
            ("TemplateBody", template.as_str()),
            ("Capabilities.member.1", "CAPABILITY_IAM"),
        ]);
    }
    cloudformation(client, action, &parameters).await.unwrap();
    let started = Instant::now();
    loop {
        let described = cloudformation(client, "DescribeStacks", &[("StackName", "hours")])
            .await
            .ok()?;
        let status = described
            .text_at("DescribeStacksResult/Stacks/member/StackStatus")
            .unwrap();
        if !status.ends_with("_IN_PROGRESS") {
            return Some(status);
        }
        assert!(started.elapsed() < LIMIT, "the stack is {status} after {LIMIT:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// As SAM's `ScheduleV2` makes it, with a queue in the place of the function.
fn schedule(expression: &str, zone: &str, input: &str) -> Value {
    json!({ "Type": "AWS::Scheduler::Schedule", "Properties": {
        "ScheduleExpression": expression,
        "ScheduleExpressionTimezone": zone,
        "FlexibleTimeWindow": { "Mode": "OFF" },
        "Target": {
            "Arn": { "Fn::GetAtt": ["Queue", "Arn"] },
            "RoleArn": { "Fn::GetAtt": ["Role", "Arn"] },
            "Input": input,
        },
    }})
}

fn schedules(expression: &str) -> Value {
    let send = json!({ "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": { "Fn::GetAtt": ["Queue", "Arn"] } });
    let trust = json!({ "Effect": "Allow", "Principal": { "Service": "scheduler.amazonaws.com" }, "Action": "sts:AssumeRole" });
    json!({ "Resources": {
        "Queue": { "Type": "AWS::SQS::Queue", "Properties": { "QueueName": "hours" } },
        "Role": { "Type": "AWS::IAM::Role", "Properties": {
            "AssumeRolePolicyDocument": { "Statement": [trust] },
            "Policies": [{ "PolicyName": "send", "PolicyDocument": { "Statement": [send] } }],
        }},
        "There": schedule(expression, "Asia/Kathmandu", "{\"edge\":\"<aws.scheduler.scheduled-time>\"}"),
        "Here": schedule(expression, "UTC", "{\"edge\":\"utc\"}"),
    }})
}

#[tokio::test]
async fn a_schedule_of_a_stack_starts_at_the_local_time_of_its_zone() {
    let (emulator, _) = crate::common::start(15_900).await;
    let admin = emulator.client().unwrap();
    let never = schedules("cron(0 3 1 1 ? 2199)");
    assert_eq!(
        stack(&admin, "CreateStack", &never).await.as_deref(),
        Some("CREATE_COMPLETE")
    );
    // The full minute before this is to come after the update of the stack.
    let due = Timestamp::now() + 75.seconds();
    // Kathmandu is 5:45 ahead, all year.
    let local = (due + 345.minutes()).to_zoned(TimeZone::UTC);
    let expression = format!("cron({} {} ? * * *)", local.minute(), local.hour());
    let status = stack(&admin, "UpdateStack", &schedules(&expression)).await;
    assert_eq!(status.as_deref(), Some("UPDATE_COMPLETE"));

    let started = Instant::now();
    let queue =
        json!({ "QueueUrl": format!("{}/111122223333/hours", admin.endpoint()), "MaxNumberOfMessages": 10 });
    let body = loop {
        let answer = admin
            .json("sqs", "AmazonSQS.ReceiveMessage", &queue)
            .await
            .unwrap();
        if let Some(body) = answer["Messages"][0]["Body"].as_str() {
            break body.to_owned();
        }
        assert!(started.elapsed() < MINUTE_LIMIT, "nothing after {MINUTE_LIMIT:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let edge = due.strftime("%Y-%m-%dT%H:%M:00Z");
    assert_eq!(body, format!("{{\"edge\":\"{edge}\"}}"));

    let unreadable = stack(&admin, "UpdateStack", &schedules("cron(0 8 * * * *)")).await;
    assert_eq!(unreadable.as_deref(), Some("UPDATE_ROLLBACK_COMPLETE"));
    let nowhere = json!({
        "ScheduleExpression": "rate(1 minute)",
        "ScheduleExpressionTimezone": "Mars/Base",
        "FlexibleTimeWindow": { "Mode": "OFF" },
        "Target": { "Arn": "arn:aws:sqs:eu-central-1:111122223333:hours", "RoleArn": "arn:aws:iam::111122223333:role/r" },
    });
    let refused = admin
        .rest("scheduler", Method::POST, "/schedules/nowhere", Some(&nowhere))
        .await;
    assert!(Refused::is(&refused.unwrap_err(), "ValidationException"));
    emulator.stop().await;
}

fn bucket(properties: &Value) -> Value {
    let mut all = json!({ "BucketName": BUCKET, "VersioningConfiguration": { "Status": "Enabled" } });
    for (name, value) in properties.as_object().unwrap() {
        all[name] = value.clone();
    }
    json!({ "Resources": { "Sizes": { "Type": "AWS::S3::Bucket", "Properties": all } } })
}

#[tokio::test]
async fn a_bucket_of_a_stack_has_what_the_template_says_and_goes_only_when_it_is_empty() {
    let (emulator, _) = crate::common::start(15_980).await;
    let admin = emulator.client().unwrap();
    let properties = json!({
        "BucketEncryption": { "ServerSideEncryptionConfiguration": [
            { "ServerSideEncryptionByDefault": { "SSEAlgorithm": "AES256" }, "BucketKeyEnabled": true },
        ]},
        "PublicAccessBlockConfiguration": {
            "BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true,
        },
        "LifecycleConfiguration": { "Rules": [{
            "Id": "old versions", "Status": "Enabled", "NoncurrentVersionExpiration": { "NoncurrentDays": 30 },
            "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": 1 },
        }]},
    });
    let template = bucket(&properties);
    assert_eq!(
        stack(&admin, "CreateStack", &template).await.as_deref(),
        Some("CREATE_COMPLETE")
    );
    for (of, part) in [
        ("versioning", "<Status>Enabled</Status>"),
        ("encryption", "<SSEAlgorithm>AES256</SSEAlgorithm>"),
        ("encryption", "<BucketKeyEnabled>true</BucketKeyEnabled>"),
        (
            "publicAccessBlock",
            "<RestrictPublicBuckets>true</RestrictPublicBuckets>",
        ),
        ("lifecycle", "<NoncurrentDays>30</NoncurrentDays>"),
    ] {
        let answer = admin
            .s3(Method::GET, &format!("/{BUCKET}?{of}"), "")
            .await
            .unwrap();
        assert!(answer.contains(part), "{of}: {answer}");
    }
    let bare = bucket(&json!({}));
    assert_eq!(
        stack(&admin, "UpdateStack", &bare).await.as_deref(),
        Some("UPDATE_COMPLETE")
    );
    let error = admin
        .s3(Method::GET, &format!("/{BUCKET}?lifecycle"), "")
        .await
        .unwrap_err();
    assert!(Refused::is(&error, "NoSuchLifecycleConfiguration"), "{error:#}");

    admin.s3(Method::PUT, &format!("/{BUCKET}/a"), "1").await.unwrap();
    let status = stack(&admin, "DeleteStack", &bare).await;
    assert_eq!(status.as_deref(), Some("DELETE_FAILED"));
    admin.empty_bucket(BUCKET).await.unwrap();
    assert_eq!(stack(&admin, "DeleteStack", &bare).await, None);
    let gone = admin.s3(Method::GET, &format!("/{BUCKET}?versioning"), "").await;
    assert!(Refused::is(&gone.unwrap_err(), "NoSuchBucket"));
    emulator.stop().await;
}
