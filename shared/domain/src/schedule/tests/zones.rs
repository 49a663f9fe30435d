//! Where a wall clock's time is an instant.

use jiff::civil::{date, datetime};

use super::*;

fn zone(name: &str) -> Zone {
    Zone::parse(name).unwrap()
}

#[test]
fn a_clocks_time_is_its_first_instant_or_the_jump_over_it() {
    let cases = [
        (
            "Europe/Berlin",
            datetime(2026, 11, 26, 8, 0, 0, 0),
            "2026-11-26T07:00:00Z",
        ),
        // Skipped from 02:00 to 03:00, and repeated.
        (
            "Europe/Berlin",
            datetime(2026, 3, 29, 1, 59, 0, 0),
            "2026-03-29T00:59:00Z",
        ),
        (
            "Europe/Berlin",
            datetime(2026, 3, 29, 2, 0, 0, 0),
            "2026-03-29T01:00:00Z",
        ),
        (
            "Europe/Berlin",
            datetime(2026, 3, 29, 2, 59, 0, 0),
            "2026-03-29T01:00:00Z",
        ),
        (
            "Europe/Berlin",
            datetime(2026, 3, 29, 3, 0, 0, 0),
            "2026-03-29T01:00:00Z",
        ),
        (
            "Europe/Berlin",
            datetime(2026, 10, 25, 2, 0, 0, 0),
            "2026-10-25T00:00:00Z",
        ),
        (
            "Europe/Berlin",
            datetime(2026, 10, 25, 2, 59, 0, 0),
            "2026-10-25T00:59:00Z",
        ),
        (
            "Europe/Berlin",
            datetime(2026, 10, 25, 3, 0, 0, 0),
            "2026-10-25T02:00:00Z",
        ),
        // Half an hour.
        (
            "Australia/Lord_Howe",
            datetime(2026, 10, 4, 2, 15, 0, 0),
            "2026-10-03T15:30:00Z",
        ),
        (
            "Australia/Lord_Howe",
            datetime(2026, 10, 4, 2, 30, 0, 0),
            "2026-10-03T15:30:00Z",
        ),
        (
            "Australia/Lord_Howe",
            datetime(2026, 4, 5, 1, 45, 0, 0),
            "2026-04-04T14:45:00Z",
        ),
        (
            "Australia/Lord_Howe",
            datetime(2026, 4, 5, 2, 0, 0, 0),
            "2026-04-04T15:30:00Z",
        ),
        (
            "Asia/Kathmandu",
            datetime(2026, 11, 26, 0, 0, 0, 0),
            "2026-11-25T18:15:00Z",
        ),
        // The day begins at 01:00.
        (
            "Africa/Cairo",
            datetime(2026, 4, 24, 0, 30, 0, 0),
            "2026-04-23T22:00:00Z",
        ),
        (
            "America/Santiago",
            datetime(2026, 9, 6, 0, 0, 0, 0),
            "2026-09-06T04:00:00Z",
        ),
        // The day's last hour comes twice.
        (
            "Africa/Cairo",
            datetime(2026, 10, 29, 23, 30, 0, 0),
            "2026-10-29T20:30:00Z",
        ),
        (
            "Africa/Cairo",
            datetime(2026, 10, 30, 0, 0, 0, 0),
            "2026-10-29T22:00:00Z",
        ),
        (
            "America/Santiago",
            datetime(2026, 4, 4, 23, 0, 0, 0),
            "2026-04-05T02:00:00Z",
        ),
        (
            "America/Santiago",
            datetime(2026, 4, 5, 0, 0, 0, 0),
            "2026-04-05T04:00:00Z",
        ),
        // A whole day was left out.
        (
            "Pacific/Apia",
            datetime(2011, 12, 30, 12, 0, 0, 0),
            "2011-12-30T10:00:00Z",
        ),
        (
            "Pacific/Apia",
            datetime(2011, 12, 31, 0, 0, 0, 0),
            "2011-12-30T10:00:00Z",
        ),
        // Midnight came twice: clocks went back from 00:01 to 23:01.
        (
            "America/St_Johns",
            datetime(2010, 11, 7, 0, 0, 0, 0),
            "2010-11-07T02:30:00Z",
        ),
        (
            "America/St_Johns",
            datetime(2010, 11, 7, 0, 1, 0, 0),
            "2010-11-07T03:31:00Z",
        ),
    ];
    for (name, clock, expected) in cases {
        assert_eq!(zone(name).instant(clock), at(expected), "{clock} in {name}");
    }
}

#[test]
fn an_instant_belongs_to_the_day_that_began_last() {
    let cases = [
        ("Europe/Berlin", "2026-11-25T22:59:59Z", date(2026, 11, 25)),
        ("Europe/Berlin", "2026-11-25T23:00:00Z", date(2026, 11, 26)),
        ("Africa/Cairo", "2026-04-23T21:59:59Z", date(2026, 4, 23)),
        ("Africa/Cairo", "2026-04-23T22:00:00Z", date(2026, 4, 24)),
        // The second 23:30 of the day.
        ("Africa/Cairo", "2026-10-29T21:30:00Z", date(2026, 10, 29)),
        ("Pacific/Apia", "2011-12-30T09:59:59Z", date(2011, 12, 29)),
        ("Pacific/Apia", "2011-12-30T10:00:00Z", date(2011, 12, 31)),
        // 00:00, and 23:30 an hour later, when the clock shows the old date once more.
        ("America/St_Johns", "2010-11-07T02:30:00Z", date(2010, 11, 7)),
        ("America/St_Johns", "2010-11-07T03:00:00Z", date(2010, 11, 7)),
        ("America/St_Johns", "2010-11-07T02:29:59Z", date(2010, 11, 6)),
    ];
    for (name, instant, expected) in cases {
        assert_eq!(zone(name).day_of(at(instant)), expected, "{instant} in {name}");
    }
}

#[test]
fn a_day_whose_midnight_is_skipped_or_repeated_is_a_day_like_others() {
    let none = Holidays::default();
    let found = |span: &str, from, to| {
        let rules = rules(&[("uptime", span)]);
        changes(&rules, &none, from, to)
            .into_iter()
            .map(|(at, _)| at)
            .collect::<Vec<_>>()
    };
    // Fridays in Cairo: from the jump to midnight.
    let april = found(
        "Fri-Fri 00:00-24:00 Africa/Cairo",
        "2026-04-20T00:00:00Z",
        "2026-04-27T00:00:00Z",
    );
    assert_eq!(april, ["2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"]);
    // 00:30 never comes that day, so that there is nothing between it and 00:15.
    let skipped = found(
        "Fri-Fri 00:15-00:30 Africa/Cairo",
        "2026-04-20T00:00:00Z",
        "2026-04-27T00:00:00Z",
    );
    assert_eq!(skipped, Vec::<String>::new());
    // Thursday's last hour comes twice and is Thursday's twice.
    let october = found(
        "Thu-Thu 23:00-24:00 Africa/Cairo",
        "2026-10-26T00:00:00Z",
        "2026-11-02T00:00:00Z",
    );
    assert_eq!(october, ["2026-10-29T20:00:00Z", "2026-10-29T22:00:00Z"]);
    // Reversed times, in the night when the midnight between the two is skipped.
    let santiago = found(
        "Sat-Sun 22:00-02:00 America/Santiago",
        "2026-09-05T12:00:00Z",
        "2026-09-06T12:00:00Z",
    );
    assert_eq!(santiago, ["2026-09-06T02:00:00Z", "2026-09-06T05:00:00Z"]);
}

#[test]
fn a_clock_that_was_put_back_across_midnight_stays_in_the_new_day() {
    // From 02:30 UTC it is Sunday, and from 02:31 on for an hour the clock shows Saturday once more.
    let sunday = spans("Sun-Sun 00:00-24:00 America/St_Johns");
    let saturday = spans("Sat-Sat 00:00-24:00 America/St_Johns");
    let evening = spans("Sat-Sat 20:00-23:45 America/St_Johns");
    for (instant, expected) in [
        ("2010-11-07T02:29:00Z", false),
        ("2010-11-07T02:30:00Z", true),
        ("2010-11-07T03:00:00Z", true),
    ] {
        assert_eq!(sunday.contains(at(instant)), expected, "{instant}");
        assert_eq!(saturday.contains(at(instant)), !expected, "{instant}");
        assert!(!evening.contains(at(instant)), "{instant}");
    }
    // The clock shows the new day's 00:02 when the old one has come again.
    let rules = rules(&[("uptime", "Sun-Sun 00:02-08:00 America/St_Johns")]);
    let found = |to| changes(&rules, &Holidays::default(), "2010-11-07T02:50:00Z", to);
    assert_eq!(
        found("2010-11-07T03:32:00Z"),
        [("2010-11-07T03:32:00Z".to_owned(), State::Up)]
    );
    assert_eq!(found("2010-11-07T03:31:59Z"), []);
}

#[test]
fn zones_are_found_in_the_bundled_database() {
    for name in [
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "UTC",
        "Etc/GMT+3",
        "Asia/Calcutta",
    ] {
        assert_eq!(zone(name).name(), name);
    }
}
