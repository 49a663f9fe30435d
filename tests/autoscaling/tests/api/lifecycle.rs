//! The life of an instance: hooks, tokens, time-outs.

use autoscaling::LifecycleState as State;
use serde_json::json;

use crate::support::{ACCOUNT, LAUNCHING, REGION, TERMINATING, World, hook, hook_builder, refusal, seconds};

#[tokio::test]
async fn without_hooks_an_instance_goes_straight_into_service_and_out_of_it() {
    let world = World::new().await;
    world.group("plain", 1, &[]).await;
    world.reach("plain", &["InService"]).await;
    let id = world.first("plain").await;
    world.terminate(&id, true).await;
    world.reach("plain", &[]).await;
    let path = [
        State::Pending,
        State::InService,
        State::Terminating,
        State::TerminatingProceed,
        State::Terminated,
    ];
    assert_eq!(world.path(&id), path);
    assert!(world.fleet.running().is_empty());
}

#[tokio::test]
async fn a_terminating_instance_waits_for_its_hook_is_replaced_meanwhile_and_goes_when_the_token_completes() {
    let world = World::new().await;
    let drain = hook_builder("drain", TERMINATING)
        .notification_metadata("{\"pool\":1}")
        .heartbeat_timeout(300);
    world.group("nodes", 1, &[drain.build()]).await;
    world.reach("nodes", &["InService"]).await;
    let id = world.first("nodes").await;

    world.terminate(&id, false).await;
    world.reach("nodes", &["Terminating:Wait", "InService"]).await;
    assert!(world.fleet.running().contains_key(&id), "it runs while it waits");

    let event = world
        .events("EC2 Instance-terminate Lifecycle Action")
        .pop()
        .unwrap();
    let token = world.token("drain");
    let arn = world
        .describe("nodes")
        .await
        .unwrap()
        .auto_scaling_group_arn
        .unwrap();
    assert_eq!(
        event,
        json!({
            "version": "0", "id": event["id"], "source": "aws.autoscaling", "account": ACCOUNT, "region": REGION,
            "time": "2026-03-01T12:00:00Z", "resources": [arn],
            "detail-type": "EC2 Instance-terminate Lifecycle Action",
            "detail": {
                "LifecycleActionToken": token, "AutoScalingGroupName": "nodes", "LifecycleHookName": "drain",
                "EC2InstanceId": id, "LifecycleTransition": TERMINATING, "NotificationMetadata": "{\"pool\":1}",
                "Origin": "AutoScalingGroup", "Destination": "EC2",
            },
        })
    );

    world
        .complete("nodes", "drain", &token, "CONTINUE")
        .await
        .unwrap();
    world.reach("nodes", &["InService"]).await;
    assert!(!world.fleet.running().contains_key(&id));
    let path = [
        State::Pending,
        State::InService,
        State::Terminating,
        State::TerminatingWait,
        State::TerminatingProceed,
        State::Terminated,
    ];
    assert_eq!(world.path(&id), path);
    assert_eq!(
        world.events("EC2 Instance Terminate Successful")[0]["detail"]["EC2InstanceId"],
        id
    );
}

#[tokio::test]
async fn a_launching_instance_waits_for_its_hook_and_is_completed_by_its_id() {
    let world = World::new().await;
    world
        .group("nodes", 1, &[hook("ready", LAUNCHING, "ABANDON")])
        .await;
    world.reach("nodes", &["Pending:Wait"]).await;
    let id = world.first("nodes").await;
    assert_eq!(
        world.events("EC2 Instance-launch Lifecycle Action")[0]["detail"]["Origin"],
        "EC2"
    );
    assert!(world.events("EC2 Instance Launch Successful").is_empty());

    let complete = world
        .client
        .complete_lifecycle_action()
        .auto_scaling_group_name("nodes");
    let complete = complete
        .lifecycle_hook_name("ready")
        .instance_id(&id)
        .lifecycle_action_result("CONTINUE");
    complete.clone().send().await.unwrap();
    world.reach("nodes", &["InService"]).await;
    let path = [
        State::Pending,
        State::PendingWait,
        State::PendingProceed,
        State::InService,
    ];
    assert_eq!(world.path(&id), path);
    assert_eq!(world.events("EC2 Instance Launch Successful").len(), 1);

    let again = complete.send().await.unwrap_err();
    let words = format!("No active Lifecycle Action found with instance ID {id}");
    assert_eq!(refusal(&again), ("ValidationError".to_owned(), words));
}

#[tokio::test]
async fn a_token_is_accepted_once() {
    let world = World::new().await;
    world
        .group(
            "nodes",
            1,
            &[
                hook("drain", TERMINATING, "CONTINUE"),
                hook("logs", TERMINATING, "CONTINUE"),
            ],
        )
        .await;
    world.reach("nodes", &["InService"]).await;
    world.terminate(&world.first("nodes").await, true).await;
    let token = world.token("drain");
    world
        .complete("nodes", "drain", &token, "CONTINUE")
        .await
        .unwrap();
    let words = format!("No active Lifecycle Action found with token {token}");
    let refused = Err(("ValidationError".to_owned(), words));
    // While the other hook still waits, and after it has completed.
    assert_eq!(world.states("nodes").await, ["Terminating:Wait"]);
    assert_eq!(
        world.complete("nodes", "drain", &token, "CONTINUE").await,
        refused
    );
    assert_eq!(world.heartbeat("nodes", "drain", &token).await, refused);
    world
        .complete("nodes", "logs", &world.token("logs"), "CONTINUE")
        .await
        .unwrap();
    world.reach("nodes", &[]).await;
    assert_eq!(
        world.complete("nodes", "drain", &token, "CONTINUE").await,
        refused
    );
}

#[tokio::test]
async fn every_hook_of_a_transition_has_its_own_token_and_event_and_all_must_continue() {
    let world = World::new().await;
    let hooks = ["one", "two", "three"].map(|name| hook(name, TERMINATING, "ABANDON"));
    world.group("nodes", 1, &hooks).await;
    world.reach("nodes", &["InService"]).await;
    world.terminate(&world.first("nodes").await, true).await;
    assert_eq!(world.events("EC2 Instance-terminate Lifecycle Action").len(), 3);
    let tokens = ["one", "two", "three"].map(|name| world.token(name));
    assert!(tokens[0] != tokens[1] && tokens[1] != tokens[2] && tokens[0] != tokens[2]);
    for (name, token) in ["two", "one"].iter().zip([&tokens[1], &tokens[0]]) {
        world.complete("nodes", name, token, "CONTINUE").await.unwrap();
        assert_eq!(world.states("nodes").await, ["Terminating:Wait"]);
    }
    world
        .complete("nodes", "three", &tokens[2], "CONTINUE")
        .await
        .unwrap();
    world.reach("nodes", &[]).await;
}

#[tokio::test]
async fn abandon_of_a_terminating_instance_skips_the_other_hooks() {
    let world = World::new().await;
    let hooks = ["one", "two"].map(|name| hook(name, TERMINATING, "CONTINUE"));
    world.group("nodes", 1, &hooks).await;
    world.reach("nodes", &["InService"]).await;
    world.terminate(&world.first("nodes").await, true).await;
    world
        .complete("nodes", "one", &world.token("one"), "ABANDON")
        .await
        .unwrap();
    world.reach("nodes", &[]).await;
    let (code, _) = world
        .complete("nodes", "two", &world.token("two"), "CONTINUE")
        .await
        .unwrap_err();
    assert_eq!(code, "ValidationError");
}

#[tokio::test]
async fn abandon_of_a_launching_instance_terminates_and_replaces_it() {
    let world = World::new().await;
    world
        .group(
            "nodes",
            1,
            &[
                hook("ready", LAUNCHING, "CONTINUE"),
                hook("drain", TERMINATING, "CONTINUE"),
            ],
        )
        .await;
    world.reach("nodes", &["Pending:Wait"]).await;
    let id = world.first("nodes").await;
    world
        .complete("nodes", "ready", &world.token("ready"), "ABANDON")
        .await
        .unwrap();
    world.reach("nodes", &["Terminating:Wait", "Pending:Wait"]).await;
    let told = &world.events("EC2 Instance Launch Unsuccessful")[0]["detail"];
    assert_eq!(
        (&told["EC2InstanceId"], &told["StatusCode"]),
        (&id.clone().into(), &"Cancelled".into())
    );
    world
        .complete("nodes", "drain", &world.token("drain"), "CONTINUE")
        .await
        .unwrap();
    world.reach("nodes", &["Pending:Wait"]).await;
    assert_ne!(world.first("nodes").await, id);
    assert!(!world.path(&id).contains(&State::InService));
}

#[tokio::test]
async fn deleting_a_hook_ends_its_actions_first() {
    let world = World::new().await;
    world
        .group("nodes", 1, &[hook("ready", LAUNCHING, "CONTINUE")])
        .await;
    world
        .group(
            "old",
            1,
            &[
                hook("drain", TERMINATING, "ABANDON"),
                hook("logs", TERMINATING, "ABANDON"),
            ],
        )
        .await;
    world.reach("nodes", &["Pending:Wait"]).await;
    world.reach("old", &["InService"]).await;
    world.terminate(&world.first("old").await, true).await;
    let delete = |group: &str, hook: &str| {
        world
            .client
            .delete_lifecycle_hook()
            .auto_scaling_group_name(group)
            .lifecycle_hook_name(hook)
            .send()
    };
    let launching = world.first("nodes").await;
    delete("nodes", "ready").await.unwrap();
    world.reach("nodes", &["InService"]).await;
    assert_ne!(world.first("nodes").await, launching, "the launch was abandoned");
    delete("old", "drain").await.unwrap();
    assert_eq!(
        world.states("old").await,
        ["Terminating:Wait"],
        "the other hook is still waited for"
    );
    delete("old", "logs").await.unwrap();
    world.reach("old", &[]).await;
    let (code, message) = refusal(&delete("old", "logs").await.unwrap_err());
    assert_eq!(code, "ValidationError");
    assert!(message.starts_with("No Lifecycle Hook found"), "{message}");
}

#[tokio::test]
async fn an_abandoned_instance_is_retained_where_the_group_says_so() {
    use aws_sdk_autoscaling::types::{InstanceLifecyclePolicy, RetentionAction, RetentionTriggers};
    let world = World::new().await;
    world
        .group("nodes", 1, &[hook("drain", TERMINATING, "ABANDON")])
        .await;
    let retain = RetentionTriggers::builder()
        .terminate_hook_abandon(RetentionAction::Retain)
        .build();
    let policy = InstanceLifecyclePolicy::builder()
        .retention_triggers(retain)
        .build();
    let update = world
        .client
        .update_auto_scaling_group()
        .auto_scaling_group_name("nodes");
    update.instance_lifecycle_policy(policy).send().await.unwrap();
    world.reach("nodes", &["InService"]).await;
    let id = world.first("nodes").await;
    world.terminate(&id, true).await;
    world.pass(seconds(60));
    world.reach("nodes", &["Terminating:Retained"]).await;
    assert!(world.fleet.running().contains_key(&id));
    world.terminate(&id, false).await;
    world.reach("nodes", &[]).await;
}
