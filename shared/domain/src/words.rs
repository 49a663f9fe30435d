//! Numbers and times in the words of people, for what dry runs and the log say.

use jiff::SignedDuration;

/// A pause in whole seconds. A part of one counts as one, so that no pause is said to be none.
pub(crate) fn pause(duration: SignedDuration) -> String {
    let has_rest = duration.subsec_nanos() > 0;
    let seconds = duration.as_secs().saturating_add(i64::from(has_rest));
    format!("{:#}", SignedDuration::from_secs(seconds))
}

/// How many pods: `1 pod`, `2 pods`.
pub(crate) fn pods(number: usize) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} pod{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_told_in_whole_seconds_and_never_as_none() {
        let cases = [
            (SignedDuration::ZERO, "0s"),
            (SignedDuration::from_millis(28), "1s"),
            (SignedDuration::from_secs(5), "5s"),
            (SignedDuration::new(1, 28_270_833), "2s"),
            (SignedDuration::from_millis(150_000), "2m 30s"),
        ];
        for (duration, expected) in cases {
            assert_eq!(pause(duration), expected);
        }
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!([0, 1, 2].map(pods), ["0 pods", "1 pod", "2 pods"]);
    }
}
