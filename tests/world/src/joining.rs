//! Machines that join by themselves: their metadata, and the processes that they run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use anyhow::{Context, Result};
use base::process::Identity;
use base::{Ports, Process};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use emulator::{Client, Element, Emulator, InstanceSessions};
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use machine::image::{Boot, Image, is_script};
use machine::metadata::{Facts, Instance, Metadata, Session, Sessions};
use serde_json::Value;
use tokio::process::Command;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;

use crate::profiles;
use crate::supervisor::State;
use crate::timeline::{Timeline, What};

const EC2: (&str, &str) = ("ec2", "2016-11-15");

/// The machines of a world that boot.
pub(crate) struct Joining {
    ports: Ports,
    aws: Client,
    metadata: Metadata,
    image: OnceCell<Image>,
    /// A directory for each machine.
    dir: PathBuf,
    logs: PathBuf,
    timeline: Timeline,
    running: Mutex<BTreeMap<String, Running>>,
    /// The other processes of the world, once all are known.
    parts: OnceLock<Vec<Identity>>,
}

/// What came of a join that was tried by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Whether there is a node now.
    pub joined: bool,
    /// What `kubeadm` said.
    pub said: String,
}

struct Running {
    process: Identity,
    /// Holds the process, which ends when this is aborted.
    task: JoinHandle<()>,
}

impl Joining {
    /// Serves their metadata; none of them runs yet.
    pub(crate) async fn start(
        ports: Ports,
        emulator: &Emulator,
        dir: &Path,
        timeline: Timeline,
    ) -> Result<Self> {
        let sessions = Arc::new(OfEmulator(emulator.instance_sessions()));
        Ok(Self {
            ports,
            aws: emulator.client()?,
            metadata: Metadata::serve(Ports::address(ports.metadata()), sessions).await?,
            image: OnceCell::new(),
            dir: dir.join("data/machines"),
            logs: dir.join("logs"),
            timeline,
            running: Mutex::default(),
            parts: OnceLock::new(),
        })
    }

    /// What machines boot from, made by the first who asks.
    pub(crate) async fn image(&self) -> Result<&Image> {
        let bin = self.dir.join("bin");
        self.image
            .get_or_try_init(|| async { Image::build(&bin).await })
            .await
    }

    /// From now on, the processes of machines are written down beside these, so that they are found and ended even if
    /// this process can't do it.
    pub(crate) fn remember_with(&self, parts: Vec<Identity>) -> Result<()> {
        let _ = self.parts.set(parts);
        self.write_down()
    }

    /// Boots the instance if its user data is a script. Says whether it did: if not, nothing runs on it.
    pub(crate) async fn boot(self: &Arc<Self>, instance_id: &str) -> Result<bool> {
        let instance = self.describe(instance_id).await?;
        let Some(user_data) = instance.user_data.clone().filter(|data| is_script(data)) else {
            return Ok(false);
        };
        self.metadata.add(instance);
        let root = self.dir.join(instance_id);
        let boot = Boot {
            instance_id,
            user_data: &user_data,
            metadata: &self.metadata.endpoint_of(instance_id),
            aws: &Ports::http(self.ports.aws()),
            root: &root,
            logs: &self.logs,
        };
        let process = Process::spawn(&self.image().await?.boot(&boot)?)?;
        let running = Running {
            process: process.identity().clone(),
            task: tokio::spawn(follow(Arc::clone(self), instance_id.to_owned(), process)),
        };
        self.lock().insert(instance_id.to_owned(), running);
        self.write_down()?;
        Ok(true)
    }

    /// Switches the machine off, if it is one.
    pub(crate) fn switch_off(&self, instance_id: &str) {
        self.metadata.remove(instance_id);
        if let Some(running) = self.lock().remove(instance_id) {
            running.task.abort();
        }
    }

    /// Switches all machines off.
    pub(crate) fn switch_all_off(&self) {
        for (_, running) in std::mem::take(&mut *self.lock()) {
            running.task.abort();
        }
    }

    /// A client with the credentials that the instance finds in its metadata.
    pub(crate) async fn client_of(&self, sessions: &InstanceSessions, instance_id: &str) -> Result<Client> {
        let role = self.describe(instance_id).await?.role;
        let role = role.with_context(|| format!("{instance_id} has no instance profile"))?;
        let session = sessions.take(instance_id, &role).await?;
        Client::new(&Ports::http(self.ports.aws()), session.credentials)
    }

    /// Runs `kubeadm join` with this configuration, as somebody who has a token would: with the metadata of an instance
    /// that booted, in a directory of its own. Gives its exit status and what it said.
    pub(crate) async fn join_by_hand(&self, instance_id: &str, configuration: &Value) -> Result<Attempt> {
        let root = self.dir.join(format!("{instance_id}-by-hand"));
        if root.exists() {
            std::fs::remove_dir_all(&root)?;
        }
        std::fs::create_dir_all(&root)?;
        let file = root.join("join.json");
        std::fs::write(&file, configuration.to_string())?;
        let output = Command::new(self.image().await?.kubeadm())
            .args(["join", "--config"])
            .arg(&file)
            .env("MACHINE_ROOT", &root)
            .env(
                "AWS_EC2_METADATA_SERVICE_ENDPOINT",
                self.metadata.endpoint_of(instance_id),
            )
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .context("starting kubeadm")?;
        Ok(Attempt {
            joined: output.status.success(),
            said: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_down(&self) -> Result<()> {
        let Some(parts) = self.parts.get() else {
            return Ok(());
        };
        let machines = self
            .lock()
            .values()
            .map(|running| running.process.clone())
            .collect();
        State::of_this_process(self.ports, [parts.clone(), machines].concat())?.write()
    }

    async fn describe(&self, id: &str) -> Result<Instance> {
        let answer = self.ec2("DescribeInstances", &[("InstanceId.1", id)]).await?;
        let found = answer
            .at("reservationSet/item/instancesSet/item")
            .with_context(|| format!("EC2 does not know {id}"))?;
        let text = |path: &str| {
            found
                .text_at(path)
                .with_context(|| format!("DescribeInstances answered no {path} for {id}"))
        };
        let zone = text("placement/availabilityZone")?;
        let facts = Facts {
            instance_id: id.to_owned(),
            region: zone[..zone.len().saturating_sub(1)].to_owned(),
            availability_zone: zone,
            private_ip: text("privateIpAddress")?,
            private_dns_name: text("privateDnsName")?,
            instance_type: text("instanceType")?,
        };
        let profile = found.text_at("iamInstanceProfile/arn");
        let role = match profile.as_deref().and_then(|arn| arn.rsplit('/').next()) {
            Some(profile) => profiles::role_of(&self.aws, profile).await?,
            None => None,
        };
        let user_data = self.user_data(id).await?;
        Ok(Instance {
            facts,
            role,
            user_data,
        })
    }

    async fn user_data(&self, id: &str) -> Result<Option<String>> {
        let parameters = [("InstanceId", id), ("Attribute", "userData")];
        let answer = self.ec2("DescribeInstanceAttribute", &parameters).await?;
        let Some(encoded) = answer.text_at("userData/value") else {
            return Ok(None);
        };
        let decoded = BASE64_STANDARD
            .decode(encoded)
            .context("the user data is no base64")?;
        Ok(Some(
            String::from_utf8(decoded).context("the user data is no text")?,
        ))
    }

    async fn ec2(&self, action: &str, parameters: &[(&str, &str)]) -> Result<Element> {
        let parameters = parameters.iter().copied();
        self.aws.query(EC2.0, EC2.1, action, parameters).await
    }
}

/// Waits until the machine's script is done. Its node is there then, or it says why not.
async fn follow(machines: Arc<Joining>, id: String, mut process: Process) {
    let outcome = process.finished().await;
    machines
        .timeline
        .note(&id, outcome.map_or_else(What::trouble, |()| What::Joined));
    machines.lock().remove(&id);
    if let Err(error) = machines.write_down() {
        machines.timeline.note(&id, What::trouble(error));
    }
}

/// STS of the emulator, as EC2 asks it.
struct OfEmulator(InstanceSessions);

impl Sessions for OfEmulator {
    fn session<'a>(&'a self, instance_id: &'a str, role: &'a str) -> BoxFuture<'a, Result<Session>> {
        async move {
            let session = self.0.take(instance_id, role).await?;
            Ok(Session {
                credentials: session.credentials,
                expiration: session
                    .expiration
                    .parse::<Timestamp>()
                    .context("the end of a session")?,
            })
        }
        .boxed()
    }
}
