//! Delivery tools, which set sizes by themselves.

use crate::offhours::fixtures::{at, key, planned, record, resource, size};
use crate::offhours::simulated::World;
use crate::offhours::{Note, REVERTS, Resource, Standing};

const WEB: &str = "deployment/shop/web";

fn web() -> Resource {
    resource(WEB, "3")
}

#[test]
fn case_30_a_size_that_helm_sets_at_night_is_the_new_one_and_sleeps_after_its_grace() {
    let mut world = World::of([web()]);
    world.converge(at("20:00"));
    world.set(&key(WEB), size("5"), "helm", at("23:00"));
    let plan = world.converge(at("23:05"));
    assert_eq!(plan.standing(WEB), &Standing::Grace(at("23:15")));
    assert_eq!(world.size(&key(WEB)), size("5"));
    world.converge(at("23:15"));
    let record = &world.records[&key(WEB)];
    assert_eq!(
        (world.size(&key(WEB)), record.saved, record.reverts),
        (size("0"), size("5"), 1)
    );
    world.converge(at("27T08:00"));
    assert_eq!((world.size(&key(WEB)), world.records.len()), (size("5"), 0));
}

#[test]
fn case_30_what_a_delivery_tool_brings_back_again_and_again_is_given_up_until_the_edge() {
    let mut world = World::of([web().adds(&[("grace-period", "1m")])]);
    world.converge(at("20:00"));
    for round in 0..REVERTS {
        world.set(
            &key(WEB),
            size("3"),
            "argocd-application-controller",
            at(&format!("20:1{round}")),
        );
        world.converge(at(&format!("20:1{}", round + 1)));
        assert_eq!(
            (world.size(&key(WEB)), world.records[&key(WEB)].reverts),
            (size("0"), round + 1)
        );
    }
    world.set(&key(WEB), size("3"), "argocd-application-controller", at("20:20"));
    let plan = world.converge(at("20:30"));
    assert_eq!(plan.standing(WEB), &Standing::BackedOff);
    assert!(plan.standing(WEB).needs_attention());
    assert_eq!(world.size(&key(WEB)), size("3"));
    world.converge(at("27T08:00"));
    assert_eq!((world.size(&key(WEB)), world.records.len()), (size("3"), 0));
    // The next night begins anew.
    world.converge(at("27T20:00"));
    assert_eq!(
        (world.size(&key(WEB)), world.records[&key(WEB)].reverts),
        (size("0"), 0)
    );
}

#[test]
fn what_a_delivery_tool_makes_smaller_at_night_is_its_size_in_the_morning() {
    let mut world = World::of([web()]);
    world.converge(at("20:00"));
    world.set(&key(WEB), size("2"), "helm", at("27T07:58"));
    let mut look = world.look(at("27T08:00"));
    assert_eq!(look.plan.moves[0].notes, [Note::Declared(size("2"))]);
    while world.call(&mut look).is_some() {}
    world.converge(at("27T08:00"));
    assert_eq!((world.size(&key(WEB)), world.records.len()), (size("2"), 0));
}

#[test]
fn what_was_just_created_or_deployed_is_left_alone_for_its_grace() {
    let created = web().created_at("19:50");
    assert_eq!(
        planned(created.clone(), None, "20:04").1,
        Standing::Grace(at("20:05"))
    );
    assert_eq!(planned(created, None, "20:05").0, "save 3, resize to 0");
    let deployed = web().written_by("helm", "19:50");
    assert_eq!(
        planned(deployed.clone(), None, "20:04").1,
        Standing::Grace(at("20:05"))
    );
    assert_eq!(planned(deployed, None, "20:05").0, "save 3, resize to 0");
    let by_hand = web().written_by("kubectl", "19:59");
    assert_eq!(planned(by_hand, None, "20:00").0, "save 3, resize to 0");
    let own = web().adds(&[("grace-period", "60s")]).created_at("19:50");
    assert_eq!(planned(own, None, "20:00").0, "save 3, resize to 0");
    let group = resource("group/workers", "2-4-10").created_at("19:59");
    assert_eq!(
        planned(group, None, "20:00").0,
        "save 2-4-10, resize to 0-0-10",
        "machines have none"
    );
}

#[test]
fn what_is_deployed_while_it_waits_for_its_turn_has_its_grace_too() {
    let web = web().sized("5").written_by("helm", "20:02");
    let now = |now| planned(web.clone(), Some(record(WEB, "3", "0")), now);
    assert_eq!(now("20:03"), (String::new(), Standing::Grace(at("20:17"))));
    assert_eq!(now("20:17").0, "save 5 again, resize to 0");
}

#[test]
fn no_grace_is_too_long_and_a_creation_in_the_future_breaks_nothing() {
    let forever = web().adds(&[("grace-period", "175307616h")]).created_at("19:50");
    assert_eq!(
        planned(forever, None, "20:00").1,
        Standing::Grace(jiff::Timestamp::MAX)
    );
    // The API server's clock is ahead of ours.
    let ahead = web().adds(&[("grace-period", "0s")]).created_at("20:01");
    assert_eq!(
        planned(ahead.clone(), None, "20:00").1,
        Standing::Grace(at("20:01"))
    );
    let machine = resource("group/workers", "2-4-10").created_at("20:01");
    let mut world = World::of([machine]);
    world.converge(at("20:00"));
    assert_eq!(world.size(&key("group/workers")), size("0-0-10"));
    world.converge(at("27T08:00"));
    assert_eq!(
        world.size(&key("group/workers")),
        size("2-4-10"),
        "its record is its own"
    );
}

#[test]
fn what_a_delivery_tool_declares_to_be_nothing_is_woken_to_nothing_and_never_saved() {
    let waking = record(WEB, "3", "2").waking_to("0", "27T08:00");
    let web = web()
        .adds(&[("downtime-replicas", "2")])
        .sized("0")
        .written_by("helm", "22:00");
    assert_eq!(
        planned(web.clone(), Some(waking.clone()), "27T08:01").0,
        "note that it is awake"
    );
    // Whoever wakes to something else, or to nothing, sleeps on.
    for target in ["0", "3"] {
        let waking = record(WEB, "3", "2").waking_to(target, "27T08:00");
        assert_eq!(
            planned(web.clone(), Some(waking), "27T20:30").0,
            "note that it is asleep"
        );
    }
}
