//! What Kubernetes lets a label and a taint be, which of them are somebody else's, and which a kubelet may give
//! itself.

use std::fmt;

use crate::taint::{Effect, Taint};

/// What a key is (Kubernetes documentation, "Labels and Selectors", "Syntax and character set").
const KEY_RULE: &str = "at most 63 characters of A-Z a-z 0-9 - _ . that begin and end with a letter or digit, \
                        perhaps after a DNS subdomain and a slash";
/// What a value is: the same page. Values of taints follow the same rule.
const VALUE_RULE: &str = "nothing, or at most 63 characters of A-Z a-z 0-9 - _ . that begin and end with a \
                          letter or digit";

/// Why a label or a taint is not set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No object can carry this key.
    #[error("key {0:?}: expected {KEY_RULE}")]
    Key(String),
    /// No label and no taint can have this value.
    #[error("value {0:?}: expected {VALUE_RULE}")]
    Value(String),
    /// The text is no taint.
    #[error("{0:?}: expected `value:Effect` or `:Effect`")]
    Taint(String),
    /// There is no such effect.
    #[error("effect {0:?}: expected NoSchedule, PreferNoSchedule or NoExecute")]
    Effect(String),
    /// There is no such mode.
    #[error("mode {mode:?}: expected {expected}")]
    Mode {
        /// The text.
        mode: String,
        /// The modes that there are.
        expected: &'static str,
    },
    /// Somebody else sets it, or it would change what the cluster takes the node for.
    #[error("{key} is {owner}")]
    Denied {
        /// The key.
        key: String,
        /// Whose it is.
        owner: Owner,
    },
}

/// Whose a key is that we don't set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Set by the kubelet, from what it finds on its machine.
    Kubelet,
    /// Set by the cloud controller manager, from what the cloud says.
    CloudController,
    /// Set and removed by the control plane, as the state of the node changes.
    NodeController,
    /// Karpenter's own.
    Karpenter,
    /// The EKS service's own.
    Eks,
    /// Node Feature Discovery's own.
    FeatureDiscovery,
    /// Cluster API's own.
    ClusterApi,
    /// What makes a node a control-plane node.
    ControlPlane,
    /// Our own.
    Lamplighter,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kubelet => "left to the kubelet",
            Self::CloudController => "left to the cloud controller manager",
            Self::NodeController => "left to the control plane",
            Self::Karpenter => "left to Karpenter",
            Self::Eks => "left to EKS",
            Self::FeatureDiscovery => "left to Node Feature Discovery",
            Self::ClusterApi => "left to Cluster API",
            Self::ControlPlane => "for control-plane nodes, and is not set on others",
            Self::Lamplighter => "reserved for Lamplighter itself",
        })
    }
}

/// The keys that are not ours, each by the domain (or a part of it) or by the whole key.
const DENIED: [(Whole, &str, Owner); 17] = [
    (Whole::Key, "kubernetes.io/hostname", Owner::Kubelet),
    (Whole::Key, "kubernetes.io/os", Owner::Kubelet),
    (Whole::Key, "kubernetes.io/arch", Owner::Kubelet),
    (Whole::Domain, "beta.kubernetes.io", Owner::Kubelet),
    (Whole::Beginning, "topology.", Owner::CloudController),
    (
        Whole::Domain,
        "failure-domain.beta.kubernetes.io",
        Owner::CloudController,
    ),
    (
        Whole::Domain,
        "node.cloudprovider.kubernetes.io",
        Owner::CloudController,
    ),
    (
        Whole::Key,
        "node.kubernetes.io/instance-type",
        Owner::CloudController,
    ),
    (Whole::Domain, "karpenter.sh", Owner::Karpenter),
    (Whole::Domain, "karpenter.k8s.aws", Owner::Karpenter),
    (Whole::Domain, "eks.amazonaws.com", Owner::Eks),
    (
        Whole::Domain,
        "feature.node.kubernetes.io",
        Owner::FeatureDiscovery,
    ),
    (Whole::Domain, "node.cluster.x-k8s.io", Owner::ClusterApi),
    (
        Whole::Key,
        "node-role.kubernetes.io/control-plane",
        Owner::ControlPlane,
    ),
    (Whole::Key, "node-role.kubernetes.io/master", Owner::ControlPlane),
    (Whole::Key, "node-role.kubernetes.io/etcd", Owner::ControlPlane),
    (Whole::Domain, "lamplighter.dev", Owner::Lamplighter),
];

/// Further keys that no taint of ours may have.
const DENIED_TAINTS: [(Whole, &str, Owner); 1] =
    [(Whole::Domain, "node.kubernetes.io", Owner::NodeController)];

/// How much of a key an entry of a list stands for.
#[derive(Debug, Clone, Copy)]
enum Whole {
    /// This key.
    Key,
    /// Every key of this domain and of those below it.
    Domain,
    /// Every key that begins so.
    Beginning,
}

impl Whole {
    fn holds(self, entry: &str, key: &str) -> bool {
        match self {
            Self::Key => key == entry,
            Self::Domain => key
                .split_once('/')
                .is_some_and(|(domain, _)| is_in(domain, entry)),
            Self::Beginning => key.starts_with(entry),
        }
    }
}

/// Whether `domain` is `parent` or below it.
fn is_in(domain: &str, parent: &str) -> bool {
    domain
        .strip_suffix(parent)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Whether a label may have this key and value, whoever sets it.
pub fn check_label(key: &str, value: &str) -> Result<(), Refusal> {
    if !is_key(key) {
        return Err(Refusal::Key(key.to_owned()));
    }
    if !is_value(value) {
        return Err(Refusal::Value(value.to_owned()));
    }
    Ok(())
}

/// Whether a label of this key is for people to set, and so for us.
pub fn allow_label(key: &str) -> Result<(), Refusal> {
    allow(key, &DENIED)
}

/// Reads a taint as tags write it, `value:Effect`. What stands before the last colon is the value, so that a
/// colon too many is found out rather than taken for a part of the effect.
pub fn parse_taint(key: &str, text: &str) -> Result<Taint, Refusal> {
    if !is_key(key) {
        return Err(Refusal::Key(key.to_owned()));
    }
    let (value, effect) = text
        .rsplit_once(':')
        .ok_or_else(|| Refusal::Taint(text.to_owned()))?;
    let effect = match Effect::parse(effect) {
        Effect::Other(text) => return Err(Refusal::Effect(text)),
        known => known,
    };
    if !is_value(value) {
        return Err(Refusal::Value(value.to_owned()));
    }
    allow(key, &DENIED)?;
    allow(key, &DENIED_TAINTS)?;
    let value = Some(value.to_owned()).filter(|value| !value.is_empty());
    Ok(Taint {
        value,
        ..Taint::new(key, effect)
    })
}

fn allow(key: &str, denied: &[(Whole, &str, Owner)]) -> Result<(), Refusal> {
    match denied.iter().find(|(whole, entry, _)| whole.holds(entry, key)) {
        None => Ok(()),
        Some(&(_, _, owner)) => Err(Refusal::Denied {
            key: key.to_owned(),
            owner,
        }),
    }
}

/// Labels of Kubernetes' own domains that a kubelet may set; of all others there it may set none (Kubernetes
/// documentation, "Using Admission Controllers", `NodeRestriction`).
const KUBELET_LABELS: [&str; 11] = [
    "kubernetes.io/hostname",
    "kubernetes.io/arch",
    "kubernetes.io/os",
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/os",
    "beta.kubernetes.io/instance-type",
    "node.kubernetes.io/instance-type",
    "failure-domain.beta.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
];

/// Whether a kubelet may give its own node a label of this key, by `--node-labels` or later. One with another
/// label does not start. What it may set, it may change: such a label says nothing that one could rely on.
pub fn kubelet_may_set(key: &str) -> bool {
    let Some((domain, _)) = key.split_once('/') else {
        return true;
    };
    let is_of_kubernetes = is_in(domain, "kubernetes.io") || is_in(domain, "k8s.io");
    !is_of_kubernetes
        || KUBELET_LABELS.contains(&key)
        || is_in(domain, "kubelet.kubernetes.io")
        || is_in(domain, "node.kubernetes.io")
}

fn is_key(key: &str) -> bool {
    match key.split_once('/') {
        None => is_name(key),
        Some((domain, name)) => is_subdomain(domain) && is_name(name),
    }
}

fn is_value(value: &str) -> bool {
    value.is_empty() || is_name(value)
}

/// 1 to 63 characters, letters and digits at both ends.
fn is_name(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let ends = [text.bytes().next(), text.bytes().next_back()];
    text.len() <= 63
        && text.bytes().all(is_inner)
        && ends
            .iter()
            .all(|end| end.is_some_and(|byte| byte.is_ascii_alphanumeric()))
}

fn is_subdomain(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.len() <= 253
        && text.split('.').all(|part| {
            !part.is_empty() && part.bytes().all(is_inner) && !part.starts_with('-') && !part.ends_with('-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_are_what_kubernetes_takes() {
        let long = "a".repeat(63);
        for key in ["team", "a/b", "example.com/Tier_1.x", "x-1.y/Z", long.as_str()] {
            assert_eq!(check_label(key, ""), Ok(()), "{key}");
            assert_eq!(check_label("team", key.rsplit('/').next().unwrap()), Ok(()));
        }
        let longer = "a".repeat(64);
        for key in [
            "",
            "a b",
            "-a",
            "a-",
            "a/b/c",
            "/a",
            "A.com/a",
            "a..b/c",
            "ä",
            longer.as_str(),
        ] {
            assert_eq!(check_label(key, "x"), Err(Refusal::Key(key.to_owned())));
        }
        for value in ["a b", "a/b", "a:b", "a+b", "a@b", "-a", "a.", longer.as_str()] {
            assert_eq!(check_label("team", value), Err(Refusal::Value(value.to_owned())));
        }
    }

    #[test]
    fn case_26_a_taint_is_read_by_its_last_colon_and_nothing_is_guessed() {
        let taint = |text| parse_taint("dedicated", text);
        let read = |text| taint(text).unwrap().to_string();
        assert_eq!(read("bar:NoSchedule"), "dedicated=bar:NoSchedule");
        assert_eq!(read(":NoExecute"), "dedicated:NoExecute");
        assert_eq!(taint("a:b:NoSchedule"), Err(Refusal::Value("a:b".to_owned())));
        assert_eq!(
            taint("x:NoScheduleFoo"),
            Err(Refusal::Effect("NoScheduleFoo".to_owned()))
        );
        assert_eq!(taint("NoSchedule"), Err(Refusal::Taint("NoSchedule".to_owned())));
        assert_eq!(
            taint("a: NoSchedule"),
            Err(Refusal::Effect(" NoSchedule".to_owned()))
        );
    }

    #[test]
    fn case_24_a_role_is_set_unless_it_makes_a_control_plane() {
        assert_eq!(allow_label("node-role.kubernetes.io/batch"), Ok(()));
        let denied = allow_label("node-role.kubernetes.io/control-plane").unwrap_err();
        assert_eq!(
            denied.to_string(),
            "node-role.kubernetes.io/control-plane is for control-plane nodes, and is not set on others"
        );
    }

    #[test]
    fn keys_that_somebody_else_sets_are_refused_and_those_that_only_look_alike_are_not() {
        for key in [
            "kubernetes.io/arch",
            "topology.kubernetes.io/zone",
            "topology.k8s.aws/zone-id",
            "topology.ebs.csi.aws.com/zone",
            "node.kubernetes.io/instance-type",
            "node.cloudprovider.kubernetes.io/uninitialized",
            "karpenter.sh/nodepool",
            "compatibility.karpenter.sh/x",
            "karpenter.k8s.aws/instance-cpu",
            "eks.amazonaws.com/nodegroup",
            "feature.node.kubernetes.io/cpu",
            "node.cluster.x-k8s.io/uninitialized",
            "node-role.kubernetes.io/master",
            "lamplighter.dev/group",
        ] {
            assert!(matches!(allow_label(key), Err(Refusal::Denied { .. })), "{key}");
        }
        for key in [
            "kubernetes.io/role",
            "mykarpenter.sh/x",
            "example.com/arch",
            "node.kubernetes.io/pool",
        ] {
            assert_eq!(allow_label(key), Ok(()));
        }
        assert!(parse_taint("node.kubernetes.io/not-ready", ":NoSchedule").is_err());
    }

    #[test]
    fn a_kubelet_sets_what_node_restriction_lets_it() {
        let cases = [
            ("team", true),
            ("example.com/team", true),
            ("node.kubernetes.io/pool", true),
            ("x.node.kubernetes.io/pool", true),
            ("kubelet.kubernetes.io/x", true),
            ("topology.kubernetes.io/zone", true),
            ("node-role.kubernetes.io/batch", false),
            ("node-restriction.kubernetes.io/pci", false),
            ("example.node-restriction.kubernetes.io/pci", false),
            ("kubernetes.io/role", false),
            ("k8s.io/x", false),
            ("notk8s.io/x", true),
        ];
        for (key, expected) in cases {
            assert_eq!(kubelet_may_set(key), expected, "{key}");
        }
    }
}
