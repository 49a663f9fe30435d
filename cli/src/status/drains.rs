//! What leaves: instances that wait at our terminate hook.

use std::collections::BTreeMap;

use domain::drain::{Answer, Cluster, Disposition, Observation, Plan, Pod, Progress, Refusal, Then, plan};
use domain::ids::Uid;
use domain::node::Node;
use function::Waiting;
use futures::StreamExt as _;
use jiff::Timestamp;
use kubernetes::{ListPods, TryEviction};
use runtime::error::chain;

use super::view::{Flight, Phase};

/// Pods that are asked about at the same time: the API server has other things to do.
const AT_A_TIME: usize = 8;

/// Evictions that would be refused now.
type Refusals = BTreeMap<Uid, (Refusal, Timestamp)>;

/// The drain of an instance, as `node-drain` would go on with it at `now`. If its pods can't be seen, `blind` says so.
pub(super) async fn flight<K: ListPods + TryEviction>(
    waiting: Waiting,
    cluster: Result<(&K, &[Node]), &str>,
    now: Timestamp,
    blind: &mut Vec<String>,
) -> Flight {
    let node = cluster.ok().and_then(|(_, nodes)| node_of(&waiting, nodes));
    let (seen, refusals) = match (cluster, node) {
        (Err(why), _) => (Cluster::Unreachable(why.to_owned()), Refusals::new()),
        (Ok(_), None) => (Cluster::NoNode(vec![]), Refusals::new()),
        (Ok((cluster, _)), Some(node)) => match cluster.pods_on(&node.name).await {
            Err(error) => {
                blind.push(chain(&error));
                (Cluster::Unreachable(chain(&error)), Refusals::new())
            }
            Ok(pods) => {
                let refusals = refusals(cluster, &pods, now).await;
                (Cluster::Node(Box::new(node.clone()), pods), refusals)
            }
        },
    };
    let details = held_back(&seen, &refusals);
    let is_blind = matches!(seen, Cluster::Unreachable(_));
    let seen = Observation {
        instance: waiting.instance.clone(),
        hook: waiting.hook,
        cluster: seen,
        progress: Progress {
            refusals,
            told_of_refusals: true, // by an Event, which is no news here
            ..Progress::default()
        },
    };
    let Plan { steps, then } = plan(&seen, now);
    Flight {
        phase: Phase::Draining,
        instance: waiting.instance,
        node: node.map(|node| node.name.clone()),
        group: waiting.group,
        since: node.and_then(Node::mark).map(|mark| mark.since),
        waits_for: match then {
            Then::Done(outcome) => outcome.to_string(),
            Then::LookAgain { waiting, .. } => waiting.to_string(),
        },
        needs_attention: is_blind || !details.is_empty(),
        details,
        next: steps.iter().map(ToString::to_string).collect(),
    }
}

fn node_of<'a>(waiting: &Waiting, nodes: &'a [Node]) -> Option<&'a Node> {
    nodes
        .iter()
        .find(|node| node.instance.as_ref() == Some(&waiting.instance))
}

/// Asks for each pod that has still to be asked to leave whether it could. An answer that does not come is no
/// refusal: the function will ask by itself.
async fn refusals<K: TryEviction>(cluster: &K, pods: &[Pod], now: Timestamp) -> Refusals {
    let to_evict = pods.iter().filter(|pod| pod.disposition() == Disposition::Evict);
    let asked = to_evict.map(|pod| async move {
        match cluster.try_evict(pod).await {
            Ok(Answer::Refused(why)) => {
                let again = why.retry_at(now);
                Some((pod.uid.clone(), (why, again)))
            }
            Ok(Answer::Accepted | Answer::Gone | Answer::Replaced) | Err(_) => None,
        }
    });
    let answers = futures::stream::iter(asked).buffered(AT_A_TIME);
    answers.filter_map(std::future::ready).collect().await
}

fn held_back(seen: &Cluster, refusals: &Refusals) -> Vec<String> {
    let Cluster::Node(_, pods) = seen else {
        return vec![];
    };
    let line = |pod: &Pod| {
        let (why, _) = refusals.get(&pod.uid)?;
        Some(format!("{}: {why}", pod.key))
    };
    pods.iter().filter_map(line).collect()
}
