//! What a deployed function wrote to its log group, and what it cost.

use anyhow::Result;
use serde_json::{Value, json};

use crate::World;

/// The lines of a function's log group, oldest first.
pub async fn lines(world: &World, group: &str) -> Result<Vec<String>> {
    let client = world.aws()?;
    let mut found = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let mut request = json!({ "logGroupName": group, "limit": 10_000 });
        if let Some(token) = &token {
            request["nextToken"] = json!(token);
        }
        let page = client
            .json("logs", "Logs_20140328.FilterLogEvents", &request)
            .await?;
        let messages = page["events"].as_array().into_iter().flatten();
        found.extend(messages.filter_map(|event| event["message"].as_str().map(str::to_owned)));
        token = page["nextToken"].as_str().map(str::to_owned);
        if token.is_none() {
            return Ok(found);
        }
    }
}

/// The function's own lines that are JSON: log lines and metrics.
pub async fn records(world: &World, group: &str) -> Result<Vec<Value>> {
    let lines = lines(world, group).await?;
    Ok(lines
        .iter()
        .filter_map(|line| serde_json::from_str(line.trim()).ok())
        .collect())
}

/// What invocations cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// How many there were.
    pub invocations: u64,
    /// What is paid for.
    pub billed_milliseconds: u64,
    /// Requests to the API server.
    pub kubernetes_calls: u64,
    /// Requests to AWS.
    pub aws_calls: u64,
}

impl Cost {
    /// Adds up a log group: Lambda's own report of each invocation, and the function's metrics.
    pub async fn of(world: &World, group: &str) -> Result<Self> {
        let mut cost = Self::default();
        for line in lines(world, group).await? {
            cost.add(&line);
        }
        Ok(cost)
    }

    /// What was added since `before`.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            invocations: self.invocations - before.invocations,
            billed_milliseconds: self.billed_milliseconds - before.billed_milliseconds,
            kubernetes_calls: self.kubernetes_calls - before.kubernetes_calls,
            aws_calls: self.aws_calls - before.aws_calls,
        }
    }

    fn add(&mut self, line: &str) {
        if line.starts_with("REPORT ") {
            self.invocations += 1;
            self.billed_milliseconds += billed(line).unwrap_or_default();
        } else if let Ok(record) = serde_json::from_str::<Value>(line.trim()) {
            if record["type"] == "platform.report" {
                self.invocations += 1;
                let metrics = &record["record"]["metrics"];
                self.billed_milliseconds += metrics["billedDurationMs"].as_u64().unwrap_or_default();
            }
            self.kubernetes_calls += record["KubernetesCalls"].as_u64().unwrap_or_default();
            self.aws_calls += record["AwsCalls"].as_u64().unwrap_or_default();
        }
    }
}

fn billed(report: &str) -> Option<u64> {
    let after = report.split("Billed Duration:").nth(1)?;
    after.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_in_both_formats_and_metrics_add_up() {
        let mut cost = Cost::default();
        for line in [
            "REPORT RequestId: 7\tDuration: 12.3 ms\tBilled Duration: 13 ms\tMemory Size: 256 MB",
            r#"{"type":"platform.report","record":{"metrics":{"durationMs":3.1,"billedDurationMs":4}}}"#,
            r#"{"_aws":{},"KubernetesCalls":7,"AwsCalls":3,"service":"node-drain"}"#,
            "START RequestId: 7",
        ] {
            cost.add(line);
        }
        let expected = Cost {
            invocations: 2,
            billed_milliseconds: 17,
            kubernetes_calls: 7,
            aws_calls: 3,
        };
        assert_eq!(cost, expected);
    }
}
