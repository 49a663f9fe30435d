//! What goes over the wire, and what is made of the answers.

use domain::failure::{Class, Classified as _};
use serde_json::{Value, json};

use super::super::tests::{digest, refusal, shop};
use super::*;
use crate::wire::Wire;

const IMAGE: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
const INDEX: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";
const CHART: &str = "sha256:3333333333333333333333333333333333333333333333333333333333333333";
const PUSHED: &str = "2026-06-07T08:09:10.123Z";

fn detail(digest: &str, more: &Value) -> Value {
    let mut detail = json!({
        "registryId": "111122223333",
        "repositoryName": "shop/web",
        "imageDigest": digest,
        "imageSizeInBytes": 7_301_234,
        "imagePushedAt": 1_780_819_750.123,
    });
    let more = more.as_object().unwrap().clone();
    detail.as_object_mut().unwrap().extend(more);
    detail
}

fn page(details: &[Value], next: Option<&str>) -> String {
    let mut page = json!({ "imageDetails": details });
    if let Some(next) = next {
        page["nextToken"] = json!(next);
    }
    page.to_string()
}

fn untagged(text: &str) -> Described {
    Described {
        digest: digest(text),
        tags: vec![],
        pushed: PUSHED.parse().unwrap(),
        manifest: None,
        artifact: None,
    }
}

async fn images(wire: &Wire) -> Result<Vec<Described>, Error> {
    Ecr::new(&wire.config()).images(&shop("eu-central-1")).await
}

async fn image(wire: &Wire) -> Result<Option<Described>, Error> {
    let ecr = Ecr::new(&wire.config());
    ecr.image(&shop("eu-central-1"), &digest(IMAGE)).await
}

#[tokio::test]
async fn every_page_of_a_repository_is_read_with_and_without_tags() {
    const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    const LIST: &str = "application/vnd.oci.image.index.v1+json";
    const CONFIG: &str = "application/vnd.docker.container.image.v1+json";
    const HELM: &str = "application/vnd.cncf.helm.config.v1+json";
    let first = [
        detail(
            IMAGE,
            &json!({ "imageManifestMediaType": MANIFEST, "artifactMediaType": CONFIG, "imageStatus": "ACTIVE" }),
        ),
        detail(
            INDEX,
            &json!({ "imageTags": ["1.2.3", "latest"], "imageManifestMediaType": LIST }),
        ),
    ];
    let second = [detail(
        CHART,
        &json!({ "imageTags": ["0.1.0"], "artifactMediaType": HELM }),
    )];
    let wire = Wire::answering([(200, &page(&first, Some("page 2"))), (200, &page(&second, None))]);
    let tags = |tags: &[&str]| tags.iter().map(|tag| Tag::parse(*tag).unwrap()).collect();
    let expected = [
        Described {
            manifest: Some(MANIFEST.to_owned()),
            artifact: Some(CONFIG.to_owned()),
            ..untagged(IMAGE)
        },
        Described {
            tags: tags(&["1.2.3", "latest"]),
            manifest: Some(LIST.to_owned()),
            ..untagged(INDEX)
        },
        Described {
            tags: tags(&["0.1.0"]),
            artifact: Some(HELM.to_owned()),
            ..untagged(CHART)
        },
    ];
    assert_eq!(images(&wire).await.unwrap(), expected);
    let [first, second] = wire.requests().try_into().unwrap();
    assert_eq!(
        first.target,
        "AmazonEC2ContainerRegistry_V20150921.DescribeImages"
    );
    let mut asked = json!({ "registryId": "111122223333", "repositoryName": "shop/web", "maxResults": 1000 });
    assert_eq!(first.json(), asked);
    asked["nextToken"] = json!("page 2");
    assert_eq!(second.json(), asked);
}

#[tokio::test]
async fn an_image_is_asked_for_by_its_digest_alone() {
    let wire = Wire::answering([(200, &page(&[detail(IMAGE, &json!({}))], None))]);
    assert_eq!(image(&wire).await.unwrap(), Some(untagged(IMAGE)));
    let [request] = wire.requests().try_into().unwrap();
    assert_eq!(
        request.json(),
        json!({
            "registryId": "111122223333",
            "repositoryName": "shop/web",
            "imageIds": [{ "imageDigest": IMAGE }],
        })
    );
}

#[tokio::test]
async fn an_image_that_is_not_there_is_none_and_a_repository_that_is_not_there_an_error() {
    let gone = refusal(
        "ImageNotFoundException",
        "The image does not exist within the repository",
    );
    assert_eq!(image(&Wire::answering([(400, &gone)])).await.unwrap(), None);
    assert_eq!(
        image(&Wire::answering([(200, &page(&[], None))])).await.unwrap(),
        None
    );

    let gone = refusal("RepositoryNotFoundException", "The repository does not exist");
    let error = image(&Wire::answering([(400, &gone)])).await.unwrap_err();
    assert!(error.is_repository_missing());
    assert_eq!(
        error.to_string(),
        format!(
            "ecr:DescribeImages for image {IMAGE}, repository shop/web of 111122223333 in eu-central-1: \
             RepositoryNotFoundException: The repository does not exist"
        )
    );
}

#[tokio::test]
async fn an_image_in_the_archive_is_as_good_as_not_there() {
    for status in ["ARCHIVED", "ACTIVATING"] {
        let body = page(&[detail(IMAGE, &json!({ "imageStatus": status }))], None);
        assert_eq!(image(&Wire::answering([(200, &body)])).await.unwrap(), None);
        assert_eq!(images(&Wire::answering([(200, &body)])).await.unwrap(), []);
    }
    let body = page(&[detail(IMAGE, &json!({ "imageStatus": "SOMETHING_NEW" }))], None);
    assert_eq!(
        images(&Wire::answering([(200, &body)])).await.unwrap(),
        [untagged(IMAGE)]
    );
}

#[tokio::test]
async fn case_31_a_tag_that_no_name_can_carry_is_left_out_and_nothing_else_with_it() {
    let long = "a".repeat(129);
    let tags = json!({ "imageTags": ["a+b", "1.2.3", "", long, "with space"] });
    let wire = Wire::answering([(200, &page(&[detail(IMAGE, &tags)], None))]);
    let expected = Described {
        tags: vec![Tag::parse("1.2.3").unwrap()],
        ..untagged(IMAGE)
    };
    assert_eq!(images(&wire).await.unwrap(), [expected]);
}

#[tokio::test]
async fn an_answer_without_what_every_image_has_is_unexpected() {
    let subject =
        "ecr:DescribeImages for repository shop/web of 111122223333 in eu-central-1: unexpected answer: ";
    for (field, wrong) in [
        ("imageDigest", "no digest".to_owned()),
        ("imagePushedAt", format!("no push time of image {IMAGE}")),
    ] {
        let mut body = detail(IMAGE, &json!({}));
        body.as_object_mut().unwrap().remove(field);
        let wire = Wire::answering([(200, &page(&[body], None))]);
        let error = images(&wire).await.unwrap_err();
        assert_eq!(error.to_string(), format!("{subject}{wrong}"));
        assert_eq!(error.class(), Class::Permanent);
    }
    let wire = Wire::answering([(200, &page(&[detail("sha256:12", &json!({}))], None))]);
    let error = images(&wire).await.unwrap_err().to_string();
    assert!(
        error.starts_with(subject) && error.contains(r#""sha256:12": expected"#),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_may_work_later_is_tried_again_and_transient() {
    for (status, code) in [
        (400, "ThrottlingException"),
        (500, "ServerException"),
        (503, "ServiceUnavailable"),
    ] {
        let body = refusal(code, "later");
        let answers = [(status, body.as_str()), (status, &body), (status, &body)];
        let wire = Wire::answering(answers);
        let error = images(&wire).await.unwrap_err();
        assert_eq!(error.class(), Class::Transient, "{error}");
        assert!(!error.is_access_denied() && !error.is_repository_missing());
        assert_eq!(wire.requests().len(), 3, "{code}");
    }
    let error = images(&Wire::silent()).await.unwrap_err();
    assert_eq!(error.class(), Class::Transient);
    let subject = "repository shop/web of 111122223333 in eu-central-1";
    assert_eq!(
        error.to_string(),
        format!("ecr:DescribeImages for {subject}: no answer")
    );
}

#[tokio::test(start_paused = true)]
async fn a_page_that_fails_is_an_error_and_not_half_a_list() {
    let first = page(&[detail(IMAGE, &json!({}))], Some("page 2"));
    let refused = refusal("InvalidParameterException", "nextToken is not valid");
    let wire = Wire::answering([(200, &first), (400, &refused)]);
    assert_eq!(images(&wire).await.unwrap_err().class(), Class::Permanent);
}
