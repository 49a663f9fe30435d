//! What we ask of the stack beyond being valid.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what went wrong by panicking"
)]

use std::sync::LazyLock;

use emulator::Tools;
use serde_json::Value;
use template::functions::{FUNCTIONS, QUEUED, code};
use template::{referred, resources};

static TEMPLATE: LazyLock<Value> =
    LazyLock::new(|| template::translated(&Tools::ensure(&|_line| ()).unwrap()).unwrap());

/// Types that can't be tagged in `CloudFormation`.
const UNTAGGABLE: [&str; 5] = [
    "AWS::IAM::ManagedPolicy",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Permission",
    "AWS::SQS::QueuePolicy",
    "AWS::Scheduler::Schedule",
];

/// What people and scenarios are told of every function.
const OUTPUTS: [&str; 7] = [
    "FunctionName",
    "FunctionArn",
    "RoleArn",
    "KubernetesGroup",
    "QueueUrl",
    "DeadLetterQueueUrl",
    "LogGroupName",
];

/// The two tags by which everything is found.
const TAGS: [&str; 2] = ["lamplighter:deployment", "lamplighter:cluster"];

fn queues() -> Vec<(&'static str, &'static Value)> {
    resources(&TEMPLATE, "AWS::SQS::Queue")
}

/// The alarm on a metric of the queue or function `of`, by the dimension that names it.
fn has_alarm(metric: &str, of: &str) -> bool {
    resources(&TEMPLATE, "AWS::CloudWatch::Alarm")
        .into_iter()
        .any(|(_, alarm)| {
            alarm["MetricName"] == metric && referred(&alarm["Dimensions"][0]["Value"]) == Some(of)
        })
}

/// The queues that others name as their dead-letter queue.
fn dead_letter_queues() -> Vec<&'static str> {
    let redrives = queues()
        .into_iter()
        .filter_map(|(_, queue)| referred(&queue["RedrivePolicy"]["deadLetterTargetArn"]));
    let targets = targets()
        .into_iter()
        .filter_map(|(_, target)| referred(&target["DeadLetterConfig"]["Arn"]));
    redrives.chain(targets).collect()
}

/// Everything that `EventBridge` calls: targets of rules and of schedules.
fn targets() -> Vec<(&'static str, &'static Value)> {
    let rules = resources(&TEMPLATE, "AWS::Events::Rule").into_iter();
    let of_rules = rules.flat_map(|(name, rule)| {
        rule["Targets"]
            .as_array()
            .unwrap()
            .iter()
            .map(move |target| (name, target))
    });
    let schedules = resources(&TEMPLATE, "AWS::Scheduler::Schedule").into_iter();
    of_rules
        .chain(schedules.map(|(name, schedule)| (name, &schedule["Target"])))
        .collect()
}

#[test]
fn every_rule_and_schedule_says_how_often_it_retries_and_where_the_rest_goes() {
    let targets = targets();
    assert!(targets.len() >= 2, "a rule and a schedule at least");
    for (name, target) in targets {
        assert!(
            target["RetryPolicy"]["MaximumRetryAttempts"].is_number(),
            "{name}: no retry policy"
        );
        assert!(
            target["RetryPolicy"]["MaximumEventAgeInSeconds"].is_number(),
            "{name}: no maximum age"
        );
        let queue = referred(&target["DeadLetterConfig"]["Arn"])
            .unwrap_or_else(|| panic!("{name}: no dead-letter queue"));
        assert!(
            queues().iter().any(|(other, _)| *other == queue),
            "{name}: {queue} is no queue of the stack"
        );
    }
}

#[test]
fn every_queue_either_moves_failures_on_or_is_where_they_end_and_has_an_alarm_for_it() {
    let dead = dead_letter_queues();
    for (name, queue) in queues() {
        assert_eq!(queue["SqsManagedSseEnabled"], true, "{name} is not encrypted");
        if dead.contains(&name) {
            assert!(
                has_alarm("ApproximateNumberOfMessagesVisible", name),
                "{name}: nobody learns of its messages"
            );
            assert_eq!(
                queue["MessageRetentionPeriod"], 1_209_600,
                "{name}: messages should wait for people for 14 days"
            );
        } else {
            assert!(
                queue["RedrivePolicy"]["maxReceiveCount"].is_number(),
                "{name}: failures have nowhere to go"
            );
            assert!(
                has_alarm("ApproximateAgeOfOldestMessage", name),
                "{name}: nobody learns of a backlog"
            );
        }
    }
}

#[test]
fn every_queue_of_a_function_gives_it_six_times_its_time_out_and_takes_partial_failures() {
    let mappings = resources(&TEMPLATE, "AWS::Lambda::EventSourceMapping");
    assert!(!mappings.is_empty());
    for (name, mapping) in mappings {
        let function = &TEMPLATE["Resources"][referred(&mapping["FunctionName"]).unwrap()]["Properties"];
        let queue = &TEMPLATE["Resources"][referred(&mapping["EventSourceArn"]).unwrap()]["Properties"];
        let (timeout, hidden) = (
            function["Timeout"].as_u64().unwrap(),
            queue["VisibilityTimeout"].as_u64().unwrap(),
        );
        assert!(
            hidden >= 6 * timeout,
            "{name}: {hidden} s hidden, {timeout} s to run"
        );
        assert_eq!(
            mapping["FunctionResponseTypes"],
            serde_json::json!(["ReportBatchItemFailures"]),
            "{name}"
        );
        assert!(
            mapping["ScalingConfig"]["MaximumConcurrency"].is_object(),
            "{name}: its concurrency is no parameter"
        );
    }
}

#[test]
fn every_function_logs_as_json_to_a_group_of_the_stack_that_forgets_and_has_alarms() {
    for (name, group) in resources(&TEMPLATE, "AWS::Logs::LogGroup") {
        assert!(
            !group["RetentionInDays"].is_null(),
            "{name} keeps its lines for ever"
        );
    }
    let functions = resources(&TEMPLATE, "AWS::Lambda::Function");
    assert!(!functions.is_empty());
    for (name, function) in functions {
        let group = referred(&function["LoggingConfig"]["LogGroup"])
            .unwrap_or_else(|| panic!("{name}: no log group"));
        assert_eq!(
            TEMPLATE["Resources"][group]["Type"], "AWS::Logs::LogGroup",
            "{name}"
        );
        assert_eq!(function["LoggingConfig"]["LogFormat"], "JSON", "{name}");
        assert_eq!(function["Handler"], "bootstrap", "{name}");
        assert!(
            has_alarm("Errors", name) && has_alarm("Throttles", name),
            "{name}: an alarm is missing"
        );
        assert!(
            referred(&function["Role"]).is_some(),
            "{name}: its role is not written out"
        );
    }
}

#[test]
fn every_alarm_on_a_metric_of_ours_is_on_one_that_its_function_counts() {
    let alarms = resources(&TEMPLATE, "AWS::CloudWatch::Alarm").into_iter();
    let own: Vec<_> = alarms
        .filter(|(_, alarm)| alarm["Namespace"] == "Lamplighter")
        .collect();
    assert!(own.len() >= 2, "{own:?}");
    for (name, alarm) in own {
        let service = alarm["Dimensions"][0]["Value"].as_str().unwrap();
        let mut counts = code(&format!("functions/{service}/src")).unwrap();
        counts.push_str(&code("shared/function/src").unwrap());
        let metric = alarm["MetricName"].as_str().unwrap();
        let counted = format!("Count::new(\"{metric}\")");
        // A metric that is no count is a name of its own.
        let measured = format!(": &str = \"{metric}\";");
        assert!(
            counts.contains(&counted) || counts.contains(&measured),
            "{name}: {service} does not count {metric}"
        );
    }
}

#[test]
fn of_a_function_that_is_switched_off_nothing_is_created_and_all_else_is() {
    for section in ["Resources", "Outputs"] {
        for (name, entry) in TEMPLATE[section].as_object().unwrap() {
            let function = FUNCTIONS
                .iter()
                .find(|function| name.starts_with(function.prefix));
            let expected = match name.as_str() {
                "JoinKey" => Some("CreatesJoinKey"),
                _ => function.and_then(|function| function.condition),
            };
            assert_eq!(entry["Condition"].as_str(), expected, "{name}");
        }
    }
    let enabled = |parameter: &str| serde_json::json!({"Fn::Equals": [{"Ref": parameter}, "enabled"]});
    for (condition, parameter) in [
        ("JoinsNodes", "NodeJoin"),
        ("UsesOffHours", "OffHours"),
        ("DeploysImages", "ImageDeploy"),
        ("RefreshesPullSecret", "PullSecret"),
    ] {
        assert_eq!(
            TEMPLATE["Conditions"][condition],
            enabled(parameter),
            "{condition}"
        );
    }
}

/// What a stack always has must not refer to what it may lack, but under the same condition.
#[test]
fn what_is_always_created_refers_to_a_function_that_is_switched_off_only_where_it_is_not() {
    let optional = |text: &str| {
        FUNCTIONS
            .iter()
            .any(|function| function.condition.is_some() && text.starts_with(function.prefix))
    };
    for section in ["Resources", "Outputs"] {
        for (name, entry) in TEMPLATE[section].as_object().unwrap() {
            if entry["Condition"].is_null() {
                let bare = references(entry).into_iter().find(|target| optional(target));
                assert_eq!(bare, None, "{name}");
            }
        }
    }
}

/// What a value refers to, apart from what is under a condition.
fn references(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(values) => values.iter().flat_map(references).collect(),
        Value::Object(fields) if fields.contains_key("Fn::If") => Vec::new(),
        Value::Object(fields) => {
            let own = referred(value).into_iter();
            own.chain(fields.values().flat_map(references)).collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn every_function_with_a_queue_has_a_tick_every_minute_and_its_outputs() {
    for function in QUEUED {
        let resource = |kind: &str| &TEMPLATE["Resources"][function.resource(kind)]["Properties"];
        let tick = resource("Tick");
        assert_eq!(tick["ScheduleExpression"], "rate(1 minute)", "{}", function.name);
        assert_eq!(tick["State"]["Ref"], "TickState", "{}", function.name);
        assert_eq!(
            referred(&tick["Target"]["Arn"]),
            Some(function.resource("Function").as_str())
        );
        assert_eq!(
            referred(&tick["Target"]["RoleArn"]),
            Some(function.resource("TickRole").as_str())
        );
        let mapping = resource("EventSourceMapping");
        assert_eq!(
            referred(&mapping["EventSourceArn"]),
            Some(function.resource("Queue").as_str())
        );
        for output in OUTPUTS {
            let output = function.resource(output);
            assert!(
                TEMPLATE["Outputs"][&output]["Value"].is_object() || output.ends_with("Group"),
                "{output}"
            );
        }
    }
}

#[test]
fn everything_that_can_be_tagged_is_tagged_with_deployment_and_cluster() {
    for (name, resource) in TEMPLATE["Resources"].as_object().unwrap() {
        let kind = resource["Type"].as_str().unwrap();
        let tags = &resource["Properties"]["Tags"];
        if UNTAGGABLE.contains(&kind) {
            continue;
        }
        for wanted in TAGS {
            let found = tags
                .as_array()
                .into_iter()
                .flatten()
                .any(|tag| tag["Key"] == wanted);
            assert!(found, "{name} ({kind}): no tag {wanted}");
        }
    }
}

#[test]
fn every_name_starts_with_the_deployments_id_so_that_two_share_an_account() {
    let keys = [
        "FunctionName",
        "QueueName",
        "RoleName",
        "ManagedPolicyName",
        "LogGroupName",
        "AlarmName",
        "Name",
    ];
    for (name, resource) in TEMPLATE["Resources"].as_object().unwrap() {
        let given = keys
            .iter()
            .map(|key| &resource["Properties"][key])
            .filter(|given| !given.is_null());
        // A reference to another resource is not a name of its own.
        let own = given.filter(|given| TEMPLATE["Resources"][referred(given).unwrap_or_default()].is_null());
        for given in own {
            let text = given["Fn::Sub"]
                .as_str()
                .or_else(|| given["Ref"].as_str())
                .unwrap_or_default();
            let text = text.trim_start_matches("/aws/lambda/");
            assert!(
                text == "DeploymentId" || text.starts_with("${DeploymentId}-"),
                "{name}: {given}"
            );
        }
    }
}

#[test]
fn every_parameter_says_what_it_is_for_and_what_it_accepts() {
    for (name, parameter) in TEMPLATE["Parameters"].as_object().unwrap() {
        for key in ["Description", "ConstraintDescription"] {
            assert!(parameter[key].is_string(), "{name}: no {key}");
        }
        let constrained = ["AllowedPattern", "AllowedValues", "MinValue"]
            .iter()
            .any(|key| !parameter[key].is_null());
        assert!(constrained, "{name} accepts anything");
    }
    assert_eq!(TEMPLATE["Parameters"]["Architecture"]["Default"], "arm64");
}
