//! Pushes and deletions in the emulator's registry, as the events that ECR sends of them.
//!
//! The emulator writes them down in order, also when two pushes follow each other before anybody looks; here it is asked for those that
//! came after the last one that is known.

use std::time::Duration;

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;

use crate::Relay;
use crate::origin::ImageAction;

/// How long to wait before the emulator is asked again when it gave no answer.
const RETRY: Duration = Duration::from_millis(300);

#[derive(Debug, Deserialize)]
struct Answer {
    actions: Vec<Action>,
}

#[derive(Debug, Deserialize)]
struct Action {
    /// Seconds since 1970.
    at: f64,
    #[serde(flatten)]
    image: ImageAction,
}

/// Emits an event for each action, from the first one on. Never returns.
pub(crate) async fn follow(relay: Relay) {
    let mut seen = 0;
    loop {
        match next(&relay, seen).await {
            Ok(actions) => {
                seen += actions.len();
                for (at, image) in actions {
                    relay.emit(relay.origin().image_action(&image, at));
                }
            }
            // The emulator is busy, or gone for good; then so is the world soon.
            Err(_) => tokio::time::sleep(RETRY).await,
        }
    }
}

/// The actions after the first `seen`, as soon as there is one; none after a few seconds.
async fn next(relay: &Relay, seen: usize) -> Result<Vec<(Timestamp, ImageAction)>> {
    let answer = relay
        .client
        .registry("WaitForImageActions", &json!({"after": seen}))
        .await?;
    let answer: Answer = serde_json::from_value(answer).context("reading WaitForImageActions")?;
    let timed = answer.actions.into_iter().map(|Action { at, image }| {
        let at = Timestamp::from_duration(SignedDuration::try_from_secs_f64(at)?)?;
        Ok((at, image))
    });
    timed.collect()
}
