//! A decision in words.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;

use super::context::{Schedule, Side};
use super::holidays::Holidays;
use super::rules::{Cause, Rules, Spared, Verdict};
use super::scope::{
    DOWNSCALE_PERIOD, DOWNTIME, EXCLUDE, EXCLUDE_UNTIL, FORCE_DOWNTIME, FORCE_UPTIME, HOLD_UNTIL, Item,
    PROTECT, Scope, UPSCALE_PERIOD, UPTIME,
};
use super::spans::Spans;

/// Why something is as it is, as a short sentence.
pub(super) struct Reason<'a> {
    pub(super) rules: &'a Rules,
    pub(super) holidays: &'a Holidays,
    pub(super) verdict: Verdict,
    pub(super) now: Timestamp,
    /// When something else will decide.
    pub(super) until: Option<Timestamp>,
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(spared) = self.verdict.spared {
            self.spared(spared, f)?;
            f.write_str(": ")?;
        }
        self.cause(f)?;
        match self.until {
            Some(until) => write!(f, " until {until}"),
            None => Ok(()),
        }
    }
}

impl Reason<'_> {
    fn cause(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.verdict.cause {
            Cause::Nothing => f.write_str("nothing is scheduled"),
            Cause::Held { scope } => write!(f, "held awake by {HOLD_UNTIL} of {}", self.origin(scope)),
            Cause::ForcedUp { scope } => {
                let spans = self
                    .scope(scope)
                    .and_then(|scope| scope.force.as_ref()?.up.as_ref());
                write!(
                    f,
                    "forced up by {FORCE_UPTIME} {} of {}",
                    Text(spans),
                    self.origin(scope)
                )
            }
            Cause::ForcedDown { scope } => {
                let spans = self
                    .scope(scope)
                    .and_then(|scope| scope.force.as_ref()?.down.as_ref());
                write!(
                    f,
                    "forced down by {FORCE_DOWNTIME} {} of {}",
                    Text(spans),
                    self.origin(scope)
                )
            }
            Cause::Scheduled { scope, item, side } => {
                let found = self
                    .scope(scope)
                    .and_then(|scope| scope.schedule.as_ref()?.get(item));
                match found {
                    Some(item) => self.scheduled(scope, item, side, f),
                    None => f.write_str("scheduled"),
                }
            }
        }
    }

    fn scheduled(&self, scope: usize, item: &Item, side: Side, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(date) = self.holiday(&item.schedule) {
            write!(f, "holiday {date}, ")?;
        }
        match (side, &item.schedule) {
            (Side::InUptime, Schedule::Uptime(spans)) => write!(f, "inside {UPTIME} {spans}"),
            (Side::OutOfUptime, Schedule::Uptime(spans)) => write!(f, "outside {UPTIME} {spans}"),
            (Side::InDowntime, Schedule::Downtime(spans)) => write!(f, "inside {DOWNTIME} {spans}"),
            (Side::OutOfDowntime, Schedule::Downtime(spans)) => write!(f, "outside {DOWNTIME} {spans}"),
            (Side::InUpscalePeriod, Schedule::Periods { up, .. }) => {
                write!(f, "inside {UPSCALE_PERIOD} {}", Text(up.as_ref()))
            }
            (Side::InDownscalePeriod, Schedule::Periods { down, .. }) => {
                write!(f, "inside {DOWNSCALE_PERIOD} {}", Text(down.as_ref()))
            }
            (
                Side::InNoPeriod,
                Schedule::Periods {
                    up: Some(up),
                    down: Some(down),
                },
            ) => {
                write!(f, "outside {UPSCALE_PERIOD} {up} and {DOWNSCALE_PERIOD} {down}")
            }
            (
                Side::InNoPeriod,
                Schedule::Periods {
                    up: Some(up),
                    down: None,
                },
            ) => {
                write!(f, "outside {UPSCALE_PERIOD} {up}")
            }
            (_, schedule) => {
                let spans = schedule.spans().next();
                write!(f, "outside {DOWNSCALE_PERIOD} {}", Text(spans))
            }
        }?;
        if let Some(name) = &item.name {
            write!(f, " (schedule {name})")?;
        }
        write!(f, " of {}", self.origin(scope))
    }

    fn spared(&self, spared: Spared, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match spared {
            Spared::Protected { scope } => write!(f, "kept by {PROTECT} of {}", self.origin(scope)),
            Spared::Excluded { scope } => {
                let spans = self
                    .scope(scope)
                    .and_then(|scope| scope.exclude.as_ref()?.spans.as_ref());
                write!(f, "kept by {EXCLUDE} {} of {}", Text(spans), self.origin(scope))
            }
            Spared::ExcludedUntil { scope } => {
                write!(f, "kept by {EXCLUDE_UNTIL} of {}", self.origin(scope))
            }
        }
    }

    /// The holiday that it is in a zone of the schedule.
    fn holiday(&self, schedule: &Schedule) -> Option<Date> {
        let mut zones = schedule.spans().flat_map(Spans::zones);
        zones.find_map(|zone| self.holidays.at(self.now, zone))
    }

    fn scope(&self, scope: usize) -> Option<&Scope> {
        self.rules.scopes().get(scope)
    }

    fn origin(&self, scope: usize) -> &str {
        self.scope(scope).map_or("", |scope| &scope.origin)
    }
}

/// Spans as they were written, if there are any.
struct Text<'a>(Option<&'a Spans>);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(spans) => spans.fmt(f),
            None => Ok(()),
        }
    }
}
