//! Who signed a request and whether they may: asked of the emulator, which holds keys, roles and policies.

use anyhow::{Context, Result, bail};
use autoscaling::judge::{Asked, Judge, SignedRequest, Verdict};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::future::{BoxFuture, FutureExt};
use serde_json::json;

use crate::forward::{forward, loopback};

/// Tells the emulator's launcher (`launcher/judge.py`) to judge the request and to do nothing more.
const HEADER: &str = "x-lamplighter-judge";

/// The judge of the world.
///
/// The request goes to the emulator exactly as its client signed it, so its signature, its session token
/// and its time are checked as always. What it asks for is named beside it, with the tags of the resource,
/// which the emulator can't know: `autoscaling:ResourceTag/<key>` and `aws:ResourceTag/<key>` in the caller's
/// policies then hold or don't, explicit denies and permissions boundaries included. Nothing is carried out.
/// A refusal is in AWS's words and the service's own format.
#[derive(Debug, Clone)]
pub struct EmulatorJudge {
    http: reqwest::Client,
    emulator: String,
}

impl EmulatorJudge {
    /// A judge that asks the emulator at this URL.
    pub fn new(emulator: &str) -> Result<Self> {
        Ok(Self {
            http: loopback()?,
            emulator: emulator.to_owned(),
        })
    }

    /// The verdict; an error means that the emulator can't be asked.
    pub async fn ask(&self, request: &SignedRequest, asked: &Asked) -> Result<Verdict> {
        let (service, _) = asked
            .action
            .split_once(':')
            .with_context(|| format!("action {} names no service", asked.action))?;
        let question = json!({
            "service": service,
            "action": asked.action,
            "resource": asked.resource,
            "tags": asked.resource_tags,
        });
        let question = STANDARD.encode(question.to_string());
        let answer = forward(&self.http, &self.emulator, request, &[(HEADER, question)]).await?;
        match answer.status {
            200 => Ok(Verdict::Allowed),
            400..500 => Ok(Verdict::Refused {
                status: answer.status,
                content_type: answer.header("content-type").unwrap_or("text/xml").to_owned(),
                body: answer.body,
            }),
            status => bail!(
                "the emulator could not judge {}: {status} {}",
                asked.action,
                String::from_utf8_lossy(&answer.body)
            ),
        }
    }
}

impl Judge for EmulatorJudge {
    fn judge<'a>(
        &'a self,
        request: &'a SignedRequest,
        asked: &'a Asked,
    ) -> BoxFuture<'a, Result<Verdict, String>> {
        async move {
            self.ask(request, asked)
                .await
                .map_err(|error| format!("{error:#}"))
        }
        .boxed()
    }
}
