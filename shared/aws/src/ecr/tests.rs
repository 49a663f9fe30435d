//! Which client a call goes through.

use domain::failure::{Class, Classified as _};
use domain::image::{Digest, Repository};

use super::*;
use crate::wire::{Request, Wire};

const DIGEST: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

pub(super) fn digest(text: &str) -> Digest {
    Digest::parse(text).unwrap()
}

pub(super) fn shop(region: &str) -> Repository {
    Repository {
        account: "111122223333".to_owned(),
        region: region.to_owned(),
        name: "shop/web".to_owned(),
    }
}

/// The error that ECR answers with: 400, but for its own failures.
pub(super) fn refusal(code: &str, message: &str) -> String {
    serde_json::json!({ "__type": code, "message": message }).to_string()
}

fn scope(request: &Request) -> String {
    let signature = &request.headers["authorization"];
    let mut parts = signature.split('/').skip(2);
    format!("{}/{}", parts.next().unwrap(), parts.next().unwrap())
}

#[tokio::test]
async fn a_call_goes_to_the_region_of_the_repository_and_is_signed_for_it() {
    for (region, host) in [
        ("eu-central-1", "api.ecr.eu-central-1.amazonaws.com"),
        ("us-east-1", "api.ecr.us-east-1.amazonaws.com"),
        ("cn-north-1", "api.ecr.cn-north-1.amazonaws.com.cn"),
    ] {
        let wire = Wire::answering([(200, r#"{"imageDetails":[]}"#)]);
        let ecr = Ecr::new(&wire.config());
        assert_eq!(ecr.images(&shop(region)).await.unwrap(), []);
        let [request] = wire.requests().try_into().unwrap();
        assert_eq!(request.host, host);
        assert_eq!(scope(&request), format!("{region}/ecr"));
    }
}

#[tokio::test]
async fn an_endpoint_of_ones_own_is_that_of_every_region() {
    let wire = Wire::answering([(200, "{}"), (200, "{}")]);
    let config = wire
        .config()
        .to_builder()
        .endpoint_url("http://127.0.0.1:4566")
        .build();
    let ecr = Ecr::new(&config);
    ecr.images(&shop("eu-central-1")).await.unwrap();
    ecr.image(&shop("us-east-1"), &digest(DIGEST)).await.unwrap();
    let [first, second] = wire.requests().try_into().unwrap();
    assert_eq!(
        (first.host.as_str(), second.host.as_str()),
        ("127.0.0.1", "127.0.0.1")
    );
    assert_eq!(
        (scope(&first), scope(&second)),
        ("eu-central-1/ecr".to_owned(), "us-east-1/ecr".to_owned())
    );
}

#[tokio::test]
async fn a_regions_client_is_made_once_and_clones_share_it() {
    let wire = Wire::answering([(200, "{}"), (200, "{}"), (200, "{}")]);
    let ecr = Ecr::new(&wire.config());
    for region in ["eu-central-1", "us-east-1", "eu-central-1"] {
        ecr.clone().images(&shop(region)).await.unwrap();
    }
    let regions: Vec<String> = ecr.clients.lock().unwrap().keys().cloned().collect();
    assert_eq!(regions, ["eu-central-1", "us-east-1"]);
}

#[tokio::test]
async fn what_is_no_region_is_named_and_nothing_is_sent() {
    for region in [
        "",
        "eu central",
        "eu-central-1.example.org",
        "a/b",
        "EU",
        "-eu",
        "eu-",
        &"e".repeat(64),
    ] {
        let wire = Wire::answering([]);
        let error = Ecr::new(&wire.config()).images(&shop(region)).await.unwrap_err();
        assert_eq!(error.class(), Class::Permanent);
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(
            source.starts_with(&format!("region {region:?}: expected lower-case letters")),
            "{source}"
        );
        assert_eq!(wire.requests().len(), 0);
    }
}

#[tokio::test]
async fn a_repository_that_is_not_there_and_a_missing_permission_are_told_apart() {
    let message = "The repository with name 'shop/web' does not exist in the registry with id '111122223333'";
    let missing = refusal("RepositoryNotFoundException", message);
    let denied = refusal(
        "AccessDeniedException",
        "not authorized to perform: ecr:DescribeImages",
    );
    for (body, is_missing) in [(missing, true), (denied, false)] {
        let wire = Wire::answering([(400, &body)]);
        let error = Ecr::new(&wire.config())
            .images(&shop("eu-central-1"))
            .await
            .unwrap_err();
        assert_eq!(error.class(), Class::Permanent);
        assert_eq!(
            (error.is_repository_missing(), error.is_access_denied()),
            (is_missing, !is_missing),
            "{error}"
        );
        assert_eq!(wire.requests().len(), 1, "such an error is not tried again");
    }
}
