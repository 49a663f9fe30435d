//! When decisions change.

use jiff::SignedDuration;

use super::*;

#[test]
fn an_edge_tells_what_changes_why_and_what_is_unusual_about_the_day() {
    let holidays = Holidays::parse("2026-03-27").unwrap();
    let rules = rules(&[("uptime", "Fri-Sun 08:00-20:00 Europe/Berlin")]);
    let found = super::super::edges(
        &rules,
        &holidays,
        at("2026-03-27T00:00:00Z"),
        at("2026-03-29T06:00:00Z"),
    );
    let berlin = Zone::parse("Europe/Berlin").unwrap();
    let dst = Mark::Dst {
        zone: berlin,
        at: at("2026-03-29T01:00:00Z"),
        before: jiff::tz::offset(1),
        after: jiff::tz::offset(2),
    };
    let expected = [
        (
            "2026-03-28T07:00:00Z",
            State::Down,
            State::Up,
            "inside",
            "2026-03-28T19:00:00Z",
            vec![],
        ),
        (
            "2026-03-28T19:00:00Z",
            State::Up,
            State::Down,
            "outside",
            "2026-03-29T06:00:00Z",
            vec![],
        ),
        (
            "2026-03-29T06:00:00Z",
            State::Down,
            State::Up,
            "inside",
            "2026-03-29T18:00:00Z",
            vec![dst],
        ),
    ];
    let expected = expected.map(|(instant, from, to, side, until, marks)| Edge {
        at: at(instant),
        from,
        to,
        reason: format!(
            "{side} uptime Fri-Sun 08:00-20:00 Europe/Berlin of deployment shop/web until {until}"
        ),
        marks,
    });
    assert_eq!(found, expected);
}

#[test]
fn an_edge_at_a_holidays_midnight_carries_its_date() {
    let holidays = Holidays::parse("2026-11-25").unwrap();
    let rules = rules(&[
        ("downtime", "Sat-Sun 00:00-24:00 UTC"),
        ("force-downtime", "Mon-Mon 01:00-02:00 UTC"),
    ]);
    let found = super::super::edges(
        &rules,
        &holidays,
        at("2026-11-24T00:00:00Z"),
        at("2026-11-26T00:00:00Z"),
    );
    let date = jiff::civil::date(2026, 11, 25);
    assert_eq!(
        found.iter().map(|edge| edge.to).collect::<Vec<_>>(),
        [State::Down, State::Up]
    );
    assert_eq!(found[0].marks, [Mark::Holiday(date)]);
    assert_eq!(found[1].marks, []);
}

#[test]
fn an_edge_says_until_when_it_is_the_reason_though_the_state_lasts() {
    let rules = rules(&[
        ("uptime", "Mon-Fri 08:00-20:00 UTC"),
        ("force-uptime", "Thu-Thu 18:00-22:00 UTC"),
    ]);
    let none = Holidays::default();
    let found = super::super::edges(
        &rules,
        &none,
        at("2026-11-26T00:00:00Z"),
        at("2026-11-26T23:00:00Z"),
    );
    let ends = found
        .iter()
        .map(|edge| (edge.at.to_string(), edge.reason.rsplit(' ').next().unwrap()));
    let expected = [
        ("2026-11-26T08:00:00Z", "2026-11-26T18:00:00Z"),
        ("2026-11-26T22:00:00Z", "2026-11-27T08:00:00Z"),
    ];
    assert!(
        ends.eq(expected.map(|(at, until)| (at.to_owned(), until))),
        "{found:#?}"
    );
}

#[test]
fn edges_are_looked_for_after_the_first_instant_and_up_to_the_last() {
    let rules = rules(&[("uptime", "Mon-Fri 08:00-20:00 UTC")]);
    let none = Holidays::default();
    let found = |from, to| changes(&rules, &none, from, to).len();
    assert_eq!(found("2026-11-23T08:00:00Z", "2026-11-23T20:00:00Z"), 1);
    assert_eq!(found("2026-11-23T07:59:59Z", "2026-11-23T19:59:59Z"), 1);
    assert_eq!(found("2026-11-23T08:00:00Z", "2026-11-23T19:59:59.999999999Z"), 0);
    assert_eq!(found("2026-11-23T20:00:00Z", "2026-11-23T08:00:00Z"), 0);
}

#[test]
fn days_that_meet_at_midnight_have_no_edge_between_them() {
    let none = Holidays::default();
    let found = |values: &[(&str, &str)]| {
        changes(
            &rules(values),
            &none,
            "2026-11-23T12:00:00Z",
            "2026-11-27T12:00:00Z",
        )
    };
    assert_eq!(found(&[("uptime", "Mon-Sun 00:00-24:00 UTC")]), []);
    assert_eq!(found(&[("downtime", "Mon-Sun 20:00-08:00 UTC")]).len(), 8);
    assert_eq!(
        found(&[("uptime", "Mon-Mon 08:00-24:00 UTC, Tue-Tue 00:00-20:00 UTC")]).len(),
        1
    );
}

#[test]
fn something_was_up_if_it_was_at_any_instant_after_the_first() {
    let rules = rules(&[(
        "uptime",
        "Mon-Fri 08:00-20:00 UTC, 2026-11-28T12:00:00Z-2026-11-28T12:00:00.000000001Z",
    )]);
    let none = Holidays::default();
    let cases = [
        ("2026-11-23T00:00:00Z", "2026-11-23T07:59:59Z", false),
        ("2026-11-23T00:00:00Z", "2026-11-23T08:00:00Z", true),
        ("2026-11-23T12:00:00Z", "2026-11-23T12:00:00Z", false),
        ("2026-11-23T12:00:00Z", "2026-11-23T12:00:01Z", true),
        ("2026-11-23T19:59:59.999999999Z", "2026-11-24T07:00:00Z", false),
        ("2026-11-23T19:59:59.999999998Z", "2026-11-24T07:00:00Z", true),
        ("2026-11-23T20:00:00Z", "2026-11-25T20:00:00Z", true),
        ("2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z", true),
        ("2026-11-28T12:00:00Z", "2026-11-29T00:00:00Z", false),
        ("2026-11-24T12:00:00Z", "2026-11-23T12:00:00Z", false),
    ];
    for (from, to, expected) in cases {
        assert_eq!(
            was_up_between(&rules, &none, at(from), at(to)),
            expected,
            "{from} to {to}"
        );
    }
}

#[test]
fn the_marks_of_a_calendar_are_there_without_edges() {
    let holidays = Holidays::parse("2026-10-24..2026-10-26, 2026-12-25").unwrap();
    let rules = rules(&[(
        "uptime",
        "Mon-Fri 08:00-20:00 Europe/Berlin, Mon-Fri 08:00-20:00 UTC",
    )]);
    let found = marks(
        &rules,
        &holidays,
        at("2026-10-24T22:00:00Z"),
        at("2026-10-27T00:00:00Z"),
    );
    let shown: Vec<String> = found
        .iter()
        .map(|mark| serde_json::to_string(mark).unwrap())
        .collect();
    assert_eq!(
        shown,
        [
            r#"{"dst":{"zone":"Europe/Berlin","at":"2026-10-25T01:00:00Z","before":"+02","after":"+01"}}"#,
            r#"{"holiday":"2026-10-24"}"#,
            r#"{"holiday":"2026-10-25"}"#,
            r#"{"holiday":"2026-10-26"}"#,
        ]
    );
}

#[test]
fn a_calendar_of_years_is_found_at_once() {
    let values = [
        ("uptime", "Mon-Fri 08:00-20:00 Europe/Berlin"),
        ("force-downtime", "Fri 22:00-Mon 06:00 America/New_York"),
    ];
    let (rules, holidays) = (rules(&values), Holidays::parse("2026-12-24..2027-01-01").unwrap());
    let start = at("2026-11-26T00:00:00Z");
    let found = super::super::edges(
        &rules,
        &holidays,
        start,
        start + SignedDuration::from_hours(24 * 365),
    );
    assert!(
        found.is_sorted_by(|one, next| one.at < next.at && one.to == next.from),
        "{found:#?}"
    );
    // 52 weeks of five days less the holidays, a Friday's and a Monday's edges being those of the override.
    assert_eq!(found.len(), 2 * 254);
}
