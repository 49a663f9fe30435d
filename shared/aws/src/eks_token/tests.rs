//! The signature is computed here once more, from the definition of Signature Version 4 and not with the
//! crate that made it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::*;

const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

fn now() -> Timestamp {
    "2026-11-21T07:42:11Z".parse().unwrap()
}

fn credentials(session_token: Option<&str>, expiry: Option<Timestamp>) -> Credentials {
    let session_token = session_token.map(str::to_owned);
    Credentials::new(
        "AKIDEXAMPLE",
        SECRET_KEY,
        session_token,
        expiry.map(SystemTime::from),
        "test",
    )
}

fn blue() -> ClusterName {
    ClusterName::parse("blue").unwrap()
}

/// The URL inside a token.
fn url_of(token: &Token) -> String {
    let encoded = token.secret.expose().strip_prefix("k8s-aws-v1.").unwrap();
    String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap()
}

/// Query parameters by name, still encoded.
fn query_of(url: &str) -> BTreeMap<&str, &str> {
    let (_, query) = url.split_once('?').unwrap();
    query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap())
        .collect()
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// The signature of the URL as STS computes it, for a header `x-k8s-aws-id` of `cluster`.
fn signature(url: &str, host: &str, region: &str, cluster: &str) -> String {
    let mut query = query_of(url);
    query.remove("X-Amz-Signature");
    let canonical_query: Vec<_> = query
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let request = format!(
        "GET\n/\n{}\nhost:{host}\nx-k8s-aws-id:{cluster}\n\nhost;x-k8s-aws-id\n{}",
        canonical_query.join("&"),
        hex(&Sha256::digest(b"")),
    );
    let scope = format!("20261121/{region}/sts/aws4_request");
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n20261121T074211Z\n{scope}\n{}",
        hex(&Sha256::digest(request.as_bytes()))
    );
    let key = ["20261121", region, "sts", "aws4_request"]
        .iter()
        .fold(format!("AWS4{SECRET_KEY}").into_bytes(), |key, part| {
            hmac(&key, part)
        });
    hex(&hmac(&key, &to_sign))
}

#[test]
fn a_token_is_a_signed_question_to_the_regional_sts() {
    let token = presign(
        &credentials(Some("FwoGZXIvYXdzEBY/+="), None),
        "eu-central-1",
        &blue(),
        now(),
    )
    .unwrap();
    let url = url_of(&token);
    assert!(
        url.starts_with("https://sts.eu-central-1.amazonaws.com/?"),
        "{url}"
    );
    let query = query_of(&url);
    for (name, value) in [
        ("Action", "GetCallerIdentity"),
        ("Version", "2011-06-15"),
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        (
            "X-Amz-Credential",
            "AKIDEXAMPLE%2F20261121%2Feu-central-1%2Fsts%2Faws4_request",
        ),
        ("X-Amz-Date", "20261121T074211Z"),
        ("X-Amz-Expires", "60"),
        ("X-Amz-Security-Token", "FwoGZXIvYXdzEBY%2F%2B%3D"),
        ("X-Amz-SignedHeaders", "host%3Bx-k8s-aws-id"),
    ] {
        assert_eq!(query.get(name), Some(&value), "{name}");
    }
    assert_eq!(
        query["X-Amz-Signature"],
        signature(&url, "sts.eu-central-1.amazonaws.com", "eu-central-1", "blue")
    );
}

#[test]
fn a_token_is_of_no_use_at_another_cluster() {
    let token = presign(&credentials(None, None), "eu-central-1", &blue(), now()).unwrap();
    let url = url_of(&token);
    let host = "sts.eu-central-1.amazonaws.com";
    assert_eq!(
        query_of(&url)["X-Amz-Signature"],
        signature(&url, host, "eu-central-1", "blue")
    );
    assert_ne!(
        query_of(&url)["X-Amz-Signature"],
        signature(&url, host, "eu-central-1", "green")
    );
}

#[test]
fn each_partition_has_its_own_sts() {
    for (region, host) in [
        ("eu-central-1", "sts.eu-central-1.amazonaws.com"),
        ("cn-north-1", "sts.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "sts.us-gov-west-1.amazonaws.com"),
    ] {
        let token = presign(&credentials(None, None), region, &blue(), now()).unwrap();
        let url = url_of(&token);
        assert!(url.starts_with(&format!("https://{host}/?")), "{url}");
        assert_eq!(
            query_of(&url)["X-Amz-Signature"],
            signature(&url, host, region, "blue")
        );
    }
}

#[test]
fn a_token_is_renewed_before_it_or_its_credentials_expire() {
    let at = |text: &str| -> Timestamp { text.parse().unwrap() };
    for (expiry, expected) in [
        (None, "2026-11-21T07:52:11Z"),
        (Some("2026-11-21T13:00:00Z"), "2026-11-21T07:52:11Z"),
        (Some("2026-11-21T07:45:00Z"), "2026-11-21T07:44:00Z"),
    ] {
        let token = presign(&credentials(None, expiry.map(at)), "eu-central-1", &blue(), now()).unwrap();
        assert_eq!(token.refresh_after, at(expected));
    }
}

#[test]
fn a_token_does_not_show_itself() {
    let token = presign(&credentials(None, None), "eu-central-1", &blue(), now()).unwrap();
    assert!(!format!("{token:?}").contains("k8s-aws-v1"));
}

#[tokio::test]
async fn without_region_or_credentials_the_error_says_so() {
    let tokens = EksTokens {
        credentials: None,
        region: None,
    };
    let error = tokens.issue_token(&blue(), now()).await.unwrap_err();
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(
        format!("{error}: {source}"),
        "sts:GetCallerIdentity for a token for cluster blue: request not sent: no region is configured"
    );
    let tokens = EksTokens {
        credentials: None,
        region: Some("eu-central-1".into()),
    };
    let error = tokens.issue_token(&blue(), now()).await.unwrap_err();
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "no credentials are configured"
    );
}
