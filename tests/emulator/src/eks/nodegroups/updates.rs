//! What was changed in which node group, and which update still goes on.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::change::params;
use super::wire::{arn_of, problem};
use crate::client::Refused;

/// How long an update takes. EKS takes from seconds to minutes.
const UPDATE_TAKES: Duration = Duration::from_secs(1);

/// The changes of each node group, by ARN: a new one of the same name is another.
#[derive(Debug, Default)]
pub(super) struct Updates {
    all: Mutex<BTreeMap<String, Changed>>,
}

#[derive(Debug, Default)]
struct Changed {
    fields: Map<String, Value>,
    updates: Vec<Update>,
}

#[derive(Debug)]
struct Update {
    began: Instant,
    body: Value,
}

impl Update {
    fn is_under_way(&self) -> bool {
        self.began.elapsed() < UPDATE_TAKES
    }
}

impl Updates {
    /// Puts what was changed into a node group that the emulator described.
    pub(super) fn apply(&self, nodegroup: &mut Value) {
        if let Some(changed) = self.all().get(arn_of(nodegroup)) {
            for (field, value) in &changed.fields {
                nodegroup[field] = value.clone();
            }
            if changed.updates.iter().any(Update::is_under_way) {
                nodegroup["status"] = "UPDATING".into();
            }
        }
    }

    /// Starts an update to `fields`, which `change` asked for, unless one is under way.
    pub(super) fn begin(
        &self,
        nodegroup: &Value,
        fields: Map<String, Value>,
        change: &Value,
    ) -> Result<Result<Value, Refused>> {
        let seconds = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)?
            .as_secs();
        let mut all = self.all();
        let number: usize = all.values().map(|changed| changed.updates.len()).sum();
        let changed = all.entry(arn_of(nodegroup).to_owned()).or_default();
        if changed.updates.iter().any(Update::is_under_way) {
            let message = "Nodegroup cannot be updated as it is currently not in Active State";
            return Ok(Err(problem(409, "ResourceInUseException", message)));
        }
        let body = json!({
            "id": format!("00000000-0000-4000-8000-{number:04x}{seconds:08x}"),
            "status": "InProgress",
            "type": "ConfigUpdate",
            "params": params(change),
            "createdAt": seconds,
            "errors": [],
        });
        changed.fields = fields;
        changed.updates.push(Update {
            began: Instant::now(),
            body: body.clone(),
        });
        Ok(Ok(body))
    }

    /// An update of a node group as it stands now.
    pub(super) fn describe(&self, nodegroup: &Value, id: &str) -> Result<Value, Refused> {
        let all = self.all();
        let updates = all
            .get(arn_of(nodegroup))
            .map_or(&[][..], |changed| &changed.updates);
        let Some(update) = updates.iter().find(|update| update.body["id"] == id) else {
            let message = format!("No update found for ID: {id}");
            return Err(problem(404, "ResourceNotFoundException", &message));
        };
        let mut body = update.body.clone();
        if !update.is_under_way() {
            body["status"] = "Successful".into();
        }
        Ok(body)
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Changed>> {
        // No step leaves it half written.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
