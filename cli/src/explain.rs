//! `lamplighter node explain`: where a node's labels and taints come from, and what it waits for.

mod compare;
mod view;

use access::Connect as _;
use aws::autoscaling::{AutoScaling, DescribeGroups, DescribeHooks, Group, GroupInstance};
use aws_ec2::{DescribeMachines, Ec2};
use domain::hook::HookView;
use domain::ids::{InstanceId, NodeName};
use domain::label::{self, Cluster as SeenCluster, Desired, Facts, Identity, Observation, Template};
use domain::lifecycle::Transition;
use domain::machine::Machine;
use domain::node::Node;
use function::{Enrolled, Found, Hooked};
use jiff::Timestamp;
use kubernetes::ListNodes;
use runtime::clock::{Clock as _, SystemClock};
use runtime::error::chain;

use crate::args::{Output, Shared};
use crate::door::Door;
use crate::exit::{Error, Exit};
use crate::patience::patiently;
use crate::print;
use crate::settings::Settings;
use crate::words::to_the_second;
use view::{Explanation, MachineFacts};

/// Looks at a node, and explains it.
pub(crate) async fn run(shared: &Shared, name: &str) -> Result<Exit, Error> {
    let settings = Settings::read(shared)?;
    let wanted = Wanted::parse(name)?;
    let launch = settings.common(&shared.launch_hook)?;
    let policies = settings.policies(&shared.launch_hook)?;
    let sdk = aws::config::load_as(shared.profile.as_deref(), shared.region.as_deref()).await;
    let now = to_the_second(SystemClock.now());
    let door = Door::new(shared, &sdk, settings.cluster());
    let cluster = patiently("the way into the cluster", door.connect(now))
        .await
        .map_err(|error| Error::Unreachable(chain(&error)))?;
    let look = Look {
        autoscaling: &AutoScaling::new(&sdk),
        ec2: &Ec2::new(&sdk),
        cluster: &cluster,
        launch: &launch,
        policy: &policies.label,
    };
    let explanation = patiently("asking Auto Scaling, EC2 and the cluster", look.at(&wanted, now)).await?;
    match shared.output {
        Output::Table => print::text(&explanation.table()),
        Output::Json => print::json(&explanation),
    }
    Ok(if explanation.needs_attention() {
        Exit::Attention
    } else {
        Exit::Fine
    })
}

/// What a person calls a node.
#[derive(Debug)]
enum Wanted {
    Node(NodeName),
    Instance(InstanceId),
}

impl Wanted {
    fn parse(text: &str) -> Result<Self, Error> {
        if let Ok(instance) = InstanceId::parse(text) {
            return Ok(Self::Instance(instance));
        }
        NodeName::parse(text)
            .map(Self::Node)
            .map_err(|invalid| Error::Usage(invalid.to_string()))
    }

    fn find<'a>(&self, nodes: &'a [Node]) -> Option<&'a Node> {
        nodes.iter().find(|node| match self {
            Self::Node(name) => node.name == *name,
            // Nodes may be named so, and one that has just joined does not say yet on what it runs.
            Self::Instance(instance) => {
                node.instance.as_ref() == Some(instance) || node.name.as_str() == instance.as_str()
            }
        })
    }
}

/// Whom to ask.
struct Look<'a, A, E, K> {
    autoscaling: &'a A,
    ec2: &'a E,
    cluster: &'a K,
    launch: &'a Hooked,
    policy: &'a label::Policy,
}

impl<A, E, K> Look<'_, A, E, K>
where
    A: DescribeGroups + DescribeHooks,
    E: DescribeMachines,
    K: ListNodes,
{
    async fn at(&self, wanted: &Wanted, now: Timestamp) -> Result<Explanation, Error> {
        let nodes = self.cluster.all_nodes().await;
        let nodes = nodes.map_err(|error| Error::Unreachable(chain(&error)))?;
        let node = wanted
            .find(&nodes)
            .ok_or_else(|| Error::NotFound(format!("the cluster has no node {}", wanted.words())))?;
        let enrolled = Enrolled {
            autoscaling: self.autoscaling,
            config: self.launch,
            transition: Transition::Launching,
        };
        let found = enrolled.all().await?;
        // Without a group's hooks nobody can tell whether its instances wait.
        if let Some(failed) = found.tally.failures().first() {
            return Err(failed.clone().into());
        }
        let machine = self.machine(node, &found).await?;
        let mut explanation = Explanation::new(node);
        explanation.machine = machine.as_ref().map(MachineFacts::of);
        let Some((group, instance)) = place(node, machine.as_ref(), &found) else {
            explanation.place = Some("no group of this cluster".to_owned());
            return Ok(explanation);
        };
        explanation.group = Some(group.name.clone());
        explanation.place = Some(instance.lifecycle.to_string());
        let template = Template::of_group(&group.tags);
        let desired = Desired::of(&group.name, &template, machine.as_ref(), self.policy);
        let hook = hook_view(&found, instance);
        explanation.doubt = machine.as_ref().and_then(|machine| self.doubt(&nodes, machine));
        explanation.closed = label::obstacles(node, self.policy, now)
            .iter()
            .map(ToString::to_string)
            .collect();
        let seen = Observation {
            instance: &instance.id,
            group: &group.name,
            template: &template,
            hook: &hook,
            facts: machine.as_ref().map_or(Facts::Missing, Facts::Known),
            cluster: SeenCluster::Nodes(&nodes),
            progress: label::Progress::default(),
        };
        let plan = label::plan(&seen, self.policy, now);
        let is_written = plan
            .steps
            .iter()
            .any(|step| matches!(step, label::Step::Write(_)));
        compare::against(&mut explanation, node, &desired, &hook, is_written);
        explanation.plan = Some(plan.to_string());
        Ok(explanation)
    }

    /// The machine of a node that says on what it runs; of one that does not, the one that has its name.
    async fn machine(&self, node: &Node, found: &Found) -> Result<Option<Machine>, Error> {
        let ids: Vec<InstanceId> = match &node.instance {
            Some(instance) => vec![instance.clone()],
            None => instances(found)
                .map(|(_, instance)| instance.id.clone())
                .collect(),
        };
        let machines = self.ec2.machines(&ids).await;
        let machines = machines.map_err(|error| Error::Unreachable(chain(&error)))?;
        let is_its = |machine: &Machine| {
            let name = machine.node_name(self.policy.naming);
            node.instance.as_ref() == Some(&machine.id) || name.is_ok_and(|name| name == node.name)
        };
        Ok(machines.into_iter().find(is_its))
    }

    /// Why the node is not taken for the machine's.
    fn doubt(&self, nodes: &[Node], machine: &Machine) -> Option<String> {
        let expected = match machine.node_name(self.policy.naming) {
            Ok(name) => name,
            Err(nameless) => return Some(nameless.to_string()),
        };
        match label::identify(nodes, machine, &expected) {
            Identity::Known(_) | Identity::NoNode => None,
            Identity::Unproven(node) => Some(format!("{} has no address yet", node.name)),
            Identity::Stranger(node, mismatch) => {
                Some(format!("{} is not the machine's node: {mismatch}", node.name))
            }
            Identity::Several(several) => {
                Some(format!("{} nodes claim to run on {}", several.len(), machine.id))
            }
        }
    }
}

fn instances(found: &Found) -> impl Iterator<Item = (&Group, &GroupInstance)> {
    found
        .groups
        .iter()
        .flat_map(|group| group.instances.iter().map(move |instance| (group, instance)))
}

/// Where the instance of a node is in its life, and in which group.
fn place<'a>(
    node: &Node,
    machine: Option<&Machine>,
    found: &'a Found,
) -> Option<(&'a Group, &'a GroupInstance)> {
    let id = node.instance.as_ref().or(machine.map(|machine| &machine.id))?;
    instances(found).find(|(_, instance)| instance.id == *id)
}

fn hook_view(found: &Found, instance: &GroupInstance) -> HookView {
    let waiting = found
        .waiting
        .iter()
        .find(|waiting| waiting.instance == instance.id);
    waiting.map_or_else(
        || HookView::Elsewhere(instance.lifecycle.clone()),
        |waiting| waiting.hook.clone(),
    )
}

impl Wanted {
    fn words(&self) -> String {
        match self {
            Self::Node(name) => name.to_string(),
            Self::Instance(instance) => format!("on {instance}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::{ClusterName, HookName};
    use domain::lifecycle::LifecycleState;

    use super::*;
    use crate::fakes::{Fake, node};

    const INSTANCE: &str = "i-0bbbbbbb";

    async fn explain(fake: &Fake, wanted: &str) -> Result<Explanation, Error> {
        let settings = Settings::of(ClusterName::parse("blue").unwrap());
        let launch = HookName::parse("launch").unwrap();
        let look = Look {
            autoscaling: fake,
            ec2: fake,
            cluster: fake,
            launch: &settings.common(&launch).unwrap(),
            policy: &settings.policies(&launch).unwrap().label,
        };
        let now = "2026-11-21T08:02:10Z".parse().unwrap();
        look.at(&Wanted::parse(wanted).unwrap(), now).await
    }

    fn at_the_gate() -> Fake {
        Fake {
            group_tags: vec![("lamplighter:label/team", "payments")],
            instances: vec![(INSTANCE, LifecycleState::PendingWait)],
            nodes: vec![node("ip-10-0-1-7", INSTANCE)],
            ..Fake::default()
        }
    }

    #[tokio::test]
    async fn a_node_is_found_by_its_name_and_by_its_instance() {
        let fake = at_the_gate();
        let by_name = explain(&fake, "ip-10-0-1-7").await.unwrap();
        assert_eq!(by_name, explain(&fake, INSTANCE).await.unwrap());
        assert_eq!(by_name.place.as_deref(), Some("Pending:Wait"));
        assert_eq!(by_name.machine.unwrap().instance_type, "m7g.large");
        let team = by_name.labels.iter().find(|line| line.key == "team").unwrap();
        assert_eq!(
            (team.value.as_str(), team.state.as_str()),
            ("payments", "will be set")
        );
        assert_eq!(by_name.closed, ["the kubelet has not reported yet"]);
        let plan = by_name.plan.unwrap();
        assert!(plan.contains("write on ip-10-0-1-7: "), "{plan}");
        assert_eq!(by_name.doubt, None);
    }

    #[tokio::test]
    async fn a_node_that_can_not_be_its_machines_is_in_doubt() {
        let fake = Fake {
            nodes: vec![node("ip-10-0-9-9", INSTANCE)],
            ..at_the_gate()
        };
        let explanation = explain(&fake, INSTANCE).await.unwrap();
        assert_eq!(
            explanation.doubt.as_deref(),
            Some("ip-10-0-9-9 is not the machine's node: it should be named ip-10-0-1-7")
        );
        assert!(explanation.needs_attention());
        let team = explanation.labels.iter().find(|line| line.key == "team").unwrap();
        assert_eq!(team.state, "would be set, and is not: see what is next");
    }

    #[tokio::test]
    async fn a_group_whose_hooks_can_not_be_read_is_no_answer() {
        let fake = Fake {
            refuses: Some("describe hooks"),
            ..at_the_gate()
        };
        let error = explain(&fake, INSTANCE).await.unwrap_err();
        assert!(matches!(error, Error::Unreachable(_)));
        assert!(
            error.to_string().contains("autoscaling:DescribeLifecycleHooks"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_node_that_is_named_by_its_instance_is_found_before_it_says_so() {
        let mut silent = node(INSTANCE, INSTANCE);
        (silent.provider_id, silent.instance) = (None, None);
        let fake = Fake {
            nodes: vec![silent],
            ..at_the_gate()
        };
        let explanation = explain(&fake, INSTANCE).await.unwrap();
        assert_eq!(explanation.node.as_str(), INSTANCE);
    }

    #[tokio::test]
    async fn a_node_of_nobody_and_one_that_is_not_there_are_told() {
        let fake = Fake {
            instances: vec![],
            ..at_the_gate()
        };
        let explanation = explain(&fake, INSTANCE).await.unwrap();
        assert_eq!(explanation.place.as_deref(), Some("no group of this cluster"));
        assert_eq!(explanation.labels, []);
        let error = explain(&fake, "ip-10-0-1-1").await.unwrap_err();
        assert_eq!(error.to_string(), "the cluster has no node ip-10-0-1-1");
    }
}
