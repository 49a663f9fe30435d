//! What is to run in place of what a container runs, by what its repository holds.

use std::collections::BTreeMap;

use super::choice::{Artifact, Candidate, Current, Digest, Image, Relation, Tag, choose, relation};
use super::facts::Held;
use super::plan::{Case, Ours};
use super::record::Status;
use super::reference::ImageRef;
use super::select::{Chosen, Pick};

impl Case<'_> {
    /// What the repository of an image holds, or why nobody knows.
    pub(super) fn held(&self, image: &ImageRef) -> Result<&[Held], String> {
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
    pub(super) fn choose_for(&self, ours: &Ours) -> Result<Chosen, String> {
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
        // Of the two, the newer one.
        let (rejected, failed) = match (rejected, failed) {
            (Some((_, rejected)), Some(failed))
                if relation(rules, &failed.1, &rejected) == Relation::Newer =>
            {
                (None, Some(failed))
            }
            (Some(rejected), _) => (Some(rejected), None),
            (None, failed) => (None, failed),
        };
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
        let reason = match (&rejected, &failed) {
            (Some((_, floor)), _) => format!("newer than {}, which a person took back", floor.tag),
            (None, Some((_, floor))) if floor.tag == picked.tag => {
                format!("another digest of {}, which failed", floor.tag)
            }
            (None, Some((_, floor))) => format!("newer than {}, which failed", floor.tag),
            (None, None) => choice.reason,
        };
        Ok(Chosen::Pick(Box::new(Pick {
            image: ours.image.pinned(picked.tag, digest.clone()),
            ours: ours.clone(),
            digest,
            repository,
            reason,
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
}
