//! node-join: an instance that waits in the launch hook and never joins, and what tokens leave behind.

use std::time::Duration;

use anyhow::{Context, Result};
use base::paths;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use k8s_openapi::api::certificates::v1::{CertificateSigningRequest, CertificateSigningRequestSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use scenarios::function::Function;
use scenarios::tokens::{self, Seen};
use scenarios::{Deployment, Stage, until};
use serde_json::json;
use world::groups::{self, Group};
use world::stacks::{self, KUBEADM};
use world::{CLUSTER, World};

use super::Shows::{EmulatorsLog, Error, Mapping};
use super::{Case, Subject, of_kubeconfig, rule, statement};
use crate::ensure;

const NAME: &str = "permissions-join";

/// An instance that is in no group, and that a parameter names all the same.
const NOBODY: &str = "i-00000000000000bad";

/// The signer of kubelets' certificates.
const SIGNER: &str = "kubernetes.io/kube-apiserver-client-kubelet";

pub(super) struct Joining {
    instance: String,
}

#[derive(Clone, Copy)]
pub(super) enum Given {
    /// The machine waits.
    Waiting,
    /// And a message comes that nobody can read.
    Nonsense,
    /// And it has no token.
    NoToken,
    /// And it has one.
    Token,
    /// And somebody with its token asks for another node's certificate, which is to be denied.
    Request,
    /// A parameter is left, of which nobody knows what it was.
    Leftover,
    /// A token is left that still opens the door, in the cluster of this name.
    LiveLeftover(&'static str),
}

impl Subject for Joining {
    type Given = Given;

    const NAME: &'static str = "node-join";

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
        statement("ListParameters", Given::Waiting, Error("ssm:DescribeParameters")),
        statement("FindCluster", Given::Waiting, Error("eks:DescribeCluster")),
        statement("IssueTokens", Given::NoToken, Error("ssm:PutParameter")),
        statement("TagTokens", Given::NoToken, Error("ssm:AddTagsToResource")),
        statement("EncryptTokens", Given::NoToken, Error("kms:Encrypt")),
        statement("ReadTokens", Given::Token, Error("ssm:GetParameter")),
        statement("DeleteTokens", Given::Leftover, Error("ssm:DeleteParameter")),
        of_kubeconfig(
            "ReadKubeconfig",
            Given::LiveLeftover(KUBEADM),
            Error("ssm:GetParameter"),
        ),
        of_kubeconfig(
            "DecryptKubeconfig",
            Given::LiveLeftover(KUBEADM),
            Error("kms:Decrypt"),
        ),
        rule(
            None,
            "list",
            "nodes",
            Given::Waiting,
            "cannot list resource \\\"nodes\\\"",
        ),
        rule(
            None,
            "list",
            "certificatesigningrequests",
            Given::Waiting,
            "cannot list resource \\\"certificatesigningrequests\\\"",
        ),
        rule(
            None,
            "update",
            "certificatesigningrequests/approval",
            Given::Request,
            "cannot update resource \\\"certificatesigningrequests/approval\\\"",
        ),
        // It takes the permission to approve to deny as well.
        rule(
            None,
            "approve",
            "signers",
            Given::Request,
            "not permitted to approve requests with signerName",
        ),
        rule(
            Some("kube-public"),
            "get",
            "configmaps",
            Given::NoToken,
            "cannot get resource \\\"configmaps\\\"",
        ),
        rule(
            Some("kube-system"),
            "create",
            "secrets",
            Given::NoToken,
            "cannot create resource \\\"secrets\\\"",
        ),
        rule(
            Some("kube-system"),
            "delete",
            "secrets",
            Given::LiveLeftover(CLUSTER),
            "cannot delete resource \\\"secrets\\\"",
        ),
    ];

    async fn begin(stage: &Stage) -> Result<Self> {
        let instance = machine_that_never_joins(&stage.world, NAME, 600).await?;
        Ok(Self { instance })
    }

    fn of(deployment: &Deployment) -> Option<&Function> {
        Some(&deployment.join)
    }

    async fn arrange(&self, stage: &Stage, given: Given) -> Result<()> {
        let world = &stage.world;
        match given {
            Given::Waiting => Ok(()),
            Given::Nonsense => super::send_nonsense(stage, &stage.eks.join).await,
            Given::NoToken => self.forget_token(world).await,
            Given::Token => self.issued(stage).await.map(drop),
            Given::Request => {
                let token = self.issued(stage).await?;
                request_certificate(world, &token).await
            }
            Given::Leftover => leave(world, CLUSTER, "left by somebody").await,
            Given::LiveLeftover(cluster) => {
                let now = Timestamp::now();
                let until = now + SignedDuration::from_mins(10);
                leave(
                    world,
                    cluster,
                    &format!("token {}, issued {now}, expires {until}", LEFT.0),
                )
                .await
            }
        }
    }

    async fn end(self, stage: &Stage) -> Result<()> {
        let world = &stage.world;
        let since = Timestamp::now();
        self.forget_token(world).await?;
        self.issued(stage).await?;
        stage.kubeadm.join.tick(world).await?;
        for left in tokens::there(&world.aws()?).await? {
            ensure(!left.parameter.ends_with(NOBODY), || {
                format!("{} is left", left.parameter)
            })?;
        }
        let errors = stage.eks.join.errors(world, since).await?;
        ensure(errors.is_empty(), || format!("{errors:#?}"))?;
        Group::new(NAME, CLUSTER, 1).delete(world).await
    }
}

/// The id and the secret of a token that nobody issued.
const LEFT: (&str, &str) = ("left00", "leftbysomebody00");

impl Joining {
    /// The machine's token, once node-join has issued one.
    async fn issued(&self, stage: &Stage) -> Result<Seen> {
        for _ in 0..10 {
            if let Some(token) = self.token(&stage.world).await? {
                return Ok(token);
            }
            stage.eks.join.tick(&stage.world).await?;
        }
        anyhow::bail!("{} has no token after ten ticks", self.instance)
    }

    async fn token(&self, world: &World) -> Result<Option<Seen>> {
        let there = tokens::there(&world.aws()?).await?;
        Ok(there
            .into_iter()
            .find(|one| one.parameter.ends_with(&self.instance)))
    }

    /// Takes the token away, so that there is one to be issued.
    async fn forget_token(&self, world: &World) -> Result<()> {
        let Some(token) = self.token(world).await? else {
            return Ok(());
        };
        let secret = format!("bootstrap-token-{}", token.id);
        let delete = [
            "-n",
            "kube-system",
            "delete",
            "secret",
            &secret,
            "--ignore-not-found",
        ];
        stacks::kubectl(world, &delete).await?;
        let parameter = json!({ "Name": token.parameter });
        let client = world.aws()?;
        client
            .json("ssm", "AmazonSSM.DeleteParameter", &parameter)
            .await
            .map(drop)
    }
}

/// Makes a group of one machine, which waits in the launch hook and joins another cluster, if any.
pub(super) async fn machine_that_never_joins(world: &World, name: &str, heartbeat: u32) -> Result<String> {
    let group = Group::new(name, CLUSTER, 1)
        .joining("lamplighter-node-launch", heartbeat)
        .setting("LAMPLIGHTER_CLUSTER", "elsewhere")
        .setting("LAMPLIGHTER_JOIN_DEADLINE_SECONDS", "0");
    group.make(world).await?;
    until("no instance waits", Duration::from_secs(30), async || {
        Ok(waiting(world, name).await?.is_some())
    })
    .await?;
    waiting(world, name).await?.context("the instance waits no more")
}

/// The instance of the group that waits to be put in service.
async fn waiting(world: &World, group: &str) -> Result<Option<String>> {
    let instances = groups::instances(world, group).await?;
    let waiting = instances.into_iter().find(|one| one.state == "Pending:Wait");
    Ok(waiting.map(|one| one.id))
}

/// Leaves the parameter of an instance that is in no group.
async fn leave(world: &World, cluster: &str, description: &str) -> Result<()> {
    let token = format!("{}.{}", LEFT.0, LEFT.1);
    let document = json!({ "joinConfiguration": { "discovery": { "bootstrapToken": { "token": token } } } });
    let parameter = json!({
        "Name": format!("/lamplighter/{cluster}/join/{NOBODY}"),
        "Value": document.to_string(),
        "Type": "String",
        "Description": description,
        "Overwrite": true,
    });
    let client = world.aws()?;
    client
        .json("ssm", "AmazonSSM.PutParameter", &parameter)
        .await
        .map(drop)
}

/// Posts a request for a certificate of another node, as the token's bearer.
async fn request_certificate(world: &World, token: &Seen) -> Result<()> {
    let pem = paths::checkout().join("shared/domain/src/join/testdata/csr-other-node.pem");
    let request = CertificateSigningRequest {
        metadata: ObjectMeta {
            generate_name: Some(format!("{NAME}-")),
            ..ObjectMeta::default()
        },
        spec: CertificateSigningRequestSpec {
            request: ByteString(std::fs::read(pem)?),
            signer_name: SIGNER.to_owned(),
            usages: Some(vec!["digital signature".to_owned(), "client auth".to_owned()]),
            ..CertificateSigningRequestSpec::default()
        },
        status: None,
    };
    let file = world.dir().join("data/certificate-request.json");
    std::fs::write(&file, serde_json::to_string(&request)?)?;
    let user = format!("--as=system:bootstrap:{}", token.id);
    let create = [
        "create",
        "-f",
        &file.display().to_string(),
        &user,
        "--as-group=system:bootstrappers",
        "--as-group=system:bootstrappers:lamplighter:node",
    ];
    stacks::kubectl(world, &create).await.map(drop)
}
