//! Events on nodes and workloads, which `kubectl describe` shows to people.

use domain::ids::Uid;
use domain::node::Node;
use domain::offhours::Key;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Api, PostParams};

use crate::place::locate;
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

/// What people are told about a workload.
#[derive(Debug, Clone)]
pub struct WorkloadEvent<'a> {
    /// The function that tells, for example `off-hours`.
    pub component: &'static str,
    /// What it does to the workload, one word in `CamelCase`, for example `Sleep`.
    pub action: &'static str,
    /// The workload.
    pub key: &'a Key,
    /// Its UID: without it, the event is not shown.
    pub uid: &'a Uid,
    /// Whether to worry.
    pub severity: Severity,
    /// One word in `CamelCase`, for example `PutToSleep`.
    pub reason: &'static str,
    /// The sentence. What is too long for the API is cut, and says so by an ellipsis.
    pub note: String,
    /// When.
    pub at: Timestamp,
}

/// Characters of an object's name in that of its event, of 253 that a name may have; the rest is for what was told.
const LONGEST_NAME: usize = 180;

/// Tells people about a node.
pub trait RecordNodeEvent {
    /// Creates an Event.
    async fn record(&self, event: NodeEvent<'_>) -> Result<(), Error>;
}

/// Tells people about a workload.
pub trait RecordWorkloadEvent {
    /// Creates an Event, in the workload's namespace. One that was told already, of that reason and time, is fine.
    async fn record_workload_event(&self, event: WorkloadEvent<'_>) -> Result<(), Error>;
}

impl RecordNodeEvent for Cluster {
    async fn record(&self, event: NodeEvent<'_>) -> Result<(), Error> {
        let call = format!("record event {} of node {}", event.reason, event.node.name);
        let node = ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Node".to_owned()),
            name: Some(event.node.name.as_str().to_owned()),
            uid: Some(event.node.uid.as_str().to_owned()),
            ..ObjectReference::default()
        };
        let notice = Notice {
            component: event.component,
            action: event.action,
            severity: event.severity,
            reason: event.reason,
            note: event.note,
            at: event.at,
        };
        let event = notice.about(node, &format!("{:x}", event.at.as_nanosecond()));
        self.create_event(call, NAMESPACE, event).await
    }
}

impl RecordWorkloadEvent for Cluster {
    async fn record_workload_event(&self, event: WorkloadEvent<'_>) -> Result<(), Error> {
        let call = format!("record event {} of {}", event.reason, event.key);
        let (place, namespace) = locate(&call, event.key)?;
        let workload = ObjectReference {
            api_version: Some(place.version.to_owned()),
            kind: Some(place.kind.to_owned()),
            namespace: Some(namespace.to_owned()),
            name: Some(event.key.name().to_owned()),
            uid: Some(event.uid.as_str().to_owned()),
            ..ObjectReference::default()
        };
        let notice = Notice {
            component: event.component,
            action: event.action,
            severity: event.severity,
            reason: event.reason,
            note: event.note,
            at: event.at,
        };
        // Objects of two kinds have one name, and much is told about each at one time.
        let told = format!(
            "{}.{}.{:x}",
            event.key.kind(),
            event.reason.to_lowercase(),
            event.at.as_nanosecond()
        );
        match self
            .create_event(call, namespace, notice.about(workload, &told))
            .await
        {
            Err(error) if error.is_conflict() => Ok(()),
            told => told,
        }
    }
}

impl Cluster {
    async fn create_event(&self, call: String, namespace: &str, event: Event) -> Result<(), Error> {
        let api: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        let created = api.create(&PostParams::default(), &event).await;
        created.map(drop).map_err(|error| Error::new(call, error))
    }
}

/// What people are told, whatever it is about.
struct Notice {
    component: &'static str,
    action: &'static str,
    severity: Severity,
    reason: &'static str,
    note: String,
    at: Timestamp,
}

impl Notice {
    /// The event, named as the control plane's own recorder does: the object, and what was told when.
    fn about(self, object: ObjectReference, told: &str) -> Event {
        // An object's name may be as long as an event's, and what is left of it must not end in a dot.
        let short: String = object
            .name
            .iter()
            .flat_map(|name| name.chars())
            .take(LONGEST_NAME)
            .collect();
        let name = format!("{}.{told}", short.trim_end_matches(['.', '-']));
        Event {
            metadata: ObjectMeta {
                name: Some(name),
                namespace: object.namespace.clone().or_else(|| Some(NAMESPACE.to_owned())),
                ..ObjectMeta::default()
            },
            action: Some(self.action.to_owned()),
            event_time: Some(MicroTime(self.at)),
            note: Some(shortened(self.note)),
            reason: Some(self.reason.to_owned()),
            regarding: Some(object),
            reporting_controller: Some(format!("lamplighter.dev/{}", self.component)),
            reporting_instance: Some(self.component.to_owned()),
            type_: Some(
                match self.severity {
                    Severity::Normal => "Normal",
                    Severity::Warning => "Warning",
                }
                .to_owned(),
            ),
            ..Event::default()
        }
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
    use serde_json::json;

    use super::*;
    use crate::scenario::Scenario;

    #[tokio::test]
    async fn an_event_is_about_exactly_this_workload_and_lives_in_its_namespace() {
        let (cluster, scenario) = Scenario::new();
        let path = "/apis/events.k8s.io/v1/namespaces/shop/events?";
        let (key, uid) = (Key::parse("hpa/shop/web").unwrap(), Uid::parse("7d8e").unwrap());
        let served = scenario
            .expect_body(
                "POST",
                path,
                json!({
                    "apiVersion": "events.k8s.io/v1",
                    "kind": "Event",
                    "metadata": { "name": "web.hpa.puttosleep.18eb5ee1b8e5e000", "namespace": "shop" },
                    "action": "Sleep",
                    "eventTime": "2026-11-25T19:00:00.000000Z",
                    "note": "put to sleep from 3 replicas",
                    "reason": "PutToSleep",
                    "regarding": {
                        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
                        "namespace": "shop", "name": "web", "uid": "7d8e",
                    },
                    "reportingController": "lamplighter.dev/off-hours",
                    "reportingInstance": "off-hours",
                    "type": "Normal",
                }),
            )
            .answer_last(201, json!({ "metadata": {}, "eventTime": null }))
            .answer("POST", path, 409, json!({
                "kind": "Status", "status": "Failure", "code": 409, "reason": "AlreadyExists", "message": "exists",
            }))
            .serve();
        let event = WorkloadEvent {
            component: "off-hours",
            action: "Sleep",
            key: &key,
            uid: &uid,
            severity: Severity::Normal,
            reason: "PutToSleep",
            note: "put to sleep from 3 replicas".to_owned(),
            at: "2026-11-25T19:00:00Z".parse().unwrap(),
        };
        cluster.record_workload_event(event.clone()).await.unwrap();
        cluster.record_workload_event(event).await.unwrap();
        served.finished().await;
    }

    #[test]
    fn a_note_is_cut_to_what_the_api_takes_between_characters() {
        assert_eq!(shortened("drained".to_owned()), "drained");
        for letter in ["a", "ä", "€"] {
            let cut = shortened(letter.repeat(2000));
            assert!(cut.len() <= LONGEST_NOTE && cut.len() > LONGEST_NOTE - 8 && cut.ends_with('…'));
        }
    }
}
