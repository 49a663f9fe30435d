//! The parts, put together.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use autoscaling::{Clock, Server as AutoScaling};
use base::process::Identity;
use base::{Ports, aws, paths};
use control_plane::webhook::HttpEks;
use control_plane::{ControlPlane, Kubelets};
use emulator::eks::{self, clusters::ClusterAccess};
use emulator::{Client, Emulator, EmulatorFleet, EmulatorJudge, Tools};
use relay::Relay;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::joining::{Attempt, Joining};
use crate::supervisor;
use crate::timeline::Timeline;
use crate::{control, env_file, machines};

/// The EKS cluster of every world.
pub const CLUSTER: &str = "world";

/// Every world draws its faults from this seed, unless a test sets another one.
const SEED: u64 = 2026;

/// Tells a person what is going on, a line at a time.
pub type Say = Arc<dyn Fn(&str) + Send + Sync>;

/// How a world is to be.
#[derive(Clone)]
pub struct Options {
    /// Where its parts listen.
    pub ports: Ports,
    /// The time of its Auto Scaling: real, or scaled so that hours pass in seconds.
    pub clock: Clock,
    /// Told of the progress.
    pub say: Say,
}

/// A running world. Dropping it ends it.
pub struct World {
    options: Options,
    dir: PathBuf,
    tools: Tools,
    emulator: Emulator,
    control_plane: ControlPlane,
    relay: Relay,
    timeline: Timeline,
    joining: Arc<Joining>,
    autoscaling: AutoScaling,
    _eks: eks::Server,
    tasks: Vec<JoinHandle<()>>,
}

impl World {
    /// Starts every part. Installs the tools and builds the control plane the first time; both are kept.
    pub async fn start(options: Options) -> Result<Self> {
        supervisor::end_leftovers(options.ports).await?;
        let taken = options.ports.taken();
        if let Some((part, port)) = taken.first() {
            bail!(
                "port {port}, on which {part} is to listen, is taken; end what listens there, or shift all ports \
                 with --port-base"
            );
        }
        let started = Instant::now();
        let (tools, binary) = prepare(&options.say).await?;
        let dir = paths::world(&options.ports);
        let (data, logs) = (dir.join("data"), dir.join("logs"));
        if data.exists() {
            std::fs::remove_dir_all(&data).with_context(|| format!("removing {}", data.display()))?;
        }
        forget_logs(options.ports)?;

        let settings = emulator::Settings {
            ports: options.ports,
            data: data.join("aws"),
            logs: logs.clone(),
            functions_env: vec![],
        };
        let emulator = Emulator::start(&tools, &settings).await?;
        let control_plane = ControlPlane::start(control_plane::Settings {
            ports: options.ports,
            dir: data.join("kubernetes"),
            log_dir: logs.clone(),
            binary: binary.clone(),
            cluster: CLUSTER.to_owned(),
            eks: Arc::new(HttpEks::new(options.ports, emulator.admin().clone())?),
        })
        .await?;
        let eks = serve_eks(&options, &emulator, &control_plane).await?;
        eks::clusters::create_cluster(&emulator.client()?, CLUSTER, &[]).await?;
        let relay = Relay::start(relay::Settings {
            endpoint: emulator.endpoint().to_owned(),
            credentials: emulator.admin().clone(),
            region: aws::REGION.to_owned(),
            account: aws::ACCOUNT.to_owned(),
            seed: SEED,
            log: Some(logs.join("relay.log")),
        })?;
        let (notices, arrivals) = mpsc::unbounded_channel();
        let autoscaling = autoscaling::serve(autoscaling::Settings {
            listen: Ports::address(options.ports.autoscaling()),
            account: aws::ACCOUNT.to_owned(),
            region: aws::REGION.to_owned(),
            clock: options.clock.clone(),
            fleet: Arc::new(EmulatorFleet::new(emulator.client()?)),
            judge: Arc::new(EmulatorJudge::new(emulator.endpoint())?),
            notices,
        })
        .await?;
        let timeline = Timeline::default();
        let kubelets = Kubelets::new(control_plane.client());
        let joining = Arc::new(Joining::start(options.ports, &emulator, &dir, timeline.clone()).await?);
        let tasks = vec![
            tokio::spawn(machines::follow(
                arrivals,
                relay.clone(),
                kubelets,
                Arc::clone(&joining),
                timeline.clone(),
            )),
            control::serve(options.ports, relay.clone()).await?,
            relay.follow_registry(),
        ];
        let world = Self {
            options,
            dir,
            tools,
            emulator,
            control_plane,
            relay,
            timeline,
            joining,
            autoscaling,
            _eks: eks,
            tasks,
        };
        control_plane::binary::link_kubectl(&binary, &world.dir.join("bin"))?;
        env_file::write(&world)?;
        world.joining.remember_with(world.processes())?;
        (world.options.say)(&format!("world: up in {:.1} s", started.elapsed().as_secs_f64()));
        Ok(world)
    }

    /// Where its parts listen.
    pub fn ports(&self) -> Ports {
        self.options.ports
    }

    /// Its files: `env`, `logs/`, `data/`, `bin/kubectl`. `logs/<instance id>.log` is that of a machine.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The pinned tools.
    pub fn tools(&self) -> &Tools {
        &self.tools
    }

    /// The emulator, its endpoint and its administrator.
    pub fn emulator(&self) -> &Emulator {
        &self.emulator
    }

    /// A client of the emulator that signs as the administrator.
    pub fn aws(&self) -> Result<Client> {
        self.emulator.client()
    }

    /// The Kubernetes control plane.
    pub fn control_plane(&self) -> &ControlPlane {
        &self.control_plane
    }

    /// What delivers events.
    pub fn relay(&self) -> &Relay {
        &self.relay
    }

    /// What happened to instances, and when.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Told of the progress of what is done in this world.
    pub fn say(&self, line: &str) {
        (self.options.say)(line);
    }

    /// A client with the credentials that an instance finds in its metadata.
    pub async fn aws_as(&self, instance: &str) -> Result<Client> {
        let sessions = self.emulator.instance_sessions();
        self.joining.client_of(&sessions, instance).await
    }

    /// Tries to join with this `JoinConfiguration`, as somebody who has a token would, from an instance that booted.
    pub async fn join_by_hand(&self, instance: &str, configuration: &serde_json::Value) -> Result<Attempt> {
        self.joining.join_by_hand(instance, configuration).await
    }

    /// Makes ready what machines boot from, which takes a while the first time.
    pub(crate) async fn prepare_machines(&self) -> Result<()> {
        self.joining.image().await.map(drop)
    }

    /// Every process that it started.
    pub fn processes(&self) -> Vec<Identity> {
        let mut all = vec![self.emulator.identity().clone()];
        all.extend(self.control_plane.processes());
        all
    }

    /// Waits until a part ends by itself, which none should, and says which one and how, with the end of its
    /// log.
    pub async fn ended(&mut self) -> String {
        tokio::select! {
            report = self.emulator.ended() => report,
            report = self.control_plane.ended() => report,
        }
    }

    /// Ends every part.
    pub async fn stop(self) {
        for task in &self.tasks {
            task.abort();
        }
        self.joining.switch_all_off();
        self.autoscaling.stop().await;
        futures::join!(self.emulator.stop(), self.control_plane.stop());
        // If this fails, the next start finds that nothing of it runs any more.
        let _ = supervisor::State::remove(self.options.ports);
    }
}

/// Removes the logs of an earlier world: some parts append. The supervisor's own is open already.
fn forget_logs(ports: Ports) -> Result<()> {
    for (name, path) in supervisor::logs(ports)? {
        if name != "world" {
            std::fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
        }
    }
    Ok(())
}

/// The tools and the control plane's program, installed and built where they are missing.
pub(crate) async fn prepare(say: &Say) -> Result<(Tools, PathBuf)> {
    let telling = say.clone();
    let tools = tokio::task::spawn_blocking(move || Tools::ensure(&|line| telling(line))).await??;
    let telling = say.clone();
    let binary = control_plane::binary::build(tools.go(), &mut move |line| telling(line)).await?;
    Ok((tools, binary))
}

async fn serve_eks(options: &Options, emulator: &Emulator, plane: &ControlPlane) -> Result<eks::Server> {
    let access = ClusterAccess {
        endpoint: plane.endpoint(),
        certificate_authority: plane.ca_pem(),
    };
    let autoscaling = Ports::http(options.ports.autoscaling());
    let autoscaling = Client::new(&autoscaling, emulator.admin().clone())?;
    eks::serve(eks::Settings {
        listen: Ports::address(options.ports.eks()),
        emulator: emulator.client()?,
        clusters: Arc::new(move |name| (name == CLUSTER).then(|| access.clone())),
        autoscaling: Some(autoscaling),
    })
    .await
}

/// How often something that is waited for is looked at.
pub(crate) const LOOK: Duration = Duration::from_millis(100);
