//! A request that somebody signed for an endpoint of the world, sent on to the emulator unchanged.

use anyhow::{Context, Result};
use autoscaling::judge::SignedRequest;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, TRANSFER_ENCODING};

/// Headers of one connection and not of the request; they are never signed.
const HOP_BY_HOP: [HeaderName; 3] = [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING];

/// An answer of the emulator.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Every header.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// A client for the loopback interface: whatever proxy the environment names, it is not asked. Connections are not kept:
/// the emulator closes idle ones after some seconds, and a request that is just then on its way would be lost.
pub fn loopback() -> Result<reqwest::Client> {
    reqwest::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(0)
        .build()
        .context("building an HTTP client")
}

/// Sends `request` to `endpoint` with its own `Host` and every other header, and `more` headers on top.
pub async fn forward(
    http: &reqwest::Client,
    endpoint: &str,
    request: &SignedRequest,
    more: &[(&str, String)],
) -> Result<Answer> {
    let method = reqwest::Method::from_bytes(request.method.as_bytes())?;
    let mut forwarded = http.request(method, format!("{endpoint}{}", request.path_and_query));
    for (name, value) in &request.headers {
        if !HOP_BY_HOP
            .iter()
            .any(|header| name.eq_ignore_ascii_case(header.as_str()))
        {
            forwarded = forwarded.header(name, value);
        }
    }
    for (name, value) in more {
        forwarded = forwarded.header(*name, value);
    }
    let answer = forwarded
        .body(request.body.clone())
        .send()
        .await
        .context("asking the emulator")?;
    let status = answer.status().as_u16();
    let headers = answer
        .headers()
        .iter()
        .filter(|(name, _)| !HOP_BY_HOP.contains(name))
        .map(|(name, value)| {
            (
                name.to_string(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect();
    let body = answer
        .bytes()
        .await
        .context("reading the emulator's answer")?
        .to_vec();
    Ok(Answer {
        status,
        headers,
        body,
    })
}
