//! Deployments and StatefulSets, their autoscalers, and CronJobs.

use std::collections::BTreeSet;

use crate::offhours::fixtures::{at, autoscaler, key, planned, record, resource, seen, size};
use crate::offhours::simulated::World;
use crate::offhours::{Kind, Observation, Resource, Standing};

const WEB: &str = "deployment/shop/web";
const HPA: &str = "hpa/shop/web";

fn web(says: &[(&str, &str)]) -> Resource {
    resource(WEB, "7").adds(says)
}

/// Keeps it between 2 and 10, without a schedule of its own.
fn hpa() -> Resource {
    autoscaler(HPA, "2", 10, WEB).says(&[])
}

#[test]
fn some_pods_may_be_left_at_night() {
    for (says, expected) in [
        (&[][..], "0"),
        (&[("downtime-replicas", "2")], "2"),
        (&[("downtime-replicas", "9")], "7"),
    ] {
        let mut world = World::of([web(says)]);
        world.converge(at("20:00"));
        assert_eq!(world.size(&key(WEB)), size(expected));
        world.converge(at("27T08:00"));
        assert_eq!((world.size(&key(WEB)), world.records.len()), (size("7"), 0));
    }
}

#[test]
fn how_many_are_left_may_be_said_until_the_resize_and_counts_from_the_next_night_on_after_it() {
    let two = web(&[("downtime-replicas", "2")]);
    let steps = |live, record| planned(two.clone().sized(live), Some(record), "20:03");
    assert_eq!(steps("7", record(WEB, "7", "0")).0, "save 7 again, resize to 2");
    let asleep = record(WEB, "7", "0").asleep_since("20:01");
    let two = two.clone().sized("0").marked(&asleep);
    assert_eq!(
        planned(two, Some(asleep), "20:03"),
        (String::new(), Standing::Asleep)
    );
}

#[test]
fn case_23_at_no_pods_an_autoscaler_stays_away_by_itself_and_finds_its_deployment_within_its_bounds() {
    let mut world = World::of([web(&[]), hpa()]);
    let plan = world.converge(at("20:00"));
    assert_eq!(
        (world.size(&key(WEB)), world.size(&key(HPA))),
        (size("0"), size("2"))
    );
    assert_eq!(plan.standing(HPA), &Standing::Autoscaled);
    // Its people change its bounds at night.
    world.set(&key(HPA), size("8"), "helm", at("23:00"));
    world.converge(at("27T08:00"));
    assert_eq!(
        (world.size(&key(WEB)), world.size(&key(HPA)), world.records.len()),
        (size("8"), size("8"), 0)
    );
}

#[test]
fn case_23_it_is_awake_as_soon_as_its_autoscaler_has_taken_over() {
    let waking = record(WEB, "7", "0").waking_to("7", "27T08:00");
    let steps = |live: &str| {
        let seen = seen([web(&[]).sized(live), hpa()]).remembering([waking.clone()]);
        seen.plan("27T08:01").steps(WEB)
    };
    assert_eq!(steps("4"), "note that it is awake");
    assert_eq!(steps("10"), "note that it is awake");
    assert_eq!(steps("0"), "resize to 7");
    assert_eq!(steps("11"), "note that it wakes to 10, resize to 10");
}

#[test]
fn where_pods_are_left_at_night_the_autoscaler_keeps_fewer_and_the_deployment_is_left_to_it() {
    let mut world = World::of([web(&[("downtime-replicas", "1")]), hpa()]);
    let plan = world.converge(at("20:00"));
    assert_eq!(
        (world.size(&key(WEB)), world.size(&key(HPA))),
        (size("7"), size("1"))
    );
    assert_eq!(plan.standing(WEB), &Standing::Autoscaled);
    world.converge(at("27T08:00"));
    assert_eq!(
        (world.size(&key(WEB)), world.size(&key(HPA)), world.records.len()),
        (size("7"), size("2"), 0)
    );
}

#[test]
fn an_autoscaler_alone_keeps_one_pod_at_night_or_as_many_as_it_says() {
    let alone = |says: &[(&str, &str)]| {
        let mut world = World::of([
            resource(WEB, "7").says(&[]),
            autoscaler(HPA, "5", 10, WEB).adds(says),
        ]);
        world.converge(at("20:00"));
        let night = world.size(&key(HPA)).to_string();
        world.converge(at("27T08:00"));
        assert_eq!(
            (world.size(&key(WEB)), world.size(&key(HPA))),
            (size("7"), size("5"))
        );
        night
    };
    assert_eq!(alone(&[]), "1");
    assert_eq!(alone(&[("downtime-replicas", "3")]), "3");
}

#[test]
fn an_autoscaler_wakes_below_a_maximum_that_became_smaller_at_night() {
    let asleep = record(HPA, "5", "1").asleep_since("20:01");
    let hpa = autoscaler(HPA, "1", 3, WEB).marked(&asleep);
    assert_eq!(
        planned(hpa, Some(asleep), "27T08:00").0,
        "note that it wakes to 3, resize to 3"
    );
}

#[test]
fn an_autoscaler_that_is_protected_itself_does_not_follow_what_it_scales() {
    let web = web(&[("downtime-replicas", "1")]);
    let plan = seen([web, hpa().says(&[("protect", "true")])]).plan("20:00");
    assert_eq!(
        (plan.steps(HPA).as_str(), plan.standing(HPA)),
        ("", &Standing::LeftAlone)
    );
}

#[test]
fn a_deployment_that_may_have_an_autoscaler_which_cannot_be_seen_is_left_with_its_pods() {
    let unseen = |says: &[(&str, &str)]| Observation {
        unseen: BTreeSet::from([Kind::Autoscaler]),
        ..seen([web(says)])
    };
    let plan = unseen(&[("downtime-replicas", "1")]).plan("20:00");
    assert_eq!(
        (plan.steps(WEB), plan.standing(WEB)),
        (String::new(), &Standing::Autoscaled)
    );
    // At 0 it would stay away by itself.
    assert_eq!(unseen(&[]).plan("20:00").steps(WEB), "save 7, resize to 0");
}

#[test]
fn an_autoscaler_whose_target_is_gone_is_woken_and_one_whose_target_cannot_be_seen_is_left() {
    let asleep = record(HPA, "5", "1").asleep_since("20:01");
    let parked = || hpa().sized("1").marked(&asleep);
    let gone = seen([parked()]).remembering([asleep.clone()]);
    assert_eq!(
        gone.plan("23:00").steps(HPA),
        "note that it wakes to 5, resize to 5"
    );
    let unseen = Observation {
        unseen: BTreeSet::from([Kind::Deployment]),
        ..gone
    };
    assert_eq!(unseen.plan("23:00").steps(HPA), "");
    assert_eq!(seen([hpa()]).plan("23:00").standing(HPA), &Standing::NotScheduled);
    let refused = resource(WEB, "7").says(&[("tier", "10")]);
    assert!(matches!(
        seen([refused, hpa()]).plan("23:00").standing(HPA),
        Standing::Refused(_)
    ));
}

#[test]
fn settings_that_change_at_night_send_no_impossible_size() {
    // What was left to the autoscaler is no longer: it is woken from what it was put to.
    let asleep = record(HPA, "5", "2").asleep_since("20:01");
    let zero = || {
        [
            web(&[("downtime-replicas", "0")]),
            hpa().sized("2").marked(&asleep),
        ]
    };
    let night = seen(zero()).remembering([asleep.clone()]).plan("23:00");
    assert_eq!(
        (night.steps(HPA).as_str(), night.standing(HPA)),
        ("", &Standing::Autoscaled)
    );
    let morning = seen(zero()).remembering([asleep.clone()]).plan("27T08:00");
    assert_eq!(morning.steps(HPA), "note that it wakes to 5, resize to 5");
    // An autoscaler appears for what sleeps at some pods: that is between those two until the morning.
    let asleep = record(WEB, "7", "2").asleep_since("20:01");
    let web = web(&[("downtime-replicas", "2"), ("manual-changes", "enforce")])
        .sized("4")
        .marked(&asleep);
    let night = seen([web, hpa().adds(&[("protect", "true")])])
        .remembering([asleep])
        .plan("23:00");
    assert_eq!(
        (night.steps(WEB).as_str(), night.standing(WEB)),
        ("", &Standing::Autoscaled)
    );
}

#[test]
fn case_25_a_cron_job_that_people_suspended_stays_suspended() {
    let mut world = World::of([
        resource("cronjob/shop/report", "suspended"),
        resource("cronjob/shop/mail", "active"),
    ]);
    world.converge(at("20:00"));
    assert_eq!(
        world.records.keys().map(ToString::to_string).collect::<Vec<_>>(),
        ["cronjob/shop/mail"]
    );
    world.converge(at("27T08:00"));
    assert_eq!(world.size(&key("cronjob/shop/report")), size("suspended"));
    assert_eq!(world.size(&key("cronjob/shop/mail")), size("active"));
}

#[test]
fn what_people_keep_at_no_pods_by_day_stays_there() {
    let mut world = World::of([resource(WEB, "0")]);
    for now in ["20:00", "27T08:00", "27T20:00", "30T08:00"] {
        world.converge(at(now));
        assert_eq!((world.size(&key(WEB)), world.records.len()), (size("0"), 0));
    }
}
