//! Nights: everything that can sleep is put to sleep and woken, by the deployed function.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use scenarios::estate::{self, Estate, NAME, Numbers, numbers, until_numbers};
use scenarios::function::Function;
use scenarios::{Stage, until};
use serde_json::{Value, json};
use world::groups::{self, Sizes};
use world::stacks::kubectl;
use world::{CLUSTER, World, audit, objects};

use crate::ensure;
use crate::operator::lamplighter;

/// Several minutes' worth of looks, pods that take a second to go, drains and machines.
const NIGHT: Duration = Duration::from_secs(300);

/// The group of the function's Kubernetes identity.
const WRITER: &str = "lamplighter:off-hours";

/// The estate, and what tells of it.
struct Scene<'a> {
    stage: &'a Stage,
    function: &'a Function,
    bucket: &'a str,
    program: PathBuf,
    estate: Estate,
    awake: Numbers,
}

impl<'a> Scene<'a> {
    async fn set(stage: &'a Stage) -> Result<Self> {
        let hours = stage.eks.hours.as_ref();
        let (function, bucket) = hours.context("the stack has no off-hours")?;
        let program = base::programs::build("lamplighter", "lamplighter").await?;
        let estate = Estate::new("always");
        estate.create(&stage.world, "always").await?;
        let awake = numbers(&stage.world).await?;
        Ok(Self {
            stage,
            function,
            bucket,
            program,
            estate,
            awake,
        })
    }

    fn world(&self) -> &World {
        &self.stage.world
    }

    fn asleep(&self) -> Numbers {
        estate::asleep(&self.awake)
    }

    async fn hours(&self, arguments: &[&str]) -> Result<crate::operator::Said> {
        let with_bucket = [&["hours"], arguments, &["--bucket", self.bucket]].concat();
        lamplighter(self.stage, &self.program, &with_bucket).await
    }

    /// Asks by the operator's command, which must succeed.
    async fn ask(&self, arguments: &[&str]) -> Result<String> {
        let said = self.hours(arguments).await?;
        ensure(said.code == Some(0), || {
            format!(
                "hours {arguments:?}: {:?} {}{}",
                said.code, said.output, said.errors
            )
        })?;
        Ok(said.output)
    }

    /// Waits until everything is at zero, and nothing of it runs any more.
    async fn until_asleep(&self) -> Result<()> {
        until_numbers(self.world(), &self.asleep(), NIGHT).await?;
        let none = async || Ok(estate::nodes(self.world()).await? == 0);
        until("nodes are left", Duration::from_secs(120), none).await
    }

    /// Waits until every number is `wanted` and nothing is remembered any more.
    async fn until_awake(&self, wanted: &Numbers) -> Result<()> {
        until_numbers(self.world(), wanted, NIGHT).await?;
        let forgotten = async || Ok(self.records().await?.is_empty());
        until("records are left", Duration::from_secs(150), forgotten).await?;
        // What is forgotten stays as it is.
        let after = numbers(self.world()).await?;
        ensure(after == *wanted, || format!("{after:#?}"))
    }

    /// The records that there are, by their keys.
    async fn records(&self) -> Result<Vec<String>> {
        let keys = objects::keys(self.world(), self.bucket, &format!("off-hours/{CLUSTER}/")).await?;
        let is_record = |key: &String| key.contains(NAME);
        Ok(keys.into_iter().filter(is_record).collect())
    }

    /// The resources that were resized since `since`, in that order, by the function's own log; an invocation's comes when
    /// it ends. The autoscaler is none of them.
    async fn resized(&self, since: Timestamp) -> Result<Vec<String>> {
        let all = self.awake.len() - 1;
        let is_whole = async || {
            let mut resized = self.resized_so_far(since).await?;
            resized.sort();
            resized.dedup();
            Ok(resized.len() == all)
        };
        until(
            "the log does not tell of every resize",
            Duration::from_secs(90),
            is_whole,
        )
        .await?;
        self.resized_so_far(since).await
    }

    async fn resized_so_far(&self, since: Timestamp) -> Result<Vec<String>> {
        let records = self.function.records(self.world(), since).await?;
        let is_one = |record: &&Value| {
            record["message"]
                .as_str()
                .is_some_and(|message| message.starts_with("resize to"))
        };
        let mut resized: Vec<(String, String)> = records
            .iter()
            .filter(is_one)
            .filter_map(|record| {
                let text = |field: &str| record[field].as_str().map(str::to_owned);
                Some((text("timestamp")?, text("resource")?))
            })
            .collect();
        resized.sort();
        Ok(resized.into_iter().map(|(_, resource)| resource).collect())
    }

    async fn end(self) -> Result<()> {
        let world = &self.stage.world;
        for key in objects::keys(world, self.bucket, &format!("off-hours/{CLUSTER}/overrides/")).await? {
            objects::delete(world, self.bucket, &key).await?;
        }
        self.estate.delete(world).await
    }
}

/// Whether all of `first` come before all of `then`; each must be there.
fn before(order: &[String], first: &[&str], then: &[&str]) -> Result<()> {
    let places = |names: &[&str]| -> Result<Vec<usize>> {
        names
            .iter()
            .map(|name| {
                let full = name.replace('@', NAME);
                let place = order.iter().position(|one| *one == full);
                place.with_context(|| format!("{full} was not resized: {order:#?}"))
            })
            .collect()
    };
    let (first, then) = (places(first)?, places(then)?);
    ensure(first.iter().max() < then.iter().min(), || format!("{order:#?}"))
}

/// From who sleeps first to who sleeps last.
const ORDER: [&[&str]; 7] = [
    &["cronjob/@/report"],
    &["deployment/@/front"],
    &["deployment/@/api"],
    &["statefulset/@/store"],
    &["deployment/@/dns"],
    &["group/@-workers", "group/@-batch", "nodegroup/@-managed"],
    &["database/@-orders"],
];

pub(crate) async fn an_estate_falls_asleep_at_its_edge_and_wakes_as_it_was_tier_by_tier(
    stage: &Stage,
) -> Result<()> {
    let scene = Scene::set(stage).await?;
    let world = scene.world();
    let evening = Timestamp::now();
    let edge = evening + SignedDuration::from_secs(20);
    scene
        .estate
        .schedule(world, &format!("until {}", to_the_second(edge)))
        .await?;
    scene.until_asleep().await?;
    let order = scene.resized(evening).await?;
    for pair in ORDER.windows(2) {
        before(&order, pair[0], pair[1])?;
    }
    let early = audit::writes(world, WRITER)?;
    ensure(!early.is_empty(), || "the audit log shows no write".to_owned())?;
    let records = scene.records().await?;
    // The autoscaler alone has none: it stays as it is.
    ensure(records.len() == scene.awake.len() - 1, || format!("{records:#?}"))?;
    what_is_seen_of_a_sleeping_estate(&scene).await?;

    let morning = Timestamp::now();
    scene.ask(&["wake", "--for", "30m"]).await?;
    scene.until_awake(&scene.awake).await?;
    let order = scene.resized(morning).await?;
    for pair in ORDER.windows(2) {
        before(&order, pair[1], pair[0])?;
    }
    let errors = scene.function.errors(world, evening).await?;
    ensure(errors.is_empty(), || format!("{errors:#?}"))?;
    scene.end().await
}

/// On the resources and by the command: what sleeps, since when, and what it was.
async fn what_is_seen_of_a_sleeping_estate(scene: &Scene<'_>) -> Result<()> {
    let world = scene.world();
    let tags = groups::tags(world, &format!("{NAME}-workers")).await?;
    let (size, state) = (tags.get("lamplighter:saved-size"), tags.get("lamplighter:state"));
    ensure(
        size.map(String::as_str) == Some("1-2-5")
            && state.is_some_and(|state| state.starts_with("asleep since")),
        || format!("{tags:?}"),
    )?;
    let path = "jsonpath={.metadata.annotations.lamplighter\\.dev/original-replicas}";
    let replicas = kubectl(world, &["-n", NAME, "get", "deployment", "front", "-o", path]).await?;
    ensure(replicas == "5", || format!("original-replicas {replicas:?}"))?;
    let shown = scene.hours(&["show", "--output", "json"]).await?.json()?;
    let text = shown.to_string();
    for name in ["estate-workers", "estate-orders", "front", "1-2-5"] {
        ensure(text.contains(name), || {
            format!("hours show lacks {name}: {shown:#}")
        })?;
    }
    let table = scene.ask(&["show"]).await?;
    ensure(table.contains("asleep"), || table.clone())
}

pub(crate) async fn a_function_killed_on_the_way_down_and_up_leaves_every_number_as_it_was(
    stage: &Stage,
) -> Result<()> {
    let scene = Scene::set(stage).await?;
    let world = scene.world();
    let size = async |name: &str| {
        let key = format!("deployment/{NAME}/{name}");
        Ok::<_, anyhow::Error>(numbers(world).await?.get(&key).cloned().unwrap_or_default())
    };
    scene.ask(&["sleep", "--for", "30m"]).await?;
    until("the last tier does not go first", NIGHT, async || {
        Ok(size("front").await? == "0")
    })
    .await?;
    kill(&scene)?;
    let half = numbers(world).await?;
    ensure(half != scene.asleep(), || {
        "it was asleep already: nothing was in the middle".to_owned()
    })?;
    scene.until_asleep().await?;

    scene.ask(&["release"]).await?;
    until("the first tier does not come first", NIGHT, async || {
        Ok(size("dns").await? != "0")
    })
    .await?;
    kill(&scene)?;
    let half = numbers(world).await?;
    ensure(half != scene.awake, || {
        "it was awake already: nothing was in the middle".to_owned()
    })?;
    scene.until_awake(&scene.awake).await?;
    scene.end().await
}

fn kill(scene: &Scene<'_>) -> Result<()> {
    let killed = scene.function.kill(scene.world())?;
    ensure(killed > 0, || {
        "no process of the function was found to be killed".to_owned()
    })
}

pub(crate) async fn what_people_and_tools_change_at_night_counts_in_the_morning(stage: &Stage) -> Result<()> {
    let scene = Scene::set(stage).await?;
    let world = scene.world();
    scene.ask(&["sleep", "--for", "30m"]).await?;
    scene.until_asleep().await?;
    // Case 1: a person needs one of them. Case 30: a release sets another size. Case 4: the most is lowered by code.
    kubectl(world, &["-n", NAME, "scale", "deployment/front", "--replicas=1"]).await?;
    let release = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "dns", "namespace": NAME },
        "spec": { "replicas": 4 },
    });
    let file = world.dir().join("data/release.json");
    std::fs::write(&file, release.to_string())?;
    let file = file.display().to_string();
    let apply = [
        "apply",
        "--server-side",
        "--force-conflicts",
        "--field-manager=helm",
        "-f",
        &file,
    ];
    kubectl(world, &apply).await?;
    groups::set_sizes(world, &format!("{NAME}-workers"), Sizes::new(0, 0, 4)).await?;

    let mut night = scene.asleep();
    night.insert(format!("deployment/{NAME}/front"), "1".to_owned());
    night.insert(format!("group/{NAME}-workers"), "0-0-4".to_owned());
    until_numbers(world, &night, NIGHT).await?;
    // Longer than the next look: what a person did stays.
    tokio::time::sleep(Duration::from_secs(75)).await;
    until_numbers(world, &night, Duration::from_secs(1)).await?;

    scene.ask(&["release"]).await?;
    let mut morning = scene.awake.clone();
    morning.insert(format!("deployment/{NAME}/dns"), "4".to_owned());
    morning.insert(format!("group/{NAME}-workers"), "1-2-4".to_owned());
    scene.until_awake(&morning).await?;
    scene.end().await
}

pub(crate) async fn a_dry_run_plans_what_the_real_run_then_does_and_writes_nothing(
    stage: &Stage,
) -> Result<()> {
    let scene = Scene::set(stage).await?;
    let (world, function) = (scene.world(), scene.function);
    function.set_dry_run(world, true).await?;
    let seen = nothing_is_written(&scene).await;
    function.set_dry_run(world, false).await?;
    let (planned, writes_before) = seen?;

    let since = Timestamp::now();
    scene.until_asleep().await?;
    // The log of an invocation comes when it ends.
    let logged = async || Ok(!plans(&scene, since, false).await?.is_empty());
    until("no plan was logged", Duration::from_secs(90), logged).await?;
    let done = plans(&scene, since, false).await?;
    ensure(done.first() == Some(&planned), || {
        format!("planned in the dry run: {planned}\nplanned in the real one: {done:#?}")
    })?;
    // The audit log that showed nothing shows a night.
    let wrote = audit::writes(world, WRITER)?.split_off(writes_before);
    ensure(wrote.iter().any(|write| write.verb == "patch"), || {
        format!("{wrote:#?}")
    })?;
    scene.estate.schedule(world, "always").await?;
    scene.until_awake(&scene.awake).await?;
    scene.end().await
}

/// Lets a dry run look at an estate that is to sleep. Returns what it planned, and how many writes there were.
async fn nothing_is_written(scene: &Scene<'_>) -> Result<(String, usize)> {
    let world = scene.world();
    let since = Timestamp::now();
    let before = audit::writes(world, WRITER)?;
    scene.estate.schedule(world, "never").await?;
    scene.function.tick(world).await?;
    let planned = async || Ok(!plans(scene, since, true).await?.is_empty());
    until("the plan was not logged", Duration::from_secs(90), planned).await?;
    let plan = plans(scene, since, true)
        .await?
        .pop()
        .context("a plan was logged")?;
    let after = audit::writes(world, WRITER)?;
    ensure(before == after, || {
        format!("written: {:#?}", &after[before.len()..])
    })?;
    let records = scene.records().await?;
    ensure(records.is_empty(), || format!("{records:?}"))?;
    let now = numbers(world).await?;
    ensure(now == scene.awake, || format!("{now:#?}"))?;
    Ok((plan, after.len()))
}

/// The plans that were logged since `since` and move something of everything in the estate.
async fn plans(scene: &Scene<'_>, since: Timestamp, dry_run: bool) -> Result<Vec<String>> {
    let records = scene.function.records(scene.world(), since).await?;
    let plan = |record: &Value| {
        let is_plan =
            record["message"] == "plan" && record["dry_run"] == dry_run && record["level"] == "INFO";
        let text = record["plan"].as_str()?.to_owned();
        let is_whole = ["workers", "batch", "managed", "orders", "front"]
            .iter()
            .all(|name| text.contains(name));
        (is_plan && is_whole).then_some(text)
    };
    Ok(records.iter().filter_map(plan).collect())
}

fn to_the_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
