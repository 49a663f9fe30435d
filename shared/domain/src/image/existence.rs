//! Whether an image from before can still be pulled, and if not, why.

use super::expiry::why_gone;
use super::facts::{Ask, Held};
use super::plan::Case;
use super::reference::ImageRef;

/// Whether an image can still be pulled.
pub(super) enum Existence {
    Yes,
    No {
        /// Whether another image has its tag now.
        has_lost_tag: bool,
    },
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
        let is_held = match (&image.digest, &image.tag) {
            (Some(digest), _) => held.iter().any(|one| one.digest == *digest),
            (None, Some(tag)) => held.iter().any(|one| one.tags.contains(tag)),
            (None, None) => false,
        };
        if is_held {
            return Existence::Yes;
        }
        let has_tag = |one: &Held| image.tag.as_ref().is_some_and(|tag| one.tags.contains(tag));
        Existence::No {
            has_lost_tag: held.iter().any(has_tag),
        }
    }

    /// What may have become of an image that is gone, or what has to be asked to say so.
    pub(super) fn why_gone(&self, image: &ImageRef, has_lost_tag: bool) -> Result<String, Ask> {
        let Some(repository) = &image.repository else {
            return Ok("nobody knows why".to_owned());
        };
        match self.seen.facts.lifecycles.get(repository) {
            None => Err(Ask::Lifecycle(repository.clone())),
            Some(Err(why)) => Ok(format!("a lifecycle policy may have expired it ({why})")),
            Some(Ok(policy)) => Ok(why_gone(policy.as_deref(), image.tag.as_ref(), has_lost_tag)),
        }
    }
}
