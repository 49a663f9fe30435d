//! What goes over the wire for an image of its own, and what is made of the answers.

use domain::failure::{Class, Classified as _};
use domain::image::Digest;
use serde_json::json;

use super::super::platforms::ReadPlatforms as _;
use super::super::platforms::tests::answer;
use super::super::tests::{refusal, shop};
use super::*;
use crate::wire::Wire;

const IMAGE: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
const CONFIGURATION: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
/// As ECR gives one: whoever has it may read the layer.
const ADDRESS: &str =
    "https://layers.s3.eu-central-1.amazonaws.com/a/b%2Bc?X-Amz-Expires=3600&X-Amz-Signature=5ec%2Fe7";

fn manifest() -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "digest": CONFIGURATION,
            "size": 7023,
        },
        "layers": [],
    })
}

fn address() -> String {
    json!({ "downloadUrl": ADDRESS, "layerDigest": CONFIGURATION }).to_string()
}

async fn ask(wire: &Wire) -> Result<Platforms, Error> {
    let ecr = Ecr::new(&wire.config());
    ecr.platforms(&shop("eu-central-1"), &Digest::parse(IMAGE).unwrap())
        .await
}

#[tokio::test]
async fn case_27_an_image_of_its_own_is_for_the_machines_that_its_configuration_names() {
    let configuration = json!({ "architecture": "arm64", "os": "linux", "variant": "v8" }).to_string();
    let wire = Wire::answering([
        (200, &answer(&manifest())),
        (200, &address()),
        (200, &configuration),
    ]);
    assert_eq!(
        ask(&wire).await.unwrap(),
        Platforms::Of(["arm64".to_owned()].into())
    );
    let [_, asked, download] = wire.requests().try_into().unwrap();
    assert_eq!(
        asked.target,
        "AmazonEC2ContainerRegistry_V20150921.GetDownloadUrlForLayer"
    );
    assert_eq!(
        asked.json(),
        json!({
            "registryId": "111122223333",
            "repositoryName": "shop/web",
            "layerDigest": CONFIGURATION,
        })
    );
    assert_eq!(
        (
            download.method.as_str(),
            download.host.as_str(),
            download.path.as_str()
        ),
        ("GET", "layers.s3.eu-central-1.amazonaws.com", "/a/b%2Bc"),
        "as it was given"
    );
    let query = download
        .query
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    assert!(query.eq([("X-Amz-Expires", "3600"), ("X-Amz-Signature", "5ec/e7")]));
    assert_eq!(download.headers["range"], "bytes=0-1048575");
    assert!(
        !download.headers.contains_key("authorization"),
        "the address says it all"
    );
}

#[tokio::test]
async fn a_configuration_that_does_not_say_leaves_it_unknown() {
    for configuration in ["{}", r#"{"architecture":""}"#, r#"{"architecture":7}"#] {
        let wire = Wire::answering([
            (200, &answer(&manifest())),
            (200, &address()),
            (200, configuration),
        ]);
        assert_eq!(ask(&wire).await.unwrap(), Platforms::Unknown, "{configuration}");
    }
}

#[tokio::test]
async fn what_is_no_configuration_of_a_container_image_is_not_asked_for() {
    let without = |field: &str| {
        let mut manifest = manifest();
        manifest["config"].as_object_mut().unwrap().remove(field);
        manifest
    };
    let mut chart = manifest();
    chart["config"]["mediaType"] = json!("application/vnd.cncf.helm.config.v1+json");
    let mut large = manifest();
    large["config"]["size"] = json!(LARGEST + 1);
    for manifest in [
        without("digest"),
        without("mediaType"),
        without("size"),
        chart,
        large,
        json!([]),
    ] {
        let wire = Wire::answering([(200, &answer(&manifest))]);
        assert_eq!(ask(&wire).await.unwrap(), Platforms::Unknown, "{manifest}");
        assert_eq!(wire.requests().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_that_does_not_let_in_is_an_error_which_does_not_tell_it() {
    let (image, address) = (answer(&manifest()), address());
    let unreachable = Wire::answering([(200, &image), (200, &address)]);
    let busy = Wire::answering([(200, &image), (200, &address), (503, ""), (503, ""), (503, "")]);
    let forbidden = Wire::answering([(200, &image), (200, &address), (403, "<Error/>")]);
    for (wire, why, class) in [
        (unreachable, "connection refused", Class::Transient),
        (busy, "HTTP 503", Class::Transient),
        (forbidden, "HTTP 403", Class::Permanent),
    ] {
        let error = ask(&wire).await.unwrap_err();
        assert_eq!(error.class(), class, "{error}");
        let mut told = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            told = format!("{told}: {cause}");
            source = cause.source();
        }
        assert!(
            told.contains("at layers.s3.eu-central-1.amazonaws.com: "),
            "{told}"
        );
        assert!(told.contains(why), "{told}");
        assert!(!format!("{told} {error:?}").contains("Signature"), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_download_that_fails_for_a_moment_is_tried_again() {
    let (image, address) = (answer(&manifest()), address());
    let configuration = r#"{"architecture":"amd64"}"#;
    let wire = Wire::answering([(200, &image), (200, &address), (503, ""), (206, configuration)]);
    assert_eq!(
        ask(&wire).await.unwrap(),
        Platforms::Of(["amd64".to_owned()].into())
    );
}

#[tokio::test]
async fn a_refusal_and_an_answer_that_is_not_what_is_documented_are_told() {
    let denied = refusal(
        "AccessDeniedException",
        "not authorized to perform: ecr:GetDownloadUrlForLayer",
    );
    let wire = Wire::answering([(200, &answer(&manifest())), (400, &denied)]);
    let error = ask(&wire).await.unwrap_err();
    assert!(error.is_access_denied(), "{error}");
    let of = |address: &str| json!({ "downloadUrl": address }).to_string();
    for (answers, wrong) in [
        (vec!["{}".to_owned()], "no address"),
        (vec![of("layers")], "no address that is a URL"),
        (vec![of("https:// /")], "no address that is a URL"),
        (vec![address(), "{".to_owned()], "configuration: "),
    ] {
        let first = answer(&manifest());
        let second = answers.first().unwrap();
        let third = answers.get(1).map_or("", String::as_str);
        let wire = Wire::answering([(200, &first), (200, second), (200, third)]);
        let error = ask(&wire).await.unwrap_err();
        assert_eq!(error.class(), Class::Permanent);
        assert!(
            error.to_string().contains(&format!("unexpected answer: {wrong}")),
            "{error}"
        );
    }
}
