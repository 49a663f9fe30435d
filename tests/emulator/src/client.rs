//! A small signed client for the emulator: the three ways in which AWS's services are called, answers read
//! by hand. The world needs a dozen operations of six services; their SDKs would take minutes to compile.

use std::time::SystemTime;

use anyhow::{Context, Result};
use autoscaling::judge::SignedRequest;
use aws_credential_types::Credentials as SigningCredentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use base::{Credentials, aws};
use http::HeaderMap;
use reqwest::Method;
use serde_json::Value;

use crate::Element;
use crate::forward::loopback;

/// A caller of the emulator.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    endpoint: String,
    credentials: Credentials,
}

/// An answer of AWS that is an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// HTTP status.
    pub status: u16,
    /// For example `InvalidInstanceID.NotFound`.
    pub code: String,
    /// The service's own words.
    pub message: String,
}

impl Refused {
    /// Whether `error` is an answer of AWS with this code.
    pub fn is(error: &anyhow::Error, code: &str) -> bool {
        error
            .downcast_ref::<Self>()
            .is_some_and(|refused| refused.code == code)
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (status {}): {}", self.code, self.status, self.message)
    }
}

impl std::error::Error for Refused {}

/// An answer of S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The version of the object that was read or written, in its quotes.
    pub etag: Option<String>,
    /// The object itself, or XML.
    pub body: String,
}

/// A request before it is signed.
struct Request<'a> {
    service: &'a str,
    method: Method,
    path: &'a str,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Client {
    /// A client that signs with `credentials` for `endpoint`.
    pub fn new(endpoint: &str, credentials: Credentials) -> Result<Self> {
        Ok(Self {
            http: loopback()?,
            endpoint: endpoint.to_owned(),
            credentials,
        })
    }

    /// Where it calls.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// A call of the Query protocol (EC2, IAM, STS, Auto Scaling): `parameters` besides Action and Version.
    pub async fn query<K, V>(
        &self,
        service: &str,
        version: &str,
        action: &str,
        parameters: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Element>
    where
        K: AsRef<str>,
        V: AsRef<str>,
    {
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("Action", action)
            .append_pair("Version", version)
            .extend_pairs(parameters)
            .finish();
        let request = Request {
            service,
            method: Method::POST,
            path: "/",
            headers: vec![("content-type", "application/x-www-form-urlencoded".to_owned())],
            body,
        };
        let answer = self
            .send(request)
            .await
            .with_context(|| format!("{service} {action}"))?;
        Element::parse(&answer).with_context(|| format!("{service} {action}: reading the answer"))
    }

    /// A call of the JSON protocol (SSM, SQS, EventBridge): `target` is for example `AmazonSSM.GetParameter`.
    pub async fn json(&self, service: &str, target: &str, body: &Value) -> Result<Value> {
        let request = Request {
            service,
            method: Method::POST,
            path: "/",
            headers: vec![
                ("content-type", "application/x-amz-json-1.1".to_owned()),
                ("x-amz-target", target.to_owned()),
            ],
            body: body.to_string(),
        };
        let answer = self.send(request).await.with_context(|| target.to_owned())?;
        parse(&answer).with_context(|| format!("{target}: reading the answer"))
    }

    /// A call of a REST service (EKS, Lambda, Scheduler); `path` with its query, already encoded.
    pub async fn rest(
        &self,
        service: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value> {
        let name = format!("{service} {method} {path}");
        let request = Request {
            service,
            method,
            path,
            headers: vec![("content-type", "application/json".to_owned())],
            body: body.map(Value::to_string).unwrap_or_default(),
        };
        let answer = self.send(request).await.with_context(|| name.clone())?;
        parse(&answer).with_context(|| format!("{name}: reading the answer"))
    }

    /// Has a function invoked asynchronously, as `EventBridge` does.
    pub async fn invoke_later(&self, function: &str, payload: &str) -> Result<()> {
        let request = Request {
            service: "lambda",
            method: Method::POST,
            path: &format!("/2015-03-31/functions/{function}/invocations"),
            headers: vec![
                ("content-type", "application/json".to_owned()),
                ("x-amz-invocation-type", "Event".to_owned()),
            ],
            body: payload.to_owned(),
        };
        self.send(request)
            .await
            .with_context(|| format!("invoking {function}"))
            .map(drop)
    }

    /// A call of S3: bodies are the objects themselves, or XML; `path` with its query, already encoded.
    pub async fn s3(&self, method: Method, path: &str, body: &str) -> Result<String> {
        let answer = self.s3_with(method, path, &[], body).await?;
        Ok(answer.body)
    }

    /// A call of S3 with headers, such as a condition.
    pub async fn s3_with(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: &str,
    ) -> Result<Object> {
        let name = format!("s3 {method} {path}");
        let owned = |&(name, value): &(&'static str, &str)| (name, value.to_owned());
        let request = Request {
            service: "s3",
            method,
            path,
            headers: headers.iter().map(owned).collect(),
            body: body.to_owned(),
        };
        let (headers, body) = self.exchange(request).await.context(name)?;
        let etag = headers.get("etag").and_then(|etag| etag.to_str().ok());
        Ok(Object {
            etag: etag.map(str::to_owned),
            body,
        })
    }

    /// Creates a bucket, such as the one that `sam deploy --s3-bucket` uploads to; one that is there already is left
    /// as it is.
    pub async fn create_bucket(&self, name: &str) -> Result<()> {
        let here = format!(
            "<CreateBucketConfiguration><LocationConstraint>{}</LocationConstraint></CreateBucketConfiguration>",
            aws::REGION
        );
        match self.s3(Method::PUT, &format!("/{name}"), &here).await {
            Err(error) if Refused::is(&error, "BucketAlreadyOwnedByYou") => Ok(()),
            created => created.map(drop),
        }
    }

    /// Deletes every version of every object, as people do before they delete a stack with a bucket.
    pub async fn empty_bucket(&self, name: &str) -> Result<()> {
        loop {
            let page = self.s3(Method::GET, &format!("/{name}?versions"), "").await?;
            let page = Element::parse(&page)?;
            let is_one = |child: &&Element| matches!(child.name.as_str(), "Version" | "DeleteMarker");
            let versions: Vec<&Element> = page.children.iter().filter(is_one).collect();
            if versions.is_empty() {
                return Ok(());
            }
            for version in versions {
                let text = |field| {
                    version
                        .text_at(field)
                        .with_context(|| format!("a version without {field}"))
                };
                let (key, id) = (encoded(&text("Key")?), encoded(&text("VersionId")?));
                self.s3(Method::DELETE, &format!("/{name}/{key}?versionId={id}"), "")
                    .await?;
            }
        }
    }

    /// A call of the Query protocol as it arrives at this client's endpoint, for whoever tests an endpoint
    /// of the world.
    pub fn signed_form(&self, service: &str, form: &str) -> Result<SignedRequest> {
        let request = Request {
            service,
            method: Method::POST,
            path: "/",
            headers: vec![("content-type", "application/x-www-form-urlencoded".to_owned())],
            body: form.to_owned(),
        };
        let signature = self.signature(&format!("{}/", self.endpoint), &request)?;
        let host = self.endpoint.trim_start_matches("http://").to_owned();
        let headers = std::iter::once(("host", host))
            .chain(request.headers)
            .chain(signature);
        Ok(SignedRequest {
            method: "POST".to_owned(),
            path_and_query: "/".to_owned(),
            headers: headers.map(|(name, value)| (name.to_owned(), value)).collect(),
            body: request.body.into_bytes(),
        })
    }

    async fn send(&self, request: Request<'_>) -> Result<String> {
        let (_, body) = self.exchange(request).await?;
        Ok(body)
    }

    async fn exchange(&self, request: Request<'_>) -> Result<(HeaderMap, String)> {
        let url = format!("{}{}", self.endpoint, request.path);
        let signature = self.signature(&url, &request)?;
        let mut signed = self.http.request(request.method, &url);
        for (name, value) in request.headers.into_iter().chain(signature) {
            signed = signed.header(name, value);
        }
        let answer = signed.body(request.body).send().await?;
        let status = answer.status();
        let headers = answer.headers().clone();
        let text = answer.text().await?;
        if !status.is_success() {
            return Err(refused(status.as_u16(), &text).into());
        }
        Ok((headers, text))
    }

    fn signature(&self, url: &str, request: &Request<'_>) -> Result<Vec<(&'static str, String)>> {
        let identity = SigningCredentials::new(
            &self.credentials.access_key_id,
            &self.credentials.secret_access_key,
            self.credentials.session_token.clone(),
            None,
            "world",
        )
        .into();
        let mut settings = SigningSettings::default();
        if request.service == "s3" {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
            // Keys are signed as they are sent.
            settings.percent_encoding_mode = PercentEncodingMode::Single;
        }
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(aws::REGION)
            .name(request.service)
            .time(SystemTime::now())
            .settings(settings)
            .build()?
            .into();
        let headers = request
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        let body = SignableBody::Bytes(request.body.as_bytes());
        let signable = SignableRequest::new(request.method.as_str(), url, headers, body)?;
        let (instructions, _) = sign(signable, &parameters)?.into_parts();
        let (headers, _) = instructions.into_parts();
        Ok(headers
            .into_iter()
            .map(|header| (header.name(), header.value().to_owned()))
            .collect())
    }
}

/// A key in a path, or a value in a query.
pub fn encoded(text: &str) -> String {
    let parts = text.split('/').map(|part| {
        let part: String = form_urlencoded::byte_serialize(part.as_bytes()).collect();
        part.replace('+', "%20")
    });
    parts.collect::<Vec<_>>().join("/")
}

fn parse(answer: &str) -> Result<Value> {
    if answer.is_empty() {
        return Ok(Value::Null);
    }
    Ok(serde_json::from_str(answer)?)
}

/// An error, in whichever of AWS's formats it is.
fn refused(status: u16, answer: &str) -> Refused {
    let error = |code: String, message: String| Refused {
        status,
        code,
        message,
    };
    if let Ok(json) = serde_json::from_str::<Value>(answer) {
        let text = |keys: [&str; 2]| {
            keys.iter()
                .find_map(|key| json[*key].as_str())
                .unwrap_or_default()
                .to_owned()
        };
        return error(text(["__type", "code"]), text(["message", "Message"]));
    }
    let Ok(root) = Element::parse(answer) else {
        return error("Unreadable".to_owned(), answer.to_owned());
    };
    let element = root
        .at("Errors/Error")
        .or_else(|| root.at("Error"))
        .unwrap_or(&root);
    let text = |name| element.text_at(name).unwrap_or_default();
    error(text("Code"), text("Message"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_named_in_each_format() {
        let query =
            "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>";
        let ec2 = "<Response><Errors><Error><Code>InvalidAMIID</Code><Message>x</Message></Error></Errors></Response>";
        let json = r#"{"__type":"NotFound","Message":"gone"}"#;
        for (answer, code, message) in [
            (query, "AccessDenied", "no"),
            (ec2, "InvalidAMIID", "x"),
            (json, "NotFound", "gone"),
            ("plain", "Unreadable", "plain"),
        ] {
            let error = refused(403, answer);
            assert_eq!((error.code.as_str(), error.message.as_str()), (code, message));
        }
    }
}
