//! A world of resources and records, as far as a plan can tell: conditional writes, resource versions, pods and machines
//! that take their time, resizes that are refused.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::{
    Condition, FIELD_MANAGER, Key, Kind, Mirror, Observation, Operation, Plan, Policy, Record, Resource,
    Size, Step, Writer, plan,
};

/// Far more rounds than any invocation has.
const ROUNDS: usize = 40;

/// A resource, and how it behaves.
#[derive(Debug, Clone)]
pub(super) struct Thing {
    pub(super) resource: Resource,
    /// Counts every write.
    pub(super) version: u64,
    /// When it was resized last.
    pub(super) resized: Timestamp,
    /// How long its pods or machines take to come and go.
    pub(super) lag: SignedDuration,
    /// How long it takes no other change after one.
    pub(super) updating: SignedDuration,
    /// How many resizes will be refused.
    pub(super) refusals: u32,
    /// Whether it can be seen at all.
    pub(super) is_seen: bool,
}

/// Everything there is.
#[derive(Debug, Clone, Default)]
pub(super) struct World {
    pub(super) things: BTreeMap<Key, Thing>,
    pub(super) records: BTreeMap<Key, Record>,
    pub(super) unseen: BTreeSet<Kind>,
    pub(super) policy: Policy,
    /// What time it really is, whatever somebody's clock says.
    pub(super) now: Timestamp,
}

/// One call to AWS, Kubernetes or the bucket.
#[derive(Debug, Clone)]
enum Call {
    Create(Record),
    Replace(Record),
    Delete,
    /// In the cluster, what people see goes with it.
    Resize(Size, Option<Mirror>),
    Mark(Option<Mirror>),
}

/// What one call changed.
#[derive(Debug, Clone)]
pub(super) enum Happened {
    /// It came too late, or was refused.
    Nothing,
    Recorded {
        key: Key,
        before: Option<Box<Record>>,
        after: Option<Box<Record>>,
    },
    Resized {
        key: Key,
        from: Size,
        to: Size,
        is_waking: bool,
        /// It was no longer as it had been seen, and AWS took it all the same.
        is_stale: bool,
    },
    Marked,
}

/// What somebody has seen and is about to do.
#[derive(Debug, Clone)]
pub(super) struct Look {
    pub(super) seen: Observation,
    pub(super) plan: Plan,
    versions: BTreeMap<Key, u64>,
    calls: VecDeque<(Key, Call)>,
}

impl Thing {
    pub(super) fn new(resource: Resource) -> Self {
        Self {
            resource,
            version: 0,
            resized: Timestamp::UNIX_EPOCH,
            lag: SignedDuration::ZERO,
            updating: SignedDuration::ZERO,
            refusals: 0,
            is_seen: true,
        }
    }

    fn is_busy(&self, now: Timestamp) -> bool {
        now.duration_since(self.resized) < self.updating
    }

    fn observed(&self, now: Timestamp) -> Resource {
        let is_settled = now.duration_since(self.resized) >= self.lag;
        let is_zero = self.resource.size.is_zero();
        let condition = Condition {
            is_ready: is_settled && !is_zero,
            // Of what is left at night, nothing more goes.
            is_quiet: is_settled && (is_zero || self.resource.mirror.is_some()),
            is_busy: self.is_busy(now),
        };
        Resource {
            condition,
            ..self.resource.clone()
        }
    }
}

impl World {
    pub(super) fn of(resources: impl IntoIterator<Item = Resource>) -> Self {
        let things = resources
            .into_iter()
            .map(|one| (one.key.clone(), Thing::new(one)))
            .collect();
        Self {
            things,
            ..Self::default()
        }
    }

    pub(super) fn thing(&mut self, key: &Key) -> &mut Thing {
        self.things.get_mut(key).unwrap()
    }

    pub(super) fn size(&self, key: &Key) -> Size {
        self.things[key].resource.size
    }

    /// Somebody else sets a size.
    pub(super) fn set(&mut self, key: &Key, to: Size, manager: &str, now: Timestamp) {
        self.now = self.now.max(now);
        let now = self.now;
        let thing = self.thing(key);
        thing.version += 1;
        if thing.resource.size == to {
            return;
        }
        thing.resized = now;
        thing.resource.size = to;
        if key.kind().is_in_cluster() {
            thing.resource.writer = Some(Writer {
                manager: manager.to_owned(),
                operation: Operation::Update,
                at: Some(now),
            });
        }
    }

    pub(super) fn observe(&self) -> Observation {
        let is_seen = |thing: &&Thing| thing.is_seen && !self.unseen.contains(&thing.resource.key.kind());
        let resources = self.things.values().filter(is_seen);
        Observation {
            resources: resources.map(|thing| thing.observed(self.now)).collect(),
            records: self.records.clone(),
            unreadable: BTreeMap::new(),
            unseen: self.unseen.clone(),
        }
    }

    /// Somebody looks, and decides.
    pub(super) fn look(&self, now: Timestamp) -> Look {
        let seen = self.observe();
        let plan = plan(&seen, &self.policy, now);
        let of_move = |one: &super::Move| {
            let calls = one.steps.iter().flat_map(|step| calls(one.key.kind(), step));
            let key = one.key.clone();
            calls.map(|call| (key.clone(), call)).collect::<Vec<_>>()
        };
        Look {
            calls: plan.moves.iter().flat_map(of_move).collect(),
            versions: self
                .things
                .iter()
                .map(|(key, thing)| (key.clone(), thing.version))
                .collect(),
            seen,
            plan,
        }
    }

    /// Makes the next call of a look; none when there are no more.
    pub(super) fn call(&mut self, look: &mut Look) -> Option<Happened> {
        let (key, call) = look.calls.pop_front()?;
        let happened = match call {
            Call::Create(_) if self.records.contains_key(&key) => Happened::Nothing,
            Call::Replace(_) | Call::Delete if self.records.get(&key) != look.seen.records.get(&key) => {
                Happened::Nothing
            }
            Call::Create(record) | Call::Replace(record) => self.record(look, &key, Some(record)),
            Call::Delete => self.record(look, &key, None),
            Call::Resize(to, mirror) => self.resize(look, &key, to, mirror),
            Call::Mark(mirror) => self.mark(look, &key, mirror),
        };
        if matches!(happened, Happened::Nothing) {
            look.calls.retain(|(other, _)| *other != key);
        }
        Some(happened)
    }

    fn record(&mut self, look: &mut Look, key: &Key, after: Option<Record>) -> Happened {
        let before = self.records.get(key).cloned();
        for records in [&mut self.records, &mut look.seen.records] {
            match &after {
                Some(record) => drop(records.insert(key.clone(), record.clone())),
                None => drop(records.remove(key)),
            }
        }
        Happened::Recorded {
            key: key.clone(),
            before: before.map(Box::new),
            after: after.map(Box::new),
        }
    }

    fn resize(&mut self, look: &mut Look, key: &Key, to: Size, mirror: Option<Mirror>) -> Happened {
        let (is_stale, refused) = (self.is_stale(look, key), refused(&self.things[key].resource, to));
        assert!(
            is_stale || refused.is_none(),
            "{key}: resize to {to}: {refused:?}"
        );
        let now = self.now;
        let thing = self.thing(key);
        let is_busy = thing.is_busy(now) || thing.refusals > 0;
        if is_busy || refused.is_some() || (is_stale && key.kind().is_in_cluster()) {
            thing.refusals = thing.refusals.saturating_sub(1);
            return Happened::Nothing;
        }
        let (from, is_waking) = (thing.resource.size, mirror.is_none());
        if key.kind().is_in_cluster() {
            thing.resource.mirror = mirror;
        }
        self.set(key, to, FIELD_MANAGER, now);
        look.versions.insert(key.clone(), self.things[key].version);
        Happened::Resized {
            key: key.clone(),
            from,
            to,
            is_waking,
            is_stale,
        }
    }

    fn mark(&mut self, look: &mut Look, key: &Key, mirror: Option<Mirror>) -> Happened {
        if self.is_stale(look, key) && key.kind().is_in_cluster() {
            return Happened::Nothing;
        }
        let thing = self.thing(key);
        thing.resource.mirror = mirror;
        thing.version += 1;
        look.versions.insert(key.clone(), thing.version);
        Happened::Marked
    }

    /// Whether it has changed since it was seen: Kubernetes takes no patch then, AWS does.
    fn is_stale(&self, look: &Look, key: &Key) -> bool {
        look.versions.get(key) != Some(&self.things[key].version)
    }

    /// Looks and acts until there is nothing more to do for now, a moment each; what was planned last.
    pub(super) fn converge(&mut self, now: Timestamp) -> Plan {
        self.now = self.now.max(now);
        for round in 0..ROUNDS {
            let mut look = self.look(now + SignedDuration::from_millis(i64::try_from(round).unwrap()));
            while self.call(&mut look).is_some() {}
            if look.plan.moves.is_empty() {
                return look.plan;
            }
        }
        panic!("no end of moves: {}", self.look(now).plan);
    }
}

fn calls(kind: Kind, step: &Step) -> Vec<Call> {
    match step {
        Step::Save(record) => vec![Call::Create(record.clone())],
        Step::Journal(record) => vec![Call::Replace(record.clone())],
        Step::Resize { to, mirror } if kind.is_in_cluster() => vec![Call::Resize(*to, mirror.clone())],
        Step::Resize { to, mirror } => vec![Call::Resize(*to, mirror.clone()), Call::Mark(mirror.clone())],
        Step::Show(mirror) => vec![Call::Mark(Some(mirror.clone()))],
        Step::Hide => vec![Call::Mark(None)],
        Step::Forget => vec![Call::Delete],
    }
}

/// What AWS and Kubernetes never take; why.
fn refused(resource: &Resource, to: Size) -> Option<&'static str> {
    match (resource.key.kind(), resource.size, to) {
        (_, Size::Capacity(_), Size::Capacity(to)) if to.min > to.desired || to.desired > to.max => {
            Some("sizes out of order")
        }
        (Kind::NodeGroup, _, Size::Capacity(to)) if to.max == 0 => Some("a maximum of 0"),
        (Kind::Autoscaler, _, Size::Replicas(to)) => {
            let max = resource
                .traits
                .scales
                .as_ref()
                .map_or(u32::MAX, |scales| scales.max);
            (to == 0 || to > max).then_some("a minimum of 0 or above the maximum")
        }
        (_, Size::Capacity(_), Size::Capacity(_))
        | (_, Size::Replicas(_), Size::Replicas(_))
        | (_, Size::Schedule(_), Size::Schedule(_)) => None,
        (_, Size::Power(now), Size::Power(to)) => (now == to).then_some("stopped or started already"),
        (_, _, _) => Some("a size of another kind"),
    }
}
