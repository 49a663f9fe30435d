//! What goes over the wire, and what is made of the answers.

use aws_config::SdkConfig;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use domain::failure::{Class, Classified as _};

use super::*;
use crate::wire::Wire;

const KEY: &str = "blue/deployment/shop/web%20a";

fn bucket(wire: &Wire) -> Bucket {
    Bucket::new(&wire.config(), "sizes")
}

fn refusal(code: &str) -> String {
    format!("<Error><Code>{code}</Code><Message>as S3 says it</Message><Key>a</Key></Error>")
}

async fn write(wire: &Wire, condition: Condition) -> Result<Written, Error> {
    bucket(wire)
        .write_object(KEY, r#"{"replicas":3}"#, condition)
        .await
}

#[tokio::test]
async fn case_6_an_object_is_created_only_where_there_is_none() {
    let wire = Wire::answering_with(200, [("ETag", "\"6805f2cf\"")], "");
    let written = write(&wire, Condition::Absent).await.unwrap();
    assert_eq!(written, Written::Done(ETag::new("6805f2cf")));
    let [request] = wire.requests().try_into().unwrap();
    assert_eq!(request.method, "PUT");
    assert_eq!(request.host, "sizes.s3.eu-central-1.amazonaws.com");
    assert_eq!(request.path, "/blue/deployment/shop/web%2520a");
    assert_eq!(request.headers["if-none-match"], "*");
    assert_eq!(request.headers.get("if-match"), None);
    assert_eq!(request.headers["content-type"], "application/json");
    assert_eq!(request.body, r#"{"replicas":3}"#);
}

#[tokio::test]
async fn a_body_goes_out_as_it_is_and_signed() {
    let wire = Wire::answering_with(200, [("ETag", "\"1\"")], "");
    write(&wire, Condition::Absent).await.unwrap();
    let headers = &wire.requests()[0].headers;
    // SHA-256 of the body.
    let digest = "c6e0136096902323a78e9de55286aaf854879d1bd5dd004ac5b0193dc4279629";
    assert_eq!(headers["x-amz-content-sha256"], digest);
    assert_eq!(headers["content-length"], "14");
    let odd = |name: &&String| {
        let checksum = name.starts_with("x-amz-checksum") || name.starts_with("x-amz-sdk-checksum");
        checksum || name.contains("trailer") || name.contains("encoding") || *name == "expect"
    };
    assert_eq!(headers.keys().find(odd), None);
}

#[tokio::test]
async fn an_object_is_replaced_only_as_it_was_seen() {
    let wire = Wire::answering_with(200, [("ETag", "\"new\"")], "");
    let seen = Condition::Unchanged(ETag::new("old"));
    assert_eq!(write(&wire, seen).await.unwrap(), Written::Done(ETag::new("new")));
    let headers = &wire.requests()[0].headers;
    assert_eq!(headers["if-match"], "\"old\"");
    assert_eq!(headers.get("if-none-match"), None);
}

#[tokio::test]
async fn a_condition_that_does_not_hold_is_a_lost_write_and_no_error() {
    let unchanged = || Condition::Unchanged(ETag::new("old"));
    let cases = [
        (412, "PreconditionFailed", Condition::Absent),
        (409, "ConditionalRequestConflict", Condition::Absent),
        (412, "PreconditionFailed", unchanged()),
        (409, "ConditionalRequestConflict", unchanged()),
        (404, "NoSuchKey", unchanged()),
    ];
    for (status, code, condition) in cases {
        let wire = Wire::answering([(status, &refusal(code))]);
        assert_eq!(write(&wire, condition).await.unwrap(), Written::Lost, "{code}");
        assert_eq!(wire.requests().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_an_error_for_every_call() {
    let answer = refusal("NoSuchBucket");
    let wire = Wire::answering([(404, answer.as_str()); 5]);
    let bucket = bucket(&wire);
    let unchanged = Condition::Unchanged(ETag::new("1"));
    let errors = [
        bucket
            .write_object("a", "{}", Condition::Absent)
            .await
            .unwrap_err(),
        bucket.write_object("a", "{}", unchanged).await.unwrap_err(),
        bucket.read_object("a").await.unwrap_err(),
        bucket.delete_object("a", &ETag::new("1")).await.unwrap_err(),
        bucket.objects_below("a").await.unwrap_err(),
    ];
    let [put, put_again, get, delete, list] = errors.map(|error| {
        assert_eq!(error.class(), Class::Permanent);
        error.to_string()
    });
    let said = "NoSuchBucket: as S3 says it";
    assert_eq!(put, format!("s3:PutObject for object a, bucket sizes: {said}"));
    assert_eq!(put_again, put);
    assert_eq!(get, format!("s3:GetObject for object a, bucket sizes: {said}"));
    assert_eq!(
        delete,
        format!("s3:DeleteObject for object a, bucket sizes: {said}")
    );
    assert_eq!(
        list,
        format!("s3:ListBucket for objects below a, bucket sizes: {said}")
    );
}

#[tokio::test]
async fn an_object_is_read_with_what_the_next_write_needs() {
    let wire = Wire::answering_with(200, [("ETag", "\"1\"")], r#"{"name":"Grüße"}"#);
    let found = bucket(&wire).read_object(KEY).await.unwrap();
    let expected = Object {
        body: r#"{"name":"Grüße"}"#.to_owned(),
        etag: ETag::new("1"),
    };
    assert_eq!(found, Some(expected));
    let [request] = wire.requests().try_into().unwrap();
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("GET", "/blue/deployment/shop/web%2520a")
    );
    assert_eq!(request.headers.get("x-amz-checksum-mode"), None);
}

#[tokio::test]
async fn an_object_that_is_not_there_is_none_and_one_that_is_denied_an_error() {
    let wire = Wire::answering([(404, &refusal("NoSuchKey"))]);
    assert_eq!(bucket(&wire).read_object(KEY).await.unwrap(), None);
    let wire = Wire::answering([(403, &refusal("AccessDenied"))]);
    assert!(
        bucket(&wire)
            .read_object(KEY)
            .await
            .unwrap_err()
            .is_access_denied()
    );
}

#[tokio::test]
async fn an_object_is_deleted_only_as_it_was_seen() {
    let cases = [
        (204, String::new(), Deleted::Done),
        (404, refusal("NoSuchKey"), Deleted::Done),
        (412, refusal("PreconditionFailed"), Deleted::Changed),
        (409, refusal("ConditionalRequestConflict"), Deleted::Changed),
    ];
    for (status, answer, expected) in cases {
        let wire = Wire::answering([(status, &answer)]);
        let deleted = bucket(&wire).delete_object(KEY, &ETag::new("1")).await.unwrap();
        assert_eq!(deleted, expected, "{status}");
        let [request] = wire.requests().try_into().unwrap();
        assert_eq!(request.method, "DELETE");
        assert_eq!(request.headers["if-match"], "\"1\"");
    }
}

#[tokio::test]
async fn every_page_of_a_prefix_is_listed() {
    let page = |key: &str, more: &str| {
        format!(
            "<ListBucketResult><Contents><Key>{key}</Key><ETag>&quot;{key}&quot;</ETag></Contents>{more}</ListBucketResult>"
        )
    };
    let more = "<IsTruncated>true</IsTruncated><NextContinuationToken>page 2</NextContinuationToken>";
    let wire = Wire::answering([
        (200, &page("blue/group/a%20b", more)),
        (200, &page("blue/group/c", "<IsTruncated>false</IsTruncated>")),
    ]);
    let found = bucket(&wire).objects_below("blue/").await.unwrap();
    let info = |key: &str| ObjectInfo {
        key: key.to_owned(),
        etag: ETag::new(key),
    };
    assert_eq!(found, [info("blue/group/a%20b"), info("blue/group/c")]);
    let [first, second] = wire.requests().try_into().unwrap();
    assert_eq!((first.method.as_str(), first.path.as_str()), ("GET", "/"));
    let asked = |request: &crate::wire::Request, name: &str| request.query.get(name).cloned();
    assert_eq!(asked(&first, "prefix").as_deref(), Some("blue/"));
    assert_eq!(asked(&first, "list-type").as_deref(), Some("2"));
    assert_eq!(asked(&first, "continuation-token"), None);
    assert_eq!(asked(&second, "continuation-token").as_deref(), Some("page 2"));
}

#[tokio::test(start_paused = true)]
async fn a_throttled_write_is_tried_again() {
    let slow = refusal("SlowDown");
    let wire = Wire::answering([(503, slow.as_str()), (503, &slow), (503, &slow)]);
    let error = write(&wire, Condition::Absent).await.unwrap_err();
    assert_eq!(error.class(), Class::Transient);
    assert_eq!(wire.requests().len(), 3);
}

#[derive(Debug)]
struct OfS3;

impl LoadServiceConfig for OfS3 {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let asked = (key.service_id(), key.env());
        (asked == ("S3", "AWS_ENDPOINT_URL")).then(|| "http://127.0.0.1:4566".to_owned())
    }
}

#[tokio::test]
async fn an_endpoint_of_ones_own_has_the_bucket_in_the_path() {
    let whole = |config: SdkConfig| {
        config
            .into_builder()
            .endpoint_url("http://127.0.0.1:4566")
            .build()
    };
    let of_s3 = |config: SdkConfig| config.into_builder().service_config(OfS3).build();
    let ways: [&dyn Fn(SdkConfig) -> SdkConfig; 2] = [&whole, &of_s3];
    for way in ways {
        let wire = Wire::answering([(404, &refusal("NoSuchKey"))]);
        let bucket = Bucket::new(&way(wire.config()), "sizes");
        assert_eq!(bucket.read_object("a/b").await.unwrap(), None);
        let [request] = wire.requests().try_into().unwrap();
        assert_eq!(
            (request.host.as_str(), request.path.as_str()),
            ("127.0.0.1", "/sizes/a/b")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_attempt_that_finds_the_work_of_the_first_is_lost_for_all_it_can_tell() {
    let wire = Wire::answering([
        (500, &refusal("InternalError")),
        (412, &refusal("PreconditionFailed")),
    ]);
    assert_eq!(write(&wire, Condition::Absent).await.unwrap(), Written::Lost);
    assert_eq!(wire.requests().len(), 2);
}
