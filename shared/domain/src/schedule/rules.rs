//! All that is said about a resource, and what of it decides.

use jiff::{SignedDuration, Timestamp};

use super::context::Side;
use super::decision::State;
use super::holidays::Holidays;
use super::scope::{Protection, Scope};
use super::spans::Spans;
use super::weekly::Window;
use super::zone::Zone;

/// How far ahead we look for the end of what holds now, in days, in steps so that the usual end within a week is
/// found at once. A state that lasts longer is told without its end.
const HORIZONS: [i64; 2] = [8, 100];

/// All that is said about a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    scopes: Vec<Scope>,
}

/// What decides at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) state: State,
    pub(super) cause: Cause,
    /// What keeps it from being put to sleep, where it would be.
    pub(super) spared: Option<Spared>,
}

/// What says it: the position of a scope, and of a schedule in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    Nothing,
    Held { scope: usize },
    ForcedUp { scope: usize },
    ForcedDown { scope: usize },
    Scheduled { scope: usize, item: usize, side: Side },
}

/// What keeps it from being put to sleep, and the position of the scope that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spared {
    Protected { scope: usize },
    Excluded { scope: usize },
    ExcludedUntil { scope: usize },
}

impl Rules {
    /// What is said in these places, the most specific one first.
    pub fn of(scopes: Vec<Scope>) -> Self {
        Self { scopes }
    }

    /// Whether anybody says when it is asleep. Overrides, holds and exclusions alone are no schedule: what has
    /// none was not handed over to us.
    pub fn is_scheduled(&self) -> bool {
        self.scopes.iter().any(|scope| scope.schedule.is_some())
    }

    /// The places, the most specific one first.
    pub fn scopes(&self) -> &[Scope] {
        &self.scopes
    }

    pub(super) fn verdict(&self, holidays: &Holidays, at: Timestamp) -> Verdict {
        let (state, cause) = self.forced(at).unwrap_or_else(|| self.scheduled(holidays, at));
        let spared = match state {
            State::Down => self.spared(at),
            State::Up | State::Any => None,
        };
        let state = if spared.is_some() { State::Any } else { state };
        Verdict { state, cause, spared }
    }

    /// When something else will decide, as far as we look ahead.
    pub(super) fn lasts_until(
        &self,
        holidays: &Holidays,
        now: Timestamp,
        verdict: Verdict,
    ) -> Option<Timestamp> {
        let mut after = now;
        for days in HORIZONS {
            let ahead = SignedDuration::from_hours(24 * days);
            let until = now.checked_add(ahead).unwrap_or(Timestamp::MAX);
            let boundaries = self.boundaries(holidays, Window { after, until });
            let changes = |at: &Timestamp| self.verdict(holidays, *at) != verdict;
            if let Some(at) = boundaries.into_iter().find(changes) {
                return Some(at);
            }
            after = until;
        }
        None
    }

    /// The instants of a window at which something may change, in order.
    pub(super) fn boundaries(&self, holidays: &Holidays, window: Window) -> Vec<Timestamp> {
        let mut found = Vec::new();
        for scope in &self.scopes {
            scope.boundaries(window, holidays, &mut found);
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The zones of what can decide, each once.
    pub(super) fn zones(&self) -> Vec<&Zone> {
        let schedule = self.scopes.iter().find_map(|scope| scope.schedule.as_deref());
        let scheduled = schedule
            .into_iter()
            .flatten()
            .flat_map(|item| item.schedule.spans());
        let overriding = self.scopes.iter().flat_map(Scope::overrides);
        let mut zones: Vec<&Zone> = Vec::new();
        for zone in scheduled.chain(overriding).flat_map(Spans::zones) {
            if !zones.contains(&zone) {
                zones.push(zone);
            }
        }
        zones
    }

    /// What the most specific override says that is not over yet.
    fn forced(&self, at: Timestamp) -> Option<(State, Cause)> {
        let forces = self
            .scopes
            .iter()
            .enumerate()
            .filter_map(|(scope, said)| Some((scope, said.force.as_ref()?)));
        let (scope, force) = forces.into_iter().find(|(_, force)| !force.is_over(at))?;
        if force.hold.is_some_and(|until| at < until) {
            Some((State::Up, Cause::Held { scope }))
        } else if force.up.as_ref().is_some_and(|up| up.contains(at)) {
            Some((State::Up, Cause::ForcedUp { scope }))
        } else if force.down.as_ref().is_some_and(|down| down.contains(at)) {
            Some((State::Down, Cause::ForcedDown { scope }))
        } else {
            None
        }
    }

    /// What the most specific schedule says. Of several schedules there, the first that says up decides, or else
    /// the first that says down.
    fn scheduled(&self, holidays: &Holidays, at: Timestamp) -> (State, Cause) {
        let mut schedules = self.scopes.iter().enumerate();
        let found = schedules.find_map(|(scope, said)| Some((scope, said.schedule.as_deref()?)));
        let Some((scope, items)) = found else {
            return (State::Any, Cause::Nothing);
        };
        let mut best: Option<(State, Cause)> = None;
        for (item, said) in items.iter().enumerate() {
            let side = said.schedule.side(at, holidays);
            let (state, cause) = (side.state(), Cause::Scheduled { scope, item, side });
            match (state, best) {
                (State::Up, _) => return (state, cause),
                (State::Down, None | Some((State::Any, _))) | (State::Any, None) => {
                    best = Some((state, cause));
                }
                (State::Down | State::Any, Some(_)) => {}
            }
        }
        best.unwrap_or((State::Any, Cause::Nothing))
    }

    fn spared(&self, at: Timestamp) -> Option<Spared> {
        let mut protections = self.scopes.iter().enumerate();
        let protection = protections.find_map(|(scope, said)| Some((scope, said.protection?)));
        if let Some((scope, Protection::Protected)) = protection {
            return Some(Spared::Protected { scope });
        }
        let excludes = self
            .scopes
            .iter()
            .enumerate()
            .filter_map(|(scope, said)| Some((scope, said.exclude.as_ref()?)));
        let (scope, exclude) = excludes.into_iter().find(|(_, exclude)| !exclude.is_over(at))?;
        if exclude.spans.as_ref().is_some_and(|spans| spans.contains(at)) {
            Some(Spared::Excluded { scope })
        } else if exclude.until.is_some_and(|until| at < until) {
            Some(Spared::ExcludedUntil { scope })
        } else {
            None
        }
    }
}

impl Side {
    /// What a schedule says on this side of it.
    fn state(self) -> State {
        match self {
            Self::InUptime | Self::OutOfDowntime | Self::InUpscalePeriod => State::Up,
            Self::OutOfUptime | Self::InDowntime | Self::InDownscalePeriod => State::Down,
            Self::InNoPeriod => State::Any,
        }
    }
}
