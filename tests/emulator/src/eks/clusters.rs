//! Clusters and who may enter them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use base::aws;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::Client;
use crate::client::Refused;

/// The emulator's clusters are active at once; a limit so that a change of that is an error and no hang.
const ACTIVE_LIMIT: Duration = Duration::from_secs(20);

/// How a cluster is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterAccess {
    /// `https://127.0.0.1:<port>`.
    pub endpoint: String,
    /// The CA's certificate, PEM.
    pub certificate_authority: String,
}

/// Finds a cluster by its name; `None` for one that exists only in the emulator.
pub type Lookup = Arc<dyn Fn(&str) -> Option<ClusterAccess> + Send + Sync>;

/// Fills in what the emulator can't know.
pub(super) fn complete(body: &mut Value, access: Option<ClusterAccess>) {
    if let Some(access) = access {
        body["cluster"]["endpoint"] = access.endpoint.into();
        body["cluster"]["certificateAuthority"]["data"] =
            STANDARD.encode(access.certificate_authority).into();
    }
}

/// The role of every cluster; EKS asks that it exists.
const CLUSTER_ROLE: &str = "eks-cluster";

/// Creates a cluster that lets nobody in but by access entries, tagged with `tags`.
pub async fn create_cluster(client: &Client, name: &str, tags: &[(&str, &str)]) -> Result<()> {
    create_role(client, CLUSTER_ROLE, "eks.amazonaws.com").await?;
    let tags: serde_json::Map<String, Value> = tags
        .iter()
        .map(|&(key, value)| (key.to_owned(), value.into()))
        .collect();
    let cluster = json!({
        "name": name,
        "version": "1.36",
        "roleArn": format!("arn:aws:iam::{}:role/{CLUSTER_ROLE}", aws::ACCOUNT),
        "resourcesVpcConfig": { "subnetIds": ["subnet-00000001", "subnet-00000002"] },
        "accessConfig": { "authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": false },
        "tags": tags,
    });
    client
        .rest("eks", Method::POST, "/clusters", Some(&cluster))
        .await?;
    let step = Duration::from_millis(50);
    let mut waited = Duration::ZERO;
    while client
        .rest("eks", Method::GET, &format!("/clusters/{name}"), None)
        .await?["cluster"]["status"]
        != "ACTIVE"
    {
        if waited >= ACTIVE_LIMIT {
            bail!("cluster {name} is not active after {ACTIVE_LIMIT:?}");
        }
        tokio::time::sleep(step).await;
        waited += step;
    }
    Ok(())
}

/// Creates a role without permissions that `service` may take on; one that exists already is left as it is.
pub async fn create_role(client: &Client, name: &str, service: &str) -> Result<()> {
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": { "Service": service }, "Action": "sts:AssumeRole" }],
    });
    let parameters = [
        ("RoleName", name.to_owned()),
        ("AssumeRolePolicyDocument", trust.to_string()),
    ];
    match client.query("iam", "2010-05-08", "CreateRole", parameters).await {
        Err(error) if Refused::is(&error, "EntityAlreadyExists") => Ok(()),
        outcome => outcome.map(drop),
    }
}

/// Lets `role_arn` into the cluster as a member of `groups` of Kubernetes, and with no access policy of EKS.
pub async fn create_access_entry(
    client: &Client,
    cluster: &str,
    role_arn: &str,
    groups: &[&str],
) -> Result<()> {
    let entry = json!({ "principalArn": role_arn, "kubernetesGroups": groups, "type": "STANDARD" });
    let path = format!("/clusters/{cluster}/access-entries");
    client
        .rest("eks", Method::POST, &path, Some(&entry))
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_that_runs_is_described_with_its_endpoint_and_ca() {
        let mut body = json!({ "cluster": { "name": "demo", "endpoint": "x", "certificateAuthority": {} } });
        let access = ClusterAccess {
            endpoint: "https://127.0.0.1:7".to_owned(),
            certificate_authority: "PEM".to_owned(),
        };
        complete(&mut body, Some(access));
        assert_eq!(
            body,
            json!({ "cluster": {
                "name": "demo",
                "endpoint": "https://127.0.0.1:7",
                "certificateAuthority": { "data": "UEVN" },
            } })
        );
    }
}
