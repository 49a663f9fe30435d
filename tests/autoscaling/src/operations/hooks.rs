//! Lifecycle hooks.

use jiff::Timestamp;

use super::{Call, LONGEST_NAME, Response, group_name};
use crate::error::ApiError;
use crate::model::{ActionResult, Group, Hook, LifecycleAction, LifecycleState, Model, Transition};
use crate::wire::{Element, Form};

/// Quota of the service. [User Guide, Quotas for Auto Scaling resources and groups]
const MOST_HOOKS: usize = 50;

const DEFAULT_HEARTBEAT_SECONDS: u32 = 3600;

/// The parameters of a hook, here and in `CreateAutoScalingGroup`. What is absent keeps its value or has the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HookParameters {
    name: String,
    transition: Option<Transition>,
    heartbeat_timeout: Option<u32>,
    default_result: Option<ActionResult>,
    metadata: Option<String>,
    target_arn: Option<String>,
    role_arn: Option<String>,
}

impl HookParameters {
    pub(crate) fn parse(form: &Form) -> Result<Self, ApiError> {
        let heartbeat_timeout = form.number("HeartbeatTimeout", &(30..=7200))?;
        let metadata = form
            .text("NotificationMetadata")
            .map(|_| form.name("NotificationMetadata", 4000));
        Ok(Self {
            name: form.name("LifecycleHookName", LONGEST_NAME)?,
            transition: form.choice("LifecycleTransition", Transition::CHOICES)?,
            heartbeat_timeout,
            default_result: form.choice("DefaultResult", ActionResult::CHOICES)?,
            metadata: metadata.transpose()?,
            target_arn: form.text("NotificationTargetARN"),
            role_arn: form.text("RoleARN"),
        })
    }

    /// Adds the hook to the group, or changes it.
    pub(crate) fn put(self, group: &mut Group) -> Result<(), ApiError> {
        let old = group.hooks.get(&self.name);
        if old.is_none() && group.hooks.len() >= MOST_HOOKS {
            return Err(ApiError::new(
                "LimitExceeded",
                format!("An Auto Scaling group can have at most {MOST_HOOKS} lifecycle hooks"),
            ));
        }
        let transition = self
            .transition
            .or_else(|| old.map(|hook| hook.transition))
            .ok_or_else(|| {
                ApiError::constraint(
                    None,
                    "lifecycleTransition",
                    "Member must not be null for a new lifecycle hook",
                )
            })?;
        let default = |pick: fn(&Hook) -> Option<String>| old.and_then(pick);
        let hook = Hook {
            transition,
            heartbeat_timeout: self
                .heartbeat_timeout
                .or_else(|| old.map(|hook| hook.heartbeat_timeout))
                .unwrap_or(DEFAULT_HEARTBEAT_SECONDS),
            default_result: self
                .default_result
                .or_else(|| old.map(|hook| hook.default_result))
                .unwrap_or(ActionResult::Abandon),
            metadata: self.metadata.or_else(|| default(|hook| hook.metadata.clone())),
            // An empty target removes the one that is there.
            target_arn: self
                .target_arn
                .or_else(|| default(|hook| hook.target_arn.clone()))
                .filter(|arn| !arn.is_empty()),
            role_arn: self.role_arn.or_else(|| default(|hook| hook.role_arn.clone())),
        };
        group.hooks.insert(self.name, hook);
        Ok(())
    }
}

/// Source: API reference, `PutLifecycleHook`; User Guide, "How lifecycle hooks work in Auto Scaling groups". Actions
/// that are open keep the numbers they were opened with. Left out: nothing is sent to the notification target
/// (no message for an action, no `autoscaling:TEST_NOTIFICATION`); it is kept and described.
#[derive(Debug, Clone)]
pub(crate) struct PutLifecycleHook {
    group: String,
    hook: HookParameters,
}

impl Call for PutLifecycleHook {
    fn parse(form: &Form) -> Result<Self, ApiError> {
        Ok(Self {
            group: group_name(form)?,
            hook: HookParameters::parse(form)?,
        })
    }

    fn apply(self, model: &mut Model, now: Timestamp) -> Result<Response, ApiError> {
        let (group, _) = model.turn(&self.group, now)?;
        self.hook.put(group)?;
        Ok(Response::empty())
    }
}

/// Source: API reference, `DescribeLifecycleHooks`. Complete. A name that is no hook's is passed over.
#[derive(Debug, Clone)]
pub(crate) struct DescribeLifecycleHooks {
    group: String,
    names: Option<Vec<String>>,
}

impl Call for DescribeLifecycleHooks {
    fn parse(form: &Form) -> Result<Self, ApiError> {
        Ok(Self {
            group: group_name(form)?,
            names: form.texts("LifecycleHookNames"),
        })
    }

    fn apply(self, model: &mut Model, _now: Timestamp) -> Result<Response, ApiError> {
        let group = model
            .group(&self.group)
            .ok_or_else(|| ApiError::no_group(&self.group))?;
        let asked = |name: &String| self.names.as_ref().is_none_or(|names| names.contains(name));
        let hooks = group.hooks.iter().filter(|(name, _)| asked(name));
        let hooks = hooks.map(|(name, hook)| {
            Element::new("Hook")
                .text("LifecycleHookName", name)
                .text("AutoScalingGroupName", &group.name)
                .text("LifecycleTransition", hook.transition)
                .maybe("NotificationTargetARN", hook.target_arn.as_ref())
                .maybe("RoleARN", hook.role_arn.as_ref())
                .maybe("NotificationMetadata", hook.metadata.as_ref())
                .text("HeartbeatTimeout", hook.heartbeat_timeout)
                .text("GlobalTimeout", hook.global_timeout())
                .text("DefaultResult", hook.default_result)
        });
        Ok(Response::Result(
            Element::new("Result").list("LifecycleHooks", hooks),
        ))
    }
}

/// Source: API reference, `DeleteLifecycleHook`. Its open actions end first: ABANDON for instances that launch,
/// CONTINUE for those that terminate. Complete.
#[derive(Debug, Clone)]
pub(crate) struct DeleteLifecycleHook {
    group: String,
    hook: String,
}

impl Call for DeleteLifecycleHook {
    fn parse(form: &Form) -> Result<Self, ApiError> {
        Ok(Self {
            group: group_name(form)?,
            hook: form.name("LifecycleHookName", LONGEST_NAME)?,
        })
    }

    fn apply(self, model: &mut Model, now: Timestamp) -> Result<Response, ApiError> {
        let (group, mut turn) = model.turn(&self.group, now)?;
        if group.hooks.remove(&self.hook).is_none() {
            // Only the beginning of AWS's message is known.
            return Err(ApiError::validation(format!(
                "No Lifecycle Hook found with name {}",
                self.hook
            )));
        }
        let open = |action: &LifecycleAction| action.hook == self.hook && action.is_open();
        let mut ended = Vec::new();
        for instance in &mut group.instances {
            let launching = instance.state == LifecycleState::PendingWait;
            for action in instance.actions.iter_mut().filter(|action| open(action)) {
                action.result = Some(if launching {
                    ActionResult::Abandon
                } else {
                    ActionResult::Continue
                });
                ended.push(instance.id.clone());
            }
        }
        for id in &ended {
            group.settle(id, &mut turn);
        }
        Ok(Response::empty())
    }
}
