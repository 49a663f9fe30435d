//! Who may make network interfaces: Lambda, for a function in subnets, and never the function's own code. The emulator tells a policy
//! nothing of the function that a request comes from, so this is shown by an evaluator that does.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

use std::sync::LazyLock;

use emulator::Tools;
use serde_json::{Value, json};
use template::Values;
use template::evaluator::{Decision, Request, evaluate};
use template::functions::{FUNCTIONS, Function};

static TEMPLATE: LazyLock<Value> =
    LazyLock::new(|| template::translated(&Tools::ensure(&|_line| ()).unwrap()).unwrap());

/// What the Lambda developer guide, "Giving Lambda functions access to resources in an Amazon VPC", tells to give to the role of a
/// function in subnets.
const ACTIONS: [&str; 6] = [
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
];

/// The name of the statement that keeps the code from it.
const DENIAL: &str = "NoNetworkInterfacesFromCode";

/// The statements of a function's role as they are deployed, in subnets or not.
fn policy(function: Function, conditions: &[&str]) -> Vec<Value> {
    let parameters = [("DeploymentId", "lamplighter"), ("ClusterName", "blue")];
    let values = Values::new(&parameters, conditions);
    let role = function.resource("Role");
    let statements =
        TEMPLATE["Resources"][&role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"].clone();
    let resolved = values.resolve(&statements);
    resolved.as_array().unwrap().clone()
}

/// A request for an interface, by Lambda itself.
fn of_lambda(action: &str) -> Request {
    Request::new(action, "*")
}

/// The same by the code of a function, whose requests say which function it is.
fn of_code(function: Function, action: &str) -> Request {
    let arn = format!(
        "arn:aws:lambda:eu-central-1:111122223333:function:lamplighter-{}",
        function.name
    );
    of_lambda(action).with("lambda:SourceFunctionArn", &arn)
}

#[test]
fn lambda_makes_a_functions_network_interfaces_only_where_it_has_subnets() {
    for function in FUNCTIONS {
        for action in ACTIONS {
            for (conditions, expected) in [(&["UsesVpc"][..], Decision::Allowed), (&[], Decision::NotAllowed)]
            {
                let decided = evaluate(&policy(function, conditions), &of_lambda(action));
                assert_eq!(decided, expected, "{} {action} {conditions:?}", function.name);
            }
        }
    }
}

#[test]
fn a_functions_code_makes_none_whatever_else_its_role_may_and_without_the_denial_it_would() {
    for function in FUNCTIONS {
        let mut generous = policy(function, &["UsesVpc"]);
        generous.push(json!({"Sid": "Everything", "Effect": "Allow", "Action": "*", "Resource": "*"}));
        let mut without = generous.clone();
        without.retain(|statement| statement["Sid"] != DENIAL);
        for action in ACTIONS {
            let request = of_code(function, action);
            assert_eq!(
                evaluate(&generous, &request),
                Decision::Denied,
                "{} {action}",
                function.name
            );
            assert_eq!(
                evaluate(&without, &request),
                Decision::Allowed,
                "{} {action}",
                function.name
            );
        }
    }
}
