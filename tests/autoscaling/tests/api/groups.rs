//! Groups, their tags and hooks, and how they are described.

use aws_sdk_autoscaling::types::{Filter, Tag};

use crate::support::{ACCOUNT, LAUNCHING, REGION, TERMINATING, World, hook, refusal, seconds};

fn tag(group: &str, key: &str, value: &str, propagate: bool) -> Tag {
    let tag = Tag::builder()
        .resource_id(group)
        .resource_type("auto-scaling-group");
    tag.key(key).value(value).propagate_at_launch(propagate).build()
}

fn filter(name: &str, values: &[&str]) -> Filter {
    let values = values.iter().map(|&value| value.to_owned()).collect();
    Filter::builder().name(name).set_values(Some(values)).build()
}

impl World {
    /// Three groups: `one` (team a, env prod), `two` (team b, env prod), `three` (env test).
    async fn tagged() -> Self {
        let world = Self::new().await;
        for name in ["one", "two", "three"] {
            world.group(name, 0, &[]).await;
        }
        let tags = [
            tag("one", "team", "a", true),
            tag("one", "env", "prod", false),
            tag("two", "team", "b", true),
            tag("two", "env", "prod", false),
            tag("three", "env", "test", false),
        ];
        world
            .client
            .create_or_update_tags()
            .set_tags(Some(tags.to_vec()))
            .send()
            .await
            .unwrap();
        world
    }

    async fn filtered(&self, filters: &[Filter]) -> Vec<String> {
        let request = self
            .client
            .describe_auto_scaling_groups()
            .set_filters(Some(filters.to_vec()));
        let groups = request.send().await.unwrap().auto_scaling_groups.unwrap();
        groups
            .into_iter()
            .filter_map(|group| group.auto_scaling_group_name)
            .collect()
    }

    async fn tags(&self, filters: &[Filter]) -> Vec<(String, String)> {
        let request = self.client.describe_tags().set_filters(Some(filters.to_vec()));
        let tags = request.send().await.unwrap().tags.unwrap();
        tags.into_iter()
            .map(|tag| (tag.resource_id.unwrap(), tag.key.unwrap()))
            .collect()
    }
}

#[tokio::test]
async fn groups_are_filtered_by_tags() {
    let world = World::tagged().await;
    assert_eq!(world.filtered(&[filter("tag:team", &["a"])]).await, ["one"]);
    assert_eq!(
        world.filtered(&[filter("tag:team", &["a", "b"])]).await,
        ["one", "two"]
    );
    assert_eq!(
        world.filtered(&[filter("tag-key", &["team"])]).await,
        ["one", "two"]
    );
    assert_eq!(
        world.filtered(&[filter("tag-value", &["test", "b"])]).await,
        ["three", "two"]
    );
    assert_eq!(
        world
            .filtered(&[filter("tag:env", &["prod"]), filter("tag:team", &["b"])])
            .await,
        ["two"]
    );
    assert_eq!(world.filtered(&[filter("tag:env", &["a"])]).await, [""; 0]);
    let request = world
        .client
        .describe_auto_scaling_groups()
        .filters(filter("color", &["red"]));
    let (code, message) = refusal(&request.send().await.unwrap_err());
    assert_eq!(code, "ValidationError");
    assert!(
        message.starts_with("Filter type color is not correct."),
        "{message}"
    );
}

#[tokio::test]
async fn tags_are_described_changed_and_deleted() {
    let world = World::tagged().await;
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|&(group, key)| (group.to_owned(), key.to_owned()))
            .collect()
    };
    assert_eq!(
        world.tags(&[filter("auto-scaling-group", &["one"])]).await,
        pairs(&[("one", "env"), ("one", "team")])
    );
    assert_eq!(
        world
            .tags(&[filter("key", &["team"]), filter("value", &["b"])])
            .await,
        pairs(&[("two", "team")])
    );
    assert_eq!(
        world
            .tags(&[filter("propagate-at-launch", &["true"])])
            .await
            .len(),
        2
    );

    world
        .client
        .create_or_update_tags()
        .tags(tag("one", "team", "c", false))
        .send()
        .await
        .unwrap();
    let changed = world.describe("one").await.unwrap().tags.unwrap();
    assert_eq!(
        (changed[1].value.as_deref(), changed[1].propagate_at_launch),
        (Some("c"), Some(false))
    );

    let delete = |tag| world.client.delete_tags().tags(tag).send();
    let without_value = |group, key| {
        Tag::builder()
            .resource_id(group)
            .resource_type("auto-scaling-group")
            .key(key)
            .build()
    };
    delete(tag("one", "team", "other value", false)).await.unwrap();
    assert_eq!(
        world.tags(&[filter("key", &["team"])]).await.len(),
        2,
        "another value stays"
    );
    delete(without_value("one", "team")).await.unwrap();
    assert_eq!(
        world.tags(&[filter("key", &["team"])]).await,
        pairs(&[("two", "team")])
    );

    let missing = world
        .client
        .create_or_update_tags()
        .tags(tag("one", "x", "y", false));
    let missing = missing
        .tags(tag("nobody", "x", "y", false))
        .send()
        .await
        .unwrap_err();
    let words = "AutoScalingGroup not found - AutoScaling Group nobody not found";
    assert_eq!(
        refusal(&missing),
        ("ValidationError".to_owned(), words.to_owned())
    );
    assert!(
        world.tags(&[filter("key", &["x"])]).await.is_empty(),
        "all or nothing"
    );
}

#[tokio::test]
async fn groups_instances_and_tags_come_in_pages() {
    let world = World::tagged().await;
    world.group("nodes", 5, &[]).await;
    world.reach("nodes", &["InService"; 5]).await;

    let mut pages = world
        .client
        .describe_auto_scaling_groups()
        .into_paginator()
        .page_size(3)
        .send();
    let mut sizes = Vec::new();
    while let Some(page) = pages.next().await {
        sizes.push(page.unwrap().auto_scaling_groups().len());
    }
    assert_eq!(sizes, [3, 1]);

    let instances = world
        .client
        .describe_auto_scaling_instances()
        .into_paginator()
        .page_size(2)
        .items()
        .send();
    let instances = instances.collect::<Result<Vec<_>, _>>().await.unwrap();
    let mut ids: Vec<_> = instances.into_iter().filter_map(|it| it.instance_id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 5);

    let tags = world
        .client
        .describe_tags()
        .into_paginator()
        .page_size(2)
        .items()
        .send();
    assert_eq!(tags.collect::<Result<Vec<_>, _>>().await.unwrap().len(), 5);

    let request = world
        .client
        .describe_auto_scaling_groups()
        .next_token("not one of ours");
    assert_eq!(refusal(&request.send().await.unwrap_err()).0, "InvalidNextToken");
}

#[tokio::test]
async fn a_group_is_described_as_it_was_made() {
    let world = World::new().await;
    world.group("nodes", 1, &[]).await;
    world.reach("nodes", &["InService"]).await;
    let group = world.describe("nodes").await.unwrap();
    let arn = group.auto_scaling_group_arn.unwrap();
    let prefix = format!("arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:");
    assert!(
        arn.starts_with(&prefix) && arn.ends_with(":autoScalingGroupName/nodes"),
        "{arn}"
    );
    let sizes = (
        group.min_size,
        group.max_size,
        group.desired_capacity,
        group.default_cooldown,
    );
    assert_eq!(sizes, (Some(0), Some(9), Some(1), Some(300)));
    assert_eq!(group.health_check_type.as_deref(), Some("EC2"));
    assert_eq!(group.created_time.unwrap().secs(), 1_772_366_400);
    assert_eq!(group.termination_policies.unwrap(), ["Default"]);
    let template = group.launch_template.unwrap();
    assert_eq!(
        template.launch_template_id.as_deref(),
        Some("lt-00000000000000001")
    );
    assert_eq!(template.version.as_deref(), Some("$Latest"));
    let instance = &group.instances.unwrap()[0];
    assert_eq!(
        instance.launch_template.as_ref().unwrap().version.as_deref(),
        Some("1")
    );
    assert_eq!(instance.instance_type.as_deref(), Some("m7g.large"));
}

#[tokio::test]
async fn a_group_goes_when_it_is_empty_or_by_force_without_its_hooks() {
    let world = World::new().await;
    world
        .group("nodes", 2, &[hook("drain", TERMINATING, "CONTINUE")])
        .await;
    world.reach("nodes", &["InService"; 2]).await;
    let delete = |force| {
        world
            .client
            .delete_auto_scaling_group()
            .auto_scaling_group_name("nodes")
            .force_delete(force)
            .send()
    };
    assert_eq!(refusal(&delete(false).await.unwrap_err()).0, "ResourceInUse");
    let zero = world
        .client
        .set_desired_capacity()
        .auto_scaling_group_name("nodes")
        .desired_capacity(0);
    zero.send().await.unwrap();
    assert_eq!(world.states("nodes").await, ["Terminating:Wait"; 2]);
    assert_eq!(
        refusal(&delete(false).await.unwrap_err()).0,
        "ScalingActivityInProgress"
    );
    world.fleet.refuse(Some("not yet"));
    delete(true).await.unwrap();
    let group = world.describe("nodes").await.unwrap();
    assert_eq!(group.status.as_deref(), Some("Delete in progress"));
    let again = world
        .complete("nodes", "drain", &world.token("drain"), "CONTINUE")
        .await
        .unwrap_err();
    assert!(
        again.1.starts_with("No active Lifecycle Action found"),
        "{}",
        again.1
    );
    world.fleet.refuse(None);
    // A termination that was refused is asked for again after ten seconds.
    world.pass(seconds(10));
    world
        .until("no instance left", || world.fleet.running().is_empty())
        .await;
    world.reach("nodes", &[]).await;
    assert!(world.describe("nodes").await.is_none());

    world.group("nodes", 0, &[]).await;
    delete(false).await.unwrap();
    assert!(world.describe("nodes").await.is_none());
}

#[tokio::test]
async fn hooks_are_put_changed_and_described() {
    let world = World::new().await;
    world.group("nodes", 0, &[]).await;
    let put = || {
        let put = world.client.put_lifecycle_hook().auto_scaling_group_name("nodes");
        put.lifecycle_hook_name("ready")
    };
    let (code, message) = refusal(&put().send().await.unwrap_err());
    assert_eq!(code, "ValidationError");
    assert!(message.contains("'lifecycleTransition'"), "{message}");
    put().lifecycle_transition(LAUNCHING).send().await.unwrap();
    let describe = || async {
        let request = world
            .client
            .describe_lifecycle_hooks()
            .auto_scaling_group_name("nodes");
        request
            .lifecycle_hook_names("ready")
            .send()
            .await
            .unwrap()
            .lifecycle_hooks
            .unwrap()
            .pop()
            .unwrap()
    };
    let hook = describe().await;
    assert_eq!(
        (hook.heartbeat_timeout, hook.global_timeout),
        (Some(3600), Some(172_800))
    );
    assert_eq!(hook.default_result.as_deref(), Some("ABANDON"));
    put()
        .heartbeat_timeout(30)
        .notification_metadata("{}")
        .send()
        .await
        .unwrap();
    let hook = describe().await;
    assert_eq!(
        (hook.heartbeat_timeout, hook.global_timeout),
        (Some(30), Some(3000))
    );
    assert_eq!(hook.lifecycle_transition.as_deref(), Some(LAUNCHING));
    assert_eq!(hook.notification_metadata.as_deref(), Some("{}"));
}

#[tokio::test]
async fn a_group_has_fifty_hooks_at_most() {
    let world = World::new().await;
    world.group("nodes", 0, &[]).await;
    let put = |number: u32| {
        let put = world.client.put_lifecycle_hook().auto_scaling_group_name("nodes");
        put.lifecycle_hook_name(format!("hook-{number}"))
            .lifecycle_transition(TERMINATING)
            .send()
    };
    for number in 1..=50 {
        put(number).await.unwrap();
    }
    put(50).await.unwrap();
    assert_eq!(refusal(&put(51).await.unwrap_err()).0, "LimitExceeded");
}
