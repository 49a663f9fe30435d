//! Days on which nobody works.

use jiff::Timestamp;
use jiff::civil::Date;

use super::error::{Rule, SpanError};
use super::text::Piece;
use super::weekly::Window;
use super::zone::Zone;

/// A list of dates on which what recurs week by week counts as outside working hours: a recurring uptime does not
/// match, and a recurring downtime lasts all day. The date is that of the span's own time zone.
///
/// ```
/// use domain::schedule::Holidays;
/// use jiff::civil::date;
/// let holidays = Holidays::parse("2026-11-11, 2026-12-24..2027-01-01")?;
/// assert!(holidays.contains(date(2026, 12, 25)) && !holidays.contains(date(2027, 1, 2)));
/// # Ok::<(), domain::schedule::SpanError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holidays {
    /// First and last days, by first day. They may overlap.
    ranges: Vec<(Date, Date)>,
}

impl Holidays {
    /// Parses dates and ranges of dates, both ends included, with commas between them. An empty text has none.
    pub fn parse(text: &str) -> Result<Self, SpanError> {
        let piece = Piece::new(text).trim();
        if piece.text().is_empty() {
            return Ok(Self::default());
        }
        let elements = piece.split(&[',']).map(|element| range(element.trim()));
        let mut ranges = elements.collect::<Result<Vec<_>, _>>()?;
        ranges.sort_unstable();
        Ok(Self { ranges })
    }

    /// Whether a date is one of them.
    pub fn contains(&self, date: Date) -> bool {
        self.ranges
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&date))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The holiday of a zone that an instant belongs to.
    pub(super) fn at(&self, at: Timestamp, zone: &Zone) -> Option<Date> {
        if self.is_empty() {
            return None;
        }
        Some(zone.day_of(at)).filter(|day| self.contains(*day))
    }

    /// The instants of a window at which holidays begin and end in a zone.
    pub(super) fn boundaries(&self, window: Window, zone: &Zone, found: &mut Vec<Timestamp>) {
        for (first, last) in &self.ranges {
            window.keep(zone.start_of(Some(*first)), found);
            window.keep(zone.start_of(last.tomorrow().ok()), found);
        }
    }

    /// The holidays of which some part lies in a window.
    pub(super) fn days(&self, window: Window, zone: &Zone) -> Vec<Date> {
        let (start, end) = (zone.day_of(window.after), zone.day_of(window.until));
        let mut days = Vec::new();
        for (first, last) in &self.ranges {
            let bounded = (*first).max(start).series(jiff::Span::new().days(1));
            days.extend(bounded.take_while(|day| day <= last && *day <= end));
        }
        days
    }
}

fn range(piece: Piece<'_>) -> Result<(Date, Date), SpanError> {
    let dots = piece.text().find("..");
    let Some(dots) = dots else {
        let day = date(piece)?;
        return Ok((day, day));
    };
    let (first, rest) = piece.split_at(dots);
    let last = rest.after("..").unwrap_or(rest);
    let (first, last) = (date(first.trim())?, date(last.trim())?);
    if last < first {
        return Err(piece.error(Rule::DateOrder));
    }
    Ok((first, last))
}

fn date(piece: Piece<'_>) -> Result<Date, SpanError> {
    let text = piece.text();
    let shape = text.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    if text.len() != "2026-12-25".len() || !shape {
        return Err(piece.error(Rule::Date));
    }
    text.parse().map_err(|_| piece.error(Rule::Calendar))
}
