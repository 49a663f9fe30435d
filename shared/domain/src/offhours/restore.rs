//! To which size a resource wakes: a comparison of what it was, what we made of it, and what it is now.

use std::fmt;

use super::{Capacity, Mirror, Record, Size};

/// What is known of a resource that is to wake.
#[derive(Debug, Clone, Copy)]
pub struct Live<'a> {
    /// Its size now.
    pub size: Size,
    /// What is written on it.
    pub mirror: Option<&'a Mirror>,
    /// Whether a delivery tool wrote the size: then it is the new intent, larger or not.
    pub is_declared: bool,
    /// Between how many pods its HorizontalPodAutoscaler keeps it.
    pub bounds: Option<(u32, u32)>,
}

/// The size to wake at, and what was not as we had left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The size.
    pub size: Size,
    /// What people should know.
    pub notes: Vec<Note>,
}

/// A difference that was found and what was made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// Somebody changed the saved size on the resource itself: that counts.
    MirrorEdited(Size),
    /// Somebody made it larger while it was asleep: that stays.
    KeptLarger(Size),
    /// A delivery tool set another size while it was asleep: that is the new intent.
    Declared(Size),
    /// The bounds of the group were changed while it was asleep; the saved size fits into them now.
    Clamped {
        /// What was saved.
        from: Size,
        /// What fits.
        to: Size,
    },
}

/// Compares the three: saved, as we left it, and live.
///
/// What nobody touched is what was saved. What somebody touched is kept where it is larger, since whoever makes
/// something larger at night needs it; a maximum is whatever it is now, and the other two are clamped into the bounds as
/// they are. A maximum that we lowered has to be raised by whoever wakes the group at night: what they make of it is no
/// bound then unless it is larger.
pub fn restored(record: &Record, live: &Live<'_>) -> Restored {
    let mut notes = Vec::new();
    let edited = live.mirror.and_then(|mirror| mirror.edited(record));
    if let Some(size) = edited {
        notes.push(Note::MirrorEdited(size));
    }
    let saved = edited.unwrap_or(record.saved);
    let size = match (saved, record.off, live.size) {
        (Size::Capacity(saved), Size::Capacity(off), Size::Capacity(now)) => {
            Size::Capacity(capacity(saved, off, now, &mut notes))
        }
        (Size::Replicas(saved), Size::Replicas(off), Size::Replicas(now)) => {
            Size::Replicas(replicas(saved, off, now, live, &mut notes))
        }
        (saved, _, _) => saved,
    };
    Restored { size, notes }
}

fn replicas(saved: u32, off: u32, now: u32, live: &Live<'_>, notes: &mut Vec<Note>) -> u32 {
    let mut wanted = saved;
    if now != off {
        if live.is_declared && now != saved {
            notes.push(Note::Declared(live.size));
            wanted = now;
        } else if now > saved {
            notes.push(Note::KeptLarger(live.size));
            wanted = now;
        }
    }
    let Some((min, max)) = live.bounds else {
        return wanted;
    };
    // At 0 the autoscaler would stay away.
    let fitting = wanted.clamp(min.max(1), max.max(min).max(1));
    if fitting != wanted {
        notes.push(Note::Clamped {
            from: Size::Replicas(wanted),
            to: Size::Replicas(fitting),
        });
    }
    fitting
}

fn capacity(saved: Capacity, off: Capacity, now: Capacity, notes: &mut Vec<Note>) -> Capacity {
    let larger = |saved: u32, off: u32, now: u32| if now != off && now > saved { now } else { saved };
    let min = larger(saved.min, off.min, now.min);
    let desired = larger(saved.desired, off.desired, now.desired);
    if (min, desired) != (saved.min, saved.desired) {
        notes.push(Note::KeptLarger(Size::Capacity(now)));
    }
    let is_woken = (now.min, now.desired) != (off.min, off.desired);
    let max = match now.max {
        max if max == off.max => saved.max,
        max if is_woken && off.max < saved.max => max.max(saved.max),
        max => max,
    };
    let min_fitting = min.min(max);
    let fitting = Capacity {
        min: min_fitting,
        desired: desired.clamp(min_fitting, max),
        max,
    };
    if (fitting.max, fitting.min, fitting.desired) != (saved.max, min, desired) {
        notes.push(Note::Clamped {
            from: Size::Capacity(saved),
            to: Size::Capacity(fitting),
        });
    }
    fitting
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MirrorEdited(size) => write!(f, "somebody changed the saved size to {size}"),
            Self::KeptLarger(size) => write!(
                f,
                "somebody made it {size} meanwhile, which is kept where it is larger"
            ),
            Self::Declared(size) => write!(f, "a delivery tool made it {size} meanwhile, which counts"),
            Self::Clamped { from, to } => write!(f, "its bounds were changed meanwhile: {from} becomes {to}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Key, Kind};
    use super::*;

    fn record(saved: Size, off: Size) -> Record {
        let at = "2026-11-26T19:00:00.5Z".parse().unwrap();
        Record::new(Key::of_aws(Kind::Group, "workers"), saved, off, "night", at)
    }

    fn size(text: &str) -> Size {
        text.parse()
            .map_or_else(|_| Size::Capacity(Capacity::parse(text).unwrap()), Size::Replicas)
    }

    fn live(text: &str) -> Live<'static> {
        Live {
            size: size(text),
            mirror: None,
            is_declared: false,
            bounds: None,
        }
    }

    #[test]
    fn what_nobody_touched_is_what_was_saved_and_what_somebody_made_larger_stays() {
        let cases = [
            ("2-4-10", "0-0-10", "0-0-10", "2-4-10"),
            ("2-4-10", "0-0-0", "0-0-0", "2-4-10"),
            ("2-4-10", "0-0-10", "0-1-10", "2-4-10"),
            ("2-4-10", "0-0-10", "0-6-10", "2-6-10"),
            ("2-4-10", "0-0-10", "3-3-10", "3-4-10"),
            ("2-4-10", "0-0-0", "1-1-1", "2-4-10"),
            ("2-4-10", "0-0-0", "0-5-12", "2-5-12"),
            ("3", "0", "0", "3"),
            ("3", "0", "1", "3"),
            ("3", "0", "5", "5"),
            ("3", "2", "2", "3"),
        ];
        for (saved, off, now, expected) in cases {
            let restored = restored(&record(size(saved), size(off)), &live(now));
            assert_eq!(restored.size, size(expected), "{saved} {off} {now}");
        }
    }

    #[test]
    fn case_4_a_maximum_that_was_changed_meanwhile_stays_and_is_reported() {
        let restored = restored(&record(size("2-4-10"), size("0-0-10")), &live("0-0-6"));
        assert_eq!(restored.size, size("2-4-6"));
        assert!(
            matches!(restored.notes.as_slice(), [Note::Clamped { .. }]),
            "{restored:?}"
        );
    }

    #[test]
    fn case_5_the_desired_capacity_fits_into_a_maximum_that_became_smaller() {
        for (now, expected) in [("0-0-3", "2-3-3"), ("0-0-1", "1-1-1"), ("0-0-20", "2-4-20")] {
            let restored = restored(&record(size("2-4-10"), size("0-0-10")), &live(now));
            assert_eq!(restored.size, size(expected), "{now}");
        }
    }

    #[test]
    fn case_23_an_autoscaler_keeps_its_deployment_within_its_bounds() {
        for (saved, bounds, expected) in [
            (7, (2, 10), 7),
            (1, (2, 10), 2),
            (12, (2, 10), 10),
            (3, (0, 2), 2),
        ] {
            let record = record(Size::Replicas(saved), Size::Replicas(0));
            let live = Live {
                bounds: Some(bounds),
                ..live("0")
            };
            assert_eq!(restored(&record, &live).size, Size::Replicas(expected));
        }
    }

    #[test]
    fn what_a_delivery_tool_set_is_the_new_intent_even_if_it_is_smaller() {
        let live = Live {
            is_declared: true,
            ..live("2")
        };
        let restored = restored(&record(size("3"), size("0")), &live);
        assert_eq!((restored.size, restored.notes.len()), (size("2"), 1));
    }

    #[test]
    fn a_size_that_a_person_wrote_into_the_mirror_counts_and_a_left_over_does_not() {
        let record = record(size("2-4-10"), size("0-0-10"));
        let with = |size: &str, since: &str| {
            let mirror = Mirror::read(Some(&format!("asleep since {since}")), Some(size));
            let live = Live {
                mirror: mirror.as_ref(),
                ..live("0-0-10")
            };
            restored(&record, &live)
        };
        let now = "2026-11-26T19:00:00Z";
        assert_eq!(with("3-5-10", now).size, size("3-5-10"));
        assert_eq!(with("3-5-10", now).notes, [Note::MirrorEdited(size("3-5-10"))]);
        for (text, since) in [
            ("2-4-10", now),
            ("3-5-10", "2026-11-25T19:00:00Z"),
            ("0-0-10", now),
            ("many", now),
        ] {
            let restored = with(text, since);
            assert_eq!(
                (restored.size, restored.notes.len()),
                (size("2-4-10"), 0),
                "{text} {since}"
            );
        }
    }
}
