//! Lists of time spans: their grammar and what lies in them.

use std::fmt;

use jiff::Timestamp;

use super::clock::{TimeOfDay, Weekdays, weekday, word};
use super::error::{Rule, SpanError};
use super::holidays::Holidays;
use super::moment;
use super::text::{BLANKS, Piece};
use super::weekly::{Interval, Shape, Weekly, Window};
use super::zone::Zone;

/// What a span means that leaves something out. Where there is no default, such a span is an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Defaults {
    /// The time zone of a span that names none.
    pub zone: Option<Zone>,
    /// The weekdays of a span that names none.
    pub weekdays: Option<Weekdays>,
}

/// A list of time spans. It matches where one of them does.
///
/// | element | meaning |
/// | --- | --- |
/// | `Mon-Fri 08:00-20:00 Europe/Berlin` | on these days, from the first time to the second, which is left out |
/// | `Mon-Fri 20:00-08:00 UTC` | on these days, up to the second time and from the first one to the day's end |
/// | `08:00-20:00` | the same with the configured weekdays and time zone |
/// | `Fri 20:00-Mon 08:00 UTC` | once a week, from here to there |
/// | `2026-12-24T18:00:00Z - 2026-12-27T06:00:00Z` | between these times |
/// | `from 2026-12-24T18:00:00Z`, `until 2026-12-27T06:00:00Z` | from this time on; before this time |
/// | `always`, `true`, `never`, `false` | what they say |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spans {
    text: String,
    spans: Vec<Span>,
}

/// One element of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Span {
    Always,
    Never,
    Between(Interval),
    From(Timestamp),
    Until(Timestamp),
    Weekly(Weekly),
}

/// What a holiday does to a span that recurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnHolidays {
    /// It does not match.
    Free,
    /// It matches all day.
    Full,
}

impl Spans {
    /// Parses a list with commas between its elements. One bad element fails all of it.
    pub fn parse(text: &str, defaults: &Defaults) -> Result<Self, SpanError> {
        Self::of(Piece::new(text), defaults)
    }

    pub(super) fn of(piece: Piece<'_>, defaults: &Defaults) -> Result<Self, SpanError> {
        let elements = piece
            .split(&[','])
            .map(|element| Span::of(element.trim(), defaults));
        Ok(Self {
            text: piece.trim().text().to_owned(),
            spans: elements.collect::<Result<_, _>>()?,
        })
    }

    /// Whether an instant lies in one of them, were there no holidays.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.spans.iter().any(|span| span.contains(at))
    }

    /// Whether an instant lies in one of them as the holidays change them.
    pub(super) fn contains_with(&self, at: Timestamp, holidays: &Holidays, rule: OnHolidays) -> bool {
        self.spans.iter().any(|span| match span {
            Span::Weekly(weekly) => match (holidays.at(at, &weekly.zone), rule) {
                (Some(_), OnHolidays::Free) => false,
                (Some(_), OnHolidays::Full) => true,
                (None, OnHolidays::Free | OnHolidays::Full) => weekly.contains(at),
            },
            Span::Always | Span::Never | Span::Between(_) | Span::From(_) | Span::Until(_) => {
                span.contains(at)
            }
        })
    }

    /// Whether none of them matches at or after an instant, because their times are over.
    pub(super) fn are_over(&self, at: Timestamp) -> bool {
        self.spans.iter().all(|span| match span {
            Span::Between(Interval { to, .. }) | Span::Until(to) => *to <= at,
            Span::Always | Span::Never | Span::From(_) | Span::Weekly(_) => false,
        })
    }

    /// The instants of a window at which it may begin or cease to match.
    pub(super) fn boundaries(&self, window: Window, holidays: &Holidays, found: &mut Vec<Timestamp>) {
        for span in &self.spans {
            match span {
                Span::Always | Span::Never => {}
                Span::From(at) | Span::Until(at) => window.keep(*at, found),
                Span::Between(Interval { from, to }) => {
                    window.keep(*from, found);
                    window.keep(*to, found);
                }
                Span::Weekly(weekly) => {
                    weekly.boundaries(window, found);
                    holidays.boundaries(window, &weekly.zone, found);
                }
            }
        }
    }

    /// The zones of those that recur.
    pub(super) fn zones(&self) -> impl Iterator<Item = &Zone> {
        self.spans.iter().filter_map(|span| match span {
            Span::Weekly(weekly) => Some(&weekly.zone),
            Span::Always | Span::Never | Span::Between(_) | Span::From(_) | Span::Until(_) => None,
        })
    }
}

/// The text as it was written, white space around it aside.
impl fmt::Display for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Span {
    fn of(piece: Piece<'_>, defaults: &Defaults) -> Result<Self, SpanError> {
        if let Some(constant) = constant(piece.text()) {
            return Ok(constant);
        }
        if begins_with_year(piece.text()) {
            return between(piece);
        }
        if let Some(rest) = piece.after("from") {
            return Ok(Self::From(direction(rest)?));
        }
        if let Some(rest) = piece.after("until") {
            return Ok(Self::Until(direction(rest)?));
        }
        recurring(piece, defaults).map(Self::Weekly)
    }

    fn contains(&self, at: Timestamp) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Between(interval) => interval.contains(at),
            Self::From(from) => *from <= at,
            Self::Until(to) => at < *to,
            Self::Weekly(weekly) => weekly.contains(at),
        }
    }
}

/// The words of any case that always say the same.
fn constant(text: &str) -> Option<Span> {
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    if is("always") || is("true") {
        Some(Span::Always)
    } else if is("never") || is("false") {
        Some(Span::Never)
    } else {
        None
    }
}

fn begins_with_year(text: &str) -> bool {
    text.bytes().take_while(u8::is_ascii_digit).count() >= "2026".len()
}

/// Two points in time. Spaces may stand before the dash; what stands after it is trimmed.
fn between(piece: Piece<'_>) -> Result<Span, SpanError> {
    let (from, rest) = moment::parse_beginning(piece)?;
    let (_, rest) = rest.split_while(|c| c == ' ');
    let Some(second) = rest.after("-").filter(|second| !second.text().contains('\n')) else {
        return Err(rest.error(Rule::MomentRange));
    };
    let to = moment::parse(second)?;
    Ok(Span::Between(Interval { from, to }))
}

/// The point in time after `from` or `until`, with white space, a dash or nothing between them.
fn direction(rest: Piece<'_>) -> Result<Timestamp, SpanError> {
    let rest = rest.trim();
    moment::parse(rest.after("-").unwrap_or(rest))
}

fn recurring(piece: Piece<'_>, defaults: &Defaults) -> Result<Weekly, SpanError> {
    if piece.text().starts_with(|c: char| c.is_ascii_digit()) {
        return daily(None, piece, defaults);
    }
    let (first, rest) = word(piece);
    if first.text().eq_ignore_ascii_case("from") || first.text().eq_ignore_ascii_case("until") {
        return Err(first.error(Rule::Direction));
    }
    if first.text().is_empty() || (rest.text().is_empty() && weekday(first).is_err()) {
        return Err(piece.error(Rule::Span));
    }
    if let Some(rest) = rest.after("-") {
        let (last, rest) = until_blank(rest);
        let days = Weekdays::new(weekday(first)?, weekday(last)?);
        let Some(times) = rest.after_blanks() else {
            return Err(rest.error(Rule::TimeRange));
        };
        return daily(Some(days), times, defaults);
    }
    anchored(first, rest, defaults)
}

/// Two times of day and a zone.
fn daily(days: Option<Weekdays>, piece: Piece<'_>, defaults: &Defaults) -> Result<Weekly, SpanError> {
    let (from, rest) = word(piece);
    let from = TimeOfDay::parse(from)?;
    let Some(rest) = rest.after("-") else {
        return Err(rest.split_at(0).0.error(Rule::TimeRange));
    };
    let (to, rest) = until_blank(rest);
    let to = TimeOfDay::parse(to)?;
    let Some(days) = days.or(defaults.weekdays) else {
        return Err(piece.split_at(0).0.error(Rule::NoWeekdays));
    };
    let shape = Shape::Daily { days, from, to };
    let zone = zone(rest, defaults)?;
    Ok(Weekly { zone, shape })
}

/// The rest of `Fri 20:00-Mon 08:00` after its first weekday, and a zone.
fn anchored(day: Piece<'_>, rest: Piece<'_>, defaults: &Defaults) -> Result<Weekly, SpanError> {
    let first = weekday(day)?;
    let Some(rest) = rest.after_blanks() else {
        return Err(rest.error(Rule::TimeRange));
    };
    let (from, rest) = word(rest);
    let rest = rest.after_blanks().unwrap_or(rest);
    let Some(rest) = rest.after("-") else {
        TimeOfDay::parse_within_day(from)?;
        return Err(rest.split_at(0).0.error(Rule::TimeRange));
    };
    let rest = rest.after_blanks().unwrap_or(rest);
    if rest.text().starts_with(|c: char| c.is_ascii_digit()) {
        return Err(day.error(Rule::WeekdayRange));
    }
    let from = TimeOfDay::parse_within_day(from)?;
    let (last, rest) = until_blank(rest);
    let last = weekday(last)?;
    let Some(rest) = rest.after_blanks() else {
        return Err(rest.error(Rule::TimeOfDay));
    };
    let (to, rest) = until_blank(rest);
    let to = TimeOfDay::parse_within_day(to)?;
    let shape = Shape::Anchored {
        first,
        from,
        last,
        to,
    };
    let zone = zone(rest, defaults)?;
    Ok(Weekly { zone, shape })
}

/// The zone at the end, or the default one.
fn zone(rest: Piece<'_>, defaults: &Defaults) -> Result<Zone, SpanError> {
    match (rest.after_blanks(), &defaults.zone) {
        (Some(name), _) => Zone::of(name),
        (None, Some(zone)) => Ok(zone.clone()),
        (None, None) => Err(rest.error(Rule::NoZone)),
    }
}

fn until_blank(piece: Piece<'_>) -> (Piece<'_>, Piece<'_>) {
    piece.split_while(|c| !BLANKS.contains(&c))
}
