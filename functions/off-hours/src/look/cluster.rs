//! What the cluster has.

use std::collections::BTreeMap;

use domain::keys::{ANNOTATION_PREFIX, ORIGINAL_REPLICAS, STATE_ANNOTATION};
use domain::offhours::{Condition, Key, Kind, Namespace, Place, Resource, Size, Traits, Workload};
use function::Failed;
use kubernetes::Error;

use super::{Handle, InCluster, Scene, below, mirror};
use crate::Kubernetes;

/// Namespaces of the cluster itself: what sleeps there takes the others along. Never touched.
const SYSTEM: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];

/// Kinds of the cluster.
const KINDS: [Kind; 4] = [
    Kind::Deployment,
    Kind::StatefulSet,
    Kind::CronJob,
    Kind::Autoscaler,
];

/// Looks at its workloads, of which `namespaces` are known already; at its pods and nodes only where they count.
pub(crate) async fn look<K: Kubernetes>(
    cluster: &K,
    namespaces: Result<Vec<Namespace>, Error>,
    scene: &Scene<'_>,
) -> InCluster {
    let mut seen = InCluster::default();
    let namespaces = match namespaces {
        Ok(namespaces) => namespaces,
        Err(error) => return nothing(&error.into()),
    };
    let listed = futures::future::join_all(KINDS.map(|kind| cluster.workloads(kind))).await;
    let mut workloads = Vec::new();
    for (kind, list) in KINDS.into_iter().zip(listed) {
        match list {
            Ok(list) => workloads.extend(list),
            Err(error) => {
                seen.unseen.insert(kind);
                seen.failures.push(error.into());
            }
        }
    }
    let pods = if scene.any_sleeping(Kind::is_in_cluster) {
        cluster.pods_by_owner().await.map(Some)
    } else {
        Ok(None)
    };
    let pods = pods.unwrap_or_else(|error| {
        seen.failures.push(error.into());
        None
    });
    if scene.needs_nodes() {
        match cluster.all_nodes().await {
            Ok(nodes) => seen.nodes = Some(nodes),
            Err(error) => seen.failures.push(error.into()),
        }
    }
    let namespaces: BTreeMap<&str, &Namespace> = namespaces
        .iter()
        .map(|namespace| (namespace.name.as_str(), namespace))
        .collect();
    for workload in workloads {
        let namespace = workload.key.namespace().unwrap_or_default();
        if SYSTEM.contains(&namespace) {
            continue;
        }
        let around = namespaces.get(namespace).copied();
        seen.resources
            .push(resource(workload, around, pods.as_ref(), scene));
    }
    seen
}

/// Nothing could be seen.
pub(crate) fn nothing(failed: &Failed) -> InCluster {
    InCluster {
        unseen: KINDS.into(),
        failures: vec![failed.clone()],
        ..InCluster::default()
    }
}

fn resource(
    workload: Workload,
    namespace: Option<&Namespace>,
    pods: Option<&BTreeMap<Key, u32>>,
    scene: &Scene<'_>,
) -> (Resource, Handle) {
    let own = below(&workload.annotations, ANNOTATION_PREFIX);
    let around = namespace.map(|namespace| below(&namespace.annotations, ANNOTATION_PREFIX));
    let around = around.unwrap_or_default();
    let of_own = |key: &'static str| own.get(key).copied();
    let of_namespace = |key: &'static str| around.get(key).copied();
    let name = workload.key.namespace().unwrap_or_default();
    let places = [
        Place {
            origin: workload.key.to_string(),
            lookup: &of_own,
        },
        Place {
            origin: format!("namespace {name}"),
            lookup: &of_namespace,
        },
    ];
    let settings = scene.settings(&workload.key, &places);
    let condition = condition(&workload, pods);
    let mirror = mirror(&workload.annotations, STATE_ANNOTATION, ORIGINAL_REPLICAS);
    let resource = Resource {
        size: workload.size,
        settings,
        created: Some(workload.created),
        writer: workload.writer,
        mirror,
        condition,
        unsupported: None,
        traits: Traits {
            scales: workload.scales,
            ..Traits::default()
        },
        key: workload.key,
    };
    let handle = Handle::Workload {
        version: workload.version,
        uid: workload.uid,
    };
    (resource, handle)
}

/// Pods that were not counted may all be there still.
fn condition(workload: &Workload, pods: Option<&BTreeMap<Key, u32>>) -> Condition {
    let (is_ready, is_quiet) = match (workload.key.kind(), workload.size) {
        (Kind::Deployment | Kind::StatefulSet, Size::Replicas(wanted)) => {
            let left = pods.map(|pods| pods.get(&workload.key).copied().unwrap_or_default());
            (workload.ready >= wanted, left.is_some_and(|left| left <= wanted))
        }
        _ => (true, true),
    };
    Condition {
        is_ready,
        is_quiet,
        is_busy: false,
    }
}
