//! Functions in subnets, and event source mappings, through Lambda's API and through `CloudFormation`.

use std::time::Duration;

use emulator::client::Refused;
use emulator::{Client, Element};
use reqwest::Method;
use serde_json::{Value, json};

const CLOUD_FORMATION: (&str, &str) = ("cloudformation", "2010-05-15");

/// The first of what Lambda asks for, as the role must have them all.
const INTERFACES: [&str; 3] = [
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DeleteNetworkInterface",
];

async fn role(admin: &Client, name: &str, actions: &[&str]) -> String {
    let allowed = json!([{ "Effect": "Allow", "Action": actions, "Resource": "*" }]);
    crate::common::role(admin, name, allowed).await;
    format!("arn:aws:iam::{}:role/{name}", base::aws::ACCOUNT)
}

fn function(name: &str, role: &str, subnets: &[&str]) -> Value {
    json!({
        "FunctionName": name, "Role": role, "Runtime": "python3.12", "Handler": "index.handler",
        "Code": { "ZipFile": "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==" },
        "VpcConfig": { "SubnetIds": subnets, "SecurityGroupIds": [] },
    })
}

#[tokio::test]
async fn a_function_in_subnets_needs_a_role_that_may_make_its_network_interfaces() {
    let (emulator, _) = crate::common::start(15_640).await;
    let admin = emulator.client().unwrap();
    let subnets = ["subnet-1"];
    let functions = "/2015-03-31/functions";
    let create = async |name: &str, role: &str, subnets: &[&str]| {
        let function = function(name, role, subnets);
        admin
            .rest("lambda", Method::POST, functions, Some(&function))
            .await
    };
    for (number, missing) in INTERFACES.iter().enumerate() {
        let others: Vec<&str> = INTERFACES.into_iter().filter(|one| one != missing).collect();
        let role = role(&admin, &format!("without-{number}"), &others).await;
        let error = create("refused", &role, &subnets).await.unwrap_err();
        let refused = error.downcast_ref::<Refused>().unwrap();
        let words = format!(
            "The provided execution role does not have permissions to call {} on EC2",
            missing.trim_start_matches("ec2:")
        );
        assert_eq!(refused.message, words);
    }
    let may = role(&admin, "may", &INTERFACES).await;
    create("inside", &may, &subnets).await.unwrap();
    // Moved into subnets later, by a role that may not.
    let may_not = role(&admin, "may-not", &["logs:PutLogEvents"]).await;
    create("outside", &may_not, &[]).await.unwrap();
    let path = format!("{functions}/outside/configuration");
    let moved = json!({ "VpcConfig": { "SubnetIds": subnets, "SecurityGroupIds": [] } });
    let refused = admin
        .rest("lambda", Method::PUT, &path, Some(&moved))
        .await
        .unwrap_err();
    assert!(
        format!("{refused:#}").contains("CreateNetworkInterface"),
        "{refused:#}"
    );

    let template = json!({ "Resources": { "Function": {
        "Type": "AWS::Lambda::Function",
        "Properties": function("by-stack", &may_not, &subnets),
    }}});
    let stack = stack(&admin, "refused", &template, &[]).await;
    assert_ne!(stack.text_at("StackStatus").unwrap(), "CREATE_COMPLETE");
    emulator.stop().await;
}

#[tokio::test]
async fn the_concurrency_of_a_mapping_is_a_number_also_when_it_was_a_parameter() {
    let (emulator, _) = crate::common::start(15_660).await;
    let admin = emulator.client().unwrap();
    let queue = [
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
    ];
    let template = json!({
        "Parameters": { "Concurrency": { "Type": "Number" } },
        "Resources": {
            "Queue": { "Type": "AWS::SQS::Queue" },
            "Function": {
                "Type": "AWS::Lambda::Function",
                "Properties": function("mapped", &role(&admin, "mapped", &queue).await, &[]),
            },
            "Mapping": { "Type": "AWS::Lambda::EventSourceMapping", "Properties": {
                "FunctionName": { "Ref": "Function" },
                "EventSourceArn": { "Fn::GetAtt": ["Queue", "Arn"] },
                "ScalingConfig": { "MaximumConcurrency": { "Ref": "Concurrency" } },
            }},
        },
    });
    let stack = stack(&admin, "mapped", &template, &[("Concurrency", "3")]).await;
    assert_eq!(stack.text_at("StackStatus").unwrap(), "CREATE_COMPLETE");
    let path = "/2015-03-31/event-source-mappings/";
    let mappings = admin.rest("lambda", Method::GET, path, None).await.unwrap();
    assert_eq!(
        mappings["EventSourceMappings"][0]["ScalingConfig"],
        json!({ "MaximumConcurrency": 3 })
    );
    emulator.stop().await;
}

/// Creates a stack and waits until it is made or has failed.
async fn stack(admin: &Client, name: &str, template: &Value, parameters: &[(&str, &str)]) -> Element {
    let mut request = vec![
        ("StackName".to_owned(), name.to_owned()),
        ("TemplateBody".to_owned(), template.to_string()),
    ];
    for (number, (key, value)) in (1..).zip(parameters) {
        request.push((
            format!("Parameters.member.{number}.ParameterKey"),
            (*key).to_owned(),
        ));
        request.push((
            format!("Parameters.member.{number}.ParameterValue"),
            (*value).to_owned(),
        ));
    }
    let (service, version) = CLOUD_FORMATION;
    admin
        .query(service, version, "CreateStack", request)
        .await
        .unwrap();
    for _ in 0..200 {
        let answer = admin
            .query(service, version, "DescribeStacks", [("StackName", name)])
            .await
            .unwrap();
        let stack = answer.list("DescribeStacksResult/Stacks")[0].clone();
        let status = stack.text_at("StackStatus").unwrap();
        if !status.ends_with("IN_PROGRESS") {
            return stack;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("stack {name} is not made after 20 s");
}
