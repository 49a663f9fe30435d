//! The acceptance cases of the research, by their numbers (part A7).

use super::*;

const NEW_YEAR: &str = "2026-01-01T00:00:00Z";

#[test]
fn case_7_a_trigger_that_comes_late_finds_what_should_be_then() {
    let rules = rules(&[("uptime", "Mon-Fri 08:00-20:00 Europe/Berlin")]);
    // The trigger of 08:00 comes at 08:00 and once more two hours after the day's end.
    assert_eq!(state(&rules, at("2026-11-26T07:00:00Z")), State::Up);
    assert_eq!(state(&rules, at("2026-11-26T21:00:00Z")), State::Down);
}

#[test]
fn case_9_a_beginning_in_the_skipped_hour_is_at_the_jump() {
    let rules = rules(&[("uptime", "Mon-Sun 02:30-20:00 Europe/Berlin")]);
    let none = Holidays::default();
    // 02:00 CET, which is 03:00 CEST.
    let jump = at("2026-03-29T01:00:00Z");
    assert_eq!(
        state(&rules, jump - jiff::SignedDuration::from_nanos(1)),
        State::Down
    );
    assert_eq!(state(&rules, jump), State::Up);
    let day = changes(&rules, &none, "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z");
    let expected = [
        ("2026-03-29T01:00:00Z".to_owned(), State::Up),
        ("2026-03-29T18:00:00Z".to_owned(), State::Down),
    ];
    assert_eq!(day, expected);
}

#[test]
fn case_10_an_end_in_the_repeated_hour_is_one_edge_at_its_first_occurrence() {
    let rules = rules(&[("uptime", "Mon-Sun 00:30-02:30 Europe/Berlin")]);
    let none = Holidays::default();
    // 02:30 CEST. The second 02:30 is at 01:30 UTC.
    let night = changes(&rules, &none, "2026-10-24T22:00:00Z", "2026-10-25T20:00:00Z");
    let expected = [
        ("2026-10-24T22:30:00Z".to_owned(), State::Up),
        ("2026-10-25T00:30:00Z".to_owned(), State::Down),
    ];
    assert_eq!(night, expected);
    for minute in 30..240 {
        let instant = at("2026-10-25T00:00:00Z") + jiff::SignedDuration::from_mins(minute);
        assert_eq!(state(&rules, instant), State::Down, "{instant}");
    }
}

#[test]
fn case_11_an_anchored_span_is_one_interval_over_the_weekend() {
    let rules = rules(&[("downtime", "Fri 20:00-Mon 08:00 Europe/Berlin")]);
    let cases = [
        ("2026-11-27T18:59:59Z", State::Up),
        ("2026-11-27T19:00:00Z", State::Down),
        ("2026-11-28T02:00:00Z", State::Down),
        ("2026-11-29T22:59:00Z", State::Down),
        ("2026-11-30T06:59:00Z", State::Down),
        ("2026-11-30T07:00:00Z", State::Up),
    ];
    for (instant, expected) in cases {
        assert_eq!(state(&rules, at(instant)), expected, "{instant}");
    }
}

#[test]
fn case_12_of_reversed_times_the_weekday_is_that_of_the_instant_itself() {
    let rules = rules(&[("downtime", "Mon-Fri 20:00-08:00 Europe/Berlin")]);
    let cases = [
        ("2026-11-28T02:00:00Z", State::Up, "Saturday 03:00"),
        ("2026-11-23T02:00:00Z", State::Down, "Monday 03:00"),
        ("2026-11-27T22:59:59Z", State::Down, "Friday, the last second"),
        ("2026-11-27T23:00:00Z", State::Up, "Saturday 00:00"),
        ("2026-11-29T22:30:00Z", State::Up, "Sunday 23:30"),
        ("2026-11-29T23:00:00Z", State::Down, "Monday 00:00"),
    ];
    for (instant, expected, name) in cases {
        assert_eq!(state(&rules, at(instant)), expected, "{name}");
    }
}

#[test]
fn case_13_a_holiday_stays_down_and_a_hold_wakes_it_for_a_time() {
    let holidays = Holidays::parse("2026-11-23").unwrap();
    let uptime = ("uptime", "Mon-Fri 08:00-20:00 Europe/Berlin");
    let (plain, held) = (
        rules(&[uptime]),
        rules(&[uptime, ("hold-until", "2026-11-23T12:00:00+01:00")]),
    );
    let decide = |rules, instant| desired(rules, &holidays, at(instant)).state;
    assert_eq!(decide(&plain, "2026-11-23T07:00:00Z"), State::Down);
    assert_eq!(decide(&held, "2026-11-23T07:00:00Z"), State::Up);
    assert_eq!(decide(&held, "2026-11-23T10:59:59Z"), State::Up);
    assert_eq!(decide(&held, "2026-11-23T11:00:00Z"), State::Down);
    // The day after is a day like any other.
    assert_eq!(decide(&plain, "2026-11-24T07:00:00Z"), State::Up);
}

#[test]
fn case_15_the_most_specific_place_wins_for_each_group_and_a_tie_is_up() {
    let context = Context::parse(
        None,
        None,
        "early=Mon-Fri 06:00-12:00 UTC; late=Mon-Fri 10:00-20:00 UTC",
        "",
    )
    .unwrap();
    let namespace = [
        ("schedule", "early"),
        ("force-downtime", "until 2026-11-01T00:00:00Z"),
        ("exclude", "Tue-Tue 00:00-24:00 UTC"),
    ];
    let tags = [("schedule", "late+early")];
    let scope = |origin, values: &[(&str, &str)]| try_scope(origin, values, &context).unwrap();
    let rules = Rules::of(vec![
        scope("tag of group workers", &tags),
        scope("namespace shop", &namespace),
    ]);
    let cases = [
        // The namespace's override, since the tags have none.
        (
            "2026-10-26T12:00:00Z",
            State::Down,
            "forced down by force-downtime until 2026-11-01T00:00:00Z of namespace shop",
        ),
        // The tags' schedules: both, one of two, none.
        (
            "2026-11-23T11:00:00Z",
            State::Up,
            "inside uptime Mon-Fri 10:00-20:00 UTC (schedule late) of tag of group workers",
        ),
        (
            "2026-11-23T07:00:00Z",
            State::Up,
            "inside uptime Mon-Fri 06:00-12:00 UTC (schedule early) of tag of group workers",
        ),
        (
            "2026-11-23T19:00:00Z",
            State::Up,
            "inside uptime Mon-Fri 10:00-20:00 UTC (schedule late)",
        ),
        (
            "2026-11-23T22:00:00Z",
            State::Down,
            "outside uptime Mon-Fri 10:00-20:00 UTC (schedule late) of tag of group workers",
        ),
        // The namespace's exclusion, since the tags have none.
        (
            "2026-11-24T22:00:00Z",
            State::Any,
            "kept by exclude Tue-Tue 00:00-24:00 UTC of namespace shop: outside uptime",
        ),
        (NEW_YEAR, State::Down, "forced down"),
    ];
    for (instant, state, reason) in cases {
        let decision = desired(&rules, &Holidays::default(), at(instant));
        assert_eq!(decision.state, state, "{instant}: {}", decision.reason);
        assert!(
            decision.reason.starts_with(reason),
            "{instant}: {}",
            decision.reason
        );
    }
}
