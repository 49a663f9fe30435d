//! Single instances.

use jiff::Timestamp;

use super::{Call, Response};
use crate::error::ApiError;
use crate::model::{Group, Instance, Model, events, seconds};
use crate::wire::{Element, Form};

/// The longest id of an instance.
const LONGEST_ID: usize = 19;

/// Source: API reference, `TerminateInstanceInAutoScalingGroup`; User Guide, "Manual scaling". Without a decrement the
/// replacement is launched while the instance terminates. An instance that is terminating already is answered with
/// its activity; one in `Terminating:Retained` is terminated. Left out: nothing known; that protection from
/// scale-in does not stop this call is as documented.
#[derive(Debug, Clone)]
pub(crate) struct TerminateInstanceInAutoScalingGroup {
    ids: Vec<String>,
    /// Whether `InstanceIds` was used, which is answered with a list.
    several: bool,
    group: Option<String>,
    decrement: bool,
}

impl Call for TerminateInstanceInAutoScalingGroup {
    fn parse(form: &Form) -> Result<Self, ApiError> {
        let decrement = form.flag("ShouldDecrementDesiredCapacity")?;
        let decrement = form.present("ShouldDecrementDesiredCapacity", decrement)?;
        let group = form.text("AutoScalingGroupName");
        if let Some(ids) = form.texts("InstanceIds") {
            form.required("AutoScalingGroupName")?;
            return Ok(Self {
                ids,
                several: true,
                group,
                decrement,
            });
        }
        Ok(Self {
            ids: vec![form.name("InstanceId", LONGEST_ID)?],
            several: false,
            group,
            decrement,
        })
    }

    fn apply(self, model: &mut Model, now: Timestamp) -> Result<Response, ApiError> {
        let mut activities = Vec::new();
        for id in &self.ids {
            let group = model.group_of(id)?.name.clone();
            if self.group.as_ref().is_some_and(|named| *named != group) {
                return Err(ApiError::no_instance(id));
            }
            let (group, mut turn) = model.turn(&group, now)?;
            if self.decrement
                && group
                    .instance(id)
                    .is_some_and(|instance| instance.state.is_active())
            {
                decrement(group)?;
            }
            let cause = "an instance was taken out of service in response to a user request";
            group.begin_termination(id, cause, &mut turn);
            activities.extend(group.instance(id).map(|instance| describe(group, instance)));
        }
        let result = Element::new("Result");
        Ok(Response::Result(if self.several {
            result.list("Activities", activities)
        } else {
            activities.into_iter().fold(result, Element::with)
        }))
    }
}

fn decrement(group: &mut Group) -> Result<(), ApiError> {
    if group.wanted.desired <= group.wanted.min {
        return Err(ApiError::validation(format!(
            "Currently, desiredSize equals minSize ({}). Terminating instance without replacement will violate \
             group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's \
             min size.",
            group.wanted.min
        )));
    }
    group.wanted.desired -= 1;
    Ok(())
}

fn describe(group: &Group, instance: &Instance) -> Element {
    let details = events::details(Some(&instance.zone), instance.place.subnet.as_deref());
    Element::new("Activity")
        .text("ActivityId", &instance.activity.id)
        .text("AutoScalingGroupName", &group.name)
        .text(
            "Description",
            format!("Terminating EC2 instance: {}", instance.id),
        )
        .text("Cause", &instance.activity.cause)
        .text("StartTime", instance.activity.start)
        .text("StatusCode", "InProgress")
        .text("Progress", 0)
        .text("Details", details)
}

/// Source: API reference, `SetInstanceHealth`; User Guide, "Set up a custom health check for your Auto Scaling group". An
/// unhealthy instance is terminated (through the hooks) and replaced, unless `ReplaceUnhealthy` or Terminate is
/// suspended. Within the grace period, which begins in service, "unhealthy" is passed over unless
/// `ShouldRespectGracePeriod` is false. Left out: nothing.
#[derive(Debug, Clone)]
pub(crate) struct SetInstanceHealth {
    id: String,
    healthy: bool,
    respect_grace: bool,
}

impl Call for SetInstanceHealth {
    fn parse(form: &Form) -> Result<Self, ApiError> {
        let healthy = form.choice("HealthStatus", &[("Healthy", true), ("Unhealthy", false)])?;
        Ok(Self {
            id: form.name("InstanceId", LONGEST_ID)?,
            healthy: form.present("HealthStatus", healthy)?,
            respect_grace: form.flag("ShouldRespectGracePeriod")?.unwrap_or(true),
        })
    }

    fn apply(self, model: &mut Model, now: Timestamp) -> Result<Response, ApiError> {
        let group = model.group_of(&self.id)?.name.clone();
        let (group, _) = model.turn(&group, now)?;
        let grace = seconds(group.wanted.grace_period);
        if let Some(instance) = group.instance_mut(&self.id) {
            let past = instance
                .in_service_at
                .map_or(grace.is_zero(), |since| since + grace <= now);
            if self.healthy || past || !self.respect_grace {
                instance.healthy = self.healthy;
            }
        }
        Ok(Response::Nothing)
    }
}
