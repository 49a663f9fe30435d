//! A group: what it was told to be, and what it has.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::hook::Hook;
use super::instance::{Instance, Launching, Place};
use super::lifecycle::Process;
use crate::fleet::TemplateRef;

/// What instances are launched from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) template: TemplateRef,
    /// `None` for a group with a plain launch template.
    pub(crate) mixed: Option<Mixed>,
}

/// The rest of a mixed instances policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Mixed {
    /// In order of preference.
    pub(crate) overrides: Vec<Override>,
    pub(crate) distribution: Distribution,
}

/// An instance type that a mixed instances policy allows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Override {
    pub(crate) instance_type: Option<String>,
    /// Instead of the policy's own.
    pub(crate) template: Option<TemplateRef>,
}

/// How a mixed instances policy divides between on-demand and spot. The strategies are shown, not acted on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Distribution {
    pub(crate) on_demand_base: u32,
    pub(crate) on_demand_percentage: u32,
    pub(crate) on_demand_strategy: String,
    pub(crate) spot_strategy: String,
    pub(crate) spot_pools: Option<u32>,
    pub(crate) spot_max_price: Option<String>,
}

impl Default for Distribution {
    fn default() -> Self {
        Self {
            on_demand_base: 0,
            on_demand_percentage: 100,
            on_demand_strategy: "prioritized".to_owned(),
            spot_strategy: "lowest-price".to_owned(),
            spot_pools: None,
            spot_max_price: None,
        }
    }
}

impl Distribution {
    /// How many of `total` instances are on-demand: the base, and the percentage of the rest, rounded up.
    pub(crate) fn on_demand_of(&self, total: u32) -> u32 {
        let above = total.saturating_sub(self.on_demand_base);
        self.on_demand_base.min(total) + (above * self.on_demand_percentage).div_ceil(100)
    }
}

/// A tag of a group; the key is the key of [`Group::tags`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) value: String,
    /// Whether instances launched from now on get it too.
    pub(crate) propagate: bool,
}

/// The settings of a group that `UpdateAutoScalingGroup` can change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) min: u32,
    pub(crate) max: u32,
    pub(crate) desired: u32,
    pub(crate) source: Source,
    pub(crate) zones: Vec<String>,
    pub(crate) subnets: Vec<String>,
    /// Seconds.
    pub(crate) cooldown: u32,
    /// Seconds.
    pub(crate) grace_period: u32,
    pub(crate) health_check_type: String,
    pub(crate) termination_policies: Vec<String>,
    pub(crate) protect_new_instances: bool,
    pub(crate) retain_abandoned: Option<bool>,
    pub(crate) capacity_rebalance: Option<bool>,
    /// Seconds; shown, not acted on.
    pub(crate) max_instance_lifetime: Option<u32>,
    /// Seconds; shown, not acted on.
    pub(crate) warmup: Option<u32>,
    pub(crate) service_role: Option<String>,
}

impl Wanted {
    /// Every place that instances may be launched in, in the order given.
    pub(crate) fn places(&self) -> Vec<Place> {
        if self.subnets.is_empty() {
            let zones = self.zones.iter();
            return zones
                .map(|zone| Place {
                    zone: Some(zone.clone()),
                    subnet: None,
                })
                .collect();
        }
        // With one zone there is no doubt in which zone the subnets are.
        let zone = if let [zone] = self.zones.as_slice() {
            Some(zone.clone())
        } else {
            None
        };
        let subnets = self.subnets.iter();
        subnets
            .map(|subnet| Place {
                zone: zone.clone(),
                subnet: Some(subnet.clone()),
            })
            .collect()
    }
}

/// An Auto Scaling group.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) created: Timestamp,
    pub(crate) wanted: Wanted,
    pub(crate) target_groups: Vec<String>,
    pub(crate) tags: BTreeMap<String, Tag>,
    pub(crate) hooks: BTreeMap<String, Hook>,
    /// With the time since when.
    pub(crate) suspended: BTreeMap<Process, Timestamp>,
    /// By force: the group goes with its last instance.
    pub(crate) deleting: bool,
    /// By the id of their activity.
    pub(crate) launching: BTreeMap<String, Launching>,
    /// Oldest first.
    pub(crate) instances: Vec<Instance>,
    /// After a failed launch.
    pub(crate) no_launch_before: Option<Timestamp>,
    /// When the desired capacity was last set, for `HonorCooldown`.
    pub(crate) scaled_at: Option<Timestamp>,
}

impl Group {
    pub(crate) fn is_suspended(&self, process: Process) -> bool {
        self.suspended.contains_key(&process)
    }

    pub(crate) fn instance(&self, id: &str) -> Option<&Instance> {
        self.instances.iter().find(|instance| instance.id == id)
    }

    pub(crate) fn instance_mut(&mut self, id: &str) -> Option<&mut Instance> {
        self.instances.iter_mut().find(|instance| instance.id == id)
    }

    /// Tags as policies and notices see them.
    pub(crate) fn plain_tags(&self) -> BTreeMap<String, String> {
        self.tags
            .iter()
            .map(|(key, tag)| (key.clone(), tag.value.clone()))
            .collect()
    }

    /// Tags of an instance launched now.
    pub(crate) fn instance_tags(&self) -> BTreeMap<String, String> {
        let propagated = self.tags.iter().filter(|(_, tag)| tag.propagate);
        let mut tags: BTreeMap<_, _> = propagated
            .map(|(key, tag)| (key.clone(), tag.value.clone()))
            .collect();
        tags.insert("aws:autoscaling:groupName".to_owned(), self.name.clone());
        tags
    }

    /// The zones to show: those asked for, or those that instances in its subnets turned out to be in.
    pub(crate) fn zones(&self) -> Vec<String> {
        if !self.wanted.zones.is_empty() {
            return self.wanted.zones.clone();
        }
        let seen: BTreeSet<String> = self
            .instances
            .iter()
            .map(|instance| instance.zone.clone())
            .collect();
        seen.into_iter().collect()
    }
}
