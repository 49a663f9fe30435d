//! How often a repository is looked at where no event asks for it: once in so many minutes, each in a minute of its own,
//! so that the calls to the registry are spread.

use std::num::{NonZeroU32, ParseIntError};
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};

/// Minutes between two sweeps of one repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace(NonZeroU32);

impl Default for Pace {
    /// An event that was lost is made up for in 5 minutes. What that costs: a call for each repository.
    fn default() -> Self {
        Self(NonZeroU32::new(5).unwrap_or(NonZeroU32::MIN))
    }
}

impl FromStr for Pace {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

/// A turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turn {
    /// Whether it is the first one of its hour.
    pub(crate) is_first_of_hour: bool,
}

impl Pace {
    /// Whether it is the turn of whatever has this name, at a tick in this minute. In each run of so many minutes, each
    /// name has exactly one.
    pub(crate) fn turn(self, name: &str, now: Timestamp) -> Option<Turn> {
        let every = i64::from(self.0.get());
        let minute = now.as_second().div_euclid(60);
        let own = i64::from(stable_hash(name));
        let is_turn = |minute: i64| (minute + own).rem_euclid(every) == 0;
        is_turn(minute).then(|| Turn {
            // The one before was in another hour.
            is_first_of_hour: (minute - every).div_euclid(60) < minute.div_euclid(60),
        })
    }
}

/// Whether a cooldown ended since the tick before, with some room for one that came early: what it held back is not to
/// wait for its turn as well.
pub(crate) fn has_just_cooled_down(patched: Timestamp, cooldown: SignedDuration, now: Timestamp) -> bool {
    const SINCE: SignedDuration = SignedDuration::from_secs(90);
    let cooled_down = domain::time::later(patched, cooldown);
    cooled_down <= now && now.duration_since(cooled_down) < SINCE
}

/// FNV-1a, 32 bits (Fowler, Noll and Vo). The same in every build, unlike the standard library's.
fn stable_hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_795_680_000 + minute * 60 + 7).unwrap()
    }

    #[test]
    fn each_repository_has_one_turn_in_so_many_minutes_and_one_first_turn_an_hour() {
        for every in [1, 5, 7, 60, 90] {
            let pace: Pace = every.to_string().parse().unwrap();
            for name in ["shop/web", "shop/api", "infra/agent"] {
                let turns: Vec<(i64, Turn)> = (0..every * 60)
                    .filter_map(|minute| Some((minute, pace.turn(name, at(minute))?)))
                    .collect();
                assert_eq!(turns.len(), 60, "{name} every {every}");
                let is_even = turns.windows(2).all(|pair| pair[1].0 - pair[0].0 == every);
                assert!(is_even, "{name} every {every}");
                let mut hours: Vec<i64> = turns
                    .iter()
                    .filter(|(_, turn)| turn.is_first_of_hour)
                    .map(|(minute, _)| at(*minute).as_second().div_euclid(3600))
                    .collect();
                let told = hours.len();
                hours.dedup();
                let all: usize = usize::try_from(every.min(60)).unwrap();
                assert_eq!((told, hours.len()), (all, all), "{name} every {every}");
            }
        }
    }

    #[test]
    fn repositories_are_spread_over_the_minutes() {
        let pace = Pace::default();
        let in_minute =
            |minute| (0..1000).filter(move |n| pace.turn(&format!("shop/{n}"), at(minute)).is_some());
        for minute in 0..5 {
            let turns = in_minute(minute).count();
            assert!((150..=250).contains(&turns), "minute {minute}: {turns}");
        }
    }

    #[test]
    fn the_hash_is_that_of_its_authors() {
        assert_eq!(
            (stable_hash(""), stable_hash("a"), stable_hash("foobar")),
            (0x811c_9dc5, 0xe40c_292c, 0xbf9c_f968)
        );
    }

    #[test]
    fn a_cooldown_that_has_ended_gives_one_tick_a_turn() {
        let cooldown = SignedDuration::from_secs(60);
        let after =
            |seconds| has_just_cooled_down(at(0), cooldown, at(0) + SignedDuration::from_secs(seconds));
        assert_eq!(
            [59, 60, 120, 149, 150].map(after),
            [false, true, true, true, false]
        );
    }
}
