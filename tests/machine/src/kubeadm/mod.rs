//! A stand-in for `kubeadm` on a worker, and for the kubelet that it starts.
//!
//! What it says to the cluster is what they say, in their order, with the token and then with the certificate:
//!
//! 1. `cluster-info` is read from an API server that is not trusted yet, until it bears a signature of the token; the
//!    signature and the pins of the CA are checked, and it is read again over TLS that is verified by that CA and must
//!    be the same ([`discovery`]).
//! 2. The `ConfigMap`s `kubeadm-config` and `kubelet-config` are read with the token, and whether a Node of that name is
//!    ready already: the group of a token needs those permissions too ([`cluster`]).
//! 3. A certificate signing request is posted with the token, and its certificate awaited ([`kubelet`]).
//! 4. With that certificate the Node is created, so that the node authorizer and `NodeRestriction` apply. From then on
//!    KWOK is its kubelet ([`node`]).
//!
//! Exit codes and the first line of an error are kubeadm's. Left out: everything that happens on the machine itself. A
//! refused certificate ends the join at once, where kubeadm would wait for its time-out.
//!
//! Its files are below `MACHINE_ROOT`, and it asks the instance metadata at `AWS_EC2_METADATA_SERVICE_ENDPOINT` what
//! a kubelet would be told by its flags or by the machine.

mod cluster;
mod configuration;
mod discovery;
mod kubelet;
mod node;
mod pins;
mod root;
mod signature;

use std::io::Write as _;
use std::process::ExitCode;

use configuration::Configuration;
use root::Root;

use crate::metadata;

pub use pins::of as pins;

/// Why there was no join, as kubeadm tells them apart.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The configuration is not one that can work.
    #[error("{0}")]
    Configuration(String),
    /// The machine is not in a state to join.
    #[error("error execution phase preflight: [preflight] Some fatal errors occurred:\n\t{0}")]
    Preflight(String),
    /// A phase of the join failed.
    #[error("error execution phase {phase}: {error:#}")]
    Phase {
        /// kubeadm's name for it.
        phase: &'static str,
        /// What was wrong.
        error: anyhow::Error,
    },
}

impl Failure {
    const fn exit_code(&self) -> u8 {
        match self {
            Self::Phase { .. } => 1,
            Self::Preflight(_) => 2,
            Self::Configuration(_) => 3,
        }
    }

    fn phase(phase: &'static str) -> impl FnOnce(anyhow::Error) -> Self {
        move |error| Self::Phase { phase, error }
    }
}

/// Runs `kubeadm` with these arguments.
pub async fn main(arguments: Vec<String>) -> ExitCode {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["join", "--config", file] => join(file).await,
        ["reset", "--force"] => {
            Root::of_this_machine().and_then(|root| root.clear().map_err(Failure::phase("reset")))
        }
        _ => Err(Failure::Configuration(format!(
            "unknown command: kubeadm {}",
            arguments.join(" ")
        ))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tell(&format!(
                "{failure}\nTo see the stack trace of this error execute with --v=5 or higher"
            ));
            ExitCode::from(failure.exit_code())
        }
    }
}

async fn join(file: &str) -> Result<(), Failure> {
    let root = Root::of_this_machine()?;
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::Configuration(format!("unable to read config from {file:?}: {error}")))?;
    let configuration = Configuration::parse(&text)?;
    tell("[preflight] Running pre-flight checks");
    root.check_vacant()?;
    let facts = metadata::ask_about_this_machine()
        .await
        .map_err(Failure::phase("preflight"))?;
    let name = configuration
        .node_name
        .clone()
        .unwrap_or_else(|| facts.private_dns_name.clone());

    let cluster = discovery::discover(&configuration)
        .await
        .map_err(|error| Failure::Phase {
            phase: "preflight",
            error: error.context("couldn't validate the identity of the API Server"),
        })?;
    let joining = cluster
        .client_with_token(&configuration.token)
        .await
        .map_err(Failure::phase("preflight"))?;
    tell(
        "[preflight] Reading configuration from the \"kubeadm-config\" ConfigMap in namespace \"kube-system\"...",
    );
    cluster::read_configuration(&joining)
        .await
        .map_err(Failure::phase("preflight"))?;
    cluster::check_name_is_free(&joining, &name)
        .await
        .map_err(Failure::phase("kubelet-start"))?;

    tell("[kubelet-start] Waiting for the kubelet to perform the TLS Bootstrap");
    root.occupy(&cluster).map_err(Failure::phase("kubelet-start"))?;
    let limit = configuration.tls_bootstrap;
    let identity = kubelet::bootstrap(&joining, &root, &name, limit)
        .await
        .map_err(Failure::phase("kubelet-wait-bootstrap"))?;
    let kubelet = cluster
        .client_with(&identity)
        .await
        .map_err(Failure::phase("kubelet-wait-bootstrap"))?;
    node::register(&kubelet, &name, &configuration, &facts)
        .await
        .map_err(Failure::phase("kubelet-wait-bootstrap"))?;
    // Written last: who finds it finds a machine that has joined.
    root.write_kubelet_conf(&cluster, &identity)
        .map_err(Failure::phase("kubelet-wait-bootstrap"))?;
    tell("This node has joined the cluster.");
    Ok(())
}

/// A line for whoever reads the machine's log.
fn tell(line: &str) {
    // Nobody may be reading.
    let _ = writeln!(std::io::stderr(), "{line}");
}
