//! Nodes that serve: what follows from a change of tags, and what does not.

use super::*;

#[tokio::test(start_paused = true)]
async fn case_31_a_taint_that_an_agent_removed_stays_away_across_cold_starts() {
    let fake = Fake::serving(&[TEAM, GPU]).await;
    fake.world().edit(7, |node| node.taints.clear());
    for _ in 0..3 {
        tick(&fake, 1).await; // each tick is a function that remembers nothing
    }
    assert_eq!((taints(&fake.node(7)), fake.writes()), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn case_37_an_idle_tick_is_one_call_to_each_side_and_no_write() {
    let fake = Fake::serving(&[TEAM, GPU]).await;
    assert_eq!(sweep(&function(&fake)).await, Ok(Value::Null));
    assert_eq!(
        (fake.calls(), fake.called("groups"), fake.called("list")),
        (2, 1, 1)
    );
    assert_eq!(fake.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn case_38_a_lost_tag_event_is_made_up_for_by_the_next_tick() {
    let fake = Fake::serving(&[TEAM]).await;
    fake.tag(&[
        ("lamplighter:label/team", "search"),
        ("lamplighter:label/env", "test"),
    ]);
    assert_eq!(sweep(&function(&fake)).await, Ok(Value::Null));
    assert_eq!(fake.node(7).labels["team"], "search");
    assert_eq!(fake.writes(), ["patch ip-10-0-1-7"]);
    assert_eq!(
        fake.calls(),
        4,
        "groups, nodes, EC2 for the cross-check, and the patch"
    );
}

#[tokio::test(start_paused = true)]
async fn case_38_fifty_tag_events_are_one_patch_a_node() {
    let fake = Fake::serving(&[TEAM]).await;
    let now = fake.now();
    fake.world().launch(8, "InService", now);
    fake.world().nodes.insert(name(8), registered(8, now));
    fake.tag(&[("lamplighter:label/team", "search")]);
    let storm: Vec<Value> = (0..50)
        .map(|number| file(["tag-change", "create-or-update-tags"][number % 2]))
        .collect();
    let answer = invoke(&function(&fake), batch(&storm)).await.unwrap().unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert_eq!(fake.writes(), ["patch ip-10-0-1-7", "patch ip-10-0-1-8"]);
    assert_eq!(
        (
            fake.called("groups"),
            fake.called("machines"),
            fake.called("list")
        ),
        (1, 1, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn case_39_a_machine_that_tags_itself_changes_nothing_unless_it_is_trusted() {
    let fake = Fake::serving(&[TEAM]).await;
    let tag = ("lamplighter:label/team".to_owned(), "forged".to_owned());
    fake.world()
        .instances
        .get_mut(&fakes::id(7))
        .unwrap()
        .machine
        .tags = [tag].into();
    tick(&fake, 2).await;
    assert_eq!(
        (fake.node(7).labels["team"].as_str(), fake.writes()),
        ("payments", vec![])
    );
    assert_eq!(fake.called("machines"), 0);
    let mut trusting = function(&fake);
    trusting.config.policy.instance_tags = InstanceTags::Trusted;
    sweep(&trusting).await.unwrap();
    assert_eq!(fake.node(7).labels["team"], "forged");
}

#[tokio::test(start_paused = true)]
async fn case_43_instances_from_before_the_hook_are_labelled_and_left_in_service() {
    let fake = Fake::with_tags(&[
        TEAM,
        GPU,
        ("lamplighter:taint/arm", ":NoSchedule"),
        ("lamplighter:taint-mode/arm", "always"),
    ]);
    let now = fake.now();
    fake.world().launch(7, "InService", now);
    let old = Node {
        taints: vec![],
        ..registered(7, now)
    };
    fake.world().nodes.insert(name(7), old);
    tick(&fake, 2).await;
    assert_eq!(fake.writes(), ["patch ip-10-0-1-7"]);
    let node = fake.node(7);
    assert_eq!(node.labels["team"], "payments");
    assert_eq!(taints(&node), ["arm:NoSchedule"]);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_serves_without_a_node_is_counted_after_a_quarter_of_an_hour() {
    let fake = Fake::with_tags(&[]);
    let now = fake.now();
    fake.world().launch(7, "InService", now);
    let function = function(&fake);
    tick_with(&fake, &function, 15).await;
    assert!(
        function
            .lines
            .lines()
            .iter()
            .all(|line| !line.contains("NodesMissing"))
    );
    tick_with(&fake, &function, 1).await;
    assert!(
        function
            .lines
            .lines()
            .last()
            .unwrap()
            .contains("\"NodesMissing\":1")
    );
    assert_eq!(fake.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_message_for_another_function_is_parked_and_the_rest_goes_on() {
    let fake = Fake::serving(&[TEAM]).await;
    fake.tag(&[("lamplighter:label/team", "search")]);
    let mut terminate = file("launch-action");
    terminate["detail-type"] = json!("EC2 Instance-terminate Lifecycle Action");
    terminate["detail"]["LifecycleTransition"] = json!("autoscaling:EC2_INSTANCE_TERMINATING");
    invoke(&function(&fake), batch(&[terminate, file("tag-change")]))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(fake.writes(), ["park m0", "patch ip-10-0-1-7"]);
}
