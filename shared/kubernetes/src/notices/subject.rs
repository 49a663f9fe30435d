//! What workload people are told about.

use std::fmt;

use domain::image::Target;
use domain::offhours::Key;

use crate::Error;
use crate::place::{Place, locate, locate_images};

/// A workload that people are told about, as its function calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject<'a> {
    /// What can sleep.
    Sleeper(&'a Key),
    /// What images are deployed to.
    Target(&'a Target),
}

impl<'a> Subject<'a> {
    /// Where the API server has it, and its namespace.
    pub(super) fn locate(self, call: &str) -> Result<(Place, &'a str), Error> {
        match self {
            Self::Sleeper(key) => locate(call, key).map(|(place, _, namespace)| (place, namespace)),
            Self::Target(target) => Ok((locate_images(call, target)?, target.namespace.as_str())),
        }
    }

    /// What its function calls its kind.
    pub(super) const fn kind(self) -> &'static str {
        match self {
            Self::Sleeper(key) => key.kind().as_str(),
            Self::Target(target) => target.kind.as_str(),
        }
    }

    /// Its name.
    pub(super) fn name(self) -> &'a str {
        match self {
            Self::Sleeper(key) => key.name(),
            Self::Target(target) => &target.name,
        }
    }
}

impl<'a> From<&'a Key> for Subject<'a> {
    fn from(key: &'a Key) -> Self {
        Self::Sleeper(key)
    }
}

impl<'a> From<&'a Target> for Subject<'a> {
    fn from(target: &'a Target) -> Self {
        Self::Target(target)
    }
}

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sleeper(key) => key.fmt(f),
            Self::Target(target) => target.fmt(f),
        }
    }
}
