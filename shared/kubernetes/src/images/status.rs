//! How far a workload's controller has brought it.

use domain::image::{Kind, Replacement, Rollout};
use jiff::SignedDuration;
use serde::Deserialize;

use crate::notices::shortened;

/// What Kubernetes takes an absent `spec.replicas` for.
const DEFAULT_REPLICAS: u32 = 1;

/// What a specification says of how many pods there are to be, and how they are replaced.
pub(super) struct Spread {
    pub(super) replicas: Option<u32>,
    pub(super) paused: bool,
    pub(super) progress_deadline_seconds: Option<i64>,
    pub(super) replacement: Replacement,
}

/// How a `StatefulSet` or a `DaemonSet` replaces pods. That of a Deployment has another name, and no way that is a
/// person's.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct UpdateStrategy {
    #[serde(rename = "type")]
    kind: String,
    rolling_update: RollingUpdate,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RollingUpdate {
    /// Pods of a smaller ordinal stay as they are.
    partition: u32,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Status {
    observed_generation: i64,
    replicas: u32,
    updated_replicas: u32,
    available_replicas: u32,
    desired_number_scheduled: u32,
    current_number_scheduled: u32,
    updated_number_scheduled: u32,
    number_available: u32,
    conditions: Vec<Condition>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    reason: String,
    message: String,
}

impl Status {
    /// Takes it apart. Numbers that are not there are nought.
    pub(super) fn into_rollout(self, kind: Kind, generation: i64, spec: &Spread) -> Rollout {
        let wanted = spec.replicas.unwrap_or(DEFAULT_REPLICAS);
        let rollout = Rollout {
            generation,
            observed: self.observed_generation,
            wanted,
            pods: self.replicas,
            updated: self.updated_replicas,
            available: self.available_replicas,
            replacement: Replacement::Controller,
            paused: false,
            progress_deadline: None,
            stalled: None,
            no_pods: None,
        };
        match kind {
            Kind::Deployment => Rollout {
                paused: spec.paused,
                progress_deadline: spec.progress_deadline_seconds.map(SignedDuration::from_secs),
                stalled: self.condition("Progressing", "False").map(Condition::word),
                no_pods: self.condition("ReplicaFailure", "True").map(Condition::sentence),
                ..rollout
            },
            // `updatedReplicas` alone says what is new. That `currentRevision` is `updateRevision` does not say that all
            // pods are of it: so it is too when a rollout is taken back half-way.
            Kind::StatefulSet => Rollout {
                replacement: spec.replacement,
                ..rollout
            },
            Kind::DaemonSet => Rollout {
                wanted: self.desired_number_scheduled,
                pods: self.current_number_scheduled,
                updated: self.updated_number_scheduled,
                available: self.number_available,
                replacement: spec.replacement,
                ..rollout
            },
            // It tells of no generation, and its controller has nothing to bring about.
            Kind::CronJob => Rollout {
                observed: generation,
                wanted: 0,
                replacement: Replacement::ByHand,
                ..rollout
            },
        }
    }

    fn condition(&self, kind: &str, status: &str) -> Option<&Condition> {
        self.conditions
            .iter()
            .find(|condition| condition.kind == kind && condition.status == status)
    }
}

impl Condition {
    /// The one word that it says, if it says any.
    fn word(&self) -> String {
        let said = [&self.reason, &self.message, &self.kind];
        said.into_iter()
            .find(|text| !text.is_empty())
            .map(|text| shortened(text.clone()))
            .unwrap_or_default()
    }

    /// The sentence that it says, if it says any.
    fn sentence(&self) -> String {
        let said = [&self.message, &self.reason, &self.kind];
        said.into_iter()
            .find(|text| !text.is_empty())
            .map(|text| shortened(text.clone()))
            .unwrap_or_default()
    }
}

impl UpdateStrategy {
    /// Who replaces pods by it.
    pub(super) fn replacement(&self) -> Replacement {
        if self.kind == "OnDelete" || self.rolling_update.partition > 0 {
            Replacement::ByHand
        } else {
            Replacement::Controller
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::object::Object;
    use super::*;
    use crate::scenario::workload;

    /// Of a workload of generation 7.
    fn rollout(kind: Kind, spec: &Value, status: &Value) -> Rollout {
        let mut object = workload("web", spec);
        object["metadata"]["generation"] = json!(7);
        object["status"] = status.clone();
        let object: Object = serde_json::from_value(object).unwrap();
        object.into_workload("test", kind).unwrap().rollout
    }

    fn numbers(rollout: &Rollout) -> (u32, u32, u32, u32) {
        (rollout.wanted, rollout.pods, rollout.updated, rollout.available)
    }

    #[test]
    fn each_kind_counts_its_pods_in_fields_of_its_own() {
        let status = json!({
            "observedGeneration": 6,
            "replicas": 5, "updatedReplicas": 2, "availableReplicas": 4, "readyReplicas": 9,
            "desiredNumberScheduled": 15, "currentNumberScheduled": 14, "updatedNumberScheduled": 12,
            "numberAvailable": 13, "numberReady": 19,
        });
        for (kind, expected) in [
            (Kind::Deployment, (3, 5, 2, 4)),
            (Kind::StatefulSet, (3, 5, 2, 4)),
            (Kind::DaemonSet, (15, 14, 12, 13)),
        ] {
            let found = rollout(kind, &json!({ "replicas": 3 }), &status);
            assert_eq!(numbers(&found), expected, "{kind}");
            assert_eq!((found.generation, found.observed), (7, 6), "{kind}");
            assert_eq!(found.replacement, Replacement::Controller, "{kind}");
        }
    }

    #[test]
    fn what_is_not_there_is_nought_but_one_replica() {
        for (kind, wanted) in [
            (Kind::Deployment, 1),
            (Kind::StatefulSet, 1),
            (Kind::DaemonSet, 0),
            (Kind::CronJob, 0),
        ] {
            let found = rollout(kind, &json!({}), &json!({}));
            assert_eq!(numbers(&found), (wanted, 0, 0, 0), "{kind}");
            assert!(!found.paused, "{kind}");
            assert_eq!(
                (found.progress_deadline, found.stalled, found.no_pods),
                (None, None, None)
            );
        }
    }

    #[test]
    fn the_next_run_of_a_cron_job_is_nothing_to_wait_for() {
        let found = rollout(
            Kind::CronJob,
            &json!({ "suspend": false }),
            &json!({ "active": [] }),
        );
        assert_eq!(found.replacement, Replacement::ByHand);
        assert_eq!(found.observed, found.generation);
    }

    #[test]
    fn a_person_replaces_pods_on_delete_or_behind_a_partition() {
        let by = |kind, strategy: &Value| {
            rollout(kind, &json!({ "updateStrategy": strategy }), &json!({})).replacement
        };
        for (kind, strategy, expected) in [
            (
                Kind::StatefulSet,
                json!({ "type": "OnDelete" }),
                Replacement::ByHand,
            ),
            (
                Kind::StatefulSet,
                json!({ "type": "RollingUpdate", "rollingUpdate": { "partition": 2 } }),
                Replacement::ByHand,
            ),
            (
                Kind::StatefulSet,
                json!({ "type": "RollingUpdate", "rollingUpdate": { "partition": 0 } }),
                Replacement::Controller,
            ),
            (
                Kind::DaemonSet,
                json!({ "type": "OnDelete" }),
                Replacement::ByHand,
            ),
            (
                Kind::DaemonSet,
                json!({ "type": "RollingUpdate", "rollingUpdate": { "maxUnavailable": "10%", "maxSurge": 0 } }),
                Replacement::Controller,
            ),
        ] {
            assert_eq!(by(kind, &strategy), expected, "{kind} {strategy}");
        }
    }

    #[test]
    fn a_stateful_set_that_is_taken_back_half_way_is_not_all_new() {
        let status = json!({
            "observedGeneration": 7, "replicas": 3, "updatedReplicas": 2, "currentReplicas": 2, "availableReplicas": 2,
            "currentRevision": "db-a", "updateRevision": "db-a",
        });
        let found = rollout(Kind::StatefulSet, &json!({ "replicas": 3 }), &status);
        assert_eq!(numbers(&found), (3, 3, 2, 2));
    }

    #[test]
    fn a_deployment_says_that_it_is_paused_or_stuck_and_why_it_has_no_pods() {
        let spec = json!({ "replicas": 3, "paused": true, "progressDeadlineSeconds": 60 });
        let conditions = json!({ "conditions": [
            { "type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable", "message": "no" },
            {
                "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
                "message": "ReplicaSet \"web-5\" has timed out progressing.",
            },
            { "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota: small" },
        ] });
        let found = rollout(Kind::Deployment, &spec, &conditions);
        assert!(found.paused);
        assert_eq!(found.progress_deadline, Some(SignedDuration::from_mins(1)));
        assert_eq!(found.stalled.as_deref(), Some("ProgressDeadlineExceeded"));
        assert_eq!(found.no_pods.as_deref(), Some("exceeded quota: small"));

        let well = json!({ "conditions": [
            { "type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated", "message": "progressing" },
            { "type": "ReplicaFailure", "status": "False", "message": "m".repeat(2000) },
        ] });
        let found = rollout(Kind::Deployment, &spec, &well);
        assert_eq!((found.stalled, found.no_pods), (None, None));

        let long = json!({ "conditions": [{ "type": "ReplicaFailure", "status": "True", "message": "m".repeat(2000) }] });
        assert_eq!(
            rollout(Kind::Deployment, &spec, &long)
                .no_pods
                .map(|text| text.len()),
            Some(1024)
        );
    }
}
