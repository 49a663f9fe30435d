//! What the functions' roles may do, against the code that needs it: a permission without a caller is one too many, a call without a
//! permission fails in somebody's account.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what went wrong by panicking"
)]

use std::collections::BTreeSet;
use std::sync::LazyLock;

use emulator::Tools;
use serde_json::Value;
use template::functions::{FUNCTIONS, Function, code};
use template::{Statement, one_or_many, statements};

static TEMPLATE: LazyLock<Value> =
    LazyLock::new(|| template::translated(&Tools::ensure(&|_line| ()).unwrap()).unwrap());

/// A capability of `shared/aws` or `shared/aws-ec2`: the trait by which functions ask for it, and the actions that it takes, each with the
/// call behind it.
struct Capability {
    name: &'static str,
    actions: &'static [(&'static str, &'static str)],
}

impl Capability {
    fn action_names(&self) -> impl Iterator<Item = &'static str> {
        self.actions.iter().map(|(action, _)| *action)
    }
}

const fn can(name: &'static str, actions: &'static [(&'static str, &'static str)]) -> Capability {
    Capability { name, actions }
}

const CAPABILITIES: [Capability; 30] = [
    can(
        "CompleteHook",
        &[(
            "autoscaling:CompleteLifecycleAction",
            ".complete_lifecycle_action()",
        )],
    ),
    can(
        "DeleteObject",
        // On a condition, as it is done, it also takes s3:GetObject.
        &[("s3:DeleteObject", ".delete_object()")],
    ),
    can(
        "DeleteParameters",
        &[
            ("ssm:DeleteParameter", ".delete_parameter()"),
            ("ssm:DeleteParameters", ".delete_parameters()"),
        ],
    ),
    can(
        "DescribeCluster",
        &[("eks:DescribeCluster", ".describe_cluster()")],
    ),
    can(
        "DescribeDatabases",
        &[("rds:DescribeDBInstances", ".describe_db_instances()")],
    ),
    can(
        "DescribeGroups",
        &[(
            "autoscaling:DescribeAutoScalingGroups",
            ".describe_auto_scaling_groups()",
        )],
    ),
    can(
        "DescribeHooks",
        &[(
            "autoscaling:DescribeLifecycleHooks",
            ".describe_lifecycle_hooks()",
        )],
    ),
    can("DescribeImages", &[("ecr:DescribeImages", ".describe_images()")]),
    can(
        "DescribeMachines",
        &[("ec2:DescribeInstances", "\"DescribeInstances\"")],
    ),
    can(
        "DescribeNodegroups",
        &[
            ("eks:ListNodegroups", ".list_nodegroups()"),
            ("eks:DescribeNodegroup", ".describe_nodegroup()"),
        ],
    ),
    can("FindSecret", &[("ssm:GetParameter", ".get_parameter()")]),
    can(
        "GetToken",
        &[("ecr:GetAuthorizationToken", ".get_authorization_token()")],
    ),
    can(
        "GetLifecyclePolicy",
        &[("ecr:GetLifecyclePolicy", ".get_lifecycle_policy()")],
    ),
    can("ListObjects", &[("s3:ListBucket", ".list_objects_v2()")]),
    can(
        "ListParameters",
        &[("ssm:DescribeParameters", ".describe_parameters()")],
    ),
    can("ParkMessage", &[("sqs:SendMessage", ".send_message()")]),
    can("PutEvents", &[("events:PutEvents", ".put_events()")]),
    can("PutParameter", &[("ssm:PutParameter", ".put_parameter()")]),
    can("ReadObject", &[("s3:GetObject", ".get_object()")]),
    can(
        "ReadPlatforms",
        &[
            ("ecr:BatchGetImage", ".batch_get_image()"),
            ("ecr:GetDownloadUrlForLayer", ".get_download_url_for_layer()"),
        ],
    ),
    can("ReadSecret", &[("ssm:GetParameter", ".get_parameter()")]),
    can(
        "RecordHeartbeat",
        &[(
            "autoscaling:RecordLifecycleActionHeartbeat",
            ".record_lifecycle_action_heartbeat()",
        )],
    ),
    can(
        "ResizeGroup",
        &[(
            "autoscaling:UpdateAutoScalingGroup",
            ".update_auto_scaling_group()",
        )],
    ),
    can(
        "ResizeNodegroup",
        &[("eks:UpdateNodegroupConfig", ".update_nodegroup_config()")],
    ),
    can(
        "StartDatabase",
        &[("rds:StartDBInstance", ".start_db_instance()")],
    ),
    can("StopDatabase", &[("rds:StopDBInstance", ".stop_db_instance()")]),
    can(
        "TagDatabase",
        &[
            ("rds:AddTagsToResource", ".add_tags_to_resource()"),
            ("rds:RemoveTagsFromResource", ".remove_tags_from_resource()"),
        ],
    ),
    can(
        "TagGroup",
        &[
            ("autoscaling:CreateOrUpdateTags", ".create_or_update_tags()"),
            ("autoscaling:DeleteTags", ".delete_tags()"),
        ],
    ),
    can(
        "TagNodegroup",
        &[
            ("eks:TagResource", ".tag_resource()"),
            ("eks:UntagResource", ".untag_resource()"),
        ],
    ),
    can("WriteObject", &[("s3:PutObject", ".put_object()")]),
];

/// Statements of several capabilities, of which none is of use without the others: what is put to sleep must be woken.
const TOGETHER: [(&str, &[&str]); 2] = [
    ("KeepSizes", &["DeleteObject", "ReadObject", "WriteObject"]),
    ("StopAndStartDatabases", &["StartDatabase", "StopDatabase"]),
];

/// Actions that AWS itself or others take in the name of a role, by statement.
const TAKEN_BY_AWS: [(&str, &[&str]); 9] = [
    (
        "PollQueue",
        &[
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ReceiveMessage",
        ],
    ),
    ("WriteLogs", &["logs:CreateLogStream", "logs:PutLogEvents"]),
    // Parameter Store encrypts and decrypts for whoever asks, and tags what it creates.
    ("DecryptKubeconfig", &["kms:Decrypt"]),
    ("EncryptTokens", &["kms:Decrypt", "kms:Encrypt"]),
    ("TagTokens", &["ssm:AddTagsToResource"]),
    (
        "AttachToVpc",
        &[
            "ec2:AssignPrivateIpAddresses",
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:UnassignPrivateIpAddresses",
        ],
    ),
    // Nodes pull with the tokens of a role.
    ("PullImages", &["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]),
    ("InvokeFunction", &["lambda:InvokeFunction"]),
    ("KeepUndeliveredTicks", &["sqs:SendMessage"]),
];

/// Statements whose actions know no resources.
const ON_EVERYTHING: [&str; 7] = [
    "AttachToVpc",
    "FindGroups",
    "FindMachines",
    "GetRegistryTokens",
    "ListParameters",
    "NoNetworkInterfacesFromCode",
    "ReadHooks",
];

fn of_roles() -> Vec<Statement<'static>> {
    let roles = statements(&TEMPLATE).into_iter();
    roles
        .filter(|statement| TEMPLATE["Resources"][statement.owner]["Type"] == "AWS::IAM::Role")
        .collect()
}

fn is_taken_by_aws(statement: &Statement<'_>) -> bool {
    TAKEN_BY_AWS.iter().any(|(sid, _)| *sid == statement.sid())
}

/// What the code of a function takes, by the capabilities that it asks for.
fn taken_by_code(function: Function) -> BTreeSet<&'static str> {
    let asked = CAPABILITIES
        .iter()
        .filter(|capability| function.asks_for(capability.name).unwrap());
    asked.flat_map(Capability::action_names).collect()
}

#[test]
fn no_statement_allows_every_action_of_a_service_or_is_nameless() {
    let all = statements(&TEMPLATE);
    assert!(all.len() > 30, "{} statements", all.len());
    for statement in all {
        assert!(
            !statement.sid().is_empty(),
            "{}: a statement without a Sid",
            statement.owner
        );
        for action in statement.actions() {
            assert!(
                !action.contains('*'),
                "{} {}: {action}",
                statement.owner,
                statement.sid()
            );
        }
        assert!(statement.body["NotAction"].is_null() && statement.body["NotResource"].is_null());
    }
}

#[test]
fn only_actions_that_know_no_resources_are_on_everything() {
    let wide: BTreeSet<&str> = of_roles()
        .iter()
        .filter(|statement| one_or_many(&statement.body["Resource"]).any(|resource| resource == "*"))
        .map(Statement::sid)
        .collect();
    assert_eq!(wide, BTreeSet::from(ON_EVERYTHING));
}

#[test]
fn groups_are_written_to_only_where_they_are_enrolled_and_never_by_node_join() {
    for statement in of_roles() {
        let writes =
            |action: &&str| action.starts_with("autoscaling:") && !action.starts_with("autoscaling:Describe");
        if statement.actions().iter().any(writes) {
            let tag =
                &statement.body["Condition"]["StringEquals"]["autoscaling:ResourceTag/lamplighter:cluster"];
            assert_eq!(tag["Ref"], "ClusterName", "{}", statement.sid());
            assert_ne!(statement.owner, "NodeJoinRole", "{}", statement.sid());
        }
    }
}

#[test]
fn every_role_allows_exactly_what_the_code_of_its_function_takes() {
    for function in FUNCTIONS {
        let role = function.resource("Role");
        let all = of_roles();
        let own = all
            .iter()
            .filter(|statement| statement.owner == role && statement.allows());
        let by_code = own.filter(|statement| !is_taken_by_aws(statement));
        let allowed: BTreeSet<&str> = by_code.flat_map(Statement::actions).collect();
        assert_eq!(allowed, taken_by_code(function), "{role}");
    }
}

#[test]
fn every_statement_is_one_capability_or_what_aws_takes_itself() {
    let mut taken = BTreeSet::new();
    for statement in of_roles().into_iter().filter(Statement::allows) {
        let sid = statement.sid();
        let actions: BTreeSet<&str> = statement.actions().into_iter().collect();
        if let Some((_, known)) = TAKEN_BY_AWS.iter().find(|(name, _)| *name == sid) {
            assert_eq!(actions, known.iter().copied().collect(), "{sid}");
            taken.insert(sid);
        } else if let Some((_, names)) = TOGETHER.iter().find(|(name, _)| *name == sid) {
            let parts = CAPABILITIES
                .iter()
                .filter(|capability| names.contains(&capability.name));
            assert_eq!(
                actions,
                parts.flat_map(Capability::action_names).collect(),
                "{sid}"
            );
        } else {
            let is_one = CAPABILITIES
                .iter()
                .any(|capability| actions == capability.action_names().collect());
            assert!(is_one, "{} {sid}: {actions:?}", statement.owner);
        }
    }
    assert_eq!(taken, TAKEN_BY_AWS.iter().map(|(sid, _)| *sid).collect());
}

#[test]
fn no_call_of_an_aws_service_is_missing_from_the_table() {
    // The operations of an SDK client are methods without arguments whose names start with a verb.
    let verbs = [
        "add_",
        "assume_",
        "batch_",
        "complete_",
        "create_",
        "delete_",
        "describe_",
        "get_",
        "list_",
        "put_",
        "record_",
        "remove_",
        "send_",
        "start_",
        "stop_",
        "tag_resource",
        "untag_",
        "update_",
    ];
    let (sdk, ec2) = (
        code("shared/aws/src").unwrap(),
        code("shared/aws-ec2/src").unwrap(),
    );
    let calls = sdk
        .match_indices("()")
        .filter_map(|(end, _)| sdk[..end].rsplit('.').next());
    let operations = calls.filter(|call| verbs.iter().any(|verb| call.starts_with(verb)));
    let made: BTreeSet<String> = operations
        .filter(|call| !call.contains(char::is_whitespace))
        .map(|call| format!(".{call}()"))
        .collect();
    let known = CAPABILITIES.iter().flat_map(|capability| capability.actions);
    let (of_ec2, of_sdk): (Vec<_>, Vec<_>) = known.partition(|(action, _)| action.starts_with("ec2:"));
    assert_eq!(made, of_sdk.iter().map(|(_, call)| (*call).to_owned()).collect());
    for (action, call) in of_ec2 {
        assert!(ec2.contains(call), "{action}: nothing calls it");
    }
    assert_eq!(ec2.matches("\"Action\"").count(), 1, "one operation of EC2");
}

#[test]
fn the_variables_of_each_function_are_those_that_its_configuration_reads() {
    for function in FUNCTIONS {
        let properties = &TEMPLATE["Resources"][function.resource("Function")]["Properties"];
        let set = properties["Environment"]["Variables"]
            .as_object()
            .unwrap()
            .keys()
            .cloned();
        assert_eq!(
            set.collect::<BTreeSet<String>>(),
            function.variables().unwrap(),
            "{}",
            function.name
        );
    }
}
