//! The API server and the registries, in memory. Clones share them.

mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use aws::ecr::{GetToken, PullToken};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::failure::Class;
use domain::pullsecret::{Content, PullSecret, SECRET_TYPE, ServiceAccount};
use jiff::{SignedDuration, Timestamp};
use runtime::clock::{Clock, TestClock};
use runtime::lines::Memory;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::config::Config;
use crate::config::tests::config;

/// Registries in three regions, and a second one in the first of them.
pub(super) const HOSTS: [&str; 4] = [
    "111122223333.dkr.ecr.eu-central-1.amazonaws.com",
    "111122223333.dkr.ecr.us-east-1.amazonaws.com",
    "111122223333.dkr.ecr.us-west-2.amazonaws.com",
    "444455556666.dkr.ecr.eu-central-1.amazonaws.com",
];

/// How long every call takes.
const LATENCY: SignedDuration = SignedDuration::from_millis(10);

/// What every token contains.
pub(super) const SECRET: &str = "hunter2";

/// A namespace.
#[derive(Debug, Clone, Default)]
pub(super) struct Space {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) deleted: Option<Timestamp>,
    pub(super) secret: Option<PullSecret>,
    pub(super) accounts: BTreeMap<String, ServiceAccount>,
}

/// Something that somebody else does.
type Deed = Box<dyn FnOnce(&mut World) + Send>;

#[derive(Default)]
pub(super) struct World {
    pub(super) spaces: BTreeMap<String, Space>,
    /// Every call, in order.
    pub(super) calls: Vec<String>,
    /// Calls that begin so are not permitted.
    pub(super) denied: BTreeSet<String>,
    /// Calls that begin so get no answer that is one.
    pub(super) away: BTreeSet<String>,
    /// Calls that begin so are never answered.
    pub(super) hanging: BTreeSet<String>,
    /// The sandbox dies after the call of this number.
    pub(super) crash_after: Option<usize>,
    /// For how long tokens are good.
    pub(super) life: Option<SignedDuration>,
    deeds: Vec<(String, Deed)>,
    version: u64,
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

/// A Secret that people made.
pub(super) fn of_people(content: &str, annotations: &[(&str, &str)]) -> PullSecret {
    PullSecret {
        version: "1".to_owned(),
        kind: SECRET_TYPE.to_owned(),
        is_immutable: false,
        labels: BTreeMap::new(),
        annotations: map(annotations),
        content: Some(Content::new(content)),
    }
}

/// The password of a token of this region, made at that time.
pub(super) fn password(region: &str, at: Timestamp) -> String {
    format!("{SECRET}:{region}:{}", at.as_second())
}

impl World {
    fn next(&mut self) -> String {
        self.version += 1;
        format!("v{}", self.version)
    }

    pub(super) fn space(&mut self, name: &str) -> &mut Space {
        self.spaces.entry(name.to_owned()).or_default()
    }
}

/// How a call ends.
enum Outcome {
    Answer,
    /// The effect happens; the caller never hears.
    DieAfter,
    Away,
    Denied,
    Hang,
}

impl Fake {
    /// Namespaces of these names in a cluster of the registries [`HOSTS`], at eight in the morning.
    pub(super) fn with(spaces: &[&str], settings: &[(&str, &str)]) -> Self {
        let hosts = HOSTS.join(",");
        let mut all = vec![("LAMPLIGHTER_PULL_REGISTRIES", hosts.as_str())];
        all.splice(0..0, settings.iter().copied());
        let fake = Self {
            world: Arc::default(),
            crash: Arc::default(),
            clock: TestClock::starting_at(ts("2026-11-26T08:00:00Z")),
            config: config(&all),
            lines: Memory::default(),
        };
        for name in spaces {
            fake.world().space(name);
        }
        fake
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// Somebody does something right before the next call that begins so.
    pub(super) fn before(&self, call: &str, deed: impl FnOnce(&mut World) + Send + 'static) {
        self.world().deeds.push((call.to_owned(), Box::new(deed)));
    }

    /// The Secret of a namespace.
    pub(super) fn secret(&self, space: &str) -> Option<PullSecret> {
        self.world().spaces[space].secret.clone()
    }

    /// The password that pods of a namespace pull by from a host.
    pub(super) fn password(&self, space: &str, host: &str) -> Option<String> {
        let content = self.secret(space)?.content?;
        let content: Value = serde_json::from_str(content.expose()).unwrap();
        let auth = STANDARD.decode(content["auths"][host]["auth"].as_str()?).unwrap();
        let text = String::from_utf8(auth).unwrap();
        Some(text.strip_prefix("AWS:")?.to_owned())
    }

    /// The last value of a metric.
    pub(super) fn metric(&self, name: &str) -> Option<u64> {
        let lines = self.lines.lines();
        let value = |line: &String| serde_json::from_str::<Value>(line).unwrap()[name].as_u64();
        lines.iter().rev().find_map(value)
    }

    /// How many calls begin so.
    pub(super) fn called(&self, beginning: &str) -> usize {
        let begins = |call: &&String| call.starts_with(beginning);
        self.world().calls.iter().filter(begins).count()
    }

    /// How many calls would change something.
    pub(super) fn writes(&self) -> usize {
        self.called("create") + self.called("patch")
    }

    /// Begins to count anew.
    pub(super) fn forget(&self) {
        self.world().calls.clear();
    }

    /// Returns when the sandbox dies.
    pub(super) async fn crashed(&self) {
        self.crash.notified().await;
    }

    /// Counts the call, and says how it goes on.
    async fn call(&self, call: &str) -> Outcome {
        self.sleep(LATENCY).await;
        let mut world = self.world();
        world.calls.push(call.to_owned());
        if let Some(at) = world
            .deeds
            .iter()
            .position(|(begins, _)| call.starts_with(begins))
        {
            let (_, deed) = world.deeds.remove(at);
            deed(&mut world);
        }
        let is_in = |set: &BTreeSet<String>| set.iter().any(|begins| call.starts_with(begins));
        if is_in(&world.hanging) {
            Outcome::Hang
        } else if is_in(&world.away) {
            Outcome::Away
        } else if is_in(&world.denied) {
            Outcome::Denied
        } else if world.crash_after == Some(world.calls.len()) {
            Outcome::DieAfter
        } else {
            Outcome::Answer
        }
    }

    async fn die<R>(&self) -> R {
        self.crash.notify_one();
        std::future::pending().await
    }
}

impl GetToken for Fake {
    async fn token(&self, region: &str) -> Result<PullToken, aws::Error> {
        let refused = |code: &str, class| aws::Error::Refused {
            operation: "ecr:GetAuthorizationToken",
            subject: format!("registries in {region}"),
            code: code.to_owned(),
            message: "not now".to_owned(),
            class,
        };
        match self.call(&format!("token {region}")).await {
            Outcome::Hang => std::future::pending().await,
            Outcome::DieAfter => self.die().await,
            Outcome::Away => Err(refused("ServerException", Class::Transient)),
            Outcome::Denied => Err(refused("AccessDeniedException", Class::Permanent)),
            Outcome::Answer => {
                let life = self.world().life.unwrap_or(SignedDuration::from_hours(12));
                Ok(PullToken {
                    password: aws::Secret::new(password(region, self.now())),
                    expires: self.now() + life,
                })
            }
        }
    }
}

/// The content that people made: one entry of theirs, and one for a registry of ours.
pub(super) fn by_hand() -> String {
    let entry = json!({ "auth": STANDARD.encode("AWS:by-hand") });
    json!({ "auths": { "docker.io": { "auth": "eDp5" }, HOSTS[0]: entry } }).to_string()
}
