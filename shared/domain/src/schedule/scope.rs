//! One place where people say when something is to be asleep.

use std::fmt;

use jiff::Timestamp;

use super::context::{Context, Named, Schedule, is_name};
use super::error::{Rule, SpanError};
use super::holidays::Holidays;
use super::moment;
use super::spans::Spans;
use super::text::Piece;
use super::weekly::Window;

/// Names of schedules, or spans in which it is awake.
pub(super) const SCHEDULE: &str = "schedule";
/// Spans in which it is awake.
pub(super) const UPTIME: &str = "uptime";
/// Spans in which it is asleep.
pub(super) const DOWNTIME: &str = "downtime";
/// Spans in which it is woken.
pub(super) const UPSCALE_PERIOD: &str = "upscale-period";
/// Spans in which it is put to sleep.
pub(super) const DOWNSCALE_PERIOD: &str = "downscale-period";
/// Spans in which it is awake whatever its schedule says.
pub(super) const FORCE_UPTIME: &str = "force-uptime";
/// Spans in which it is asleep whatever its schedule says.
pub(super) const FORCE_DOWNTIME: &str = "force-downtime";
/// Until when it is awake whatever its schedule says.
pub(super) const HOLD_UNTIL: &str = "hold-until";
/// Spans in which it is not put to sleep.
pub(super) const EXCLUDE: &str = "exclude";
/// Until when it is not put to sleep.
pub(super) const EXCLUDE_UNTIL: &str = "exclude-until";
/// Whether it is never put to sleep.
pub(super) const PROTECT: &str = "protect";

/// All keys, without the prefix that a tag or an annotation has.
pub const KEYS: [&str; 11] = [
    SCHEDULE,
    UPTIME,
    DOWNTIME,
    UPSCALE_PERIOD,
    DOWNSCALE_PERIOD,
    FORCE_UPTIME,
    FORCE_DOWNTIME,
    HOLD_UNTIL,
    EXCLUDE,
    EXCLUDE_UNTIL,
    PROTECT,
];

/// What one place says about a resource: the workload itself, its namespace, the tags of an AWS resource, an
/// override for a whole cluster, the deployment's default.
///
/// | key | value |
/// | --- | --- |
/// | `schedule` | names of schedules with `,` or `+` between them, or spans in which it is awake |
/// | `uptime`, `downtime` | spans in which it is awake, or asleep; the opposite outside them |
/// | `upscale-period`, `downscale-period` | spans in which it is woken, or put to sleep; left alone outside them |
/// | `force-uptime`, `force-downtime` | `true`, `false` or spans, which holidays do not change |
/// | `hold-until` | an RFC 3339 time until which it is awake |
/// | `exclude`, `exclude-until` | `true`, `false` or spans, or an RFC 3339 time, in which it is never put to sleep |
/// | `protect` | `true`: it is never put to sleep; `false`: nor does what less specific places say protect it |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Where it is said, as in `namespace shop`.
    pub origin: String,
    pub(super) schedule: Option<Vec<Item>>,
    pub(super) force: Option<Force>,
    pub(super) exclude: Option<Exclude>,
    pub(super) protection: Option<Protection>,
}

/// One of the schedules that a scope follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// Its name, unless its spans stand in the scope itself.
    pub(super) name: Option<String>,
    pub(super) schedule: Schedule,
}

/// What overrides the schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Force {
    pub(super) up: Option<Spans>,
    pub(super) down: Option<Spans>,
    pub(super) hold: Option<Timestamp>,
}

/// What keeps it from being put to sleep for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Exclude {
    pub(super) spans: Option<Spans>,
    pub(super) until: Option<Timestamp>,
}

/// Whether it is kept from being put to sleep for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protection {
    Protected,
    Open,
}

impl Scope {
    /// Reads what a place says from its values by their [`KEYS`]. One value that is not understood fails all of it,
    /// so that nothing is ever done by the rest.
    pub fn read<'a>(
        origin: impl Into<String>,
        lookup: impl Fn(&'static str) -> Option<&'a str>,
        context: &Context,
    ) -> Result<Self, SettingError> {
        let origin = origin.into();
        let values = Values { lookup, context };
        match values.all(&origin) {
            Ok(scope) => Ok(scope),
            Err((key, problem)) => Err(SettingError { origin, key, problem }),
        }
    }

    pub(super) fn boundaries(&self, window: Window, holidays: &Holidays, found: &mut Vec<Timestamp>) {
        for item in self.schedule.iter().flatten() {
            item.schedule.boundaries(window, holidays, found);
        }
        let none = Holidays::default();
        for spans in self.overrides() {
            spans.boundaries(window, &none, found);
        }
        let held = self.force.as_ref().and_then(|force| force.hold);
        let excluded = self.exclude.as_ref().and_then(|exclude| exclude.until);
        for at in held.into_iter().chain(excluded) {
            window.keep(at, found);
        }
    }

    /// The spans that are no schedule.
    pub(super) fn overrides(&self) -> impl Iterator<Item = &Spans> {
        let forced = self
            .force
            .iter()
            .flat_map(|force| force.up.iter().chain(&force.down));
        let excluded = self.exclude.iter().flat_map(|exclude| &exclude.spans);
        forced.chain(excluded)
    }
}

impl Force {
    /// Whether all of it is over, so that it says nothing any more.
    pub(super) fn is_over(&self, at: Timestamp) -> bool {
        are_over(self.up.as_ref(), at) && are_over(self.down.as_ref(), at) && is_over(self.hold, at)
    }
}

impl Exclude {
    /// Whether all of it is over, so that it says nothing any more.
    pub(super) fn is_over(&self, at: Timestamp) -> bool {
        are_over(self.spans.as_ref(), at) && is_over(self.until, at)
    }
}

fn are_over(spans: Option<&Spans>, at: Timestamp) -> bool {
    spans.is_none_or(|spans| spans.are_over(at))
}

fn is_over(until: Option<Timestamp>, at: Timestamp) -> bool {
    until.is_none_or(|until| until <= at)
}

/// A key and what is wrong with its value.
type Wrong = (&'static str, SettingProblem);

/// The values of a scope.
struct Values<'c, L> {
    lookup: L,
    context: &'c Context,
}

impl<'a, L: Fn(&'static str) -> Option<&'a str>> Values<'_, L> {
    fn all(&self, origin: &str) -> Result<Scope, Wrong> {
        Ok(Scope {
            origin: origin.to_owned(),
            schedule: self.schedule()?,
            force: self.force()?,
            exclude: self.exclude()?,
            protection: self.value(PROTECT, protection)?,
        })
    }

    fn schedule(&self) -> Result<Option<Vec<Item>>, Wrong> {
        let parse = |piece| items(piece, self.context);
        let named = self.value(SCHEDULE, parse)?;
        let (uptime, downtime) = (self.spans(UPTIME)?, self.spans(DOWNTIME)?);
        let (up, down) = (self.spans(UPSCALE_PERIOD)?, self.spans(DOWNSCALE_PERIOD)?);
        self.no_contradiction()?;
        let schedule = match (uptime, downtime, up, down) {
            (Some(spans), ..) => Schedule::Uptime(spans),
            (None, Some(spans), ..) => Schedule::Downtime(spans),
            (None, None, None, None) => return Ok(named),
            (None, None, up, down) => Schedule::Periods { up, down },
        };
        Ok(Some(vec![Item { name: None, schedule }]))
    }

    /// Each of these says alone when it is asleep; only the two periods go together.
    fn no_contradiction(&self) -> Result<(), Wrong> {
        let period = [UPSCALE_PERIOD, DOWNSCALE_PERIOD]
            .into_iter()
            .find(|key| self.has(key));
        let alone = [SCHEDULE, UPTIME, DOWNTIME]
            .into_iter()
            .filter(|key| self.has(key));
        let mut said = alone.chain(period);
        match (said.next(), said.next()) {
            (Some(one), Some(other)) => Err((one, SettingProblem::Contradiction { other })),
            (Some(_) | None, None) | (None, Some(_)) => Ok(()),
        }
    }

    fn force(&self) -> Result<Option<Force>, Wrong> {
        let force = Force {
            up: self.spans(FORCE_UPTIME)?,
            down: self.spans(FORCE_DOWNTIME)?,
            hold: self.value(HOLD_UNTIL, moment::parse)?,
        };
        let says_nothing = force.up.is_none() && force.down.is_none() && force.hold.is_none();
        Ok((!says_nothing).then_some(force))
    }

    fn exclude(&self) -> Result<Option<Exclude>, Wrong> {
        let exclude = Exclude {
            spans: self.spans(EXCLUDE)?,
            until: self.value(EXCLUDE_UNTIL, moment::parse)?,
        };
        let says_nothing = exclude.spans.is_none() && exclude.until.is_none();
        Ok((!says_nothing).then_some(exclude))
    }

    fn spans(&self, key: &'static str) -> Result<Option<Spans>, Wrong> {
        self.value(key, |piece| Spans::of(piece, &self.context.defaults))
    }

    fn value<T>(
        &self,
        key: &'static str,
        parse: impl Fn(Piece<'a>) -> Result<T, SpanError>,
    ) -> Result<Option<T>, Wrong> {
        let parsed = (self.lookup)(key).map(|text| parse(Piece::new(text)));
        parsed
            .transpose()
            .map_err(|error| (key, SettingProblem::Text(error)))
    }

    fn has(&self, key: &'static str) -> bool {
        (self.lookup)(key).is_some()
    }
}

fn protection(piece: Piece<'_>) -> Result<Protection, SpanError> {
    let piece = piece.trim();
    if piece.text().eq_ignore_ascii_case("true") {
        Ok(Protection::Protected)
    } else if piece.text().eq_ignore_ascii_case("false") {
        Ok(Protection::Open)
    } else {
        Err(piece.error(Rule::Boolean))
    }
}

/// Names of schedules, or spans. A text of which every part could be a name is one of names: no span is.
fn items(piece: Piece<'_>, context: &Context) -> Result<Vec<Item>, SpanError> {
    let parts: Vec<Piece<'_>> = piece.split(&[',', '+']).map(Piece::trim).collect();
    if parts.iter().all(|part| is_name(part.text())) {
        return parts
            .into_iter()
            .map(|name| named(name, &context.named))
            .collect();
    }
    if let Some(name) = parts.iter().find(|part| context.named.get(part.text()).is_some()) {
        return Err(name.error(Rule::NameAmongSpans));
    }
    let schedule = Schedule::Uptime(Spans::of(piece, &context.defaults)?);
    Ok(vec![Item { name: None, schedule }])
}

fn named(name: Piece<'_>, schedules: &Named) -> Result<Item, SpanError> {
    let Some(schedule) = schedules.get(name.text()) else {
        let known = schedules.names().map(str::to_owned).collect();
        return Err(name.error(Rule::UnknownSchedule(known)));
    };
    Ok(Item {
        name: Some(name.text().to_owned()),
        schedule: schedule.clone(),
    })
}

/// A value that is not understood. Nothing may be put to sleep or woken by the scope that has it.
///
/// ```
/// use domain::schedule::{Context, Scope};
/// let lookup = |key: &str| (key == "uptime").then_some("Mon-Fry 08:00-20:00 UTC");
/// let error = Scope::read("deployment shop/web", lookup, &Context::default()).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "deployment shop/web: uptime: \"Fry\" in \"Mon-Fry 08:00-20:00 UTC\": \
///      expected a weekday: Mon, Tue, Wed, Thu, Fri, Sat or Sun"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {key}: {problem}")]
pub struct SettingError {
    /// The scope's origin.
    pub origin: String,
    /// The value's key.
    pub key: &'static str,
    /// What is wrong with it.
    pub problem: SettingProblem,
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingProblem {
    /// Its text.
    Text(SpanError),
    /// Another value of the same scope says something else about the same.
    Contradiction {
        /// That value's key.
        other: &'static str,
    },
}

impl fmt::Display for SettingProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(error) => error.fmt(f),
            Self::Contradiction { other } => write!(f, "expected this or {other}, not both in one place"),
        }
    }
}
