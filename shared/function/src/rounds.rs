//! What the rounds of all functions have in common: their bounds, and how a round went.

use jiff::{SignedDuration, Timestamp};
use runtime::clock::Deadline;

/// Conversations that may be under way at once, in one invocation. One at a time is not enough: an eviction may take
/// 100 ms in a quiet cluster. Far more would be flow control's business.
pub const IN_FLIGHT: usize = 16;

/// After a step failed, look again this much later: long enough not to hammer, short enough for a conflict.
pub const AFTER_FAILURE: SignedDuration = SignedDuration::from_secs(2);

/// How long after its deadline an invocation may still wait for an answer. Of the time that it keeps back, the rest
/// is for the report.
const OVERTIME: SignedDuration = SignedDuration::from_secs(4);

/// How long rounds that begin at `now` may take. A request that is still under way then is given up: the next tick
/// asks again, and Lambda would end the whole invocation with its report.
pub fn limit(deadline: Deadline, now: Timestamp) -> std::time::Duration {
    std::time::Duration::try_from(deadline.remaining(now) + OVERTIME).unwrap_or_default()
}

/// Whether a plan still fits what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Went {
    /// It does.
    On,
    /// It does not: what is left of it is dropped, and the next look makes a new one.
    Stale,
}
