//! One group, one instance, one node and its pods, in memory. Clones share it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use access::Connect;
use aws::autoscaling::{
    CompleteHook, DescribeGroups, DescribeHooks, Group, GroupInstance, Health, Heartbeat, LifecycleAction,
    RecordHeartbeat,
};
use aws::sqs::{ParkMessage, ParkedMessage};
use domain::drain::{Answer, Node, Owner, Phase, Pod, PodKey, Refusal};
use domain::failure::Class;
use domain::ids::{ClusterName, GroupName, HookName, InstanceId, NodeName, Uid};
use domain::keys::{CLUSTER_TAG, DRAINING, EXCLUDE_FROM_LOAD_BALANCERS};
use domain::lifecycle::{Completion, Hook, HookResult, LifecycleState, Transition};
use jiff::{SignedDuration, Timestamp};
use kubernetes::{
    AllNodes, CountCalls, EvictPod, ListNodes, ListPods, NodeEvent, PatchNode, RecordNodeEvent,
};
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
    /// A budget holds this pod back.
    Budget(&'static str),
    /// The node does not say on what it runs.
    SilentNode,
    /// A permission is missing.
    Refuse(&'static str),
}

struct State {
    fault: Fault,
    calls: u64,
    writes: Vec<String>,
    asked: BTreeMap<String, u32>,
    waits: bool,
    told: Timestamp,
    ran_out: bool,
    cluster: String,
    hook: String,
    node: Node,
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
}

impl Fake {
    /// A node with these pods, each of which takes so many seconds to stop.
    pub(super) fn with_pods(pods: &[(&str, i64)]) -> Self {
        let clock = TestClock::starting_at("2026-11-21T08:00:00Z".parse().unwrap());
        let node = Node {
            name: NodeName::parse("ip-10-0-1-7.eu-central-1.compute.internal").unwrap(),
            uid: Uid::parse("0f9c").unwrap(),
            resource_version: "1".to_owned(),
            instance: InstanceId::parse("i-0123456789abcdef0").unwrap(),
            unschedulable: false,
            taints: vec![],
            draining_label: None,
            excluded: false,
            mark: None,
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
            waits: true,
            told: clock.now(),
            ran_out: false,
            cluster: "blue".to_owned(),
            hook: "lamplighter-node-drain".to_owned(),
            node,
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
        self.state().waits
    }

    /// Whether the hook ever waited longer than its time-out.
    pub(super) fn hook_ran_out(&self) -> bool {
        let now = self.now();
        let state = self.state();
        state.ran_out || (state.waits && now.duration_since(state.told) >= HEARTBEAT)
    }

    /// Counts the call, and says how it goes on.
    fn call(&self, name: &str, of_cluster: bool) -> Outcome {
        let mut state = self.state();
        state.calls += 1;
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
        let refused = |code, message: String| kubernetes::Error::Refused {
            call: name.to_owned(),
            code,
            message,
        };
        match self.call(name, true) {
            Outcome::Away => Err(refused(503, "away".to_owned())),
            Outcome::Refused => Err(refused(403, format!("may not {name}"))),
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
    fn group(&self) -> Group {
        let lifecycle = if self.waits {
            "Terminating:Wait"
        } else {
            "Terminating:Proceed"
        };
        Group {
            name: GroupName::parse("workers").unwrap(),
            tags: BTreeMap::from([(CLUSTER_TAG.to_owned(), self.cluster.clone())]),
            instances: vec![GroupInstance {
                id: self.node.instance.clone(),
                lifecycle: LifecycleState::parse(lifecycle),
                zone: "eu-central-1a".to_owned(),
                health: Health::Healthy,
            }],
        }
    }
}

impl DescribeGroups for Fake {
    async fn groups_of(&self, cluster: &ClusterName) -> Result<Vec<Group>, aws::Error> {
        let found = self.aws("describe", |state| state.group()).await?;
        Ok(if found.tags[CLUSTER_TAG] == cluster.as_str() {
            vec![found]
        } else {
            vec![]
        })
    }

    async fn groups_named(&self, _: &[GroupName]) -> Result<Vec<Group>, aws::Error> {
        self.aws("describe", |state| vec![state.group()]).await
    }
}

impl DescribeHooks for Fake {
    async fn hooks_of(&self, group: &GroupName) -> Result<Vec<Hook>, aws::Error> {
        self.aws("hooks", |state| {
            vec![Hook {
                name: HookName::parse(state.hook.clone()).unwrap(),
                group: group.clone(),
                transition: Transition::Terminating,
                heartbeat: HEARTBEAT,
                global_timeout: HEARTBEAT * 100,
                default_result: HookResult::Continue,
            }]
        })
        .await
    }
}

impl CompleteHook for Fake {
    async fn complete_hook(&self, action: &LifecycleAction, _: HookResult) -> Result<Completion, aws::Error> {
        let with_token = if action.token.is_some() { " with token" } else { "" };
        self.aws("complete", |state| {
            if !state.waits {
                return Completion::NoActiveAction;
            }
            assert!(state.pods.is_empty(), "completed with pods left");
            state.waits = false;
            state.writes.push(format!("complete{with_token}"));
            Completion::Completed
        })
        .await
    }
}

impl RecordHeartbeat for Fake {
    async fn record_heartbeat(&self, _: &LifecycleAction) -> Result<Heartbeat, aws::Error> {
        let now = self.now();
        self.aws("heartbeat", |state| {
            state.ran_out |= now.duration_since(state.told) >= HEARTBEAT;
            state.told = now;
            state.writes.push("heartbeat".to_owned());
            Heartbeat::Recorded
        })
        .await
    }
}

impl ParkMessage for Fake {
    async fn park(&self, message: &ParkedMessage<'_>) -> Result<(), aws::Error> {
        self.aws("park", |state| {
            state.writes.push(format!("park {}", message.message_id));
        })
        .await
    }
}

impl Connect for Fake {
    type Cluster = Self;

    async fn connect(&self, _: Timestamp) -> Result<Self, access::Error> {
        Ok(self.clone())
    }

    async fn forget(&self) {}
}

impl CountCalls for Fake {
    fn calls(&self) -> u64 {
        self.state().calls
    }
}

impl ListNodes for Fake {
    async fn all_nodes(&self) -> Result<AllNodes, kubernetes::Error> {
        self.kubernetes("list", |state| match state.fault {
            Fault::SilentNode => AllNodes {
                nodes: vec![],
                without_provider_id: 1,
            },
            _ => AllNodes {
                nodes: vec![state.node.clone()],
                without_provider_id: 0,
            },
        })
        .await
    }

    async fn draining_nodes(&self) -> Result<Vec<Node>, kubernetes::Error> {
        let labelled = |node: &Node| node.draining_label.is_some();
        self.kubernetes("list", |state| {
            Some(state.node.clone()).filter(labelled).into_iter().collect()
        })
        .await
    }

    async fn node(&self, _: &NodeName) -> Result<Option<Node>, kubernetes::Error> {
        self.kubernetes("list", |state| Some(state.node.clone())).await
    }
}

impl PatchNode for Fake {
    async fn patch_node(&self, _: &NodeName, patch: &Value) -> Result<Node, kubernetes::Error> {
        let conflict = || kubernetes::Error::Refused {
            call: "patch".to_owned(),
            code: 409,
            message: "changed".to_owned(),
        };
        self.kubernetes("patch", |state| {
            let node = &mut state.node;
            if patch["metadata"]["resourceVersion"] != node.resource_version.as_str() {
                return Err(conflict());
            }
            let text = |value: &Value| value.as_str().map(str::to_owned);
            node.resource_version.push('1');
            node.unschedulable = patch["spec"]["unschedulable"] == true;
            node.taints = serde_json::from_value(patch["spec"]["taints"].clone()).unwrap();
            node.draining_label = text(&patch["metadata"]["labels"][DRAINING]);
            node.excluded |= patch["metadata"]["labels"]
                .get(EXCLUDE_FROM_LOAD_BALANCERS)
                .is_some();
            node.mark =
                serde_json::from_str(patch["metadata"]["annotations"][DRAINING].as_str().unwrap()).ok();
            let node = node.clone();
            state.writes.push("cordon".to_owned());
            Ok(node)
        })
        .await?
    }
}

impl ListPods for Fake {
    async fn pods_on(&self, _: &NodeName) -> Result<Vec<Pod>, kubernetes::Error> {
        self.kubernetes("pods", |state| {
            state.pods.iter().map(|(pod, _)| pod.clone()).collect()
        })
        .await
    }
}

impl EvictPod for Fake {
    async fn evict(&self, wanted: &Pod) -> Result<Answer, kubernetes::Error> {
        let now = self.now();
        let name = wanted.key.name.clone();
        *self.state().asked.entry(name.clone()).or_default() += 1;
        self.kubernetes("evict", |state| {
            assert!(state.node.is_cordoned(), "evicted before the cordon");
            if matches!(state.fault, Fault::Budget(held) if held == name) {
                return Answer::Refused(Refusal::Budget {
                    message: "needs 2, has 2".to_owned(),
                    retry_after: 0,
                });
            }
            let Some((pod, takes)) = state.pods.iter_mut().find(|(pod, _)| pod.uid == wanted.uid) else {
                return Answer::Gone;
            };
            pod.deletion_deadline.get_or_insert(now + *takes);
            state.writes.push(format!("evict {name}"));
            Answer::Accepted
        })
        .await
    }
}

impl RecordNodeEvent for Fake {
    async fn record(&self, event: NodeEvent<'_>) -> Result<(), kubernetes::Error> {
        self.kubernetes("event", |state| {
            state.writes.push(format!("event {}", event.reason));
        })
        .await
    }
}
