//! One group, one instance, one node and its pods, in memory. Clones share it.

mod auto_scaling;
mod cluster;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use domain::drain::{Owner, Phase, Pod, PodKey};
use domain::failure::Class;
use domain::ids::{NodeName, Uid};
use domain::node::Node;
use jiff::{SignedDuration, Timestamp};
use runtime::clock::{Clock, TestClock};
use tokio::sync::Notify;

const HEARTBEAT: SignedDuration = SignedDuration::from_secs(300);

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// The call of this number is carried out, and its caller dies before it hears of it.
    CrashAfter(u64),
    /// No answer from the API server.
    ClusterAway,
    /// A budget holds this pod back.
    Budget(&'static str),
    /// The node does not say on what it runs.
    SilentNode,
    /// A permission is missing.
    Refuse(&'static str),
    /// The API server does not know the credential that the sandbox remembers.
    StaleCredential,
    /// Somebody deletes the node at the very moment of its patch. The control plane clears its pods away later.
    DeletedAtPatch,
}

struct State {
    fault: Fault,
    calls: u64,
    writes: Vec<String>,
    asked: BTreeMap<String, u32>,
    /// In which state the instance waits.
    lifecycle: &'static str,
    /// Whether our hook was completed.
    completed: bool,
    /// Whether the group has a hook of somebody else, which keeps the instance after ours.
    others: bool,
    told: Timestamp,
    ran_out: bool,
    cluster: String,
    hook: String,
    /// `None` when somebody deleted it.
    node: Option<Node>,
    pods: Vec<(Pod, SignedDuration)>,
}

#[derive(Clone)]
pub(super) struct Fake {
    state: Arc<Mutex<State>>,
    crash: Arc<Notify>,
    clock: TestClock,
}

impl Clock for Fake {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// How a call goes on after the fault was looked at.
enum Outcome {
    Answer,
    /// The effect happens; the caller never hears.
    DieAfter,
    Away,
    Refused,
    Unknown,
}

impl Fake {
    /// A node with these pods, each of which takes so many seconds to stop.
    pub(super) fn with_pods(pods: &[(&str, i64)]) -> Self {
        let clock = TestClock::starting_at("2026-11-21T08:00:00Z".parse().unwrap());
        let name = NodeName::parse("ip-10-0-1-7.eu-central-1.compute.internal").unwrap();
        let node = Node::new(name, Uid::parse("0f9c").unwrap(), clock.now());
        let node = Node {
            resource_version: "1".to_owned(),
            ..node.on("aws:///eu-central-1a/i-0123456789abcdef0")
        };
        let pod = |&(name, seconds): &(&str, i64)| {
            let pod = Pod {
                key: PodKey {
                    namespace: "shop".to_owned(),
                    name: name.to_owned(),
                },
                uid: Uid::parse(format!("uid-{name}")).unwrap(),
                owner: Owner::Other,
                mirror: false,
                phase: Phase::Active,
                deletion_deadline: None,
            };
            (pod, SignedDuration::from_secs(seconds))
        };
        let state = State {
            fault: Fault::None,
            calls: 0,
            writes: vec![],
            asked: BTreeMap::new(),
            lifecycle: "Terminating:Wait",
            completed: false,
            others: false,
            told: clock.now(),
            ran_out: false,
            cluster: "blue".to_owned(),
            hook: "lamplighter-node-drain".to_owned(),
            node: Some(node),
            pods: pods.iter().map(pod).collect(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            crash: Arc::default(),
            clock,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) fn set(&self, fault: Fault) {
        self.state().fault = fault;
    }

    pub(super) fn enrol(&self, cluster: &str) {
        self.state().cluster = cluster.to_owned();
    }

    pub(super) fn name_hook(&self, hook: &str) {
        self.state().hook = hook.to_owned();
    }

    /// A hook of somebody else keeps the instance as long as the test lasts.
    pub(super) fn add_hook_of_others(&self) {
        self.state().others = true;
    }

    /// An instance that leaves the warm pool, in which it never joined the cluster.
    pub(super) fn in_warm_pool() -> Self {
        let fake = Self::with_pods(&[]);
        fake.state().lifecycle = "Warmed:Terminating:Wait";
        fake.state().node = None;
        fake
    }

    /// Everything that was written, in order.
    pub(super) fn writes(&self) -> Vec<String> {
        self.state().writes.clone()
    }

    /// How many calls of any kind came in.
    pub(super) fn calls(&self) -> u64 {
        self.state().calls
    }

    /// How often the pod's eviction was requested, granted or not.
    pub(super) fn asked(&self, pod: &str) -> u32 {
        self.state().asked.get(pod).copied().unwrap_or_default()
    }

    /// Returns when the sandbox dies.
    pub(super) async fn crashed(&self) {
        self.crash.notified().await;
    }

    /// Whether the instance still waits at the hook.
    pub(super) fn waits(&self) -> bool {
        self.state().waits()
    }

    /// Whether the hook ever waited longer than its time-out.
    pub(super) fn hook_ran_out(&self) -> bool {
        let now = self.now();
        let state = self.state();
        state.ran_out || (state.waits() && now.duration_since(state.told) >= HEARTBEAT)
    }

    /// Counts the call, and says how it goes on.
    fn call(&self, name: &str, of_cluster: bool) -> Outcome {
        let mut state = self.state();
        state.calls += 1;
        match state.fault {
            Fault::CrashAfter(call) if call == state.calls => Outcome::DieAfter,
            Fault::ClusterAway if of_cluster => Outcome::Away,
            Fault::Refuse(refused) if refused == name => Outcome::Refused,
            Fault::StaleCredential if of_cluster => Outcome::Unknown,
            _ => Outcome::Answer,
        }
    }

    async fn aws<T>(
        &self,
        name: &'static str,
        effect: impl FnOnce(&mut State) -> T,
    ) -> Result<T, aws::Error> {
        match self.call(name, false) {
            Outcome::Refused | Outcome::Away | Outcome::Unknown => Err(aws::Error::Refused {
                operation: name,
                subject: "workers".to_owned(),
                code: "AccessDenied".to_owned(),
                message: format!("may not {name}"),
                class: Class::Permanent,
            }),
            Outcome::Answer => Ok(effect(&mut self.state())),
            Outcome::DieAfter => {
                effect(&mut self.state());
                self.crash.notify_one();
                std::future::pending().await
            }
        }
    }

    async fn kubernetes<T>(
        &self,
        name: &str,
        effect: impl FnOnce(&mut State) -> T,
    ) -> Result<T, kubernetes::Error> {
        let refused = |code, message: String| kubernetes::Error::Refused {
            call: name.to_owned(),
            code,
            message,
        };
        match self.call(name, true) {
            Outcome::Away => Err(refused(503, "away".to_owned())),
            Outcome::Refused => Err(refused(403, format!("may not {name}"))),
            Outcome::Unknown => Err(refused(401, "Unauthorized".to_owned())),
            Outcome::Answer => {
                self.let_pods_stop();
                Ok(effect(&mut self.state()))
            }
            Outcome::DieAfter => {
                self.let_pods_stop();
                effect(&mut self.state());
                self.crash.notify_one();
                std::future::pending().await
            }
        }
    }

    fn let_pods_stop(&self) {
        let now = self.now();
        self.state()
            .pods
            .retain(|(pod, _)| pod.deletion_deadline.is_none_or(|end| now < end));
    }
}

impl State {
    fn waits(&self) -> bool {
        !self.completed || self.others
    }
}
