//! Shows a cluster that is made up.

use domain::offhours::{Kind, Record, Size, Stage};
use domain::schedule::State;

use super::*;
use crate::hours::fixtures::{World, key, ts};

const NIGHT: &str = "2026-11-26T22:00:00Z";

fn shown(look: &Look, all: bool) -> Show {
    show(look, &ClusterName::parse("blue").unwrap(), ts(NIGHT), all)
}

fn record(resource: &str, saved: u32) -> Record {
    let fell = ts("2026-11-26T19:00:00Z");
    let record = Record::new(
        key(resource),
        Size::Replicas(saved),
        Size::Replicas(0),
        "night",
        fell,
    );
    record.at(Stage::Asleep {
        since: ts("2026-11-26T19:00:10Z"),
    })
}

#[test]
fn what_sleeps_shows_its_saved_size_and_since_when() {
    let world = World::at(NIGHT)
        .with(
            "deployment/shop/web",
            Size::Replicas(0),
            &[("schedule", "office")],
        )
        .with_record(record("deployment/shop/web", 3));
    let show = shown(&world.look(), false);
    let [row] = show.resources.as_slice() else {
        panic!("{show:?}")
    };
    assert_eq!(
        (row.standing, row.size.as_deref(), row.desired),
        ("asleep", Some("0"), Some(State::Down))
    );
    assert_eq!(row.saved_size.as_deref(), Some("3"));
    assert_eq!(row.since, Some(ts("2026-11-26T19:00:10Z")));
    assert!(row.reason.contains("(schedule office)"), "{}", row.reason);
    assert!(!show.needs_attention());
}

#[test]
fn what_has_no_schedule_is_shown_only_when_all_is_asked_for() {
    let world = || World::at(NIGHT).with("deployment/shop/web", Size::Replicas(2), &[]);
    assert!(shown(&world().look(), false).resources.is_empty());
    assert_eq!(
        shown(&world().look(), true).resources[0].standing,
        "not-scheduled"
    );
}

#[test]
fn settings_that_can_not_be_read_need_attention_and_say_why_once() {
    let world = World::at(NIGHT).with(
        "deployment/shop/web",
        Size::Replicas(2),
        &[("uptime", "Mon-Fry 8-20")],
    );
    let show = shown(&world.look(), false);
    assert_eq!(show.resources[0].standing, "refused");
    assert!(show.needs_attention());
    let table = show.table();
    assert_eq!(table.matches("\"Fry\"").count(), 1, "{table}");
}

#[test]
fn a_group_whose_size_nobody_knows_needs_attention() {
    let asleep = Size::Capacity(domain::offhours::Capacity::new(0, 0, 0));
    let world = World::at("2026-11-26T12:00:00Z").with("group/workers", asleep, &[("schedule", "office")]);
    let show = shown(&world.look(), false);
    assert_eq!(show.resources[0].standing, "unknown-size");
    assert!(show.needs_attention());
    assert!(
        show.table().contains("    ! nobody knows how large it is by day"),
        "{}",
        show.table()
    );
}

#[test]
fn an_object_that_can_not_be_read_is_told_at_its_resource_or_else_below() {
    let world = World::at(NIGHT).with(
        "deployment/shop/web",
        Size::Replicas(0),
        &[("schedule", "office")],
    );
    let mut look = world.look();
    for name in ["deployment/shop/web.json", "overrides/all.json"] {
        look.unreadable
            .insert(name.to_owned(), format!("off-hours/blue/{name}: expected value"));
    }
    let show = shown(&look, false);
    assert_eq!(
        show.problems,
        ["off-hours/blue/overrides/all.json: expected value"]
    );
    assert!(show.needs_attention());
}

#[test]
fn a_record_of_what_is_not_there_is_told() {
    let look = World::at(NIGHT)
        .with_record(record("deployment/shop/old", 3))
        .look();
    let note = "deployment/shop/old is not there any more; its size 3 is saved since 2026-11-26T19:00:00Z";
    let show = shown(&look, false);
    assert!(show.resources.is_empty() && !show.needs_attention());
    assert_eq!(show.notes, [note]);
}

#[test]
fn what_could_not_be_seen_is_shown_by_its_record() {
    let mut look = World::at(NIGHT)
        .with_record(record("deployment/shop/web", 3))
        .look();
    look.sight.seen.unseen.insert(Kind::Deployment);
    assert_eq!(
        shown(&look, false).table(),
        "\
blue: 1 asleep; the function has not looked yet

RESOURCE             SIZE  SAVED  STANDING  SINCE  TO BE  WHY
deployment/shop/web  -     3      asleep    2h59m  -      by its record: it could not be looked at

! nobody could be asked about any deployment
"
    );
    look.sight.seen.records.clear();
    assert!(
        shown(&look, false)
            .table()
            .starts_with("blue: nothing that was seen has a schedule; ")
    );
}
