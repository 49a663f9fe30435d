//! What `kubeadm init` leaves in a cluster so that machines can join with a bootstrap token: `cluster-info` and its
//! reader, two `ConfigMap`s, and what its own group of tokens may do. Names and rules are those of kubeadm 1.36.

use anyhow::{Context, Result, bail};
use http::Request;
use kube::Client;
use serde_json::{Value, json};

/// The group of every token that `kubeadm token create` makes.
const TOKENS: &str = "system:bootstrappers:kubeadm:default-node-token";
const NODES: &str = "system:nodes";
const RBAC: &str = "rbac.authorization.k8s.io";

/// Creates all of it. `server` and `ca` are what machines are told of the cluster.
pub(crate) async fn install(client: &Client, server: &str, ca: &str) -> Result<()> {
    for (path, object) in objects(server, ca) {
        create(client, &path, &object)
            .await
            .with_context(|| format!("creating {} in {path}", object["metadata"]["name"]))?;
    }
    Ok(())
}

async fn create(client: &Client, path: &str, object: &Value) -> Result<()> {
    let request = Request::post(path).body(serde_json::to_vec(object)?)?;
    let created: Value = client.request(request).await?;
    if created["metadata"]["uid"].is_null() {
        bail!("the answer is no object: {created}");
    }
    Ok(())
}

fn objects(server: &str, ca: &str) -> Vec<(String, Value)> {
    let core = |namespace: &str| format!("/api/v1/namespaces/{namespace}/configmaps");
    let cluster = |kind: &str| format!("/apis/{RBAC}/v1/{kind}");
    let namespaced = |namespace: &str, kind: &str| format!("/apis/{RBAC}/v1/namespaces/{namespace}/{kind}");
    let mut all = vec![
        (
            core("kube-public"),
            map("cluster-info", "kubeconfig", &cluster_info(server, ca)),
        ),
        (
            core("kube-system"),
            map("kubeadm-config", "ClusterConfiguration", CLUSTER_CONFIGURATION),
        ),
        (
            core("kube-system"),
            map("kubelet-config", "kubelet", KUBELET_CONFIGURATION),
        ),
        (
            cluster("clusterroles"),
            role(
                "kubeadm:get-nodes",
                &json!({"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}),
            ),
        ),
    ];
    for (name, role, group) in [
        ("kubeadm:get-nodes", "kubeadm:get-nodes", TOKENS),
        ("kubeadm:kubelet-bootstrap", "system:node-bootstrapper", TOKENS),
        (
            "kubeadm:node-autoapprove-bootstrap",
            "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
            TOKENS,
        ),
        (
            "kubeadm:node-autoapprove-certificate-rotation",
            "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
            NODES,
        ),
    ] {
        all.push((
            cluster("clusterrolebindings"),
            binding(name, "ClusterRole", role, &[("Group", group)]),
        ));
    }
    for (namespace, name, map, readers) in [
        (
            "kube-public",
            "kubeadm:bootstrap-signer-clusterinfo",
            "cluster-info",
            &[("User", "system:anonymous")][..],
        ),
        (
            "kube-system",
            "kubeadm:nodes-kubeadm-config",
            "kubeadm-config",
            &[("Group", TOKENS), ("Group", NODES)],
        ),
        (
            "kube-system",
            "kubeadm:kubelet-config",
            "kubelet-config",
            &[("Group", NODES), ("Group", TOKENS)],
        ),
    ] {
        let rule =
            json!({"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [map], "verbs": ["get"]});
        all.push((namespaced(namespace, "roles"), role(name, &rule)));
        all.push((
            namespaced(namespace, "rolebindings"),
            binding(name, "Role", name, readers),
        ));
    }
    all
}

fn map(name: &str, key: &str, value: &str) -> Value {
    json!({"metadata": {"name": name}, "data": {key: value}})
}

fn role(name: &str, rule: &Value) -> Value {
    json!({"metadata": {"name": name}, "rules": [rule]})
}

fn binding(name: &str, kind: &str, role: &str, subjects: &[(&str, &str)]) -> Value {
    let subject = |(kind, name): &(&str, &str)| json!({"apiGroup": RBAC, "kind": kind, "name": name});
    json!({
        "metadata": {"name": name},
        "roleRef": {"apiGroup": RBAC, "kind": kind, "name": role},
        "subjects": subjects.iter().map(subject).collect::<Vec<_>>(),
    })
}

/// A kubeconfig that says where the cluster is and by which CA it is known, and nothing else.
fn cluster_info(server: &str, ca: &str) -> String {
    use base64::Engine as _;
    let ca = base64::prelude::BASE64_STANDARD.encode(ca);
    format!(
        "apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: {ca}
    server: {server}
  name: \"\"
contexts: null
current-context: \"\"
kind: Config
preferences: {{}}
users: null
"
    )
}

const CLUSTER_CONFIGURATION: &str = "apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.2
";

const KUBELET_CONFIGURATION: &str = "apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
";
