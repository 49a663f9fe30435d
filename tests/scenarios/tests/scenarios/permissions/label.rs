//! node-label: an instance whose node never comes, one whose node serves, and tags that change.

use anyhow::Result;
use jiff::Timestamp;
use scenarios::function::Function;
use scenarios::{Deployment, Stage};
use world::groups::{self, Group};
use world::stacks::KUBEADM;
use world::{CLUSTER, World};

use super::Shows::{EmulatorsLog, Error, Mapping};
use super::join::machine_that_never_joins;
use super::{Case, LIMIT, Subject, of_kubeconfig, rule, statement};
use crate::ensure;

/// The group whose instance waits in vain.
const WAITS: &str = "permissions-label";

/// The group whose instance has a node.
const SERVES: &str = "permissions-node";

/// The group of the cluster that is reached by a kubeconfig.
const BY_KUBECONFIG: &str = "permissions-kubeadm";

pub(super) struct Labelling;

#[derive(Clone, Copy)]
pub(super) enum Given {
    /// An instance waits for its node.
    Waiting,
    /// And a message comes that nobody can read.
    Nonsense,
    /// And one waits whose node is there.
    Node,
    /// And a tag of its group makes a new label.
    Tag,
    /// And one makes a label that no node can have.
    BadTag,
}

impl Subject for Labelling {
    type Given = Given;

    const NAME: &'static str = "node-label";

    const CASES: &'static [Case<Given>] = &[
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
        statement("FindMachines", Given::Waiting, Error("ec2:DescribeInstances")),
        statement("FindCluster", Given::Waiting, Error("eks:DescribeCluster")),
        of_kubeconfig("ReadKubeconfig", Given::Waiting, Error("ssm:GetParameter")),
        of_kubeconfig("DecryptKubeconfig", Given::Waiting, Error("kms:Decrypt")),
        rule(
            None,
            "list",
            "nodes",
            Given::Waiting,
            "cannot list resource \\\"nodes\\\"",
        ),
        statement(
            "CompleteHooks",
            Given::Node,
            Error("autoscaling:CompleteLifecycleAction"),
        ),
        rule(
            None,
            "patch",
            "nodes",
            Given::Tag,
            "cannot patch resource \\\"nodes\\\"",
        ),
        rule(
            None,
            "create",
            "events",
            Given::BadTag,
            "cannot create resource \\\"events\\\"",
        ),
        // Late, for by now a heartbeat is due.
        statement(
            "KeepHooksAlive",
            Given::Waiting,
            Error("autoscaling:RecordLifecycleActionHeartbeat"),
        ),
    ];

    async fn begin(stage: &Stage) -> Result<Self> {
        let world = &stage.world;
        machine_that_never_joins(world, WAITS, 90).await?;
        stage.group(Group::new(BY_KUBECONFIG, KUBEADM, 1)).await?;
        Ok(Self)
    }

    fn of(deployment: &Deployment) -> Option<&Function> {
        Some(&deployment.label)
    }

    async fn arrange(&self, stage: &Stage, given: Given) -> Result<()> {
        let world = &stage.world;
        match given {
            Given::Waiting => Ok(()),
            Given::Nonsense => super::send_nonsense(stage, &stage.eks.label).await,
            Given::Node => serving().make(world).await,
            Given::Tag => set_tag(world, "lamplighter:label/team", "payments").await,
            Given::BadTag => set_tag(world, "lamplighter:label/bad", "not a value").await,
        }
    }

    async fn end(self, stage: &Stage) -> Result<()> {
        let world = &stage.world;
        let since = Timestamp::now();
        stage.eks.label.tick(world).await?;
        let instances = serving().ready_within(world, LIMIT).await?;
        let node = groups::node_of(world, &instances[0].id).await?;
        let labels = node.and_then(|node| node.metadata.labels).unwrap_or_default();
        ensure(labels.get("team").map(String::as_str) == Some("payments"), || {
            format!("{labels:?}")
        })?;
        let errors = stage.eks.label.errors(world, since).await?;
        ensure(errors.is_empty(), || format!("{errors:#?}"))?;
        for (group, cluster) in [(WAITS, CLUSTER), (SERVES, CLUSTER), (BY_KUBECONFIG, KUBEADM)] {
            Group::new(group, cluster, 1).delete(world).await?;
        }
        Ok(())
    }
}

/// A node appears for its instance, which waits until it is ready.
fn serving() -> Group {
    Group::new(SERVES, CLUSTER, 1).launch_hook("lamplighter-node-launch", 300)
}

async fn set_tag(world: &World, key: &str, value: &str) -> Result<()> {
    let tag = [
        ("Tags.member.1.ResourceId", SERVES),
        ("Tags.member.1.ResourceType", "auto-scaling-group"),
        ("Tags.member.1.Key", key),
        ("Tags.member.1.Value", value),
        ("Tags.member.1.PropagateAtLaunch", "false"),
    ];
    groups::call(world, "CreateOrUpdateTags", tag).await.map(drop)
}
