//! The world's own control API: what nobody but AWS itself can cause, on request.
//!
//! | request | does |
//! | --- | --- |
//! | `POST /events/spot-interruption` `{"instance": "i-…", "zone": "…"}` | emits a two-minute warning |
//! | `POST /events/rebalance` `{"instance": "i-…"}` | emits a rebalance recommendation |
//! | `POST /events/health` a scheduled change, see `relay::ScheduledChange` | emits a Health event |
//! | `PUT /faults` see `relay::Faults` | loses, repeats, delays or reorders events from now on |
//! | `GET /journal` | what became of each event |

use anyhow::{Context, Result};
use axum::extract::State;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use base::Ports;
use jiff::Timestamp;
use relay::{Entry, Faults, Relay, ScheduledChange, SpotAction};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Instance {
    instance: String,
    #[serde(default)]
    zone: Option<String>,
}

pub(crate) async fn serve(ports: Ports, relay: Relay) -> Result<JoinHandle<()>> {
    let address = Ports::address(ports.control());
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("the control API on {address}"))?;
    let app = Router::new()
        .route("/events/spot-interruption", post(spot_interruption))
        .route("/events/rebalance", post(rebalance))
        .route("/events/health", post(health))
        .route("/faults", put(faults))
        .route("/journal", get(journal))
        .with_state(relay);
    Ok(tokio::spawn(async move {
        // It only ever returns when it is aborted.
        let _ = axum::serve(listener, app).await;
    }))
}

async fn spot_interruption(State(relay): State<Relay>, Json(of): Json<Instance>) -> Json<Value> {
    let zone = of.zone.unwrap_or_else(|| format!("{}a", base::aws::REGION));
    let event =
        relay
            .origin()
            .spot_interruption(&of.instance, &zone, SpotAction::Terminate, Timestamp::now());
    emit(&relay, event)
}

async fn rebalance(State(relay): State<Relay>, Json(of): Json<Instance>) -> Json<Value> {
    let event = relay
        .origin()
        .rebalance_recommendation(&of.instance, Timestamp::now());
    emit(&relay, event)
}

async fn health(State(relay): State<Relay>, Json(change): Json<ScheduledChange>) -> Json<Value> {
    let event = relay.origin().scheduled_change(&change, Timestamp::now());
    emit(&relay, event)
}

async fn faults(State(relay): State<Relay>, Json(faults): Json<Faults>) -> Json<Value> {
    relay.set_faults(faults.clone());
    Json(json!({ "faults": faults }))
}

async fn journal(State(relay): State<Relay>) -> Json<Vec<Entry>> {
    Json(relay.journal())
}

fn emit(relay: &Relay, event: Value) -> Json<Value> {
    let id = event["id"].clone();
    relay.emit(event);
    Json(json!({ "emitted": id }))
}
