//! What a place may say, and which place decides.

use super::*;

const UPTIME: (&str, &str) = ("uptime", "Mon-Fri 08:00-20:00 UTC");
/// A Monday at noon and at night.
const NOON: &str = "2026-11-23T12:00:00Z";
const NIGHT: &str = "2026-11-23T22:00:00Z";

fn states(rules: &Rules) -> (State, State) {
    (state(rules, at(NOON)), state(rules, at(NIGHT)))
}

/// Rules of places without named schedules, most specific first.
fn places(values: &[Values<'_>]) -> Rules {
    let names = ["deployment shop/web", "namespace shop", "override", "default"];
    Rules::of(
        names
            .iter()
            .zip(values)
            .map(|(name, values)| scope(name, values))
            .collect(),
    )
}

#[test]
fn each_key_says_what_it_is_for() {
    use State::{Any, Down, Up};
    let cases: &[(Values<'_>, (State, State))] = &[
        (&[], (Any, Any)),
        (&[UPTIME], (Up, Down)),
        (&[("schedule", "Mon-Fri 08:00-20:00 UTC")], (Up, Down)),
        (&[("downtime", "Mon-Fri 08:00-20:00 UTC")], (Down, Up)),
        (&[("upscale-period", "Mon-Fri 08:00-20:00 UTC")], (Up, Any)),
        (&[("downscale-period", "Mon-Fri 08:00-20:00 UTC")], (Down, Any)),
        (
            &[
                ("upscale-period", "Mon-Fri 08:00-13:00 UTC"),
                ("downscale-period", "Mon-Fri 22:00-23:00 UTC"),
            ],
            (Up, Down),
        ),
        // Both match: a tie is up.
        (
            &[
                ("upscale-period", "Mon-Fri 08:00-13:00 UTC"),
                ("downscale-period", "always"),
            ],
            (Up, Down),
        ),
        (&[UPTIME, ("force-uptime", "true")], (Up, Up)),
        (&[UPTIME, ("force-downtime", "TRUE")], (Down, Down)),
        (&[UPTIME, ("force-downtime", "false")], (Up, Down)),
        (
            &[UPTIME, ("force-downtime", "until 2026-11-23T20:00:00Z")],
            (Down, Down),
        ),
        (
            &[
                UPTIME,
                ("force-uptime", "Mon-Mon 21:00-24:00 UTC"),
                ("force-downtime", "always"),
            ],
            (Down, Up),
        ),
        (&[UPTIME, ("hold-until", "2026-11-23T22:00:00.1Z")], (Up, Up)),
        (&[UPTIME, ("hold-until", "2026-11-23T22:00:00Z")], (Up, Down)),
        (
            &[
                UPTIME,
                ("hold-until", " 2026-11-24T00:00:00+01:00 "),
                ("force-downtime", "always"),
            ],
            (Up, Up),
        ),
        (&[UPTIME, ("exclude", "true")], (Up, Any)),
        (&[UPTIME, ("exclude", "false")], (Up, Down)),
        (&[UPTIME, ("exclude", "Mon-Mon 21:00-22:00 UTC")], (Up, Down)),
        (&[UPTIME, ("exclude-until", "2026-11-24T00:00:00Z")], (Up, Any)),
        (&[UPTIME, ("exclude-until", "2026-11-23T22:00:00Z")], (Up, Down)),
        (&[UPTIME, ("protect", "true")], (Up, Any)),
        (&[UPTIME, ("protect", "False")], (Up, Down)),
        // What is excluded or protected is not put to sleep by force either, but woken.
        (
            &[UPTIME, ("force-downtime", "always"), ("exclude", "always")],
            (Any, Any),
        ),
        (
            &[UPTIME, ("force-uptime", "always"), ("protect", "true")],
            (Up, Up),
        ),
        // Without a schedule, only an override says anything.
        (&[("exclude", "true")], (Any, Any)),
        (&[("force-downtime", "true")], (Down, Down)),
    ];
    for (values, expected) in cases {
        assert_eq!(states(&rules(values)), *expected, "{values:?}");
    }
}

#[test]
fn the_most_specific_place_wins_for_each_group_separately() {
    use State::{Any, Down, Up};
    let never = ("uptime", "never");
    let cases: &[(&[Values<'_>], (State, State))] = &[
        (&[&[], &[UPTIME]], (Up, Down)),
        (&[&[never], &[UPTIME]], (Down, Down)),
        (&[&[("downscale-period", "never")], &[UPTIME]], (Any, Any)),
        (&[&[UPTIME], &[("force-downtime", "true")]], (Down, Down)),
        // `false` is something said: it stops what less specific places say.
        (
            &[
                &[UPTIME, ("force-downtime", "false")],
                &[("force-uptime", "true")],
            ],
            (Up, Down),
        ),
        (
            &[&[UPTIME, ("force-downtime", "true")], &[("force-uptime", "true")]],
            (Down, Down),
        ),
        (
            &[
                &[UPTIME, ("force-downtime", "true")],
                &[("hold-until", "2027-01-01T00:00:00Z")],
            ],
            (Down, Down),
        ),
        (
            &[&[UPTIME, ("exclude", "false")], &[("exclude", "true")]],
            (Up, Down),
        ),
        (
            &[
                &[UPTIME, ("exclude", "false")],
                &[("exclude-until", "2027-01-01T00:00:00Z")],
            ],
            (Up, Down),
        ),
        // A protection is lifted by nothing but another word about it.
        (
            &[&[UPTIME, ("exclude", "false")], &[("protect", "true")]],
            (Up, Any),
        ),
        (
            &[&[UPTIME, ("protect", "false")], &[("protect", "true")]],
            (Up, Down),
        ),
        (
            &[&[UPTIME, ("protect", "false")], &[("exclude", "true")]],
            (Up, Any),
        ),
        (
            &[
                &[("exclude", "true")],
                &[("force-downtime", "true")],
                &[],
                &[UPTIME],
            ],
            (Any, Any),
        ),
    ];
    for (values, expected) in cases {
        assert_eq!(states(&places(values)), *expected, "{values:?}");
    }
}

#[test]
fn an_override_whose_time_is_over_counts_as_not_there() {
    use State::{Any, Down, Up};
    let over = "2026-11-01T00:00:00Z";
    let until = "until 2026-11-01T00:00:00Z";
    let pair = "2026-10-01T00:00:00Z - 2026-11-01T00:00:00Z";
    let force = ("force-uptime", "true");
    let exclude = ("exclude", "true");
    let cases: &[(&[Values<'_>], (State, State))] = &[
        (&[&[UPTIME, ("hold-until", over)], &[force]], (Up, Up)),
        (&[&[UPTIME, ("force-downtime", until)], &[force]], (Up, Up)),
        (
            &[
                &[UPTIME, ("force-downtime", pair), ("hold-until", over)],
                &[force],
            ],
            (Up, Up),
        ),
        // Until a time means that it is over then.
        (
            &[
                &[UPTIME, ("force-downtime", "until 2026-11-23T22:00:00Z")],
                &[force],
            ],
            (Down, Up),
        ),
        (
            &[
                &[
                    UPTIME,
                    ("force-uptime", "2026-11-23T13:00:00Z-2026-11-23T22:00:00Z"),
                ],
                &[force],
            ],
            (Up, Up),
        ),
        (
            &[
                &[
                    UPTIME,
                    ("hold-until", "2026-11-23T22:00:00Z"),
                    ("force-downtime", "always"),
                ],
                &[force],
            ],
            (Up, Down),
        ),
        (
            &[&[UPTIME, ("exclude-until", "2026-11-23T22:00:00Z")], &[exclude]],
            (Up, Any),
        ),
        // Some of it is still to come, or may come again.
        (
            &[
                &[UPTIME, ("force-downtime", "from 2026-12-01T00:00:00Z")],
                &[force],
            ],
            (Up, Down),
        ),
        (
            &[&[UPTIME, ("force-downtime", "Sat-Sat 00:00-24:00 UTC")], &[force]],
            (Up, Down),
        ),
        (
            &[
                &[UPTIME, ("force-downtime", "never"), ("hold-until", over)],
                &[force],
            ],
            (Up, Down),
        ),
        (&[&[UPTIME, ("exclude-until", over)], &[exclude]], (Up, Any)),
        (&[&[UPTIME, ("exclude", until)], &[exclude]], (Up, Any)),
        (
            &[
                &[UPTIME, ("exclude", "never"), ("exclude-until", over)],
                &[exclude],
            ],
            (Up, Down),
        ),
        // A schedule is never over: outside its last uptime, it is down.
        (&[&[("uptime", pair)], &[UPTIME]], (Down, Down)),
    ];
    for (values, expected) in cases {
        assert_eq!(states(&places(values)), *expected, "{values:?}");
    }
}

#[test]
fn only_a_schedule_makes_something_scheduled() {
    for key in KEYS {
        let value = match key {
            "hold-until" | "exclude-until" => "2027-01-01T00:00:00Z",
            "protect" => "true",
            _ => "always",
        };
        let expected = matches!(
            key,
            "schedule" | "uptime" | "downtime" | "upscale-period" | "downscale-period"
        );
        assert_eq!(rules(&[(key, value)]).is_scheduled(), expected, "{key}");
    }
    assert!(places(&[&[], &[UPTIME]]).is_scheduled());
    assert!(!Rules::default().is_scheduled());
}

#[test]
fn two_keys_that_say_the_same_in_one_place_are_an_error() {
    let alone = ["schedule", "uptime", "downtime"];
    let pairs = [(0, 1), (0, 2), (1, 2)].map(|(one, other)| (alone[one], alone[other]));
    let with_periods = alone
        .into_iter()
        .flat_map(|key| [(key, "upscale-period"), (key, "downscale-period")]);
    for (key, other) in pairs.into_iter().chain(with_periods) {
        let error = try_scope(
            "namespace shop",
            &[(key, "always"), (other, "always")],
            &Context::default(),
        )
        .unwrap_err();
        assert_eq!(
            (error.key, &error.problem),
            (key, &SettingProblem::Contradiction { other })
        );
        let expected = format!("namespace shop: {key}: expected this or {other}, not both in one place");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_value_that_is_not_understood_is_an_error_that_names_place_key_value_and_rule() {
    let context = Context::parse(None, None, "office=Mon-Fri 08:00-20:00 UTC;lab=always", "").unwrap();
    let cases = [
        ("uptime", "", r#"uptime: "": expected a time span"#),
        ("uptime", "office", r#"uptime: "office": expected a time span"#),
        (
            "downtime",
            "Mon-Fri 20:00",
            r#"downtime: at the end of "Mon-Fri 20:00": expected two times"#,
        ),
        (
            "force-uptime",
            "yes",
            r#"force-uptime: "yes": expected a time span"#,
        ),
        ("exclude", "1", r#"exclude: "1": expected a"#),
        (
            "protect",
            "always",
            r#"protect: "always": expected true or false"#,
        ),
        ("protect", "", r#"protect: "": expected true or false"#),
        (
            "hold-until",
            "tomorrow",
            r#"hold-until: "tomorrow": expected an RFC 3339 time"#,
        ),
        (
            "hold-until",
            "2026-11-23",
            r#"hold-until: "2026-11-23": expected an RFC 3339 time"#,
        ),
        (
            "exclude-until",
            "2026-11-31T00:00:00Z",
            r#"exclude-until: "2026-11-31T00:00:00Z": expected a date of the calendar"#,
        ),
        (
            "exclude-until",
            "true",
            r#"exclude-until: "true": expected an RFC 3339 time"#,
        ),
        (
            "schedule",
            "offise",
            r#"schedule: "offise": expected the name of a schedule: lab, office"#,
        ),
        (
            "schedule",
            "office+labs",
            r#"schedule: "labs" in "office+labs": expected the name of a schedule: lab, office"#,
        ),
        (
            "schedule",
            "office, Sat-Sun 10:00-12:00 UTC",
            r#"schedule: "office" in "office, Sat-Sun 10:00-12:00 UTC": expected either"#,
        ),
        (
            "schedule",
            "office,",
            r#"schedule: "office" in "office,": expected either names"#,
        ),
        ("schedule", "", r#"schedule: "": expected a time span"#),
    ];
    for (key, value, expected) in cases {
        let error = try_scope("namespace shop", &[(key, value)], &context).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with(&format!("namespace shop: {expected}")), "{text}");
        assert_eq!(error.key, key);
    }
    let error = try_scope("namespace shop", &[("schedule", "office")], &Context::default()).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("expected the name of a schedule, of which none is configured"),
        "{error}"
    );
}

#[test]
fn a_schedule_is_names_or_spans() {
    let text = "office=Mon-Fri 08:00-20:00 UTC; lab=down:Mon-Fri 21:00-24:00 UTC; Night_2.0=up:Mon-Mon 21:00-24:00 UTC;";
    let context = Context::parse(None, None, text, "").unwrap();
    let cases = [
        ("office", (State::Up, State::Down)),
        (" lab ", (State::Up, State::Down)),
        ("Night_2.0", (State::Down, State::Up)),
        ("office+Night_2.0", (State::Up, State::Up)),
        ("office, lab", (State::Up, State::Down)),
        ("lab,Night_2.0", (State::Up, State::Up)),
        ("always", (State::Up, State::Up)),
        ("never", (State::Down, State::Down)),
        (
            "Mon-Mon 12:00-13:00 UTC, Mon-Mon 22:00-23:00 UTC",
            (State::Up, State::Up),
        ),
        ("Mon-Mon 12:00-13:00 Etc/GMT+1", (State::Down, State::Down)),
    ];
    for (value, expected) in cases {
        let rules = Rules::of(vec![try_scope("tag", &[("schedule", value)], &context).unwrap()]);
        assert_eq!(states(&rules), expected, "{value}");
    }
    assert_eq!(
        context.named.names().collect::<Vec<_>>(),
        ["Night_2.0", "lab", "office"]
    );
}
