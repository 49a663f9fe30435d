//! What the endpoint tells the world while instances come and go.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::fleet;
use crate::model::LifecycleState;

/// Something happened. Notices of one instance are sent in the order in which it happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// An `EventBridge` event as Auto Scaling emits it: source `aws.autoscaling`, the whole envelope.
    Event(serde_json::Value),
    /// An instance was launched; no hook has run yet.
    Launched {
        /// The group's name.
        group: String,
        /// All tags of the group, whether they propagate or not.
        tags: BTreeMap<String, String>,
        /// The instance.
        instance: fleet::Launched,
    },
    /// An instance entered a lifecycle state.
    Moved {
        /// `i-…`.
        instance: String,
        /// The group's name.
        group: String,
        /// `None` when it was just launched.
        from: Option<LifecycleState>,
        /// Where it is now.
        to: LifecycleState,
        /// By the endpoint's clock.
        at: Timestamp,
    },
    /// The instance is gone from EC2 and from its group.
    Terminated {
        /// The group's name.
        group: String,
        /// `i-…`.
        instance_id: String,
    },
}
