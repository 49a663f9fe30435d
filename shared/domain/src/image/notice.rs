//! How a workload stands, and what its people are told.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::reference::ImageRef;
use super::verdict::Waiting;

/// How a workload stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It runs what its policy chooses, or nothing better is there. The reason of the choice.
    Current(String),
    /// Something of what its people or we wrote can't be read: nothing is deployed.
    Refused(String),
    /// The registry or the cluster could not be asked.
    Unseen(String),
    /// A better image is there, and is held back.
    Candidate {
        /// Which image.
        image: ImageRef,
        /// By what.
        held: HeldBack,
    },
    /// Its pods are being replaced.
    Rolling(Waiting),
    /// All its pods are replaced and ready; it must stay so until then.
    Soaking(Timestamp),
    /// No pods are wanted: the rollout is judged when there are some.
    Deferred,
    /// A person replaces its pods, or its next run uses the image.
    Manual,
    /// The rollout failed, and nothing was taken back; why.
    Failed(String),
    /// The rollout failed, and the images before are being rolled out again.
    RollingBack(Waiting),
    /// The rollout failed, and the images before are there again; why it failed.
    RolledBack(String),
    /// The image that it runs is no longer in the registry: a pod that moves to a new node can't start.
    Vanished(ImageRef),
}

/// What holds a better image back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeldBack {
    /// A person, until they resume, or until then.
    Hold(Option<Timestamp>),
    /// A person took an image back: nothing that is not newer than that is deployed.
    Rejected(ImageRef),
    /// A freeze: its spans.
    Freeze(String),
    /// Our last patch is too young; until then.
    Cooldown(Timestamp),
    /// The Deployment is paused.
    Paused,
    /// A delivery tool owns the workload; its name.
    Owner(String),
    /// No machine of the cluster can run it; why.
    Machines(String),
    /// Several digests in a row failed: a person has to look, and to run `lamplighter image resume`.
    Breaker(u32),
}

/// Something that people are told, once its change is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What happened.
    pub kind: NoticeKind,
    /// The images that it is about, by container.
    pub images: Vec<(String, ImageRef)>,
    /// The sentence.
    pub text: String,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    /// New images were written.
    Deployed,
    /// Their pods are there, ready, for as long as they had to.
    Verified,
    /// No pods are wanted: judged later.
    Deferred,
    /// They failed, and were not taken back.
    Failed,
    /// They failed, and the images before were written.
    RolledBack,
    /// The images before are there again.
    Restored,
    /// A person changed the images to something older: we wait for something newer.
    Held,
    /// A delivery tool owns the workload: a better image is there for its people.
    Candidate,
    /// Something needs a person. Told again each hour.
    Attention,
}

impl NoticeKind {
    /// The reason of a Kubernetes Event: one word in `CamelCase`.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Deployed => "ImageDeployed",
            Self::Verified => "ImageVerified",
            Self::Deferred => "ImageDeferred",
            Self::Failed => "ImageFailed",
            Self::RolledBack => "ImageRolledBack",
            Self::Restored => "ImageRestored",
            Self::Held => "ImageHeld",
            Self::Candidate => "ImageCandidate",
            Self::Attention => "NeedsAttention",
        }
    }

    /// Whether people should worry.
    pub const fn is_warning(self) -> bool {
        match self {
            Self::Failed | Self::RolledBack | Self::Attention => true,
            Self::Deployed
            | Self::Verified
            | Self::Deferred
            | Self::Restored
            | Self::Held
            | Self::Candidate => false,
        }
    }
}

impl Standing {
    /// One word for tables, logs and scripts.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Current(_) => "current",
            Self::Refused(_) => "refused",
            Self::Unseen(_) => "unseen",
            Self::Candidate { .. } => "held-back",
            Self::Rolling(_) => "rolling",
            Self::Soaking(_) => "soaking",
            Self::Deferred => "deferred",
            Self::Manual => "manual",
            Self::Failed(_) => "failed",
            Self::RollingBack(_) => "rolling-back",
            Self::RolledBack(_) => "rolled-back",
            Self::Vanished(_) => "vanished",
        }
    }

    /// Whether a person has to look.
    pub fn needs_attention(&self) -> bool {
        match self {
            Self::Refused(_) | Self::Failed(_) | Self::RolledBack(_) | Self::Vanished(_) => true,
            Self::Candidate { held, .. } => match held {
                HeldBack::Machines(_) | HeldBack::Breaker(_) => true,
                HeldBack::Hold(_)
                | HeldBack::Rejected(_)
                | HeldBack::Freeze(_)
                | HeldBack::Cooldown(_)
                | HeldBack::Paused
                | HeldBack::Owner(_) => false,
            },
            Self::Rolling(waiting) | Self::RollingBack(waiting) => waiting.needs_attention(),
            Self::Current(_) | Self::Unseen(_) | Self::Soaking(_) | Self::Deferred | Self::Manual => false,
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Current(why) => write!(f, "current: {why}"),
            Self::Refused(why) => write!(f, "nothing is deployed: {why}"),
            Self::Unseen(why) => write!(f, "can't be asked: {why}"),
            Self::Candidate { image, held } => write!(f, "{image} is held back: {held}"),
            Self::Rolling(waiting) => write!(f, "rolling out: {waiting}"),
            Self::Soaking(until) => write!(f, "rolled out; called good at {until} if it stays so"),
            Self::Deferred => f.write_str("no pods are wanted; judged when there are some"),
            Self::Manual => f.write_str("written; its pods are replaced by hand or by its next run"),
            Self::Failed(why) => write!(f, "failed, and not taken back: {why}"),
            Self::RollingBack(waiting) => write!(f, "rolling back: {waiting}"),
            Self::RolledBack(why) => write!(f, "rolled back: {why}"),
            Self::Vanished(image) => write!(
                f,
                "{image} runs and is no longer in the registry: a pod on a new node can't start"
            ),
        }
    }
}

impl fmt::Display for HeldBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hold(None) => f.write_str("a person holds it"),
            Self::Hold(Some(until)) => write!(f, "a person holds it until {until}"),
            Self::Rejected(image) => write!(f, "a person took {image} back, and it is not newer than that"),
            Self::Freeze(spans) => write!(f, "freeze {spans}"),
            Self::Cooldown(until) => write!(f, "the last patch is young; from {until}"),
            Self::Paused => f.write_str("the Deployment is paused"),
            Self::Owner(owner) => write!(f, "{owner} owns the workload"),
            Self::Machines(why) => f.write_str(why),
            Self::Breaker(failures) => write!(
                f,
                "{failures} images in a row failed; look, then run `lamplighter image resume`"
            ),
        }
    }
}
