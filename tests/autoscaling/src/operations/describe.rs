//! Groups and instances as they are described.

use jiff::Timestamp;

use super::filters::Filter;
use super::pages::Page;
use super::tags;
use super::{Call, Response};
use crate::error::ApiError;
use crate::fleet::TemplateRef;
use crate::model::{Group, Instance, Mixed, Model, Override, events};
use crate::wire::{Element, Form};

/// Source: API reference, `DescribeAutoScalingGroups`. A name that is no group's is passed over. `IncludeInstances` is
/// honoured. Left out: metrics, load balancers, warm pools, predicted capacity.
#[derive(Debug, Clone)]
pub(crate) struct DescribeAutoScalingGroups {
    names: Vec<String>,
    filters: Vec<Filter>,
    instances: bool,
    page: Page,
}

impl Call for DescribeAutoScalingGroups {
    fn parse(form: &Form) -> Result<Self, ApiError> {
        let known = |name: &str| name == "tag-key" || name == "tag-value" || name.starts_with("tag:");
        Ok(Self {
            names: form.texts("AutoScalingGroupNames").unwrap_or_default(),
            filters: Filter::parse(form, known, "[tag-key, tag-value, tag:<key>]")?,
            instances: form.flag("IncludeInstances")?.unwrap_or(true),
            page: Page::parse(form, 100)?,
        })
    }

    fn apply(self, model: &mut Model, _now: Timestamp) -> Result<Response, ApiError> {
        let named = |group: &&Group| self.names.is_empty() || self.names.contains(&group.name);
        let filtered = |group: &&Group| self.filters.iter().all(|filter| has_tag(group, filter));
        let groups = model.groups().filter(named).filter(filtered);
        let groups = groups.map(|group| (group.name.clone(), describe_group(group, self.instances)));
        Ok(Response::Result(self.page.result("AutoScalingGroups", groups)))
    }
}

fn has_tag(group: &Group, filter: &Filter) -> bool {
    group
        .tags
        .iter()
        .any(|(key, tag)| match filter.name.strip_prefix("tag:") {
            Some(wanted) => wanted == key && filter.accepts(&tag.value),
            None if filter.name == "tag-key" => filter.accepts(key),
            None => filter.accepts(&tag.value),
        })
}

/// Source: API reference, `DescribeAutoScalingInstances`. An instance is described until it is terminated; an id that is
/// no instance's is passed over. Left out: zone ids, root volumes.
#[derive(Debug, Clone)]
pub(crate) struct DescribeAutoScalingInstances {
    ids: Vec<String>,
    page: Page,
}

impl Call for DescribeAutoScalingInstances {
    fn parse(form: &Form) -> Result<Self, ApiError> {
        let ids = form.texts("InstanceIds").unwrap_or_default();
        if ids.len() > 50 {
            let rule = "Member must have length less than or equal to 50";
            return Err(form.violation("InstanceIds", Some(&format!("[{}]", ids.join(", "))), rule));
        }
        Ok(Self {
            ids,
            page: Page::parse(form, 50)?,
        })
    }

    fn apply(self, model: &mut Model, _now: Timestamp) -> Result<Response, ApiError> {
        let all = model
            .groups()
            .flat_map(|group| group.instances.iter().map(move |it| (group, it)));
        let mut asked: Vec<(&Group, &Instance)> = all
            .filter(|(_, instance)| self.ids.is_empty() || self.ids.contains(&instance.id))
            .collect();
        asked.sort_by(|(_, one), (_, other)| one.id.cmp(&other.id));
        let items = asked.into_iter().map(|(group, instance)| {
            let element = describe_instance(instance).text("AutoScalingGroupName", &group.name);
            (instance.id.clone(), element)
        });
        Ok(Response::Result(self.page.result("AutoScalingInstances", items)))
    }
}

fn describe_group(group: &Group, with_instances: bool) -> Element {
    let wanted = &group.wanted;
    let instances = group
        .instances
        .iter()
        .filter(|_| with_instances)
        .map(describe_instance);
    let suspended = group.suspended.iter().map(|(process, since)| {
        Element::new("Process").text("ProcessName", process).text(
            "SuspensionReason",
            format!("User suspended at {}", events::time(*since)),
        )
    });
    let subnets = (!wanted.subnets.is_empty()).then(|| wanted.subnets.join(","));
    let retain = wanted.retain_abandoned.map(|retain| {
        let action = if retain { "retain" } else { "terminate" };
        let triggers = Element::new("RetentionTriggers").text("TerminateHookAbandon", action);
        Element::new("InstanceLifecyclePolicy").with(triggers)
    });
    let element = Element::new("Group")
        .text("AutoScalingGroupName", &group.name)
        .text("AutoScalingGroupARN", &group.arn)
        .with(describe_source(group))
        .text("MinSize", wanted.min)
        .text("MaxSize", wanted.max)
        .text("DesiredCapacity", wanted.desired)
        .text("DefaultCooldown", wanted.cooldown)
        .texts("AvailabilityZones", group.zones())
        .texts("LoadBalancerNames", Vec::<String>::new())
        .texts("TargetGroupARNs", &group.target_groups)
        .text("HealthCheckType", &wanted.health_check_type)
        .text("HealthCheckGracePeriod", wanted.grace_period)
        .list("Instances", instances)
        .text("CreatedTime", group.created)
        .list("SuspendedProcesses", suspended)
        .maybe("VPCZoneIdentifier", subnets)
        .texts("EnabledMetrics", Vec::<String>::new())
        .maybe("Status", group.deleting.then_some("Delete in progress"))
        .list(
            "Tags",
            group
                .tags
                .iter()
                .map(|(key, tag)| tags::describe(&group.name, key, tag)),
        )
        .texts("TerminationPolicies", &wanted.termination_policies)
        .text("NewInstancesProtectedFromScaleIn", wanted.protect_new_instances)
        .maybe("ServiceLinkedRoleARN", wanted.service_role.as_ref())
        .maybe("MaxInstanceLifetime", wanted.max_instance_lifetime)
        .maybe("CapacityRebalance", wanted.capacity_rebalance)
        .maybe("DefaultInstanceWarmup", wanted.warmup);
    retain.into_iter().fold(element, Element::with)
}

fn describe_source(group: &Group) -> Element {
    let source = &group.wanted.source;
    let Some(Mixed {
        overrides,
        distribution,
    }) = &source.mixed
    else {
        return describe_template("LaunchTemplate", &source.template);
    };
    let overrides = overrides.iter().map(
        |Override {
             instance_type,
             template,
         }| {
            let element = Element::new("Override").maybe("InstanceType", instance_type.as_ref());
            let own = template
                .iter()
                .map(|own| describe_template("LaunchTemplateSpecification", own));
            own.fold(element, Element::with)
        },
    );
    let launch = Element::new("LaunchTemplate")
        .with(describe_template("LaunchTemplateSpecification", &source.template))
        .list("Overrides", overrides);
    let instances = Element::new("InstancesDistribution")
        .text("OnDemandAllocationStrategy", &distribution.on_demand_strategy)
        .text("OnDemandBaseCapacity", distribution.on_demand_base)
        .text(
            "OnDemandPercentageAboveBaseCapacity",
            distribution.on_demand_percentage,
        )
        .text("SpotAllocationStrategy", &distribution.spot_strategy)
        .maybe("SpotInstancePools", distribution.spot_pools)
        .maybe("SpotMaxPrice", distribution.spot_max_price.as_ref());
    Element::new("MixedInstancesPolicy").with(launch).with(instances)
}

fn describe_template(name: &str, template: &TemplateRef) -> Element {
    Element::new(name)
        .maybe("LaunchTemplateId", template.id.as_ref())
        .maybe("LaunchTemplateName", template.name.as_ref())
        .maybe("Version", template.version.as_ref())
}

fn describe_instance(instance: &Instance) -> Element {
    // The health status is upper case in one of the two describing operations of AWS; here it is not.
    Element::new("Instance")
        .text("InstanceId", &instance.id)
        .text("InstanceType", &instance.instance_type)
        .text("AvailabilityZone", &instance.zone)
        .text("LifecycleState", instance.state)
        .text(
            "HealthStatus",
            if instance.healthy { "Healthy" } else { "Unhealthy" },
        )
        .with(describe_template("LaunchTemplate", &instance.template))
        .maybe("ImageId", instance.image_id.as_ref())
        .text("ProtectedFromScaleIn", instance.protected)
}
