//! One group, its machines, a parameter store and a cluster, in memory. Clones share it.

mod aws_side;
mod cluster_side;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use domain::failure::Class;
use domain::ids::{InstanceId, NodeName, Uid};
use domain::join::{Document, Issued, NoRandomness, Random, SigningRequest};
use domain::keys::CLUSTER_TAG;
use domain::machine::{CapacityType, Machine, MachineState};
use domain::node::Node;
use jiff::{SignedDuration, Timestamp};
use runtime::clock::{Clock, TestClock};
use tokio::sync::Notify;

use super::{FIRST, config};

pub(super) const CA: &str = include_str!("../../../../shared/domain/src/join/testdata/ca-ec.pem");
pub(super) const NEW_CA: &str = include_str!("../../../../shared/domain/src/join/testdata/ca-rsa.pem");

/// How long every call takes: enough for calls of other invocations to come between.
const LATENCY: SignedDuration = SignedDuration::from_millis(10);

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// The call of this number is carried out, and its caller dies before it hears of it.
    CrashAfter(u64),
    /// No answer from the API server.
    ClusterAway,
    /// A permission is missing, or the service is away.
    Refuse(&'static str),
    /// The API server takes no bootstrap tokens.
    NoTokens,
}

pub(super) struct Kept {
    pub(super) value: String,
    pub(super) description: String,
    pub(super) tags: BTreeMap<String, String>,
}

pub(super) struct TokenSecret {
    pub(super) secret: String,
    pub(super) group: String,
    pub(super) expires: Timestamp,
    pub(super) instance: Option<String>,
}

pub(super) struct State {
    fault: Fault,
    calls: u64,
    kubernetes_calls: u64,
    writes: Vec<String>,
    secrets_ever: Vec<String>,
    random: Vec<u8>,
    seed: u64,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) hook: String,
    /// Whether there is another group, in which a machine waits and whose hooks nobody can read.
    pub(super) has_sick_group: bool,
    pub(super) instances: BTreeMap<InstanceId, String>,
    pub(super) machines: BTreeMap<InstanceId, Machine>,
    pub(super) parameters: BTreeMap<String, Kept>,
    pub(super) values_read: Vec<String>,
    pub(super) secrets: BTreeMap<String, TokenSecret>,
    pub(super) nodes: Vec<Node>,
    pub(super) requests: Vec<SigningRequest>,
    pub(super) ca: String,
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

/// First what a test put in, then numbers that differ from call to call.
impl Random for Fake {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness> {
        let mut state = self.state();
        for byte in bytes {
            if state.random.is_empty() {
                state.seed = state.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                *byte = state.seed.to_be_bytes()[0];
            } else {
                *byte = state.random.remove(0);
            }
        }
        Ok(())
    }
}

/// How a call goes on after the fault was looked at.
enum Outcome {
    Answer,
    /// The effect happens; the caller never hears.
    DieAfter,
    Away,
    Refused,
}

impl Fake {
    /// A group in which one instance waits at our launch hook.
    pub(super) fn new() -> Self {
        let clock = TestClock::starting_at("2026-11-21T08:00:00Z".parse().unwrap());
        let cluster = (CLUSTER_TAG.to_owned(), "blue".to_owned());
        let state = State {
            fault: Fault::None,
            calls: 0,
            kubernetes_calls: 0,
            writes: vec![],
            secrets_ever: vec![],
            random: vec![],
            seed: 20_261_121,
            tags: BTreeMap::from([cluster]),
            hook: "lamplighter-node-launch".to_owned(),
            has_sick_group: false,
            instances: BTreeMap::new(),
            machines: BTreeMap::new(),
            parameters: BTreeMap::new(),
            values_read: vec![],
            secrets: BTreeMap::new(),
            nodes: vec![],
            requests: vec![],
            ca: CA.to_owned(),
        };
        let fake = Self {
            state: Arc::new(Mutex::new(state)),
            crash: Arc::default(),
            clock,
        };
        fake.launch(FIRST, 7);
        fake
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Launches a machine at the address 10.0.1.`last`.
    pub(super) fn launch(&self, id: &str, last: u8) {
        let machine = machine(id, last, self.now());
        let mut state = self.state();
        state
            .instances
            .insert(machine.id.clone(), "Pending:Wait".to_owned());
        state.machines.insert(machine.id.clone(), machine);
    }

    pub(super) fn set(&self, fault: Fault) {
        self.state().fault = fault;
    }

    pub(super) fn move_to(&self, id: &str, state: &str) {
        let id = InstanceId::parse(id).unwrap();
        self.state().instances.insert(id, state.to_owned());
    }

    /// The instance is gone, from its group and from EC2.
    pub(super) fn remove(&self, id: &str) {
        let id = InstanceId::parse(id).unwrap();
        let mut state = self.state();
        state.instances.remove(&id);
        state.machines.remove(&id);
    }

    pub(super) fn tag(&self, key: &str, value: &str) {
        self.state().tags.insert(key.to_owned(), value.to_owned());
    }

    /// The next bytes of randomness.
    pub(super) fn next_random(&self, bytes: impl IntoIterator<Item = u8>) {
        self.state().random.extend(bytes);
    }

    /// Everything that was written, in order.
    pub(super) fn writes(&self) -> Vec<String> {
        self.state().writes.clone()
    }

    pub(super) fn calls(&self) -> u64 {
        self.state().calls
    }

    pub(super) fn kubernetes_calls(&self) -> u64 {
        self.state().kubernetes_calls
    }

    /// The secret halves of all tokens that ever were.
    pub(super) fn secrets_ever(&self) -> Vec<String> {
        self.state().secrets_ever.clone()
    }

    /// Returns when the sandbox dies.
    pub(super) async fn crashed(&self) {
        self.crash.notified().await;
    }

    pub(super) fn parameter_name(id: &str) -> String {
        format!("/lamplighter/blue/join/{id}")
    }

    /// The token that the machine finds, and its term.
    fn document(&self, id: &str) -> Option<(String, Issued)> {
        let state = self.state();
        let kept = state.parameters.get(&Self::parameter_name(id))?;
        let instance = InstanceId::parse(id).unwrap();
        let (token, issued) = Document::read(&kept.value, &config().common.cluster, &instance).unwrap();
        Some((token.expose(), issued))
    }

    /// The token that the machine takes: its script does not begin with one that is nearly over.
    pub(super) fn token_of(&self, id: &str) -> Option<String> {
        let now = self.now();
        let (token, issued) = self.document(id)?;
        (issued.left(now) >= SignedDuration::from_secs(180)).then_some(token)
    }

    /// What the machine's parameter says to everybody.
    pub(super) fn issued(&self, id: &str) -> Option<Issued> {
        let state = self.state();
        let kept = state.parameters.get(&Self::parameter_name(id))?;
        kept.description.parse().ok()
    }

    /// Somebody changes the machine's parameter.
    pub(super) fn change(&self, id: &str, change: impl FnOnce(&mut Kept)) {
        change(
            self.state()
                .parameters
                .get_mut(&Self::parameter_name(id))
                .unwrap(),
        );
    }

    /// Whether exactly one parameter and one Secret are there, with one token.
    pub(super) fn has_one_token(&self) -> bool {
        let token = self.document(FIRST).map(|(token, _)| token);
        let state = self.state();
        let secrets: Vec<String> = state
            .secrets
            .iter()
            .map(|(id, kept)| format!("{id}.{}", kept.secret))
            .collect();
        state.parameters.len() == 1 && token.is_some() && secrets == Vec::from_iter(token)
    }

    /// Nothing of any token is left.
    pub(super) fn is_clean(&self) -> bool {
        let state = self.state();
        state.parameters.is_empty() && state.secrets.is_empty()
    }

    /// The control plane clears away what is over.
    pub(super) fn clean_tokens(&self) {
        let now = self.now();
        self.state().secrets.retain(|_, kept| now < kept.expires);
    }

    pub(super) fn register(&self, id: &str, last: u8) {
        let created = self.now();
        let node = Node::new(name(last), Uid::parse(format!("uid-{last}")).unwrap(), created);
        self.state()
            .nodes
            .push(node.on(format!("aws:///eu-central-1a/{id}")));
    }

    /// Counts the call, and says how it goes on.
    fn call(&self, name: &str, of_cluster: bool) -> Outcome {
        let mut state = self.state();
        state.calls += 1;
        state.kubernetes_calls += u64::from(of_cluster);
        match state.fault {
            Fault::CrashAfter(call) if call == state.calls => Outcome::DieAfter,
            Fault::ClusterAway if of_cluster => Outcome::Away,
            Fault::Refuse(refused) if refused == name => Outcome::Refused,
            _ => Outcome::Answer,
        }
    }

    async fn aws<T>(
        &self,
        name: &'static str,
        effect: impl FnOnce(&mut State) -> T,
    ) -> Result<T, aws::Error> {
        self.clock.sleep(LATENCY).await;
        match self.call(name, false) {
            Outcome::Refused | Outcome::Away => Err(aws::Error::Refused {
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
        self.clock.sleep(LATENCY).await;
        let refused = |code, message: String| kubernetes::Error::Refused {
            call: name.to_owned(),
            code,
            message,
        };
        match self.call(name, true) {
            Outcome::Away => Err(refused(503, "away".to_owned())),
            Outcome::Refused => Err(refused(403, format!("may not {name}"))),
            Outcome::Answer => Ok(effect(&mut self.state())),
            Outcome::DieAfter => {
                effect(&mut self.state());
                self.crash.notify_one();
                std::future::pending().await
            }
        }
    }
}

/// The name of the node at 10.0.1.`last`.
pub(super) fn name(last: u8) -> NodeName {
    NodeName::parse(format!("ip-10-0-1-{last}.eu-central-1.compute.internal")).unwrap()
}

fn machine(id: &str, last: u8, launched: Timestamp) -> Machine {
    let id = InstanceId::parse(id).unwrap();
    Machine {
        arn: domain::machine::arn("eu-central-1", "111122223333", &id),
        id,
        state: MachineState::Running,
        launched,
        private_dns_name: name(last).to_string(),
        ips: vec![],
        zone: "eu-central-1a".to_owned(),
        region: "eu-central-1".to_owned(),
        instance_type: "m7g.large".to_owned(),
        capacity: CapacityType::OnDemand,
        architecture: "arm64".to_owned(),
        profile_arn: None,
        tags: BTreeMap::new(),
    }
}
