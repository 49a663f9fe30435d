//! Days and nights in any order of events: edges, lost and late looks, several at once, crashes after any call, refused
//! resizes, people and tools that change things whenever they like.

mod setting;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use setting::{DATABASE, KEPT, NAMES, POOL, Setting, UNTOUCHED, any_size, setting};

use super::fixtures::key;
use super::intent::{Witness, machines_wait};
use super::simulated::{Look, World};
use super::{Key, Kind, Size, Stage, Standing, Switch, Then, plan};

/// One thing that happens.
#[derive(Debug, Clone)]
enum Event {
    /// Nobody looks.
    Wait { minutes: u16 },
    /// An invocation, with all its rounds.
    Look,
    /// An invocation that ends after so many calls.
    Crash { calls: usize },
    /// Two at once, with clocks that differ: one looks and makes so many calls, then the other has a round.
    Race { skew: i8, calls: usize },
    /// Somebody sets a size in the middle of a round.
    Set {
        calls: usize,
        thing: usize,
        to: u8,
        is_tool: bool,
    },
    /// Somebody writes into the mirror.
    Edit { thing: usize, to: u8 },
    /// What stands on it changes.
    Say { thing: usize, what: u8 },
    /// The next resizes fail.
    Refuse { thing: usize, times: u32 },
    /// Its pods or machines take their time from now on.
    Lag { thing: usize, minutes: u16 },
    /// The cluster can't be asked, or can again.
    Blind(bool),
    /// It can't be seen, or can again.
    Vanish { thing: usize, is_seen: bool },
    /// It is deleted, and created anew.
    Replace { thing: usize, to: u8 },
}

fn event() -> impl Strategy<Value = Event> {
    let thing = || 0..NAMES.len() - 1;
    prop_oneof![
        6 => (1_u16..100).prop_map(|minutes| Event::Wait { minutes }),
        6 => Just(Event::Look),
        3 => (0_usize..12).prop_map(|calls| Event::Crash { calls }),
        3 => (-1_i8..=1, 0_usize..10).prop_map(|(skew, calls)| Event::Race { skew, calls }),
        4 => (0_usize..8, thing(), any::<u8>(), any::<bool>())
            .prop_map(|(calls, thing, to, is_tool)| Event::Set { calls, thing, to, is_tool }),
        1 => (thing(), any::<u8>()).prop_map(|(thing, to)| Event::Edit { thing, to }),
        1 => (thing(), any::<u8>()).prop_map(|(thing, what)| Event::Say { thing, what }),
        1 => (thing(), 1_u32..4).prop_map(|(thing, times)| Event::Refuse { thing, times }),
        1 => (thing(), 0_u16..90).prop_map(|(thing, minutes)| Event::Lag { thing, minutes }),
        1 => any::<bool>().prop_map(Event::Blind),
        1 => (thing(), any::<bool>()).prop_map(|(thing, is_seen)| Event::Vanish { thing, is_seen }),
        1 => (thing(), any::<u8>()).prop_map(|(thing, to)| Event::Replace { thing, to }),
    ]
}

/// The world, the time, and who watches.
struct Play {
    world: World,
    witness: Witness,
    now: Timestamp,
    setting: Setting,
}

impl Play {
    fn new(setting: Setting) -> Self {
        let now = Setting::begin();
        let mut world = World {
            now,
            ..World::of(setting.resources())
        };
        if let Some(pool) = world.things.get_mut(&key(POOL)) {
            pool.updating = SignedDuration::from_mins(3);
        }
        Self {
            witness: Witness::of(&world),
            world,
            now,
            setting,
        }
    }

    fn act(&mut self, look: &mut Look, calls: usize) {
        for _ in 0..calls {
            let Some(happened) = self.world.call(look) else {
                return;
            };
            self.witness.see(&self.world, look, &happened);
        }
    }

    fn look(&self, skew: i8) -> Look {
        let skew = SignedDuration::from_mins(i64::from(skew));
        let look = self.world.look(self.now + skew);
        machines_wait(&look);
        let (said, untouched) = (look.plan.to_string(), key(UNTOUCHED));
        for one in &look.plan.moves {
            assert!(
                one.key != untouched && said.contains(&one.key.to_string()),
                "{said}"
            );
        }
        look
    }

    /// All rounds of an invocation, a second each.
    fn converge(&mut self) -> Look {
        for _ in 0..60 {
            let mut look = self.look(0);
            self.act(&mut look, usize::MAX);
            if look.plan.moves.is_empty() {
                return look;
            }
            self.pass(SignedDuration::from_secs(1));
        }
        panic!("no end of moves: {}", self.look(0).plan);
    }

    fn pass(&mut self, time: SignedDuration) {
        self.now += time;
        self.world.now = self.now;
        self.autoscale();
    }

    /// Kubernetes' own autoscaler keeps what it scales in its bounds, unless that has no pods.
    fn autoscale(&mut self) {
        let (Some(hpa), Some(web)) = (
            self.world.things.get(&key(KEPT[1])),
            self.world.things.get(&key(KEPT[0])),
        ) else {
            return;
        };
        let max = hpa.resource.traits.scales.as_ref().unwrap().max;
        let (Size::Replicas(min), Size::Replicas(live)) = (hpa.resource.size, web.resource.size) else {
            return;
        };
        if live > 0 {
            let kept = Size::Replicas(live.clamp(min, max.max(min)));
            self.world
                .set(&key(KEPT[0]), kept, "kube-controller-manager", self.now);
        }
    }

    fn happen(&mut self, event: &Event) {
        match event {
            Event::Wait { minutes } => self.pass(SignedDuration::from_mins(i64::from(*minutes))),
            Event::Look => drop(self.converge()),
            Event::Crash { calls } => {
                let mut look = self.look(0);
                self.act(&mut look, *calls);
            }
            Event::Race { skew, calls } => {
                let (mut one, mut other) = (self.look(*skew), self.look(0));
                self.act(&mut one, *calls);
                self.act(&mut other, usize::MAX);
                self.act(&mut one, usize::MAX);
            }
            Event::Set {
                calls,
                thing,
                to,
                is_tool,
            } => {
                let Some(key) = self.existing(*thing) else { return };
                let mut look = self.look(0);
                let manager = if *is_tool { "helm" } else { "kubectl" };
                let calls = if key.kind().is_in_cluster() { *calls } else { 0 };
                self.act(&mut look, calls);
                let to = any_size(&key, *to);
                self.witness.set(&self.world, &key, to);
                self.world.set(&key, to, manager, self.now);
                // AWS would take the rest of that round for what it was, and nobody could tell.
                if calls > 0 {
                    self.act(&mut look, usize::MAX);
                }
            }
            Event::Edit { thing, to } => {
                let Some(key) = self.existing(*thing) else { return };
                self.witness.touch(&key);
                let text = any_size(&key, *to).to_string();
                let thing = self.world.thing(&key);
                thing.version += 1;
                if let Some(mirror) = &mut thing.resource.mirror {
                    mirror.size = Some(text);
                }
            }
            Event::Say { thing, what } => {
                let Some(key) = self.existing(*thing) else { return };
                let said = self
                    .setting
                    .said(self.world.things[&key].resource.clone(), *thing, *what);
                self.world.thing(&key).resource = said;
            }
            Event::Refuse { thing, times } => {
                let Some(key) = self.existing(*thing) else { return };
                self.world.thing(&key).refusals = *times;
            }
            Event::Lag { thing, minutes } => {
                let Some(key) = self.existing(*thing) else { return };
                self.world.thing(&key).lag = SignedDuration::from_mins(i64::from(*minutes));
            }
            Event::Blind(is_blind) => {
                let kinds = Kind::ALL
                    .into_iter()
                    .filter(|kind| *is_blind && kind.is_in_cluster());
                self.world.unseen = kinds.collect();
            }
            Event::Vanish { thing, is_seen } => {
                let Some(key) = self.existing(*thing) else { return };
                self.world.thing(&key).is_seen = *is_seen;
            }
            Event::Replace { thing, to } => {
                let Some(key) = self.existing(*thing) else { return };
                let size = any_size(&key, *to);
                self.pass(SignedDuration::from_mins(2)); // more than clocks differ
                let now = self.now;
                let thing = self.world.thing(&key);
                thing.version += 1;
                (thing.resource.size, thing.resource.mirror, thing.resource.writer) = (size, None, None);
                thing.resource.created = Some(now);
                self.witness.replace(&key, size);
            }
        }
    }

    fn existing(&self, thing: usize) -> Option<Key> {
        let key = key(NAMES[thing]);
        self.world.things.contains_key(&key).then_some(key)
    }

    /// Looks every few minutes until nothing is to be done any more, and then a while longer.
    fn settle(&mut self) -> Look {
        let mut quiet = 0;
        for _ in 0..60 {
            let look = self.converge();
            quiet = if matches!(look.plan.then, Then::Settled) {
                quiet + 1
            } else {
                0
            };
            if quiet == 2 {
                return look;
            }
            self.pass(SignedDuration::from_mins(7));
        }
        panic!("not settled: {:?}", self.look(0).plan);
    }

    fn until(&mut self, time: Timestamp) {
        let left = time.duration_since(self.now);
        self.pass(left.max(SignedDuration::ZERO));
    }

    /// Everything works again, the night comes, a week passes, and the morning comes.
    fn conclude(&mut self) {
        self.world.unseen.clear();
        for thing in self.world.things.values_mut() {
            (thing.refusals, thing.lag, thing.is_seen) = (0, SignedDuration::from_mins(2), true);
        }
        self.until(self.setting.night());
        let asleep = self.settle();
        self.all_asleep(&asleep);
        self.start_database();
        self.until(self.setting.morning());
        let awake = self.settle();
        for view in &awake.plan.views {
            assert!(
                !self.world.records.contains_key(&view.key),
                "{}: {}",
                view.key,
                view.standing
            );
        }
        self.witness.conclude(&self.world);
    }

    /// As AWS does, seven days after it was stopped.
    fn start_database(&mut self) {
        let database = key(DATABASE);
        let stopped = self
            .world
            .things
            .get(&database)
            .filter(|thing| thing.resource.size.is_zero());
        if let Some(stopped) = stopped
            && self.world.records.contains_key(&database)
        {
            self.until(stopped.resized + SignedDuration::from_hours(7 * 24));
            self.world.set(&database, Size::Power(Switch::On), "", self.now);
            self.settle();
            assert!(self.world.size(&database).is_zero(), "AWS started it");
        }
    }

    fn all_asleep(&self, look: &Look) {
        let mut reversed = look.seen.clone();
        reversed.resources.reverse();
        let again = plan(&reversed, &self.world.policy, self.now);
        assert_eq!(again.views, plan(&look.seen, &self.world.policy, self.now).views);
        for view in &look.plan.views {
            let is_fine = match view.standing {
                Standing::Asleep => matches!(self.world.records[&view.key].stage, Stage::Asleep { .. }),
                Standing::WokenByHand | Standing::BackedOff => self.world.records.contains_key(&view.key),
                Standing::AlreadySmall
                | Standing::Autoscaled
                | Standing::NotScheduled
                | Standing::LeftAlone
                | Standing::Refused(_) => true,
                Standing::Awake
                | Standing::FallingAsleep
                | Standing::Waking
                | Standing::Grace(_)
                | Standing::Maintenance
                | Standing::UnknownSize
                | Standing::Unsupported(_)
                | Standing::Unreadable(_) => false,
            };
            assert!(is_fine, "{}: {}", view.key, view.standing);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn whatever_happens_everything_wakes_as_its_people_want_it(
        setting in setting(),
        events in proptest::collection::vec(event(), 0..30),
    ) {
        let mut play = Play::new(setting);
        for event in &events {
            play.happen(event);
        }
        play.conclude();
    }
}
