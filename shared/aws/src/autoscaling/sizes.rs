//! How large a group is to be, and what is written on it.

use aws_sdk_autoscaling::types::Tag;
use aws_sdk_autoscaling::types::builders::TagBuilder;
use domain::ids::GroupName;
use domain::offhours::Capacity;

use super::AutoScaling;
use crate::capacity;
use crate::error::{Call, Error};

/// What Auto Scaling calls the kind of thing that is tagged; there is no other.
const RESOURCE_TYPE: &str = "auto-scaling-group";

/// Changes how large a group is to be.
pub trait ResizeGroup {
    /// Sets all three sizes at once, so that no order of theirs can be refused. Machines follow later.
    async fn resize_group(&self, group: &GroupName, capacity: Capacity) -> Result<(), Error>;
}

/// Writes on a group what people and the next invocation read there.
pub trait TagGroup {
    /// Sets these tags. Machines that are launched from now on don't get them.
    async fn tag_group(&self, group: &GroupName, tags: &[(&str, &str)]) -> Result<(), Error>;

    /// Takes the tags of these keys away. One that is not there is fine.
    async fn untag_group(&self, group: &GroupName, keys: &[&str]) -> Result<(), Error>;
}

impl ResizeGroup for AutoScaling {
    async fn resize_group(&self, group: &GroupName, capacity: Capacity) -> Result<(), Error> {
        let call = Call::new("autoscaling:UpdateAutoScalingGroup", format!("group {group}"));
        let request = self
            .client
            .update_auto_scaling_group()
            .auto_scaling_group_name(group.as_str())
            .min_size(capacity::write(capacity.min, &call)?)
            .desired_capacity(capacity::write(capacity.desired, &call)?)
            .max_size(capacity::write(capacity.max, &call)?);
        request.send().await.map(drop).map_err(|error| call.failed(error))
    }
}

impl TagGroup for AutoScaling {
    async fn tag_group(&self, group: &GroupName, tags: &[(&str, &str)]) -> Result<(), Error> {
        if tags.is_empty() {
            return Ok(()); // the API refuses an empty list
        }
        let call = Call::new("autoscaling:CreateOrUpdateTags", format!("group {group}"));
        let tags = tags.iter().map(|(key, value)| {
            let tag = Tag::builder().key(*key).value(*value);
            tag.propagate_at_launch(false)
        });
        let request = self
            .client
            .create_or_update_tags()
            .set_tags(Some(on(group, tags)));
        request.send().await.map(drop).map_err(|error| call.failed(error))
    }

    async fn untag_group(&self, group: &GroupName, keys: &[&str]) -> Result<(), Error> {
        if keys.is_empty() {
            return Ok(()); // the API refuses an empty list
        }
        let call = Call::new("autoscaling:DeleteTags", format!("group {group}"));
        let tags = keys.iter().map(|key| Tag::builder().key(*key));
        let request = self.client.delete_tags().set_tags(Some(on(group, tags)));
        request.send().await.map(drop).map_err(|error| call.failed(error))
    }
}

fn on(group: &GroupName, tags: impl Iterator<Item = TagBuilder>) -> Vec<Tag> {
    let complete = |tag: TagBuilder| {
        tag.resource_type(RESOURCE_TYPE)
            .resource_id(group.as_str())
            .build()
    };
    tags.map(complete).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::failure::{Class, Classified as _};

    use super::*;
    use crate::wire::Wire;

    fn workers() -> GroupName {
        GroupName::parse("workers").unwrap()
    }

    fn form(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pairs = pairs.iter().chain(&[("Version", "2011-01-01")]);
        pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[tokio::test]
    async fn a_group_gets_all_three_sizes_in_one_call() {
        let wire = Wire::answering([(200, "<UpdateAutoScalingGroupResponse/>")]);
        let client = AutoScaling::new(&wire.config());
        client
            .resize_group(&workers(), Capacity::new(2, 4, 10))
            .await
            .unwrap();
        let [request] = wire.requests().try_into().unwrap();
        let expected = form(&[
            ("Action", "UpdateAutoScalingGroup"),
            ("AutoScalingGroupName", "workers"),
            ("MinSize", "2"),
            ("DesiredCapacity", "4"),
            ("MaxSize", "10"),
        ]);
        assert_eq!(request.form(), expected);
    }

    #[tokio::test]
    async fn a_size_beyond_all_bounds_is_not_sent() {
        let wire = Wire::answering([]);
        let client = AutoScaling::new(&wire.config());
        let huge = Capacity::new(0, 0, u32::MAX);
        let error = client.resize_group(&workers(), huge).await.unwrap_err();
        assert_eq!(error.class(), Class::Permanent);
        assert_eq!(
            error.to_string(),
            "autoscaling:UpdateAutoScalingGroup for group workers: request not sent"
        );
        assert_eq!(wire.requests().len(), 0);
    }

    #[tokio::test]
    async fn a_group_that_is_being_changed_is_busy_and_tried_later() {
        for code in ["ScalingActivityInProgress", "ResourceContention"] {
            let busy = format!(
                "<ErrorResponse><Error><Code>{code}</Code><Message>wait</Message></Error></ErrorResponse>"
            );
            let wire = Wire::answering([(400, &busy)]);
            let client = AutoScaling::new(&wire.config());
            let error = client
                .resize_group(&workers(), Capacity::new(0, 0, 1))
                .await
                .unwrap_err();
            assert!(error.is_busy(), "{code}");
            assert_eq!(error.class(), Class::Transient, "{code}");
        }
    }

    #[tokio::test]
    async fn tags_are_written_without_reaching_machines_and_taken_away_by_their_keys() {
        let wire = Wire::answering([
            (200, "<CreateOrUpdateTagsResponse/>"),
            (200, "<DeleteTagsResponse/>"),
        ]);
        let client = AutoScaling::new(&wire.config());
        let tags = [("lamplighter:state", "asleep"), ("lamplighter:error", "")];
        client.tag_group(&workers(), &tags).await.unwrap();
        client
            .untag_group(&workers(), &["lamplighter:state"])
            .await
            .unwrap();
        client.tag_group(&workers(), &[]).await.unwrap();
        client.untag_group(&workers(), &[]).await.unwrap();
        let [tag, untag] = wire.requests().try_into().unwrap();
        let expected = form(&[
            ("Action", "CreateOrUpdateTags"),
            ("Tags.member.1.ResourceId", "workers"),
            ("Tags.member.1.ResourceType", "auto-scaling-group"),
            ("Tags.member.1.Key", "lamplighter:state"),
            ("Tags.member.1.Value", "asleep"),
            ("Tags.member.1.PropagateAtLaunch", "false"),
            ("Tags.member.2.ResourceId", "workers"),
            ("Tags.member.2.ResourceType", "auto-scaling-group"),
            ("Tags.member.2.Key", "lamplighter:error"),
            ("Tags.member.2.Value", ""),
            ("Tags.member.2.PropagateAtLaunch", "false"),
        ]);
        assert_eq!(tag.form(), expected);
        let expected = form(&[
            ("Action", "DeleteTags"),
            ("Tags.member.1.ResourceId", "workers"),
            ("Tags.member.1.ResourceType", "auto-scaling-group"),
            ("Tags.member.1.Key", "lamplighter:state"),
        ]);
        assert_eq!(untag.form(), expected);
    }
}
