//! EKS: where a cluster's API server is, how it proves that it is the one, and the cluster's managed node groups.

mod nodegroups;

use aws_config::SdkConfig;
use aws_sdk_eks::Client;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::ids::ClusterName;

use crate::error::{Call, Error};

pub use nodegroups::{DescribeNodegroups, Nodegroup, ResizeNodegroup, TagNodegroup};

/// Finds a cluster's API server.
pub trait DescribeCluster {
    /// Its address and its certificate authority. They change so rarely that a sandbox asks once.
    async fn describe_cluster(&self, cluster: &ClusterName) -> Result<ClusterEndpoint, Error>;
}

/// A cluster's API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterEndpoint {
    /// Its URL.
    pub endpoint: String,
    /// The certificates by which it is known, in PEM.
    pub ca_pem: Vec<u8>,
}

/// EKS as this function's role may use it.
#[derive(Debug, Clone)]
pub struct Eks {
    client: Client,
}

impl Eks {
    /// A client of the configured region.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }
}

impl DescribeCluster for Eks {
    async fn describe_cluster(&self, cluster: &ClusterName) -> Result<ClusterEndpoint, Error> {
        let call = Call::new("eks:DescribeCluster", format!("cluster {cluster}"));
        let request = self.client.describe_cluster().name(cluster.as_str());
        let answer = request.send().await.map_err(|error| call.clone().failed(error))?;
        let described = call.must("cluster", answer.cluster())?;
        // A cluster that is still being created has neither.
        let endpoint = call.must("endpoint", described.endpoint())?.to_owned();
        let ca = described.certificate_authority().and_then(|ca| ca.data());
        let ca_pem = STANDARD
            .decode(call.must("certificate authority", ca)?)
            .map_err(|error| call.unexpected(format!("certificate authority: {error}")))?;
        Ok(ClusterEndpoint { endpoint, ca_pem })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Wire;

    async fn describe(wire: &Wire) -> Result<ClusterEndpoint, Error> {
        Eks::new(&wire.config())
            .describe_cluster(&ClusterName::parse("blue").unwrap())
            .await
    }

    #[tokio::test]
    async fn a_cluster_is_found_by_its_name() {
        let answer = r#"{"cluster":{"name":"blue","endpoint":"https://blue.example",
            "certificateAuthority":{"data":"LS0tLS1CRUdJTg=="}}}"#;
        let wire = Wire::answering([(200, answer)]);
        let found = describe(&wire).await.unwrap();
        let expected = ClusterEndpoint {
            endpoint: "https://blue.example".into(),
            ca_pem: b"-----BEGIN".to_vec(),
        };
        assert_eq!(found, expected);
        let [request] = wire.requests().try_into().unwrap();
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("GET", "/clusters/blue")
        );
    }

    #[tokio::test]
    async fn an_answer_that_lacks_something_says_what() {
        let ca = r#"{"cluster":{"endpoint":"https://blue.example","certificateAuthority":{"data":"-"}}}"#;
        let cases = [
            (
                r#"{"cluster":{"name":"blue","status":"CREATING"}}"#,
                "no endpoint",
            ),
            (
                r#"{"cluster":{"endpoint":"https://blue.example"}}"#,
                "no certificate authority",
            ),
            (ca, "certificate authority: Invalid symbol 45, offset 0."),
        ];
        for (answer, reason) in cases {
            let error = describe(&Wire::answering([(200, answer)])).await.unwrap_err();
            let expected = format!("eks:DescribeCluster for cluster blue: unexpected answer: {reason}");
            assert_eq!(error.to_string(), expected);
        }
    }
}
