//! What a wall clock and a calendar's week show: times of the day, weekdays and ranges of them.

use std::fmt;

use jiff::civil::{DateTime, Weekday, time};

use super::error::{Rule, SpanError};
use super::text::{BLANKS, Piece};

/// The end of a day, 24:00, in minutes.
const END: i16 = 24 * 60;

/// A time of the day in whole minutes. The Go kube-downscaler also takes 24:01 to 24:59, at which no clock ever
/// is; they are the end of the day here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TimeOfDay(i16);

impl TimeOfDay {
    /// Parses two digits, a colon and two digits.
    pub(super) fn parse(piece: Piece<'_>) -> Result<Self, SpanError> {
        let [h1, h2, b':', m1, m2] = piece.text().as_bytes() else {
            return Err(piece.error(Rule::TimeOfDay));
        };
        let (Some(hour), Some(minute)) = (two_digits(*h1, *h2), two_digits(*m1, *m2)) else {
            return Err(piece.error(Rule::TimeOfDay));
        };
        if hour > 24 {
            return Err(piece.error(Rule::Hour));
        }
        if minute > 59 {
            return Err(piece.error(Rule::Minute));
        }
        Ok(Self(i16::from(hour) * 60 + i16::from(minute)))
    }

    /// The same, but 24:00 is the last time there is.
    pub(super) fn parse_within_day(piece: Piece<'_>) -> Result<Self, SpanError> {
        let parsed = Self::parse(piece)?;
        if parsed.0 > END {
            return Err(piece.error(Rule::EndOfDay));
        }
        Ok(parsed)
    }

    /// What the clock shows then; nothing at the end of the day, when it shows the next one.
    pub(super) fn on_the_clock(self) -> Option<(i8, i8)> {
        let hour = i8::try_from(self.0 / 60).ok().filter(|hour| *hour < 24)?;
        let minute = i8::try_from(self.0 % 60).ok()?;
        Some((hour, minute))
    }
}

fn two_digits(tens: u8, ones: u8) -> Option<i8> {
    if !tens.is_ascii_digit() || !ones.is_ascii_digit() {
        return None;
    }
    i8::try_from((tens - b'0') * 10 + (ones - b'0')).ok()
}

/// A range of weekdays, both included, which may wrap: `Fri-Mon` has four days.
///
/// ```
/// use domain::schedule::Weekdays;
/// use jiff::civil::Weekday;
/// let days = Weekdays::parse("Fri-Mon")?;
/// assert!(days.contains(Weekday::Sunday) && !days.contains(Weekday::Tuesday));
/// # Ok::<(), domain::schedule::SpanError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weekdays {
    first: Weekday,
    last: Weekday,
}

impl Weekdays {
    /// Parses two weekdays with a dash between them, in letters of any case.
    pub fn parse(text: &str) -> Result<Self, SpanError> {
        let piece = Piece::new(text).trim();
        let Some((first, last)) = piece.split_once('-') else {
            let rule = if weekday(piece).is_ok() {
                Rule::WeekdayRange
            } else {
                Rule::Weekday
            };
            return Err(piece.error(rule));
        };
        Ok(Self::new(weekday(first)?, weekday(last)?))
    }

    pub(super) fn new(first: Weekday, last: Weekday) -> Self {
        Self { first, last }
    }

    /// Whether a day is one of them.
    pub fn contains(self, day: Weekday) -> bool {
        self.first.until(day) <= self.first.until(self.last)
    }
}

impl fmt::Display for Weekdays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", short(self.first), short(self.last))
    }
}

/// Parses the short English name of a weekday, in letters of any case.
pub(super) fn weekday(piece: Piece<'_>) -> Result<Weekday, SpanError> {
    const DAYS: [Weekday; 7] = [
        Weekday::Sunday,
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
    ];
    let found = DAYS
        .into_iter()
        .find(|day| short(*day).eq_ignore_ascii_case(piece.text()));
    found.ok_or_else(|| piece.error(Rule::Weekday))
}

fn short(day: Weekday) -> &'static str {
    match day {
        Weekday::Sunday => "Sun",
        Weekday::Monday => "Mon",
        Weekday::Tuesday => "Tue",
        Weekday::Wednesday => "Wed",
        Weekday::Thursday => "Thu",
        Weekday::Friday => "Fri",
        Weekday::Saturday => "Sat",
    }
}

/// A word of a recurring span: it ends at a dash or a blank.
pub(super) fn word(piece: Piece<'_>) -> (Piece<'_>, Piece<'_>) {
    piece.split_while(|c| c != '-' && !BLANKS.contains(&c))
}

/// What the clock shows on this date at this time; the midnight after it at the end of the day, nothing on the
/// calendar's last one.
pub(super) fn civil(date: jiff::civil::Date, at: TimeOfDay) -> Option<DateTime> {
    match at.on_the_clock() {
        Some((hour, minute)) => Some(date.to_datetime(time(hour, minute, 0, 0))),
        None => date
            .tomorrow()
            .ok()
            .map(|next| next.to_datetime(time(0, 0, 0, 0))),
    }
}
