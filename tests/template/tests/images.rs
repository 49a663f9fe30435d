//! What is particular to image-deploy in the stack.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

use std::sync::LazyLock;

use emulator::Tools;
use serde_json::Value;
use template::functions::{IMAGE_DEPLOY, PULL_SECRET};
use template::statements;

static TEMPLATE: LazyLock<Value> =
    LazyLock::new(|| template::translated(&Tools::ensure(&|_line| ()).unwrap()).unwrap());

#[test]
fn registries_are_read_by_who_deploys_pulled_from_by_who_holds_a_token_and_written_to_by_nobody() {
    let of_role = |role: &str| {
        let all = statements(&TEMPLATE);
        let own = all.iter().filter(|statement| statement.owner == role);
        let actions = own.flat_map(|statement| statement.actions().into_iter().map(str::to_owned));
        let mut found: Vec<String> = actions.filter(|action| action.starts_with("ecr:")).collect();
        found.sort_unstable();
        found
    };
    let (deploys, pulls) = (IMAGE_DEPLOY.resource("Role"), PULL_SECRET.resource("Role"));
    let reads = [
        "ecr:BatchGetImage",
        "ecr:DescribeImages",
        "ecr:GetDownloadUrlForLayer",
        "ecr:GetLifecyclePolicy",
    ];
    assert_eq!(of_role(&deploys), reads);
    assert_eq!(
        of_role(&pulls),
        [
            "ecr:BatchGetImage",
            "ecr:GetAuthorizationToken",
            "ecr:GetDownloadUrlForLayer"
        ]
    );
    for statement in statements(&TEMPLATE) {
        let is_of_ecr = statement
            .actions()
            .iter()
            .any(|action| action.starts_with("ecr:"));
        assert!(!is_of_ecr || [&deploys, &pulls].contains(&&statement.owner.to_owned()));
    }
}

#[test]
fn what_off_hours_wakes_in_this_cluster_wakes_pull_secret_first_and_nobody_else_may_invoke_it() {
    let resource = |kind: &str| &TEMPLATE["Resources"][PULL_SECRET.resource(kind)]["Properties"];
    let pattern = &resource("WakingRule")["EventPattern"];
    assert_eq!(pattern["source"], serde_json::json!(["lamplighter"]));
    assert_eq!(pattern["detail"]["action"], serde_json::json!(["waking"]));
    assert_eq!(pattern["detail"]["cluster"][0]["Ref"], "ClusterName");
    let permission = resource("WakingPermission");
    assert_eq!(permission["Principal"], "events.amazonaws.com");
    let rule = PULL_SECRET.resource("WakingRule");
    assert_eq!(template::referred(&permission["SourceArn"]), Some(rule.as_str()));
    assert_eq!(resource("Tick")["ScheduleExpression"], "rate(5 minutes)");
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
