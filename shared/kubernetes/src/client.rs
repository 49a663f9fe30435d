//! How a client is made, whatever the way in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kube::Client;
use kube::client::ClientBuilder;
use kube::config::{AuthInfo, Config};
use tower::util::MapRequestLayer;

use crate::kubeconfig::{self, KubeconfigError};

/// An API server that is there accepts a connection at once; one that is not must not cost us the invocation.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The longest answer that we wait for is that of an eviction, which the API server itself tries again for
/// 10 s when budgets change under it.
const READ_TIMEOUT: Duration = Duration::from_secs(15);

/// The way in.
pub enum Access {
    /// Endpoint, CA and a bearer token, as EKS gives them.
    Token {
        /// For example `https://0123456789ABCDEF.gr7.eu-central-1.eks.amazonaws.com`.
        endpoint: String,
        /// The cluster's CA certificates, PEM. Always checked.
        ca_pem: Vec<u8>,
        /// The token.
        token: String,
    },
    /// A kubeconfig that holds everything itself.
    Kubeconfig(String),
}

/// Access that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The endpoint is not a URL.
    #[error("cluster endpoint {endpoint:?}: expected an https URL")]
    Endpoint {
        /// The text.
        endpoint: String,
    },
    /// The CA is not PEM, or empty.
    #[error("the cluster's CA: expected PEM certificates")]
    Ca,
    /// The kubeconfig is not one that we use.
    #[error("kubeconfig: {0}")]
    Kubeconfig(#[from] KubeconfigError),
    /// A person's kubeconfig can't be read, or lacks something.
    #[error("kubeconfig")]
    OfPerson(#[source] Box<kube::config::KubeconfigError>),
    /// No TLS client can be made of it.
    #[error("no client for the cluster can be made")]
    Client(#[source] Box<kube::Error>),
}

/// Tells how many requests were sent: what a drain costs the API server.
pub trait CountCalls {
    /// All since the client was made.
    fn calls(&self) -> u64;
}

/// A cluster, and who we are to it. Each port of this crate is implemented by it.
#[derive(Clone)]
pub struct Cluster {
    pub(crate) client: Client,
    /// The same cluster, to whom we are nobody.
    pub(crate) stranger: Client,
    calls: Arc<AtomicU64>,
}

impl Cluster {
    /// Makes a client. Nothing is sent yet.
    pub fn connect(access: &Access) -> Result<Self, AccessError> {
        Self::of_config(match access {
            Access::Token {
                endpoint,
                ca_pem,
                token,
            } => token_config(endpoint, ca_pem, token)?,
            Access::Kubeconfig(text) => kubeconfig::config(text)?,
        })
    }

    pub(crate) fn of_config(config: Config) -> Result<Self, AccessError> {
        let calls = Arc::new(AtomicU64::new(0));
        // A client certificate would make us known before any token is looked at.
        let mut nobody = config.clone();
        nobody.auth_info = AuthInfo::default();
        Ok(Self {
            client: client(config, &calls)?,
            stranger: client(nobody, &calls)?,
            calls,
        })
    }

    #[cfg(test)]
    pub(crate) fn of_client(client: Client) -> Self {
        Self {
            stranger: client.clone(),
            client,
            calls: Arc::default(),
        }
    }
}

impl CountCalls for Cluster {
    fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }
}

fn client(config: Config, calls: &Arc<AtomicU64>) -> Result<Client, AccessError> {
    let counter = calls.clone();
    let count = MapRequestLayer::new(move |request: http::Request<kube::client::Body>| {
        counter.fetch_add(1, Ordering::Relaxed);
        request
    });
    let builder =
        ClientBuilder::try_from(hardened(config)).map_err(|error| AccessError::Client(Box::new(error)))?;
    Ok(builder.with_layer(&count).build())
}

fn token_config(endpoint: &str, ca_pem: &[u8], token: &str) -> Result<Config, AccessError> {
    let not_a_url = || AccessError::Endpoint {
        endpoint: endpoint.to_owned(),
    };
    let url: http::Uri = endpoint.parse().map_err(|_| not_a_url())?;
    if url.scheme_str() != Some("https") {
        return Err(not_a_url());
    }
    let mut config = Config::new(url);
    config.root_cert = Some(kubeconfig::certificates(ca_pem).ok_or(AccessError::Ca)?);
    config.auth_info.token = Some(token.to_owned().into());
    Ok(config)
}

/// What the client must not do by itself, and must not wait for.
fn hardened(mut config: Config) -> Config {
    // The client's own retries hide a budget's 429 for minutes; when to ask again is our decision.
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(READ_TIMEOUT);
    config.write_timeout = Some(READ_TIMEOUT);
    // Lambda freezes pooled connections; the time that they were frozen must not count against the next answer.
    config.reset_reader_on_write = true;
    config
}
