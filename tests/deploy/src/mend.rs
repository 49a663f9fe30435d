//! The one thing that the emulator gets wrong about this stack.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};

use crate::Account;

/// Makes the emulator poll the queues. Its `CloudFormation` keeps a parameter of type `Number` as text, and its poller, which serves all
/// mappings, fails on a `MaximumConcurrency` that is text. Set through Lambda's own API it is a number again.
pub(crate) async fn mend(account: &Account) -> Result<()> {
    let path = "/2015-03-31/event-source-mappings/";
    let answer = account.client.rest("lambda", Method::GET, path, None).await?;
    for mapping in answer["EventSourceMappings"].as_array().into_iter().flatten() {
        let Value::String(text) = &mapping["ScalingConfig"]["MaximumConcurrency"] else {
            continue;
        };
        let concurrency: u32 = text.parse()?;
        let body = json!({"ScalingConfig": {"MaximumConcurrency": concurrency}});
        let path = format!("{path}{}", mapping["UUID"].as_str().unwrap_or_default());
        account
            .client
            .rest("lambda", Method::PUT, &path, Some(&body))
            .await?;
    }
    Ok(())
}
