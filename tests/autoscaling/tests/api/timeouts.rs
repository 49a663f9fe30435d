//! Waits that nobody ends: heartbeat time-out, global time-out, default result.

use std::sync::Arc;

use autoscaling::{Clock, Everyone, Notice};

use crate::support::{LAUNCHING, TERMINATING, World, hook, hook_builder, seconds};

#[tokio::test]
async fn the_heartbeat_timeout_ends_a_wait_with_the_default_result() {
    let world = World::new().await;
    world
        .group("nodes", 1, &[hook("drain", TERMINATING, "CONTINUE")])
        .await;
    world
        .group("fresh", 1, &[hook("ready", LAUNCHING, "ABANDON")])
        .await;
    world.reach("nodes", &["InService"]).await;
    world.reach("fresh", &["Pending:Wait"]).await;
    let fresh = world.first("fresh").await;
    world.terminate(&world.first("nodes").await, true).await;
    world.pass(seconds(59));
    assert_eq!(world.states("nodes").await, ["Terminating:Wait"]);
    assert_eq!(world.states("fresh").await, ["Pending:Wait"]);
    world.pass(seconds(1));
    world.reach("nodes", &[]).await;
    // Abandoned, and the replacement waits in its turn.
    world.reach("fresh", &["Pending:Wait"]).await;
    assert_ne!(world.first("fresh").await, fresh);
}

#[tokio::test]
async fn a_launch_hook_that_defaults_to_continue_lets_the_instance_into_service() {
    let world = World::new().await;
    world
        .group("nodes", 1, &[hook("ready", LAUNCHING, "CONTINUE")])
        .await;
    world.reach("nodes", &["Pending:Wait"]).await;
    world.pass(seconds(60));
    world.reach("nodes", &["InService"]).await;
}

#[tokio::test]
async fn heartbeats_extend_a_wait_up_to_a_hundred_timeouts() {
    let world = World::new().await;
    world
        .group("nodes", 1, &[hook("drain", TERMINATING, "CONTINUE")])
        .await;
    world.reach("nodes", &["InService"]).await;
    world.terminate(&world.first("nodes").await, true).await;
    let token = world.token("drain");
    // 133 heartbeats every 45 seconds of a time-out of 60 are 5985 seconds: just short of 100 x 60.
    for _ in 0..133 {
        world.pass(seconds(45));
        world.heartbeat("nodes", "drain", &token).await.unwrap();
    }
    assert_eq!(world.states("nodes").await, ["Terminating:Wait"]);
    world.pass(seconds(15));
    world.reach("nodes", &[]).await;
    assert!(world.heartbeat("nodes", "drain", &token).await.is_err());
}

#[tokio::test]
async fn forty_eight_hours_are_the_most_whatever_the_heartbeat_timeout() {
    let world = World::new().await;
    let drain = hook_builder("drain", TERMINATING)
        .heartbeat_timeout(7200)
        .default_result("CONTINUE");
    world.group("nodes", 1, &[drain.build()]).await;
    let described = world
        .client
        .describe_lifecycle_hooks()
        .auto_scaling_group_name("nodes")
        .send()
        .await
        .unwrap();
    assert_eq!(described.lifecycle_hooks()[0].global_timeout, Some(172_800));
    world.reach("nodes", &["InService"]).await;
    world.terminate(&world.first("nodes").await, true).await;
    let token = world.token("drain");
    for _ in 0..47 {
        world.pass(seconds(3600));
        world.heartbeat("nodes", "drain", &token).await.unwrap();
    }
    world.pass(seconds(3599));
    assert_eq!(world.states("nodes").await, ["Terminating:Wait"]);
    world.pass(seconds(1));
    world.reach("nodes", &[]).await;
}

#[tokio::test]
async fn with_a_scaled_clock_hours_pass_in_moments_and_timeouts_come_without_any_request() {
    let world = World::at_pace(Clock::scaled(36_000), Arc::new(Everyone)).await;
    let drain = hook_builder("drain", TERMINATING)
        .heartbeat_timeout(7200)
        .default_result("CONTINUE");
    world.group("nodes", 1, &[drain.build()]).await;
    world.reach("nodes", &["InService"]).await;
    let id = world.first("nodes").await;
    let began = world.clock.now();
    world.terminate(&id, true).await;
    let gone = || {
        world
            .notices()
            .iter()
            .any(|it| matches!(it, Notice::Terminated { instance_id, .. } if *instance_id == id))
    };
    world.until("the instance gone", gone).await;
    assert!(world.clock.now().duration_since(began) >= seconds(7200));
}
