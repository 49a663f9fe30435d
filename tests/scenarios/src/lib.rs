//! What the scenarios stand on: one world, in which Lamplighter is deployed twice, once for each way into the
//! cluster.

#![allow(
    clippy::disallowed_methods,
    reason = "scenarios run on the machine's clock and in its environment"
)]

pub mod estate;
pub mod function;
pub mod logs;
pub mod shops;
pub mod tokens;
pub mod workload;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base::{Ports, paths};
use deploy::Outputs;
use relay::Faults;
use world::groups::{self, Group, Instance};
use world::stacks::{self, Way};
use world::{Options, World};

use function::Function;
use tokens::TokenWatch;

/// The scenarios' own ports, so that they run beside a world that is up and beside the demo. `LAMPLIGHTER_PORT_BASE` shifts
/// them, so that two runs of scenarios do as well.
const PORT_BASE: u16 = base::ports::DEFAULT_BASE + 2 * base::ports::SPAN;

/// How often something that is waited for is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// The world and what is deployed into it.
pub struct Stage {
    /// The world.
    pub world: World,
    /// What reaches the cluster the EKS way.
    pub eks: Deployment,
    /// What reaches it by kubeconfigs.
    pub kubeadm: Deployment,
    /// Sees every join token.
    pub tokens: TokenWatch,
}

/// The functions of one stack.
pub struct Deployment {
    /// `node-drain`.
    pub drain: Function,
    /// `node-join`.
    pub join: Function,
    /// `node-label`.
    pub label: Function,
    /// `off-hours`, and the bucket in which it saves sizes; the second way in goes without.
    pub hours: Option<(Function, String)>,
    /// `image-deploy`; the second way in goes without.
    pub images: Option<Function>,
    /// `pull-secret`; the second way in goes without.
    pub pulls: Option<Function>,
}

impl Deployment {
    fn of(outputs: &Outputs) -> Result<Self> {
        Ok(Self {
            drain: Function::of(outputs, "NodeDrain", "node-drain")?,
            join: Function::of(outputs, "NodeJoin", "node-join")?,
            label: Function::of(outputs, "NodeLabel", "node-label")?,
            hours: match outputs.get("OffHoursBucketName") {
                Ok(bucket) => Some((Function::of(outputs, "OffHours", "off-hours")?, bucket.to_owned())),
                Err(_) => None,
            },
            images: match outputs.get("ImageDeployFunctionName") {
                Ok(_) => Some(Function::of(outputs, "ImageDeploy", "image-deploy")?),
                Err(_) => None,
            },
            pulls: match outputs.get("PullSecretFunctionName") {
                Ok(_) => Some(Function::without_queue(outputs, "PullSecret", "pull-secret")?),
                Err(_) => None,
            },
        })
    }
}

impl Stage {
    /// Builds, starts, deploys.
    pub async fn set() -> Result<Self> {
        let say: world::Say = Arc::new(|line| {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "{line}");
        });
        let base = match std::env::var("LAMPLIGHTER_PORT_BASE") {
            Ok(text) => text
                .parse()
                .with_context(|| format!("LAMPLIGHTER_PORT_BASE {text:?}: expected the first of 20 ports"))?,
            Err(_) => PORT_BASE,
        };
        let options = Options {
            ports: Ports::new(base),
            clock: autoscaling::Clock::real(),
            say,
        };
        let world = World::start(options).await?;
        let architecture = deploy::Architecture::host();
        let built = deploy::build(world.tools(), architecture, &paths::checkout().join("target/sam")).await?;
        stacks::apply_rbac(&world).await?;
        let eks = Deployment::of(&stacks::deploy(&world, &built, Way::Eks).await?)?;
        let kubeadm = Deployment::of(&stacks::deploy(&world, &built, Way::Kubeconfig).await?)?;
        let tokens = TokenWatch::start(world.aws()?);
        Ok(Self {
            world,
            eks,
            kubeadm,
            tokens,
        })
    }

    /// Makes a group of its own for a scenario, with its instances in service.
    pub async fn group(&self, group: Group) -> Result<(Group, Vec<Instance>)> {
        let instances = group.create(&self.world).await?;
        Ok((group, instances))
    }

    /// Removes what a scenario that failed has left: groups with their instances, workloads, faults.
    pub async fn clear(&self) -> Result<()> {
        self.world.relay().set_faults(Faults::default());
        let none: [(&str, &str); 0] = [];
        let answer = groups::call(&self.world, "DescribeAutoScalingGroups", none).await?;
        for group in answer.list("DescribeAutoScalingGroupsResult/AutoScalingGroups") {
            let name = group.text_at("AutoScalingGroupName").unwrap_or_default();
            let force = [("AutoScalingGroupName", name.as_str()), ("ForceDelete", "true")];
            groups::call(&self.world, "DeleteAutoScalingGroup", force).await?;
        }
        let namespaces = stacks::kubectl(&self.world, &["get", "namespaces", "-o", "name"]).await?;
        let is_workload = |name: &&str| !name.contains("/kube-") && !name.ends_with("/default");
        let mut delete = vec!["delete", "--ignore-not-found", "--timeout=60s"];
        delete.extend(namespaces.lines().filter(is_workload));
        if delete.len() > 3 {
            stacks::kubectl(&self.world, &delete).await?;
        }
        Ok(())
    }

    /// Waits until the instance is in `state`, or gone when that was to come after it.
    pub async fn until_state(&self, instance: &str, state: &str, limit: Duration) -> Result<()> {
        let what = format!("{instance} is not {state}");
        until(&what, limit, async || {
            Ok(self.world.timeline().entered(instance, state).is_some())
        })
        .await
    }

    /// The state of an instance of a group now; `None` when it is gone.
    pub async fn state_of(&self, group: &Group, instance: &str) -> Result<Option<String>> {
        let instances = groups::instances(&self.world, &group.name).await?;
        Ok(instances
            .into_iter()
            .find(|one| one.id == instance)
            .map(|one| one.state))
    }
}

/// Looks until `holds` says yes. The error says `what` was not so.
pub async fn until(what: &str, limit: Duration, holds: impl AsyncFn() -> Result<bool>) -> Result<()> {
    let mut waited = Duration::ZERO;
    while !holds().await.with_context(|| what.to_owned())? {
        if waited >= limit {
            bail!("{what} after {limit:?}");
        }
        tokio::time::sleep(LOOK).await;
        waited += LOOK;
    }
    Ok(())
}
