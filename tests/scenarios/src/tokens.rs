//! Every join token that is issued in a world, as its administrator sees it: by looking all the time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use emulator::Client;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// Where the tokens of every cluster are.
const PREFIX: &str = "/lamplighter";

/// A token lives for a second at least: a machine has to read it, and to join.
const STEP: Duration = Duration::from_millis(100);

/// A join token that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The parameter that held it.
    pub parameter: String,
    /// Its public half.
    pub id: String,
    /// Its secret half.
    pub secret: String,
}

/// Looks until it is dropped.
pub struct TokenWatch {
    seen: Arc<Mutex<BTreeMap<String, Seen>>>,
    task: JoinHandle<()>,
}

impl TokenWatch {
    /// Starts to look, as the administrator.
    pub fn start(client: Client) -> Self {
        let seen = Arc::<Mutex<BTreeMap<String, Seen>>>::default();
        let found = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            loop {
                // An emulator that is just starting or ending has nothing to show.
                for one in there(&client).await.unwrap_or_default() {
                    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                    found.insert(one.id.clone(), one);
                }
                tokio::time::sleep(STEP).await;
            }
        });
        Self { seen, task }
    }

    /// Every token so far.
    pub fn seen(&self) -> Vec<Seen> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.values().cloned().collect()
    }
}

impl Drop for TokenWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The tokens that are there now.
pub async fn there(client: &Client) -> Result<Vec<Seen>> {
    let mut found = Vec::new();
    let mut next = Value::Null;
    loop {
        let mut request = json!({ "Path": PREFIX, "Recursive": true, "WithDecryption": true });
        if next.is_string() {
            request["NextToken"] = next;
        }
        let page = client
            .json("ssm", "AmazonSSM.GetParametersByPath", &request)
            .await?;
        for parameter in page["Parameters"].as_array().into_iter().flatten() {
            let name = parameter["Name"].as_str().context("a parameter has a name")?;
            if name.contains("/join/") {
                found.push(read(name, &parameter["Value"])?);
            }
        }
        next = page["NextToken"].clone();
        if !next.is_string() {
            return Ok(found);
        }
    }
}

fn read(name: &str, value: &Value) -> Result<Seen> {
    let document: Value = serde_json::from_str(value.as_str().context("a parameter has a value")?)
        .with_context(|| format!("parameter {name}"))?;
    let token = document["joinConfiguration"]["discovery"]["bootstrapToken"]["token"].as_str();
    let (id, secret) = token
        .and_then(|token| token.split_once('.'))
        .with_context(|| format!("parameter {name} holds no token"))?;
    Ok(Seen {
        parameter: name.to_owned(),
        id: id.to_owned(),
        secret: secret.to_owned(),
    })
}
