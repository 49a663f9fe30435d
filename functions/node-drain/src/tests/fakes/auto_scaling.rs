//! Auto Scaling, and the dead-letter queue.

use std::collections::BTreeMap;

use aws::autoscaling::{
    CompleteHook, DescribeGroups, DescribeHooks, Group, GroupInstance, Health, Heartbeat, LifecycleAction,
    RecordHeartbeat,
};
use aws::sqs::{ParkMessage, ParkedMessage};
use domain::ids::{ClusterName, GroupName, HookName, InstanceId};
use domain::keys::CLUSTER_TAG;
use domain::lifecycle::{Completion, Hook, HookResult, LifecycleState, Transition};
use domain::offhours::Capacity;
use runtime::clock::Clock as _;

use super::{Fake, HEARTBEAT, State};

impl State {
    fn group(&self) -> Group {
        let lifecycle = if self.waits() {
            self.lifecycle
        } else {
            "Terminating:Proceed"
        };
        Group {
            name: GroupName::parse("workers").unwrap(),
            tags: BTreeMap::from([(CLUSTER_TAG.to_owned(), self.cluster.clone())]),
            capacity: Capacity::new(0, 1, 1),
            created: None,
            instances: vec![GroupInstance {
                id: InstanceId::parse("i-0123456789abcdef0").unwrap(),
                lifecycle: LifecycleState::parse(lifecycle),
                zone: "eu-central-1a".to_owned(),
                health: Health::Healthy,
                machine_type: String::new(),
            }],
        }
    }
}

impl DescribeGroups for Fake {
    async fn groups_of(&self, cluster: &ClusterName) -> Result<Vec<Group>, aws::Error> {
        let found = self.aws("describe", |state| state.group()).await?;
        Ok(if found.tags[CLUSTER_TAG] == cluster.as_str() {
            vec![found]
        } else {
            vec![]
        })
    }

    async fn groups_named(&self, _: &[GroupName]) -> Result<Vec<Group>, aws::Error> {
        self.aws("describe", |state| vec![state.group()]).await
    }
}

impl DescribeHooks for Fake {
    async fn hooks_of(&self, group: &GroupName) -> Result<Vec<Hook>, aws::Error> {
        let hook = |name: &str| Hook {
            name: HookName::parse(name).unwrap(),
            group: group.clone(),
            transition: Transition::Terminating,
            heartbeat: HEARTBEAT,
            global_timeout: HEARTBEAT * 100,
            default_result: HookResult::Continue,
        };
        self.aws("hooks", |state| {
            let others = state.others.then_some("ship-the-logs");
            others
                .into_iter()
                .chain([state.hook.as_str()])
                .map(hook)
                .collect()
        })
        .await
    }
}

impl CompleteHook for Fake {
    async fn complete_hook(&self, action: &LifecycleAction, _: HookResult) -> Result<Completion, aws::Error> {
        let with_token = if action.token.is_some() { " with token" } else { "" };
        self.aws("complete", |state| {
            if state.completed {
                state.writes.push("complete in vain".to_owned());
                return Completion::NoActiveAction;
            }
            state.writes.push(format!("complete{with_token}"));
            assert!(state.pods.is_empty(), "completed with pods left");
            state.completed = true;
            Completion::Completed
        })
        .await
    }
}

impl RecordHeartbeat for Fake {
    async fn record_heartbeat(&self, _: &LifecycleAction) -> Result<Heartbeat, aws::Error> {
        let now = self.now();
        self.aws("heartbeat", |state| {
            state.ran_out |= now.duration_since(state.told) >= HEARTBEAT;
            state.told = now;
            state.writes.push("heartbeat".to_owned());
            Heartbeat::Recorded
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
