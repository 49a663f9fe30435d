//! What says that something is to be done is a hint to look. What is done depends on the time that it is.

use crate::offhours::fixtures::{at, key, read_places, record, resource, seen, size};
use crate::offhours::simulated::World;
use crate::offhours::{Policy, Resource, Standing, plan};
use crate::schedule::{Context, State};

const WEB: &str = "deployment/shop/web";

fn world() -> World {
    World::of([
        resource(WEB, "3"),
        resource("group/workers", "2-4-10"),
        resource("database/orders", "running"),
    ])
}

fn sizes(world: &World) -> [String; 3] {
    [WEB, "group/workers", "database/orders"].map(|name| world.size(&key(name)).to_string())
}

#[test]
fn case_7_a_hint_to_wake_that_comes_after_the_next_edge_wakes_nothing() {
    let mut world = world();
    world.converge(at("20:00"));
    // The hint of 08:00 comes at 22:00.
    assert!(world.look(at("22:00")).plan.moves.is_empty());
    assert_eq!(sizes(&world), ["0", "0-0-10", "stopped"]);
    // Where the day was missed, too.
    let asleep = record(WEB, "3", "0").asleep_since("20:01");
    let web = resource(WEB, "0").marked(&asleep);
    let observation = seen([web]).remembering([asleep]);
    assert!(observation.plan("27T22:00").moves.is_empty());
}

#[test]
fn case_8_a_hint_that_is_lost_is_made_good_by_the_next_look() {
    let mut world = world();
    world.converge(at("20:05"));
    assert_eq!(sizes(&world), ["0", "0-0-10", "stopped"]);
    world.converge(at("27T08:05"));
    assert_eq!(
        (sizes(&world), world.records.len()),
        (["3", "2-4-10", "running"].map(str::to_owned), 0)
    );
}

#[test]
fn a_hint_that_comes_again_and_again_changes_nothing() {
    let mut world = world();
    for now in ["20:00", "20:00", "20:01", "22:00", "27T03:00"] {
        world.converge(at(now));
        assert!(world.look(at(now)).plan.moves.is_empty());
    }
    let saved: Vec<_> = world
        .records
        .values()
        .map(|record| record.saved.to_string())
        .collect();
    assert_eq!(saved, ["3", "2-4-10", "running"]);
}

/// Office hours but for holidays, and what stands on it beside them.
fn on_holidays(adds: &[(&str, &str)], now: &str) -> (State, String, Standing) {
    let policy = Policy {
        context: Context::parse(None, None, "office=Mon-Fri 08:00-20:00 UTC", "2026-11-27").unwrap(),
        ..Policy::default()
    };
    let asleep = record(WEB, "3", "0").asleep_since("20:01");
    let says = [&[("schedule", "office")], adds].concat();
    let web = Resource {
        settings: read_places(&[("itself", &says)], &[], &policy),
        ..resource(WEB, "0").marked(&asleep)
    };
    let plan = plan(&seen([web]).remembering([asleep]), &policy, at(now));
    let view = plan.view(WEB);
    (view.decision.state, plan.steps(WEB), view.standing.clone())
}

#[test]
fn case_13_a_holiday_sleeps_through_and_a_hold_wakes_until_its_end() {
    assert_eq!(
        on_holidays(&[], "27T08:00"),
        (State::Down, String::new(), Standing::Asleep)
    );
    let hold = [("hold-until", "2026-11-27T12:00:00Z")];
    let (state, steps, _) = on_holidays(&hold, "27T08:00");
    assert_eq!(
        (state, steps.as_str()),
        (State::Up, "note that it wakes to 3, resize to 3")
    );
    assert_eq!(on_holidays(&hold, "27T11:59").0, State::Up);
    assert_eq!(
        on_holidays(&hold, "27T12:00"),
        (State::Down, String::new(), Standing::Asleep)
    );
    assert_eq!(
        on_holidays(&[], "30T08:00").1,
        "note that it wakes to 3, resize to 3"
    );
}

#[test]
fn case_15_the_most_specific_place_says_each_thing_and_up_goes_before_down_in_one_place() {
    let schedules = "day=Mon-Fri 08:00-20:00 UTC; night=Mon-Fri 20:00-23:00 UTC";
    let policy = Policy {
        context: Context::parse(None, None, schedules, "").unwrap(),
        ..Policy::default()
    };
    let planned = |own: &[(&str, &str)], around: &[(&str, &str)], now: &str| {
        let places = [("deployment shop/web", own), ("namespace shop", around)];
        let web = Resource {
            settings: read_places(&places, &[], &policy),
            ..resource(WEB, "3")
        };
        let plan = plan(&seen([web]), &policy, at(now));
        (plan.steps(WEB), plan.view(WEB).decision.reason.clone())
    };
    let around = [("schedule", "day"), ("tier", "3"), ("downtime-replicas", "1")];
    let (steps, reason) = planned(&[("schedule", "night")], &around, "12:00");
    assert_eq!(steps, "save 3, resize to 1");
    assert!(
        reason.contains("schedule night") && reason.contains("deployment shop/web"),
        "{reason}"
    );
    let (steps, reason) = planned(&[("downtime-replicas", "2")], &around, "23:00");
    assert_eq!(steps, "save 3, resize to 2");
    assert!(
        reason.contains("schedule day") && reason.contains("namespace shop"),
        "{reason}"
    );
    for now in ["12:00", "21:00"] {
        assert_eq!(
            planned(&[("schedule", "day,night")], &[], now).0,
            "",
            "one that says up is enough"
        );
    }
}

#[test]
fn the_reason_of_a_move_is_that_of_the_schedule() {
    let plan = world().look(at("20:00")).plan;
    let why = &plan.moves[0].why;
    assert!(
        why.contains("outside uptime Mon-Fri 08:00-20:00 UTC of itself"),
        "{why}"
    );
    assert_eq!(plan.view(WEB).size, size("3"));
}
