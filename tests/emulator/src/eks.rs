//! The world's EKS endpoint, in front of the emulator's.
//!
//! Most goes to the emulator unchanged, which authenticates and authorises it. Two things it can't know or do:
//!
//! - `DescribeCluster` answers with the API server that really runs in this world, and with its CA.
//! - Node groups have nodes, and can be changed: see [`nodegroups`].

pub mod clusters;
pub mod nodegroups;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use autoscaling::judge::SignedRequest;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::Client;
use crate::forward::{Answer, forward, loopback};
use clusters::Lookup;
use nodegroups::Nodegroups;

/// Larger than any request of EKS.
const BODY_LIMIT: usize = 1 << 20;

/// What the endpoint needs.
#[derive(Clone)]
pub struct Settings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The emulator, as its administrator sees it.
    pub emulator: Client,
    /// The clusters that really run.
    pub clusters: Lookup,
    /// The Auto Scaling of the world, as its administrator sees it; without it, node groups have no nodes.
    pub autoscaling: Option<Client>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("listen", &self.listen)
            .finish_non_exhaustive()
    }
}

/// The running endpoint; dropping it ends it.
#[derive(Debug)]
pub struct Server {
    task: JoinHandle<()>,
    address: SocketAddr,
}

impl Server {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Endpoint {
    http: reqwest::Client,
    emulator: String,
    clusters: Lookup,
    nodegroups: Nodegroups,
}

/// Starts the endpoint.
pub async fn serve(settings: Settings) -> Result<Server> {
    let listener = TcpListener::bind(settings.listen)
        .await
        .with_context(|| format!("the EKS endpoint: listening on {}", settings.listen))?;
    let address = listener.local_addr()?;
    let endpoint = Arc::new(Endpoint {
        http: loopback()?,
        emulator: settings.emulator.endpoint().to_owned(),
        clusters: settings.clusters,
        nodegroups: Nodegroups::new(settings.emulator, settings.autoscaling)?,
    });
    let app = Router::new().fallback(handle).with_state(endpoint);
    let task = tokio::spawn(async move {
        // It only ever returns when it is aborted.
        let _ = axum::serve(listener, app).await;
    });
    Ok(Server { task, address })
}

async fn handle(State(endpoint): State<Arc<Endpoint>>, request: Request) -> Response {
    match endpoint.answer(request).await {
        Ok(answer) => response(answer),
        Err(error) => error_response(&error),
    }
}

impl Endpoint {
    async fn answer(&self, request: Request) -> Result<Answer> {
        let request = as_signed(request).await?;
        if let Some(answer) = self.nodegroups.answer(&request).await? {
            return Ok(answer);
        }
        let path = request
            .path_and_query
            .split('?')
            .next()
            .unwrap_or_default()
            .to_owned();
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("GET", ["clusters", cluster]) => {
                let answer = self.forward(&request).await?;
                rewrite(answer, |body| clusters::complete(body, (self.clusters)(cluster)))
            }
            _ => self.forward(&request).await,
        }
    }

    async fn forward(&self, request: &SignedRequest) -> Result<Answer> {
        forward(&self.http, &self.emulator, request, &[]).await
    }
}

async fn as_signed(request: Request) -> Result<SignedRequest> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_LIMIT).await.context("reading a request")?;
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Ok(SignedRequest {
        method: parts.method.to_string(),
        path_and_query: parts
            .uri
            .path_and_query()
            .map_or("/", |path| path.as_str())
            .to_owned(),
        headers: parts
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
        body: body.to_vec(),
    })
}

/// Changes the body of a good answer.
fn rewrite(mut answer: Answer, change: impl FnOnce(&mut Value)) -> Result<Answer> {
    if answer.status == 200 {
        let mut body = serde_json::from_slice(&answer.body).context("reading the emulator's answer")?;
        change(&mut body);
        answer.body = body.to_string().into_bytes();
    }
    Ok(answer)
}

/// An answer of our own, in the format of EKS.
fn json_answer(status: u16, error: Option<&str>, body: &Value) -> Answer {
    let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    headers.extend(error.map(|error| ("x-amzn-errortype".to_owned(), error.to_owned())));
    Answer {
        status,
        headers,
        body: body.to_string().into_bytes(),
    }
}

fn response(answer: Answer) -> Response {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    response
        .body(Body::from(answer.body))
        .unwrap_or_else(|error| error_response(&error.into()))
}

fn error_response(error: &anyhow::Error) -> Response {
    let body = json!({ "message": format!("{error:#}") }).to_string();
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        [("x-amzn-errortype", "ServerException")],
        body,
    )
        .into_response()
}
