//! `cargo xtask bench deploy`.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base::{Ports, paths};
use control_plane::Failure;
use deploy::{Architecture, Outputs};
use jiff::Timestamp;
use scenarios::function::Function;
use scenarios::shops::{Shops, status_of};
use serde_json::json;
use world::groups::Group;
use world::registry::Contents;
use world::stacks::{self, Way};
use world::{CLUSTER, World};

use super::figures::Figure;
use crate::say;

/// Its own ports, so that it runs beside a world that is up, the demo and the scenarios.
const PORT_BASE: u16 = base::ports::DEFAULT_BASE + 3 * base::ports::SPAN;

/// How often the workload is looked at: what the figures may be too large by.
const LOOK: Duration = Duration::from_millis(50);

/// Anything that takes longer is broken.
const LIMIT: Duration = Duration::from_secs(240);

/// One push in so many meets a function that has to start first.
const COLD_EVERY: u32 = 4;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many images are pushed one after the other, of which every fourth meets a cold start
    #[arg(long, default_value_t = 12)]
    pushes: u32,
    /// How many bad images of each kind are pushed
    #[arg(long, default_value_t = 1)]
    failures: u32,
    /// The first of the world's 20 ports
    #[arg(long, default_value_t = PORT_BASE)]
    port_base: u16,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: Args) -> Result<()> {
    let world = crate::world::start(Ports::new(args.port_base)).await?;
    let measured = measure(&world, &args).await;
    world.stop().await;
    let figures = measured?;
    if args.json {
        let figures: Vec<_> = figures.iter().map(Figure::json).collect();
        println!("{}", json!({ "figures": figures }));
    } else {
        println!("{}", Figure::head());
        for figure in &figures {
            println!("{}", figure.row());
        }
    }
    Ok(())
}

async fn measure(world: &World, args: &Args) -> Result<Vec<Figure>> {
    let out = paths::checkout().join("target/sam");
    say()("sam build ...");
    let built = deploy::build(world.tools(), Architecture::host(), &out).await?;
    say()("sam deploy ...");
    let outputs: Outputs = stacks::deploy(world, &built, Way::Eks).await?;
    stacks::apply_rbac(world).await?;
    let function = Function::of(&outputs, "ImageDeploy", "image-deploy")?;
    Group::new("workers", CLUSTER, 2).create(world).await?;

    let mut figures = pushes(world, &function, args.pushes).await?;
    let seconds = Duration::from_secs;
    let kinds = [
        ("image not found", Failure::ImageNotFound, 60),
        ("can't be configured", Failure::ConfigError, 60),
        ("no such program", Failure::StartError, 60),
        ("never ready", Failure::NeverReady, 60),
        ("crash loop", Failure::CrashLoop, 120),
    ];
    let mut back = Figure {
        what: "verdict to the patch that goes back".to_owned(),
        times: Vec::new(),
        targets: (seconds(5), seconds(5)),
    };
    for (what, failure, target) in kinds {
        let mut verdicts = Figure {
            what: format!("bad image to verdict: {what}"),
            times: Vec::new(),
            targets: (seconds(target), seconds(target)),
        };
        for n in 0..args.failures {
            let (verdict, patch) = bad(world, &format!("{}-{n}", failure.word()), failure).await?;
            verdicts.times.push(verdict);
            back.times.push(patch);
        }
        figures.push(verdicts);
    }
    figures.push(back);
    Ok(figures)
}

/// From the push of an image to its name in the workload, warm and with a cold start.
async fn pushes(world: &World, function: &Function, count: u32) -> Result<Vec<Figure>> {
    let mut shops = Shops::new("bench");
    shops.settings.push(("cooldown", "0s".to_owned()));
    shops.create_repository(world).await?;
    shops.open(world).await?;
    let figure = |what: &str| Figure {
        what: what.to_owned(),
        times: Vec::new(),
        targets: (Duration::from_secs(3), Duration::from_secs(15)),
    };
    let (mut all, mut cold) = (figure("push to patch"), figure("of these, with a cold start"));
    for n in 0..count {
        let is_cold = n % COLD_EVERY == 0;
        if is_cold {
            function.kill(world)?;
        }
        let tag = format!("1.3.{n}");
        say()(&format!("push {tag} ..."));
        let contents = Contents::new(tag.clone());
        let image = shops.pinned(&tag, &contents.digest());
        let started = Instant::now();
        shops.push(world, &tag, &contents).await?;
        until(async || Ok(live(world, &shops).await? == image)).await?;
        let took = started.elapsed();
        all.times.push(took);
        if is_cold {
            cold.times.push(took);
        }
    }
    shops.close(world).await?;
    Ok(vec![all, cold])
}

/// From the push of an image that fails to the verdict, and from there to the patch that goes back.
async fn bad(world: &World, name: &str, failure: Failure) -> Result<(Duration, Duration)> {
    say()(&format!("push of an image that fails: {name} ..."));
    let shops = Shops::new(name);
    shops.create_repository(world).await?;
    shops.open(world).await?;
    let before = live(world, &shops).await?;
    let contents = Contents::failing("1.3.0", failure);
    let image = shops.pinned("1.3.0", &contents.digest());
    let pushed = Timestamp::now();
    shops.push(world, "1.3.0", &contents).await?;
    until(async || Ok(live(world, &shops).await? == image)).await?;
    until(async || Ok(live(world, &shops).await? == before)).await?;
    let back = Timestamp::now();
    // The moment of the verdict is written down with what goes back.
    let status = status_of(&shops.object(world, 0).await?);
    let verdict: Timestamp = status["since"]
        .as_str()
        .context("no rollout is remembered")?
        .parse()?;
    shops.close(world).await?;
    let between = |from: Timestamp, to: Timestamp| Duration::try_from(to.duration_since(from));
    Ok((between(pushed, verdict)?, between(verdict, back)?))
}

async fn live(world: &World, shops: &Shops) -> Result<String> {
    let object = shops.object(world, 0).await?;
    let image = object["spec"]["template"]["spec"]["containers"][0]["image"].as_str();
    image.map(str::to_owned).context("the Deployment has no image")
}

async fn until(holds: impl AsyncFn() -> Result<bool>) -> Result<()> {
    let started = Instant::now();
    while !holds().await? {
        if started.elapsed() > LIMIT {
            bail!("not within {LIMIT:?}");
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
