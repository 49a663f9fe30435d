//! What `infra/rbac/off-hours.yaml` lets whoever is off-hours do to workloads, and what their managed fields tell.

use http::Method;
use kube::Client;
use serde_json::{Value, json};

use crate::access::client;
use crate::fence::identity;
use crate::harness::{Cluster, send, until};

const POLICY: &str = "lamplighter-off-hours";

/// One workload of each kind, in a namespace.
struct Workloads {
    namespace: &'static str,
}

impl Workloads {
    async fn create(cluster: &Cluster, namespace: &'static str) -> Self {
        cluster.namespace(namespace).await;
        let workloads = Self { namespace };
        let pod = json!({ "metadata": {"labels": {"app": "web"}}, "spec": {
            "nodeSelector": {"pool": "none"}, "restartPolicy": "Always", "containers": [{"name": "web", "image": "example/web:1"}],
        } });
        let mut job = pod.clone();
        job["spec"]["restartPolicy"] = json!("Never");
        let selector = json!({"matchLabels": {"app": "web"}});
        for (kind, spec) in [
            (
                "deployments",
                json!({"replicas": 3, "selector": selector, "template": pod}),
            ),
            (
                "statefulsets",
                json!({"replicas": 3, "serviceName": "web", "selector": selector, "template": pod}),
            ),
            (
                "cronjobs",
                json!({"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": job}}}),
            ),
            (
                "horizontalpodautoscalers",
                json!({
                    "minReplicas": 2, "maxReplicas": 9,
                    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "other"},
                }),
            ),
        ] {
            let object = json!({
                "metadata": {"name": "web", "labels": {"team": "shop"}, "annotations": {"team": "shop"}}, "spec": spec,
            });
            let (status, body) = cluster.send(Method::POST, &workloads.all(kind), &object).await;
            assert_eq!(status, 201, "{kind}: {body}");
        }
        workloads
    }

    /// The path of a list.
    fn all(&self, kind: &str) -> String {
        let version = match kind {
            "cronjobs" => "batch/v1",
            "horizontalpodautoscalers" => "autoscaling/v2",
            _ => "apps/v1",
        };
        format!("/apis/{version}/namespaces/{}/{kind}", self.namespace)
    }

    /// The path of a workload.
    fn one(&self, kind: &str) -> String {
        format!("{}/web", self.all(kind))
    }
}

/// Whether it was the policy that said no.
fn fenced((status, body): &(u16, Value)) -> bool {
    *status == 422 && body["message"].as_str().unwrap().contains(POLICY)
}

/// Whoever is off-hours, once the policy is in force: that is a moment after it is there.
async fn off_hours(cluster: &Cluster, workloads: &Workloads) -> Client {
    let off_hours = identity(cluster, "off-hours").await;
    let path = format!("{}?dryRun=All", workloads.one("deployments"));
    let refused = json!({"spec": {"paused": true}});
    until("the policy is in force", || async {
        fenced(&send(&off_hours, Method::PATCH, &path, &refused).await)
    })
    .await;
    off_hours
}

pub(crate) async fn off_hours_changes_sizes_and_its_own_annotations_and_nothing_else(cluster: &Cluster) {
    let workloads = Workloads::create(cluster, "off-hours").await;
    let off_hours = off_hours(cluster, &workloads).await;
    for (kind, mut patch) in [
        ("deployments", json!({"spec": {"replicas": 0}})),
        ("statefulsets", json!({"spec": {"replicas": 0}})),
        ("cronjobs", json!({"spec": {"suspend": true}})),
        ("horizontalpodautoscalers", json!({"spec": {"minReplicas": 1}})),
    ] {
        patch["metadata"] = json!({"annotations": {"lamplighter.dev/saved-size": "3"}});
        let (status, body) = send(&off_hours, Method::PATCH, &workloads.one(kind), &patch).await;
        assert_eq!(status, 200, "{kind}: {body}");
        assert_eq!(body["metadata"]["annotations"]["lamplighter.dev/saved-size"], "3");
        let clear = json!({"metadata": {"annotations": {"lamplighter.dev/saved-size": null}}});
        assert_eq!(
            send(&off_hours, Method::PATCH, &workloads.one(kind), &clear)
                .await
                .0,
            200,
            "{kind}"
        );

        for metadata in [
            json!({"labels": {"team": "mail"}}),
            json!({"labels": {"lamplighter.dev/mine": "yes"}}),
            json!({"labels": null}),
            json!({"annotations": {"team": "mail"}}),
            json!({"annotations": {"team": null}}),
            json!({"annotations": {"not.lamplighter.dev/mine": "yes"}}),
            json!({"annotations": null}),
            json!({"finalizers": ["example.com/never"]}),
            json!({"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "gone"}]}),
        ] {
            let mut patch = patch.clone();
            patch["metadata"] = metadata;
            let answer = send(&off_hours, Method::PATCH, &workloads.one(kind), &patch).await;
            assert!(fenced(&answer), "{kind} {patch}: {answer:?}");
        }
    }
    let containers = json!([{"name": "web", "image": "example/other:1"}]);
    let template = json!({"template": {"spec": {"containers": containers}}});
    for (kind, spec) in [
        ("deployments", template.clone()),
        ("deployments", json!({"replicas": 0, "paused": true})),
        (
            "deployments",
            json!({"template": {"metadata": {"annotations": {"lamplighter.dev/mine": "yes"}}}}),
        ),
        (
            "deployments",
            json!({"strategy": {"type": "Recreate", "rollingUpdate": null}}),
        ),
        ("deployments", json!({"minReadySeconds": 9})),
        ("statefulsets", template.clone()),
        (
            "statefulsets",
            json!({"template": {"spec": {"serviceAccountName": "other"}}}),
        ),
        ("cronjobs", json!({"schedule": "* * * * *"})),
        ("cronjobs", json!({"jobTemplate": {"spec": template}})),
        ("horizontalpodautoscalers", json!({"maxReplicas": 99})),
        (
            "horizontalpodautoscalers",
            json!({"scaleTargetRef": {"name": "web"}}),
        ),
        (
            "horizontalpodautoscalers",
            json!({"behavior": {"scaleDown": {"selectPolicy": "Disabled"}}}),
        ),
    ] {
        let patch = json!({"spec": spec});
        let answer = send(&off_hours, Method::PATCH, &workloads.one(kind), &patch).await;
        assert!(fenced(&answer), "{kind} {patch}: {answer:?}");
    }
    let older = workloads.one("horizontalpodautoscalers").replace("/v2/", "/v1/");
    let answer = send(
        &off_hours,
        Method::PATCH,
        &older,
        &json!({"spec": {"maxReplicas": 99}}),
    )
    .await;
    assert!(fenced(&answer), "{answer:?}");

    let people = json!({"metadata": {"labels": {"team": "mail"}}, "spec": {"paused": true}});
    let (status, body) = cluster
        .send(Method::PATCH, &workloads.one("deployments"), &people)
        .await;
    assert_eq!(status, 200, "only off-hours is fenced: {body}");
}

pub(crate) async fn off_hours_neither_makes_nor_deletes_workloads_whatever_else_it_may(cluster: &Cluster) {
    let workloads = Workloads::create(cluster, "off-hours-else").await;
    let off_hours = off_hours(cluster, &workloads).await;
    let deployment = workloads.one("deployments");
    let replicas = json!({"spec": {"replicas": 0}});
    for (method, path, body) in [
        (Method::DELETE, deployment.clone(), Value::Null),
        (Method::GET, deployment.clone(), Value::Null),
        (Method::PATCH, format!("{deployment}/scale"), replicas.clone()),
        (Method::GET, "/api/v1/secrets".to_owned(), Value::Null),
    ] {
        let (status, body) = send(&off_hours, method, &path, &body).await;
        assert_eq!(status, 403, "{path}: {body}");
    }
    for path in [
        "/api/v1/namespaces",
        "/api/v1/nodes",
        "/api/v1/pods",
        "/apis/apps/v1/statefulsets",
    ] {
        assert_eq!(
            send(&off_hours, Method::GET, path, &Value::Null).await.0,
            200,
            "{path}"
        );
    }

    // Even an administrator is fenced who is in the group.
    let bound = json!({
        "metadata": {"name": "off-hours-administrator"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "off-hours-administrator"}]
    });
    let bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
    assert_eq!(cluster.send(Method::POST, bindings, &bound).await.0, 201);
    let kubeconfig = cluster
        .plane
        .kubeconfig_for("off-hours-administrator", Some("lamplighter:off-hours"))
        .unwrap();
    let administrator = client(&kubeconfig).await;
    until("the binding is known", || async {
        send(&administrator, Method::GET, &deployment, &Value::Null)
            .await
            .0
            == 200
    })
    .await;
    let (_, mut another) = send(&administrator, Method::GET, &deployment, &Value::Null).await;
    another["metadata"] = json!({"name": "another"});
    for (method, path, body) in [
        (Method::POST, workloads.all("deployments"), another.clone()),
        (Method::DELETE, deployment.clone(), Value::Null),
        (Method::DELETE, workloads.all("deployments"), Value::Null),
        (Method::PATCH, format!("{deployment}/scale"), replicas.clone()),
    ] {
        let answer = send(&administrator, method, &path, &body).await;
        assert!(fenced(&answer), "{path}: {answer:?}");
    }
    let system = "/apis/apps/v1/namespaces/kube-system/deployments";
    assert_eq!(cluster.send(Method::POST, system, &another).await.0, 201);
    let answer = send(&off_hours, Method::PATCH, &format!("{system}/another"), &replicas).await;
    assert!(fenced(&answer), "{answer:?}");
    assert_eq!(
        cluster
            .send(Method::DELETE, &format!("{system}/another"), &Value::Null)
            .await
            .0,
        200
    );
}

/// Who owns the number of replicas: manager, subresource, and whether there is a time.
async fn owners(cluster: &Cluster, path: &str) -> Vec<(String, String, bool)> {
    let (_, object) = cluster.send(Method::GET, path, &Value::Null).await;
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    let owning = entries
        .iter()
        .filter(|entry| entry["fieldsV1"]["f:spec"].get("f:replicas").is_some());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    owning
        .map(|entry| {
            (
                text(&entry["manager"]),
                text(&entry["subresource"]),
                entry["time"].is_string(),
            )
        })
        .collect()
}

/// What `shared/kubernetes` reads out of managed fields rests on this.
pub(crate) async fn whoever_changes_a_size_owns_it_alone(cluster: &Cluster) {
    let workloads = Workloads::create(cluster, "managed-fields").await;
    let path = workloads.one("deployments");
    let replicas = |number: u32| json!({"spec": {"replicas": number}});
    let write = async |path: String, body: &Value| {
        let (status, body) = cluster.send(Method::PATCH, &path, body).await;
        assert_eq!(status, 200, "{body}");
    };
    let owner =
        |manager: &str, subresource: &str, has_time| (manager.to_owned(), subresource.to_owned(), has_time);

    write(format!("{path}?fieldManager=lamplighter-off-hours"), &replicas(0)).await;
    let ours = [owner("lamplighter-off-hours", "", true)];
    assert_eq!(owners(cluster, &path).await, ours);
    let annotation = json!({"metadata": {"annotations": {"seen": "yes"}}});
    write(format!("{path}?fieldManager=somebody"), &annotation).await;
    assert_eq!(owners(cluster, &path).await, ours);
    write(format!("{path}?fieldManager=kubectl-patch"), &replicas(0)).await;
    assert_eq!(
        owners(cluster, &path).await,
        ours,
        "who changes nothing owns nothing"
    );
    write(format!("{path}/scale?fieldManager=kubectl"), &replicas(2)).await;
    assert_eq!(owners(cluster, &path).await, [owner("kubectl", "scale", false)]);
    write(format!("{path}?fieldManager=kubectl-edit"), &replicas(4)).await;
    assert_eq!(owners(cluster, &path).await, [owner("kubectl-edit", "", true)]);
}

pub(crate) async fn a_patch_of_a_version_that_is_no_more_is_a_conflict(cluster: &Cluster) {
    let workloads = Workloads::create(cluster, "versions").await;
    for (kind, spec) in [
        ("statefulsets", json!({"replicas": 0})),
        ("cronjobs", json!({"suspend": true})),
        ("horizontalpodautoscalers", json!({"minReplicas": 1})),
    ] {
        let path = workloads.one(kind);
        let (_, seen) = cluster.send(Method::GET, &path, &Value::Null).await;
        let patch =
            json!({"metadata": {"resourceVersion": seen["metadata"]["resourceVersion"]}, "spec": spec});
        let touched = json!({"metadata": {"annotations": {"seen": "yes"}}});
        assert_eq!(cluster.send(Method::PATCH, &path, &touched).await.0, 200);
        let (status, body) = cluster.send(Method::PATCH, &path, &patch).await;
        assert_eq!(status, 409, "{kind}: {body}");
    }
}
