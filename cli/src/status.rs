//! `lamplighter status`: everything that is in flight.

mod drains;
mod launches;
mod view;

use std::collections::BTreeMap;

use access::Connect as _;
use aws::autoscaling::{AutoScaling, DescribeGroups, DescribeHooks, Group};
use aws::ssm::{ListParameters, ParameterStore};
use aws_ec2::{DescribeMachines, Ec2};
use domain::ids::{ClusterName, InstanceId};
use domain::join::Parameter;
use domain::lifecycle::Transition;
use domain::machine::Machine;
use domain::node::Node;
use function::{Enrolled, Found, Hooked, Waiting};
use jiff::Timestamp;
use kubernetes::{Cluster, ListNodes, ListPods, TryEviction};
use runtime::clock::{Clock as _, SystemClock};
use runtime::error::chain;

use crate::args::{Output, Shared};
use crate::door::Door;
use crate::exit::{Error, Exit};
use crate::patience::patiently;
use crate::print;
use crate::settings::{Policies, Settings};
use crate::words::to_the_second;
use launches::{Scene, parameter_of};
use view::{Flight, Status};

/// Looks, and shows what is seen.
pub(crate) async fn run(shared: &Shared) -> Result<Exit, Error> {
    let settings = Settings::read(shared)?;
    let terminate = settings.common(&shared.terminate_hook)?;
    let launch = settings.common(&shared.launch_hook)?;
    let policies = settings.policies(&shared.launch_hook)?;
    let sdk = aws::config::load_as(shared.profile.as_deref(), shared.region.as_deref()).await;
    let now = to_the_second(SystemClock.now());
    let door = Door::new(shared, &sdk, settings.cluster());
    let cluster: Result<Cluster, String> = patiently("the way into the cluster", door.connect(now))
        .await
        .map_err(|error| chain(&error));
    let look = Look {
        autoscaling: &AutoScaling::new(&sdk),
        ec2: &Ec2::new(&sdk),
        parameters: &ParameterStore::new(&sdk),
        cluster: cluster.as_ref().map_err(String::as_str),
        terminate: &terminate,
        launch: &launch,
        policies: &policies,
    };
    let (status, blind) = patiently("asking Auto Scaling, EC2 and the cluster", look.around(now)).await?;
    match shared.output {
        Output::Table => print::text(&status.table()),
        Output::Json => print::json(&status),
    }
    for why in &blind {
        print::complain(why);
    }
    Ok(match (blind.is_empty(), status.needs_attention()) {
        (false, _) => Exit::Blind,
        (true, true) => Exit::Attention,
        (true, false) => Exit::Fine,
    })
}

/// Whom to ask, and about what.
struct Look<'a, A, E, P, K> {
    autoscaling: &'a A,
    ec2: &'a E,
    parameters: &'a P,
    cluster: Result<&'a K, &'a str>,
    terminate: &'a Hooked,
    launch: &'a Hooked,
    policies: &'a Policies,
}

impl<A, E, P, K> Look<'_, A, E, P, K>
where
    A: DescribeGroups + DescribeHooks,
    E: DescribeMachines,
    P: ListParameters,
    K: ListNodes + ListPods + TryEviction,
{
    /// What is in flight at `now`, and who could not be asked. Without Auto Scaling nothing is known at all.
    async fn around(&self, now: Timestamp) -> Result<(Status, Vec<String>), Error> {
        let leaving = self.waiting(self.terminate, Transition::Terminating).await?;
        let coming = self.waiting(self.launch, Transition::Launching).await?;
        let mut blind: Vec<String> = [&leaving, &coming]
            .iter()
            .flat_map(|found| found.tally.failures())
            .map(|failed| failed.message.clone())
            .collect();
        let nodes: Result<Vec<Node>, String> = match self.cluster {
            Ok(cluster) => cluster.all_nodes().await.map_err(|error| chain(&error)),
            Err(why) => Err(why.to_owned()),
        };
        blind.extend(nodes.as_ref().err().cloned());
        let nodes: Result<&[Node], &str> = nodes.as_deref().map_err(String::as_str);

        let mut status = Status {
            cluster: self.launch.cluster.clone(),
            at: now,
            groups: coming.groups.len(),
            instances: coming.groups.iter().map(|group| group.instances.len()).sum(),
            in_flight: Vec::new(),
            notes: nodes.map(|nodes| notes(nodes, &leaving)).unwrap_or_default(),
        };
        for waiting in leaving.waiting {
            let cluster = self
                .cluster
                .and_then(|cluster| nodes.map(|nodes| (cluster, nodes)));
            let flight = drains::flight(waiting, cluster, now, &mut blind).await;
            status.in_flight.push(flight);
        }
        status
            .in_flight
            .extend(self.launches(coming, nodes, now, &mut blind).await);
        Ok((status, blind))
    }

    async fn waiting(&self, config: &Hooked, transition: Transition) -> Result<Found, Error> {
        let enrolled = Enrolled {
            autoscaling: self.autoscaling,
            config,
            transition,
        };
        Ok(enrolled.all().await?)
    }

    async fn launches(
        &self,
        coming: Found,
        nodes: Result<&[Node], &str>,
        now: Timestamp,
        blind: &mut Vec<String>,
    ) -> Vec<Flight> {
        if coming.waiting.is_empty() {
            return vec![];
        }
        let machines = self.machines(&coming.waiting).await;
        let parameters = self.parameters(&self.launch.cluster).await;
        blind.extend(machines.as_ref().err().cloned());
        blind.extend(parameters.as_ref().err().cloned());
        let parameters = parameters.unwrap_or_default();
        let scene = Scene {
            nodes,
            machines: machines.as_deref().map_err(String::as_str),
            policies: self.policies,
            now,
        };
        let group_of = |waiting: &Waiting| coming.groups.iter().find(|group| group.name == waiting.group);
        let with_group = |waiting: Waiting| group_of(&waiting).map(|group| (group, waiting));
        let known: Vec<(&Group, Waiting)> = coming.waiting.iter().cloned().filter_map(with_group).collect();
        known
            .into_iter()
            .map(|(group, waiting)| {
                let parameter = parameters.get(waiting.instance.as_str()).cloned();
                scene.flight(waiting, group, parameter.unwrap_or(Parameter::None))
            })
            .collect()
    }

    async fn machines(&self, waiting: &[Waiting]) -> Result<Vec<Machine>, String> {
        let ids: Vec<InstanceId> = waiting.iter().map(|waiting| waiting.instance.clone()).collect();
        self.ec2.machines(&ids).await.map_err(|error| chain(&error))
    }

    /// The parameters with tokens, by instance. Their values are not read.
    async fn parameters(&self, cluster: &ClusterName) -> Result<BTreeMap<String, Parameter>, String> {
        let path = format!("/lamplighter/{cluster}/join");
        let listed = self.parameters.parameters_below(&path).await;
        let listed = listed.map_err(|error| chain(&error))?;
        let by_instance = listed.into_iter().filter_map(|parameter| {
            let instance = parameter.name.rsplit('/').next()?.to_owned();
            Some((instance, parameter_of(Some(&parameter.description))))
        });
        Ok(by_instance.collect())
    }
}

/// Nodes that carry the mark of a drain, and whose instance neither waits for one nor is on its way out since.
fn notes(nodes: &[Node], leaving: &Found) -> Vec<String> {
    let waits = |instance: &InstanceId| {
        leaving
            .waiting
            .iter()
            .any(|waiting| waiting.instance == *instance)
    };
    let note = |node: &Node| {
        node.mark()?;
        let state = match &node.instance {
            Some(instance) if waits(instance) => return None,
            Some(instance) => leaving.lifecycle_of(instance),
            None => None,
        };
        let state = state.map_or("in no group of this cluster", |state| state.as_str());
        if state.starts_with("Terminat") {
            return None;
        }
        Some(format!(
            "node {}: its drain began, and its instance is {state}",
            node.name
        ))
    };
    nodes.iter().filter_map(note).collect()
}

#[cfg(test)]
mod tests;
