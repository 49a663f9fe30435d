//! A deployed function, from outside.

use std::time::Duration;

use anyhow::{Context, Result};
use deploy::{Outputs, RolePolicy};
use jiff::Timestamp;
use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use world::{World, function_logs};

/// A deployed function.
#[derive(Debug, Clone)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// What its role may do.
    pub policy: RolePolicy,
    /// Its log group.
    pub logs: String,
    /// The queue that it reads.
    pub queue: String,
    /// Where it parks what it can't read.
    pub dead_letters: String,
}

impl Function {
    /// Reads the stack's outputs, which begin with `prefix`.
    pub fn of(outputs: &Outputs, prefix: &str, policy: &str) -> Result<Self> {
        let text = |name: &str| outputs.get(&format!("{prefix}{name}")).map(str::to_owned);
        Ok(Self {
            name: text("FunctionName")?,
            policy: RolePolicy::of(&text("RoleArn")?, policy),
            logs: text("LogGroupName")?,
            queue: text("QueueUrl")?,
            dead_letters: text("DeadLetterQueueUrl")?,
        })
    }

    /// The same of a function that reads no queue.
    pub fn without_queue(outputs: &Outputs, prefix: &str, policy: &str) -> Result<Self> {
        let text = |name: &str| outputs.get(&format!("{prefix}{name}")).map(str::to_owned);
        Ok(Self {
            name: text("FunctionName")?,
            policy: RolePolicy::of(&text("RoleArn")?, policy),
            logs: text("LogGroupName")?,
            queue: String::new(),
            dead_letters: String::new(),
        })
    }

    /// Its log lines and metrics since `since`.
    pub async fn records(&self, world: &World, since: Timestamp) -> Result<Vec<Value>> {
        let is_new = |record: &Value| {
            let at = record["timestamp"]
                .as_str()
                .and_then(|text| text.parse::<Timestamp>().ok());
            at.is_some_and(|at| at >= since)
        };
        Ok(function_logs::records(world, &self.logs)
            .await?
            .into_iter()
            .filter(is_new)
            .collect())
    }

    /// The texts of its errors since `since`: message and `error` of each.
    pub async fn errors(&self, world: &World, since: Timestamp) -> Result<Vec<String>> {
        let records = self.records(world, since).await?;
        let errors = records.iter().filter(|record| record["level"] == "ERROR");
        Ok(errors.map(Value::to_string).collect())
    }

    /// Invokes it with a tick, as a person may, and returns when it has ended.
    pub async fn tick(&self, world: &World) -> Result<()> {
        self.invoke(world, &json!({ "tick": true })).await
    }

    /// Invokes it with `payload`, and returns when it has ended. How it ended is read from its log.
    pub async fn invoke(&self, world: &World, payload: &Value) -> Result<()> {
        let path = format!("/2015-03-31/functions/{}/invocations", self.name);
        world
            .aws()?
            .rest("lambda", Method::POST, &path, Some(payload))
            .await
            .map(drop)
    }

    /// Sends messages to its queue, in one request.
    pub async fn send(&self, world: &World, bodies: &[String]) -> Result<()> {
        let entries: Vec<Value> = bodies
            .iter()
            .enumerate()
            .map(|(n, body)| json!({ "Id": n.to_string(), "MessageBody": body }))
            .collect();
        let request = json!({ "QueueUrl": self.queue, "Entries": entries });
        let answer = world
            .aws()?
            .json("sqs", "AmazonSQS.SendMessageBatch", &request)
            .await?;
        let failed = answer["Failed"].as_array().map_or(0, Vec::len);
        anyhow::ensure!(failed == 0, "{failed} messages were not taken: {answer}");
        Ok(())
    }

    /// Takes every message out of the dead-letter queue.
    pub async fn take_dead_letters(&self, world: &World) -> Result<Vec<Value>> {
        let mut taken = Vec::new();
        loop {
            let request = json!({
                "QueueUrl": self.dead_letters, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"],
            });
            let answer = world
                .aws()?
                .json("sqs", "AmazonSQS.ReceiveMessage", &request)
                .await?;
            let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
            if messages.is_empty() {
                return Ok(taken);
            }
            for message in messages {
                let delete =
                    json!({ "QueueUrl": self.dead_letters, "ReceiptHandle": message["ReceiptHandle"] });
                world
                    .aws()?
                    .json("sqs", "AmazonSQS.DeleteMessage", &delete)
                    .await?;
                taken.push(message);
            }
        }
    }

    /// The processes in which the emulator runs it. They are its children, started by the world.
    pub fn processes(&self, world: &World) -> Result<Vec<i32>> {
        let emulator = world.emulator().identity().pid.to_string();
        let ours = format!("AWS_LAMBDA_FUNCTION_NAME={}", self.name);
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc")? {
            let path = entry?.path();
            let Some(pid) = path
                .file_name()
                .and_then(|name| name.to_str())
                .and_then(|name| name.parse().ok())
            else {
                continue;
            };
            // A process that ends while we look is none.
            let stat = std::fs::read_to_string(path.join("stat")).unwrap_or_default();
            let parent = stat
                .rsplit_once(')')
                .and_then(|(_, rest)| rest.split_whitespace().nth(1));
            let environment = std::fs::read(path.join("environ")).unwrap_or_default();
            let is_ours = environment
                .split(|byte| *byte == 0)
                .any(|variable| variable == ours.as_bytes());
            if is_ours && parent == Some(emulator.as_str()) {
                found.push(pid);
            }
        }
        Ok(found)
    }

    /// Kills its processes, as a crash would: nothing is said to anybody. Returns how many there were.
    pub fn kill(&self, world: &World) -> Result<usize> {
        let processes = self.processes(world)?;
        for pid in &processes {
            let pid = Pid::from_raw(*pid).context("a process id is positive")?;
            kill_process(pid, Signal::KILL)?;
        }
        Ok(processes.len())
    }

    /// Its configuration.
    pub async fn configuration(&self, world: &World) -> Result<Value> {
        let path = format!("/2015-03-31/functions/{}/configuration", self.name);
        world.aws()?.rest("lambda", Method::GET, &path, None).await
    }

    /// Switches its dry run on or off.
    pub async fn set_dry_run(&self, world: &World, on: bool) -> Result<()> {
        let configuration = self.configuration(world).await?;
        let mut variables = configuration["Environment"]["Variables"].clone();
        variables["LAMPLIGHTER_DRY_RUN"] = json!(on.to_string());
        let change = json!({ "Environment": { "Variables": variables } });
        self.configure(world, &change).await
    }

    /// Changes its configuration, as `lambda:UpdateFunctionConfiguration` does, and returns when it is in force.
    pub async fn configure(&self, world: &World, change: &Value) -> Result<()> {
        let path = format!("/2015-03-31/functions/{}/configuration", self.name);
        world
            .aws()?
            .rest("lambda", Method::PUT, &path, Some(change))
            .await?;
        let what = format!("the configuration of {} is not in force", self.name);
        let in_force =
            async || Ok(self.configuration(world).await?["LastUpdateStatus"] == json!("Successful"));
        crate::until(&what, Duration::from_secs(20), in_force).await
    }
}
