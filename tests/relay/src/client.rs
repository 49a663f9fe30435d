//! What the relay asks of AWS: six operations of `EventBridge`, SQS and Lambda, and one of the emulator's registry.

use anyhow::Result;
use base::Credentials;
use emulator::client::Refused;
use reqwest::Method;
use serde_json::Value;

/// The emulator, asked as an administrator.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    emulator: emulator::Client,
}

impl Client {
    pub(crate) fn new(endpoint: &str, credentials: Credentials) -> Result<Self> {
        Ok(Self {
            emulator: emulator::Client::new(endpoint, credentials)?,
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

    /// An operation of ECR, as `DescribeImages`.
    pub(crate) async fn registry(&self, operation: &str, input: &Value) -> Result<Value> {
        self.emulator
            .json(
                "ecr",
                &format!("AmazonEC2ContainerRegistry_V20150921.{operation}"),
                input,
            )
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

    /// Invokes a function asynchronously.
    pub(crate) async fn invoke(&self, function: &str, payload: &str) -> Result<()> {
        self.emulator.invoke_later(function, payload).await
    }
}
