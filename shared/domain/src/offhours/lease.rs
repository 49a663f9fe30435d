//! Who converges now, and whether anything is left to do: one small object in the bucket, beside the records.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Everything is looked at every so many minutes, even if nobody says that there is something to do.
const SWEEP_MINUTES: i8 = 5;

/// The object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lease {
    /// Who holds it: the id of an invocation, or of a person's command.
    pub holder: String,
    /// Until when nobody else may begin; in the past, it is free.
    pub until: Timestamp,
    /// Whether there is more to do, so that the next tick looks whatever its minute is.
    #[serde(default)]
    pub converging: bool,
    /// When everything was last looked at.
    #[serde(default)]
    pub looked_at: Option<Timestamp>,
}

/// What became of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Write this, on condition that nobody else has written since.
    Take(Lease),
    /// Somebody else is at it until then.
    Busy(Timestamp),
}

impl Lease {
    /// Claims the lease for `holder` until `until`.
    pub fn claim(current: Option<&Self>, holder: &str, until: Timestamp, now: Timestamp) -> Claim {
        if let Some(lease) = current
            && lease.until > now
            && lease.holder != holder
        {
            return Claim::Busy(lease.until);
        }
        Claim::Take(Self {
            holder: holder.to_owned(),
            until,
            // Until it is given back: should its holder die, the next tick goes on.
            converging: true,
            looked_at: current.and_then(|lease| lease.looked_at),
        })
    }

    /// The lease, given back.
    #[must_use]
    pub fn released(self, converging: bool, now: Timestamp) -> Self {
        Self {
            until: now,
            converging,
            looked_at: Some(now),
            ..self
        }
    }

    /// How long ago everything was last looked at; at most an hour, for what is not known that long.
    pub fn since_last_look(&self, now: Timestamp) -> SignedDuration {
        let last = self.looked_at.unwrap_or(now);
        now.duration_since(last)
            .clamp(SignedDuration::ZERO, SignedDuration::from_hours(1))
    }
}

/// Whether a tick at `now` looks at everything: while something converges each does, else one in five minutes. After
/// a tick was lost, the next one makes up for it.
pub fn is_due(lease: Option<&Lease>, now: Timestamp) -> bool {
    let Some(lease) = lease else { return true };
    let minute = now.to_zoned(jiff::tz::TimeZone::UTC).minute();
    let every = SignedDuration::from_mins(i64::from(SWEEP_MINUTES));
    lease.converging
        || minute % SWEEP_MINUTES == 0
        || lease
            .looked_at
            .is_none_or(|last| now.duration_since(last) >= every)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ts(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn lease(holder: &str, until: &str) -> Lease {
        Lease {
            holder: holder.to_owned(),
            until: ts(until),
            converging: true,
            looked_at: None,
        }
    }

    #[test]
    fn a_lease_is_taken_when_it_is_free_and_not_before() {
        let now = ts("2026-11-26T19:00:00Z");
        let until = ts("2026-11-26T19:01:00Z");
        let claim = |current: Option<&Lease>| Lease::claim(current, "me", until, now);
        assert!(matches!(claim(None), Claim::Take(lease) if lease.until == until));
        let held = lease("other", "2026-11-26T19:00:30Z");
        assert_eq!(claim(Some(&held)), Claim::Busy(held.until));
        for free in [
            lease("other", "2026-11-26T19:00:00Z"),
            lease("me", "2026-11-26T19:00:30Z"),
        ] {
            assert!(
                matches!(claim(Some(&free)), Claim::Take(lease) if lease.converging && lease.holder == "me")
            );
        }
    }

    #[test]
    fn whoever_dies_with_the_lease_leaves_the_rest_to_the_next_tick() {
        let now = ts("2026-11-26T19:02:00Z");
        let free = lease("other", "2026-11-26T19:01:00Z").released(false, now);
        let Claim::Take(taken) = Lease::claim(Some(&free), "me", ts("2026-11-26T19:02:55Z"), now) else {
            panic!("it is free")
        };
        assert!(is_due(Some(&taken), ts("2026-11-26T19:03:00Z")));
        assert!(!is_due(
            Some(&taken.released(false, now)),
            ts("2026-11-26T19:03:00Z")
        ));
    }

    #[test]
    fn a_tick_looks_every_five_minutes_and_each_while_something_converges() {
        let at = |minute: &str| ts(&format!("2026-11-26T19:{minute}:07Z"));
        let mut lease = lease("me", "2026-11-26T18:00:00Z").released(false, at("00"));
        let due: Vec<&str> = ["01", "02", "03", "04", "05"]
            .into_iter()
            .filter(|minute| is_due(Some(&lease), at(minute)))
            .collect();
        assert_eq!(due, ["05"]);
        assert!(
            is_due(Some(&lease), at("11")),
            "the tick of minute 05 was lost, and that of 10"
        );
        lease.converging = true;
        assert!(is_due(Some(&lease), at("01")) && is_due(None, at("01")));
    }
}
