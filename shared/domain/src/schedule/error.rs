//! What is wrong with a text, and where in it.

use std::fmt;
use std::ops::Range;

/// A text that says no time, with the place and the rule that it breaks.
///
/// ```
/// use domain::schedule::{Defaults, Spans};
/// let error = Spans::parse("Mon-Fri 25:00-20:00 UTC", &Defaults::default()).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     r#""25:00" in "Mon-Fri 25:00-20:00 UTC": expected an hour from 00 to 24"#
/// );
/// assert_eq!(error.marked(), "Mon-Fri 25:00-20:00 UTC\n        ^^^^^");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.line())]
pub struct SpanError {
    text: String,
    place: Range<usize>,
    rule: Rule,
}

impl SpanError {
    pub(super) fn new(text: &str, place: Range<usize>, rule: Rule) -> Self {
        Self {
            text: text.to_owned(),
            place,
            rule,
        }
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The bytes of the text that are wrong; empty where something is missing.
    pub fn place(&self) -> Range<usize> {
        self.place.clone()
    }

    /// What was expected there.
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// What stands at the place.
    pub fn value(&self) -> &str {
        self.text.get(self.place.clone()).unwrap_or_default()
    }

    /// The text and, on a second line, carets under the place. Characters that would break the line are shown as
    /// spaces.
    pub fn marked(&self) -> String {
        let line: String = self
            .text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let before = self.text.get(..self.place.start).unwrap_or_default();
        let indent = " ".repeat(before.chars().count());
        let carets = "^".repeat(self.value().chars().count().max(1));
        format!("{line}\n{indent}{carets}")
    }

    fn line(&self) -> String {
        let Self { text, rule, .. } = self;
        let value = self.value();
        if value == text.trim() {
            format!("{value:?}: {rule}")
        } else if value.is_empty() {
            let place = Place {
                text,
                at: self.place.start,
            };
            format!("{place}: {rule}")
        } else {
            format!("{value:?} in {text:?}: {rule}")
        }
    }
}

/// A place where something is missing.
struct Place<'a> {
    text: &'a str,
    at: usize,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = self.text.split_at_checked(self.at).unwrap_or((self.text, ""));
        if after.is_empty() {
            write!(f, "at the end of {:?}", self.text)
        } else if before.is_empty() {
            write!(f, "at the beginning of {:?}", self.text)
        } else {
            write!(f, "after {before:?} in {:?}", self.text)
        }
    }
}

/// What was expected where something else stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// An element of a list is no span at all.
    #[error(
        "expected a time span such as `Mon-Fri 08:00-20:00 Europe/Berlin`, two RFC 3339 times, `from` or `until` \
         and one, `always` or `never`"
    )]
    Span,
    /// A weekday.
    #[error("expected a weekday: Mon, Tue, Wed, Thu, Fri, Sat or Sun")]
    Weekday,
    /// One weekday where a range of them is needed.
    #[error("expected two weekdays, also for a single day, as in `Mon-Mon 08:00-20:00`")]
    WeekdayRange,
    /// A time of the day.
    #[error("expected a time of day of two digits, a colon and two digits, as in 08:00")]
    TimeOfDay,
    /// An hour.
    #[error("expected an hour from 00 to 24")]
    Hour,
    /// A minute.
    #[error("expected a minute from 00 to 59")]
    Minute,
    /// The end of the day is the last time of a day.
    #[error("expected 24:00 at the latest")]
    EndOfDay,
    /// Two times of the day.
    #[error("expected two times of day with a dash between them, as in 08:00-20:00")]
    TimeRange,
    /// The name of a zone.
    #[error("expected a time zone such as Europe/Berlin and nothing after it")]
    ZoneName,
    /// The database has no such zone.
    #[error("expected a time zone of the IANA database, such as Europe/Berlin")]
    UnknownZone,
    /// The database has a zone of this name in other letters.
    #[error("expected {0}: names of time zones are case-sensitive")]
    ZoneCase(String),
    /// The zone of the machine.
    #[error("expected a time zone of the IANA database, not that of whatever machine decides")]
    LocalZone,
    /// Neither the span nor the configuration has a zone.
    #[error("expected a time zone such as Europe/Berlin, since no default is configured")]
    NoZone,
    /// Neither the span nor the configuration has weekdays.
    #[error("expected weekdays such as Mon-Fri, since no default is configured")]
    NoWeekdays,
    /// A point in time.
    #[error("expected an RFC 3339 time with `T` and an offset or `Z`, such as 2026-12-24T18:00:00+01:00")]
    Moment,
    /// Some of its fields are no date.
    #[error("expected a date of the calendar")]
    Calendar,
    /// Some of its fields are no time.
    #[error("expected a time from 00:00:00 to 23:59:59")]
    Clock,
    /// Its offset is none.
    #[error("expected an offset of at most 24 hours")]
    Offset,
    /// One point in time where there must be two.
    #[error(
        "expected a dash and a second time; a span without end begins with `from`, one without beginning with `until`"
    )]
    MomentRange,
    /// Directions are written in small letters.
    #[error("expected small letters: `from` or `until`")]
    Direction,
    /// A date.
    #[error("expected a date such as 2026-12-25, or two with `..` between them")]
    Date,
    /// The end of a range of dates lies before its beginning.
    #[error("expected a last date that is not before the first")]
    DateOrder,
    /// `true` or `false`.
    #[error("expected true or false")]
    Boolean,
    /// A schedule's entry.
    #[error("expected `name=spans` or `name=down:spans`")]
    Entry,
    /// A schedule's name.
    #[error(
        "expected a name of letters, digits, `-`, `_` and `.` that begins with a letter and is neither always, never, true nor false"
    )]
    Name,
    /// Two schedules of one name.
    #[error("expected each name once")]
    Duplicate,
    /// No schedule has this name.
    #[error("expected the name of a schedule{}", known(.0))]
    UnknownSchedule(Vec<String>),
    /// Names of schedules and spans together.
    #[error("expected either names of schedules or spans, not both")]
    NameAmongSpans,
}

/// The names that there are, for an error.
fn known(names: &[String]) -> String {
    if names.is_empty() {
        ", of which none is configured".to_owned()
    } else {
        format!(": {}", names.join(", "))
    }
}
