//! Groups whose machines are no ordinary nodes.

use std::collections::BTreeMap;

/// Tags that tools leave on groups of control-plane and etcd machines; their presence counts.
const ROLE_TAGS: [&str; 3] = [
    "k8s.io/role/control-plane",
    "k8s.io/role/etcd",
    "k8s.io/role/master",
];

/// Our own word for it.
const NODE_ROLE_TAG: &str = "lamplighter:node-role";

/// Where tags carry labels for the group's nodes.
const LABEL_TAGS: [&str; 2] = [
    "k8s.io/cluster-autoscaler/node-template/label/",
    "lamplighter:label/",
];

/// Labels by which control-plane and etcd nodes are known.
const ROLE_LABELS: [&str; 3] = [
    "node-role.kubernetes.io/control-plane",
    "node-role.kubernetes.io/etcd",
    "node-role.kubernetes.io/master",
];

/// Whether the tags of a group say that its machines run the control plane or etcd. They get no token unless
/// somebody asked for it: a stranger among them is worse than one among the workers, and a new member of etcd
/// needs more than a token.
pub fn serves_the_control_plane(tags: &BTreeMap<String, String>) -> bool {
    let is_role = |tag: &String| {
        let label = LABEL_TAGS.iter().find_map(|prefix| tag.strip_prefix(prefix));
        ROLE_TAGS.contains(&tag.as_str()) || label.is_some_and(|label| ROLE_LABELS.contains(&label))
    };
    let own_word = tags.get(NODE_ROLE_TAG).map(String::as_str);
    matches!(own_word, Some("control-plane" | "etcd")) || tags.keys().any(is_role)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_of_the_control_plane_is_known_by_any_of_its_tags() {
        for (tag, value, expected) in [
            ("k8s.io/role/control-plane", "1", true),
            ("k8s.io/role/master", "", true),
            ("k8s.io/role/etcd", "", true),
            ("k8s.io/role/node", "1", false),
            ("lamplighter:node-role", "control-plane", true),
            ("lamplighter:node-role", "etcd", true),
            ("lamplighter:node-role", "worker", false),
            ("lamplighter:label/node-role.kubernetes.io/etcd", "", true),
            (
                "k8s.io/cluster-autoscaler/node-template/label/node-role.kubernetes.io/control-plane",
                "",
                true,
            ),
            (
                "k8s.io/cluster-autoscaler/node-template/label/node-role.kubernetes.io/batch",
                "",
                false,
            ),
            ("lamplighter:cluster", "control-plane", false),
        ] {
            let tags = BTreeMap::from([(tag.to_owned(), value.to_owned())]);
            assert_eq!(serves_the_control_plane(&tags), expected, "{tag}={value}");
        }
    }
}
