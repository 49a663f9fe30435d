//! `cargo xtask demo`: one terminated instance, from the Auto Scaling event to its replacement that has joined and serves.

mod timeline;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base::{Ports, paths};
use deploy::{Architecture, Built, Outputs};
use jiff::Timestamp;
use world::function_logs::Cost;
use world::groups::{self, Group};
use world::stacks::{self, Way};
use world::{CLUSTER, World, drain_watch};

use crate::say;

/// Its own ports, so that it runs beside a world that is up.
const PORT_BASE: u16 = base::ports::DEFAULT_BASE + base::ports::SPAN;

/// A drain of ten pods that take three seconds each is far from this.
const DRAIN_LIMIT: Duration = Duration::from_secs(150);

/// A machine boots in seconds here, joins, and has to be ready for ten.
const JOIN_LIMIT: Duration = Duration::from_secs(120);

/// The functions, by how their outputs of the stack begin.
const FUNCTIONS: [&str; 3] = ["NodeDrain", "NodeJoin", "NodeLabel"];

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Leave the world up at the end, until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// The first of the world's 20 ports
    #[arg(long, default_value_t = PORT_BASE)]
    port_base: u16,
}

pub(crate) async fn run(args: Args) -> Result<()> {
    let started = Instant::now();
    let world = crate::world::start(Ports::new(args.port_base)).await?;
    let shown = show(&world).await;
    if args.keep {
        let env = world.dir().join("env");
        say()(&format!(
            "the world stays up: source {}; Ctrl-C ends it",
            env.display()
        ));
        tokio::signal::ctrl_c().await?;
    }
    world.stop().await;
    shown?;
    println!("\nin all {:.0} s", started.elapsed().as_secs_f64());
    println!("demo: ok");
    Ok(())
}

async fn show(world: &World) -> Result<()> {
    let built = timed("sam build", build(world)).await?;
    let outputs = timed("sam deploy", stacks::deploy(world, &built, Way::Eks)).await?;
    stacks::apply_rbac(world).await?;
    let group = Group::new("workers", CLUSTER, 3)
        .joining("lamplighter-node-launch", 120)
        .tag("lamplighter:label/team", "shop");
    group.make(world).await?;
    let joined = group.ready_within(world, JOIN_LIMIT);
    let instances = timed("3 machines join by themselves", joined).await?;
    timed("30 replicas", application(world)).await?;

    let instance = instances.first().context("the group has no instance")?.id.clone();
    let before = costs(world, &outputs).await?;
    let start = Timestamp::now();
    say()(&format!("terminating {instance} ..."));
    groups::terminate(world, &instance).await?;
    let seen = drain_watch::watch(world, &instance, DRAIN_LIMIT).await?;
    let replacement = replaced(world, &group, &instances).await?;
    let story = timeline::Story {
        instance: &instance,
        replacement: &replacement,
        start,
        seen: &seen,
    };
    story.tell(world, &outputs).await?;
    let after = costs(world, &outputs).await?;
    println!("\ncost       invocations  billed ms  to the API server  to AWS  memory MB");
    for ((function, cost), (_, before)) in after.into_iter().zip(before) {
        let cost = cost.since(before);
        println!(
            "{function:<10} {:>11}  {:>9}  {:>17}  {:>6}  {:>9}",
            cost.invocations,
            cost.billed_milliseconds,
            cost.kubernetes_calls,
            cost.aws_calls,
            cost.memory_megabytes
        );
    }
    if let Some(trouble) = world.timeline().troubles().first() {
        bail!("{trouble}");
    }
    Ok(())
}

async fn build(world: &World) -> Result<Built> {
    deploy::build(
        world.tools(),
        Architecture::host(),
        &paths::checkout().join("target/sam"),
    )
    .await
}

async fn timed<T>(what: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
    let started = Instant::now();
    say()(&format!("{what} ..."));
    let done = work.await.with_context(|| what.to_owned())?;
    say()(&format!("{what}: {:.1} s", started.elapsed().as_secs_f64()));
    Ok(done)
}

async fn application(world: &World) -> Result<()> {
    let manifest = paths::checkout().join("infra/demo/shop.yaml");
    stacks::kubectl(world, &["apply", "-f", &manifest.display().to_string()]).await?;
    let wait = [
        "-n",
        "shop",
        "rollout",
        "status",
        "deployment/shop",
        "--timeout=90s",
    ];
    stacks::kubectl(world, &wait).await.map(drop)
}

/// The instance that took the place of the terminated one, once it serves.
async fn replaced(world: &World, group: &Group, before: &[groups::Instance]) -> Result<String> {
    let mut waited = Duration::ZERO;
    let step = Duration::from_millis(200);
    loop {
        let now = groups::instances(world, &group.name).await?;
        let is_new = |one: &&groups::Instance| !before.iter().any(|old| old.id == one.id);
        if let Some(new) = now.iter().filter(is_new).find(|one| one.state == "InService") {
            return Ok(new.id.clone());
        }
        if waited >= JOIN_LIMIT {
            bail!("no replacement serves after {JOIN_LIMIT:?}");
        }
        tokio::time::sleep(step).await;
        waited += step;
    }
}

/// What each function has cost so far, by Lambda's own reports.
async fn costs(world: &World, outputs: &Outputs) -> Result<Vec<(&'static str, Cost)>> {
    let mut costs = Vec::new();
    for function in FUNCTIONS {
        let logs = outputs.get(&format!("{function}LogGroupName"))?;
        costs.push((function, Cost::of(world, logs).await?));
    }
    Ok(costs)
}
