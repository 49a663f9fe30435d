//! What the relay asks of AWS: six operations of `EventBridge`, SQS and Lambda.

use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use aws_credential_types::Credentials as SigningCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base::{Credentials, aws};
use emulator::client::Refused;
use reqwest::Method;
use serde_json::Value;

/// The emulator, asked as an administrator.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    emulator: emulator::Client,
    http: reqwest::Client,
    credentials: Credentials,
}

impl Client {
    pub(crate) fn new(endpoint: &str, credentials: Credentials) -> Result<Self> {
        Ok(Self {
            emulator: emulator::Client::new(endpoint, credentials.clone())?,
            http: emulator::forward::loopback()?,
            credentials,
        })
    }

    /// An operation of `EventBridge`, as `ListRules`.
    pub(crate) async fn events(&self, operation: &str, input: &Value) -> Result<Value> {
        self.emulator
            .json("events", &format!("AWSEvents.{operation}"), input)
            .await
    }

    /// An operation of SQS, as `SendMessage`.
    pub(crate) async fn sqs(&self, operation: &str, input: &Value) -> Result<Value> {
        self.emulator
            .json("sqs", &format!("AmazonSQS.{operation}"), input)
            .await
    }

    /// The address of a queue, which the emulator derives from account and name.
    pub(crate) fn queue_url(&self, account: &str, name: &str) -> String {
        format!("{}/{account}/{name}", self.emulator.endpoint())
    }

    /// The resource policy of a function, `None` when it has none.
    pub(crate) async fn function_policy(&self, function: &str) -> Result<Option<String>> {
        let path = format!("/2015-03-31/functions/{function}/policy");
        match self.emulator.rest("lambda", Method::GET, &path, None).await {
            Ok(answer) => Ok(answer["Policy"].as_str().map(str::to_owned)),
            Err(error) => match error.downcast_ref::<Refused>() {
                Some(refused) if refused.status == 404 => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// Invokes a function asynchronously, as `EventBridge` does. That is said in a header, which the emulator's client has no way to send.
    pub(crate) async fn invoke(&self, function: &str, payload: &str) -> Result<()> {
        let url = format!(
            "{}/2015-03-31/functions/{function}/invocations",
            self.emulator.endpoint()
        );
        let mut request = self.http.post(&url).body(payload.to_owned());
        let headers = [
            ("content-type", "application/json"),
            ("x-amz-invocation-type", "Event"),
        ];
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let identity = SigningCredentials::new(
            &self.credentials.access_key_id,
            &self.credentials.secret_access_key,
            self.credentials.session_token.clone(),
            None,
            "world",
        )
        .into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(aws::REGION)
            .name("lambda")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let body = SignableBody::Bytes(payload.as_bytes());
        let signable = SignableRequest::new("POST", &url, headers.into_iter(), body)?;
        let (instructions, _signature) = sign(signable, &parameters)?.into_parts();
        for (name, value) in instructions.headers() {
            request = request.header(name, value);
        }
        let answer = request
            .send()
            .await
            .with_context(|| format!("invoking {function}"))?;
        let status = answer.status();
        ensure!(
            status.is_success(),
            "invoking {function}: {status}: {}",
            answer.text().await?
        );
        Ok(())
    }
}
