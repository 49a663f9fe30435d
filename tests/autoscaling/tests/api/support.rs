//! An endpoint for one test, with a clock that only the test moves, and a client.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use autoscaling::judge::Judge;
use autoscaling::{Clock, Everyone, LifecycleState, MemoryFleet, Notice, Server, Settings, serve};
use aws_sdk_autoscaling::Client;
use aws_sdk_autoscaling::config::retry::RetryConfig;
use aws_sdk_autoscaling::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_autoscaling::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_autoscaling::types::builders::{
    LaunchTemplateSpecificationBuilder, LifecycleHookSpecificationBuilder,
};
use aws_sdk_autoscaling::types::{
    AutoScalingGroup, Instance, LaunchTemplateSpecification, LifecycleHookSpecification,
};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc::UnboundedReceiver;

pub(crate) const REGION: &str = "eu-central-1";
pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const LAUNCHING: &str = "autoscaling:EC2_INSTANCE_LAUNCHING";
pub(crate) const TERMINATING: &str = "autoscaling:EC2_INSTANCE_TERMINATING";

/// How long a test waits for what happens in the background.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct World {
    pub(crate) client: Client,
    pub(crate) clock: Clock,
    pub(crate) fleet: Arc<MemoryFleet>,
    pub(crate) server: Server,
    heard: Mutex<UnboundedReceiver<Notice>>,
    notices: Mutex<Vec<Notice>>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::judged_by(Arc::new(Everyone)).await
    }

    pub(crate) async fn judged_by(judge: Arc<dyn Judge>) -> Self {
        Self::at_pace(
            Clock::manual("2026-03-01T12:00:00Z".parse::<Timestamp>().unwrap()),
            judge,
        )
        .await
    }

    pub(crate) async fn at_pace(clock: Clock, judge: Arc<dyn Judge>) -> Self {
        let fleet = Arc::new(MemoryFleet::new(REGION));
        let (notices, heard) = tokio::sync::mpsc::unbounded_channel();
        let settings = Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            account: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
            clock: clock.clone(),
            fleet: fleet.clone(),
            judge,
            notices,
        };
        let server = serve(settings).await.unwrap();
        let config = aws_sdk_autoscaling::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .endpoint_url(format!("http://{}", server.address))
            .region(Region::new(REGION))
            .credentials_provider(Credentials::new("AKIAEXAMPLE", "secret", None, None, "test"))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .retry_config(RetryConfig::disabled())
            .build();
        let (heard, notices) = (Mutex::new(heard), Mutex::default());
        Self {
            client: Client::from_conf(config),
            clock,
            fleet,
            server,
            heard,
            notices,
        }
    }

    pub(crate) fn pass(&self, time: SignedDuration) {
        self.clock.advance(time);
    }

    /// A group in three zones.
    pub(crate) async fn group(&self, name: &str, desired: i32, hooks: &[LifecycleHookSpecification]) {
        self.client
            .create_auto_scaling_group()
            .auto_scaling_group_name(name)
            .min_size(0)
            .max_size(9)
            .desired_capacity(desired)
            .set_availability_zones(Some(
                ["a", "b", "c"].map(|zone| format!("{REGION}{zone}")).to_vec(),
            ))
            .launch_template(template().build())
            .set_lifecycle_hook_specification_list(Some(hooks.to_vec()))
            .send()
            .await
            .unwrap();
    }

    pub(crate) async fn describe(&self, name: &str) -> Option<AutoScalingGroup> {
        let request = self
            .client
            .describe_auto_scaling_groups()
            .auto_scaling_group_names(name);
        request.send().await.unwrap().auto_scaling_groups.unwrap().pop()
    }

    pub(crate) async fn instances(&self, group: &str) -> Vec<Instance> {
        self.describe(group)
            .await
            .and_then(|group| group.instances)
            .unwrap_or_default()
    }

    pub(crate) async fn states(&self, group: &str) -> Vec<String> {
        let states = self.instances(group).await.into_iter();
        states
            .map(|instance| instance.lifecycle_state.unwrap().as_str().to_owned())
            .collect()
    }

    /// Waits until the states of the group's instances, oldest first, are these.
    pub(crate) async fn reach(&self, group: &str, states: &[&str]) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let now = self.states(group).await;
            if now == states {
                return;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "{group}: {now:?} never became {states:?}"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until it is so.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !is_so() {
            assert!(tokio::time::Instant::now() < deadline, "never: {what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) async fn first(&self, group: &str) -> String {
        self.instances(group).await[0].instance_id.clone().unwrap()
    }

    pub(crate) async fn desire(&self, group: &str, desired: i32) {
        let request = self.client.set_desired_capacity().auto_scaling_group_name(group);
        request.desired_capacity(desired).send().await.unwrap();
    }

    pub(crate) async fn terminate(&self, instance: &str, decrement: bool) {
        let request = self
            .client
            .terminate_instance_in_auto_scaling_group()
            .instance_id(instance);
        request
            .should_decrement_desired_capacity(decrement)
            .send()
            .await
            .unwrap();
    }

    pub(crate) async fn complete(
        &self,
        group: &str,
        hook: &str,
        token: &str,
        result: &str,
    ) -> Result<(), (String, String)> {
        let request = self
            .client
            .complete_lifecycle_action()
            .auto_scaling_group_name(group);
        let request = request.lifecycle_hook_name(hook).lifecycle_action_token(token);
        request
            .lifecycle_action_result(result)
            .send()
            .await
            .map(drop)
            .map_err(|error| refusal(&error))
    }

    pub(crate) async fn heartbeat(
        &self,
        group: &str,
        hook: &str,
        token: &str,
    ) -> Result<(), (String, String)> {
        let request = self
            .client
            .record_lifecycle_action_heartbeat()
            .auto_scaling_group_name(group);
        let request = request.lifecycle_hook_name(hook).lifecycle_action_token(token);
        request.send().await.map(drop).map_err(|error| refusal(&error))
    }

    /// Everything told so far.
    pub(crate) fn notices(&self) -> Vec<Notice> {
        let (mut heard, mut notices) = (self.heard.lock().unwrap(), self.notices.lock().unwrap());
        while let Ok(notice) = heard.try_recv() {
            notices.push(notice);
        }
        notices.clone()
    }

    /// The events of one detail type, oldest first.
    pub(crate) fn events(&self, detail_type: &str) -> Vec<serde_json::Value> {
        let events = self.notices().into_iter().filter_map(|notice| match notice {
            Notice::Event(event) => Some(event),
            _ => None,
        });
        events
            .filter(|event| event["detail-type"] == detail_type)
            .collect()
    }

    /// The token of the newest action of a hook.
    pub(crate) fn token(&self, hook: &str) -> String {
        let kinds = [
            "EC2 Instance-launch Lifecycle Action",
            "EC2 Instance-terminate Lifecycle Action",
        ];
        let events = kinds.into_iter().flat_map(|kind| self.events(kind));
        let newest = events
            .filter(|event| event["detail"]["LifecycleHookName"] == hook)
            .last();
        newest.unwrap()["detail"]["LifecycleActionToken"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The states that an instance went through.
    pub(crate) fn path(&self, id: &str) -> Vec<LifecycleState> {
        let moves = self.notices().into_iter().filter_map(|notice| match notice {
            Notice::Moved { instance, to, .. } if instance == id => Some(to),
            _ => None,
        });
        moves.collect()
    }
}

pub(crate) fn template() -> LaunchTemplateSpecificationBuilder {
    LaunchTemplateSpecification::builder()
        .launch_template_name("nodes")
        .version("$Latest")
}

/// A hook with the shortest heartbeat time-out that is neither default nor limit.
pub(crate) fn hook(name: &str, transition: &str, default_result: &str) -> LifecycleHookSpecification {
    hook_builder(name, transition)
        .heartbeat_timeout(60)
        .default_result(default_result)
        .build()
}

pub(crate) fn hook_builder(name: &str, transition: &str) -> LifecycleHookSpecificationBuilder {
    LifecycleHookSpecification::builder()
        .lifecycle_hook_name(name)
        .lifecycle_transition(transition)
}

/// Code and message of a refusal.
pub(crate) fn refusal<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> (String, String) {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    (text(error.code()), text(error.message()))
}

pub(crate) fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}
