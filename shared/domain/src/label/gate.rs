//! When a node may serve: it is ready and has been for a while, and nobody has still to prepare it.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::policy::Policy;
use crate::keys::STARTUP_TAINT;
use crate::node::Node;
use crate::taint::Taint;
use crate::words::pause;

/// Taints of a node that is not yet, or no longer, ready. Who sets them takes them away; we never do.
const EPHEMERAL: [&str; 4] = [
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
    "node.kubernetes.io/network-unavailable",
    "node.cloudprovider.kubernetes.io/uninitialized",
];
/// Taints of the node readiness controller, one for each of its rules.
const EPHEMERAL_DOMAIN: &str = "readiness.k8s.io/";

/// What keeps the gate closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// The kubelet has not yet said anything.
    Silent,
    /// The node is not ready.
    NotReady {
        /// Since when.
        since: Timestamp,
    },
    /// It is ready, and not for long enough.
    JustReady {
        /// How long it must stay so.
        left: SignedDuration,
    },
    /// A taint says that somebody is still at work.
    Tainted(Taint),
}

/// Everything that keeps `node` from serving at `now`; nothing if the gate is open.
pub fn obstacles(node: &Node, policy: &Policy, now: Timestamp) -> Vec<Obstacle> {
    let readiness = match node.ready {
        None => Some(Obstacle::Silent),
        Some(ready) if !ready.is_ready => Some(Obstacle::NotReady { since: ready.since }),
        // By the time of the last transition: a node that flaps begins anew each time.
        Some(ready) => {
            let left = policy.ready_for - now.duration_since(ready.since);
            left.is_positive().then_some(Obstacle::JustReady { left })
        }
    };
    let tainted = node
        .taints
        .iter()
        .filter(|taint| is_ephemeral(&taint.key, policy));
    readiness
        .into_iter()
        .chain(tainted.cloned().map(Obstacle::Tainted))
        .collect()
}

/// Whether the gate waits for a taint of this key to go.
pub(super) fn is_ephemeral(key: &str, policy: &Policy) -> bool {
    EPHEMERAL.contains(&key)
        || key.starts_with(EPHEMERAL_DOMAIN)
        || key == STARTUP_TAINT
        || policy.gate_taints.iter().any(|pattern| pattern.matches(key))
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => f.write_str("the kubelet has not reported yet"),
            Self::NotReady { since } => write!(f, "not ready since {since}"),
            Self::JustReady { left } => write!(f, "ready, to stay so for {}", pause(*left)),
            Self::Tainted(taint) => write!(f, "taint {taint}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::policy::Pattern;
    use super::*;
    use crate::node::Ready;
    use crate::node::tests::node;
    use crate::taint::Effect;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    fn ready(is_ready: bool, since: i64) -> Node {
        Node {
            ready: Some(Ready {
                is_ready,
                since: at(since),
            }),
            ..node()
        }
    }

    fn said(node: &Node, now: i64) -> Vec<String> {
        let policy = Policy {
            gate_taints: vec![Pattern::parse("*/agent-not-ready").unwrap()],
            ..Policy::default()
        };
        obstacles(node, &policy, at(now))
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn case_36_the_gate_opens_only_after_the_stable_window() {
        assert_eq!(said(&node(), 0), ["the kubelet has not reported yet"]);
        assert_eq!(
            said(&ready(false, 0), 60),
            ["not ready since 2026-11-18T11:06:40Z"]
        );
        assert_eq!(said(&ready(true, 60), 61), ["ready, to stay so for 9s"]);
        // It flaps: ready again since 75 only.
        assert_eq!(said(&ready(false, 69), 70).len(), 1);
        assert_eq!(said(&ready(true, 75), 80), ["ready, to stay so for 5s"]);
        assert_eq!(said(&ready(true, 75), 85), Vec::<String>::new());
    }

    #[test]
    fn case_35_whoever_is_still_at_work_keeps_the_gate_closed() {
        let cases = [
            ("node.cloudprovider.kubernetes.io/uninitialized", true),
            ("node.kubernetes.io/not-ready", true),
            ("node.kubernetes.io/unreachable", true),
            ("node.kubernetes.io/network-unavailable", true),
            ("readiness.k8s.io/network", true),
            ("lamplighter.dev/uninitialized", true),
            ("efs.csi.aws.com/agent-not-ready", true),
            ("node.kubernetes.io/disk-pressure", false),
            ("dedicated", false),
        ];
        for (key, closes) in cases {
            let mut node = ready(true, 0);
            node.taints = vec![Taint::new(key, Effect::NoSchedule)];
            let expected: Vec<_> = closes
                .then(|| format!("taint {key}:NoSchedule"))
                .into_iter()
                .collect();
            assert_eq!(said(&node, 60), expected);
        }
    }
}
