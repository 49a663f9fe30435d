//! All that can sleep, in one cluster: two groups, a node group, Deployments in three tiers, a StatefulSet, a CronJob, a
//! HorizontalPodAutoscaler and a database, with numbers of which no two are alike.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use world::databases::{self, Database};
use world::groups::{self, Group, Sizes};
use world::nodegroups::{self, Nodegroup};
use world::stacks::kubectl;
use world::{CLUSTER, World};

use crate::until;

/// Where its workloads are, and what everything else is named after.
pub const NAME: &str = "estate";

/// Its Deployments: name, tier and replicas.
const DEPLOYMENTS: [(&str, &str, u32); 3] = [("dns", "0", 2), ("api", "4", 3), ("front", "9", 5)];

/// The Deployment that the autoscaler scales.
const SCALED: &str = "api";

/// The tag that says when something is up.
const SCHEDULE: &str = "lamplighter:schedule";

/// What a person may look at, by name: sizes as texts.
pub type Numbers = BTreeMap<String, String>;

/// The estate.
#[derive(Debug)]
pub struct Estate {
    groups: [Group; 2],
    nodegroup: Nodegroup,
    database: Database,
}

impl Estate {
    /// Everything with this schedule, in a tag or an annotation.
    pub fn new(schedule: &str) -> Self {
        let group = |name: &str, size, min, max| {
            Group::new(&format!("{NAME}-{name}"), CLUSTER, size)
                .bounds(min, max)
                .tag(SCHEDULE, schedule)
        };
        Self {
            groups: [group("workers", 2, 1, 5), group("batch", 1, 0, 3)],
            nodegroup: Nodegroup::new(&format!("{NAME}-managed"), Sizes::new(1, 2, 4))
                .tag("lamplighter:cluster", CLUSTER)
                .tag(SCHEDULE, schedule),
            database: Database::new(&format!("{NAME}-orders"))
                .tag("lamplighter:cluster", CLUSTER)
                .tag(SCHEDULE, schedule),
        }
    }

    /// Makes all of it, and returns when it is ready.
    pub async fn create(&self, world: &World, schedule: &str) -> Result<()> {
        for group in &self.groups {
            group.create(world).await?;
        }
        self.nodegroup.create(world).await?;
        self.database.create(world).await?;
        let file = world.dir().join(format!("data/{NAME}.json"));
        std::fs::write(&file, manifest(schedule).to_string())?;
        kubectl(world, &["apply", "-f", &file.display().to_string()]).await?;
        for (name, ..) in DEPLOYMENTS {
            let name = format!("deployment/{name}");
            kubectl(world, &["-n", NAME, "rollout", "status", &name, "--timeout=90s"]).await?;
        }
        kubectl(
            world,
            &[
                "-n",
                NAME,
                "rollout",
                "status",
                "statefulset/store",
                "--timeout=90s",
            ],
        )
        .await?;
        Ok(())
    }

    /// Gives all of it another schedule, as its people would.
    pub async fn schedule(&self, world: &World, schedule: &str) -> Result<()> {
        let annotation = format!("lamplighter.dev/schedule={schedule}");
        kubectl(
            world,
            &["annotate", "--overwrite", "namespace", NAME, &annotation],
        )
        .await?;
        for group in &self.groups {
            groups::tag(world, &group.name, SCHEDULE, schedule).await?;
        }
        nodegroups::tag(world, &self.nodegroup.name, SCHEDULE, schedule).await?;
        databases::tag(world, &self.database.name, SCHEDULE, schedule).await
    }

    /// Deletes all of it.
    pub async fn delete(self, world: &World) -> Result<()> {
        kubectl(world, &["delete", "namespace", NAME, "--timeout=90s"]).await?;
        self.database.delete(world).await?;
        self.nodegroup.delete(world).await?;
        for group in self.groups {
            group.delete(world).await?;
        }
        Ok(())
    }
}

/// Every number of it.
pub async fn numbers(world: &World) -> Result<Numbers> {
    let mut numbers = Numbers::new();
    for name in ["workers", "batch"] {
        let name = format!("{NAME}-{name}");
        let sizes = groups::sizes(world, &name).await?;
        numbers.insert(format!("group/{name}"), sizes.to_string());
    }
    let name = format!("{NAME}-managed");
    let sizes = nodegroups::sizes(world, &name).await?;
    numbers.insert(format!("nodegroup/{name}"), sizes.to_string());
    let name = format!("{NAME}-orders");
    let status = databases::status(world, &name).await?;
    numbers.insert(format!("database/{name}"), status.unwrap_or_default());
    let kinds = [
        ("deployment", ".spec.replicas"),
        ("statefulset", ".spec.replicas"),
        ("cronjob", ".spec.suspend"),
        ("hpa", ".spec.minReplicas"),
    ];
    for (kind, field) in kinds {
        let path = format!("jsonpath={{range .items[*]}}{{.metadata.name}} {{{field}}}{{\"\\n\"}}{{end}}");
        let listed = kubectl(world, &["-n", NAME, "get", kind, "-o", &path]).await?;
        for line in listed.lines() {
            let (name, size) = line.split_once(' ').with_context(|| format!("{kind}: {line}"))?;
            numbers.insert(format!("{kind}/{NAME}/{name}"), size.to_owned());
        }
    }
    Ok(numbers)
}

/// What they are while everything sleeps: the autoscaler stays as it is, since what it scales is at 0.
pub fn asleep(awake: &Numbers) -> Numbers {
    let night = |key: &str, size: &str| match key.split('/').next() {
        Some("group" | "nodegroup") => {
            let max = size.rsplit('-').next().unwrap_or_default();
            format!("0-0-{max}")
        }
        Some("database") => databases::STOPPED.to_owned(),
        Some("cronjob") => "true".to_owned(),
        Some("hpa") => size.to_owned(),
        _ => "0".to_owned(),
    };
    awake
        .iter()
        .map(|(key, size)| (key.clone(), night(key, size)))
        .collect()
}

/// Waits until the numbers are `wanted`, and all that they stand for is there, or gone.
pub async fn until_numbers(world: &World, wanted: &Numbers, limit: Duration) -> Result<()> {
    let seen = std::sync::Mutex::new(Numbers::new());
    let are = async || {
        let now = numbers(world).await?;
        let same = now == *wanted;
        if let Ok(mut seen) = seen.lock() {
            *seen = now;
        }
        Ok(same)
    };
    until("the numbers are not as they are to be", limit, are)
        .await
        .with_context(|| {
            let seen = seen.lock().map(|seen| seen.clone()).unwrap_or_default();
            let differ = wanted.iter().filter(|(key, size)| seen.get(*key) != Some(size));
            let differ: Vec<_> = differ.map(|(key, size)| (key, size, seen.get(key))).collect();
            format!("{differ:?} (wanted, seen)")
        })
}

/// How many nodes of it there are.
pub async fn nodes(world: &World) -> Result<usize> {
    let mut count = nodegroups::nodes(world, &format!("{NAME}-managed")).await?.len();
    for name in ["workers", "batch"] {
        count += groups::instances(world, &format!("{NAME}-{name}")).await?.len();
    }
    Ok(count)
}

fn manifest(schedule: &str) -> Value {
    let mut items = vec![json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": { "name": NAME, "annotations": {
            "lamplighter.dev/schedule": schedule, "lamplighter.dev/grace-period": "0s",
        } },
    })];
    for (name, tier, replicas) in DEPLOYMENTS {
        items.push(workload("Deployment", name, tier, replicas));
    }
    items.push(workload("StatefulSet", "store", "2", 2));
    items.push(json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": { "name": "report", "namespace": NAME },
        "spec": { "schedule": "0 3 * * 0", "suspend": false, "jobTemplate": { "spec": { "template": { "spec": {
            "restartPolicy": "Never", "containers": [{ "name": "report", "image": "registry.invalid/report:1" }],
        } } } } },
    }));
    items.push(json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": { "name": SCALED, "namespace": NAME },
        "spec": {
            "minReplicas": 2, "maxReplicas": 10,
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": SCALED },
            "metrics": [{ "type": "Resource", "resource": {
                "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 80 } } }],
        },
    }));
    json!({ "apiVersion": "v1", "kind": "List", "items": items })
}

fn workload(kind: &str, name: &str, tier: &str, replicas: u32) -> Value {
    let labels = json!({ "app": name });
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": kind,
        "metadata": { "name": name, "namespace": NAME, "annotations": { "lamplighter.dev/tier": tier } },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": {
                    "labels": labels,
                    "annotations": { control_plane::annotations::STOPS_AFTER: "1s" },
                },
                "spec": { "containers": [{ "name": "app", "image": "registry.invalid/app:1" }] },
            },
        },
    });
    if kind == "StatefulSet" {
        object["spec"]["serviceName"] = json!(name);
        object["spec"]["podManagementPolicy"] = json!("Parallel");
    }
    object
}
