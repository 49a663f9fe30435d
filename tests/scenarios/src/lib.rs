//! What the scenarios stand on: one world, in which Lamplighter is deployed twice, once for each way into the
//! cluster.

#![allow(
    clippy::disallowed_methods,
    reason = "scenarios run on the machine's clock and in its environment"
)]

pub mod function;
pub mod workload;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base::{Ports, paths};
use deploy::Outputs;
use world::groups::{self, Group, Instance};
use world::stacks::{self, Way};
use world::{Options, World};

use function::Function;

/// The scenarios' own ports, so that they run beside a world that is up and beside the demo.
const PORT_BASE: u16 = base::ports::DEFAULT_BASE + 2 * base::ports::SPAN;

/// How often something that is waited for is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// The world and what is deployed into it.
pub struct Stage {
    /// The world.
    pub world: World,
    /// The function of the EKS way.
    pub eks: Function,
    /// The function of the kubeconfig way.
    pub kubeadm: Function,
}

impl Stage {
    /// Builds, starts, deploys.
    pub async fn set() -> Result<Self> {
        let say: world::Say = Arc::new(|line| {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "{line}");
        });
        let options = Options {
            ports: Ports::new(PORT_BASE),
            clock: autoscaling::Clock::real(),
            say,
        };
        let world = World::start(options).await?;
        let architecture = deploy::Architecture::host();
        let built = deploy::build(world.tools(), architecture, &paths::checkout().join("target/sam")).await?;
        stacks::apply_rbac(&world).await?;
        let of = |outputs: Outputs| Function::of(&outputs);
        let eks = of(stacks::deploy(&world, &built, Way::Eks).await?)?;
        let kubeadm = of(stacks::deploy(&world, &built, Way::Kubeconfig).await?)?;
        Ok(Self { world, eks, kubeadm })
    }

    /// Makes a group of its own for a scenario, with its instances in service.
    pub async fn group(&self, group: Group) -> Result<(Group, Vec<Instance>)> {
        let instances = group.create(&self.world).await?;
        Ok((group, instances))
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
