//! What holds whatever is said.

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;

const ZONES: [&str; 8] = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Cairo",
    "America/Santiago",
    "UTC",
];

/// Nights in which clocks change somewhere, and a usual one.
const NIGHTS: [&str; 9] = [
    "2026-03-28T12:00:00Z",
    "2026-10-24T12:00:00Z",
    "2026-03-07T20:00:00Z",
    "2026-10-31T20:00:00Z",
    "2026-10-03T06:00:00Z",
    "2026-04-04T06:00:00Z",
    "2026-04-23T12:00:00Z",
    "2026-09-05T20:00:00Z",
    "2026-07-01T12:00:00Z",
];

fn day() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"])
}

fn time_of_day() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => (0..24, prop::sample::select(vec![0, 15, 30, 59])).prop_map(|(hour, minute)| format!("{hour:02}:{minute:02}")),
        1 => prop::sample::select(vec!["00:00", "24:00", "02:30", "01:59"]).prop_map(str::to_owned),
    ]
}

fn any_span() -> impl Strategy<Value = String> {
    let zone = || prop::sample::select(ZONES.to_vec());
    let moment = || {
        (prop::sample::select(NIGHTS.to_vec()), 0..2_880_i64)
            .prop_map(|(night, minute)| at(night) + SignedDuration::from_mins(minute))
    };
    prop_oneof![
        6 => (day(), day(), time_of_day(), time_of_day(), zone()).prop_map(|(a, b, from, to, zone)| format!("{a}-{b} {from}-{to} {zone}")),
        3 => (day(), day(), time_of_day(), time_of_day(), zone()).prop_map(|(a, b, from, to, zone)| format!("{a} {from}-{b} {to} {zone}")),
        1 => (moment(), moment()).prop_map(|(from, to)| format!("{from}-{to}")),
        1 => moment().prop_map(|from| format!("from {from}")),
        1 => moment().prop_map(|to| format!("until {to}")),
        1 => prop::sample::select(vec!["always", "never"]).prop_map(str::to_owned),
    ]
}

fn any_spans() -> impl Strategy<Value = String> {
    prop::collection::vec(any_span(), 1..3).prop_map(|spans| spans.join(", "))
}

/// Keys and values of a scope that contradict each other in nothing.
fn any_values() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let schedule = prop_oneof![
        3 => any_spans().prop_map(|spans| vec![("uptime", spans)]),
        3 => any_spans().prop_map(|spans| vec![("downtime", spans)]),
        2 => (any_spans(), any_spans()).prop_map(|(up, down)| vec![("upscale-period", up), ("downscale-period", down)]),
        1 => Just(vec![]),
    ];
    let moment = || {
        (prop::sample::select(NIGHTS.to_vec()), 0..2_880_i64)
            .prop_map(|(night, minute)| (at(night) + SignedDuration::from_mins(minute)).to_string())
    };
    let sometimes = |key: &'static str, value: BoxedStrategy<String>| {
        prop::option::weighted(0.2, value.prop_map(move |value| (key, value)))
    };
    let others = (
        sometimes("force-uptime", any_span().boxed()),
        sometimes("force-downtime", any_span().boxed()),
        sometimes("hold-until", moment().boxed()),
        sometimes("exclude", any_span().boxed()),
        sometimes("exclude-until", moment().boxed()),
    );
    (schedule, others).prop_map(|(mut values, (a, b, c, d, e))| {
        values.extend([a, b, c, d, e].into_iter().flatten());
        values
    })
}

fn any_rules() -> impl Strategy<Value = Rules> {
    prop::collection::vec(any_values(), 1..3).prop_map(|scopes| {
        let read = |values: Vec<(&'static str, String)>| {
            let values: Vec<_> = values.iter().map(|(key, value)| (*key, value.as_str())).collect();
            scope("somewhere", &values)
        };
        Rules::of(scopes.into_iter().map(read).collect())
    })
}

fn any_holidays() -> impl Strategy<Value = Holidays> {
    let dates = [
        "",
        "",
        "2026-03-29",
        "2026-10-25..2026-10-26",
        "2026-04-24, 2026-10-04",
        "2026-09-06",
    ];
    prop::sample::select(dates.to_vec()).prop_map(|text| Holidays::parse(text).unwrap())
}

/// Texts near the grammar: a good one with a few characters changed.
fn damaged() -> impl Strategy<Value = String> {
    let changes = prop::collection::vec(
        (any::<prop::sample::Index>(), prop::option::of(prop::char::any())),
        0..4,
    );
    (any_spans(), changes).prop_map(|(text, changes)| {
        let mut characters: Vec<char> = text.chars().collect();
        for (index, change) in changes {
            if characters.is_empty() {
                break;
            }
            let place = index.index(characters.len());
            match change {
                Some(character) => characters[place] = character,
                None => drop(characters.remove(place)),
            }
        }
        characters.into_iter().collect()
    })
}

fn check_place(error: &SpanError, text: &str) -> Result<(), TestCaseError> {
    prop_assert_eq!(error.text(), text);
    prop_assert!(
        text.get(error.place()).is_some(),
        "{:?} of {text:?}",
        error.place()
    );
    prop_assert_eq!(error.marked().lines().count(), 2);
    prop_assert!(error.to_string().lines().count() == 1);
    Ok(())
}

proptest! {
    #[test]
    fn reading_any_text_ends_well_and_an_error_points_into_it(text in prop_oneof![damaged(), any::<String>()]) {
        if let Err(error) = Spans::parse(&text, &Defaults::default()) {
            check_place(&error, &text)?;
        }
        if let Err(error) = Holidays::parse(&text) {
            check_place(&error, &text)?;
        }
        if let Err(error) = Weekdays::parse(&text) {
            check_place(&error, &text)?;
        }
        if let Err(error) = Zone::parse(&text) {
            check_place(&error, &text)?;
        }
        for named in [text.clone(), format!("a={text}")] {
            if let Err(error) = Named::parse(&named, &Defaults::default()) {
                check_place(error.span_error(), &named)?;
            }
        }
        for key in KEYS {
            if let Err(error) = try_scope("somewhere", &[(key, &text)], &Context::default()) {
                let SettingProblem::Text(error) = error.problem else { panic!("{error}") };
                check_place(&error, &text)?;
            }
        }
    }

    #[test]
    fn what_is_written_out_of_its_parts_is_read(text in any_spans()) {
        prop_assert_eq!(spans(&text).to_string(), text);
    }

    #[test]
    fn of_several_schedules_one_that_says_up_is_enough(one in any_span(), other in any_span(), night in prop::sample::select(NIGHTS.to_vec()), minute in 0..2_880_i64) {
        let text = format!("one={one}; other=down:{other}");
        let context = Context::parse(None, None, &text, "").unwrap();
        let now = at(night) + SignedDuration::from_mins(minute);
        let decide = |value| state(&Rules::of(vec![try_scope("tag", &[("schedule", value)], &context).unwrap()]), now);
        let alone = [decide("one"), decide("other")];
        let together = if alone.contains(&State::Up) { State::Up } else { State::Down };
        prop_assert_eq!(decide("one+other"), together);
        prop_assert_eq!(decide("other,one"), together);
    }

    #[test]
    fn what_is_excluded_or_protected_is_never_down_and_as_much_up(values in any_values(), key in prop::sample::select(vec!["exclude", "protect"]), night in prop::sample::select(NIGHTS.to_vec()), minute in 0..2_880_i64) {
        let now = at(night) + SignedDuration::from_mins(minute);
        let mut values: Vec<_> = values.iter().map(|(key, value)| (*key, value.as_str())).collect();
        values.retain(|(key, _)| !key.starts_with("exclude"));
        let free = state(&rules(&values), now);
        values.push((key, "true"));
        let kept = state(&rules(&values), now);
        prop_assert_eq!(kept, if free == State::Up { State::Up } else { State::Any });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn edges_agree_with_what_is_desired_minute_by_minute(rules in any_rules(), holidays in any_holidays(), night in prop::sample::select(NIGHTS.to_vec())) {
        let (from, minutes) = (at(night), 36 * 60);
        let instant = |minute: i64| from + SignedDuration::from_mins(minute);
        let state = |minute: i64| rules.verdict(&holidays, instant(minute)).state;
        let found = super::super::edges(&rules, &holidays, from, instant(minutes));
        let mut known = found.iter().map(|edge| (edge.at, edge.from, edge.to));
        let mut was_up = None;
        let mut before = state(0);
        for minute in 1..=minutes {
            let now = state(minute);
            if now != before {
                // All edges here are at whole minutes.
                prop_assert_eq!(known.next(), Some((instant(minute), before, now)));
            }
            was_up = was_up.or_else(|| (before == State::Up || now == State::Up).then_some(minute));
            before = now;
        }
        prop_assert_eq!(known.next(), None);
        let first_up = was_up.unwrap_or(minutes + 1);
        prop_assert_eq!(was_up_between(&rules, &holidays, from, instant(minutes)), first_up <= minutes);
    }

    #[test]
    fn a_decision_has_the_state_of_its_edges_and_lasts_as_long_as_it_says(rules in any_rules(), holidays in any_holidays(), night in prop::sample::select(NIGHTS.to_vec())) {
        let now = at(night);
        let verdict = rules.verdict(&holidays, now);
        let decision = desired(&rules, &holidays, now);
        prop_assert_eq!(decision.state, verdict.state);
        if let Some(until) = rules.lasts_until(&holidays, now, verdict) {
            prop_assert!(decision.reason.ends_with(&format!("until {until}")), "{}", decision.reason);
            prop_assert!(super::super::edges(&rules, &holidays, now, until - SignedDuration::from_nanos(1)).is_empty());
            prop_assert_ne!(rules.verdict(&holidays, until), verdict);
        }
    }
}
