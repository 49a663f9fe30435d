//! Events on nodes and workloads, which `kubectl describe` shows to people.

mod subject;

use domain::ids::Uid;
use domain::node::Node;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Api, PostParams};

use crate::{Cluster, Error};

pub use subject::Subject;

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
    pub about: Subject<'a>,
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
    /// Creates an Event, in the workload's namespace. One that this function told already, of that reason and time, is
    /// fine.
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
        let call = format!("record event {} of {}", event.reason, event.about);
        let (place, namespace) = event.about.locate(&call)?;
        let workload = ObjectReference {
            api_version: Some(place.version.to_owned()),
            kind: Some(place.kind.to_owned()),
            namespace: Some(namespace.to_owned()),
            name: Some(event.about.name().to_owned()),
            uid: Some(event.uid.as_str().to_owned()),
            ..ObjectReference::default()
        };
        let told = event.told();
        let notice = Notice {
            component: event.component,
            action: event.action,
            severity: event.severity,
            reason: event.reason,
            note: event.note,
            at: event.at,
        };
        match self
            .create_event(call, namespace, notice.about(workload, &told))
            .await
        {
            Err(error) if error.is_conflict() => Ok(()),
            told => told,
        }
    }
}

impl WorkloadEvent<'_> {
    /// What was told when, for the name of the event. Objects of two kinds have one name, much is told about each at one
    /// time, and two functions may give one reason for it.
    fn told(&self) -> String {
        format!(
            "{}.{}.{}.{:x}",
            self.about.kind(),
            self.component,
            self.reason.to_lowercase(),
            self.at.as_nanosecond()
        )
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

/// The beginning of a text, as much as the API takes for a note.
pub(crate) fn shortened(mut note: String) -> String {
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
    use std::collections::BTreeSet;

    use domain::image::Target;
    use domain::offhours::Key;
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
                    "metadata": { "name": "web.hpa.off-hours.puttosleep.18eb5ee1b8e5e000", "namespace": "shop" },
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
            about: Subject::from(&key),
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

    #[tokio::test]
    async fn an_event_of_an_image_is_about_what_it_was_deployed_to() {
        let (cluster, scenario) = Scenario::new();
        let (target, uid) = (
            Target::parse("daemonset/shop/web").unwrap(),
            Uid::parse("7d8e").unwrap(),
        );
        let served = scenario
            .expect_body(
                "POST",
                "/apis/events.k8s.io/v1/namespaces/shop/events?",
                json!({
                    "apiVersion": "events.k8s.io/v1",
                    "kind": "Event",
                    "metadata": { "name": "web.daemonset.image-deploy.imagefailed.18eb5ee1b8e5e000", "namespace": "shop" },
                    "action": "Deploy",
                    "eventTime": "2026-11-25T19:00:00.000000Z",
                    "note": "it ended three times",
                    "reason": "ImageFailed",
                    "regarding": {
                        "apiVersion": "apps/v1", "kind": "DaemonSet",
                        "namespace": "shop", "name": "web", "uid": "7d8e",
                    },
                    "reportingController": "lamplighter.dev/image-deploy",
                    "reportingInstance": "image-deploy",
                    "type": "Warning",
                }),
            )
            .answer_last(201, json!({ "metadata": {}, "eventTime": null }))
            .serve();
        let event = WorkloadEvent {
            component: "image-deploy",
            action: "Deploy",
            about: Subject::from(&target),
            uid: &uid,
            severity: Severity::Warning,
            reason: "ImageFailed",
            note: "it ended three times".to_owned(),
            at: "2026-11-25T19:00:00Z".parse().unwrap(),
        };
        cluster.record_workload_event(event).await.unwrap();
        served.finished().await;
    }

    #[test]
    fn no_two_events_have_one_name_whoever_tells_them_about_whatever() {
        let uid = Uid::parse("7d8e").unwrap();
        let keys = [
            Key::parse("deployment/shop/web").unwrap(),
            Key::parse("cronjob/shop/web").unwrap(),
        ];
        let targets = [
            Target::parse("deployment/shop/web").unwrap(),
            Target::parse("cronjob/shop/web").unwrap(),
        ];
        let subjects = keys.iter().map(|key| ("off-hours", Subject::from(key)));
        let subjects = subjects.chain(
            targets
                .iter()
                .map(|target| ("image-deploy", Subject::from(target))),
        );
        let names: BTreeSet<String> = subjects
            .map(|(component, about)| {
                let event = WorkloadEvent {
                    component,
                    action: "Look",
                    about,
                    uid: &uid,
                    severity: Severity::Warning,
                    reason: "NeedsAttention",
                    note: String::new(),
                    at: Timestamp::UNIX_EPOCH,
                };
                event.told()
            })
            .collect();
        assert_eq!(names.len(), 4, "{names:?}");
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
