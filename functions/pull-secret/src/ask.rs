//! What an invocation is asked for.

use domain::failure::{Class, Classified};
use domain::ids::ClusterName;
use domain::keys::EVENT_SOURCE;
use serde::Deserialize;
use serde_json::Value;

/// `detail-type` of what off-hours tells on the bus.
const ACTION: &str = "Off-Hours Action";

/// What off-hours does when something begins to wake.
const WAKING: &str = "waking";

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Look: the tick.
    Tick,
    /// Look at once: something wakes, and its pods will pull.
    Waking,
    /// Nothing: off-hours did something else, or in another cluster.
    Nothing,
}

/// The event is neither a tick nor one of off-hours. Nothing of it is shown but its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "event{}: expected {{\"tick\": true}}, or an event of source {EVENT_SOURCE:?} and detail-type {ACTION:?} whose detail names \
     cluster and action",
    came(.source_name.as_deref(), .detail_type.as_deref())
)]
pub(crate) struct Unknown {
    source_name: Option<String>,
    detail_type: Option<String>,
}

impl Classified for Unknown {
    fn class(&self) -> Class {
        Class::Rejected
    }
}

fn came(source: Option<&str>, detail_type: Option<&str>) -> String {
    match (source, detail_type) {
        (None, None) => String::new(),
        _ => format!(
            " of source {:?} and detail-type {:?}",
            source.unwrap_or_default(),
            detail_type.unwrap_or_default()
        ),
    }
}

/// The part of an event that is read.
#[derive(Deserialize)]
struct Event {
    source: Option<String>,
    #[serde(rename = "detail-type")]
    detail_type: Option<String>,
    #[serde(default)]
    detail: Value,
}

#[derive(Deserialize)]
struct Detail {
    cluster: String,
    action: String,
}

/// Reads what came, for the cluster of this deployment.
pub(crate) fn decode(event: &Value, cluster: &ClusterName) -> Result<Ask, Unknown> {
    if event["tick"] == true {
        return Ok(Ask::Tick);
    }
    let event = Event::deserialize(event).unwrap_or(Event {
        source: None,
        detail_type: None,
        detail: Value::Null,
    });
    let is_ours =
        event.source.as_deref() == Some(EVENT_SOURCE) && event.detail_type.as_deref() == Some(ACTION);
    let unknown = Unknown {
        source_name: event.source,
        detail_type: event.detail_type,
    };
    if !is_ours {
        return Err(unknown);
    }
    let detail = Detail::deserialize(&event.detail).map_err(|_| unknown)?;
    let is_waking = detail.action == WAKING && detail.cluster == cluster.as_str();
    Ok(if is_waking { Ask::Waking } else { Ask::Nothing })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(event: &Value) -> Result<Ask, String> {
        let cluster = ClusterName::parse("blue").unwrap();
        decode(event, &cluster).map_err(|unknown| unknown.to_string())
    }

    fn file(name: &str) -> Value {
        let path = format!(
            "{}/../../events/pull-secret/{name}.json",
            env!("CARGO_MANIFEST_DIR")
        );
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    #[test]
    fn a_tick_and_what_wakes_in_our_cluster_make_it_look() {
        for (name, expected) in [
            ("tick", Ask::Tick),
            ("waking", Ask::Waking),
            ("asleep", Ask::Nothing),
            ("waking-elsewhere", Ask::Nothing),
        ] {
            assert_eq!(read(&file(name)), Ok(expected), "{name}");
        }
    }

    #[test]
    fn anything_else_is_an_error_that_says_what_was_expected() {
        let expected = "expected {\"tick\": true}, or an event of source \"lamplighter\" and detail-type \"Off-Hours Action\" \
                        whose detail names cluster and action";
        for event in [
            json!({}),
            json!(null),
            json!({ "tick": "yes" }),
            json!([1]),
            json!({ "source": 5 }),
        ] {
            assert_eq!(read(&event), Err(format!("event: {expected}")), "{event}");
        }
        let push = file("another-detail-type");
        let said = "event of source \"aws.ecr\" and detail-type \"ECR Image Action\": ";
        assert_eq!(read(&push), Err(format!("{said}{expected}")));
        let mut empty = file("waking");
        empty["detail"] = json!({ "action": "waking" });
        let said = "event of source \"lamplighter\" and detail-type \"Off-Hours Action\": ";
        assert_eq!(read(&empty), Err(format!("{said}{expected}")));
    }
}
