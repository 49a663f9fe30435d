//! What a deployment says once for everybody: defaults, named schedules and holidays.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::clock::Weekdays;
use super::error::{Rule, SpanError};
use super::holidays::Holidays;
use super::spans::{Defaults, OnHolidays, Spans};
use super::text::Piece;
use super::weekly::Window;
use super::zone::Zone;

/// When something is awake and when it is asleep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schedule {
    /// Awake in these spans, asleep outside them.
    Uptime(Spans),
    /// Asleep in these spans, awake outside them.
    Downtime(Spans),
    /// Woken in some spans and put to sleep in others; left alone outside both, woken where both match.
    Periods {
        /// Where it is woken.
        up: Option<Spans>,
        /// Where it is put to sleep.
        down: Option<Spans>,
    },
}

/// Where in a schedule an instant lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    InUptime,
    OutOfUptime,
    InDowntime,
    OutOfDowntime,
    InUpscalePeriod,
    InDownscalePeriod,
    InNoPeriod,
}

impl Schedule {
    pub(super) fn side(&self, at: Timestamp, holidays: &Holidays) -> Side {
        let up = |spans: &Spans| spans.contains_with(at, holidays, OnHolidays::Free);
        let down = |spans: &Spans| spans.contains_with(at, holidays, OnHolidays::Full);
        match self {
            Self::Uptime(spans) if up(spans) => Side::InUptime,
            Self::Uptime(_) => Side::OutOfUptime,
            Self::Downtime(spans) if down(spans) => Side::InDowntime,
            Self::Downtime(_) => Side::OutOfDowntime,
            Self::Periods { up: Some(spans), .. } if up(spans) => Side::InUpscalePeriod,
            Self::Periods {
                down: Some(spans), ..
            } if down(spans) => Side::InDownscalePeriod,
            Self::Periods { .. } => Side::InNoPeriod,
        }
    }

    pub(super) fn boundaries(&self, window: Window, holidays: &Holidays, found: &mut Vec<Timestamp>) {
        for spans in self.spans() {
            spans.boundaries(window, holidays, found);
        }
    }

    /// All spans of it.
    pub(super) fn spans(&self) -> impl Iterator<Item = &Spans> {
        let (one, other) = match self {
            Self::Uptime(spans) | Self::Downtime(spans) => (Some(spans), None),
            Self::Periods { up, down } => (up.as_ref(), down.as_ref()),
        };
        one.into_iter().chain(other)
    }
}

/// Schedules with a name, so that many resources follow one and it is changed in one place.
///
/// ```
/// use domain::schedule::{Defaults, Named, Schedule};
/// let text = "office=Mon-Fri 08:00-20:00 Europe/Berlin; lab=down:Sat-Sun 00:00-24:00 UTC";
/// let named = Named::parse(text, &Defaults::default())?;
/// assert!(matches!(named.get("lab"), Some(Schedule::Downtime(_))));
/// # Ok::<(), domain::schedule::ContextError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named(BTreeMap<String, Schedule>);

impl Named {
    /// Parses entries with semicolons between them: a name, `=`, and the spans in which what follows the schedule
    /// is awake, or `down:` and those in which it is asleep. An empty text has none, and a semicolon may be the
    /// last character.
    pub fn parse(text: &str, defaults: &Defaults) -> Result<Self, ContextError> {
        let mut schedules = BTreeMap::new();
        let entries = Piece::new(text).split(&[';']).map(Piece::trim);
        for entry in entries.filter(|entry| !entry.text().is_empty()) {
            let Some((name, body)) = entry.split_once('=') else {
                return Err(ContextError::Schedules(entry.error(Rule::Entry)));
            };
            let name = name.trim();
            if !is_name(name.text()) {
                return Err(ContextError::Schedules(name.error(Rule::Name)));
            }
            if schedules.contains_key(name.text()) {
                return Err(ContextError::Schedules(name.error(Rule::Duplicate)));
            }
            let schedule = body_of(body.trim(), defaults).map_err(|error| ContextError::Schedule {
                name: name.text().to_owned(),
                error,
            })?;
            schedules.insert(name.text().to_owned(), schedule);
        }
        Ok(Self(schedules))
    }

    /// The schedule of a name.
    pub fn get(&self, name: &str) -> Option<&Schedule> {
        self.0.get(name)
    }

    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

fn body_of(body: Piece<'_>, defaults: &Defaults) -> Result<Schedule, SpanError> {
    match (body.after("down:"), body.after("up:")) {
        (Some(down), _) => Spans::of(down, defaults).map(Schedule::Downtime),
        (None, up) => Spans::of(up.unwrap_or(body), defaults).map(Schedule::Uptime),
    }
}

/// Whether a word can be the name of a schedule.
pub(super) fn is_name(word: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let constants = ["always", "never", "true", "false"];
    word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word.chars().all(fits)
        && !constants
            .iter()
            .any(|constant| word.eq_ignore_ascii_case(constant))
}

/// What the deployment says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// What spans mean that leave something out.
    pub defaults: Defaults,
    /// The schedules that have a name.
    pub named: Named,
    /// The days on which nobody works.
    pub holidays: Holidays,
}

impl Context {
    /// Parses a default time zone, default weekdays such as `Mon-Fri`, named schedules and holidays.
    pub fn parse(
        zone: Option<&str>,
        weekdays: Option<&str>,
        schedules: &str,
        holidays: &str,
    ) -> Result<Self, ContextError> {
        let zone = zone.map(Zone::parse).transpose().map_err(ContextError::Zone)?;
        let weekdays = weekdays
            .map(Weekdays::parse)
            .transpose()
            .map_err(ContextError::Weekdays)?;
        let defaults = Defaults { zone, weekdays };
        Ok(Self {
            named: Named::parse(schedules, &defaults)?,
            holidays: Holidays::parse(holidays).map_err(ContextError::Holidays)?,
            defaults,
        })
    }
}

/// What is wrong with what the deployment says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContextError {
    /// The default time zone.
    #[error("default time zone: {0}")]
    Zone(SpanError),
    /// The default weekdays.
    #[error("default weekdays: {0}")]
    Weekdays(SpanError),
    /// The list of schedules.
    #[error("schedules: {0}")]
    Schedules(SpanError),
    /// One schedule.
    #[error("schedule {name}: {error}")]
    Schedule {
        /// Its name.
        name: String,
        /// What is wrong with it.
        error: SpanError,
    },
    /// The holidays.
    #[error("holidays: {0}")]
    Holidays(SpanError),
}

impl ContextError {
    /// The text, the place in it and the rule.
    pub fn span_error(&self) -> &SpanError {
        match self {
            Self::Zone(error) | Self::Weekdays(error) | Self::Schedules(error) | Self::Holidays(error) => {
                error
            }
            Self::Schedule { error, .. } => error,
        }
    }
}
