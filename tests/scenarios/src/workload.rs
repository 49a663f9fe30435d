//! Pods for a scenario: a Deployment in a namespace of its own, on the nodes of one group.

use std::time::Duration;

use anyhow::Result;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use serde_json::{Value, json};
use world::World;
use world::stacks;

use crate::until;

/// A Deployment and its budget.
#[derive(Debug, Clone)]
pub struct Workload {
    /// The namespace, and the name of everything in it.
    pub name: String,
    /// How many pods.
    pub replicas: u32,
    /// How long a pod takes to stop, for example `2s`; `never` takes its whole grace.
    pub stops_after: String,
    /// Grace of each pod in seconds.
    pub grace: u32,
    /// `maxUnavailable` of the budget, if there is one.
    pub max_unavailable: Option<u32>,
}

impl Workload {
    /// Pods that stop within a second, without a budget.
    pub fn new(name: &str, replicas: u32) -> Self {
        Self {
            name: name.to_owned(),
            replicas,
            stops_after: "0.5s".to_owned(),
            grace: 30,
            max_unavailable: None,
        }
    }

    /// With pods that take so long to stop.
    #[must_use]
    pub fn stopping(mut self, stops_after: &str, grace: u32) -> Self {
        stops_after.clone_into(&mut self.stops_after);
        self.grace = grace;
        self
    }

    /// With a budget.
    #[must_use]
    pub fn budget(mut self, max_unavailable: u32) -> Self {
        self.max_unavailable = Some(max_unavailable);
        self
    }

    /// Creates it, and returns when all pods are ready.
    pub async fn create(&self, world: &World) -> Result<()> {
        self.apply(world).await?;
        let name = format!("deployment/{}", self.name);
        let wait = ["-n", &self.name, "rollout", "status", &name, "--timeout=90s"];
        stacks::kubectl(world, &wait).await?;
        if self.max_unavailable.is_some() {
            // The controller takes a moment to count.
            let wait = [
                "-n",
                &self.name,
                "wait",
                "pdb",
                &self.name,
                "--for=jsonpath={.status.observedGeneration}=1",
            ];
            stacks::kubectl(world, &wait).await?;
        }
        Ok(())
    }

    /// Changes the budget.
    pub async fn set_budget(&mut self, world: &World, max_unavailable: u32) -> Result<()> {
        self.max_unavailable = Some(max_unavailable);
        self.apply(world).await
    }

    /// Deletes the namespace with everything in it.
    pub async fn delete(&self, world: &World) -> Result<()> {
        let delete = [
            "delete",
            "namespace",
            &self.name,
            "--wait=false",
            "--ignore-not-found",
        ];
        stacks::kubectl(world, &delete).await.map(drop)
    }

    /// Its pods on a node: name and whether they were asked to leave.
    pub async fn pods_on(&self, world: &World, node: &str) -> Result<Vec<(String, bool)>> {
        let pods: Api<Pod> = Api::namespaced(world.control_plane().client(), &self.name);
        let list = pods
            .list(&ListParams::default().fields(&format!("spec.nodeName={node}")))
            .await?;
        let read = |pod: Pod| {
            (
                pod.metadata.name.unwrap_or_default(),
                pod.metadata.deletion_timestamp.is_some(),
            )
        };
        Ok(list.items.into_iter().map(read).collect())
    }

    /// Waits until a pod of it runs on the node.
    pub async fn until_on(&self, world: &World, node: &str) -> Result<()> {
        let what = format!("no pod of {} is on {node}", self.name);
        until(&what, Duration::from_secs(30), async || {
            Ok(!self.pods_on(world, node).await?.is_empty())
        })
        .await
    }

    async fn apply(&self, world: &World) -> Result<()> {
        let file = world.dir().join(format!("data/{}.json", self.name));
        std::fs::write(&file, self.manifest().to_string())?;
        stacks::kubectl(world, &["apply", "-f", &file.display().to_string()])
            .await
            .map(drop)
    }

    fn manifest(&self) -> Value {
        let metadata = json!({ "name": self.name, "namespace": self.name });
        let labels = json!({ "app": self.name });
        let mut items = vec![
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": self.name } }),
            json!({
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": metadata,
                "spec": {
                    "replicas": self.replicas,
                    "selector": { "matchLabels": labels },
                    "template": {
                        "metadata": {
                            "labels": labels,
                            "annotations": { control_plane::annotations::STOPS_AFTER: self.stops_after },
                        },
                        "spec": {
                            "terminationGracePeriodSeconds": self.grace,
                            "containers": [{ "name": "app", "image": "registry.invalid/app:1.0" }],
                        },
                    },
                },
            }),
        ];
        if let Some(max_unavailable) = self.max_unavailable {
            items.push(json!({
                "apiVersion": "policy/v1",
                "kind": "PodDisruptionBudget",
                "metadata": metadata,
                "spec": { "maxUnavailable": max_unavailable, "selector": { "matchLabels": labels } },
            }));
        }
        json!({ "apiVersion": "v1", "kind": "List", "items": items })
    }
}
