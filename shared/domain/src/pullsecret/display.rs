//! Plans in words: what a dry run prints and what the log carries.

use std::fmt;

use super::accounts::{AccountChange, Act};
use super::judge::{Change, Verdict, Why};
use super::plan::{Plan, Stance};

impl Stance {
    /// Whether nothing is to be done.
    pub fn is_idle(&self) -> bool {
        let is_kept = matches!(self.verdict, Verdict::Keep);
        is_kept && self.record.is_none() && self.accounts.is_empty() && self.forget.is_none()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for stance in self.namespaces.iter().filter(|stance| !stance.is_idle()) {
            write!(f, "{stance}; ")?;
        }
        let kept = self.namespaces.iter().filter(|stance| stance.is_idle()).count();
        write!(f, "{kept} as they are to be")?;
        for (n, region) in self.regions.iter().enumerate() {
            write!(f, "{} {region}", if n == 0 { "; tokens of" } else { "," })?;
        }
        Ok(())
    }
}

impl fmt::Display for Stance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.namespace, self.verdict)?;
        self.accounts
            .iter()
            .try_for_each(|change| write!(f, ", {change}"))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(change) => write!(f, "create{change}"),
            Self::Adopt(change) => write!(f, "adopt{change}"),
            Self::Renew(change) => write!(f, "renew{change}"),
            Self::Keep => f.write_str("keep"),
            Self::Refuse(refusal) => write!(f, "refuse: {refusal}"),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (registry, why) in &self.due {
            write!(f, " [{registry}: {why}]")?;
        }
        let mut stale = self.stale.iter();
        stale.try_for_each(|host| write!(f, " [{host}: not configured any more]"))
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New => f.write_str("new"),
            Self::Damaged => f.write_str("no token in it"),
            Self::Unknown => f.write_str("nobody knows when it expires"),
            Self::Expires(at) => write!(f, "expires at {at}"),
        }
    }
}

impl fmt::Display for AccountChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.act {
            Act::Append => write!(f, "add it to serviceaccount {}", self.account),
            Act::Remove => write!(f, "take it out of serviceaccount {}", self.account),
        }
    }
}
