//! What to deploy next: the choice, and everything that may hold it back.

use std::collections::BTreeMap;

use super::choice::Digest;
use super::facts::{Ask, Attention};
use super::gate::Gate;
use super::notice::{HeldBack, Notice, NoticeKind, Standing};
use super::plan::{Case, LOOK_SOON, Ours, Plan, Then, attention_to};
use super::record::{Past, Record, Stage, Status};
use super::reference::{ImageRef, Repository};
use super::verdict::{Waiting, usual_start};

/// An image that is to take the place of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pick {
    pub(super) ours: Ours,
    pub(super) image: ImageRef,
    pub(super) digest: Digest,
    pub(super) repository: Repository,
    pub(super) reason: String,
}

/// What the choice among a container's tags came to.
pub(super) enum Chosen {
    /// This.
    Pick(Box<Pick>),
    /// Nothing better; why.
    Nothing(String),
    /// This, were it not for one that a person took back.
    Rejected(Box<(ImageRef, ImageRef)>),
}

/// Decides what to deploy. `watched` is the rollout that is under way: it goes on unless something newer takes its place.
pub(super) fn select(case: &Case<'_>, watched: Option<Plan>) -> Plan {
    let asks = case.missing();
    if !asks.is_empty() {
        return Plan::asking(asks, case.at_rest("not looked at"));
    }
    let mut picks = Vec::new();
    let mut reasons = Vec::new();
    let mut rejected = None;
    for ours in &case.ours {
        match case.choose_for(ours) {
            Ok(Chosen::Pick(pick)) => picks.push(*pick),
            Ok(Chosen::Nothing(reason)) => reasons.push(reason),
            Ok(Chosen::Rejected(images)) => rejected = Some(*images),
            Err(why) => {
                return watched.unwrap_or_else(|| Plan::stands(Standing::Unseen(why), Then::Settled));
            }
        }
    }
    if let Some(first) = picks.first() {
        let image = first.image.clone();
        return match case.held_back(&picks) {
            Gate::Ask(asks) => Plan::asking(asks, case.at_rest("not looked at")),
            Gate::Held(held) => held_plan(case, image, held, &picks, watched),
            Gate::Open => deploy(case, picks),
        };
    }
    if let Some(watched) = watched {
        return watched;
    }
    let standing = match (case.vanished(), rejected) {
        (Some(image), _) => Standing::Vanished(image),
        (None, Some((image, by))) => Standing::Candidate {
            image,
            held: HeldBack::Rejected(by),
        },
        (None, None) => case.at_rest(&reasons.join("; ")),
    };
    let is_new = matches!(standing, Standing::Vanished(_));
    let notice = is_new
        .then(|| attention_to(&standing, case.seen.attention, &[]))
        .flatten();
    Plan {
        notices: notice.into_iter().collect(),
        ..Plan::stands(standing, Then::Settled)
    }
}

/// Something better is there, and must wait.
fn held_plan(
    case: &Case<'_>,
    image: ImageRef,
    held: HeldBack,
    picks: &[Pick],
    watched: Option<Plan>,
) -> Plan {
    if let Some(watched) = watched {
        return watched;
    }
    let standing = Standing::Candidate { image, held };
    let images: Vec<(String, ImageRef)> = picks
        .iter()
        .map(|pick| (pick.ours.name.clone(), pick.image.clone()))
        .collect();
    let mut notices: Vec<Notice> = attention_to(&standing, case.seen.attention, &images)
        .into_iter()
        .collect();
    if let Standing::Candidate {
        held: HeldBack::Owner(owner),
        ..
    } = &standing
    {
        notices.extend(candidate(case, owner, picks, images));
    }
    Plan {
        notices,
        ..Plan::stands(standing, Then::NextTick)
    }
}

/// What the people of a delivery tool are told: when an event came, and once an hour.
fn candidate(
    case: &Case<'_>,
    owner: &str,
    picks: &[Pick],
    images: Vec<(String, ImageRef)>,
) -> Option<Notice> {
    let is_time = match case.seen.attention {
        Attention::Event(_) => true,
        Attention::Sweep { first_of_hour } => *first_of_hour,
        Attention::Watch => false,
    };
    is_time.then(|| Notice {
        kind: NoticeKind::Candidate,
        images,
        text: format!("{}; {owner} owns the workload, so it is not written", said(picks)),
    })
}

fn said(picks: &[Pick]) -> String {
    let one = |pick: &Pick| {
        let name = |image: &ImageRef| match (&image.tag, &image.digest) {
            (Some(tag), _) => tag.as_str().to_owned(),
            (None, Some(digest)) => digest.as_str().to_owned(),
            (None, None) => "latest".to_owned(),
        };
        let (from, to) = (name(&pick.ours.image), name(&pick.image));
        format!("{} {from} -> {to}", pick.ours.name)
    };
    picks.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The write of new images, with everything that is needed to judge them and to take them back.
fn deploy(case: &Case<'_>, picks: Vec<Pick>) -> Plan {
    let text = said(&picks);
    let reasons: Vec<&str> = picks.iter().map(|pick| pick.reason.as_str()).collect();
    let record = deployed(case, &picks, reasons.join("; "));
    let warning = too_hasty(case, &record).map_or_else(String::new, |warning| format!("; {warning}"));
    let notice = Notice {
        kind: NoticeKind::Deployed,
        images: picks
            .iter()
            .map(|pick| (pick.ours.name.clone(), pick.image.clone()))
            .collect(),
        text: format!("{text}: {}{warning}", reasons.join("; ")),
    };
    let images = picks
        .into_iter()
        .map(|pick| Ours {
            image: pick.image,
            ..pick.ours
        })
        .collect();
    Plan {
        change: case.change(images, &record, Some(&format!("lamplighter: {text}"))),
        notices: vec![notice],
        ..Plan::stands(
            Standing::Rolling(Waiting::Controller),
            Then::LookAgain { after: LOOK_SOON },
        )
    }
}

/// What is wrong with a progress deadline in which no pod of the workload gets ready.
fn too_hasty(case: &Case<'_>, record: &Record) -> Option<String> {
    let usual = i64::from(record.status.as_ref()?.usual_start?);
    let deadline = case.seen.workload.rollout.progress_deadline?.as_secs();
    (deadline <= usual).then(|| {
        format!("progressDeadlineSeconds {deadline} will pass first: its pods took {usual} s to get ready")
    })
}

fn deployed(case: &Case<'_>, picks: &[Pick], why: String) -> Record {
    let before = case.record.clone();
    let old = before.status.as_ref();
    // What is replaced before it was found good is nothing to go back to.
    let is_unproven = matches!(
        before.stage(),
        Some(Stage::Rolling | Stage::Deferred | Stage::Failed)
    );
    let mut record = before.clone();
    record.conclude(Stage::Replaced, "something newer came before it was found good");
    if !is_unproven {
        record.previous.clear();
    }
    let mut changed = old
        .filter(|_| is_unproven)
        .map(|status| status.changed.clone())
        .unwrap_or_default();
    let mut images = BTreeMap::new();
    for pick in picks {
        let name = &pick.ours.name;
        changed.insert(name.clone());
        images.insert(name.clone(), pick.image.clone());
        if !(is_unproven && before.applied.contains_key(name)) {
            record.previous.insert(name.clone(), pick.ours.image.clone());
        }
    }
    record.applied.extend(images.clone());
    let pods = case.seen.pods().unwrap_or_default();
    let new: Vec<(&str, &ImageRef)> = images
        .iter()
        .map(|(name, image)| (name.as_str(), image))
        .collect();
    let usual = usual_start(pods, &new).or_else(|| old.and_then(|status| status.usual_start));
    let event = match case.seen.attention {
        Attention::Event(id) => Some(id.clone()),
        Attention::Sweep { .. } | Attention::Watch => None,
    };
    record.status = Some(Status {
        stage: Stage::Rolling,
        since: case.now,
        patched: case.now,
        changed,
        complete: None,
        usual_start: usual,
        failures: old.map_or(0, |status| status.failures),
        why: None,
        rejected: old.map(|status| status.rejected.clone()).unwrap_or_default(),
        failed: old.map(|status| status.failed.clone()).unwrap_or_default(),
        event,
    });
    if let Some(status) = &mut record.status {
        status.rejected.retain(|name, _| !images.contains_key(name));
    }
    record.remember(Past {
        at: case.now,
        images,
        outcome: None,
        why,
    });
    record
}

impl Case<'_> {
    /// What has to be known before anything can be chosen.
    fn missing(&self) -> Vec<Ask> {
        let facts = self.seen.facts;
        let unlisted = self.ours.iter().filter_map(|ours| ours.image.repository.clone());
        let unlisted = unlisted.filter(|repository| !facts.listings.contains_key(repository));
        let mut asks: Vec<Ask> = unlisted.map(Ask::Listing).collect();
        if self.seen.pods().is_none() && self.depends_on_pods() {
            asks.push(Ask::Family);
        }
        asks.sort();
        asks.dedup();
        asks
    }

    /// What a tag that is not pinned points to is known by the pods alone that run it.
    fn depends_on_pods(&self) -> bool {
        let is_loose = self.ours.iter().any(|ours| ours.image.digest.is_none());
        self.settings.follows_one_tag() && is_loose && self.seen.workload.rollout.pods > 0
    }

    /// The image that runs, if its repository does not have it any more.
    fn vanished(&self) -> Option<ImageRef> {
        let is_gone = |ours: &&Ours| {
            let held = self.held(&ours.image).unwrap_or_default();
            let digest = ours.image.digest.as_ref();
            digest.is_some_and(|digest| held.iter().all(|one| one.digest != *digest))
        };
        self.ours.iter().find(is_gone).map(|ours| ours.image.clone())
    }
}
