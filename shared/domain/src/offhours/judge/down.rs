//! On the way to sleep, and through the night.

use jiff::{SignedDuration, Timestamp};

use super::{Case, Pending, Standing, Step, Verdict, is_within};
use crate::offhours::{Capacity, Kind, ManualChanges, Mirror, Record, Size, Stage};
use crate::schedule::was_up_between;
use crate::time::later;

/// How often something that a delivery tool brings back at night is put to sleep again. Argo CD with self-heal would
/// go on for ever, and so would we.
pub const REVERTS: u32 = 3;

/// AWS starts a stopped database after seven days (RDS user guide, "Stopping an Amazon RDS DB instance temporarily").
/// One that runs again a little sooner than that was started by a person.
const AWS_STARTS_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24 - 2);

/// A database that a person started is not to be taken for one that AWS started, however long it runs: before that
/// could be, its seven days begin again.
const STARTED_BY_HAND: SignedDuration = SignedDuration::from_hours(6 * 24);

/// How often what somebody wakes by hand is put to sleep again where that is not respected. That may be a controller
/// which is faster than any of us.
const ENFORCED_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// How far back an edge is looked for that nobody saw. We are never out of service for that long, and each day costs time.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(31 * 24);

/// A size that is saved waits for its turn, behind others that may each take all their patience. What holds up machines
/// for longer than this many of them is a resize that nobody takes.
const TURNS: i32 = 6;

impl Case<'_> {
    pub(super) fn first_sleep(&self) -> Verdict {
        let live = self.resource.size;
        if is_within(live, self.off) {
            return self.already_small();
        }
        if let Some(until) = self.grace(self.resource.created) {
            return held(Standing::Grace(until));
        }
        if let Some(until) = self.declared_grace() {
            return held(Standing::Grace(until));
        }
        self.fall_asleep(self.new_record(live), Step::Save)
    }

    /// Asleep without us. Of a group that says how large it is by day, that is noted, so that it wakes to it.
    fn already_small(&self) -> Verdict {
        let mut verdict = Verdict::rest(Standing::AlreadySmall);
        if let (Some(on), Size::Capacity(_)) = (self.settings.on_size, self.resource.size)
            && !on.is_zero()
        {
            let record = self.new_record(Size::Capacity(on));
            let since = self.now;
            verdict.free.push(Step::Save(Record {
                off: self.resource.size,
                ..record.at(Stage::Asleep { since })
            }));
        }
        verdict
    }

    pub(super) fn sleep_on(&self, record: &Record) -> Verdict {
        match record.stage {
            Stage::Saved if self.is_at_rest(record) => self.found_asleep(record),
            Stage::Saved if self.was_taken(record) => self.stirred(record, record.saved_at),
            Stage::Saved => self.go_on_falling(record),
            Stage::Asleep { since } if self.is_asleep(record) => self.asleep(record, since),
            Stage::Asleep { since } => self.stirred(record, since),
            // Nothing has come of its waking yet.
            Stage::Waking { .. } if self.is_asleep(record) => self.found_asleep(record),
            Stage::Waking { target, .. } if !self.has_reached(target) => self.sleep_again(record),
            Stage::Waking { .. } | Stage::Woken { .. } => self.sleep_after_all(),
        }
    }

    fn found_asleep(&self, record: &Record) -> Verdict {
        let (free, pending) = (vec![self.note_asleep(record)], self.patience_from(self.now));
        Verdict::down(Standing::FallingAsleep, free, vec![], pending)
    }

    /// It has woken, and is not forgotten yet.
    fn sleep_after_all(&self) -> Verdict {
        let live = self.resource.size;
        if is_within(live, self.off) {
            return Verdict::down(Standing::AlreadySmall, self.forget(), vec![], Pending::No);
        }
        self.fall_asleep(self.new_record(live), Step::Journal)
    }

    /// Whether its resize is known to have been taken, so that somebody was faster to wake it than we were to note it. In
    /// the cluster, what people see and the size are one write.
    fn was_taken(&self, record: &Record) -> bool {
        self.resource.key.kind().is_in_cluster() && self.is_marked(record)
    }

    /// Its size is saved; its resize was not sent, or not taken. What its people change until then still counts.
    fn go_on_falling(&self, record: &Record) -> Verdict {
        if let Some(until) = self.declared_grace() {
            return held(Standing::Grace(until));
        }
        let (size, notes) = self.restored(record);
        let (record, free, notes) = if (size, self.off) == (record.saved, record.off) {
            (record.clone(), vec![], vec![])
        } else {
            let changed = Record {
                saved_at: record.saved_at,
                reverts: record.reverts,
                ..self.new_record(size)
            };
            (changed.clone(), vec![Step::Journal(changed)], notes)
        };
        let pending = Pending::Until(later(record.saved_at, self.patience.saturating_mul(TURNS)));
        let in_turn = self.resize_down(&record);
        Verdict {
            notes,
            ..Verdict::down(Standing::FallingAsleep, free, in_turn, pending)
        }
    }

    fn asleep(&self, record: &Record, since: Timestamp) -> Verdict {
        let pending = if self.resource.condition.is_quiet {
            Pending::No
        } else {
            self.patience_from(since)
        };
        let mut free = Vec::new();
        if !self.is_marked(record) {
            free.push(Step::Show(Mirror::of(record)));
        }
        Verdict::down(Standing::Asleep, free, vec![], pending)
    }

    /// It was seen asleep, and is not any more. Who woke it?
    fn stirred(&self, record: &Record, since: Timestamp) -> Verdict {
        let again = |record: Record| self.fall_asleep(record, Step::Journal);
        let is_database = record.resource.kind() == Kind::Database;
        // It was stopped after that, however late we noted it.
        let slept = self.now.duration_since(record.saved_at);
        if is_database && slept >= AWS_STARTS_AFTER {
            let window = self.resource.traits.maintenance;
            let is_open = window.is_some_and(|window| window.contains(self.now));
            if self.settings.honor_maintenance && is_open {
                return Verdict::rest(Standing::Maintenance);
            }
            return again(self.renewed(record));
        }
        let last = since.max(later(self.now, -LOOK_BACK));
        if was_up_between(&self.settings.rules, self.holidays, last, self.now) {
            // It was to be up meanwhile, and nobody told us to wake it: as if we had, and slept again.
            return self.sleep_again(record);
        }
        if self.resource.is_declared() {
            if record.reverts >= REVERTS {
                return Verdict::rest(Standing::BackedOff);
            }
            if let Some(until) = self.declared_grace() {
                return held(Standing::Grace(until));
            }
            return again(Record {
                reverts: record.reverts.saturating_add(1),
                ..self.new_record(self.resource.size)
            });
        }
        match self.settings.manual_changes {
            ManualChanges::Respect => {
                let mut verdict = Verdict::rest(Standing::WokenByHand);
                if is_database && slept >= STARTED_BY_HAND {
                    let renewed = self.renewed(record);
                    verdict.free.push(self.note_asleep(&renewed));
                }
                verdict
            }
            ManualChanges::Enforce if self.now < later(record.saved_at, ENFORCED_EVERY) => {
                Verdict::rest(Standing::WokenByHand)
            }
            ManualChanges::Enforce => again(Record {
                reverts: record.reverts.saturating_add(1),
                ..self.renewed(record)
            }),
        }
    }

    /// It was waking, or should have been, and is to sleep once more.
    fn sleep_again(&self, record: &Record) -> Verdict {
        let (size, notes) = self.restored(record);
        Verdict {
            notes,
            ..self.fall_asleep(self.new_record(size), Step::Journal)
        }
    }

    fn fall_asleep(&self, record: Record, write: impl Fn(Record) -> Step) -> Verdict {
        let in_turn = self.resize_down(&record);
        let pending = self.patience_from(self.now);
        Verdict::down(Standing::FallingAsleep, vec![write(record)], in_turn, pending)
    }

    fn resize_down(&self, record: &Record) -> Vec<Step> {
        if self.resource.condition.is_busy || self.is_at_rest(record) {
            return vec![];
        }
        vec![Step::Resize {
            to: self.rest_of(record),
            mirror: Some(Mirror::of(record)),
        }]
    }

    /// Whether there is nothing to be made smaller.
    fn is_at_rest(&self, record: &Record) -> bool {
        let rest = self.rest_of(record);
        is_within(self.resource.size, rest) && self.resource.size.max() <= rest.max()
    }

    /// What it is resized to: nothing is made larger, and a maximum that we don't lower is left as it is now.
    fn rest_of(&self, record: &Record) -> Size {
        let (Size::Capacity(off), Size::Capacity(now)) = (record.off, self.resource.size) else {
            return record.off;
        };
        let lowers_max = record.off.max() < record.saved.max();
        let max = if lowers_max { off.max } else { now.max };
        Size::Capacity(Capacity { max, ..off }.at_most(now))
    }

    fn new_record(&self, saved: Size) -> Record {
        let key = self.resource.key.clone();
        // Whatever its creator's clock says: a record that is older than its resource is another one's.
        let created = self.resource.created.unwrap_or(self.now);
        let saved_at = created.max(self.now);
        Record {
            machines: self.resource.traits.machines.clone(),
            ..Record::new(key, saved, self.off, self.decision.reason.clone(), saved_at)
        }
    }

    /// The same, for it is put to sleep again.
    fn renewed(&self, record: &Record) -> Record {
        Record {
            saved: self.wanted(record),
            saved_at: record.saved_at.max(self.now),
            ..record.at(Stage::Saved)
        }
    }

    fn declared_grace(&self) -> Option<Timestamp> {
        let writer = self.resource.writer.as_ref();
        let delivered = writer.filter(|writer| writer.is_delivery());
        self.grace(delivered.and_then(|writer| writer.at))
    }

    /// Until when it is left alone after `since`.
    fn grace(&self, since: Option<Timestamp>) -> Option<Timestamp> {
        if !self.resource.key.kind().is_in_cluster() {
            return None;
        }
        let until = later(since?, self.settings.grace);
        (self.now < until).then_some(until)
    }
}

fn held(standing: Standing) -> Verdict {
    Verdict::down(standing, vec![], vec![], Pending::Held)
}
