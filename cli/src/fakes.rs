//! A made-up AWS and cluster in one, for the tests of what looks at them.

use std::collections::BTreeMap;

use aws::autoscaling::{DescribeGroups, DescribeHooks, Group, GroupInstance, Health};
use aws::ssm::{ListParameters, ParameterInfo};
use aws_ec2::DescribeMachines;
use domain::drain::{Answer, Pod, Refusal};
use domain::failure::Class;
use domain::ids::{ClusterName, GroupName, HookName, InstanceId, NodeName, Uid};
use domain::keys::CLUSTER_TAG;
use domain::lifecycle::{Hook, HookResult, LifecycleState, Transition};
use domain::machine::{CapacityType, Machine, MachineState, arn};
use domain::node::Node;
use domain::offhours::Capacity;
use jiff::SignedDuration;
use kubernetes::{Error as ClusterError, ListNodes, ListPods, TryEviction};

/// All ports in one.
#[derive(Default)]
pub(crate) struct Fake {
    pub(crate) group_tags: Vec<(&'static str, &'static str)>,
    pub(crate) instances: Vec<(&'static str, LifecycleState)>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) pods: Vec<Pod>,
    /// The pods whose evictions a budget refuses.
    pub(crate) held: Vec<&'static str>,
    pub(crate) parameters: Vec<(&'static str, &'static str)>,
    /// The call that is refused, by its verb and resource.
    pub(crate) refuses: Option<&'static str>,
}

impl Fake {
    fn refused(&self, call: &str) -> bool {
        self.refuses == Some(call)
    }
}

impl DescribeGroups for Fake {
    async fn groups_of(&self, cluster: &ClusterName) -> Result<Vec<Group>, aws::Error> {
        let cluster = [(CLUSTER_TAG, cluster.as_str())];
        let tags = self.group_tags.iter().copied().chain(cluster);
        let instance = |(id, lifecycle): &(&str, LifecycleState)| GroupInstance {
            id: InstanceId::parse(*id).unwrap(),
            lifecycle: lifecycle.clone(),
            zone: "eu-central-1a".into(),
            health: Health::Healthy,
            machine_type: String::new(),
        };
        Ok(vec![Group {
            name: GroupName::parse("workers").unwrap(),
            tags: tags
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            capacity: Capacity::new(0, 1, 1),
            created: None,
            instances: self.instances.iter().map(instance).collect(),
        }])
    }

    async fn groups_named(&self, _: &[GroupName]) -> Result<Vec<Group>, aws::Error> {
        unreachable!("the whole cluster is looked at")
    }
}

impl DescribeHooks for Fake {
    async fn hooks_of(&self, group: &GroupName) -> Result<Vec<Hook>, aws::Error> {
        if self.refused("describe hooks") {
            return Err(aws::Error::Refused {
                operation: "autoscaling:DescribeLifecycleHooks",
                subject: format!("group {group}"),
                code: "AccessDenied".to_owned(),
                message: "not authorized".to_owned(),
                class: Class::Permanent,
            });
        }
        let hook = |name: &str, transition| Hook {
            name: HookName::parse(name).unwrap(),
            group: group.clone(),
            transition,
            heartbeat: SignedDuration::from_secs(300),
            global_timeout: SignedDuration::from_secs(30_000),
            default_result: HookResult::Abandon,
        };
        Ok(vec![
            hook("terminate", Transition::Terminating),
            hook("launch", Transition::Launching),
        ])
    }
}

impl DescribeMachines for Fake {
    async fn machines(&self, ids: &[InstanceId]) -> Result<Vec<Machine>, aws::Error> {
        Ok(ids.iter().map(machine).collect())
    }
}

fn machine(id: &InstanceId) -> Machine {
    Machine {
        id: id.clone(),
        arn: arn("eu-central-1", "111122223333", id),
        state: MachineState::Running,
        launched: "2026-11-21T08:01:30Z".parse().unwrap(),
        private_dns_name: "ip-10-0-1-7".into(),
        ips: vec!["10.0.1.7".parse().unwrap()],
        zone: "eu-central-1a".into(),
        region: "eu-central-1".into(),
        instance_type: "m7g.large".into(),
        capacity: CapacityType::OnDemand,
        architecture: "arm64".into(),
        profile_arn: None,
        tags: BTreeMap::new(),
    }
}

impl ListParameters for Fake {
    async fn parameters_below(&self, path: &str) -> Result<Vec<ParameterInfo>, aws::Error> {
        let parameter = |(instance, description): &(&str, &str)| ParameterInfo {
            name: format!("{path}/{instance}"),
            description: (*description).to_owned(),
        };
        Ok(self.parameters.iter().map(parameter).collect())
    }
}

impl ListNodes for Fake {
    async fn all_nodes(&self) -> Result<Vec<Node>, ClusterError> {
        Ok(self.nodes.clone())
    }

    async fn draining_nodes(&self) -> Result<Vec<Node>, ClusterError> {
        unreachable!("all nodes are looked at")
    }

    async fn node(&self, _: &NodeName) -> Result<Option<Node>, ClusterError> {
        unreachable!("all nodes are looked at")
    }
}

impl ListPods for Fake {
    async fn pods_on(&self, _: &NodeName) -> Result<Vec<Pod>, ClusterError> {
        if self.refused("list pods") {
            return Err(ClusterError::Refused {
                call: "list pods".to_owned(),
                code: 403,
                message: "forbidden".to_owned(),
            });
        }
        Ok(self.pods.clone())
    }
}

impl TryEviction for Fake {
    async fn try_evict(&self, pod: &Pod) -> Result<Answer, ClusterError> {
        Ok(if self.held.contains(&pod.key.name.as_str()) {
            Answer::Refused(Refusal::Budget {
                message: "needs 3 and has 3".into(),
                retry_after: 0,
            })
        } else {
            Answer::Accepted
        })
    }
}

/// A node on `instance`, with the address and, if it is named so, the name of its machine.
pub(crate) fn node(name: &str, instance: &str) -> Node {
    let name = NodeName::parse(name).unwrap();
    Node {
        internal_ips: vec!["10.0.1.7".parse().unwrap()],
        ..Node::new(
            name,
            Uid::parse("0f9c").unwrap(),
            "2026-11-21T08:02:00Z".parse().unwrap(),
        )
        .on(format!("aws:///eu-central-1a/{instance}"))
    }
}
