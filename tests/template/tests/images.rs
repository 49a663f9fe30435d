//! What is particular to image-deploy in the stack.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

use std::sync::LazyLock;

use emulator::Tools;
use serde_json::Value;
use template::functions::IMAGE_DEPLOY;
use template::statements;

static TEMPLATE: LazyLock<Value> =
    LazyLock::new(|| template::translated(&Tools::ensure(&|_line| ()).unwrap()).unwrap());

#[test]
fn registries_are_read_by_image_deploy_alone_and_written_to_by_nobody() {
    let reads = ["ecr:BatchGetImage", "ecr:DescribeImages"];
    let mut found = Vec::new();
    for statement in statements(&TEMPLATE) {
        for action in statement.actions() {
            if action.starts_with("ecr:") {
                assert_eq!(statement.owner, IMAGE_DEPLOY.resource("Role"), "{action}");
                let resource = statement.body["Resource"]["Fn::Sub"].as_str().unwrap();
                assert!(
                    resource.ends_with(":repository/${ImageRepositories}"),
                    "{resource}"
                );
                found.push(action);
            }
        }
    }
    found.sort_unstable();
    assert_eq!(found, reads);
}

#[test]
fn only_images_with_a_tag_wake_it() {
    let rule = &TEMPLATE["Resources"][IMAGE_DEPLOY.resource("Rule")]["Properties"]["EventPattern"];
    assert_eq!(rule["source"], serde_json::json!(["aws.ecr"]));
    assert_eq!(
        rule["detail"]["image-tag"],
        serde_json::json!([{ "anything-but": [""] }])
    );
    assert_eq!(rule["detail"]["result"], serde_json::json!(["SUCCESS"]));
}
