//! What AWS says: which instances wait at our hook, what machines they are, and which have a parameter.

use std::collections::{BTreeMap, BTreeSet};

use aws::autoscaling::{DescribeGroups, DescribeHooks, Group};
use aws::ssm::ListParameters;
use aws_ec2::DescribeMachines;
use domain::ids::InstanceId;
use domain::join::{Parameter, Place, serves_the_control_plane};
use domain::lifecycle::{LifecycleState, Transition};
use domain::machine::Machine;
use function::report::count;
use function::{Enrolled, Failed, Found, Tally};

use crate::{NodeJoin, Scope};

/// What Auto Scaling and EC2 say.
#[derive(Debug)]
pub(crate) struct Facts {
    groups: Vec<Group>,
    /// Where each instance is, and in which of the groups.
    places: BTreeMap<InstanceId, (Place, usize)>,
    machines: BTreeMap<InstanceId, Machine>,
}

impl Scope {
    pub(crate) fn holds(&self, instance: &InstanceId) -> bool {
        match self {
            Self::All => true,
            Self::These(named) => named.contains(instance),
        }
    }
}

impl Facts {
    /// Asks Auto Scaling for the enrolled groups, and EC2 for the machines that wait in them.
    pub(crate) async fn gather<A, M, P, G, Q, R, C, L>(
        function: &NodeJoin<A, M, P, G, Q, R, C, L>,
        scope: &Scope,
        tally: &mut Tally,
    ) -> Result<Self, Failed>
    where
        A: DescribeGroups + DescribeHooks,
        M: DescribeMachines,
    {
        let enrolled = Enrolled {
            autoscaling: &function.autoscaling,
            config: &function.config.common,
            transition: Transition::Launching,
        };
        // All groups, for one call: an event may name the wrong one, and nobody loses a token by that.
        let found = enrolled.all().await?;
        let mut facts = Self {
            places: places(&found),
            groups: found.groups,
            machines: BTreeMap::new(),
        };
        tally.add(found.tally);
        if let Err(failed) = facts.describe_missing(function, scope, tally).await {
            tally.fail(failed);
        }
        Ok(facts)
    }

    /// Asks EC2 for the machines that wait and that it has not told of yet.
    pub(crate) async fn describe_missing<A, M, P, G, Q, R, C, L>(
        &mut self,
        function: &NodeJoin<A, M, P, G, Q, R, C, L>,
        scope: &Scope,
        tally: &mut Tally,
    ) -> Result<(), Failed>
    where
        M: DescribeMachines,
    {
        let missing: Vec<InstanceId> = self
            .waiting()
            .filter(|instance| scope.holds(instance) && !self.machines.contains_key(*instance))
            .cloned()
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        tally.one(count::AWS_CALLS);
        let machines = function.machines.machines(&missing).await?;
        let machines = machines.into_iter().map(|machine| (machine.id.clone(), machine));
        self.machines.extend(machines);
        Ok(())
    }

    /// The instances that wait at our hook to be put in service.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &InstanceId> {
        self.places.keys().filter(|instance| self.waits(instance))
    }

    /// Whether this one does.
    pub(crate) fn waits(&self, instance: &InstanceId) -> bool {
        matches!(self.places.get(instance), Some((Place::Waits { .. }, _)))
    }

    /// Where the instance is.
    pub(crate) fn place(&self, instance: &InstanceId) -> Place {
        let place = self.places.get(instance);
        place.map_or(Place::Nowhere, |(place, _)| place.clone())
    }

    /// The group of the instance.
    pub(crate) fn group(&self, instance: &InstanceId) -> Option<&Group> {
        self.groups.get(self.places.get(instance)?.1)
    }

    /// The machine, if EC2 told of it.
    pub(crate) fn machine(&self, instance: &InstanceId) -> Option<&Machine> {
        self.machines.get(instance)
    }
}

/// Where each instance of the groups is. One that waits in a group whose hooks could not be read may wait at
/// ours: that is neither yes nor no.
fn places(found: &Found) -> BTreeMap<InstanceId, (Place, usize)> {
    let at_our_hook: BTreeSet<&InstanceId> = found.waiting.iter().map(|one| &one.instance).collect();
    let unread = found.tally.failures().first();
    let mut places = BTreeMap::new();
    for (n, group) in found.groups.iter().enumerate() {
        for one in &group.instances {
            let place = if one.lifecycle != LifecycleState::PendingWait {
                Place::Elsewhere(one.lifecycle.clone())
            } else if at_our_hook.contains(&one.id) {
                Place::Waits {
                    control_plane: serves_the_control_plane(&group.tags),
                }
            } else {
                unread.map_or(Place::NoHook, |failed| Place::Unknown(failed.message.clone()))
            };
            places.insert(one.id.clone(), (place, n));
        }
    }
    places
}

/// The parameters that are there, by instance.
#[derive(Debug, Default)]
pub(crate) struct Leaves(BTreeMap<InstanceId, Parameter>);

impl Leaves {
    /// Lists them, by name and description alone. What has no instance's name is nothing that we made.
    pub(crate) async fn list<P: ListParameters>(
        parameters: &P,
        path: &str,
        tally: &mut Tally,
    ) -> Result<Self, Failed> {
        tally.one(count::AWS_CALLS);
        let mut leaves = BTreeMap::new();
        for info in parameters.parameters_below(path).await? {
            let name = info
                .name
                .strip_prefix(path)
                .and_then(|rest| rest.strip_prefix('/'));
            let Some(instance) = name.and_then(|name| InstanceId::parse(name).ok()) else {
                tracing::warn!(
                    parameter = info.name,
                    "the parameter's name is not that of an instance"
                );
                continue;
            };
            let parameter = info
                .description
                .parse()
                .map_or(Parameter::Unreadable, Parameter::Issued);
            leaves.insert(instance, parameter);
        }
        Ok(Self(leaves))
    }

    /// The parameter of the instance.
    pub(crate) fn of(&self, instance: &InstanceId) -> Parameter {
        self.0.get(instance).cloned().unwrap_or(Parameter::None)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&InstanceId, &Parameter)> {
        self.0.iter()
    }

    /// The instances that wait or have a parameter, as far as the invocation looks at them.
    pub(crate) fn cases(&self, facts: &Facts, scope: &Scope) -> BTreeSet<InstanceId> {
        let all = facts.waiting().chain(self.0.keys());
        all.filter(|instance| scope.holds(instance)).cloned().collect()
    }
}
