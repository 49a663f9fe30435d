//! Bootstrap tokens: the Secret that makes one valid, and the proof that it is. No Secret is ever read.

use std::collections::BTreeMap;

use domain::ids::{GroupName, InstanceId};
use domain::join::{BootstrapToken, Issued, TokenId};
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Api, DeleteParams, PostParams};

use crate::{Cluster, Error};

/// Where bootstrap tokens live.
const NAMESPACE: &str = "kube-system";

/// Annotation of a Secret: the instance to which the token was given.
const INSTANCE: &str = "lamplighter.dev/instance";

/// Annotation of a Secret: the Auto Scaling group of that instance.
const GROUP: &str = "lamplighter.dev/group";

/// Creates the Secret of a token.
pub trait CreateToken {
    /// Creates it. One of that name is left as it is.
    async fn create_token(&self, new: &NewToken<'_>) -> Result<Made, Error>;
}

/// Deletes the Secret of a token.
pub trait DeleteToken {
    /// Deletes it. One that is gone is fine.
    async fn delete_token(&self, token: &TokenId) -> Result<(), Error>;
}

/// Tries a token.
pub trait TryToken {
    /// Whom the API server takes the token's holder for; `None` if it does not know the token (any more, or
    /// yet: it hears of a new Secret a moment after it was created).
    async fn try_token(&self, token: &BootstrapToken) -> Result<Option<String>, Error>;
}

/// A token whose Secret is to be created.
#[derive(Debug, Clone)]
pub struct NewToken<'a> {
    /// The token.
    pub token: &'a BootstrapToken,
    /// Until when it is valid.
    pub issued: &'a Issued,
    /// The group that its holder gets.
    pub group: &'a str,
    /// To whom it is given.
    pub instance: &'a InstanceId,
    /// The Auto Scaling group of that instance.
    pub asg: &'a GroupName,
}

/// What became of a creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// It is ours.
    Created,
    /// There was one of this name, of whomever.
    Exists,
}

impl CreateToken for Cluster {
    async fn create_token(&self, new: &NewToken<'_>) -> Result<Made, Error> {
        let name = new.token.id().secret_name();
        let created = self
            .secrets()
            .create(&PostParams::default(), &to_resource(new))
            .await;
        match created.map_err(|error| Error::new(format!("create secret {name}"), error)) {
            Ok(_) => Ok(Made::Created),
            Err(error) if error.is_conflict() => Ok(Made::Exists),
            Err(error) => Err(error),
        }
    }
}

impl DeleteToken for Cluster {
    async fn delete_token(&self, token: &TokenId) -> Result<(), Error> {
        let name = token.secret_name();
        let deleted = self.secrets().delete(&name, &DeleteParams::default()).await;
        match deleted.map_err(|error| Error::new(format!("delete secret {name}"), error)) {
            Ok(_) => Ok(()),
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl TryToken for Cluster {
    async fn try_token(&self, token: &BootstrapToken) -> Result<Option<String>, Error> {
        let call = format!("review the bearer of token {}", token.id());
        let failed = |error| Error::new(call.as_str(), error);
        let body = serde_json::to_vec(&SelfSubjectReview::default())
            .map_err(|error| failed(kube::Error::SerdeError(error)))?;
        let request = http::Request::post("/apis/authentication.k8s.io/v1/selfsubjectreviews")
            .header(http::header::CONTENT_TYPE, "application/json")
            .header(http::header::AUTHORIZATION, format!("Bearer {}", token.expose()))
            .body(body)
            .map_err(|error| failed(kube::Error::HttpError(error)))?;
        let answer = self.stranger.request::<SelfSubjectReview>(request).await;
        match answer.map_err(failed) {
            Ok(review) => Ok(review.status.and_then(|status| status.user_info?.username)),
            Err(error) if error.is_unauthenticated() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Cluster {
    fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }
}

/// The keys of a bootstrap token (Kubernetes reference, "Bootstrap Token Secret Format"). The signer of
/// `cluster-info` needs its usage, so that the machine can tell the cluster's CA from another's.
fn to_resource(new: &NewToken<'_>) -> Secret {
    let id = new.token.id();
    let description = format!("Lamplighter: joins {} of group {}", new.instance, new.asg);
    let data = [
        ("token-id", id.as_str()),
        ("token-secret", new.token.expose_secret()),
        ("expiration", &new.issued.expires.to_string()),
        ("usage-bootstrap-authentication", "true"),
        ("usage-bootstrap-signing", "true"),
        ("auth-extra-groups", new.group),
        ("description", &description),
    ];
    let texts = |all: &[(&str, &str)]| -> BTreeMap<String, String> {
        all.iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    };
    Secret {
        metadata: ObjectMeta {
            name: Some(id.secret_name()),
            namespace: Some(NAMESPACE.to_owned()),
            annotations: Some(texts(&[
                (INSTANCE, new.instance.as_str()),
                (GROUP, new.asg.as_str()),
            ])),
            labels: Some(texts(&[("app.kubernetes.io/managed-by", "lamplighter")])),
            ..ObjectMeta::default()
        },
        type_: Some("bootstrap.kubernetes.io/token".to_owned()),
        string_data: Some(texts(&data)),
        ..Secret::default()
    }
}

#[cfg(test)]
mod tests {
    use domain::failure::{Class, Classified as _};
    use serde_json::{Value, json};

    use super::*;
    use crate::scenario::Scenario;

    const SECRETS: &str = "/api/v1/namespaces/kube-system/secrets";

    fn token() -> BootstrapToken {
        BootstrapToken::parse("abc123.0123456789abcdef").unwrap()
    }

    async fn create(cluster: &Cluster) -> Result<Made, Error> {
        let issued = Issued::new(token().id().clone(), "2026-11-21T08:00:00Z".parse().unwrap());
        let new = NewToken {
            token: &token(),
            issued: &issued,
            group: "system:bootstrappers:lamplighter:node",
            instance: &InstanceId::parse("i-0123456789abcdef0").unwrap(),
            asg: &GroupName::parse("workers").unwrap(),
        };
        cluster.create_token(&new).await
    }

    fn status(code: u16, reason: &str) -> Value {
        json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason,
                "message": format!("{reason}!"), "code": code })
    }

    #[tokio::test]
    async fn case_1_the_secret_has_exactly_the_type_the_term_the_usages_and_the_group() {
        let (cluster, scenario) = Scenario::new();
        let path = format!("{SECRETS}?");
        let body = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": "bootstrap-token-abc123",
                "namespace": "kube-system",
                "labels": { "app.kubernetes.io/managed-by": "lamplighter" },
                "annotations": {
                    "lamplighter.dev/instance": "i-0123456789abcdef0",
                    "lamplighter.dev/group": "workers",
                },
            },
            "type": "bootstrap.kubernetes.io/token",
            "stringData": {
                "token-id": "abc123",
                "token-secret": "0123456789abcdef",
                "expiration": "2026-11-21T08:15:00Z",
                "usage-bootstrap-authentication": "true",
                "usage-bootstrap-signing": "true",
                "auth-extra-groups": "system:bootstrappers:lamplighter:node",
                "description": "Lamplighter: joins i-0123456789abcdef0 of group workers",
            },
        });
        let answer = json!({ "metadata": { "name": "bootstrap-token-abc123" } });
        let served = scenario
            .expect_body("POST", &path, body)
            .answer_last(201, answer)
            .serve();
        assert_eq!(create(&cluster).await.unwrap(), Made::Created);
        served.finished().await;
    }

    #[tokio::test]
    async fn case_21_a_secret_of_that_name_is_left_alone_and_a_missing_permission_is_named() {
        let (cluster, scenario) = Scenario::new();
        let path = format!("{SECRETS}?");
        let served = scenario
            .answer("POST", &path, 409, status(409, "AlreadyExists"))
            .answer("POST", &path, 403, status(403, "Forbidden"))
            .serve();
        assert_eq!(create(&cluster).await.unwrap(), Made::Exists);
        let error = create(&cluster).await.unwrap_err();
        assert_eq!(error.class(), Class::Permanent);
        let text = format!("{error:?} {error}");
        assert!(text.contains("create secret bootstrap-token-abc123"), "{text}");
        assert!(!text.contains("0123456789abcdef"), "{text}");
        served.finished().await;
    }

    #[tokio::test]
    async fn a_secret_is_deleted_by_its_name_and_one_that_is_gone_is_fine() {
        let (cluster, scenario) = Scenario::new();
        let path = format!("{SECRETS}/bootstrap-token-abc123?");
        let gone = json!({ "kind": "Status", "apiVersion": "v1", "status": "Success" });
        let served = scenario
            .answer("DELETE", &path, 200, gone)
            .answer("DELETE", &path, 404, status(404, "NotFound"))
            .serve();
        for _ in 0..2 {
            cluster.delete_token(token().id()).await.unwrap();
        }
        served.finished().await;
    }

    #[tokio::test]
    async fn case_21_a_token_is_tried_as_its_bearer_and_an_unknown_one_is_nobodys() {
        let (cluster, scenario) = Scenario::new();
        let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
        let review = json!({ "status": { "userInfo": { "username": "system:bootstrap:abc123" } } });
        let body =
            json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview", "metadata": {} });
        let served = scenario
            .expect_body("POST", path, body)
            .answer_last(201, review)
            .expect_bearer("abc123.0123456789abcdef")
            .answer("POST", path, 401, status(401, "Unauthorized"))
            .serve();
        let user = cluster.try_token(&token()).await.unwrap();
        assert_eq!(user.as_deref(), Some("system:bootstrap:abc123"));
        assert_eq!(cluster.try_token(&token()).await.unwrap(), None);
        served.finished().await;
    }
}
