//! What people and machines are told: metrics, events on the bus, log lines.

use std::collections::BTreeMap;

use domain::ids::ClusterName;
use domain::offhours::{Key, Record, Size, Stage, Standing, Step, Switch, View};
use function::bus::Told;
use function::report::count;
use function::{Count, Tally};
use jiff::{SignedDuration, Timestamp};
use kubernetes::{RecordWorkloadEvent, Severity, WorkloadEvent};
use runtime::metrics::Metrics;
use serde_json::json;

use crate::look::Handle;
use crate::{SERVICE, counts};

/// `detail-type` of what was done.
const ACTION: &str = "Off-Hours Action";
/// `detail-type` of what a person has to look at.
const ERROR: &str = "Off-Hours Error";

/// What a step that was carried out is to people; nothing for those that only we understand.
pub(crate) fn told(key: &Key, step: &Step, why: &str) -> Option<Told> {
    let Step::Journal(record) = step else { return None };
    let (action, size) = match &record.stage {
        Stage::Asleep { .. } => ("asleep", record.off),
        Stage::Woken { .. } => ("awake", record.saved),
        Stage::Waking { target, .. } => ("waking", *target),
        Stage::Saved => return None,
    };
    Some(Told {
        kind: ACTION,
        detail: json!({
            "resource": key, "action": action, "size": size.to_string(),
            "savedSize": record.saved.to_string(), "reason": why,
        }),
    })
}

/// What a person has to look at.
fn problem(view: &View) -> Option<Told> {
    let error = if view.is_stuck {
        "stuck"
    } else if view.standing.needs_attention() {
        view.standing.as_str()
    } else {
        return None;
    };
    Some(Told {
        kind: ERROR,
        detail: json!({
            "resource": view.key, "error": error, "detail": view.standing.detail(),
            "size": view.size.to_string(), "reason": view.decision.reason,
        }),
    })
}

/// What needs attention, of everything that was seen.
pub(crate) fn problems(views: &[View]) -> Vec<Told> {
    views.iter().filter_map(problem).collect()
}

/// How many workloads are told of at once: one word in a namespace may concern hundreds.
const WORKLOADS_AT_ONCE: usize = 20;

/// Tells people by Events, which `kubectl describe` shows, what they have to look at on workloads.
pub(crate) async fn on_workloads<K: RecordWorkloadEvent>(
    cluster: &K,
    views: &[View],
    handles: &BTreeMap<Key, Handle>,
    now: Timestamp,
    tally: &mut Tally,
) {
    let problems = views.iter().filter(|view| view.standing.needs_attention());
    let of_workloads = problems.filter_map(|view| match handles.get(&view.key)? {
        Handle::Workload { uid, .. } => Some((view, uid)),
        Handle::Group(_) | Handle::Nodegroup { .. } | Handle::Database { .. } => None,
    });
    for (view, uid) in of_workloads.take(WORKLOADS_AT_ONCE) {
        let event = WorkloadEvent {
            component: SERVICE,
            action: "Sleep",
            about: (&view.key).into(),
            uid,
            severity: Severity::Warning,
            reason: "NeedsAttention",
            note: view.standing.detail().unwrap_or_default(),
            at: now,
        };
        if let Err(error) = cluster.record_workload_event(event).await {
            let error = runtime::error::chain(&error);
            tracing::error!(resource = %view.key, error, "people can't be told");
            tally.one(count::EVENTS_UNTOLD);
        }
    }
}

/// Counts how everything stands.
pub(crate) fn count(views: &[View], tally: &mut Tally) {
    for view in views {
        if view.is_stuck {
            tracing::error!(resource = %view.key, standing = %view.standing, "it does not move");
            tally.one(counts::STUCK);
        }
        if let Some(advice) = view.advice {
            tracing::warn!(resource = %view.key, advice, "a setting can't be followed");
        }
        let Some(counted) = counted(&view.standing) else {
            continue;
        };
        tally.one(counted);
        if view.standing.needs_attention() {
            let detail = view.standing.detail().unwrap_or_default();
            tracing::error!(resource = %view.key, standing = %view.standing, detail, "it needs attention");
        }
    }
}

const fn counted(standing: &Standing) -> Option<Count> {
    match standing {
        Standing::Asleep => Some(counts::ASLEEP),
        Standing::UnknownSize => Some(counts::UNKNOWN_SIZES),
        Standing::BackedOff => Some(counts::DRIFT),
        Standing::Refused(_) | Standing::Unreadable(_) => Some(counts::REFUSED),
        Standing::NotScheduled
        | Standing::Awake
        | Standing::FallingAsleep
        | Standing::AlreadySmall
        | Standing::Waking
        | Standing::Grace(_)
        | Standing::WokenByHand
        | Standing::Maintenance
        | Standing::Autoscaled
        | Standing::LeftAlone
        | Standing::Unsupported(_) => None,
    }
}

/// What sleeps has not run since the last look: in minutes of machines, by their type.
pub(crate) fn saved<'a>(
    records: impl IntoIterator<Item = &'a Record>,
    since: SignedDuration,
    cluster: &ClusterName,
) -> Vec<Metrics> {
    // To the nearest: ticks come a little early and a little late.
    let minutes = (u64::try_from(since.as_secs()).unwrap_or_default() + 30) / 60;
    if minutes == 0 {
        return Vec::new();
    }
    let mut by_type = BTreeMap::<String, u64>::new();
    for record in records {
        if !matches!(record.stage, Stage::Asleep { .. }) {
            continue;
        }
        match (record.saved, record.off) {
            (Size::Capacity(saved), Size::Capacity(off)) => {
                let gone = u64::from(saved.desired.saturating_sub(off.desired));
                let kind = record.machines.keys().find(|kind| !kind.is_empty());
                *by_type
                    .entry(kind.cloned().unwrap_or_else(|| "unknown".to_owned()))
                    .or_default() += gone;
            }
            (Size::Power(Switch::On), Size::Power(Switch::Off)) => {
                *by_type.entry("database".to_owned()).or_default() += 1;
            }
            _ => {}
        }
    }
    let metrics = |(kind, machines): (String, u64)| {
        let mut metrics = Metrics::new("Lamplighter", SERVICE)
            .dimensions([("cluster", cluster.as_str()), ("instance_type", kind.as_str())]);
        metrics.count("NodeMinutesSaved", machines * minutes);
        metrics
    };
    by_type
        .into_iter()
        .filter(|(_, machines)| *machines > 0)
        .map(metrics)
        .collect()
}
