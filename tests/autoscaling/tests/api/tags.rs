//! What is told of changed tags.

use aws_sdk_autoscaling::types::Tag;
use serde_json::json;

use crate::support::World;

const API_CALL: &str = "AWS API Call via CloudTrail";

fn tag(group: &str, value: Option<&str>) -> Tag {
    let tag = Tag::builder()
        .resource_id(group)
        .resource_type("auto-scaling-group")
        .key("team");
    tag.set_value(value.map(str::to_owned)).build()
}

#[tokio::test]
async fn a_call_that_changes_tags_is_told_with_all_its_groups_and_a_refused_one_is_not() {
    let world = World::new().await;
    for name in ["one", "two"] {
        world.group(name, 0, &[]).await;
    }
    let create = world.client.create_or_update_tags();
    let both = [tag("one", Some("a")), tag("two", Some("b"))];
    create.set_tags(Some(both.to_vec())).send().await.unwrap();
    let delete = world.client.delete_tags();
    delete.tags(tag("two", None)).send().await.unwrap();
    let refused = world.client.delete_tags();
    refused.tags(tag("nobody", None)).send().await.unwrap_err();

    let events = world.events(API_CALL);
    let calls: Vec<_> = events.iter().map(|event| &event["detail"]["eventName"]).collect();
    assert_eq!(calls, ["CreateOrUpdateTags", "DeleteTags"]);
    assert_eq!(events[0]["source"], "aws.autoscaling");
    let tags = events[0]["detail"]["requestParameters"]["tags"]
        .as_array()
        .unwrap();
    let groups: Vec<_> = tags.iter().map(|tag| &tag["resourceId"]).collect();
    assert_eq!(groups, ["one", "two"]);
    assert_eq!(
        events[1]["detail"]["requestParameters"]["tags"][0],
        json!({"resourceId": "two", "resourceType": "auto-scaling-group", "key": "team", "value": null, "propagateAtLaunch": false})
    );
}
