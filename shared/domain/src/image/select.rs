//! What to deploy next: the choice, and everything that may hold it back.

use std::collections::BTreeMap;

use super::choice::{Artifact, Candidate, Current, Digest, Image, Relation, Tag, choose, relation};
use super::facts::{Ask, Attention, Held, Platforms};
use super::notice::{HeldBack, Notice, NoticeKind, Standing};
use super::plan::{Case, LOOK_SOON, Ours, Plan, Then, attention_to};
use super::record::{Past, Record, Stage, Status};
use super::reference::{ImageRef, Repository};
use super::settings::Hold;
use super::target::Kind;
use super::verdict::{Waiting, usual_start};
use super::workload::Replacement;
use crate::time::later;

/// Digests that may fail in a row before a person has to look.
const BREAKER: u32 = 3;

/// An image that is to take the place of another.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pick {
    ours: Ours,
    image: ImageRef,
    digest: Digest,
    repository: Repository,
    reason: String,
}

/// What the choice among a container's tags came to.
enum Chosen {
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

/// Whether picks may be deployed now.
enum Gate {
    Open,
    Ask(Vec<Ask>),
    Held(HeldBack),
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

    fn held(&self, image: &ImageRef) -> Result<&[Held], String> {
        let listing = image
            .repository
            .as_ref()
            .and_then(|repository| self.seen.facts.listings.get(repository));
        match listing {
            Some(Ok(held)) => Ok(held),
            Some(Err(why)) => Err(why.clone()),
            None => Err("the repository was not asked".to_owned()),
        }
    }

    /// An image as the order of its policy sees it, with what the registry says of it.
    pub(super) fn known(&self, image: &ImageRef, tag: &Tag) -> Current {
        let held = self.held(image).unwrap_or_default();
        let found = match &image.digest {
            Some(digest) => held.iter().find(|one| one.digest == *digest),
            None => held.iter().find(|one| one.tags.contains(tag)),
        };
        let digest = match (&image.digest, self.settings.follows_one_tag()) {
            (Some(digest), _) => Some(digest.clone()),
            (None, true) => self.running(image),
            (None, false) => found.map(|one| one.digest.clone()),
        };
        Current {
            tag: tag.clone(),
            digest,
            pushed: found.map(|one| one.pushed),
        }
    }

    /// The digest that all pods run which name this image, if the registry knows it.
    fn running(&self, image: &ImageRef) -> Option<Digest> {
        let text = image.to_string();
        let pods = self
            .seen
            .pods()
            .unwrap_or_default()
            .iter()
            .filter(|pod| !pod.leaving);
        let mut digests = pods
            .flat_map(|pod| &pod.containers)
            .filter(|container| container.image == text)
            .map(|container| container.digest.as_ref());
        let first = digests.next().flatten()?;
        let is_held = self.held(image).ok()?.iter().any(|one| one.digest == *first);
        (is_held && digests.all(|other| other == Some(first))).then(|| first.clone())
    }

    /// What is to run in place of what a container runs.
    fn choose_for(&self, ours: &Ours) -> Result<Chosen, String> {
        let held = self.held(&ours.image)?;
        let Some(tag) = &ours.image.tag else {
            return Ok(Chosen::Nothing(format!(
                "container {}: {} has no tag to go on from",
                ours.name, ours.image
            )));
        };
        let rules = &self.settings.rules;
        let live = self.known(&ours.image, tag);
        let candidates = self.candidates(&ours.name, held);
        let status = self.record.status.as_ref();
        let floor = |images: fn(&Status) -> &BTreeMap<String, ImageRef>| {
            let image = status.and_then(|status| images(status).get(&ours.name))?;
            let known = self.known(image, image.tag.as_ref()?);
            let is_above = !self.settings.follows_one_tag()
                && image.repository == ours.image.repository
                && relation(rules, Image::from(&known), Image::from(&live)) == Relation::Newer;
            is_above.then_some((image, known))
        };
        let rejected = floor(|status| &status.rejected);
        let failed = floor(|status| &status.failed);
        let choice = match (&rejected, &failed) {
            (Some((_, floor)), _) => choose(rules, Some(floor), &candidates),
            (None, Some((_, floor))) => {
                let choice = choose(rules, Some(floor), &candidates);
                // The tag that failed may have been mended under its own name.
                let mended = candidates
                    .iter()
                    .find(|one| one.tag == floor.tag && one.digest != floor.digest && one.barred.is_none());
                match (&choice.picked, mended) {
                    (None, Some(mended)) => {
                        let only = std::slice::from_ref(mended);
                        choose(rules, Some(&live), only)
                    }
                    (Some(_), _) | (None, None) => choice,
                }
            }
            (None, None) => choose(rules, Some(&live), &candidates),
        };
        // What is newer than something else must be a move from what runs too.
        let may_follow = |one: &Candidate| {
            choose(rules, Some(&live), std::slice::from_ref(one))
                .picked
                .is_some()
        };
        let Some(picked) = choice.picked.filter(may_follow) else {
            if let Some(by) = status.and_then(|status| status.rejected.get(&ours.name)) {
                let mut candidates = candidates;
                let taken_back = candidates.iter_mut().filter(|one| one.digest == by.digest);
                taken_back.for_each(|one| one.barred = None);
                let wanted = choose(rules, Some(&live), &candidates).picked;
                let image = wanted.and_then(|one| Some(ours.image.pinned(one.tag, one.digest?)));
                if let Some(image) = image {
                    return Ok(Chosen::Rejected(Box::new((image, by.clone()))));
                }
            }
            return Ok(Chosen::Nothing(choice.reason));
        };
        let (Some(digest), Some(repository)) = (picked.digest, ours.image.repository.clone()) else {
            return Ok(Chosen::Nothing(choice.reason));
        };
        Ok(Chosen::Pick(Box::new(Pick {
            image: ours.image.pinned(picked.tag, digest.clone()),
            ours: ours.clone(),
            digest,
            repository,
            reason: choice.reason,
        })))
    }

    fn candidates(&self, container: &str, held: &[Held]) -> Vec<Candidate> {
        let rejected = self
            .record
            .status
            .as_ref()
            .and_then(|status| status.rejected.get(container));
        let rejected = rejected.and_then(|image| image.digest.as_ref());
        let of = |one: &Held| {
            let taken_back = (rejected == Some(&one.digest)).then(|| "a person took it back".to_owned());
            let barred = self.record.bars(&one.digest).or(taken_back);
            let artifact = one.artifact.clone().map_or(Artifact::Image, Artifact::Other);
            let candidate = move |tag: &Tag| Candidate {
                tag: tag.clone(),
                digest: Some(one.digest.clone()),
                pushed: Some(one.pushed),
                artifact: artifact.clone(),
                barred: barred.clone(),
            };
            one.tags.iter().map(candidate).collect::<Vec<_>>()
        };
        held.iter().flat_map(of).collect()
    }

    fn held_back(&self, picks: &[Pick]) -> Gate {
        let status = self.record.status.as_ref();
        let failures = status.map_or(0, |status| status.failures);
        if failures >= BREAKER {
            return Gate::Held(HeldBack::Breaker(failures));
        }
        if let Some(hold) = self.settings.hold.filter(|hold| hold.holds(self.now)) {
            let until = match hold {
                Hold::Open => None,
                Hold::Until(end) => Some(end),
            };
            return Gate::Held(HeldBack::Hold(until));
        }
        if let Some(owner) = &self.owner {
            return Gate::Held(HeldBack::Owner(owner.clone()));
        }
        if let Some(spans) = self.settings.frozen(self.now) {
            return Gate::Held(HeldBack::Freeze(spans));
        }
        if self.seen.workload.rollout.paused {
            return Gate::Held(HeldBack::Paused);
        }
        let rested = status.map(|status| later(status.patched, self.settings.cooldown));
        if let Some(until) = rested.filter(|until| self.now < *until) {
            return Gate::Held(HeldBack::Cooldown(until));
        }
        let mut asks = Vec::new();
        for pick in picks {
            let key = (pick.repository.clone(), pick.digest.clone());
            match self.seen.facts.platforms.get(&key) {
                None => asks.push(Ask::Platforms(key.0, key.1)),
                Some(Ok(platforms)) => {
                    if let Some(why) = self.nowhere_to_run(platforms) {
                        let why = format!("container {}: {why}", pick.ours.name);
                        return Gate::Held(HeldBack::Machines(why));
                    }
                }
                // It runs somewhere, or its start fails and is seen: nothing to hold it back for.
                Some(Err(_)) => {}
            }
        }
        let is_watched = self.seen.workload.rollout.replacement == Replacement::Controller;
        let has_memory = self.seen.workload.target.kind == Kind::Deployment;
        let has_pods = is_watched && self.seen.workload.rollout.pods > 0;
        if (has_memory || has_pods) && self.seen.family.is_none() {
            asks.push(Ask::Family);
        }
        asks.sort();
        asks.dedup();
        if asks.is_empty() {
            Gate::Open
        } else {
            Gate::Ask(asks)
        }
    }

    /// Why no machine that the workload may use can run an image; `None` if one can, or if that is not known.
    fn nowhere_to_run(&self, platforms: &Platforms) -> Option<String> {
        let Platforms::Of(built) = platforms else {
            return None;
        };
        let list = |names: &mut dyn Iterator<Item = &String>| {
            names.map(String::as_str).collect::<Vec<_>>().join(", ")
        };
        let for_what = list(&mut built.iter());
        if let Some(wanted) = &self.seen.workload.node_architecture {
            return (!built.contains(wanted))
                .then(|| format!("the image is for {for_what}, the workload for nodes of {wanted}"));
        }
        let nodes = self
            .seen
            .facts
            .architectures
            .as_ref()
            .filter(|nodes| !nodes.is_empty())?;
        (built.is_disjoint(nodes)).then(|| {
            format!(
                "the image is for {for_what}, the nodes are {}",
                list(&mut nodes.iter())
            )
        })
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
