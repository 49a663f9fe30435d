//! What is said about a text that is wrong, and where.

use super::*;

/// A text, the part that is wrong (after a byte, where it is empty), and what was expected.
const BAD: &[(&str, Wrong, Rule)] = &[
    ("", Wrong::At(0), Rule::Span),
    ("office", Wrong::Text("office"), Rule::Span),
    ("-", Wrong::Text("-"), Rule::Span),
    ("Mon-Fri 08:00-20:00 UTC,", Wrong::At(24), Rule::Span),
    ("Mon-Fri 08:00-20:00 UTC, ,never", Wrong::At(25), Rule::Span),
    ("always or never", Wrong::Text("always"), Rule::Weekday),
    ("Monday-Fri 08:00-20:00 UTC", Wrong::Text("Monday"), Rule::Weekday),
    ("Mon-Friday 08:00-20:00 UTC", Wrong::Text("Friday"), Rule::Weekday),
    (
        "Mon-Fri-Sun 08:00-20:00 UTC",
        Wrong::Text("Fri-Sun"),
        Rule::Weekday,
    ),
    ("Mon-  08:00-20:00 UTC", Wrong::At(4), Rule::Weekday),
    ("Mon - Fri 08:00-20:00 UTC", Wrong::At(4), Rule::TimeOfDay),
    (
        "\u{17f}un-Mon 08:00-20:00 UTC",
        Wrong::Text("\u{17f}un"),
        Rule::Weekday,
    ),
    ("Mon 08:00-20:00 UTC", Wrong::Text("Mon"), Rule::WeekdayRange),
    ("Mon", Wrong::At(3), Rule::TimeRange),
    ("Mon-Fri", Wrong::At(7), Rule::TimeRange),
    ("Mon-Fri 08:00", Wrong::At(13), Rule::TimeRange),
    ("Mon-Fri 08:00 - 20:00 UTC", Wrong::At(13), Rule::TimeRange),
    ("Mon-Fri 8:00-20:00 UTC", Wrong::Text("8:00"), Rule::TimeOfDay),
    ("Mon-Fri 08:00-20:0 UTC", Wrong::Text("20:0"), Rule::TimeOfDay),
    ("Mon-Fri 08:00-20 UTC", Wrong::Text("20"), Rule::TimeOfDay),
    ("Mon-Fri 08.00-20.00 UTC", Wrong::Text("08.00"), Rule::TimeOfDay),
    ("Mon-Fri -08:00-20:00 UTC", Wrong::At(8), Rule::TimeOfDay),
    ("Mon-Fri 03:00-04-00 UTC", Wrong::Text("04-00"), Rule::TimeOfDay),
    ("Mon-Fri ٠٨:00-20:00 UTC", Wrong::Text("٠٨:00"), Rule::TimeOfDay),
    ("Mon-Fri 25:00-20:00 UTC", Wrong::Text("25:00"), Rule::Hour),
    ("Mon-Fri 08:00-26:00 UTC", Wrong::Text("26:00"), Rule::Hour),
    ("Mon-Fri 08:60-20:00 UTC", Wrong::Text("08:60"), Rule::Minute),
    ("Fri 20:00-Mon 24:01 UTC", Wrong::Text("24:01"), Rule::EndOfDay),
    ("Fri 20:00", Wrong::At(9), Rule::TimeRange),
    ("Fri 20-Mon 08:00 UTC", Wrong::Text("20"), Rule::TimeOfDay),
    ("Fri 20:00-Mon", Wrong::At(13), Rule::TimeOfDay),
    ("Fri 20:00-Mon UTC", Wrong::Text("UTC"), Rule::TimeOfDay),
    ("Fri 20:00-Mo 08:00 UTC", Wrong::Text("Mo"), Rule::Weekday),
    ("Fri 20:00-Mon 08:00", Wrong::At(19), Rule::NoZone),
    ("Mon-Fri 08:00-20:00", Wrong::At(19), Rule::NoZone),
    ("08:00-20:00 UTC", Wrong::At(0), Rule::NoWeekdays),
    ("never, 08:00-20:00", Wrong::At(7), Rule::NoWeekdays),
    (
        "Mon-Fri 08:00-20:00 Europe/Nowhere",
        Wrong::Text("Europe/Nowhere"),
        Rule::UnknownZone,
    ),
    ("Mon-Fri 08:00-20:00 CEST", Wrong::Text("CEST"), Rule::UnknownZone),
    (
        "Mon-Fri 08:00-20:00 Etc/Unknown",
        Wrong::Text("Etc/Unknown"),
        Rule::UnknownZone,
    ),
    ("Mon-Fri 08:00-20:00 Local", Wrong::Text("Local"), Rule::LocalZone),
    (
        "Mon-Fri 08:00-20:00 +01:00",
        Wrong::Text("+01:00"),
        Rule::ZoneName,
    ),
    (
        "Mon-Fri 08:00-20:00 Europe/Berlin daily",
        Wrong::Text("Europe/Berlin daily"),
        Rule::ZoneName,
    ),
    (
        "Mon-Fri 08:00-20:00 ../UTC",
        Wrong::Text("../UTC"),
        Rule::ZoneName,
    ),
    ("From 2026-11-23T08:00:00Z", Wrong::Text("From"), Rule::Direction),
    (
        "UNTIL-2026-11-23T08:00:00Z",
        Wrong::Text("UNTIL"),
        Rule::Direction,
    ),
    ("from", Wrong::At(4), Rule::Moment),
    ("until tomorrow", Wrong::Text("tomorrow"), Rule::Moment),
    (
        "from --2026-11-23T08:00:00Z",
        Wrong::Text("-2026-11-23T08:00:00Z"),
        Rule::Moment,
    ),
    (
        "from 2026-11-23T08:00:00Z - 2026-11-24T08:00:00Z",
        Wrong::Text("2026-11-23T08:00:00Z - 2026-11-24T08:00:00Z"),
        Rule::Moment,
    ),
    ("2026-11-23T08:00:00Z", Wrong::At(20), Rule::MomentRange),
    (
        "2026-11-23T08:00:00Z to 2026-11-24T08:00:00Z",
        Wrong::Text("to 2026-11-24T08:00:00Z"),
        Rule::MomentRange,
    ),
    (
        "2026-11-23T08:00:00Z\t- 2026-11-24T08:00:00Z",
        Wrong::Text("\t- 2026-11-24T08:00:00Z"),
        Rule::MomentRange,
    ),
    ("2026-11-23T08:00:00Z -", Wrong::At(22), Rule::Moment),
    (
        "2026-11-23T08:00:00 - 2026-11-24T08:00:00Z",
        Wrong::Text("2026-11-23T08:00:00 - 2026-11-24T08:00:00Z"),
        Rule::Moment,
    ),
    (
        "2026-07Z - 2026-07-29T16:00:00+02:00",
        Wrong::Text("2026-07Z - 2026-07-29T16:00:00+02:00"),
        Rule::Moment,
    ),
    (
        "2026-11-23t08:00:00z - 2026-11-24T08:00:00Z",
        Wrong::Text("2026-11-23t08:00:00z - 2026-11-24T08:00:00Z"),
        Rule::Moment,
    ),
    (
        "from 2026-02-29T08:00:00Z",
        Wrong::Text("2026-02-29T08:00:00Z"),
        Rule::Calendar,
    ),
    (
        "from 2026-13-01T08:00:00Z",
        Wrong::Text("2026-13-01T08:00:00Z"),
        Rule::Calendar,
    ),
    (
        "from 2026-11-23T24:00:00Z",
        Wrong::Text("2026-11-23T24:00:00Z"),
        Rule::Clock,
    ),
    (
        "from 2026-11-23T08:00:60Z",
        Wrong::Text("2026-11-23T08:00:60Z"),
        Rule::Clock,
    ),
    (
        "from 2026-11-23T08:00:00+25:00",
        Wrong::Text("2026-11-23T08:00:00+25:00"),
        Rule::Offset,
    ),
];

/// What is wrong in a text.
#[derive(Debug)]
enum Wrong {
    /// These characters.
    Text(&'static str),
    /// Something is missing at this byte.
    At(usize),
}

fn check(error: &SpanError, text: &str, wrong: &Wrong, rule: &Rule) {
    assert_eq!(error.text(), text);
    assert_eq!(error.rule(), rule, "{text:?}: {error}");
    let place = match wrong {
        Wrong::Text(value) => {
            let start = text.find(value).unwrap();
            start..start + value.len()
        }
        Wrong::At(byte) => *byte..*byte,
    };
    assert_eq!(error.place(), place, "{text:?}: {error}");
}

#[test]
fn what_is_no_span_is_an_error_with_its_place_and_the_rule() {
    for (text, wrong, rule) in BAD {
        let error = Spans::parse(text, &Defaults::default()).unwrap_err();
        check(&error, text, wrong, rule);
    }
}

#[test]
fn one_bad_element_fails_the_whole_list() {
    for (bad, _, _) in BAD {
        let text = format!("always, {bad}");
        assert!(Spans::parse(&text, &Defaults::default()).is_err(), "{text}");
    }
}

#[test]
fn a_zone_in_other_letters_is_an_error_that_names_it() {
    let text = "Mon-Fri 08:00-20:00 europe/berlin";
    let error = Spans::parse(text, &Defaults::default()).unwrap_err();
    assert_eq!(error.rule(), &Rule::ZoneCase("Europe/Berlin".to_owned()));
    for (name, proper) in [
        ("utc", "UTC"),
        ("America/new_york", "America/New_York"),
        ("gb", "GB"),
    ] {
        assert_eq!(
            Zone::parse(name).unwrap_err().rule(),
            &Rule::ZoneCase(proper.to_owned()),
            "{name}"
        );
    }
}

#[test]
fn an_error_is_one_line_that_names_the_value_and_what_was_expected() {
    let cases = [
        ("nightly", r#""nightly": expected a time span such as"#),
        (
            "Mon-Fri 08:00-20:00 Europe/Nowhere",
            r#""Europe/Nowhere" in "Mon-Fri 08:00-20:00 Europe/Nowhere": expected a time zone of the IANA database"#,
        ),
        (
            "Mon-Fri 08:00-20:00",
            r#"at the end of "Mon-Fri 08:00-20:00": expected a time zone such as Europe/Berlin, since no default is configured"#,
        ),
        (
            "08:00-20:00 UTC",
            r#"at the beginning of "08:00-20:00 UTC": expected weekdays"#,
        ),
        (
            "never,,always",
            r#"after "never," in "never,,always": expected a time span"#,
        ),
        (
            "Mon-Fri\n8-20 UTC",
            r#""8" in "Mon-Fri\n8-20 UTC": expected a time of day"#,
        ),
    ];
    for (text, expected) in cases {
        let line = Spans::parse(text, &Defaults::default()).unwrap_err().to_string();
        assert!(line.starts_with(expected), "{line}");
        assert_eq!(line.lines().count(), 1, "{line}");
    }
}

#[test]
fn the_place_is_marked_by_characters_and_not_by_bytes() {
    let cases = [
        ("Mon-Fry 08:00-20:00 UTC", "Mon-Fry 08:00-20:00 UTC\n    ^^^"),
        ("Mon-Fri 08:00-20:00", "Mon-Fri 08:00-20:00\n                   ^"),
        ("", "\n^"),
        ("Mon-Fri ٠٨:00-20:00", "Mon-Fri ٠٨:00-20:00\n        ^^^^^"),
        ("never,\n nö", "never,  nö\n        ^^"),
    ];
    for (text, marked) in cases {
        assert_eq!(
            Spans::parse(text, &Defaults::default()).unwrap_err().marked(),
            marked
        );
    }
}

#[test]
fn what_are_no_weekdays_is_an_error() {
    let cases = [
        ("", Wrong::At(0), Rule::Weekday),
        ("Mon", Wrong::Text("Mon"), Rule::WeekdayRange),
        ("weekend", Wrong::Text("weekend"), Rule::Weekday),
        ("Mon-Fr", Wrong::Text("Fr"), Rule::Weekday),
        ("Mon - Fri", Wrong::Text("Mon "), Rule::Weekday),
    ];
    for (text, wrong, rule) in cases {
        check(&Weekdays::parse(text).unwrap_err(), text, &wrong, &rule);
    }
}

#[test]
fn what_are_no_holidays_is_an_error() {
    let cases = [
        ("christmas", Wrong::Text("christmas"), Rule::Date),
        ("2026-12-25,", Wrong::At(11), Rule::Date),
        ("2026-12-5", Wrong::Text("2026-12-5"), Rule::Date),
        (
            "2026-12-25, 2026-12-32",
            Wrong::Text("2026-12-32"),
            Rule::Calendar,
        ),
        ("2026-02-29", Wrong::Text("2026-02-29"), Rule::Calendar),
        ("2026-12-25..", Wrong::At(12), Rule::Date),
        (
            "2026-12-25..2026-12-24",
            Wrong::Text("2026-12-25..2026-12-24"),
            Rule::DateOrder,
        ),
        ("2026-12-25...2026-12-26", Wrong::Text(".2026-12-26"), Rule::Date),
        ("2026-12-2é", Wrong::Text("2026-12-2é"), Rule::Date),
    ];
    for (text, wrong, rule) in cases {
        check(&Holidays::parse(text).unwrap_err(), text, &wrong, &rule);
    }
}

#[test]
fn what_is_wrong_with_a_deployment_is_said_with_the_entry() {
    let cases = [
        (
            Context::parse(Some("Berlin"), None, "", ""),
            r#"default time zone: "Berlin": expected a time zone"#,
        ),
        (
            Context::parse(None, Some("Mon"), "", ""),
            r#"default weekdays: "Mon": expected two weekdays"#,
        ),
        (
            Context::parse(None, None, "", "soon"),
            r#"holidays: "soon": expected a date"#,
        ),
        (
            Context::parse(None, None, "office=always; lab=Mon-Fry 08:00-20:00 UTC", ""),
            r#"schedule lab: "Fry" in "office=always; lab=Mon-Fry 08:00-20:00 UTC": expected a weekday"#,
        ),
        (
            Context::parse(None, None, "lab=down:08:00-20:00 UTC", ""),
            r#"schedule lab: after "lab=down:" in "lab=down:08:00-20:00 UTC": expected weekdays"#,
        ),
        (
            Context::parse(None, None, "office", ""),
            r#"schedules: "office": expected `name=spans`"#,
        ),
        (
            Context::parse(None, None, "Mon-Fri 08:00=x", ""),
            r#"schedules: "Mon-Fri 08:00" in "#,
        ),
        (
            Context::parse(None, None, "never=always", ""),
            r#"schedules: "never" in "never=always": expected a name"#,
        ),
        (
            Context::parse(None, None, "=always", ""),
            r#"schedules: at the beginning of "=always": expected a name"#,
        ),
        (
            Context::parse(None, None, "a=always;a=never", ""),
            r#"schedules: "a" in "a=always;a=never": expected each"#,
        ),
    ];
    for (result, expected) in cases {
        let error = result.unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
        assert_eq!(error.span_error().marked().lines().count(), 2);
    }
}
