//! A workload and what belongs to it, for tests: each test says what is different.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::choice::{Digest, Tag};
use super::facts::Held;
use super::record::Record;
use super::reference::{ImageRef, Repository};
use super::target::Target;
use super::workload::{Container, ContainerState, Pod, Replacement, Role, Rollout, Running, Workload};
use crate::ids::{NodeName, Uid};

/// Where all images are.
pub(crate) const PLACE: &str = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/shop/web";

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// When everything begins.
pub(crate) fn start() -> Timestamp {
    at("2026-11-26T08:00:00Z")
}

/// That many seconds later.
pub(crate) fn after(seconds: i64) -> Timestamp {
    start().checked_add(SignedDuration::from_secs(seconds)).unwrap()
}

pub(crate) fn digest(n: u32) -> Digest {
    Digest::parse(format!("sha256:{n:064x}")).unwrap()
}

pub(crate) fn tag(text: &str) -> Tag {
    Tag::parse(text).unwrap()
}

pub(crate) fn repository() -> Repository {
    image("1").repository.unwrap()
}

/// An image of the repository, by its tag alone.
pub(crate) fn image(text: &str) -> ImageRef {
    ImageRef::parse(&format!("{PLACE}:{text}")).unwrap()
}

/// The same, pinned.
pub(crate) fn pinned(text: &str, n: u32) -> ImageRef {
    image(text).pinned(tag(text), digest(n))
}

/// What the repository holds: tag, number of its digest, seconds after the start at which it was pushed.
pub(crate) fn held(images: &[(&str, u32, i64)]) -> Vec<Held> {
    let mut found: BTreeMap<u32, Held> = BTreeMap::new();
    for (text, n, pushed) in images {
        let held = found.entry(*n).or_insert_with(|| Held {
            digest: digest(*n),
            tags: Vec::new(),
            pushed: after(*pushed),
            artifact: None,
        });
        if !text.is_empty() {
            held.tags.push(tag(text));
        }
    }
    found.into_values().collect()
}

/// `deployment/shop/web` with two pods of 1.2.3, policy `minor`.
pub(crate) fn workload() -> Workload {
    Workload {
        target: Target::parse("deployment/shop/web").unwrap(),
        uid: Uid::parse("uid-web").unwrap(),
        version: "41".to_owned(),
        annotations: BTreeMap::from([("lamplighter.dev/image-policy".to_owned(), "minor".to_owned())]),
        labels: BTreeMap::new(),
        controller: None,
        containers: vec![Container {
            name: "app".to_owned(),
            image: pinned("1.2.3", 123).to_string(),
            role: Role::Main,
        }],
        node_architecture: None,
        rollout: Rollout {
            generation: 1,
            observed: 1,
            wanted: 2,
            pods: 2,
            updated: 2,
            available: 2,
            replacement: Replacement::Controller,
            paused: false,
            progress_deadline: Some(SignedDuration::from_secs(600)),
            stalled: None,
            no_pods: None,
        },
    }
}

/// The same, remembering that.
pub(crate) fn remembering(record: &Record) -> Workload {
    let mut workload = workload();
    for (key, text) in record.changes_from(&Record::default()) {
        workload.annotations.extend(text.map(|text| (key, text)));
    }
    workload
}

/// A pod of an image, on a node since `since`, running and not ready.
pub(crate) fn pod(name: &str, image: &ImageRef, since: Timestamp) -> Pod {
    Pod {
        name: name.to_owned(),
        uid: Uid::parse(format!("uid-{name}")).unwrap(),
        node: NodeName::parse("ip-10-0-1-7").ok(),
        created: since,
        scheduled: Some(since),
        unschedulable: None,
        leaving: false,
        ready: None,
        containers: vec![Running {
            name: "app".to_owned(),
            image: image.to_string(),
            digest: image.digest.clone(),
            is_ready: false,
            restarts: 0,
            state: ContainerState::Running { since },
            last: None,
        }],
    }
}

/// The same pod, ready since `since`.
pub(crate) fn ready(pod: Pod, since: Timestamp) -> Pod {
    let mut pod = pod;
    pod.ready = Some(since);
    for container in &mut pod.containers {
        container.is_ready = true;
    }
    pod
}

/// The same pod, whose container waits for that reason.
pub(crate) fn waiting(pod: Pod, reason: &str, message: &str) -> Pod {
    let mut pod = pod;
    pod.containers[0].state = ContainerState::Waiting {
        reason: reason.to_owned(),
        message: message.to_owned(),
    };
    pod
}
