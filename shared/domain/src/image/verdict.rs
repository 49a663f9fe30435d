//! Whether a rollout is good, by its workload and its pods.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::record::Status;
use super::reference::ImageRef;
use super::settings::{ReadyWithin, Settings};
use super::signal::{self, Signal};
use super::workload::{ContainerState, Pod, Replacement, Running, Workload};
use crate::time::later;

/// A container gets at least this long to get ready, whatever its predecessors took: their first pull and a warm cache
/// make them no measure below it.
pub const LEAST_START: SignedDuration = SignedDuration::from_secs(45);

/// How many times as long as its predecessors a container may take to get ready.
const TIMES_USUAL: i32 = 3;

/// How a rollout goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every pod is replaced, and available.
    Complete,
    /// It is not over.
    Waiting(Waiting),
    /// No pods are wanted.
    Deferred,
    /// A person replaces its pods, or its next run uses the image.
    Manual,
    /// It will not get well.
    Failed(Failure),
}

/// What a rollout waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waiting {
    /// Its controller has not seen the patch.
    Controller,
    /// Pods that are being replaced: how many are, of how many.
    Pods {
        /// Pods of the new specification that are available.
        done: u32,
        /// Pods that are wanted.
        wanted: u32,
    },
    /// Nodes: pods have none to run on. What the scheduler says.
    Nodes(String),
    /// Credentials: a registry refuses the pull, which says nothing of the image.
    Credentials(String),
    /// Permission to make pods: a quota, an admission webhook.
    Admission(String),
    /// A network or a registry that does not answer.
    Registry(String),
}

/// Why a rollout will not get well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What showed it.
    pub signal: Signal,
    /// In which pod, if in one.
    pub pod: Option<String>,
    /// What it said.
    pub detail: String,
}

impl Waiting {
    /// Whether a person has to look: nothing that a rollout does by itself ends it.
    pub const fn needs_attention(&self) -> bool {
        match self {
            Self::Credentials(_) | Self::Admission(_) => true,
            Self::Controller | Self::Pods { .. } | Self::Nodes(_) | Self::Registry(_) => false,
        }
    }

    /// How much it counts among others: what is most in the way is told.
    const fn weight(&self) -> u8 {
        match self {
            Self::Controller => 5,
            Self::Credentials(_) => 4,
            Self::Registry(_) => 3,
            Self::Nodes(_) => 2,
            Self::Admission(_) => 1,
            Self::Pods { .. } => 0,
        }
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Controller => f.write_str("its controller has not seen the patch"),
            Self::Pods { done, wanted } => write!(f, "{done} of {wanted} pods"),
            Self::Nodes(why) => write!(f, "pods have no node: {why}"),
            Self::Credentials(why) => write!(f, "the registry refuses the pull: {why}"),
            Self::Admission(why) => write!(f, "pods can't be made: {why}"),
            Self::Registry(why) => write!(f, "the registry does not answer: {why}"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.signal)?;
        if let Some(pod) = &self.pod {
            write!(f, " in pod {pod}")?;
        }
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}

/// Judges a rollout of `images`, by container, that began at `status.since`.
///
/// A pod counts as new when its specification names the images that were written. What fails in a container whose
/// image was not changed is no early sign; it counts at the deadline only.
///
/// | seen in a new pod | after | means |
/// | --- | --- | --- |
/// | the image, or its name, is not there | 45 s | failed |
/// | the registry refuses (401, 403), or can't be reached | | waiting |
/// | the container can't be configured | 30 s | failed |
/// | the container can't be started: no such file, wrong architecture | at once, the second time | failed |
/// | the container ended three times | at once | failed |
/// | it runs, and is not ready | three times as long as its predecessors, at least 45 s | failed |
/// | no node takes the pod | | waiting |
/// | none of these, and pods are on nodes and not ready | the deadline, or Kubernetes' own | failed |
pub fn judge(
    workload: &Workload,
    pods: &[Pod],
    images: &[(&str, &ImageRef)],
    status: &Status,
    settings: &Settings,
    now: Timestamp,
) -> Verdict {
    let rollout = &workload.rollout;
    if rollout.replacement == Replacement::ByHand {
        return Verdict::Manual;
    }
    if rollout.observed < rollout.generation {
        return Verdict::Waiting(Waiting::Controller);
    }
    if rollout.wanted == 0 {
        return Verdict::Deferred;
    }
    let new: Vec<&Pod> = pods
        .iter()
        .filter(|pod| !pod.leaving && is_new(pod, images))
        .collect();
    let usual = usual_start(pods, images).or(status.usual_start);
    let patience = patience(settings.ready_within, usual);
    let signs = new.iter().flat_map(|pod| {
        let ours = pod
            .containers
            .iter()
            .filter(|container| is_ours(container, images));
        ours.filter_map(|container| signal::of(pod, container, patience, now).map(|sign| (*pod, sign)))
    });
    let mut waits: Vec<Waiting> = Vec::new();
    for (pod, sign) in signs {
        match sign {
            signal::Sign::Failed(signal, detail) => {
                return Verdict::Failed(Failure {
                    signal,
                    pod: Some(pod.name.clone()),
                    detail,
                });
            }
            signal::Sign::Waits(waiting) => waits.push(waiting),
        }
    }
    let is_complete = rollout.updated >= rollout.wanted
        && rollout.available >= rollout.wanted
        && rollout.pods <= rollout.updated;
    if is_complete {
        return Verdict::Complete;
    }
    let at_deadline = overdue(workload, &new, status, settings, now);
    waits.extend(
        new.iter()
            .filter_map(|pod| pod.unschedulable.clone().map(Waiting::Nodes)),
    );
    waits.extend(rollout.no_pods.clone().map(Waiting::Admission));
    waits.push(Waiting::Pods {
        done: rollout.updated.min(rollout.available),
        wanted: rollout.wanted,
    });
    // Want of credentials, nodes or permission is not the image's fault, however long it lasts.
    let blameless = |waiting: &Waiting| match waiting {
        Waiting::Nodes(_) | Waiting::Credentials(_) | Waiting::Admission(_) => true,
        Waiting::Controller | Waiting::Pods { .. } | Waiting::Registry(_) => false,
    };
    if let Some(failure) = at_deadline.filter(|_| !waits.iter().any(blameless)) {
        return Verdict::Failed(failure);
    }
    let waiting = waits.into_iter().max_by_key(Waiting::weight);
    Verdict::Waiting(waiting.unwrap_or(Waiting::Controller))
}

/// The failure that the deadline makes of a rollout which is not over, if it is past: ours, or Kubernetes' own, while a
/// new pod is on a node and not ready.
fn overdue(
    workload: &Workload,
    new: &[&Pod],
    status: &Status,
    settings: &Settings,
    now: Timestamp,
) -> Option<Failure> {
    let late = new
        .iter()
        .find(|pod| pod.scheduled.is_some() && pod.ready.is_none())?;
    let stalled = workload.rollout.stalled.as_ref();
    let (signal, detail) = if let Some(reason) = stalled {
        (Signal::ProgressDeadline, reason.clone())
    } else if now >= later(status.since, settings.rollout_timeout) {
        (
            Signal::Deadline,
            format!("not ready after {:#}", settings.rollout_timeout),
        )
    } else {
        return None;
    };
    Some(Failure {
        signal,
        pod: Some(late.name.clone()),
        detail,
    })
}

/// Whether a pod is of the new images: of all of them, since pods of two specifications may share one.
fn is_new(pod: &Pod, images: &[(&str, &ImageRef)]) -> bool {
    let runs = |(name, image): &(&str, &ImageRef)| {
        let mut containers = pod.containers.iter();
        containers.any(|container| container.name == *name && container.image == image.to_string())
    };
    !images.is_empty() && images.iter().all(runs)
}

/// Whether a container runs one of the images that were written.
fn is_ours(container: &Running, images: &[(&str, &ImageRef)]) -> bool {
    images
        .iter()
        .any(|(name, image)| *name == container.name && image.to_string() == container.image)
}

/// How long the slowest of a workload's pods that are not of `images` took from its container's start to readiness, in
/// whole seconds. `None` where no such pod is ready, or each was restarted since.
pub fn usual_start(pods: &[Pod], images: &[(&str, &ImageRef)]) -> Option<u32> {
    let took = pods.iter().filter(|pod| !is_new(pod, images)).filter_map(|pod| {
        let ready = pod.ready?;
        let starts = pod
            .containers
            .iter()
            .filter_map(|container| match container.state {
                ContainerState::Running { since } if container.restarts == 0 => Some(since),
                ContainerState::Running { .. }
                | ContainerState::Unknown
                | ContainerState::Waiting { .. }
                | ContainerState::Ended(_) => None,
            });
        let started = starts.min()?;
        u32::try_from(ready.duration_since(started).as_secs().max(0)).ok()
    });
    took.max()
}

/// How long a running container may take to get ready. `None`: as long as the rollout.
fn patience(setting: ReadyWithin, usual: Option<u32>) -> Option<SignedDuration> {
    match setting {
        ReadyWithin::Off => None,
        ReadyWithin::Set(time) => Some(time),
        ReadyWithin::Learned => usual.map(|seconds| {
            let usual = SignedDuration::from_secs(i64::from(seconds));
            usual
                .checked_mul(TIMES_USUAL)
                .unwrap_or(SignedDuration::MAX)
                .max(LEAST_START)
        }),
    }
}

#[cfg(test)]
mod tests;
