//! What machines are told: events on the account's bus, with our source.

use aws::eventbridge::{BusEvent, PutEvents};
use domain::ids::ClusterName;
use domain::keys::EVENT_SOURCE;
use runtime::error::chain;
use serde_json::{Value, json};

use crate::Tally;
use crate::report::count;

/// Something to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The `detail-type`.
    pub kind: &'static str,
    /// The detail: `resource` names what it is about. The cluster is added.
    pub detail: Value,
}

/// Puts everything on the bus. Nothing depends on it: what fails is counted and said, and no tick fails for it.
pub async fn tell<P: PutEvents>(bus: &P, cluster: &ClusterName, told: Vec<Told>, tally: &mut Tally) {
    if told.is_empty() {
        return;
    }
    let event = |Told { kind, mut detail }: Told| {
        detail["cluster"] = json!(cluster);
        let resource = detail["resource"].as_str().unwrap_or_default().to_owned();
        BusEvent {
            source: EVENT_SOURCE,
            detail_type: kind,
            resources: vec![resource],
            detail,
        }
    };
    let events: Vec<BusEvent<'_>> = told.into_iter().map(event).collect();
    tally.count(count::AWS_CALLS, events.len().div_ceil(10) as u64);
    if let Err(error) = bus.put_events(&events).await {
        tracing::error!(error = chain(&error), "the bus can't be told");
        tally.one(count::EVENTS_UNTOLD);
    }
}
