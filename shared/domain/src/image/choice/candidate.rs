//! What there is to choose from, and what it is chosen against.

use jiff::Timestamp;
use serde::Serialize;

use super::{Digest, Tag};

/// One tag of a repository, and what the registry says of the image behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// The tag.
    pub tag: Tag,
    /// What it points to, if that is known.
    pub digest: Option<Digest>,
    /// When its image was pushed, if that is known.
    pub pushed: Option<Timestamp>,
    /// What it is.
    pub artifact: Artifact,
    /// Why it must not run whatever the rules say, in the words of whoever bars it: `failed on 2026-11-26`.
    pub barred: Option<String>,
}

/// What a tag points to. Registries keep more than images.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Artifact {
    /// A container image, or an index of several.
    Image,
    /// Something else, by its media type: a Helm chart, an index for lazy loading.
    Other(String),
}

/// The image that runs. One that is pinned by its digest alone has no tag to go on from: that is no
/// [`Current`], and not the same as nothing running either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Current {
    /// Its tag.
    pub tag: Tag,
    /// Its digest, if that is known.
    pub digest: Option<Digest>,
    /// When it was pushed, if that is known.
    pub pushed: Option<Timestamp>,
}

impl Candidate {
    /// An image of which nothing but the tag is known, as on a command line.
    pub fn of(tag: Tag) -> Self {
        Self {
            tag,
            digest: None,
            pushed: None,
            artifact: Artifact::Image,
            barred: None,
        }
    }
}

/// What an order goes by, of a candidate or of what runs.
#[derive(Debug, Clone, Copy)]
pub struct Image<'a> {
    /// Its tag.
    pub tag: &'a Tag,
    /// Its digest, if that is known.
    pub digest: Option<&'a Digest>,
    /// When it was pushed, if that is known.
    pub pushed: Option<Timestamp>,
}

impl<'a> From<&'a Candidate> for Image<'a> {
    fn from(candidate: &'a Candidate) -> Self {
        Self {
            tag: &candidate.tag,
            digest: candidate.digest.as_ref(),
            pushed: candidate.pushed,
        }
    }
}

impl<'a> From<&'a Current> for Image<'a> {
    fn from(current: &'a Current) -> Self {
        Self {
            tag: &current.tag,
            digest: current.digest.as_ref(),
            pushed: current.pushed,
        }
    }
}
