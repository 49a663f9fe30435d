use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use super::*;

const ROLE: &str = "arn:aws:iam::111122223333:role/apps/node-drain";

/// STS and EKS in memory: one session of one role, which has one entry in the cluster `ours`.
struct Memory {
    entries: Vec<&'static str>,
}

impl Eks for Memory {
    fn caller<'a>(&'a self, _: &'a PresignedUrl, cluster: &'a str) -> BoxFuture<'a, Result<Caller, Refusal>> {
        Box::pin(async move {
            if cluster != "ours" {
                return Err(Refusal::Sts("SignatureDoesNotMatch".to_owned()));
            }
            Ok(Caller {
                arn: "arn:aws:sts::111122223333:assumed-role/node-drain/session".to_owned(),
                user_id: "AROAEXAMPLE:session".to_owned(),
                account: "111122223333".to_owned(),
            })
        })
    }

    fn principals<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<String>, Refusal>> {
        Box::pin(async { Ok(self.entries.iter().map(|&entry| entry.to_owned()).collect()) })
    }

    fn access_entry<'a>(
        &'a self,
        _: &'a str,
        principal: &'a str,
    ) -> BoxFuture<'a, Result<AccessEntry, Refusal>> {
        Box::pin(async move {
            Ok(AccessEntry {
                principal_arn: principal.to_owned(),
                kubernetes_groups: vec!["lamplighter:node-drain".to_owned()],
                username: "node-drain".to_owned(),
                kind: "STANDARD".to_owned(),
            })
        })
    }
}

fn token() -> String {
    let date = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let url = format!(
        "https://sts.eu-central-1.amazonaws.com/?Action=GetCallerIdentity&X-Amz-Date={date}&X-Amz-Expires=60\
         &X-Amz-SignedHeaders=host%3Bx-k8s-aws-id"
    );
    format!("{}{}", token::PREFIX, BASE64_URL_SAFE_NO_PAD.encode(url))
}

async fn review(cluster: &str, entries: Vec<&'static str>, token: &str) -> serde_json::Value {
    let webhook = Webhook::start(
        base::Ports::address(0),
        cluster.to_owned(),
        Arc::new(Memory { entries }),
    )
    .await
    .unwrap();
    let body = serde_json::json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "metadata": {}, "spec": {"token": token}
    });
    let response = reqwest::Client::new()
        .post(format!("http://{}/", webhook.address()))
        .json(&body)
        .send()
        .await
        .unwrap();
    response.json().await.unwrap()
}

#[tokio::test]
async fn a_role_with_an_access_entry_is_let_in_with_its_groups() {
    let answer = review(
        "ours",
        vec!["arn:aws:iam::111122223333:role/other", ROLE],
        &token(),
    )
    .await;
    assert_eq!(answer["status"]["authenticated"], true, "{answer}");
    let user = &answer["status"]["user"];
    assert_eq!(user["username"], "node-drain");
    assert_eq!(user["groups"], serde_json::json!(["lamplighter:node-drain"]));
    assert_eq!(user["extra"]["canonicalArn"], serde_json::json!([ROLE]));
}

#[tokio::test]
async fn a_role_without_an_access_entry_is_refused_by_name() {
    let answer = review("ours", vec!["arn:aws:iam::111122223333:role/other"], &token()).await;
    assert_eq!(answer["status"]["authenticated"], false);
    let error = answer["status"]["error"].as_str().unwrap();
    assert!(
        error.contains("assumed-role/node-drain") && error.contains("no access entry"),
        "{error}"
    );
}

#[tokio::test]
async fn a_token_for_another_cluster_is_refused_by_sts() {
    let answer = review("theirs", vec![ROLE], &token()).await;
    assert_eq!(
        answer["status"]["error"],
        "sts refused the token: SignatureDoesNotMatch"
    );
}

#[tokio::test]
async fn a_token_of_somebody_else_is_not_an_error() {
    let answer = review("ours", vec![ROLE], "eyJhbGciOiJSUzI1NiJ9.e30.").await;
    assert_eq!(answer["status"]["authenticated"], false);
    assert_eq!(answer["status"].get("error"), None, "{answer}");
}
