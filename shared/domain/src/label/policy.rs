//! What the deployment wants of every node.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::rules::{self, Refusal};
use crate::lifecycle::HookResult;
use crate::machine::NodeNaming;

/// The policy of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How nodes are named: a node by another name than its machine's is not that machine's.
    pub naming: NodeNaming,
    /// Labels of every node.
    pub labels: BTreeMap<String, String>,
    /// Further keys under which a node says how its machine is paid for.
    pub capacity_aliases: BTreeSet<String>,
    /// Whether a cloud controller manager says where nodes are.
    pub cloud_controller: CloudController,
    /// Whether the tags of instances say labels and taints, as those of groups do.
    pub instance_tags: InstanceTags,
    /// For how long a node must have been ready.
    pub ready_for: SignedDuration,
    /// Taints that keep the gate closed, beside those that every cluster knows.
    pub gate_taints: Vec<Pattern>,
    /// How long an instance waits at the hook until `on_timeout`.
    pub timeout: SignedDuration,
    /// What becomes of an instance that is not ready by then.
    pub on_timeout: HookResult,
}

impl Default for Policy {
    /// What is so unless the configuration says otherwise.
    fn default() -> Self {
        Self {
            naming: NodeNaming::default(),
            labels: BTreeMap::new(),
            capacity_aliases: BTreeSet::new(),
            cloud_controller: CloudController::Present,
            instance_tags: InstanceTags::Ignored,
            ready_for: SignedDuration::from_secs(10),
            gate_taints: Vec::new(),
            timeout: SignedDuration::from_mins(30),
            on_timeout: HookResult::Abandon,
        }
    }
}

/// Whether a cloud controller manager runs in the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloudController {
    /// It sets zone, region, type and provider id. We leave them alone.
    Present,
    /// There is none: we set them.
    Absent,
}

/// Whether the tags of instances count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstanceTags {
    /// They don't: a machine whose role may tag itself would choose its own labels.
    Ignored,
    /// They do, and before those of the group.
    Trusted,
}

/// A text that can't be part of the policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// No label.
    #[error("{0:?}: expected key=value")]
    NotALabel(String),
    /// A label or a key that is refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// No pattern.
    #[error("{0:?}: expected the key of a taint with at most one `*`")]
    Pattern(String),
}

/// Reads `key=value,key=value`.
pub fn parse_labels(text: &str) -> Result<BTreeMap<String, String>, InvalidPolicy> {
    entries(text)
        .map(|entry| {
            let (key, value) = entry
                .split_once('=')
                .ok_or_else(|| InvalidPolicy::NotALabel(entry.to_owned()))?;
            rules::check_label(key, value)?;
            rules::allow_label(key)?;
            Ok((key.to_owned(), value.to_owned()))
        })
        .collect()
}

/// Reads the keys of labels. Keys that others set are welcome here, that is what an alias is for; but no alias
/// makes a control-plane node.
pub fn parse_aliases(text: &str) -> Result<BTreeSet<String>, InvalidPolicy> {
    entries(text)
        .map(|key| {
            rules::check_label(key, "")?;
            match rules::allow_label(key) {
                Err(Refusal::Denied {
                    owner: rules::Owner::Karpenter | rules::Owner::Eks,
                    ..
                })
                | Ok(()) => Ok(key.to_owned()),
                Err(refusal) => Err(refusal.into()),
            }
        })
        .collect()
}

/// Reads patterns of keys of taints.
pub fn parse_patterns(text: &str) -> Result<Vec<Pattern>, InvalidPolicy> {
    entries(text).map(Pattern::parse).collect()
}

fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}

/// A pattern of keys: one `*` stands for any text, a slash included.
///
/// ```
/// use domain::label::Pattern;
/// let pattern = Pattern::parse("*/agent-not-ready").unwrap();
/// assert!(pattern.matches("efs.csi.aws.com/agent-not-ready"));
/// assert!(!pattern.matches("efs.csi.aws.com/agent-not-ready-yet"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    beginning: String,
    /// What follows the star, if there is one.
    end: Option<String>,
}

impl Pattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, InvalidPolicy> {
        let (beginning, end) = match text.split_once('*') {
            None => (text, None),
            Some((beginning, end)) => (beginning, Some(end)),
        };
        // A lone star would wait for taints that are there for good.
        let says_nothing = beginning.is_empty() && end.unwrap_or_default().is_empty();
        if says_nothing || end.is_some_and(|end| end.contains('*')) {
            return Err(InvalidPolicy::Pattern(text.to_owned()));
        }
        Ok(Self {
            beginning: beginning.to_owned(),
            end: end.map(str::to_owned),
        })
    }

    /// Whether `key` is of this pattern.
    pub fn matches(&self, key: &str) -> bool {
        match (key.strip_prefix(self.beginning.as_str()), &self.end) {
            (Some(rest), Some(end)) => rest.ends_with(end.as_str()),
            (Some(rest), None) => rest.is_empty(),
            (None, _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_and_what_is_refused_says_why() {
        let labels = parse_labels("team=payments, example.com/env=,").unwrap();
        assert_eq!(labels["team"], "payments");
        assert_eq!(labels["example.com/env"], "");
        let cases = [
            ("team", "\"team\": expected key=value"),
            (
                "topology.kubernetes.io/zone=a",
                "topology.kubernetes.io/zone is left to the cloud controller manager",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_labels(text).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn an_alias_may_be_of_karpenter_or_eks_and_never_of_the_control_plane() {
        let aliases =
            "eks.amazonaws.com/capacityType,karpenter.sh/capacity-type,node-role.kubernetes.io/spot-worker";
        assert_eq!(parse_aliases(aliases).unwrap().len(), 3);
        for refused in [
            "node-role.kubernetes.io/master",
            "kubernetes.io/os",
            "lamplighter.dev/group",
            "a b",
        ] {
            assert!(parse_aliases(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_pattern_has_at_most_one_star_and_says_something() {
        let matches = |pattern, key| Pattern::parse(pattern).unwrap().matches(key);
        assert!(matches(
            "ebs.csi.aws.com/agent-not-ready",
            "ebs.csi.aws.com/agent-not-ready"
        ));
        assert!(!matches(
            "ebs.csi.aws.com/agent-not-ready",
            "ebs.csi.aws.com/agent-not-ready-2"
        ));
        assert!(matches("cilium.io/*", "cilium.io/agent"));
        assert!(matches("node.*/startup", "node.example.com/startup"));
        for bad in ["", "*", "*/*"] {
            assert!(Pattern::parse(bad).is_err(), "{bad}");
        }
    }
}
