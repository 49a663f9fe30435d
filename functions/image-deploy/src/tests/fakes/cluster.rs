//! The API server, its controllers, and the pods.

use std::collections::BTreeMap;

use access::Connect;
use domain::ids::{NodeName, Uid};
use domain::image::{
    Change, Container, ContainerState, Digest, Ended, Family, ImageRef, Kind, Pod, Replacement, Role,
    Rollout, Running, Target, Workload,
};
use domain::node::Node;
use jiff::{SignedDuration, Timestamp};
use kubernetes::{
    CountCalls, Error, GetImageWorkload, ListFamilies, ListImageWorkloads, ListNodes, PatchImages,
    RecordWorkloadEvent, WorkloadEvent,
};

use super::{Fake, Nature, PLACE, Refusal, World};

/// A container runs so long after its pod was made.
const STARTED_AFTER: SignedDuration = SignedDuration::from_secs(2);
/// It is ready so long after its pod was made.
const READY_AFTER: SignedDuration = SignedDuration::from_secs(5);
/// A pod takes so long to go.
const GRACE: SignedDuration = SignedDuration::from_secs(5);
/// The kubelet starts a container again so many seconds after its first start, if it ends at once.
const STARTS_AGAIN: [i64; 5] = [1, 12, 33, 74, 155];

/// A workload, and its pods.
#[derive(Debug, Clone)]
pub(in crate::tests) struct Object {
    pub(in crate::tests) annotations: BTreeMap<String, String>,
    pub(in crate::tests) labels: BTreeMap<String, String>,
    pub(in crate::tests) containers: Vec<Container>,
    pub(in crate::tests) replicas: usize,
    /// A variable of the pod template, as people edit them.
    pub(in crate::tests) variable: String,
    /// The fewest pods that were ready at one time since the first were.
    pub(in crate::tests) fewest_ready: usize,
    version: u64,
    generation: i64,
    pods: Vec<OnePod>,
    /// The annotations that each revision has last seen, by its first image, as the Deployment controller copies them.
    revisions: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(Debug, Clone)]
struct OnePod {
    number: u64,
    generation: i64,
    images: Vec<(String, String, Option<Digest>)>,
    nature: Nature,
    born: Timestamp,
    dying: Option<Timestamp>,
}

impl Object {
    /// The controller copies the annotations to the newest revision.
    fn remember(&mut self) {
        let image = self.containers[0].image.clone();
        self.revisions.insert(image, self.annotations.clone());
    }
}

impl OnePod {
    fn is_ready(&self, now: Timestamp) -> bool {
        self.dying.is_none() && self.nature == Nature::Good && now >= self.born + READY_AFTER
    }

    fn state(&self, now: Timestamp) -> (ContainerState, u32, Option<Ended>) {
        let waiting = |reason: &str, message: &str| ContainerState::Waiting {
            reason: reason.to_owned(),
            message: message.to_owned(),
        };
        let started = self.born + STARTED_AFTER;
        if now < started {
            return (waiting("ContainerCreating", ""), 0, None);
        }
        match self.nature {
            Nature::Good => (ContainerState::Running { since: started }, 0, None),
            Nature::Missing => (
                waiting("ImagePullBackOff", "manifest unknown: not found"),
                0,
                None,
            ),
            Nature::Crashing => {
                let ran = now.duration_since(started).as_secs();
                let restarts = STARTS_AGAIN.iter().filter(|second| ran >= **second).count();
                let ended = Ended {
                    code: 1,
                    reason: "Error".to_owned(),
                    message: String::new(),
                };
                let restarts = u32::try_from(restarts).unwrap();
                (waiting("CrashLoopBackOff", "back-off"), restarts, Some(ended))
            }
        }
    }

    fn seen(&self, now: Timestamp) -> Pod {
        let (state, restarts, last) = self.state(now);
        let is_pulled = !matches!(self.nature, Nature::Missing) && now >= self.born + STARTED_AFTER;
        let container = |(name, image, digest): &(String, String, Option<Digest>)| Running {
            name: name.clone(),
            image: image.clone(),
            digest: digest.clone().filter(|_| is_pulled),
            is_ready: self.is_ready(now),
            restarts,
            state: state.clone(),
            last: last.clone(),
        };
        Pod {
            name: format!("pod-{}", self.number),
            uid: Uid::parse(format!("uid-{}", self.number)).unwrap(),
            node: NodeName::parse("ip-10-0-1-7").ok(),
            created: self.born,
            scheduled: Some(self.born),
            unschedulable: None,
            leaving: self.dying.is_some(),
            ready: self.is_ready(now).then(|| self.born + READY_AFTER),
            containers: self.images.iter().map(container).collect(),
        }
    }
}

impl Object {
    /// What kubectl would show of its first container.
    pub(in crate::tests) fn image(&self) -> ImageRef {
        ImageRef::parse(&self.containers[0].image).unwrap()
    }

    fn alive(&self) -> impl Iterator<Item = &OnePod> {
        self.pods.iter().filter(|pod| pod.dying.is_none())
    }

    fn ready(&self, now: Timestamp) -> usize {
        self.alive().filter(|pod| pod.is_ready(now)).count()
    }

    fn is_new(&self, pod: &OnePod) -> bool {
        pod.generation == self.generation
    }

    /// Every change of its status is a new version too.
    fn seen(&self, target: &Target, now: Timestamp) -> Workload {
        let number = |count: usize| u32::try_from(count).unwrap();
        let is_watched = target.kind != Kind::CronJob;
        let alive: Vec<&OnePod> = self.alive().collect();
        let updated = alive.iter().filter(|pod| self.is_new(pod)).count();
        let ready = self.ready(now);
        Workload {
            target: target.clone(),
            uid: Uid::parse(format!("uid-{}", target.name)).unwrap(),
            version: format!("{}.{}.{updated}.{ready}", self.version, self.pods.len()),
            annotations: self.annotations.clone(),
            labels: self.labels.clone(),
            controller: None,
            containers: self.containers.clone(),
            node_architecture: None,
            rollout: Rollout {
                generation: self.generation,
                observed: self.generation,
                wanted: number(if is_watched { self.replicas } else { 0 }),
                pods: number(alive.len()),
                updated: number(updated),
                available: number(ready),
                replacement: if is_watched {
                    Replacement::Controller
                } else {
                    Replacement::ByHand
                },
                paused: false,
                progress_deadline: None,
                stalled: None,
                no_pods: None,
            },
        }
    }

    /// A rolling update in which one pod is made at a time, and none is taken away that is missed.
    fn step(&mut self, now: Timestamp, mut make: impl FnMut(&Self) -> OnePod) {
        self.pods
            .retain(|pod| pod.dying.is_none_or(|since| now < since + GRACE));
        let (alive, ready) = (self.alive().count(), self.ready(now));
        let new = self.alive().filter(|pod| self.is_new(pod)).count();
        let generation = self.generation;
        let surplus = self
            .pods
            .iter_mut()
            .filter(|pod| pod.dying.is_none())
            .find(|pod| pod.generation != generation && (!pod.is_ready(now) || ready > self.replicas));
        if let Some(pod) = surplus {
            pod.dying = Some(now);
        } else if alive > self.replicas && new == alive {
            let last = self.pods.iter_mut().rev().find(|pod| pod.dying.is_none());
            last.unwrap().dying = Some(now);
        } else if self.replicas == 0 && alive > 0 {
            let first = self.pods.iter_mut().find(|pod| pod.dying.is_none());
            first.unwrap().dying = Some(now);
        } else if alive <= self.replicas && new < self.replicas {
            let pod = make(self);
            self.pods.push(pod);
        }
        let ready = self.ready(now);
        self.fewest_ready = self.fewest_ready.min(ready);
    }
}

impl World {
    /// A workload that follows `policy`, whose one container `app` runs this, ready since long ago.
    pub(in crate::tests) fn add(&mut self, target: &str, image: &str, policy: &str, now: Timestamp) {
        let key = "lamplighter.dev/image-policy".to_owned();
        let container = |name: &str| Container {
            name: name.to_owned(),
            image: format!("{PLACE}/{image}"),
            role: Role::Main,
        };
        let object = Object {
            annotations: BTreeMap::from([(key, policy.to_owned())]),
            labels: BTreeMap::new(),
            containers: vec![container("app")],
            replicas: 2,
            variable: String::new(),
            fewest_ready: usize::MAX,
            version: 1,
            generation: 1,
            pods: Vec::new(),
            revisions: BTreeMap::new(),
        };
        let target = Target::parse(target).unwrap();
        let is_watched = target.kind != Kind::CronJob;
        self.workloads.insert(target.clone(), object);
        for _ in (0..2).filter(|_| is_watched) {
            let long_ago = now - SignedDuration::from_hours(24);
            let pod = self.pod(&self.workloads[&target].clone(), long_ago);
            self.workloads.get_mut(&target).unwrap().pods.push(pod);
        }
    }

    pub(in crate::tests) fn workload(&mut self, target: &str) -> &mut Object {
        self.workloads.get_mut(&Target::parse(target).unwrap()).unwrap()
    }

    /// Somebody changes a workload, and of its pod template something or nothing.
    pub(in crate::tests) fn edit(&mut self, target: &str, is_template: bool, edit: impl FnOnce(&mut Object)) {
        let object = self.workload(target);
        object.remember();
        edit(object);
        object.version += 1;
        object.generation += i64::from(is_template);
    }

    /// Somebody goes back to a revision by `kubectl rollout undo`, which sets the annotations back as well.
    pub(in crate::tests) fn undo(&mut self, target: &str, image: &str) {
        let image = format!("{PLACE}/{image}");
        self.edit(target, true, |object| {
            object.annotations = object.revisions[&image].clone();
            object.containers[0].image = image;
        });
    }

    /// Somebody sets the image of the first container, as `kubectl set image` does.
    pub(in crate::tests) fn set_image(&mut self, target: &str, image: &str) {
        self.edit(target, true, |object| {
            object.containers[0].image = format!("{PLACE}/{image}");
        });
    }

    fn pod(&mut self, object: &Object, born: Timestamp) -> OnePod {
        let pulled = |container: &Container| {
            let digest = self.pulled(&container.image);
            (container.name.clone(), container.image.clone(), digest)
        };
        let images: Vec<_> = object.containers.iter().map(pulled).collect();
        let nature = |(_, image, digest): &(String, String, Option<Digest>)| match digest {
            Some(digest) => self.natures.get(digest).copied().unwrap_or(Nature::Good),
            None if image.starts_with(PLACE) => Nature::Missing,
            None => Nature::Good,
        };
        let worst = images.iter().map(nature).find(|nature| *nature != Nature::Good);
        OnePod {
            number: self.next(),
            generation: object.generation,
            images,
            nature: worst.unwrap_or(Nature::Good),
            born,
            dying: None,
        }
    }

    pub(super) fn step(&mut self, now: Timestamp) {
        let targets: Vec<Target> = self.workloads.keys().cloned().collect();
        for target in targets.into_iter().filter(|target| target.kind != Kind::CronJob) {
            let mut object = self.workloads.remove(&target).unwrap();
            object.step(now, |object| self.pod(object, now));
            self.workloads.insert(target, object);
        }
    }

    fn patch(&mut self, change: &Change, now: Timestamp) -> Result<Workload, Refusal> {
        if self.locked.as_ref() == Some(&change.target) {
            return Err((422, "an admission webhook says no"));
        }
        let target = &change.target;
        let object = self.workloads.get_mut(target).ok_or((404, "not found"))?;
        if object.seen(target, now).version != change.version {
            return Err((409, "the object has been modified"));
        }
        object.remember();
        for (key, value) in &change.annotations {
            match value {
                Some(text) => drop(object.annotations.insert(key.clone(), text.clone())),
                None => drop(object.annotations.remove(key)),
            }
        }
        for (name, role, image) in &change.images {
            let is_meant = |one: &&mut Container| one.name == *name && one.role == *role;
            let container = object.containers.iter_mut().find(is_meant);
            container.ok_or((422, "no such container"))?.image = image.to_string();
            let tag = image.tag.as_ref().map(ToString::to_string).unwrap_or_default();
            self.patches.push((now, format!("{target} {name}:{tag}")));
        }
        object.version += 1;
        object.generation += i64::from(!change.images.is_empty());
        object.remember();
        self.writes.push(format!("patch {target}"));
        Ok(object.seen(target, now))
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
        self.called("kube") as u64
    }
}

impl ListImageWorkloads for Fake {
    async fn image_workloads(&self, kind: Kind, namespace: Option<&str>) -> Result<Vec<Workload>, Error> {
        let verb = match kind {
            Kind::Deployment => "kube list deployments",
            Kind::StatefulSet => "kube list statefulsets",
            Kind::DaemonSet => "kube list daemonsets",
            Kind::CronJob => "kube list cronjobs",
        };
        self.kubernetes(verb, |world, now| {
            let is_meant = |target: &Target| {
                target.kind == kind && namespace.is_none_or(|namespace| target.namespace == namespace)
            };
            let meant = world.workloads.iter().filter(|(target, _)| is_meant(target));
            Ok(meant.map(|(target, object)| object.seen(target, now)).collect())
        })
        .await
    }
}

impl GetImageWorkload for Fake {
    async fn image_workload(&self, target: &Target) -> Result<Option<Workload>, Error> {
        self.kubernetes("kube get", |world, now| {
            let object = world.workloads.get(target);
            Ok(object.map(|object| object.seen(target, now)))
        })
        .await
    }
}

impl ListFamilies for Fake {
    async fn families(
        &self,
        namespace: &str,
        workloads: &[(Target, Uid)],
    ) -> Result<BTreeMap<Target, Family>, Error> {
        self.kubernetes("kube pods", |world, now| {
            let family = |target: &Target| {
                assert_eq!(target.namespace, namespace);
                let object = world.workloads.get(target);
                let revisions = object.iter().flat_map(|object| object.revisions.values());
                let pods = object.iter().flat_map(|object| object.pods.iter());
                Family {
                    pods: pods.map(|pod| pod.seen(now)).collect(),
                    revisions: revisions.cloned().collect(),
                }
            };
            Ok(workloads
                .iter()
                .map(|(target, _)| (target.clone(), family(target)))
                .collect())
        })
        .await
    }
}

impl ListNodes for Fake {
    async fn all_nodes(&self) -> Result<Vec<Node>, Error> {
        self.kubernetes("kube nodes", |world, now| {
            let node = |architecture: &String| {
                let name = NodeName::parse(format!("node-{architecture}")).unwrap();
                let mut node = Node::new(name, Uid::parse("uid-node").unwrap(), now);
                node.labels
                    .insert("kubernetes.io/arch".to_owned(), architecture.clone());
                node
            };
            Ok(world.nodes.iter().map(node).collect())
        })
        .await
    }

    async fn draining_nodes(&self) -> Result<Vec<Node>, Error> {
        unreachable!("drains are not its business")
    }

    async fn node(&self, _: &NodeName) -> Result<Option<Node>, Error> {
        unreachable!("it looks at all nodes or none")
    }
}

impl PatchImages for Fake {
    async fn patch_images(&self, change: &Change) -> Result<Workload, Error> {
        self.kubernetes("kube patch", |world, now| world.patch(change, now))
            .await
    }
}

impl RecordWorkloadEvent for Fake {
    async fn record_workload_event(&self, event: WorkloadEvent<'_>) -> Result<(), Error> {
        let about = event.about.to_string();
        // One of this reason and time is there already.
        let at = event.at.to_string();
        let told = [
            "Event".to_owned(),
            about,
            event.reason.to_owned(),
            format!("{at} {}", event.note),
        ];
        self.kubernetes("kube event", |world, _| {
            let is_same = |one: &[String; 4]| one[..3] == told[..3] && one[3].starts_with(&at);
            if !world.told.iter().any(is_same) {
                world.told.push(told);
            }
            Ok(())
        })
        .await
    }
}
