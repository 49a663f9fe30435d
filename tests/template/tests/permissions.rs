//! What the stack's roles and the function's Kubernetes identity may do, against the code that needs it: a permission without a caller is one
//! too many, a call without a permission fails in somebody's account.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what went wrong by panicking"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use emulator::Tools;
use serde_json::Value;
use template::{Statement, one_or_many, statements};

static TEMPLATE: LazyLock<Value> =
    LazyLock::new(|| template::translated(&Tools::ensure(&|_line| ()).unwrap()).unwrap());

/// The file that calls an action, and the call.
type Caller = (&'static str, &'static str);

/// Actions that our code calls.
const CALLED: [(&str, Caller); 7] = [
    (
        "autoscaling:CompleteLifecycleAction",
        (
            "shared/aws/src/autoscaling/hooks.rs",
            ".complete_lifecycle_action()",
        ),
    ),
    (
        "autoscaling:DescribeAutoScalingGroups",
        (
            "shared/aws/src/autoscaling/groups.rs",
            ".describe_auto_scaling_groups()",
        ),
    ),
    (
        "autoscaling:DescribeLifecycleHooks",
        (
            "shared/aws/src/autoscaling/hooks.rs",
            ".describe_lifecycle_hooks()",
        ),
    ),
    (
        "autoscaling:RecordLifecycleActionHeartbeat",
        (
            "shared/aws/src/autoscaling/hooks.rs",
            ".record_lifecycle_action_heartbeat()",
        ),
    ),
    (
        "eks:DescribeCluster",
        ("shared/aws/src/eks.rs", ".describe_cluster()"),
    ),
    ("sqs:SendMessage", ("shared/aws/src/sqs.rs", ".send_message()")),
    ("ssm:GetParameter", ("shared/aws/src/ssm.rs", ".get_parameter()")),
];

/// Actions that AWS itself takes in the name of a role, by statement.
const TAKEN_BY_AWS: [(&str, &[&str]); 6] = [
    (
        "PollQueue",
        &[
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ReceiveMessage",
        ],
    ),
    ("WriteLogs", &["logs:CreateLogStream", "logs:PutLogEvents"]),
    // Parameter Store decrypts for whoever asks.
    ("DecryptKubeconfig", &["kms:Decrypt"]),
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
    ("InvokeFunction", &["lambda:InvokeFunction"]),
    ("KeepUndeliveredTicks", &["sqs:SendMessage"]),
];

/// Statements whose actions know no resources.
const ON_EVERYTHING: [&str; 4] = [
    "AttachToVpc",
    "FindGroups",
    "NoNetworkInterfacesFromCode",
    "ReadHooks",
];

/// Verb, group and resource of what the function does in the cluster, with the call.
const IN_THE_CLUSTER: [(&str, &str, &str, Caller); 5] = [
    (
        "list",
        "",
        "nodes",
        ("shared/kubernetes/src/nodes.rs", "ListParams"),
    ),
    (
        "patch",
        "",
        "nodes",
        ("shared/kubernetes/src/nodes.rs", ".patch("),
    ),
    ("list", "", "pods", ("shared/kubernetes/src/pods.rs", ".list(")),
    (
        "create",
        "",
        "pods/eviction",
        (
            "shared/kubernetes/src/eviction.rs",
            ".create_subresource(\"eviction\"",
        ),
    ),
    (
        "create",
        "events.k8s.io",
        "events",
        ("shared/kubernetes/src/notices.rs", ".create("),
    ),
];

fn checkout() -> PathBuf {
    base::paths::checkout()
}

fn of_roles() -> Vec<Statement<'static>> {
    let roles = statements(&TEMPLATE).into_iter();
    roles
        .filter(|statement| TEMPLATE["Resources"][statement.owner]["Type"] == "AWS::IAM::Role")
        .collect()
}

fn assert_called(what: &str, (file, call): Caller) {
    let code = std::fs::read_to_string(checkout().join(file))
        .unwrap_or_else(|error| panic!("{what}: {file}: {error}"));
    assert!(code.contains(call), "{what}: {file} no longer has {call}");
}

#[test]
fn no_statement_allows_every_action_of_a_service_or_is_nameless() {
    let all = statements(&TEMPLATE);
    assert!(all.len() > 10, "{} statements", all.len());
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
fn lifecycle_actions_are_completed_in_enrolled_groups_only() {
    for statement in of_roles() {
        let writes =
            |action: &&str| action.starts_with("autoscaling:") && !action.starts_with("autoscaling:Describe");
        if statement.actions().iter().any(writes) {
            let tag =
                &statement.body["Condition"]["StringEquals"]["autoscaling:ResourceTag/lamplighter:cluster"];
            assert_eq!(tag["Ref"], "ClusterName", "{}", statement.sid());
        }
    }
}

#[test]
fn every_action_of_the_roles_has_a_caller_and_every_call_an_action() {
    let called: BTreeSet<&str> = CALLED.iter().map(|(action, _)| *action).collect();
    let mut found = BTreeSet::new();
    let mut taken = BTreeSet::new();
    for statement in of_roles().into_iter().filter(Statement::allows) {
        let sid = statement.sid();
        if let Some((_, actions)) = TAKEN_BY_AWS.iter().find(|(name, _)| *name == sid) {
            let mut sorted = statement.actions();
            sorted.sort_unstable();
            assert_eq!(sorted, *actions, "{sid}");
            taken.insert(sid);
        } else {
            assert_eq!(
                statement.actions().len(),
                1,
                "{sid}: one capability for each statement"
            );
            found.extend(statement.actions());
        }
    }
    assert_eq!(found, called);
    assert_eq!(taken, TAKEN_BY_AWS.iter().map(|(sid, _)| *sid).collect());
    for (action, caller) in CALLED {
        assert_called(action, caller);
    }
}

#[test]
fn no_call_of_an_aws_service_is_missing_from_the_table() {
    // The operations of an SDK client are methods without arguments whose names start with a verb.
    let verbs = [
        "assume_",
        "complete_",
        "create_",
        "delete_",
        "describe_",
        "get_",
        "list_",
        "put_",
        "record_",
        "send_",
    ];
    let mut made = BTreeSet::new();
    for file in rust_files(&checkout().join("shared/aws/src")) {
        let code = std::fs::read_to_string(&file).unwrap();
        let code = code.split("#[cfg(test)]").next().unwrap();
        let calls = code
            .match_indices("()")
            .filter_map(|(end, _)| code[..end].rsplit('.').next());
        let operations = calls.filter(|call| verbs.iter().any(|verb| call.starts_with(verb)));
        made.extend(
            operations
                .filter(|call| !call.contains(char::is_whitespace))
                .map(|call| format!(".{call}()")),
        );
    }
    let known = CALLED.iter().map(|(_, (_, call))| (*call).to_owned());
    assert_eq!(made, known.collect());
}

#[test]
fn the_kubernetes_role_is_exactly_what_the_function_does_one_rule_for_each() {
    let tools = Tools::ensure(&|_line| ()).unwrap();
    let documents = template::documents(&tools, "infra/rbac/node-drain.yaml").unwrap();
    let text = |value: &Value| {
        value
            .as_array()
            .filter(|values| values.len() == 1)
            .and_then(|values| values[0].as_str())
            .unwrap()
            .to_owned()
    };
    let rules: BTreeSet<(String, String, String)> = documents[0]["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| {
            (
                text(&rule["verbs"]),
                text(&rule["apiGroups"]),
                text(&rule["resources"]),
            )
        })
        .collect();
    let done = IN_THE_CLUSTER
        .map(|(verb, group, resource, _)| (verb.to_owned(), group.to_owned(), resource.to_owned()));
    assert_eq!(rules, BTreeSet::from(done));
    for (verb, _, resource, caller) in IN_THE_CLUSTER {
        assert_called(&format!("{verb} {resource}"), caller);
    }
    let subject = &documents[1]["subjects"][0];
    let group = &TEMPLATE["Outputs"]["NodeDrainKubernetesGroup"]["Value"];
    assert_eq!(
        (&subject["kind"], &subject["name"]),
        (&Value::from("Group"), group)
    );
}

#[test]
fn the_functions_variables_are_those_that_its_configuration_reads() {
    let mut read = BTreeSet::new();
    for file in ["functions/node-drain/src/config.rs", "shared/access/src/lib.rs"] {
        let code = std::fs::read_to_string(checkout().join(file)).unwrap();
        let code = code.split("#[cfg(test)]").next().unwrap().to_owned();
        read.extend(
            code.split('"')
                .skip(1)
                .step_by(2)
                .filter(|text| is_variable(text))
                .map(str::to_owned),
        );
    }
    let function = &TEMPLATE["Resources"]["NodeDrainFunction"]["Properties"];
    let set = function["Environment"]["Variables"]
        .as_object()
        .unwrap()
        .keys()
        .cloned();
    assert_eq!(set.collect::<BTreeSet<String>>(), read);
}

fn is_variable(text: &str) -> bool {
    text.starts_with("LAMPLIGHTER_")
        && text
            .chars()
            .all(|letter| letter.is_ascii_uppercase() || letter == '_')
}

fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            files.push(path);
        }
    }
    files
}
