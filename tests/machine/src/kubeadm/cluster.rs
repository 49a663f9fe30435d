//! The cluster, once it is trusted.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use k8s_openapi::api::core::v1::{ConfigMap, Node};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::{Value, json};

use super::configuration::Token;

/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(20);

/// What `cluster-info` says, verified.
pub(super) struct Cluster {
    pub(super) server: String,
    /// PEM.
    pub(super) ca: String,
}

/// A certificate of the cluster with its key, both PEM.
pub(super) struct Identity {
    pub(super) certificate: String,
    pub(super) key: String,
}

impl Cluster {
    pub(super) async fn client_with_token(&self, token: &Token) -> Result<Client> {
        client(&self.server, Some(&self.ca), &json!({"token": token.text()})).await
    }

    pub(super) async fn client_with(&self, identity: &Identity) -> Result<Client> {
        let user = json!({
            "client-certificate-data": BASE64_STANDARD.encode(&identity.certificate),
            "client-key-data": BASE64_STANDARD.encode(&identity.key),
        });
        client(&self.server, Some(&self.ca), &user).await
    }
}

/// A client of `server`; without a CA the server's certificate is not looked at.
pub(super) async fn client(server: &str, ca: Option<&str>, user: &Value) -> Result<Client> {
    let kubeconfig = kubeconfig(server, ca, user);
    let kubeconfig: Kubeconfig = serde_json::from_value(kubeconfig).context("making a kubeconfig")?;
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    config.connect_timeout = Some(REQUEST);
    config.read_timeout = Some(REQUEST);
    config.default_retry = false;
    Ok(Client::try_from(config)?)
}

/// JSON, which is YAML too.
pub(super) fn kubeconfig(server: &str, ca: Option<&str>, user: &Value) -> Value {
    let cluster = match ca {
        Some(ca) => json!({"server": server, "certificate-authority-data": BASE64_STANDARD.encode(ca)}),
        None => json!({"server": server, "insecure-skip-tls-verify": true}),
    };
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "default-cluster", "cluster": cluster}],
        "users": [{"name": "default-auth", "user": user}],
        "contexts": [{"name": "default-context", "context": {"cluster": "default-cluster", "user": "default-auth"}}],
        "current-context": "default-context",
    })
}

/// What kubeadm reads before it starts the kubelet. It goes on without the third one, of kube-proxy.
pub(super) async fn read_configuration(joining: &Client) -> Result<()> {
    let maps: Api<ConfigMap> = Api::namespaced(joining.clone(), "kube-system");
    for (name, key) in [
        ("kubeadm-config", "ClusterConfiguration"),
        ("kubelet-config", "kubelet"),
    ] {
        let map = maps
            .get(name)
            .await
            .with_context(|| format!("unable to fetch the {name} ConfigMap"))?;
        if !map.data.unwrap_or_default().contains_key(key) {
            bail!("unexpected error when reading {name} ConfigMap: {key} key value pair missing");
        }
    }
    Ok(())
}

/// A machine must not take the place of another one that serves.
pub(super) async fn check_name_is_free(joining: &Client, name: &str) -> Result<()> {
    let nodes: Api<Node> = Api::all(joining.clone());
    let found = nodes
        .get_opt(name)
        .await
        .with_context(|| format!("cannot get Node {name:?}"))?;
    let conditions = found.and_then(|node| node.status?.conditions).unwrap_or_default();
    if conditions
        .iter()
        .any(|one| one.type_ == "Ready" && one.status == "True")
    {
        bail!("a Node with name {name:?} and status \"Ready\" already exists in the cluster");
    }
    Ok(())
}
