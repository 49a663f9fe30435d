//! Managed node groups of the world's EKS cluster, as their people make them: through the API.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base::Ports;
use emulator::Client;
use emulator::eks::clusters::create_role;
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::ListParams;
use reqwest::Method;
use serde_json::{Value, json};

use crate::World;
use crate::groups::{Sizes, is_ready};
use crate::machines::NODEGROUP_LABEL;
use crate::world::{CLUSTER, LOOK};

/// Nodes come and go in about a second; a machine that compiles at the same time is slower.
const LIMIT: Duration = Duration::from_secs(60);

/// The role of every node of a node group; EKS asks that it exists.
const NODE_ROLE: &str = "eks-node";

/// A node group to be made.
#[derive(Debug, Clone)]
pub struct Nodegroup {
    /// Its name.
    pub name: String,
    /// At least so many nodes.
    pub min: u32,
    /// So many nodes.
    pub desired: u32,
    /// At most so many nodes, and at least 1.
    pub max: u32,
    /// Its tags, which neither its Auto Scaling group nor its nodes inherit.
    pub tags: BTreeMap<String, String>,
}

impl Nodegroup {
    /// A node group without tags.
    pub fn new(name: &str, sizes: Sizes) -> Self {
        let Sizes { min, desired, max } = sizes;
        Self {
            name: name.to_owned(),
            min,
            desired,
            max,
            tags: BTreeMap::new(),
        }
    }

    /// With a tag.
    #[must_use]
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.tags.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Makes it, and returns its nodes when all of them are ready.
    pub async fn create(&self, world: &World) -> Result<Vec<Node>> {
        create_role(&world.aws()?, NODE_ROLE, "ec2.amazonaws.com").await?;
        let nodegroup = json!({
            "nodegroupName": self.name,
            "nodeRole": format!("arn:aws:iam::{}:role/{NODE_ROLE}", base::aws::ACCOUNT),
            "subnets": ["subnet-00000001", "subnet-00000002"],
            "scalingConfig": { "minSize": self.min, "desiredSize": self.desired, "maxSize": self.max },
            "instanceTypes": ["m7g.large"],
            "tags": self.tags,
        });
        call(world, Method::POST, &all(), Some(&nodegroup)).await?;
        ready(world, &self.name, self.desired).await
    }

    /// Deletes it, and returns when none of its nodes is left.
    pub async fn delete(&self, world: &World) -> Result<()> {
        call(world, Method::DELETE, &one(&self.name), None).await?;
        ready(world, &self.name, 0).await.map(drop)
    }
}

/// The node group as EKS describes it.
pub async fn describe(world: &World, name: &str) -> Result<Value> {
    let mut answer = call(world, Method::GET, &one(name), None).await?;
    Ok(answer["nodegroup"].take())
}

/// Its sizes.
pub async fn sizes(world: &World, name: &str) -> Result<Sizes> {
    let described = describe(world, name).await?;
    let size = |field: &str| {
        let size = described["scalingConfig"][field].as_u64();
        let size = size.and_then(|size| u32::try_from(size).ok());
        size.with_context(|| format!("node group {name} has no {field}"))
    };
    Ok(Sizes::new(
        size("minSize")?,
        size("desiredSize")?,
        size("maxSize")?,
    ))
}

/// Changes its sizes, as a person or infrastructure code does, and returns when the update is over.
pub async fn set_sizes(world: &World, name: &str, sizes: Sizes) -> Result<()> {
    let Sizes { min, desired, max } = sizes;
    let change = json!({ "scalingConfig": { "minSize": min, "desiredSize": desired, "maxSize": max } });
    call(
        world,
        Method::POST,
        &format!("{}/update-config", one(name)),
        Some(&change),
    )
    .await?;
    let started = Instant::now();
    while describe(world, name).await?["status"] != "ACTIVE" {
        if started.elapsed() >= LIMIT {
            bail!("node group {name} is not active after {LIMIT:?}");
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// Its tags.
pub async fn tags(world: &World, name: &str) -> Result<BTreeMap<String, String>> {
    let described = describe(world, name).await?;
    let tags = described["tags"].as_object().into_iter().flatten();
    let tag = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
    Ok(tags.filter_map(tag).collect())
}

/// Sets a tag.
pub async fn tag(world: &World, name: &str, key: &str, value: &str) -> Result<()> {
    let path = tags_path(world, name).await?;
    let tags = json!({ "tags": { key: value } });
    call(world, Method::POST, &path, Some(&tags)).await.map(drop)
}

/// Takes a tag away.
pub async fn untag(world: &World, name: &str, key: &str) -> Result<()> {
    let path = tags_path(world, name).await?;
    let key: String = key.replace(':', "%3A").replace('/', "%2F");
    call(world, Method::DELETE, &format!("{path}?tagKeys={key}"), None)
        .await
        .map(drop)
}

/// The Auto Scaling group behind it, for [`groups`](crate::groups).
pub async fn group_of(world: &World, name: &str) -> Result<String> {
    let described = describe(world, name).await?;
    let group = described["resources"]["autoScalingGroups"][0]["name"].as_str();
    group
        .map(str::to_owned)
        .with_context(|| format!("node group {name} has no Auto Scaling group"))
}

/// Its nodes, by the label that EKS gives them.
pub async fn nodes(world: &World, name: &str) -> Result<Vec<Node>> {
    let nodes: Api<Node> = Api::all(world.control_plane().client());
    let own = ListParams::default().labels(&format!("{NODEGROUP_LABEL}={name}"));
    Ok(nodes.list(&own).await?.items)
}

/// Waits until it has so many nodes, all of them ready, and returns them.
pub async fn ready(world: &World, name: &str, count: u32) -> Result<Vec<Node>> {
    let started = Instant::now();
    loop {
        let nodes = nodes(world, name).await?;
        if nodes.len() == count as usize && nodes.iter().all(is_ready) {
            return Ok(nodes);
        }
        if started.elapsed() >= LIMIT {
            let troubles = world.timeline().troubles().join("; ");
            bail!(
                "node group {name}: {} of {count} nodes after {LIMIT:?}; {troubles}",
                nodes.len()
            );
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn tags_path(world: &World, name: &str) -> Result<String> {
    let described = describe(world, name).await?;
    let arn = described["nodegroupArn"].as_str();
    let arn = arn.with_context(|| format!("node group {name} has no ARN"))?;
    Ok(format!("/tags/{}", arn.replace(':', "%3A").replace('/', "%2F")))
}

fn all() -> String {
    format!("/clusters/{CLUSTER}/node-groups")
}

fn one(name: &str) -> String {
    format!("{}/{name}", all())
}

/// A call to the world's EKS, as the administrator.
async fn call(world: &World, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
    let endpoint = Ports::http(world.ports().eks());
    let client = Client::new(&endpoint, world.emulator().admin().clone())?;
    client.rest("eks", method, path, body).await
}
