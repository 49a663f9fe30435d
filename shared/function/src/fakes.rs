//! Auto Scaling in memory, for the tests of this crate.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use aws::autoscaling::{
    CompleteHook, DescribeGroups, DescribeHooks, Group, GroupInstance, Health, Heartbeat, LifecycleAction,
    RecordHeartbeat,
};
use domain::failure::Class;
use domain::ids::{ClusterName, GroupName, HookName, InstanceId};
use domain::lifecycle::{Completion, Hook, HookResult, LifecycleState, Transition};
use domain::offhours::Capacity;
use jiff::SignedDuration;

#[derive(Default)]
pub(crate) struct Fake {
    groups: RefCell<Vec<Group>>,
    /// A group without an entry refuses to show its hooks.
    hooks: RefCell<BTreeMap<GroupName, Vec<Hook>>>,
    completed: RefCell<Vec<LifecycleAction>>,
    calls: Cell<u32>,
    fails: Cell<bool>,
}

pub(crate) fn group(
    name: &str,
    tags: &[(&str, &str)],
    instances: impl IntoIterator<Item = GroupInstance>,
) -> Group {
    let text = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let instances: Vec<GroupInstance> = instances.into_iter().collect();
    let wanted = u32::try_from(instances.len()).unwrap();
    Group {
        name: GroupName::parse(name).unwrap(),
        tags: tags.iter().map(text).collect(),
        capacity: Capacity::new(0, wanted, wanted),
        created: None,
        instances,
    }
}

pub(crate) fn instance(id: &str, state: &str) -> GroupInstance {
    GroupInstance {
        id: InstanceId::parse(id).unwrap(),
        lifecycle: LifecycleState::parse(state),
        zone: "eu-central-1a".to_owned(),
        health: Health::Healthy,
        machine_type: String::new(),
    }
}

pub(crate) fn hook(name: &str, transition: Transition) -> Hook {
    Hook {
        name: HookName::parse(name).unwrap(),
        group: GroupName::parse("workers").unwrap(),
        transition,
        heartbeat: SignedDuration::from_secs(300),
        global_timeout: SignedDuration::from_secs(30_000),
        default_result: HookResult::Continue,
    }
}

impl Fake {
    pub(crate) fn put(&self, group: Group) {
        self.groups.borrow_mut().push(group);
    }

    pub(crate) fn put_hooks(&self, group: &str, hooks: impl IntoIterator<Item = Hook>) {
        let name = GroupName::parse(group).unwrap();
        self.hooks.borrow_mut().insert(name, hooks.into_iter().collect());
    }

    pub(crate) fn fail(&self, fails: bool) {
        self.fails.set(fails);
    }

    pub(crate) fn calls(&self) -> u32 {
        self.calls.get()
    }

    pub(crate) fn last_completed(&self) -> Option<LifecycleAction> {
        self.completed.borrow().last().cloned()
    }

    fn called(&self) -> Result<(), aws::Error> {
        self.calls.set(self.calls.get() + 1);
        if self.fails.get() { Err(refused()) } else { Ok(()) }
    }
}

fn refused() -> aws::Error {
    aws::Error::Refused {
        operation: "autoscaling:Describe",
        subject: "workers".to_owned(),
        code: "Throttling".to_owned(),
        message: "Rate exceeded".to_owned(),
        class: Class::Transient,
    }
}

impl DescribeGroups for Fake {
    async fn groups_of(&self, cluster: &ClusterName) -> Result<Vec<Group>, aws::Error> {
        self.called()?;
        let is_ours = |group: &&Group| group.tags.values().any(|tag| tag == cluster.as_str());
        Ok(self.groups.borrow().iter().filter(is_ours).cloned().collect())
    }

    async fn groups_named(&self, names: &[GroupName]) -> Result<Vec<Group>, aws::Error> {
        self.called()?;
        let is_named = |group: &&Group| names.contains(&group.name);
        Ok(self.groups.borrow().iter().filter(is_named).cloned().collect())
    }
}

impl DescribeHooks for Fake {
    async fn hooks_of(&self, group: &GroupName) -> Result<Vec<Hook>, aws::Error> {
        self.called()?;
        self.hooks.borrow().get(group).cloned().ok_or_else(refused)
    }
}

impl CompleteHook for Fake {
    async fn complete_hook(&self, action: &LifecycleAction, _: HookResult) -> Result<Completion, aws::Error> {
        self.completed.borrow_mut().push(action.clone());
        Ok(Completion::Completed)
    }
}

impl RecordHeartbeat for Fake {
    async fn record_heartbeat(&self, _: &LifecycleAction) -> Result<Heartbeat, aws::Error> {
        Ok(Heartbeat::Recorded)
    }
}
