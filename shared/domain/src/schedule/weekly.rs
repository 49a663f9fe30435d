//! Spans that recur every week, as the instants at which they begin and end.

use jiff::Timestamp;
use jiff::civil::{Date, Weekday};

use super::clock::{TimeOfDay, Weekdays, civil};
use super::zone::Zone;

/// A stretch of time, with its beginning and without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

impl Interval {
    pub(super) fn contains(self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }
}

/// A stretch of time in which edges are looked for, without its beginning and with its end: what holds at the
/// beginning is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) after: Timestamp,
    pub(super) until: Timestamp,
}

impl Window {
    /// Adds an instant to those found if it lies in the window.
    pub(super) fn keep(self, at: Timestamp, found: &mut Vec<Timestamp>) {
        if self.after < at && at <= self.until {
            found.push(at);
        }
    }
}

/// A span that recurs every week on the clocks of a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Weekly {
    pub(super) zone: Zone,
    pub(super) shape: Shape,
}

/// How it recurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// On each of these days, from one time of it to the other. Where the times are reversed, it is the day's
    /// beginning up to the second and its end from the first, so that `Mon-Fri 20:00-08:00` leaves out Saturday
    /// morning and has Monday's. Equal times never match.
    Daily {
        days: Weekdays,
        from: TimeOfDay,
        to: TimeOfDay,
    },
    /// Once a week, from a time of one day to a time of another one.
    Anchored {
        first: Weekday,
        from: TimeOfDay,
        last: Weekday,
        to: TimeOfDay,
    },
}

impl Weekly {
    /// Whether an instant lies in it.
    pub(super) fn contains(&self, at: Timestamp) -> bool {
        self.dates(at, at).any(|date| {
            self.of_date(date)
                .into_iter()
                .flatten()
                .any(|span| span.contains(at))
        })
    }

    /// The instants of a window at which it begins and ends.
    pub(super) fn boundaries(&self, window: Window, found: &mut Vec<Timestamp>) {
        for date in self.dates(window.after, window.until) {
            for span in self.of_date(date).into_iter().flatten() {
                window.keep(span.from, found);
                window.keep(span.to, found);
            }
        }
    }

    /// The dates on which something may begin that reaches into this stretch of time, latest first. A clock that
    /// was put back across midnight shows the date of the day before: hence one more at the end.
    fn dates(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Date> {
        let days_back = match self.shape {
            Shape::Daily { .. } => 0,
            Shape::Anchored { .. } => 7,
        };
        let shown = self.zone.clock_at(to).date();
        let latest = shown.tomorrow().unwrap_or(shown);
        let mut earliest = self.zone.clock_at(from).date();
        for _ in 0..days_back {
            earliest = earliest.yesterday().unwrap_or(earliest);
        }
        let dates = std::iter::successors(Some(latest), |date| date.yesterday().ok());
        dates.take_while(move |date| *date >= earliest)
    }

    /// What begins on a date: at most the two ends of the day.
    fn of_date(&self, date: Date) -> [Option<Interval>; 2] {
        match self.shape {
            Shape::Daily { days, .. } if !days.contains(date.weekday()) => [None, None],
            Shape::Daily { from, to, .. } if from <= to => [self.between(date, from, date, to), None],
            Shape::Daily { from, to, .. } => {
                let (start, end) = (
                    self.zone.start_of(Some(date)),
                    self.zone.start_of(date.tomorrow().ok()),
                );
                let (to, from) = (self.instant(date, to), self.instant(date, from));
                [interval(start, to), interval(from, end)]
            }
            Shape::Anchored { first, .. } if first != date.weekday() => [None, None],
            Shape::Anchored {
                first,
                from,
                last,
                to,
            } => {
                let days = match first.until(last) {
                    0 if to < from => 7,
                    days => days,
                };
                let span = jiff::Span::new().days(days);
                let last = date.checked_add(span).unwrap_or(Date::MAX);
                [self.between(date, from, last, to), None]
            }
        }
    }

    fn between(&self, first: Date, from: TimeOfDay, last: Date, to: TimeOfDay) -> Option<Interval> {
        interval(self.instant(first, from), self.instant(last, to))
    }

    fn instant(&self, date: Date, at: TimeOfDay) -> Timestamp {
        civil(date, at).map_or(Timestamp::MAX, |clock| self.zone.instant(clock))
    }
}

/// A stretch of time unless it is none: what lies in a skipped hour altogether does not happen.
fn interval(from: Timestamp, to: Timestamp) -> Option<Interval> {
    (from < to).then_some(Interval { from, to })
}
