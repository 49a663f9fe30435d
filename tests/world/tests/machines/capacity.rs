//! What people put to sleep: node groups, groups, databases, and where sizes are written down.

use kube::ResourceExt;
use world::databases::{self, AVAILABLE, Database, STOPPED};
use world::groups::{self, Group, Sizes};
use world::nodegroups::{self, Nodegroup};
use world::{CLUSTER, objects};

use crate::stage::Stage;

pub(crate) async fn a_node_group_has_nodes_and_they_follow_its_sizes(stage: &Stage) {
    let world = &stage.world;
    let blue = Nodegroup::new("blue", Sizes::new(1, 2, 4)).tag("team", "shop");
    let nodes = blue.create(world).await.unwrap();
    assert_eq!(nodes.len(), 2);
    assert!(
        nodes
            .iter()
            .all(|node| node.labels()["eks.amazonaws.com/nodegroup"] == "blue")
    );
    assert_eq!(
        nodegroups::sizes(world, "blue").await.unwrap(),
        Sizes::new(1, 2, 4)
    );
    let group = nodegroups::group_of(world, "blue").await.unwrap();
    assert!(group.starts_with("eks-blue-"), "{group}");

    nodegroups::set_sizes(world, "blue", Sizes::new(0, 0, 4))
        .await
        .unwrap();
    nodegroups::ready(world, "blue", 0).await.unwrap();
    assert_eq!(groups::sizes(world, &group).await.unwrap(), Sizes::new(0, 0, 4));
    nodegroups::set_sizes(world, "blue", Sizes::new(1, 2, 4))
        .await
        .unwrap();
    nodegroups::ready(world, "blue", 2).await.unwrap();

    groups::set_sizes(world, &group, Sizes::new(1, 3, 4))
        .await
        .unwrap();
    nodegroups::ready(world, "blue", 3).await.unwrap();
    assert_eq!(
        nodegroups::sizes(world, "blue").await.unwrap(),
        Sizes::new(1, 3, 4)
    );

    nodegroups::tag(world, "blue", "lamplighter:saved-size", "1-2-4")
        .await
        .unwrap();
    assert_eq!(nodegroups::tags(world, "blue").await.unwrap().len(), 2);
    nodegroups::untag(world, "blue", "lamplighter:saved-size")
        .await
        .unwrap();
    let tags = nodegroups::tags(world, "blue").await.unwrap();
    assert_eq!(tags, [("team".to_owned(), "shop".to_owned())].into());
    blue.delete(world).await.unwrap();
    assert!(nodegroups::describe(world, "blue").await.is_err());
}

pub(crate) async fn a_group_has_the_bounds_and_the_tags_that_people_gave_it(stage: &Stage) {
    let world = &stage.world;
    let group = Group::new("bounds", CLUSTER, 1)
        .bounds(1, 3)
        .tag("schedule", "office");
    group.create(world).await.unwrap();
    assert_eq!(groups::sizes(world, "bounds").await.unwrap(), Sizes::new(1, 1, 3));
    groups::set_sizes(world, "bounds", Sizes::new(0, 2, 2))
        .await
        .unwrap();
    assert_eq!(groups::sizes(world, "bounds").await.unwrap(), Sizes::new(0, 2, 2));
    groups::tag(world, "bounds", "saved", "1-1-3").await.unwrap();
    let tags = groups::tags(world, "bounds").await.unwrap();
    assert_eq!(
        (tags["schedule"].as_str(), tags["saved"].as_str()),
        ("office", "1-1-3")
    );
    groups::untag(world, "bounds", "saved").await.unwrap();
    assert!(!groups::tags(world, "bounds").await.unwrap().contains_key("saved"));
    group.delete(world).await.unwrap();
}

pub(crate) async fn a_database_is_made_stopped_started_tagged_and_deleted(stage: &Stage) {
    let world = &stage.world;
    let shop = Database::new("shop").tag("team", "shop").with("MultiAZ", "true");
    let arn = shop.create(world).await.unwrap();
    assert_eq!(arn, "arn:aws:rds:eu-central-1:111122223333:db:shop");
    let status = async || databases::status(world, "shop").await.unwrap();
    assert_eq!(status().await.as_deref(), Some(AVAILABLE));
    databases::stop(world, "shop").await.unwrap();
    assert_eq!(status().await.as_deref(), Some(STOPPED));
    databases::start(world, "shop").await.unwrap();
    databases::tag(world, "shop", "saved", "available").await.unwrap();
    assert_eq!(
        databases::tags(world, "shop").await.unwrap()["saved"],
        "available"
    );
    databases::untag(world, "shop", "saved").await.unwrap();
    assert_eq!(databases::tags(world, "shop").await.unwrap().len(), 1);
    databases::create_replica(world, "copy", "shop").await.unwrap();
    assert!(databases::stop(world, "shop").await.is_err());
    for name in ["copy", "shop"] {
        Database::new(name).delete(world).await.unwrap();
    }
    assert_eq!(status().await, None);
}

pub(crate) async fn objects_are_listed_by_prefix_and_read(stage: &Stage) {
    let world = &stage.world;
    let client = world.aws().unwrap();
    client.create_bucket("records").await.unwrap();
    for n in 0..3 {
        objects::write(world, "records", &format!("world/group {n}"), &n.to_string())
            .await
            .unwrap();
    }
    let keys = objects::keys(world, "records", "world/").await.unwrap();
    assert_eq!(keys, ["world/group 0", "world/group 1", "world/group 2"]);
    let read = async |key: &str| objects::read(world, "records", key).await.unwrap();
    assert_eq!(read("world/group 1").await.as_deref(), Some("1"));
    objects::delete(world, "records", "world/group 1").await.unwrap();
    assert_eq!(read("world/group 1").await, None);
    assert_eq!(
        objects::writes(world, "records", "world/group 2").await.unwrap(),
        1
    );
    client.empty_bucket("records").await.unwrap();
    assert_eq!(
        objects::keys(world, "records", "").await.unwrap(),
        Vec::<String>::new()
    );
}
