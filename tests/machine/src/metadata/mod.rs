//! The instance metadata service, version 2 alone.
//!
//! One server for all machines of a world: each asks below its own path, `http://127.0.0.1:<port>/<instance id>`, where
//! on EC2 the network tells them apart. Credentials are those of the instance profile's role, from [`Sessions`].
//!
//! The emulator has such a service too: of one machine, with credentials that it does not know itself.
//!
//! Sources: Amazon EC2 User Guide, "Instance metadata categories", "How Instance Metadata Service Version 2 works" and
//! "Retrieve security credentials from instance metadata".

mod client;
mod credentials;
mod tokens;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use client::ask_about_this_machine;
pub use credentials::{Session, Sessions};
use tokens::Tokens;

const TOKEN_HEADER: &str = "x-aws-ec2-metadata-token";
const LIFE_HEADER: &str = "x-aws-ec2-metadata-token-ttl-seconds";

/// What EC2 knows of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// `i-…`.
    pub instance_id: String,
    /// `eu-central-1`.
    pub region: String,
    /// `eu-central-1a`.
    pub availability_zone: String,
    /// `10.0.1.7`.
    pub private_ip: String,
    /// `ip-10-0-1-7.eu-central-1.compute.internal`.
    pub private_dns_name: String,
    /// `m7g.large`.
    pub instance_type: String,
}

/// An instance that may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// What EC2 knows of it.
    pub facts: Facts,
    /// The name of the role of its instance profile, if it has one.
    pub role: Option<String>,
    /// Its user data, decoded.
    pub user_data: Option<String>,
}

/// The running service. Dropping it ends it.
pub struct Metadata {
    endpoint: String,
    known: Known,
    task: JoinHandle<()>,
}

#[derive(Clone)]
struct Known {
    instances: Arc<Mutex<BTreeMap<String, Instance>>>,
    tokens: Tokens,
    sessions: Arc<credentials::Cache>,
}

impl Metadata {
    /// Listens on `address`.
    pub async fn serve(address: SocketAddr, sessions: Arc<dyn Sessions>) -> Result<Self> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("the instance metadata on {address}"))?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let known = Known {
            instances: Arc::default(),
            tokens: Tokens::default(),
            sessions: Arc::new(credentials::Cache::new(sessions)),
        };
        let app = Router::new()
            .route("/{instance}/latest/api/token", put(token))
            .route("/{instance}/latest/user-data", get(user_data))
            .route("/{instance}/latest/meta-data/{*path}", get(meta_data))
            .with_state(known.clone());
        let task = tokio::spawn(async move {
            // It only ever returns when it is aborted.
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self {
            endpoint,
            known,
            task,
        })
    }

    /// From now on this instance is answered.
    pub fn add(&self, instance: Instance) {
        let mut instances = self
            .known
            .instances
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        instances.insert(instance.facts.instance_id.clone(), instance);
    }

    /// The instance is no more.
    pub fn remove(&self, instance_id: &str) {
        let mut instances = self
            .known
            .instances
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        instances.remove(instance_id);
    }

    /// Where this instance asks: what is `http://169.254.169.254` on EC2.
    pub fn endpoint_of(&self, instance_id: &str) -> String {
        format!("{}/{instance_id}", self.endpoint)
    }
}

impl Drop for Metadata {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Known {
    fn instance(&self, id: &str) -> Option<Instance> {
        let instances = self.instances.lock().unwrap_or_else(PoisonError::into_inner);
        instances.get(id).cloned()
    }

    /// The instance, if the request has a token that was given to it.
    fn asked_by(&self, id: &str, headers: &HeaderMap) -> Result<Instance, StatusCode> {
        let token = headers.get(TOKEN_HEADER).and_then(|value| value.to_str().ok());
        if !token.is_some_and(|token| self.tokens.is_valid(id, token)) {
            return Err(StatusCode::UNAUTHORIZED);
        }
        self.instance(id).ok_or(StatusCode::NOT_FOUND)
    }
}

async fn token(State(known): State<Known>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    // What came through a proxy did not come from the instance itself.
    if headers.contains_key("x-forwarded-for") {
        return StatusCode::FORBIDDEN.into_response();
    }
    let life = headers
        .get(LIFE_HEADER)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let Some(seconds @ 1..=21_600) = life else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    match known.instance(&id) {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(_) => (
            [(LIFE_HEADER, seconds.to_string())],
            known.tokens.give(&id, Duration::from_secs(seconds)),
        )
            .into_response(),
    }
}

async fn user_data(State(known): State<Known>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    match known.asked_by(&id, &headers) {
        Err(status) => status.into_response(),
        Ok(instance) => instance
            .user_data
            .map_or(StatusCode::NOT_FOUND.into_response(), IntoResponse::into_response),
    }
}

async fn meta_data(
    State(known): State<Known>,
    Path((id, path)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let instance = match known.asked_by(&id, &headers) {
        Err(status) => return status.into_response(),
        Ok(instance) => instance,
    };
    let facts = &instance.facts;
    let text = match path.trim_end_matches('/') {
        "instance-id" => &facts.instance_id,
        "instance-type" => &facts.instance_type,
        "local-ipv4" => &facts.private_ip,
        "hostname" | "local-hostname" => &facts.private_dns_name,
        "placement/region" => &facts.region,
        "placement/availability-zone" => &facts.availability_zone,
        "services/domain" => "amazonaws.com",
        path => return credentials(&known, &instance, path).await,
    };
    text.to_owned().into_response()
}

async fn credentials(known: &Known, instance: &Instance, path: &str) -> Response {
    let (Some(role), Some(wanted)) = (&instance.role, path.strip_prefix("iam/security-credentials")) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match wanted.trim_start_matches('/') {
        "" => role.clone().into_response(),
        wanted if wanted == role => match known.sessions.document(&instance.facts.instance_id, role).await {
            Ok(document) => axum::Json(document).into_response(),
            // As on EC2 when the role can't be assumed: its trust policy does not name EC2, or it was deleted.
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")).into_response(),
        },
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}
