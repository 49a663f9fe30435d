//! Until when something that a person tells is to last.

use domain::offhours::LONGEST;
use domain::schedule::{Context, Defaults, Holidays, Rules, Scope, State, Zone, edges};
use domain::time::later;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

/// As far as we look for a time of day: on each of the world's days clocks show each, or jump over it.
const AHEAD: SignedDuration = SignedDuration::from_hours(72);

/// A moment, as a person says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Until {
    /// This one.
    At(Timestamp),
    /// When clocks next show this, `HH:MM`.
    Clock(String),
}

impl Until {
    /// Parses an RFC 3339 time, or a time of day.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Ok(at) = text.parse() {
            return Ok(Self::At(at));
        }
        let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.split_once(':') {
            Some((hour, minute)) if digits(hour) && digits(minute) && hour < "24" && minute < "60" => {
                Ok(Self::Clock(text.to_owned()))
            }
            _ => Err(
                "expected an RFC 3339 time such as 2026-12-24T18:00:00+01:00, or a time of day from 00:00 to 23:59"
                    .to_owned(),
            ),
        }
    }

    /// The first such moment after `now`, by the clocks of `zone`.
    pub(crate) fn after(&self, now: Timestamp, zone: &Zone) -> Result<Timestamp, String> {
        match self {
            Self::At(at) => Ok(*at),
            Self::Clock(clock) => next(clock, now, zone),
        }
    }
}

/// When the clocks of `zone` next show a time. It is that of an edge of a schedule at this time, so that a repeated
/// hour and a skipped one mean here what they mean there.
fn next(clock: &str, now: Timestamp, zone: &Zone) -> Result<Timestamp, String> {
    let end = if clock == "00:00" { "12:00" } else { "24:00" };
    let uptime = format!("Mon-Sun {clock}-{end} {zone}");
    let context = Context {
        defaults: Defaults::default(),
        ..Context::default()
    };
    let said = |key: &str| (key == "uptime").then_some(uptime.as_str());
    let scope = Scope::read("--until", said, &context).map_err(|error| error.to_string())?;
    let until = later(now, AHEAD);
    let coming = edges(&Rules::of(vec![scope]), &Holidays::default(), now, until);
    let next = coming.into_iter().find(|edge| edge.to == State::Up);
    next.map(|edge| edge.at)
        .ok_or_else(|| format!("--until {clock}: no clock of {zone} shows that in the next days"))
}

/// Checks that something told at `now` may last until then.
pub(crate) fn within_bounds(until: Timestamp, now: Timestamp) -> Result<Timestamp, String> {
    let lasts = until.duration_since(now);
    if lasts <= SignedDuration::ZERO || lasts > LONGEST {
        let days = LONGEST.as_hours() / 24;
        return Err(format!(
            "until {until}: expected a time after now, {now}, by at most {days} days; what is to hold for longer \
             belongs into a schedule"
        ));
    }
    Ok(until)
}

/// Parses how long something lasts: `2h`, `90m`, `3d`, `PT2H`.
pub(crate) fn lasting(text: &str) -> Result<SignedDuration, String> {
    let span: Result<Span, _> = text.parse();
    let duration = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()));
    match duration {
        Ok(duration) if duration > SignedDuration::ZERO => Ok(duration),
        Ok(_) | Err(_) => Err("expected a time such as 2h, 90m, 3d or PT2H".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ts(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn next_in(zone: &str, clock: &str, now: &str) -> String {
        let until = Until::parse(clock).unwrap();
        let zone = Zone::parse(zone).unwrap();
        until.after(ts(now), &zone).unwrap().to_string()
    }

    #[test]
    fn a_time_of_day_is_the_next_one_that_clocks_show() {
        let cases = [
            (
                "Europe/Berlin",
                "23:30",
                "2026-11-26T12:00:00Z",
                "2026-11-26T22:30:00Z",
            ),
            (
                "Europe/Berlin",
                "08:00",
                "2026-11-26T12:00:00Z",
                "2026-11-27T07:00:00Z",
            ),
            (
                "Europe/Berlin",
                "00:00",
                "2026-11-26T12:00:00Z",
                "2026-11-26T23:00:00Z",
            ),
            (
                "Asia/Kathmandu",
                "08:00",
                "2026-11-26T02:15:00Z",
                "2026-11-27T02:15:00Z",
            ),
            // Skipped: at the jump. Repeated: the first time.
            (
                "Europe/Berlin",
                "02:30",
                "2026-03-28T12:00:00Z",
                "2026-03-29T01:00:00Z",
            ),
            (
                "Europe/Berlin",
                "02:30",
                "2026-10-24T12:00:00Z",
                "2026-10-25T00:30:00Z",
            ),
        ];
        for (zone, clock, now, expected) in cases {
            assert_eq!(next_in(zone, clock, now), expected, "{clock} {zone} after {now}");
        }
    }

    #[test]
    fn what_is_neither_a_time_nor_a_time_of_day_is_refused() {
        let at = Until::parse("2026-12-24T18:00:00+01:00").unwrap();
        assert_eq!(at, Until::At(ts("2026-12-24T17:00:00Z")));
        for wrong in [
            "",
            "tonight",
            "8:00",
            "24:00",
            "08:60",
            "08:00:00",
            "2026-12-24",
            "-1:00",
        ] {
            assert!(
                Until::parse(wrong)
                    .unwrap_err()
                    .starts_with("expected an RFC 3339"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn what_people_tell_lasts_31_days_at_the_most() {
        let now = ts("2026-11-26T12:00:00Z");
        for good in ["2026-11-26T12:00:01Z", "2026-12-27T12:00:00Z"] {
            assert_eq!(within_bounds(ts(good), now), Ok(ts(good)));
        }
        for wrong in [
            "2026-11-26T12:00:00Z",
            "2026-11-26T11:00:00Z",
            "2026-12-27T12:00:01Z",
        ] {
            let error = within_bounds(ts(wrong), now).unwrap_err();
            assert!(error.contains("by at most 31 days"), "{error}");
        }
    }

    #[test]
    fn how_long_it_lasts_is_said_in_hours_or_days() {
        let cases = [
            ("2h", 2),
            ("120m", 2),
            ("PT2H", 2),
            ("3d", 72),
            ("1d 12h", 36),
            ("1w", 168),
        ];
        for (text, hours) in cases {
            assert_eq!(lasting(text), Ok(SignedDuration::from_hours(hours)), "{text}");
        }
        for wrong in ["", "2", "soon", "-2h", "0h", "1 month"] {
            assert!(lasting(wrong).is_err(), "{wrong}");
        }
    }
}
