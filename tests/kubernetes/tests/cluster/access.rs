//! Who may do what.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use control_plane::binary;
use control_plane::webhook::token::PREFIX;
use http::Method;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};

use crate::harness::{Cluster, ROLE_GROUP, send, until};

/// Who a kubeconfig is for.
pub(crate) async fn client(kubeconfig: &str) -> Client {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).unwrap();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .unwrap();
    config.default_retry = false;
    Client::try_from(config).unwrap()
}

async fn who_am_i(client: &Client) -> Value {
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let (status, body) = send(
        client,
        Method::POST,
        "/apis/authentication.k8s.io/v1/selfsubjectreviews",
        &review,
    )
    .await;
    assert_eq!(status, 201, "{body}");
    body["status"]["userInfo"].clone()
}

fn token() -> String {
    let date = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let url = format!(
        "https://sts.eu-central-1.amazonaws.com/?Action=GetCallerIdentity&X-Amz-Date={date}&X-Amz-Expires=60\
         &X-Amz-SignedHeaders=host%3Bx-k8s-aws-id"
    );
    format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(url))
}

pub(crate) async fn a_role_of_aws_is_somebody_in_the_cluster(cluster: &Cluster) {
    let role = client(&cluster.plane.kubeconfig_with_token("role", &token())).await;
    let user = who_am_i(&role).await;
    assert_eq!(
        user["username"],
        "arn:aws:sts::111122223333:assumed-role/node-drain/session"
    );
    assert_eq!(user["groups"], json!([ROLE_GROUP, "system:authenticated"]));

    let nobody = client(
        &cluster
            .plane
            .kubeconfig_with_token("nobody", "k8s-aws-v1.bm90IGEgdXJs"),
    )
    .await;
    assert_eq!(
        send(&nobody, Method::GET, "/api/v1/nodes", &Value::Null).await.0,
        401
    );
}

pub(crate) async fn a_kubeconfig_for_a_user_has_the_rights_of_the_group(cluster: &Cluster) {
    let kubeconfig = cluster.plane.kubeconfig_for("ann", Some("watchers")).unwrap();
    let ann = client(&kubeconfig).await;
    let user = who_am_i(&ann).await;
    assert_eq!(user["groups"], json!(["watchers", "system:authenticated"]));

    let list = || send(&ann, Method::GET, "/api/v1/nodes", &Value::Null);
    let (status, body) = list().await;
    assert_eq!(status, 403, "{body}");
    let binding = json!({
        "metadata": {"name": "watchers"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:node-reader"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "watchers"}]
    });
    let role = json!({
        "metadata": {"name": "system:node-reader"},
        "rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}]
    });
    for (kind, object) in [("clusterroles", role), ("clusterrolebindings", binding)] {
        let path = format!("/apis/rbac.authorization.k8s.io/v1/{kind}");
        assert_eq!(cluster.send(Method::POST, &path, &object).await.0, 201);
    }
    until("the group may list nodes", || async { list().await.0 == 200 }).await;
}

pub(crate) async fn anonymous_requests_may_not_read_pods(cluster: &Cluster) {
    let kubeconfig = cluster.plane.kubeconfig_with_token("nobody", "");
    let nobody = client(&kubeconfig).await;
    let (status, body) = send(&nobody, Method::GET, "/api/v1/pods", &Value::Null).await;
    assert_eq!(status, 403, "{body}");
    assert!(
        body["message"].as_str().unwrap().contains("system:anonymous"),
        "{body}"
    );
}

const CLUSTER_INFO: &str = "/api/v1/namespaces/kube-public/configmaps/cluster-info";

/// Creates a bootstrap token with these groups, and gives a client that bears it.
async fn token_client(cluster: &Cluster, id: &str, groups: &str) -> Client {
    let secret = json!({
        "metadata": {"name": format!("bootstrap-token-{id}")},
        "type": "bootstrap.kubernetes.io/token",
        "stringData": {
            "token-id": id,
            "token-secret": "0123456789abcdef",
            "usage-bootstrap-signing": "true",
            "usage-bootstrap-authentication": "true",
            "auth-extra-groups": groups,
        }
    });
    let secrets = "/api/v1/namespaces/kube-system/secrets";
    assert_eq!(cluster.send(Method::POST, secrets, &secret).await.0, 201);
    let token = format!("{id}.0123456789abcdef");
    client(&cluster.plane.kubeconfig_with_token("joining", &token)).await
}

pub(crate) async fn a_bootstrap_token_is_signed_into_cluster_info(cluster: &Cluster) {
    let joining = token_client(cluster, "abcdef", "").await;
    // Anybody may look: that is how a machine that trusts nobody yet begins.
    let nobody = client(&cluster.plane.kubeconfig_with_token("nobody", "")).await;
    until("cluster-info is signed", || async {
        let (status, map) = send(&nobody, Method::GET, CLUSTER_INFO, &Value::Null).await;
        assert_eq!(status, 200, "{map}");
        map["data"]["jws-kubeconfig-abcdef"].is_string()
    })
    .await;
    let (_, map) = send(&nobody, Method::GET, CLUSTER_INFO, &Value::Null).await;
    let kubeconfig = Kubeconfig::from_yaml(map["data"]["kubeconfig"].as_str().unwrap()).unwrap();
    let info = kubeconfig.clusters[0].cluster.clone().unwrap();
    assert_eq!(info.server.unwrap(), cluster.plane.endpoint());
    let ca = BASE64_STANDARD
        .decode(info.certificate_authority_data.unwrap())
        .unwrap();
    assert_eq!(String::from_utf8(ca).unwrap(), cluster.plane.ca_pem());
    let others = "/api/v1/namespaces/kube-public/configmaps";
    assert_eq!(send(&nobody, Method::GET, others, &Value::Null).await.0, 403);

    assert_eq!(who_am_i(&joining).await["username"], "system:bootstrap:abcdef");
}

pub(crate) async fn kubeadms_own_group_of_tokens_may_join_and_no_other(cluster: &Cluster) {
    let kubeadms = token_client(
        cluster,
        "kubead",
        "system:bootstrappers:kubeadm:default-node-token",
    )
    .await;
    let others = token_client(cluster, "others", "system:bootstrappers:others").await;
    for path in [
        "/api/v1/namespaces/kube-system/configmaps/kubeadm-config",
        "/api/v1/namespaces/kube-system/configmaps/kubelet-config",
        "/apis/certificates.k8s.io/v1/certificatesigningrequests",
    ] {
        assert_eq!(
            send(&kubeadms, Method::GET, path, &Value::Null).await.0,
            200,
            "{path}"
        );
        assert_eq!(
            send(&others, Method::GET, path, &Value::Null).await.0,
            403,
            "{path}"
        );
    }
    let node = "/api/v1/nodes/not-there";
    assert_eq!(send(&kubeadms, Method::GET, node, &Value::Null).await.0, 404);
    assert_eq!(send(&others, Method::GET, node, &Value::Null).await.0, 403);
}

pub(crate) async fn the_program_is_kubectl_when_it_is_called_so(cluster: &Cluster) {
    let kubectl = binary::link_kubectl(&cluster.program, &cluster.dir.join("bin")).unwrap();
    let output = tokio::process::Command::new(kubectl)
        .args(["get", "nodes", "--selector=pool=blue", "--output=name"])
        .env("KUBECONFIG", cluster.plane.kubeconfig())
        .output()
        .await
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        text.lines().count(),
        3,
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
