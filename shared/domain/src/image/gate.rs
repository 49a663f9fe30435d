//! What may hold a better image back.

use super::facts::{Ask, Platforms};
use super::notice::HeldBack;
use super::plan::Case;
use super::select::Pick;
use super::settings::Hold;
use super::target::Kind;
use super::workload::Replacement;
use crate::time::later;

/// Digests that may fail in a row before a person has to look.
const BREAKER: u32 = 3;

/// Whether picks may be deployed now.
pub(super) enum Gate {
    Open,
    Ask(Vec<Ask>),
    Held(HeldBack),
}

impl Case<'_> {
    /// Whether these may be deployed now.
    pub(super) fn held_back(&self, picks: &[Pick]) -> Gate {
        let status = self.record.status.as_ref();
        let failures = status.map_or(0, |status| status.failures);
        if failures >= BREAKER {
            return Gate::Held(HeldBack::Breaker(failures));
        }
        if let Some(hold) = self.settings.hold.filter(|hold| hold.holds(self.now)) {
            let until = match hold {
                Hold::Open => None,
                Hold::Until(end) => Some(end),
            };
            return Gate::Held(HeldBack::Hold(until));
        }
        if let Some(owner) = &self.owner {
            return Gate::Held(HeldBack::Owner(owner.clone()));
        }
        if let Some(spans) = self.settings.frozen(self.now) {
            return Gate::Held(HeldBack::Freeze(spans));
        }
        if self.seen.workload.rollout.paused {
            return Gate::Held(HeldBack::Paused);
        }
        let rested = status.map(|status| later(status.patched, self.settings.cooldown));
        if let Some(until) = rested.filter(|until| self.now < *until) {
            return Gate::Held(HeldBack::Cooldown(until));
        }
        let mut asks = Vec::new();
        let checked = if self.settings.checks_architecture {
            picks
        } else {
            &[]
        };
        for pick in checked {
            let key = (pick.repository.clone(), pick.digest.clone());
            match self.seen.facts.platforms.get(&key) {
                None => asks.push(Ask::Platforms(key.0, key.1)),
                Some(Ok(platforms)) => {
                    if let Some(why) = self.nowhere_to_run(platforms) {
                        let why = format!("container {}: {why}", pick.ours.name);
                        return Gate::Held(HeldBack::Machines(why));
                    }
                }
                // It runs somewhere, or its start fails and is seen: nothing to hold it back for.
                Some(Err(_)) => {}
            }
        }
        let is_watched = self.seen.workload.rollout.replacement == Replacement::Controller;
        let has_memory = self.seen.workload.target.kind == Kind::Deployment;
        let has_pods = is_watched && self.seen.workload.rollout.pods > 0;
        if (has_memory || has_pods) && self.seen.family.is_none() {
            asks.push(Ask::Family);
        }
        asks.sort();
        asks.dedup();
        if asks.is_empty() {
            Gate::Open
        } else {
            Gate::Ask(asks)
        }
    }

    /// Why no machine that the workload may use can run an image; `None` if one can, or if that is not known.
    fn nowhere_to_run(&self, platforms: &Platforms) -> Option<String> {
        let Platforms::Of(built) = platforms else {
            return None;
        };
        let list = |names: &mut dyn Iterator<Item = &String>| {
            names.map(String::as_str).collect::<Vec<_>>().join(", ")
        };
        let for_what = list(&mut built.iter());
        if let Some(wanted) = &self.seen.workload.node_architecture {
            return (!built.contains(wanted))
                .then(|| format!("the image is for {for_what}, the workload for nodes of {wanted}"));
        }
        let nodes = self
            .seen
            .facts
            .architectures
            .as_ref()
            .filter(|nodes| !nodes.is_empty())?;
        (built.is_disjoint(nodes)).then(|| {
            format!(
                "the image is for {for_what}, the nodes are {}",
                list(&mut nodes.iter())
            )
        })
    }
}
