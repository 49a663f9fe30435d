//! What is refused, and in which words.

use autoscaling::judge::{Asked, Judge, SignedRequest, Verdict};
use futures::future::BoxFuture;
use std::sync::{Arc, Mutex};

use aws_sdk_autoscaling::types::Tag;

use crate::support::{World, refusal, template};

/// A request in the protocol's own words, its answer's status and body.
async fn raw(world: &World, form: &str) -> (u16, String) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(world.server.address)
        .await
        .unwrap();
    let length = form.len();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n",
        world.server.address
    );
    let request = format!(
        "{head}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{form}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    text.split_once(before)
        .and_then(|(_, rest)| rest.split_once(after))
        .map(|(it, _)| it)
        .unwrap_or_default()
}

#[tokio::test]
async fn every_refusal_has_awss_code_and_words() {
    let world = World::new().await;
    world.group("here", 1, &[]).await;
    world.reach("here", &["InService"]).await;
    let violation = "1 validation error detected: Value";
    let rule = "failed to satisfy constraint: Member must";
    let id = world.first("here").await;
    let cases = [
        (
            "Action=Dance",
            "InvalidAction",
            "Could not find operation Dance for version 2011-01-01".to_owned(),
        ),
        (
            "Version=2011-01-01",
            "MissingAction",
            "The request is missing an action".to_owned(),
        ),
        (
            "Action=CreateAutoScalingGroup",
            "ValidationError",
            format!("{violation} null at 'autoScalingGroupName' {rule} not be null"),
        ),
        (
            "Action=CreateAutoScalingGroup&AutoScalingGroupName=x&MaxSize=1",
            "ValidationError",
            format!("{violation} null at 'minSize' {rule} not be null"),
        ),
        (
            "Action=CreateAutoScalingGroup&AutoScalingGroupName=x&MinSize=-1&MaxSize=1",
            "ValidationError",
            format!("{violation} '-1' at 'minSize' {rule} have value greater than or equal to 0"),
        ),
        (
            "Action=CreateAutoScalingGroup&AutoScalingGroupName=x&MinSize=0&MaxSize=1",
            "ValidationError",
            "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or"
                .to_owned(),
        ),
        (
            "Action=CreateAutoScalingGroup&AutoScalingGroupName=x&MinSize=0&MaxSize=1&LaunchConfigurationName=y",
            "ValidationError",
            "LaunchConfigurationName is not supported by this endpoint".to_owned(),
        ),
        (
            "Action=PutLifecycleHook&AutoScalingGroupName=here&LifecycleHookName=h&HeartbeatTimeout=29",
            "ValidationError",
            format!("{violation} '29' at 'heartbeatTimeout' {rule} have value greater than or equal to 30"),
        ),
        (
            "Action=PutLifecycleHook&AutoScalingGroupName=here&LifecycleHookName=h&HeartbeatTimeout=7201",
            "ValidationError",
            format!("{violation} '7201' at 'heartbeatTimeout' {rule} have value less than or equal to 7200"),
        ),
        (
            "Action=PutLifecycleHook&AutoScalingGroupName=here&LifecycleHookName=h&LifecycleTransition=x",
            "ValidationError",
            format!("{violation} 'x' at 'lifecycleTransition' {rule} satisfy enum value set"),
        ),
        (
            "Action=CompleteLifecycleAction&AutoScalingGroupName=here&LifecycleHookName=h&LifecycleActionToken=1",
            "ValidationError",
            format!(
                "{violation} '1' at 'lifecycleActionToken' {rule} have length greater than or equal to 36"
            ),
        ),
        (
            "Action=CompleteLifecycleAction&AutoScalingGroupName=here&LifecycleHookName=h\
             &LifecycleActionResult=CONTINUE",
            "ValidationError",
            "Either LifecycleActionToken or InstanceId must be specified".to_owned(),
        ),
        (
            "Action=CompleteLifecycleAction&AutoScalingGroupName=here&LifecycleHookName=h\
             &LifecycleActionResult=CONTINUE&InstanceId=i-1",
            "ValidationError",
            "No active Lifecycle Action found with instance ID i-1".to_owned(),
        ),
        (
            "Action=SetDesiredCapacity&AutoScalingGroupName=gone&DesiredCapacity=1",
            "ValidationError",
            "AutoScalingGroup name not found - AutoScalingGroup: gone not found".to_owned(),
        ),
        (
            "Action=SetDesiredCapacity&AutoScalingGroupName=here&DesiredCapacity=10",
            "ValidationError",
            "New SetDesiredCapacity value 10 is above max value 9 for the AutoScalingGroup.".to_owned(),
        ),
        (
            "Action=UpdateAutoScalingGroup&AutoScalingGroupName=here&MinSize=5&MaxSize=4",
            "ValidationError",
            "Max bound, 4, must be greater than or equal to min bound, 5".to_owned(),
        ),
        (
            "Action=UpdateAutoScalingGroup&AutoScalingGroupName=here&DesiredCapacity=11",
            "ValidationError",
            "Desired capacity:11 must be between the specified min size:0 and max size:9".to_owned(),
        ),
        (
            "Action=UpdateAutoScalingGroup&AutoScalingGroupName=here&AvailabilityZones=",
            "ValidationError",
            "At least one Availability Zone or VPC Subnet is required.".to_owned(),
        ),
        (
            "Action=TerminateInstanceInAutoScalingGroup&InstanceId=i-1&ShouldDecrementDesiredCapacity=false",
            "ValidationError",
            "Instance Id not found - No managed instance found for instance ID: i-1".to_owned(),
        ),
        (
            "Action=SetInstanceHealth&InstanceId=i-1&HealthStatus=Sick",
            "ValidationError",
            format!(
                "{violation} 'Sick' at 'healthStatus' {rule} satisfy enum value set: [Healthy, Unhealthy]"
            ),
        ),
        (
            "Action=SuspendProcesses&AutoScalingGroupName=here&ScalingProcesses.member.1=Dance",
            "ValidationError",
            "1 validation error detected: Dance is not a valid scaling process".to_owned(),
        ),
        (
            "Action=DescribeAutoScalingInstances&MaxRecords=51",
            "ValidationError",
            format!("{violation} '51' at 'maxRecords' {rule} have value less than or equal to 50"),
        ),
        (
            "Action=CreateOrUpdateTags&Tags.member.1.Key=aws:x&Tags.member.1.ResourceId=here",
            "ValidationError",
            "aws: prefixed tag key names are not allowed for external use.".to_owned(),
        ),
        (
            "Action=DeleteTags",
            "ValidationError",
            format!("{violation} null at 'tags' {rule} not be null"),
        ),
    ];
    for (form, code, words) in &cases {
        let (status, body) = raw(&world, form).await;
        assert_eq!(status, 400, "{form}: {body}");
        assert_eq!(between(&body, "<Type>", "</Type>"), "Sender", "{form}: {body}");
        assert_eq!(between(&body, "<Code>", "</Code>"), *code, "{form}: {body}");
        assert!(
            between(&body, "<Message>", "</Message>").starts_with(words),
            "{form}: {body}"
        );
        assert_eq!(
            between(&body, "<RequestId>", "</RequestId>").len(),
            36,
            "{form}: {body}"
        );
    }
    assert_eq!(world.first("here").await, id, "nothing was changed");
    assert_eq!(world.describe("here").await.unwrap().max_size, Some(9));
}

#[tokio::test]
async fn a_second_group_of_the_same_name_and_a_template_that_is_not_there_are_refused() {
    let world = World::new().await;
    world.group("nodes", 0, &[]).await;
    let create = || {
        world
            .client
            .create_auto_scaling_group()
            .auto_scaling_group_name("nodes")
            .min_size(0)
            .max_size(1)
    };
    let again = create()
        .availability_zones("eu-central-1a")
        .launch_template(template().build());
    let (code, message) = refusal(&again.send().await.unwrap_err());
    assert_eq!(code, "AlreadyExists");
    assert!(
        message.starts_with("AutoScalingGroup by this name already exists"),
        "{message}"
    );
    let unknown = create().launch_template(template().launch_template_name("other").build());
    let (code, message) = refusal(&unknown.send().await.unwrap_err());
    assert_eq!(code, "ValidationError");
    assert!(
        message.starts_with("You must use a valid fully-formed launch template. "),
        "{message}"
    );
}

/// Refuses one action, and remembers what it was asked.
#[derive(Default)]
struct Strict {
    refused: &'static str,
    asked: Mutex<Vec<(SignedRequest, Asked)>>,
}

impl Judge for Strict {
    fn judge<'a>(
        &'a self,
        request: &'a SignedRequest,
        asked: &'a Asked,
    ) -> BoxFuture<'a, Result<Verdict, String>> {
        self.asked.lock().unwrap().push((request.clone(), asked.clone()));
        let body = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error>\
                    <RequestId>1</RequestId></ErrorResponse>";
        let refused = Verdict::Refused {
            status: 403,
            content_type: "text/xml".into(),
            body: body.into(),
        };
        Box::pin(async move {
            Ok(if asked.action == self.refused {
                refused
            } else {
                Verdict::Allowed
            })
        })
    }
}

#[tokio::test]
async fn the_judge_sees_the_request_as_it_came_and_its_refusal_is_sent_back() {
    let judge = Arc::new(Strict {
        refused: "autoscaling:SetInstanceHealth",
        ..Strict::default()
    });
    let world = World::judged_by(judge.clone()).await;
    world.group("nodes", 1, &[]).await;
    let tag = Tag::builder()
        .resource_id("nodes")
        .resource_type("auto-scaling-group")
        .key("team")
        .value("a");
    world
        .client
        .create_or_update_tags()
        .tags(tag.build())
        .send()
        .await
        .unwrap();
    world.reach("nodes", &["InService"]).await;
    let id = world.first("nodes").await;
    let mark = world
        .client
        .set_instance_health()
        .instance_id(&id)
        .health_status("Unhealthy");
    assert_eq!(
        refusal(&mark.send().await.unwrap_err()),
        ("AccessDenied".to_owned(), "no".to_owned())
    );
    assert_eq!(world.first("nodes").await, id, "nothing was changed");

    let arn = world
        .describe("nodes")
        .await
        .unwrap()
        .auto_scaling_group_arn
        .unwrap();
    let asked = judge.asked.lock().unwrap();
    let of = |action: &str| {
        asked
            .iter()
            .find(|(_, asked)| asked.action == format!("autoscaling:{action}"))
            .unwrap()
    };
    let (request, question) = of("SetInstanceHealth");
    assert_eq!(question.resource, arn);
    assert_eq!(question.resource_tags.get("team").map(String::as_str), Some("a"));
    assert_eq!(
        (request.method.as_str(), request.path_and_query.as_str()),
        ("POST", "/")
    );
    assert!(String::from_utf8_lossy(&request.body).contains(&format!("InstanceId={id}")));
    let header = |name: &str| {
        request
            .headers
            .iter()
            .find(|(it, _)| it == name)
            .map(|(_, value)| value.as_str())
    };
    assert!(
        header("authorization")
            .unwrap()
            .starts_with("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/")
    );
    assert_eq!(header("host"), Some(world.server.address.to_string().as_str()));
    assert_eq!(of("DescribeAutoScalingGroups").1.resource, "*");
    assert!(
        of("CreateAutoScalingGroup")
            .1
            .resource
            .ends_with(":autoScalingGroup:*:autoScalingGroupName/nodes")
    );
    assert!(
        of("CreateOrUpdateTags").1.resource_tags.is_empty(),
        "the tags before the change"
    );
    assert_eq!(of("CreateOrUpdateTags").1.resource, arn);
}
