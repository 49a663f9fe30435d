//! Time zones, and where a wall clock's time is an instant.

use std::fmt;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, time};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};

use super::error::{Rule, SpanError};
use super::text::Piece;

/// The zones that this program was built with. Never those of the machine: two machines must decide the same.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A time zone of the IANA database.
///
/// ```
/// use domain::schedule::Zone;
/// assert_eq!(Zone::parse("Europe/Berlin")?.to_string(), "Europe/Berlin");
/// assert!(Zone::parse("europe/berlin").is_err());
/// # Ok::<(), domain::schedule::SpanError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

/// A change of a zone's offset from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shift {
    pub(super) at: Timestamp,
    pub(super) before: Offset,
    pub(super) after: Offset,
}

impl Zone {
    /// Finds a zone by its name, whose case counts, as it does in Go.
    pub fn parse(text: &str) -> Result<Self, SpanError> {
        Self::of(Piece::new(text).trim())
    }

    pub(super) fn of(piece: Piece<'_>) -> Result<Self, SpanError> {
        let name = piece.text();
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '+' | '-');
        if name.is_empty() || !name.chars().all(fits) {
            return Err(piece.error(Rule::ZoneName));
        }
        if name == "Local" {
            return Err(piece.error(Rule::LocalZone));
        }
        let zone = ZONES.get(name).map_err(|_| piece.error(Rule::UnknownZone))?;
        match zone.iana_name() {
            Some(found) if found == name => Ok(Self(zone)),
            Some(found) if found.eq_ignore_ascii_case(name) => {
                Err(piece.error(Rule::ZoneCase(found.to_owned())))
            }
            Some(_) | None => Err(piece.error(Rule::UnknownZone)),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or_default()
    }

    /// The offset from UTC at an instant.
    pub fn offset_at(&self, at: Timestamp) -> Offset {
        self.0.to_offset(at)
    }

    /// What the clock shows at an instant.
    pub fn clock_at(&self, at: Timestamp) -> DateTime {
        self.0.to_datetime(at)
    }

    /// The instant at which the clock first shows a time, or jumps over it.
    pub(super) fn instant(&self, clock: DateTime) -> Timestamp {
        match self.0.to_ambiguous_timestamp(clock).offset() {
            AmbiguousOffset::Unambiguous { offset } => utc(clock, offset),
            AmbiguousOffset::Fold { before, .. } => utc(clock, before),
            AmbiguousOffset::Gap { before, after } => self.jump(clock, before, after),
        }
    }

    /// The instant at which a day begins; the end of time after the calendar's last day.
    pub(super) fn start_of(&self, date: Option<Date>) -> Timestamp {
        date.map_or(Timestamp::MAX, |date| {
            self.instant(date.to_datetime(time(0, 0, 0, 0)))
        })
    }

    /// The day to which an instant belongs. Days follow each other without gaps, so that where midnight comes
    /// twice, the second time is of the new day.
    pub(super) fn day_of(&self, at: Timestamp) -> Date {
        let shown = self.clock_at(at).date();
        let next = shown.tomorrow().ok();
        match next {
            Some(next) if at >= self.start_of(Some(next)) => next,
            Some(_) | None => shown,
        }
    }

    /// The changes of its offset from one instant up to another one, which is left out.
    pub(super) fn shifts(&self, from: Timestamp, to: Timestamp) -> Vec<Shift> {
        let before_from = from
            .as_nanosecond()
            .checked_sub(1)
            .and_then(|before| Timestamp::from_nanosecond(before).ok());
        let mut before = self.offset_at(before_from.unwrap_or(from));
        let mut shifts = Vec::new();
        for transition in self.0.following(before_from.unwrap_or(from)) {
            let (at, after) = (transition.timestamp(), transition.offset());
            if at >= to {
                break;
            }
            if after != before {
                shifts.push(Shift { at, before, after });
            }
            before = after;
        }
        shifts
    }

    /// The instant of the jump over a time that no clock shows.
    fn jump(&self, clock: DateTime, before: Offset, after: Offset) -> Timestamp {
        // By the old offset the time would come after the jump, by the new one it would have come before it.
        let (early, late) = (utc(clock, after), utc(clock, before));
        let mut between = self
            .0
            .following(early)
            .take_while(|transition| transition.timestamp() <= late);
        let jump = between.find(|transition| transition.offset() == after);
        jump.map_or(late, |transition| transition.timestamp())
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The instant at which a clock of this offset shows a time, as far as time goes.
fn utc(clock: DateTime, offset: Offset) -> Timestamp {
    let end = if clock.year() < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    offset.to_timestamp(clock).unwrap_or(end)
}

impl serde::Serialize for Zone {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
