//! Which node runs on which instance: asked once for everybody who wants to know.

use std::collections::BTreeMap;

use domain::drain::Node;
use domain::ids::InstanceId;
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

#[derive(Default)]
struct Known {
    /// The nodes that carry our label, or all of them.
    nodes: BTreeMap<InstanceId, Node>,
    listed: Listed,
}

#[derive(Default)]
enum Listed {
    #[default]
    Nothing,
    /// Few, and where a drain goes on it is among them.
    Labelled,
    /// All there are, at that time. Of the silent ones nobody knows on what they run.
    All {
        at: Timestamp,
        silent: usize,
    },
    Failed(Timestamp, std::rc::Rc<Error>),
}

impl<'a, K: ListNodes> Finder<'a, K> {
    pub(crate) fn new(cluster: &'a K) -> Self {
        Self {
            cluster,
            known: Mutex::default(),
        }
    }

    /// Every node that carries our label.
    pub(crate) async fn labelled(&self) -> Result<Vec<Node>, std::rc::Rc<Error>> {
        let mut known = self.known.lock().await;
        self.list_labelled(&mut known).await?;
        Ok(known.nodes.values().cloned().collect())
    }

    /// The node that runs on `instance`, or `None` when no node does. An error when that can't be told, since some
    /// nodes do not say on what they run.
    pub(crate) async fn find(
        &self,
        instance: &InstanceId,
        now: Timestamp,
    ) -> Result<Option<Node>, std::rc::Rc<Error>> {
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
            ) => Err(std::rc::Rc::new(Error::Incomplete {
                call: format!("find the node of instance {instance}"),
                object: format!("{silent} of the cluster's nodes"),
                field: "spec.providerID",
            })),
            (node, _) => Ok(node.cloned()),
        }
    }

    /// The node that was found for `instance` is not there any more.
    pub(crate) async fn forget(&self, instance: &InstanceId) {
        self.known.lock().await.nodes.remove(instance);
    }

    async fn list_until_found(
        &self,
        known: &mut Known,
        instance: &InstanceId,
        now: Timestamp,
    ) -> Result<(), std::rc::Rc<Error>> {
        self.list_labelled(known).await?;
        let may_be_elsewhere = match known.listed {
            Listed::Labelled => true,
            // A node that has just joined says a little later on what it runs.
            Listed::All { at, silent } => silent > 0 && now.duration_since(at) >= TRY_AGAIN,
            Listed::Nothing | Listed::Failed(..) => false,
        };
        if may_be_elsewhere && !known.nodes.contains_key(instance) {
            let all = self.cluster.all_nodes().await?;
            known.nodes = by_instance(all.nodes);
            known.listed = Listed::All {
                at: now,
                silent: all.without_provider_id,
            };
        }
        Ok(())
    }

    async fn list_labelled(&self, known: &mut Known) -> Result<(), std::rc::Rc<Error>> {
        if matches!(known.listed, Listed::Nothing) {
            known.nodes = by_instance(self.cluster.draining_nodes().await?);
            known.listed = Listed::Labelled;
        }
        Ok(())
    }
}

fn by_instance(nodes: Vec<Node>) -> BTreeMap<InstanceId, Node> {
    nodes
        .into_iter()
        .map(|node| (node.instance.clone(), node))
        .collect()
}
