//! Groups and node groups.

use crate::offhours::fixtures::{at, key, planned, record, resource, seen, size};
use crate::offhours::simulated::World;
use crate::offhours::{Note, Resource, Standing, Then};

const WORKERS: &str = "group/workers";
const POOL: &str = "nodegroup/pool";

fn workers() -> Resource {
    resource(WORKERS, "2-4-10")
}

/// How large they are at night.
fn asleep(resource: Resource) -> String {
    let key = resource.key.clone();
    let mut world = World::of([resource]);
    world.converge(at("20:00"));
    world.size(&key).to_string()
}

/// How large they are in the morning, after somebody has set a size at night.
fn woken_after(resource: Resource, at_night: &str) -> String {
    let key = resource.key.clone();
    let mut world = World::of([resource]);
    world.converge(at("20:00"));
    world.set(&key, size(at_night), "", at("23:00"));
    world.converge(at("23:05"));
    world.converge(at("27T08:00"));
    assert_eq!(world.records.len(), 0);
    world.size(&key).to_string()
}

#[test]
fn a_group_sleeps_at_nothing_or_at_its_off_size_and_never_larger_than_it_is() {
    let with = |off: &str| asleep(workers().adds(&[("off-size", off)]));
    assert_eq!(asleep(workers()), "0-0-10");
    assert_eq!(asleep(workers().autoscaled()), "0-0-0");
    assert_eq!(with("1-1-3"), "1-1-3");
    assert_eq!(with("0-0-0"), "0-0-0");
    assert_eq!(with("0-5-20"), "0-4-10");
    assert_eq!(with("2-4-10"), "2-4-10");
    let mut world = World::of([workers().adds(&[("off-size", "0-5-20")])]);
    world.converge(at("20:00"));
    assert_eq!(world.records[&key(WORKERS)].off, size("0-4-10"));
    // It may have become smaller while it waited.
    let (saved, some) = (
        record(WORKERS, "3-3-4", "1-1-3"),
        workers().adds(&[("off-size", "1-1-3")]),
    );
    let (steps, _) = planned(some.sized("0-2-3"), Some(saved), "20:05");
    assert_eq!(steps, "save 3-3-4 again, resize to 0-1-3");
    let enforced = [("off-size", "1-1-3"), ("manual-changes", "enforce")];
    let asleep = record(WORKERS, "3-3-4", "1-1-3").asleep_since("20:01");
    let (steps, _) = planned(workers().adds(&enforced).sized("0-2-3"), Some(asleep), "20:05");
    assert_eq!(steps, "save 3-3-4 again, resize to 0-1-3");
}

#[test]
fn case_3_a_group_that_was_never_seen_awake_and_has_no_on_size_is_not_resized_and_reported() {
    let unknown = workers().sized("0-0-0");
    let (steps, standing) = planned(unknown.clone(), None, "27T08:00");
    assert_eq!((steps.as_str(), &standing), ("", &Standing::UnknownSize));
    assert!(standing.needs_attention());
    assert_eq!(
        planned(unknown, None, "23:00"),
        (String::new(), Standing::AlreadySmall)
    );
}

#[test]
fn case_3_with_an_on_size_it_wakes_to_that() {
    let mut world = World::of([workers().sized("0-0-0").adds(&[("on-size", "2-4-10")])]);
    let group = key(WORKERS);
    world.converge(at("23:00"));
    assert_eq!(
        (world.size(&group), world.records[&group].saved),
        (size("0-0-0"), size("2-4-10"))
    );
    world.converge(at("27T08:00"));
    assert_eq!((world.size(&group), world.records.len()), (size("2-4-10"), 0));
    // First seen by day.
    let mut world = World::of([workers().sized("0-0-0").adds(&[("on-size", "2-4-10")])]);
    assert_eq!(world.converge(at("12:00")).then, Then::Settled);
    assert_eq!(world.size(&group), size("2-4-10"));
}

#[test]
fn case_3_a_group_that_people_keep_at_nothing_by_day_is_left_at_it() {
    for says in [&[][..], &[("on-size", "0-0-4")]] {
        let idle = workers().sized("0-0-10").adds(says);
        assert_eq!(planned(idle, None, "12:00"), (String::new(), Standing::Awake));
    }
    let foreign = workers().sized("0-0-0").says(&[("on-size", "2-4-10")]);
    assert_eq!(
        planned(foreign, None, "12:00"),
        (String::new(), Standing::NotScheduled)
    );
}

#[test]
fn case_4_a_maximum_that_code_changes_at_night_stays() {
    assert_eq!(woken_after(workers(), "0-0-6"), "2-4-6");
    assert_eq!(woken_after(workers(), "0-0-20"), "2-4-20");
    assert_eq!(woken_after(workers().autoscaled(), "0-0-6"), "2-4-6");
    assert_eq!(woken_after(resource(POOL, "2-4-10"), "0-0-6"), "2-4-6");
}

#[test]
fn case_5_the_desired_capacity_fits_into_a_maximum_that_became_smaller_at_night() {
    assert_eq!(woken_after(workers(), "0-0-3"), "2-3-3");
    assert_eq!(woken_after(workers(), "0-0-1"), "1-1-1");
    let asleep = record(WORKERS, "2-4-10", "0-0-10").asleep_since("20:01");
    let world = seen([workers().sized("0-0-3")]).remembering([asleep]);
    let plan = world.plan("27T08:00");
    assert_eq!(
        plan.steps(WORKERS),
        "note that it wakes to 2-3-3, resize to 2-3-3"
    );
    let [Note::Clamped { from, to }] = plan.moves[0].notes.as_slice() else {
        panic!("{plan}")
    };
    assert_eq!((*from, *to), (size("2-4-10"), size("2-3-3")));
}

#[test]
fn a_maximum_that_had_to_be_raised_to_wake_a_group_by_hand_does_not_bind_it_in_the_morning() {
    assert_eq!(woken_after(workers().autoscaled(), "1-1-1"), "2-4-10");
    assert_eq!(woken_after(workers().autoscaled(), "0-12-12"), "2-12-12");
    assert_eq!(
        woken_after(workers().adds(&[("off-size", "0-0-0")]), "1-1-1"),
        "2-4-10"
    );
}

#[test]
fn what_is_taken_back_keeps_a_maximum_that_we_do_not_lower() {
    let enforce = [("manual-changes", "enforce")];
    let mut world = World::of([workers().adds(&enforce)]);
    world.converge(at("20:00"));
    world.set(&key(WORKERS), size("0-0-6"), "", at("22:00"));
    world.set(&key(WORKERS), size("1-1-6"), "", at("23:00"));
    world.converge(at("23:05"));
    assert_eq!(
        (world.size(&key(WORKERS)), world.records[&key(WORKERS)].saved),
        (size("0-0-6"), size("2-4-10"))
    );
    world.converge(at("27T08:00"));
    assert_eq!(world.size(&key(WORKERS)), size("2-4-6"));
    assert_eq!(woken_after(workers().adds(&enforce), "1-1-20"), "2-4-20");
    // One that we lower is lowered again, or its autoscaler would inflate it.
    assert_eq!(
        woken_after(workers().autoscaled().adds(&enforce), "1-1-6"),
        "2-4-10"
    );
}

#[test]
fn an_autoscaler_of_nodes_that_empties_a_group_while_it_waits_changes_nothing() {
    let saved = record(WORKERS, "2-4-10", "0-0-0");
    let now = |live| planned(workers().autoscaled().sized(live), Some(saved.clone()), "20:05").0;
    assert_eq!(now("2-2-10"), "resize to 0-0-0");
    assert_eq!(now("0-0-10"), "resize to 0-0-0", "its maximum is still to go");
    assert_eq!(now("0-0-0"), "note that it is asleep");
}

#[test]
fn a_maximum_that_code_changes_while_a_group_waits_is_saved_again() {
    let saved = record(WORKERS, "2-4-10", "0-0-10");
    let (steps, _) = planned(workers().sized("2-4-6"), Some(saved), "20:05");
    assert_eq!(steps, "save 2-4-6 again, resize to 0-0-6");
}

#[test]
fn case_16_a_node_group_keeps_its_maximum_and_its_people_are_told() {
    let pool = resource(POOL, "2-4-10").adds(&[("off-size", "0-0-0")]);
    let seen = seen([pool.clone()]);
    assert_eq!(seen.plan("20:00").steps(POOL), "save 2-4-10, resize to 0-0-10");
    let advice = seen.plan("12:00").view(POOL).advice.unwrap();
    assert!(advice.contains("no maximum below 1"), "{advice}");
    assert_eq!(
        seen.plan("12:00").view(POOL).advice,
        seen.plan("23:00").view(POOL).advice
    );
    assert_eq!(asleep(pool.autoscaled()), "0-0-10");
    assert_eq!(asleep(resource(POOL, "1-1-1")), "0-0-1");
}

#[test]
fn case_17_a_node_group_that_is_being_changed_is_saved_now_and_resized_later() {
    let pool = resource(POOL, "2-4-10");
    let (steps, _) = planned(pool.clone().busy(), None, "20:00");
    assert_eq!(steps, "save 2-4-10");
    let saved = record(POOL, "2-4-10", "0-0-10");
    assert_eq!(planned(pool.clone().busy(), Some(saved.clone()), "20:01").0, "");
    assert_eq!(planned(pool, Some(saved), "20:02").0, "resize to 0-0-10");
    // On the way up, too.
    let asleep = record(POOL, "2-4-10", "0-0-10").asleep_since("20:05");
    let pool = resource(POOL, "0-0-10").marked(&asleep);
    assert_eq!(
        planned(pool.clone().busy(), Some(asleep.clone()), "27T08:00").0,
        "note that it wakes to 2-4-10"
    );
    let waking = asleep.waking_to("2-4-10", "27T08:00");
    assert_eq!(
        planned(pool.clone().busy(), Some(waking.clone()), "27T08:01").0,
        ""
    );
    assert_eq!(planned(pool, Some(waking), "27T08:02").0, "resize to 2-4-10");
}

#[test]
fn an_autoscaler_of_nodes_may_have_grown_a_group_before_it_is_seen_awake() {
    let waking = record(WORKERS, "2-4-10", "0-0-0").waking_to("2-4-10", "27T08:00");
    let steps = |live| {
        planned(
            workers().autoscaled().sized(live),
            Some(waking.clone()),
            "27T08:01",
        )
        .0
    };
    assert_eq!(steps("2-6-10"), "note that it is awake");
    assert_eq!(steps("2-3-10"), "resize to 2-4-10");
}

#[test]
fn an_on_size_is_kept_when_its_group_sleeps_again_before_anything_came_of_its_waking() {
    let says = [("on-size", "2-3-5"), ("off-size", "0-0-0")];
    let asleep = record(WORKERS, "2-3-5", "0-0-1").asleep_since("20:01");
    let waking = asleep.waking_to("2-3-5", "27T08:00");
    let mut world = World::of([workers().adds(&says).sized("0-0-1")]);
    world.records.insert(key(WORKERS), waking);
    world.converge(at("27T20:00"));
    world.converge(at("30T08:00"));
    assert_eq!(
        (world.size(&key(WORKERS)), world.records.len()),
        (size("2-3-5"), 0)
    );
}

#[test]
fn what_has_reached_its_bounds_and_is_to_sleep_again_keeps_them() {
    let waking = record(WORKERS, "3-3-4", "1-1-3").waking_to("2-2-2", "27T19:59");
    let (steps, _) = planned(workers().sized("2-2-2"), Some(waking), "27T20:00");
    assert_eq!(steps, "save 2-2-2 again, resize to 0-0-2");
}

#[test]
fn bounds_that_change_while_it_wakes_change_what_it_wakes_to() {
    let waking = record(WORKERS, "2-4-10", "0-0-10").waking_to("2-4-10", "27T08:00");
    let steps = |live, waking| planned(workers().sized(live), Some(waking), "27T08:01").0;
    assert_eq!(
        steps("0-0-6", waking.clone()),
        "note that it wakes to 2-4-6, resize to 2-4-6"
    );
    let to_six = record(WORKERS, "2-4-10", "0-0-10").waking_to("2-4-6", "27T08:00");
    assert_eq!(
        steps("0-0-10", to_six),
        "note that it wakes to 2-4-10, resize to 2-4-10"
    );
    assert_eq!(
        steps("2-8-10", waking),
        "note that it is awake",
        "somebody made it larger"
    );
}
