//! What the operator's command has beyond the functions: a person's own kubeconfig, read as kubectl reads it, and
//! a question that changes nothing.

use std::path::Path;

use domain::drain::{Answer, Pod};
use kube::api::PostParams;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};

use crate::{AccessError, Cluster, Error};

/// Asks whether a pod could leave now.
pub trait TryEviction {
    /// Posts the eviction as a dry run: the API server answers as it would, by the pod's disruption budgets, and
    /// nothing happens.
    async fn try_evict(&self, pod: &Pod) -> Result<Answer, Error>;
}

impl Cluster {
    /// A client by a person's kubeconfig: `file`, or what `$KUBECONFIG` names, or `~/.kube/config`; `context`, or
    /// the current one. Unlike that of a function it may refer to files and run a program for its credential.
    pub async fn of_person(file: Option<&Path>, context: Option<&str>) -> Result<Self, AccessError> {
        let unusable = |error| AccessError::OfPerson(Box::new(error));
        let kubeconfig = match file {
            Some(file) => Kubeconfig::read_from(file),
            None => Kubeconfig::read(),
        };
        let options = KubeConfigOptions {
            context: context.map(str::to_owned),
            ..KubeConfigOptions::default()
        };
        let config = Config::from_custom_kubeconfig(kubeconfig.map_err(unusable)?, &options).await;
        Self::of_config(config.map_err(unusable)?)
    }
}

impl TryEviction for Cluster {
    async fn try_evict(&self, pod: &Pod) -> Result<Answer, Error> {
        let dry_run = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        self.post_eviction(pod, &dry_run).await
    }
}

#[cfg(test)]
mod tests {
    use domain::drain::{Owner, Phase, PodKey};
    use domain::ids::Uid;
    use serde_json::json;

    use super::*;
    use crate::scenario::Scenario;

    #[tokio::test]
    async fn a_tried_eviction_is_a_dry_run_with_the_same_precondition() {
        let (cluster, scenario) = Scenario::new();
        let served = scenario
            .expect_body(
                "POST",
                "/api/v1/namespaces/shop/pods/x/eviction?&dryRun=All",
                json!({
                    "apiVersion": "policy/v1",
                    "kind": "Eviction",
                    "metadata": { "name": "x", "namespace": "shop" },
                    "deleteOptions": { "preconditions": { "uid": "7d8e" } },
                }),
            )
            .answer_last(
                201,
                json!({ "kind": "Status", "apiVersion": "v1", "status": "Success" }),
            )
            .serve();
        let pod = Pod {
            key: PodKey {
                namespace: "shop".to_owned(),
                name: "x".to_owned(),
            },
            uid: Uid::parse("7d8e").unwrap(),
            owner: Owner::Other,
            mirror: false,
            phase: Phase::Active,
            deletion_deadline: None,
        };
        assert_eq!(cluster.try_evict(&pod).await.unwrap(), Answer::Accepted);
        served.finished().await;
    }

    #[tokio::test]
    async fn a_kubeconfig_that_is_not_there_is_told() {
        let error = Cluster::of_person(Some(Path::new("/nowhere/kubeconfig")), None).await;
        let error = error.err().unwrap();
        assert_eq!(error.to_string(), "kubeconfig");
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("/nowhere/kubeconfig"), "{source}");
    }
}
