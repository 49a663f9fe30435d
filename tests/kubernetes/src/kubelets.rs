//! The machines of the world, as the cluster sees them: an instance that launched joins as a Node of KWOK, and one that
//! terminated is gone with everything that ran on it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use futures::{TryStreamExt, stream};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, NodeAddress, NodeSpec, NodeStatus, Pod};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::api::{DeleteParams, ListParams, ObjectMeta, PostParams, Preconditions};
use kube::{Api, Client, ResourceExt};

/// How many pods of a dead machine are removed at once.
const REMOVALS: usize = 16;

/// What a machine has, whatever its instance type says, and what it leaves to pods.
const CAPACITY: [(&str, &str); 4] = [
    ("cpu", "4"),
    ("memory", "16Gi"),
    ("ephemeral-storage", "100Gi"),
    ("pods", "110"),
];
const ALLOCATABLE: [(&str, &str); 4] = [
    ("cpu", "3920m"),
    ("memory", "15Gi"),
    ("ephemeral-storage", "90Gi"),
    ("pods", "110"),
];

/// An instance that is to be a node.
#[derive(Debug, Clone)]
pub struct Machine {
    /// `i-…`.
    pub instance_id: String,
    /// The node's name, as with the cloud provider of AWS: `ip-10-0-1-7.eu-central-1.compute.internal`.
    pub private_dns_name: String,
    /// The node's internal address.
    pub private_ip: String,
    /// `eu-central-1a`.
    pub availability_zone: String,
    /// `eu-central-1`.
    pub region: String,
    /// `m7g.large`; only a label.
    pub instance_type: String,
    /// Further labels of the Node.
    pub labels: BTreeMap<String, String>,
}

/// Lets machines join and leave a cluster.
#[derive(Clone)]
pub struct Kubelets {
    client: Client,
}

impl Kubelets {
    /// For the cluster of an administrator's client.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// Creates the machine's Node, as its kubelet does; it is ready shortly after. Joining twice is joining
    /// once.
    pub async fn join(&self, machine: &Machine) -> Result<()> {
        match self.nodes().create(&PostParams::default(), &machine.node()).await {
            Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
            created => created
                .map(drop)
                .with_context(|| format!("node {} can't join", machine.private_dns_name)),
        }
    }

    /// The machine is switched off. Its Node goes, as the cloud controller manager would remove it, and then its
    /// pods at once, as the garbage collector would remove them within a minute: nothing runs any more that
    /// could stop by itself. A machine that never joined, or has left, is no error.
    pub async fn leave(&self, instance_id: &str) -> Result<()> {
        let nodes = self.nodes().list(&ListParams::default()).await?;
        let Some(node) = nodes.into_iter().find(|node| is_machine(node, instance_id)) else {
            return Ok(());
        };
        let name = node.name_any();
        let uid = DeleteParams {
            preconditions: Some(Preconditions {
                uid: node.uid(),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        gone(self.nodes().delete(&name, &uid).await).with_context(|| format!("removing node {name}"))?;
        let leases: Api<Lease> = Api::namespaced(self.client.clone(), "kube-node-lease");
        gone(leases.delete(&name, &DeleteParams::default()).await)?;
        self.remove_pods(&name).await
    }

    async fn remove_pods(&self, node: &str) -> Result<()> {
        let everywhere: Api<Pod> = Api::all(self.client.clone());
        let on_node = ListParams::default().fields(&format!("spec.nodeName={node}"));
        let pods = everywhere.list(&on_node).await?;
        stream::iter(pods.items.into_iter().map(Ok))
            .try_for_each_concurrent(REMOVALS, |pod| self.remove_pod(pod))
            .await
    }

    async fn remove_pod(&self, pod: Pod) -> Result<()> {
        let namespace = pod.namespace().unwrap_or_default();
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &namespace);
        let at_once = DeleteParams {
            grace_period_seconds: Some(0),
            preconditions: Some(Preconditions {
                uid: pod.uid(),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        gone(pods.delete(&pod.name_any(), &at_once).await)
            .with_context(|| format!("removing pod {namespace}/{}", pod.name_any()))
    }

    fn nodes(&self) -> Api<Node> {
        Api::all(self.client.clone())
    }
}

/// A deletion of what is not there any more, or of something else by the same name, has nothing left to do.
fn gone<T>(deleted: Result<T, kube::Error>) -> Result<(), kube::Error> {
    match deleted {
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(()),
        other => other.map(drop),
    }
}

fn is_machine(node: &Node, instance_id: &str) -> bool {
    let provider_id = node.spec.as_ref().and_then(|spec| spec.provider_id.as_deref());
    provider_id.and_then(|id| id.rsplit('/').next()) == Some(instance_id)
}

impl Machine {
    /// The Node as the machine's own kubelet registers it, by this name; KWOK is that kubelet from then on.
    pub fn registration(&self, name: &str) -> Node {
        let mut labels = self.labels.clone();
        for (key, value) in [
            ("kubernetes.io/arch", "arm64"),
            ("kubernetes.io/os", "linux"),
            ("kubernetes.io/hostname", &self.private_dns_name),
        ] {
            labels.insert(key.to_owned(), value.to_owned());
        }
        let address = |kind: &str, address: &str| NodeAddress {
            type_: kind.to_owned(),
            address: address.to_owned(),
        };
        Node {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                labels: Some(labels),
                annotations: Some(BTreeMap::from([(
                    "kwok.x-k8s.io/node".to_owned(),
                    "fake".to_owned(),
                )])),
                ..ObjectMeta::default()
            },
            spec: Some(NodeSpec {
                provider_id: Some(format!("aws:///{}/{}", self.availability_zone, self.instance_id)),
                ..NodeSpec::default()
            }),
            status: Some(NodeStatus {
                capacity: Some(quantities(CAPACITY)),
                allocatable: Some(quantities(ALLOCATABLE)),
                addresses: Some(vec![
                    address("InternalIP", &self.private_ip),
                    address("InternalDNS", &self.private_dns_name),
                    address("Hostname", &self.private_dns_name),
                ]),
                ..NodeStatus::default()
            }),
        }
    }

    /// The Node after the cloud provider has been there as well.
    fn node(&self) -> Node {
        let mut node = self.registration(&self.private_dns_name);
        let labels = node.metadata.labels.get_or_insert_default();
        for (key, value) in [
            ("node.kubernetes.io/instance-type", &self.instance_type),
            ("topology.kubernetes.io/region", &self.region),
            ("topology.kubernetes.io/zone", &self.availability_zone),
        ] {
            labels.insert(key.to_owned(), value.clone());
        }
        node
    }
}

fn quantities(of: [(&str, &str); 4]) -> BTreeMap<String, Quantity> {
    of.into_iter()
        .map(|(name, amount)| (name.to_owned(), Quantity(amount.to_owned())))
        .collect()
}
