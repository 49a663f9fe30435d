//! The decision: what to do next about the images of one workload.

#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};

use super::change::Change;
use super::facts::{Ask, Attention, Observation};
use super::notice::{Notice, NoticeKind, Standing};
use super::owner::owner;
use super::record::{Record, Stage};
use super::reference::ImageRef;
use super::select;
use super::settings::{GitOps, Policy, Settings};
use super::watch;
use super::workload::Role;
use crate::ids::InvalidId;

/// How soon to look again after a write: its next step is often possible at once.
pub(super) const LOOK_SOON: SignedDuration = SignedDuration::from_secs(1);
/// How soon to look again while pods are being replaced: a fraction of what is asked of the time to a verdict.
pub(super) const LOOK_LATER: SignedDuration = SignedDuration::from_secs(4);

/// What to do now, how the workload stands, and when to look again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What has to be known first. While something is asked, nothing is to be done: the plan is made anew with the
    /// answers.
    pub asks: Vec<Ask>,
    /// The write, if there is one.
    pub change: Option<Change>,
    /// What people are told when the write is made, or at once if there is none.
    pub notices: Vec<Notice>,
    /// How the workload stands.
    pub standing: Standing,
    /// What comes after.
    pub then: Then,
}

/// What comes after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Nothing is under way.
    Settled,
    /// A rollout is under way: look at the workload and its pods again.
    LookAgain {
        /// How long from now.
        after: SignedDuration,
    },
    /// Only time can change something, and not within a minute: the next tick looks again.
    NextTick,
}

impl Plan {
    pub(super) const fn stands(standing: Standing, then: Then) -> Self {
        Self {
            asks: Vec::new(),
            change: None,
            notices: Vec::new(),
            standing,
            then,
        }
    }

    pub(super) fn asking(asks: Vec<Ask>, standing: Standing) -> Self {
        Self {
            asks,
            ..Self::stands(standing, Then::LookAgain { after: LOOK_SOON })
        }
    }
}

/// Decides what to do about the images of a workload at `now`. `None` if the workload did not opt in.
pub fn plan(seen: &Observation<'_>, policy: &Policy, now: Timestamp) -> Option<Plan> {
    let case = match Case::read(seen, policy, now) {
        Ok(case) => case?,
        Err(problem) => return Some(refused(seen.attention, problem)),
    };
    // What a delivery tool owns is not even written a note on.
    if case.owner.is_some() {
        return Some(select::select(&case, None));
    }
    if let Some(plan) = watch::replaced(&case) {
        return Some(plan);
    }
    let watched = watch::watch(&case);
    // Whatever has to be asked or written about the rollout that is under way comes before the next one.
    let is_busy = watched
        .as_ref()
        .is_some_and(|plan| !plan.asks.is_empty() || plan.change.is_some());
    match (watched, seen.attention) {
        (Some(plan), _) if is_busy => Some(plan),
        (Some(plan), Attention::Watch) => Some(plan),
        (watched, Attention::Event(_) | Attention::Sweep { .. }) => Some(select::select(&case, watched)),
        (None, Attention::Watch) => Some(Plan::stands(case.at_rest("not looked at"), Then::Settled)),
    }
}

fn refused(attention: &Attention, problem: String) -> Plan {
    let mut plan = Plan::stands(Standing::Refused(problem), Then::Settled);
    plan.notices.extend(attention_to(&plan.standing, attention, &[]));
    plan
}

/// What people are told of something that needs them, if it is time to say so: when an event came, and once an hour.
pub(super) fn attention_to(
    standing: &Standing,
    attention: &Attention,
    images: &[(String, ImageRef)],
) -> Option<Notice> {
    let is_time = match attention {
        Attention::Event(_) | Attention::Sweep { first_of_hour: true } => true,
        Attention::Sweep { first_of_hour: false } | Attention::Watch => false,
    };
    (is_time && standing.needs_attention()).then(|| Notice {
        kind: NoticeKind::Attention,
        images: images.to_vec(),
        text: standing.to_string(),
    })
}

/// One workload, as everything here sees it.
pub(super) struct Case<'a> {
    pub(super) seen: &'a Observation<'a>,
    pub(super) settings: Settings,
    /// What is remembered.
    pub(super) record: Record,
    /// What of it is written on the workload itself.
    written: Record,
    /// The containers that are ours, with what they run.
    pub(super) ours: Vec<Ours>,
    /// The delivery tool that owns it, where that is respected.
    pub(super) owner: Option<String>,
    pub(super) now: Timestamp,
}

/// A container that is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ours {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) image: ImageRef,
}

impl<'a> Case<'a> {
    fn read(seen: &'a Observation<'a>, policy: &Policy, now: Timestamp) -> Result<Option<Self>, String> {
        let workload = seen.workload;
        let settings = Settings::read(workload, policy).map_err(|error| error.to_string())?;
        let Some(settings) = settings else {
            return Ok(None);
        };
        let written = Record::read(workload).map_err(|error| error.to_string())?;
        let revisions = seen.family.map_or(&[][..], |family| &family.revisions);
        let record = written.newest(revisions);
        let covered = workload.containers.iter().filter(|one| settings.covers(one));
        let ours = covered.map(|container| {
            let image = ImageRef::parse(&container.image)?;
            Ok(image.repository.is_some().then(|| Ours {
                name: container.name.clone(),
                role: container.role,
                image,
            }))
        });
        let ours: Vec<Option<Ours>> = ours
            .collect::<Result<_, InvalidId>>()
            .map_err(|error| error.to_string())?;
        let ours: Vec<Ours> = ours.into_iter().flatten().collect();
        if ours.is_empty() {
            return Err("no container that is covered has an image of an ECR registry".to_owned());
        }
        let owner = match settings.gitops {
            GitOps::Emit => owner(workload),
            GitOps::Patch => None,
        };
        Ok(Some(Self {
            seen,
            settings,
            record,
            written,
            ours,
            owner,
            now,
        }))
    }

    /// How a workload stands that nothing is under way of.
    pub(super) fn at_rest(&self, reason: &str) -> Standing {
        let why = self.record.status.as_ref().and_then(|status| status.why.clone());
        let why = why.unwrap_or_default();
        match self.record.stage() {
            Some(Stage::Failed) => Standing::Failed(why),
            Some(Stage::RolledBack) => Standing::RolledBack(why),
            Some(Stage::Manual) => Standing::Manual,
            Some(
                Stage::Verified | Stage::Replaced | Stage::Rolling | Stage::RollingBack | Stage::Deferred,
            )
            | None => Standing::Current(reason.to_owned()),
        }
    }

    /// A write of `images`, after which the workload remembers `record`.
    pub(super) fn change(&self, images: Vec<Ours>, record: &Record, cause: Option<&str>) -> Option<Change> {
        let images = images
            .into_iter()
            .map(|one| (one.name, one.role, one.image))
            .collect();
        Change::of(self.seen.workload, images, &self.written, record, cause)
    }
}
