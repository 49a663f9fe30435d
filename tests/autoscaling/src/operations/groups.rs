//! Groups as a whole.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::changes::{Changes, one_source};
use super::hooks::HookParameters;
use super::tags::TagParameters;
use super::{Call, Response, group_name};
use crate::error::ApiError;
use crate::fleet::TemplateRef;
use crate::model::{Group, Model, Source, Wanted};
use crate::wire::Form;

/// Source: API reference, `CreateAutoScalingGroup`. The instances are launched by what follows, not by the call. Left
/// out (and refused): launch configurations, load balancers of the old kind, attribute-based instance types,
/// weights, capacity reservations, maintenance policies, deletion protection. Kept and described without an
/// effect: target groups, allocation strategies, capacity rebalancing, maximum lifetime, warm-up, health check type.
#[derive(Debug, Clone)]
pub(crate) struct CreateAutoScalingGroup {
    name: String,
    changes: Changes,
    target_groups: Vec<String>,
    hooks: Vec<HookParameters>,
    tags: Vec<TagParameters>,
}

impl Call for CreateAutoScalingGroup {
    fn parse(form: &Form) -> Result<Self, ApiError> {
        let name = group_name(form)?;
        if name.contains(':') {
            return Err(form.violation(
                "AutoScalingGroupName",
                Some(&name),
                "Member must not contain a colon",
            ));
        }
        let changes = Changes::parse(form)?;
        form.present("MinSize", changes.min)?;
        form.present("MaxSize", changes.max)?;
        if changes.source.is_none() {
            return Err(one_source());
        }
        let hooks = form.structures("LifecycleHookSpecificationList");
        let hooks: Result<_, ApiError> = hooks.iter().map(HookParameters::parse).collect();
        let tags = form.structures("Tags");
        let tags: Result<_, ApiError> = tags
            .iter()
            .map(|tag| TagParameters::of_group(tag, &name))
            .collect();
        let target_groups = form.texts("TargetGroupARNs").unwrap_or_default();
        Ok(Self {
            changes,
            target_groups,
            hooks: hooks?,
            tags: tags?,
            name,
        })
    }

    fn templates(&mut self) -> Vec<&mut TemplateRef> {
        self.changes.templates()
    }

    fn apply(self, model: &mut Model, now: Timestamp) -> Result<Response, ApiError> {
        if let Some(old) = model.group(&self.name) {
            let more = if old.deleting {
                " and is pending delete"
            } else {
                ""
            };
            return Err(ApiError::new(
                "AlreadyExists",
                format!(
                    "AutoScalingGroup by this name already exists{more} - A group with the name {} already exists",
                    self.name
                ),
            ));
        }
        let mut wanted = defaults(&model.home.account);
        self.changes.make(&mut wanted)?;
        let unique = model.uuid();
        let mut group = Group {
            arn: model.arn(&unique, &self.name),
            name: self.name,
            created: now,
            wanted,
            target_groups: self.target_groups,
            tags: BTreeMap::new(),
            hooks: BTreeMap::new(),
            suspended: BTreeMap::new(),
            deleting: false,
            launching: BTreeMap::new(),
            instances: Vec::new(),
            no_launch_before: None,
            scaled_at: None,
        };
        self.hooks.into_iter().try_for_each(|hook| hook.put(&mut group))?;
        self.tags.into_iter().try_for_each(|tag| tag.put(&mut group))?;
        model.insert(group);
        Ok(Response::Nothing)
    }
}

/// What a group has that was told nothing.
fn defaults(account: &str) -> Wanted {
    let role = "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";
    Wanted {
        min: 0,
        max: 0,
        desired: 0,
        source: Source::default(),
        zones: Vec::new(),
        subnets: Vec::new(),
        cooldown: 300,
        grace_period: 0,
        health_check_type: "EC2".to_owned(),
        termination_policies: vec!["Default".to_owned()],
        protect_new_instances: false,
        retain_abandoned: None,
        capacity_rebalance: None,
        max_instance_lifetime: None,
        warmup: None,
        service_role: Some(format!("arn:aws:iam::{account}:{role}")),
    }
}

/// Source: API reference, `UpdateAutoScalingGroup`: without a desired capacity the one that is there follows the new
/// bounds; instances that run are not replaced for a new template. Left out: as for `CreateAutoScalingGroup`;
/// instances in a zone that the group has no more stay where they are, since nothing rebalances.
#[derive(Debug, Clone)]
pub(crate) struct UpdateAutoScalingGroup {
    name: String,
    changes: Changes,
}

impl Call for UpdateAutoScalingGroup {
    fn parse(form: &Form) -> Result<Self, ApiError> {
        Ok(Self {
            name: group_name(form)?,
            changes: Changes::parse(form)?,
        })
    }

    fn templates(&mut self) -> Vec<&mut TemplateRef> {
        self.changes.templates()
    }

    fn apply(self, model: &mut Model, now: Timestamp) -> Result<Response, ApiError> {
        let (group, _) = model.turn(&self.name, now)?;
        let mut wanted = group.wanted.clone();
        self.changes.make(&mut wanted)?;
        group.wanted = wanted;
        Ok(Response::Nothing)
    }
}

/// Source: API reference, `DeleteAutoScalingGroup`. By force the instances are terminated without their hooks ("deletes
/// any outstanding lifecycle actions"), and the group is described as `Delete in progress` until they are gone.
/// Left out: warm pools, scaling policies.
#[derive(Debug, Clone)]
pub(crate) struct DeleteAutoScalingGroup {
    name: String,
    force: bool,
}

impl Call for DeleteAutoScalingGroup {
    fn parse(form: &Form) -> Result<Self, ApiError> {
        Ok(Self {
            name: group_name(form)?,
            force: form.flag("ForceDelete")?.unwrap_or(false),
        })
    }

    fn apply(self, model: &mut Model, now: Timestamp) -> Result<Response, ApiError> {
        let (group, mut turn) = model.turn(&self.name, now)?;
        if self.force {
            group.deleting = true;
            (group.wanted.min, group.wanted.desired) = (0, 0);
            let ids: Vec<String> = group
                .instances
                .iter()
                .map(|instance| instance.id.clone())
                .collect();
            for id in &ids {
                group.end_now(id, &mut turn);
            }
            return Ok(Response::Nothing);
        }
        if group.instances.iter().any(|instance| instance.state.is_active()) {
            return Err(ApiError::new(
                "ResourceInUse",
                "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance \
                 request(s) still in the group.",
            ));
        }
        if !group.instances.is_empty() || !group.launching.is_empty() {
            return Err(ApiError::new(
                "ScalingActivityInProgress",
                "You cannot delete an AutoScalingGroup while there are scaling activities in progress for that \
                 group.",
            ));
        }
        model.remove(&self.name);
        Ok(Response::Nothing)
    }
}
