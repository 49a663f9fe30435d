//! Hands an event to a target, or to the target's dead-letter queue.
//!
//! From the `EventBridge` user guide, "Targets", "Using dead-letter queues" and "Resource-based policies". Left out: the retries between the
//! first failure and the dead-letter queue (AWS makes none either for a missing permission or a missing target).

use anyhow::Result;
use emulator::client::Refused;
use serde_json::{Value, json};

use crate::client::Client;
use crate::journal::Step;
use crate::policy::{self, Access};
use crate::rules::{Rule, Target};

/// Why a target did not get an event, in the words of a dead-letter message.
#[derive(Debug)]
struct Undelivered {
    code: String,
    message: String,
}

impl Undelivered {
    fn new(code: &str, message: String) -> Self {
        Self {
            code: code.to_owned(),
            message,
        }
    }
}

impl From<anyhow::Error> for Undelivered {
    fn from(error: anyhow::Error) -> Self {
        match error.downcast_ref::<Refused>() {
            Some(refused) => Self::new(&refused.code, refused.message.clone()),
            None => Self::new("SDK_CLIENT_ERROR", format!("{error:#}")),
        }
    }
}

/// A resource's service, account and name, of an ARN like `arn:aws:sqs:eu-central-1:111122223333:queue`.
struct Resource<'a> {
    service: &'a str,
    account: &'a str,
    name: &'a str,
}

impl<'a> Resource<'a> {
    fn of(arn: &'a str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':').skip(2);
        let service = parts.next()?;
        let account = parts.nth(1)?;
        Some(Self {
            service,
            account,
            name: parts.next()?,
        })
    }
}

/// Delivers `event` by `rule` to `target`, and says what came of it.
pub(crate) async fn deliver(client: &Client, event: &Value, rule: &Rule, target: &Target) -> Step {
    let undelivered = match send(client, event, rule, target).await {
        Ok(()) => {
            return Step::Delivered {
                rule: rule.arn.clone(),
                target: target.arn.clone(),
            };
        }
        Err(undelivered) => undelivered,
    };
    let reason = format!("{}: {}", undelivered.code, undelivered.message);
    let Some(queue) = target.dead_letter_queue() else {
        return Step::Failed {
            reason: format!("{} without a dead-letter queue: {reason}", target.arn),
        };
    };
    match bury(client, event, rule, target, queue, &undelivered).await {
        Ok(()) => Step::DeadLettered {
            rule: rule.arn.clone(),
            target: target.arn.clone(),
            reason,
        },
        Err(also) => Step::Failed {
            reason: format!(
                "{}: {reason}; its dead-letter queue {queue}: {}: {}",
                target.arn, also.code, also.message
            ),
        },
    }
}

async fn send(client: &Client, event: &Value, rule: &Rule, target: &Target) -> Result<(), Undelivered> {
    let payload = target
        .payload(event)
        .map_err(|message| Undelivered::new("NOT_BUILT", message))?;
    match Resource::of(&target.arn) {
        Some(Resource { service: "sqs", .. }) => {
            send_to_queue(client, rule, &target.arn, &payload, &json!({})).await
        }
        Some(Resource {
            service: "lambda",
            account,
            name,
        }) => {
            let name = name.trim_start_matches("function:");
            let policy = client.function_policy(name).await?;
            let access = Access {
                action: "lambda:InvokeFunction",
                resource: &target.arn,
                rule: &rule.arn,
                account,
            };
            policy::check(policy.as_deref(), access)
                .map_err(|reason| Undelivered::new("NO_PERMISSIONS", reason))?;
            Ok(client.invoke(name, &payload).await?)
        }
        _ => Err(Undelivered::new(
            "NOT_BUILT",
            format!("{}: the relay delivers to SQS and Lambda only", target.arn),
        )),
    }
}

async fn bury(
    client: &Client,
    event: &Value,
    rule: &Rule,
    target: &Target,
    queue: &str,
    undelivered: &Undelivered,
) -> Result<(), Undelivered> {
    let text = |value: &str| json!({"DataType": "String", "StringValue": value});
    let attributes = json!({
        "RULE_ARN": text(&rule.arn),
        "TARGET_ARN": text(&target.arn),
        "ERROR_CODE": text(&undelivered.code),
        "ERROR_MESSAGE": text(&undelivered.message),
    });
    send_to_queue(client, rule, queue, &event.to_string(), &attributes).await
}

async fn send_to_queue(
    client: &Client,
    rule: &Rule,
    queue: &str,
    body: &str,
    attributes: &Value,
) -> Result<(), Undelivered> {
    let Some(Resource {
        service: "sqs",
        account,
        name,
    }) = Resource::of(queue)
    else {
        return Err(Undelivered::new(
            "INVALID_PARAMETER",
            format!("{queue} is not the ARN of a queue"),
        ));
    };
    let url = client.queue_url(account, name);
    let answer = client
        .sqs(
            "GetQueueAttributes",
            &json!({"QueueUrl": url, "AttributeNames": ["Policy"]}),
        )
        .await?;
    let access = Access {
        action: "sqs:SendMessage",
        resource: queue,
        rule: &rule.arn,
        account,
    };
    policy::check(answer["Attributes"]["Policy"].as_str(), access)
        .map_err(|reason| Undelivered::new("NO_PERMISSIONS", reason))?;
    let message = json!({"QueueUrl": url, "MessageBody": body, "MessageAttributes": attributes});
    client.sqs("SendMessage", &message).await?;
    Ok(())
}
