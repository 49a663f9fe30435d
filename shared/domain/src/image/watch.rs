//! What becomes of a rollout: whether it is still ours, whether it is good, and what is put back.

use std::collections::BTreeMap;

use super::choice::{Policy, Relation, relation};
use super::existence::Existence;
use super::facts::Ask;
use super::notice::{Notice, NoticeKind, Standing};
use super::plan::{Case, LOOK_LATER, LOOK_SOON, Ours, Plan, Then, attention_to};
use super::record::{Blocked, Record, Stage, Status};
use super::reference::ImageRef;
use super::settings::Rollback;
use super::verdict::{Failure, Verdict, Waiting, judge};
use crate::time::later;

/// Notices that somebody else changed an image that we wrote, whatever with: a rollback, a release, an edit. What they
/// want counts. An image that they took away does not come back; something newer does.
pub(super) fn replaced(case: &Case<'_>) -> Option<Plan> {
    let applied = &case.record.applied;
    let live = |name: &str| {
        case.ours
            .iter()
            .find(|one| one.name == name)
            .map(|one| &one.image)
    };
    let mut gone = applied
        .iter()
        .filter(|(name, image)| live(name) != Some(image))
        .peekable();
    gone.peek()?;
    if let Some(asks) = case.asks_for_order() {
        return Some(Plan::asking(asks, case.at_rest("not looked at")));
    }
    let rejected: BTreeMap<String, ImageRef> = gone
        .filter(|(name, image)| live(name).is_some_and(|now| is_taken_back(case, image, now)))
        .map(|(name, image)| (name.clone(), image.clone()))
        .collect();
    let mut record = case.record.clone();
    record.applied.clear();
    record.previous.clear();
    let why = if rejected.is_empty() {
        "somebody else changed the images".to_owned()
    } else {
        let images: Vec<String> = rejected.values().map(ToString::to_string).collect();
        format!(
            "somebody took {} back; waiting for something newer",
            images.join(", ")
        )
    };
    record.conclude(Stage::Replaced, &why);
    if let Some(status) = &mut record.status {
        status.stage = Stage::Replaced;
        status.complete = None;
        status.changed.clear();
        status.why = Some(why.clone());
        status.rejected.extend(rejected.clone());
    }
    let notice = (!rejected.is_empty()).then(|| Notice {
        kind: NoticeKind::Held,
        images: rejected.into_iter().collect(),
        text: why.clone(),
    });
    Some(Plan {
        change: case.change(Vec::new(), &record, None),
        notices: notice.into_iter().collect(),
        ..Plan::stands(Standing::Current(why), Then::LookAgain { after: LOOK_SOON })
    })
}

/// Whether somebody who put `now` where we had put `ours` did not want ours: what they put there is not newer, or it can't
/// be said. The same tag without a digest is neither: a manifest was applied again.
fn is_taken_back(case: &Case<'_>, ours: &ImageRef, now: &ImageRef) -> bool {
    if now.repository != ours.repository {
        return false; // another image altogether: nothing of ours comes back
    }
    match (&ours.tag, &now.tag) {
        (Some(ours_tag), Some(tag)) if ours_tag == tag => {
            case.settings.follows_one_tag() && now.digest.is_some()
        }
        (Some(ours_tag), Some(tag)) => {
            !case.settings.follows_one_tag()
                && relation(
                    &case.settings.rules,
                    &case.known(ours, ours_tag),
                    &case.known(now, tag),
                ) != Relation::Older
        }
        (None, _) | (_, None) => true,
    }
}

/// Judges the rollout that is under way, if one is.
pub(super) fn watch(case: &Case<'_>) -> Option<Plan> {
    let status = case.record.status.as_ref()?;
    match status.stage {
        Stage::Rolling | Stage::Deferred | Stage::RollingBack => {}
        Stage::Verified | Stage::Manual | Stage::Failed | Stage::RolledBack | Stage::Replaced => return None,
    }
    let Some(pods) = case.seen.pods() else {
        let standing = Standing::Rolling(Waiting::Controller);
        return Some(Plan::asking(vec![Ask::Family], standing));
    };
    let images = case.record.rolled();
    let verdict = judge(
        case.seen.workload,
        pods,
        &images,
        status,
        &case.settings,
        case.now,
    );
    Some(match (status.stage, verdict) {
        (Stage::Deferred, Verdict::Deferred) => Plan::stands(Standing::Deferred, Then::Settled),
        (Stage::RollingBack, Verdict::Deferred | Verdict::Manual | Verdict::Complete) => restored(case),
        (_, Verdict::Deferred) => deferred(case),
        (_, Verdict::Manual) => ended(case, Stage::Manual, Standing::Manual, None),
        (Stage::Deferred, Verdict::Waiting(_) | Verdict::Complete | Verdict::Failed(_)) => awake(case),
        (Stage::RollingBack, Verdict::Waiting(waiting)) => waits(case, Standing::RollingBack(waiting)),
        (Stage::RollingBack, Verdict::Failed(failure)) => {
            given_up(case, &format!("the images before fail too: {failure}"))
        }
        (_, Verdict::Complete) => complete(case, status),
        (_, Verdict::Waiting(waiting)) => waits(case, Standing::Rolling(waiting)),
        (_, Verdict::Failed(failure)) => failed(case, &failure),
    })
}

/// A write of what we remember, and of nothing else.
fn noted(case: &Case<'_>, record: &Record, standing: Standing, notice: Option<Notice>) -> Plan {
    Plan {
        change: case.change(Vec::new(), record, None),
        notices: notice.into_iter().collect(),
        ..Plan::stands(standing, Then::LookAgain { after: LOOK_SOON })
    }
}

fn with_status(case: &Case<'_>, change: impl FnOnce(&mut Status)) -> Record {
    let mut record = case.record.clone();
    if let Some(status) = &mut record.status {
        change(status);
    }
    record
}

/// The images of the rollout, for what people are told.
fn images(case: &Case<'_>) -> Vec<(String, ImageRef)> {
    let rolled = case.record.rolled().into_iter();
    rolled
        .map(|(name, image)| (name.to_owned(), image.clone()))
        .collect()
}

fn waits(case: &Case<'_>, standing: Standing) -> Plan {
    let was_complete = case
        .record
        .status
        .as_ref()
        .is_some_and(|status| status.complete.is_some());
    if was_complete {
        let record = with_status(case, |status| status.complete = None);
        return noted(case, &record, standing, None);
    }
    let notice = attention_to(&standing, case.seen.attention, &images(case));
    Plan {
        notices: notice.into_iter().collect(),
        ..Plan::stands(standing, Then::LookAgain { after: LOOK_LATER })
    }
}

fn deferred(case: &Case<'_>) -> Plan {
    let record = with_status(case, |status| {
        status.stage = Stage::Deferred;
        status.complete = None;
    });
    let notice = Notice {
        kind: NoticeKind::Deferred,
        images: images(case),
        text: "no pods are wanted: the images are judged when there are some".to_owned(),
    };
    Plan {
        then: Then::Settled,
        ..noted(case, &record, Standing::Deferred, Some(notice))
    }
}

/// There are to be pods again: the time of the rollout begins now.
fn awake(case: &Case<'_>) -> Plan {
    let record = with_status(case, |status| {
        status.stage = Stage::Rolling;
        status.since = case.now;
        status.complete = None;
    });
    noted(case, &record, Standing::Rolling(Waiting::Controller), None)
}

fn complete(case: &Case<'_>, status: &Status) -> Plan {
    let since = status.complete.unwrap_or(case.now);
    let until = later(since, case.settings.soak);
    if case.now >= until {
        let notice = Notice {
            kind: NoticeKind::Verified,
            images: images(case),
            text: format!("rolled out, and ready for {:#}", case.settings.soak),
        };
        return ended(
            case,
            Stage::Verified,
            Standing::Current("rolled out".to_owned()),
            Some(notice),
        );
    }
    let standing = Standing::Soaking(until);
    if status.complete.is_none() {
        let record = with_status(case, |status| status.complete = Some(case.now));
        return noted(case, &record, standing, None);
    }
    let after = until.duration_since(case.now).min(LOOK_LATER);
    Plan::stands(standing, Then::LookAgain { after })
}

/// The rollout is over, and nothing is wrong with it.
fn ended(case: &Case<'_>, stage: Stage, standing: Standing, notice: Option<Notice>) -> Plan {
    let mut record = with_status(case, |status| {
        status.stage = stage;
        status.why = None;
        if stage == Stage::Verified {
            status.failures = 0;
            status.failed.clear();
        }
    });
    record.conclude(stage, "");
    Plan {
        then: Then::Settled,
        ..noted(case, &record, standing, notice)
    }
}

fn restored(case: &Case<'_>) -> Plan {
    let record = with_status(case, |status| status.stage = Stage::RolledBack);
    let why = record
        .status
        .as_ref()
        .and_then(|status| status.why.clone())
        .unwrap_or_default();
    let notice = Notice {
        kind: NoticeKind::Restored,
        images: images(case),
        text: "the images before are rolled out again".to_owned(),
    };
    Plan {
        then: Then::Settled,
        ..noted(case, &record, Standing::RolledBack(why), Some(notice))
    }
}

/// The rollout failed and stays where it is.
fn given_up(case: &Case<'_>, why: &str) -> Plan {
    let mut record = with_status(case, |status| {
        status.stage = Stage::Failed;
        status.why = Some(why.to_owned());
        if case.record.stage() != Some(Stage::RollingBack) {
            status.failures = status.failures.saturating_add(1);
            status.failed.extend(images(case));
        }
    });
    if case.record.stage() != Some(Stage::RollingBack) {
        block(case, &mut record, why);
    }
    record.conclude(Stage::Failed, why);
    let notice = Notice {
        kind: NoticeKind::Failed,
        images: images(case),
        text: why.to_owned(),
    };
    Plan {
        then: Then::Settled,
        ..noted(case, &record, Standing::Failed(why.to_owned()), Some(notice))
    }
}

/// Notes the digests of the rollout, so that they never come again. What was there before is no more to blame than before.
fn block(case: &Case<'_>, record: &mut Record, why: &str) {
    for (name, image) in case.record.rolled() {
        let before = case
            .record
            .previous
            .get(name)
            .and_then(|image| image.digest.as_ref());
        if let Some(digest) = image.digest.as_ref().filter(|digest| before != Some(*digest)) {
            record.block(Blocked {
                digest: digest.clone(),
                tag: image.tag.clone(),
                at: case.now,
                why: why.to_owned(),
            });
        }
    }
}

/// The rollout failed: the images before are put back, if they still exist.
fn failed(case: &Case<'_>, failure: &Failure) -> Plan {
    let previous: Vec<(&String, &ImageRef)> = case
        .record
        .previous
        .iter()
        .filter(|(name, _)| case.record.applied.contains_key(*name))
        .collect();
    if case.settings.rollback == Rollback::Off {
        return given_up(case, &format!("{failure}; rollback is off"));
    }
    if previous.is_empty() {
        return given_up(case, &format!("{failure}; no images from before are known"));
    }
    let mut asks = Vec::new();
    for (_, image) in &previous {
        match case.exists(image) {
            Existence::Yes => {}
            Existence::Unasked(ask) => asks.push(ask),
            // One that is gone decides, whatever becomes of the others.
            Existence::No(Err(ask)) => {
                return Plan::asking(vec![ask], Standing::Failed(failure.to_string()));
            }
            Existence::No(Ok(why)) => {
                let gone = format!("{image}, from before, is no longer in its repository");
                return given_up(case, &format!("{failure}; {gone}: {why}"));
            }
            Existence::Unknown(why) => {
                let why =
                    format!("{failure}; whether {image}, from before, still exists can't be asked: {why}");
                let standing = Standing::Failed(why);
                let notice = attention_to(&standing, case.seen.attention, &images(case));
                return Plan {
                    notices: notice.into_iter().collect(),
                    ..Plan::stands(standing, Then::LookAgain { after: LOOK_LATER })
                };
            }
        }
    }
    if !asks.is_empty() {
        asks.sort();
        asks.dedup();
        return Plan::asking(asks, Standing::Failed(failure.to_string()));
    }
    let back: Vec<(String, ImageRef)> = previous
        .into_iter()
        .map(|(name, image)| (name.clone(), image.clone()))
        .collect();
    roll_back(case, back, &failure.to_string())
}

fn roll_back(case: &Case<'_>, back: Vec<(String, ImageRef)>, why: &str) -> Plan {
    let mut record = with_status(case, |status| {
        status.stage = Stage::RollingBack;
        status.since = case.now;
        status.patched = case.now;
        status.complete = None;
        status.failures = status.failures.saturating_add(1);
        status.failed.extend(images(case));
        status.changed = back.iter().map(|(name, _)| name.clone()).collect();
        status.why = Some(why.to_owned());
    });
    block(case, &mut record, why);
    record.conclude(Stage::RolledBack, why);
    record.applied.extend(back.iter().cloned());
    record.previous.clear();
    let role = |name: &str| case.ours.iter().find(|one| one.name == name).map(|one| one.role);
    let images = back
        .iter()
        .filter_map(|(name, image)| {
            Some(Ours {
                name: name.clone(),
                role: role(name)?,
                image: image.clone(),
            })
        })
        .collect();
    let text: Vec<String> = back
        .iter()
        .map(|(name, image)| format!("{name}: {image}"))
        .collect();
    let notice = Notice {
        kind: NoticeKind::RolledBack,
        images: back,
        text: format!("{why}; back to {}", text.join(", ")),
    };
    Plan {
        change: case.change(images, &record, Some(&format!("rolled back: {why}"))),
        notices: vec![notice],
        ..Plan::stands(
            Standing::RollingBack(Waiting::Controller),
            Then::LookAgain { after: LOOK_SOON },
        )
    }
}

impl Case<'_> {
    /// What has to be known before two images can be compared, where their tags alone don't tell.
    fn asks_for_order(&self) -> Option<Vec<Ask>> {
        let repositories = self.ours.iter().filter_map(|ours| ours.image.repository.clone());
        let listings = &self.seen.facts.listings;
        let unasked = repositories.filter(|repository| !listings.contains_key(repository));
        let mut asks: Vec<Ask> = unasked.map(Ask::Listing).collect();
        asks.sort();
        asks.dedup();
        (self.settings.rules.policy == Policy::NewestPushed && !asks.is_empty()).then_some(asks)
    }
}
