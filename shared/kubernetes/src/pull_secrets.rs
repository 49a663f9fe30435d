//! The Secret by which pods pull: read, made, and changed by its name. None is ever listed or deleted.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::keys::{MANAGED_BY, MANAGED_BY_US};
use domain::pullsecret::{Content, Draft, FIELD_MANAGER, ObjectName, PullSecret, SECRET_TYPE};
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::Request;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Cluster, Error};

/// The key that a Secret of this type must have.
const KEY: &str = ".dockerconfigjson";

/// Reads a Secret.
pub trait ReadPullSecret {
    /// The Secret of that name; `None` if there is none.
    async fn pull_secret(&self, namespace: &str, name: &ObjectName) -> Result<Option<PullSecret>, Error>;
}

/// Makes a Secret.
pub trait CreatePullSecret {
    /// Makes it as [`FIELD_MANAGER`], of [`SECRET_TYPE`] and labelled as ours, and returns it. If there is one already, the
    /// error is a conflict, see [`Error::is_conflict`], and it is left as it is.
    async fn create_pull_secret(
        &self,
        namespace: &str,
        name: &ObjectName,
        draft: &Draft,
    ) -> Result<PullSecret, Error>;
}

/// Changes a Secret.
pub trait PatchPullSecret {
    /// Changes it as [`FIELD_MANAGER`] by a JSON merge patch and returns it as it is then. If it has changed since the version
    /// that the draft was made for, the error is a conflict.
    async fn patch_pull_secret(
        &self,
        namespace: &str,
        name: &ObjectName,
        draft: &Draft,
    ) -> Result<PullSecret, Error>;
}

impl ReadPullSecret for Cluster {
    async fn pull_secret(&self, namespace: &str, name: &ObjectName) -> Result<Option<PullSecret>, Error> {
        let call = format!("get secret {namespace}/{name}");
        let request = Request::new(place(namespace))
            .get(name.as_str(), &kube::api::GetParams::default())
            .map_err(|error| Error::new(call.as_str(), kube::Error::BuildRequest(error)))?;
        match self.take_secret(&call, request).await {
            Ok(secret) => Ok(Some(secret)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl CreatePullSecret for Cluster {
    async fn create_pull_secret(
        &self,
        namespace: &str,
        name: &ObjectName,
        draft: &Draft,
    ) -> Result<PullSecret, Error> {
        let call = format!("create secret {namespace}/{name}");
        let mut body = body(draft);
        body["apiVersion"] = json!("v1");
        body["kind"] = json!("Secret");
        body["type"] = json!(SECRET_TYPE);
        body["metadata"]["name"] = json!(name.as_str());
        let failed = |error| Error::new(call.as_str(), error);
        let body = serde_json::to_vec(&body).map_err(|error| failed(kube::Error::SerdeError(error)))?;
        let params = PostParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PostParams::default()
        };
        let request = Request::new(place(namespace))
            .create(&params, body)
            .map_err(|error| failed(kube::Error::BuildRequest(error)))?;
        self.take_secret(&call, request).await
    }
}

impl PatchPullSecret for Cluster {
    async fn patch_pull_secret(
        &self,
        namespace: &str,
        name: &ObjectName,
        draft: &Draft,
    ) -> Result<PullSecret, Error> {
        let call = format!("patch secret {namespace}/{name}");
        let mut body = body(draft);
        body["metadata"]["resourceVersion"] = json!(draft.version);
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let request = Request::new(place(namespace))
            .patch(name.as_str(), &params, &Patch::Merge(body))
            .map_err(|error| Error::new(call.as_str(), kube::Error::BuildRequest(error)))?;
        self.take_secret(&call, request).await
    }
}

impl Cluster {
    async fn take_secret(&self, call: &str, request: http::Request<Vec<u8>>) -> Result<PullSecret, Error> {
        let answer: Result<Object, _> = self.client.request(request).await;
        answer.map_err(|error| Error::new(call, error))?.into_secret(call)
    }
}

fn place(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/secrets")
}

/// What making and changing it have in common. An annotation that is to be removed is `null`, which only a patch understands.
fn body(draft: &Draft) -> Value {
    let is_sent = |value: &Option<String>| value.is_some() || draft.version.is_some();
    let annotations: BTreeMap<_, _> = draft
        .annotations
        .iter()
        .filter(|(_, value)| is_sent(value))
        .collect();
    let mut body = json!({ "metadata": {
        "labels": { MANAGED_BY: MANAGED_BY_US },
        "annotations": annotations,
    }});
    if let Some(content) = &draft.content {
        body["data"] = json!({ KEY: STANDARD.encode(content.expose()) });
    }
    body
}

#[derive(Deserialize)]
struct Object {
    metadata: Meta,
    #[serde(rename = "type", default)]
    kind: String,
    immutable: Option<bool>,
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    #[serde(default)]
    name: String,
    resource_version: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Data {
    /// Of any type: an error of the parser would show a value of another one.
    #[serde(rename = ".dockerconfigjson")]
    config: Option<Value>,
}

impl Object {
    fn into_secret(self, call: &str) -> Result<PullSecret, Error> {
        let name = self.metadata.name;
        let version = self.metadata.resource_version.ok_or_else(|| Error::Incomplete {
            call: call.to_owned(),
            object: format!("secret {name}"),
            field: "metadata.resourceVersion",
        })?;
        let encoded = self.data.and_then(|data| data.config);
        let decoded = encoded.and_then(|value| STANDARD.decode(value.as_str()?).ok());
        Ok(PullSecret {
            version,
            kind: self.kind,
            is_immutable: self.immutable.unwrap_or_default(),
            labels: self.metadata.labels,
            annotations: self.metadata.annotations,
            content: decoded
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .map(Content::new),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    const PATH: &str = "/api/v1/namespaces/shop/secrets";
    const CONTENT: &str = r#"{"auths":{"docker.io":{"auth":"eDp5"}}}"#;

    fn name() -> ObjectName {
        ObjectName::parse("secret", "lamplighter-ecr").unwrap()
    }

    fn object(version: &str) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
            "metadata": { "name": "lamplighter-ecr", "resourceVersion": version, "labels": { "a": "b" } },
            "data": { ".dockerconfigjson": STANDARD.encode(CONTENT) },
        })
    }

    fn draft(version: Option<&str>) -> Draft {
        Draft {
            version: version.map(str::to_owned),
            content: Some(Content::new(CONTENT)),
            annotations: [
                (
                    "lamplighter.dev/expires-at",
                    Some("2026-11-26T20:00:00Z".to_owned()),
                ),
                ("lamplighter.dev/adopt", None),
            ]
            .into(),
        }
    }

    fn status(code: u16, message: &str) -> Value {
        json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code })
    }

    #[tokio::test]
    async fn a_secret_is_read_by_its_name_and_one_that_is_not_there_is_none() {
        let (cluster, scenario) = Scenario::new();
        let path = format!("{PATH}/lamplighter-ecr");
        let odd = json!({ "metadata": { "resourceVersion": "9" }, "type": "Opaque", "immutable": true,
                          "data": { ".dockerconfigjson": 17, "other": "x" } });
        let served = scenario
            .answer("GET", &path, 200, object("41"))
            .answer("GET", &path, 404, status(404, "not found"))
            .answer("GET", &path, 200, odd)
            .answer(
                "GET",
                &path,
                403,
                status(403, "secrets \"lamplighter-ecr\" is forbidden"),
            )
            .serve();
        let secret = cluster.pull_secret("shop", &name()).await.unwrap().unwrap();
        assert_eq!(
            (secret.version.as_str(), secret.kind.as_str()),
            ("41", SECRET_TYPE)
        );
        assert_eq!((secret.is_immutable, secret.labels["a"].as_str()), (false, "b"));
        assert_eq!(secret.content, Some(Content::new(CONTENT)));
        assert_eq!(cluster.pull_secret("shop", &name()).await.unwrap(), None);
        let odd = cluster.pull_secret("shop", &name()).await.unwrap().unwrap();
        assert_eq!((odd.is_immutable, odd.content), (true, None));
        let error = cluster.pull_secret("shop", &name()).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "get secret shop/lamplighter-ecr: secrets \"lamplighter-ecr\" is forbidden (status 403)"
        );
        served.finished().await;
    }

    #[tokio::test]
    async fn a_new_secret_is_labelled_as_ours_and_one_that_is_there_is_a_conflict() {
        let (cluster, scenario) = Scenario::new();
        let path = format!("{PATH}?&fieldManager=lamplighter-pull-secret");
        let body = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
            "metadata": {
                "name": "lamplighter-ecr",
                "labels": { "app.kubernetes.io/managed-by": "lamplighter" },
                "annotations": { "lamplighter.dev/expires-at": "2026-11-26T20:00:00Z" },
            },
            "data": { ".dockerconfigjson": STANDARD.encode(CONTENT) },
        });
        let served = scenario
            .expect_body("POST", &path, body)
            .answer_last(201, object("42"))
            .answer("POST", &path, 409, status(409, "it exists"))
            .serve();
        let made = cluster
            .create_pull_secret("shop", &name(), &draft(None))
            .await
            .unwrap();
        assert_eq!(made.version, "42");
        let error = cluster
            .create_pull_secret("shop", &name(), &draft(None))
            .await
            .unwrap_err();
        assert!(error.is_conflict());
        assert!(!format!("{error:?} {error}").contains(&STANDARD.encode(CONTENT)));
        served.finished().await;
    }

    #[tokio::test]
    async fn a_change_names_the_version_that_it_is_made_for() {
        let (cluster, scenario) = Scenario::new();
        let path = format!("{PATH}/lamplighter-ecr?&fieldManager=lamplighter-pull-secret");
        let body = |data: Option<Value>| {
            let mut body = json!({ "metadata": {
                "resourceVersion": "41",
                "labels": { "app.kubernetes.io/managed-by": "lamplighter" },
                "annotations": {
                    "lamplighter.dev/expires-at": "2026-11-26T20:00:00Z", "lamplighter.dev/adopt": null,
                },
            }});
            if let Some(data) = data {
                body["data"] = data;
            }
            body
        };
        let data = json!({ ".dockerconfigjson": STANDARD.encode(CONTENT) });
        let served = scenario
            .expect_body("PATCH", &path, body(Some(data)))
            .expect_header("content-type", "application/merge-patch+json")
            .answer_last(200, object("42"))
            .expect_body("PATCH", &path, body(None))
            .answer_last(409, status(409, "changed"))
            .serve();
        let whole = draft(Some("41"));
        let after = cluster.patch_pull_secret("shop", &name(), &whole).await.unwrap();
        assert_eq!(after.version, "42");
        let noted = Draft {
            content: None,
            ..whole
        };
        let error = cluster
            .patch_pull_secret("shop", &name(), &noted)
            .await
            .unwrap_err();
        assert!(error.is_conflict());
        served.finished().await;
    }
}
