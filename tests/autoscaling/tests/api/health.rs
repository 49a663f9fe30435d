//! What a group does by itself: it replaces the unhealthy, unless that is suspended.

use crate::support::{TERMINATING, World, hook, seconds};

impl World {
    async fn suspend(&self, group: &str, process: &str) {
        let request = self.client.suspend_processes().auto_scaling_group_name(group);
        request.scaling_processes(process).send().await.unwrap();
    }

    async fn resume(&self, group: &str, process: &str) {
        let request = self.client.resume_processes().auto_scaling_group_name(group);
        request.scaling_processes(process).send().await.unwrap();
    }

    async fn mark(&self, instance: &str, health: &str, respect_grace: bool) {
        let request = self
            .client
            .set_instance_health()
            .instance_id(instance)
            .health_status(health);
        request
            .should_respect_grace_period(respect_grace)
            .send()
            .await
            .unwrap();
    }
}

const SERVING: &str = "InService";

#[tokio::test]
async fn an_unhealthy_instance_leaves_through_its_hook_and_is_replaced() {
    let world = World::new().await;
    world
        .group("nodes", 2, &[hook("drain", TERMINATING, "CONTINUE")])
        .await;
    world.reach("nodes", &[SERVING; 2]).await;
    let sick = world.first("nodes").await;
    world.mark(&sick, "Unhealthy", true).await;
    world
        .reach("nodes", &["Terminating:Wait", SERVING, SERVING])
        .await;
    let described = world
        .client
        .describe_auto_scaling_instances()
        .instance_ids(&sick)
        .send()
        .await
        .unwrap();
    assert_eq!(
        described.auto_scaling_instances()[0].health_status.as_deref(),
        Some("Unhealthy")
    );
    world.pass(seconds(60));
    world.reach("nodes", &[SERVING; 2]).await;
}

#[tokio::test]
async fn the_grace_period_shields_an_instance_from_the_health_that_is_reported() {
    let world = World::new().await;
    world.group("nodes", 1, &[]).await;
    world.reach("nodes", &[SERVING]).await;
    let update = world
        .client
        .update_auto_scaling_group()
        .auto_scaling_group_name("nodes");
    update.health_check_grace_period(300).send().await.unwrap();
    let id = world.first("nodes").await;
    world.mark(&id, "Unhealthy", true).await;
    assert_eq!(world.first("nodes").await, id);
    assert_eq!(
        world.instances("nodes").await[0].health_status.as_deref(),
        Some("Healthy")
    );
    world.pass(seconds(300));
    world.mark(&id, "Unhealthy", true).await;
    world.reach("nodes", &[SERVING]).await;
    let second = world.first("nodes").await;
    assert_ne!(second, id);
    world.mark(&second, "Unhealthy", false).await;
    world.reach("nodes", &[SERVING]).await;
    assert_ne!(world.first("nodes").await, second);
}

#[tokio::test]
async fn suspended_processes_are_not_done_until_they_are_resumed() {
    let world = World::new().await;
    world.group("nodes", 2, &[]).await;
    world.reach("nodes", &[SERVING; 2]).await;

    world.suspend("nodes", "Launch").await;
    world.terminate(&world.first("nodes").await, false).await;
    world.reach("nodes", &[SERVING]).await;
    world.pass(seconds(3600));
    assert_eq!(world.states("nodes").await, [SERVING]);
    world.resume("nodes", "Launch").await;
    world.reach("nodes", &[SERVING; 2]).await;

    world.suspend("nodes", "ReplaceUnhealthy").await;
    let sick = world.first("nodes").await;
    world.mark(&sick, "Unhealthy", true).await;
    assert_eq!(world.first("nodes").await, sick);
    world.suspend("nodes", "Terminate").await;
    world.resume("nodes", "ReplaceUnhealthy").await;
    world.desire("nodes", 1).await;
    assert_eq!(world.states("nodes").await, [SERVING; 2]);
    let suspended = world
        .describe("nodes")
        .await
        .unwrap()
        .suspended_processes
        .unwrap();
    assert_eq!(suspended[0].process_name.as_deref(), Some("Terminate"));
    assert_eq!(
        suspended[0].suspension_reason.as_deref(),
        Some("User suspended at 2026-03-01T13:00:00Z")
    );
    world.resume("nodes", "Terminate").await;
    world.reach("nodes", &[SERVING]).await;
    assert!(!world.fleet.running().contains_key(&sick));
}

#[tokio::test]
async fn all_processes_are_suspended_and_resumed_when_none_is_named() {
    let world = World::new().await;
    world.group("nodes", 0, &[]).await;
    world
        .client
        .suspend_processes()
        .auto_scaling_group_name("nodes")
        .send()
        .await
        .unwrap();
    let suspended = || async {
        world
            .describe("nodes")
            .await
            .unwrap()
            .suspended_processes
            .unwrap()
            .len()
    };
    assert_eq!(suspended().await, 9);
    world
        .client
        .resume_processes()
        .auto_scaling_group_name("nodes")
        .send()
        .await
        .unwrap();
    assert_eq!(suspended().await, 0);
}
