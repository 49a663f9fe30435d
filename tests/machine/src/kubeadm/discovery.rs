//! From an address and a token to a cluster that is trusted.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::config::Kubeconfig;
use kube::{Api, Client};
use serde_json::json;

use super::cluster::{Cluster, client};
use super::configuration::Configuration;
use super::{pins, signature};

/// kubeadm looks every 5 s.
const LOOK: Duration = Duration::from_secs(1);

/// The cluster at the endpoint, if it knows the token and has one of the pinned authorities.
pub(super) async fn discover(configuration: &Configuration) -> Result<Cluster> {
    let Configuration {
        token,
        endpoint,
        pins,
        ..
    } = configuration;
    let server = format!("https://{endpoint}");
    let deadline = Instant::now() + configuration.discovery;

    let untrusted = client(&server, None, &json!({})).await?;
    let first = signed_cluster_info(&untrusted, &token.id, deadline).await?;
    if !signature::is_of(token, &first.signature, &first.kubeconfig) {
        bail!("failed to verify JWS signature of received cluster info object, can't trust this API Server");
    }
    let cluster = cluster_of(&first.kubeconfig)?;
    pins::check(&cluster.ca, pins)?;

    let trusted = client(&server, Some(&cluster.ca), &json!({})).await?;
    let second = signed_cluster_info(&trusted, &token.id, deadline).await?;
    if second.kubeconfig != first.kubeconfig {
        bail!(
            "the second kubeconfig from the cluster-info ConfigMap (using validated TLS) was different from the first"
        );
    }
    Ok(cluster)
}

struct ClusterInfo {
    kubeconfig: String,
    signature: String,
}

/// Waits until `cluster-info` can be read and bears a signature of the token: it comes a moment after the token.
async fn signed_cluster_info(client: &Client, token_id: &str, deadline: Instant) -> Result<ClusterInfo> {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "kube-public");
    loop {
        let problem = match maps.get("cluster-info").await {
            Ok(map) => {
                let mut data = map.data.unwrap_or_default();
                let kubeconfig = data
                    .remove("kubeconfig")
                    .context("there is no kubeconfig key in the cluster-info ConfigMap")?;
                if let Some(signature) = data.remove(&format!("jws-kubeconfig-{token_id}")) {
                    return Ok(ClusterInfo {
                        kubeconfig,
                        signature,
                    });
                }
                anyhow!(
                    "could not find a JWS signature in the cluster-info ConfigMap for token ID {token_id:?}"
                )
            }
            Err(error) => anyhow!(error).context("failed to request the cluster-info ConfigMap"),
        };
        if Instant::now() + LOOK >= deadline {
            return Err(problem);
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn cluster_of(kubeconfig: &str) -> Result<Cluster> {
    let malformed = "malformed kubeconfig in the cluster-info ConfigMap";
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).context(malformed)?;
    let cluster = kubeconfig
        .clusters
        .into_iter()
        .find_map(|named| named.cluster)
        .context(malformed)?;
    let ca = cluster.certificate_authority_data.context(malformed)?;
    Ok(Cluster {
        server: cluster.server.context(malformed)?,
        ca: String::from_utf8(BASE64_STANDARD.decode(ca).context(malformed)?).context(malformed)?,
    })
}
