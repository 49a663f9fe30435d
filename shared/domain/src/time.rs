//! Reckoning with moments.

use jiff::{SignedDuration, Timestamp};

/// `duration` after `time`, or the end of time.
///
/// ```
/// use domain::time::later;
/// use jiff::{SignedDuration, Timestamp};
/// assert_eq!(later(Timestamp::UNIX_EPOCH, SignedDuration::from_secs(1)).as_second(), 1);
/// assert_eq!(later(Timestamp::MAX, SignedDuration::from_secs(1)), Timestamp::MAX);
/// ```
pub fn later(time: Timestamp, duration: SignedDuration) -> Timestamp {
    time.saturating_add(duration).unwrap_or(Timestamp::MAX)
}
