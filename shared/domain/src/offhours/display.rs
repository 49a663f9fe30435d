//! Plans in words: what a dry run prints and what the log carries.

use std::fmt;

use super::{Move, Plan, Stage, Standing, Step, Then};
use crate::words::pause;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for one in &self.moves {
            write!(f, "{one}; ")?;
        }
        write!(f, "{}", self.then)
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.key)?;
        for (n, step) in self.steps.iter().enumerate() {
            write!(f, "{}{step}", if n == 0 { "" } else { ", " })?;
        }
        write!(f, " ({})", self.why)?;
        self.notes.iter().try_for_each(|note| write!(f, " [{note}]"))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Save(record) => write!(f, "save {}", record.saved),
            Self::Journal(record) => match &record.stage {
                Stage::Saved => write!(f, "save {} again", record.saved),
                Stage::Asleep { .. } => f.write_str("note that it is asleep"),
                Stage::Waking { target, .. } => write!(f, "note that it wakes to {target}"),
                Stage::Woken { .. } => f.write_str("note that it is awake"),
            },
            Self::Resize { to, .. } => write!(f, "resize to {to}"),
            Self::Show(_) => f.write_str("show on it that it is asleep"),
            Self::Hide => f.write_str("show no more on it that it is asleep"),
            Self::Forget => f.write_str("forget the saved size"),
        }
    }
}

impl fmt::Display for Then {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settled => f.write_str("everything is as it is to be"),
            Self::LookAgain { after } => write!(f, "look again in {}", pause(*after)),
            Self::NextTick => f.write_str("the rest is for the next tick"),
        }
    }
}

impl Standing {
    /// In one word or two, for a table and for scripts.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::NotScheduled => "not-scheduled",
            Self::Awake => "awake",
            Self::FallingAsleep => "falling-asleep",
            Self::Asleep => "asleep",
            Self::AlreadySmall => "already-small",
            Self::Waking => "waking",
            Self::Grace(_) => "grace",
            Self::WokenByHand => "woken-by-hand",
            Self::BackedOff => "backed-off",
            Self::Maintenance => "maintenance",
            Self::Autoscaled => "autoscaled",
            Self::LeftAlone => "left-alone",
            Self::UnknownSize => "unknown-size",
            Self::Unsupported(_) => "unsupported",
            Self::Refused(_) => "refused",
            Self::Unreadable(_) => "unreadable",
        }
    }

    /// What there is to say about it beyond the word.
    pub fn detail(&self) -> Option<String> {
        Some(match self {
            Self::Grace(until) => format!("new or newly deployed: left alone until {until}"),
            Self::WokenByHand => "somebody woke it by hand: that stands until the next edge".to_owned(),
            Self::BackedOff => {
                "a delivery tool brings it back each time: given up until the next edge".to_owned()
            }
            Self::Maintenance => "AWS started it for its maintenance".to_owned(),
            Self::UnknownSize => {
                "nobody knows how large it is by day: set its size by hand, or the tag lamplighter:on-size"
                    .to_owned()
            }
            Self::Unsupported(why) | Self::Refused(why) | Self::Unreadable(why) => why.clone(),
            Self::NotScheduled
            | Self::Awake
            | Self::FallingAsleep
            | Self::Asleep
            | Self::AlreadySmall
            | Self::Waking
            | Self::Autoscaled
            | Self::LeftAlone => return None,
        })
    }

    /// Whether a person has to do something.
    pub const fn needs_attention(&self) -> bool {
        matches!(
            self,
            Self::UnknownSize | Self::Refused(_) | Self::Unreadable(_) | Self::BackedOff
        )
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
