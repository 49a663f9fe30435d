//! What off-hours may do, and what of the stack is its alone: the schedules that have it look, and the bucket of the sizes.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

use std::sync::LazyLock;

use emulator::Tools;
use serde_json::{Value, json};
use template::evaluator::{Decision, Request, evaluate};
use template::functions::OFF_HOURS;
use template::{Values, referred, resources, statements};

static TEMPLATE: LazyLock<Value> =
    LazyLock::new(|| template::translated(&Tools::ensure(&|_line| ()).unwrap()).unwrap());

const GROUP: &str =
    "arn:aws:autoscaling:eu-central-1:111122223333:autoScalingGroup:u:autoScalingGroupName/workers";
const NODEGROUP: &str = "arn:aws:eks:eu-central-1:111122223333:nodegroup/blue/workers/u";
const DATABASE: &str = "arn:aws:rds:eu-central-1:111122223333:db:orders";

/// What is resized or stopped: the resource, the tag that enrols it as its service names the condition key, the actions that change it,
/// and those that write tags on it.
const SLEEPERS: [(&str, &str, &[&str], &[&str]); 3] = [
    (
        GROUP,
        "autoscaling:ResourceTag/lamplighter:cluster",
        &["autoscaling:UpdateAutoScalingGroup"],
        &["autoscaling:CreateOrUpdateTags", "autoscaling:DeleteTags"],
    ),
    (
        NODEGROUP,
        "aws:ResourceTag/lamplighter:cluster",
        &["eks:UpdateNodegroupConfig"],
        &["eks:TagResource", "eks:UntagResource"],
    ),
    (
        DATABASE,
        "aws:ResourceTag/lamplighter:cluster",
        &["rds:StopDBInstance", "rds:StartDBInstance"],
        &["rds:AddTagsToResource", "rds:RemoveTagsFromResource"],
    ),
];

/// The tags that mirror what off-hours knows. All others say what it is to do.
const OURS: [&str; 2] = ["lamplighter:state", "lamplighter:saved-size"];

/// How often off-hours looks at everything while nothing is on its way.
const LOOK_SECONDS: u64 = 300;

/// IAM's limit for all policies that are written in a role, in characters without white space.
const LARGEST_POLICY: usize = 10_240;

fn values(conditions: &[&str]) -> Values {
    let parameters = [
        ("DeploymentId", "lamplighter"),
        ("ClusterName", "blue"),
        ("OffHoursBucket", "sizes"),
    ];
    Values::new(&parameters, conditions)
}

/// What the role of off-hours says in a stack for the cluster `blue`, with the bucket `sizes`.
fn policy(conditions: &[&str]) -> Vec<Value> {
    let role = OFF_HOURS.resource("Role");
    let values = values(conditions);
    let document = &TEMPLATE["Resources"][&role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
    values.resolve(document).as_array().unwrap().clone()
}

fn decided(request: &Request) -> Decision {
    evaluate(&policy(&["UsesOffHours", "UsesEks"]), request)
}

/// The properties of a resource of off-hours.
fn properties(kind: &str) -> &'static Value {
    &TEMPLATE["Resources"][OFF_HOURS.resource(kind)]["Properties"]
}

#[test]
fn what_is_put_to_sleep_belongs_to_the_cluster() {
    for (resource, tag, changes, _) in SLEEPERS {
        for action in changes {
            let request = Request::new(action, resource);
            assert_eq!(decided(&request), Decision::NotAllowed, "{action}");
            let of = |cluster: &str| request.clone().with(tag, cluster);
            assert_eq!(decided(&of("green")), Decision::NotAllowed, "{action}");
            assert_eq!(decided(&of("blue")), Decision::Allowed, "{action}");
        }
    }
}

#[test]
fn the_tags_that_off_hours_writes_are_those_of_its_state_and_never_those_that_enrol_or_schedule() {
    for (resource, tag, _, writes) in SLEEPERS {
        for action in writes {
            let of = |cluster: &str, keys: &[&str]| {
                decided(
                    &Request::new(action, resource)
                        .with(tag, cluster)
                        .with_all("aws:TagKeys", keys),
                )
            };
            for keys in [&OURS[..], &OURS[..1], &OURS[1..]] {
                assert_eq!(of("blue", keys), Decision::Allowed, "{action} {keys:?}");
                assert_eq!(of("green", keys), Decision::NotAllowed, "{action} {keys:?}");
            }
            for other in [
                "lamplighter:cluster",
                "lamplighter:schedule",
                "lamplighter:on-size",
                "lamplighter:protect",
                "lamplighter:hold-until",
                "Lamplighter:State",
                "team",
            ] {
                assert_eq!(of("blue", &[other]), Decision::NotAllowed, "{action} {other}");
                assert_eq!(
                    of("blue", &[OURS[0], other]),
                    Decision::NotAllowed,
                    "{action} {other}"
                );
            }
        }
    }
}

#[test]
fn node_groups_are_for_clusters_of_eks_and_for_this_one() {
    let find = |conditions: &[&str], action: &str, resource: &str| {
        evaluate(&policy(conditions), &Request::new(action, resource))
    };
    let cluster = |name: &str| format!("arn:aws:eks:eu-central-1:111122223333:cluster/{name}");
    for (conditions, expected) in [(&["UsesEks"][..], Decision::Allowed), (&[], Decision::NotAllowed)] {
        assert_eq!(find(conditions, "eks:ListNodegroups", &cluster("blue")), expected);
        assert_eq!(find(conditions, "eks:DescribeNodegroup", NODEGROUP), expected);
    }
    let elsewhere = NODEGROUP.replace("/blue/", "/green/");
    for (action, resource) in [
        ("eks:ListNodegroups", cluster("green")),
        ("eks:DescribeNodegroup", elsewhere.clone()),
        ("eks:UpdateNodegroupConfig", elsewhere),
    ] {
        let request = Request::new(action, &resource).with("aws:ResourceTag/lamplighter:cluster", "blue");
        assert_eq!(decided(&request), Decision::NotAllowed, "{action} {resource}");
    }
    // Node groups alone: the cluster has tags too.
    let request = Request::new("eks:TagResource", &cluster("blue"))
        .with("aws:ResourceTag/lamplighter:cluster", "blue")
        .with("aws:TagKeys", OURS[0]);
    assert_eq!(decided(&request), Decision::NotAllowed);
}

#[test]
fn sizes_are_kept_in_the_stacks_bucket_below_the_clusters_own_prefix() {
    for action in ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"] {
        for (key, expected) in [
            ("off-hours/blue/group/workers.json", Decision::Allowed),
            ("off-hours/blue-2/group/workers.json", Decision::NotAllowed),
            ("off-hours/green/group/workers.json", Decision::NotAllowed),
            ("anything", Decision::NotAllowed),
        ] {
            let at = |bucket: &str| Request::new(action, &format!("arn:aws:s3:::{bucket}/{key}"));
            assert_eq!(decided(&at("sizes")), expected, "{action} {key}");
            assert_eq!(decided(&at("others")), Decision::NotAllowed, "{action} {key}");
        }
    }
    // A version that somebody might need is not deleted, nor is the bucket opened.
    for action in [
        "s3:DeleteObjectVersion",
        "s3:PutBucketPolicy",
        "s3:PutBucketPublicAccessBlock",
    ] {
        let request = Request::new(action, "arn:aws:s3:::sizes/off-hours/blue/group/workers.json");
        assert_eq!(decided(&request), Decision::NotAllowed, "{action}");
    }
}

/// Without the permission to list, S3 answers 403 for an object that is not there. That request says nothing of a prefix.
#[test]
fn the_function_learns_what_there_is_below_its_prefix_and_that_an_object_is_not_there() {
    let list = Request::new("s3:ListBucket", "OffHoursBucket.Arn");
    assert_eq!(decided(&list), Decision::Allowed);
    for (prefix, expected) in [
        ("off-hours/blue/", Decision::Allowed),
        ("off-hours/blue/group/", Decision::Allowed),
        ("off-hours/", Decision::NotAllowed),
        ("off-hours/green/", Decision::NotAllowed),
        ("", Decision::NotAllowed),
    ] {
        let request = list.clone().with("s3:prefix", prefix);
        assert_eq!(decided(&request), expected, "{prefix:?}");
    }
}

#[test]
fn the_bus_is_told_in_our_name_alone() {
    let bus = |name: &str| {
        let arn = format!("arn:aws:events:eu-central-1:111122223333:event-bus/{name}");
        Request::new("events:PutEvents", &arn)
    };
    let decided = |bus: Request, source: &str| decided(&bus.with("events:source", source));
    assert_eq!(decided(bus("default"), "lamplighter"), Decision::Allowed);
    assert_eq!(decided(bus("others"), "lamplighter"), Decision::NotAllowed);
    // Its own requests would be a loop.
    for source in ["lamplighter.request", "aws.autoscaling", "shop"] {
        assert_eq!(decided(bus("default"), source), Decision::NotAllowed, "{source}");
    }
}

#[test]
fn the_policy_is_not_larger_than_iam_takes_with_the_longest_names() {
    let parameters = [
        ("DeploymentId", "a-deployment-of-that"),
        ("ClusterName", &*"c".repeat(100)),
        ("OffHoursBucket", &*"b".repeat(63)),
        ("KubeconfigParameter", &*"/p".repeat(15)),
        ("KubeconfigKeyArn", &*"k".repeat(80)),
    ];
    for access in ["UsesEks", "UsesKubeconfig"] {
        let values = Values::new(&parameters, &[access, "UsesKubeconfigKey", "UsesVpc"]);
        let policies = values.resolve(&properties("Role")["Policies"]);
        let length = policies.to_string().replace(' ', "").len();
        assert!(length < LARGEST_POLICY, "{access}: {length} characters");
    }
}

/// The schedules of which each looks for one edge, by the name of the edge.
fn edges() -> Vec<(&'static str, &'static Value)> {
    let all = resources(&TEMPLATE, "AWS::Scheduler::Schedule").into_iter();
    let function = OFF_HOURS.resource("Function");
    let found: Vec<_> = all
        .filter(|(name, _)| name.starts_with(&function))
        .map(|(name, schedule)| (&name[function.len()..], schedule))
        .collect();
    assert_eq!(found.len(), 2, "{found:?}");
    found
}

#[test]
fn each_edge_is_in_the_time_zone_of_its_people_and_never_there_for_nothing() {
    for (name, schedule) in edges() {
        let zone = json!({"Fn::If": ["NamesZone", {"Ref": "HoursTimeZone"}, "UTC"]});
        assert_eq!(schedule["ScheduleExpressionTimezone"], zone, "{name}");
        let (parameter, condition, input) = match name {
            "Wake" => ("WakeSchedule", "LooksAtWaking", json!({"edge": "wake"})),
            "Sleep" => ("SleepSchedule", "LooksAtSleep", json!({"edge": "sleep"})),
            other => panic!("an edge {other}"),
        };
        let is_given = json!({"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]});
        assert_eq!(TEMPLATE["Conditions"][condition], is_given);
        let with = |conditions: &[&str]| {
            let parameters = [(parameter, "cron(0 7 * * ? *)"), ("TickState", "ENABLED")];
            Values::new(&parameters, conditions).resolve(schedule)
        };
        let wanted = with(&[condition]);
        assert_eq!(wanted["ScheduleExpression"], "cron(0 7 * * ? *)");
        assert_eq!(wanted["State"], "ENABLED");
        assert_eq!(with(&[])["State"], "DISABLED", "{name}");
        let given: Value = serde_json::from_str(schedule["Target"]["Input"].as_str().unwrap()).unwrap();
        assert_eq!(given, input);
    }
}

#[test]
fn each_edge_is_called_once_in_the_stacks_group_by_the_role_of_the_tick() {
    let group = &properties("Tick")["GroupName"];
    for (name, schedule) in edges() {
        let target = &schedule["Target"];
        assert_eq!(schedule["GroupName"], *group, "{name}");
        assert_eq!(schedule["FlexibleTimeWindow"], json!({"Mode": "OFF"}), "{name}");
        assert_eq!(referred(&target["Arn"]), Some(&*OFF_HOURS.resource("Function")));
        assert_eq!(
            referred(&target["RoleArn"]),
            Some(&*OFF_HOURS.resource("TickRole"))
        );
        assert_eq!(target["RetryPolicy"]["MaximumRetryAttempts"], 0, "{name}");
        assert_eq!(
            referred(&target["DeadLetterConfig"]["Arn"]),
            Some("UndeliveredQueue")
        );
    }
    // No role of SAM's own making beside it.
    let roles = resources(&TEMPLATE, "AWS::IAM::Role").into_iter();
    let roles: Vec<_> = roles
        .filter(|(name, _)| name.starts_with(OFF_HOURS.prefix))
        .collect();
    assert_eq!(roles.len(), 2, "{roles:?}");
}

/// While nothing is on its way, all is looked at once in five minutes: an alarm for a minute would go off and on all night.
#[test]
fn what_is_counted_at_each_look_keeps_its_alarm_on_until_the_next_one() {
    let alarms = resources(&TEMPLATE, "AWS::CloudWatch::Alarm").into_iter();
    let own: Vec<_> = alarms
        .filter(|(_, alarm)| alarm["Dimensions"][0]["Value"] == OFF_HOURS.name)
        .collect();
    let metrics: Vec<_> = own
        .iter()
        .map(|(_, alarm)| alarm["MetricName"].as_str().unwrap())
        .collect();
    assert_eq!(
        metrics,
        [
            "DriftReverts",
            "SettingsRefused",
            "StuckResources",
            "UnknownSizes"
        ]
    );
    for (name, alarm) in own {
        let seconds = alarm["Period"].as_u64().unwrap() * alarm["EvaluationPeriods"].as_u64().unwrap();
        assert!(seconds >= 2 * LOOK_SECONDS, "{name}: {seconds} s");
        assert_eq!(alarm["DatapointsToAlarm"], 1, "{name}");
        assert_eq!(alarm["Statistic"], "Sum", "{name}");
    }
}

#[test]
fn requests_of_the_bus_reach_the_function_of_their_cluster_alone() {
    let pattern = values(&[]).resolve(&properties("RequestRule")["EventPattern"]);
    let expected = json!({
        "source": ["lamplighter.request"],
        "detail-type": ["Off-Hours Request"],
        "detail": {"cluster": ["blue"]},
    });
    assert_eq!(pattern, expected);
    let target = &properties("RequestRule")["Targets"][0]["Arn"];
    assert_eq!(referred(target), Some(&*OFF_HOURS.resource("Queue")));
}

#[test]
fn the_bucket_is_closed_encrypted_and_remembers() {
    let [(name, bucket)] = resources(&TEMPLATE, "AWS::S3::Bucket").try_into().unwrap();
    assert_eq!(name, OFF_HOURS.resource("Bucket"));
    let closed = [
        "BlockPublicAcls",
        "BlockPublicPolicy",
        "IgnorePublicAcls",
        "RestrictPublicBuckets",
    ];
    for setting in closed {
        assert_eq!(
            bucket["PublicAccessBlockConfiguration"][setting], true,
            "{setting}"
        );
    }
    let owner = &bucket["OwnershipControls"]["Rules"][0]["ObjectOwnership"];
    assert_eq!(owner, "BucketOwnerEnforced");
    let encryption = &bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"][0];
    assert_eq!(
        encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"],
        "AES256"
    );
    assert_eq!(bucket["VersioningConfiguration"]["Status"], "Enabled");
    let [rule] = bucket["LifecycleConfiguration"]["Rules"]
        .as_array()
        .unwrap()
        .as_slice()
    else {
        panic!("one rule");
    };
    assert_eq!(rule["Status"], "Enabled");
    assert_eq!(rule["NoncurrentVersionExpiration"]["NoncurrentDays"], 30);
    // What is there is never deleted by the clock: a size may be needed after any holiday.
    for never in ["ExpirationInDays", "ExpirationDate", "Transitions"] {
        assert!(rule[never].is_null(), "{never}");
    }
}

#[test]
fn the_bucket_outlives_its_stack_and_has_a_name_of_no_ones_choice() {
    let bucket = &TEMPLATE["Resources"][OFF_HOURS.resource("Bucket")];
    assert_eq!(bucket["DeletionPolicy"], "RetainExceptOnCreate");
    assert_eq!(bucket["UpdateReplacePolicy"], "Retain");
    assert!(bucket["Properties"]["BucketName"].is_null());
    let output = &TEMPLATE["Outputs"][OFF_HOURS.resource("BucketName")]["Value"];
    assert_eq!(referred(output), Some(&*OFF_HOURS.resource("Bucket")));
    let variable = &properties("Function")["Environment"]["Variables"]["LAMPLIGHTER_BUCKET"];
    assert_eq!(referred(variable), Some(&*OFF_HOURS.resource("Bucket")));
}

#[test]
fn no_other_role_of_the_stack_resizes_stops_or_reads_sizes() {
    let services = ["s3:", "rds:"];
    let actions = ["autoscaling:UpdateAutoScalingGroup", "eks:UpdateNodegroupConfig"];
    for statement in statements(&TEMPLATE) {
        let reaches = |action: &&str| {
            actions.contains(action) || services.iter().any(|service| action.starts_with(service))
        };
        if statement.actions().iter().any(reaches) {
            assert_eq!(statement.owner, OFF_HOURS.resource("Role"), "{}", statement.sid());
        }
    }
}
