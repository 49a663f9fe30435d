//! What people want of what sleeps, and whether a world does it: a witness of every call.
//!
//! The last intent is
//! - by day, the size that the resource has, whoever set it;
//! - at night, which is from its record's creation until it is seen awake, the size that is saved: that of the moment
//!   at which the record was planned. It is superseded by
//!   - what a person writes into the mirror,
//!   - what a delivery tool sets, smaller or larger,
//!   - what a person sets where that is larger, unless changes by hand are taken back,
//!   - a maximum that somebody sets; the other two fit into it. One that we lowered is no bound for a group that
//!     somebody woke by hand.

use std::collections::BTreeMap;

use super::simulated::{Happened, Look, World};
use super::{Capacity, Key, Kind, ManualChanges, Record, Resource, Size, Stage, Standing};
use crate::schedule::State;

/// Sees to it that nobody's intent is lost.
#[derive(Debug, Default)]
pub(super) struct Witness {
    /// The size by day, where nobody has touched it at night since.
    by_day: BTreeMap<Key, Size>,
}

impl Witness {
    pub(super) fn of(world: &World) -> Self {
        let sizes = world
            .things
            .iter()
            .map(|(key, thing)| (key.clone(), thing.resource.size));
        Self {
            by_day: sizes.collect(),
        }
    }

    /// Somebody else is about to set a size.
    pub(super) fn set(&mut self, world: &World, key: &Key, to: Size) {
        match world.records.get(key).map(|record| &record.stage) {
            None | Some(Stage::Woken { .. }) => drop(self.by_day.insert(key.clone(), to)),
            Some(_) => drop(self.by_day.remove(key)),
        }
    }

    /// Somebody changes what counts beside its size: what it is to wake to is told by the rule alone.
    pub(super) fn touch(&mut self, key: &Key) {
        self.by_day.remove(key);
    }

    /// It is another one of its name now.
    pub(super) fn replace(&mut self, key: &Key, size: Size) {
        self.by_day.insert(key.clone(), size);
    }

    pub(super) fn see(&mut self, world: &World, look: &Look, happened: &Happened) {
        match happened {
            Happened::Nothing | Happened::Marked => {}
            Happened::Recorded { key, before, after } => {
                let Some(seen) = look.seen.resources.iter().find(|one| one.key == *key) else {
                    panic!("{key}: not seen");
                };
                match (before, after) {
                    (_, Some(after)) => {
                        let state = look.plan.view(&key.to_string()).decision.state;
                        self.recorded(world, seen, state, before.as_deref(), after);
                    }
                    (Some(before), None) => forgotten(seen, before),
                    (None, None) => panic!("{key}: nothing was deleted"),
                }
            }
            Happened::Resized {
                is_stale: true,
                key,
                is_waking,
                ..
            } => {
                assert!(*is_waking || world.records.contains_key(key), "{key}: no record");
                self.touch(key);
            }
            Happened::Resized {
                key,
                from,
                to,
                is_waking,
                is_stale: false,
            } => {
                let seen = look.seen.resources.iter().find(|one| one.key == *key).unwrap();
                assert_eq!(seen.size, *from, "{key}");
                let state = look.plan.view(&key.to_string()).decision.state;
                let record = look.seen.records.get(key);
                if *is_waking {
                    woken_by(seen, record, state, *to);
                    if record.is_none() {
                        self.by_day.insert(key.clone(), *to);
                    }
                } else {
                    let record = record.unwrap_or_else(|| panic!("{key}: resized without a record"));
                    put_to_sleep(world, seen, record, state, *to);
                }
            }
        }
    }

    fn recorded(
        &mut self,
        world: &World,
        seen: &Resource,
        state: State,
        before: Option<&Record>,
        after: &Record,
    ) {
        let key = &after.resource;
        assert!(!after.saved.is_zero(), "{key}: nothing is saved");
        assert_eq!(after.problem(seen.size), None);
        let is_enforced = may_be_enforced(seen);
        let is_kept = is_kept(world, key);
        if world.size(key) != seen.size {
            self.touch(key); // the night has begun when it was seen
        }
        let expected = match (before.map(|before| (before, &before.stage)), &after.stage) {
            (None | Some((_, Stage::Woken { .. })), Stage::Saved) => vec![seen.size],
            (None, Stage::Asleep { .. }) => {
                self.by_day.insert(key.clone(), after.saved);
                vec![Size::Capacity(seen.settings.as_ref().unwrap().on_size.unwrap())]
            }
            // As it was, where it was not an intent that woke it.
            (Some((before, Stage::Saved | Stage::Asleep { .. })), Stage::Saved) if is_enforced => {
                vec![rule(before, seen), edited(before, seen)]
            }
            // It had woken, though nobody noted that yet.
            (Some((_, Stage::Waking { target, .. })), Stage::Saved) if *target == seen.size => {
                vec![seen.size]
            }
            (Some((before, Stage::Saved | Stage::Asleep { .. } | Stage::Waking { .. })), Stage::Saved) => {
                vec![rule(before, seen)]
            }
            (
                Some((before, Stage::Saved | Stage::Asleep { .. } | Stage::Waking { .. })),
                Stage::Waking { target, .. },
            ) => {
                // What was never put to sleep, and is not to be any more, is awake as it is.
                let is_let_be = state == State::Any && before.stage == Stage::Saved && *target == seen.size;
                assert!(
                    is_kept || is_let_be || *target == rule(before, seen),
                    "{key}: wakes to {target}: {seen:?} {before:?}"
                );
                vec![edited(before, seen)]
            }
            (Some((before, Stage::Waking { target, .. })), Stage::Woken { .. }) => {
                let is_wanted = seen.size == *target || seen.size == rule(before, seen);
                assert!(is_kept || is_wanted, "{key}: woken at {}", seen.size);
                self.awake(world, key);
                vec![before.saved]
            }
            // And again, where a person started a database.
            (
                Some((before, Stage::Saved | Stage::Asleep { .. } | Stage::Waking { .. })),
                Stage::Asleep { .. },
            ) => {
                vec![before.saved, edited(before, seen)]
            }
            (before, after) => panic!("{key}: {before:?} becomes {after:?}"),
        };
        assert!(
            is_kept || expected.contains(&after.saved),
            "{key}: {before:?} becomes {after:?}: expected {expected:?}"
        );
    }

    fn awake(&mut self, world: &World, key: &Key) {
        let live = world.size(key);
        if let Some(size) = self.by_day.insert(key.clone(), live)
            && !is_kept(world, key)
        {
            assert_eq!(live, size, "{key}: nobody touched it");
        }
    }

    /// Everything is up, and as it is wanted.
    pub(super) fn conclude(&self, world: &World) {
        for (key, size) in &self.by_day {
            assert!(
                is_kept(world, key) || world.size(key) == *size,
                "{key}: {} is not {size}",
                world.size(key)
            );
        }
    }
}

/// Whether what woke it may be taken back: by what it says, by what an autoscaler's target says, or as AWS woke it.
fn may_be_enforced(seen: &Resource) -> bool {
    let says = seen
        .settings
        .as_ref()
        .is_ok_and(|says| says.manual_changes == ManualChanges::Enforce);
    says || seen.traits.scales.is_some() || seen.key.kind() == Kind::Database
}

/// Whether an autoscaler of pods keeps it: then its size is the autoscaler's matter.
fn is_kept(world: &World, key: &Key) -> bool {
    let scales = |thing: &super::simulated::Thing| thing.resource.traits.scales.clone();
    world
        .things
        .values()
        .filter_map(scales)
        .any(|scales| scales.target.as_ref() == Some(key))
}

fn put_to_sleep(world: &World, seen: &Resource, record: &Record, state: State, to: Size) {
    let key = &seen.key;
    assert_eq!(state, State::Down, "{key}");
    assert_eq!(record.stage, Stage::Saved, "{key}");
    assert!(
        is_no_larger(to, seen.size),
        "{key}: {} is put to sleep at {to}",
        seen.size
    );
    let is_more_than_max = !is_no_larger(seen.size, record.off);
    if is_more_than_max && !may_be_enforced(seen) && !is_kept(world, key) {
        // The mirror is about to be written again.
        let unmarked = Resource {
            mirror: None,
            ..seen.clone()
        };
        assert_eq!(
            rule(record, &unmarked),
            record.saved,
            "{key}: lost at {}",
            seen.size
        );
    }
}

fn woken_by(seen: &Resource, record: Option<&Record>, state: State, to: Size) {
    let key = &seen.key;
    assert!(
        !to.is_zero() || seen.is_declared() || seen.size.is_zero(),
        "{key}: woken to {to}"
    );
    match record {
        None => assert_eq!(state, State::Up, "{key}: no record, and not by its on-size"),
        Some(record) => {
            let is_scheduled = seen.settings.as_ref().is_ok_and(|says| says.is_scheduled);
            let is_begun = matches!(record.stage, Stage::Waking { .. });
            assert!(is_begun, "{key}: {record:?}");
            assert!(state == State::Up || state == State::Any, "{key}: {is_scheduled}");
        }
    }
}

/// Forgotten is what is awake, or what was never put to sleep, or what another one of its name was.
fn forgotten(seen: &Resource, before: &Record) {
    let key = &seen.key;
    let is_anothers = seen.created.is_some_and(|created| created > before.saved_at);
    let fine = match before.stage {
        Stage::Woken { .. } => true,
        // It is as it was to be, which is no more than at night.
        Stage::Waking { target, .. } => target == seen.size,
        Stage::Saved | Stage::Asleep { .. } => false,
    };
    assert!(is_anothers || fine, "{key}: forgotten: {before:?}");
}

fn edited(record: &Record, seen: &Resource) -> Size {
    let mirror = seen.mirror.as_ref();
    mirror
        .and_then(|mirror| mirror.edited(record))
        .unwrap_or(record.saved)
}

/// What it is to wake to.
fn rule(record: &Record, seen: &Resource) -> Size {
    let wanted = edited(record, seen);
    match (wanted, record.off, seen.size) {
        (wanted, off, live) if live == off => within(wanted, seen),
        (Size::Replicas(_), Size::Replicas(_), live) if seen.is_declared() => within(live, seen),
        (Size::Replicas(wanted), Size::Replicas(_), Size::Replicas(live)) => {
            within(Size::Replicas(wanted.max(live)), seen)
        }
        (Size::Capacity(wanted), Size::Capacity(off), Size::Capacity(live)) => {
            let is_woken = (live.min, live.desired) != (off.min, off.desired);
            let max = if live.max == off.max {
                wanted.max
            } else if is_woken && off.max < wanted.max {
                live.max.max(wanted.max)
            } else {
                live.max
            };
            let kept = |wanted: u32, off: u32, live: u32| if live == off { wanted } else { wanted.max(live) };
            let desired = kept(wanted.desired, off.desired, live.desired).min(max);
            let min = kept(wanted.min, off.min, live.min).min(max);
            Size::Capacity(Capacity::new(min, desired.max(min), max))
        }
        (wanted, _, _) => wanted,
    }
}

/// An autoscaler's minimum is never above its maximum.
fn within(size: Size, seen: &Resource) -> Size {
    match (size, &seen.traits.scales) {
        (Size::Replicas(pods), Some(scales)) => Size::Replicas(pods.min(scales.max)),
        (size, _) => size,
    }
}

fn is_no_larger(one: Size, other: Size) -> bool {
    match (one, other) {
        (Size::Capacity(one), Size::Capacity(other)) => one.min <= other.min && one.desired <= other.desired,
        (Size::Replicas(one), Size::Replicas(other)) => one <= other,
        (one, other) => one.is_zero() || !other.is_zero(),
    }
}

/// Machines go only when no workload that is to sleep is awake and unsaved.
pub(super) fn machines_wait(look: &Look) {
    let is_machine = |key: &Key| matches!(key.kind(), Kind::Group | Kind::NodeGroup);
    let is_down = |name: &String| {
        look.plan.view(name).decision.state == State::Down && is_machine(&look.plan.view(name).key)
    };
    let resized = look.plan.resized();
    if !resized.iter().any(is_down) {
        return;
    }
    for view in look
        .plan
        .views
        .iter()
        .filter(|view| view.key.kind().is_in_cluster())
    {
        let is_unsaved = !look.seen.records.contains_key(&view.key) && !view.is_stuck;
        let is_waiting = matches!(view.standing, Standing::FallingAsleep | Standing::Grace(_));
        assert!(
            !(is_unsaved && is_waiting),
            "{}: {} while machines go",
            view.key,
            view.standing
        );
    }
    assert!(
        look.seen.unseen.is_empty(),
        "machines go while the cluster is not seen"
    );
}
