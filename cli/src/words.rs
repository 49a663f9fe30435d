//! Times in the words of people.

use jiff::{SignedDuration, Timestamp};

/// How long ago `since` is at `now`, in the two largest units: `2m10s`, `3h5m`, `4d`.
pub(crate) fn ago(since: Timestamp, now: Timestamp) -> String {
    span(now.duration_since(since))
}

/// A span of time in its two largest units. What lies in the future is no time ago.
pub(crate) fn span(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
    let (minutes, rest) = (seconds / 60 % 60, seconds % 60);
    let [(first, unit), (second, smaller)] = match (days, hours, minutes) {
        (0, 0, 0) => return format!("{rest}s"),
        (0, 0, _) => [(minutes, "m"), (rest, "s")],
        (0, _, _) => [(hours, "h"), (minutes, "m")],
        (_, _, _) => [(days, "d"), (hours, "h")],
    };
    if second == 0 {
        format!("{first}{unit}")
    } else {
        format!("{first}{unit}{second}{smaller}")
    }
}

/// The time to the second: what is shown to people is told no more precisely.
pub(crate) fn to_the_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// How many there are: `1 group`, `2 groups`.
pub(crate) fn number(number: usize, one: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {one}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        let of = |count| number(count, "group");
        assert_eq!([of(0), of(1), of(2)], ["0 groups", "1 group", "2 groups"]);
    }

    #[test]
    fn a_time_is_cut_to_the_second() {
        let time: Timestamp = "2026-11-21T08:00:00.999Z".parse().unwrap();
        assert_eq!(to_the_second(time).to_string(), "2026-11-21T08:00:00Z");
    }

    #[test]
    fn a_span_is_told_in_its_two_largest_units() {
        let cases = [
            (-5, "0s"),
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (130, "2m10s"),
            (3_600, "1h"),
            (11_159, "3h5m"),
            (86_399, "23h59m"),
            (4 * 86_400 + 7_199, "4d1h"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(span(SignedDuration::from_secs(seconds)), expected);
        }
    }
}
