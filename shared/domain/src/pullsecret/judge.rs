//! What is to be done about one Secret.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::content::DockerConfig;
use super::plan::Policy;
use super::registry::{Region, Registry};
use super::secret::{PullSecret, SECRET_TYPE, Standing};
use super::token::LONGEST_LIFE;

/// A token with less left than this is renewed: half of the 12 hours that ECR gives. At a tick every five minutes, more than
/// seventy attempts may fail before one pod can't pull.
pub const RENEW_BELOW: SignedDuration = SignedDuration::from_hours(6);

/// What is to be done about a Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// There is none: make one.
    Create(Change),
    /// A person gives it to us: take it over.
    Adopt(Change),
    /// It is ours, and not as it should be.
    Renew(Change),
    /// It is as it should be.
    Keep,
    /// It must not be touched.
    Refuse(Refusal),
}

impl Verdict {
    /// What is to change, if anything is.
    pub const fn change(&self) -> Option<&Change> {
        match self {
            Self::Create(change) | Self::Adopt(change) | Self::Renew(change) => Some(change),
            Self::Keep | Self::Refuse(_) => None,
        }
    }
}

/// What is to change of a Secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Entries that need a token.
    pub due: BTreeMap<Registry, Why>,
    /// Hosts whose entries were ours, and are not configured any more.
    pub stale: BTreeSet<String>,
}

impl Change {
    /// The regions whose tokens it needs.
    pub fn regions(&self) -> impl Iterator<Item = &Region> {
        self.due.keys().map(Registry::region)
    }
}

/// Why an entry needs a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// There is none of ours yet.
    New,
    /// It is not there, or is no token.
    Damaged,
    /// When it expires is not known.
    Unknown,
    /// It expires at that time, which is soon or past.
    Expires(Timestamp),
}

/// Why a Secret must not be touched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is of another type.
    #[error(
        "it has type {kind:?}: expected {SECRET_TYPE:?}, and a type can't be changed: rename it or configure another name"
    )]
    OtherType {
        /// Its type.
        kind: String,
    },
    /// Somebody else made it.
    #[error(
        "it is not ours{}: to hand it over, annotate it with lamplighter.dev/adopt=true; other entries in it are kept",
        said(.adopt.as_deref())
    )]
    NotOurs {
        /// What its annotation `lamplighter.dev/adopt` says instead.
        adopt: Option<String>,
    },
    /// Nobody can change it.
    #[error("it is immutable: expected one that can be renewed; delete it, and it is made anew")]
    Immutable,
    /// A person gives it to us, and what is in it would be lost.
    #[error(
        "its .dockerconfigjson can't be read: expected an object whose auths is an object; it is not taken over"
    )]
    Unreadable,
}

fn said(adopt: Option<&str>) -> String {
    adopt.map_or_else(String::new, |text| {
        format!(" (lamplighter.dev/adopt is {text:?}: expected \"true\")")
    })
}

/// What is to be done about the Secret that was seen, at `now`.
pub fn judge(secret: Option<&PullSecret>, policy: &Policy, now: Timestamp) -> Verdict {
    let Some(secret) = secret else {
        return Verdict::Create(all_new(policy));
    };
    if secret.kind != SECRET_TYPE {
        return Verdict::Refuse(Refusal::OtherType {
            kind: secret.kind.clone(),
        });
    }
    let is_ours = match secret.standing() {
        Standing::NotOurs { adopt } => return Verdict::Refuse(Refusal::NotOurs { adopt }),
        Standing::HandedOver => false,
        Standing::Ours => true,
    };
    if secret.is_immutable {
        return Verdict::Refuse(Refusal::Immutable);
    }
    if !is_ours {
        return match config(secret) {
            None => Verdict::Refuse(Refusal::Unreadable),
            Some(_) => Verdict::Adopt(all_new(policy)),
        };
    }
    let change = Change {
        due: states(secret, policy, now)
            .filter_map(|(registry, state)| Some((registry.clone(), state.err()?)))
            .collect(),
        stale: secret
            .expiries()
            .into_keys()
            .filter(|host| !policy.registries.has(host))
            .collect(),
    };
    if change == Change::default() {
        Verdict::Keep
    } else {
        Verdict::Renew(change)
    }
}

/// How long pods can still pull from every registry by our Secret: zero if there is none, or an entry is missing or expired;
/// `None` if it is not ours.
pub fn remaining(secret: Option<&PullSecret>, policy: &Policy, now: Timestamp) -> Option<SignedDuration> {
    let Some(secret) = secret else {
        return Some(SignedDuration::ZERO);
    };
    if secret.standing() != Standing::Ours {
        return None;
    }
    let left = states(secret, policy, now).map(|(_, state)| match state {
        Ok(expires) | Err(Why::Expires(expires)) => expires.duration_since(now).max(SignedDuration::ZERO),
        Err(Why::New | Why::Damaged | Why::Unknown) => SignedDuration::ZERO,
    });
    left.min()
}

fn all_new(policy: &Policy) -> Change {
    let new = |registry: &Registry| (registry.clone(), Why::New);
    Change {
        due: policy.registries.iter().map(new).collect(),
        stale: BTreeSet::new(),
    }
}

pub(super) fn config(secret: &PullSecret) -> Option<DockerConfig> {
    secret.content.as_ref().and_then(DockerConfig::read)
}

/// Until when the token of each registry is good, or why it needs one.
fn states<'a>(
    secret: &PullSecret,
    policy: &'a Policy,
    now: Timestamp,
) -> impl Iterator<Item = (&'a Registry, Result<Timestamp, Why>)> {
    let (config, expiries) = (config(secret).unwrap_or_default(), secret.expiries());
    policy.registries.iter().map(move |registry| {
        let state = match expiries.get(registry.host()) {
            None => Err(Why::New),
            Some(_) if !config.has_token(registry.host()) => Err(Why::Damaged),
            Some(None) => Err(Why::Unknown),
            Some(Some(expires)) => until(*expires, now),
        };
        (registry, state)
    })
}

fn until(expires: Timestamp, now: Timestamp) -> Result<Timestamp, Why> {
    let left = expires.duration_since(now);
    if left < RENEW_BELOW {
        Err(Why::Expires(expires))
    } else if left > LONGEST_LIFE {
        Err(Why::Unknown)
    } else {
        Ok(expires)
    }
}
