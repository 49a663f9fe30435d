//! One control plane for all tests of this file, with three machines in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::Ports;
use control_plane::webhook::{AccessEntry, Caller, Eks, PresignedUrl, Refusal};
use control_plane::{ControlPlane, Kubelets, Machine, Settings, binary};
use futures::future::BoxFuture;
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::PostParams;
use kube::client::Body;
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

/// Everything here takes a second or two; a machine that compiles at the same time is slower.
const LIMIT: Duration = Duration::from_mins(1);

pub(crate) struct Cluster {
    pub(crate) plane: ControlPlane,
    pub(crate) client: Client,
    pub(crate) kubelets: Kubelets,
    pub(crate) program: PathBuf,
    pub(crate) dir: PathBuf,
}

impl Cluster {
    pub(crate) async fn start() -> Self {
        let program = binary::build(Path::new("go"), &mut |line| eprintln!("{line}"))
            .await
            .unwrap();
        let started = Instant::now();
        let (plane, dir) = start_plane(program.clone()).await;
        eprintln!("control plane ready after {:?}", started.elapsed());
        let client = plane.client();
        let kubelets = Kubelets::new(client.clone());
        let cluster = Self {
            plane,
            client,
            kubelets,
            program,
            dir,
        };
        for number in 1..=3 {
            cluster.join(number).await;
        }
        cluster
    }

    pub(crate) async fn stop(self) {
        self.plane.stop().await;
        std::fs::remove_dir_all(&self.dir).unwrap();
    }

    /// Lets a machine join and waits until its node is ready; gives the node's name.
    pub(crate) async fn join(&self, number: u8) -> String {
        let machine = machine(number);
        self.kubelets.join(&machine).await.unwrap();
        let nodes: Api<Node> = Api::all(self.client.clone());
        let name = machine.private_dns_name;
        until("the node is ready", || async {
            is_ready(&nodes.get(&name).await.unwrap())
        })
        .await;
        name
    }

    /// Pods of a namespace of the test's own.
    pub(crate) async fn namespace(&self, name: &str) -> Api<Pod> {
        let (status, body) = self
            .send(
                Method::POST,
                "/api/v1/namespaces",
                &json!({"metadata": {"name": name}}),
            )
            .await;
        assert_eq!(status, 201, "{body}");
        let account = format!("/api/v1/namespaces/{name}/serviceaccounts/default");
        until("the namespace has its service account", || async {
            self.send(Method::GET, &account, &Value::Null).await.0 == 200
        })
        .await;
        Api::namespaced(self.client.clone(), name)
    }

    /// Creates a pod and waits until it is ready.
    pub(crate) async fn ready_pod(&self, pods: &Api<Pod>, manifest: Value) -> Pod {
        let name = pods
            .create(&PostParams::default(), &pod(manifest))
            .await
            .unwrap()
            .name_any();
        until("the pod is ready", || async {
            pod_is_ready(&pods.get(&name).await.unwrap())
        })
        .await;
        pods.get(&name).await.unwrap()
    }

    /// Sends a request and gives status and body of the answer as they came.
    pub(crate) async fn send(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        send(&self.client, method, path, body).await
    }
}

pub(crate) async fn send(client: &Client, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let response = response(client, method, path, body).await;
    let status = response.status().as_u16();
    (status, body_of(response).await)
}

pub(crate) async fn response(client: &Client, method: Method, path: &str, body: &Value) -> Response<Body> {
    let bytes = if body.is_null() {
        Vec::new()
    } else {
        serde_json::to_vec(body).unwrap()
    };
    let content_type = if method == Method::PATCH {
        "application/merge-patch+json"
    } else {
        "application/json"
    };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", content_type)
        .body(bytes.into())
        .unwrap();
    client.send(request).await.unwrap()
}

pub(crate) async fn body_of(response: Response<Body>) -> Value {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap()
}

/// Starts a control plane in a directory of its own.
pub(crate) async fn start_plane(program: PathBuf) -> (ControlPlane, PathBuf) {
    let ports = free_ports();
    let dir = std::env::temp_dir().join(format!("lamplighter-cluster-{}", ports.base()));
    let settings = Settings {
        ports,
        dir: dir.clone(),
        log_dir: dir.join("logs"),
        binary: program,
        cluster: "world".to_owned(),
        eks: Arc::new(OneRole),
    };
    (ControlPlane::start(settings).await.unwrap(), dir)
}

/// Another run of these tests may be under way.
fn free_ports() -> Ports {
    let bases = (15_200..15_400).step_by(usize::from(base::ports::SPAN));
    bases
        .map(Ports::new)
        .find(|ports| ports.taken().is_empty())
        .unwrap()
}

/// A machine of the pool `blue`, on which the pods of all tests run, or with 9 one of the pool `green`, which goes away
/// with what is on it.
pub(crate) fn machine(number: u8) -> Machine {
    let pool = if number == 9 { "green" } else { "blue" };
    Machine {
        instance_id: format!("i-{number:017x}"),
        private_dns_name: format!("ip-10-0-0-{number}.eu-central-1.compute.internal"),
        private_ip: format!("10.0.0.{number}"),
        availability_zone: "eu-central-1a".to_owned(),
        region: "eu-central-1".to_owned(),
        instance_type: "m7g.large".to_owned(),
        labels: BTreeMap::from([("pool".to_owned(), pool.to_owned())]),
    }
}

/// A pod with one container; `manifest` has its name and whatever else matters.
pub(crate) fn pod(manifest: Value) -> Pod {
    let mut pod: Pod = serde_json::from_value(manifest).unwrap();
    let spec = pod.spec.get_or_insert_default();
    spec.containers = serde_json::from_value(json!([{"name": "app", "image": "example/app:1"}])).unwrap();
    let blue = || BTreeMap::from([("pool".to_owned(), "blue".to_owned())]);
    spec.node_selector.get_or_insert_with(blue);
    pod
}

pub(crate) fn pod_is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

fn is_ready(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    let ready = conditions
        .into_iter()
        .flatten()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True");
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_ref());
    ready && taints.is_none_or(Vec::is_empty)
}

/// Asks every 20 ms until the answer is yes.
pub(crate) async fn until<R: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> R) {
    let started = Instant::now();
    while !ask().await {
        assert!(started.elapsed() < LIMIT, "not so after {LIMIT:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// STS and EKS that know one role.
struct OneRole;

pub(crate) const ROLE_GROUP: &str = "lamplighter:node-drain";

impl Eks for OneRole {
    fn caller<'a>(&'a self, _: &'a PresignedUrl, _: &'a str) -> BoxFuture<'a, Result<Caller, Refusal>> {
        Box::pin(async {
            Ok(Caller {
                arn: "arn:aws:sts::111122223333:assumed-role/node-drain/session".to_owned(),
                user_id: "AROAEXAMPLE:session".to_owned(),
                account: "111122223333".to_owned(),
            })
        })
    }

    fn principals<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<String>, Refusal>> {
        Box::pin(async { Ok(vec!["arn:aws:iam::111122223333:role/node-drain".to_owned()]) })
    }

    fn access_entry<'a>(
        &'a self,
        _: &'a str,
        principal: &'a str,
    ) -> BoxFuture<'a, Result<AccessEntry, Refusal>> {
        Box::pin(async {
            Ok(AccessEntry {
                principal_arn: principal.to_owned(),
                kubernetes_groups: vec![ROLE_GROUP.to_owned()],
                username: String::new(),
                kind: "STANDARD".to_owned(),
            })
        })
    }
}
