//! The decision: who is put to sleep or woken next, and in which order.
//!
//! Down: CronJobs and autoscalers of pods, then workloads from tier 9 to tier 0, then machines, then databases. Up the other
//! way round: databases, machines, tiers 0 to 9, autoscalers, CronJobs. Sizes are saved at once, before anything is
//! resized; a resize waits until everything before it in the order is done, or has taken too long.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::judge::{Case, Pending, Verdict, Way};
use super::{
    Key, Kind, LAST_TIER, Note, Observation, Policy, Record, Resource, Settings, Size, Standing, Step,
};
use crate::schedule::{Decision, Rules, State, desired};

/// How soon to look again after something was done: the next step of it is often possible at once.
const LOOK_SOON: SignedDuration = SignedDuration::from_secs(1);
/// How soon to look again while something takes its time.
pub const LOOK_LATER: SignedDuration = SignedDuration::from_secs(4);

/// What to do now, how everything stands, and when to look again.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What to do. The moves are independent of each other; the steps of one are in order.
    pub moves: Vec<Move>,
    /// How every resource stands, in the order of their keys.
    pub views: Vec<View>,
    /// What comes after.
    pub then: Then,
}

/// What to do about one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// Which one.
    pub key: Key,
    /// In this order; when one fails, the rest are left for the next look.
    pub steps: Vec<Step>,
    /// Why.
    pub why: String,
    /// What was found changed, and what was made of it.
    pub notes: Vec<Note>,
}

/// How one resource stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Which one.
    pub key: Key,
    /// Its size.
    pub size: Size,
    /// What it is to be, and why.
    pub decision: Decision,
    /// Where it is.
    pub standing: Standing,
    /// Whether it has taken too long already, so that others go on without it.
    pub is_stuck: bool,
    /// What its people should change.
    pub advice: Option<&'static str>,
}

/// What comes after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Everything is as it is to be.
    Settled,
    /// Look again.
    LookAgain {
        /// How long from now.
        after: SignedDuration,
    },
    /// Nothing can be done in the next minute; the next tick looks again.
    NextTick,
}

/// Decides what to do about everything in `seen`, at `now`.
pub fn plan(seen: &Observation, policy: &Policy, now: Timestamp) -> Plan {
    let scene = Scene::of(seen, policy, now);
    let mut judged: Vec<Judged<'_>> = seen
        .resources
        .iter()
        .map(|resource| scene.judge(resource))
        .collect();
    judged.sort_by(|a, b| a.resource.key.cmp(&b.resource.key));
    let down = Turn::new(&judged, Way::Down, now);
    let up = Turn::new(&judged, Way::Up, now);
    let mut plan = Plan {
        moves: Vec::new(),
        views: Vec::new(),
        then: Then::Settled,
    };
    let (mut waits, mut held) = (false, false);
    for one in judged {
        let turn = match one.verdict.way {
            Way::Down => Some(&down),
            Way::Up => Some(&up),
            Way::Nowhere => None,
        };
        let is_stuck = turn.is_some_and(|turn| turn.stuck.contains(&&one.resource.key));
        let is_open = turn.is_some_and(|turn| turn.is_open(one.rank)) && !scene.keeps_nodes(&one);
        let mut steps = one.verdict.free;
        if is_open {
            steps.extend(one.verdict.in_turn);
        } else {
            held |= !one.verdict.in_turn.is_empty();
        }
        match one.verdict.pending {
            Pending::No => {}
            Pending::Until(_) if is_open && !is_stuck => waits = true,
            Pending::Until(_) | Pending::Held => held = true,
        }
        plan.views
            .push(view(one.resource, &one.decision, one.verdict.standing, is_stuck));
        if !steps.is_empty() {
            plan.moves.push(Move {
                key: one.resource.key.clone(),
                steps,
                why: one.decision.reason,
                notes: one.verdict.notes,
            });
        }
    }
    plan.then = match (plan.moves.is_empty(), waits, held) {
        (false, _, _) => Then::LookAgain { after: LOOK_SOON },
        (true, true, _) => Then::LookAgain { after: LOOK_LATER },
        (true, false, true) => Then::NextTick,
        (true, false, false) => Then::Settled,
    };
    plan
}

fn view(resource: &Resource, decision: &Decision, standing: Standing, is_stuck: bool) -> View {
    let settings = resource.settings.as_ref().ok();
    View {
        key: resource.key.clone(),
        size: resource.size,
        decision: decision.clone(),
        standing,
        is_stuck,
        advice: settings.and_then(|settings| settings.advice(resource)),
    }
}

/// What counts for more than one resource.
struct Scene<'a> {
    seen: &'a Observation,
    policy: &'a Policy,
    now: Timestamp,
    resources: BTreeMap<&'a Key, &'a Resource>,
    /// Autoscalers of pods, by what they scale.
    autoscalers: BTreeMap<&'a Key, &'a Resource>,
}

struct Judged<'a> {
    resource: &'a Resource,
    decision: Decision,
    verdict: Verdict,
    rank: u8,
}

impl<'a> Scene<'a> {
    fn of(seen: &'a Observation, policy: &'a Policy, now: Timestamp) -> Self {
        let resources: BTreeMap<_, _> = seen
            .resources
            .iter()
            .map(|resource| (&resource.key, resource))
            .collect();
        let scaled = |resource: &'a Resource| Some((target(resource)?, resource));
        Self {
            seen,
            policy,
            now,
            autoscalers: resources.values().copied().filter_map(scaled).collect(),
            resources,
        }
    }

    fn judge(&self, resource: &'a Resource) -> Judged<'a> {
        let nothing = |standing, reason: &str| Judged {
            resource,
            decision: Decision {
                state: State::Any,
                reason: reason.to_owned(),
            },
            verdict: Verdict::rest(standing),
            rank: 0,
        };
        if let Some(why) = self.seen.unreadable.get(&resource.key) {
            return nothing(Standing::Unreadable(why.clone()), why);
        }
        if self.is_target_unseen(resource) {
            return nothing(Standing::LeftAlone, "what it scales could not be seen");
        }
        let settings = match self.settings(resource) {
            Ok(settings) => settings,
            Err(why) => return nothing(Standing::Refused(why.clone()), &why),
        };
        let (record, others) = self.record(resource);
        if let Some(why) = record.or(others).and_then(|record| record.problem(resource.size)) {
            return nothing(Standing::Unreadable(why.clone()), &why);
        }
        let mut judged = match (record, &resource.unsupported) {
            (None, _) if !settings.is_scheduled => {
                nothing(Standing::NotScheduled, "nothing says when it is to be up")
            }
            (None, Some(why)) => nothing(Standing::Unsupported(why.clone()), why),
            (None, None) | (Some(_), _) => self.judge_by(resource, &settings, record),
        };
        if others.is_some() {
            // Nothing can be saved before it is gone.
            judged.verdict.free = vec![Step::Forget];
            judged.verdict.in_turn.clear();
        }
        judged
    }

    fn judge_by(&self, resource: &'a Resource, settings: &Settings, record: Option<&Record>) -> Judged<'a> {
        let holidays = &self.policy.context.holidays;
        let decision = desired(&settings.rules, holidays, self.now);
        let off = match (self.off(resource, settings), record) {
            (Some(off), _) => Some(off),
            // As long as it is not to sleep, it is woken from what it was put to.
            (None, Some(record)) if decision.state != State::Down => Some(record.off),
            (None, _) => None,
        };
        let judge = |off| {
            let case = Case {
                resource,
                settings,
                off,
                record,
                decision: &decision,
                holidays,
                bounds: self.bounds(resource),
                patience: self.policy.patience,
                now: self.now,
            };
            case.judge()
        };
        let verdict = off.map_or(Verdict::rest(Standing::Autoscaled), judge);
        let rank = rank(resource.key.kind(), settings.tier, verdict.way);
        Judged {
            resource,
            decision,
            verdict,
            rank,
        }
    }

    /// Its record, and one under its key that is not: the resource was created after it, and is another one of its name.
    fn record(&self, resource: &Resource) -> (Option<&'a Record>, Option<&'a Record>) {
        let Some(record) = self.seen.records.get(&resource.key) else {
            return (None, None);
        };
        let is_its = resource.created.is_none_or(|created| created <= record.saved_at);
        if is_its {
            (Some(record), None)
        } else {
            (None, Some(record))
        }
    }

    /// What holds for it. An autoscaler without a schedule of its own follows what it scales, unless it says otherwise.
    fn settings(&self, resource: &'a Resource) -> Result<Cow<'a, Settings>, String> {
        let own = resource.settings.as_ref().map_err(ToString::to_string)?;
        if own.is_scheduled {
            return Ok(Cow::Borrowed(own));
        }
        let Some(target) = self.scaled_by(resource) else {
            return Ok(Cow::Borrowed(own));
        };
        let target = target.settings.as_ref().map_err(ToString::to_string)?;
        let scopes = own.rules.scopes().iter().chain(target.rules.scopes());
        Ok(Cow::Owned(Settings {
            rules: Rules::of(scopes.cloned().collect()),
            ..target.clone()
        }))
    }

    /// Whether that is what an autoscaler follows can't be told.
    fn is_target_unseen(&self, resource: &Resource) -> bool {
        target(resource).is_some_and(|target| self.seen.unseen.contains(&target.kind()))
    }

    fn scaled_by(&self, autoscaler: &Resource) -> Option<&'a Resource> {
        self.resources.get(target(autoscaler)?).copied()
    }

    /// The size at night; none where an autoscaler of pods and what it scales leave that to each other. At 0 replicas
    /// Kubernetes' own autoscaler stays away; above that it would bring back what is scaled, so it is given less to keep.
    fn off(&self, resource: &Resource, settings: &Settings) -> Option<Size> {
        let off = settings.off(resource);
        match resource.key.kind() {
            Kind::Autoscaler => {
                let target = self
                    .scaled_by(resource)
                    .and_then(|target| target.settings.as_ref().ok());
                let target = target.filter(|target| target.is_scheduled);
                let pods = target.map_or(settings.downtime_replicas.max(1), |target| {
                    target.downtime_replicas
                });
                (pods > 0).then_some(Size::Replicas(pods))
            }
            Kind::Deployment | Kind::StatefulSet => {
                // Where autoscalers could not be seen, it may have one.
                let may_be_scaled = self.autoscalers.contains_key(&resource.key)
                    || self.seen.unseen.contains(&Kind::Autoscaler);
                let is_kept = may_be_scaled && !off.is_zero();
                (!is_kept).then_some(off)
            }
            Kind::CronJob | Kind::Group | Kind::NodeGroup | Kind::Database => Some(off),
        }
    }

    fn bounds(&self, resource: &Resource) -> Option<(u32, u32)> {
        let autoscaler = self.autoscalers.get(&resource.key)?;
        let max = autoscaler.traits.scales.as_ref()?.max;
        let Size::Replicas(min) = autoscaler.size else {
            return None;
        };
        Some((min, max))
    }

    /// Machines and databases stay while the cluster can't be asked: its workloads' sizes may not be safe.
    fn keeps_nodes(&self, one: &Judged<'_>) -> bool {
        let is_down = one.verdict.way == Way::Down;
        let nodes_only = one
            .resource
            .settings
            .as_ref()
            .is_ok_and(|settings| settings.nodes_only);
        is_down && !one.resource.key.kind().is_in_cluster() && self.seen.is_blind_in_cluster() && !nodes_only
    }
}

/// What an autoscaler of pods scales.
fn target(autoscaler: &Resource) -> Option<&Key> {
    autoscaler.traits.scales.as_ref()?.target.as_ref()
}

/// The place in the order, on the way down or up.
fn rank(kind: Kind, tier: u8, way: Way) -> u8 {
    let last = LAST_TIER + 4;
    let tier = tier.min(LAST_TIER);
    match (kind, way) {
        (Kind::CronJob, Way::Up) | (Kind::Database, Way::Down) => last,
        (Kind::Autoscaler, Way::Up) | (Kind::Group | Kind::NodeGroup, Way::Down) => last - 1,
        (Kind::CronJob | Kind::Database, _) => 0,
        (Kind::Autoscaler | Kind::Group | Kind::NodeGroup, _) => 1,
        (Kind::Deployment | Kind::StatefulSet, Way::Down) => 2 + LAST_TIER - tier,
        (Kind::Deployment | Kind::StatefulSet, _) => 2 + tier,
    }
}

/// Whose turn it is on one way.
struct Turn<'a> {
    /// The first rank that has to wait.
    closed_from: u8,
    stuck: Vec<&'a Key>,
}

impl<'a> Turn<'a> {
    fn new(judged: &[Judged<'a>], way: Way, now: Timestamp) -> Self {
        let mut order: Vec<&Judged<'a>> = judged.iter().filter(|one| one.verdict.way == way).collect();
        order.sort_by_key(|one| one.rank);
        let mut turn = Self {
            closed_from: u8::MAX,
            stuck: Vec::new(),
        };
        for one in order {
            if one.rank >= turn.closed_from {
                break;
            }
            match one.verdict.pending {
                Pending::No => {}
                Pending::Until(end) if now > end => turn.stuck.push(&one.resource.key),
                Pending::Until(_) | Pending::Held => turn.closed_from = one.rank + 1,
            }
        }
        turn
    }

    const fn is_open(&self, rank: u8) -> bool {
        rank < self.closed_from
    }
}
