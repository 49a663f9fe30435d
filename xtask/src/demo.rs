//! `cargo xtask demo`: one terminated instance, from the Auto Scaling event to its replacement.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base::{Ports, paths};
use deploy::{Architecture, Built};
use jiff::Timestamp;
use relay::Step;
use world::drain_watch::{self, Seen};
use world::function_logs::Cost;
use world::groups::{self, Group};
use world::stacks::{self, Way};
use world::{CLUSTER, What, World};

use crate::say;

/// Its own ports, so that it runs beside a world that is up.
const PORT_BASE: u16 = base::ports::DEFAULT_BASE + base::ports::SPAN;

/// A drain of ten pods that take three seconds each is far from this.
const DRAIN_LIMIT: Duration = Duration::from_secs(150);

/// A replacement is launched as soon as the old instance is gone.
const REPLACEMENT_LIMIT: Duration = Duration::from_secs(60);

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
    let group = Group::new("workers", CLUSTER, 3);
    let instances = timed("a group of 3 nodes", group.create(world)).await?;
    timed("30 replicas", application(world)).await?;

    let instance = instances.first().context("the group has no instance")?.id.clone();
    let logs = outputs.get("NodeDrainLogGroupName")?.to_owned();
    let before = Cost::of(world, &logs).await?;
    let start = Timestamp::now();
    say()(&format!("terminating {instance} ..."));
    groups::terminate(world, &instance).await?;
    let seen = drain_watch::watch(world, &instance, DRAIN_LIMIT).await?;
    let replacement = replaced(world, &group, &instances).await?;
    timeline(world, &instance, &replacement, start, &seen)?;
    let cost = costs(world, &logs, before).await?;
    println!(
        "\ncost: {} invocations, {} ms billed, {} requests to the API server, {} to AWS; \
         cold start {} ms, memory {} MB",
        cost.invocations,
        cost.billed_milliseconds,
        cost.kubernetes_calls,
        cost.aws_calls,
        cost.init_milliseconds,
        cost.memory_megabytes
    );
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
        if waited >= REPLACEMENT_LIMIT {
            bail!("no replacement serves after {REPLACEMENT_LIMIT:?}");
        }
        tokio::time::sleep(step).await;
        waited += step;
    }
}

fn timeline(world: &World, instance: &str, replacement: &str, start: Timestamp, seen: &Seen) -> Result<()> {
    let delivered = world.relay().journal().into_iter().find_map(|entry| {
        let ours =
            entry.instance.as_deref() == Some(instance) && matches!(entry.step, Step::Delivered { .. });
        (ours && entry.detail_type.contains("terminate")).then_some(entry.at)
    });
    let joined = world
        .timeline()
        .entries()
        .into_iter()
        .find_map(|(at, id, what)| (id == replacement && what == What::Joined).then_some(at));
    let rows = [
        ("event delivered to the queue", delivered),
        ("node cordoned", seen.cordoned),
        ("first pod evicted", seen.asked.values().min().copied()),
        ("last pod evicted", seen.asked.values().max().copied()),
        ("last pod gone", seen.gone.values().max().copied()),
        ("hook completed", seen.completed),
        (
            "instance terminated",
            world.timeline().entered(instance, "Terminated"),
        ),
        (
            "replacement in service",
            world.timeline().entered(replacement, "InService"),
        ),
        ("replacement's node joined", joined),
    ];
    println!(
        "\n{instance}: {} pods evicted\n\n{:>8}  what",
        seen.asked.len(),
        "s"
    );
    let seen = |(what, at): (&'static str, Option<Timestamp>)| {
        at.map(|at| (at, what))
            .with_context(|| format!("never seen: {what}"))
    };
    let mut rows = rows.into_iter().map(seen).collect::<Result<Vec<_>>>()?;
    rows.sort();
    for (at, what) in rows {
        println!("{:>8.1}  {what}", at.duration_since(start).as_secs_f64());
    }
    Ok(())
}

/// The invocation that completed the hook reports a moment later.
async fn costs(world: &World, logs: &str, before: Cost) -> Result<Cost> {
    for _ in 0..50 {
        let cost = Cost::of(world, logs).await?.since(before);
        if cost.invocations > 0 && cost.aws_calls > 0 {
            return Ok(cost);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    bail!("no invocation reported what it cost in log group {logs}")
}
