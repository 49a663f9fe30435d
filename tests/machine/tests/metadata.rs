//! The instance metadata service, asked as a machine asks it and as others try to.

#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Result, bail};
use base::Credentials;
use futures::future::BoxFuture;
use jiff::Timestamp;
use machine::metadata::{Facts, Instance, Metadata, Session, Sessions};
use reqwest::{Client, RequestBuilder};
use serde_json::Value;

const ONE: &str = "i-00000000000000001";
const OTHER: &str = "i-00000000000000002";
const ROLE: &str = "latest/meta-data/iam/security-credentials/machine";

/// Counts the sessions it gives; the other machine's role can't be taken on.
#[derive(Default)]
struct Counting(AtomicU32);

impl Sessions for Counting {
    fn session<'a>(&'a self, instance: &'a str, role: &'a str) -> BoxFuture<'a, Result<Session>> {
        Box::pin(async move {
            if instance == OTHER {
                bail!("role {role} does not trust ec2.amazonaws.com");
            }
            let number = self.0.fetch_add(1, Ordering::Relaxed);
            Ok(Session {
                credentials: Credentials {
                    access_key_id: format!("ASIA{number}"),
                    secret_access_key: "secret".to_owned(),
                    session_token: Some("session".to_owned()),
                },
                expiration: "2100-01-01T00:00:00Z".parse::<Timestamp>()?,
            })
        })
    }
}

struct Service {
    metadata: Metadata,
    http: Client,
}

impl Service {
    async fn start() -> Self {
        let sessions = Arc::new(Counting::default());
        let metadata = Metadata::serve("127.0.0.1:0".parse().unwrap(), sessions)
            .await
            .unwrap();
        for id in [ONE, OTHER] {
            metadata.add(Instance {
                facts: Facts {
                    instance_id: id.to_owned(),
                    region: "eu-central-1".to_owned(),
                    availability_zone: "eu-central-1b".to_owned(),
                    private_ip: "10.0.1.7".to_owned(),
                    private_dns_name: "ip-10-0-1-7.eu-central-1.compute.internal".to_owned(),
                    instance_type: "m7g.large".to_owned(),
                },
                role: Some("machine".to_owned()),
                user_data: None,
            });
        }
        let http = Client::builder().no_proxy().build().unwrap();
        Self { metadata, http }
    }

    fn put_token(&self, machine: &str) -> RequestBuilder {
        let url = format!("{}/latest/api/token", self.metadata.endpoint_of(machine));
        self.http.put(url)
    }

    async fn token(&self, machine: &str) -> String {
        let request = self
            .put_token(machine)
            .header("x-aws-ec2-metadata-token-ttl-seconds", "60");
        request.send().await.unwrap().text().await.unwrap()
    }

    /// Status and body of the answer to `machine`, with this token.
    async fn get(&self, machine: &str, path: &str, token: Option<&str>) -> (u16, String) {
        let mut request = self
            .http
            .get(format!("{}/{path}", self.metadata.endpoint_of(machine)));
        if let Some(token) = token {
            request = request.header("x-aws-ec2-metadata-token", token);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

#[tokio::test]
async fn a_machine_is_told_about_itself() {
    let service = Service::start().await;
    let token = service.token(ONE).await;
    for (path, text) in [
        ("instance-id", ONE),
        ("placement/region", "eu-central-1"),
        ("placement/availability-zone", "eu-central-1b"),
        ("local-ipv4", "10.0.1.7"),
        ("local-hostname", "ip-10-0-1-7.eu-central-1.compute.internal"),
        ("services/domain", "amazonaws.com"),
        ("iam/security-credentials/", "machine"),
    ] {
        let path = format!("latest/meta-data/{path}");
        assert_eq!(
            service.get(ONE, &path, Some(&token)).await,
            (200, text.to_owned()),
            "{path}"
        );
    }
    assert_eq!(service.get(ONE, "latest/user-data", Some(&token)).await.0, 404);
    assert_eq!(
        service
            .get(ONE, "latest/meta-data/public-ipv4", Some(&token))
            .await
            .0,
        404
    );
}

#[tokio::test]
async fn credentials_are_kept_until_they_end() {
    let service = Service::start().await;
    let token = service.token(ONE).await;
    for _ in 0..2 {
        let (status, body) = service.get(ONE, ROLE, Some(&token)).await;
        let document: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (status, &document["Code"], &document["AccessKeyId"]),
            (200, &"Success".into(), &"ASIA0".into())
        );
        assert_eq!(document["Expiration"], "2100-01-01T00:00:00Z");
    }
    let token = service.token(OTHER).await;
    let (status, body) = service.get(OTHER, ROLE, Some(&token)).await;
    assert!(status == 500 && body.contains("does not trust"), "{body}");
}

#[tokio::test]
async fn nothing_is_told_without_a_token_of_that_very_machine() {
    let service = Service::start().await;
    let path = "latest/meta-data/instance-id";
    let others = service.token(OTHER).await;
    for token in [None, Some("made-up"), Some(others.as_str())] {
        assert_eq!(service.get(ONE, path, token).await.0, 401, "{token:?}");
    }
    let own = service.token(ONE).await;
    assert_eq!(service.get(ONE, path, Some(&own)).await.0, 200);
    // The machine is gone, its token with it.
    service.metadata.remove(ONE);
    assert_eq!(service.get(ONE, path, Some(&own)).await.0, 404);
}

#[tokio::test]
async fn a_token_has_a_life_and_does_not_come_through_a_proxy() {
    let service = Service::start().await;
    let life = "x-aws-ec2-metadata-token-ttl-seconds";
    for (request, status) in [
        (service.put_token(ONE), 400),
        (service.put_token(ONE).header(life, "0"), 400),
        (service.put_token(ONE).header(life, "21601"), 400),
        (
            service
                .put_token(ONE)
                .header(life, "60")
                .header("x-forwarded-for", "10.0.0.9"),
            403,
        ),
        (service.put_token("i-00000000000000003").header(life, "60"), 404),
        (service.put_token(ONE).header(life, "60"), 200),
    ] {
        assert_eq!(request.send().await.unwrap().status().as_u16(), status);
    }
}
