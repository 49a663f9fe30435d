//! pull-secret: one namespace that gets the Secret.

use anyhow::{Context, Result};
use jiff::Timestamp;
use scenarios::function::Function;
use scenarios::{Deployment, Stage};
use world::World;
use world::stacks::kubectl;

use super::Shows::{EmulatorsLog, Error};
use super::{Case, Permission, Subject, rule, statement};
use crate::ensure;
use crate::pulls::{self, SECRET};

/// The namespace.
const NAME: &str = "pulls-permissions";

pub(super) struct Pulling;

#[derive(Clone, Copy)]
pub(super) enum Given {
    /// Everything is as it was.
    Same,
    /// The Secret is not there.
    Gone,
    /// It is there, and says that it ends soon.
    Old,
}

impl Subject for Pulling {
    type Given = Given;

    const NAME: &'static str = "pull-secret";

    const CASES: &'static [Case<Given>] = &[
        statement("WriteLogs", Given::Same, EmulatorsLog("logs:CreateLogStream")),
        statement("FindCluster", Given::Same, Error("eks:DescribeCluster")),
        statement(
            "GetRegistryTokens",
            Given::Gone,
            Error("ecr:GetAuthorizationToken"),
        ),
        rule(
            None,
            "list",
            "namespaces",
            Given::Same,
            "cannot list resource \\\"namespaces\\\"",
        ),
        of_secret("get", Given::Same, "cannot get resource \\\"secrets\\\""),
        of_secret("create", Given::Gone, "cannot create resource \\\"secrets\\\""),
        of_secret("patch", Given::Old, "cannot patch resource \\\"secrets\\\""),
    ];

    // What it lets a kubelet do is no call of the function.
    const UNSHOWN: &'static [Permission] = &[Permission::Statement("PullImages")];

    async fn begin(stage: &Stage) -> Result<Self> {
        let world = &stage.world;
        kubectl(world, &["create", "namespace", NAME]).await?;
        pulls::permit(world, NAME).await?;
        Ok(Self)
    }

    fn of(deployment: &Deployment) -> Option<&Function> {
        deployment.pulls.as_ref()
    }

    async fn arrange(&self, stage: &Stage, given: Given) -> Result<()> {
        let world = &stage.world;
        let delete = ["-n", NAME, "delete", "secret", SECRET, "--ignore-not-found"];
        match given {
            Given::Same => Ok(()),
            Given::Gone => kubectl(world, &delete).await.map(drop),
            Given::Old => {
                let function = stage.eks.pulls.as_ref().context("there is no pull-secret")?;
                function.tick(world).await?;
                pulls::let_age(world, NAME).await
            }
        }
    }

    async fn end(self, stage: &Stage) -> Result<()> {
        let world = &stage.world;
        let function = stage.eks.pulls.as_ref().context("there is no pull-secret")?;
        let before = written(world).await?;
        let since = Timestamp::now();
        function.tick(world).await?;
        let errors = function.errors(world, since).await?;
        ensure(errors.is_empty(), || format!("{errors:#?}"))?;
        let after = written(world).await?;
        ensure(before != after, || "the old Secret is not renewed".to_owned())?;
        kubectl(world, &["delete", "namespace", NAME, "--timeout=90s"])
            .await
            .map(drop)
    }
}

async fn written(world: &World) -> Result<String> {
    let version = "jsonpath={.metadata.resourceVersion}";
    kubectl(world, &["-n", NAME, "get", "secret", SECRET, "-o", version]).await
}

const fn of_secret(verb: &'static str, given: Given, says: &'static str) -> Case<Given> {
    rule(Some(NAME), verb, "secrets", given, says)
}
