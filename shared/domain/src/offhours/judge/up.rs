//! By day, and on the way there.

use jiff::{SignedDuration, Timestamp};

use super::{Case, Pending, Standing, Step, Verdict};
use crate::offhours::{Record, Size, Stage};

/// A restored resource that is not ready after this long was perhaps not ready before it was put to sleep either: its
/// size is restored, the rest is not our business.
const READY_LIMIT: SignedDuration = SignedDuration::from_hours(1);

impl Case<'_> {
    pub(super) fn stay_up(&self) -> Verdict {
        let Size::Capacity(live) = self.resource.size else {
            return Verdict::rest(Standing::Awake);
        };
        // With a maximum somebody set desired to 0 on purpose, or an autoscaler did. Without one, it can't even wake.
        let is_shut = live.is_zero() && live.max == 0;
        if !is_shut || !self.settings.is_scheduled {
            return Verdict::rest(Standing::Awake);
        }
        match self.settings.on_size.filter(|on| !on.is_zero()) {
            None => Verdict::rest(Standing::UnknownSize),
            Some(on) => Verdict::up(vec![], self.resize_up(Size::Capacity(on)), Pending::No),
        }
    }

    pub(super) fn wake(&self, record: &Record) -> Verdict {
        match record.stage {
            Stage::Saved | Stage::Asleep { .. } => self.begin_to_wake(record),
            Stage::Waking { since, target } => self.go_on_waking(record, since, target),
            Stage::Woken { since } => self.become_ready(since),
        }
    }

    fn begin_to_wake(&self, record: &Record) -> Verdict {
        let (target, notes) = self.restored(record);
        let since = self.now;
        let mut in_turn = vec![self.note_waking(record, since, target)];
        in_turn.extend(self.resize_up(target));
        Verdict {
            notes,
            ..Verdict::up(vec![], in_turn, self.patience_from(since))
        }
    }

    fn go_on_waking(&self, record: &Record, since: Timestamp, target: Size) -> Verdict {
        let pending = self.patience_from(since);
        if self.has_reached(target) {
            // What people see on it goes with its record: a tag that can't be removed holds up nobody.
            let woken = Step::Journal(record.at(Stage::Woken { since: self.now }));
            return Verdict::up(vec![woken], vec![], pending);
        }
        // Somebody may have changed it since, or its bounds, so that the old target can't be reached.
        let (now_wanted, notes) = self.restored(record);
        let mut in_turn = self.resize_up(now_wanted);
        if now_wanted == target {
            return Verdict::up(vec![], in_turn, pending);
        }
        in_turn.insert(0, self.note_waking(record, since, now_wanted));
        Verdict {
            notes,
            ..Verdict::up(vec![], in_turn, pending)
        }
    }

    /// The mirror goes with the resize: from here on, what a person wrote into it is in the record.
    pub(super) fn note_waking(&self, record: &Record, since: Timestamp, target: Size) -> Step {
        Step::Journal(Record {
            saved: self.wanted(record),
            ..record.at(Stage::Waking { since, target })
        })
    }

    fn become_ready(&self, since: Timestamp) -> Verdict {
        let waited = self.now.duration_since(since);
        if self.resource.condition.is_ready || waited >= READY_LIMIT.max(self.patience) {
            return Verdict::up(self.forget(), vec![], Pending::No);
        }
        Verdict::up(vec![], vec![], self.patience_from(since))
    }

    fn resize_up(&self, to: Size) -> Vec<Step> {
        if self.resource.condition.is_busy || self.has_reached(to) {
            return vec![];
        }
        vec![Step::Resize { to, mirror: None }]
    }

    /// What wakes is at its size when its autoscaler, of pods or of nodes, may have moved it on already.
    pub(super) fn has_reached(&self, target: Size) -> bool {
        match (self.resource.size, target, self.bounds) {
            (Size::Capacity(now), Size::Capacity(target), _) => {
                (now.min, now.max) == (target.min, target.max) && now.desired >= target.desired
            }
            (Size::Replicas(now), Size::Replicas(_), Some((min, max))) => {
                now >= min.max(1) && now <= max.max(1)
            }
            (now, target, _) => now == target,
        }
    }
}
