//! An API server for one conversation: each request is compared with what is expected, in order, and a request
//! that never comes fails the test too.

use std::time::Duration;

use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::Cluster;

/// By which the API server is asked for a list of metadata alone.
pub(crate) const METADATA_ONLY: (&str, &str) = (
    "accept",
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
);

type Server = tower_test::mock::Handle<http::Request<Body>, http::Response<Body>>;

struct Exchange {
    method: &'static str,
    path: String,
    body: Option<Value>,
    headers: Vec<(&'static str, String)>,
    code: u16,
    answer: Value,
}

pub(crate) struct Scenario {
    server: Server,
    exchanges: Vec<Exchange>,
}

impl Scenario {
    /// A cluster whose API server follows the scenario.
    pub(crate) fn new() -> (Cluster, Self) {
        let (service, server) = tower_test::mock::pair();
        (
            Cluster::of_client(Client::new(service, "default")),
            Self {
                server,
                exchanges: Vec::new(),
            },
        )
    }

    /// Expects a request, whatever its body, and answers it.
    pub(crate) fn answer(mut self, method: &'static str, path: &str, code: u16, answer: Value) -> Self {
        self.exchanges.push(Exchange {
            method,
            path: path.to_owned(),
            body: None,
            headers: Vec::new(),
            code,
            answer,
        });
        self
    }

    /// Expects a request with exactly this JSON body; [`Self::answer_last`] says what is answered.
    pub(crate) fn expect_body(mut self, method: &'static str, path: &str, body: Value) -> Self {
        let path = path.to_owned();
        self.exchanges.push(Exchange {
            method,
            path,
            body: Some(body),
            headers: Vec::new(),
            code: 500,
            answer: Value::Null,
        });
        self
    }

    pub(crate) fn answer_last(mut self, code: u16, answer: Value) -> Self {
        let last = self.exchanges.last_mut().unwrap();
        (last.code, last.answer) = (code, answer);
        self
    }

    /// Expects the last request to come with this token.
    pub(crate) fn expect_bearer(self, token: &'static str) -> Self {
        self.expect_header("authorization", &format!("Bearer {token}"))
    }

    /// Expects the last request to come with this header.
    pub(crate) fn expect_header(mut self, name: &'static str, value: &str) -> Self {
        let last = self.exchanges.last_mut().unwrap();
        last.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn serve(mut self) -> Served {
        Served(tokio::spawn(async move {
            for expected in self.exchanges {
                let (request, send) = self.server.next_request().await.unwrap();
                let seen = (request.method().as_str().to_owned(), request.uri().to_string());
                assert_eq!(seen, (expected.method.to_owned(), expected.path));
                for (name, value) in expected.headers {
                    let sent = request.headers().get(name).unwrap();
                    assert_eq!(sent.to_str().unwrap(), value);
                }
                let body = request.into_body().collect().await.unwrap().to_bytes();
                if let Some(wanted) = expected.body {
                    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), wanted);
                }
                let answer = Body::from(serde_json::to_vec(&expected.answer).unwrap());
                send.send_response(
                    http::Response::builder()
                        .status(expected.code)
                        .body(answer)
                        .unwrap(),
                );
            }
        }))
    }
}

pub(crate) struct Served(JoinHandle<()>);

impl Served {
    /// Every expected request came.
    pub(crate) async fn finished(self) {
        tokio::time::timeout(Duration::from_secs(1), self.0)
            .await
            .expect("a request is missing")
            .unwrap();
    }
}

pub(crate) fn node(name: &str, instance: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name, "uid": format!("uid-{name}"), "resourceVersion": "41",
            "creationTimestamp": "2026-11-20T08:00:00Z",
        },
        "spec": { "providerID": format!("aws:///eu-central-1a/{instance}") },
    })
}

/// A workload in the namespace `shop`.
pub(crate) fn workload(name: &str, spec: &Value) -> Value {
    json!({
        "metadata": {
            "namespace": "shop", "name": name, "uid": format!("uid-{name}"), "resourceVersion": "41",
            "creationTimestamp": "2026-11-20T08:00:00Z",
        },
        "spec": spec,
        "status": {},
    })
}

pub(crate) fn pod(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "namespace": namespace, "name": name, "uid": format!("uid-{name}"), "resourceVersion": "7" },
        "spec": { "containers": [] },
        "status": { "phase": "Running" },
    })
}
