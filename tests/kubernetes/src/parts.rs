//! How each part of the control plane is started: its arguments, and the reason for those that are not its defaults.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use base::{Ports, Spec};

use crate::certificates::{Authority, Files, write_private};
use crate::kubeconfig::{self, Proof};
use crate::stages;

const SERVICE_RANGE: &str = "10.96.0.0/16";

/// Who signs service account tokens, as the cluster's own clients know it.
const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

const AUDIT_POLICY: &str = include_str!("../audit-policy.yaml");

/// Everything that the parts' arguments depend on.
pub(crate) struct Parts<'a> {
    pub(crate) ports: Ports,
    pub(crate) binary: &'a Path,
    pub(crate) dir: &'a Path,
    pub(crate) log_dir: &'a Path,
    pub(crate) files: &'a Files,
    pub(crate) authority: &'a Authority,
}

impl Parts<'_> {
    pub(crate) fn etcd(&self) -> Spec {
        let clients = Ports::http(self.ports.etcd());
        let peers = Ports::http(self.ports.etcd_peer());
        self.part("etcd").args([
            "--name=world".to_owned(),
            option("--data-dir", self.etcd_dir()),
            format!("--listen-client-urls={clients}"),
            format!("--advertise-client-urls={clients}"),
            format!("--listen-peer-urls={peers}"),
            format!("--initial-advertise-peer-urls={peers}"),
            format!("--initial-cluster=world={peers}"),
            // The data is thrown away with the world.
            "--unsafe-no-fsync".to_owned(),
            // The only member elects itself, and waits for a tenth of the usual second before it does.
            "--heartbeat-interval=10".to_owned(),
            "--election-timeout=100".to_owned(),
            "--log-level=warn".to_owned(),
        ])
    }

    /// Where etcd keeps its data.
    pub(crate) fn etcd_dir(&self) -> PathBuf {
        self.dir.join("etcd")
    }

    pub(crate) fn api_server(&self) -> Result<Spec> {
        let webhook = self.dir.join("webhook.kubeconfig");
        write_private(&webhook, &webhook_kubeconfig(&Ports::http(self.ports.webhook())))?;
        let audit = self.dir.join("audit-policy.yaml");
        write_private(&audit, AUDIT_POLICY)?;
        let files = self.files;
        Ok(self.part("kube-apiserver").args([
            format!("--etcd-servers={}", Ports::http(self.ports.etcd())),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", self.ports.kubernetes()),
            // It refuses to publish a loopback address as the endpoint of the service `kubernetes`.
            "--endpoint-reconciler-type=none".to_owned(),
            option("--tls-cert-file", files.certificate("server")),
            option("--tls-private-key-file", files.key("server")),
            option("--client-ca-file", files.certificate("ca")),
            option(
                "--requestheader-client-ca-file",
                files.certificate("front-proxy-ca"),
            ),
            "--requestheader-allowed-names=front-proxy-client".to_owned(),
            "--requestheader-extra-headers-prefix=X-Remote-Extra-".to_owned(),
            "--requestheader-group-headers=X-Remote-Group".to_owned(),
            "--requestheader-username-headers=X-Remote-User".to_owned(),
            option(
                "--proxy-client-cert-file",
                files.certificate("front-proxy-client"),
            ),
            option("--proxy-client-key-file", files.key("front-proxy-client")),
            format!("--service-account-issuer={ISSUER}"),
            option("--service-account-key-file", files.public_key("service-accounts")),
            option(
                "--service-account-signing-key-file",
                files.key("service-accounts"),
            ),
            format!("--service-cluster-ip-range={SERVICE_RANGE}"),
            "--authorization-mode=Node,RBAC".to_owned(),
            "--enable-admission-plugins=NodeRestriction".to_owned(),
            "--enable-bootstrap-token-auth=true".to_owned(),
            option("--authentication-token-webhook-config-file", webhook),
            "--authentication-token-webhook-version=v1".to_owned(),
            // A scenario that changes an access entry sees the effect soon. The API server's own cache of good
            // tokens, 10 s in front of this one, can't be set.
            "--authentication-token-webhook-cache-ttl=2s".to_owned(),
            option("--audit-policy-file", audit),
            option("--audit-log-path", self.log_dir.join("audit.log")),
            "--allow-privileged=true".to_owned(),
            "--profiling=false".to_owned(),
        ]))
    }

    pub(crate) fn controller_manager(&self) -> Result<Spec> {
        let kubeconfig = self.kubeconfig("system:kube-controller-manager", None)?;
        let files = self.files;
        Ok(self.part("kube-controller-manager").args([
            option("--kubeconfig", &kubeconfig),
            option("--authentication-kubeconfig", &kubeconfig),
            option("--authorization-kubeconfig", &kubeconfig),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", self.ports.controller_manager()),
            option("--tls-cert-file", files.certificate("server")),
            option("--tls-private-key-file", files.key("server")),
            "--controllers=*,bootstrapsigner,tokencleaner".to_owned(),
            "--use-service-account-credentials=true".to_owned(),
            option(
                "--service-account-private-key-file",
                files.key("service-accounts"),
            ),
            option("--root-ca-file", files.certificate("ca")),
            option("--cluster-signing-cert-file", files.certificate("ca")),
            option("--cluster-signing-key-file", files.key("ca")),
            option(
                "--requestheader-client-ca-file",
                files.certificate("front-proxy-ca"),
            ),
            "--leader-elect=false".to_owned(),
            // With its defaults of 20 and 30 the first service account takes 9 s, not 3 to 4.
            "--kube-api-qps=300".to_owned(),
            "--kube-api-burst=600".to_owned(),
            // A busy machine must not look like a dead node: kubelets here never fail, they leave.
            "--node-monitor-grace-period=2m".to_owned(),
        ]))
    }

    pub(crate) fn scheduler(&self) -> Result<Spec> {
        let kubeconfig = self.kubeconfig("system:kube-scheduler", None)?;
        let configuration = self.dir.join("scheduler.yaml");
        fs::write(&configuration, scheduler_configuration(&kubeconfig))?;
        Ok(self.part("kube-scheduler").args([
            option("--config", configuration),
            option("--authentication-kubeconfig", &kubeconfig),
            option("--authorization-kubeconfig", &kubeconfig),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", self.ports.scheduler()),
            option("--tls-cert-file", self.files.certificate("server")),
            option("--tls-private-key-file", self.files.key("server")),
        ]))
    }

    pub(crate) fn kwok(&self) -> Result<Spec> {
        let kubeconfig = self.kubeconfig("kwok", Some("system:masters"))?;
        let configuration = self.dir.join("kwok.yaml");
        fs::write(&configuration, stages::configuration())?;
        Ok(self
            .part("kwok")
            .args([
                option("--kubeconfig", &kubeconfig),
                option("--config", configuration),
                "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake".to_owned(),
                "--node-lease-duration-seconds=40".to_owned(),
                format!("--server-address={}", Ports::address(self.ports.kwok())),
            ])
            // Otherwise it would read the configuration in the user's home directory, too.
            .env("KWOK_WORKDIR", self.dir))
    }

    /// Writes `<dir>/<user>.kubeconfig` with a new client certificate.
    pub(crate) fn kubeconfig(&self, user: &str, group: Option<&str>) -> Result<PathBuf> {
        let pair = self.authority.client(user, group)?;
        let endpoint = endpoint(self.ports);
        let text = kubeconfig::render(&endpoint, &self.authority.pem(), user, &Proof::Certificate(&pair));
        let path = self.dir.join(format!("{}.kubeconfig", user.replace(':', "-")));
        write_private(&path, &text)?;
        Ok(path)
    }

    fn part(&self, name: &str) -> Spec {
        Spec::new(name, self.binary, self.log_dir).args([name])
    }
}

/// Where the API server listens.
pub(crate) fn endpoint(ports: Ports) -> String {
    format!("https://127.0.0.1:{}", ports.kubernetes())
}

fn option(name: &str, path: impl AsRef<Path>) -> String {
    format!("{name}={}", path.as_ref().display())
}

/// The API server reads the webhook's address from a kubeconfig. Plain HTTP: it is on the loopback address.
fn webhook_kubeconfig(url: &str) -> String {
    format!(
        "apiVersion: v1
kind: Config
clusters:
- name: webhook
  cluster:
    server: {url}
users:
- name: kube-apiserver
contexts:
- name: webhook
  context:
    cluster: webhook
    user: kube-apiserver
current-context: webhook
"
    )
}

/// The client limit raised: with the default of 50 requests a second a Deployment of 2,000 takes 38 s, not 16.
fn scheduler_configuration(kubeconfig: &Path) -> String {
    format!(
        "apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
leaderElection:
  leaderElect: false
clientConnection:
  kubeconfig: {}
  qps: 300
  burst: 600
",
        serde_json::Value::from(kubeconfig.display().to_string())
    )
}
