//! Auto Scaling: which instances there are, how many there are to be, and the lifecycle actions for which they wait.

mod groups;
mod hooks;
mod sizes;

use aws_config::SdkConfig;
use aws_sdk_autoscaling::Client;

pub use groups::{DescribeGroups, Group, GroupInstance, Health};
pub use hooks::{CompleteHook, DescribeHooks, Heartbeat, LifecycleAction, RecordHeartbeat};
pub use sizes::{ResizeGroup, TagGroup};

/// Auto Scaling as this function's role may use it.
#[derive(Debug, Clone)]
pub struct AutoScaling {
    client: Client,
}

impl AutoScaling {
    /// A client of the configured region.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }
}

#[cfg(test)]
mod tests;
