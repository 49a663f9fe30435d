//! Deployments that ask for images of the world's registry.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use world::World;
use world::registry::{self, Contents};
use world::stacks::kubectl;

use crate::until;

/// What every shop runs at first.
pub const FIRST: &str = "1.2.3";

/// Deployments named `web-0`, `web-1` and so on, in one namespace, all of one repository.
#[derive(Debug, Clone)]
pub struct Shops {
    /// The namespace.
    pub namespace: String,
    /// The repository.
    pub repository: String,
    /// How many.
    pub count: u32,
    /// Pods of each.
    pub replicas: u32,
    /// Annotations of each, without `lamplighter.dev/`.
    pub settings: Vec<(&'static str, String)>,
}

impl Shops {
    /// One Deployment of two pods that follows minor versions, in a namespace and a repository of that name.
    pub fn new(name: &str) -> Self {
        Self {
            namespace: name.to_owned(),
            repository: format!("{name}/web"),
            count: 1,
            replicas: 2,
            settings: vec![("image-policy", "minor".to_owned())],
        }
    }

    /// Pushes the first image, if the repository is new, and creates the Deployments. Returns when they are ready.
    pub async fn open(&self, world: &World) -> Result<()> {
        let first = registry::push(
            world,
            &self.repository,
            &[FIRST],
            &Contents::new(self.image(FIRST)),
        )
        .await;
        first.context("pushing the first image")?;
        let file = world.dir().join(format!("data/{}.json", self.namespace));
        std::fs::write(&file, self.manifest().to_string())?;
        kubectl(world, &["apply", "-f", &file.display().to_string()]).await?;
        for n in 0..self.count {
            let name = format!("deployment/web-{n}");
            let wait = ["-n", &self.namespace, "rollout", "status", &name, "--timeout=90s"];
            kubectl(world, &wait).await?;
        }
        Ok(())
    }

    /// Creates the repository.
    pub async fn create_repository(&self, world: &World) -> Result<()> {
        registry::create_repository(world, &self.repository).await
    }

    /// Pushes an image under a tag. Returns its digest.
    pub async fn push(&self, world: &World, tag: &str, contents: &Contents) -> Result<String> {
        registry::push(world, &self.repository, &[tag], contents).await
    }

    /// The name of an image by its tag.
    pub fn image(&self, tag: &str) -> String {
        registry::image_reference(&self.repository, tag)
    }

    /// The name of an image by tag and digest, as it is deployed.
    pub fn pinned(&self, tag: &str, digest: &str) -> String {
        format!("{}@{digest}", self.image(tag))
    }

    /// A Deployment as the API server has it.
    pub async fn object(&self, world: &World, n: u32) -> Result<Value> {
        let name = format!("web-{n}");
        let text = kubectl(
            world,
            &["-n", &self.namespace, "get", "deployment", &name, "-o", "json"],
        )
        .await?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Waits until every Deployment runs that image.
    pub async fn until_image(&self, world: &World, image: &str, limit: Duration) -> Result<()> {
        let what = format!("{}: not every Deployment runs {image}", self.namespace);
        until(&what, limit, async || {
            let path = "jsonpath={.items[*].spec.template.spec.containers[0].image}";
            let images = kubectl(world, &["-n", &self.namespace, "get", "deployments", "-o", path]).await?;
            Ok(images.split(' ').all(|one| one == image))
        })
        .await
    }

    /// Waits until every Deployment's last rollout is at that stage.
    pub async fn until_stage(&self, world: &World, stage: &str, limit: Duration) -> Result<()> {
        let what = format!("{}: not every rollout is {stage}", self.namespace);
        until(&what, limit, async || {
            for n in 0..self.count {
                if status_of(&self.object(world, n).await?)["stage"] != stage {
                    return Ok(false);
                }
            }
            Ok(true)
        })
        .await
    }

    /// Waits until the first Deployment remembers that this digest failed.
    pub async fn until_blocked(&self, world: &World, digest: &str, limit: Duration) -> Result<()> {
        let what = format!("{}: {digest} is not blocked", self.namespace);
        until(&what, limit, async || {
            let object = self.object(world, 0).await?;
            let blocked = object["metadata"]["annotations"]["lamplighter.dev/blocked-digests"].as_str();
            Ok(blocked.is_some_and(|blocked| blocked.contains(digest)))
        })
        .await
    }

    /// Deletes the namespace and the repository.
    pub async fn close(self, world: &World) -> Result<()> {
        kubectl(world, &["delete", "namespace", &self.namespace, "--timeout=90s"]).await?;
        registry::delete_repository(world, &self.repository).await
    }

    fn manifest(&self) -> Value {
        let namespace =
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": self.namespace } });
        let settings: serde_json::Map<String, Value> = self
            .settings
            .iter()
            .map(|(key, value)| (format!("lamplighter.dev/{key}"), json!(value)))
            .collect();
        let deployment = |n: u32| {
            let labels = json!({ "app": format!("web-{n}") });
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": { "name": format!("web-{n}"), "namespace": self.namespace, "annotations": settings },
                "spec": {
                    "replicas": self.replicas,
                    "selector": { "matchLabels": labels },
                    "template": {
                        "metadata": { "labels": labels },
                        "spec": { "containers": [{ "name": "app", "image": self.image(FIRST) }] },
                    },
                },
            })
        };
        let items = std::iter::once(namespace).chain((0..self.count).map(deployment));
        json!({ "apiVersion": "v1", "kind": "List", "items": items.collect::<Vec<_>>() })
    }
}

/// What a workload remembers of its last rollout.
pub fn status_of(object: &Value) -> Value {
    let text = object["metadata"]["annotations"]["lamplighter.dev/image-status"].as_str();
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}
