//! The API server, its controllers, and the pods.

use std::collections::BTreeMap;

use access::Connect;
use domain::failure::Class;
use domain::ids::{NodeName, Uid};
use domain::node::Node;
use domain::offhours::{
    FIELD_MANAGER, Key, Kind, Namespace, Operation, Scales, Size, Switch, Workload, Writer,
};
use jiff::{SignedDuration, Timestamp};
use kubernetes::{
    CountCalls, CountPods, Error, ListNamespaces, ListNodes, ListWorkloads, PatchWorkload,
    RecordWorkloadEvent, WorkloadEvent,
};
use serde_json::Value;

use super::{Fake, Fault, Haste, Refusal, World};

/// A pod is ready so long after it was made, if there is a node.
const READY_AFTER: SignedDuration = SignedDuration::from_secs(5);
/// A pod takes so long to go.
const GRACE: SignedDuration = SignedDuration::from_secs(20);

/// A workload, and its pods.
#[derive(Debug, Clone)]
pub(in crate::tests) struct Object {
    pub(in crate::tests) annotations: BTreeMap<String, String>,
    pub(in crate::tests) size: Size,
    pub(in crate::tests) created: Timestamp,
    pub(in crate::tests) writer: Option<Writer>,
    /// Of an autoscaler: what it scales, and how far.
    pub(in crate::tests) scales: Option<Scales>,
    version: u64,
    pods: Vec<Pod>,
}

#[derive(Debug, Clone)]
struct Pod {
    born: Timestamp,
    dying: Option<Timestamp>,
}

impl Object {
    pub(in crate::tests) fn new(size: Size, annotations: &[(&str, &str)], created: Timestamp) -> Self {
        Self {
            annotations: super::map(annotations),
            size,
            created,
            writer: None,
            scales: None,
            version: 0,
            pods: Vec::new(),
        }
    }

    fn settle(&mut self, is_pods: bool, now: Timestamp, haste: Haste) {
        let Size::Replicas(wanted) = self.size else { return };
        if !is_pods {
            return;
        }
        self.pods
            .retain(|pod| pod.dying.is_none_or(|since| now < since + haste.of(GRACE)));
        let mut left = wanted as usize;
        for pod in self.pods.iter_mut().filter(|pod| pod.dying.is_none()) {
            if left == 0 {
                pod.dying = Some(now);
            } else {
                left -= 1;
            }
        }
        self.pods.extend((0..left).map(|_| Pod {
            born: now,
            dying: None,
        }));
    }

    fn ready(&self, has_nodes: bool, now: Timestamp) -> usize {
        let is_ready = |pod: &&Pod| pod.dying.is_none() && now >= pod.born + READY_AFTER;
        if has_nodes {
            self.pods.iter().filter(is_ready).count()
        } else {
            0
        }
    }

    /// Every change of its status is a new version too.
    fn seen(&self, key: &Key, has_nodes: bool, now: Timestamp) -> Workload {
        let ready = self.ready(has_nodes, now);
        Workload {
            key: key.clone(),
            uid: Uid::parse(format!("{}", self.created.as_second())).unwrap(),
            version: format!("{}.{}.{ready}", self.version, self.pods.len()),
            created: self.created,
            annotations: self.annotations.clone(),
            size: self.size,
            writer: self.writer.clone(),
            ready: u32::try_from(ready).unwrap(),
            scales: self.scales.clone(),
        }
    }
}

impl World {
    pub(super) fn settle_cluster(&mut self, now: Timestamp) {
        for (target, min, max) in self.autoscalers() {
            let object = self.workloads.get_mut(&target);
            if let Some(object) = object
                && let Size::Replicas(replicas @ 1..) = object.size
                && replicas.clamp(min, max) != replicas
            {
                object.size = Size::Replicas(replicas.clamp(min, max));
                object.version += 1;
                object.writer = Some(Writer {
                    manager: "kube-controller-manager".to_owned(),
                    operation: Operation::Update,
                    at: Some(now),
                });
            }
        }
        for (key, object) in &mut self.workloads {
            object.settle(
                matches!(key.kind(), Kind::Deployment | Kind::StatefulSet),
                now,
                self.haste,
            );
        }
    }

    /// How many pods there are of what may sleep.
    pub(super) fn pods_of_ours(&self) -> usize {
        let ours = self
            .workloads
            .iter()
            .filter(|(key, _)| key.namespace() == Some("shop"));
        ours.map(|(_, object)| object.pods.len()).sum()
    }

    fn autoscalers(&self) -> Vec<(Key, u32, u32)> {
        let scales = |object: &Object| {
            let scales = object.scales.as_ref()?;
            let Size::Replicas(min) = object.size else {
                return None;
            };
            Some((scales.target.clone()?, min, scales.max))
        };
        self.workloads.values().filter_map(scales).collect()
    }

    /// Somebody sets a size, as `manager`.
    pub(in crate::tests) fn scale(&mut self, key: &str, size: Size, manager: &str, now: &str) {
        let object = self.workloads.get_mut(&Key::parse(key).unwrap()).unwrap();
        object.size = size;
        object.version += 1;
        object.writer = Some(Writer {
            manager: manager.to_owned(),
            operation: Operation::Update,
            at: Some(super::ts(now)),
        });
    }

    /// Pods can be ready only where one of our nodes is, or where none of them is ours.
    fn has_nodes(&self, now: Timestamp) -> bool {
        let is_ready = |node: &Node| node.ready.is_some_and(|ready| ready.is_ready);
        let has_own = self.groups.is_empty() && self.nodegroups.is_empty();
        has_own || self.nodes(now).iter().any(is_ready)
    }

    /// A JSON merge patch of what we patch.
    fn patch(&mut self, key: &Key, patch: &Value, now: Timestamp) -> Result<Workload, Refusal> {
        let has_nodes = self.has_nodes(now);
        let object = self.workloads.get_mut(key).ok_or((404, "not found"))?;
        if patch["metadata"]["resourceVersion"] != object.seen(key, has_nodes, now).version.as_str() {
            return Err((409, "changed"));
        }
        for (name, value) in patch["metadata"]["annotations"].as_object().into_iter().flatten() {
            match value.as_str() {
                Some(text) => drop(object.annotations.insert(name.clone(), text.to_owned())),
                None => drop(object.annotations.remove(name)),
            }
        }
        let spec = &patch["spec"];
        let number = |name: &str| spec[name].as_u64().map(|number| u32::try_from(number).unwrap());
        let size = match key.kind() {
            Kind::Autoscaler => number("minReplicas").map(Size::Replicas),
            Kind::CronJob => spec["suspend"]
                .as_bool()
                .map(|is_off| Size::Schedule(if is_off { Switch::Off } else { Switch::On })),
            _ => number("replicas").map(Size::Replicas),
        };
        if key.kind() == Kind::Autoscaler && size == Some(Size::Replicas(0)) {
            return Err((422, "spec.minReplicas: must be greater than or equal to 1"));
        }
        object.version += 1;
        if let Some(size) = size {
            object.size = size;
            object.writer = Some(Writer {
                manager: FIELD_MANAGER.to_owned(),
                operation: Operation::Update,
                at: Some(now),
            });
            self.resized(key, size, now);
        } else {
            self.writes.push(format!("annotate {key}"));
        }
        self.settle(now);
        Ok(self.workloads[key].seen(key, has_nodes, now))
    }
}

impl Connect for Fake {
    type Cluster = Self;

    async fn connect(&self, _: Timestamp) -> Result<Self, access::Error> {
        if self.world().fault == Some(Fault::Denied("connect")) {
            return Err(access::Error::Aws(aws::Error::Refused {
                operation: "eks:DescribeCluster",
                subject: "cluster blue".to_owned(),
                code: "AccessDenied".to_owned(),
                message: "not permitted".to_owned(),
                class: Class::Permanent,
            }));
        }
        Ok(self.clone())
    }

    async fn forget(&self) {}
}

impl CountCalls for Fake {
    fn calls(&self) -> u64 {
        self.called("kube") as u64
    }
}

impl ListNamespaces for Fake {
    async fn namespaces(&self) -> Result<Vec<Namespace>, Error> {
        self.kubernetes("kube namespaces", |world, _| {
            let namespace = |(name, annotations): (&String, &BTreeMap<String, String>)| Namespace {
                name: name.clone(),
                labels: BTreeMap::new(),
                annotations: annotations.clone(),
                deleted: None,
            };
            Ok(world.namespaces.iter().map(namespace).collect())
        })
        .await
    }
}

impl ListWorkloads for Fake {
    async fn workloads(&self, kind: Kind) -> Result<Vec<Workload>, Error> {
        let verb = match kind {
            Kind::Deployment => "kube list deployments",
            Kind::StatefulSet => "kube list statefulsets",
            Kind::CronJob => "kube list cronjobs",
            _ => "kube list hpas",
        };
        self.kubernetes(verb, |world, now| {
            let has_nodes = world.has_nodes(now);
            let of_kind = world.workloads.iter().filter(|(key, _)| key.kind() == kind);
            Ok(of_kind
                .map(|(key, object)| object.seen(key, has_nodes, now))
                .collect())
        })
        .await
    }
}

impl CountPods for Fake {
    async fn pods_by_owner(&self) -> Result<BTreeMap<Key, u32>, Error> {
        self.kubernetes("kube pods", |world, _| {
            let owners = world
                .workloads
                .iter()
                .filter(|(_, object)| !object.pods.is_empty());
            Ok(owners
                .map(|(key, object)| (key.clone(), u32::try_from(object.pods.len()).unwrap()))
                .collect())
        })
        .await
    }
}

impl ListNodes for Fake {
    async fn all_nodes(&self) -> Result<Vec<Node>, Error> {
        self.kubernetes("kube nodes", |world, now| Ok(world.nodes(now)))
            .await
    }

    async fn draining_nodes(&self) -> Result<Vec<Node>, Error> {
        unreachable!("drains are not its business")
    }

    async fn node(&self, _: &NodeName) -> Result<Option<Node>, Error> {
        unreachable!("it looks at all nodes or none")
    }
}

impl RecordWorkloadEvent for Fake {
    async fn record_workload_event(&self, event: WorkloadEvent<'_>) -> Result<(), Error> {
        let told = (event.reason.to_owned(), event.about.to_string(), event.note);
        self.kubernetes("kube event", |world, _| {
            world.told.push(told);
            Ok(())
        })
        .await
    }
}

impl PatchWorkload for Fake {
    async fn patch_workload(&self, key: &Key, patch: &Value) -> Result<Workload, Error> {
        self.kubernetes("kube patch", |world, now| world.patch(key, patch, now))
            .await
    }
}
