//! What people do by hand, and tell us.

use crate::offhours::fixtures::{OFFICE, at, key, person, planned, record, resource, seen, size};
use crate::offhours::simulated::World;
use crate::offhours::{Condition, Mirror, Note, Resource, Settings, Standing, Step, Then, Want};

const WEB: &str = "deployment/shop/web";

fn web() -> Resource {
    resource(WEB, "3")
}

/// Asleep since 20:00, and at 23:00 somebody scales it.
fn scaled_at_night(web: Resource, to: &str) -> World {
    let mut world = World::of([web]);
    world.converge(at("20:00"));
    assert_eq!(world.size(&key(WEB)), size("0"));
    world.set(&key(WEB), size(to), "kubectl", at("23:00"));
    world
}

#[test]
fn case_1_what_a_person_wakes_at_night_stays_until_the_edge_and_ends_at_what_was_saved() {
    let mut world = scaled_at_night(web(), "1");
    let plan = world.converge(at("23:05"));
    assert_eq!(plan.standing(WEB), &Standing::WokenByHand);
    assert_eq!(plan.then, Then::Settled);
    assert_eq!(
        (world.size(&key(WEB)), world.records[&key(WEB)].saved),
        (size("1"), size("3"))
    );
    world.converge(at("27T08:00"));
    assert_eq!((world.size(&key(WEB)), world.records.len()), (size("3"), 0));
}

#[test]
fn case_2_where_changes_by_hand_are_taken_back_the_saved_size_stays_what_it_was() {
    for to in ["1", "7"] {
        let mut world = scaled_at_night(web().adds(&[("manual-changes", "enforce")]), to);
        world.converge(at("23:05"));
        let record = &world.records[&key(WEB)];
        assert_eq!(
            (world.size(&key(WEB)), record.saved, record.reverts),
            (size("0"), size("3"), 1)
        );
        world.converge(at("27T08:00"));
        assert_eq!((world.size(&key(WEB)), world.records.len()), (size("3"), 0));
    }
}

#[test]
fn whoever_wakes_it_faster_than_anybody_looks_has_woken_it_by_hand_too() {
    let saved = record(WEB, "3", "0");
    // What people see says that the resize was taken.
    let woken = |says| web().adds(says).sized("1").marked(&saved);
    let now = |says, now| planned(woken(says), Some(saved.clone()), now);
    assert_eq!(now(&[], "20:01"), (String::new(), Standing::WokenByHand));
    // It may be a controller: where that is not respected, it is taken back once a minute.
    let enforce = &[("manual-changes", "enforce")];
    let soon = planned(woken(enforce), Some(saved.clone()), "20:00");
    assert_eq!(soon, (String::new(), Standing::WokenByHand));
    assert_eq!(now(enforce, "20:01").0, "save 3 again, resize to 0");
}

#[test]
fn what_a_person_makes_larger_at_night_is_kept_in_the_morning() {
    let mut world = scaled_at_night(web(), "5");
    world.converge(at("23:05"));
    let look = world.look(at("27T08:00"));
    assert_eq!(look.plan.moves[0].notes, [Note::KeptLarger(size("5"))]);
    assert_eq!(
        look.plan.steps(WEB),
        "note that it wakes to 5",
        "it is that large already"
    );
    world.converge(at("27T08:00"));
    assert_eq!((world.size(&key(WEB)), world.records.len()), (size("5"), 0));
    assert_eq!(world.things[&key(WEB)].resource.mirror, None);
}

#[test]
fn who_makes_it_even_smaller_at_night_has_not_woken_it() {
    let asleep = record(WEB, "3", "2").asleep_since("20:01");
    let web = web().adds(&[("downtime-replicas", "2"), ("manual-changes", "enforce")]);
    let (steps, standing) = planned(web.sized("0").marked(&asleep), Some(asleep), "23:00");
    assert_eq!((steps.as_str(), standing), ("", Standing::Asleep));
}

#[test]
fn what_is_scaled_while_its_size_is_saved_and_waits_is_saved_again_if_it_is_larger() {
    let saved = record(WEB, "3", "0");
    let now = |live| planned(web().sized(live), Some(saved.clone()), "20:03").0;
    assert_eq!(now("3"), "resize to 0");
    assert_eq!(now("5"), "save 5 again, resize to 0");
    assert_eq!(now("2"), "resize to 0", "the morning is for what was saved");
    let plan = seen([web().sized("5")]).remembering([saved]).plan("20:03");
    let Step::Journal(again) = &plan.moves[0].steps[0] else {
        panic!("{plan}")
    };
    assert_eq!(again.saved_at, at("20:00"), "its patience does not begin anew");
}

#[test]
fn a_size_that_a_person_writes_into_the_annotation_is_what_it_wakes_to_whatever_happens_until_then() {
    let mut world = World::of([web().adds(&[("manual-changes", "enforce")])]);
    world.converge(at("20:00"));
    let edit = |world: &mut World, text: &str| {
        let mirror = world.thing(&key(WEB)).resource.mirror.as_mut().unwrap();
        mirror.size = Some(text.to_owned());
    };
    edit(&mut world, "5");
    world.set(&key(WEB), size("1"), "kubectl", at("23:00"));
    world.converge(at("23:05"));
    assert_eq!(
        world.records[&key(WEB)].saved,
        size("5"),
        "it is written again when it is put to sleep again"
    );
    edit(&mut world, "2");
    // A crash before the resize, and another edit.
    let mut look = world.look(at("27T08:00"));
    world.call(&mut look);
    assert_eq!(world.records[&key(WEB)].saved, size("2"));
    edit(&mut world, "6");
    world.converge(at("27T08:01"));
    assert_eq!((world.size(&key(WEB)), world.records.len()), (size("6"), 0));
}

#[test]
fn what_people_see_is_written_again_when_it_is_gone_or_that_of_another_night() {
    let asleep = record(WEB, "3", "0").asleep_since("20:01");
    let web = web().sized("0").is(Condition::QUIET);
    let shows = |web: Resource| planned(web, Some(asleep.clone()), "21:00").0;
    assert_eq!(shows(web.clone().marked(&asleep)), "");
    assert_eq!(shows(web.clone()), "show on it that it is asleep");
    let mut older = web.marked(&asleep);
    older.mirror.as_mut().unwrap().since = at("12:00");
    assert_eq!(shows(older), "show on it that it is asleep");
}

#[test]
fn an_unreadable_annotation_is_put_right_and_changes_nothing() {
    let asleep = record(WEB, "3", "0").asleep_since("20:01");
    let mut web = web().sized("0").marked(&asleep).edited("many");
    assert_eq!(
        planned(web.clone(), Some(asleep.clone()), "27T08:00").0,
        "note that it wakes to 3, resize to 3"
    );
    web.mirror = Mirror::read(Some("asleep since yesterday"), Some("3"));
    assert_eq!(
        planned(web, Some(asleep), "21:00").0,
        "show on it that it is asleep"
    );
}

#[test]
fn what_a_person_tells_us_goes_before_the_schedule_and_ends() {
    let awake = web().told(&[person(Some(WEB), Want::Awake, "22:00")]);
    assert_eq!(planned(awake.clone(), None, "21:59").1, Standing::Awake);
    assert_eq!(planned(awake, None, "22:00").0, "save 3, resize to 0");
    let asleep = web().told(&[person(None, Want::Asleep, "14:00")]);
    assert_eq!(planned(asleep.clone(), None, "13:59").0, "save 3, resize to 0");
    let sleeping = record(WEB, "3", "0").asleep_since("12:01");
    assert_eq!(
        planned(asleep.sized("0"), Some(sleeping), "14:00").0,
        "note that it wakes to 3, resize to 3"
    );
}

#[test]
fn what_a_person_tells_us_schedules_nothing_that_has_no_schedule() {
    let asleep = person(None, Want::Asleep, "14:00");
    let nothing = resource(WEB, "3").told(&[asleep]);
    let settings = nothing.settings.unwrap();
    let unscheduled = Resource {
        settings: Ok(Settings {
            is_scheduled: false,
            ..settings
        }),
        ..web()
    };
    assert_eq!(
        planned(unscheduled, None, "13:00"),
        (String::new(), Standing::NotScheduled)
    );
}

#[test]
fn what_is_protected_excluded_or_not_scheduled_is_left_alone() {
    let cases = [
        (web().says(&[]), Standing::NotScheduled),
        (
            web().says(&[("tier", "3"), ("protect", "true")]),
            Standing::NotScheduled,
        ),
        (web().adds(&[("protect", "true")]), Standing::LeftAlone),
        (web().adds(&[("exclude", "true")]), Standing::LeftAlone),
        (
            web().adds(&[("exclude-until", "2026-11-27T06:00:00Z")]),
            Standing::LeftAlone,
        ),
    ];
    for (web, expected) in cases {
        assert_eq!(planned(web, None, "23:00"), (String::new(), expected));
    }
    let excluded = web().adds(&[("exclude-until", "2026-11-27T06:00:00Z")]);
    assert_eq!(planned(excluded, None, "27T06:00").0, "save 3, resize to 0");
}

#[test]
fn what_is_protected_while_it_sleeps_sleeps_on_and_wakes_with_the_others() {
    let asleep = record(WEB, "3", "0").asleep_since("20:01");
    let web = web().adds(&[("protect", "true")]).sized("0").marked(&asleep);
    let now = |now| planned(web.clone(), Some(asleep.clone()), now);
    assert_eq!(now("23:00"), (String::new(), Standing::LeftAlone));
    assert_eq!(now("27T08:00").0, "note that it wakes to 3, resize to 3");
}

#[test]
fn what_was_asleep_when_its_schedule_was_taken_away_is_woken() {
    let asleep = record(WEB, "3", "0").asleep_since("20:01");
    let web = web().says(&[]).sized("0").marked(&asleep);
    let (steps, standing) = planned(web, Some(asleep), "23:00");
    assert_eq!(
        (steps.as_str(), standing),
        ("note that it wakes to 3, resize to 3", Standing::Waking)
    );
}

#[test]
fn what_was_only_saved_when_its_schedule_was_taken_away_is_not_resized() {
    for says in [&[][..], &[("uptime", OFFICE), ("protect", "true")]] {
        let web = web().says(says).sized("2");
        assert_eq!(
            planned(web, Some(record(WEB, "3", "0")), "20:10").0,
            "note that it wakes to 2"
        );
    }
}

#[test]
fn settings_that_cannot_be_read_leave_a_resource_alone_asleep_or_awake() {
    for wrong in [
        ("tier", "10"),
        ("uptime", "Mon-Fry 08:00-20:00"),
        ("manual-changes", "perhaps"),
        ("grace-period", "-5m"),
    ] {
        for (live, record) in [
            ("3", None),
            ("0", Some(record(WEB, "3", "0").asleep_since("20:01"))),
        ] {
            for now in ["21:00", "27T09:00"] {
                let (steps, standing) = planned(web().says(&[wrong]).sized(live), record.clone(), now);
                assert!(matches!(standing, Standing::Refused(_)), "{wrong:?}: {standing}");
                assert_eq!(steps, "");
            }
        }
    }
}
