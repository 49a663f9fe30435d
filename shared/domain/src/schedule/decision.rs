//! What a resource should be now.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::holidays::Holidays;
use super::reason::Reason;
use super::rules::Rules;

/// What a resource should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Awake.
    Up,
    /// Asleep.
    Down,
    /// As it is: nobody says anything, or only that it must not be put to sleep.
    Any,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Any => "any",
        })
    }
}

/// What a resource should be, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// What it should be.
    pub state: State,
    /// A short sentence that names what says so, where it is said, and until when.
    pub reason: String,
}

/// What a resource should be at an instant. It depends on nothing else, so that whoever asks twice, late or out
/// of order gets the same answer.
///
/// - An override that matches decides: `hold-until` and `force-uptime` before `force-downtime`.
/// - Otherwise the schedule does. Of several schedules in one place, one that says up is enough.
/// - Where neither says anything, the state is [`State::Any`].
/// - What is excluded or protected is never down: where the above says so, the state is [`State::Any`].
///
/// Each of the four (overrides, schedule, exclusion, protection) is taken from the most specific scope that has
/// one of its keys. Overrides and exclusions whose times are all over count as not there.
pub fn desired(rules: &Rules, holidays: &Holidays, now: Timestamp) -> Decision {
    let verdict = rules.verdict(holidays, now);
    let until = rules.lasts_until(holidays, now, verdict);
    let reason = Reason {
        rules,
        holidays,
        verdict,
        now,
        until,
    };
    Decision {
        state: verdict.state,
        reason: reason.to_string(),
    }
}
