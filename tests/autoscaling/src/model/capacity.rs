//! How many instances a group has, and where. Source: Amazon EC2 Auto Scaling User Guide, "Example: Distribute
//! instances across Availability Zones" and "Configure termination policies".

use std::cmp::Reverse;

use jiff::Timestamp;

use super::group::Override;
use super::instance::{Launching, Place};
use super::lifecycle::Process;
use super::{Activity, Effect, Group, Instance, Order, Turn, events};
use crate::fleet::TemplateRef;

impl Group {
    /// Instances that count, with those that EC2 is still launching. Those on their way out don't count: their
    /// replacements are launched while they terminate.
    pub(crate) fn capacity(&self) -> u32 {
        let active = self
            .instances
            .iter()
            .filter(|instance| instance.state.is_active())
            .count();
        u32::try_from(active + self.launching.len()).unwrap_or(u32::MAX)
    }

    /// Brings the capacity to what is desired, as far as the processes for it are not suspended.
    pub(super) fn scale(&mut self, turn: &mut Turn<'_>) {
        if self.deleting {
            return;
        }
        let (have, want) = (self.capacity(), self.wanted.desired);
        if have < want && self.may_launch(turn.now) {
            self.no_launch_before = None;
            for step in have..want {
                self.launch_one(step, turn);
            }
        }
        if have > want && !self.is_suspended(Process::Terminate) {
            self.scale_in(have, want, turn);
        }
    }

    fn may_launch(&self, now: Timestamp) -> bool {
        !self.is_suspended(Process::Launch) && self.no_launch_before.is_none_or(|at| at <= now)
    }

    /// When a failed launch will be tried again.
    pub(super) fn launch_due(&self) -> Option<Timestamp> {
        let short = self.capacity() < self.wanted.desired;
        self.no_launch_before
            .filter(|_| short && !self.deleting && !self.is_suspended(Process::Launch))
    }

    fn launch_one(&mut self, have: u32, turn: &mut Turn<'_>) {
        let Some(place) = self.emptiest_place() else {
            return;
        };
        let spot = self.next_is_spot(have);
        let (template, instance_type) = self.next_template();
        let cause = format!(
            "At {} an instance was started in response to a difference between desired and actual capacity, \
             increasing the capacity from {have} to {}.",
            events::time(turn.now),
            have + 1
        );
        let activity = Activity {
            id: turn.ids.uuid(),
            cause,
            start: turn.now,
        };
        let order = Order {
            template,
            instance_type,
            zone: place.zone.clone(),
            subnet: place.subnet.clone(),
            spot,
            tags: self.instance_tags(),
        };
        turn.order(Effect::Launch {
            activity: activity.id.clone(),
            order,
        });
        self.launching.insert(
            activity.id.clone(),
            Launching {
                activity,
                place,
                spot,
            },
        );
    }

    /// The first of the places with the fewest instances.
    fn emptiest_place(&self) -> Option<Place> {
        let in_use = |place: &Place| {
            let active = self
                .instances
                .iter()
                .filter(|instance| instance.state.is_active());
            active.filter(|instance| instance.place == *place).count()
                + self
                    .launching
                    .values()
                    .filter(|launching| launching.place == *place)
                    .count()
        };
        self.wanted.places().into_iter().min_by_key(in_use)
    }

    /// Whether the next instance is spot: on-demand first until the policy's share is there.
    fn next_is_spot(&self, have: u32) -> bool {
        let Some(mixed) = &self.wanted.source.mixed else {
            return false;
        };
        let active = self
            .instances
            .iter()
            .filter(|instance| instance.state.is_active());
        let on_demand = active.filter(|instance| !instance.spot).count()
            + self
                .launching
                .values()
                .filter(|launching| !launching.spot)
                .count();
        u32::try_from(on_demand).unwrap_or(u32::MAX) >= mixed.distribution.on_demand_of(have + 1)
    }

    /// The template, and the type of the first override: the order is the order of preference.
    fn next_template(&self) -> (TemplateRef, Option<String>) {
        let source = &self.wanted.source;
        let first = source.mixed.as_ref().and_then(|mixed| mixed.overrides.first());
        let Some(Override {
            instance_type,
            template,
        }) = first
        else {
            return (source.template.clone(), None);
        };
        (
            template.clone().unwrap_or_else(|| source.template.clone()),
            instance_type.clone(),
        )
    }

    fn scale_in(&mut self, have: u32, want: u32, turn: &mut Turn<'_>) {
        for capacity in (want..have).rev() {
            let Some(id) = self.victim() else { return };
            let cause = format!(
                "an instance was taken out of service in response to a difference between desired and actual \
                 capacity, shrinking the capacity from {} to {capacity}",
                capacity + 1
            );
            self.begin_termination(&id, &cause, turn);
        }
    }

    /// The instance to go next: in the zone with the most instances, the oldest, or the newest if the group's
    /// first termination policy says so. Protected instances stay.
    fn victim(&self) -> Option<String> {
        let active: Vec<&Instance> = self
            .instances
            .iter()
            .filter(|instance| instance.state.is_active())
            .collect();
        let neighbours = |zone: &str| active.iter().filter(|other| other.zone == zone).count();
        let newest_first = self
            .wanted
            .termination_policies
            .first()
            .is_some_and(|it| it == "NewestInstance");
        let candidates = active
            .iter()
            .enumerate()
            .filter(|(_, instance)| !instance.protected);
        let (_, victim) = candidates.max_by_key(|&(age, instance)| {
            let (newest, oldest) = (
                newest_first.then_some(age),
                (!newest_first).then_some(Reverse(age)),
            );
            (neighbours(&instance.zone), newest, oldest)
        })?;
        Some(victim.id.clone())
    }
}
