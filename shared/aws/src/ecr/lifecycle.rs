//! By which rules the images of a repository expire.

use domain::image::Repository;

use super::Ecr;
use crate::error::{Call, Error};

/// Reads a repository's lifecycle policy.
pub trait GetLifecyclePolicy {
    /// Its text, if the repository has one. A repository that is not there is an error.
    async fn lifecycle_policy(&self, repository: &Repository) -> Result<Option<String>, Error>;
}

impl GetLifecyclePolicy for Ecr {
    async fn lifecycle_policy(&self, repository: &Repository) -> Result<Option<String>, Error> {
        let call = Call::new("ecr:GetLifecyclePolicy", format!("repository {repository}"));
        let client = self.client(&repository.region, &call)?;
        let request = client
            .get_lifecycle_policy()
            .registry_id(&repository.account)
            .repository_name(&repository.name);
        match request.send().await.map_err(|error| call.clone().failed(error)) {
            Ok(answer) => {
                let text = call.must("lifecycle policy", answer.lifecycle_policy_text())?;
                Ok(Some(text.to_owned()))
            }
            Err(error) if error.is("LifecyclePolicyNotFoundException") => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{refusal, shop};
    use super::*;
    use crate::wire::Wire;

    async fn ask(status: u16, body: &str) -> (Result<Option<String>, Error>, Wire) {
        let wire = Wire::answering([(status, body)]);
        let ecr = Ecr::new(&wire.config());
        (ecr.lifecycle_policy(&shop("eu-central-1")).await, wire)
    }

    #[tokio::test]
    async fn the_text_of_the_policy_is_given_as_it_is() {
        let (answer, wire) = ask(200, &json!({ "lifecyclePolicyText": "{ }" }).to_string()).await;
        assert_eq!(answer.unwrap().as_deref(), Some("{ }"));
        let [request] = wire.requests().try_into().unwrap();
        assert_eq!(
            request.target,
            "AmazonEC2ContainerRegistry_V20150921.GetLifecyclePolicy"
        );
        assert_eq!(
            request.json(),
            json!({ "registryId": "111122223333", "repositoryName": "shop/web" })
        );
    }

    #[tokio::test]
    async fn a_repository_without_one_is_told_from_no_repository_and_from_no_permission() {
        let none = refusal("LifecyclePolicyNotFoundException", "does not exist");
        assert_eq!(ask(400, &none).await.0.unwrap(), None);
        let missing = refusal("RepositoryNotFoundException", "does not exist");
        assert!(ask(400, &missing).await.0.unwrap_err().is_repository_missing());
        let denied = refusal("AccessDeniedException", "not authorized");
        let error = ask(400, &denied).await.0.unwrap_err();
        assert!(error.is_access_denied(), "{error}");
        assert!(
            error
                .to_string()
                .starts_with("ecr:GetLifecyclePolicy for repository shop/web")
        );
        let empty = ask(200, "{}").await.0.unwrap_err();
        assert!(empty.to_string().contains("no lifecycle policy"), "{empty}");
    }
}
