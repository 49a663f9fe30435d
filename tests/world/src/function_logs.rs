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

/// What invocations cost, by Lambda's own reports and the function's metrics.
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
    /// The longest start of a sandbox, in milliseconds; 0 when none was started.
    pub init_milliseconds: u64,
    /// The most memory that an invocation used, in megabytes.
    pub memory_megabytes: u64,
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
            ..self
        }
    }

    fn add(&mut self, line: &str) {
        if line.starts_with("REPORT ") {
            self.invocations += 1;
            self.billed_milliseconds += number_after(line, "Billed Duration:");
            self.init_milliseconds = self.init_milliseconds.max(number_after(line, "Init Duration:"));
            self.memory_megabytes = self.memory_megabytes.max(number_after(line, "Max Memory Used:"));
        } else if let Ok(record) = serde_json::from_str::<Value>(line.trim()) {
            self.kubernetes_calls += record["KubernetesCalls"].as_u64().unwrap_or_default();
            self.aws_calls += record["AwsCalls"].as_u64().unwrap_or_default();
        }
    }
}

/// The number after `label` in a report of Lambda, in whole units, rounded up as Lambda bills; 0 when it is not there.
fn number_after(report: &str, label: &str) -> u64 {
    let number = report
        .split(label)
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next());
    let (whole, fraction) = number.map_or(("0", ""), |number| number.split_once('.').unwrap_or((number, "")));
    let up = u64::from(fraction.bytes().any(|digit| digit != b'0'));
    whole.parse::<u64>().map_or(0, |whole| whole + up)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_and_metrics_add_up() {
        let mut cost = Cost::default();
        for line in [
            "REPORT RequestId: 7\tDuration: 12.3 ms\tBilled Duration: 13 ms\tMemory Size: 256 MB\tMax Memory Used: 20 MB\tInit Duration: 9.1 ms",
            "REPORT RequestId: 8\tDuration: 3.1 ms\tBilled Duration: 4 ms\tMemory Size: 256 MB\tMax Memory Used: 19 MB",
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
            init_milliseconds: 10,
            memory_megabytes: 20,
        };
        assert_eq!(cost, expected);
    }
}
