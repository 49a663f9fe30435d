//! What people ask for by hand: each is one write to the workload, by the person's own permissions.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::change::Change;
use super::choice::Digest;
use super::plan::Ours;
use super::record::{Past, Record, Stage, Status, Unreadable};
use super::reference::ImageRef;
use super::settings::{HOLD, Hold};
use super::workload::{Container, Workload};
use crate::keys::ANNOTATION_PREFIX;

/// What a person asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Deploy nothing here, until then.
    Hold(Hold),
    /// Deploy again: no hold, nothing that was taken back, no count of failures.
    Resume,
    /// A digest may be deployed again, or all may.
    Unblock(Option<Digest>),
    /// Put the images before back, and deploy nothing that is not newer than what was there.
    RollBack,
}

/// What a person asks for can't be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// What we remember can't be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// Nothing that we deployed is there.
    #[error("no images from before are known: nothing was deployed here, or it was taken back already")]
    NothingBefore,
    /// The images were changed since.
    #[error("container {container} runs {live}, which was not deployed by Lamplighter: put it back by hand")]
    NotOurs {
        /// Which container.
        container: String,
        /// What it runs.
        live: String,
    },
    /// The digest is not blocked.
    #[error("{0} is not blocked here")]
    NotBlocked(Digest),
}

impl Request {
    /// The write that does it, asked for at `now` by `by`. `None` if it is so already.
    pub fn change(
        &self,
        workload: &Workload,
        by: &str,
        now: Timestamp,
    ) -> Result<Option<Change>, RequestError> {
        let record = match (Record::read(workload), self) {
            (Ok(record), _) => record,
            // What nobody can read is what resuming is for.
            (Err(_), Self::Resume) => return Ok(Some(forget(workload))),
            (Err(error), Self::Hold(_) | Self::Unblock(_) | Self::RollBack) => return Err(error.into()),
        };
        match self {
            Self::Hold(hold) => Ok(set_hold(workload, &record, Some(*hold))),
            Self::Resume => Ok(resume(workload, &record)),
            Self::Unblock(digest) => unblock(workload, &record, digest.as_ref()),
            Self::RollBack => roll_back(workload, &record, by, now).map(Some),
        }
    }
}

fn set_hold(workload: &Workload, record: &Record, hold: Option<Hold>) -> Option<Change> {
    with_hold(
        workload,
        Change::of(workload, Vec::new(), record, record, None),
        hold,
    )
}

fn with_hold(workload: &Workload, change: Option<Change>, hold: Option<Hold>) -> Option<Change> {
    let key = format!("{ANNOTATION_PREFIX}{HOLD}");
    let text = hold.map(|hold| match hold {
        Hold::Open => "true".to_owned(),
        Hold::Until(end) => end.to_string(),
    });
    if workload.annotations.get(&key) == text.as_ref() {
        return change;
    }
    let mut change = change.unwrap_or_else(|| empty(workload));
    change.annotations.insert(key, text);
    Some(change)
}

fn empty(workload: &Workload) -> Change {
    Change {
        target: workload.target.clone(),
        version: workload.version.clone(),
        images: Vec::new(),
        annotations: BTreeMap::new(),
    }
}

fn forget(workload: &Workload) -> Change {
    let mut change = empty(workload);
    for key in Record::KEYS {
        change
            .annotations
            .insert(format!("{ANNOTATION_PREFIX}{key}"), None);
    }
    change
}

fn resume(workload: &Workload, record: &Record) -> Option<Change> {
    let mut after = record.clone();
    if let Some(status) = &mut after.status {
        status.rejected.clear();
        status.failures = 0;
    }
    with_hold(
        workload,
        Change::of(workload, Vec::new(), record, &after, None),
        None,
    )
}

fn unblock(
    workload: &Workload,
    record: &Record,
    digest: Option<&Digest>,
) -> Result<Option<Change>, RequestError> {
    let mut after = record.clone();
    let is_freed = |image: &ImageRef| digest.is_none() || image.digest.as_ref() == digest;
    if let Some(digest) = digest.filter(|digest| record.bars(digest).is_none()) {
        return Err(RequestError::NotBlocked(digest.clone()));
    }
    after
        .blocked
        .retain(|blocked| digest.is_some_and(|digest| blocked.digest != *digest));
    if let Some(status) = &mut after.status {
        status.failed.retain(|_, image| !is_freed(image));
        status.failures = 0;
    }
    Ok(Change::of(workload, Vec::new(), record, &after, None))
}

fn roll_back(workload: &Workload, record: &Record, by: &str, now: Timestamp) -> Result<Change, RequestError> {
    let mut back = Vec::new();
    let mut rejected = BTreeMap::new();
    for (name, image) in &record.previous {
        let container = workload.containers.iter().find(|one| one.name == *name);
        let ours = record.applied.get(name);
        let (Some(container), Some(ours)) = (container, ours) else {
            continue;
        };
        is_still_ours(container, ours)?;
        rejected.insert(name.clone(), ours.clone());
        back.push(Ours {
            name: name.clone(),
            role: container.role,
            image: image.clone(),
        });
    }
    let Some(status) = record.status.as_ref().filter(|_| !back.is_empty()) else {
        return Err(RequestError::NothingBefore);
    };
    let mut after = record.clone();
    let why = format!("{by} took it back");
    after.conclude(Stage::Replaced, &why);
    let images: BTreeMap<String, ImageRef> = back
        .iter()
        .map(|one| (one.name.clone(), one.image.clone()))
        .collect();
    after.applied.extend(images.clone());
    after.previous.clear();
    after.status = Some(Status {
        stage: Stage::RollingBack,
        since: now,
        patched: now,
        changed: images.keys().cloned().collect(),
        complete: None,
        why: Some(why.clone()),
        rejected,
        ..status.clone()
    });
    after.remember(Past {
        at: now,
        images,
        outcome: Some(Stage::RolledBack),
        why: why.clone(),
    });
    let images = back
        .into_iter()
        .map(|one| (one.name, one.role, one.image))
        .collect();
    let cause = format!("rolled back: {why}");
    Change::of(workload, images, record, &after, Some(&cause)).ok_or(RequestError::NothingBefore)
}

fn is_still_ours(container: &Container, ours: &ImageRef) -> Result<(), RequestError> {
    if container.image == ours.to_string() {
        return Ok(());
    }
    Err(RequestError::NotOurs {
        container: container.name.clone(),
        live: container.image.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{after, digest, pinned, remembering, start};
    use super::super::record::Blocked;
    use super::*;

    fn deployed() -> Record {
        let images = |image: ImageRef| BTreeMap::from([("app".to_owned(), image)]);
        Record {
            applied: images(pinned("1.3.0", 130)),
            previous: images(pinned("1.2.3", 123)),
            blocked: vec![Blocked {
                digest: digest(125),
                tag: None,
                at: start(),
                why: "crash loop".to_owned(),
            }],
            status: Some(Status {
                stage: Stage::Verified,
                since: start(),
                patched: start(),
                changed: ["app".to_owned()].into(),
                complete: None,
                usual_start: None,
                failures: 3,
                why: None,
                rejected: images(pinned("1.2.9", 129)),
                failed: BTreeMap::new(),
                event: None,
            }),
            history: Vec::new(),
        }
    }

    fn running(image: &ImageRef) -> Workload {
        let mut workload = remembering(&deployed());
        workload.containers[0].image = image.to_string();
        workload
    }

    /// What the workload remembers after a change.
    fn after_change(workload: &Workload, change: &Change) -> (Workload, Record) {
        let mut workload = workload.clone();
        for (key, text) in &change.annotations {
            match text {
                Some(text) => workload.annotations.insert(key.clone(), text.clone()),
                None => workload.annotations.remove(key),
            };
        }
        let record = Record::read(&workload).unwrap();
        (workload, record)
    }

    fn ask(request: &Request, workload: &Workload) -> Result<Option<Change>, RequestError> {
        request.change(workload, "ada", after(60))
    }

    #[test]
    fn a_hold_is_set_once_and_resuming_takes_it_away_with_what_holds_back() {
        let workload = running(&pinned("1.3.0", 130));
        let hold = Request::Hold(Hold::Until(after(3600)));
        let change = ask(&hold, &workload).unwrap().unwrap();
        let (held, record) = after_change(&workload, &change);
        assert_eq!(
            held.annotations["lamplighter.dev/image-hold"],
            after(3600).to_string()
        );
        assert_eq!(record, deployed());
        assert_eq!(ask(&hold, &held).unwrap(), None);
        let change = ask(&Request::Resume, &held).unwrap().unwrap();
        let (free, record) = after_change(&held, &change);
        assert!(!free.annotations.contains_key("lamplighter.dev/image-hold"));
        let status = record.status.unwrap();
        assert_eq!((status.rejected.len(), status.failures), (0, 0));
    }

    #[test]
    fn resuming_forgets_what_nobody_can_read() {
        let mut workload = running(&pinned("1.3.0", 130));
        workload
            .annotations
            .insert("lamplighter.dev/image-status".to_owned(), "?".to_owned());
        assert!(ask(&Request::RollBack, &workload).is_err());
        let change = ask(&Request::Resume, &workload).unwrap().unwrap();
        let (_, record) = after_change(&workload, &change);
        assert_eq!(record, Record::default());
    }

    #[test]
    fn a_digest_is_unblocked_by_its_name() {
        let workload = running(&pinned("1.3.0", 130));
        let error = ask(&Request::Unblock(Some(digest(7))), &workload).unwrap_err();
        assert_eq!(error, RequestError::NotBlocked(digest(7)));
        for request in [Request::Unblock(Some(digest(125))), Request::Unblock(None)] {
            let change = ask(&request, &workload).unwrap().unwrap();
            assert!(after_change(&workload, &change).1.blocked.is_empty());
        }
    }

    #[test]
    fn a_person_rolls_back_to_what_was_before_and_what_was_there_does_not_come_back() {
        let workload = running(&pinned("1.3.0", 130));
        let change = ask(&Request::RollBack, &workload).unwrap().unwrap();
        assert_eq!(change.images[0].2, pinned("1.2.3", 123));
        let (workload, record) = after_change(&workload, &change);
        let status = record.status.as_ref().unwrap();
        assert_eq!(status.stage, Stage::RollingBack);
        assert_eq!(status.rejected["app"], pinned("1.3.0", 130));
        assert_eq!(record.history[0].why, "ada took it back");
        assert_eq!(
            ask(&Request::RollBack, &workload).unwrap_err(),
            RequestError::NothingBefore
        );
    }

    #[test]
    fn what_was_changed_by_others_is_not_rolled_back() {
        let error = ask(&Request::RollBack, &running(&pinned("1.2.7", 127))).unwrap_err();
        assert!(
            error.to_string().contains("was not deployed by Lamplighter"),
            "{error}"
        );
    }
}
