//! When what a resource should be changes.

use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer};

use super::decision::State;
use super::holidays::Holidays;
use super::reason::Reason;
use super::rules::{Rules, Verdict};
use super::weekly::Window;
use super::zone::Zone;

/// An instant at which what a resource should be changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Edge {
    /// When.
    pub at: Timestamp,
    /// What it should be just before.
    pub from: State,
    /// What it should be from then on.
    pub to: State,
    /// Why it should be that.
    pub reason: String,
    /// What is unusual about the day.
    pub marks: Vec<Mark>,
}

/// What is unusual about a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// Clocks change.
    Dst {
        /// Where.
        zone: Zone,
        /// When.
        at: Timestamp,
        /// The offset from UTC until then.
        #[serde(serialize_with = "as_text")]
        before: Offset,
        /// The offset from UTC from then on.
        #[serde(serialize_with = "as_text")]
        after: Offset,
    },
    /// It is a holiday.
    Holiday(Date),
}

/// Every instant after `from` and up to `to` at which [`desired`](super::desired) changes its state, in order.
pub fn edges(rules: &Rules, holidays: &Holidays, from: Timestamp, to: Timestamp) -> Vec<Edge> {
    let changes = changes(
        rules,
        holidays,
        Window {
            after: from,
            until: to,
        },
    );
    let mut before = rules.verdict(holidays, from).state;
    let mut edges = Vec::new();
    for (position, (at, verdict)) in changes.iter().enumerate() {
        let (at, verdict) = (*at, *verdict);
        if verdict.state != before {
            let next = changes.get(position + 1).map(|(next, _)| *next);
            let reason = Reason {
                rules,
                holidays,
                verdict,
                now: at,
                until: next.or_else(|| rules.lasts_until(holidays, at, verdict)),
            };
            edges.push(Edge {
                at,
                from: before,
                to: verdict.state,
                reason: reason.to_string(),
                marks: day_marks(rules, holidays, at),
            });
        }
        before = verdict.state;
    }
    edges
}

/// Whether a resource should have been up at some instant after `from` and up to `to`.
pub fn was_up_between(rules: &Rules, holidays: &Holidays, from: Timestamp, to: Timestamp) -> bool {
    let is_up = |at: Timestamp| rules.verdict(holidays, at).state == State::Up;
    let first = from.checked_add(SignedDuration::from_nanos(1)).unwrap_or(from);
    if first > to || first == from {
        return false;
    }
    // A state lasts from its edge to the next one.
    let rest = Window {
        after: first,
        until: to,
    };
    is_up(first) || rules.boundaries(holidays, rest).into_iter().any(is_up)
}

/// What is unusual about the days that a stretch of time touches, in the zones of the rules: for a calendar, which
/// shows it on days without an edge, too. First the changes of clocks, zone by zone, then the holidays.
pub fn marks(rules: &Rules, holidays: &Holidays, from: Timestamp, to: Timestamp) -> Vec<Mark> {
    let window = Window {
        after: from,
        until: to,
    };
    let (mut changes, mut days) = (Vec::new(), Vec::new());
    for zone in rules.zones() {
        let (first, last) = (zone.day_of(from), zone.day_of(to));
        let (start, end) = (zone.start_of(Some(first)), zone.start_of(last.tomorrow().ok()));
        changes.extend(shifts(zone, start, end));
        days.extend(holidays.days(window, zone));
    }
    days.sort_unstable();
    days.dedup();
    changes.extend(days.into_iter().map(Mark::Holiday));
    changes
}

/// When something else decides in a window, and what.
fn changes(rules: &Rules, holidays: &Holidays, window: Window) -> Vec<(Timestamp, Verdict)> {
    let mut last = rules.verdict(holidays, window.after);
    let mut changes = Vec::new();
    for at in rules.boundaries(holidays, window) {
        let verdict = rules.verdict(holidays, at);
        if verdict != last {
            changes.push((at, verdict));
        }
        last = verdict;
    }
    changes
}

/// What is unusual about the day of an edge.
fn day_marks(rules: &Rules, holidays: &Holidays, at: Timestamp) -> Vec<Mark> {
    let mut marks = Vec::new();
    for zone in rules.zones() {
        let day = zone.day_of(at);
        marks.extend(shifts(
            zone,
            zone.start_of(Some(day)),
            zone.start_of(day.tomorrow().ok()),
        ));
        let holiday = Mark::Holiday(day);
        if holidays.contains(day) && !marks.contains(&holiday) {
            marks.push(holiday);
        }
    }
    marks
}

fn shifts(zone: &Zone, start: Timestamp, end: Timestamp) -> impl Iterator<Item = Mark> {
    zone.shifts(start, end).into_iter().map(|shift| Mark::Dst {
        zone: zone.clone(),
        at: shift.at,
        before: shift.before,
        after: shift.after,
    })
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn as_text<S: Serializer>(offset: &Offset, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(offset)
}
