//! Launches in which something goes wrong, or takes long.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_crash_after_any_single_call_leaves_the_next_ticks_the_same_end() {
    let whole = Fake::launching(&[TEAM, GPU]);
    invoke(&function(&whole), launch(&whole)).await;
    let calls = whole.calls();
    assert!(calls > 8, "only {calls} calls: the matrix would prove little");
    for crash in 1..=calls {
        let fake = Fake::launching(&[TEAM, GPU]);
        fake.set(Fault::CrashAfter(crash));
        let answer = invoke(&function(&fake), launch(&fake)).await;
        assert!(answer.is_none(), "no crash after call {crash}");
        fake.set(Fault::None);
        tick(&fake, 3).await;
        assert_eq!(
            fake.lifecycle(7),
            "InService",
            "crashed after call {crash}: {:?}",
            fake.writes()
        );
        assert_eq!(
            (fake.count("patch"), fake.count("CONTINUE")),
            (1, 1),
            "crashed after call {crash}"
        );
        assert_eq!(taints(&fake.node(7)), ["gpu=a100:NoSchedule"]);
    }
}

#[tokio::test(start_paused = true)]
async fn case_32_a_node_that_is_not_the_machines_is_not_labelled_and_people_are_told() {
    let fake = Fake::launching(&[TEAM]);
    fake.later(5, |world| {
        world.edit(7, |node| node.internal_ips = vec!["10.0.9.9".parse().unwrap()]);
    });
    tick(&fake, 5).await;
    assert_eq!(fake.count("patch"), 0);
    assert_eq!(
        fake.count("event NodeInDoubt"),
        1,
        "once an hour: {:?}",
        fake.writes()
    );
    assert_eq!(fake.lifecycle(7), "Pending:Wait");
    assert!(fake.count("heartbeat") > 0 && !fake.hook_ran_out());
}

#[tokio::test(start_paused = true)]
async fn case_33_of_two_nodes_that_claim_one_instance_neither_is_touched() {
    let fake = Fake::launching(&[TEAM]);
    fake.later(5, |world| {
        let twin = Node {
            name: name(9),
            ..world.nodes[&name(7)].clone()
        };
        world.nodes.insert(name(9), twin);
    });
    tick(&fake, 4).await;
    assert_eq!(
        (fake.count("patch"), fake.count("event NodeInDoubt")),
        (0, 2),
        "{:?}",
        fake.writes()
    );
    assert!(fake.count("heartbeat") > 0 && fake.count("CONTINUE") + fake.count("ABANDON") == 0);
}

#[tokio::test(start_paused = true)]
async fn case_34_without_a_cloud_controller_we_say_where_the_node_is() {
    let silent = |world: &mut fakes::World| {
        world.edit(7, |node| (node.provider_id, node.instance) = (None, None));
    };
    let fake = Fake::launching(&[]);
    fake.later(5, silent);
    let mut alone = function(&fake);
    alone.config.policy.cloud_controller = CloudController::Absent;
    tick_with(&fake, &alone, 1).await;
    let node = fake.node(7);
    assert_eq!(
        node.provider_id.as_deref(),
        Some("aws:///eu-central-1a/i-00000007")
    );
    assert_eq!(node.labels["topology.kubernetes.io/zone"], "eu-central-1a");
    assert_eq!(fake.lifecycle(7), "InService");
    fake.forget();
    assert_eq!(sweep(&alone).await, Ok(Value::Null));
    assert_eq!((fake.calls(), fake.writes()), (2, vec![]));

    // Where there is one, that is its business.
    let fake = Fake::launching(&[]);
    fake.later(5, silent);
    tick(&fake, 1).await;
    let node = fake.node(7);
    assert_eq!(
        (node.provider_id, node.labels.get("topology.kubernetes.io/zone")),
        (None, None)
    );
    assert_eq!(node.labels["lamplighter.dev/group"], "workers");
}

#[tokio::test(start_paused = true)]
async fn case_35_the_hook_beats_until_the_cloud_controller_has_done_its_part() {
    let theirs = || {
        Taint::new(
            "node.cloudprovider.kubernetes.io/uninitialized",
            Effect::NoSchedule,
        )
    };
    let fake = Fake::launching(&[TEAM]);
    fake.later(5, move |world| world.edit(7, |node| node.taints.push(theirs())));
    fake.later(400, |world| world.edit(7, |node| node.taints.clear()));
    tick(&fake, 6).await;
    assert_eq!(
        taints(&fake.node(7)),
        ["node.cloudprovider.kubernetes.io/uninitialized:NoSchedule"]
    );
    assert_eq!((fake.lifecycle(7), fake.hook_ran_out()), ("Pending:Wait", false));
    tick(&fake, 1).await;
    assert_eq!(fake.lifecycle(7), "InService");
}

#[tokio::test(start_paused = true)]
async fn case_36_a_node_that_flaps_is_let_go_after_the_stable_window() {
    let fake = Fake::launching(&[]);
    for (second, is_ready) in [(25, false), (32, true)] {
        let since = fake.now() + SignedDuration::from_secs(second);
        fake.later(second, move |world| world.set_ready(7, is_ready, since));
    }
    let began = fake.now();
    invoke(&function(&fake), launch(&fake)).await.unwrap().unwrap();
    let took = fake.now().duration_since(began).as_secs();
    assert_eq!(fake.lifecycle(7), "InService");
    assert!((42..48).contains(&took), "let go after {took} s");
}

#[tokio::test(start_paused = true)]
async fn case_40_a_hook_that_is_over_already_is_a_success() {
    let fake = Fake::launching(&[]);
    fake.later(28, |world| world.set_lifecycle(7, "InService")); // its time-out said CONTINUE
    let answer = invoke(&function(&fake), launch(&fake)).await.unwrap();
    assert_eq!(answer, Ok(json!({ "batchItemFailures": [] })));
    assert_eq!(fake.writes(), ["patch ip-10-0-1-7"]);
    assert!(fake.called("complete") <= 1);
}

#[tokio::test(start_paused = true)]
async fn case_41_an_api_server_that_is_away_for_ten_minutes_costs_nothing_but_time() {
    let fake = Fake::launching(&[TEAM]);
    fake.set(Fault::ClusterAway);
    tick(&fake, 10).await;
    assert_eq!(fake.lifecycle(7), "Pending:Wait");
    assert!(
        !fake.hook_ran_out() && fake.count("heartbeat") >= 5,
        "{:?}",
        fake.writes()
    );
    assert_eq!(
        fake.count("CONTINUE") + fake.count("ABANDON") + fake.count("patch"),
        0
    );
    let failed = sweep(&function(&fake)).await.unwrap_err();
    assert_eq!(failed.class, Class::Transient);
    fake.set(Fault::None);
    tick(&fake, 2).await;
    assert_eq!(fake.lifecycle(7), "InService");
}

#[tokio::test(start_paused = true)]
async fn case_41_without_a_way_into_the_cluster_the_hooks_beat_too() {
    let fake = Fake::launching(&[TEAM]);
    fake.set(Fault::NoWayIn);
    tick(&fake, 10).await;
    assert_eq!((fake.lifecycle(7), fake.hook_ran_out()), ("Pending:Wait", false));
    assert!(
        fake.writes().iter().all(|write| write == "heartbeat"),
        "{:?}",
        fake.writes()
    );
    let failed = sweep(&function(&fake)).await.unwrap_err();
    assert_eq!(failed.class, Class::Permanent);
    fake.set(Fault::None);
    tick(&fake, 1).await;
    assert_eq!(fake.lifecycle(7), "InService");
}

#[tokio::test(start_paused = true)]
async fn case_41_a_refused_permission_neither_completes_nor_abandons() {
    let fake = Fake::launching(&[TEAM]);
    fake.set(Fault::Refuse("list"));
    let failed = sweep(&function(&fake)).await.unwrap_err();
    assert_eq!(failed.class, Class::Permanent);
    fake.set(Fault::Refuse("machines"));
    for _ in 0..40 {
        tick(&fake, 1).await;
    }
    assert_eq!((fake.lifecycle(7), fake.hook_ran_out()), ("Pending:Wait", false));
}

#[tokio::test(start_paused = true)]
async fn a_launch_that_can_not_be_ended_is_told_once_and_not_at_each_look() {
    let fake = Fake::launching(&[TEAM]);
    let now = fake.now();
    fake.later(25, move |world| world.set_ready(7, false, now));
    fake.set(Fault::Refuse("complete"));
    let mut hasty = function(&fake);
    hasty.config.policy.timeout = SignedDuration::from_secs(60);
    hasty.config.policy.ready_for = SignedDuration::from_secs(30);
    tick_with(&fake, &hasty, 5).await;
    assert!(fake.called("complete") > 2);
    assert_eq!(
        fake.count("event NotReadyInTime"),
        1,
        "once an hour: {:?}",
        fake.writes()
    );
}

#[tokio::test(start_paused = true)]
async fn case_44_a_launch_that_is_terminated_meanwhile_is_left_to_the_drain() {
    let fake = Fake::launching(&[TEAM]);
    fake.later(3, |world| world.set_lifecycle(7, "Terminating:Wait"));
    fake.later(5, |world| {
        world.edit(7, |node| {
            node.labels.insert(DRAINING.to_owned(), "i-00000007".to_owned());
        });
    });
    let began = fake.now();
    invoke(&function(&fake), launch(&fake)).await.unwrap().unwrap();
    assert!(
        fake.now().duration_since(began) < SignedDuration::from_secs(20),
        "it went on for long"
    );
    tick(&fake, 2).await;
    assert_eq!(fake.writes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn case_30_writers_at_the_same_moment_are_met_by_reading_again() {
    let fake = Fake::launching(&[TEAM]);
    fake.set(Fault::Conflicts(4));
    tick(&fake, 1).await;
    assert_eq!((fake.count("patch"), fake.called("patch")), (1, 5));
    assert_eq!(fake.lifecycle(7), "InService");
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_says_what_it_would_do_and_writes_nothing() {
    let fake = Fake::launching(&[TEAM, ("lamplighter:label/bad", "two words")]);
    let mut dry = function(&fake);
    dry.config.common.dry_run = true;
    tick_with(&fake, &dry, 3).await;
    let broken = json!({ "Records": [{ "messageId": "m1", "body": "not json" }] });
    let answer = invoke(&dry, broken).await.unwrap().unwrap();
    assert_eq!(
        answer,
        json!({ "batchItemFailures": [{ "itemIdentifier": "m1" }] })
    );
    assert_eq!((fake.writes(), fake.lifecycle(7)), (vec![], "Pending:Wait"));
    for write in ["patch", "event", "complete", "heartbeat", "park"] {
        assert_eq!(fake.called(write), 0, "{write}");
    }
    // The real run does what the dry one said.
    tick(&fake, 1).await;
    assert_eq!(fake.count("patch"), 1);
}
