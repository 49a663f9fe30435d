//! How large a group is to be, and what it may do by itself.

use jiff::Timestamp;

use super::changes::SIZES;
use super::{Call, Response, group_name};
use crate::error::ApiError;
use crate::model::{Group, Model, Process, seconds};
use crate::wire::Form;

/// Source: API reference, `SetDesiredCapacity`; User Guide, "Manual scaling". Scale-in goes by zones, then by age, see
/// `model::capacity`. Left out: simple scaling policies and their cooldowns; `HonorCooldown` counts from the last
/// `SetDesiredCapacity`.
#[derive(Debug, Clone)]
pub(crate) struct SetDesiredCapacity {
    group: String,
    desired: u32,
    honor_cooldown: bool,
}

impl Call for SetDesiredCapacity {
    fn parse(form: &Form) -> Result<Self, ApiError> {
        Ok(Self {
            group: group_name(form)?,
            desired: form.present("DesiredCapacity", form.number("DesiredCapacity", &SIZES)?)?,
            honor_cooldown: form.flag("HonorCooldown")?.unwrap_or(false),
        })
    }

    fn apply(self, model: &mut Model, now: Timestamp) -> Result<Response, ApiError> {
        let (group, _) = model.turn(&self.group, now)?;
        let (desired, min, max) = (self.desired, group.wanted.min, group.wanted.max);
        let refused = |side: &str, bound: &str, value: u32| {
            ApiError::validation(format!(
                "New SetDesiredCapacity value {desired} is {side} {bound} value {value} for the AutoScalingGroup."
            ))
        };
        if desired > max {
            return Err(refused("above", "max", max));
        }
        if desired < min {
            return Err(refused("below", "min", min));
        }
        let cools = group
            .scaled_at
            .is_some_and(|at| now < at + seconds(group.wanted.cooldown));
        if self.honor_cooldown && cools {
            return Err(ApiError::new(
                "ScalingActivityInProgress",
                format!(
                    "A cooldown of AutoScalingGroup {} is in progress and blocks this action",
                    group.name
                ),
            ));
        }
        group.wanted.desired = desired;
        group.scaled_at = Some(now);
        Ok(Response::Nothing)
    }
}

/// A group and some of its processes: all of them if the call names none.
#[derive(Debug, Clone)]
struct Processes {
    group: String,
    processes: Vec<Process>,
}

impl Processes {
    fn parse(form: &Form) -> Result<Self, ApiError> {
        let group = group_name(form)?;
        let names = form.texts("ScalingProcesses").filter(|names| !names.is_empty());
        let Some(names) = names else {
            let processes = Process::CHOICES.iter().map(|&(_, process)| process).collect();
            return Ok(Self { group, processes });
        };
        let process = |name: &String| {
            let found = Process::CHOICES.iter().find(|(word, _)| word == name);
            found.map(|&(_, process)| process).ok_or_else(|| {
                ApiError::validation(format!(
                    "1 validation error detected: {name} is not a valid scaling process"
                ))
            })
        };
        let processes = names.iter().map(process).collect::<Result<_, _>>()?;
        Ok(Self { group, processes })
    }

    fn apply(
        self,
        model: &mut Model,
        now: Timestamp,
        change: impl Fn(&mut Group, Process),
    ) -> Result<Response, ApiError> {
        let (group, _) = model.turn(&self.group, now)?;
        for process in self.processes {
            change(group, process);
        }
        Ok(Response::Nothing)
    }
}

/// Source: API reference, `SuspendProcesses`; User Guide, "Suspend and resume Amazon EC2 Auto Scaling processes".
/// Launch, Terminate and `ReplaceUnhealthy` have an effect: no launches; no scale-in and no replacement of unhealthy
/// instances; no replacement of unhealthy instances. `TerminateInstanceInAutoScalingGroup` and time-outs of hooks
/// are nobody's process and go on. The others are kept and described: what they stop (load balancers, alarms,
/// schedules, rebalancing, refresh, EC2's health checks) does not exist here. Left out: administrative suspension.
#[derive(Debug, Clone)]
pub(crate) struct SuspendProcesses(Processes);

impl Call for SuspendProcesses {
    fn parse(form: &Form) -> Result<Self, ApiError> {
        Processes::parse(form).map(Self)
    }

    fn apply(self, model: &mut Model, now: Timestamp) -> Result<Response, ApiError> {
        self.0.apply(model, now, |group, process| {
            group.suspended.entry(process).or_insert(now);
        })
    }
}

/// Source: API reference, `ResumeProcesses`; User Guide, "Suspend and resume Amazon EC2 Auto Scaling processes". What
/// was put off is done at once. Left out: nothing.
#[derive(Debug, Clone)]
pub(crate) struct ResumeProcesses(Processes);

impl Call for ResumeProcesses {
    fn parse(form: &Form) -> Result<Self, ApiError> {
        Processes::parse(form).map(Self)
    }

    fn apply(self, model: &mut Model, now: Timestamp) -> Result<Response, ApiError> {
        self.0.apply(model, now, |group, process| {
            group.suspended.remove(&process);
        })
    }
}
