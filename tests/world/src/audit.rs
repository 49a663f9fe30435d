//! What the API server was really asked: its audit log of evictions.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::World;

/// An eviction that was requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Eviction {
    /// Who asked.
    pub user: String,
    /// `namespace/name`.
    pub pod: String,
    /// `deleteOptions.preconditions.uid` of the request.
    pub uid: Option<String>,
    /// The status code of the answer: 201 when it was granted.
    pub code: u64,
}

/// Every eviction requested so far from pods of `namespace`, in the order of the answers.
pub fn evictions(world: &World, namespace: &str) -> Result<Vec<Eviction>> {
    let path = world.dir().join("logs/audit.log");
    let log = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let mut found = Vec::new();
    for line in log.lines() {
        let entry: Value =
            serde_json::from_str(line).with_context(|| format!("reading {}", path.display()))?;
        let object = &entry["objectRef"];
        if object["namespace"] == namespace {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            found.push(Eviction {
                user: text(&entry["user"]["username"]),
                pod: format!("{namespace}/{}", text(&object["name"])),
                uid: entry["requestObject"]["deleteOptions"]["preconditions"]["uid"]
                    .as_str()
                    .map(str::to_owned),
                code: entry["responseStatus"]["code"].as_u64().unwrap_or_default(),
            });
        }
    }
    Ok(found)
}
