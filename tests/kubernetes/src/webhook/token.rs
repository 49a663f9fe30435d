//! The token that `aws eks get-token` and our functions make: `k8s-aws-v1.` and a presigned URL in base64.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use reqwest::Url;

use super::Refusal;

/// What every such token starts with.
pub const PREFIX: &str = "k8s-aws-v1.";

/// Longer ones are not even looked at.
const LONGEST: usize = 4096;

/// How long a token is good after it was signed, whatever the URL itself says (`aws eks get-token` says 60 s).
const LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// The only parameters of a presigned `GetCallerIdentity`; any other could change what the request means.
const PARAMETERS: [&str; 10] = [
    "action",
    "version",
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-signedheaders",
    "x-amz-user-agent",
];

/// A presigned request to STS that looks as it should. Only STS can tell whether its signature is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresignedUrl {
    /// `sts.<region>.amazonaws.com`, which is signed, too.
    pub host: String,
    /// The query string, byte for byte as it was signed.
    pub query: String,
}

/// Takes a token apart and checks its shape.
pub fn decode(token: &str, now: Timestamp) -> Result<PresignedUrl, Refusal> {
    let encoded = token.strip_prefix(PREFIX).ok_or(Refusal::Foreign)?;
    if token.len() > LONGEST {
        return Err(malformed(format!(
            "has {} characters, and at most {LONGEST} are allowed",
            token.len()
        )));
    }
    let bytes = BASE64_URL_SAFE_NO_PAD
        .decode(encoded)
        .map_err(|_| malformed("is not base64 for URLs without padding"))?;
    let url = std::str::from_utf8(&bytes)
        .ok()
        .and_then(|text| Url::parse(text).ok())
        .ok_or_else(|| malformed("does not hold a URL"))?;
    let host = check_place(&url)?;
    check_parameters(&parameters(&url)?, now)?;
    Ok(PresignedUrl {
        host,
        query: url.query().unwrap_or_default().to_owned(),
    })
}

fn malformed(reason: impl Into<String>) -> Refusal {
    Refusal::Malformed(reason.into())
}

fn check_place(url: &Url) -> Result<String, Refusal> {
    let host = url.host_str().unwrap_or_default();
    let is_sts = host == "sts.amazonaws.com"
        || host
            .strip_prefix("sts.")
            .and_then(|rest| rest.strip_suffix(".amazonaws.com"))
            .is_some_and(|region| !region.is_empty() && !region.contains('.'));
    if url.scheme() != "https" || url.port().is_some() || !is_sts || url.path() != "/" {
        return Err(malformed(format!(
            "is for {}, which is not an endpoint of sts",
            url.origin().ascii_serialization()
        )));
    }
    Ok(host.to_owned())
}

fn parameters(url: &Url) -> Result<BTreeMap<String, String>, Refusal> {
    let mut parameters = BTreeMap::new();
    for (name, value) in url.query_pairs() {
        let name = name.to_ascii_lowercase();
        if !PARAMETERS.contains(&name.as_str()) {
            return Err(malformed(format!(
                "has the parameter {name}, which is not allowed"
            )));
        }
        if parameters.insert(name.clone(), value.into_owned()).is_some() {
            return Err(malformed(format!("has the parameter {name} twice")));
        }
    }
    Ok(parameters)
}

fn check_parameters(parameters: &BTreeMap<String, String>, now: Timestamp) -> Result<(), Refusal> {
    let value = |name: &str| parameters.get(name).map(String::as_str).unwrap_or_default();
    if value("action") != "GetCallerIdentity" {
        return Err(malformed(format!(
            "asks sts for {:?}, not for GetCallerIdentity",
            value("action")
        )));
    }
    if !value("x-amz-signedheaders")
        .split(';')
        .any(|header| header.eq_ignore_ascii_case("x-k8s-aws-id"))
    {
        return Err(malformed(
            "does not sign x-k8s-aws-id, so it is for no cluster in particular",
        ));
    }
    let expires: Option<i64> = value("x-amz-expires").parse().ok();
    if !expires.is_some_and(|seconds| (0..=LIFETIME.as_secs()).contains(&seconds)) {
        return Err(malformed(format!(
            "has X-Amz-Expires {:?}, not 0 to 900",
            value("x-amz-expires")
        )));
    }
    let signed = signing_time(value("x-amz-date")).ok_or_else(|| {
        malformed(format!(
            "has X-Amz-Date {:?}, which is no date",
            value("x-amz-date")
        ))
    })?;
    if now.duration_since(signed) > LIFETIME {
        return Err(malformed(format!(
            "was signed at {signed} and is expired after 15 minutes"
        )));
    }
    Ok(())
}

fn signing_time(text: &str) -> Option<Timestamp> {
    let time = DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: &str = "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256\
        &X-Amz-Credential=AKIA%2F20260102%2Feu-central-1%2Fsts%2Faws4_request&X-Amz-Date=20260102T030405Z\
        &X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Signature=abc";

    fn token(url: &str) -> String {
        format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(url))
    }

    fn decode_at(url: &str, now: &str) -> Result<PresignedUrl, Refusal> {
        decode(&token(url), now.parse().unwrap())
    }

    fn good() -> String {
        format!("https://sts.eu-central-1.amazonaws.com/?{QUERY}")
    }

    #[test]
    fn a_good_token_gives_the_host_and_the_query_as_they_were_signed() {
        let url = decode_at(&good(), "2026-01-02T03:19:05Z").unwrap();
        assert_eq!(
            (url.host.as_str(), url.query.as_str()),
            ("sts.eu-central-1.amazonaws.com", QUERY)
        );
    }

    #[test]
    fn a_token_is_good_for_15_minutes() {
        let refusal = decode_at(&good(), "2026-01-02T03:19:06Z").unwrap_err();
        assert!(refusal.to_string().contains("expired"), "{refusal}");
    }

    #[test]
    fn what_breaks_a_rule_is_refused_with_the_rule() {
        for (from, to, why) in [
            ("https://sts.", "http://sts.", "not an endpoint of sts"),
            (
                "sts.eu-central-1.amazonaws.com/",
                "sts.evil.example/",
                "not an endpoint of sts",
            ),
            (
                "sts.eu-central-1.amazonaws.com/",
                "sts.a.b.amazonaws.com/",
                "not an endpoint of sts",
            ),
            (
                ".amazonaws.com/",
                ".amazonaws.com:8443/",
                "not an endpoint of sts",
            ),
            (".amazonaws.com/", ".amazonaws.com/path", "not an endpoint of sts"),
            (
                "GetCallerIdentity",
                "GetSessionToken",
                "not for GetCallerIdentity",
            ),
            ("%3Bx-k8s-aws-id", "", "for no cluster in particular"),
            ("Expires=60", "Expires=901", "not 0 to 900"),
            ("20260102T030405Z", "yesterday", "is no date"),
            (
                "&X-Amz-Expires",
                "&RoleArn=x&X-Amz-Expires",
                "rolearn, which is not allowed",
            ),
            (
                "&X-Amz-Expires",
                "&x-amz-date=20260102T030405Z&X-Amz-Expires",
                "x-amz-date twice",
            ),
        ] {
            let url = good().replace(from, to);
            let refusal = decode_at(&url, "2026-01-02T03:04:06Z").unwrap_err().to_string();
            assert!(refusal.contains(why), "{url}: {refusal}");
        }
    }

    #[test]
    fn what_is_no_token_of_aws_is_left_to_others() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(decode("eyJhbGciOi", now), Err(Refusal::Foreign));
        assert!(matches!(
            decode("k8s-aws-v1.???", now),
            Err(Refusal::Malformed(_))
        ));
        let long = format!("{PREFIX}{}", "a".repeat(LONGEST));
        assert!(
            decode(&long, now)
                .unwrap_err()
                .to_string()
                .contains("at most 4096")
        );
    }
}
