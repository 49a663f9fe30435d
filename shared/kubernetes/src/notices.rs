//! Events on nodes, which `kubectl describe node` shows to people.

use domain::node::Node;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Api, PostParams};

use crate::{Cluster, Error};

/// Events about objects without a namespace live in this one, as those of the control plane do.
const NAMESPACE: &str = "default";

/// The API's limit for the note, in bytes.
const LONGEST_NOTE: usize = 1024;

/// Whether people should worry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// For the record.
    Normal,
    /// Somebody should look.
    Warning,
}

/// What people are told about a node.
#[derive(Debug, Clone)]
pub struct NodeEvent<'a> {
    /// The function that tells, for example `node-drain`.
    pub component: &'static str,
    /// What it does to the node, one word in `CamelCase`, for example `Drain`.
    pub action: &'static str,
    /// The node.
    pub node: &'a Node,
    /// Whether to worry.
    pub severity: Severity,
    /// One word in `CamelCase`, for example `Draining`.
    pub reason: &'static str,
    /// The sentence. What is too long for the API is cut, and says so by an ellipsis.
    pub note: String,
    /// When.
    pub at: Timestamp,
}

/// Characters of a node's name in that of its event, of 253 that a name may have.
const LONGEST_NAME: usize = 200;

/// Tells people.
pub trait RecordNodeEvent {
    /// Creates an Event.
    async fn record(&self, event: NodeEvent<'_>) -> Result<(), Error>;
}

impl RecordNodeEvent for Cluster {
    async fn record(&self, event: NodeEvent<'_>) -> Result<(), Error> {
        let call = format!("record event {} of node {}", event.reason, event.node.name);
        let api: Api<Event> = Api::namespaced(self.client.clone(), NAMESPACE);
        let created = api.create(&PostParams::default(), &to_resource(event)).await;
        created.map(drop).map_err(|error| Error::new(call, error))
    }
}

fn to_resource(event: NodeEvent<'_>) -> Event {
    let node = event.node;
    // Named as the control plane's own recorder does: the object and the time. A node's name may be as long as
    // an event's, and what is left of it must not end in a dot.
    let short: String = node.name.as_str().chars().take(LONGEST_NAME).collect();
    let name = format!(
        "{}.{:x}",
        short.trim_end_matches(['.', '-']),
        event.at.as_nanosecond()
    );
    Event {
        metadata: ObjectMeta {
            name: Some(name),
            namespace: Some(NAMESPACE.to_owned()),
            ..ObjectMeta::default()
        },
        action: Some(event.action.to_owned()),
        event_time: Some(MicroTime(event.at)),
        note: Some(shortened(event.note)),
        reason: Some(event.reason.to_owned()),
        regarding: Some(ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Node".to_owned()),
            name: Some(node.name.as_str().to_owned()),
            uid: Some(node.uid.as_str().to_owned()),
            ..ObjectReference::default()
        }),
        reporting_controller: Some(format!("lamplighter.dev/{}", event.component)),
        reporting_instance: Some(event.component.to_owned()),
        type_: Some(
            match event.severity {
                Severity::Normal => "Normal",
                Severity::Warning => "Warning",
            }
            .to_owned(),
        ),
        ..Event::default()
    }
}

fn shortened(mut note: String) -> String {
    if note.len() > LONGEST_NOTE {
        let ellipsis = '…';
        let end = (0..=LONGEST_NOTE - ellipsis.len_utf8())
            .rev()
            .find(|&at| note.is_char_boundary(at));
        note.truncate(end.unwrap_or_default());
        note.push(ellipsis);
    }
    note
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_cut_to_what_the_api_takes_between_characters() {
        assert_eq!(shortened("drained".to_owned()), "drained");
        for letter in ["a", "ä", "€"] {
            let cut = shortened(letter.repeat(2000));
            assert!(cut.len() <= LONGEST_NOTE && cut.len() > LONGEST_NOTE - 8 && cut.ends_with('…'));
        }
    }
}
