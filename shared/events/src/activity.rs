//! Ends of scaling activities (Amazon EC2 Auto Scaling user guide, "EventBridge event reference": successful
//! and unsuccessful scaling events).

use domain::ids::{GroupName, InstanceId};
use serde::Deserialize;
use serde_json::Value;

use crate::{Malformed, detail};

/// `detail-type` of an instance that is gone.
pub(crate) const TERMINATED: &str = "EC2 Instance Terminate Successful";
/// `detail-type` of an instance that never came, or that was given up at a launch hook.
pub(crate) const LAUNCH_FAILED: &str = "EC2 Instance Launch Unsuccessful";

/// An instance will not serve any more, or never did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceEnded {
    /// The group.
    pub group: GroupName,
    /// The instance. A launch may fail before there is one.
    pub instance: Option<InstanceId>,
    /// How it ended.
    pub end: End,
}

/// How an instance ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It was terminated.
    Terminated,
    /// It was not launched, or a hook abandoned its launch.
    LaunchFailed,
}

impl End {
    const fn detail_type(self) -> &'static str {
        match self {
            Self::Terminated => TERMINATED,
            Self::LaunchFailed => LAUNCH_FAILED,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Activity {
    auto_scaling_group_name: String,
    /// Absent or empty for a launch that failed before EC2 made an instance.
    #[serde(rename = "EC2InstanceId", default)]
    instance_id: String,
}

impl InstanceEnded {
    pub(crate) fn read(end: End, value: Value) -> Result<Self, Malformed> {
        let activity: Activity = detail::read(end.detail_type(), value)?;
        let invalid = detail::invalid(end.detail_type());
        let instance = match activity.instance_id.as_str() {
            "" => None,
            id => Some(InstanceId::parse(id).map_err(invalid)?),
        };
        Ok(Self {
            group: GroupName::parse(activity.auto_scaling_group_name).map_err(invalid)?,
            instance,
            end,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Event, parse};

    #[test]
    fn the_end_of_an_instance_names_it_where_there_was_one() {
        let cases = [
            (
                include_str!("../../../events/node-join/terminate-successful.json"),
                Some("i-0123456789abcdef0"),
                End::Terminated,
            ),
            (
                include_str!("../../../events/node-join/launch-abandoned.json"),
                Some("i-0123456789abcdef0"),
                End::LaunchFailed,
            ),
            (
                include_str!("../../../events/node-join/launch-without-instance.json"),
                None,
                End::LaunchFailed,
            ),
        ];
        for (body, instance, end) in cases {
            let expected = InstanceEnded {
                group: GroupName::parse("workers").unwrap(),
                instance: instance.map(|id| InstanceId::parse(id).unwrap()),
                end,
            };
            assert_eq!(parse(body), Ok(Event::Ended(expected)));
        }
    }

    #[test]
    fn an_instance_that_is_none_is_malformed() {
        let file = include_str!("../../../events/node-join/terminate-successful.json");
        let mut event: Value = serde_json::from_str(file).unwrap();
        event["detail"]["EC2InstanceId"] = "node-7".into();
        assert_eq!(
            parse(&event.to_string()).unwrap_err().to_string(),
            "detail of \"EC2 Instance Terminate Successful\": \
             instance id \"node-7\": expected `i-` and 8 to 17 hexadecimal digits"
        );
    }
}
