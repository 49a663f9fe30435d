//! Service accounts, as far as their pods pull by a Secret. None is ever listed: which to look at is known by name.

use std::collections::BTreeMap;

use domain::keys::PULL_SECRET;
use domain::pullsecret::{AccountChange, FIELD_MANAGER, ObjectName, ServiceAccount};
use kube::api::{GetParams, Patch, PatchParams};
use kube::core::Request;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Cluster, Error};

/// Reads a service account.
pub trait ReadServiceAccount {
    /// The one of that name; `None` if there is none.
    async fn service_account(
        &self,
        namespace: &str,
        name: &ObjectName,
    ) -> Result<Option<ServiceAccount>, Error>;
}

/// Changes by which Secrets the pods of a service account pull.
pub trait PatchServiceAccount {
    /// Replaces its `imagePullSecrets` as [`FIELD_MANAGER`], by a JSON merge patch. If it has changed since the version that the
    /// change was made for, the error is a conflict, see [`Error::is_conflict`].
    async fn patch_service_account(&self, namespace: &str, change: &AccountChange) -> Result<(), Error>;
}

impl ReadServiceAccount for Cluster {
    async fn service_account(
        &self,
        namespace: &str,
        name: &ObjectName,
    ) -> Result<Option<ServiceAccount>, Error> {
        let call = format!("get serviceaccount {namespace}/{name}");
        let request = Request::new(place(namespace))
            .get(name.as_str(), &GetParams::default())
            .map_err(|error| Error::new(call.as_str(), kube::Error::BuildRequest(error)))?;
        let answer: Result<Object, _> = self.client.request(request).await;
        match answer.map_err(|error| Error::new(call.as_str(), error)) {
            Ok(object) => object.into_account(&call, name).map(Some),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl PatchServiceAccount for Cluster {
    async fn patch_service_account(&self, namespace: &str, change: &AccountChange) -> Result<(), Error> {
        let call = format!("patch serviceaccount {namespace}/{}", change.account);
        let pulls: Vec<Value> = change.pulls.iter().map(|name| json!({ "name": name })).collect();
        let patch = json!({
            "metadata": {
                "resourceVersion": change.version,
                "annotations": { PULL_SECRET: change.mark },
            },
            "imagePullSecrets": pulls,
        });
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let request = Request::new(place(namespace))
            .patch(change.account.as_str(), &params, &Patch::Merge(patch))
            .map_err(|error| Error::new(call.as_str(), kube::Error::BuildRequest(error)))?;
        let answer: Result<Object, _> = self.client.request(request).await;
        answer.map(drop).map_err(|error| Error::new(call.as_str(), error))
    }
}

fn place(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/serviceaccounts")
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    metadata: Meta,
    image_pull_secrets: Option<Vec<Reference>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    resource_version: Option<String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(default)]
    name: String,
}

impl Object {
    fn into_account(mut self, call: &str, name: &ObjectName) -> Result<ServiceAccount, Error> {
        let version = self.metadata.resource_version.ok_or_else(|| Error::Incomplete {
            call: call.to_owned(),
            object: format!("serviceaccount {name}"),
            field: "metadata.resourceVersion",
        })?;
        let pulls = self.image_pull_secrets.unwrap_or_default();
        Ok(ServiceAccount {
            version,
            pulls: pulls.into_iter().map(|reference| reference.name).collect(),
            mark: self.metadata.annotations.remove(PULL_SECRET),
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::pullsecret::Act;

    use super::*;
    use crate::scenario::Scenario;

    const PATH: &str = "/api/v1/namespaces/shop/serviceaccounts/default";

    fn name() -> ObjectName {
        ObjectName::parse("service account", "default").unwrap()
    }

    fn status(code: u16, message: &str) -> Value {
        json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code })
    }

    #[tokio::test]
    async fn an_account_is_read_with_its_list_and_our_mark() {
        let (cluster, scenario) = Scenario::new();
        let marked = json!({
            "metadata": { "resourceVersion": "7", "annotations": { "lamplighter.dev/pull-secret": "lamplighter-ecr" } },
            "imagePullSecrets": [{ "name": "theirs" }, { "name": "lamplighter-ecr" }],
        });
        let served = scenario
            .answer("GET", PATH, 200, marked)
            .answer(
                "GET",
                PATH,
                200,
                json!({ "metadata": { "resourceVersion": "8" } }),
            )
            .answer("GET", PATH, 404, status(404, "not found"))
            .serve();
        let account = cluster.service_account("shop", &name()).await.unwrap().unwrap();
        assert_eq!(account.pulls, ["theirs", "lamplighter-ecr"]);
        assert_eq!(
            (account.version.as_str(), account.mark.as_deref()),
            ("7", Some("lamplighter-ecr"))
        );
        let plain = cluster.service_account("shop", &name()).await.unwrap().unwrap();
        assert_eq!((plain.pulls.len(), plain.mark), (0, None));
        assert_eq!(cluster.service_account("shop", &name()).await.unwrap(), None);
        served.finished().await;
    }

    #[tokio::test]
    async fn a_change_replaces_the_list_for_the_version_that_was_seen_and_a_missing_permission_is_named() {
        let (cluster, scenario) = Scenario::new();
        let path = format!("{PATH}?&fieldManager=lamplighter-pull-secret");
        let body = |pulls: Value, mark: Value| {
            json!({
                "metadata": { "resourceVersion": "7", "annotations": { "lamplighter.dev/pull-secret": mark } },
                "imagePullSecrets": pulls,
            })
        };
        let added = json!([{ "name": "theirs" }, { "name": "lamplighter-ecr" }]);
        let answer = json!({ "metadata": { "resourceVersion": "8" } });
        let served = scenario
            .expect_body("PATCH", &path, body(added, json!("lamplighter-ecr")))
            .expect_header("content-type", "application/merge-patch+json")
            .answer_last(200, answer)
            .expect_body("PATCH", &path, body(json!([]), Value::Null))
            .answer_last(403, status(403, "serviceaccounts \"default\" is forbidden"))
            .serve();
        let mut change = AccountChange {
            account: name(),
            act: Act::Append,
            version: "7".to_owned(),
            pulls: vec!["theirs".to_owned(), "lamplighter-ecr".to_owned()],
            mark: Some("lamplighter-ecr".to_owned()),
        };
        cluster.patch_service_account("shop", &change).await.unwrap();
        (change.pulls, change.mark) = (Vec::new(), None);
        let error = cluster.patch_service_account("shop", &change).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "patch serviceaccount shop/default: serviceaccounts \"default\" is forbidden (status 403)"
        );
        served.finished().await;
    }
}
