//! Auto Scaling groups of a world, as its people make them: through the API.

mod sizes;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use base::{Ports, aws};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use emulator::Client;
use emulator::client::Refused;
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::ListParams;

use crate::stacks::{KUBEADM, Way};
use crate::world::LOOK;
use crate::{World, profiles};

pub use sizes::{Sizes, set_sizes, sizes, tag, tags, untag};

/// A node joins in about a second; a machine that compiles at the same time is slower.
const JOIN_LIMIT: Duration = Duration::from_secs(60);

/// The launch template of groups whose instances have nothing to boot.
const TEMPLATE: &str = "node";

const EC2: (&str, &str) = ("ec2", "2016-11-15");
const AUTO_SCALING: (&str, &str) = ("autoscaling", "2011-01-01");

const LAUNCHING: &str = "autoscaling:EC2_INSTANCE_LAUNCHING";
const TERMINATING: &str = "autoscaling:EC2_INSTANCE_TERMINATING";

/// What the user data of machines that join sets unless the group says otherwise: nobody waits for minutes here.
const SETTINGS: [(&str, &str); 2] = [
    ("LAMPLIGHTER_JOIN_POLL_MIN_SECONDS", "1"),
    ("LAMPLIGHTER_JOIN_POLL_MAX_SECONDS", "3"),
];

/// A group to be made.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// The cluster of its tag `lamplighter:cluster`.
    pub cluster: String,
    /// How many instances.
    pub size: u32,
    /// The least and the most.
    bounds: (u32, u32),
    hooks: Vec<Hook>,
    tags: Vec<(String, String)>,
    /// What its machines boot, if they join by themselves.
    boot: Option<Booting>,
}

/// A lifecycle hook.
#[derive(Debug, Clone)]
struct Hook {
    name: String,
    transition: &'static str,
    /// Seconds.
    heartbeat: u32,
    default_result: &'static str,
}

/// How the machines of a group join by themselves.
#[derive(Debug, Clone)]
struct Booting {
    /// The variables that the user data exports.
    settings: BTreeMap<String, String>,
    /// An instance profile that is there; without one, a profile is made as the documentation says.
    profile: Option<String>,
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
    /// A group with our terminate hook alone. A node appears for each of its instances.
    pub fn new(name: &str, cluster: &str, size: u32) -> Self {
        Self {
            name: name.to_owned(),
            cluster: cluster.to_owned(),
            size,
            bounds: (0, size + 10),
            hooks: vec![Hook {
                name: "lamplighter-node-drain".to_owned(),
                transition: TERMINATING,
                heartbeat: 300,
                default_result: "CONTINUE",
            }],
            tags: vec![("lamplighter:cluster".to_owned(), cluster.to_owned())],
            boot: None,
        }
    }

    /// With another heartbeat time-out of our terminate hook, in seconds.
    #[must_use]
    pub fn heartbeat(mut self, seconds: u32) -> Self {
        self.hooks[0].heartbeat = seconds;
        self
    }

    /// With a launch hook that abandons when it is left alone for so many seconds.
    #[must_use]
    pub fn launch_hook(mut self, name: &str, heartbeat: u32) -> Self {
        self.hooks.push(Hook {
            name: name.to_owned(),
            transition: LAUNCHING,
            heartbeat,
            default_result: "ABANDON",
        });
        self
    }

    /// With machines that join by themselves while a launch hook of this name waits for them.
    ///
    /// Each boots with user data that runs `infra/node/lamplighter-join.sh`, with the credentials of an instance
    /// profile. Its log is `logs/<instance id>.log`.
    #[must_use]
    pub fn joining(self, hook: &str, heartbeat: u32) -> Self {
        self.booting().launch_hook(hook, heartbeat)
    }

    /// With machines that join by themselves, and no launch hook.
    #[must_use]
    pub fn booting(mut self) -> Self {
        let settings = SETTINGS.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let mut settings = BTreeMap::from(settings);
        settings.insert("LAMPLIGHTER_CLUSTER".to_owned(), self.cluster.clone());
        self.boot = Some(Booting {
            settings,
            profile: None,
        });
        self
    }

    /// With another setting for the script of its machines, which join by themselves.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        if let Some(boot) = &mut self.boot {
            boot.settings.insert(name.to_owned(), value.to_owned());
        }
        self
    }

    /// With an instance profile that is there ([`profiles::create`]) for its machines, which join by themselves.
    #[must_use]
    pub fn profile(mut self, name: &str) -> Self {
        if let Some(boot) = &mut self.boot {
            boot.profile = Some(name.to_owned());
        }
        self
    }

    /// With a tag that instances don't inherit.
    #[must_use]
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.tags.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Makes it, and returns when all its instances serve and all their nodes are ready.
    pub async fn create(&self, world: &World) -> Result<Vec<Instance>> {
        self.make(world).await?;
        self.ready(world).await
    }

    /// Makes it, and returns at once.
    pub async fn make(&self, world: &World) -> Result<()> {
        let template = match &self.boot {
            None => launch_template(world, TEMPLATE, &[]).await?,
            Some(boot) => {
                world.prepare_machines().await?;
                let profile = self.machines_profile(world, boot).await?;
                let user_data = BASE64_STANDARD.encode(user_data(&boot.settings));
                let more = [
                    ("LaunchTemplateData.UserData", user_data.as_str()),
                    ("LaunchTemplateData.IamInstanceProfile.Name", &profile),
                ];
                launch_template(world, &self.name, &more).await?
            }
        };
        call(world, "CreateAutoScalingGroup", self.parameters(template))
            .await
            .map(drop)
    }

    /// The profile of its machines: with the policy of the deployment for its cluster, and beside it the one of AWS
    /// that lets a role read every parameter, as machines that people log in to by Session Manager have.
    async fn machines_profile(&self, world: &World, boot: &Booting) -> Result<String> {
        if let Some(profile) = &boot.profile {
            return Ok(profile.clone());
        }
        let deployment = match self.cluster.as_str() {
            KUBEADM => Way::Kubeconfig.deployment(),
            _ => Way::Eks.deployment(),
        };
        let ours = format!(
            "arn:aws:iam::{}:policy/{deployment}-node-join-machine-{}",
            aws::ACCOUNT,
            aws::REGION
        );
        let every_parameter = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore";
        profiles::create(world, &self.name, &[&ours, every_parameter]).await?;
        Ok(self.name.clone())
    }

    fn parameters(&self, template: &str) -> Vec<(String, String)> {
        let mut parameters = Vec::new();
        let mut set = |key: String, value: &str| parameters.push((key, value.to_owned()));
        set("AutoScalingGroupName".to_owned(), &self.name);
        set("LaunchTemplate.LaunchTemplateName".to_owned(), template);
        set("MinSize".to_owned(), &self.bounds.0.to_string());
        set("MaxSize".to_owned(), &self.bounds.1.to_string());
        set("DesiredCapacity".to_owned(), &self.size.to_string());
        for (n, (key, value)) in (1..).zip(&self.tags) {
            let member = format!("Tags.member.{n}");
            set(format!("{member}.Key"), key);
            set(format!("{member}.Value"), value);
            set(
                format!("{member}.PropagateAtLaunch"),
                if n == 1 { "true" } else { "false" },
            );
        }
        for (n, zone) in (1..).zip(["a", "b", "c"]) {
            set(
                format!("AvailabilityZones.member.{n}"),
                &format!("{}{zone}", aws::REGION),
            );
        }
        for (n, hook) in (1..).zip(&self.hooks) {
            let member = format!("LifecycleHookSpecificationList.member.{n}");
            set(format!("{member}.LifecycleHookName"), &hook.name);
            set(format!("{member}.HeartbeatTimeout"), &hook.heartbeat.to_string());
            set(format!("{member}.DefaultResult"), hook.default_result);
            set(format!("{member}.LifecycleTransition"), hook.transition);
        }
        parameters
    }

    /// Waits until as many instances serve as are wanted, and their nodes are ready.
    pub async fn ready(&self, world: &World) -> Result<Vec<Instance>> {
        self.ready_within(world, JOIN_LIMIT).await
    }

    /// As [`ready`](Self::ready), for so long at most.
    pub async fn ready_within(&self, world: &World, limit: Duration) -> Result<Vec<Instance>> {
        let started = Instant::now();
        loop {
            let instances = instances(world, &self.name).await?;
            let serving = instances.iter().filter(|one| one.state == "InService").count();
            if serving == self.size as usize && nodes_ready(world, &instances).await? {
                return Ok(instances);
            }
            if started.elapsed() >= limit {
                let troubles = world.timeline().troubles().join("; ");
                bail!(
                    "group {}: {serving} of {} serve after {limit:?}; {troubles}",
                    self.name,
                    self.size
                );
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Wants another number of instances, and returns at once.
    pub async fn resize(&mut self, world: &World, size: u32) -> Result<()> {
        self.size = size;
        let parameters = [
            ("AutoScalingGroupName", self.name.as_str()),
            ("DesiredCapacity", &size.to_string()),
        ];
        call(world, "SetDesiredCapacity", parameters).await.map(drop)
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
    let found = sizes::described(world, group).await?;
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

pub(crate) fn is_ready(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// What a machine boots, as cloud-init runs it. On a real one, the unit of `infra/node/` reads the settings from a file.
fn user_data(settings: &BTreeMap<String, String>) -> String {
    let mut script = "#!/bin/sh\n".to_owned();
    for (name, value) in settings {
        let _ = writeln!(script, "export {name}='{value}'");
    }
    script + "exec lamplighter-join\n"
}

/// Makes the launch template of this name if it is not there, and gives the name back.
async fn launch_template<'a>(world: &World, name: &'a str, more: &[(&str, &str)]) -> Result<&'a str> {
    let mut parameters = vec![
        ("LaunchTemplateName", name),
        ("LaunchTemplateData.ImageId", "ami-0123456789abcdef0"),
        ("LaunchTemplateData.InstanceType", "m7g.large"),
    ];
    parameters.extend_from_slice(more);
    match world
        .aws()?
        .query(EC2.0, EC2.1, "CreateLaunchTemplate", parameters)
        .await
    {
        Err(error) if !Refused::is(&error, "InvalidLaunchTemplateName.AlreadyExistsException") => Err(error),
        _ => Ok(name),
    }
}
