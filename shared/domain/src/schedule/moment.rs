//! Points in time, as the Go kube-downscaler reads RFC 3339: with upper case `T` and `Z`, and, as Go does, with
//! an hour of one digit where somebody wrote one.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use super::error::{Rule, SpanError};
use super::text::Piece;

/// Parses a point in time that is all of a text, white space around it aside.
pub(super) fn parse(piece: Piece<'_>) -> Result<Timestamp, SpanError> {
    let piece = piece.trim();
    let (moment, rest) = parse_beginning(piece)?;
    if rest.text().is_empty() {
        Ok(moment)
    } else {
        Err(piece.error(Rule::Moment))
    }
}

/// Parses a point in time at the beginning of a text, and gives the rest.
pub(super) fn parse_beginning(piece: Piece<'_>) -> Result<(Timestamp, Piece<'_>), SpanError> {
    let mut reader = Reader { rest: piece.text() };
    let Some(fields) = reader.fields() else {
        return Err(piece.error(Rule::Moment));
    };
    let (moment, rest) = piece.split_at(piece.text().len() - reader.rest.len());
    match fields.timestamp() {
        Ok(timestamp) => Ok((timestamp, rest)),
        Err(rule) => Err(moment.error(rule)),
    }
}

/// The numbers of a point in time, as they are written.
struct Fields {
    date: (i32, i32, i32),
    time: (i32, i32, i32),
    nanoseconds: i32,
    offset: (i32, i32, i32),
}

impl Fields {
    fn timestamp(&self) -> Result<Timestamp, Rule> {
        let (year, month, day) = self.date;
        let year = i16::try_from(year).map_err(|_| Rule::Calendar)?;
        let date = Date::new(year, small(month), small(day)).map_err(|_| Rule::Calendar)?;
        let (hour, minute, second) = self.time;
        let time = Time::new(small(hour), small(minute), small(second), 0).map_err(|_| Rule::Clock)?;
        let (sign, hours, minutes) = self.offset;
        // Go's bounds: an offset of 24:60 is one to it, and so it is to us.
        if hours > 24 || minutes > 60 {
            return Err(Rule::Offset);
        }
        // People write the year 9999 for ever, and time ends two days before it does: an offset may be that long.
        let offset = SignedDuration::from_mins(i64::from(sign * (hours * 60 + minutes)));
        let utc = date
            .to_datetime(time)
            .checked_sub(offset)
            .unwrap_or(DateTime::MAX);
        let whole = Offset::UTC.to_timestamp(utc).unwrap_or(Timestamp::MAX);
        Ok(Timestamp::new(whole.as_second(), self.nanoseconds).unwrap_or(Timestamp::MAX))
    }
}

/// Fields have two digits. One that does not fit is no month, day, hour, minute or second either.
fn small(field: i32) -> i8 {
    i8::try_from(field).unwrap_or(i8::MAX)
}

/// What is still to be read.
struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn fields(&mut self) -> Option<Fields> {
        let year = self.number(4)?;
        self.symbol('-')?;
        let month = self.number(2)?;
        self.symbol('-')?;
        let day = self.number(2)?;
        self.symbol('T')?;
        let hour = self.number(2).or_else(|| self.number(1))?;
        self.symbol(':')?;
        let minute = self.number(2)?;
        self.symbol(':')?;
        let second = self.number(2)?;
        let nanoseconds = self.fraction();
        let offset = self.offset()?;
        Some(Fields {
            date: (year, month, day),
            time: (hour, minute, second),
            nanoseconds,
            offset,
        })
    }

    fn symbol(&mut self, symbol: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(symbol)?;
        Some(())
    }

    /// A number of exactly this many digits, as far as this goes: more may follow.
    fn number(&mut self, digits: usize) -> Option<i32> {
        let (number, rest) = self.rest.split_at_checked(digits)?;
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        self.rest = rest;
        number.parse().ok()
    }

    /// A point and digits after it, in nanoseconds; further digits are dropped. Without them, nothing is read.
    fn fraction(&mut self) -> i32 {
        let Some(after) = self.rest.strip_prefix('.') else {
            return 0;
        };
        let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        if end == 0 {
            return 0;
        }
        let (digits, rest) = after.split_at(end);
        self.rest = rest;
        let nine = digits.bytes().chain(std::iter::repeat(b'0')).take(9);
        nine.fold(0, |nanoseconds, digit| nanoseconds * 10 + i32::from(digit - b'0'))
    }

    /// The sign, hours and minutes of the offset.
    fn offset(&mut self) -> Option<(i32, i32, i32)> {
        if self.symbol('Z').is_some() {
            return Some((1, 0, 0));
        }
        let sign = if self.symbol('+').is_some() {
            1
        } else {
            self.symbol('-')?;
            -1
        };
        let hours = self.number(2)?;
        self.symbol(':')?;
        Some((sign, hours, self.number(2)?))
    }
}
