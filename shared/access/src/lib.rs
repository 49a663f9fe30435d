//! The way into the cluster: chosen by configuration, one code path behind it.
//!
//! | `LAMPLIGHTER_CLUSTER_ACCESS` | endpoint and CA | credential |
//! | --- | --- | --- |
//! | `eks` | `DescribeCluster`, once for each sandbox | a token of the function's own role, made locally |
//! | `kubeconfig` | in the kubeconfig | in the kubeconfig, an SSM `SecureString` |

#![expect(
    async_fn_in_trait,
    reason = "functions run on one thread and name their ports' types: no Send needed"
)]

use aws::eks::{ClusterEndpoint, DescribeCluster, Eks};
use aws::eks_token::{EksTokens, IssueToken};
use aws::ssm::{ParameterStore, ReadSecret};
use aws_config::SdkConfig;
use domain::failure::{Class, Classified};
use domain::ids::ClusterName;
use jiff::{SignedDuration, Timestamp};
use kubernetes::{Access, AccessError, Cluster};
use runtime::env::{Noted, Reader};
use tokio::sync::Mutex;

/// A kubeconfig is read again after this time, so that a rotated one is taken up without a deployment.
const KUBECONFIG_LIFE: SignedDuration = SignedDuration::from_mins(10);

/// Which way in, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// An EKS cluster.
    Eks,
    /// A kubeconfig in this SSM parameter.
    Kubeconfig {
        /// The parameter's name.
        parameter: String,
    },
}

impl Way {
    /// Reads `LAMPLIGHTER_CLUSTER_ACCESS` and, where it asks for one, `LAMPLIGHTER_KUBECONFIG_PARAMETER`.
    pub fn read<G: Fn(&str) -> Option<String>>(env: &mut Reader<G>) -> Result<Self, Noted> {
        let kind = env.required(
            "LAMPLIGHTER_CLUSTER_ACCESS",
            "eks or kubeconfig",
            |text| match text {
                "eks" | "kubeconfig" => Ok(text.to_owned()),
                _ => Err("no such way in"),
            },
        )?;
        if kind == "eks" {
            return Ok(Self::Eks);
        }
        let parameter = env.required(
            "LAMPLIGHTER_KUBECONFIG_PARAMETER",
            "the name of an SSM parameter",
            |text| Ok::<_, String>(text.to_owned()),
        )?;
        Ok(Self::Kubeconfig { parameter })
    }
}

/// Connects to the cluster.
pub trait Connect {
    /// The client.
    type Cluster;
    /// A client whose credential is good for some minutes from `now`.
    async fn connect(&self, now: Timestamp) -> Result<Self::Cluster, Error>;
    /// Forgets what is remembered, after the cluster did not know us or could not be reached: its endpoint,
    /// its CA or our credential may have changed.
    async fn forget(&self);
}

/// There is no way in.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// AWS did not tell it.
    #[error("no access to the cluster")]
    Aws(#[from] aws::Error),
    /// What it told can't be used.
    #[error("no access to the cluster")]
    Unusable(#[from] AccessError),
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Self::Aws(error) => error.class(),
            Self::Unusable(_) => Class::Permanent,
        }
    }
}

/// Remembers the client from one invocation of a sandbox to the next.
pub struct Gate {
    way: Way,
    cluster: ClusterName,
    eks: Eks,
    tokens: EksTokens,
    parameters: ParameterStore,
    remembered: Mutex<Remembered>,
}

#[derive(Default)]
struct Remembered {
    endpoint: Option<ClusterEndpoint>,
    client: Option<(Cluster, Timestamp)>,
}

impl Gate {
    /// Makes the clients that the way in needs; nothing is called yet.
    pub fn new(config: &SdkConfig, way: Way, cluster: ClusterName) -> Self {
        Self {
            way,
            cluster,
            eks: Eks::new(config),
            tokens: EksTokens::new(config),
            parameters: ParameterStore::new(config),
            remembered: Mutex::default(),
        }
    }

    async fn access(
        &self,
        remembered: &mut Remembered,
        now: Timestamp,
    ) -> Result<(Access, Timestamp), Error> {
        match &self.way {
            Way::Eks => {
                let ClusterEndpoint { endpoint, ca_pem } = match &remembered.endpoint {
                    Some(known) => known.clone(),
                    None => self.eks.describe_cluster(&self.cluster).await?,
                };
                remembered.endpoint = Some(ClusterEndpoint {
                    endpoint: endpoint.clone(),
                    ca_pem: ca_pem.clone(),
                });
                let token = self.tokens.issue_token(&self.cluster, now).await?;
                let access = Access::Token {
                    endpoint,
                    ca_pem,
                    token: token.secret.expose().to_owned(),
                };
                Ok((access, token.refresh_after))
            }
            Way::Kubeconfig { parameter } => {
                let text = self.parameters.read_secret(parameter).await?;
                Ok((
                    Access::Kubeconfig(text.expose().to_owned()),
                    now + KUBECONFIG_LIFE,
                ))
            }
        }
    }
}

impl Connect for Gate {
    type Cluster = Cluster;

    async fn connect(&self, now: Timestamp) -> Result<Cluster, Error> {
        let mut remembered = self.remembered.lock().await;
        if let Some((client, until)) = &remembered.client
            && now < *until
        {
            return Ok(client.clone());
        }
        let (access, until) = self.access(&mut remembered, now).await?;
        let client = Cluster::connect(&access)?;
        remembered.client = Some((client.clone(), until));
        Ok(client)
    }

    async fn forget(&self) {
        *self.remembered.lock().await = Remembered::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Way, String> {
        let get = |name: &str| {
            variables
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        };
        let mut env = Reader::new(get);
        let way = Way::read(&mut env);
        env.finish(|| way).map_err(|invalid| invalid.to_string())
    }

    #[test]
    fn the_way_in_is_named_and_a_kubeconfig_needs_its_parameter() {
        assert_eq!(read(&[("LAMPLIGHTER_CLUSTER_ACCESS", "eks")]), Ok(Way::Eks));
        let parameter = "/lamplighter/blue/kubeconfig".to_owned();
        assert_eq!(
            read(&[
                ("LAMPLIGHTER_CLUSTER_ACCESS", "kubeconfig"),
                ("LAMPLIGHTER_KUBECONFIG_PARAMETER", &parameter)
            ]),
            Ok(Way::Kubeconfig { parameter })
        );
        for (variables, named) in [
            (&[][..], "LAMPLIGHTER_CLUSTER_ACCESS"),
            (
                &[("LAMPLIGHTER_CLUSTER_ACCESS", "ssh")],
                "LAMPLIGHTER_CLUSTER_ACCESS",
            ),
            (
                &[("LAMPLIGHTER_CLUSTER_ACCESS", "kubeconfig")],
                "LAMPLIGHTER_KUBECONFIG_PARAMETER",
            ),
        ] {
            assert!(read(variables).unwrap_err().contains(named), "{variables:?}");
        }
    }
}
