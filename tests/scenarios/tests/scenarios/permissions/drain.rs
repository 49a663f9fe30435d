//! node-drain: an instance that waits in the terminate hook, with a pod that a budget holds back on its node.

use std::time::Duration;

use anyhow::Result;
use scenarios::function::Function;
use scenarios::workload::Workload;
use scenarios::{Deployment, Stage};
use serde_json::json;
use world::CLUSTER;
use world::groups::{self, Group};
use world::stacks;

use super::Shows::{EmulatorsLog, Error, Mapping};
use super::{Case, Subject, of_kubeconfig, rule, statement};
use crate::{ensure, node_name};

/// The name of the group, and of the workload.
const NAME: &str = "permissions-drain";

/// What carries the function's mark.
const MARK: &str = "lamplighter.dev/draining";

pub(super) struct Draining {
    workload: Workload,
    instance: String,
    node: String,
}

#[derive(Clone, Copy)]
pub(super) enum Given {
    /// The instance waits.
    Waiting,
    /// And a message comes that nobody can read.
    Nonsense,
    /// And no drain of its node has begun.
    Fresh,
    /// And nothing holds the pod back.
    Free,
}

impl Subject for Draining {
    type Given = Given;

    const NAME: &'static str = "node-drain";

    const CASES: &'static [Case<Given>] = &[
        rule(
            None,
            "list",
            "nodes",
            Given::Waiting,
            "cannot list resource \\\"nodes\\\"",
        ),
        rule(
            None,
            "patch",
            "nodes",
            Given::Fresh,
            "cannot patch resource \\\"nodes\\\"",
        ),
        rule(
            None,
            "create",
            "events",
            Given::Fresh,
            "cannot create resource \\\"events\\\"",
        ),
        rule(
            None,
            "list",
            "pods",
            Given::Waiting,
            "cannot list resource \\\"pods\\\"",
        ),
        // For its first 50 s a drain is the affair of the invocation that began it.
        rule(
            None,
            "create",
            "pods/eviction",
            Given::Fresh,
            "cannot create resource \\\"pods/eviction\\\"",
        ),
        statement("PollQueue", Given::Waiting, Mapping("sqs:ReceiveMessage")),
        statement("ParkMalformedMessages", Given::Nonsense, Error("sqs:SendMessage")),
        statement("WriteLogs", Given::Waiting, EmulatorsLog("logs:CreateLogStream")),
        statement(
            "FindGroups",
            Given::Waiting,
            Error("autoscaling:DescribeAutoScalingGroups"),
        ),
        statement(
            "ReadHooks",
            Given::Waiting,
            Error("autoscaling:DescribeLifecycleHooks"),
        ),
        statement("FindCluster", Given::Waiting, Error("eks:DescribeCluster")),
        statement(
            "KeepHooksAlive",
            Given::Waiting,
            Error("autoscaling:RecordLifecycleActionHeartbeat"),
        ),
        // The sweep looks for drains that began, and enters the cluster for that, even if nothing waits.
        of_kubeconfig("ReadKubeconfig", Given::Waiting, Error("ssm:GetParameter")),
        of_kubeconfig("DecryptKubeconfig", Given::Waiting, Error("kms:Decrypt")),
        statement(
            "CompleteHooks",
            Given::Free,
            Error("autoscaling:CompleteLifecycleAction"),
        ),
    ];

    async fn begin(stage: &Stage) -> Result<Self> {
        let world = &stage.world;
        let (_, instances) = stage.group(Group::new(NAME, CLUSTER, 1).heartbeat(90)).await?;
        let instance = instances[0].id.clone();
        let node = node_name(stage, &instance).await?;
        let workload = Workload::new(NAME, 1).budget(0);
        workload.create(world).await?;
        groups::terminate(world, &instance).await?;
        stage
            .until_state(&instance, "Terminating:Wait", Duration::from_secs(20))
            .await?;
        Ok(Self {
            workload,
            instance,
            node,
        })
    }

    fn of(deployment: &Deployment) -> Option<&Function> {
        Some(&deployment.drain)
    }

    async fn arrange(&self, stage: &Stage, given: Given) -> Result<()> {
        let world = &stage.world;
        match given {
            Given::Waiting => Ok(()),
            Given::Nonsense => super::send_nonsense(stage, &stage.eks.drain).await,
            Given::Fresh => {
                let unmarked = json!({
                    "metadata": { "labels": { MARK: null }, "annotations": { MARK: null } },
                    "spec": { "unschedulable": null, "taints": null },
                });
                let patch = [
                    "patch",
                    "node",
                    &self.node,
                    "--type=merge",
                    "-p",
                    &unmarked.to_string(),
                ];
                stacks::kubectl(world, &patch).await.map(drop)
            }
            Given::Free => self.workload.clone().set_budget(world, 1).await,
        }
    }

    async fn end(self, stage: &Stage) -> Result<()> {
        let world = &stage.world;
        let proceeds = |stage: &Stage| {
            let timeline = stage.world.timeline();
            timeline.entered(&self.instance, "Terminating:Proceed").is_some()
        };
        for _ in 0..5 {
            if !proceeds(stage) {
                stage.eks.drain.tick(world).await?;
            }
        }
        ensure(proceeds(stage), || "the drain does not end".to_owned())?;
        self.workload.delete(world).await?;
        Group::new(NAME, CLUSTER, 1).delete(world).await
    }
}
