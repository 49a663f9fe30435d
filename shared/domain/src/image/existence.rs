//! Whether an image from before can still be pulled, and if not, why.

use super::expiry::why_gone;
use super::facts::{Ask, Held};
use super::plan::Case;
use super::reference::{ImageRef, Repository};

/// Whether an image can still be pulled.
pub(super) enum Existence {
    Yes,
    /// And what may have become of it, or what has to be asked to say so.
    No(Result<String, Ask>),
    Unasked(Ask),
    Unknown(String),
}

impl Case<'_> {
    /// Whether an image still exists. One that is not of ECR can't be asked for, and is taken to.
    pub(super) fn exists(&self, image: &ImageRef) -> Existence {
        let Some(repository) = &image.repository else {
            return Existence::Yes;
        };
        let held = match self.seen.facts.listings.get(repository) {
            None => return Existence::Unasked(Ask::Listing(repository.clone())),
            Some(Err(why)) => return Existence::Unknown(why.clone()),
            Some(Ok(held)) => held,
        };
        let has_tag = |one: &Held| image.tag.as_ref().is_some_and(|tag| one.tags.contains(tag));
        let has_its_tag = held.iter().any(has_tag);
        let is_held = match &image.digest {
            Some(digest) => held.iter().any(|one| one.digest == *digest),
            None => has_its_tag,
        };
        if is_held {
            Existence::Yes
        } else {
            Existence::No(self.why_gone(image, repository, has_its_tag))
        }
    }

    fn why_gone(&self, image: &ImageRef, repository: &Repository, is_moved: bool) -> Result<String, Ask> {
        match self.seen.facts.lifecycles.get(repository) {
            None => Err(Ask::Lifecycle(repository.clone())),
            Some(Err(why)) => Ok(format!("a lifecycle policy may have expired it ({why})")),
            Some(Ok(policy)) => Ok(why_gone(policy.as_deref(), image.tag.as_ref(), is_moved)),
        }
    }
}
