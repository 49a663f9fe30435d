//! Which instances wait for us, as Auto Scaling says now. What an event says is only where to look.

use std::collections::BTreeMap;

use aws::autoscaling::{DescribeGroups, DescribeHooks, Group, GroupInstance, LifecycleAction};
use domain::hook::{HookView, Wait};
use domain::ids::{GroupName, HookName, InstanceId, LifecycleToken};
use domain::keys::CLUSTER_TAG;
use domain::lifecycle::{Hook, LifecycleState, Transition};
use events::{LaunchAction, TerminateAction};
use jiff::Timestamp;

use crate::report::count;
use crate::{Failed, Hooked, Tally};

/// What an event said: that an instance waits at a hook. The hook may be somebody else's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// The group.
    pub group: GroupName,
    /// The hook.
    pub hook: HookName,
    /// The instance.
    pub instance: InstanceId,
    /// When the hook began to wait.
    pub since: Timestamp,
    /// Names this very action.
    pub token: LifecycleToken,
}

impl From<TerminateAction> for Hint {
    fn from(action: TerminateAction) -> Self {
        Self {
            group: action.group,
            hook: action.hook,
            instance: action.instance,
            since: action.since,
            token: action.token,
        }
    }
}

impl From<LaunchAction> for Hint {
    fn from(action: LaunchAction) -> Self {
        Self {
            group: action.group,
            hook: action.hook,
            instance: action.instance,
            since: action.since,
            token: action.token,
        }
    }
}

/// An instance that waits at our hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its group.
    pub group: GroupName,
    /// The instance.
    pub instance: InstanceId,
    /// Its wait, and later what [`crate::hook::Looker`] says of it.
    pub hook: HookView,
    /// Names the lifecycle action, if an event told it.
    pub token: Option<LifecycleToken>,
}

impl Waiting {
    /// The action for which it waits; `None` once it does not.
    pub fn action(&self) -> Option<LifecycleAction> {
        let HookView::Waiting(wait) = &self.hook else {
            return None;
        };
        Some(LifecycleAction {
            group: self.group.clone(),
            hook: wait.hook.name.clone(),
            instance: self.instance.clone(),
            token: self.token.clone(),
        })
    }
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The groups that were looked at and belong to our cluster.
    pub groups: Vec<Group>,
    /// The instances that wait at our hook.
    pub waiting: Vec<Waiting>,
    /// What it cost, and what could not be looked at.
    pub tally: Tally,
}

impl Found {
    /// Where an instance of these groups is in its life.
    pub fn lifecycle_of(&self, instance: &InstanceId) -> Option<&LifecycleState> {
        let mut instances = self.groups.iter().flat_map(|group| &group.instances);
        instances
            .find(|one| one.id == *instance)
            .map(|one| &one.lifecycle)
    }
}

/// The groups of our cluster that have our hook.
pub struct Enrolled<'a, A> {
    /// Auto Scaling.
    pub autoscaling: &'a A,
    /// Which cluster, and which hook.
    pub config: &'a Hooked,
    /// What our hook waits for.
    pub transition: Transition,
}

/// What events said of instances.
type Hints = BTreeMap<InstanceId, Hint>;

impl<A: DescribeGroups + DescribeHooks> Enrolled<'_, A> {
    /// All groups, and everything in them that waits at our hook: the sweep.
    pub async fn all(&self) -> Result<Found, Failed> {
        let groups = self.autoscaling.groups_of(&self.config.cluster).await;
        let groups = groups.map_err(unseen)?;
        Ok(self.waiting(groups, None).await)
    }

    /// Of these groups those that are ours, and everything in them that waits at our hook. No names, no call.
    pub async fn named(&self, names: &[GroupName]) -> Result<Found, Failed> {
        self.of_names(names.to_vec(), None).await
    }

    /// Those of the instances that messages named that wait at our hook. The others of their groups have messages
    /// of their own, or the tick. A hint at a hook of somebody else is dropped.
    pub async fn hinted(&self, hints: impl IntoIterator<Item = Hint>) -> Result<Found, Failed> {
        let is_ours = |hint: &Hint| {
            let ours = hint.hook == self.config.hook;
            if !ours {
                tracing::info!(instance_id = %hint.instance, hook = %hint.hook, "the hook is somebody else's");
            }
            ours
        };
        let hints: Hints = hints
            .into_iter()
            .filter(is_ours)
            .map(|hint| (hint.instance.clone(), hint))
            .collect();
        let names = hints.values().map(|hint| hint.group.clone()).collect();
        self.of_names(names, Some(&hints)).await
    }

    async fn of_names(&self, mut names: Vec<GroupName>, hints: Option<&Hints>) -> Result<Found, Failed> {
        names.sort();
        names.dedup();
        if names.is_empty() {
            return Ok(Found::default());
        }
        let groups = self.autoscaling.groups_named(&names).await.map_err(unseen)?;
        Ok(self.waiting(groups, hints).await)
    }

    async fn waiting(&self, groups: Vec<Group>, hints: Option<&Hints>) -> Found {
        let mut found = Found::default();
        found.tally.one(count::AWS_CALLS);
        for group in groups {
            if !self.is_ours(&group) {
                continue;
            }
            self.say_of_returning(&group, hints);
            let waits = |one: &&GroupInstance| {
                one.lifecycle.waits_for() == Some(self.transition)
                    && hints.is_none_or(|hints| hints.contains_key(&one.id))
            };
            let instances: Vec<&GroupInstance> = group.instances.iter().filter(waits).collect();
            if !instances.is_empty()
                && let Some((hook, others)) = self.hooks(&group.name, &mut found.tally).await
            {
                let waiting = instances.into_iter().map(|instance| {
                    let hint = hints.and_then(|hints| hints.get(&instance.id));
                    Waiting {
                        group: group.name.clone(),
                        instance: instance.id.clone(),
                        hook: HookView::Waiting(Wait {
                            hook: hook.clone(),
                            others: others.clone(),
                            state: instance.lifecycle.clone(),
                            since: hint.map(|hint| hint.since),
                        }),
                        token: hint.map(|hint| hint.token.clone()),
                    }
                });
                found.waiting.extend(waiting);
            }
            found.groups.push(group);
        }
        found
    }

    /// An instance that goes back to a warm pool waits for the terminate hook in a state that says nothing of it, so
    /// nobody works on it: see [`LifecycleState::WarmedPendingWait`]. The event tells, and people are told.
    fn say_of_returning(&self, group: &Group, hints: Option<&Hints>) {
        let (Transition::Terminating, Some(hints)) = (self.transition, hints) else {
            return;
        };
        for one in &group.instances {
            if one.lifecycle == LifecycleState::WarmedPendingWait && hints.contains_key(&one.id) {
                tracing::warn!(instance_id = %one.id, asg = %group.name, "back to the warm pool, without a drain");
            }
        }
    }

    fn is_ours(&self, group: &Group) -> bool {
        let cluster = self.config.cluster.as_str();
        let ours = group.tags.get(CLUSTER_TAG).is_some_and(|tag| tag == cluster);
        if !ours {
            tracing::info!(asg = %group.name, "the group is not tagged {CLUSTER_TAG}={cluster}");
        }
        ours
    }

    /// Our hook of the group, and the names of the others for the same transition.
    async fn hooks(&self, group: &GroupName, tally: &mut Tally) -> Option<(Hook, Vec<HookName>)> {
        tally.one(count::AWS_CALLS);
        let hooks = match self.autoscaling.hooks_of(group).await {
            Ok(hooks) => hooks,
            // One group that can't be read is no reason to leave the others.
            Err(error) => {
                let failed = Failed::from(error);
                tracing::error!(asg = %group, error = failed.message, "the group's hooks can't be read");
                tally.fail(failed);
                return None;
            }
        };
        let (ours, others): (Vec<_>, Vec<_>) = hooks
            .into_iter()
            .filter(|hook| hook.transition == self.transition)
            .partition(|hook| hook.name == self.config.hook);
        let Some(hook) = ours.into_iter().next() else {
            tracing::info!(asg = %group, "the group has no hook {}", self.config.hook);
            return None;
        };
        Some((hook, others.into_iter().map(|other| other.name).collect()))
    }
}

/// Without the groups nothing is known. A batch answers nothing but which messages to deliver again, so the log is
/// where people find out.
fn unseen(error: aws::Error) -> Failed {
    let failed = Failed::from(error);
    tracing::error!(error = failed.message, "the groups can't be looked at");
    failed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::config;
    use crate::fakes::{Fake, group, hook, instance};

    const ENROLLED: (&str, &str) = (CLUSTER_TAG, "blue");

    fn ids(found: &Found) -> Vec<&str> {
        found.waiting.iter().map(|one| one.instance.as_str()).collect()
    }

    fn hint(id: &str, hook: &str) -> Hint {
        Hint {
            group: GroupName::parse("workers").unwrap(),
            hook: HookName::parse(hook).unwrap(),
            instance: InstanceId::parse(id).unwrap(),
            since: Timestamp::UNIX_EPOCH,
            token: LifecycleToken::new("t1"),
        }
    }

    /// A group in which an instance waits in each state in which one can.
    fn fake() -> Fake {
        let instances = [
            instance("i-0000000a", "Pending:Wait"),
            instance("i-0000000b", "Warmed:Pending:Wait"),
            instance("i-0000000c", "Terminating:Wait"),
            instance("i-0000000d", "Warmed:Terminating:Wait"),
            instance("i-0000000e", "InService"),
        ];
        let fake = Fake::default();
        fake.put(group("workers", &[ENROLLED], instances));
        fake.put_hooks(
            "workers",
            [
                hook("lamplighter-node-drain", Transition::Terminating),
                hook("ship-the-logs", Transition::Terminating),
                hook("lamplighter-node-launch", Transition::Launching),
            ],
        );
        fake
    }

    #[tokio::test]
    async fn either_transition_has_its_instances_in_the_group_and_in_its_warm_pool() {
        let fake = fake();
        let mut config = config();
        for (transition, hook, expected, others) in [
            (
                Transition::Terminating,
                "lamplighter-node-drain",
                ["i-0000000c", "i-0000000d"],
                1,
            ),
            (
                Transition::Launching,
                "lamplighter-node-launch",
                ["i-0000000a", "i-0000000b"],
                0,
            ),
        ] {
            config.hook = HookName::parse(hook).unwrap();
            let enrolled = Enrolled {
                autoscaling: &fake,
                config: &config,
                transition,
            };
            let found = enrolled.all().await.unwrap();
            assert_eq!(ids(&found), expected);
            assert_eq!(found.tally.counted(count::AWS_CALLS), 2);
            let HookView::Waiting(wait) = &found.waiting[0].hook else {
                panic!("it waits")
            };
            assert_eq!((wait.hook.name.as_str(), wait.others.len()), (hook, others));
        }
    }

    #[tokio::test]
    async fn a_hint_leaves_the_others_of_its_group_alone_and_brings_its_token() {
        let (fake, config) = (fake(), config());
        let enrolled = Enrolled {
            autoscaling: &fake,
            config: &config,
            transition: Transition::Terminating,
        };
        let ours = hint("i-0000000c", "lamplighter-node-drain");
        let theirs = hint("i-0000000d", "ship-the-logs");
        let found = enrolled.hinted([ours.clone(), theirs]).await.unwrap();
        assert_eq!(ids(&found), ["i-0000000c"]);
        assert_eq!(found.waiting[0].action().unwrap().token, Some(ours.token));
        assert_eq!(
            found.lifecycle_of(&InstanceId::parse("i-0000000e").unwrap()),
            Some(&LifecycleState::InService)
        );
    }

    #[tokio::test]
    async fn a_hook_of_somebody_else_costs_no_call_and_an_idle_sweep_one() {
        let (fake, config) = (Fake::default(), config());
        fake.put(group(
            "workers",
            &[ENROLLED],
            [instance("i-0000000e", "InService")],
        ));
        let enrolled = Enrolled {
            autoscaling: &fake,
            config: &config,
            transition: Transition::Terminating,
        };
        enrolled
            .hinted([hint("i-0000000e", "ship-the-logs")])
            .await
            .unwrap();
        assert_eq!(fake.calls(), 0);
        enrolled.all().await.unwrap();
        assert_eq!(fake.calls(), 1);
    }

    #[tokio::test]
    async fn only_what_carries_our_clusters_tag_is_ours_and_one_sick_group_leaves_the_others() {
        let (fake, config) = (Fake::default(), config());
        let waits = |id| [instance(id, "Terminating:Wait")];
        fake.put(group("green", &[(CLUSTER_TAG, "green")], waits("i-0000000a")));
        fake.put(group("hookless", &[ENROLLED], waits("i-0000000b")));
        fake.put(group("sick", &[ENROLLED], waits("i-0000000c")));
        fake.put(group("workers", &[ENROLLED], waits("i-0000000d")));
        fake.put_hooks("hookless", []);
        fake.put_hooks(
            "workers",
            [hook("lamplighter-node-drain", Transition::Terminating)],
        );
        let enrolled = Enrolled {
            autoscaling: &fake,
            config: &config,
            transition: Transition::Terminating,
        };
        let names = ["green", "hookless", "sick", "workers"].map(|name| GroupName::parse(name).unwrap());
        let found = enrolled.named(&names).await.unwrap();
        assert_eq!(ids(&found), ["i-0000000d"]);
        assert_eq!(found.groups.len(), 3);
        assert_eq!(found.tally.failures().len(), 1);
    }
}
