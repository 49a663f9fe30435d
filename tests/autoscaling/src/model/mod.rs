//! The state machine of Auto Scaling: pure and synchronous. It is given the time with every call, and says what is
//! to be done in EC2 ([`Effect`]) instead of doing it; what came of that is reported back ([`Outcome`]).

mod capacity;
pub(crate) mod events;
mod group;
mod hook;
mod instance;
mod lifecycle;
mod machine;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;

pub(crate) use group::{Distribution, Group, Mixed, Override, Source, Tag, Wanted};
pub(crate) use hook::{Hook, LifecycleAction, seconds};
pub(crate) use instance::{Activity, Instance};
pub use lifecycle::LifecycleState;
pub(crate) use lifecycle::{ActionResult, Process, Transition};

use crate::error::ApiError;
use crate::fleet::{LaunchRequest, Launched, Template, TemplateRef};
use crate::notice::Notice;
use crate::operations::{Operation, Response};

/// Which account and region ARNs and events name.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    pub(crate) account: String,
    pub(crate) region: String,
}

/// What to launch, before the template was looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) template: TemplateRef,
    /// Instead of the template's.
    pub(crate) instance_type: Option<String>,
    pub(crate) zone: Option<String>,
    pub(crate) subnet: Option<String>,
    pub(crate) spot: bool,
    pub(crate) tags: BTreeMap<String, String>,
}

impl Order {
    /// The request that `template` makes of it. Without a zone the subnet decides where the instance is.
    pub(crate) fn request(self, template: &Template) -> Result<LaunchRequest, String> {
        let missing = |name: &str| format!("The request must contain the parameter {name}");
        Ok(LaunchRequest {
            image_id: template.image_id.clone().ok_or_else(|| missing("ImageId"))?,
            instance_type: self
                .instance_type
                .or_else(|| template.instance_type.clone())
                .ok_or_else(|| missing("InstanceType"))?,
            availability_zone: self.zone.unwrap_or_default(),
            subnet_id: self.subnet,
            user_data: template.user_data.clone(),
            instance_profile: template.instance_profile.clone(),
            spot: self.spot,
            tags: self.tags,
        })
    }
}

/// What is to be done outside of the model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    /// Launch an instance and report [`Outcome::Launched`] or [`Outcome::LaunchFailed`] with this activity.
    Launch { activity: String, order: Order },
    /// Terminate an instance and report [`Outcome::Terminated`] or [`Outcome::TerminationFailed`].
    Terminate { instance: String },
    /// Tell the world.
    Tell(Notice),
}

/// What came of an effect.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    Launched { activity: String, arrival: Box<Arrival> },
    LaunchFailed { activity: String, why: String },
    Terminated { instance: String },
    TerminationFailed { instance: String, why: String },
}

/// An instance that EC2 has launched, and what it was launched from.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) launched: Launched,
    pub(crate) template: Template,
    pub(crate) instance_type: String,
}

/// Every group of one account in one region.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) home: Home,
    ids: Ids,
    groups: BTreeMap<String, Group>,
    outbox: Vec<Effect>,
}

/// One call into the model: the time, and where its results go.
pub(crate) struct Turn<'a> {
    pub(crate) now: Timestamp,
    pub(crate) home: &'a Home,
    pub(crate) ids: &'a mut Ids,
    outbox: &'a mut Vec<Effect>,
}

impl Turn<'_> {
    pub(crate) fn tell(&mut self, notice: Notice) {
        self.outbox.push(Effect::Tell(notice));
    }

    pub(crate) fn order(&mut self, effect: Effect) {
        self.outbox.push(effect);
    }
}

impl Model {
    /// Without groups. Ids are drawn from `seed`.
    pub(crate) fn new(home: Home, seed: u64) -> Self {
        Self {
            home,
            ids: Ids(seed),
            groups: BTreeMap::new(),
            outbox: Vec::new(),
        }
    }

    /// Carries an operation out. What follows from it is in the next [`Model::tick`].
    pub(crate) fn apply(&mut self, operation: Operation, now: Timestamp) -> Result<Response, ApiError> {
        operation.apply(self, now)
    }

    /// Takes note of what came of an effect.
    pub(crate) fn report(&mut self, outcome: Outcome, now: Timestamp) {
        let about = |group: &Group| match &outcome {
            Outcome::Launched { activity, .. } | Outcome::LaunchFailed { activity, .. } => {
                group.launching.contains_key(activity)
            }
            Outcome::Terminated { instance } | Outcome::TerminationFailed { instance, .. } => {
                group.instance(instance).is_some()
            }
        };
        let Self {
            home,
            ids,
            groups,
            outbox,
        } = self;
        if let Some(group) = groups.values_mut().find(|group| about(group)) {
            group.report(
                outcome,
                &mut Turn {
                    now,
                    home,
                    ids,
                    outbox,
                },
            );
        }
    }

    /// Does everything that is due: time-outs, replacements, scaling. Returns what is to be done outside, in
    /// order, and when to call again at the latest.
    pub(crate) fn tick(&mut self, now: Timestamp) -> (Vec<Effect>, Option<Timestamp>) {
        let Self {
            home,
            ids,
            groups,
            outbox,
        } = self;
        for group in groups.values_mut() {
            group.tick(&mut Turn {
                now,
                home,
                ids,
                outbox,
            });
        }
        groups.retain(|_, group| !(group.deleting && group.is_empty()));
        let wake = groups.values().filter_map(Group::due).min();
        (std::mem::take(outbox), wake)
    }

    pub(crate) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    pub(crate) fn group(&self, name: &str) -> Option<&Group> {
        self.groups.get(name)
    }

    /// The group of an instance.
    pub(crate) fn group_of(&self, instance: &str) -> Result<&Group, ApiError> {
        let mut groups = self.groups.values();
        groups
            .find(|group| group.instance(instance).is_some())
            .ok_or_else(|| ApiError::no_instance(instance))
    }

    /// A group to change, and the means to.
    pub(crate) fn turn(&mut self, name: &str, now: Timestamp) -> Result<(&mut Group, Turn<'_>), ApiError> {
        let Self {
            home,
            ids,
            groups,
            outbox,
        } = self;
        let group = groups.get_mut(name).ok_or_else(|| ApiError::no_group(name))?;
        Ok((
            group,
            Turn {
                now,
                home,
                ids,
                outbox,
            },
        ))
    }

    /// The means to tell what is about no single group.
    pub(crate) fn turn_of_account(&mut self, now: Timestamp) -> Turn<'_> {
        Turn {
            now,
            home: &self.home,
            ids: &mut self.ids,
            outbox: &mut self.outbox,
        }
    }

    pub(crate) fn insert(&mut self, group: Group) {
        self.groups.insert(group.name.clone(), group);
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.groups.remove(name);
    }

    /// The ARN of a group; its unique id is unknown to a caller who asks before it exists.
    pub(crate) fn arn(&self, unique: &str, name: &str) -> String {
        let Home { account, region } = &self.home;
        format!(
            "arn:aws:autoscaling:{region}:{account}:autoScalingGroup:{unique}:autoScalingGroupName/{name}"
        )
    }

    pub(crate) fn uuid(&mut self) -> String {
        self.ids.uuid()
    }
}

/// A source of ids that is as pure as the rest: the same seed gives the same ids (splitmix64).
#[derive(Debug)]
pub(crate) struct Ids(u64);

impl Ids {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A UUID of version 4.
    pub(crate) fn uuid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        let (first, second, third) = (high >> 32, (high >> 16) & 0xffff, high & 0x0fff);
        let (fourth, fifth) = ((low >> 48) & 0x3fff | 0x8000, low & 0xffff_ffff_ffff);
        format!("{first:08x}-{second:04x}-4{third:03x}-{fourth:04x}-{fifth:012x}")
    }
}
