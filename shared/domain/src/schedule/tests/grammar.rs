//! What a list of spans means.

use super::*;

/// A text and instants inside and outside it.
type Case = (&'static str, &'static [&'static str], &'static [&'static str]);

/// 2026-11-23 is a Monday, and Berlin is an hour ahead of UTC.
const CASES: &[Case] = &[
    (
        "Mon-Fri 08:00-20:00 Europe/Berlin",
        &["2026-11-23T07:00:00Z", "2026-11-27T18:59:59.999Z"],
        &[
            "2026-11-23T06:59:59.999Z",
            "2026-11-27T19:00:00Z",
            "2026-11-28T12:00:00Z",
        ],
    ),
    // In letters of any case, with any blanks before the time and the zone.
    (
        "mON-FRI\t08:00-20:00  \n UTC",
        &["2026-11-23T08:00:00Z"],
        &["2026-11-23T20:00:00Z"],
    ),
    // A range of weekdays may wrap, and be of one day.
    (
        "Fri-Mon 08:00-20:00 UTC",
        &[
            "2026-11-27T12:00:00Z",
            "2026-11-28T12:00:00Z",
            "2026-11-29T12:00:00Z",
            "2026-11-30T12:00:00Z",
        ],
        &["2026-11-24T12:00:00Z", "2026-11-26T12:00:00Z"],
    ),
    (
        "Sat-Sun 00:00-24:00 UTC",
        &["2026-11-28T00:00:00Z", "2026-11-29T23:59:59Z"],
        &["2026-11-27T23:59:59Z", "2026-11-30T00:00:00Z"],
    ),
    (
        "Sun-Mon 00:00-24:00 UTC",
        &["2026-11-29T12:00:00Z", "2026-11-30T12:00:00Z"],
        &["2026-12-01T12:00:00Z"],
    ),
    (
        "Mon-Mon 08:00-20:00 UTC",
        &["2026-11-23T12:00:00Z"],
        &["2026-11-24T12:00:00Z", "2026-11-29T12:00:00Z"],
    ),
    (
        "Tue-Mon 08:00-20:00 UTC",
        &[
            "2026-11-23T12:00:00Z",
            "2026-11-24T12:00:00Z",
            "2026-11-29T12:00:00Z",
        ],
        &["2026-11-23T07:00:00Z"],
    ),
    // Equal times never match.
    (
        "Mon-Sun 08:00-08:00 UTC",
        &[],
        &[
            "2026-11-23T08:00:00Z",
            "2026-11-23T07:59:59Z",
            "2026-11-23T00:00:00Z",
        ],
    ),
    // At 24:00 the day is over; 00:00 is its beginning, so that this one is reversed and reaches the day's end.
    (
        "Mon-Tue 20:00-24:00 UTC",
        &["2026-11-24T23:59:59Z"],
        &["2026-11-25T00:00:00Z", "2026-11-23T00:00:00Z"],
    ),
    (
        "Mon-Tue 20:00-00:00 UTC",
        &["2026-11-24T23:59:59Z"],
        &["2026-11-25T00:00:00Z", "2026-11-23T00:00:00Z"],
    ),
    (
        "Mon-Sun 24:00-00:00 UTC",
        &[],
        &["2026-11-23T00:00:00Z", "2026-11-23T12:00:00Z"],
    ),
    // No clock shows 24:30. Go takes it all the same, as the end of the day, and so do we.
    (
        "Mon-Mon 20:00-24:30 UTC",
        &["2026-11-23T23:59:59Z"],
        &["2026-11-24T00:00:00Z", "2026-11-24T00:15:00Z"],
    ),
    (
        "Mon-Mon 24:30-24:00 UTC",
        &["2026-11-23T00:00:00Z", "2026-11-23T23:59:59Z"],
        &["2026-11-24T00:00:00Z"],
    ),
    // Points in time, whose order is that of the text.
    (
        "2026-11-23T08:00:00+01:00 - 2026-11-23T16:00:00Z",
        &["2026-11-23T07:00:00Z", "2026-11-23T15:59:59.9Z"],
        &["2026-11-23T06:59:59Z", "2026-11-23T16:00:00Z"],
    ),
    (
        "2026-11-23T08:00:00Z-2026-11-23T16:00:00Z",
        &["2026-11-23T08:00:00Z"],
        &["2026-11-23T16:00:00Z"],
    ),
    (
        "2026-11-23T08:00:00-05:00  -\t2026-11-23T09:00:00-05:00",
        &["2026-11-23T13:30:00Z"],
        &["2026-11-23T08:30:00Z"],
    ),
    (
        "2026-11-24T00:00:00Z-2026-11-23T00:00:00Z",
        &[],
        &["2026-11-23T12:00:00Z", "2026-11-24T00:00:00Z"],
    ),
    // Go reads an hour of one digit, fractions, and offsets up to 24 hours and 60 minutes.
    (
        "2026-11-23T8:00:00.5Z-2026-11-23T16:00:00Z",
        &["2026-11-23T08:00:00.5Z"],
        &["2026-11-23T08:00:00.4Z"],
    ),
    (
        "from 2026-11-24T01:00:00+24:60",
        &["2026-11-23T00:00:00Z"],
        &["2026-11-22T23:59:59Z"],
    ),
    (
        "from 2026-11-23T00:00:00.1234567899Z",
        &["2026-11-23T00:00:00.123456789Z"],
        &["2026-11-23T00:00:00.123456788Z"],
    ),
    // Directions, with white space, a dash or nothing after the word.
    (
        "from 2026-11-23T08:00:00Z",
        &["2026-11-23T08:00:00Z", "2030-01-01T00:00:00Z"],
        &["2026-11-23T07:59:59Z"],
    ),
    (
        "from2026-11-23T08:00:00Z",
        &["2026-11-23T08:00:00Z"],
        &["2026-11-23T07:59:59Z"],
    ),
    (
        "from-2026-11-23T08:00:00Z",
        &["2026-11-23T08:00:00Z"],
        &["2026-11-23T07:59:59Z"],
    ),
    (
        "from\t-  2026-11-23T08:00:00Z",
        &["2026-11-23T08:00:00Z"],
        &["2026-11-23T07:59:59Z"],
    ),
    (
        "until 2026-11-23T08:00:00Z",
        &["2026-11-23T07:59:59Z", "1990-01-01T00:00:00Z"],
        &["2026-11-23T08:00:00Z"],
    ),
    (
        "until - 2026-11-23T08:00:00-01:00",
        &["2026-11-23T08:59:59Z"],
        &["2026-11-23T09:00:00Z"],
    ),
    (
        "until 9999-12-31T23:59:59Z",
        &["2026-11-23T08:00:00Z", "9999-12-30T00:00:00Z"],
        &[],
    ),
    // Words.
    ("always", &["2026-11-23T08:00:00Z"], &[]),
    ("TRUE", &["2026-11-23T08:00:00Z"], &[]),
    ("Never", &[], &["2026-11-23T08:00:00Z"]),
    ("false", &[], &["2026-11-23T08:00:00Z"]),
    // Lists match where an element does.
    (
        " Mon-Mon 08:00-09:00 UTC ,Tue-Tue 08:00-09:00 Asia/Tokyo,\nnever",
        &["2026-11-23T08:30:00Z", "2026-11-23T23:30:00Z"],
        &["2026-11-24T08:30:00Z"],
    ),
    // Once a week, from here to there. White space may stand around the dash.
    (
        "Fri 20:00-Mon 08:00 Europe/Berlin",
        &[
            "2026-11-27T19:00:00Z",
            "2026-11-29T12:00:00Z",
            "2026-11-30T06:59:59Z",
        ],
        &[
            "2026-11-27T18:59:59Z",
            "2026-11-30T07:00:00Z",
            "2026-11-26T12:00:00Z",
        ],
    ),
    (
        "sat 18:00 - sun 06:00 UTC",
        &["2026-11-28T18:00:00Z"],
        &["2026-11-29T06:00:00Z", "2026-11-27T20:00:00Z"],
    ),
    (
        "Mon 08:00-Mon 20:00 UTC",
        &["2026-11-23T08:00:00Z"],
        &["2026-11-23T20:00:00Z", "2026-11-24T12:00:00Z"],
    ),
    (
        "Mon 20:00-Mon 08:00 UTC",
        &[
            "2026-11-23T07:59:59Z",
            "2026-11-23T20:00:00Z",
            "2026-11-25T12:00:00Z",
            "2026-11-29T12:00:00Z",
        ],
        &["2026-11-23T08:00:00Z", "2026-11-23T19:59:59Z"],
    ),
    (
        "Mon 08:00-Mon 08:00 UTC",
        &[],
        &["2026-11-23T08:00:00Z", "2026-11-25T08:00:00Z"],
    ),
    (
        "Sun 24:00-Tue 00:00 UTC",
        &["2026-11-23T00:00:00Z", "2026-11-23T23:59:59Z"],
        &["2026-11-24T00:00:00Z"],
    ),
    (
        "Sun 24:00-Mon 00:00 UTC",
        &[],
        &[
            "2026-11-22T23:59:59Z",
            "2026-11-23T00:00:00Z",
            "2026-11-25T00:00:00Z",
        ],
    ),
    (
        "Fri 00:00-Sun 24:00 UTC",
        &["2026-11-29T23:59:59Z"],
        &["2026-11-30T00:00:00Z", "2026-11-26T23:59:59Z"],
    ),
];

#[test]
fn each_form_matches_from_its_first_instant_to_its_last() {
    for (text, inside, outside) in CASES {
        let spans = spans(text);
        for instant in *inside {
            assert!(spans.contains(at(instant)), "{text}: {instant} is inside");
        }
        for instant in *outside {
            assert!(!spans.contains(at(instant)), "{text}: {instant} is outside");
        }
    }
}

#[test]
fn what_a_span_leaves_out_is_taken_from_the_defaults() {
    let context = Context::parse(Some("Europe/Berlin"), Some("Fri-Mon"), "", "").unwrap();
    let cases = [
        ("08:00-20:00", "Fri-Mon 08:00-20:00 Europe/Berlin"),
        ("08:00-20:00 UTC", "Fri-Mon 08:00-20:00 UTC"),
        ("Tue-Wed 08:00-20:00", "Tue-Wed 08:00-20:00 Europe/Berlin"),
        ("Tue 08:00-Wed 20:00", "Tue 08:00-Wed 20:00 Europe/Berlin"),
    ];
    let week = at("2026-11-23T00:00:00Z");
    for (short, long) in cases {
        let (short, long) = (Spans::parse(short, &context.defaults).unwrap(), spans(long));
        for hour in 0..7 * 24 {
            let instant = week + jiff::SignedDuration::from_hours(hour);
            assert_eq!(
                short.contains(instant),
                long.contains(instant),
                "{short} at {instant}"
            );
        }
    }
}

#[test]
fn a_list_keeps_its_text() {
    assert_eq!(
        spans("  Mon-Fri 08:00-20:00 UTC,never ").to_string(),
        "Mon-Fri 08:00-20:00 UTC,never"
    );
}

#[test]
fn the_ends_of_time_are_instants_like_others() {
    let texts = [
        "Mon-Sun 00:00-24:00 Pacific/Kiritimati",
        "Mon-Sun 20:00-08:00 Pacific/Pago_Pago",
        "Fri 20:00-Mon 08:00 UTC",
    ];
    for text in texts {
        let spans = spans(text);
        for instant in [Timestamp::MIN, Timestamp::MAX] {
            let _ = spans.contains(instant);
        }
        let rules = rules(&[("uptime", text)]);
        let holidays = Holidays::parse("0000-01-01..9999-12-31").unwrap();
        for instant in [Timestamp::MIN, Timestamp::MAX] {
            assert!(!desired(&rules, &Holidays::default(), instant).reason.is_empty());
            assert_eq!(edges(&rules, &holidays, instant, instant), []);
            assert!(!was_up_between(&rules, &holidays, instant, instant));
        }
    }
}

#[test]
fn weekdays_are_written_as_they_are_read() {
    for text in ["Mon-Fri", "Fri-Mon", "Sun-Sun", "Thu-Wed", "Sat-Tue"] {
        assert_eq!(Weekdays::parse(text).unwrap().to_string(), text);
    }
    assert_eq!(Weekdays::parse(" mON-fRI ").unwrap().to_string(), "Mon-Fri");
}
