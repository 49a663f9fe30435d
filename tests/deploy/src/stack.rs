//! `sam deploy`, and what came of it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use base::{Credentials, aws};
use emulator::{Client, Tools};

use crate::{Built, sam};

/// Seconds between two looks of `sam deploy` at the stack. Its own 5 seconds are for AWS.
const POLL_DELAY: &str = "0.2";

/// Where the zip files go. `--resolve-s3`, the users' way, makes a bucket that refuses all requests without TLS, and the
/// emulator has none.
const BUCKET: &str = "lamplighter-artifacts";

/// Where to deploy and as whom.
#[derive(Debug, Clone)]
pub struct Account {
    pub(crate) client: Client,
    credentials: Credentials,
}

impl Account {
    /// `endpoint` is the emulator's; `credentials` an administrator's.
    pub fn new(endpoint: &str, credentials: Credentials) -> Result<Self> {
        let client = Client::new(endpoint, credentials.clone())?;
        Ok(Self { client, credentials })
    }
}

/// A stack: its name and what its parameters are, where they differ from the template's defaults.
#[derive(Debug, Clone)]
pub struct Stack {
    name: String,
    parameters: BTreeMap<String, String>,
}

impl Stack {
    /// A stack with the template's defaults.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            parameters: BTreeMap::new(),
        }
    }

    /// Sets a parameter.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: &str) -> Self {
        self.parameters.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The outputs of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outputs(BTreeMap<String, String>);

impl Outputs {
    /// The value of an output.
    pub fn get(&self, key: &str) -> Result<&str> {
        self.0
            .get(key)
            .map(String::as_str)
            .with_context(|| format!("the stack has no output {key}"))
    }
}

/// Creates or updates `stack` from what was built.
pub async fn deploy(tools: &Tools, built: &Built, stack: &Stack, account: &Account) -> Result<Outputs> {
    account.client.create_bucket(BUCKET).await?;
    let mut command = sam::command(tools, &tools.sam())?;
    let Credentials {
        access_key_id,
        secret_access_key,
        session_token,
    } = &account.credentials;
    command
        .env("AWS_ENDPOINT_URL", account.client.endpoint())
        .env("AWS_ACCESS_KEY_ID", access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", secret_access_key)
        .env("SAM_CLI_POLL_DELAY", POLL_DELAY);
    match session_token {
        Some(token) => command.env("AWS_SESSION_TOKEN", token),
        None => command.env_remove("AWS_SESSION_TOKEN"),
    };
    command
        .args(["deploy", "--no-confirm-changeset", "--no-progressbar"])
        .args(["--no-resolve-s3", "--s3-bucket", BUCKET])
        .arg("--template-file")
        .arg(&built.template)
        .arg("--config-file")
        .arg(base::paths::checkout().join("samconfig.toml"))
        .args(["--stack-name", &stack.name, "--region", aws::REGION])
        .arg("--parameter-overrides")
        .arg(format!("Architecture={}", built.architecture.name()))
        .args(stack.parameters.iter().map(overriding));
    sam::run(command, &format!("sam-deploy-{}", stack.name), &built.scratch).await?;
    outputs(account, &stack.name).await
}

/// A parameter as `--parameter-overrides` takes it: a value ends at its first space unless it is quoted, and is needed even if it is
/// empty.
fn overriding((name, value): (&String, &String)) -> String {
    format!("{name}=\"{value}\"")
}

/// The outputs of a deployed stack.
pub async fn outputs(account: &Account, stack: &str) -> Result<Outputs> {
    let parameters = [("StackName", stack)];
    let answer = account
        .client
        .query("cloudformation", "2010-05-15", "DescribeStacks", parameters)
        .await?;
    let described = answer
        .list("DescribeStacksResult/Stacks")
        .first()
        .context("CloudFormation described no stack")?;
    let outputs = described.list("Outputs").iter();
    Ok(Outputs(
        outputs
            .filter_map(|output| Some((output.text_at("OutputKey")?, output.text_at("OutputValue")?)))
            .collect(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_with_spaces_and_none_at_all_are_passed_whole() {
        let stack = Stack::new("lamplighter")
            .parameter("SleepSchedule", "cron(0 20 ? * MON-FRI *)")
            .parameter("WakeSchedule", "");
        let passed: Vec<String> = stack.parameters.iter().map(overriding).collect();
        assert_eq!(
            passed,
            [
                r#"SleepSchedule="cron(0 20 ? * MON-FRI *)""#,
                r#"WakeSchedule="""#
            ]
        );
    }
}
