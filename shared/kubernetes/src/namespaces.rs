//! Namespaces, and what people say on them.

use std::collections::BTreeMap;

use domain::offhours::Namespace;
use jiff::Timestamp;
use kube::api::ListParams;
use serde::Deserialize;

use crate::pages::Part;
use crate::{Cluster, Error};

/// Lists namespaces.
pub trait ListNamespaces {
    /// Every namespace.
    async fn namespaces(&self) -> Result<Vec<Namespace>, Error>;
}

#[derive(Deserialize)]
struct Object {
    metadata: Meta,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    name: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    deletion_timestamp: Option<Timestamp>,
}

impl ListNamespaces for Cluster {
    async fn namespaces(&self) -> Result<Vec<Namespace>, Error> {
        let listed = self
            .list_all(
                "list namespaces",
                "/api/v1/namespaces",
                Part::Metadata,
                ListParams::default(),
            )
            .await?;
        let namespace = |Object { metadata }| Namespace {
            name: metadata.name,
            labels: metadata.labels,
            annotations: metadata.annotations,
            deleted: metadata.deletion_timestamp,
        };
        Ok(listed.into_iter().map(namespace).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scenario::{METADATA_ONLY, Scenario};

    #[tokio::test]
    async fn every_namespace_is_listed_with_what_people_say_on_it_and_whether_it_goes() {
        let (cluster, scenario) = Scenario::new();
        let served = scenario
            .answer("GET", "/api/v1/namespaces?&limit=500", 200, json!({
                "metadata": { "continue": "next" },
                "items": [{ "metadata": { "name": "shop", "annotations": { "lamplighter.dev/uptime": "always" },
                                          "labels": { "team": "shop" } } }],
            }))
            .expect_header(METADATA_ONLY.0, METADATA_ONLY.1)
            .answer("GET", "/api/v1/namespaces?&limit=500&continue=next", 200, json!({
                "metadata": {}, "items": [{ "metadata": { "name": "mail", "deletionTimestamp": "2026-11-26T08:00:00Z" } }],
            }))
            .serve();
        let found = cluster.namespaces().await.unwrap();
        let said: Vec<_> = found
            .iter()
            .map(|namespace| {
                let said = (namespace.labels.len(), namespace.annotations.len());
                (namespace.name.as_str(), said, namespace.deleted.is_some())
            })
            .collect();
        assert_eq!(said, [("shop", (1, 1), false), ("mail", (0, 0), true)]);
        served.finished().await;
    }
}
