//! Lamplighter itself, deployed into a world as its users deploy it.

use anyhow::{Context, Result, bail};
use base::paths;
use deploy::{Account, Built, Outputs, Stack};
use emulator::eks::clusters::create_access_entry;
use serde_json::json;
use tokio::process::Command;

use crate::World;
use crate::world::CLUSTER;

/// The Kubernetes group of the function, as `infra/rbac/node-drain.yaml` binds it.
const GROUP: &str = "lamplighter:node-drain";

/// Where the kubeconfig of the second way in is kept.
const KUBECONFIG: &str = "/lamplighter/kubeadm/kubeconfig";

/// The name by which groups of the second way in are enrolled: a cluster that EKS knows nothing of.
pub const KUBEADM: &str = "kubeadm";

/// The way into the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A token of the function's role, and an access entry.
    Eks,
    /// A kubeconfig in Parameter Store.
    Kubeconfig,
}

impl Way {
    /// The name of the cluster that groups of this deployment are tagged with.
    pub const fn cluster(self) -> &'static str {
        match self {
            Self::Eks => CLUSTER,
            Self::Kubeconfig => KUBEADM,
        }
    }

    /// The deployment's id, and the stack's name.
    pub const fn deployment(self) -> &'static str {
        match self {
            Self::Eks => "lamplighter",
            Self::Kubeconfig => "lamplighter-kubeadm",
        }
    }
}

/// Runs the documented command, `kubectl apply -f infra/rbac/node-drain.yaml`.
pub async fn apply_rbac(world: &World) -> Result<()> {
    let manifest = paths::checkout().join("infra/rbac/node-drain.yaml");
    kubectl(world, &["apply", "-f", &manifest.display().to_string()])
        .await
        .map(drop)
}

/// Runs the world's kubectl as its administrator, and returns what it prints.
pub async fn kubectl(world: &World, args: &[&str]) -> Result<String> {
    let output = Command::new(world.dir().join("bin/kubectl"))
        .env("KUBECONFIG", world.control_plane().kubeconfig())
        .env("NO_PROXY", "127.0.0.1")
        .args(args)
        .kill_on_drop(true)
        .output()
        .await
        .context("starting kubectl")?;
    if !output.status.success() {
        bail!(
            "kubectl {}: {}",
            args.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Deploys what was built, and lets the function into the cluster the given way.
pub async fn deploy(world: &World, built: &Built, way: Way) -> Result<Outputs> {
    let account = Account::new(world.emulator().endpoint(), world.emulator().admin().clone())?;
    let mut stack = Stack::new(way.deployment())
        .parameter("DeploymentId", way.deployment())
        .parameter("ClusterName", way.cluster())
        .parameter("LogLevel", "DEBUG");
    if way == Way::Kubeconfig {
        let kubeconfig = world
            .control_plane()
            .kubeconfig_for("lamplighter-node-drain", Some(GROUP))?;
        put_secret(world, KUBECONFIG, &kubeconfig).await?;
        stack = stack
            .parameter("ClusterAccess", "kubeconfig")
            .parameter("KubeconfigParameter", KUBECONFIG);
    }
    let outputs = deploy::deploy(world.tools(), built, &stack, &account).await?;
    if way == Way::Eks {
        create_access_entry(&world.aws()?, CLUSTER, outputs.get("NodeDrainRoleArn")?, &[GROUP]).await?;
    }
    Ok(outputs)
}

async fn put_secret(world: &World, name: &str, value: &str) -> Result<()> {
    // With its certificates in base64 a kubeconfig is just over the standard tier's 4 KB.
    let parameter = json!({ "Name": name, "Value": value, "Type": "SecureString", "Tier": "Advanced", "Overwrite": true });
    world
        .aws()?
        .json("ssm", "AmazonSSM.PutParameter", &parameter)
        .await
        .map(drop)
}
