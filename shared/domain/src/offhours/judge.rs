//! What is to be done about one resource, whatever the others do.

mod down;
mod up;

#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};

use super::restore::{Live, Note, restored};
use super::{Capacity, Mirror, Record, Resource, Settings, Size, Stage};
use crate::schedule::{Decision, Holidays, State};
use crate::time::later;

pub use down::REVERTS;

/// One effect on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Create the record. If there is one by now, the rest is left for the next look.
    Save(Record),
    /// Replace the record that was seen. If it has changed, the rest is left for the next look.
    Journal(Record),
    /// Set the size.
    Resize {
        /// To this.
        to: Size,
        /// What people see on it from then on; nothing when it wakes.
        mirror: Option<Mirror>,
    },
    /// Write on the resource what people are to see there.
    Show(Mirror),
    /// Remove that.
    Hide,
    /// Delete the record that was seen.
    Forget,
}

/// Where a resource is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nobody asked for it to sleep.
    NotScheduled,
    /// As large as its people want it.
    Awake,
    /// On its way to sleep.
    FallingAsleep,
    /// Asleep.
    Asleep,
    /// To sleep, and already as small as it would be then.
    AlreadySmall,
    /// On its way back.
    Waking,
    /// Left alone, for it is new or newly deployed, until then.
    Grace(Timestamp),
    /// To sleep, and somebody woke it by hand: that stands until the next edge.
    WokenByHand,
    /// To sleep, and a delivery tool brings it back each time: given up until the next edge.
    BackedOff,
    /// To sleep; AWS started it, and its maintenance is going on.
    Maintenance,
    /// Its autoscaler keeps it, or it keeps its autoscaler parked.
    Autoscaled,
    /// The schedule does not care now.
    LeftAlone,
    /// To be awake, but at a size that nobody knows.
    UnknownSize,
    /// It can't sleep; why.
    Unsupported(String),
    /// What people say about it can't be read; why.
    Refused(String),
    /// Its record can't be read; why.
    Unreadable(String),
}

/// Which way a resource goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Down,
    Up,
    Nowhere,
}

/// Whether the next in order may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pending {
    /// It may.
    No,
    /// Not before this is done, or that moment has come: then it has taken too long.
    Until(Timestamp),
    /// Not before this is done, however long it takes.
    Held,
}

/// What is to be done about one resource.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    pub(super) standing: Standing,
    pub(super) way: Way,
    /// At once, whatever the order.
    pub(super) free: Vec<Step>,
    /// When it is its turn.
    pub(super) in_turn: Vec<Step>,
    pub(super) pending: Pending,
    pub(super) notes: Vec<Note>,
}

impl Verdict {
    pub(super) const fn rest(standing: Standing) -> Self {
        Self {
            standing,
            way: Way::Nowhere,
            free: Vec::new(),
            in_turn: Vec::new(),
            pending: Pending::No,
            notes: Vec::new(),
        }
    }

    const fn down(standing: Standing, free: Vec<Step>, in_turn: Vec<Step>, pending: Pending) -> Self {
        Self {
            standing,
            way: Way::Down,
            free,
            in_turn,
            pending,
            notes: Vec::new(),
        }
    }

    const fn up(free: Vec<Step>, in_turn: Vec<Step>, pending: Pending) -> Self {
        Self {
            standing: Standing::Waking,
            way: Way::Up,
            free,
            in_turn,
            pending,
            notes: Vec::new(),
        }
    }
}

/// One resource and all that counts for it.
pub(super) struct Case<'a> {
    pub(super) resource: &'a Resource,
    pub(super) settings: &'a Settings,
    /// Its size at night.
    pub(super) off: Size,
    pub(super) record: Option<&'a Record>,
    pub(super) decision: &'a Decision,
    pub(super) holidays: &'a Holidays,
    /// Between how many pods its HorizontalPodAutoscaler keeps it.
    pub(super) bounds: Option<(u32, u32)>,
    pub(super) patience: SignedDuration,
    pub(super) now: Timestamp,
}

impl Case<'_> {
    pub(super) fn judge(&self) -> Verdict {
        match (self.decision.state, self.record) {
            (State::Any, None) if self.settings.is_scheduled => Verdict::rest(Standing::LeftAlone),
            (State::Any, None) => Verdict::rest(Standing::NotScheduled),
            (State::Any, Some(record)) => self.let_be(record),
            (State::Up, None) => self.stay_up(),
            (State::Up, Some(record)) => self.wake(record),
            (State::Down, None) => self.first_sleep(),
            (State::Down, Some(record)) => self.sleep_on(record),
        }
    }

    /// Nobody cares any more whether it sleeps.
    fn let_be(&self, record: &Record) -> Verdict {
        let is_asleep = self.is_asleep(record);
        let left_alone = |free| Verdict {
            free,
            ..Verdict::rest(Standing::LeftAlone)
        };
        match record.stage {
            // What was begun is finished, or its people would find it half-way.
            Stage::Waking { .. } | Stage::Woken { .. } => self.wake(record),
            // Nothing has come of it yet: it is awake as it is. To forget it at once would be too soon, for another of us
            // may be about to resize it.
            Stage::Saved if !is_asleep && !self.is_marked(record) => {
                left_alone(vec![self.note_waking(record, self.now, self.resource.size)])
            }
            // Nobody asks for it any more: what we did is undone.
            Stage::Saved | Stage::Asleep { .. } if !self.settings.is_scheduled => self.wake(record),
            Stage::Saved if is_asleep => left_alone(vec![self.note_asleep(record)]),
            Stage::Saved | Stage::Asleep { .. } => Verdict::rest(Standing::LeftAlone),
        }
    }

    /// A change of the maximum alone wakes nobody.
    fn is_asleep(&self, record: &Record) -> bool {
        is_within(self.resource.size, record.off)
    }

    /// Whether people see on it that it is asleep. They do since its resize.
    fn is_marked(&self, record: &Record) -> bool {
        let mirror = self.resource.mirror.as_ref();
        mirror.is_some_and(|mirror| mirror.is_of(record))
    }

    fn note_asleep(&self, record: &Record) -> Step {
        Step::Journal(record.at(Stage::Asleep { since: self.now }))
    }

    fn forget(&self) -> Vec<Step> {
        let hide = self.resource.mirror.as_ref().map(|_| Step::Hide);
        hide.into_iter().chain([Step::Forget]).collect()
    }

    /// What people want it to have been before it was put to sleep: what they wrote into its mirror, or what was saved.
    fn wanted(&self, record: &Record) -> Size {
        let mirror = self.resource.mirror.as_ref();
        mirror
            .and_then(|mirror| mirror.edited(record))
            .unwrap_or(record.saved)
    }

    fn restored(&self, record: &Record) -> (Size, Vec<Note>) {
        let live = Live {
            size: self.resource.size,
            mirror: self.resource.mirror.as_ref(),
            is_declared: self.resource.is_declared(),
            bounds: self.bounds.or_else(|| self.own_bounds()),
        };
        let restored = restored(record, &live);
        (restored.size, restored.notes)
    }

    /// The bounds of the minimum of an autoscaler of pods itself: Kubernetes takes none above its maximum.
    fn own_bounds(&self) -> Option<(u32, u32)> {
        let scales = self.resource.traits.scales.as_ref()?;
        Some((1, scales.max))
    }

    fn patience_from(&self, since: Timestamp) -> Pending {
        Pending::Until(later(since, self.patience))
    }
}

/// Whether `live` is no larger than `off`: nobody is put to sleep by being made larger.
fn is_within(live: Size, off: Size) -> bool {
    match (live, off) {
        (Size::Capacity(live), Size::Capacity(off)) => {
            let Capacity { min, desired, .. } = live;
            min <= off.min && desired <= off.desired
        }
        (Size::Replicas(live), Size::Replicas(off)) => live <= off,
        (live, _) => live.is_zero(),
    }
}
