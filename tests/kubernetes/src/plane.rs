//! The control plane as one thing: started, watched, stopped.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use base::process::{Identity, wait_until};
use base::{Ports, Process};
use futures::FutureExt;
use futures::future::{join_all, select_all};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};

use crate::certificates::{Authority, Files};
use crate::kubeadm;
use crate::kubeconfig::{self, Proof};
use crate::parts::{self, Parts};
use crate::webhook::{Eks, Webhook};

/// The slowest start seen took 4 s; a machine that compiles at the same time needs more.
const START_LIMIT: Duration = Duration::from_secs(90);

/// The API server waits up to 15 s for its clients when it is asked to stop. Nothing here is worth that.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// What a control plane is started with.
pub struct Settings {
    /// Where its parts listen.
    pub ports: Ports,
    /// Its certificates, keys, kubeconfigs and data. Existing data is thrown away.
    pub dir: PathBuf,
    /// The logs of its parts.
    pub log_dir: PathBuf,
    /// The program, see [`crate::binary`].
    pub binary: PathBuf,
    /// The name by which tokens of AWS roles must call the cluster.
    pub cluster: String,
    /// What the token webhook asks.
    pub eks: Arc<dyn Eks>,
}

/// A running control plane. Dropping it ends it.
pub struct ControlPlane {
    ports: Ports,
    processes: Vec<Process>,
    webhook: Webhook,
    authority: Authority,
    kubeconfig: PathBuf,
    client: Client,
}

impl ControlPlane {
    /// Starts every part and returns when pods can be created and machines can join: the API server is ready, the
    /// namespace `default` has its service account, and there is what `kubeadm init` would have left.
    pub async fn start(settings: Settings) -> Result<Self> {
        let Settings {
            ports,
            dir,
            log_dir,
            binary,
            cluster,
            eks,
        } = settings;
        let (files, authority) = Files::make(&dir)?;
        let parts = Parts {
            ports,
            binary: &binary,
            dir: &dir,
            log_dir: &log_dir,
            files: &files,
            authority: &authority,
        };
        let etcd_dir = parts.etcd_dir();
        if etcd_dir.exists() {
            fs::remove_dir_all(&etcd_dir).with_context(|| format!("removing {}", etcd_dir.display()))?;
        }
        let webhook = Webhook::start(Ports::address(ports.webhook()), cluster, eks).await?;
        let kubeconfig = parts.kubeconfig("admin", Some("system:masters"))?;
        let client = client(&kubeconfig).await?;
        let processes = start_parts(&parts, &client).await?;
        kubeadm::install(&client, &parts::endpoint(ports), &authority.pem()).await?;
        Ok(Self {
            ports,
            processes,
            webhook,
            authority,
            kubeconfig,
            client,
        })
    }

    /// Its processes, in the order in which they were started.
    pub fn processes(&self) -> Vec<Identity> {
        self.processes
            .iter()
            .map(|process| process.identity().clone())
            .collect()
    }

    /// The administrator's kubeconfig file.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The certificate authority of the API server and of its clients.
    pub fn ca_pem(&self) -> String {
        self.authority.pem()
    }

    /// `https://127.0.0.1:…`.
    pub fn endpoint(&self) -> String {
        parts::endpoint(self.ports)
    }

    /// The administrator's client. It does not repeat requests by itself.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// A kubeconfig with a new client certificate for `user`, who is in `group`. One group only: of each kind
    /// of attribute a certificate made here holds one.
    pub fn kubeconfig_for(&self, user: &str, group: Option<&str>) -> Result<String> {
        let pair = self.authority.client(user, group)?;
        Ok(self.render(user, &Proof::Certificate(&pair)))
    }

    /// A kubeconfig with a bearer token, say that of a service account.
    pub fn kubeconfig_with_token(&self, user: &str, token: &str) -> String {
        self.render(user, &Proof::Token(token))
    }

    fn render(&self, user: &str, proof: &Proof<'_>) -> String {
        kubeconfig::render(&self.endpoint(), &self.ca_pem(), user, proof)
    }

    /// Waits until a part ends by itself, which none should, and says which one and how, with the end of its
    /// log.
    pub async fn ended(&mut self) -> String {
        let webhook = self.webhook.ended().boxed();
        let processes = self.processes.iter_mut().map(|process| process.ended().boxed());
        let (report, _, _) = select_all(processes.chain([webhook])).await;
        report
    }

    /// Ends every part.
    pub async fn stop(self) {
        join_all(self.processes.into_iter().map(|process| process.stop(STOP_GRACE))).await;
    }
}

async fn start_parts(parts: &Parts<'_>, client: &Client) -> Result<Vec<Process>> {
    let mut etcd = Process::spawn(&parts.etcd())?;
    let health = format!("{}/health", Ports::http(parts.ports.etcd()));
    wait_until(&mut etcd, START_LIMIT, || answers(&health)).await?;

    let mut api_server = Process::spawn(&parts.api_server()?)?;
    wait_until(&mut api_server, START_LIMIT, || is_ready(client)).await?;

    let scheduler = Process::spawn(&parts.scheduler()?)?;
    let mut kwok = Process::spawn(&parts.kwok()?)?;
    let mut controller_manager = Process::spawn(&parts.controller_manager()?)?;
    wait_until(&mut controller_manager, START_LIMIT, || {
        has_service_account(client)
    })
    .await?;
    let health = format!("{}/healthz", Ports::http(parts.ports.kwok()));
    wait_until(&mut kwok, START_LIMIT, || answers(&health)).await?;
    Ok(vec![etcd, api_server, scheduler, kwok, controller_manager])
}

async fn answers(url: &str) -> bool {
    reqwest::get(url)
        .await
        .is_ok_and(|response| response.status().is_success())
}

async fn is_ready(client: &Client) -> bool {
    let Ok(request) = http::Request::get("/readyz").body(Vec::new()) else {
        return false;
    };
    client.request_text(request).await.is_ok()
}

async fn has_service_account(client: &Client) -> bool {
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "default");
    accounts
        .get_opt("default")
        .await
        .is_ok_and(|account| account.is_some())
}

async fn client(kubeconfig: &Path) -> Result<Client> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    // Tests look at each answer, also at a refusal that kube would repeat for minutes.
    config.default_retry = false;
    Ok(Client::try_from(config)?)
}
