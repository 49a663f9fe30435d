//! Auto Scaling groups of a world, as its people make them: through the API.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use base::{Ports, aws};
use emulator::Client;
use emulator::client::Refused;
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::ListParams;

use crate::World;
use crate::world::LOOK;

/// A node joins in about a second; a machine that compiles at the same time is slower.
const JOIN_LIMIT: Duration = Duration::from_secs(60);

/// The launch template of every group.
const TEMPLATE: &str = "node";

const EC2: (&str, &str) = ("ec2", "2016-11-15");
const AUTO_SCALING: (&str, &str) = ("autoscaling", "2011-01-01");

/// A group to be made.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// The cluster of its tag `lamplighter:cluster`.
    pub cluster: String,
    /// How many instances.
    pub size: u32,
    /// Its terminate hooks, each with its heartbeat time-out in seconds.
    pub hooks: Vec<(String, u32)>,
}

/// An instance of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// `i-…`.
    pub id: String,
    /// Its lifecycle state, as the API writes it.
    pub state: String,
}

impl Group {
    /// A group with our terminate hook alone.
    pub fn new(name: &str, cluster: &str, size: u32) -> Self {
        let hooks = vec![("lamplighter-node-drain".to_owned(), 300)];
        Self {
            name: name.to_owned(),
            cluster: cluster.to_owned(),
            size,
            hooks,
        }
    }

    /// With another heartbeat time-out of our hook, in seconds.
    #[must_use]
    pub fn heartbeat(mut self, seconds: u32) -> Self {
        self.hooks[0].1 = seconds;
        self
    }

    /// Makes it, and returns when all its instances serve and all their nodes are ready.
    pub async fn create(&self, world: &World) -> Result<Vec<Instance>> {
        launch_template(world).await?;
        let zones = ["a", "b", "c"].map(|zone| format!("{}{zone}", aws::REGION));
        let mut parameters = vec![
            ("AutoScalingGroupName".to_owned(), self.name.clone()),
            (
                "LaunchTemplate.LaunchTemplateName".to_owned(),
                TEMPLATE.to_owned(),
            ),
            ("MinSize".to_owned(), "0".to_owned()),
            ("MaxSize".to_owned(), (self.size + 2).to_string()),
            ("DesiredCapacity".to_owned(), self.size.to_string()),
            ("Tags.member.1.Key".to_owned(), "lamplighter:cluster".to_owned()),
            ("Tags.member.1.Value".to_owned(), self.cluster.clone()),
            ("Tags.member.1.PropagateAtLaunch".to_owned(), "true".to_owned()),
        ];
        for (n, zone) in (1..).zip(&zones) {
            parameters.push((format!("AvailabilityZones.member.{n}"), zone.clone()));
        }
        for (n, (hook, heartbeat)) in (1..).zip(&self.hooks) {
            let member = format!("LifecycleHookSpecificationList.member.{n}");
            parameters.push((format!("{member}.LifecycleHookName"), hook.clone()));
            parameters.push((format!("{member}.HeartbeatTimeout"), heartbeat.to_string()));
            parameters.push((format!("{member}.DefaultResult"), "CONTINUE".to_owned()));
            let transition = "autoscaling:EC2_INSTANCE_TERMINATING".to_owned();
            parameters.push((format!("{member}.LifecycleTransition"), transition));
        }
        call(world, "CreateAutoScalingGroup", parameters).await?;
        self.ready(world).await
    }

    /// Waits until as many instances serve as are wanted, and their nodes are ready.
    pub async fn ready(&self, world: &World) -> Result<Vec<Instance>> {
        let mut waited = Duration::ZERO;
        loop {
            let instances = instances(world, &self.name).await?;
            let serving = instances.iter().filter(|one| one.state == "InService").count();
            if serving == self.size as usize && nodes_ready(world, &instances).await? {
                return Ok(instances);
            }
            if waited >= JOIN_LIMIT {
                let troubles = world.timeline().troubles().join("; ");
                bail!(
                    "group {}: {serving} of {} serve after {JOIN_LIMIT:?}; {troubles}",
                    self.name,
                    self.size
                );
            }
            tokio::time::sleep(LOOK).await;
            waited += LOOK;
        }
    }

    /// Deletes it and its instances, without asking any hook.
    pub async fn delete(&self, world: &World) -> Result<()> {
        let parameters = [
            ("AutoScalingGroupName", self.name.as_str()),
            ("ForceDelete", "true"),
        ];
        call(world, "DeleteAutoScalingGroup", parameters).await.map(drop)
    }
}

/// The instances of a group, those on their way out included.
pub async fn instances(world: &World, group: &str) -> Result<Vec<Instance>> {
    let answer = call(
        world,
        "DescribeAutoScalingGroups",
        [("AutoScalingGroupNames.member.1", group)],
    )
    .await?;
    let groups = answer.list("DescribeAutoScalingGroupsResult/AutoScalingGroups");
    let found = groups
        .first()
        .with_context(|| format!("there is no group {group}"))?;
    let read = |instance: &emulator::Element| {
        Some(Instance {
            id: instance.text_at("InstanceId")?,
            state: instance.text_at("LifecycleState")?,
        })
    };
    Ok(found.list("Instances").iter().filter_map(read).collect())
}

/// Terminates an instance; the group replaces it.
pub async fn terminate(world: &World, instance: &str) -> Result<()> {
    let parameters = [
        ("InstanceId", instance),
        ("ShouldDecrementDesiredCapacity", "false"),
    ];
    call(world, "TerminateInstanceInAutoScalingGroup", parameters)
        .await
        .map(drop)
}

/// The node that runs on an instance, if there is one.
pub async fn node_of(world: &World, instance: &str) -> Result<Option<Node>> {
    let nodes: Api<Node> = Api::all(world.control_plane().client());
    let all = nodes.list(&ListParams::default()).await?;
    Ok(all.into_iter().find(|node| runs_on(node, instance)))
}

/// Any call to the world's Auto Scaling, as the administrator.
pub async fn call<K, V>(
    world: &World,
    action: &str,
    parameters: impl IntoIterator<Item = (K, V)>,
) -> Result<emulator::Element>
where
    K: AsRef<str>,
    V: AsRef<str>,
{
    let endpoint = Ports::http(world.ports().autoscaling());
    let client = Client::new(&endpoint, world.emulator().admin().clone())?;
    client
        .query(AUTO_SCALING.0, AUTO_SCALING.1, action, parameters)
        .await
}

async fn nodes_ready(world: &World, instances: &[Instance]) -> Result<bool> {
    let nodes: Api<Node> = Api::all(world.control_plane().client());
    let nodes = nodes.list(&ListParams::default()).await?.items;
    let serving = |one: &&Instance| one.state == "InService";
    Ok(instances
        .iter()
        .filter(serving)
        .all(|one| nodes.iter().any(|node| runs_on(node, &one.id) && is_ready(node))))
}

fn runs_on(node: &Node, instance: &str) -> bool {
    let provider_id = node.spec.as_ref().and_then(|spec| spec.provider_id.as_deref());
    provider_id.and_then(|id| id.rsplit('/').next()) == Some(instance)
}

fn is_ready(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

async fn launch_template(world: &World) -> Result<()> {
    let parameters = [
        ("LaunchTemplateName", TEMPLATE),
        ("LaunchTemplateData.ImageId", "ami-0123456789abcdef0"),
        ("LaunchTemplateData.InstanceType", "m7g.large"),
    ];
    match world
        .aws()?
        .query(EC2.0, EC2.1, "CreateLaunchTemplate", parameters)
        .await
    {
        Err(error) if !Refused::is(&error, "InvalidLaunchTemplateName.AlreadyExistsException") => Err(error),
        _ => Ok(()),
    }
}
