//! Whether a node is that of a machine. A node says of itself on what it runs, so what it says is held against
//! what EC2 says of the machine before anything is written.

use std::fmt;

use crate::ids::{InstanceId, NodeName};
use crate::machine::Machine;
use crate::node::Node;

/// The node of a machine, as far as one can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity<'a> {
    /// None claims to be it.
    NoNode,
    /// One does, and it has no address yet to hold against the machine's.
    Unproven(&'a Node),
    /// This one is.
    Known(&'a Node),
    /// One claims to be, and can't be.
    Stranger(&'a Node, Mismatch),
    /// More than one claims to be.
    Several(Vec<&'a Node>),
}

/// What a node says that its machine does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mismatch {
    /// It is not named as the machine is.
    Name {
        /// How the machine is named.
        expected: NodeName,
    },
    /// It says that it runs on something else.
    Instance {
        /// The machine whose name it bears.
        instance: InstanceId,
        /// What it says.
        claimed: String,
    },
    /// None of its addresses is the machine's.
    Address {
        /// The machine.
        instance: InstanceId,
    },
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { expected } => write!(f, "it should be named {expected}"),
            Self::Instance { instance, claimed } => {
                write!(
                    f,
                    "it bears the name of {instance} and says that it runs on {claimed}"
                )
            }
            Self::Address { instance } => write!(f, "none of its addresses is of {instance}"),
        }
    }
}

/// The nodes that claim to run on `instance`, or bear the name that its node has.
pub fn claimants<'a>(
    nodes: impl IntoIterator<Item = &'a Node>,
    instance: &InstanceId,
    expected: Option<&NodeName>,
) -> Vec<&'a Node> {
    let claims = |node: &&Node| node.instance.as_ref() == Some(instance) || Some(&node.name) == expected;
    nodes.into_iter().filter(claims).collect()
}

/// Which of `nodes` is that of `machine`, whose node must be named `expected`.
pub fn identify<'a>(
    nodes: impl IntoIterator<Item = &'a Node>,
    machine: &Machine,
    expected: &NodeName,
) -> Identity<'a> {
    let mut claimants = claimants(nodes, &machine.id, Some(expected));
    let Some(node) = claimants.pop() else {
        return Identity::NoNode;
    };
    if !claimants.is_empty() {
        claimants.push(node);
        return Identity::Several(claimants);
    }
    if node.name != *expected {
        let expected = expected.clone();
        return Identity::Stranger(node, Mismatch::Name { expected });
    }
    if !node.is_silent() && node.instance.as_ref() != Some(&machine.id) {
        let mismatch = Mismatch::Instance {
            instance: machine.id.clone(),
            claimed: node.provider_id.clone().unwrap_or_default(),
        };
        return Identity::Stranger(node, mismatch);
    }
    if node.internal_ips.is_empty() {
        return Identity::Unproven(node);
    }
    // One is enough: a node lists every address of every interface, and both lists lag behind while interfaces
    // come and go.
    if !node.internal_ips.iter().any(|ip| machine.ips.contains(ip)) {
        let instance = machine.id.clone();
        return Identity::Stranger(node, Mismatch::Address { instance });
    }
    Identity::Known(node)
}

#[cfg(test)]
mod tests {
    use super::super::desired::tests::machine;
    use super::*;
    use crate::ids::Uid;
    use crate::node::tests::node as bare;

    fn node() -> Node {
        Node {
            internal_ips: vec!["10.0.1.7".parse().unwrap()],
            ..bare()
        }
    }

    fn named(name: &str, node: Node) -> Node {
        Node {
            name: NodeName::parse(name).unwrap(),
            uid: Uid::parse(format!("uid of {name}")).unwrap(),
            ..node
        }
    }

    fn expected() -> NodeName {
        node().name
    }

    #[test]
    fn a_node_that_says_what_its_machine_says_is_its_node() {
        let nodes = [
            named("other", node().on("aws:///eu-central-1a/i-0bbbbbbb")),
            node(),
        ];
        assert_eq!(
            identify(&nodes, &machine(), &expected()),
            Identity::Known(&nodes[1])
        );
        assert_eq!(identify(&nodes[..1], &machine(), &expected()), Identity::NoNode);
    }

    #[test]
    fn case_34_a_node_without_a_provider_id_is_known_by_name_and_address() {
        let silent = Node {
            provider_id: None,
            instance: None,
            ..node()
        };
        let nodes = [silent];
        assert_eq!(
            identify(&nodes, &machine(), &expected()),
            Identity::Known(&nodes[0])
        );
        let elsewhere = [Node {
            internal_ips: vec!["10.0.9.9".parse().unwrap()],
            ..nodes[0].clone()
        }];
        assert!(matches!(
            identify(&elsewhere, &machine(), &expected()),
            Identity::Stranger(_, Mismatch::Address { .. })
        ));
    }

    #[test]
    fn case_29_one_common_address_of_many_is_enough_and_none_at_all_proves_nothing() {
        let mut many = node();
        many.internal_ips = (2..9)
            .map(|last| format!("10.0.1.{last}").parse().unwrap())
            .collect();
        many.internal_ips.push("fd00::7".parse().unwrap());
        let nodes = [many];
        assert_eq!(
            identify(&nodes, &machine(), &expected()),
            Identity::Known(&nodes[0])
        );
        let young = [Node {
            internal_ips: vec![],
            ..node()
        }];
        assert_eq!(
            identify(&young, &machine(), &expected()),
            Identity::Unproven(&young[0])
        );
    }

    #[test]
    fn case_32_a_node_that_claims_another_instance_is_a_stranger() {
        // By its name it is somebody else's.
        let forged = [named("ip-10-0-9-9.eu-central-1.compute.internal", node())];
        let Identity::Stranger(_, mismatch) = identify(&forged, &machine(), &expected()) else {
            panic!("taken for the machine's node")
        };
        assert_eq!(
            mismatch.to_string(),
            "it should be named ip-10-0-1-7.eu-central-1.compute.internal"
        );
        // It bears the name, and says that it runs elsewhere.
        let astray = [node().on("aws:///eu-central-1a/i-0bbbbbbb")];
        let Identity::Stranger(_, mismatch) = identify(&astray, &machine(), &expected()) else {
            panic!("taken for the machine's node")
        };
        assert_eq!(
            mismatch.to_string(),
            "it bears the name of i-0123456789abcdef0 and says that it runs on aws:///eu-central-1a/i-0bbbbbbb"
        );
        // Name and provider id are right, the addresses are not.
        let moved = [Node {
            internal_ips: vec!["10.0.9.9".parse().unwrap()],
            ..node()
        }];
        let Identity::Stranger(_, mismatch) = identify(&moved, &machine(), &expected()) else {
            panic!("taken for the machine's node")
        };
        assert_eq!(
            mismatch.to_string(),
            "none of its addresses is of i-0123456789abcdef0"
        );
    }

    #[test]
    fn case_33_of_two_nodes_that_claim_one_instance_neither_is_taken() {
        let nodes = [node(), named("ip-10-0-9-9.eu-central-1.compute.internal", node())];
        assert!(matches!(
            identify(&nodes, &machine(), &expected()),
            Identity::Several(several) if several.len() == 2
        ));
    }
}
