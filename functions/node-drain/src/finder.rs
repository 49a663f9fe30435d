//! Which node runs on which instance: asked once for everybody who wants to know.

use std::collections::BTreeMap;
use std::rc::Rc;

use domain::ids::InstanceId;
use domain::node::Node;
use jiff::{SignedDuration, Timestamp};
use kubernetes::{Error, ListNodes};
use tokio::sync::Mutex;

/// A failed listing stands for everybody for this long; then one of them tries again.
const TRY_AGAIN: SignedDuration = SignedDuration::from_secs(4);

/// Finds nodes by the instance in their provider id.
pub(crate) struct Finder<'a, K> {
    cluster: &'a K,
    known: Mutex<Known>,
}

struct Known {
    /// The nodes that carry our label, or all of them.
    nodes: BTreeMap<InstanceId, Node>,
    listed: Listed,
}

enum Listed {
    Nothing,
    /// Few, and where a drain goes on it is among them.
    Labelled,
    /// All there are, at that time. Of the silent ones nobody knows on what they run.
    All {
        at: Timestamp,
        silent: usize,
    },
    Failed(Timestamp, Rc<Error>),
}

impl<'a, K: ListNodes> Finder<'a, K> {
    /// Begins with the nodes that carry our label, as they were listed at `now`.
    pub(crate) fn new(cluster: &'a K, labelled: Result<Vec<Node>, Rc<Error>>, now: Timestamp) -> Self {
        let (nodes, listed) = match labelled {
            Ok(nodes) => (by_instance(nodes), Listed::Labelled),
            Err(error) => (BTreeMap::new(), Listed::Failed(now, error)),
        };
        Self {
            cluster,
            known: Mutex::new(Known { nodes, listed }),
        }
    }

    /// The node that runs on `instance`, or `None` when no node does. An error when that can't be told, since some
    /// nodes do not say on what they run.
    pub(crate) async fn find(
        &self,
        instance: &InstanceId,
        now: Timestamp,
    ) -> Result<Option<Node>, Rc<Error>> {
        let mut known = self.known.lock().await;
        if let Listed::Failed(at, error) = &known.listed {
            if now.duration_since(*at) < TRY_AGAIN {
                return Err(error.clone());
            }
            known.listed = Listed::Nothing;
        }
        if let Err(error) = self.list_until_found(&mut known, instance, now).await {
            known.listed = Listed::Failed(now, error.clone());
            return Err(error);
        }
        match (known.nodes.get(instance), &known.listed) {
            // It may be one of these. That nobody is drained by mistake matters more than that the hook is quick.
            (
                None,
                Listed::All {
                    silent: silent @ 1.., ..
                },
            ) => Err(Rc::new(Error::Incomplete {
                call: format!("find the node of instance {instance}"),
                object: format!("{silent} of the cluster's nodes"),
                field: "spec.providerID",
            })),
            (node, _) => Ok(node.cloned()),
        }
    }

    /// The node that was found for `instance` is not there any more. Its kubelet may register it anew, so the next
    /// one who asks has all of them listed again.
    pub(crate) async fn forget(&self, instance: &InstanceId) {
        let mut known = self.known.lock().await;
        known.nodes.remove(instance);
        if matches!(known.listed, Listed::All { .. }) {
            known.listed = Listed::Labelled;
        }
    }

    async fn list_until_found(
        &self,
        known: &mut Known,
        instance: &InstanceId,
        now: Timestamp,
    ) -> Result<(), Rc<Error>> {
        if matches!(known.listed, Listed::Nothing) {
            known.nodes = by_instance(self.cluster.draining_nodes().await?);
            known.listed = Listed::Labelled;
        }
        let may_be_elsewhere = match known.listed {
            Listed::Labelled => true,
            // A node that has just joined says a little later on what it runs.
            Listed::All { at, silent } => silent > 0 && now.duration_since(at) >= TRY_AGAIN,
            Listed::Nothing | Listed::Failed(..) => false,
        };
        if may_be_elsewhere && !known.nodes.contains_key(instance) {
            let all = self.cluster.all_nodes().await?;
            known.listed = Listed::All {
                at: now,
                silent: all.iter().filter(|node| node.is_silent()).count(),
            };
            known.nodes = by_instance(all);
        }
        Ok(())
    }
}

/// Nodes that run on no instance are not ours.
fn by_instance(nodes: Vec<Node>) -> BTreeMap<InstanceId, Node> {
    nodes
        .into_iter()
        .filter_map(|node| Some((node.instance.clone()?, node)))
        .collect()
}
