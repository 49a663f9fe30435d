//! image-deploy: a workload of each kind, each with a repository of its own, so that a push concerns one of them.
//!
//! There are no nodes: pods wait for some, and no rollout ends. Each case pushes a newer image, so that none rests on what
//! the one before has left undone.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use jiff::Timestamp;
use scenarios::function::Function;
use scenarios::{Deployment, Stage};
use serde_json::{Value, json};
use world::World;
use world::registry::{self, Contents};
use world::stacks::kubectl;

use super::Shows::{EmulatorsLog, Error, Mapping};
use super::{Case, Permission, Subject, rule, statement};
use crate::ensure;

/// The namespace, and how the names of the repositories begin.
const NAME: &str = "permissions-images";

/// How often the function is let work until every image is the newest.
const INVOCATIONS: u32 = 5;

/// The kinds, which are the names of the workloads too.
const KINDS: [&str; 4] = ["deployment", "statefulset", "daemonset", "cronjob"];

pub(super) struct Deploying {
    /// The patch number of the newest version.
    pushed: AtomicU32,
}

#[derive(Clone, Copy)]
pub(super) enum Given {
    /// Everything is as it was.
    Same,
    /// And a message comes that nobody can read.
    Nonsense,
    /// And a newer image of the workload of this kind is there.
    Pushed(&'static str),
}

impl Subject for Deploying {
    type Given = Given;

    const NAME: &'static str = "image-deploy";

    const CASES: &'static [Case<Given>] = &[
        statement("PollQueue", Given::Same, Mapping("sqs:ReceiveMessage")),
        statement("ParkMalformedMessages", Given::Nonsense, Error("sqs:SendMessage")),
        statement("WriteLogs", Given::Same, EmulatorsLog("logs:CreateLogStream")),
        statement("FindCluster", Given::Same, Error("eks:DescribeCluster")),
        statement("FindImages", Given::Same, Error("ecr:DescribeImages")),
        rule(
            None,
            "list",
            "deployments",
            Given::Same,
            "cannot list resource \\\"deployments\\\"",
        ),
        rule(
            None,
            "list",
            "statefulsets",
            Given::Same,
            "cannot list resource \\\"statefulsets\\\"",
        ),
        rule(
            None,
            "list",
            "daemonsets",
            Given::Same,
            "cannot list resource \\\"daemonsets\\\"",
        ),
        rule(
            None,
            "list",
            "cronjobs",
            Given::Same,
            "cannot list resource \\\"cronjobs\\\"",
        ),
        statement(
            "ReadPlatforms",
            Given::Pushed("deployment"),
            Error("ecr:BatchGetImage"),
        ),
        statement("TellBus", Given::Pushed("deployment"), Error("events:PutEvents")),
        of_deployment("list", "nodes", "cannot list resource \\\"nodes\\\""),
        of_deployment("list", "pods", "cannot list resource \\\"pods\\\""),
        of_deployment("list", "replicasets", "cannot list resource \\\"replicasets\\\""),
        of_deployment("create", "events", "cannot create resource \\\"events\\\""),
        of_deployment("get", "deployments", "cannot get resource \\\"deployments\\\""),
        of_deployment(
            "patch",
            "deployments",
            "cannot patch resource \\\"deployments\\\"",
        ),
        of(
            "statefulset",
            "get",
            "statefulsets",
            "cannot get resource \\\"statefulsets\\\"",
        ),
        of(
            "statefulset",
            "patch",
            "statefulsets",
            "cannot patch resource \\\"statefulsets\\\"",
        ),
        of(
            "daemonset",
            "get",
            "daemonsets",
            "cannot get resource \\\"daemonsets\\\"",
        ),
        of(
            "daemonset",
            "patch",
            "daemonsets",
            "cannot patch resource \\\"daemonsets\\\"",
        ),
        of(
            "cronjob",
            "get",
            "cronjobs",
            "cannot get resource \\\"cronjobs\\\"",
        ),
        of(
            "cronjob",
            "patch",
            "cronjobs",
            "cannot patch resource \\\"cronjobs\\\"",
        ),
    ];

    // No rollout fails here. That the rule is named where one does is in the stories of images.
    const UNSHOWN: &'static [Permission] = &[Permission::Statement("NameLifecycleRules")];

    async fn begin(stage: &Stage) -> Result<Self> {
        let world = &stage.world;
        for kind in KINDS {
            registry::create_repository(world, &repository(kind)).await?;
            registry::push(world, &repository(kind), &["1.0.0"], &Contents::new(kind)).await?;
        }
        let file = world.dir().join(format!("data/{NAME}.json"));
        std::fs::write(&file, manifest().to_string())?;
        kubectl(world, &["apply", "-f", &file.display().to_string()]).await?;
        Ok(Self {
            pushed: AtomicU32::new(0),
        })
    }

    fn of(deployment: &Deployment) -> Option<&Function> {
        deployment.images.as_ref()
    }

    async fn arrange(&self, stage: &Stage, given: Given) -> Result<()> {
        match given {
            Given::Same => Ok(()),
            Given::Nonsense => {
                let function = stage.eks.images.as_ref().context("there is no image-deploy")?;
                super::send_nonsense(stage, function).await
            }
            Given::Pushed(kind) => self.push(&stage.world, kind).await.map(drop),
        }
    }

    async fn end(self, stage: &Stage) -> Result<()> {
        let world = &stage.world;
        let function = stage.eks.images.as_ref().context("there is no image-deploy")?;
        let mut newest = Vec::new();
        for kind in KINDS {
            newest.push(self.push(world, kind).await?);
        }
        let since = Timestamp::now();
        for _ in 0..INVOCATIONS {
            function.tick(world).await?;
        }
        for (kind, newest) in KINDS.into_iter().zip(newest) {
            let path = match kind {
                "cronjob" => "jsonpath={.spec.jobTemplate.spec.template.spec.containers[0].image}",
                _ => "jsonpath={.spec.template.spec.containers[0].image}",
            };
            let image = kubectl(world, &["-n", NAME, "get", kind, kind, "-o", path]).await?;
            ensure(image == newest, || format!("{kind}: {image}, and not {newest}"))?;
        }
        let errors = function.errors(world, since).await?;
        ensure(errors.is_empty(), || format!("{errors:#?}"))?;
        kubectl(world, &["delete", "namespace", NAME, "--timeout=90s"]).await?;
        for kind in KINDS {
            registry::delete_repository(world, &repository(kind)).await?;
        }
        Ok(())
    }
}

impl Deploying {
    /// Pushes a newer image, and returns its name as it is deployed.
    async fn push(&self, world: &World, kind: &str) -> Result<String> {
        let number = self.pushed.fetch_add(1, Ordering::Relaxed) + 1;
        let tag = format!("1.1.{number}");
        let contents = Contents::new(format!("{kind} {tag}"));
        let digest = registry::push(world, &repository(kind), &[&tag], &contents).await?;
        let image = registry::image_reference(&repository(kind), &tag);
        Ok(format!("{image}@{digest}"))
    }
}

const fn of(
    kind: &'static str,
    verb: &'static str,
    resource: &'static str,
    says: &'static str,
) -> Case<Given> {
    rule(None, verb, resource, Given::Pushed(kind), says)
}

const fn of_deployment(verb: &'static str, resource: &'static str, says: &'static str) -> Case<Given> {
    of("deployment", verb, resource, says)
}

fn repository(kind: &str) -> String {
    format!("{NAME}/{kind}")
}

fn manifest() -> Value {
    let workload = |kind: &str, name: &str, spec: Value| {
        json!({
            "apiVersion": "apps/v1", "kind": kind, "spec": spec,
            "metadata": { "name": name, "namespace": NAME, "annotations": {
                "lamplighter.dev/image-policy": "minor", "lamplighter.dev/cooldown": "0s",
            } },
        })
    };
    let template = |name: &str| {
        json!({
            "metadata": { "labels": { "app": name } },
            "spec": { "containers": [{ "name": "app", "image": registry::image_reference(&repository(name), "1.0.0") }] },
        })
    };
    let of_pods =
        |name: &str| json!({ "selector": { "matchLabels": { "app": name } }, "template": template(name) });
    let mut job = template("cronjob");
    job["spec"]["restartPolicy"] = json!("Never");
    let mut cron_job = workload(
        "CronJob",
        "cronjob",
        json!({ "schedule": "0 0 1 1 *", "jobTemplate": { "spec": { "template": job } } }),
    );
    cron_job["apiVersion"] = json!("batch/v1");
    json!({ "apiVersion": "v1", "kind": "List", "items": [
        { "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAME } },
        workload("Deployment", "deployment", of_pods("deployment")),
        workload("StatefulSet", "statefulset", of_pods("statefulset")),
        workload("DaemonSet", "daemonset", of_pods("daemonset")),
        cron_job,
    ] })
}
