//! Machines that join and leave.

use std::time::{Duration, Instant};

use control_plane::annotations::{NEVER, STOPS_AFTER};
use http::Method;
use kube::api::PostParams;
use serde_json::{Value, json};

use crate::harness::{Cluster, machine, pod, pod_is_ready, start_plane, until};

pub(crate) async fn a_node_has_what_the_cloud_provider_would_give_it(cluster: &Cluster) {
    let name = machine(1).private_dns_name;
    let (_, node) = cluster
        .send(Method::GET, &format!("/api/v1/nodes/{name}"), &Value::Null)
        .await;
    assert_eq!(
        node["spec"]["providerID"],
        "aws:///eu-central-1a/i-00000000000000001"
    );
    for (label, value) in [
        ("topology.kubernetes.io/zone", "eu-central-1a"),
        ("topology.kubernetes.io/region", "eu-central-1"),
        ("kubernetes.io/hostname", name.as_str()),
        ("node.kubernetes.io/instance-type", "m7g.large"),
        ("pool", "blue"),
    ] {
        assert_eq!(node["metadata"]["labels"][label], value, "{label}");
    }
    assert_eq!(
        node["status"]["addresses"][0],
        json!({"type": "InternalIP", "address": "10.0.0.1"})
    );
    let lease = format!("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{name}");
    assert_eq!(cluster.send(Method::GET, &lease, &Value::Null).await.0, 200);
}

pub(crate) async fn a_machine_that_leaves_takes_its_pods_along(cluster: &Cluster) {
    let node = cluster.join(9).await;
    let pods = cluster.namespace("leaves").await;
    let manifest = json!({
        "metadata": {"name": "on-it", "annotations": {STOPS_AFTER: NEVER}},
        "spec": {"nodeName": node, "nodeSelector": {"pool": "green"}, "terminationGracePeriodSeconds": 600, "containers": []}
    });
    pods.create(&PostParams::default(), &pod(manifest)).await.unwrap();
    until("the pod is ready", || async {
        pod_is_ready(&pods.get("on-it").await.unwrap())
    })
    .await;

    let started = Instant::now();
    cluster.kubelets.leave(&machine(9).instance_id).await.unwrap();
    assert!(pods.get_opt("on-it").await.unwrap().is_none());
    let (status, _) = cluster
        .send(Method::GET, &format!("/api/v1/nodes/{node}"), &Value::Null)
        .await;
    assert_eq!(status, 404);
    assert!(started.elapsed() < Duration::from_secs(10));
    // Again, and for one that never was: nothing to do.
    cluster.kubelets.leave(&machine(9).instance_id).await.unwrap();
}

pub(crate) async fn a_part_that_dies_is_named_with_the_end_of_its_log(cluster: &Cluster) {
    let (mut plane, dir) = start_plane(cluster.program.clone()).await;
    let processes = plane.processes();
    let names: Vec<&str> = processes.iter().map(|process| process.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "etcd",
            "kube-apiserver",
            "kube-scheduler",
            "kwok",
            "kube-controller-manager"
        ]
    );
    processes[2].end(Duration::ZERO).await;
    let report = plane.ended().await;
    assert!(
        report.starts_with("kube-scheduler ended") && report.contains("kube-scheduler.log:\n"),
        "{report}"
    );
    plane.stop().await;
    assert!(processes.iter().all(|process| !process.is_alive()));
    std::fs::remove_dir_all(dir).unwrap();
}
