//! What `infra/rbac/image-deploy.yaml` lets whoever is image-deploy do to workloads.

use http::{Method, Request};
use kube::Client;
use serde_json::{Value, json};

use crate::access::client;
use crate::fence::identity;
use crate::harness::{Cluster, body_of, send, until};

const POLICY: &str = "lamplighter-image-deploy";
const KINDS: [&str; 4] = ["deployments", "statefulsets", "daemonsets", "cronjobs"];
const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A repository of a host with a port.
const WEB: &str = "registry.example.org:5000/shop/web";

/// One workload of each kind, in a namespace, and whoever is image-deploy.
struct Workloads {
    namespace: &'static str,
    image_deploy: Client,
}

/// A pod of three containers, of which one is for the beginning.
fn pod() -> Value {
    json!({ "metadata": { "labels": { "app": "web" } }, "spec": {
        "nodeSelector": { "pool": "none" },
        "restartPolicy": "Always",
        "volumes": [{ "name": "data", "emptyDir": {} }],
        "initContainers": [{ "name": "migrate", "image": format!("{WEB}:1") }],
        "containers": [
            {
                "name": "app", "image": format!("{WEB}:1"), "command": ["serve"], "env": [{ "name": "LEVEL", "value": "info" }],
                "volumeMounts": [{ "name": "data", "mountPath": "/data" }], "resources": { "requests": { "cpu": "1m" } },
            },
            { "name": "log", "image": "log" },
        ],
    } })
}

/// The specification of a workload with such pods.
fn spec_of(kind: &str, mut pod: Value) -> Value {
    let selector = json!({ "matchLabels": { "app": "web" } });
    match kind {
        "deployments" => json!({ "replicas": 1, "selector": selector, "template": pod }),
        "statefulsets" => {
            json!({ "replicas": 1, "serviceName": "web", "selector": selector, "template": pod })
        }
        "daemonsets" => json!({ "selector": selector, "template": pod }),
        _ => {
            pod["spec"]["restartPolicy"] = json!("Never");
            json!({ "schedule": "0 0 1 1 *", "jobTemplate": { "spec": { "template": pod } } })
        }
    }
}

/// A patch of the pod template.
fn of_template(kind: &str, template: &Value) -> Value {
    let spec = json!({ "template": template });
    match kind {
        "cronjobs" => json!({ "spec": { "jobTemplate": { "spec": spec } } }),
        _ => json!({ "spec": spec }),
    }
}

/// A patch of the pod's specification.
fn of_pod(kind: &str, spec: &Value) -> Value {
    of_template(kind, &json!({ "spec": spec }))
}

/// A patch of one container.
fn of_app(kind: &str, field: &str, value: &Value) -> Value {
    of_pod(kind, &json!({ "containers": [{ "name": "app", field: value }] }))
}

/// Whether it was the policy that said no, and that by a rule and not because the rule could not be computed.
fn fenced((status, body): &(u16, Value)) -> bool {
    let message = body["message"].as_str().unwrap_or_default();
    *status == 422 && message.contains(POLICY) && message.contains("denied request: image-deploy ")
}

impl Workloads {
    /// They are there, and the policy is in force: that is a moment after it is there.
    async fn create(cluster: &Cluster, namespace: &'static str) -> Self {
        cluster.namespace(namespace).await;
        let image_deploy = identity(cluster, "image-deploy").await;
        let workloads = Self {
            namespace,
            image_deploy,
        };
        for kind in KINDS {
            let object = json!({
                "metadata": { "name": "web", "labels": { "team": "shop" }, "annotations": { "team": "shop" } },
                "spec": spec_of(kind, pod()),
            });
            let (status, body) = cluster.send(Method::POST, &workloads.all(kind), &object).await;
            assert_eq!(status, 201, "{kind}: {body}");
        }
        let path = format!("{}?dryRun=All", workloads.one("deployments"));
        let refused = json!({ "spec": { "paused": true } });
        until("the policy is in force", || async {
            fenced(&send(&workloads.image_deploy, Method::PATCH, &path, &refused).await)
        })
        .await;
        workloads
    }

    /// The path of a list.
    fn all(&self, kind: &str) -> String {
        let group = if kind == "cronjobs" { "batch" } else { "apps" };
        format!("/apis/{group}/v1/namespaces/{}/{kind}", self.namespace)
    }

    /// The path of a workload.
    fn one(&self, kind: &str) -> String {
        format!("{}/web", self.all(kind))
    }

    /// Applies a patch as image-deploy does.
    async fn patch(&self, kind: &str, patch: &Value) -> (u16, Value) {
        let request = Request::builder()
            .method(Method::PATCH)
            .uri(format!(
                "{}?fieldManager=lamplighter-image-deploy",
                self.one(kind)
            ))
            .header("content-type", "application/strategic-merge-patch+json")
            .body(serde_json::to_vec(patch).unwrap().into())
            .unwrap();
        let response = self.image_deploy.send(request).await.unwrap();
        (response.status().as_u16(), body_of(response).await)
    }

    async fn allows(&self, kind: &str, patch: &Value) -> Value {
        let (status, body) = self.patch(kind, patch).await;
        assert_eq!(status, 200, "{kind} {patch}: {body}");
        body
    }

    async fn refuses(&self, kind: &str, patch: &Value) {
        let answer = self.patch(kind, patch).await;
        assert!(fenced(&answer), "{kind} {patch}: {answer:?}");
    }
}

pub(crate) async fn image_deploy_changes_images_and_its_own_annotations(cluster: &Cluster) {
    let workloads = Workloads::create(cluster, "image-deploy").await;
    for kind in KINDS {
        let tag = |tag: &str| format!("{WEB}:{tag}");
        for image in [
            tag("2"),
            tag(&format!("3@{DIGEST}")),
            format!("{WEB}@{DIGEST}"),
            WEB.to_owned(),
            tag("1"),
        ] {
            let images = json!({
                "containers": [{ "name": "app", "image": image }], "initContainers": [{ "name": "migrate", "image": image }],
            });
            let mut patch = of_pod(kind, &images);
            let said = json!({ "lamplighter.dev/image-status": image, "kubernetes.io/change-cause": "it was pushed" });
            patch["metadata"] = json!({ "annotations": said });
            let found = workloads.allows(kind, &patch).await;
            let pod = match kind {
                "cronjobs" => &found["spec"]["jobTemplate"]["spec"]["template"]["spec"],
                _ => &found["spec"]["template"]["spec"],
            };
            assert_eq!(pod["containers"][0]["image"], image.as_str(), "{kind}");
            assert_eq!(pod["initContainers"][0]["image"], image.as_str(), "{kind}");
            assert_eq!(pod["containers"][1]["image"], "log", "{kind}");
        }
        let log = json!({ "containers": [{ "name": "log", "image": "log:2" }] });
        workloads.allows(kind, &of_pod(kind, &log)).await;
        let clear = json!({ "lamplighter.dev/image-status": null, "kubernetes.io/change-cause": null });
        workloads
            .allows(kind, &json!({ "metadata": { "annotations": clear } }))
            .await;
        let of_no_version = json!({ "metadata": { "resourceVersion": "1", "annotations": clear } });
        assert_eq!(workloads.patch(kind, &of_no_version).await.0, 409, "{kind}");
    }

    let people = json!({ "metadata": { "labels": { "team": "mail" } }, "spec": { "paused": true } });
    let (status, body) = cluster
        .send(Method::PATCH, &workloads.one("deployments"), &people)
        .await;
    assert_eq!(status, 200, "only image-deploy is fenced: {body}");
}

pub(crate) async fn image_deploy_deploys_from_no_other_repository(cluster: &Cluster) {
    let workloads = Workloads::create(cluster, "image-deploy-repositories").await;
    for kind in KINDS {
        for (list, container, image) in [
            ("containers", "app", "registry.example.org:5000/shop/other:1"),
            ("containers", "app", "registry.example.org:5000/shop/webs:1"),
            ("containers", "app", "registry.example.org:5000/shop/web/more:1"),
            ("containers", "app", "registry.example.org:5000/shop"),
            ("containers", "app", "registry.example.org:5001/shop/web:1"),
            ("containers", "app", "registry.example.org/shop/web:1"),
            (
                "containers",
                "app",
                "example.org/registry.example.org:5000/shop/web:1",
            ),
            ("containers", "app", "shop/web:1"),
            ("containers", "app", "log"),
            // With a colon that is a port's, and an at sign before a place.
            ("containers", "log", "log:5000/evil:1"),
            ("containers", "log", "log:5000/log"),
            ("containers", "log", "log/evil"),
            ("containers", "log", "evil/log"),
            ("containers", "log", "evil@log"),
            (
                "initContainers",
                "migrate",
                "registry.example.org:5000/shop/other:1",
            ),
            ("initContainers", "migrate", "log"),
        ] {
            let images = json!({ list: [{ "name": container, "image": image }] });
            workloads.refuses(kind, &of_pod(kind, &images)).await;
        }
        let good_and_bad = json!({ "containers": [
            { "name": "app", "image": format!("{WEB}:2") }, { "name": "log", "image": "evil" },
        ] });
        workloads.refuses(kind, &of_pod(kind, &good_and_bad)).await;
    }
}

pub(crate) async fn image_deploy_changes_nothing_else_of_pods(cluster: &Cluster) {
    let workloads = Workloads::create(cluster, "image-deploy-pods").await;
    for kind in KINDS {
        for (field, value) in [
            ("command", json!(["sh"])),
            ("command", json!(null)),
            ("args", json!(["-v"])),
            ("workingDir", json!("/")),
            ("env", json!([{ "name": "LEVEL", "value": "debug" }])),
            ("env", json!([{ "name": "MORE", "value": "1" }])),
            ("envFrom", json!([{ "secretRef": { "name": "keys" } }])),
            ("ports", json!([{ "containerPort": 80 }])),
            ("volumeMounts", json!([{ "name": "data", "mountPath": "/etc" }])),
            ("volumeMounts", json!(null)),
            ("securityContext", json!({ "privileged": true })),
            ("resources", json!({ "requests": { "cpu": "2m" } })),
            ("resources", json!({ "limits": { "cpu": "1" } })),
            ("livenessProbe", json!({ "exec": { "command": ["sh"] } })),
            (
                "lifecycle",
                json!({ "preStop": { "exec": { "command": ["sh"] } } }),
            ),
            ("imagePullPolicy", json!("Always")),
            ("terminationMessagePath", json!("/etc/passwd")),
            ("tty", json!(true)),
        ] {
            workloads.refuses(kind, &of_app(kind, field, &value)).await;
        }
        for spec in [
            json!({ "containers": [{ "name": "more", "image": "log" }] }),
            json!({ "initContainers": [{ "name": "more", "image": format!("{WEB}:1") }] }),
            json!({ "initContainers": [{ "name": "migrate", "restartPolicy": "Always" }] }),
            json!({ "initContainers": [{ "name": "migrate", "command": ["sh"] }] }),
            json!({ "containers": [{ "name": "log", "$patch": "delete" }] }),
            json!({ "initContainers": null }),
            json!({ "$setElementOrder/containers": [{ "name": "log" }, { "name": "app" }], "containers": [{ "name": "app" }] }),
            json!({ "serviceAccountName": "other" }),
            json!({ "automountServiceAccountToken": false }),
            json!({ "volumes": [{ "name": "host", "hostPath": { "path": "/" } }] }),
            json!({ "hostNetwork": true }),
            json!({ "hostPID": true }),
            json!({ "hostIPC": true }),
            json!({ "nodeSelector": { "pool": "blue" } }),
            json!({ "nodeSelector": null }),
            json!({ "tolerations": [{ "operator": "Exists" }] }),
            json!({ "securityContext": { "runAsUser": 0 } }),
            json!({ "imagePullSecrets": [{ "name": "other" }] }),
            json!({ "priorityClassName": "system-node-critical" }),
            json!({ "terminationGracePeriodSeconds": 3600 }),
            json!({ "shareProcessNamespace": true }),
        ] {
            workloads.refuses(kind, &of_pod(kind, &spec)).await;
        }
        for metadata in [
            json!({ "annotations": { "lamplighter.dev/mine": "yes" } }),
            json!({ "labels": { "team": "mail" } }),
        ] {
            let patch = of_template(kind, &json!({ "metadata": metadata }));
            workloads.refuses(kind, &patch).await;
        }
        // A container that moves from one list to the other is neither added nor removed.
        let mut moved = pod()["spec"]["containers"].clone();
        let containers = moved.as_array_mut().unwrap();
        containers.push(pod()["spec"]["initContainers"][0].clone());
        let patch = of_pod(kind, &json!({ "containers": moved, "initContainers": null }));
        let path = workloads.one(kind);
        let answer = send(&workloads.image_deploy, Method::PATCH, &path, &patch).await;
        assert!(fenced(&answer), "{kind}: {answer:?}");
    }
}

pub(crate) async fn image_deploy_changes_nothing_else_of_workloads(cluster: &Cluster) {
    let workloads = Workloads::create(cluster, "image-deploy-workloads").await;
    for kind in KINDS {
        for metadata in [
            json!({ "labels": { "team": "mail" } }),
            json!({ "labels": { "lamplighter.dev/mine": "yes" } }),
            json!({ "labels": null }),
            json!({ "annotations": { "team": "mail" } }),
            json!({ "annotations": { "team": null } }),
            json!({ "annotations": { "not.lamplighter.dev/mine": "yes" } }),
            json!({ "annotations": { "kubernetes.io/change-causes": "yes" } }),
            json!({ "finalizers": ["example.com/never"] }),
            json!({ "ownerReferences": [{ "apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "gone" }] }),
        ] {
            workloads.refuses(kind, &json!({ "metadata": metadata })).await;
        }
    }
    for (kind, spec) in [
        ("deployments", json!({ "replicas": 0 })),
        ("deployments", json!({ "paused": true })),
        (
            "deployments",
            json!({ "strategy": { "type": "Recreate", "rollingUpdate": null } }),
        ),
        ("deployments", json!({ "progressDeadlineSeconds": 9 })),
        ("statefulsets", json!({ "replicas": 0 })),
        (
            "statefulsets",
            json!({ "updateStrategy": { "rollingUpdate": { "partition": 1 } } }),
        ),
        ("statefulsets", json!({ "minReadySeconds": 9 })),
        (
            "daemonsets",
            json!({ "updateStrategy": { "type": "OnDelete", "rollingUpdate": null } }),
        ),
        ("daemonsets", json!({ "minReadySeconds": 9 })),
        ("cronjobs", json!({ "schedule": "* * * * *" })),
        ("cronjobs", json!({ "suspend": true })),
        (
            "cronjobs",
            json!({ "jobTemplate": { "metadata": { "labels": { "team": "mail" } } } }),
        ),
        (
            "cronjobs",
            json!({ "jobTemplate": { "spec": { "parallelism": 9 } } }),
        ),
    ] {
        workloads.refuses(kind, &json!({ "spec": spec })).await;
    }
    // The API server counts the pod templates of DaemonSets itself, and only of these.
    let count = |value: &str| json!({ "metadata": { "annotations": { "deprecated.daemonset.template.generation": value } } });
    let counted = workloads.allows("daemonsets", &count("99")).await;
    let annotations = &counted["metadata"]["annotations"];
    assert_eq!(annotations["deprecated.daemonset.template.generation"], "1");
    workloads.refuses("deployments", &count("99")).await;
}

pub(crate) async fn image_deploy_neither_makes_nor_deletes_workloads_whatever_else_it_may(cluster: &Cluster) {
    let workloads = Workloads::create(cluster, "image-deploy-else").await;
    let image_deploy = &workloads.image_deploy;
    let deployment = workloads.one("deployments");
    let replicas = json!({ "spec": { "replicas": 0 } });
    for (method, path, body) in [
        (Method::DELETE, deployment.clone(), Value::Null),
        (Method::PATCH, format!("{deployment}/scale"), replicas.clone()),
        (Method::GET, "/api/v1/secrets".to_owned(), Value::Null),
        (Method::GET, "/api/v1/namespaces".to_owned(), Value::Null),
    ] {
        let (status, body) = send(image_deploy, method, &path, &body).await;
        assert_eq!(status, 403, "{path}: {body}");
    }
    let everywhere = [
        "/api/v1/nodes",
        "/api/v1/pods",
        "/apis/apps/v1/replicasets",
        "/apis/apps/v1/deployments",
        "/apis/apps/v1/statefulsets",
        "/apis/apps/v1/daemonsets",
        "/apis/batch/v1/cronjobs",
    ];
    let each = KINDS.map(|kind| workloads.one(kind));
    for path in everywhere.map(str::to_owned).into_iter().chain(each) {
        let (status, body) = send(image_deploy, Method::GET, &path, &Value::Null).await;
        assert_eq!(status, 200, "{path}: {body}");
    }

    // Even an administrator is fenced who is in the group.
    let bound = json!({
        "metadata": { "name": "image-deploy-administrator" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "image-deploy-administrator" }]
    });
    let bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
    assert_eq!(cluster.send(Method::POST, bindings, &bound).await.0, 201);
    let kubeconfig = cluster
        .plane
        .kubeconfig_for("image-deploy-administrator", Some("lamplighter:image-deploy"))
        .unwrap();
    let administrator = client(&kubeconfig).await;
    until("the binding is known", || async {
        let secrets = "/api/v1/secrets";
        send(&administrator, Method::GET, secrets, &Value::Null).await.0 == 200
    })
    .await;
    for kind in KINDS {
        let another = json!({ "metadata": { "name": "another" }, "spec": spec_of(kind, pod()) });
        for (method, path, body) in [
            (Method::POST, workloads.all(kind), another),
            (Method::DELETE, workloads.one(kind), Value::Null),
            (Method::DELETE, workloads.all(kind), Value::Null),
        ] {
            let answer = send(&administrator, method, &path, &body).await;
            assert!(fenced(&answer), "{path}: {answer:?}");
        }
    }
    let scale = format!("{deployment}/scale");
    let answer = send(&administrator, Method::PATCH, &scale, &replicas).await;
    assert!(fenced(&answer), "{answer:?}");
}

/// The rules are computed over lists in lists: that must stay within what the API server lets an expression cost, or an
/// image could not be deployed there at all.
pub(crate) async fn the_largest_pods_are_within_the_budget_of_the_fence(cluster: &Cluster) {
    let workloads = Workloads::create(cluster, "image-deploy-large").await;
    let variables: Vec<Value> = (0..100)
        .map(|number| json!({ "name": format!("VARIABLE_{number}"), "value": "v".repeat(100) }))
        .collect();
    let container = |name: String| json!({ "name": name, "image": format!("{WEB}:1"), "env": variables, "command": ["serve"] });
    let mut large = pod();
    let main: Vec<Value> = (0..30).map(|number| container(format!("app-{number}"))).collect();
    let init: Vec<Value> = (0..10)
        .map(|number| container(format!("init-{number}")))
        .collect();
    large["spec"]["containers"] = json!(main);
    large["spec"]["initContainers"] = json!(init);
    for kind in KINDS {
        let path = workloads.one(kind);
        assert_eq!(
            cluster.send(Method::DELETE, &path, &Value::Null).await.0,
            200,
            "{kind}"
        );
        let object = json!({ "metadata": { "name": "web" }, "spec": spec_of(kind, large.clone()) });
        until("the large one takes the place of the small", || async {
            cluster.send(Method::POST, &workloads.all(kind), &object).await.0 == 201
        })
        .await;
        let images: Vec<Value> = (0..30)
            .map(|number| json!({ "name": format!("app-{number}"), "image": format!("{WEB}:2@{DIGEST}") }))
            .collect();
        let patch = of_pod(kind, &json!({ "containers": images }));
        workloads.allows(kind, &patch).await;
        let last = json!({ "containers": [{ "name": "app-29", "image": "evil" }] });
        workloads.refuses(kind, &of_pod(kind, &last)).await;
    }
}
