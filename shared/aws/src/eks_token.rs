//! Tokens by which EKS knows a role: a request to STS, "who am I", signed but not sent.
//!
//! EKS sends it to STS and takes the answer for the caller's identity; an access entry maps that to a
//! Kubernetes group. The header `x-k8s-aws-id` is part of the signature, so a token for one cluster is of no
//! use at another. Signing is arithmetic: no call is made.

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::ClusterName;
use jiff::{SignedDuration, Timestamp};

use crate::Secret;
use crate::error::{Call, Error};

/// What EKS looks for before it looks closer.
const PREFIX: &str = "k8s-aws-v1.";
/// Names the cluster for which the token is.
const CLUSTER_HEADER: &str = "x-k8s-aws-id";
/// `X-Amz-Expires`: what `aws eks get-token` sends. EKS allows 15 minutes from the signing time whatever
/// this says, and older verifiers refuse more than 60.
const EXPIRES: Duration = Duration::from_mins(1);
/// A token is accepted for 15 minutes. After 10 there is time for one more invocation of up to a minute with
/// clocks that disagree by some minutes.
const REFRESH_AFTER: SignedDuration = SignedDuration::from_mins(10);
/// The last minute of temporary credentials is not worth a token: it would die with them.
const CREDENTIALS_MARGIN: SignedDuration = SignedDuration::from_mins(1);

/// Issues tokens for a cluster.
pub trait IssueToken {
    /// A token, valid from `now`.
    async fn issue_token(&self, cluster: &ClusterName, now: Timestamp) -> Result<Token, Error>;
}

/// A bearer token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The token.
    pub secret: Secret,
    /// When to make a new one: some minutes before this one is refused.
    pub refresh_after: Timestamp,
}

/// Issues tokens for the role under which the function runs.
#[derive(Debug, Clone)]
pub struct EksTokens {
    credentials: Option<SharedCredentialsProvider>,
    region: Option<String>,
}

impl EksTokens {
    /// Tokens by the configured credentials and region.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            credentials: config.credentials_provider(),
            region: config.region().map(|region| region.as_ref().to_owned()),
        }
    }
}

impl IssueToken for EksTokens {
    async fn issue_token(&self, cluster: &ClusterName, now: Timestamp) -> Result<Token, Error> {
        let call = call(cluster);
        let region = self
            .region
            .as_deref()
            .ok_or_else(|| call.not_sent("no region is configured"))?;
        let provider = self
            .credentials
            .as_ref()
            .ok_or_else(|| call.not_sent("no credentials are configured"))?;
        let credentials = provider
            .provide_credentials()
            .await
            .map_err(|error| call.not_sent(error))?;
        presign(&credentials, region, cluster, now)
    }
}

/// The token of `credentials` for `cluster`, made at `now`.
pub fn presign(
    credentials: &Credentials,
    region: &str,
    cluster: &ClusterName,
    now: Timestamp,
) -> Result<Token, Error> {
    let call = call(cluster);
    let url = format!(
        "https://{}/?Action=GetCallerIdentity&Version=2011-06-15",
        sts_host(region)
    );
    let mut request = http::Request::get(&url)
        .body(())
        .map_err(|error| call.not_sent(error))?;

    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(EXPIRES);
    let identity = credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("sts")
        .time(SystemTime::from(now))
        .settings(settings)
        .build()
        .map_err(|error| call.not_sent(error))?;
    let headers = [(CLUSTER_HEADER, cluster.as_str())].into_iter();
    let signable = SignableRequest::new("GET", &url, headers, SignableBody::Bytes(&[]))
        .map_err(|error| call.not_sent(error))?;
    let (instructions, _signature) = sign(signable, &parameters.into())
        .map_err(|error| call.not_sent(error))?
        .into_parts();
    instructions.apply_to_request_http1x(&mut request);

    let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(request.uri().to_string()));
    Ok(Token {
        secret: Secret::new(token),
        refresh_after: refresh_after(credentials, now),
    })
}

fn call(cluster: &ClusterName) -> Call {
    Call::new("sts:GetCallerIdentity", format!("a token for cluster {cluster}"))
}

/// The regional host: the global one is a single region away from most. Each partition has its own domain.
fn sts_host(region: &str) -> String {
    let domain = if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    format!("sts.{region}.{domain}")
}

fn refresh_after(credentials: &Credentials, now: Timestamp) -> Timestamp {
    let of_token = now.saturating_add(REFRESH_AFTER).unwrap_or(Timestamp::MAX);
    let of_credentials = credentials
        .expiry()
        .and_then(|expiry| Timestamp::try_from(expiry).ok())
        .and_then(|expiry| expiry.checked_sub(CREDENTIALS_MARGIN).ok());
    of_credentials.map_or(of_token, |end| end.min(of_token))
}

#[cfg(test)]
mod tests;
