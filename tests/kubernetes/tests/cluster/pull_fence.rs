//! What `infra/rbac/pull-secret.yaml` and the manifests of a namespace let whoever is pull-secret do.

use http::Method;
use kube::Client;
use serde_json::{Value, json};

use crate::fence::{apply, identity};
use crate::harness::{Cluster, send, until};

const NAMESPACE: &str = "pulls-fence";
const NAME: &str = "lamplighter-ecr";

/// A pull secret as the function makes it.
fn secret(name: &str) -> Value {
    json!({
        "metadata": { "name": name, "labels": { "app.kubernetes.io/managed-by": "lamplighter" } },
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": { ".dockerconfigjson": "{\"auths\":{}}" },
    })
}

/// The same with another value at a place.
fn with(place: &str, value: Value) -> Value {
    let mut secret = secret(NAME);
    let (parent, field) = place.rsplit_once('/').unwrap();
    secret.pointer_mut(parent).unwrap()[field] = value;
    secret
}

/// Asks, and says whether it was the policy that refused.
async fn fenced(pulls: &Client, method: Method, path: &str, body: &Value) -> bool {
    let (status, answer) = send(pulls, method, path, body).await;
    let message = answer["message"].as_str().unwrap_or_default();
    status == 422 && message.contains("lamplighter-pull-secret")
}

pub(crate) async fn pull_secret_makes_and_renews_pull_secrets_of_its_own_and_changes_nothing_else(
    cluster: &Cluster,
) {
    cluster.namespace(NAMESPACE).await;
    let pulls = identity(cluster, "pull-secret").await;
    for manifest in ["pull-secret.yaml", "pull-secret-service-accounts.yaml"] {
        apply(cluster, &format!("namespace/{manifest}"), &["-n", NAMESPACE]).await;
    }
    let secrets = format!("/api/v1/namespaces/{NAMESPACE}/secrets");
    let opaque = with("/type", json!("Opaque"));
    // Before it is, this would make the Secret.
    let dry_run = format!("{secrets}?dryRun=All");
    until("the policy is in force", || async {
        fenced(&pulls, Method::POST, &dry_run, &opaque).await
    })
    .await;
    let of_nobody = with("/metadata/labels", json!({}));
    assert!(fenced(&pulls, Method::POST, &secrets, &of_nobody).await);
    assert_eq!(send(&pulls, Method::POST, &secrets, &secret(NAME)).await.0, 201);

    // Its own it reads and renews; any other it does not see, and it deletes none.
    let own = format!("{secrets}/{NAME}");
    assert_eq!(send(&pulls, Method::GET, &own, &Value::Null).await.0, 200);
    let renewed = json!({ "stringData": { ".dockerconfigjson": "{\"auths\":{\"a\":{}}}" } });
    assert_eq!(send(&pulls, Method::PATCH, &own, &renewed).await.0, 200);
    let disowned = json!({ "metadata": { "labels": { "app.kubernetes.io/managed-by": "helm" } } });
    assert!(fenced(&pulls, Method::PATCH, &own, &disowned).await);
    let other = format!("{secrets}/other");
    for (method, path) in [
        (Method::GET, secrets.as_str()),
        (Method::GET, other.as_str()),
        (Method::PATCH, other.as_str()),
        (Method::DELETE, own.as_str()),
        (Method::GET, "/api/v1/namespaces/default/secrets/lamplighter-ecr"),
    ] {
        let (status, _) = send(&pulls, method.clone(), path, &json!({})).await;
        assert_eq!(status, 403, "{method} {path}");
    }

    // Of a service account it changes by which Secrets its pods pull, and our annotations.
    let account = format!("/api/v1/namespaces/{NAMESPACE}/serviceaccounts/default");
    until("there is a service account", || async {
        send(&pulls, Method::GET, &account, &Value::Null).await.0 == 200
    })
    .await;
    let meant = json!({ "metadata": { "annotations": { "lamplighter.dev/pull-secret": NAME } }, "imagePullSecrets": [{ "name": NAME }] });
    assert_eq!(send(&pulls, Method::PATCH, &account, &meant).await.0, 200);
    for more in [
        json!({ "automountServiceAccountToken": false }),
        json!({ "metadata": { "labels": { "a": "b" } } }),
        json!({ "metadata": { "annotations": { "eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/a" } } }),
    ] {
        assert!(fenced(&pulls, Method::PATCH, &account, &more).await, "{more}");
    }
}
