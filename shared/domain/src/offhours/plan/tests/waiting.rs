//! What holds up others, and for how long.

use std::collections::BTreeSet;

use crate::offhours::fixtures::{at, key, record, resource, seen, size};
use crate::offhours::simulated::World;
use crate::offhours::{Condition, Kind, Observation, Resource, Standing, Then};

const WEB: &str = "deployment/shop/web";
const DNS: &str = "deployment/shop/dns";
const WORKERS: &str = "group/workers";
const ORDERS: &str = "database/orders";

const GOING: Condition = Condition {
    is_ready: false,
    is_quiet: false,
    is_busy: false,
};

fn workers() -> Resource {
    resource(WORKERS, "2-4-10")
}

#[test]
fn case_22_machines_wait_until_pods_are_gone_so_that_no_budget_stands_in_their_way() {
    let asleep = record(WEB, "3", "0").asleep_since("20:01");
    let saved = record(WORKERS, "2-4-10", "0-0-10");
    let web = |condition| resource(WEB, "0").marked(&asleep).is(condition);
    let plan = |condition, now| {
        seen([web(condition), workers()])
            .remembering([asleep.clone(), saved.clone()])
            .plan(now)
    };
    assert!(plan(GOING, "20:05").resized().is_empty());
    assert!(matches!(plan(GOING, "20:05").then, Then::LookAgain { .. }));
    assert_eq!(plan(Condition::QUIET, "20:05").resized(), [WORKERS]);
}

#[test]
fn what_is_stuck_is_passed_after_its_patience_and_told() {
    let asleep = record(WEB, "3", "0").asleep_since("20:01");
    let saved = record(WORKERS, "2-4-10", "0-0-10");
    let web = resource(WEB, "0").marked(&asleep).is(GOING);
    let plan = |now| {
        seen([web.clone(), workers()])
            .remembering([asleep.clone(), saved.clone()])
            .plan(now)
    };
    assert!(plan("20:11").resized().is_empty() && !plan("20:11").view(WEB).is_stuck);
    assert_eq!(
        (plan("20:12").resized(), plan("20:12").view(WEB).is_stuck),
        (vec![WORKERS.to_owned()], true)
    );
}

#[test]
fn a_resize_that_nobody_takes_holds_up_machines_for_an_hour_and_no_longer() {
    let mut world = World::of([resource(WEB, "3"), workers()]);
    world.thing(&key(WEB)).refusals = u32::MAX;
    let mut look = world.look(at("20:00"));
    while world.call(&mut look).is_some() {}
    let stuck = |world: &World, now| {
        let plan = world.look(at(now)).plan;
        (plan.view(WEB).is_stuck, plan.resized())
    };
    assert_eq!(stuck(&world, "21:00"), (false, vec![WEB.to_owned()]));
    assert_eq!(
        stuck(&world, "21:01"),
        (true, vec![WEB.to_owned(), WORKERS.to_owned()])
    );
}

#[test]
fn case_19_machines_that_do_not_come_hold_up_the_rest_for_their_patience_and_are_tried_again() {
    let pool = record("nodegroup/pool", "1-2-3", "0-0-3").asleep_since("20:01");
    let asleep = record(WEB, "3", "0").asleep_since("20:01");
    let resources = [
        resource("nodegroup/pool", "0-0-3").marked(&pool),
        resource(WEB, "0").marked(&asleep),
    ];
    let mut world = World::of(resources);
    world.records = seen([]).remembering([pool, asleep]).records;
    world.thing(&key("nodegroup/pool")).refusals = u32::MAX;
    let round = |world: &mut World, now: &str| {
        let mut look = world.look(at(now));
        while world.call(&mut look).is_some() {}
        (look.plan.view("nodegroup/pool").is_stuck, look.plan.resized())
    };
    let pool = || "nodegroup/pool".to_owned();
    assert_eq!(round(&mut world, "27T08:00"), (false, vec![pool()]));
    assert_eq!(
        round(&mut world, "27T08:10"),
        (false, vec![pool()]),
        "tried again, and nobody else"
    );
    assert_eq!(
        round(&mut world, "27T08:11"),
        (true, vec![WEB.to_owned(), pool()])
    );
    world.thing(&key("nodegroup/pool")).refusals = 0;
    world.converge(at("27T08:20"));
    assert_eq!(
        (world.size(&key(WEB)), world.size(&key("nodegroup/pool"))),
        (size("3"), size("1-2-3"))
    );
    assert_eq!(world.records.len(), 0);
}

#[test]
fn case_19_machines_that_come_and_never_get_ready_are_passed_too() {
    let pool = record("nodegroup/pool", "1-2-3", "0-0-3").woken_since("27T08:01");
    let asleep = record(WEB, "3", "0").asleep_since("20:01");
    let resources = [
        resource("nodegroup/pool", "1-2-3").is(GOING),
        resource(WEB, "0").marked(&asleep),
    ];
    let seen = seen(resources).remembering([pool, asleep]);
    assert!(seen.plan("27T08:11").resized().is_empty());
    let plan = seen.plan("27T08:12");
    assert_eq!(
        (plan.resized(), plan.view("nodegroup/pool").is_stuck),
        (vec![WEB.to_owned()], true)
    );
}

#[test]
fn a_workload_in_its_grace_holds_machines_and_lower_tiers_but_no_others() {
    let fresh = resource(WEB, "3").created_at("19:50");
    let resources = [
        fresh.clone(),
        resource(DNS, "2").adds(&[("tier", "0")]),
        resource("deployment/shop/api", "2").adds(&[("tier", "9")]),
        workers(),
        resource(ORDERS, "running"),
    ];
    let plan = seen(resources).plan("20:00");
    assert_eq!(plan.standing(WEB), &Standing::Grace(at("20:05")));
    assert_eq!(plan.resized(), ["deployment/shop/api"]);
    assert_eq!(plan.steps(WORKERS), "save 2-4-10");
    // Nothing else to do: there is no hurry to look again.
    let saved = record(WORKERS, "2-4-10", "0-0-10");
    let plan = seen([fresh, workers()]).remembering([saved]).plan("20:01");
    assert_eq!((plan.then, plan.resized().len()), (Then::NextTick, 0));
}

#[test]
fn case_29_machines_and_databases_stay_while_the_cluster_cannot_be_asked_unless_they_are_alone() {
    let alone = [("nodes-only", "true")];
    let blind = |unseen: &[Kind]| Observation {
        unseen: unseen.iter().copied().collect(),
        ..seen([
            workers(),
            resource("group/batch", "1-1-1").adds(&alone),
            resource(ORDERS, "running"),
        ])
    };
    for unseen in [
        &[Kind::Deployment][..],
        &[
            Kind::Deployment,
            Kind::StatefulSet,
            Kind::CronJob,
            Kind::Autoscaler,
        ],
    ] {
        let plan = blind(unseen).plan("20:00");
        assert_eq!(plan.resized(), ["group/batch"]);
        assert_eq!(plan.steps(WORKERS), "save 2-4-10", "so that it is known");
    }
    // What AWS does not tell of is another matter.
    assert_eq!(
        blind(&[Kind::NodeGroup]).plan("20:00").resized(),
        ["group/batch", WORKERS]
    );
    let waiting = Observation {
        unseen: BTreeSet::from([Kind::Deployment]),
        ..seen([workers()]).remembering([record(WORKERS, "2-4-10", "0-0-10")])
    };
    assert_eq!(
        waiting.plan("20:05").then,
        Then::NextTick,
        "there is no hurry to look again"
    );
    // Nothing was resized: in the morning, nothing is.
    let plan = waiting.plan("27T08:00");
    assert!(plan.resized().is_empty(), "{plan}");
}

#[test]
fn case_29_machines_wake_although_the_cluster_cannot_be_asked() {
    let asleep = record(WORKERS, "2-4-10", "0-0-10").asleep_since("20:01");
    let blind = Observation {
        unseen: BTreeSet::from([Kind::Deployment]),
        ..seen([workers().sized("0-0-10").marked(&asleep)]).remembering([asleep])
    };
    assert_eq!(blind.plan("27T08:00").resized(), [WORKERS]);
}

#[test]
fn what_is_left_alone_holds_up_nobody() {
    let saved = record(WORKERS, "2-4-10", "0-0-10");
    let web = resource(WEB, "3");
    let left = [
        web.clone().says(&[("tier", "10")]),
        web.clone().says(&[]),
        web.clone().adds(&[("protect", "true")]),
        web.clone().unsupported("for no reason"),
        web.sized("0"),
    ];
    for web in left {
        let plan = seen([web, workers()]).remembering([saved.clone()]).plan("20:05");
        assert_eq!(plan.resized(), [WORKERS], "{}", plan.standing(WEB));
    }
}

#[test]
fn machines_wait_for_a_workload_whose_record_is_that_of_an_earlier_one() {
    let earlier = record(WEB, "30", "0").asleep_since("20:01");
    let web = resource(WEB, "3").created_at("21:00");
    let plan = seen([web, workers()])
        .remembering([earlier, record(WORKERS, "2-4-10", "0-0-10")])
        .plan("23:00");
    assert_eq!(
        (plan.steps(WEB).as_str(), plan.resized().len()),
        ("forget the saved size", 0)
    );
}
