//! Pull secrets are made, renewed, and left alone where they are somebody else's, by the deployed function.

use std::time::Duration;

use anyhow::{Context, Result};
use base::paths;
use jiff::{SignedDuration, Timestamp};
use scenarios::{Stage, until};
use serde_json::{Value, json};
use world::registry::{self, Contents};
use world::stacks::kubectl;
use world::{CLUSTER, World};

use crate::ensure;

/// The name of the Secret.
pub(crate) const SECRET: &str = "lamplighter-ecr";
/// A repository to pull from.
const REPOSITORY: &str = "pulls/web";
/// Of these, the second has no Role, and the third has a Secret of that name already.
const NAMESPACES: [&str; 3] = ["pulls-shop", "pulls-locked", "pulls-taken"];

/// The Secret of the first namespace, if it is there.
async fn secret(world: &World) -> Result<Option<Value>> {
    let get = [
        "-n",
        NAMESPACES[0],
        "get",
        "secret",
        SECRET,
        "--ignore-not-found",
        "-o",
        "json",
    ];
    let text = kubectl(world, &get).await?;
    Ok(serde_json::from_str(&text).ok())
}

/// What a kubelet sends of it to the registry.
async fn auth(world: &World) -> Result<String> {
    let path = "go-template={{index .data \".dockerconfigjson\" | base64decode}}";
    let text = kubectl(world, &["-n", NAMESPACES[0], "get", "secret", SECRET, "-o", path]).await?;
    let config: Value = serde_json::from_str(&text)?;
    let auth = config["auths"][registry::host()]["auth"].as_str();
    auth.map(str::to_owned)
        .context("the Secret has no entry of the registry")
}

/// Lets the function keep a Secret in a namespace that is there.
pub(crate) async fn permit(world: &World, namespace: &str) -> Result<()> {
    let role = paths::checkout().join("infra/rbac/namespace/pull-secret.yaml");
    let apply = ["apply", "-n", namespace, "-f", &role.display().to_string()];
    kubectl(world, &apply).await.map(drop)
}

/// The Secret of a namespace says that it ends within the hour.
pub(crate) async fn let_age(world: &World, namespace: &str) -> Result<()> {
    let soon = Timestamp::now() + SignedDuration::from_hours(1);
    let registries = format!("lamplighter.dev/registries={}={soon:.0}", registry::host());
    let expires = format!("lamplighter.dev/expires-at={soon:.0}");
    let annotate = ["-n", namespace, "annotate", "--overwrite", "secret", SECRET];
    kubectl(world, &[&annotate[..], &[&registries, &expires]].concat())
        .await
        .map(drop)
}

pub(crate) async fn a_pull_secret_is_made_renewed_and_ready_when_the_morning_begins(
    stage: &Stage,
) -> Result<()> {
    let world = &stage.world;
    let function = stage.eks.pulls.as_ref().context("the stack has no pull-secret")?;
    registry::create_repository(world, REPOSITORY).await?;
    registry::push(world, REPOSITORY, &["1.0.0"], &Contents::new("pulls")).await?;
    for (n, namespace) in NAMESPACES.into_iter().enumerate() {
        kubectl(world, &["create", "namespace", namespace]).await?;
        if n != 1 {
            permit(world, namespace).await?;
        }
    }
    let taken = [
        "-n",
        NAMESPACES[2],
        "create",
        "secret",
        "generic",
        SECRET,
        "--from-literal=theirs=1",
    ];
    kubectl(world, &taken).await?;

    // Made where it may be, and who is in the way of the others is named.
    let since = Timestamp::now();
    function.tick(world).await?;
    let pulled = registry::pull(world, REPOSITORY, "1.0.0", &auth(world).await?).await?;
    ensure(pulled == 200, || format!("the registry answers {pulled}"))?;
    let errors = function.errors(world, since).await?.join("\n");
    for named in &NAMESPACES[1..] {
        ensure(errors.contains(named), || {
            format!("no error names {named}: {errors}")
        })?;
    }
    let theirs = kubectl(
        world,
        &[
            "-n",
            NAMESPACES[2],
            "get",
            "secret",
            SECRET,
            "-o",
            "jsonpath={.data}",
        ],
    )
    .await?;
    ensure(theirs == r#"{"theirs":"MQ=="}"#, || theirs.clone())?;

    // With half of its life left it is left alone; near its end it is renewed, once.
    let version = |secret: &Value| secret["metadata"]["resourceVersion"].clone();
    let first = secret(world).await?.context("there is no Secret")?;
    function.tick(world).await?;
    let same = secret(world).await?.context("there is no Secret")?;
    ensure(version(&first) == version(&same), || {
        "it was written again".to_owned()
    })?;
    let_age(world, NAMESPACES[0]).await?;
    registry::expire_passwords(world).await?;
    let refused = registry::pull(world, REPOSITORY, "1.0.0", &auth(world).await?).await?;
    ensure(refused == 403, || format!("the registry answers {refused}"))?;
    function.tick(world).await?;
    let pulled = registry::pull(world, REPOSITORY, "1.0.0", &auth(world).await?).await?;
    ensure(pulled == 200, || format!("the registry answers {pulled}"))?;

    // In the morning it is the first thing.
    kubectl(world, &["-n", NAMESPACES[0], "delete", "secret", SECRET]).await?;
    function.kill(world)?;
    let waking = json!({ "Entries": [{
        "Source": "lamplighter", "DetailType": "Off-Hours Action",
        "Detail": json!({ "cluster": CLUSTER, "action": "waking", "resource": "group/workers", "size": "1-1-1" }).to_string(),
    }] });
    world
        .aws()?
        .json("events", "AWSEvents.PutEvents", &waking)
        .await?;
    until(
        "the Secret is not there again",
        Duration::from_secs(30),
        async || Ok(secret(world).await?.is_some()),
    )
    .await?;
    for namespace in NAMESPACES {
        kubectl(world, &["delete", "namespace", namespace, "--timeout=90s"]).await?;
    }
    registry::delete_repository(world, REPOSITORY).await
}
