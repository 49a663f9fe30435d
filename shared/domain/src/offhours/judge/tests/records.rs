//! Records: crashes, races, and records that are not what they seem.

use crate::offhours::fixtures::{at, key, planned, record, resource, seen, size};
use crate::offhours::simulated::{Happened, World};
use crate::offhours::{Condition, Policy, Record, Resource, Stage, Standing, plan};

const WEB: &str = "deployment/shop/web";
const WORKERS: &str = "group/workers";

fn web() -> Resource {
    resource(WEB, "3")
}

#[test]
fn case_6_five_at_once_save_once_and_resize_once() {
    for name in [WEB, WORKERS] {
        let live = if name == WEB { "3" } else { "2-4-10" };
        let mut world = World::of([resource(name, live)]);
        let mut looks: Vec<_> = (0..5).map(|_| world.look(at("20:00"))).collect();
        let (mut saved, mut resized) = (0, 0);
        // Each makes its first call before any makes its second.
        for _ in 0..4 {
            for look in &mut looks {
                match world.call(look) {
                    Some(Happened::Recorded { .. }) => saved += 1,
                    Some(Happened::Resized { .. }) => resized += 1,
                    Some(Happened::Nothing | Happened::Marked) | None => {}
                }
            }
        }
        assert_eq!((saved, resized), (1, 1));
        // Whoever sees the record does not save again.
        assert_eq!(world.look(at("20:00")).plan.steps(name), "note that it is asleep");
    }
}

#[test]
fn case_28_a_crash_after_the_record_and_before_the_resize_is_made_good_without_a_second_record() {
    let mut world = World::of([web()]);
    let mut look = world.look(at("20:00"));
    world.call(&mut look);
    let saved = world.records[&key(WEB)].clone();
    assert_eq!(
        saved,
        Record::new(key(WEB), size("3"), size("0"), saved.reason.clone(), at("20:00"))
    );
    let next = world.look(at("20:01"));
    assert_eq!(next.plan.steps(WEB), "resize to 0");
    world.converge(at("20:01"));
    assert_eq!(
        (world.records[&key(WEB)].saved, world.size(&key(WEB))),
        (size("3"), size("0"))
    );
}

#[test]
fn case_28_a_crash_after_the_restoring_resize_is_verified_and_cleared() {
    let waking = record(WEB, "3", "0").waking_to("3", "27T08:00");
    assert_eq!(
        planned(web(), Some(waking.clone()), "27T08:01").0,
        "note that it is awake"
    );
    // A mark that can't be removed must hold up nobody: it goes with the record, when the others have gone on.
    let marked = web().marked(&waking);
    assert_eq!(
        planned(marked.clone(), Some(waking.clone()), "27T08:01").0,
        "note that it is awake"
    );
    let woken = waking.woken_since("27T08:01");
    let hidden = "show no more on it that it is asleep, forget the saved size";
    assert_eq!(planned(marked, Some(woken.clone()), "27T08:02").0, hidden);
    let is = |condition| planned(web().is(condition), Some(woken.clone()), "27T08:02").0;
    assert_eq!(
        is(Condition {
            is_ready: false,
            ..Condition::READY
        }),
        ""
    );
    assert_eq!(is(Condition::READY), "forget the saved size");
}

#[test]
fn what_does_not_become_ready_within_an_hour_is_forgotten_all_the_same() {
    let woken = record(WEB, "3", "0").woken_since("27T08:01");
    let web = web().is(Condition {
        is_ready: false,
        ..Condition::READY
    });
    assert_eq!(planned(web.clone(), Some(woken.clone()), "27T09:00").0, "");
    assert_eq!(planned(web, Some(woken), "27T09:01").0, "forget the saved size");
}

#[test]
fn a_schedule_that_turns_round_half_way_keeps_the_size() {
    // Waking, nothing sent yet; waking, resized; awake, not yet forgotten.
    let waking = record(WEB, "3", "0").waking_to("3", "27T19:59");
    let steps = |live, record| planned(web().sized(live), Some(record), "27T20:00").0;
    assert_eq!(steps("0", waking.clone()), "note that it is asleep");
    assert_eq!(steps("3", waking.clone()), "save 3 again, resize to 0");
    assert_eq!(steps("4", waking), "save 4 again, resize to 0");
    let woken = record(WEB, "3", "0").woken_since("27T19:59");
    assert_eq!(
        steps("2", woken.clone()),
        "save 2 again, resize to 0",
        "by day everybody's size counts"
    );
    assert_eq!(steps("0", woken), "forget the saved size");
    // Saved, or asleep, and to be up again.
    for record in [record(WEB, "3", "0"), record(WEB, "3", "0").asleep_since("20:01")] {
        assert_eq!(
            planned(web().sized("0"), Some(record), "27T08:00").0,
            "note that it wakes to 3, resize to 3"
        );
    }
    assert_eq!(
        planned(web(), Some(record(WEB, "3", "0")), "27T08:00").0,
        "note that it wakes to 3"
    );
}

#[test]
fn a_bound_that_was_in_the_way_and_is_gone_again_does_not_stay_in_the_record() {
    // It was to wake to 2-4-6, for the maximum was 6 then.
    let waking = record(WORKERS, "2-4-10", "0-0-10").waking_to("2-4-6", "27T19:59");
    let workers = resource(WORKERS, "0-0-10");
    assert_eq!(
        planned(workers, Some(waking), "27T20:00").0,
        "note that it is asleep"
    );
}

#[test]
fn a_day_that_nobody_saw_is_as_if_it_had_been_awake() {
    let asleep = record(WEB, "3", "0").asleep_since("20:01");
    let later = |live| {
        planned(
            web().sized(live).marked(&asleep),
            Some(asleep.clone()),
            "27T21:00",
        )
    };
    assert_eq!(later("0"), (String::new(), Standing::Asleep));
    assert_eq!(later("5").0, "save 5 again, resize to 0");
    assert_eq!(later("1").0, "save 3 again, resize to 0");
}

#[test]
fn what_is_begun_is_finished_when_nobody_cares_any_more() {
    let periods = [
        ("downscale-period", "Mon-Fri 20:00-20:10 UTC"),
        ("upscale-period", "Mon-Fri 08:00-08:10 UTC"),
    ];
    let steps = |live, record| planned(web().says(&periods).sized(live), Some(record), "22:00");
    let asleep = record(WEB, "3", "0").asleep_since("20:01");
    assert_eq!(steps("0", asleep.clone()), (String::new(), Standing::LeftAlone));
    assert_eq!(steps("1", asleep), (String::new(), Standing::LeftAlone));
    assert_eq!(steps("0", record(WEB, "3", "0")).0, "note that it is asleep");
    assert_eq!(
        steps("2", record(WEB, "3", "0")).0,
        "note that it wakes to 2",
        "it was never resized"
    );
    let waking = record(WEB, "3", "0").waking_to("3", "08:09");
    assert_eq!(steps("0", waking).0, "resize to 3");
    assert_eq!(
        steps("3", record(WEB, "3", "0").woken_since("08:09")).0,
        "forget the saved size"
    );
}

#[test]
fn clocks_that_disagree_by_a_minute_lose_nothing() {
    let mut world = World::of([
        web(),
        resource(WORKERS, "2-4-10"),
        resource("database/orders", "running"),
    ]);
    let sizes =
        |world: &World| [WEB, WORKERS, "database/orders"].map(|name| world.size(&key(name)).to_string());
    for now in [
        "20:01", "20:00", "20:02", "20:01", "27T08:00", "27T07:59", "27T08:00", "27T07:59",
    ] {
        world.converge(at(now));
        for record in world.records.values() {
            assert!(["3", "2-4-10", "running"].contains(&record.saved.to_string().as_str()));
        }
    }
    assert_eq!(sizes(&world), ["0", "0-0-10", "stopped"]);
    world.converge(at("27T08:01"));
    assert_eq!(sizes(&world), ["3", "2-4-10", "running"]);
    assert_eq!(world.records.len(), 0);
}

#[test]
fn a_record_of_an_earlier_resource_of_its_name_is_not_used_and_makes_room() {
    let earlier = record(WEB, "30", "0").asleep_since("20:01");
    let web = || web().created_at("21:00");
    assert_eq!(
        planned(web(), Some(earlier.clone()), "23:00").0,
        "forget the saved size"
    );
    assert_eq!(
        planned(web(), Some(earlier.clone()), "27T12:00").0,
        "forget the saved size"
    );
    let mut world = World::of([web()]);
    world.records.insert(key(WEB), earlier);
    world.converge(at("23:00"));
    assert_eq!(
        (world.size(&key(WEB)), world.records[&key(WEB)].saved),
        (size("0"), size("3"))
    );
    world.converge(at("27T08:00"));
    assert_eq!((world.size(&key(WEB)), world.records.len()), (size("3"), 0));
}

#[test]
fn what_vanishes_asleep_and_comes_back_wakes() {
    let mut world = World::of([web()]);
    world.converge(at("20:00"));
    world.thing(&key(WEB)).is_seen = false;
    assert!(world.converge(at("27T08:00")).views.is_empty());
    world.thing(&key(WEB)).is_seen = true;
    world.converge(at("27T09:00"));
    assert_eq!((world.size(&key(WEB)), world.records.len()), (size("3"), 0));
}

#[test]
fn a_record_of_another_version_or_of_other_sizes_is_left_alone_and_reported() {
    let of_version = |version| Record {
        version,
        ..record(WEB, "3", "0")
    };
    let wrong = [
        (
            of_version(2),
            "record of deployment/shop/web: version 2: expected 1",
        ),
        (
            of_version(0),
            "record of deployment/shop/web: version 0: expected 1",
        ),
        (
            record(WEB, "2-4-10", "0"),
            "saved 2-4-10, at night 0: expected sizes of its kind, not nothing",
        ),
        (
            record(WEB, "3", "stopped"),
            "saved 3, at night stopped: expected sizes of its kind, not nothing",
        ),
        (
            record(WEB, "0", "0"),
            "saved 0, at night 0: expected sizes of its kind, not nothing",
        ),
    ];
    for (record, expected) in wrong {
        for now in ["23:00", "27T09:00"] {
            let (steps, standing) = planned(web().sized("0"), Some(record.clone()), now);
            let Standing::Unreadable(why) = &standing else {
                panic!("{standing:?}")
            };
            assert!(why.contains(expected) && standing.needs_attention(), "{why}");
            assert_eq!(steps, "");
        }
    }
}

#[test]
fn numbers_at_their_limits_break_nothing() {
    let huge = Record {
        reverts: u32::MAX,
        saved_at: jiff::Timestamp::MAX,
        ..record(WEB, "4294967295", "0")
    };
    let stages = [
        Stage::Saved,
        Stage::Asleep {
            since: jiff::Timestamp::MIN,
        },
        Stage::Asleep {
            since: jiff::Timestamp::MAX,
        },
        Stage::Waking {
            since: jiff::Timestamp::MAX,
            target: size("4294967295"),
        },
        Stage::Woken {
            since: jiff::Timestamp::MIN,
        },
    ];
    for patience in [jiff::SignedDuration::MAX, jiff::SignedDuration::MIN] {
        let policy = Policy {
            patience,
            grace: patience,
            ..Policy::default()
        };
        for (stage, live) in stages
            .iter()
            .flat_map(|stage| ["0", "7", "4294967295"].map(|live| (stage, live)))
        {
            let web = web().adds(&[("manual-changes", "enforce")]).sized(live);
            let seen = seen([web]).remembering([huge.at(stage.clone())]);
            for now in ["23:00", "27T09:00"] {
                let _ = plan(&seen, &policy, at(now)).to_string();
            }
        }
    }
}
