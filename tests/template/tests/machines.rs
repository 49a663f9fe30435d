//! Who reads what a machine joins with: the policy for the machines' roles, the policy of the key and that of the function that issues it.
//! The emulator knows neither `ec2:SourceInstanceARN` nor variables in conditions, so this is shown by an evaluator that does.
//!
//! Cases 7 and 8 of `join-and-label.md`, section 9.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

use std::sync::LazyLock;

use emulator::Tools;
use serde_json::{Value, json};
use template::evaluator::{Decision, Request, evaluate};
use template::{Values, statements};

static TEMPLATE: LazyLock<Value> =
    LazyLock::new(|| template::translated(&Tools::ensure(&|_line| ()).unwrap()).unwrap());

const PREFIX: &str = "arn:aws:ssm:eu-central-1:111122223333:parameter";
const OWN: &str = "arn:aws:ec2:eu-central-1:111122223333:instance/i-0a";
const OTHER: &str = "arn:aws:ec2:eu-central-1:111122223333:instance/i-0b";
const GROUP: &str =
    "arn:aws:autoscaling:eu-central-1:111122223333:autoScalingGroup:u:autoScalingGroupName/workers";

/// The statements of a resource of the stack, as they are deployed for the cluster `blue`.
fn policy(owner: &str) -> Vec<Value> {
    let values = Values::new(
        &[("DeploymentId", "lamplighter"), ("ClusterName", "blue")],
        &["JoinsNodes", "CreatesJoinKey"],
    );
    let all = statements(&TEMPLATE).into_iter();
    let found: Vec<Value> = all
        .filter(|statement| statement.owner == owner)
        .map(|statement| values.resolve(statement.body))
        .collect();
    assert!(!found.is_empty(), "{owner} has no statements");
    found
}

/// What machines' roles often have beside it, and more: `AmazonSSMManagedInstanceCore` allows reading every parameter, this all.
fn with_everything(policy: &[Value]) -> Vec<Value> {
    let mut statements = policy.to_vec();
    statements.push(json!({"Sid": "Everything", "Effect": "Allow", "Action": "*", "Resource": "*"}));
    statements
}

fn parameter(instance: &str) -> String {
    format!("{PREFIX}/lamplighter/blue/join/{instance}")
}

/// A request of the machine `i-0a`.
fn of_machine(action: &str, resource: &str) -> Request {
    Request::new(action, resource).with("ec2:SourceInstanceARN", OWN)
}

/// A request for the parameter of the machine with this ARN.
fn about(request: Request, instance_arn: &str) -> Request {
    request.with("aws:ResourceTag/InstanceArn", instance_arn)
}

/// Everything that a machine must not do, by what it is.
fn forbidden() -> Vec<(&'static str, Request)> {
    let others = parameter("i-0b");
    let mut forbidden = Vec::new();
    for action in ["GetParameter", "GetParameters"] {
        let action = format!("ssm:{action}");
        forbidden.push(("another machine's", about(of_machine(&action, &others), OTHER)));
        let elsewhere = format!("{PREFIX}/lamplighter/green/join/i-0b");
        forbidden.push((
            "that of a machine of another cluster",
            about(of_machine(&action, &elsewhere), OTHER),
        ));
        forbidden.push(("nobody's", of_machine(&action, &parameter("i-0c"))));
        forbidden.push((
            "its own from elsewhere",
            about(Request::new(&action, &parameter("i-0a")), OWN),
        ));
        forbidden.push((
            "nobody's from elsewhere",
            Request::new(&action, &parameter("i-0c")),
        ));
    }
    for path in [
        "/",
        "/lamplighter",
        "/lamplighter/",
        "/lamplighter/blue",
        "/lamplighter/blue/",
        "/lamplighter/blue/join",
        "/lamplighter/blue/join/",
    ] {
        forbidden.push((
            "a listing",
            of_machine("ssm:GetParametersByPath", &format!("{PREFIX}{path}")),
        ));
    }
    forbidden.push((
        "old values",
        about(of_machine("ssm:GetParameterHistory", &others), OTHER),
    ));
    for action in [
        "PutParameter",
        "DeleteParameter",
        "DeleteParameters",
        "AddTagsToResource",
        "RemoveTagsFromResource",
    ] {
        forbidden.push((
            "changing another machine's",
            about(of_machine(&format!("ssm:{action}"), &others), OTHER),
        ));
        forbidden.push((
            "changing its own",
            about(of_machine(&format!("ssm:{action}"), &parameter("i-0a")), OWN),
        ));
    }
    let hook = of_machine("autoscaling:CompleteLifecycleAction", GROUP);
    forbidden.push((
        "completing a hook",
        hook.with("autoscaling:ResourceTag/lamplighter:cluster", "blue"),
    ));
    forbidden
}

#[test]
fn a_machine_reads_its_own_parameter_with_this_policy_alone() {
    let policy = policy("NodeJoinPolicy");
    let request = about(of_machine("ssm:GetParameter", &parameter("i-0a")), OWN);
    assert_eq!(evaluate(&policy, &request), Decision::Allowed);
    assert_eq!(evaluate(&with_everything(&policy), &request), Decision::Allowed);
}

#[test]
fn cases_7_and_8_nothing_of_others_and_nothing_without_an_instance_whatever_else_the_role_may() {
    let policy = policy("NodeJoinPolicy");
    for (what, request) in forbidden() {
        assert_ne!(
            evaluate(&policy, &request),
            Decision::Allowed,
            "{what}: {request:?}"
        );
        assert_eq!(
            evaluate(&with_everything(&policy), &request),
            Decision::Denied,
            "{what}: {request:?}"
        );
    }
}

#[test]
fn without_any_single_one_of_its_denials_something_forbidden_would_be_allowed() {
    let policy = policy("NodeJoinPolicy");
    let denials: Vec<&Value> = policy
        .iter()
        .filter(|statement| statement["Effect"] == "Deny")
        .collect();
    assert!(denials.len() > 4, "{} denials", denials.len());
    for denial in denials {
        let lacking: Vec<Value> = policy
            .iter()
            .filter(|statement| *statement != denial)
            .cloned()
            .collect();
        let lacking = with_everything(&lacking);
        let allowed = forbidden()
            .into_iter()
            .any(|(_, request)| evaluate(&lacking, &request) == Decision::Allowed);
        assert!(allowed, "{} denies nothing that the others don't", denial["Sid"]);
    }
}

#[test]
fn what_is_none_of_its_business_is_left_to_the_roles_other_policies() {
    let policy = with_everything(&policy("NodeJoinPolicy"));
    let hook = of_machine("autoscaling:CompleteLifecycleAction", GROUP);
    for request in [
        of_machine("ssm:GetParameter", &format!("{PREFIX}/app/setting")),
        of_machine("ssm:GetParametersByPath", &format!("{PREFIX}/app")),
        hook.with("autoscaling:ResourceTag/lamplighter:cluster", "green"),
    ] {
        assert_eq!(evaluate(&policy, &request), Decision::Allowed, "{request:?}");
    }
}

#[test]
fn the_key_decrypts_through_parameter_store_and_join_parameters_only() {
    let context = "kms:EncryptionContext:PARAMETER_ARN";
    let through = |request: Request| request.with("kms:ViaService", "ssm.eu-central-1.amazonaws.com");
    for owner in ["NodeJoinPolicy", "NodeJoinRole", "JoinKey"] {
        let policy = policy(owner);
        let decrypt = Request::new("kms:Decrypt", "JoinKey.Arn");
        let good = through(decrypt.clone()).with(context, &parameter("i-0a"));
        assert_eq!(evaluate(&policy, &good), Decision::Allowed, "{owner}");
        for bad in [
            decrypt.clone(),
            decrypt.clone().with(context, &parameter("i-0a")),
            through(decrypt.clone()),
            through(decrypt.clone()).with(context, &format!("{PREFIX}/app/setting")),
            decrypt
                .with("kms:ViaService", "s3.eu-central-1.amazonaws.com")
                .with(context, &parameter("i-0a")),
        ] {
            assert_eq!(evaluate(&policy, &bad), Decision::NotAllowed, "{owner}: {bad:?}");
        }
    }
}

#[test]
fn a_parameter_is_issued_only_with_its_tags_and_under_the_clusters_prefix() {
    let policy = policy("NodeJoinRole");
    for action in ["ssm:PutParameter", "ssm:AddTagsToResource"] {
        let tagged = |deployment: &str, cluster: &str| {
            Request::new(action, &parameter("i-0a"))
                .with("aws:RequestTag/lamplighter:deployment", deployment)
                .with("aws:RequestTag/lamplighter:cluster", cluster)
        };
        let good = tagged("lamplighter", "blue").with("aws:RequestTag/InstanceArn", OWN);
        assert_eq!(evaluate(&policy, &good), Decision::Allowed, "{action}");
        let mut elsewhere = good.clone();
        elsewhere.resource = format!("{PREFIX}/lamplighter/green/join/i-0a");
        for bad in [
            Request::new(action, &parameter("i-0a")),
            tagged("lamplighter", "blue"),
            tagged("lamplighter", "green").with("aws:RequestTag/InstanceArn", OWN),
            tagged("other", "blue").with("aws:RequestTag/InstanceArn", OWN),
            elsewhere,
        ] {
            assert_eq!(evaluate(&policy, &bad), Decision::NotAllowed, "{action}: {bad:?}");
        }
    }
}
