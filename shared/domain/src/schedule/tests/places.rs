//! Rules of time zones as their countries announce them, written down without the database.

pub(super) const HOUR: i64 = 60;
pub(super) const DAY: i64 = 24 * HOUR;

/// A day of the calendar.
#[derive(Clone, Copy)]
pub(super) struct Calendar {
    /// Days since 1970-01-01, which was a Thursday.
    pub(super) day: i64,
}

impl Calendar {
    pub(super) fn of(year: i64, month: usize, day: i64) -> Self {
        const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
        let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let years: i64 = (1970..year).map(|year| if leap(year) { 366 } else { 365 }).sum();
        let leap_day = i64::from(month > 2 && leap(year));
        Self {
            day: years + BEFORE[month - 1] + leap_day + day - 1,
        }
    }

    /// 0 is Sunday.
    pub(super) fn weekday(self) -> i64 {
        (self.day + 4).rem_euclid(7)
    }

    /// The first such weekday that is not before it.
    fn next(self, weekday: i64) -> Self {
        Self {
            day: self.day + (weekday - self.weekday()).rem_euclid(7),
        }
    }

    /// Its midnight in UTC, in minutes.
    pub(super) fn minute(self) -> i64 {
        self.day * DAY
    }
}

/// A place, its offset in minutes without summer time, and what summer time adds.
pub(super) struct Place {
    pub(super) zone: &'static str,
    pub(super) standard: i64,
    pub(super) summer: i64,
    /// The minutes of a year, in UTC, at which summer time begins and ends.
    pub(super) changes: fn(i64) -> Option<(i64, i64)>,
}

const SUNDAY: i64 = 0;

pub(super) const PLACES: [Place; 8] = [
    // The last Sundays of March and October, 01:00 UTC.
    Place {
        zone: "Europe/Berlin",
        standard: HOUR,
        summer: HOUR,
        changes: |year| {
            let last = |month| Calendar::of(year, month, 25).next(SUNDAY).minute() + HOUR;
            Some((last(3), last(10)))
        },
    },
    // The second Sunday of March and the first one of November, 02:00 on the clock.
    Place {
        zone: "America/New_York",
        standard: -5 * HOUR,
        summer: HOUR,
        changes: |year| {
            let begin = Calendar::of(year, 3, 8).next(SUNDAY).minute() + 7 * HOUR;
            Some((begin, Calendar::of(year, 11, 1).next(SUNDAY).minute() + 6 * HOUR))
        },
    },
    // The first Sundays of October, 02:00, and April, 03:00 on the clock.
    Place {
        zone: "Australia/Sydney",
        standard: 10 * HOUR,
        summer: HOUR,
        changes: |year| {
            let first = |month| Calendar::of(year, month, 1).next(SUNDAY).minute() - 8 * HOUR;
            Some((first(10), first(4)))
        },
    },
    // The same days, 02:00 on the clock both times.
    Place {
        zone: "Australia/Lord_Howe",
        standard: 10 * HOUR + 30,
        summer: 30,
        changes: |year| {
            let first = |month| Calendar::of(year, month, 1).next(SUNDAY).minute() + 2 * HOUR;
            Some((first(10) - (10 * HOUR + 30), first(4) - 11 * HOUR))
        },
    },
    // The last Friday of April, 00:00, and the last Thursday of October, 24:00 on the clock.
    Place {
        zone: "Africa/Cairo",
        standard: 2 * HOUR,
        summer: HOUR,
        changes: |year| {
            let begin = Calendar::of(year, 4, 24).next(5).minute() - 2 * HOUR;
            Some((
                begin,
                Calendar::of(year, 10, 25).next(4).minute() + DAY - 3 * HOUR,
            ))
        },
    },
    // The first Sunday from September 2nd, 04:00 UTC, and the first one from April 2nd, 03:00 UTC.
    Place {
        zone: "America/Santiago",
        standard: -4 * HOUR,
        summer: HOUR,
        changes: |year| {
            let begin = Calendar::of(year, 9, 2).next(SUNDAY).minute() + 4 * HOUR;
            Some((begin, Calendar::of(year, 4, 2).next(SUNDAY).minute() + 3 * HOUR))
        },
    },
    Place {
        zone: "Asia/Kathmandu",
        standard: 5 * HOUR + 45,
        summer: 0,
        changes: |_| None,
    },
    Place {
        zone: "UTC",
        standard: 0,
        summer: 0,
        changes: |_| None,
    },
];

impl Place {
    /// The instants at which the offset changes, and the offset from each on, from the year before.
    pub(super) fn offsets(&self, years: std::ops::Range<i64>) -> Vec<(i64, i64)> {
        let mut offsets = vec![(i64::MIN, self.standard)];
        for (begin, end) in (years.start - 1..years.end).filter_map(|year| (self.changes)(year)) {
            offsets.push((begin, self.standard + self.summer));
            offsets.push((end, self.standard));
        }
        offsets.sort_unstable();
        offsets
    }
}
