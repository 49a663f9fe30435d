//! The calendar of a cluster that is made up.

use domain::offhours::{Capacity, Override, Scales, Size, Want};
use domain::schedule::Context;
use serde_json::json;

use super::*;
use crate::hours::fixtures::{World, key, ts};

const THURSDAY: &str = "2026-11-26T12:00:00Z";

fn web() -> World {
    World::at(THURSDAY).with(
        "deployment/shop/web",
        Size::Replicas(3),
        &[("schedule", "office")],
    )
}

fn calendar(world: World, days: i64, zone: &str) -> Calendar {
    let (from, holidays) = (world.now, world.policy.context.holidays.clone());
    let stretch = Stretch {
        from,
        until: from + SignedDuration::from_hours(24 * days),
        zone: Zone::parse(zone).unwrap(),
        holidays: &holidays,
    };
    stretch.calendar(&world.look(), &ClusterName::parse("blue").unwrap())
}

#[test]
fn what_goes_the_same_way_stands_together_and_times_are_those_of_the_zone() {
    let world = web()
        .with(
            "deployment/shop/api",
            Size::Replicas(2),
            &[("uptime", "Mon-Fri 08:00-20:00")],
        )
        .with(
            "group/batch",
            Size::Capacity(Capacity::new(1, 1, 1)),
            &[("downtime", "Sat-Sun 00:00-24:00 UTC")],
        )
        .with("deployment/shop/free", Size::Replicas(2), &[]);
    let calendar = calendar(world, 2, "Europe/Berlin");
    assert_eq!(
        calendar.table(),
        "\
blue: Thu 2026-11-26 13:00 +01 to Sat 2026-11-28 13:00 +01 Europe/Berlin

deployment/shop/api, deployment/shop/web: up, inside uptime Mon-Fri 08:00-20:00 of deployment/shop/api until 2026-11-26T19:00:00Z
    WHEN                      TO BE  MARK
    Thu 2026-11-26 20:00 +01  down   -
    Fri 2026-11-27 08:00 +01  up     -
    Fri 2026-11-27 20:00 +01  down   -

group/batch: up, outside downtime Sat-Sun 00:00-24:00 UTC of group/batch until 2026-11-28T00:00:00Z
    WHEN                      TO BE  MARK
    Sat 2026-11-28 01:00 +01  down   -

Right now: everything is as it is to be
"
    );
}

#[test]
fn holidays_and_changes_of_the_clocks_are_marked_on_their_day() {
    let mut world = World::at("2026-03-27T12:00:00Z");
    world.policy.context = Context::parse(Some("Europe/Berlin"), None, "", "2026-03-30").unwrap();
    let world = world.with(
        "deployment/shop/web",
        Size::Replicas(3),
        &[("uptime", "Mon-Sun 02:30-20:00")],
    );
    let table = calendar(world, 4, "Europe/Berlin").table();
    let expected = "
    Sun 2026-03-29 03:00 +02  -      clocks of Europe/Berlin change from +01 to +02
    Sun 2026-03-29 03:00 +02  up     clocks change
    Sun 2026-03-29 20:00 +02  down   clocks change
    Mon 2026-03-30            -      holiday
    Tue 2026-03-31 02:30 +02  up     -
";
    assert!(table.contains(expected), "{table}");
}

#[test]
fn what_people_told_is_in_the_calendar() {
    let mut world = World::at(THURSDAY);
    world.overrides = vec![Override {
        resource: None,
        want: Want::Awake,
        until: ts("2026-11-26T23:30:00Z"),
        by: "jane".to_owned(),
        at: ts("2026-11-26T11:00:00Z"),
    }];
    let world = world.with(
        "deployment/shop/web",
        Size::Replicas(3),
        &[("schedule", "office")],
    );
    let [schedule] = calendar(world, 1, "UTC").schedules.try_into().unwrap();
    assert!(
        schedule.reason.contains("what jane said of everything"),
        "{}",
        schedule.reason
    );
    let times: Vec<&str> = schedule
        .transitions
        .iter()
        .map(|edge| edge.local.as_str())
        .collect();
    assert_eq!(times, ["2026-11-26T23:30:00+00:00", "2026-11-27T07:00:00+00:00"]);
}

#[test]
fn an_autoscaler_follows_what_it_scales() {
    let mut world = web().with("hpa/shop/web", Size::Replicas(2), &[]);
    world.seen.resources[1].traits.scales = Some(Scales {
        target: Some(key("deployment/shop/web")),
        max: 10,
    });
    let [schedule] = calendar(world, 1, "UTC").schedules.try_into().unwrap();
    assert_eq!(
        schedule.resources,
        [key("deployment/shop/web"), key("hpa/shop/web")]
    );
}

#[test]
fn what_can_not_be_read_is_named_and_nothing_is_one_line() {
    let world = World::at(THURSDAY).with(
        "deployment/shop/web",
        Size::Replicas(3),
        &[("uptime", "whenever")],
    );
    let calendar = calendar(world, 1, "UTC");
    assert_eq!(calendar.refused.len(), 1);
    let table = calendar.table();
    assert!(
        table.contains("\nnothing has a schedule\n\n! deployment/shop/web: "),
        "{table}"
    );
}

#[test]
fn what_could_not_be_seen_is_named() {
    let mut world = web();
    world.seen.unseen.insert(domain::offhours::Kind::Group);
    let table = calendar(world, 1, "UTC").table();
    assert!(
        table.contains("\n! this is not all: nobody could be asked about any group\n"),
        "{table}"
    );
}

#[test]
fn many_resources_of_one_schedule_are_named_by_the_first_ones() {
    let mut world = World::at(THURSDAY);
    for number in 0..8 {
        let name = format!("deployment/shop/web-{number}");
        world = world.with(&name, Size::Replicas(3), &[("schedule", "office")]);
    }
    let table = calendar(world, 1, "UTC").table();
    assert!(table.contains("deployment/shop/web-4 and 3 more: up"), "{table}");
}

#[test]
fn what_would_be_done_now_is_the_functions_own_plan() {
    let world = World::at("2026-11-26T22:00:00Z").with(
        "deployment/shop/web",
        Size::Replicas(3),
        &[("schedule", "office")],
    );
    let table = calendar(world, 1, "UTC").table();
    assert!(
        table.contains("deployment/shop/web  save 3, resize to 0  outside uptime"),
        "{table}"
    );
    assert!(table.ends_with("\nThen: look again in 1s\n"), "{table}");
}

#[test]
fn the_json_is_a_contract() {
    let mut json = serde_json::to_value(calendar(web(), 1, "America/New_York")).unwrap();
    let transition = json["schedules"][0]["transitions"][0].take();
    assert_eq!(
        transition,
        json!({
            "at": "2026-11-26T19:00:00Z",
            "local": "2026-11-26T14:00:00-05:00",
            "from": "up",
            "to": "down",
            "reason": "outside uptime Mon-Fri 08:00-20:00 (schedule office) of deployment/shop/web until 2026-11-27T07:00:00Z",
            "marks": [],
        })
    );
    json["schedules"][0]["transitions"] = json!([]);
    assert_eq!(
        json,
        json!({
            "cluster": "blue",
            "from": "2026-11-26T12:00:00Z",
            "until": "2026-11-27T12:00:00Z",
            "timeZone": "America/New_York",
            "schedules": [{
                "resources": ["deployment/shop/web"],
                "desired": "up",
                "reason": "inside uptime Mon-Fri 08:00-20:00 (schedule office) of deployment/shop/web until 2026-11-26T19:00:00Z",
                "transitions": [],
                "marks": [],
            }],
            "refused": [],
            "unseen": [],
            "now": { "moves": [], "then": "everything is as it is to be" },
        })
    );
}
