//! The settings of a group as `CreateAutoScalingGroup` and `UpdateAutoScalingGroup` take them.

use std::ops::RangeInclusive;

use super::LONGEST_NAME;
use crate::error::ApiError;
use crate::fleet::TemplateRef;
use crate::model::{Distribution, Mixed, Override, Source, Wanted};
use crate::wire::Form;

/// Sizes of a group: far more than an account may have, so that a slip is refused.
pub(crate) const SIZES: RangeInclusive<u32> = 0..=10_000;

const SECONDS: RangeInclusive<u32> = 0..=u32::MAX;

/// Parameters that would change what the group does, and that this endpoint can't do: refused, not passed over.
const UNSUPPORTED: &[&str] = &[
    "AvailabilityZoneDistribution",
    "AvailabilityZoneIds",
    "AvailabilityZoneImpairmentPolicy",
    "CapacityReservationSpecification",
    "Context",
    "DeletionProtection",
    "DesiredCapacityType",
    "InstanceId",
    "InstanceMaintenancePolicy",
    "LaunchConfigurationName",
    "LoadBalancerNames",
    "PlacementGroup",
    "TrafficSources",
];

/// What is to change: everything that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) min: Option<u32>,
    pub(crate) max: Option<u32>,
    pub(crate) desired: Option<u32>,
    pub(crate) source: Option<Source>,
    zones: Option<Vec<String>>,
    subnets: Option<Vec<String>>,
    cooldown: Option<u32>,
    grace_period: Option<u32>,
    health_check_type: Option<String>,
    termination_policies: Option<Vec<String>>,
    protect_new_instances: Option<bool>,
    retain_abandoned: Option<bool>,
    capacity_rebalance: Option<bool>,
    max_instance_lifetime: Option<u32>,
    warmup: Option<u32>,
    service_role: Option<String>,
}

impl Changes {
    pub(crate) fn parse(form: &Form) -> Result<Self, ApiError> {
        let unsupported = |name: &&str| UNSUPPORTED.contains(&name.split('.').next().unwrap_or_default());
        if let Some(name) = form.names().find(unsupported) {
            return Err(ApiError::validation(format!(
                "{name} is not supported by this endpoint"
            )));
        }
        let subnets = form.text("VPCZoneIdentifier").map(|list| {
            list.split(',')
                .map(str::trim)
                .filter(|id| !id.is_empty())
                .map(str::to_owned)
                .collect()
        });
        let retain = &[("retain", true), ("terminate", false)];
        let triggers = form
            .structure("InstanceLifecyclePolicy")
            .and_then(|policy| policy.structure("RetentionTriggers"));
        Ok(Self {
            min: form.number("MinSize", &SIZES)?,
            max: form.number("MaxSize", &SIZES)?,
            desired: form.number("DesiredCapacity", &SIZES)?,
            source: source(form)?,
            zones: form.texts("AvailabilityZones"),
            subnets,
            cooldown: form.number("DefaultCooldown", &SECONDS)?,
            grace_period: form.number("HealthCheckGracePeriod", &SECONDS)?,
            health_check_type: form.text("HealthCheckType"),
            termination_policies: form.texts("TerminationPolicies"),
            protect_new_instances: form.flag("NewInstancesProtectedFromScaleIn")?,
            retain_abandoned: match triggers {
                Some(triggers) => triggers.choice("TerminateHookAbandon", retain)?,
                None => None,
            },
            capacity_rebalance: form.flag("CapacityRebalance")?,
            max_instance_lifetime: form.number("MaxInstanceLifetime", &SECONDS)?,
            warmup: form.number("DefaultInstanceWarmup", &SECONDS)?,
            service_role: form.text("ServiceLinkedRoleARN"),
        })
    }

    pub(crate) fn templates(&mut self) -> Vec<&mut TemplateRef> {
        let Some(source) = &mut self.source else {
            return Vec::new();
        };
        let overrides = source.mixed.iter_mut().flat_map(|mixed| &mut mixed.overrides);
        let own = overrides.filter_map(|it| it.template.as_mut());
        std::iter::once(&mut source.template).chain(own).collect()
    }

    /// Makes the changes. A desired capacity that is not given follows the new bounds.
    pub(crate) fn make(self, wanted: &mut Wanted) -> Result<(), ApiError> {
        set(&mut wanted.min, self.min);
        set(&mut wanted.max, self.max);
        let (min, max) = (wanted.min, wanted.max);
        if min > max {
            return Err(ApiError::validation(format!(
                "Max bound, {max}, must be greater than or equal to min bound, {min}"
            )));
        }
        wanted.desired = self.desired.unwrap_or_else(|| wanted.desired.clamp(min, max));
        if !(min..=max).contains(&wanted.desired) {
            return Err(ApiError::validation(format!(
                "Desired capacity:{} must be between the specified min size:{min} and max size:{max}",
                wanted.desired
            )));
        }
        set(&mut wanted.source, self.source);
        set(&mut wanted.zones, self.zones);
        set(&mut wanted.subnets, self.subnets);
        if wanted.places().is_empty() {
            return Err(ApiError::validation(
                "At least one Availability Zone or VPC Subnet is required.",
            ));
        }
        set(&mut wanted.cooldown, self.cooldown);
        set(&mut wanted.grace_period, self.grace_period);
        set(&mut wanted.health_check_type, self.health_check_type);
        set(
            &mut wanted.termination_policies,
            self.termination_policies.filter(|policies| !policies.is_empty()),
        );
        set(&mut wanted.protect_new_instances, self.protect_new_instances);
        wanted.retain_abandoned = self.retain_abandoned.or(wanted.retain_abandoned);
        wanted.capacity_rebalance = self.capacity_rebalance.or(wanted.capacity_rebalance);
        wanted.max_instance_lifetime = self.max_instance_lifetime.or(wanted.max_instance_lifetime);
        wanted.warmup = self.warmup.or(wanted.warmup);
        wanted.service_role = self.service_role.or_else(|| wanted.service_role.take());
        Ok(())
    }
}

fn set<T>(old: &mut T, new: Option<T>) {
    if let Some(new) = new {
        *old = new;
    }
}

fn source(form: &Form) -> Result<Option<Source>, ApiError> {
    let plain = form.structure("LaunchTemplate");
    let policy = form.structure("MixedInstancesPolicy");
    match (plain, policy) {
        (None, None) => Ok(None),
        (Some(plain), None) => Ok(Some(Source {
            template: template(&plain)?,
            mixed: None,
        })),
        (None, Some(policy)) => mixed(&policy).map(Some),
        (Some(_), Some(_)) => Err(one_source()),
    }
}

/// What AWS says when a group would have no source, or two.
pub(crate) fn one_source() -> ApiError {
    ApiError::validation(
        "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or \
         MixedInstancesPolicy parameter.",
    )
}

fn template(form: &Form) -> Result<TemplateRef, ApiError> {
    let id = form.text("LaunchTemplateId");
    let name = form.text("LaunchTemplateName");
    if id.is_some() == name.is_some() {
        return Err(ApiError::validation(
            "Valid requests must contain either launchTemplateId or LaunchTemplateName",
        ));
    }
    Ok(TemplateRef {
        id,
        name,
        version: form.text("Version"),
    })
}

fn mixed(policy: &Form) -> Result<Source, ApiError> {
    let launch = policy.structure("LaunchTemplate");
    let launch = policy.present("LaunchTemplate", launch)?;
    let specification = launch.structure("LaunchTemplateSpecification");
    let specification = launch.present("LaunchTemplateSpecification", specification)?;
    let overrides: Result<_, ApiError> = launch.structures("Overrides").iter().map(override_of).collect();
    let distribution = match policy.structure("InstancesDistribution") {
        Some(form) => distribution(&form)?,
        None => Distribution::default(),
    };
    Ok(Source {
        template: template(&specification)?,
        mixed: Some(Mixed {
            overrides: overrides?,
            distribution,
        }),
    })
}

fn override_of(form: &Form) -> Result<Override, ApiError> {
    // Each instance counts as one: other weights would silently give another group than the one asked for.
    let weighted = form.text("WeightedCapacity").is_some_and(|weight| weight != "1");
    if weighted || form.structure("InstanceRequirements").is_some() {
        return Err(ApiError::validation(
            "WeightedCapacity other than 1 and InstanceRequirements are not supported by this endpoint",
        ));
    }
    let own = form.structure("LaunchTemplateSpecification");
    let instance_type = form
        .text("InstanceType")
        .map(|_| form.name("InstanceType", LONGEST_NAME));
    Ok(Override {
        instance_type: instance_type.transpose()?,
        template: own.map(|own| template(&own)).transpose()?,
    })
}

fn distribution(form: &Form) -> Result<Distribution, ApiError> {
    let default = Distribution::default();
    Ok(Distribution {
        on_demand_base: form
            .number("OnDemandBaseCapacity", &SIZES)?
            .unwrap_or(default.on_demand_base),
        on_demand_percentage: form
            .number("OnDemandPercentageAboveBaseCapacity", &(0..=100))?
            .unwrap_or(default.on_demand_percentage),
        on_demand_strategy: form
            .text("OnDemandAllocationStrategy")
            .unwrap_or(default.on_demand_strategy),
        spot_strategy: form
            .text("SpotAllocationStrategy")
            .unwrap_or(default.spot_strategy),
        spot_pools: form.number("SpotInstancePools", &(1..=20))?,
        spot_max_price: form.text("SpotMaxPrice"),
    })
}
