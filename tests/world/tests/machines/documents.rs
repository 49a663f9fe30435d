//! What node-join leaves for a machine, made by hand: a parameter and the Secret of its token.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Api;
use kube::api::PostParams;
use kube::config::Kubeconfig;
use serde_json::{Value, json};
use world::CLUSTER;

use crate::stage::Stage;

/// The group of tokens whose requests nobody but node-join approves.
pub(crate) const OURS: &str = "system:bootstrappers:lamplighter:node";
pub(crate) const KUBEADMS: &str = "system:bootstrappers:kubeadm:default-node-token";

/// What a document can be.
pub(crate) struct Document<'a> {
    pub(crate) token_id: &'a str,
    pub(crate) group: &'a str,
    pub(crate) labels: &'a str,
    pub(crate) pin: Option<&'a str>,
    pub(crate) seconds_left: i64,
}

impl<'a> Document<'a> {
    /// One that is all right, of a token with this id.
    pub(crate) fn new(token_id: &'a str) -> Self {
        Self {
            token_id,
            group: OURS,
            labels: "team=payments",
            pin: None,
            seconds_left: 900,
        }
    }

    /// The secret half of its token.
    pub(crate) fn secret(&self) -> String {
        format!("{}secret1234", self.token_id)
    }

    /// Leaves it for the instance: the parameter, then the Secret. Gives the name of the node.
    pub(crate) async fn issue(&self, stage: &Stage, instance: &str) -> String {
        let node = format!("{instance}.eu-central-1.compute.internal");
        let ends = Timestamp::now() + SignedDuration::from_secs(self.seconds_left);
        let document = json!({
            "version": 1, "cluster": CLUSTER, "instanceId": instance,
            "issuedAt": Timestamp::now().to_string(), "expiresAt": ends.to_string(), "expiresAtEpoch": ends.as_second(),
            "joinConfiguration": self.join_configuration(stage, &node).await,
        });
        let owner = format!(
            "arn:aws:ec2:{}:{}:instance/{instance}",
            base::aws::REGION,
            base::aws::ACCOUNT
        );
        let parameter = json!({
            "Name": parameter(instance), "Value": document.to_string(), "Type": "SecureString", "KeyId": stage.key,
            "Tier": "Standard", "Tags": [{ "Key": "InstanceArn", "Value": owner }],
        });
        stage.ssm("PutParameter", parameter).await.unwrap();
        self.create_secret(stage, ends).await;
        node
    }

    /// What it has for kubeadm, for a node of this name.
    pub(crate) async fn join_configuration(&self, stage: &Stage, node: &str) -> Value {
        let (endpoint, pin) = cluster(stage).await;
        json!({
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "JoinConfiguration",
            "discovery": { "bootstrapToken": {
                "token": format!("{}.{}", self.token_id, self.secret()),
                "apiServerEndpoint": endpoint,
                "caCertHashes": [self.pin.unwrap_or(&pin)],
            }},
            "nodeRegistration": {
                "name": node,
                "taints": [{ "key": "lamplighter.dev/uninitialized", "effect": "NoSchedule" }],
                "kubeletExtraArgs": [{ "name": "node-labels", "value": self.labels }],
            },
            "timeouts": { "discovery": "20s", "tlsBootstrap": "60s" },
        })
    }

    /// Creates the Secret of its token, which ends then.
    pub(crate) async fn create_secret(&self, stage: &Stage, ends: Timestamp) {
        let secret: Secret = serde_json::from_value(json!({
            "metadata": { "name": format!("bootstrap-token-{}", self.token_id) },
            "type": "bootstrap.kubernetes.io/token",
            "stringData": {
                "token-id": self.token_id, "token-secret": self.secret(), "expiration": ends.to_string(),
                "usage-bootstrap-authentication": "true", "usage-bootstrap-signing": "true",
                "auth-extra-groups": self.group,
            },
        }))
        .unwrap();
        let secrets: Api<Secret> = Api::namespaced(stage.world.control_plane().client(), "kube-system");
        secrets.create(&PostParams::default(), &secret).await.unwrap();
    }
}

/// The name of the instance's parameter.
pub(crate) fn parameter(instance: &str) -> String {
    format!("/lamplighter/{CLUSTER}/join/{instance}")
}

/// Where the cluster says that it is, and the pin of its CA.
async fn cluster(stage: &Stage) -> (String, String) {
    let maps: Api<ConfigMap> = Api::namespaced(stage.world.control_plane().client(), "kube-public");
    let info = maps.get("cluster-info").await.unwrap().data.unwrap();
    let kubeconfig = Kubeconfig::from_yaml(&info["kubeconfig"]).unwrap();
    let cluster = kubeconfig.clusters[0].cluster.clone().unwrap();
    let endpoint = cluster.server.unwrap().replace("https://", "");
    let ca = BASE64_STANDARD
        .decode(cluster.certificate_authority_data.unwrap())
        .unwrap();
    let pins = machine::kubeadm::pins(&String::from_utf8(ca).unwrap()).unwrap();
    (endpoint, pins[0].clone())
}
