//! The token webhook: what EKS does between the API server and STS.
//!
//! A token is a presigned `GetCallerIdentity` request, so the webhook sends it to STS and learns who signed it
//! ([`token`]); the cluster's access entries then say what that principal is called in Kubernetes and which groups it is
//! in ([`principal`]). Both questions go through [`Eks`]; [`HttpEks`] asks the emulator and the world's EKS endpoint.

pub mod principal;
pub mod remote;
pub mod token;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use futures::future::BoxFuture;
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewStatus, UserInfo};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use principal::{AccessEntry, Caller, Identity};
pub use remote::HttpEks;
pub use token::PresignedUrl;

/// The two AWS services that the webhook asks.
pub trait Eks: Send + Sync + 'static {
    /// Who signed the request, told by STS when it is replayed with the header `x-k8s-aws-id: <cluster>`.
    fn caller<'a>(
        &'a self,
        url: &'a PresignedUrl,
        cluster: &'a str,
    ) -> BoxFuture<'a, Result<Caller, Refusal>>;

    /// The principals for which the cluster has access entries.
    fn principals<'a>(&'a self, cluster: &'a str) -> BoxFuture<'a, Result<Vec<String>, Refusal>>;

    /// The access entry of one principal.
    fn access_entry<'a>(
        &'a self,
        cluster: &'a str,
        principal: &'a str,
    ) -> BoxFuture<'a, Result<AccessEntry, Refusal>>;
}

/// Why a token is not good.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Refusal {
    /// It is not a token of an AWS principal at all; some other authenticator may know it.
    #[error("the token does not start with k8s-aws-v1.")]
    Foreign,
    /// Its shape breaks a rule.
    #[error("the token {0}")]
    Malformed(String),
    /// STS does not accept it: wrong signature, other cluster, expired credentials.
    #[error("sts refused the token: {0}")]
    Sts(String),
    /// STS or EKS can't be asked.
    #[error("{0}")]
    Unavailable(String),
    /// The principal has no access entry.
    #[error("{principal} has no access entry in cluster {cluster}")]
    NoAccessEntry {
        /// The principal's ARN as STS tells it.
        principal: String,
        /// The cluster's name.
        cluster: String,
    },
    /// The access entry can't be used.
    #[error("access entry of {principal}: {reason}")]
    BadAccessEntry {
        /// The entry's principal.
        principal: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Whom `token` identifies in `cluster` at the moment `now`.
pub async fn authenticate(
    token: &str,
    cluster: &str,
    eks: &dyn Eks,
    now: jiff::Timestamp,
) -> Result<Identity, Refusal> {
    let url = token::decode(token, now)?;
    let caller = eks.caller(&url, cluster).await?;
    let principals = eks.principals(cluster).await?;
    let Some(principal) = principals.iter().find(|principal| caller.is(principal)) else {
        return Err(Refusal::NoAccessEntry {
            principal: caller.arn,
            cluster: cluster.to_owned(),
        });
    };
    let entry = eks.access_entry(cluster, principal).await?;
    caller.identity(&entry)
}

/// The running webhook. Dropping it ends it.
pub struct Webhook {
    address: SocketAddr,
    task: JoinHandle<std::io::Result<()>>,
}

impl Webhook {
    /// Listens at `address` for token reviews about tokens for `cluster`.
    pub async fn start(address: SocketAddr, cluster: String, eks: Arc<dyn Eks>) -> Result<Self> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("the token webhook can't listen at {address}"))?;
        let address = listener.local_addr()?;
        let router = Router::new()
            .route("/", post(review))
            .with_state(Judge { cluster, eks });
        let task = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it ends by itself, which it never should.
    pub async fn ended(&mut self) -> String {
        match (&mut self.task).await {
            Ok(Ok(())) => "the token webhook ended".to_owned(),
            Ok(Err(error)) => format!("the token webhook ended: {error}"),
            Err(error) => format!("the token webhook ended: {error}"),
        }
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone)]
struct Judge {
    cluster: String,
    eks: Arc<dyn Eks>,
}

async fn review(State(judge): State<Judge>, Json(mut review): Json<TokenReview>) -> Json<TokenReview> {
    let token = std::mem::take(&mut review.spec.token);
    let verdict = authenticate(&token, &judge.cluster, &*judge.eks, jiff::Timestamp::now()).await;
    review.status = Some(status(verdict));
    Json(review)
}

fn status(verdict: Result<Identity, Refusal>) -> TokenReviewStatus {
    match verdict {
        Ok(identity) => TokenReviewStatus {
            authenticated: Some(true),
            user: Some(user(identity)),
            ..TokenReviewStatus::default()
        },
        // No error, only no: the API server logs errors, and anybody's wrong password is none.
        Err(Refusal::Foreign) => TokenReviewStatus {
            authenticated: Some(false),
            ..TokenReviewStatus::default()
        },
        Err(refusal) => TokenReviewStatus {
            authenticated: Some(false),
            error: Some(refusal.to_string()),
            ..TokenReviewStatus::default()
        },
    }
}

fn user(identity: Identity) -> UserInfo {
    UserInfo {
        username: Some(identity.username),
        uid: Some(identity.uid),
        groups: Some(identity.groups),
        extra: Some(BTreeMap::from_iter(identity.extra)),
    }
}

#[cfg(test)]
mod tests;
