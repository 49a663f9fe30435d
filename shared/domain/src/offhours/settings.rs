//! What people say about a resource, beside when it is to be up: how far down it goes, in which order, and whether a
//! change by hand counts.

use jiff::SignedDuration;

use super::{Capacity, Kind, Resource, Size, Switch};
use crate::schedule::{Context, Rules, Scope, SettingError};

/// The tier of a workload that names none: the middle, so that there is room before and after it.
pub const USUAL_TIER: u8 = 5;

/// The last tier. Tier 0 is what everything else needs (DNS, networking, admission webhooks): last to sleep, first awake.
pub const LAST_TIER: u8 = 9;

/// What a change by hand means at a time when the resource is to be down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ManualChanges {
    /// It stands until the schedule's next edge.
    #[default]
    Respect,
    /// It is taken back; the saved size stays what it was.
    Enforce,
}

impl ManualChanges {
    /// Parses `respect` or `enforce`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "respect" => Some(Self::Respect),
            "enforce" => Some(Self::Enforce),
            _ => None,
        }
    }
}

/// What the deployment says for everything that says nothing of its own.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Named schedules, holidays, the usual zone and weekdays.
    pub context: Context,
    /// How long a workload is left alone after it was created or deployed.
    pub grace: SignedDuration,
    /// How long one step (pods gone, nodes ready, a tier ready) may hold up the next.
    pub patience: SignedDuration,
    /// What a change by hand means.
    pub manual_changes: ManualChanges,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            context: Context::default(),
            grace: SignedDuration::from_mins(15), // as kube-downscaler has it
            patience: SignedDuration::from_mins(10),
            manual_changes: ManualChanges::Respect,
        }
    }
}

/// What holds for one resource.
#[derive(Debug, Clone)]
pub struct Settings {
    /// When it is to be up, by its own scopes and by what people told us.
    pub rules: Rules,
    /// Whether it opted in: something of its own says when it is to be up or down.
    pub is_scheduled: bool,
    /// Its place in the order, 0 to [`LAST_TIER`].
    pub tier: u8,
    /// How many pods are left at night.
    pub downtime_replicas: u32,
    /// The size of a group at night, if it is not simply nothing.
    pub off_size: Option<Capacity>,
    /// The size of a group that was never seen awake.
    pub on_size: Option<Capacity>,
    /// How long it is left alone after it was created or deployed.
    pub grace: SignedDuration,
    /// What a change by hand means.
    pub manual_changes: ManualChanges,
    /// Whether a group goes to sleep although the cluster can't be asked about its workloads.
    pub nodes_only: bool,
    /// Whether a database that AWS started is left running in its maintenance window.
    pub honor_maintenance: bool,
}

/// What people say about a resource can't be read. Nothing is done about it then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// When it is to be up.
    #[error(transparent)]
    Schedule(#[from] SettingError),
    /// Something else.
    #[error("{origin}: {key} {value:?}: expected {expected}")]
    Value {
        /// Where it stands.
        origin: String,
        /// The key, without its prefix.
        key: &'static str,
        /// What stands there.
        value: String,
        /// The rule.
        expected: &'static str,
    },
}

/// One place where people say something: its name for messages, and what it says for a key without prefix.
pub struct Place<'a> {
    /// For example `namespace shop`.
    pub origin: String,
    /// What it says.
    pub lookup: &'a dyn Fn(&'static str) -> Option<&'a str>,
}

impl Settings {
    /// Reads what `places` say, the most specific first, under what `overrides` say. What can't be read is an error:
    /// then nothing is done about the resource.
    pub fn read(places: &[Place<'_>], overrides: Vec<Scope>, policy: &Policy) -> Result<Self, SettingsError> {
        let scopes = places
            .iter()
            .map(|place| Scope::read(place.origin.clone(), place.lookup, &policy.context))
            .collect::<Result<Vec<_>, _>>()?;
        let is_scheduled = Rules::of(scopes.clone()).is_scheduled();
        let rules = Rules::of(overrides.into_iter().chain(scopes).collect());
        let reader = Reader(places);
        Ok(Self {
            rules,
            is_scheduled,
            tier: reader
                .read("tier", "a tier from 0 to 9", |text| {
                    text.parse().ok().filter(|tier| *tier <= LAST_TIER)
                })?
                .unwrap_or(USUAL_TIER),
            downtime_replicas: reader
                .read("downtime-replicas", "a number of pods", |text| text.parse().ok())?
                .unwrap_or(0),
            off_size: reader.capacity("off-size")?,
            on_size: reader.capacity("on-size")?,
            grace: reader
                .read("grace-period", "a time like 15m, 900s or PT15M", |text| {
                    text.parse().ok().filter(|grace| *grace >= SignedDuration::ZERO)
                })?
                .unwrap_or(policy.grace),
            manual_changes: reader
                .read("manual-changes", "respect or enforce", ManualChanges::parse)?
                .unwrap_or(policy.manual_changes),
            nodes_only: reader.flag("nodes-only")?,
            honor_maintenance: reader.flag("honor-maintenance")?,
        })
    }

    /// The size of the resource at night, never larger than it is. An autoscaled group loses its maximum too: any pod
    /// that waits would make the autoscaler inflate it again. A node group keeps it: EKS takes none below 1.
    pub fn off(&self, resource: &Resource) -> Size {
        match resource.size {
            Size::Capacity(now) => {
                let max = if resource.traits.is_autoscaled { 0 } else { now.max };
                let mut off = self.off_size.unwrap_or(Capacity::new(0, 0, max)).at_most(now);
                if off.max == 0 && resource.key.kind() == Kind::NodeGroup {
                    off.max = now.max.max(1);
                }
                Size::Capacity(off)
            }
            Size::Replicas(_) => Size::Replicas(self.downtime_replicas),
            Size::Schedule(_) => Size::Schedule(Switch::Off),
            Size::Power(_) => Size::Power(Switch::Off),
        }
    }

    /// What its people should change.
    pub(super) fn advice(&self, resource: &Resource) -> Option<&'static str> {
        let has_no_max = self.off_size.is_some_and(|off| off.max == 0);
        if has_no_max && resource.key.kind() == Kind::NodeGroup {
            return Some(
                "EKS takes no maximum below 1: that of off-size is ignored, the group keeps its own",
            );
        }
        None
    }
}

struct Reader<'a, 'b>(&'b [Place<'a>]);

impl Reader<'_, '_> {
    /// What the most specific place says that says anything.
    fn read<T>(
        &self,
        key: &'static str,
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, SettingsError> {
        for place in self.0 {
            if let Some(text) = (place.lookup)(key) {
                let value = parse(text.trim());
                return value.map(Some).ok_or_else(|| SettingsError::Value {
                    origin: place.origin.clone(),
                    key,
                    value: text.to_owned(),
                    expected,
                });
            }
        }
        Ok(None)
    }

    fn flag(&self, key: &'static str) -> Result<bool, SettingsError> {
        let read = self.read(key, "true or false", |text| text.parse().ok())?;
        Ok(read.unwrap_or(false))
    }

    fn capacity(&self, key: &'static str) -> Result<Option<Capacity>, SettingsError> {
        self.read(key, "<min>-<desired>-<max> like 2-4-10", |text| {
            Capacity::parse(text).ok()
        })
    }
}
