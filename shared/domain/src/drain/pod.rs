//! A pod, as far as a drain cares.

use std::fmt;

use jiff::Timestamp;

use crate::ids::Uid;

/// Which pod, as people say it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PodKey {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for PodKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What manages the pod, as its controlling owner reference says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Nothing: deleted, the pod does not come back.
    None,
    /// A `DaemonSet`, which would put it back on the node that we want empty.
    DaemonSet,
    /// Anything else, which puts it on another node.
    Other,
}

/// The pod's phase; `Unknown` counts as active, since nobody has said that it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Starting, running, or not known.
    Active,
    /// All containers ended and will not be started again.
    Finished,
}

/// A pod that is bound to the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Which one.
    pub key: PodKey,
    /// Tells it from another one of its name.
    pub uid: Uid,
    /// What manages it.
    pub owner: Owner,
    /// Whether it mirrors a static pod, which only its kubelet can stop.
    pub mirror: bool,
    /// Its phase.
    pub phase: Phase,
    /// When its grace ends, once it was asked to stop.
    pub deletion_deadline: Option<Timestamp>,
}

/// What a drain does with a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Asks it to leave.
    Evict,
    /// Waits: it was asked already.
    Leaving,
    /// Neither asks nor waits.
    Skip(Skip),
}

/// Why a pod is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skip {
    /// Its `DaemonSet` would bring it back.
    DaemonSet,
    /// Only its kubelet can stop it.
    Mirror,
    /// It has ended; nothing is lost with the machine.
    Finished,
}

impl Pod {
    /// What a drain does with this pod. The order matters: a finished pod of anybody is left alone.
    pub fn disposition(&self) -> Disposition {
        if self.mirror {
            Disposition::Skip(Skip::Mirror)
        } else if self.phase == Phase::Finished {
            Disposition::Skip(Skip::Finished)
        } else if self.owner == Owner::DaemonSet {
            Disposition::Skip(Skip::DaemonSet)
        } else if self.deletion_deadline.is_some() {
            Disposition::Leaving
        } else {
            Disposition::Evict
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::drain) fn pod(name: &str) -> Pod {
        Pod {
            key: PodKey {
                namespace: "shop".to_owned(),
                name: name.to_owned(),
            },
            uid: Uid::parse(format!("uid-of-{name}")).unwrap(),
            owner: Owner::Other,
            mirror: false,
            phase: Phase::Active,
            deletion_deadline: None,
        }
    }

    #[test]
    fn a_pod_is_evicted_unless_its_kubelet_daemon_set_or_end_says_otherwise() {
        let leaving = Some(Timestamp::UNIX_EPOCH);
        let cases = [
            (pod("a"), Disposition::Evict),
            (
                Pod {
                    owner: Owner::None,
                    ..pod("bare")
                },
                Disposition::Evict,
            ),
            (
                Pod {
                    deletion_deadline: leaving,
                    ..pod("a")
                },
                Disposition::Leaving,
            ),
            (
                Pod {
                    owner: Owner::DaemonSet,
                    ..pod("a")
                },
                Disposition::Skip(Skip::DaemonSet),
            ),
            (
                Pod {
                    owner: Owner::DaemonSet,
                    deletion_deadline: leaving,
                    ..pod("a")
                },
                Disposition::Skip(Skip::DaemonSet),
            ),
            (
                Pod {
                    mirror: true,
                    ..pod("a")
                },
                Disposition::Skip(Skip::Mirror),
            ),
            (
                Pod {
                    phase: Phase::Finished,
                    ..pod("a")
                },
                Disposition::Skip(Skip::Finished),
            ),
            (
                Pod {
                    phase: Phase::Finished,
                    deletion_deadline: leaving,
                    ..pod("a")
                },
                Disposition::Skip(Skip::Finished),
            ),
        ];
        for (pod, expected) in cases {
            assert_eq!(pod.disposition(), expected, "{pod:?}");
        }
    }
}
