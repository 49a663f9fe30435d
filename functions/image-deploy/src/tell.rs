//! What people and machines are told: Events on workloads, events on the bus, metrics, log lines.

use std::collections::BTreeMap;

use domain::image::{Attention, Change, ImageRef, Notice, NoticeKind, Standing, Target, Workload};
use function::bus::Told;
use function::report::count;
use function::{Count, Tally};
use jiff::Timestamp;
use kubernetes::{RecordWorkloadEvent, Severity, WorkloadEvent};
use runtime::error::chain;
use serde_json::json;

use crate::look::View;
use crate::{SERVICE, counts};

/// `detail-type` of what was done, or noticed.
const ACTION: &str = "Image Action";
/// `detail-type` of a better image for what a delivery tool owns.
const CANDIDATE: &str = "Image Candidate";
/// `detail-type` of what a person has to look at.
const ERROR: &str = "Image Error";

/// What a notice about a workload is to machines.
pub(crate) fn told(target: &Target, notice: &Notice, attention: &Attention) -> Told {
    let (kind, word) = match notice.kind {
        NoticeKind::Deployed
        | NoticeKind::Verified
        | NoticeKind::Deferred
        | NoticeKind::Failed
        | NoticeKind::RolledBack
        | NoticeKind::Restored
        | NoticeKind::Held => (ACTION, "action"),
        NoticeKind::Candidate => (CANDIDATE, "action"),
        NoticeKind::Attention => (ERROR, "error"),
    };
    let images: BTreeMap<&String, &ImageRef> =
        notice.images.iter().map(|(name, image)| (name, image)).collect();
    let mut detail = json!({ "resource": target, "images": images, "reason": notice.text });
    detail[word] = json!(notice.kind);
    if let Attention::Event(event) = attention {
        detail["event"] = json!(event);
    }
    Told { kind, detail }
}

/// Tells people by Events, which `kubectl describe` shows.
pub(crate) async fn on_workload<K: RecordWorkloadEvent>(
    cluster: &K,
    workload: &Workload,
    notices: &[Notice],
    now: Timestamp,
    tally: &mut Tally,
) {
    for notice in notices {
        let severity = if notice.kind.is_warning() {
            Severity::Warning
        } else {
            Severity::Normal
        };
        // An Event of one reason and time is recorded once: what needs a person, once an hour.
        let at = if notice.kind == NoticeKind::Attention {
            hour(now)
        } else {
            now
        };
        let event = WorkloadEvent {
            component: SERVICE,
            action: "Deploy",
            about: (&workload.target).into(),
            uid: &workload.uid,
            severity,
            reason: notice.kind.reason(),
            note: notice.text.clone(),
            at,
        };
        if let Err(error) = cluster.record_workload_event(event).await {
            tracing::error!(resource = %workload.target, error = chain(&error), "people can't be told");
            tally.one(count::EVENTS_UNTOLD);
        }
    }
}

/// The beginning of the hour.
fn hour(now: Timestamp) -> Timestamp {
    let second = now.as_second();
    Timestamp::from_second(second - second.rem_euclid(3600)).unwrap_or(now)
}

/// Says in the log what people are told, and counts it.
pub(crate) fn log(target: &Target, notices: &[Notice], tally: &mut Tally) {
    for notice in notices {
        let reason = notice.kind.reason();
        if notice.kind.is_warning() {
            tracing::error!(resource = %target, reason, "{}", notice.text);
        } else {
            tracing::info!(resource = %target, reason, "{}", notice.text);
        }
        for &counted in counted(notice.kind) {
            tally.one(counted);
        }
    }
}

const fn counted(kind: NoticeKind) -> &'static [Count] {
    match kind {
        NoticeKind::Deployed => &[counts::DEPLOYED],
        NoticeKind::Verified => &[counts::VERIFIED],
        NoticeKind::Deferred => &[counts::DEFERRED],
        NoticeKind::Failed => &[counts::FAILED],
        NoticeKind::RolledBack => &[counts::FAILED, counts::ROLLED_BACK],
        NoticeKind::Restored | NoticeKind::Held | NoticeKind::Candidate | NoticeKind::Attention => &[],
    }
}

/// Counts how everything stands that was looked at, and says what needs a person.
pub(crate) fn count(views: &[View], tally: &mut Tally) {
    for View { subject, plan } in views {
        let counted = match &plan.standing {
            Standing::Candidate { .. } => Some(counts::HELD),
            Standing::Refused(_) => Some(counts::REFUSED),
            Standing::Vanished(_) => Some(counts::VANISHED),
            Standing::Current(_)
            | Standing::Unseen(_)
            | Standing::Rolling(_)
            | Standing::Soaking(_)
            | Standing::Deferred
            | Standing::Manual
            | Standing::Failed(_)
            | Standing::RollingBack(_)
            | Standing::RolledBack(_) => None,
        };
        if let Some(counted) = counted {
            tally.one(counted);
        }
        let (resource, standing) = (&subject.workload.target, &plan.standing);
        if standing.needs_attention() {
            tracing::warn!(%resource, standing = standing.as_str(), "{standing}");
        } else {
            tracing::debug!(%resource, standing = standing.as_str(), "{standing}");
        }
    }
}

/// A write in one line: images by container, and the annotations that change.
pub(crate) fn plan(change: &Change) -> String {
    let images = change
        .images
        .iter()
        .map(|(name, _, image)| format!("{name}={image}"));
    let annotations = change.annotations.iter().map(|(name, value)| match value {
        Some(_) => format!("annotate {name}"),
        None => format!("remove {name}"),
    });
    images.chain(annotations).collect::<Vec<_>>().join(", ")
}
