//! What a function may do to the world, as its ports say it.

use aws::autoscaling::{
    CompleteHook, DescribeGroups, DescribeHooks, Group, Heartbeat, LifecycleAction, RecordHeartbeat,
};
use aws::sqs::{ParkMessage, ParkedMessage};
use aws_ec2::DescribeMachines;
use kubernetes::{CountCalls, ListNodes, NodeEvent, PatchNode, RecordNodeEvent};

use super::*;

impl DescribeGroups for Fake {
    async fn groups_of(&self, cluster: &ClusterName) -> Result<Vec<Group>, aws::Error> {
        let group = self.aws("groups", |world| world.group()).await?;
        let is_of = |group: &Group| {
            group
                .tags
                .get(CLUSTER_TAG)
                .is_some_and(|tag| tag == cluster.as_str())
        };
        Ok(Some(group).filter(is_of).into_iter().collect())
    }

    async fn groups_named(&self, _: &[GroupName]) -> Result<Vec<Group>, aws::Error> {
        self.aws("groups", |world| vec![world.group()]).await
    }
}

impl DescribeHooks for Fake {
    async fn hooks_of(&self, group: &GroupName) -> Result<Vec<Hook>, aws::Error> {
        let hook = Hook {
            name: HookName::parse("lamplighter-node-launch").unwrap(),
            group: group.clone(),
            transition: Transition::Launching,
            heartbeat: HEARTBEAT,
            global_timeout: HEARTBEAT * 100,
            default_result: HookResult::Abandon,
        };
        self.aws("hooks", |_| vec![hook]).await
    }
}

impl CompleteHook for Fake {
    async fn complete_hook(
        &self,
        action: &LifecycleAction,
        result: HookResult,
    ) -> Result<Completion, aws::Error> {
        let with_token = if action.token.is_some() { " with token" } else { "" };
        self.aws("complete", |world| {
            let Some(instance) = world.instances.get_mut(&action.instance) else {
                return Completion::NoActiveAction;
            };
            instance.lifecycle = match (instance.lifecycle, result) {
                ("Pending:Wait", HookResult::Continue) => "InService",
                ("Warmed:Pending:Wait", HookResult::Continue) => "Warmed:Stopped",
                ("Pending:Wait" | "Warmed:Pending:Wait", HookResult::Abandon) => "Terminating",
                _ => return Completion::NoActiveAction,
            };
            world.writes.push(format!("{}{with_token}", result.as_str()));
            Completion::Completed
        })
        .await
    }
}

impl RecordHeartbeat for Fake {
    async fn record_heartbeat(&self, action: &LifecycleAction) -> Result<Heartbeat, aws::Error> {
        let now = self.now();
        self.aws("heartbeat", |world| {
            let instance = world.instances.get_mut(&action.instance).unwrap();
            world.ran_out |= now.duration_since(instance.told) >= HEARTBEAT;
            instance.told = now;
            world.writes.push("heartbeat".to_owned());
            Heartbeat::Recorded
        })
        .await
    }
}

impl DescribeMachines for Fake {
    async fn machines(&self, ids: &[InstanceId]) -> Result<Vec<Machine>, aws::Error> {
        assert!(!ids.is_empty(), "EC2 would describe every machine");
        self.aws("machines", |world| {
            let known = ids.iter().filter_map(|id| world.instances.get(id));
            known.map(|instance| instance.machine.clone()).collect()
        })
        .await
    }
}

impl ParkMessage for Fake {
    async fn park(&self, message: &ParkedMessage<'_>) -> Result<(), aws::Error> {
        self.aws("park", |world| {
            world.writes.push(format!("park {}", message.message_id));
        })
        .await
    }
}

/// A permission of the function's role is missing.
pub(super) fn refused(operation: &'static str) -> aws::Error {
    aws::Error::Refused {
        operation,
        subject: "workers".to_owned(),
        code: "AccessDenied".to_owned(),
        message: format!("may not {operation}"),
        class: Class::Permanent,
    }
}

impl Connect for Fake {
    type Cluster = Self;

    async fn connect(&self, _: Timestamp) -> Result<Self, access::Error> {
        if self.world().fault == Fault::NoWayIn {
            return Err(access::Error::Aws(refused("eks:DescribeCluster")));
        }
        Ok(self.clone())
    }

    async fn forget(&self) {}
}

impl CountCalls for Fake {
    fn calls(&self) -> u64 {
        Fake::calls(self)
    }
}

impl ListNodes for Fake {
    async fn all_nodes(&self) -> Result<Vec<Node>, kubernetes::Error> {
        self.kubernetes("list", |world| Ok(world.nodes.values().cloned().collect()))
            .await
    }

    async fn draining_nodes(&self) -> Result<Vec<Node>, kubernetes::Error> {
        unreachable!("labels have no need of it")
    }

    async fn node(&self, name: &NodeName) -> Result<Option<Node>, kubernetes::Error> {
        self.kubernetes("node", |world| Ok(world.nodes.get(name).cloned()))
            .await
    }
}

impl PatchNode for Fake {
    async fn patch_node(&self, name: &NodeName, patch: &Value) -> Result<Node, kubernetes::Error> {
        self.kubernetes("patch", |world| world.patch(name, patch)).await
    }
}

impl RecordNodeEvent for Fake {
    async fn record(&self, event: NodeEvent<'_>) -> Result<(), kubernetes::Error> {
        let key = (event.node.name.to_string(), event.at);
        self.kubernetes("event", |world| {
            if !world.events.insert(key) {
                return Err((409, "already exists"));
            }
            world
                .writes
                .push(format!("event {} {}", event.reason, short(&event.node.name)));
            Ok(())
        })
        .await
    }
}
