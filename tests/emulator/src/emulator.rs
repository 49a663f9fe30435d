//! The emulator's process and its first administrator.

use std::ffi::OsString;
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use base::process::{Identity, wait_until};
use base::{Credentials, Ports, Process, Spec, aws, paths};

use crate::forward::loopback;
use crate::hex::hex;
use crate::{Client, InstanceSessions, Tools};

/// It takes about 1 s; a machine that compiles at the same time is slower.
const START_LIMIT: Duration = Duration::from_mins(1);

/// It has nothing to save: a moment for its log, then its functions and it are ended.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// What the emulator, and thus every function in it, keeps of the environment of whoever starts the world.
/// Nothing else: neither a proxy nor a profile of the person's own AWS account.
const KEPT: [&str; 5] = ["PATH", "LANG", "LC_ALL", "TZ", "USER"];

/// What the emulator needs to be told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The ports of the world.
    pub ports: Ports,
    /// A directory for its state, of its own.
    pub data: PathBuf,
    /// Where its log goes.
    pub logs: PathBuf,
    /// More variables for functions, which inherit the emulator's environment.
    pub functions_env: Vec<(String, String)>,
}

/// The running emulator. Dropping it ends it and its functions.
#[derive(Debug)]
pub struct Emulator {
    process: Process,
    endpoint: String,
    admin: Credentials,
    ec2: InstanceSessions,
}

impl Emulator {
    /// Starts it and creates its administrator.
    pub async fn start(tools: &Tools, settings: &Settings) -> Result<Self> {
        let root = root_credentials()?;
        let endpoint = Ports::http(settings.ports.aws());
        let mut process = Process::spawn(&spec(tools, settings, &endpoint, &root)?)?;
        let http = loopback()?;
        let ready = format!("{endpoint}/_ministack/ready");
        wait_until(&mut process, START_LIMIT, || async {
            http.get(&ready)
                .send()
                .await
                .is_ok_and(|answer| answer.status().is_success())
        })
        .await?;
        let root = Client::new(&endpoint, root)?;
        let admin = administrator(&root).await?;
        Ok(Self {
            process,
            endpoint,
            admin,
            ec2: InstanceSessions::new(root),
        })
    }

    /// `http://127.0.0.1:<port>`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The key of the administrator, an IAM user whose signatures are checked as everybody's.
    pub fn admin(&self) -> &Credentials {
        &self.admin
    }

    /// A client that signs as the administrator.
    pub fn client(&self) -> Result<Client> {
        Client::new(&self.endpoint, self.admin.clone())
    }

    /// Sessions of instance profiles, as EC2 takes them.
    pub fn instance_sessions(&self) -> InstanceSessions {
        self.ec2.clone()
    }

    /// What finds the process again.
    pub fn identity(&self) -> &Identity {
        self.process.identity()
    }

    /// Waits until it ends by itself, which it never should; says how it did.
    pub async fn ended(&mut self) -> String {
        self.process.ended().await
    }

    /// Ends it, with the functions that it runs.
    pub async fn stop(self) {
        self.process.stop(STOP_GRACE).await;
    }
}

/// The environment of the emulator and of every function in it, which inherits what isn't overwritten.
fn spec(tools: &Tools, settings: &Settings, endpoint: &str, root: &Credentials) -> Result<Spec> {
    let (ports, data) = (settings.ports, &settings.data);
    for directory in ["home", "s3", "state", "tmp"] {
        std::fs::create_dir_all(data.join(directory))
            .with_context(|| format!("creating {}", data.join(directory).display()))?;
    }
    let mut spec = Spec::new("aws", tools.python(), &settings.logs)
        .args([paths::checkout().join("tests/emulator/launcher/main.py")]);
    for (key, _) in std::env::vars_os() {
        if !KEPT.iter().any(|kept| key == *kept) {
            spec = spec.without(key);
        }
    }
    let port = |port: u16| OsString::from(port.to_string());
    spec = spec
        .env("AUTH", "true")
        .env("BIND_HOST", "127.0.0.1")
        .env("MINISTACK_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", port(ports.aws()))
        .env("EKS_BASE_PORT", port(ports.eks_clusters()))
        .env("MINISTACK_ACCOUNT_ID", aws::ACCOUNT)
        .env("MINISTACK_REGION", aws::REGION)
        // The other listeners, and a container engine that may well be there.
        .env("SFTP_ENABLED", "0")
        .env("IOT_MTLS_ENABLED", "0")
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        .env("LAMBDA_EXECUTOR", "local")
        .env("HOME", data.join("home"))
        .env("S3_DATA_DIR", data.join("s3"))
        .env("STATE_DIR", data.join("state"))
        .env("TMPDIR", data.join("tmp"))
        .env("PYTHONUNBUFFERED", "1")
        // Its root user. Functions get the session of their role instead.
        .env("AWS_ACCESS_KEY_ID", &root.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", &root.secret_access_key)
        // Where functions find AWS, and that there is no instance metadata to be asked.
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_ENDPOINT_URL_AUTO_SCALING", Ports::http(ports.autoscaling()))
        .env("AWS_ENDPOINT_URL_EKS", Ports::http(ports.eks()))
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("NO_PROXY", "*");
    for (key, value) in &settings.functions_env {
        spec = spec.env(key, value);
    }
    Ok(spec)
}

/// The emulator takes any request of its root user without looking at the signature. So this key is random
/// and never leaves the process, where it is AWS itself: what the world calls "administrator" is an IAM user.
fn root_credentials() -> Result<Credentials> {
    Ok(Credentials {
        access_key_id: format!("AKIA{}", random_hex(8)?.to_uppercase()),
        secret_access_key: random_hex(20)?,
        session_token: None,
    })
}

fn random_hex(bytes: usize) -> Result<String> {
    let mut random = vec![0; bytes];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut random)?;
    Ok(hex(&random))
}

async fn administrator(root: &Client) -> Result<Credentials> {
    const USER: (&str, &str) = ("UserName", "administrator");
    const POLICY: (&str, &str) = ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess");
    let iam = |action, parameters: Vec<(&'static str, &'static str)>| {
        root.query("iam", "2010-05-08", action, parameters)
    };
    iam("CreateUser", vec![USER]).await?;
    iam("AttachUserPolicy", vec![USER, POLICY]).await?;
    let answer = iam("CreateAccessKey", vec![USER]).await?;
    let key = answer
        .at("CreateAccessKeyResult/AccessKey")
        .context("CreateAccessKey answered no key")?;
    let text = |name: &str| {
        key.text_at(name)
            .with_context(|| format!("CreateAccessKey answered no {name}"))
    };
    Ok(Credentials {
        access_key_id: text("AccessKeyId")?,
        secret_access_key: text("SecretAccessKey")?,
        session_token: None,
    })
}
