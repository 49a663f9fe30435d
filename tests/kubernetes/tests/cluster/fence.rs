//! What `infra/rbac/node-join.yaml` lets whoever is node-join do, and whoever holds a token of its making.

use control_plane::binary;
use http::Method;
use kube::Client;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::access::client;
use crate::harness::{Cluster, send, until};

const SECRETS: &str = "/api/v1/namespaces/kube-system/secrets";
const STRICT: &str = "system:bootstrappers:lamplighter:node";
const COMPATIBLE: &str = "system:bootstrappers:kubeadm:default-node-token";

/// A token as node-join makes it in strict mode.
fn token(id: &str) -> Value {
    json!({
        "metadata": {
            "name": format!("bootstrap-token-{id}"),
            "labels": {"app.kubernetes.io/managed-by": "lamplighter"},
        },
        "type": "bootstrap.kubernetes.io/token",
        "stringData": {
            "token-id": id,
            "token-secret": "0123456789abcdef",
            "expiration": "2099-01-01T00:00:00Z",
            "usage-bootstrap-authentication": "true",
            "auth-extra-groups": STRICT,
        }
    })
}

/// Tests run at once, and of two that apply what is not there yet one fails.
static APPLYING: Mutex<()> = Mutex::const_new(());

/// Applies a manifest of `infra/rbac`.
pub(crate) async fn apply(cluster: &Cluster, manifest: &str, options: &[&str]) {
    let _alone = APPLYING.lock().await;
    let kubectl = binary::link_kubectl(&cluster.program, &cluster.dir.join("bin")).unwrap();
    let output = tokio::process::Command::new(kubectl)
        .arg("apply")
        .args(options)
        .arg("-f")
        .arg(base::paths::checkout().join("infra/rbac").join(manifest))
        .env("KUBECONFIG", cluster.plane.kubeconfig())
        .output()
        .await
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Applies the manifest of a function, and gives whoever is in the group that it binds.
pub(crate) async fn identity(cluster: &Cluster, function: &str) -> Client {
    apply(cluster, &format!("{function}.yaml"), &[]).await;
    let kubeconfig = cluster
        .plane
        .kubeconfig_for(function, Some(&format!("lamplighter:{function}")))
        .unwrap();
    client(&kubeconfig).await
}

pub(crate) async fn node_join_makes_and_deletes_tokens_for_machines_and_no_other_secret(cluster: &Cluster) {
    let join = identity(cluster, "node-join").await;
    // Policies take effect a moment after they are there; RBAC's denial has another status message.
    until("the policy is in force", || async {
        let (status, body) = send(
            &join,
            Method::POST,
            SECRETS,
            &changed("fence0", "/type", "Opaque"),
        )
        .await;
        let path = format!("{SECRETS}/bootstrap-token-fence0");
        cluster.send(Method::DELETE, &path, &Value::Null).await;
        status == 422
            && body["message"]
                .as_str()
                .unwrap()
                .contains("lamplighter-node-join")
    })
    .await;
    let (status, body) = send(&join, Method::POST, SECRETS, &token("fence1")).await;
    assert_eq!(status, 201, "{body}");
    let groups = |id: &str, groups: &str| changed(id, "/stringData/auth-extra-groups", groups);
    let compatible = groups("fence2", COMPATIBLE);
    assert_eq!(send(&join, Method::POST, SECRETS, &compatible).await.0, 201);
    let label = "/metadata/labels/app.kubernetes.io~1managed-by";
    for (what, secret) in [
        ("another name", changed("fence3", "/metadata/name", "fence3")),
        ("another type", changed("fence3", "/type", "Opaque")),
        ("another maker", changed("fence3", label, "kubeadm")),
        ("the masters' group", groups("fence3", "system:masters")),
        (
            "one group more",
            groups("fence3", &format!("{STRICT},{COMPATIBLE}")),
        ),
        ("no group", without("fence3", "auth-extra-groups")),
        ("no end", without("fence3", "expiration")),
    ] {
        let (status, body) = send(&join, Method::POST, SECRETS, &secret).await;
        assert_eq!(status, 422, "{what}: {body}");
    }
    let elsewhere = "/api/v1/namespaces/default/secrets";
    assert_eq!(
        send(&join, Method::POST, elsewhere, &token("fence3")).await.0,
        403
    );
    for path in [SECRETS.to_owned(), format!("{SECRETS}/bootstrap-token-fence1")] {
        let (status, body) = send(&join, Method::GET, &path, &Value::Null).await;
        assert_eq!(status, 403, "{path}: {body}");
    }

    for foreign in [
        changed("fence4", "/type", "Opaque"),
        changed("fence5", label, "kubeadm"),
    ] {
        assert_eq!(cluster.send(Method::POST, SECRETS, &foreign).await.0, 201);
    }
    for (id, expected) in [("fence1", 200), ("fence2", 200), ("fence4", 422), ("fence5", 422)] {
        let path = format!("{SECRETS}/bootstrap-token-{id}");
        let (status, body) = send(&join, Method::DELETE, &path, &Value::Null).await;
        assert_eq!(status, expected, "{id}: {body}");
    }
}

pub(crate) async fn a_strict_token_may_post_a_request_that_nobody_but_node_join_approves(cluster: &Cluster) {
    let join = identity(cluster, "node-join").await;
    assert_eq!(send(&join, Method::POST, SECRETS, &token("strict")).await.0, 201);
    let kubeconfig = cluster
        .plane
        .kubeconfig_with_token("machine", "strict.0123456789abcdef");
    let machine = client(&kubeconfig).await;
    until("the token is known", || async {
        may(&machine, "create", "").await == Some(true)
    })
    .await;
    assert_eq!(may(&machine, "create", "nodeclient").await, Some(false));
    assert_eq!(may(&join, "update", "approval").await, Some(true));
    let path = format!("{SECRETS}/bootstrap-token-strict");
    assert_eq!(send(&join, Method::DELETE, &path, &Value::Null).await.0, 200);
}

/// Whether `client` may do this to requests for certificates; `None` while it is nobody.
async fn may(client: &Client, verb: &str, subresource: &str) -> Option<bool> {
    let asked = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": {
        "verb": verb, "group": "certificates.k8s.io", "resource": "certificatesigningrequests", "subresource": subresource,
    }}});
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let (_, answer) = send(client, Method::POST, path, &asked).await;
    answer["status"]["allowed"].as_bool()
}

/// A token with another value at a place.
fn changed(id: &str, place: &str, value: &str) -> Value {
    let mut secret = token(id);
    *secret.pointer_mut(place).unwrap() = json!(value);
    secret
}

/// A token that lacks a part of its data.
fn without(id: &str, key: &str) -> Value {
    let mut secret = token(id);
    secret["stringData"].as_object_mut().unwrap().remove(key).unwrap();
    secret
}
