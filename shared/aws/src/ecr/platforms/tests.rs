//! What goes over the wire, and what is made of the answers.

use domain::failure::Classified as _;
use serde_json::json;

use super::super::tests::{digest, refusal, shop};
use super::*;
use crate::wire::Wire;

const INDEX: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
const AMD64: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
const ARM64: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";
const OTHER: &str = "sha256:3333333333333333333333333333333333333333333333333333333333333333";

/// What `docker buildx build --platform linux/amd64,linux/arm64 --push` leaves behind, with one attestation.
fn index() -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [
            image(AMD64, &json!({ "architecture": "amd64", "os": "linux" })),
            image(ARM64, &json!({ "architecture": "arm64", "os": "linux", "variant": "v8" })),
            attestation(),
        ],
    })
}

fn image(digest: &str, platform: &Value) -> Value {
    json!({
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": digest,
        "size": 1234,
        "platform": platform,
    })
}

fn attestation() -> Value {
    let mut attestation = image(OTHER, &json!({ "architecture": "unknown", "os": "unknown" }));
    attestation["annotations"] = json!({
        "vnd.docker.reference.digest": AMD64,
        "vnd.docker.reference.type": "attestation-manifest",
    });
    attestation
}

pub(in super::super) fn answer(manifest: &Value) -> String {
    json!({
        "images": [{
            "registryId": "111122223333",
            "repositoryName": "shop/web",
            "imageId": { "imageDigest": INDEX },
            "imageManifest": manifest.to_string(),
            "imageManifestMediaType": manifest["mediaType"],
        }],
        "failures": [],
    })
    .to_string()
}

async fn ask(wire: &Wire) -> Result<Platforms, Error> {
    let ecr = Ecr::new(&wire.config());
    ecr.platforms(&shop("eu-central-1"), &digest(INDEX)).await
}

async fn read(manifest: &Value) -> Result<Platforms, Error> {
    ask(&Wire::answering([(200, &answer(manifest))])).await
}

fn of<const N: usize>(architectures: [&str; N]) -> Platforms {
    Platforms::Of(architectures.map(str::to_owned).into())
}

#[tokio::test]
async fn case_9_an_index_is_for_the_machines_of_its_two_images_and_the_attestation_for_none() {
    let wire = Wire::answering([(200, &answer(&index()))]);
    assert_eq!(ask(&wire).await.unwrap(), of(["amd64", "arm64"]));
    let [request] = wire.requests().try_into().unwrap();
    assert_eq!(
        request.target,
        "AmazonEC2ContainerRegistry_V20150921.BatchGetImage"
    );
    assert_eq!(
        request.json(),
        json!({
            "registryId": "111122223333",
            "repositoryName": "shop/web",
            "imageIds": [{ "imageDigest": INDEX }],
            "acceptedMediaTypes": [
                "application/vnd.oci.image.index.v1+json",
                "application/vnd.docker.distribution.manifest.list.v2+json",
                "application/vnd.oci.image.manifest.v1+json",
                "application/vnd.docker.distribution.manifest.v2+json",
            ],
        })
    );
}

#[tokio::test]
async fn two_variants_are_one_architecture() {
    let mut list = index();
    list["mediaType"] = json!("application/vnd.docker.distribution.manifest.list.v2+json");
    list["manifests"] = json!([
        image(
            AMD64,
            &json!({ "architecture": "arm", "os": "linux", "variant": "v6" })
        ),
        image(
            ARM64,
            &json!({ "architecture": "arm", "os": "linux", "variant": "v7" })
        ),
    ]);
    assert_eq!(read(&list).await.unwrap(), of(["arm"]));
}

#[tokio::test]
async fn what_lies_in_an_index_beside_the_images_is_left_out_however_it_is_marked() {
    let mut marked = image(OTHER, &json!({ "architecture": "s390x", "os": "linux" }));
    marked["annotations"] = json!({ "vnd.docker.reference.type": "attestation-manifest" });
    let unknown = image(OTHER, &json!({ "architecture": "unknown", "os": "unknown" }));
    let mut soci = image(OTHER, &json!({ "architecture": "s390x", "os": "linux" }));
    soci["artifactType"] = json!("application/vnd.amazon.soci.index.v2+json");
    let mut typed = image(AMD64, &json!({ "architecture": "amd64", "os": "linux" }));
    typed["artifactType"] = json!("application/vnd.oci.image.config.v1+json");
    let mut list = index();
    list["manifests"] = json!([marked, unknown, soci, typed]);
    assert_eq!(read(&list).await.unwrap(), of(["amd64"]));

    list["manifests"] = json!([attestation()]);
    assert_eq!(
        read(&list).await.unwrap(),
        of([]),
        "such an index is for no machine"
    );
}

#[tokio::test]
async fn the_platforms_of_an_index_that_leaves_one_out_are_unknown() {
    let mut silent = index();
    silent["manifests"][1].as_object_mut().unwrap().remove("platform");
    assert_eq!(read(&silent).await.unwrap(), Platforms::Unknown);
}

#[tokio::test]
async fn an_image_that_is_not_given_is_an_error_with_the_reason() {
    for (code, class) in [
        ("ImageNotFound", Class::Permanent),
        ("UpstreamTooManyRequests", Class::Transient),
        ("UpstreamUnavailable", Class::Transient),
        ("SomethingNew", Class::Permanent),
    ] {
        let failure =
            json!({ "imageId": { "imageDigest": INDEX }, "failureCode": code, "failureReason": "so" });
        let body = json!({ "images": [], "failures": [failure] }).to_string();
        let error = ask(&Wire::answering([(200, &body)])).await.unwrap_err();
        assert_eq!(error.class(), class, "{code}");
        let subject = format!("image {INDEX}, repository shop/web of 111122223333 in eu-central-1");
        assert_eq!(
            error.to_string(),
            format!("ecr:BatchGetImage for {subject}: {code}: so")
        );
    }
}

#[tokio::test]
async fn a_missing_permission_and_a_missing_repository_are_told_apart() {
    let denied = refusal(
        "AccessDeniedException",
        "not authorized to perform: ecr:BatchGetImage",
    );
    let error = ask(&Wire::answering([(400, &denied)])).await.unwrap_err();
    assert!(
        error.is_access_denied() && !error.is_repository_missing(),
        "{error}"
    );
    let missing = refusal("RepositoryNotFoundException", "does not exist");
    let error = ask(&Wire::answering([(400, &missing)])).await.unwrap_err();
    assert!(
        error.is_repository_missing() && !error.is_access_denied(),
        "{error}"
    );
}

#[tokio::test]
async fn an_answer_that_is_not_what_is_documented_is_unexpected() {
    let with = |manifest: &str| json!({ "images": [{ "imageManifest": manifest }] }).to_string();
    for (body, wrong) in [
        ("{}".to_owned(), "no image"),
        (r#"{"images":[{}]}"#.to_owned(), "no manifest"),
        (with("{"), "manifest: "),
    ] {
        let error = ask(&Wire::answering([(200, &body)])).await.unwrap_err();
        assert_eq!(error.class(), Class::Permanent);
        let told = error.to_string();
        assert!(
            told.contains("unexpected answer: ") && told.contains(wrong),
            "{told}"
        );
    }
}
