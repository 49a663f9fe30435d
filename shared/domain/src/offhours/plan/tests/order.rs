//! Who goes before whom.

use crate::offhours::fixtures::{autoscaler, record, resource, seen};
use crate::offhours::{Condition, Observation, Record, Resource, Standing};

/// One of each, and one that must not come before its turn.
fn everything() -> Vec<Resource> {
    vec![
        resource("cronjob/shop/report", "active"),
        autoscaler("hpa/shop/web", "5", 10, "deployment/shop/other"),
        resource("deployment/shop/web", "3").adds(&[("tier", "9")]),
        resource("statefulset/shop/queue", "3"),
        resource("deployment/shop/dns", "2").adds(&[("tier", "0")]),
        resource("group/workers", "2-4-10"),
        resource("nodegroup/pool", "1-2-3"),
        resource("database/orders", "running"),
    ]
}

/// In the order in which they sleep; those of one line go together.
const DOWN: [&[&str]; 6] = [
    &["cronjob/shop/report"],
    &["hpa/shop/web"],
    &["deployment/shop/web"],
    &["statefulset/shop/queue"],
    &["deployment/shop/dns"],
    &["group/workers", "nodegroup/pool"],
];

/// Everything as its record says: saved and on its way down, or asleep and waiting to be woken.
fn remembered(at_night: impl Fn(Record) -> Record) -> Vec<Record> {
    let sizes = [
        ("cronjob/shop/report", "active", "suspended"),
        ("hpa/shop/web", "5", "1"),
        ("deployment/shop/web", "3", "0"),
        ("statefulset/shop/queue", "3", "0"),
        ("deployment/shop/dns", "2", "0"),
        ("group/workers", "2-4-10", "0-0-10"),
        ("nodegroup/pool", "1-2-3", "0-0-3"),
        ("database/orders", "running", "stopped"),
    ];
    sizes
        .map(|(name, saved, off)| at_night(record(name, saved, off)))
        .to_vec()
}

/// The same, at the size of the night.
fn put_to_sleep(resource: Resource, record: &Record) -> Resource {
    Resource {
        size: record.off,
        condition: Condition::QUIET,
        ..resource
    }
    .marked(record)
}

#[test]
fn all_sizes_are_saved_at_once_and_only_the_first_in_order_is_resized() {
    let plan = seen(everything()).plan("20:00");
    assert_eq!(plan.resized(), DOWN[0]);
    for one in everything() {
        assert!(
            plan.steps(&one.key.to_string()).starts_with("save "),
            "{}",
            one.key
        );
    }
}

#[test]
fn tiers_sleep_from_9_to_0_between_cron_jobs_and_machines_and_databases_sleep_last() {
    let saved = remembered(|record| record);
    let mut world = seen(everything()).remembering(saved.clone());
    let asleep = |world: &mut Observation, names: &[&str]| {
        for name in names {
            let record = saved
                .iter()
                .find(|record| record.resource.to_string() == *name)
                .unwrap();
            let resource = world
                .resources
                .iter_mut()
                .find(|one| one.key == record.resource)
                .unwrap();
            *resource = put_to_sleep(resource.clone(), record);
            world
                .records
                .insert(record.resource.clone(), record.clone().asleep_since("20:01"));
        }
    };
    for turn in DOWN {
        assert_eq!(world.plan("20:02").resized(), turn);
        asleep(&mut world, turn);
    }
    assert_eq!(world.plan("20:02").resized(), ["database/orders"]);
    asleep(&mut world, &["database/orders"]);
    assert!(world.plan("20:02").moves.is_empty());
}

#[test]
fn databases_wake_first_then_machines_then_tiers_from_0_to_9_then_autoscalers_and_cron_jobs_last() {
    let asleep = remembered(|record| record.asleep_since("20:01"));
    let resources = everything().into_iter().map(|one| {
        let record = asleep.iter().find(|record| record.resource == one.key).unwrap();
        put_to_sleep(one, record)
    });
    let mut world = seen(resources).remembering(asleep.clone());
    let order: [&[&str]; 7] = [
        &["database/orders"],
        DOWN[5],
        DOWN[4],
        DOWN[3],
        DOWN[2],
        DOWN[1],
        DOWN[0],
    ];
    for turn in order {
        assert_eq!(world.plan("27T08:02").resized(), turn);
        for name in turn {
            let record = asleep
                .iter()
                .find(|record| record.resource.to_string() == *name)
                .unwrap();
            let one = world
                .resources
                .iter_mut()
                .find(|one| one.key == record.resource)
                .unwrap();
            (one.size, one.mirror, one.condition) = (record.saved, None, Condition::READY);
            let woken = record.clone().woken_since("27T08:01");
            world.records.insert(record.resource.clone(), woken);
        }
    }
    assert!(world.plan("27T08:02").resized().is_empty());
}

#[test]
fn who_sleeps_and_who_wakes_do_not_wait_for_each_other() {
    let woken = record("database/orders", "running", "stopped").asleep_since("20:01");
    let orders = resource("database/orders", "stopped")
        .says(&[("uptime", "always")])
        .marked(&woken);
    let plan = seen([orders, resource("deployment/shop/web", "3")])
        .remembering([woken])
        .plan("23:00");
    assert_eq!(plan.resized(), ["deployment/shop/web", "database/orders"]);
}

#[test]
fn a_plan_in_words_names_everybody_who_is_moved_and_what_comes_after() {
    let plan = seen(everything()).plan("20:00");
    let said = plan.to_string();
    for one in everything() {
        assert!(said.contains(&format!("{}: save ", one.key)), "{said}");
    }
    assert!(said.ends_with("look again in 1s"), "{said}");
    assert_eq!(seen([]).plan("20:00").to_string(), "everything is as it is to be");
}

#[test]
fn the_order_in_which_things_are_seen_changes_nothing() {
    let mut reversed = everything();
    reversed.reverse();
    let (plan, other) = (seen(everything()).plan("20:00"), seen(reversed).plan("20:00"));
    assert_eq!(
        (plan.moves, plan.views, plan.then),
        (other.moves, other.views, other.then)
    );
}

#[test]
fn a_tier_that_nobody_can_set_breaks_nothing() {
    let mut web = resource("deployment/shop/web", "3");
    web.settings.as_mut().unwrap().tier = u8::MAX;
    assert_eq!(
        seen([web.clone()]).plan("20:00").steps("deployment/shop/web"),
        "save 3, resize to 0"
    );
    let asleep = record("deployment/shop/web", "3", "0").asleep_since("20:01");
    let plan = seen([web.sized("0")]).remembering([asleep]).plan("27T08:00");
    assert_eq!(plan.standing("deployment/shop/web"), &Standing::Waking);
}
