//! What an image is deployed to.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::InvalidId;

/// What kind of workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A Deployment.
    Deployment,
    /// A StatefulSet.
    StatefulSet,
    /// A DaemonSet.
    DaemonSet,
    /// A CronJob: its next run uses the image, and nothing is watched.
    CronJob,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::CronJob,
    ];

    /// The name on the command line, in events and in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::StatefulSet => "statefulset",
            Self::DaemonSet => "daemonset",
            Self::CronJob => "cronjob",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A workload by its name: `deployment/shop/web`.
///
/// ```
/// use domain::image::{Kind, Target};
/// let target = Target::parse("daemonset/kube-system/agent").unwrap();
/// assert_eq!((target.kind, target.namespace.as_str(), target.name.as_str()), (Kind::DaemonSet, "kube-system", "agent"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Target {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Target {
    /// Parses what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let read = || {
            let mut parts = text.split('/');
            let (kind, namespace, name) = (parts.next()?, parts.next()?, parts.next()?);
            let kind = Kind::ALL.into_iter().find(|known| known.as_str() == kind)?;
            let is_whole = parts.next().is_none() && !namespace.is_empty() && !name.is_empty();
            is_whole.then(|| Self {
                kind,
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            })
        };
        read().ok_or_else(|| InvalidId {
            what: "workload",
            value: text.to_owned(),
            expected: "KIND/NAMESPACE/NAME, with deployment, statefulset, daemonset or cronjob",
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.kind, self.namespace, self.name)
    }
}

impl TryFrom<String> for Target {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::parse(&text)
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        target.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workload_is_read_as_it_is_written() {
        for kind in Kind::ALL {
            let text = format!("{kind}/shop/web");
            assert_eq!(Target::parse(&text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "web",
            "deployment/web",
            "pod/a/b",
            "deployment//b",
            "deployment/a/b/c",
        ] {
            let error = Target::parse(text).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("workload {text:?}: expected KIND/")),
                "{error}"
            );
        }
    }
}
