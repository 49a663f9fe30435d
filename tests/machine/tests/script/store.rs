//! A Parameter Store that answers what it is told to, the last answer again and again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) action: String,
    pub(crate) body: Value,
    pub(crate) headers: HeaderMap,
    pub(crate) at: Instant,
}

#[derive(Clone)]
pub(crate) struct Store {
    pub(crate) endpoint: String,
    answers: Arc<Mutex<VecDeque<(StatusCode, Value)>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Store {
    pub(crate) async fn serve() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let store = Self {
            endpoint: format!("http://{}/", listener.local_addr().unwrap()),
            answers: Arc::default(),
            asked: Arc::default(),
        };
        let app = Router::new().route("/", post(answer)).with_state(store.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        store
    }

    /// The next answer is this document.
    pub(crate) fn has(&self, document: &Value) {
        let body = json!({ "Parameter": { "Value": document.to_string() } });
        self.answers.lock().unwrap().push_back((StatusCode::OK, body));
    }

    /// The next answer is this error.
    pub(crate) fn refuses(&self, kind: &str) {
        let body = json!({ "__type": kind, "message": "why" });
        self.answers
            .lock()
            .unwrap()
            .push_back((StatusCode::BAD_REQUEST, body));
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The actions that were asked for, in order.
    pub(crate) fn actions(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.action).collect()
    }
}

async fn answer(State(store): State<Store>, headers: HeaderMap, body: String) -> (StatusCode, String) {
    let action = headers["x-amz-target"]
        .to_str()
        .unwrap()
        .replace("AmazonSSM.", "");
    let asked = Asked {
        action,
        body: serde_json::from_str(&body).unwrap(),
        headers,
        at: Instant::now(),
    };
    store.asked.lock().unwrap().push(asked);
    let mut answers = store.answers.lock().unwrap();
    let (status, body) = if answers.len() > 1 {
        answers.pop_front()
    } else {
        answers.front().cloned()
    }
    .unwrap();
    (status, body.to_string())
}
