//! Auto Scaling, EC2, Parameter Store and the dead-letter queue.

use aws::Secret;
use aws::autoscaling::{DescribeGroups, DescribeHooks, Group, GroupInstance, Health};
use aws::sqs::{ParkMessage, ParkedMessage};
use aws::ssm::{
    DeleteParameters, FindSecret, ListParameters, NewParameter, ParameterInfo, PutParameter, Stored,
};
use aws_ec2::DescribeMachines;
use domain::failure::Class;
use domain::ids::{ClusterName, GroupName, HookName, InstanceId};
use domain::keys::CLUSTER_TAG;
use domain::lifecycle::{Hook, HookResult, LifecycleState, Transition};
use domain::machine::Machine;
use domain::offhours::Capacity;
use jiff::SignedDuration;

use super::{Fake, Kept, State};

/// The name of the group whose hooks nobody can read.
const SICK: &str = "sick";

impl State {
    fn groups(&self) -> Vec<Group> {
        let mut groups = vec![self.group()];
        if self.has_sick_group {
            let mut sick = self.group();
            sick.name = GroupName::parse(SICK).unwrap();
            sick.instances.truncate(1);
            sick.instances[0].id = InstanceId::parse("i-0000000000000000c").unwrap();
            sick.instances[0].lifecycle = LifecycleState::PendingWait;
            groups.push(sick);
        }
        groups
    }

    fn group(&self) -> Group {
        let instance = |(id, state): (&InstanceId, &String)| GroupInstance {
            id: id.clone(),
            lifecycle: LifecycleState::parse(state),
            zone: "eu-central-1a".to_owned(),
            health: Health::Healthy,
            machine_type: String::new(),
        };
        Group {
            name: GroupName::parse("workers").unwrap(),
            tags: self.tags.clone(),
            capacity: Capacity::new(0, 1, 1),
            created: None,
            instances: self.instances.iter().map(instance).collect(),
        }
    }
}

impl DescribeGroups for Fake {
    async fn groups_of(&self, cluster: &ClusterName) -> Result<Vec<Group>, aws::Error> {
        let mut groups = self.aws("describe", |state| state.groups()).await?;
        groups.retain(|group| {
            let tag = group.tags.get(CLUSTER_TAG);
            tag.is_some_and(|tag| tag == cluster.as_str())
        });
        Ok(groups)
    }

    async fn groups_named(&self, _: &[GroupName]) -> Result<Vec<Group>, aws::Error> {
        self.aws("describe", |state| state.groups()).await
    }
}

impl DescribeHooks for Fake {
    async fn hooks_of(&self, group: &GroupName) -> Result<Vec<Hook>, aws::Error> {
        let group = group.clone();
        if group.as_str() == SICK {
            return Err(aws::Error::Refused {
                operation: "hooks",
                subject: SICK.to_owned(),
                code: "Throttling".to_owned(),
                message: "Rate exceeded".to_owned(),
                class: Class::Transient,
            });
        }
        self.aws("hooks", |state| {
            vec![Hook {
                name: HookName::parse(state.hook.clone()).unwrap(),
                group,
                transition: Transition::Launching,
                heartbeat: SignedDuration::from_secs(300),
                global_timeout: SignedDuration::from_secs(30_000),
                default_result: HookResult::Abandon,
            }]
        })
        .await
    }
}

impl DescribeMachines for Fake {
    async fn machines(&self, ids: &[InstanceId]) -> Result<Vec<Machine>, aws::Error> {
        self.aws("machines", |state| {
            ids.iter()
                .filter_map(|id| state.machines.get(id))
                .cloned()
                .collect()
        })
        .await
    }
}

impl PutParameter for Fake {
    async fn put_parameter(&self, new: &NewParameter<'_>) -> Result<Stored, aws::Error> {
        self.aws("put", |state| {
            if state.parameters.contains_key(new.name) {
                return Stored::Exists;
            }
            let kept = Kept {
                value: new.value.expose().to_owned(),
                description: new.description.to_owned(),
                tags: new
                    .tags
                    .iter()
                    .map(|(key, value)| ((*key).to_owned(), value.clone()))
                    .collect(),
            };
            state.parameters.insert(new.name.to_owned(), kept);
            state.writes.push("put".to_owned());
            Stored::Created
        })
        .await
    }
}

impl FindSecret for Fake {
    async fn find_secret(&self, name: &str) -> Result<Option<Secret>, aws::Error> {
        self.aws("read", |state| {
            state.values_read.push(name.to_owned());
            state
                .parameters
                .get(name)
                .map(|kept| Secret::new(kept.value.clone()))
        })
        .await
    }
}

impl ListParameters for Fake {
    async fn parameters_below(&self, path: &str) -> Result<Vec<ParameterInfo>, aws::Error> {
        self.aws("list", |state| {
            let below = state.parameters.iter().filter(|(name, _)| name.starts_with(path));
            below
                .map(|(name, kept)| ParameterInfo {
                    name: name.clone(),
                    description: kept.description.clone(),
                })
                .collect()
        })
        .await
    }
}

impl DeleteParameters for Fake {
    async fn delete_parameters(&self, names: &[String]) -> Result<(), aws::Error> {
        self.aws("delete", |state| {
            state.parameters.retain(|name, _| !names.contains(name));
            state.writes.push(format!("delete {} parameters", names.len()));
        })
        .await
    }
}

impl ParkMessage for Fake {
    async fn park(&self, message: &ParkedMessage<'_>) -> Result<(), aws::Error> {
        self.aws("park", |state| {
            state.writes.push(format!("park {}", message.message_id));
        })
        .await
    }
}
