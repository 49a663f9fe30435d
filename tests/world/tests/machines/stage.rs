//! One world for all tests of this file.

use std::sync::Arc;
use std::time::{Duration, Instant};

use autoscaling::Clock;
use base::Ports;
use serde_json::{Value, json};
use template::Values;
use world::groups::{self, Group};
use world::{CLUSTER, Options, Say, World, profiles};

/// A join takes some seconds; a machine that compiles at the same time is slower.
const LIMIT: Duration = Duration::from_secs(90);

/// Beside a world that is up, the demo and the scenarios.
const PORTS: u16 = base::ports::DEFAULT_BASE + 6 * base::ports::SPAN;

pub(crate) struct Stage {
    pub(crate) world: World,
    /// The ARN of the key of documents.
    pub(crate) key: String,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        let say: Say = Arc::new(|line| eprintln!("{line}"));
        let options = Options {
            ports: Ports::new(PORTS),
            clock: Clock::real(),
            say,
        };
        let world = World::start(options).await.unwrap();
        // Binds what a token of our own group may do.
        world::stacks::apply_rbac(&world).await.unwrap();
        let aws = world.aws().unwrap();
        let key = aws
            .json("kms", "TrentService.CreateKey", &json!({}))
            .await
            .unwrap();
        let key = key["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
        let policy = node_join_policy(&world, &key);
        for profile in ["machine", "machine-that-reads-all"] {
            profiles::create(&world, profile, &[]).await.unwrap();
            profiles::allow(&world, profile, "join", &policy).await.unwrap();
        }
        let all = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": ["ssm:*", "kms:Decrypt"], "Resource": "*" },
        ]});
        profiles::allow(&world, "machine-that-reads-all", "all", &all.to_string())
            .await
            .unwrap();
        Self { world, key }
    }

    /// A group of one machine that joins by itself, and its instance, as soon as there is one.
    pub(crate) async fn machine(&self, group: Group) -> String {
        group.make(&self.world).await.unwrap();
        let name = &group.name;
        until("the instance is launched", async || {
            !groups::instances(&self.world, name).await.unwrap().is_empty()
        })
        .await;
        groups::instances(&self.world, name).await.unwrap()[0].id.clone()
    }

    /// The machine's own log.
    pub(crate) fn log(&self, instance: &str) -> String {
        std::fs::read_to_string(self.world.dir().join(format!("logs/{instance}.log"))).unwrap_or_default()
    }

    /// Waits until the machine's log says so.
    pub(crate) async fn until_logged(&self, instance: &str, words: &str) {
        until(&format!("{instance} says {words:?}"), async || {
            self.log(instance).contains(words)
        })
        .await;
    }

    /// A call to Parameter Store, as the administrator.
    pub(crate) async fn ssm(&self, action: &str, request: Value) -> anyhow::Result<Value> {
        let aws = self.world.aws()?;
        aws.json("ssm", &format!("AmazonSSM.{action}"), &request).await
    }
}

/// A group of one machine with the template's policy for machines and nothing else.
pub(crate) fn group(name: &str) -> Group {
    Group::new(name, CLUSTER, 1).booting().profile("machine")
}

/// The template's policy for machines, for the cluster of this world and this key.
fn node_join_policy(world: &World, key: &str) -> String {
    let template = template::translated(world.tools()).unwrap();
    let policy = &template["Resources"]["NodeJoinPolicy"]["Properties"]["PolicyDocument"];
    let values = Values::new(
        &[("DeploymentId", "lamplighter"), ("ClusterName", CLUSTER)],
        &["JoinsNodes"],
    );
    values.resolve(policy).to_string().replace("JoinKey.Arn", key)
}

/// Asks every 100 ms until the answer is yes.
pub(crate) async fn until(what: &str, mut ask: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !ask().await {
        assert!(started.elapsed() < LIMIT, "not so after {LIMIT:?}: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
