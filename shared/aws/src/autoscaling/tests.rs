//! What goes over the wire, and what is made of the answers.

use std::collections::BTreeMap;

use domain::failure::{Class, Classified as _};
use domain::ids::{ClusterName, GroupName, HookName, InstanceId, LifecycleToken};
use domain::lifecycle::{Completion, Hook, HookResult, LifecycleState, Transition};
use domain::offhours::Capacity;
use jiff::SignedDuration;

use super::*;
use crate::Error;
use crate::wire::Wire;

const TOKEN: &str = "87654321-4321-4321-4321-210987654321";

fn client(wire: &Wire) -> AutoScaling {
    AutoScaling::new(&wire.config())
}

fn form(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn group(name: &str) -> GroupName {
    GroupName::parse(name).unwrap()
}

fn action(token: Option<&str>) -> LifecycleAction {
    LifecycleAction {
        group: group("workers"),
        hook: HookName::parse("drain").unwrap(),
        instance: InstanceId::parse("i-0123456789abcdef0").unwrap(),
        token: token.map(LifecycleToken::new),
    }
}

/// An answer to `DescribeAutoScalingGroups`: groups as XML, and the token of the next page.
fn page(groups: &str, next: Option<&str>) -> String {
    let next = next
        .map(|token| format!("<NextToken>{token}</NextToken>"))
        .unwrap_or_default();
    format!(
        "<DescribeAutoScalingGroupsResponse><DescribeAutoScalingGroupsResult>\
         <AutoScalingGroups>{groups}</AutoScalingGroups>{next}\
         </DescribeAutoScalingGroupsResult></DescribeAutoScalingGroupsResponse>"
    )
}

const SIZES: &str = "<MinSize>1</MinSize><DesiredCapacity>2</DesiredCapacity><MaxSize>4</MaxSize>\
    <CreatedTime>2026-01-02T03:04:05.678Z</CreatedTime>";

fn named(name: &str) -> String {
    format!("<member><AutoScalingGroupName>{name}</AutoScalingGroupName>{SIZES}</member>")
}

fn refusal(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
    )
}

#[tokio::test]
async fn the_groups_of_a_cluster_are_filtered_by_the_server_and_every_page_is_read() {
    let workers = "<member><AutoScalingGroupName>workers</AutoScalingGroupName>\
        <MinSize>0</MinSize><DesiredCapacity>2</DesiredCapacity><MaxSize>10</MaxSize>\
        <CreatedTime>2025-06-07T08:09:10Z</CreatedTime>\
        <Tags><member><Key>lamplighter:cluster</Key><Value>blue</Value></member>\
        <member><Key>team</Key></member></Tags>\
        <Instances><member><InstanceId>i-0123456789abcdef0</InstanceId>\
        <AvailabilityZone>eu-central-1a</AvailabilityZone><LifecycleState>Terminating:Wait</LifecycleState>\
        <HealthStatus>Unhealthy</HealthStatus><InstanceType>m7g.large</InstanceType></member>\
        <member><InstanceId>i-01234567</InstanceId><AvailabilityZone>eu-central-1b</AvailabilityZone>\
        <LifecycleState>InService</LifecycleState><HealthStatus>Healthy</HealthStatus><InstanceType>m7g.large</InstanceType></member>\
        </Instances></member>";
    let wire = Wire::answering([
        (200, &page(workers, Some("page 2"))),
        (200, &page(&named("spot"), None)),
    ]);

    let groups = client(&wire)
        .groups_of(&ClusterName::parse("blue").unwrap())
        .await
        .unwrap();

    let instance = |id: &str, lifecycle, zone: &str, health| GroupInstance {
        id: InstanceId::parse(id).unwrap(),
        lifecycle,
        zone: zone.to_owned(),
        health,
        machine_type: "m7g.large".to_owned(),
    };
    let expected = Group {
        name: group("workers"),
        tags: form(&[("lamplighter:cluster", "blue"), ("team", "")]),
        capacity: Capacity::new(0, 2, 10),
        created: Some("2025-06-07T08:09:10Z".parse().unwrap()),
        instances: vec![
            instance(
                "i-0123456789abcdef0",
                LifecycleState::TerminatingWait,
                "eu-central-1a",
                Health::Unhealthy,
            ),
            instance(
                "i-01234567",
                LifecycleState::InService,
                "eu-central-1b",
                Health::Healthy,
            ),
        ],
    };
    assert_eq!(groups[0], expected);
    assert_eq!(
        groups[1],
        Group {
            name: group("spot"),
            tags: BTreeMap::new(),
            capacity: Capacity::new(1, 2, 4),
            created: Some("2026-01-02T03:04:05.678Z".parse().unwrap()),
            instances: vec![]
        }
    );
    let mut asked = form(&[
        ("Action", "DescribeAutoScalingGroups"),
        ("Version", "2011-01-01"),
        ("Filters.member.1.Name", "tag:lamplighter:cluster"),
        ("Filters.member.1.Values.member.1", "blue"),
        ("MaxRecords", "100"),
    ]);
    let [first, second] = wire.requests().try_into().unwrap();
    assert_eq!(first.form(), asked);
    asked.insert("NextToken".into(), "page 2".into());
    assert_eq!(second.form(), asked);
}

#[tokio::test]
async fn many_names_are_asked_for_in_several_calls_and_none_in_no_call() {
    let wire = Wire::answering([
        (200, &page(&named("group-0"), None)),
        (200, &page(&named("group-50"), None)),
    ]);
    let names: Vec<_> = (0..51).map(|number| group(&format!("group-{number}"))).collect();
    let found = client(&wire).groups_named(&names).await.unwrap();
    assert_eq!(
        found.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(),
        ["group-0", "group-50"]
    );
    let [first, second] = wire.requests().try_into().unwrap();
    assert_eq!(first.form()["AutoScalingGroupNames.member.50"], "group-49");
    assert_eq!(second.form()["AutoScalingGroupNames.member.1"], "group-50");
    assert_eq!(second.form().get("AutoScalingGroupNames.member.2"), None);

    let wire = Wire::answering([]);
    assert_eq!(client(&wire).groups_named(&[]).await.unwrap(), []);
    assert_eq!(wire.requests().len(), 0);
}

#[tokio::test]
async fn an_instance_that_can_not_be_one_is_named() {
    let odd = format!(
        "<member><AutoScalingGroupName>workers</AutoScalingGroupName>{SIZES}<Instances><member>\
         <InstanceId>fargate-1</InstanceId><LifecycleState>InService</LifecycleState></member></Instances></member>"
    );
    let wire = Wire::answering([(200, &page(&odd, None))]);
    let error = client(&wire).groups_named(&[group("workers")]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "autoscaling:DescribeAutoScalingGroups for groups workers: unexpected answer: \
         instance id \"fargate-1\": expected `i-` and 8 to 17 hexadecimal digits"
    );
}

#[tokio::test]
async fn the_hooks_of_a_group_are_listed_with_their_times() {
    let answer = "<DescribeLifecycleHooksResponse><DescribeLifecycleHooksResult><LifecycleHooks><member>\
        <LifecycleHookName>drain</LifecycleHookName><AutoScalingGroupName>workers</AutoScalingGroupName>\
        <LifecycleTransition>autoscaling:EC2_INSTANCE_TERMINATING</LifecycleTransition>\
        <HeartbeatTimeout>900</HeartbeatTimeout><GlobalTimeout>90000</GlobalTimeout>\
        <DefaultResult>CONTINUE</DefaultResult></member></LifecycleHooks>\
        </DescribeLifecycleHooksResult></DescribeLifecycleHooksResponse>";
    let wire = Wire::answering([(200, answer)]);
    let hooks = client(&wire).hooks_of(&group("workers")).await.unwrap();
    let expected = Hook {
        name: HookName::parse("drain").unwrap(),
        group: group("workers"),
        transition: Transition::Terminating,
        heartbeat: SignedDuration::from_mins(15),
        global_timeout: SignedDuration::from_hours(25),
        default_result: HookResult::Continue,
    };
    assert_eq!(hooks, [expected]);
    let asked = [
        ("Action", "DescribeLifecycleHooks"),
        ("AutoScalingGroupName", "workers"),
        ("Version", "2011-01-01"),
    ];
    assert_eq!(wire.requests()[0].form(), form(&asked));
}

#[tokio::test]
async fn an_action_is_named_by_its_token_or_else_by_its_instance() {
    let done =
        "<CompleteLifecycleActionResponse><CompleteLifecycleActionResult/></CompleteLifecycleActionResponse>";
    let beat = "<RecordLifecycleActionHeartbeatResponse><RecordLifecycleActionHeartbeatResult/></RecordLifecycleActionHeartbeatResponse>";
    for (token, key) in [
        (Some(TOKEN), ("LifecycleActionToken", TOKEN)),
        (None, ("InstanceId", "i-0123456789abcdef0")),
    ] {
        let wire = Wire::answering([(200, done), (200, beat)]);
        let client = client(&wire);
        let completion = client
            .complete_hook(&action(token), HookResult::Continue)
            .await
            .unwrap();
        assert_eq!(completion, Completion::Completed);
        assert_eq!(
            client.record_heartbeat(&action(token)).await.unwrap(),
            Heartbeat::Recorded
        );
        let common = [
            ("AutoScalingGroupName", "workers"),
            ("LifecycleHookName", "drain"),
            ("Version", "2011-01-01"),
            key,
        ];
        let [completed, heartbeat] = wire.requests().try_into().unwrap();
        let mut asked = form(&common);
        asked.insert("Action".into(), "RecordLifecycleActionHeartbeat".into());
        assert_eq!(heartbeat.form(), asked);
        asked.insert("Action".into(), "CompleteLifecycleAction".into());
        asked.insert("LifecycleActionResult".into(), "CONTINUE".into());
        assert_eq!(completed.form(), asked);
    }
}

#[tokio::test]
async fn an_action_that_is_over_is_no_error() {
    let gone = refusal(
        "ValidationError",
        "No active Lifecycle Action found with instance ID i-0123456789abcdef0",
    );
    let wire = Wire::answering([(400, &gone), (400, &gone)]);
    let client = client(&wire);
    let completion = client
        .complete_hook(&action(None), HookResult::Continue)
        .await
        .unwrap();
    assert_eq!(completion, Completion::NoActiveAction);
    assert_eq!(
        client.record_heartbeat(&action(None)).await.unwrap(),
        Heartbeat::NoActiveAction
    );
}

#[tokio::test]
async fn another_validation_error_is_one_and_the_token_stays_out_of_it() {
    let odd = refusal("ValidationError", &format!("Token {TOKEN} is malformed"));
    let wire = Wire::answering([(400, &odd)]);
    let error = client(&wire)
        .complete_hook(&action(Some(TOKEN)), HookResult::Continue)
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::Permanent);
    assert_eq!(
        error.to_string(),
        "autoscaling:CompleteLifecycleAction for instance i-0123456789abcdef0, group workers, hook drain: \
         ValidationError: Token (token) is malformed"
    );
}

#[tokio::test]
async fn a_missing_permission_is_named_and_not_tried_again() {
    let aws_says = "User: arn:aws:sts::111122223333:assumed-role/drain/drain is not authorized to perform: \
                    autoscaling:RecordLifecycleActionHeartbeat";
    let wire = Wire::answering([(403, &refusal("AccessDenied", aws_says))]);
    let error = client(&wire).record_heartbeat(&action(None)).await.unwrap_err();
    assert!(error.is_access_denied());
    assert_eq!(error.class(), Class::Permanent);
    assert!(
        error
            .to_string()
            .ends_with(&format!("hook drain: AccessDenied: {aws_says}")),
        "{error}"
    );
    assert_eq!(wire.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn throttling_is_tried_three_times_and_then_transient() {
    let slow = refusal("Throttling", "Rate exceeded");
    let wire = Wire::answering([(400, &slow), (400, &slow), (400, &slow), (200, "never asked for")]);
    let error = client(&wire).record_heartbeat(&action(None)).await.unwrap_err();
    assert_eq!(error.class(), Class::Transient);
    assert!(!error.is_access_denied());
    assert_eq!(wire.requests().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_call_that_is_let_through_is_no_error() {
    let slow = refusal("Throttling", "Rate exceeded");
    let wire = Wire::answering([(400, &slow), (200, &page("", None))]);
    assert_eq!(client(&wire).groups_named(&[group("workers")]).await.unwrap(), []);
    assert_eq!(wire.requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_sick_or_away_is_transient_and_the_reason_is_told() {
    let proxy = (502, "<html>Bad Gateway</html>");
    let sick = client(&Wire::answering([proxy, proxy, proxy]))
        .hooks_of(&group("workers"))
        .await
        .unwrap_err();
    assert_eq!(sick.class(), Class::Transient);
    assert!(
        matches!(&sick, Error::Refused { code, .. } if code == "HTTP 502"),
        "{sick:?}"
    );

    let away = client(&Wire::answering([]))
        .hooks_of(&group("workers"))
        .await
        .unwrap_err();
    assert_eq!(away.class(), Class::Transient);
    assert_eq!(
        away.to_string(),
        "autoscaling:DescribeLifecycleHooks for group workers: no answer"
    );
    let mut reasons = std::iter::successors(std::error::Error::source(&away), |error| error.source());
    assert!(
        reasons.any(|reason| reason.to_string().contains("connection refused")),
        "{away:?}"
    );
}

#[tokio::test]
async fn a_size_that_can_not_be_one_is_named() {
    let odd = named("workers").replace("<DesiredCapacity>2", "<DesiredCapacity>-2");
    let wire = Wire::answering([(200, &page(&odd, None))]);
    let error = client(&wire).groups_named(&[group("workers")]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "autoscaling:DescribeAutoScalingGroups for groups workers: unexpected answer: \
         desired size -2: expected 0 or more"
    );
}
