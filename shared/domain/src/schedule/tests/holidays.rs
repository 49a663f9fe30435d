//! What holidays change.

use super::*;

/// A Monday at noon and at night.
const NOON: &str = "2026-11-23T12:00:00Z";
const NIGHT: &str = "2026-11-23T22:00:00Z";
const UPTIME: (&str, &str) = ("uptime", "Mon-Fri 08:00-20:00 UTC");

#[test]
fn holidays_change_schedules_that_recur_and_nothing_else() {
    use State::{Any, Down, Up};
    let holidays = Holidays::parse("2026-11-23").unwrap();
    let cases: &[(Values<'_>, (State, State))] = &[
        (&[UPTIME], (Down, Down)),
        (&[("uptime", "Sun 08:00-Tue 20:00 UTC")], (Down, Down)),
        (&[("uptime", "always")], (Up, Up)),
        (
            &[("uptime", "2026-11-20T00:00:00Z-2026-11-25T00:00:00Z")],
            (Up, Up),
        ),
        (
            &[("uptime", "Mon-Fri 08:00-20:00 UTC, from 2026-11-23T20:00:00Z")],
            (Down, Up),
        ),
        (&[("downtime", "Mon-Fri 20:00-08:00 UTC")], (Down, Down)),
        (&[("downtime", "Fri 20:00-Mon 08:00 UTC")], (Down, Down)),
        (&[("downtime", "never")], (Up, Up)),
        (&[("downtime", "until 2026-11-23T20:00:00Z")], (Down, Up)),
        (&[("upscale-period", "Mon-Mon 08:00-20:00 UTC")], (Any, Any)),
        (&[("downscale-period", "Tue-Tue 20:00-22:00 UTC")], (Down, Down)),
        (&[UPTIME, ("force-uptime", "Mon-Mon 11:00-13:00 UTC")], (Up, Down)),
        (
            &[
                ("uptime", "always"),
                ("force-downtime", "Tue-Tue 11:00-13:00 UTC"),
            ],
            (Up, Up),
        ),
        (&[UPTIME, ("exclude", "Mon-Mon 11:00-13:00 UTC")], (Any, Down)),
    ];
    for (values, expected) in cases {
        let rules = rules(values);
        let decide = |instant| desired(&rules, &holidays, at(instant)).state;
        assert_eq!((decide(NOON), decide(NIGHT)), *expected, "{values:?}");
    }
}

#[test]
fn a_holiday_is_the_date_in_the_spans_own_zone() {
    let holidays = Holidays::parse("2026-11-23").unwrap();
    let tokyo = rules(&[("uptime", "Mon-Sun 00:00-24:00 Asia/Tokyo")]);
    let down = [
        ("2026-11-22T15:00:00Z", State::Down),
        ("2026-11-23T15:00:00Z", State::Up),
    ];
    let found = changes(&tokyo, &holidays, "2026-11-20T00:00:00Z", "2026-11-27T00:00:00Z");
    assert_eq!(found, down.map(|(at, state)| (at.to_owned(), state)));
}

#[test]
fn holidays_are_dates_and_ranges_of_them() {
    use jiff::civil::date;
    let holidays = Holidays::parse(" 2026-12-25 ,2026-12-30 .. 2027-01-01,2026-12-24..2026-12-26").unwrap();
    let days = [
        (23, false),
        (24, true),
        (25, true),
        (26, true),
        (27, false),
        (29, false),
        (30, true),
        (31, true),
    ];
    for (day, expected) in days {
        assert_eq!(holidays.contains(date(2026, 12, day)), expected, "{day}");
    }
    assert!(holidays.contains(date(2027, 1, 1)) && !holidays.contains(date(2027, 1, 2)));
    assert!(Holidays::parse("  ").unwrap().is_empty());
}
