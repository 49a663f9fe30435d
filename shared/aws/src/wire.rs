//! A transport for tests: it gives prepared answers and keeps the requests, so that a test looks at what
//! would go over the wire and not at what the SDK was told.

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "for tests, which are to fail where something is not as they expect"
)]

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

use crate::config;

/// The transport. Clones share it.
#[derive(Debug, Clone)]
pub struct Wire(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    answers: VecDeque<Answer>,
    afterwards: Afterwards,
    requests: Vec<Request>,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

/// What happens to a request for which no answer is left.
#[derive(Debug, Clone, Copy)]
enum Afterwards {
    Refuse,
    Hang,
}

/// What was sent.
#[derive(Debug, Clone)]
pub struct Request {
    /// For example `POST`.
    pub method: String,
    /// The host alone.
    pub host: String,
    /// Without the host and the query.
    pub path: String,
    /// What follows the path, decoded.
    pub query: BTreeMap<String, String>,
    /// The headers, by their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The header `x-amz-target`, by which the JSON protocols name the operation.
    pub target: String,
    /// What follows the headers.
    pub body: String,
}

impl Request {
    /// The form of the Query protocol.
    pub fn form(&self) -> BTreeMap<String, String> {
        form_urlencoded::parse(self.body.as_bytes())
            .into_owned()
            .collect()
    }

    /// The body of a JSON protocol.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Wire {
    /// Gives these answers in turn, and none after the last: then nobody can be reached.
    pub fn answering<const N: usize>(answers: [(u16, &str); N]) -> Self {
        let answers = answers.map(|(status, body)| Answer::new(status, [], body)).into();
        Self::new(answers, Afterwards::Refuse)
    }

    /// Gives one answer, with headers.
    pub fn answering_with<const N: usize>(
        status: u16,
        headers: [(&'static str, &str); N],
        body: &str,
    ) -> Self {
        Self::new([Answer::new(status, headers, body)].into(), Afterwards::Refuse)
    }

    /// Gives these answers in turn, and after the last takes every request and never answers.
    pub fn answering_then_silent<const N: usize>(answers: [(u16, &str); N]) -> Self {
        let answers = answers.map(|(status, body)| Answer::new(status, [], body)).into();
        Self::new(answers, Afterwards::Hang)
    }

    /// Takes every request and never answers.
    pub fn silent() -> Self {
        Self::new(VecDeque::new(), Afterwards::Hang)
    }

    fn new(answers: VecDeque<Answer>, afterwards: Afterwards) -> Self {
        Self(Arc::new(Mutex::new(State {
            answers,
            afterwards,
            requests: Vec::new(),
        })))
    }

    /// The configuration of production, with this transport.
    pub fn config(&self) -> SdkConfig {
        let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
        SdkConfig::builder()
            .behavior_version(config::behavior())
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(self.clone())
            .timeout_config(config::timeouts())
            .retry_config(config::retries())
            .build()
    }

    /// What was sent so far.
    pub fn requests(&self) -> Vec<Request> {
        self.0.lock().unwrap().requests.clone()
    }
}

impl Answer {
    fn new<const N: usize>(status: u16, headers: [(&'static str, &str); N], body: &str) -> Self {
        Self {
            status,
            headers: headers.map(|(name, value)| (name, value.to_owned())).into(),
            body: body.to_owned(),
        }
    }

    fn response(self) -> HttpResponse {
        let status = StatusCode::try_from(self.status).unwrap();
        let mut response = HttpResponse::new(status, SdkBody::from(self.body));
        for (name, value) in self.headers {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut state = self.0.lock().unwrap();
        let uri = request.uri().parse::<http::Uri>().unwrap();
        let header = |(name, value): (&str, &str)| (name.to_ascii_lowercase(), value.to_owned());
        state.requests.push(Request {
            method: request.method().to_owned(),
            host: uri.host().unwrap_or_default().to_owned(),
            path: uri.path().to_owned(),
            query: form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect(),
            headers: request.headers().iter().map(header).collect(),
            target: request
                .headers()
                .get("x-amz-target")
                .unwrap_or_default()
                .to_owned(),
            body: String::from_utf8(request.body().bytes().unwrap().to_vec()).unwrap(),
        });
        match (state.answers.pop_front(), state.afterwards) {
            (Some(answer), _) => HttpConnectorFuture::ready(Ok(answer.response())),
            (None, Afterwards::Refuse) => {
                HttpConnectorFuture::ready(Err(ConnectorError::io("connection refused".into())))
            }
            (None, Afterwards::Hang) => HttpConnectorFuture::new(std::future::pending()),
        }
    }
}

impl HttpClient for Wire {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
