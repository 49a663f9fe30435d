//! off-hours: one resource of each kind, with a schedule of its own each, so that each is put to sleep when its case comes.
//!
//! What a case begins and can't end is ended during the next ones, and at the end everything sleeps. Invocations of the
//! schedules work in between, so a case rests on nothing that one of them may have done already: a schedule is changed, or a
//! tag removed, while the permission is missing.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use jiff::Timestamp;
use scenarios::function::Function;
use scenarios::{Deployment, Stage};
use serde_json::{Value, json};
use world::databases::{self, Database};
use world::groups::{self, Group, Sizes};
use world::nodegroups::{self, Nodegroup};
use world::stacks::kubectl;
use world::{CLUSTER, World, objects};

use super::Shows::{EmulatorsLog, Error, Mapping};
use super::missing::{Permission, Rule};
use super::{Case, Subject, rule, statement};
use crate::ensure;

/// The name of everything.
const NAME: &str = "permissions-hours";

/// The tag that says when something is up.
const SCHEDULE: &str = "lamplighter:schedule";

/// The tag that says that something sleeps.
const STATE: &str = "lamplighter:state";

/// How often the function is let work until everything is as it is to be: a night or a morning takes a few times.
const INVOCATIONS: u32 = 25;

pub(super) struct Sleeping {
    group: Group,
    nodegroup: Nodegroup,
    database: Database,
    awake: Numbers,
}

/// What can sleep.
#[derive(Clone, Copy)]
pub(super) enum Thing {
    Group,
    Nodegroup,
    Database,
    /// A resource of the cluster, of this kind.
    Workload(&'static str),
}

#[derive(Clone, Copy)]
pub(super) enum Given {
    /// Everything is as it was.
    Same,
    /// And a message comes that nobody can read.
    Nonsense,
    /// And this is to sleep.
    ToSleep(Thing),
    /// And this, which was to sleep, is to wake.
    ToWake(Thing),
    /// And somebody took its tag from what sleeps.
    Unmarked(Thing),
}

/// Sizes, by what they are the sizes of.
type Numbers = BTreeMap<String, String>;

impl Subject for Sleeping {
    type Given = Given;

    const NAME: &'static str = "off-hours";

    const CASES: &'static [Case<Given>] = &[
        statement("PollQueue", Given::Same, Mapping("sqs:ReceiveMessage")),
        statement("ParkMalformedMessages", Given::Nonsense, Error("sqs:SendMessage")),
        statement("WriteLogs", Given::Same, EmulatorsLog("logs:CreateLogStream")),
        statement("KeepSizes", Given::Same, Error("s3:GetObject")),
        statement("ListSizes", Given::Same, Error("s3:ListBucket")),
        statement(
            "FindGroups",
            Given::Same,
            Error("autoscaling:DescribeAutoScalingGroups"),
        ),
        statement("FindNodegroups", Given::Same, Error("eks:ListNodegroups")),
        statement("FindDatabases", Given::Same, Error("rds:DescribeDBInstances")),
        statement("FindCluster", Given::Same, Error("eks:DescribeCluster")),
        lists("namespaces", "cannot list resource \\\"namespaces\\\""),
        lists("deployments", "cannot list resource \\\"deployments\\\""),
        lists("statefulsets", "cannot list resource \\\"statefulsets\\\""),
        lists("cronjobs", "cannot list resource \\\"cronjobs\\\""),
        lists(
            "horizontalpodautoscalers",
            "cannot list resource \\\"horizontalpodautoscalers\\\"",
        ),
        patches("cronjobs", "cronjob", "cannot patch resource \\\"cronjobs\\\""),
        statement(
            "TellBus",
            Given::ToWake(Thing::Workload("cronjob")),
            Error("events:PutEvents"),
        ),
        patches(
            "horizontalpodautoscalers",
            "hpa",
            "cannot patch resource \\\"horizontalpodautoscalers\\\"",
        ),
        patches(
            "deployments",
            "deployment",
            "cannot patch resource \\\"deployments\\\"",
        ),
        patches(
            "statefulsets",
            "statefulset",
            "cannot patch resource \\\"statefulsets\\\"",
        ),
        // Pods are counted as long as workloads sleep.
        lists("pods", "cannot list resource \\\"pods\\\""),
        // The database first: on its way down a group waits for its machine's drain, and databases for groups.
        statement(
            "StopAndStartDatabases",
            Given::ToSleep(Thing::Database),
            Error("rds:StopDBInstance"),
        ),
        statement(
            "TagDatabases",
            Given::Unmarked(Thing::Database),
            Error("rds:AddTagsToResource"),
        ),
        statement(
            "ResizeNodegroups",
            Given::ToSleep(Thing::Nodegroup),
            Error("eks:UpdateNodegroupConfig"),
        ),
        statement(
            "TagNodegroups",
            Given::Unmarked(Thing::Nodegroup),
            Error("eks:TagResource"),
        ),
        statement(
            "ResizeGroups",
            Given::ToSleep(Thing::Group),
            Error("autoscaling:UpdateAutoScalingGroup"),
        ),
        statement(
            "TagGroups",
            Given::Unmarked(Thing::Group),
            Error("autoscaling:CreateOrUpdateTags"),
        ),
        // Nodes are looked at as long as there are records of machines.
        lists("nodes", "cannot list resource \\\"nodes\\\""),
    ];

    /// Workloads are told of at the first look of an hour, for which nobody waits here.
    const UNSHOWN: &'static [Permission] = &[Permission::Rule(Rule {
        namespace: None,
        verb: "create",
        resource: "events",
    })];

    async fn begin(stage: &Stage) -> Result<Self> {
        let world = &stage.world;
        let group = Group::new(NAME, CLUSTER, 1).bounds(0, 3).tag(SCHEDULE, "always");
        let nodegroup = Nodegroup::new(NAME, Sizes::new(0, 1, 2))
            .tag("lamplighter:cluster", CLUSTER)
            .tag(SCHEDULE, "always");
        let database = Database::new(NAME)
            .tag("lamplighter:cluster", CLUSTER)
            .tag(SCHEDULE, "always");
        group.create(world).await?;
        nodegroup.create(world).await?;
        database.create(world).await?;
        let file = world.dir().join(format!("data/{NAME}.json"));
        std::fs::write(&file, manifest().to_string())?;
        kubectl(world, &["apply", "-f", &file.display().to_string()]).await?;
        let awake = numbers(world).await?;
        Ok(Self {
            group,
            nodegroup,
            database,
            awake,
        })
    }

    fn of(deployment: &Deployment) -> Option<&Function> {
        deployment.hours.as_ref().map(|(function, _)| function)
    }

    /// Of its ticks, only one in five looks while nothing is under way.
    fn event() -> Value {
        json!({ "edge": "sleep" })
    }

    async fn arrange(&self, stage: &Stage, given: Given) -> Result<()> {
        let world = &stage.world;
        match given {
            Given::Same => Ok(()),
            Given::Nonsense => super::send_nonsense(stage, hours(stage)?.0).await,
            Given::ToSleep(thing) => schedule(world, thing, "never").await,
            Given::ToWake(thing) => schedule(world, thing, "always").await,
            Given::Unmarked(thing) => unmark(world, thing).await,
        }
    }

    async fn end(self, stage: &Stage) -> Result<()> {
        let world = &stage.world;
        let since = Timestamp::now();
        let (function, bucket) = hours(stage)?;
        let asleep = asleep(&self.awake);
        converge(world, function, "asleep", async || {
            let is_asleep = numbers(world).await? == asleep;
            Ok(is_asleep && is_marked(world).await?)
        })
        .await?;
        for thing in ALL {
            schedule(world, thing, "always").await?;
        }
        converge(world, function, "awake", async || {
            let records = objects::keys(world, bucket, &format!("off-hours/{CLUSTER}/")).await?;
            let is_forgotten = !records.iter().any(|key| key.contains(NAME));
            Ok(is_forgotten && numbers(world).await? == self.awake)
        })
        .await?;
        let errors = function.errors(world, since).await?;
        ensure(errors.is_empty(), || format!("{errors:#?}"))?;
        kubectl(world, &["delete", "namespace", NAME, "--timeout=90s"]).await?;
        self.database.delete(world).await?;
        self.nodegroup.delete(world).await?;
        self.group.delete(world).await
    }
}

/// All that can sleep.
const ALL: [Thing; 7] = [
    Thing::Group,
    Thing::Nodegroup,
    Thing::Database,
    Thing::Workload("deployment"),
    Thing::Workload("statefulset"),
    Thing::Workload("cronjob"),
    Thing::Workload("hpa"),
];

const fn lists(resource: &'static str, says: &'static str) -> Case<Given> {
    rule(None, "list", resource, Given::Same, says)
}

const fn patches(resource: &'static str, kind: &'static str, says: &'static str) -> Case<Given> {
    rule(
        None,
        "patch",
        resource,
        Given::ToSleep(Thing::Workload(kind)),
        says,
    )
}

/// The function, and the bucket in which it saves sizes.
fn hours(stage: &Stage) -> Result<(&Function, &str)> {
    let hours = stage.eks.hours.as_ref().context("the stack has no off-hours")?;
    Ok((&hours.0, &hours.1))
}

/// Lets the function work until everything is so.
async fn converge(
    world: &World,
    function: &Function,
    what: &str,
    holds: impl AsyncFn() -> Result<bool>,
) -> Result<()> {
    for _ in 0..INVOCATIONS {
        function.invoke(world, &Sleeping::event()).await?;
        if holds().await? {
            return Ok(());
        }
    }
    anyhow::bail!(
        "not {what} after {INVOCATIONS} invocations: {:?}",
        numbers(world).await?
    )
}

async fn schedule(world: &World, thing: Thing, schedule: &str) -> Result<()> {
    match thing {
        Thing::Group => groups::tag(world, NAME, SCHEDULE, schedule).await,
        Thing::Nodegroup => nodegroups::tag(world, NAME, SCHEDULE, schedule).await,
        Thing::Database => databases::tag(world, NAME, SCHEDULE, schedule).await,
        Thing::Workload(kind) => {
            let annotation = format!("lamplighter.dev/schedule={schedule}");
            let annotate = ["-n", NAME, "annotate", "--overwrite", kind, NAME, &annotation];
            kubectl(world, &annotate).await.map(drop)
        }
    }
}

async fn unmark(world: &World, thing: Thing) -> Result<()> {
    match thing {
        Thing::Group => groups::untag(world, NAME, STATE).await,
        Thing::Nodegroup => nodegroups::untag(world, NAME, STATE).await,
        Thing::Database => databases::untag(world, NAME, STATE).await,
        Thing::Workload(kind) => {
            let annotate = ["-n", NAME, "annotate", kind, NAME, "lamplighter.dev/state-"];
            kubectl(world, &annotate).await.map(drop)
        }
    }
}

/// Whether everything of AWS says that it sleeps.
async fn is_marked(world: &World) -> Result<bool> {
    let all = [
        groups::tags(world, NAME).await?,
        nodegroups::tags(world, NAME).await?,
        databases::tags(world, NAME).await?,
    ];
    Ok(all.iter().all(|tags| tags.contains_key(STATE)))
}

async fn numbers(world: &World) -> Result<Numbers> {
    let status = databases::status(world, NAME).await?.unwrap_or_default();
    let mut numbers = Numbers::from([
        ("group".to_owned(), groups::sizes(world, NAME).await?.to_string()),
        (
            "nodegroup".to_owned(),
            nodegroups::sizes(world, NAME).await?.to_string(),
        ),
        ("database".to_owned(), status),
    ]);
    // Each kind has one of the three.
    let path =
        "jsonpath={range .items[*]}{.kind} {.spec.replicas}{.spec.suspend}{.spec.minReplicas}{\"\\n\"}{end}";
    let kinds = "deployment,statefulset,cronjob,hpa";
    let listed = kubectl(world, &["-n", NAME, "get", kinds, "-o", path]).await?;
    for line in listed.lines() {
        let (kind, size) = line.split_once(' ').with_context(|| line.to_owned())?;
        numbers.insert(kind.to_owned(), size.to_owned());
    }
    Ok(numbers)
}

/// What they are when everything sleeps but the `CronJob`, which one case wakes.
fn asleep(awake: &Numbers) -> Numbers {
    let night = [
        ("group", "0-0-3"),
        ("nodegroup", "0-0-2"),
        ("database", databases::STOPPED),
        ("Deployment", "0"),
        ("StatefulSet", "0"),
        ("HorizontalPodAutoscaler", "1"),
    ];
    let mut asleep = awake.clone();
    asleep.extend(night.map(|(key, size)| (key.to_owned(), size.to_owned())));
    asleep
}

fn manifest() -> Value {
    let metadata = json!({
        "name": NAME, "namespace": NAME, "annotations": { "lamplighter.dev/schedule": "always" },
    });
    let labels = json!({ "app": NAME });
    let containers = json!([{ "name": "app", "image": "registry.invalid/app:1" }]);
    let pods = |kind: &str| {
        json!({
            "apiVersion": "apps/v1", "kind": kind, "metadata": metadata,
            "spec": {
                "replicas": 1, "selector": { "matchLabels": labels },
                "template": {
                    "metadata": {
                        "labels": labels, "annotations": { control_plane::annotations::STOPS_AFTER: "1s" },
                    },
                    "spec": { "containers": containers },
                },
            },
        })
    };
    let (deployment, mut stateful_set) = (pods("Deployment"), pods("StatefulSet"));
    stateful_set["spec"]["serviceName"] = json!(NAME);
    json!({ "apiVersion": "v1", "kind": "List", "items": [
        {
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": { "name": NAME, "annotations": { "lamplighter.dev/grace-period": "0s" } },
        },
        deployment,
        stateful_set,
        {
            "apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata,
            "spec": { "schedule": "0 3 * * 0", "suspend": false, "jobTemplate": { "spec": { "template": { "spec": {
                "restartPolicy": "Never", "containers": containers,
            } } } } },
        },
        // What it scales is not there: at 0 pods of that, it would stay as it is.
        {
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata,
            "spec": {
                "minReplicas": 2, "maxReplicas": 10,
                "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "elsewhere" },
                "metrics": [{ "type": "Resource", "resource": {
                    "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 80 } } }],
            },
        },
    ] })
}
