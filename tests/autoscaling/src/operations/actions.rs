//! Lifecycle actions: what is told by those who do the work that a hook waits for.

use jiff::Timestamp;

use super::{Call, LONGEST_NAME, Response};
use crate::error::ApiError;
use crate::model::{ActionResult, Group, LifecycleAction, Model};
use crate::wire::Form;

/// Tokens are UUIDs.
const TOKEN_LENGTH: usize = 36;

/// Which action is meant.
#[derive(Debug, Clone)]
struct Which {
    group: String,
    hook: String,
    token: Option<String>,
    instance: Option<String>,
}

impl Which {
    fn parse(form: &Form) -> Result<Self, ApiError> {
        let which = Self {
            hook: form.name("LifecycleHookName", LONGEST_NAME)?,
            group: form.name("AutoScalingGroupName", 1600)?,
            token: form.text("LifecycleActionToken"),
            instance: form.text("InstanceId"),
        };
        if let Some(token) = which.token.as_ref().filter(|token| token.len() != TOKEN_LENGTH) {
            let more_or_less = if token.len() < TOKEN_LENGTH {
                "greater"
            } else {
                "less"
            };
            let rule = format!("Member must have length {more_or_less} than or equal to {TOKEN_LENGTH}");
            return Err(form.violation("LifecycleActionToken", Some(token), &rule));
        }
        if which.token.is_none() && which.instance.is_none() {
            return Err(ApiError::validation(
                "Either LifecycleActionToken or InstanceId must be specified",
            ));
        }
        Ok(which)
    }

    /// The open action and the id of its instance.
    fn find<'a>(&self, group: &'a mut Group) -> Result<(String, &'a mut LifecycleAction), ApiError> {
        let meant = |action: &LifecycleAction| {
            let token = self.token.as_ref().is_none_or(|token| *token == action.token);
            action.is_open() && action.hook == self.hook && token
        };
        let mut instances = group.instances.iter_mut();
        let instance = instances.find(|instance| {
            let named = self.instance.as_ref().is_none_or(|id| *id == instance.id);
            named && instance.actions.iter().any(meant)
        });
        let found = instance.and_then(|instance| {
            let id = instance.id.clone();
            instance
                .actions
                .iter_mut()
                .find(|action| meant(action))
                .map(|action| (id, action))
        });
        found.ok_or_else(|| self.not_found())
    }

    fn not_found(&self) -> ApiError {
        let by = match (&self.token, &self.instance) {
            (Some(token), _) => format!("token {token}"),
            (None, instance) => format!("instance ID {}", instance.as_deref().unwrap_or_default()),
        };
        ApiError::validation(format!("No active Lifecycle Action found with {by}"))
    }
}

/// Source: API reference, `CompleteLifecycleAction`; User Guide, "Complete a lifecycle action". The instance goes on
/// when every hook of the transition has been completed, or one of them with ABANDON: a launching instance is then
/// terminated (through the terminate hooks; that it runs them is this endpoint's reading of "terminates the
/// instance") and replaced, a terminating one skips what is left, or is retained where the group's
/// `InstanceLifecyclePolicy` says so. A token or an instance whose action has ended is refused in AWS's words. Left
/// out: nothing.
#[derive(Debug, Clone)]
pub(crate) struct CompleteLifecycleAction {
    which: Which,
    result: ActionResult,
}

impl Call for CompleteLifecycleAction {
    fn parse(form: &Form) -> Result<Self, ApiError> {
        let which = Which::parse(form)?;
        let result = form.choice("LifecycleActionResult", ActionResult::CHOICES)?;
        Ok(Self {
            which,
            result: form.present("LifecycleActionResult", result)?,
        })
    }

    fn apply(self, model: &mut Model, now: Timestamp) -> Result<Response, ApiError> {
        let (group, mut turn) = model.turn(&self.which.group, now)?;
        let (instance, action) = self.which.find(group)?;
        action.result = Some(self.result);
        group.settle(&instance, &mut turn);
        Ok(Response::empty())
    }
}

/// Source: API reference, `RecordLifecycleActionHeartbeat`. The heartbeat time-out starts anew; the global time-out
/// does not. Left out: nothing.
#[derive(Debug, Clone)]
pub(crate) struct RecordLifecycleActionHeartbeat {
    which: Which,
}

impl Call for RecordLifecycleActionHeartbeat {
    fn parse(form: &Form) -> Result<Self, ApiError> {
        Ok(Self {
            which: Which::parse(form)?,
        })
    }

    fn apply(self, model: &mut Model, now: Timestamp) -> Result<Response, ApiError> {
        let (group, _) = model.turn(&self.which.group, now)?;
        let (_, action) = self.which.find(group)?;
        action.heartbeat(now);
        Ok(Response::empty())
    }
}
