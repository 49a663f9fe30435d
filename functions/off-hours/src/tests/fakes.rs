//! All that the function sees and changes, in memory. Clones share it.
//!
//! Whatever follows a change does so by the clock: machines come and go, nodes become ready, pods take their grace,
//! databases start and stop.

mod bucket;
mod cloud;
mod cluster;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use domain::failure::Class;
use domain::offhours::{Key, Size};
use jiff::{SignedDuration, Timestamp};
use runtime::clock::{Clock, TestClock};
use runtime::lines::Memory;
use serde_json::Value;
use tokio::sync::Notify;

use crate::config::Config;
use crate::config::tests::config;

pub(super) use bucket::Kept;
pub(super) use cloud::{Instance, Pool, database};
pub(super) use cluster::Object;

/// How long every call takes: enough for calls of other invocations to come between.
const LATENCY: SignedDuration = SignedDuration::from_millis(10);

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// The call of this number is carried out, and its caller dies before it hears of it.
    CrashAfter(usize),
    /// The call of this number fails, without any effect.
    FailAt(usize),
    /// The call of this number is carried out, and its answer is lost.
    LoseAnswerOf(usize),
    /// The call of this number is never answered.
    HangAt(usize),
    /// No answer to calls whose verb begins so.
    Away(&'static str),
    /// A permission is missing for calls whose verb begins so.
    Denied(&'static str),
}

/// Verbs that change something for others: all that a dry run must never say.
const MUTATING: [&str; 15] = [
    "s3 put",
    "s3 delete",
    "asg resize",
    "asg tag",
    "asg untag",
    "eks resize",
    "eks tag",
    "eks untag",
    "rds start",
    "rds stop",
    "rds tag",
    "rds untag",
    "kube patch",
    "kube event",
    "bus put",
];

/// Something that somebody else does.
type Deed = Box<dyn FnOnce(&mut World) + Send>;

/// How much faster than usual everything follows, for tests that live through many nights.
#[derive(Debug, Clone, Copy)]
pub(super) struct Haste(pub(super) i32);

impl Default for Haste {
    fn default() -> Self {
        Self(1)
    }
}

impl Haste {
    fn of(self, usual: SignedDuration) -> SignedDuration {
        usual / self.0
    }
}

/// All there is.
#[derive(Default)]
pub(super) struct World {
    pub(super) haste: Haste,
    pub(super) objects: BTreeMap<String, Kept>,
    pub(super) groups: BTreeMap<String, Pool>,
    pub(super) nodegroups: BTreeMap<String, Pool>,
    pub(super) databases: BTreeMap<String, Instance>,
    pub(super) namespaces: BTreeMap<String, BTreeMap<String, String>>,
    pub(super) workloads: BTreeMap<Key, Object>,
    /// What the bus was told: type, resource, and what happened to it.
    pub(super) told: Vec<(String, String, String)>,
    pub(super) calls: Vec<&'static str>,
    /// Everything that was written by us, in order.
    pub(super) writes: Vec<String>,
    /// Everything that we resized, in order.
    pub(super) resizes: Vec<(Timestamp, Key, Size)>,
    /// How many pods were left when a resource was resized.
    pub(super) pods_left: BTreeMap<String, usize>,
    fault: Option<Fault>,
    settled: Timestamp,
    to_come: Vec<(Timestamp, Deed)>,
    /// The number of the last thing made: versions, tags of objects, machines.
    number: u64,
}

#[derive(Clone)]
pub(super) struct Fake {
    world: Arc<Mutex<World>>,
    crash: Arc<Notify>,
    clock: TestClock,
    pub(super) config: Config,
    pub(super) lines: Memory,
}

impl Clock for Fake {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

pub(super) fn ts(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let text = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    pairs.iter().map(text).collect()
}

impl World {
    fn next(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// Lets everything follow what was asked of it, as seen at `now`.
    pub(super) fn settle(&mut self, now: Timestamp) {
        self.settled = now;
        self.settle_cloud(now);
        self.settle_cluster(now);
    }

    /// Notes that we resized something.
    fn resized(&mut self, key: &Key, size: Size, now: Timestamp) {
        let pods_left = self.pods_of_ours();
        self.pods_left.entry(key.to_string()).or_insert(pods_left);
        self.writes.push(format!("resize {key} {size}"));
        self.resizes.push((now, key.clone(), size));
    }
}

/// How a call goes on after the fault was looked at.
enum Outcome {
    Answer,
    /// The effect happens; the caller never hears.
    DieAfter,
    /// The effect happens; the caller hears of no answer.
    Lost,
    /// Nothing ever happens.
    Hang,
    Away,
    Denied,
}

/// What a call comes to, where it can't be carried out: a code and a message.
type Refusal = (u16, &'static str);

impl Fake {
    /// An empty world at that time.
    pub(super) fn at(time: &str) -> Self {
        Self {
            world: Arc::default(),
            crash: Arc::default(),
            clock: TestClock::starting_at(ts(time)),
            config: config(),
            lines: Memory::default(),
        }
    }

    /// The world, with everything done in it that is to be done by now.
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        let now = self.now();
        let mut world = self.world.lock().unwrap();
        while world.to_come.first().is_some_and(|(at, _)| *at <= now) {
            let (at, deed) = world.to_come.remove(0);
            world.settle(at);
            deed(&mut world);
        }
        if world.settled != now {
            world.settle(now);
        }
        world
    }

    /// Somebody does something at that time.
    pub(super) fn then(&self, time: &str, deed: impl FnOnce(&mut World) + Send + 'static) {
        let mut world = self.world();
        world.to_come.push((ts(time), Box::new(deed)));
        world.to_come.sort_by_key(|(at, _)| *at);
    }

    /// The id of an invocation.
    pub(super) fn request_id(&self) -> String {
        format!("r{}", self.world().next())
    }

    pub(super) fn set(&self, fault: Fault) {
        self.world().fault = Some(fault);
    }

    /// Everything that was written, in order, but for the lease.
    pub(super) fn writes(&self) -> Vec<String> {
        let world = self.world();
        world
            .writes
            .iter()
            .filter(|write| *write != "lease")
            .cloned()
            .collect()
    }

    /// Everything that was resized, in order.
    pub(super) fn resizes(&self) -> Vec<String> {
        let text = |(_, key, size): &(Timestamp, Key, Size)| format!("{key} {size}");
        self.world().resizes.iter().map(text).collect()
    }

    /// How many writes begin so.
    pub(super) fn count(&self, beginning: &str) -> usize {
        self.writes()
            .iter()
            .filter(|write| write.starts_with(beginning))
            .count()
    }

    /// How many calls begin so.
    pub(super) fn called(&self, beginning: &str) -> usize {
        self.world()
            .calls
            .iter()
            .filter(|verb| verb.starts_with(beginning))
            .count()
    }

    /// How many calls would change something.
    pub(super) fn mutating(&self) -> usize {
        self.world()
            .calls
            .iter()
            .filter(|verb| MUTATING.contains(verb))
            .count()
    }

    /// The sum of a metric.
    pub(super) fn metric(&self, name: &str) -> u64 {
        let lines = self.lines.lines();
        let value = |line: &String| serde_json::from_str::<Value>(line).unwrap()[name].as_u64();
        lines.iter().filter_map(value).sum()
    }

    /// Minutes of machines saved, by their type.
    pub(super) fn saved(&self) -> BTreeMap<String, u64> {
        let mut saved = BTreeMap::new();
        for line in self.lines.lines() {
            let line: Value = serde_json::from_str(&line).unwrap();
            if let (Some(kind), Some(minutes)) =
                (line["instance_type"].as_str(), line["NodeMinutesSaved"].as_u64())
            {
                *saved.entry(kind.to_owned()).or_default() += minutes;
            }
        }
        saved
    }

    /// Begins to count anew.
    pub(super) fn forget(&self) {
        let mut world = self.world();
        world.calls.clear();
        world.writes.clear();
        world.resizes.clear();
        world.told.clear();
    }

    /// Returns when the sandbox dies.
    pub(super) async fn crashed(&self) {
        self.crash.notified().await;
    }

    /// Counts the call, and says how it goes on.
    async fn call(&self, verb: &'static str) -> Outcome {
        self.sleep(LATENCY).await;
        let mut world = self.world();
        world.calls.push(verb);
        let number = world.calls.len();
        match world.fault.unwrap_or(Fault::None) {
            Fault::CrashAfter(call) if call == number => Outcome::DieAfter,
            Fault::FailAt(call) if call == number => Outcome::Away,
            Fault::HangAt(call) if call == number => Outcome::Hang,
            Fault::LoseAnswerOf(call) if call == number => Outcome::Lost,
            Fault::Away(beginning) if verb.starts_with(beginning) => Outcome::Away,
            Fault::Denied(beginning) if verb.starts_with(beginning) => Outcome::Denied,
            Fault::None
            | Fault::CrashAfter(_)
            | Fault::FailAt(_)
            | Fault::HangAt(_)
            | Fault::LoseAnswerOf(_)
            | Fault::Away(_)
            | Fault::Denied(_) => Outcome::Answer,
        }
    }

    async fn aws<T>(
        &self,
        verb: &'static str,
        effect: impl FnOnce(&mut World, Timestamp) -> Result<T, &'static str>,
    ) -> Result<T, aws::Error> {
        let outcome = self.call(verb).await;
        let now = self.now();
        let refused = |code: &str, class| aws::Error::Refused {
            operation: verb,
            subject: "it".to_owned(),
            code: code.to_owned(),
            message: format!("may not {verb}"),
            class,
        };
        match outcome {
            Outcome::Hang => std::future::pending().await,
            Outcome::Away => Err(refused("ServiceUnavailable", Class::Transient)),
            Outcome::Denied => Err(refused("AccessDenied", Class::Permanent)),
            Outcome::Answer => effect(&mut self.world(), now).map_err(|code| refused(code, class_of(code))),
            Outcome::Lost => {
                effect(&mut self.world(), now).map_err(|code| refused(code, class_of(code)))?;
                Err(refused("ServiceUnavailable", Class::Transient))
            }
            Outcome::DieAfter => {
                let _ = effect(&mut self.world(), now);
                self.die().await
            }
        }
    }

    async fn kubernetes<T>(
        &self,
        verb: &'static str,
        effect: impl FnOnce(&mut World, Timestamp) -> Result<T, Refusal>,
    ) -> Result<T, kubernetes::Error> {
        let outcome = self.call(verb).await;
        let now = self.now();
        let refused = |(code, message): Refusal| kubernetes::Error::Refused {
            call: verb.to_owned(),
            code,
            message: message.to_owned(),
        };
        match outcome {
            Outcome::Hang => std::future::pending().await,
            Outcome::Away => Err(refused((503, "away"))),
            Outcome::Denied => Err(refused((403, "not permitted"))),
            Outcome::Answer => effect(&mut self.world(), now).map_err(refused),
            Outcome::Lost => {
                effect(&mut self.world(), now).map_err(refused)?;
                Err(refused((503, "away")))
            }
            Outcome::DieAfter => {
                let _ = effect(&mut self.world(), now);
                self.die().await
            }
        }
    }

    async fn die<R>(&self) -> R {
        self.crash.notify_one();
        std::future::pending().await
    }
}

/// What AWS refuses because something else is going on may work later.
fn class_of(code: &str) -> Class {
    if code.starts_with("Validation") || code.starts_with("InvalidParameter") {
        Class::Permanent
    } else {
        Class::Transient
    }
}
