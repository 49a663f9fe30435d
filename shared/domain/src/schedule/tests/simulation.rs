//! Every minute of two years in the zones of the world, against rules of these zones that are written down here.
//!
//! The other side of the comparison shares nothing with the module: neither its zones nor its instants. It watches
//! a wall clock that is never put back, which is what "every edge happens once" means: in a repeated hour, such a
//! clock waits; over a skipped one, it jumps. A span matches where that clock is.

use jiff::SignedDuration;

use super::places::{Calendar, DAY, HOUR, PLACES, Place};
use super::*;

/// What a clock shows that is never put back.
struct Clock {
    /// Days since 1970-01-01.
    day: i64,
    /// 0 is Sunday.
    weekday: i64,
    /// Minutes since midnight.
    minute: i64,
    is_holiday: bool,
}

/// A schedule and, on the other side, whether it is up.
struct Plan {
    key: &'static str,
    spans: &'static str,
    holidays: bool,
    is_up: fn(&Clock) -> bool,
}

fn is_workday(clock: &Clock) -> bool {
    clock.weekday != 0 && clock.weekday != 6
}

/// Minutes since Sunday's midnight.
fn week(clock: &Clock) -> i64 {
    clock.weekday * DAY + clock.minute
}

/// 2026-12-24 to 2027-01-01, and Sunday 2026-10-25, on which clocks change in Berlin.
const HOLIDAYS: &str = "2026-12-24..2027-01-01, 2026-10-25";

fn is_holiday(day: i64) -> bool {
    let of = |year, month, day| Calendar::of(year, month, day).day;
    (of(2026, 12, 24)..=of(2027, 1, 1)).contains(&day) || day == of(2026, 10, 25)
}

const PLANS: [Plan; 10] = [
    Plan {
        key: "uptime",
        spans: "Mon-Fri 08:00-20:00",
        holidays: false,
        is_up: |clock| is_workday(clock) && (8 * HOUR..20 * HOUR).contains(&clock.minute),
    },
    Plan {
        key: "uptime",
        spans: "Mon-Sun 02:30-05:00",
        holidays: false,
        is_up: |clock| (2 * HOUR + 30..5 * HOUR).contains(&clock.minute),
    },
    Plan {
        key: "uptime",
        spans: "Sat-Sun 00:00-02:30",
        holidays: false,
        is_up: |clock| !is_workday(clock) && clock.minute < 2 * HOUR + 30,
    },
    Plan {
        key: "downtime",
        spans: "Fri-Mon 02:15-02:45",
        holidays: false,
        is_up: |clock| {
            (2..=4).contains(&clock.weekday) || !(2 * HOUR + 15..2 * HOUR + 45).contains(&clock.minute)
        },
    },
    Plan {
        key: "downtime",
        spans: "Mon-Fri 20:00-08:00",
        holidays: false,
        is_up: |clock| !is_workday(clock) || (8 * HOUR..20 * HOUR).contains(&clock.minute),
    },
    Plan {
        key: "uptime",
        spans: "Sat-Sun 02:30-01:30",
        holidays: false,
        is_up: |clock| !is_workday(clock) && !(HOUR + 30..2 * HOUR + 30).contains(&clock.minute),
    },
    Plan {
        key: "downtime",
        spans: "Fri 20:00-Mon 08:00",
        holidays: false,
        is_up: |clock| (DAY + 8 * HOUR..5 * DAY + 20 * HOUR).contains(&week(clock)),
    },
    Plan {
        key: "uptime",
        spans: "Sun 02:30-Sun 01:45",
        holidays: false,
        is_up: |clock| !(HOUR + 45..2 * HOUR + 30).contains(&week(clock)),
    },
    Plan {
        key: "uptime",
        spans: "Mon-Sun 08:00-24:00",
        holidays: true,
        is_up: |clock| clock.minute >= 8 * HOUR && !clock.is_holiday,
    },
    Plan {
        key: "downtime",
        spans: "Sat 00:00-Sun 24:00",
        holidays: true,
        is_up: |clock| is_workday(clock) && !clock.is_holiday,
    },
];

/// How far from a change of the clocks each minute is asked for on its own.
const NEAR: i64 = HOUR + 30;
/// How often elsewhere: never at the same minute of the day for long.
const FAR: i64 = 2 * DAY + 7 * HOUR + 1;

fn instant(minute: i64) -> Timestamp {
    Timestamp::from_second(minute * 60).unwrap()
}

/// One schedule on its way through the years.
struct Walk<'a> {
    plan: &'a Plan,
    rules: Rules,
    holidays: Holidays,
    /// The minutes of its edges, and whether it is up from then on.
    edges: Vec<(i64, bool)>,
    /// How many of them are behind us.
    passed: usize,
    is_up: bool,
}

impl<'a> Walk<'a> {
    fn new(plan: &'a Plan, place: &Place, from: i64, to: i64) -> Self {
        let text = format!("{} {}", plan.spans, place.zone);
        let rules = rules(&[(plan.key, &text)]);
        let holidays = Holidays::parse(if plan.holidays { HOLIDAYS } else { "" }).unwrap();
        let edges = super::super::edges(&rules, &holidays, instant(from), instant(to));
        let minute = |edge: &Edge| {
            assert_eq!(
                (edge.at.as_second() % 60, edge.at.subsec_nanosecond()),
                (0, 0),
                "{}: {edge:?}",
                plan.spans
            );
            (edge.at.as_second() / 60, edge.to == State::Up)
        };
        let edges: Vec<_> = edges.iter().map(minute).collect();
        assert!(edges.len() > 100, "{}: {} edges", plan.spans, edges.len());
        let is_up = desired(&rules, &holidays, instant(from)).state == State::Up;
        Self {
            plan,
            rules,
            holidays,
            edges,
            passed: 0,
            is_up,
        }
    }

    /// Goes on by a minute, and acts on an edge if there is one: it must be in the direction that the clock says.
    fn step(&mut self, minute: i64, clock: &Clock) {
        if self.edges.get(self.passed).is_some_and(|(at, _)| *at <= minute) {
            self.is_up = self.edges[self.passed].1;
            self.passed += 1;
        }
        let expected = (self.plan.is_up)(clock);
        assert!(
            self.is_up == expected,
            "{} at {}, after {} edges: up should be {expected}",
            self.plan.spans,
            instant(minute),
            self.passed
        );
    }

    /// Asks for this minute on its own, and for the last instant before it.
    fn ask(&self, minute: i64) {
        let is_up = |at| self.rules.verdict(&self.holidays, at).state == State::Up;
        let now = instant(minute);
        assert_eq!(is_up(now), self.is_up, "{} at {now}", self.plan.spans);
        let is_edge = self
            .passed
            .checked_sub(1)
            .is_some_and(|last| self.edges[last].0 == minute);
        let before = is_up(now - SignedDuration::from_nanos(1));
        assert_eq!(
            before,
            self.is_up != is_edge,
            "{} just before {now}",
            self.plan.spans
        );
    }
}

fn simulate(place: &Place, years: std::ops::Range<i64>) {
    let (from, to) = (
        Calendar::of(years.start, 1, 1).minute(),
        Calendar::of(years.end, 1, 1).minute(),
    );
    let offsets = place.offsets(years);
    let mut walks: Vec<Walk<'_>> = PLANS
        .iter()
        .map(|plan| Walk::new(plan, place, from, to))
        .collect();
    let mut position = 0;
    let mut shown = i64::MIN;
    let mut clock = Clock {
        day: 0,
        weekday: 4,
        minute: 0,
        is_holiday: false,
    };
    // The minutes before the first one let the clock catch up if it was put back just then.
    for minute in from - 2 * HOUR..=to {
        while offsets
            .get(position + 1)
            .is_some_and(|(change, _)| *change <= minute)
        {
            position += 1;
        }
        shown = shown.max(minute + offsets[position].1);
        if minute < from {
            continue;
        }
        let day = shown.div_euclid(DAY);
        if day != clock.day {
            clock = Clock {
                day,
                weekday: Calendar { day }.weekday(),
                minute: 0,
                is_holiday: is_holiday(day),
            };
        }
        clock.minute = shown.rem_euclid(DAY);
        let since = minute.saturating_sub(offsets[position].0);
        let left = offsets
            .get(position + 1)
            .map_or(i64::MAX, |(change, _)| change - minute);
        let ask = minute % FAR == 0 || since <= NEAR || left <= NEAR;
        for walk in &mut walks {
            walk.step(minute, &clock);
            if ask {
                walk.ask(minute);
            }
        }
    }
    for walk in walks {
        assert_eq!(
            walk.passed,
            walk.edges.len(),
            "{}: edges left over",
            walk.plan.spans
        );
    }
}

fn place(zone: &str) -> &'static Place {
    PLACES.iter().find(|place| place.zone == zone).unwrap()
}

macro_rules! two_years {
    ($($name:ident: $zone:literal,)+) => {$(
        #[test]
        fn $name() {
            simulate(place($zone), 2026..2028);
        }
    )+};
}

two_years! {
    two_years_in_berlin_have_no_wrong_way_action: "Europe/Berlin",
    two_years_in_new_york_have_no_wrong_way_action: "America/New_York",
    two_years_in_sydney_have_no_wrong_way_action: "Australia/Sydney",
    two_years_in_lord_howe_have_no_wrong_way_action: "Australia/Lord_Howe",
    two_years_in_cairo_have_no_wrong_way_action: "Africa/Cairo",
    two_years_in_santiago_have_no_wrong_way_action: "America/Santiago",
    two_years_in_kathmandu_have_no_wrong_way_action: "Asia/Kathmandu",
    two_years_in_utc_have_no_wrong_way_action: "UTC",
}

#[test]
#[ignore = "takes about five times as long as the two years of every run"]
fn ten_years_have_no_wrong_way_action() {
    for place in &PLACES {
        simulate(place, 2026..2036);
    }
}
