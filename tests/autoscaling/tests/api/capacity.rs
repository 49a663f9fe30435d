//! How many instances, and where.

use std::collections::BTreeMap;

use aws_sdk_autoscaling::types::{
    InstancesDistribution, LaunchTemplate, LaunchTemplateOverrides, MixedInstancesPolicy, Tag,
};

use crate::support::{REGION, World, refusal, seconds, template};

impl World {
    /// How many instances that are not on their way out are in each zone, by the zone's last letter.
    async fn zones(&self, group: &str) -> BTreeMap<char, usize> {
        let mut zones = BTreeMap::new();
        for instance in self.instances(group).await {
            if instance.lifecycle_state.unwrap().as_str() == "InService" {
                *zones
                    .entry(instance.availability_zone.unwrap().chars().last().unwrap())
                    .or_default() += 1;
            }
        }
        zones
    }
}

const SERVING: &str = "InService";

#[tokio::test]
async fn launches_and_scale_in_keep_the_zones_even() {
    let world = World::new().await;
    world.group("nodes", 5, &[]).await;
    world.reach("nodes", &[SERVING; 5]).await;
    assert_eq!(
        world.zones("nodes").await,
        BTreeMap::from([('a', 2), ('b', 2), ('c', 1)])
    );
    world.desire("nodes", 9).await;
    world.reach("nodes", &[SERVING; 9]).await;
    assert_eq!(
        world.zones("nodes").await,
        BTreeMap::from([('a', 3), ('b', 3), ('c', 3)])
    );
    // Two by hand from one zone; then the scale-in spares that zone, though what it has left is the oldest.
    let instances = world.instances("nodes").await;
    let of_a = instances
        .iter()
        .filter(|it| it.availability_zone.as_deref().unwrap().ends_with('a'));
    for instance in of_a.rev().take(2) {
        world
            .terminate(instance.instance_id.as_deref().unwrap(), true)
            .await;
    }
    world.desire("nodes", 5).await;
    world.reach("nodes", &[SERVING; 5]).await;
    assert_eq!(
        world.zones("nodes").await,
        BTreeMap::from([('a', 1), ('b', 2), ('c', 2)])
    );
    world.desire("nodes", 3).await;
    world.reach("nodes", &[SERVING; 3]).await;
    assert_eq!(
        world.zones("nodes").await,
        BTreeMap::from([('a', 1), ('b', 1), ('c', 1)])
    );
    world.desire("nodes", 0).await;
    world.reach("nodes", &[]).await;
}

#[tokio::test]
async fn a_replacement_goes_to_the_zone_that_lost_an_instance() {
    let world = World::new().await;
    world.group("nodes", 3, &[]).await;
    world.reach("nodes", &[SERVING; 3]).await;
    let second = world.instances("nodes").await.remove(1).instance_id.unwrap();
    world.terminate(&second, false).await;
    world.reach("nodes", &[SERVING; 3]).await;
    assert!(!world.fleet.running().contains_key(&second));
    assert_eq!(
        world.zones("nodes").await,
        BTreeMap::from([('a', 1), ('b', 1), ('c', 1)])
    );
}

#[tokio::test]
async fn scale_in_takes_the_oldest_or_the_newest_and_passes_the_protected_over() {
    let world = World::new().await;
    world.group("nodes", 1, &[]).await;
    world.reach("nodes", &[SERVING]).await;
    let oldest = world.first("nodes").await;
    let update = || {
        world
            .client
            .update_auto_scaling_group()
            .auto_scaling_group_name("nodes")
    };
    update()
        .availability_zones("eu-central-1a")
        .desired_capacity(4)
        .send()
        .await
        .unwrap();
    world.reach("nodes", &[SERVING; 4]).await;
    world.desire("nodes", 3).await;
    world.reach("nodes", &[SERVING; 3]).await;
    assert!(!world.fleet.running().contains_key(&oldest));
    let newest = world.instances("nodes").await.pop().unwrap().instance_id.unwrap();
    update()
        .termination_policies("NewestInstance")
        .desired_capacity(2)
        .send()
        .await
        .unwrap();
    world.reach("nodes", &[SERVING; 2]).await;
    assert!(!world.fleet.running().contains_key(&newest));
    update()
        .new_instances_protected_from_scale_in(true)
        .desired_capacity(3)
        .send()
        .await
        .unwrap();
    world.reach("nodes", &[SERVING; 3]).await;
    let protected = world.instances("nodes").await.pop().unwrap();
    assert_eq!(protected.protected_from_scale_in, Some(true));
    world.desire("nodes", 0).await;
    world.reach("nodes", &[SERVING]).await;
    assert_eq!(world.first("nodes").await, protected.instance_id.unwrap());
}

#[tokio::test]
async fn a_refused_launch_is_told_and_tried_again() {
    let world = World::new().await;
    world.fleet.refuse(Some("InsufficientInstanceCapacity"));
    world.group("nodes", 1, &[]).await;
    let failures = || world.events("EC2 Instance Launch Unsuccessful");
    world.until("a failed launch", || !failures().is_empty()).await;
    assert_eq!(
        failures()[0]["detail"]["StatusMessage"],
        "InsufficientInstanceCapacity"
    );
    world.fleet.refuse(None);
    assert_eq!(world.states("nodes").await, [""; 0]);
    world.pass(seconds(10));
    world.reach("nodes", &[SERVING]).await;
}

#[tokio::test]
async fn a_refused_termination_is_tried_again() {
    let world = World::new().await;
    world.group("nodes", 1, &[]).await;
    world.reach("nodes", &[SERVING]).await;
    world.fleet.refuse(Some("RequestLimitExceeded"));
    world.terminate(&world.first("nodes").await, true).await;
    let failed = || !world.events("EC2 Instance Terminate Unsuccessful").is_empty();
    world.until("a failed termination", failed).await;
    assert_eq!(world.states("nodes").await, ["Terminating:Proceed"]);
    world.fleet.refuse(None);
    world.pass(seconds(10));
    world.reach("nodes", &[]).await;
}

#[tokio::test]
async fn a_mixed_policy_launches_its_on_demand_base_first_and_then_its_percentage() {
    let world = World::new().await;
    let types =
        ["m7g.large", "m7g.xlarge"].map(|it| LaunchTemplateOverrides::builder().instance_type(it).build());
    let launch = LaunchTemplate::builder().launch_template_specification(template().build());
    let distribution = InstancesDistribution::builder()
        .on_demand_base_capacity(1)
        .on_demand_percentage_above_base_capacity(50)
        .spot_allocation_strategy("price-capacity-optimized");
    let policy = MixedInstancesPolicy::builder()
        .launch_template(launch.set_overrides(Some(types.to_vec())).build())
        .instances_distribution(distribution.build());
    world
        .client
        .create_auto_scaling_group()
        .auto_scaling_group_name("mixed")
        .min_size(0)
        .max_size(5)
        .desired_capacity(5)
        .vpc_zone_identifier("subnet-a, subnet-b")
        .mixed_instances_policy(policy.build())
        .tags(
            Tag::builder()
                .key("team")
                .value("a")
                .propagate_at_launch(true)
                .build(),
        )
        .tags(
            Tag::builder()
                .key("note")
                .value("b")
                .propagate_at_launch(false)
                .build(),
        )
        .send()
        .await
        .unwrap();
    world.reach("mixed", &[SERVING; 5]).await;
    let running = world.fleet.running();
    assert_eq!(
        running.values().filter(|request| request.spot).count(),
        2,
        "1 + half of 4 are on-demand"
    );
    assert!(
        running
            .values()
            .all(|request| request.instance_type == "m7g.large")
    );
    let tags = BTreeMap::from([("aws:autoscaling:groupName", "mixed"), ("team", "a")]);
    let tags: BTreeMap<String, String> = tags
        .into_iter()
        .map(|(key, value)| (key.into(), value.into()))
        .collect();
    assert!(running.values().all(|request| request.tags == tags));
    let in_a = running
        .values()
        .filter(|request| request.subnet_id.as_deref() == Some("subnet-a"));
    assert_eq!(in_a.count(), 3);

    let group = world.describe("mixed").await.unwrap();
    assert_eq!(
        group.availability_zones.unwrap(),
        [format!("{REGION}a"), format!("{REGION}b")]
    );
    let described = group.mixed_instances_policy.unwrap();
    assert_eq!(described.launch_template.unwrap().overrides.unwrap(), types);
    assert_eq!(
        described.instances_distribution.unwrap().on_demand_base_capacity,
        Some(1)
    );
}

#[tokio::test]
async fn a_decrement_lowers_the_desired_capacity_but_not_below_the_minimum() {
    let world = World::new().await;
    world.group("nodes", 2, &[]).await;
    world.reach("nodes", &[SERVING; 2]).await;
    let update = world
        .client
        .update_auto_scaling_group()
        .auto_scaling_group_name("nodes");
    update.min_size(1).send().await.unwrap();
    let ids: Vec<String> = world
        .instances("nodes")
        .await
        .into_iter()
        .filter_map(|it| it.instance_id)
        .collect();
    let request = world
        .client
        .terminate_instance_in_auto_scaling_group()
        .auto_scaling_group_name("nodes");
    let answer = request
        .instance_ids(&ids[0])
        .should_decrement_desired_capacity(true)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.activities().len(), 1);
    world.reach("nodes", &[SERVING]).await;
    assert_eq!(world.describe("nodes").await.unwrap().desired_capacity, Some(1));
    let request = world
        .client
        .terminate_instance_in_auto_scaling_group()
        .instance_id(&ids[1]);
    let (code, message) = refusal(
        &request
            .should_decrement_desired_capacity(true)
            .send()
            .await
            .unwrap_err(),
    );
    assert_eq!(code, "ValidationError");
    assert!(
        message.starts_with("Currently, desiredSize equals minSize (1). "),
        "{message}"
    );
    world.reach("nodes", &[SERVING]).await;
}

#[tokio::test]
async fn an_update_of_the_bounds_takes_the_desired_capacity_along() {
    let world = World::new().await;
    world.group("nodes", 3, &[]).await;
    let update = || {
        world
            .client
            .update_auto_scaling_group()
            .auto_scaling_group_name("nodes")
    };
    update().max_size(2).send().await.unwrap();
    world.reach("nodes", &[SERVING; 2]).await;
    update().min_size(4).max_size(5).send().await.unwrap();
    world.reach("nodes", &[SERVING; 4]).await;
}

#[tokio::test]
async fn the_cooldown_is_honoured_when_asked_for() {
    let world = World::new().await;
    world.group("nodes", 0, &[]).await;
    world.desire("nodes", 1).await;
    let honoured = || {
        let request = world
            .client
            .set_desired_capacity()
            .auto_scaling_group_name("nodes");
        request.desired_capacity(2).honor_cooldown(true).send()
    };
    assert_eq!(
        refusal(&honoured().await.unwrap_err()).0,
        "ScalingActivityInProgress"
    );
    world.pass(seconds(300));
    honoured().await.unwrap();
}
