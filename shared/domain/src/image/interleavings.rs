//! Whatever happens in whatever order, some things hold.

use proptest::prelude::*;

use super::facts::{Attention, Facts, Observation};
use super::fixtures::{at, workload};
use super::plan::{Plan, plan};
use super::record::{Record, Stage};
use super::reference::ImageRef;
use super::request::Request;
use super::settings::Policy;
use super::simulated::{Nature, Version, World, Write, version};

/// As many sequences as our figures speak of.
const SEQUENCES: u32 = 10_000;

/// Something that happens.
#[derive(Debug, Clone)]
enum Step {
    /// Somebody pushes a new image under this tag.
    Push(Version, Nature),
    /// An image that is there gets one more tag.
    Alias(Version, usize),
    /// An image is deleted.
    Delete(usize),
    /// An event comes, whenever what it tells of happened: it may be late, or be the same again.
    Event,
    /// A tick.
    Tick,
    /// One look is carried out only after another one, as two invocations do that overlap.
    Overlapping,
    /// Time goes on.
    Wait(i64),
    /// No pods are wanted, or two.
    Scale(u32),
    /// Nodes go, or come.
    Nodes(bool),
    /// A person sets an image that the registry has.
    Set(usize),
    /// The manifest is applied again, without a digest.
    Loosen,
    /// A person lets images be deployed again.
    Resume,
    /// A person takes the last rollout back.
    TakeBack,
}

fn versions() -> impl Strategy<Value = Version> {
    (1..3_u32, 2..5_u32, 0..6_u32)
}

fn natures() -> impl Strategy<Value = Nature> {
    prop_oneof![
        4 => Just(Nature::Good),
        1 => Just(Nature::Crashes),
        1 => Just(Nature::Missing),
        1 => Just(Nature::Refused),
    ]
}

/// Pushes, events and time.
fn quiet(nature: impl Strategy<Value = Nature> + 'static) -> BoxedStrategy<Step> {
    prop_oneof![
        3 => (versions(), nature).prop_map(|(version, nature)| Step::Push(version, nature)),
        1 => (versions(), any::<usize>()).prop_map(|(version, of)| Step::Alias(version, of)),
        3 => Just(Step::Event),
        2 => Just(Step::Tick),
        2 => Just(Step::Overlapping),
        3 => (1..90_i64).prop_map(Step::Wait),
    ]
    .boxed()
}

/// The same, and everything that may get in the way.
fn anything() -> BoxedStrategy<Step> {
    prop_oneof![
        12 => quiet(natures()),
        1 => any::<usize>().prop_map(Step::Delete),
        1 => prop_oneof![Just(0_u32), Just(2)].prop_map(Step::Scale),
        1 => any::<bool>().prop_map(Step::Nodes),
        1 => any::<usize>().prop_map(Step::Set),
        1 => Just(Step::Loosen),
        1 => Just(Step::Resume),
        1 => Just(Step::TakeBack),
    ]
    .boxed()
}

fn event() -> Attention {
    Attention::Event("e".to_owned())
}

/// What a person took away last, if nothing has ended that since.
type Rejected = Option<ImageRef>;

fn take(world: &mut World, step: &Step, rejected: &mut Rejected) {
    match step {
        Step::Push(version, nature) => world.push(*version, *nature),
        Step::Alias(version, of) => world.alias(*version, *of),
        Step::Delete(which) => world.delete(*which),
        Step::Event => act(world, &event()),
        Step::Tick => act(world, &Attention::Sweep { first_of_hour: true }),
        Step::Overlapping => {
            let late = world.look(&event());
            act(world, &Attention::Sweep { first_of_hour: false });
            world.apply(&late);
        }
        Step::Wait(seconds) => world.wait(*seconds),
        Step::Scale(wanted) => world.scale(*wanted),
        Step::Nodes(there) => world.has_nodes = *there,
        Step::Set(which) => {
            let held = world.held();
            if let Some(image) = held.get(*which % held.len().max(1)).cloned() {
                let was = world.live();
                let is_ours = world.record().applied.get("app") == Some(&was);
                if version(&image) < version(&was) && is_ours {
                    *rejected = Some(was);
                }
                world.set(&image);
            }
        }
        Step::Loosen => {
            let image = world.loose();
            world.set(&image);
        }
        Step::Resume => ask(world, &Request::Resume, rejected),
        Step::TakeBack => ask(world, &Request::RollBack, rejected),
    }
    world.settle();
}

fn act(world: &mut World, attention: &Attention) {
    let plan = world.look(attention);
    world.apply(&plan);
}

fn ask(world: &mut World, request: &Request, rejected: &mut Rejected) {
    let now = super::fixtures::after(world.now);
    let live = world.live();
    if let Ok(Some(change)) = request.change(&world.workload, "ada", now) {
        match request {
            Request::RollBack => *rejected = Some(live),
            Request::Resume => *rejected = None,
            Request::Hold(_) | Request::Unblock(_) => {}
        }
        let writes = world.writes.len();
        let plan = Plan {
            change: Some(change),
            ..world.look(&Attention::Watch)
        };
        world.apply(&plan);
        world.writes.truncate(writes); // it was a person's
    }
}

/// What holds for every patch of ours.
fn check(write: &Write, rejected: &Rejected) {
    let Write { from, to, .. } = write;
    assert_ne!(from, to, "the same again");
    match write.after.stage() {
        Some(Stage::Rolling) => {
            assert!(version(to) > version(from), "backwards: {from} -> {to}");
            assert_eq!(version(to).0, version(from).0, "another major version: {to}");
            let digest = to.digest.as_ref().unwrap();
            assert_eq!(write.before.bars(digest), None, "blocked: {to}");
            assert!(write.is_held, "not in the registry: {to}");
            if let Some(rejected) = rejected {
                assert!(
                    version(to) > version(rejected),
                    "{rejected} was taken away, and {to} is not newer"
                );
            }
        }
        Some(Stage::RollingBack) => {
            assert_eq!(
                write.before.previous.get("app"),
                Some(to),
                "back to something else"
            );
            assert_eq!(
                write.before.applied.get("app"),
                Some(from),
                "over somebody else's"
            );
            let is_pinned = to.digest.is_some();
            assert!(write.is_held || !is_pinned, "back to what is not there: {to}");
            assert!(write.after.bars(from.digest.as_ref().unwrap()).is_some());
        }
        other => panic!("a patch that leaves {other:?}"),
    }
}

fn run(steps: &[Step]) -> World {
    let (mut world, mut rejected) = (World::new(), None);
    for step in steps {
        let known = world.writes.len();
        take(&mut world, step, &mut rejected);
        for write in &world.writes[known..] {
            check(write, &rejected);
            if write.after.stage() == Some(Stage::Rolling) {
                rejected = None;
            }
        }
    }
    world
}

fn of(steps: BoxedStrategy<Step>) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(steps, 1..24)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: SEQUENCES, ..ProptestConfig::default() })]

    #[test]
    fn there_is_no_downgrade_no_return_of_what_failed_and_no_write_over_a_person(steps in of(anything())) {
        run(&steps);
    }

    #[test]
    fn each_decision_is_rolled_out_once_however_many_events_come(steps in of(quiet(natures()))) {
        let world = run(&steps);
        let forward = world.writes.iter().filter(|write| write.after.stage() == Some(Stage::Rolling));
        let mut rolled: Vec<_> = forward.map(|write| write.to.clone()).collect();
        let rollouts = rolled.len();
        rolled.sort();
        rolled.dedup();
        prop_assert_eq!(rolled.len(), rollouts);
    }
}

proptest! {
    // Each of these goes on until everything is settled.
    #![proptest_config(ProptestConfig { cases: SEQUENCES / 50, ..ProptestConfig::default() })]

    #[test]
    fn the_end_is_that_of_a_single_sweep(steps in of(quiet(Just(Nature::Good)))) {
        let mut world = run(&steps);
        let mut once = World::new();
        for step in &steps {
            if matches!(step, Step::Push(..) | Step::Alias(..)) {
                take(&mut once, step, &mut None);
            }
        }
        world.tick_until_settled();
        once.tick_until_settled();
        // A tag that moved after it was deployed is another digest of one version; one that was given to an image which runs
        // is another version of one digest.
        let (one, other) = (world.live(), once.live());
        prop_assert!(version(&one) == version(&other) || one.digest == other.digest, "{one} and {other}");
        prop_assert!(once.writes.len() <= 1);
    }

    #[test]
    fn what_runs_in_the_end_did_not_fail_unless_nothing_was_there_to_go_back_to(steps in of(anything())) {
        let mut world = run(&steps);
        world.has_nodes = true;
        world.scale(2);
        world.tick_until_settled();
        let record = world.record();
        let failed = world.live().digest.and_then(|digest| record.bars(&digest));
        let is_told = matches!(record.stage(), Some(Stage::Failed | Stage::RollingBack | Stage::Replaced) | None);
        prop_assert!(failed.is_none() || is_told, "{:?}: {:?}", record.stage(), failed);
    }

    #[test]
    fn no_image_is_blamed_for_nodes_credentials_or_the_night(
        steps in of(prop_oneof![
            8 => quiet(prop_oneof![Just(Nature::Good), Just(Nature::Refused)]),
            1 => prop_oneof![Just(0_u32), Just(2)].prop_map(Step::Scale),
            1 => any::<bool>().prop_map(Step::Nodes),
        ].boxed())
    ) {
        let mut world = run(&steps);
        world.tick_until_settled();
        prop_assert!(world.record().blocked.is_empty());
        prop_assert!(world.writes.iter().all(|write| write.after.stage() == Some(Stage::Rolling)));
    }

    #[test]
    fn a_hundred_pushes_in_a_minute_are_at_most_two_rollouts(patches in prop::collection::vec(0..500_u32, 100)) {
        let mut world = World::new();
        for (n, patch) in patches.iter().enumerate() {
            world.push((1, 3, *patch), Nature::Good);
            act(&mut world, &event());
            if n % 5 == 4 {
                world.wait(3);
            }
        }
        prop_assert!(world.writes.len() <= 2, "{:?}", world.writes.iter().map(|write| write.at).collect::<Vec<_>>());
    }

    #[test]
    fn any_texts_in_our_annotations_end_in_a_plan_that_writes_nothing_or_is_whole(
        texts in prop::collection::btree_map(
            prop::sample::select(vec![
                "image-policy", "filter-tags", "extract", "allow-tags", "ignore-tags", "containers", "rollback",
                "soak", "freeze", "image-hold", "last-applied", "previous-images", "blocked-digests", "image-status",
                "image-history", "gitops", "ready-within",
            ]),
            ".{0,40}|minor|\\{\\}|\\[\\]|null|[0-9]{1,30}s",
            0..6,
        )
    ) {
        let mut workload = workload();
        for (key, text) in texts {
            workload.annotations.insert(format!("lamplighter.dev/{key}"), text);
        }
        let facts = Facts::default();
        let attention = event();
        let seen = Observation { workload: &workload, family: None, facts: &facts, attention: &attention };
        if let Some(plan) = plan(&seen, &Policy::default(), at("2026-11-26T08:00:00Z")) {
            prop_assert!(plan.change.is_none_or(|change| !change.rolls_out()));
        }
        if let Ok(record) = Record::read(&workload) {
            prop_assert!(record.changes_from(&record).is_empty());
        }
    }
}
