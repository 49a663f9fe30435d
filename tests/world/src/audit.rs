//! What the API server was really asked: its audit log of evictions, and of all that our functions write.

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

/// A write that a function asked for, whatever the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// For example `patch`.
    pub verb: String,
    /// For example `nodes` or `pods/eviction`.
    pub resource: String,
    /// The name of what is written to; empty for what has none yet.
    pub name: String,
}

/// Every eviction requested so far from pods of `namespace`, in the order of the answers.
pub fn evictions(world: &World, namespace: &str) -> Result<Vec<Eviction>> {
    let read = |entry: &Value| {
        let object = &entry["objectRef"];
        let is_one = object["namespace"] == namespace && object["subresource"] == "eviction";
        is_one.then(|| Eviction {
            user: text(&entry["user"]["username"]),
            pod: format!("{namespace}/{}", text(&object["name"])),
            uid: entry["requestObject"]["deleteOptions"]["preconditions"]["uid"]
                .as_str()
                .map(str::to_owned),
            code: entry["responseStatus"]["code"].as_u64().unwrap_or_default(),
        })
    };
    Ok(entries(world)?.iter().filter_map(read).collect())
}

/// Every write so far of whoever is in our Kubernetes group `group`, in the order of the answers.
pub fn writes(world: &World, group: &str) -> Result<Vec<Write>> {
    let read = |entry: &Value| {
        let mut groups = entry["user"]["groups"].as_array().into_iter().flatten();
        let object = &entry["objectRef"];
        let resource = match object["subresource"].as_str() {
            Some(sub) => format!("{}/{sub}", text(&object["resource"])),
            None => text(&object["resource"]),
        };
        groups.any(|one| one == group).then(|| Write {
            verb: text(&entry["verb"]),
            resource,
            name: text(&object["name"]),
        })
    };
    Ok(entries(world)?.iter().filter_map(read).collect())
}

fn entries(world: &World) -> Result<Vec<Value>> {
    let path = world.dir().join("logs/audit.log");
    let log = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    log.lines()
        .map(|line| serde_json::from_str(line).with_context(|| format!("reading {}", path.display())))
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
