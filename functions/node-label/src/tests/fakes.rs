//! One group with its machines and their nodes, in memory. Clones share it.

mod ports;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use access::Connect;
use aws::autoscaling::{Group, GroupInstance, Health};
use domain::failure::Class;
use domain::ids::{ClusterName, GroupName, HookName, InstanceId, NodeName, Uid};
use domain::keys::{CLUSTER_TAG, STARTUP_TAINT};
use domain::lifecycle::{Completion, Hook, HookResult, LifecycleState, Transition};
use domain::machine::{CapacityType, Machine, MachineState};
use domain::node::{Node, Ready};
use domain::offhours::Capacity;
use domain::taint::{Effect, Taint};
use jiff::{SignedDuration, Timestamp};
use runtime::clock::{Clock, TestClock};
use serde_json::Value;
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
    /// Nobody tells where the API server is.
    NoWayIn,
    /// A permission is missing.
    Refuse(&'static str),
    /// The next so many patches meet a kubelet that reports at the same moment.
    Conflicts(u32),
}

/// A machine and where it is in its life.
pub(super) struct Instance {
    pub(super) lifecycle: &'static str,
    pub(super) machine: Machine,
    told: Timestamp,
}

/// Something that somebody else does.
type Deed = Box<dyn FnOnce(&mut World) + Send>;

/// All there is.
pub(super) struct World {
    pub(super) tags: BTreeMap<String, String>,
    pub(super) instances: BTreeMap<InstanceId, Instance>,
    pub(super) nodes: BTreeMap<NodeName, Node>,
    fault: Fault,
    calls: Vec<&'static str>,
    writes: Vec<String>,
    events: BTreeSet<(String, Timestamp)>,
    to_come: Vec<(Timestamp, Deed)>,
    version: u64,
    ran_out: bool,
}

#[derive(Clone)]
pub(super) struct Fake {
    world: Arc<Mutex<World>>,
    crash: Arc<Notify>,
    clock: TestClock,
}

impl Clock for Fake {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

pub(super) fn id(number: u32) -> InstanceId {
    InstanceId::parse(format!("i-{number:08x}")).unwrap()
}

pub(super) fn name(number: u32) -> NodeName {
    NodeName::parse(format!("ip-10-0-1-{number}.eu-central-1.compute.internal")).unwrap()
}

/// The node of machine `number`, as its kubelet registers it.
pub(super) fn registered(number: u32, now: Timestamp) -> Node {
    let node = Node::new(
        name(number),
        Uid::parse(format!("uid-{number}-{now}")).unwrap(),
        now,
    );
    Node {
        resource_version: "1".to_owned(),
        internal_ips: vec![format!("10.0.1.{number}").parse().unwrap()],
        taints: vec![Taint::new(STARTUP_TAINT, Effect::NoSchedule)],
        ..node.on(format!("aws:///eu-central-1a/{}", id(number)))
    }
}

impl World {
    /// Puts a machine into the group.
    pub(super) fn launch(&mut self, number: u32, lifecycle: &'static str, now: Timestamp) {
        let machine = Machine {
            id: id(number),
            arn: format!("arn:aws:ec2:eu-central-1:111122223333:instance/{}", id(number)),
            state: MachineState::Running,
            launched: now,
            private_dns_name: name(number).into(),
            ips: vec![format!("10.0.1.{number}").parse().unwrap()],
            zone: "eu-central-1a".to_owned(),
            region: "eu-central-1".to_owned(),
            instance_type: "m7g.large".to_owned(),
            capacity: CapacityType::Spot,
            architecture: "arm64".to_owned(),
            profile_arn: None,
            tags: BTreeMap::new(),
        };
        let instance = Instance {
            lifecycle,
            machine,
            told: now,
        };
        self.instances.insert(id(number), instance);
    }

    pub(super) fn edit(&mut self, number: u32, edit: impl FnOnce(&mut Node)) {
        self.version += 1;
        let version = self.version.to_string();
        let node = self.nodes.get_mut(&name(number)).unwrap();
        edit(node);
        node.resource_version = version;
    }

    pub(super) fn set_ready(&mut self, number: u32, is_ready: bool, since: Timestamp) {
        self.edit(number, |node| node.ready = Some(Ready { is_ready, since }));
    }

    pub(super) fn set_lifecycle(&mut self, number: u32, lifecycle: &'static str) {
        self.instances.get_mut(&id(number)).unwrap().lifecycle = lifecycle;
    }

    fn group(&self) -> Group {
        let instance = |(id, instance): (&InstanceId, &Instance)| GroupInstance {
            id: id.clone(),
            lifecycle: LifecycleState::parse(instance.lifecycle),
            zone: instance.machine.zone.clone(),
            health: Health::Healthy,
            machine_type: String::new(),
        };
        Group {
            name: GroupName::parse("workers").unwrap(),
            tags: self.tags.clone(),
            capacity: Capacity::new(0, 1, 1),
            created: None,
            instances: self.instances.iter().map(instance).collect(),
        }
    }

    /// A JSON merge patch of what we patch.
    fn patch(&mut self, name: &NodeName, patch: &Value) -> Result<Node, (u16, &'static str)> {
        self.version += 1;
        let version = self.version.to_string();
        let node = self.nodes.get_mut(name).ok_or((404, "not found"))?;
        if let Fault::Conflicts(left @ 1..) = self.fault {
            self.fault = Fault::Conflicts(left - 1);
            node.resource_version = version;
            return Err((409, "changed"));
        }
        if let Some(seen) = patch["metadata"].get("resourceVersion")
            && *seen != node.resource_version.as_str()
        {
            return Err((409, "changed"));
        }
        for (field, map) in [
            ("labels", &mut node.labels),
            ("annotations", &mut node.annotations),
        ] {
            for (key, value) in patch["metadata"][field].as_object().into_iter().flatten() {
                match value.as_str() {
                    Some(text) => drop(map.insert(key.clone(), text.to_owned())),
                    None => drop(map.remove(key)),
                }
            }
        }
        if let Some(taints) = patch["spec"].get("taints") {
            node.taints = serde_json::from_value(taints.clone()).unwrap();
        }
        if let Some(provider_id) = patch["spec"]["providerID"].as_str() {
            *node = node.clone().on(provider_id);
        }
        node.resource_version = version;
        self.writes.push(format!("patch {}", short(name)));
        Ok(node.clone())
    }
}

/// `node 7`, for the node of machine 7.
fn short(name: &NodeName) -> &str {
    name.as_str().split('.').next().unwrap()
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
    /// A group of cluster `blue` with these tags, and nothing in it.
    pub(super) fn with_tags(tags: &[(&str, &str)]) -> Self {
        let clock = TestClock::starting_at("2026-11-21T08:00:00Z".parse().unwrap());
        let world = World {
            tags: BTreeMap::new(),
            instances: BTreeMap::new(),
            nodes: BTreeMap::new(),
            fault: Fault::None,
            calls: vec![],
            writes: vec![],
            events: BTreeSet::new(),
            to_come: vec![],
            version: 1,
            ran_out: false,
        };
        let fake = Self {
            world: Arc::new(Mutex::new(world)),
            crash: Arc::default(),
            clock,
        };
        fake.tag(tags);
        fake
    }

    /// Machine 7 waits at our hook; it joins after 5 s and is ready after 20.
    pub(super) fn launching(tags: &[(&str, &str)]) -> Self {
        let fake = Self::with_tags(tags);
        let now = fake.now();
        fake.world().launch(7, "Pending:Wait", now);
        fake.joins(7, 5, 20);
        fake
    }

    /// Machine 7 serves, and its node is as our first patch left it.
    pub(super) async fn serving(tags: &[(&str, &str)]) -> Self {
        let fake = Self::launching(tags);
        super::tick(&fake, 3).await;
        assert_eq!(
            fake.world().instances[&id(7)].lifecycle,
            "InService",
            "{:?}",
            fake.writes()
        );
        fake.forget();
        fake
    }

    /// The node of a machine registers after so many seconds, and is ready after so many.
    pub(super) fn joins(&self, number: u32, after: i64, ready_after: i64) {
        let (joined, ready) = (self.in_seconds(after), self.in_seconds(ready_after));
        self.later(after, move |world| {
            world.nodes.insert(name(number), registered(number, joined));
        });
        self.later(ready_after, move |world| {
            if world.nodes.contains_key(&name(number)) {
                world.set_ready(number, true, ready);
            }
        });
    }

    fn in_seconds(&self, seconds: i64) -> Timestamp {
        self.now() + SignedDuration::from_secs(seconds)
    }

    /// Somebody does something after so many seconds.
    pub(super) fn later(&self, after: i64, deed: impl FnOnce(&mut World) + Send + 'static) {
        let at = self.in_seconds(after);
        let mut world = self.world();
        world.to_come.push((at, Box::new(deed)));
        world.to_come.sort_by_key(|(at, _)| *at);
    }

    pub(super) fn tag(&self, tags: &[(&str, &str)]) {
        let enrolled = (CLUSTER_TAG, "blue");
        let tags = tags.iter().chain([&enrolled]);
        self.world().tags = tags
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
    }

    /// The world, with everything done in it that is to be done by now.
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        let now = self.now();
        let mut world = self.world.lock().unwrap();
        while world.to_come.first().is_some_and(|(at, _)| *at <= now) {
            let (_, deed) = world.to_come.remove(0);
            deed(&mut world);
        }
        world
    }

    pub(super) fn set(&self, fault: Fault) {
        self.world().fault = fault;
    }

    /// Everything that was written, in order.
    pub(super) fn writes(&self) -> Vec<String> {
        self.world().writes.clone()
    }

    /// How many writes begin so.
    pub(super) fn count(&self, beginning: &str) -> usize {
        self.writes()
            .iter()
            .filter(|write| write.starts_with(beginning))
            .count()
    }

    /// How many calls of this name came in.
    pub(super) fn called(&self, name: &str) -> usize {
        self.world().calls.iter().filter(|call| **call == name).count()
    }

    /// How many calls of any kind came in.
    pub(super) fn calls(&self) -> u64 {
        self.world().calls.len() as u64
    }

    /// Begins to count anew.
    pub(super) fn forget(&self) {
        let mut world = self.world();
        world.calls.clear();
        world.writes.clear();
    }

    pub(super) fn node(&self, number: u32) -> Node {
        self.world().nodes[&name(number)].clone()
    }

    pub(super) fn lifecycle(&self, number: u32) -> &'static str {
        self.world().instances[&id(number)].lifecycle
    }

    /// Whether a hook ever waited longer than its time-out.
    pub(super) fn hook_ran_out(&self) -> bool {
        let now = self.now();
        let world = self.world();
        let waits = |one: &&Instance| one.lifecycle == "Pending:Wait";
        world.ran_out
            || world
                .instances
                .values()
                .filter(waits)
                .any(|one| now.duration_since(one.told) >= HEARTBEAT)
    }

    /// Returns when the sandbox dies.
    pub(super) async fn crashed(&self) {
        self.crash.notified().await;
    }

    /// Counts the call, and says how it goes on.
    fn call(&self, name: &'static str, of_cluster: bool) -> Outcome {
        let mut world = self.world();
        world.calls.push(name);
        match world.fault {
            Fault::CrashAfter(call) if call == world.calls.len() as u64 => Outcome::DieAfter,
            Fault::ClusterAway if of_cluster => Outcome::Away,
            Fault::Refuse(refused) if refused == name => Outcome::Refused,
            _ => Outcome::Answer,
        }
    }

    async fn aws<T>(
        &self,
        name: &'static str,
        effect: impl FnOnce(&mut World) -> T,
    ) -> Result<T, aws::Error> {
        match self.call(name, false) {
            Outcome::Refused | Outcome::Away => Err(ports::refused(name)),
            Outcome::Answer => Ok(effect(&mut self.world())),
            Outcome::DieAfter => self.die(effect).await,
        }
    }

    async fn kubernetes<T>(
        &self,
        name: &'static str,
        effect: impl FnOnce(&mut World) -> Result<T, (u16, &'static str)>,
    ) -> Result<T, kubernetes::Error> {
        let refused = |code, message: &str| kubernetes::Error::Refused {
            call: name.to_owned(),
            code,
            message: message.to_owned(),
        };
        match self.call(name, true) {
            Outcome::Away => Err(refused(503, "away")),
            Outcome::Refused => Err(refused(403, "not permitted")),
            Outcome::Answer => effect(&mut self.world()).map_err(|(code, message)| refused(code, message)),
            Outcome::DieAfter => self.die(effect).await,
        }
    }

    async fn die<T, R>(&self, effect: impl FnOnce(&mut World) -> T) -> R {
        effect(&mut self.world());
        self.crash.notify_one();
        std::future::pending().await
    }
}
