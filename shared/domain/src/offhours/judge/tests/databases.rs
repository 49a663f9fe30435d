//! Databases, which AWS starts after seven days.

use crate::offhours::fixtures::{at, key, planned, record, resource, size, ts};
use crate::offhours::simulated::World;
use crate::offhours::{MaintenanceWindow, Resource, Standing};

const ORDERS: &str = "database/orders";
/// From Thursday night on.
const CLOSED: (&str, &str) = ("uptime", "2026-11-01T00:00:00Z-2026-11-26T20:00:00Z");

fn orders(says: &[(&str, &str)]) -> Resource {
    resource(ORDERS, "running").says(&[&[CLOSED], says].concat())
}

fn stopped(says: &[(&str, &str)]) -> World {
    let mut world = World::of([orders(says)]);
    world.converge(at("20:00"));
    assert_eq!(world.size(&key(ORDERS)), size("stopped"));
    world
}

#[test]
fn case_26_a_database_that_aws_starts_after_seven_days_is_stopped_again_and_again() {
    let mut world = stopped(&[]);
    for day in [
        "2026-12-03T20:01:00Z",
        "2026-12-10T20:05:00Z",
        "2026-12-17T20:20:00Z",
    ] {
        world.set(&key(ORDERS), size("running"), "", ts(day));
        let plan = world.converge(ts(day));
        assert_eq!(
            (world.size(&key(ORDERS)), plan.view(ORDERS).is_stuck),
            (size("stopped"), false),
            "{day}"
        );
    }
}

#[test]
fn case_26_in_its_maintenance_window_it_runs_if_that_is_to_be_honoured() {
    let window = MaintenanceWindow::parse("thu:20:00-thu:20:30");
    let running = |says: &[(&str, &str)], now: &str| {
        let mut world = stopped(says);
        world.thing(&key(ORDERS)).resource.traits.maintenance = window;
        world.set(&key(ORDERS), size("running"), "", ts("2026-12-03T20:01:00Z"));
        let plan = world.converge(ts(now));
        (
            plan.standing(ORDERS).clone(),
            world.size(&key(ORDERS)).to_string(),
        )
    };
    let honoured = [("honor-maintenance", "true")];
    assert_eq!(
        running(&honoured, "2026-12-03T20:05:00Z"),
        (Standing::Maintenance, "running".to_owned())
    );
    assert_eq!(running(&honoured, "2026-12-03T20:30:00Z").1, "stopped");
    assert_eq!(running(&[], "2026-12-03T20:05:00Z").1, "stopped");
}

#[test]
fn the_seven_days_go_on_while_a_database_is_only_about_to_wake() {
    let asleep = record(ORDERS, "running", "stopped").asleep_since("20:01");
    let stopped = resource(ORDERS, "stopped").says(&[CLOSED]).marked(&asleep);
    let mut world = World::of([stopped]);
    let waking = asleep.waking_to("running", "27T08:00");
    world.records.insert(key(ORDERS), waking);
    world.converge(at("27T08:01"));
    assert_eq!(world.records[&key(ORDERS)].saved_at, at("20:00"));
    world.set(&key(ORDERS), size("running"), "", ts("2026-12-03T20:01:00Z"));
    world.converge(ts("2026-12-03T20:05:00Z"));
    assert_eq!(world.size(&key(ORDERS)), size("stopped"));
}

#[test]
fn a_database_that_a_person_starts_runs_until_the_edge_even_for_longer_than_seven_days() {
    let mut world = stopped(&[]);
    world.set(&key(ORDERS), size("running"), "", ts("2026-11-29T12:00:00Z"));
    let mut now = ts("2026-11-29T12:05:00Z");
    while now < ts("2026-12-20T12:00:00Z") {
        let plan = world.converge(now);
        assert_eq!(plan.standing(ORDERS), &Standing::WokenByHand, "{now}");
        now += jiff::SignedDuration::from_hours(5);
    }
    assert_eq!(world.size(&key(ORDERS)), size("running"));
}

#[test]
fn a_database_that_was_started_by_hand_is_not_started_again_in_the_morning() {
    let mut world = World::of([resource(ORDERS, "running")]);
    world.converge(at("20:00"));
    world.set(&key(ORDERS), size("running"), "", at("23:00"));
    world.converge(at("27T08:00"));
    assert_eq!(
        (world.size(&key(ORDERS)), world.records.len()),
        (size("running"), 0)
    );
    assert_eq!(world.things[&key(ORDERS)].resource.mirror, None);
}

#[test]
fn a_database_on_its_way_is_not_asked_again() {
    let saved = record(ORDERS, "running", "stopped");
    assert_eq!(planned(orders(&[]).busy(), Some(saved.clone()), "20:01").0, "");
    assert_eq!(
        planned(orders(&[]).sized("stopped").busy(), Some(saved), "20:02").0,
        "note that it is asleep"
    );
    let asleep = record(ORDERS, "running", "stopped").asleep_since("20:02");
    let office = resource(ORDERS, "stopped").marked(&asleep).busy();
    assert_eq!(
        planned(office, Some(asleep), "27T08:00").0,
        "note that it wakes to running"
    );
}

#[test]
fn case_27_a_database_that_cannot_be_stopped_is_reported_and_the_rest_proceeds() {
    let replica = resource("database/reports", "running").unsupported("it has read replicas");
    let mut world = World::of([
        replica,
        resource(ORDERS, "running"),
        resource("group/workers", "2-4-10"),
    ]);
    let plan = world.converge(at("20:00"));
    assert_eq!(
        plan.standing("database/reports"),
        &Standing::Unsupported("it has read replicas".to_owned())
    );
    assert_eq!(world.size(&key("database/reports")), size("running"));
    assert_eq!(world.size(&key(ORDERS)), size("stopped"));
    // What slept before it could not any more still wakes.
    world.thing(&key(ORDERS)).resource.unsupported = Some("it has read replicas".to_owned());
    world.converge(at("27T08:00"));
    assert_eq!(world.size(&key(ORDERS)), size("running"));
}
