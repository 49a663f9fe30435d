//! Which instances wait for us, as Auto Scaling says now. What an event says is only where to look.

use std::collections::BTreeMap;

use aws::autoscaling::{CompleteHook, DescribeGroups, DescribeHooks, Group, GroupInstance, RecordHeartbeat};
use domain::drain::HookView;
use domain::ids::{GroupName, InstanceId, LifecycleToken};
use domain::keys::CLUSTER_TAG;
use domain::lifecycle::{LifecycleState, Transition};
use events::TerminateAction;
use jiff::Timestamp;

use crate::report::Failed;
use crate::{Config, NodeDrain};

/// An instance to look after.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) group: GroupName,
    pub(crate) instance: InstanceId,
    pub(crate) hook: HookView,
    /// Names the lifecycle action, if an event told it.
    pub(crate) token: Option<LifecycleToken>,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) targets: Vec<Target>,
    /// Where every instance of the groups that were looked at is in its life.
    pub(crate) lifecycles: BTreeMap<InstanceId, LifecycleState>,
    /// Whether nodes that carry our label are looked at too, whatever their instance does.
    pub(crate) with_labelled_nodes: bool,
    pub(crate) aws_calls: u64,
    /// What could not be looked at.
    pub(crate) failures: Vec<Failed>,
}

/// What an event said of an instance.
type Hints = BTreeMap<InstanceId, (Timestamp, LifecycleToken)>;

/// Everything in the enrolled groups that waits at our hook.
pub(crate) async fn of_sweep<A, G, Q, C, L>(function: &NodeDrain<A, G, Q, C, L>) -> Result<Found, Failed>
where
    A: DescribeGroups + DescribeHooks,
{
    let groups = function.autoscaling.groups_of(&function.config.cluster).await?;
    let found = Found {
        with_labelled_nodes: true,
        aws_calls: 1,
        ..Found::default()
    };
    Ok(waiting(function, groups, None, found).await)
}

/// Those of the instances that messages named that wait at our hook. The others of their groups have messages of
/// their own, or the tick.
pub(crate) async fn of_hints<A, G, Q, C, L>(
    function: &NodeDrain<A, G, Q, C, L>,
    actions: Vec<TerminateAction>,
) -> Result<Found, Failed>
where
    A: DescribeGroups + DescribeHooks,
{
    let mut names: Vec<GroupName> = Vec::new();
    let mut hints = Hints::new();
    for action in actions {
        if action.hook != function.config.hook {
            tracing::info!(instance_id = %action.instance, hook = %action.hook, "the hook is somebody else's");
            continue;
        }
        names.push(action.group);
        hints.insert(action.instance, (action.since, action.token));
    }
    names.sort();
    names.dedup();
    if names.is_empty() {
        return Ok(Found::default());
    }
    let groups = function.autoscaling.groups_named(&names).await?;
    let found = Found {
        aws_calls: 1,
        ..Found::default()
    };
    Ok(waiting(function, groups, Some(&hints), found).await)
}

async fn waiting<A, G, Q, C, L>(
    function: &NodeDrain<A, G, Q, C, L>,
    groups: Vec<Group>,
    hints: Option<&Hints>,
    mut found: Found,
) -> Found
where
    A: DescribeHooks,
{
    for group in groups {
        if !is_enrolled(&group, &function.config) {
            tracing::info!(asg = %group.name, "the group is not tagged {CLUSTER_TAG}={}", function.config.cluster);
            continue;
        }
        found.lifecycles.extend(
            group
                .instances
                .iter()
                .map(|one| (one.id.clone(), one.lifecycle.clone())),
        );
        let waits = |one: &&GroupInstance| {
            one.lifecycle == LifecycleState::TerminatingWait
                && hints.is_none_or(|hints| hints.contains_key(&one.id))
        };
        if !group.instances.iter().any(|one| waits(&one)) {
            continue;
        }
        found.aws_calls += 1;
        let hooks = match function.autoscaling.hooks_of(&group.name).await {
            Ok(hooks) => hooks,
            // One group that can't be read is no reason to leave the others.
            Err(error) => {
                let failed = Failed::from(error);
                tracing::error!(asg = %group.name, error = failed.message, "the group's hooks can't be read");
                found.failures.push(failed);
                continue;
            }
        };
        let (ours, others): (Vec<_>, Vec<_>) = hooks
            .into_iter()
            .filter(|hook| hook.transition == Transition::Terminating)
            .partition(|hook| hook.name == function.config.hook);
        let Some(hook) = ours.into_iter().next() else {
            tracing::info!(asg = %group.name, "the group has no hook {}", function.config.hook);
            continue;
        };
        let others: Vec<_> = others.into_iter().map(|other| other.name).collect();
        for instance in group.instances.iter().filter(waits) {
            let hint = hints.and_then(|hints| hints.get(&instance.id));
            let since = hint.map(|(since, _)| *since);
            found.targets.push(Target {
                group: group.name.clone(),
                instance: instance.id.clone(),
                hook: HookView::Waiting {
                    hook: hook.clone(),
                    others: others.clone(),
                    since,
                },
                token: hint.map(|(_, token)| token.clone()),
            });
        }
    }
    found
}

fn is_enrolled(group: &Group, config: &Config) -> bool {
    group
        .tags
        .get(CLUSTER_TAG)
        .is_some_and(|cluster| cluster == config.cluster.as_str())
}

/// How `target` stands now: whether it still waits, after we completed its hook.
pub(crate) async fn look_again<A>(autoscaling: &A, target: &Target) -> Result<HookView, Failed>
where
    A: DescribeGroups + DescribeHooks + CompleteHook + RecordHeartbeat,
{
    let groups = autoscaling
        .groups_named(std::slice::from_ref(&target.group))
        .await?;
    let instance = groups
        .iter()
        .flat_map(|group| &group.instances)
        .find(|one| one.id == target.instance);
    Ok(match instance {
        None => HookView::Gone,
        Some(one) if one.lifecycle == LifecycleState::TerminatingWait => target.hook.clone(),
        Some(one) => HookView::Elsewhere(one.lifecycle.clone()),
    })
}
