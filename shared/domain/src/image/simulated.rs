//! A registry, a workload and its pods that behave as the real ones do, for property tests: time goes on as they say.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::facts::{Attention, Facts, Held, Observation, Platforms};
use super::fixtures::{after, digest, image, pinned, pod, ready, repository, tag, waiting, workload};
use super::plan::{Plan, plan};
use super::record::Record;
use super::reference::ImageRef;
use super::settings::Policy;
use super::workload::{Ended, Family, Pod, Workload};

/// The version that runs at first.
pub(super) const FIRST: Version = (1, 2, 3);

/// A version of the simulated application.
pub(super) type Version = (u32, u32, u32);

/// How an image fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nature {
    /// Its pods get ready after ten seconds.
    Good,
    /// It crashes: three times within forty seconds.
    Crashes,
    /// It is not found by whoever pulls it.
    Missing,
    /// Whoever pulls it is refused.
    Refused,
}

/// Everything around the decision.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) workload: Workload,
    pub(super) now: i64,
    /// What the tags point to.
    tags: BTreeMap<String, u32>,
    /// The images that are there: the second of their push.
    images: BTreeMap<u32, i64>,
    natures: BTreeMap<u32, Nature>,
    next: u32,
    /// Since when the live image is there.
    since: i64,
    /// What the pods ran before.
    before: ImageRef,
    pub(super) has_nodes: bool,
    pub(super) writes: Vec<Write>,
}

/// A patch that was made.
#[derive(Debug, Clone)]
pub(super) struct Write {
    pub(super) from: ImageRef,
    pub(super) to: ImageRef,
    /// What was remembered before and after.
    pub(super) before: Record,
    pub(super) after: Record,
    /// Whether the image was in the registry.
    pub(super) is_held: bool,
    pub(super) at: i64,
}

pub(super) fn text((major, minor, patch): Version) -> String {
    format!("{major}.{minor}.{patch}")
}

/// The version of an image, by its tag.
pub(super) fn version(image: &ImageRef) -> Version {
    let tag = image.tag.as_ref().unwrap().as_str();
    let mut parts = tag.split('.').map(|part| part.parse().unwrap());
    let mut next = || parts.next().unwrap();
    (next(), next(), next())
}

impl World {
    pub(super) fn new() -> Self {
        let mut world = Self {
            workload: workload(),
            now: 0,
            tags: BTreeMap::from([(text(FIRST), 123)]),
            images: BTreeMap::from([(123, -600)]),
            natures: BTreeMap::new(),
            next: 1000,
            since: -600,
            before: pinned("1.2.3", 123),
            has_nodes: true,
            writes: Vec::new(),
        };
        world.settle();
        world
    }

    pub(super) fn live(&self) -> ImageRef {
        ImageRef::parse(&self.workload.containers[0].image).unwrap()
    }

    pub(super) fn record(&self) -> Record {
        Record::read(&self.workload).unwrap()
    }

    /// The versions that the registry has, with their digests.
    pub(super) fn held(&self) -> Vec<ImageRef> {
        self.tags.iter().map(|(tag, n)| pinned(tag, *n)).collect()
    }

    /// Somebody pushes a new image under that tag, which it takes from another.
    pub(super) fn push(&mut self, version: Version, nature: Nature) {
        self.next += 1;
        self.images.insert(self.next, self.now);
        self.natures.insert(self.next, nature);
        self.tags.insert(text(version), self.next);
    }

    /// Somebody gives an image that is there one more tag.
    pub(super) fn alias(&mut self, version: Version, of: usize) {
        let images: Vec<u32> = self.images.keys().copied().collect();
        self.tags
            .entry(text(version))
            .or_insert(images[of % images.len()]);
    }

    /// Somebody, or a lifecycle policy, deletes an image with its tags.
    pub(super) fn delete(&mut self, which: usize) {
        let images: Vec<u32> = self.images.keys().copied().collect();
        if images.len() > 1 {
            let gone = images[which % images.len()];
            self.images.remove(&gone);
            self.tags.retain(|_, n| *n != gone);
        }
    }

    /// Somebody sets the image.
    pub(super) fn set(&mut self, image: &ImageRef) {
        self.before = self.live();
        self.since = self.now;
        self.workload.containers[0].image = image.to_string();
        self.workload.rollout.generation += 1;
        self.touch();
    }

    /// Somebody scales it.
    pub(super) fn scale(&mut self, wanted: u32) {
        if self.workload.rollout.wanted == 0 {
            // New pods are new.
            self.since = self.now;
        }
        self.workload.rollout.wanted = wanted;
        self.touch();
    }

    /// Any write makes another version.
    pub(super) fn touch(&mut self) {
        let version: u64 = self.workload.version.parse().unwrap();
        self.workload.version = (version + 1).to_string();
    }

    pub(super) fn wait(&mut self, seconds: i64) {
        self.now += seconds;
        self.settle();
    }

    /// The controller and the kubelets catch up.
    pub(super) fn settle(&mut self) {
        let nature = self.nature();
        let age = self.now - self.since;
        let is_done = nature == Nature::Good && self.has_nodes && age >= 10;
        let rollout = &mut self.workload.rollout;
        rollout.observed = rollout.generation;
        let wanted = rollout.wanted;
        (rollout.pods, rollout.updated, rollout.available) = match (wanted, is_done) {
            (0, _) => (0, 0, 0),
            (_, true) => (wanted, wanted, wanted),
            (_, false) => (wanted + 1, 1, wanted),
        };
    }

    fn nature(&self) -> Nature {
        let digest = self.live().digest;
        let found = self
            .natures
            .iter()
            .find(|(n, _)| digest == Some(self::digest(**n)));
        found.map_or(Nature::Good, |(_, nature)| *nature)
    }

    fn pods(&self) -> Vec<Pod> {
        let rollout = &self.workload.rollout;
        if rollout.wanted == 0 {
            return Vec::new();
        }
        let at = |second: i64| after(second);
        let new = pod("new", &self.live(), at(self.since));
        if rollout.pods == rollout.updated {
            return vec![ready(new, at(self.since + 5))];
        }
        let old = ready(pod("old", &self.before, at(-600)), at(-595));
        let age = self.now - self.since;
        let new = match self.nature() {
            _ if !self.has_nodes => Pod {
                node: None,
                scheduled: None,
                unschedulable: Some("0/0 nodes are available".to_owned()),
                containers: vec![],
                ..new
            },
            Nature::Good => new,
            Nature::Missing => waiting(new, "ErrImagePull", "not found"),
            Nature::Refused => waiting(new, "ErrImagePull", "403 Forbidden"),
            Nature::Crashes => {
                let mut new = waiting(new, "CrashLoopBackOff", "");
                new.containers[0].restarts = u32::try_from((age / 15).clamp(0, 9)).unwrap();
                new.containers[0].last = Some(Ended {
                    code: 1,
                    reason: "Error".to_owned(),
                    message: String::new(),
                });
                new
            }
        };
        vec![old, new]
    }

    /// What one look comes to, and what it rests on is answered as the world is now.
    pub(super) fn look(&self, attention: &Attention) -> Plan {
        let family = Family {
            pods: self.pods(),
            revisions: Vec::new(),
        };
        let facts = self.facts();
        let seen = Observation {
            workload: &self.workload,
            family: Some(&family),
            facts: &facts,
            attention,
        };
        let first = plan(&seen, &Policy::default(), self.time()).unwrap();
        assert!(first.asks.is_empty(), "everything is answered: {:?}", first.asks);
        let second = plan(&seen, &Policy::default(), self.time()).unwrap();
        assert_eq!(first, second, "a plan depends on its arguments alone");
        first
    }

    fn time(&self) -> Timestamp {
        after(self.now)
    }

    fn facts(&self) -> Facts {
        let held = self.images.iter().map(|(n, pushed)| {
            let tags = self.tags.iter().filter(|(_, points)| *points == n);
            Held {
                digest: digest(*n),
                tags: tags.map(|(text, _)| tag(text)).collect(),
                pushed: after(*pushed),
                artifact: None,
            }
        });
        let held: Vec<Held> = held.collect();
        let everywhere = Platforms::Of(BTreeSet::from(["amd64".to_owned()]));
        let platforms = held
            .iter()
            .map(|one| ((repository(), one.digest.clone()), Ok(everywhere.clone())));
        Facts {
            platforms: platforms.collect(),
            listings: BTreeMap::from([(repository(), Ok(held.clone()))]),
            lifecycles: BTreeMap::from([(repository(), Ok(None))]),
            architectures: None,
        }
    }

    /// Carries a plan out, if the workload is still as it was seen.
    pub(super) fn apply(&mut self, plan: &Plan) {
        let Some(change) = plan
            .change
            .as_ref()
            .filter(|change| change.version == self.workload.version)
        else {
            return;
        };
        let (before, from) = (self.record(), self.live());
        for (key, text) in &change.annotations {
            match text {
                Some(text) => self.workload.annotations.insert(key.clone(), text.clone()),
                None => self.workload.annotations.remove(key),
            };
        }
        match change.images.first() {
            None => self.touch(),
            Some((_, _, to)) => {
                self.set(to);
                let is_held = self.images.keys().any(|n| to.digest == Some(digest(*n)));
                self.writes.push(Write {
                    from,
                    to: to.clone(),
                    before,
                    after: self.record(),
                    is_held,
                    at: self.now,
                });
            }
        }
        self.settle();
    }

    /// Ticks until nothing is done any more.
    pub(super) fn tick_until_settled(&mut self) {
        let mut quiet = 0;
        for _ in 0..400 {
            let plan = self.look(&Attention::Sweep { first_of_hour: false });
            quiet = if plan.change.is_none() { quiet + 1 } else { 0 };
            self.apply(&plan);
            // Longer than the deadline of a rollout: nothing that only takes its time is left.
            if quiet > 20 {
                return;
            }
            self.wait(40);
        }
        panic!("it never settles: {:#?}", self.record());
    }

    /// The image that runs, as somebody's manifest names it: without a digest.
    pub(super) fn loose(&self) -> ImageRef {
        image(&text(version(&self.live())))
    }
}
