//! Lifecycle hooks and the actions that wait at them.

use aws_sdk_autoscaling::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_autoscaling::types;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use domain::ids::{GroupName, HookName, InstanceId, LifecycleToken};
use domain::lifecycle::{Completion, Hook, HookResult, Transition};
use jiff::SignedDuration;

use super::AutoScaling;
use crate::error::{Call, Error};

/// How Auto Scaling begins to say, under the code `ValidationError`, that the action is over or never was.
/// There is no code of its own for it.
const NO_ACTION: &str = "No active Lifecycle Action found";

/// Lists the lifecycle hooks of a group.
pub trait DescribeHooks {
    /// All hooks of the group.
    async fn hooks_of(&self, group: &GroupName) -> Result<Vec<Hook>, Error>;
}

/// Ends the wait at a hook.
pub trait CompleteHook {
    /// Completes the action with `result`. That there is no such action is no error: it may have been
    /// completed before, or have timed out. It is no proof either: the instance's state tells.
    async fn complete_hook(&self, action: &LifecycleAction, result: HookResult) -> Result<Completion, Error>;
}

/// Prolongs the wait at a hook.
pub trait RecordHeartbeat {
    /// Lets the action wait for the hook's heartbeat time-out once more, counted from now.
    async fn record_heartbeat(&self, action: &LifecycleAction) -> Result<Heartbeat, Error>;
}

/// What an instance waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifecycleAction {
    /// The group.
    pub group: GroupName,
    /// The hook.
    pub hook: HookName,
    /// The instance.
    pub instance: InstanceId,
    /// What tells this action from an earlier or later one of the same instance. Only the event carries it;
    /// without it the instance names the action.
    pub token: Option<LifecycleToken>,
}

/// What came of a heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heartbeat {
    /// The wait goes on.
    Recorded,
    /// There is no such action, or not any more.
    NoActiveAction,
}

impl LifecycleAction {
    /// The token alone, if it is known, else the instance.
    fn key(&self) -> (Option<String>, Option<String>) {
        match &self.token {
            Some(token) => (Some(token.expose().to_owned()), None),
            None => (None, Some(self.instance.as_str().to_owned())),
        }
    }

    /// What came of a request about this action; `None` when there is no such action, or not any more.
    fn answered<T, E>(
        &self,
        operation: &'static str,
        answer: Result<T, SdkError<E, HttpResponse>>,
    ) -> Result<Option<T>, Error>
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        match answer {
            Ok(done) => Ok(Some(done)),
            Err(error) if is_no_action(&error) => Ok(None),
            Err(error) => {
                let Self {
                    group,
                    hook,
                    instance,
                    token: _,
                } = self;
                let subject = format!("instance {instance}, group {group}, hook {hook}");
                Err(self.without_token(Call::new(operation, subject).failed(error)))
            }
        }
    }

    /// AWS repeats the token in some messages; it must not get into a log.
    fn without_token(&self, error: Error) -> Error {
        match (error, &self.token) {
            (
                Error::Refused {
                    operation,
                    subject,
                    code,
                    message,
                    class,
                },
                Some(token),
            ) => {
                let message = message.replace(token.expose(), "(token)");
                Error::Refused {
                    operation,
                    subject,
                    code,
                    message,
                    class,
                }
            }
            (error, _) => error,
        }
    }
}

impl DescribeHooks for AutoScaling {
    async fn hooks_of(&self, group: &GroupName) -> Result<Vec<Hook>, Error> {
        let call = Call::new("autoscaling:DescribeLifecycleHooks", format!("group {group}"));
        let request = self
            .client
            .describe_lifecycle_hooks()
            .auto_scaling_group_name(group.as_str());
        let answer = request.send().await.map_err(|error| call.clone().failed(error))?;
        answer
            .lifecycle_hooks()
            .iter()
            .map(|hook| hook_of(hook, group, &call))
            .collect()
    }
}

impl CompleteHook for AutoScaling {
    async fn complete_hook(&self, action: &LifecycleAction, result: HookResult) -> Result<Completion, Error> {
        let (token, instance) = action.key();
        let request = self
            .client
            .complete_lifecycle_action()
            .auto_scaling_group_name(action.group.as_str())
            .lifecycle_hook_name(action.hook.as_str())
            .set_lifecycle_action_token(token)
            .set_instance_id(instance)
            .lifecycle_action_result(result.as_str());
        let answer = request.send().await;
        let done = action.answered("autoscaling:CompleteLifecycleAction", answer)?;
        Ok(done.map_or(Completion::NoActiveAction, |_| Completion::Completed))
    }
}

impl RecordHeartbeat for AutoScaling {
    async fn record_heartbeat(&self, action: &LifecycleAction) -> Result<Heartbeat, Error> {
        let (token, instance) = action.key();
        let request = self
            .client
            .record_lifecycle_action_heartbeat()
            .auto_scaling_group_name(action.group.as_str())
            .lifecycle_hook_name(action.hook.as_str())
            .set_lifecycle_action_token(token)
            .set_instance_id(instance);
        let answer = request.send().await;
        let done = action.answered("autoscaling:RecordLifecycleActionHeartbeat", answer)?;
        Ok(done.map_or(Heartbeat::NoActiveAction, |_| Heartbeat::Recorded))
    }
}

fn is_no_action<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    error.as_service_error().is_some_and(|error| {
        error.code() == Some("ValidationError")
            && error
                .message()
                .is_some_and(|message| message.starts_with(NO_ACTION))
    })
}

fn hook_of(hook: &types::LifecycleHook, group: &GroupName, call: &Call) -> Result<Hook, Error> {
    let name = call.must("hook name", hook.lifecycle_hook_name())?;
    let transition = call.must("transition", hook.lifecycle_transition())?;
    let result = call.must("default result", hook.default_result())?;
    Ok(Hook {
        name: HookName::parse(name).map_err(|error| call.unexpected(error))?,
        group: group.clone(),
        transition: Transition::parse(transition)
            .ok_or_else(|| call.unexpected(format!("hook {name}: transition {transition:?}")))?,
        heartbeat: seconds(call.must("heartbeat time-out", hook.heartbeat_timeout())?),
        global_timeout: seconds(call.must("global time-out", hook.global_timeout())?),
        default_result: match result {
            "CONTINUE" => HookResult::Continue,
            "ABANDON" => HookResult::Abandon,
            other => return Err(call.unexpected(format!("hook {name}: default result {other:?}"))),
        },
    })
}

fn seconds(number: i32) -> SignedDuration {
    SignedDuration::from_secs(number.into())
}
