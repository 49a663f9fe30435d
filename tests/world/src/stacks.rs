//! Lamplighter itself, deployed into a world as its users deploy it.

use anyhow::{Context, Result, bail};
use base::paths;
use deploy::{Account, Built, Outputs, Stack};
use emulator::eks::clusters::create_access_entry;
use serde_json::json;
use tokio::process::Command;

use crate::World;
use crate::world::CLUSTER;

/// Each function: its name, and how its outputs of the stack begin. Its manifest is `infra/rbac/<name>.yaml`, and binds
/// the group `lamplighter:<name>`.
const FUNCTIONS: [(&str, &str); 6] = [
    ("node-drain", "NodeDrain"),
    ("node-join", "NodeJoin"),
    ("node-label", "NodeLabel"),
    (OFF_HOURS, "OffHours"),
    (IMAGE_DEPLOY, "ImageDeploy"),
    (PULL_SECRET, "PullSecret"),
];

/// Groups belong to one cluster each, by their tags. Workloads belong to whoever is let into the cluster, and here that
/// would be two deployments: the second way in goes without.
const OFF_HOURS: &str = "off-hours";
/// Likewise.
const IMAGE_DEPLOY: &str = "image-deploy";
/// Likewise.
const PULL_SECRET: &str = "pull-secret";

/// The namespaces that get a pull secret.
pub const PULLING: &str = "pulls-*";

/// Where the kubeconfigs of the second way in are kept, one for each function.
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

/// Runs the documented command, `kubectl apply -f infra/rbac`.
pub async fn apply_rbac(world: &World) -> Result<()> {
    let manifests = paths::checkout().join("infra/rbac");
    kubectl(world, &["apply", "-f", &manifests.display().to_string()])
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
        .parameter("LogLevel", "DEBUG")
        // An edge every minute, so that nobody waits for a tick that looks.
        .parameter("SleepSchedule", "cron(* * * * ? *)")
        .parameter("HoursTimeZone", "Europe/Berlin")
        .parameter("HoursPatienceSeconds", "120")
        .parameter("ImageSweepMinutes", "1")
        .parameter("ImageSoakSeconds", "5")
        .parameter("PullSecret", "enabled")
        .parameter("PullRegistries", &crate::registry::host())
        .parameter("PullNamespaces", PULLING);
    if way == Way::Kubeconfig {
        let key = create_key(world).await?;
        let of_one = [OFF_HOURS, IMAGE_DEPLOY, PULL_SECRET];
        for (name, _) in FUNCTIONS.into_iter().filter(|(name, _)| !of_one.contains(name)) {
            let user = format!("lamplighter-{name}");
            let kubeconfig = world
                .control_plane()
                .kubeconfig_for(&user, Some(&group_of(name)))?;
            put_secret(world, &format!("{KUBECONFIG}/{name}"), &kubeconfig, &key).await?;
        }
        stack = stack
            .parameter("OffHours", "disabled")
            .parameter("ImageDeploy", "disabled")
            .parameter("PullSecret", "disabled")
            .parameter("ClusterAccess", "kubeconfig")
            .parameter("KubeconfigParameter", KUBECONFIG)
            .parameter("KubeconfigKeyArn", &key);
    }
    let outputs = deploy::deploy(world.tools(), built, &stack, &account).await?;
    if way == Way::Eks {
        for (name, prefix) in FUNCTIONS {
            let role = outputs.get(&format!("{prefix}RoleArn"))?;
            create_access_entry(&world.aws()?, CLUSTER, role, &[&group_of(name)]).await?;
        }
    }
    Ok(outputs)
}

/// The Kubernetes group of a function.
fn group_of(function: &str) -> String {
    format!("lamplighter:{function}")
}

/// Makes a key of our own, and gives its ARN back: what it encrypts is read by whoever may use it, and by nobody else.
async fn create_key(world: &World) -> Result<String> {
    let answer = world
        .aws()?
        .json("kms", "TrentService.CreateKey", &json!({}))
        .await?;
    let arn = answer["KeyMetadata"]["Arn"].as_str();
    arn.map(str::to_owned).context("KMS gave no ARN")
}

async fn put_secret(world: &World, name: &str, value: &str, key: &str) -> Result<()> {
    let parameter = json!({
        "Name": name,
        "Value": value,
        "Type": "SecureString",
        "KeyId": key,
        // With its certificates in base64 a kubeconfig is just over the standard tier's 4 KB.
        "Tier": "Advanced",
        "Overwrite": true,
    });
    world
        .aws()?
        .json("ssm", "AmazonSSM.PutParameter", &parameter)
        .await
        .map(drop)
}
