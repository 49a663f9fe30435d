//! What can be put to sleep, and by what name it is known.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::InvalidId;

/// What kind of thing a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A Deployment of Kubernetes.
    Deployment,
    /// A StatefulSet of Kubernetes.
    StatefulSet,
    /// A CronJob of Kubernetes.
    CronJob,
    /// A HorizontalPodAutoscaler of Kubernetes.
    Autoscaler,
    /// An Auto Scaling group of EC2.
    Group,
    /// A managed node group of EKS.
    NodeGroup,
    /// An RDS database instance.
    Database,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Deployment,
        Self::StatefulSet,
        Self::CronJob,
        Self::Autoscaler,
        Self::Group,
        Self::NodeGroup,
        Self::Database,
    ];

    /// The name in object keys, on the command line and in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::StatefulSet => "statefulset",
            Self::CronJob => "cronjob",
            Self::Autoscaler => "hpa",
            Self::Group => "group",
            Self::NodeGroup => "nodegroup",
            Self::Database => "database",
        }
    }

    /// Whether it lives in the cluster, and has a namespace.
    pub const fn is_in_cluster(self) -> bool {
        match self {
            Self::Deployment | Self::StatefulSet | Self::CronJob | Self::Autoscaler => true,
            Self::Group | Self::NodeGroup | Self::Database => false,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which resource: `group/workers`, `deployment/shop/web`.
///
/// ```
/// use domain::offhours::{Key, Kind};
/// let key = Key::parse("deployment/shop/web").unwrap();
/// assert_eq!((key.kind(), key.namespace(), key.name()), (Kind::Deployment, Some("shop"), "web"));
/// assert_eq!(Key::parse("group/team a/workers").unwrap().object_name(), "group/team%20a%2Fworkers");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key {
    kind: Kind,
    namespace: Option<String>,
    name: String,
}

const EXPECTED: &str = "KIND/NAME or, in the cluster, KIND/NAMESPACE/NAME, with deployment, statefulset, cronjob, hpa, group, \
                        nodegroup or database";

impl Key {
    /// A resource of AWS.
    pub fn of_aws(kind: Kind, name: impl Into<String>) -> Self {
        Self {
            kind,
            namespace: None,
            name: name.into(),
        }
    }

    /// A resource of the cluster.
    pub fn in_cluster(kind: Kind, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            kind,
            namespace: Some(namespace.into()),
            name: name.into(),
        }
    }

    /// Parses what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let read = || {
            let (kind, rest) = text.split_once('/')?;
            let kind = Kind::parse(kind)?;
            let (namespace, name) = if kind.is_in_cluster() {
                let (namespace, name) = rest.split_once('/')?;
                (Some(namespace), name)
            } else {
                (None, rest)
            };
            let is_whole = !name.is_empty() && namespace != Some("");
            is_whole.then(|| Self {
                kind,
                namespace: namespace.map(str::to_owned),
                name: name.to_owned(),
            })
        };
        read().ok_or_else(|| InvalidId {
            what: "resource",
            value: text.to_owned(),
            expected: EXPECTED,
        })
    }

    /// Its kind.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Its namespace, if it lives in the cluster.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of its object in a bucket, below the cluster's prefix: every character that would need quoting
    /// somewhere is percent-encoded, so that no two resources share one.
    pub fn object_name(&self) -> String {
        let mut text = format!("{}/", self.kind);
        if let Some(namespace) = &self.namespace {
            encode(namespace, &mut text);
            text.push('/');
        }
        encode(&self.name, &mut text);
        text
    }
}

fn encode(text: &str, out: &mut String) {
    use fmt::Write as _;
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}"); // a String takes everything
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.kind)?;
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        f.write_str(&self.name)
    }
}

impl TryFrom<String> for Key {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::parse(&text)
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_written() {
        for text in [
            "group/workers",
            "nodegroup/a",
            "database/orders",
            "hpa/shop/web",
            "cronjob/a/b",
        ] {
            assert_eq!(Key::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "group",
            "group/",
            "deployment/web",
            "deployment//web",
            "deployment/shop/",
            "pod/a/b",
        ] {
            let error = Key::parse(text).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("resource {text:?}: expected KIND/NAME")),
                "{error}"
            );
        }
    }

    #[test]
    fn no_two_resources_have_one_object() {
        let group = |name| Key::of_aws(Kind::Group, name).object_name();
        assert_ne!(group("a/b"), group("a%2Fb"));
        assert_ne!(
            Key::in_cluster(Kind::Deployment, "a", "b").object_name(),
            "deployment/a%2Fb"
        );
    }
}
