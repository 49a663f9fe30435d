//! All that the function sees and changes, in memory. Clones share it.
//!
//! Whatever follows a change does so by the clock: pods are replaced one by one, images are pulled, bad ones fail.

mod cluster;
mod registry;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use aws::eventbridge::{BusEvent, PutEvents};
use aws::sqs::{ParkMessage, ParkedMessage};
use domain::failure::Class;
use domain::image::{Digest, Repository, Target};
use jiff::{SignedDuration, Timestamp};
use runtime::clock::{Clock, TestClock};
use runtime::lines::Memory;
use serde_json::Value;
use tokio::sync::Notify;

use crate::config::Config;
use crate::config::tests::config;

pub(super) use cluster::Object;
pub(super) use registry::{Image, PLACE, digest};

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
const MUTATING: [&str; 4] = ["kube patch", "kube event", "bus put", "sqs park"];

/// How an image does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nature {
    /// It gets ready.
    Good,
    /// It can't be pulled.
    Missing,
    /// It ends as soon as it runs.
    Crashing,
}

/// Something that somebody else does.
type Deed = Box<dyn FnOnce(&mut World) + Send>;

/// All there is.
#[derive(Default)]
pub(super) struct World {
    pub(super) repositories: BTreeMap<Repository, Vec<Image>>,
    pub(super) natures: BTreeMap<Digest, Nature>,
    /// The lifecycle policy of every repository.
    pub(super) lifecycle: Option<String>,
    pub(super) workloads: BTreeMap<Target, Object>,
    /// The architectures of nodes.
    pub(super) nodes: BTreeSet<String>,
    /// What people and machines were told: `Event` or the type on the bus, about what, what happened, and the sentence.
    pub(super) told: Vec<[String; 4]>,
    pub(super) calls: Vec<&'static str>,
    /// Everything that was written by us, in order.
    pub(super) writes: Vec<String>,
    /// Images that we wrote, in order.
    pub(super) patches: Vec<(Timestamp, String)>,
    /// The workload that can't be patched.
    pub(super) locked: Option<Target>,
    fault: Option<Fault>,
    settled: Option<Timestamp>,
    to_come: Vec<(Timestamp, Deed)>,
    /// The number of the last thing made: versions, pods.
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

impl World {
    fn next(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// Lets everything follow what was asked of it, second by second, until `now`.
    fn settle(&mut self, now: Timestamp) {
        let mut at = self.settled.unwrap_or(now);
        while at < now {
            at = (at + SignedDuration::from_secs(1)).min(now);
            self.step(at);
        }
        self.settled = Some(now);
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
    /// A world at that time, with nodes and nothing else.
    pub(super) fn at(time: &str) -> Self {
        let fake = Self {
            world: Arc::default(),
            crash: Arc::default(),
            clock: TestClock::starting_at(ts(time)),
            config: config(),
            lines: Memory::default(),
        };
        fake.world().nodes.insert("amd64".to_owned());
        fake
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
        world.settle(now);
        world
    }

    /// Somebody does something at that time.
    pub(super) fn then(&self, at: Timestamp, deed: impl FnOnce(&mut World) + Send + 'static) {
        let mut world = self.world();
        world.to_come.push((at, Box::new(deed)));
        world.to_come.sort_by_key(|(at, _)| *at);
    }

    /// The id of an invocation.
    pub(super) fn request_id(&self) -> String {
        format!("r{}", self.world().next())
    }

    pub(super) fn set(&self, fault: Fault) {
        self.world().fault = Some(fault);
    }

    /// Everything that was written, in order.
    pub(super) fn writes(&self) -> Vec<String> {
        self.world().writes.clone()
    }

    /// Images that we wrote, in order: `deployment/shop/web app:1.3.0`.
    pub(super) fn patches(&self) -> Vec<String> {
        let world = self.world();
        world.patches.iter().map(|(_, text)| text.clone()).collect()
    }

    /// What was told under this name about this: what happened.
    pub(super) fn told(&self, under: &str, about: &str) -> Vec<String> {
        let world = self.world();
        let told = world
            .told
            .iter()
            .filter(|told| told[0] == under && told[1] == about);
        told.map(|told| told[2].clone()).collect()
    }

    /// How many calls begin so.
    pub(super) fn called(&self, beginning: &str) -> usize {
        let world = self.world();
        world
            .calls
            .iter()
            .filter(|verb| verb.starts_with(beginning))
            .count()
    }

    /// How many calls would change something.
    pub(super) fn mutating(&self) -> usize {
        let world = self.world();
        world.calls.iter().filter(|verb| MUTATING.contains(verb)).count()
    }

    /// The sum of a metric.
    pub(super) fn metric(&self, name: &str) -> u64 {
        let lines = self.lines.lines();
        let value = |line: &String| serde_json::from_str::<Value>(line).unwrap()[name].as_u64();
        lines.iter().filter_map(value).sum()
    }

    /// Begins to count anew.
    pub(super) fn forget(&self) {
        let mut world = self.world();
        world.calls.clear();
        world.writes.clear();
        world.patches.clear();
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
        effect: impl FnOnce(&mut World) -> Result<T, &'static str>,
    ) -> Result<T, aws::Error> {
        let refused = |code: &str, class| aws::Error::Refused {
            operation: verb,
            subject: "it".to_owned(),
            code: code.to_owned(),
            message: format!("may not {verb}"),
            class,
        };
        let permanent = |code| refused(code, Class::Permanent);
        match self.call(verb).await {
            Outcome::Hang => std::future::pending().await,
            Outcome::Away => Err(refused("ServiceUnavailable", Class::Transient)),
            Outcome::Denied => Err(refused("AccessDenied", Class::Permanent)),
            Outcome::Answer => effect(&mut self.world()).map_err(permanent),
            Outcome::Lost => {
                effect(&mut self.world()).map_err(permanent)?;
                Err(refused("ServiceUnavailable", Class::Transient))
            }
            Outcome::DieAfter => {
                let _ = effect(&mut self.world());
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

impl PutEvents for Fake {
    async fn put_events(&self, events: &[BusEvent<'_>]) -> Result<(), aws::Error> {
        self.aws("bus put", |world| {
            for event in events {
                let word = |name: &str| event.detail[name].as_str().map(str::to_owned);
                let what = word("action").or_else(|| word("error")).unwrap_or_default();
                let (resource, reason) = (word("resource"), word("reason"));
                world.told.push([
                    event.detail_type.to_owned(),
                    resource.unwrap_or_default(),
                    what,
                    reason.unwrap_or_default(),
                ]);
            }
            Ok(())
        })
        .await
    }
}

impl ParkMessage for Fake {
    async fn park(&self, message: &ParkedMessage<'_>) -> Result<(), aws::Error> {
        self.aws("sqs park", |world| {
            world.writes.push(format!("park {}", message.message_id));
            Ok(())
        })
        .await
    }
}
