//! What goes over the wire, and what is made of the answers.

use std::time::SystemTime;

use domain::failure::{Class, Classified as _};
use serde_json::{Value, json};

use super::super::tests::refusal;
use super::*;
use crate::wire::Wire;

const NOW: &str = "2026-06-07T08:09:10Z";
/// 12 hours later, as the API writes times.
const EXPIRES: f64 = 1_780_862_950.123;

#[derive(Debug)]
struct At(Timestamp);

impl aws_types::sdk_config::TimeSource for At {
    fn now(&self) -> SystemTime {
        self.0.into()
    }
}

async fn ask(wire: &Wire) -> Result<PullToken, Error> {
    let clock = At(NOW.parse().unwrap());
    let config = wire.config().to_builder().time_source(clock).build();
    Ecr::new(&config).token("eu-west-1").await
}

async fn read(data: Value) -> Result<PullToken, Error> {
    let body = json!({ "authorizationData": [data] }).to_string();
    ask(&Wire::answering([(200, &body)])).await
}

fn data(decoded: impl AsRef<[u8]>) -> Value {
    json!({
        "authorizationToken": STANDARD.encode(decoded),
        "expiresAt": EXPIRES,
        "proxyEndpoint": "https://111122223333.dkr.ecr.eu-west-1.amazonaws.com",
    })
}

#[tokio::test]
async fn one_token_is_asked_for_a_region_and_no_registry_is_named() {
    let body = json!({ "authorizationData": [data("AWS:hunter2")] }).to_string();
    let wire = Wire::answering([(200, &body)]);
    let token = ask(&wire).await.unwrap();
    assert_eq!(token.password.expose(), "hunter2");
    assert_eq!(token.expires, "2026-06-07T20:09:10.123Z".parse().unwrap());
    let [request] = wire.requests().try_into().unwrap();
    assert_eq!(request.host, "api.ecr.eu-west-1.amazonaws.com");
    assert_eq!(
        request.target,
        "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"
    );
    assert_eq!(request.json(), json!({}));
}

#[tokio::test]
async fn case_52_everything_after_the_first_colon_is_the_password() {
    for password in ["a:b", ":", "a::b:", "eyJwYXlsb2FkIjoi=="] {
        let token = read(data(format!("AWS:{password}"))).await.unwrap();
        assert_eq!(token.password.expose(), password);
    }
}

#[tokio::test]
async fn case_52_a_token_that_has_no_end_or_has_come_to_it_is_an_error() {
    let mut endless = data("AWS:hunter2");
    endless.as_object_mut().unwrap().remove("expiresAt");
    let ending = |seconds: f64| {
        let mut ending = data("AWS:hunter2");
        ending["expiresAt"] = json!(seconds);
        ending
    };
    for (data, wrong) in [
        (endless, "no expiry"),
        (ending(1e15), "no expiry"),
        (
            ending(1_780_819_750.0),
            "the token expired at 2026-06-07T08:09:10Z, and it is 2026-06-07T08:09:10Z",
        ),
        (
            ending(1.0),
            "the token expired at 1970-01-01T00:00:01Z, and it is 2026-06-07T08:09:10Z",
        ),
    ] {
        let error = read(data).await.unwrap_err();
        assert_eq!(error.class(), Class::Permanent);
        let call = "ecr:GetAuthorizationToken for registries in eu-west-1";
        assert_eq!(error.to_string(), format!("{call}: unexpected answer: {wrong}"));
    }
    assert!(read(ending(1_780_819_751.0)).await.is_ok(), "a second is left");
}

#[tokio::test]
async fn a_token_of_another_form_is_an_error_that_shows_nothing_of_it() {
    let mut raw = data("");
    raw["authorizationToken"] = json!("AWS:hunter2");
    for (data, wrong) in [
        (raw, "not Base64"),
        (data(b"AWS:hunter2\xff"), "not UTF-8"),
        (data("hunter2"), "no colon between user and password"),
        (data("hunter2:hunter2"), "a user other than AWS"),
        (data("aws:hunter2"), "a user other than AWS"),
        (data(":hunter2"), "a user other than AWS"),
        (data("AWS:"), "an empty password"),
    ] {
        let error = read(data).await.unwrap_err();
        assert_eq!(error.class(), Class::Permanent);
        let told = format!("{error}");
        assert!(told.ends_with(&format!("authorization token: {wrong}")), "{told}");
        assert!(!format!("{told} {error:?}").contains("hunter2"), "{error:?}");
    }
}

#[tokio::test]
async fn an_answer_without_a_token_is_unexpected() {
    for (body, wrong) in [
        (r#"{"authorizationData":[]}"#, "no authorization data"),
        (
            r#"{"authorizationData":[{"expiresAt":1780862950}]}"#,
            "no authorization token",
        ),
    ] {
        let error = ask(&Wire::answering([(200, body)])).await.unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with(&format!("unexpected answer: {wrong}")),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_token_shows_itself_nowhere() {
    let token = read(data("AWS:hunter2")).await.unwrap();
    assert!(format!("{token:?}").contains("Secret(redacted)"), "{token:?}");
    assert!(!format!("{token:?}").contains("hunter2"), "{token:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_named_and_what_may_work_later_is_transient() {
    let denied = refusal(
        "AccessDeniedException",
        "not authorized to perform: ecr:GetAuthorizationToken",
    );
    let error = ask(&Wire::answering([(400, &denied)])).await.unwrap_err();
    assert!(error.is_access_denied());
    assert_eq!(error.class(), Class::Permanent);
    let later = refusal("ServerException", "later");
    let wire = Wire::answering([(500, later.as_str()), (500, &later), (500, &later)]);
    assert_eq!(ask(&wire).await.unwrap_err().class(), Class::Transient);
    assert_eq!(ask(&Wire::silent()).await.unwrap_err().class(), Class::Transient);
}
