//! An instance of a group.

use jiff::Timestamp;

use super::hook::LifecycleAction;
use super::lifecycle::LifecycleState;
use crate::fleet::TemplateRef;

/// Where instances are launched: a zone, or a subnet whose zone is known only to EC2.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) zone: Option<String>,
    pub(crate) subnet: Option<String>,
}

/// A launch or a termination, as `DescribeScalingActivities` and events tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Activity {
    pub(crate) id: String,
    pub(crate) cause: String,
    pub(crate) start: Timestamp,
}

/// A launch that EC2 has not answered yet.
#[derive(Debug, Clone)]
pub(crate) struct Launching {
    pub(crate) activity: Activity,
    pub(crate) place: Place,
    pub(crate) spot: bool,
}

/// An instance that EC2 has launched.
#[derive(Debug, Clone)]
#[expect(clippy::struct_field_names, reason = "an instance type is a term of EC2")]
pub(crate) struct Instance {
    pub(crate) id: String,
    pub(crate) zone: String,
    pub(crate) place: Place,
    pub(crate) instance_type: String,
    pub(crate) image_id: Option<String>,
    /// With the id, name and version that were resolved.
    pub(crate) template: TemplateRef,
    pub(crate) spot: bool,
    pub(crate) state: LifecycleState,
    pub(crate) healthy: bool,
    pub(crate) protected: bool,
    pub(crate) in_service_at: Option<Timestamp>,
    /// Of the transition under way.
    pub(crate) actions: Vec<LifecycleAction>,
    /// The launch, then the termination.
    pub(crate) activity: Activity,
    /// When EC2 is to be asked to terminate it, once that is to be done.
    pub(crate) terminate_at: Option<Timestamp>,
}

impl Instance {
    /// When the next lifecycle action times out or a termination is to be asked for.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        self.actions
            .iter()
            .filter_map(LifecycleAction::due)
            .chain(self.terminate_at)
            .min()
    }
}
