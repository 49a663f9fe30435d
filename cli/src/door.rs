//! The way into the cluster for a person.

use access::{Connect, Gate, Way};
use aws_config::SdkConfig;
use domain::ids::ClusterName;
use jiff::Timestamp;
use kubernetes::Cluster;

use crate::args::{self, Shared};

/// The way in.
pub(crate) enum Door {
    /// That of the functions in an EKS cluster.
    Eks(Box<Gate>),
    /// A kubeconfig, read when somebody goes in.
    Kubeconfig {
        /// The file, if named.
        file: Option<std::path::PathBuf>,
        /// The context, if named.
        context: Option<String>,
    },
}

impl Door {
    /// As the command line says; nothing is called yet.
    pub(crate) fn new(shared: &Shared, sdk: &SdkConfig, cluster: &ClusterName) -> Self {
        match shared.access {
            args::Access::Eks => Self::Eks(Box::new(Gate::new(sdk, Way::Eks, cluster.clone()))),
            args::Access::Kubeconfig => Self::Kubeconfig {
                file: shared.kubeconfig.clone(),
                context: shared.context.clone(),
            },
        }
    }
}

impl Connect for Door {
    type Cluster = Cluster;

    async fn connect(&self, now: Timestamp) -> Result<Cluster, access::Error> {
        match self {
            Self::Eks(gate) => gate.connect(now).await,
            Self::Kubeconfig { file, context } => {
                Ok(Cluster::of_person(file.as_deref(), context.as_deref()).await?)
            }
        }
    }

    async fn forget(&self) {
        match self {
            Self::Eks(gate) => gate.forget().await,
            Self::Kubeconfig { .. } => {}
        }
    }
}
