//! The webhook's questions over HTTP: to the emulator's STS, and to the world's EKS endpoint.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base::Ports;
use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::header::{ACCEPT, HOST};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{AccessEntry, Caller, Eks, PresignedUrl, Refusal};

/// Both are on this machine; the API server itself gives up on a webhook after 30 s.
const LIMIT: Duration = Duration::from_secs(10);

/// STS and EKS on the loopback address.
pub struct HttpEks {
    sts: String,
    eks: String,
    credentials: base::Credentials,
    http: reqwest::Client,
}

impl HttpEks {
    /// Asks the emulator and the EKS endpoint of the world at `ports`; access entries are read with
    /// `credentials`, which need `eks:ListAccessEntries` and `eks:DescribeAccessEntry`.
    pub fn new(ports: Ports, credentials: base::Credentials) -> anyhow::Result<Self> {
        Self::at(Ports::http(ports.aws()), Ports::http(ports.eks()), credentials)
    }

    /// The same with the addresses of the two services: `http://127.0.0.1:…`.
    pub fn at(sts: String, eks: String, credentials: base::Credentials) -> anyhow::Result<Self> {
        // Connections are not kept: one that the emulator closes just then would lose the request.
        let http = reqwest::Client::builder()
            .timeout(LIMIT)
            .no_proxy()
            .pool_max_idle_per_host(0)
            .build()?;
        Ok(Self {
            sts,
            eks,
            credentials,
            http,
        })
    }

    async fn ask_sts(&self, url: &PresignedUrl, cluster: &str) -> Result<Caller, Refusal> {
        let request = self
            .http
            .get(format!("{}/?{}", self.sts, url.query))
            .header(HOST, &url.host)
            .header("x-k8s-aws-id", cluster)
            .header(ACCEPT, "application/json");
        let (status, text) = text_of(request, "sts").await?;
        if !status.is_success() {
            return Err(Refusal::Sts(format!("{status}: {}", text.trim())));
        }
        parse_caller(&text)
    }

    async fn ask_eks<T: DeserializeOwned>(&self, path: &str) -> Result<T, Refusal> {
        let url = format!("{}{path}", self.eks);
        let headers = self
            .signed_headers(&url)
            .map_err(|error| Refusal::Unavailable(format!("signing a request to eks: {error:#}")))?;
        let mut request = self.http.get(&url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let (status, text) = text_of(request, "eks").await?;
        if !status.is_success() {
            return Err(Refusal::Unavailable(format!(
                "eks answered {status} to {path}: {}",
                text.trim()
            )));
        }
        serde_json::from_str(&text).map_err(|error| Refusal::Unavailable(format!("eks, {path}: {error}")))
    }

    fn signed_headers(&self, url: &str) -> anyhow::Result<Vec<(String, String)>> {
        let Self { credentials, .. } = self;
        let identity = Credentials::new(
            &credentials.access_key_id,
            &credentials.secret_access_key,
            credentials.session_token.clone(),
            None,
            "world",
        )
        .into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(base::aws::REGION)
            .name("eks")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?;
        let request = SignableRequest::new("GET", url, std::iter::empty(), SignableBody::Bytes(&[]))?;
        let (instructions, _signature) = sign(request, &params.into())?.into_parts();
        let headers = instructions
            .headers()
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(headers.collect())
    }
}

impl Eks for HttpEks {
    fn caller<'a>(
        &'a self,
        url: &'a PresignedUrl,
        cluster: &'a str,
    ) -> BoxFuture<'a, Result<Caller, Refusal>> {
        self.ask_sts(url, cluster).boxed()
    }

    fn principals<'a>(&'a self, cluster: &'a str) -> BoxFuture<'a, Result<Vec<String>, Refusal>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Page {
            access_entries: Vec<String>,
            next_token: Option<String>,
        }
        async move {
            let mut all = Vec::new();
            let mut query = String::new();
            loop {
                let path = format!("/clusters/{}/access-entries{query}", encoded(cluster));
                let page: Page = self.ask_eks(&path).await?;
                all.extend(page.access_entries);
                match page.next_token {
                    Some(token) => query = format!("?nextToken={}", encoded(&token)),
                    None => return Ok(all),
                }
            }
        }
        .boxed()
    }

    fn access_entry<'a>(
        &'a self,
        cluster: &'a str,
        principal: &'a str,
    ) -> BoxFuture<'a, Result<AccessEntry, Refusal>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            access_entry: AccessEntry,
        }
        async move {
            let path = format!(
                "/clusters/{}/access-entries/{}",
                encoded(cluster),
                encoded(principal)
            );
            Ok(self.ask_eks::<Answer>(&path).await?.access_entry)
        }
        .boxed()
    }
}

async fn text_of(
    request: reqwest::RequestBuilder,
    service: &str,
) -> Result<(reqwest::StatusCode, String), Refusal> {
    let unavailable =
        |error: reqwest::Error| Refusal::Unavailable(format!("{service} can't be asked: {error}"));
    let response = request.send().await.map_err(unavailable)?;
    Ok((response.status(), response.text().await.map_err(unavailable)?))
}

/// STS answers in JSON where it is asked to; the emulator answers in XML all the same.
fn parse_caller(text: &str) -> Result<Caller, Refusal> {
    #[derive(Deserialize)]
    struct Json {
        #[serde(rename = "GetCallerIdentityResponse")]
        response: Response,
    }
    #[derive(Deserialize)]
    struct Response {
        #[serde(rename = "GetCallerIdentityResult")]
        result: Caller,
    }
    let parsed = if text.trim_start().starts_with('{') {
        serde_json::from_str::<Json>(text)
            .map(|json| json.response)
            .map_err(|error| error.to_string())
    } else {
        quick_xml::de::from_str::<Response>(text).map_err(|error| error.to_string())
    };
    parsed
        .map(|response| response.result)
        .map_err(|error| Refusal::Unavailable(format!("the answer of sts can't be read: {error}")))
}

/// Everything but unreserved characters becomes %XX, as AWS signs it.
fn encoded(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_answers_of_sts_are_read() {
        let xml = r#"<?xml version="1.0"?><GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
            <GetCallerIdentityResult><Arn>arn:aws:sts::1:assumed-role/r/s</Arn><UserId>A:s</UserId><Account>1</Account>
            </GetCallerIdentityResult><ResponseMetadata><RequestId>x</RequestId></ResponseMetadata></GetCallerIdentityResponse>"#;
        let json = r#"{"GetCallerIdentityResponse": {"GetCallerIdentityResult":
            {"Account": "1", "Arn": "arn:aws:sts::1:assumed-role/r/s", "UserId": "A:s"}, "ResponseMetadata": {}}}"#;
        assert_eq!(parse_caller(xml).unwrap().arn, "arn:aws:sts::1:assumed-role/r/s");
        assert_eq!(parse_caller(xml), parse_caller(json));
        assert!(parse_caller("<html>").is_err());
    }

    #[test]
    fn an_arn_in_a_path_is_encoded_whole() {
        assert_eq!(
            encoded("arn:aws:iam::1:role/a/b"),
            "arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa%2Fb"
        );
    }
}
