//! What a machine that knows nobody is told of the cluster: the `ConfigMap` `cluster-info`, which kubeadm reads too
//! and checks by pins and signatures. Pins must be of the very bundle that is in it.

use domain::join::Endpoint;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::Api;
use kube::config::Kubeconfig;

use crate::kubeconfig;
use crate::{Cluster, Error};

const NAMESPACE: &str = "kube-public";
const NAME: &str = "cluster-info";

/// Reads `cluster-info`.
pub trait ReadClusterInfo {
    /// What it says now: during a rotation of the CA it changes.
    async fn cluster_info(&self) -> Result<ClusterInfo, Error>;
}

/// What `cluster-info` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterInfo {
    /// Where the API server is.
    pub endpoint: Endpoint,
    /// The cluster's CA certificates, PEM.
    pub ca_pem: Vec<u8>,
}

impl ReadClusterInfo for Cluster {
    async fn cluster_info(&self) -> Result<ClusterInfo, Error> {
        let call = format!("get configmap {NAME} in {NAMESPACE}");
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), NAMESPACE);
        let found = api
            .get(NAME)
            .await
            .map_err(|error| Error::new(call.as_str(), error))?;
        from_resource(found).map_err(|field| Error::Incomplete {
            call,
            object: NAME.to_owned(),
            field,
        })
    }
}

/// Takes it apart; the error is the field that is missing or has another form.
fn from_resource(found: ConfigMap) -> Result<ClusterInfo, &'static str> {
    let text = found.data.and_then(|mut data| data.remove("kubeconfig"));
    let file = text
        .and_then(|text| Kubeconfig::from_yaml(&text).ok())
        .ok_or("kubeconfig in data")?;
    // kubeadm writes one cluster, and gives it no name.
    let [cluster]: [_; 1] = file
        .clusters
        .try_into()
        .map_err(|_| "single cluster in its kubeconfig")?;
    let cluster = cluster.cluster.ok_or("single cluster in its kubeconfig")?;
    let endpoint = cluster.server.and_then(|server| Endpoint::of_url(&server).ok());
    let ca = cluster
        .certificate_authority_data
        .as_deref()
        .and_then(kubeconfig::decoded);
    Ok(ClusterInfo {
        endpoint: endpoint.ok_or("https server in its kubeconfig")?,
        ca_pem: ca.ok_or("certificate-authority-data in its kubeconfig")?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::scenario::Scenario;

    const PATH: &str = "/api/v1/namespaces/kube-public/configmaps/cluster-info";

    fn kubeconfig(cluster: &str) -> Value {
        let text = format!("apiVersion: v1\nkind: Config\nclusters:\n- name: ''\n  cluster: {cluster}\n");
        json!({ "metadata": { "name": "cluster-info" }, "data": { "kubeconfig": text, "jws-kubeconfig-abc123": "x" } })
    }

    async fn read(answer: Value) -> Result<ClusterInfo, Error> {
        let (cluster, scenario) = Scenario::new();
        let served = scenario.answer("GET", PATH, 200, answer).serve();
        let info = cluster.cluster_info().await;
        served.finished().await;
        info
    }

    #[tokio::test]
    async fn the_endpoint_and_the_bundle_are_those_that_kubeadm_will_see() {
        let info = read(kubeconfig(
            "{server: 'https://10.0.0.1:6443', certificate-authority-data: UEVN}",
        ));
        let info = info.await.unwrap();
        assert_eq!(
            (info.endpoint.as_str(), info.ca_pem.as_slice()),
            ("10.0.0.1:6443", &b"PEM"[..])
        );
    }

    #[tokio::test]
    async fn what_it_lacks_is_named() {
        for (answer, field) in [
            (json!({ "metadata": {} }), "kubeconfig in data"),
            (
                json!({ "data": { "kubeconfig": "clusters: []" } }),
                "single cluster in its kubeconfig",
            ),
            (
                kubeconfig("{certificate-authority-data: UEVN}"),
                "https server in its kubeconfig",
            ),
            (
                kubeconfig("{server: 'http://10.0.0.1:6443', certificate-authority-data: UEVN}"),
                "https server in its kubeconfig",
            ),
            (
                kubeconfig("{server: 'https://10.0.0.1:6443'}"),
                "certificate-authority-data in its kubeconfig",
            ),
        ] {
            let error = read(answer).await.unwrap_err();
            let expected = format!("get configmap cluster-info in kube-public: cluster-info has no {field}");
            assert_eq!(error.to_string(), expected);
        }
    }
}
