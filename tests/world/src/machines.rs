//! What follows when Auto Scaling launches and terminates: events go out, machines boot, nodes come and go.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use autoscaling::Notice;
use base::aws;
use control_plane::{Kubelets, Machine};
use emulator::eks::nodegroups::{LABEL_TAG, NODEGROUP_TAG};
use relay::Relay;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::joining::Joining;
use crate::timeline::{Timeline, What};

/// The tag by which a group says which cluster its machines join.
const CLUSTER_TAG: &str = "lamplighter:cluster";

/// The label by which EKS says whose node it is.
pub(crate) const NODEGROUP_LABEL: &str = "eks.amazonaws.com/nodegroup";

/// Follows Auto Scaling until the world ends.
pub(crate) async fn follow(
    mut notices: UnboundedReceiver<Notice>,
    relay: Relay,
    kubelets: Kubelets,
    joining: Arc<Joining>,
    timeline: Timeline,
) {
    while let Some(notice) = notices.recv().await {
        match notice {
            Notice::Event(event) => {
                if let Some(message) = event["detail"]["StatusMessage"]
                    .as_str()
                    .filter(|text| !text.is_empty())
                {
                    let what = event["detail-type"].as_str().unwrap_or_default();
                    timeline.note("EC2", What::Trouble(format!("{what}: {message}")));
                }
                relay.emit(event);
            }
            Notice::Moved {
                instance,
                group,
                from: _,
                to,
                at: _,
            } => {
                timeline.note(
                    &instance,
                    What::Moved {
                        group,
                        to: to.as_str().to_owned(),
                    },
                );
            }
            Notice::Launched {
                group: _,
                tags,
                instance,
            } => {
                if let Some(labels) = labels(&tags) {
                    let id = instance.instance_id.clone();
                    match launched(&joining, &kubelets, instance, labels).await {
                        Ok(true) => {}
                        Ok(false) => timeline.note(&id, What::Joined),
                        Err(error) => timeline.note(&id, What::trouble(error)),
                    }
                }
            }
            Notice::Terminated {
                group: _,
                instance_id,
            } => {
                joining.switch_off(&instance_id);
                let left = kubelets.leave(&instance_id).await;
                timeline.note(&instance_id, left.map_or_else(What::trouble, |()| What::Left));
            }
        }
    }
}

/// The instance boots if it has something to boot, and is a node at once if not. Says whether it boots.
async fn launched(
    joining: &Arc<Joining>,
    kubelets: &Kubelets,
    instance: autoscaling::fleet::Launched,
    labels: BTreeMap<String, String>,
) -> Result<bool> {
    let boots = joining.boot(&instance.instance_id).await?;
    if !boots {
        kubelets.join(&machine(instance, labels)).await?;
    }
    Ok(boots)
}

/// The labels of a group's nodes, `None` if its machines join no cluster.
fn labels(tags: &BTreeMap<String, String>) -> Option<BTreeMap<String, String>> {
    let Some(nodegroup) = tags.get(NODEGROUP_TAG) else {
        return tags.contains_key(CLUSTER_TAG).then(BTreeMap::new);
    };
    let own = tags
        .iter()
        .filter_map(|(key, value)| Some((key.strip_prefix(LABEL_TAG)?.to_owned(), value.clone())));
    let mut labels: BTreeMap<String, String> = own.collect();
    labels.insert(NODEGROUP_LABEL.to_owned(), nodegroup.clone());
    labels.insert(
        "eks.amazonaws.com/capacityType".to_owned(),
        "ON_DEMAND".to_owned(),
    );
    Some(labels)
}

fn machine(launched: autoscaling::fleet::Launched, labels: BTreeMap<String, String>) -> Machine {
    let autoscaling::fleet::Launched {
        instance_id,
        private_dns_name,
        private_ip,
        availability_zone,
    } = launched;
    Machine {
        instance_id,
        private_dns_name,
        private_ip,
        availability_zone,
        region: aws::REGION.to_owned(),
        instance_type: "m7g.large".to_owned(),
        labels,
    }
}
