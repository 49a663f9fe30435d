//! Images that are pushed go out, and bad ones come back, by the deployed function.
//!
//! Most of the time of these stories is spent waiting for pods and ticks: so they are told side by side.

use std::time::Duration;

use anyhow::{Context, Result};
use control_plane::Failure;
use jiff::Timestamp;
use relay::Faults;
use scenarios::function::Function;
use scenarios::shops::{FIRST, Shops, status_of};
use scenarios::{Stage, until};
use serde_json::json;
use world::groups::Group;
use world::registry::{self, Contents};
use world::stacks::kubectl;
use world::{CLUSTER, World};

use crate::ensure;

/// An event, an invocation that starts cold, and a patch.
const SOON: Duration = Duration::from_secs(30);
/// A bad image is noticed within 45 s, or by the next tick, and taken back.
const BACK: Duration = Duration::from_secs(150);
/// A tick a minute, and an invocation that works for 50 s.
const TICKS: Duration = Duration::from_secs(150);

/// Nodes, and the function.
struct Scene<'a> {
    world: &'a World,
    function: &'a Function,
    nodes: Group,
    since: Timestamp,
}

impl<'a> Scene<'a> {
    async fn set(stage: &'a Stage, name: &str) -> Result<Self> {
        let function = stage
            .eks
            .images
            .as_ref()
            .context("the stack has no image-deploy")?;
        let (nodes, _) = stage.group(Group::new(name, CLUSTER, 2)).await?;
        Ok(Self {
            world: &stage.world,
            function,
            nodes,
            since: Timestamp::now(),
        })
    }

    async fn open(&self, shops: Shops) -> Result<Shops> {
        shops.create_repository(self.world).await?;
        shops.open(self.world).await?;
        Ok(shops)
    }

    /// The reasons of the Events that say what became of the images of a namespace.
    async fn told(&self, shops: &Shops) -> Result<Vec<String>> {
        let mut reasons = self.reasons(shops).await?;
        reasons.retain(|reason| reason.starts_with("Image"));
        Ok(reasons)
    }

    /// The reasons of all Events of a namespace.
    async fn reasons(&self, shops: &Shops) -> Result<Vec<String>> {
        let path = "jsonpath={.items[*].reason}";
        let get = ["-n", &shops.namespace, "get", "events.events.k8s.io", "-o", path];
        let reasons = kubectl(self.world, &get).await?;
        Ok(reasons.split(' ').map(str::to_owned).collect())
    }

    async fn end(self) -> Result<()> {
        let errors = self.function.errors(self.world, self.since).await?;
        // What people have to know is said as an error, with its reason; anything else is one of the function itself.
        let own = |error: &&String| {
            !["\"reason\":\"Image", "\"reason\":\"NeedsAttention"]
                .iter()
                .any(|told| error.contains(told))
        };
        let own: Vec<&String> = errors.iter().filter(own).collect();
        ensure(own.is_empty(), || format!("{own:#?}"))?;
        self.nodes.delete(self.world).await
    }
}

pub(crate) async fn what_is_pushed_goes_out_what_fails_comes_back_and_people_have_their_way(
    stage: &Stage,
) -> Result<()> {
    let scene = Scene::set(stage, "images").await?;
    tokio::try_join!(
        a_push_is_rolled_out_by_its_digest_and_found_good(&scene),
        images_that_fail_are_taken_back_and_never_come_again(&scene),
        what_has_nothing_to_go_back_to_stays_and_the_rule_that_expired_it_is_named(&scene),
        credentials_that_are_refused_are_no_failure_of_an_image(&scene),
        what_is_pushed_at_night_is_judged_when_there_are_pods_again(&scene),
        what_a_person_takes_back_stays_away_until_something_newer_comes(&scene),
    )?;
    scene.end().await
}

async fn a_push_is_rolled_out_by_its_digest_and_found_good(scene: &Scene<'_>) -> Result<()> {
    let world = scene.world;
    let mut shops = Shops::new("pushes");
    shops.settings.push(("cooldown", "0s".to_owned()));
    let shops = scene.open(shops).await?;
    let index = registry::push_index(
        world,
        &shops.repository,
        "1.3.0",
        &Contents::new("1.3.0"),
        &["amd64", "arm64"],
    )
    .await?;
    shops
        .until_image(world, &shops.pinned("1.3.0", &index.digest), SOON)
        .await?;
    shops.until_stage(world, "verified", TICKS).await?;
    let told = scene.told(&shops).await?;
    ensure(told == ["ImageDeployed", "ImageVerified"], || format!("{told:?}"))?;
    let cause = &shops.object(world, 0).await?["metadata"]["annotations"]["kubernetes.io/change-cause"];
    ensure(cause == "lamplighter: app 1.2.3 -> 1.3.0", || format!("{cause}"))?;

    // Nothing is for machines of another kind, with an index or without one.
    let (other, tag) = (Contents::new("1.3.1").for_architecture("amd64"), "1.3.1");
    shops.push(world, tag, &other).await?;
    let told = async || {
        Ok(scene
            .reasons(&shops)
            .await?
            .contains(&"NeedsAttention".to_owned()))
    };
    until("nobody is told that no machine can run it", SOON, told).await?;
    let object = shops.object(world, 0).await?;
    let image = &object["spec"]["template"]["spec"]["containers"][0]["image"];
    ensure(*image == shops.pinned("1.3.0", &index.digest), || {
        format!("{image}")
    })?;
    registry::push_index(world, &shops.repository, tag, &other, &["amd64"]).await?;

    // The event is lost: the sweep finds it.
    world.relay().set_faults(Faults {
        repository: Some(shops.repository.clone()),
        ..Faults::lose_everything()
    });
    let digest = shops.push(world, "1.3.2", &Contents::new("1.3.2")).await?;
    let swept = shops
        .until_image(world, &shops.pinned("1.3.2", &digest), TICKS)
        .await;
    world.relay().set_faults(Faults::default());
    swept?;
    shops.until_stage(world, "verified", TICKS).await?;
    let written = async || {
        let object = shops.object(world, 0).await?;
        Ok::<_, anyhow::Error>((object["metadata"]["generation"].clone(), status_of(&object)))
    };
    let before = written().await?;
    // More tags of what runs are nothing new.
    for tag in ["1.3", "stable"] {
        registry::tag(world, &shops.repository, &digest, tag).await?;
    }
    tokio::time::sleep(Duration::from_secs(70)).await;
    let after = written().await?;
    ensure(before == after, || format!("{before:?} became {after:?}"))?;
    // So what was for other machines was not deployed in between.
    let told = scene.told(&shops).await?;
    let deployed = told.iter().filter(|reason| *reason == "ImageDeployed").count();
    ensure(deployed == 2, || format!("{told:?}"))?;
    shops.close(world).await?;
    Ok(())
}

async fn images_that_fail_are_taken_back_and_never_come_again(scene: &Scene<'_>) -> Result<()> {
    let world = scene.world;
    let kinds = [
        ("crash", Failure::CrashLoop),
        ("missing", Failure::ImageNotFound),
        ("unready", Failure::NeverReady),
        ("unstarted", Failure::StartError),
    ];
    let mut shops = Vec::new();
    for (name, failure) in kinds {
        shops.push((scene.open(Shops::new(name)).await?, failure));
    }
    let mut blocked = Vec::new();
    for (shop, failure) in &shops {
        let bad = Contents::failing(format!("1.3.0 of {}", shop.namespace), *failure);
        blocked.push(shop.push(world, "1.3.0", &bad).await?);
    }
    for ((shop, _), digest) in shops.iter().zip(&blocked) {
        shop.until_blocked(world, digest, SOON + BACK).await?;
        shop.until_image(world, &shop.image(FIRST), BACK)
            .await
            .with_context(|| format!("{digest} is not taken back"))?;
        shop.until_stage(world, "rolled-back", TICKS).await?;
        let object = shop.object(world, 0).await?;
        let noted = object["metadata"]["annotations"]["lamplighter.dev/blocked-digests"].as_str();
        ensure(noted.is_some_and(|noted| noted.contains(digest)), || {
            format!("{noted:?}")
        })?;
        // Of the pods that served, none was lost meanwhile.
        ensure(object["status"]["availableReplicas"] == 2, || {
            object["status"].to_string()
        })?;
    }
    // The sweep sees the same tag again and again, and leaves it.
    tokio::time::sleep(Duration::from_secs(75)).await;
    for (shop, _) in &shops {
        shop.until_image(world, &shop.image(FIRST), Duration::ZERO)
            .await?;
        let good = shop.push(world, "1.3.1", &Contents::new("1.3.1")).await?;
        shop.until_image(world, &shop.pinned("1.3.1", &good), TICKS)
            .await?;
    }
    for (shop, _) in shops {
        shop.until_stage(world, "verified", TICKS).await?;
        let told = scene.told(&shop).await?;
        ensure(
            told.iter().filter(|reason| *reason == "ImageRolledBack").count() == 1,
            || format!("{}: {told:?}", shop.namespace),
        )?;
        shop.close(world).await?;
    }
    Ok(())
}

async fn what_has_nothing_to_go_back_to_stays_and_the_rule_that_expired_it_is_named(
    scene: &Scene<'_>,
) -> Result<()> {
    let world = scene.world;
    let shops = scene.open(Shops::new("expired")).await?;
    let rule = json!({
        "rulePriority": 4,
        "description": "the newest release",
        "selection": {
            "tagStatus": "tagged", "tagPatternList": ["1.*"], "countType": "imageCountMoreThan", "countNumber": 1,
        },
        "action": { "type": "expire" },
    });
    registry::put_lifecycle_policy(world, &shops.repository, &json!({ "rules": [rule] })).await?;
    let bad = Contents::failing("1.3.0", Failure::NeverReady);
    let digest = shops.push(world, "1.3.0", &bad).await?;
    let image = shops.pinned("1.3.0", &digest);
    shops.until_image(world, &image, SOON).await?;
    registry::delete(world, &shops.repository, FIRST).await?;
    shops.until_stage(world, "failed", SOON + BACK).await?;
    shops.until_image(world, &image, Duration::ZERO).await?;
    let object = shops.object(world, 0).await?;
    let why = status_of(&object)["why"].to_string();
    let rule = "lifecycle rule 4 (the newest release) may have expired it";
    ensure(why.contains(rule), || why)?;
    // The pods of the image that is gone serve on.
    ensure(object["status"]["availableReplicas"] == 2, || {
        object["status"].to_string()
    })?;
    shops.close(world).await
}

async fn credentials_that_are_refused_are_no_failure_of_an_image(scene: &Scene<'_>) -> Result<()> {
    let world = scene.world;
    let shops = scene.open(Shops::new("credentials")).await?;
    let refused = Contents::failing("1.3.0", Failure::ImageForbidden);
    let digest = shops.push(world, "1.3.0", &refused).await?;
    let image = shops.pinned("1.3.0", &digest);
    shops.until_image(world, &image, SOON).await?;
    // Longer than anything else would be left.
    tokio::time::sleep(Duration::from_secs(80)).await;
    shops.until_image(world, &image, Duration::ZERO).await?;
    let object = shops.object(world, 0).await?;
    ensure(status_of(&object)["stage"] == "rolling", || {
        status_of(&object).to_string()
    })?;
    let blocked = &object["metadata"]["annotations"]["lamplighter.dev/blocked-digests"];
    ensure(blocked.is_null(), || blocked.to_string())?;
    shops.close(world).await?;
    Ok(())
}

async fn what_is_pushed_at_night_is_judged_when_there_are_pods_again(scene: &Scene<'_>) -> Result<()> {
    let world = scene.world;
    let shops = scene.open(Shops::new("nights")).await?;
    let scale = async |replicas: &str| {
        let replicas = format!("--replicas={replicas}");
        kubectl(
            world,
            &["-n", &shops.namespace, "scale", "deployment/web-0", &replicas],
        )
        .await
    };
    scale("0").await?;
    let bad = shops
        .push(world, "1.3.0", &Contents::failing("1.3.0", Failure::CrashLoop))
        .await?;
    shops
        .until_image(world, &shops.pinned("1.3.0", &bad), SOON)
        .await?;
    shops.until_stage(world, "deferred", TICKS).await?;
    scale("2").await?;
    shops
        .until_image(world, &shops.image(FIRST), BACK + TICKS)
        .await?;
    shops.until_stage(world, "rolled-back", TICKS).await?;

    scale("0").await?;
    let good = shops.push(world, "1.3.1", &Contents::new("1.3.1")).await?;
    shops
        .until_image(world, &shops.pinned("1.3.1", &good), TICKS)
        .await?;
    shops.until_stage(world, "deferred", TICKS).await?;
    scale("2").await?;
    shops.until_stage(world, "verified", TICKS).await?;
    shops.close(world).await?;
    Ok(())
}

pub(crate) async fn one_push_reaches_fifty_deployments_of_ten_namespaces(stage: &Stage) -> Result<()> {
    let scene = Scene::set(stage, "chain").await?;
    let world = scene.world;
    let shops: Vec<Shops> = (0..10)
        .map(|n| Shops {
            repository: "chain/web".to_owned(),
            count: 5,
            replicas: 1,
            ..Shops::new(&format!("chain-{n}"))
        })
        .collect();
    shops[0].create_repository(world).await?;
    for shop in &shops {
        shop.open(world).await?;
    }
    let digest = shops[0].push(world, "1.3.0", &Contents::new("1.3.0")).await?;
    for shop in &shops {
        shop.until_image(world, &shop.pinned("1.3.0", &digest), SOON)
            .await?;
    }
    for shop in &shops {
        shop.until_stage(world, "verified", TICKS).await?;
    }
    let names: Vec<String> = shops.iter().map(|shop| shop.namespace.clone()).collect();
    let mut delete = vec!["delete", "namespace", "--timeout=120s"];
    delete.extend(names.iter().map(String::as_str));
    kubectl(world, &delete).await?;
    registry::delete_repository(world, "chain/web").await?;
    scene.end().await
}

async fn what_a_person_takes_back_stays_away_until_something_newer_comes(scene: &Scene<'_>) -> Result<()> {
    let world = scene.world;
    let shops = scene.open(Shops::new("people")).await?;
    let digest = shops.push(world, "1.3.0", &Contents::new("1.3.0")).await?;
    shops
        .until_image(world, &shops.pinned("1.3.0", &digest), SOON)
        .await?;
    shops.until_stage(world, "verified", TICKS).await?;
    kubectl(
        world,
        &["-n", &shops.namespace, "rollout", "undo", "deployment/web-0"],
    )
    .await?;
    shops.until_image(world, &shops.image(FIRST), SOON).await?;
    let held = async || Ok(scene.told(&shops).await?.contains(&"ImageHeld".to_owned()));
    until("nobody is told of the hold", TICKS, held).await?;
    tokio::time::sleep(Duration::from_secs(65)).await;
    shops
        .until_image(world, &shops.image(FIRST), Duration::ZERO)
        .await?;
    let newer = shops.push(world, "1.3.1", &Contents::new("1.3.1")).await?;
    shops
        .until_image(world, &shops.pinned("1.3.1", &newer), SOON)
        .await?;
    shops.close(world).await?;
    Ok(())
}
