//! One test for each thing that a plan is to do, over one workload that is changed as the plan says.

mod choices;
mod people;
mod rollouts;

use super::super::facts::{Facts, Held, Observation, Platforms};
use super::super::fixtures::{after, digest, held, image, pinned, pod, ready, repository, start, workload};
use super::super::record::Record;
use super::super::workload::{ContainerState, Ended, Family, Workload};
use super::*;

/// A workload, and what is known of everything around it.
struct Scene {
    workload: Workload,
    family: Family,
    facts: Facts,
    policy: Policy,
    writes: u32,
}

impl Scene {
    /// Two pods of 1.2.3, and these images in the repository: tag, number of the digest.
    fn new(images: &[(&str, u32)]) -> Self {
        let mut scene = Self {
            workload: workload(),
            family: Family {
                pods: vec![
                    ready(pod("old-1", &pinned("1.2.3", 123), after(-600)), after(-595)),
                    ready(pod("old-2", &pinned("1.2.3", 123), after(-600)), after(-595)),
                ],
                revisions: Vec::new(),
            },
            facts: Facts::default(),
            policy: Policy::default(),
            writes: 0,
        };
        scene.push(images);
        scene
    }

    /// What the repository holds from now on; pushed in this order.
    fn push(&mut self, images: &[(&str, u32)]) {
        let pushed: Vec<(&str, u32, i64)> = (0..)
            .zip(images)
            .map(|(second, (tag, n))| (*tag, *n, second))
            .collect();
        self.hold(held(&pushed));
    }

    fn hold(&mut self, held: Vec<Held>) {
        for one in &held {
            let platforms = Platforms::Of(["amd64".to_owned(), "arm64".to_owned()].into());
            self.facts
                .platforms
                .insert((repository(), one.digest.clone()), Ok(platforms));
        }
        self.facts.listings.insert(repository(), Ok(held));
    }

    fn say(&mut self, key: &str, value: &str) {
        self.workload
            .annotations
            .insert(format!("lamplighter.dev/{key}"), value.to_owned());
    }

    fn look(&self, attention: &Attention, seconds: i64) -> Plan {
        let plan = self.ask(attention, seconds);
        assert_eq!(plan.asks, [], "everything is known");
        plan
    }

    fn ask(&self, attention: &Attention, seconds: i64) -> Plan {
        let seen = Observation {
            workload: &self.workload,
            family: Some(&self.family),
            facts: &self.facts,
            attention,
        };
        plan(&seen, &self.policy, after(seconds)).unwrap()
    }

    /// What the plan is when an event came.
    fn plan(&self, seconds: i64) -> Plan {
        self.look(&Attention::Event("e-1".to_owned()), seconds)
    }

    /// Carries out the plan of an event.
    fn act(&mut self, seconds: i64) -> Plan {
        let plan = self.plan(seconds);
        self.apply(&plan);
        plan
    }

    fn apply(&mut self, plan: &Plan) {
        let Some(change) = &plan.change else { return };
        assert_eq!(change.version, self.workload.version);
        for (name, role, image) in &change.images {
            let container = self
                .workload
                .containers
                .iter_mut()
                .find(|one| one.name == *name)
                .unwrap();
            assert_eq!(container.role, *role);
            container.image = image.to_string();
        }
        for (key, text) in &change.annotations {
            match text {
                Some(text) => self.workload.annotations.insert(key.clone(), text.clone()),
                None => self.workload.annotations.remove(key),
            };
        }
        if change.rolls_out() {
            self.workload.rollout.generation += 1;
        }
        self.writes += 1;
        self.workload.version = (41 + self.writes).to_string();
    }

    /// The controller replaces every pod by that second, and they get ready.
    fn roll_out(&mut self, seconds: i64) {
        let live = self.live();
        self.family.pods = vec![
            ready(pod("new-1", &live, after(seconds - 5)), after(seconds)),
            ready(pod("new-2", &live, after(seconds - 5)), after(seconds)),
        ];
        let rollout = &mut self.workload.rollout;
        rollout.observed = rollout.generation;
        (rollout.pods, rollout.updated, rollout.available) = (2, 2, 2);
    }

    /// The controller made a pod of the new image, and it ended three times by that second.
    fn crash(&mut self, seconds: i64) {
        let mut new = pod("new-1", &self.live(), after(seconds - 40));
        new.containers[0].restarts = 2;
        new.containers[0].last = Some(Ended {
            code: 1,
            reason: "Error".to_owned(),
            message: String::new(),
        });
        new.containers[0].state = ContainerState::Waiting {
            reason: "CrashLoopBackOff".to_owned(),
            message: String::new(),
        };
        self.family.pods.retain(|pod| pod.name.starts_with("old"));
        self.family.pods.push(new);
        let rollout = &mut self.workload.rollout;
        rollout.observed = rollout.generation;
        (rollout.pods, rollout.updated, rollout.available) = (3, 1, 2);
    }

    /// Puts 1.3.0 there, finds it bad, and goes back: by second 50.
    fn rolled_back() -> Self {
        let mut scene = Self::new(&[("1.2.3", 123), ("1.3.0", 130)]);
        scene.act(0);
        scene.crash(45);
        let plan = scene.act(45);
        assert_eq!(kinds(&plan), [NoticeKind::RolledBack]);
        scene.roll_out(50);
        assert_eq!(kinds(&scene.act(50)), [NoticeKind::Restored]);
        scene
    }

    /// Puts 1.3.0 there, and finds it good: by second 100.
    fn deployed() -> Self {
        let mut scene = Self::new(&[("1.2.3", 123), ("1.3.0", 130)]);
        scene.act(0);
        scene.roll_out(10);
        scene.act(10);
        assert_eq!(kinds(&scene.act(100)), [NoticeKind::Verified]);
        scene
    }

    fn live(&self) -> ImageRef {
        ImageRef::parse(&self.workload.containers[0].image).unwrap()
    }

    fn set_live(&mut self, image: &ImageRef) {
        self.workload.containers[0].image = image.to_string();
        self.workload.rollout.generation += 1;
    }

    fn record(&self) -> Record {
        Record::read(&self.workload).unwrap()
    }
}

fn kinds(plan: &Plan) -> Vec<NoticeKind> {
    plan.notices.iter().map(|notice| notice.kind).collect()
}

/// What a plan writes into the container.
fn written(plan: &Plan) -> Option<ImageRef> {
    let (_, _, image) = plan.change.as_ref()?.images.first()?;
    Some(image.clone())
}

#[test]
fn what_did_not_opt_in_has_no_plan() {
    let mut scene = Scene::new(&[("1.3.0", 130)]);
    scene.workload.annotations.clear();
    let seen = Observation {
        workload: &scene.workload,
        family: None,
        facts: &scene.facts,
        attention: &Attention::Watch,
    };
    assert_eq!(plan(&seen, &scene.policy, start()), None);
}

#[test]
fn what_is_not_known_is_asked_and_nothing_is_done_before() {
    let scene = Scene::new(&[("1.3.0", 130)]);
    let mut facts = Facts::default();
    let asked = |facts: &Facts, family| {
        let seen = Observation {
            workload: &scene.workload,
            family,
            facts,
            attention: &Attention::Event("e-1".to_owned()),
        };
        let plan = plan(&seen, &scene.policy, start()).unwrap();
        assert!(plan.asks.is_empty() || plan.change.is_none());
        plan.asks
    };
    assert_eq!(asked(&facts, None), [Ask::Listing(repository())]);
    facts.listings = scene.facts.listings.clone();
    let platforms = Ask::Platforms(repository(), digest(130));
    assert_eq!(asked(&facts, None), [Ask::Family, platforms.clone()]);
    assert_eq!(asked(&facts, Some(&scene.family)), [platforms]);
    facts.platforms = scene.facts.platforms.clone();
    assert_eq!(asked(&facts, Some(&scene.family)), []);
}

#[test]
fn what_can_not_be_read_changes_nothing_and_is_told_once_an_hour() {
    let mut scene = Scene::new(&[("1.3.0", 130)]);
    scene.say("soak", "soon");
    for (attention, told) in [
        (Attention::Event("e-1".to_owned()), 1),
        (Attention::Sweep { first_of_hour: true }, 1),
        (Attention::Sweep { first_of_hour: false }, 0),
    ] {
        let plan = scene.look(&attention, 0);
        assert!(
            plan.change.is_none() && plan.notices.len() == told,
            "{attention:?}"
        );
        assert!(
            plan.standing
                .to_string()
                .contains("soak \"soon\": expected a time"),
            "{}",
            plan.standing
        );
    }
    let mut scene = Scene::new(&[("1.3.0", 130)]);
    scene.workload.containers[0].image = "nginx:1.27".to_owned();
    let plan = scene.plan(0);
    assert_eq!(plan.standing.as_str(), "refused");
}

#[test]
fn a_registry_that_can_not_be_asked_changes_nothing() {
    let mut scene = Scene::new(&[]);
    scene
        .facts
        .listings
        .insert(repository(), Err("access denied".to_owned()));
    let plan = scene.plan(0);
    assert_eq!(plan.standing, Standing::Unseen("access denied".to_owned()));
    assert!(plan.change.is_none() && plan.notices.is_empty());
}
