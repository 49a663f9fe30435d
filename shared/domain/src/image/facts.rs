//! What is known when a decision is made, and what is asked when too little is.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::choice::{Digest, Tag};
use super::reference::Repository;
use super::workload::{Family, Pod, Workload};

/// What is known of one workload and of everything that its images depend on.
#[derive(Debug, Clone, Copy)]
pub struct Observation<'a> {
    /// The workload.
    pub workload: &'a Workload,
    /// What belongs to it, once that was asked for.
    pub family: Option<&'a Family>,
    /// What the registries and the cluster answered so far.
    pub facts: &'a Facts,
    /// What brought us here.
    pub attention: &'a Attention,
}

impl<'a> Observation<'a> {
    /// Its pods, once they were asked for.
    pub fn pods(&self) -> Option<&'a [Pod]> {
        self.family.map(|family| family.pods.as_slice())
    }
}

/// What the registries and the cluster answered. What was not asked yet is not in it.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// What a repository holds, or why nobody knows.
    pub listings: BTreeMap<Repository, Result<Vec<Held>, String>>,
    /// For which machines an image is, or why nobody knows.
    pub platforms: BTreeMap<(Repository, Digest), Result<Platforms, String>>,
    /// The text of a repository's lifecycle policy, if it has one, or why nobody knows.
    pub lifecycles: BTreeMap<Repository, Result<Option<String>, String>>,
    /// The architectures of the cluster's nodes, by Go's names; none while there are no nodes. `None` where that could
    /// not be asked.
    pub architectures: Option<BTreeSet<String>>,
}

/// An image that a repository holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its digest; of an image for several architectures, that of its index.
    pub digest: Digest,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// When it was pushed.
    pub pushed: Timestamp,
    /// The media type of its configuration, if it is something else than a container image: a Helm chart, say.
    pub artifact: Option<String>,
}

/// The media types of the configuration of a container image: Docker's, and that of the OCI image specification.
const CONFIGURATIONS: [&str; 2] = [
    "application/vnd.docker.container.image.v1+json",
    "application/vnd.oci.image.config.v1+json",
];

/// What a registry's media type of an artifact says that it is, if that is something else than a container image. An index
/// has no such type.
///
/// ```
/// use domain::image::foreign;
/// assert_eq!(foreign(Some("application/vnd.oci.image.config.v1+json".to_owned())), None);
/// assert!(foreign(Some("application/vnd.cncf.helm.config.v1+json".to_owned())).is_some());
/// ```
pub fn foreign(media_type: Option<String>) -> Option<String> {
    media_type.filter(|media_type| !configures(media_type))
}

/// Whether this is the media type of the configuration of a container image.
pub fn configures(media_type: &str) -> bool {
    CONFIGURATIONS.contains(&media_type)
}

/// For which machines an image is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Platforms {
    /// For these architectures, by Go's names.
    Of(BTreeSet<String>),
    /// Nobody can tell.
    Unknown,
}

/// Something that has to be known before anything can be decided.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ask {
    /// What belongs to the workload: its pods, and what its revisions remember.
    Family,
    /// What a repository holds: into [`Facts::listings`].
    Listing(Repository),
    /// For which machines an image is: into [`Facts::platforms`].
    Platforms(Repository, Digest),
    /// By which rules a repository's images expire: into [`Facts::lifecycles`].
    Lifecycle(Repository),
}

/// What brought us to a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attention {
    /// An event said that one of its repositories changed; the event's id.
    Event(String),
    /// The sweep's turn of its repositories. Where nothing may be written, people are told once an hour.
    Sweep {
        /// Whether this is the hour's first.
        first_of_hour: bool,
    },
    /// A rollout under way: nothing new is chosen.
    Watch,
}
