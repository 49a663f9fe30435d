//! Sizes and tags of groups, as people read and change them.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use emulator::Element;

use super::{Group, call};
use crate::World;

/// How many instances or nodes there may be, and how many there are to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// At least.
    pub min: u32,
    /// To be.
    pub desired: u32,
    /// At most.
    pub max: u32,
}

impl Sizes {
    /// In the order in which they are written.
    pub const fn new(min: u32, desired: u32, max: u32) -> Self {
        Self { min, desired, max }
    }
}

impl std::fmt::Display for Sizes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}-{}", self.min, self.desired, self.max)
    }
}

impl Group {
    /// With other bounds than 0 and ten more than its size.
    #[must_use]
    pub fn bounds(mut self, min: u32, max: u32) -> Self {
        self.bounds = (min, max);
        self
    }
}

/// The sizes of a group.
pub async fn sizes(world: &World, group: &str) -> Result<Sizes> {
    let described = described(world, group).await?;
    let size = |name: &str| {
        let text = described
            .text_at(name)
            .with_context(|| format!("group {group} has no {name}"))?;
        text.parse::<u32>()
            .with_context(|| format!("group {group}: {name}"))
    };
    Ok(Sizes::new(
        size("MinSize")?,
        size("DesiredCapacity")?,
        size("MaxSize")?,
    ))
}

/// Changes the sizes of a group, as a person or infrastructure code does, and returns at once.
pub async fn set_sizes(world: &World, group: &str, sizes: Sizes) -> Result<()> {
    let parameters = [
        ("AutoScalingGroupName", group.to_owned()),
        ("MinSize", sizes.min.to_string()),
        ("MaxSize", sizes.max.to_string()),
        ("DesiredCapacity", sizes.desired.to_string()),
    ];
    call(world, "UpdateAutoScalingGroup", parameters).await.map(drop)
}

/// The tags of a group, those that instances inherit and those that they don't.
pub async fn tags(world: &World, group: &str) -> Result<BTreeMap<String, String>> {
    let described = described(world, group).await?;
    let tag = |tag: &Element| Some((tag.text_at("Key")?, tag.text_at("Value").unwrap_or_default()));
    Ok(described.list("Tags").iter().filter_map(tag).collect())
}

/// Sets a tag that instances don't inherit.
pub async fn tag(world: &World, group: &str, key: &str, value: &str) -> Result<()> {
    let value = ("Tags.member.1.Value", value);
    let parameters = [&tag_parameters(group, key)[..], &[value]].concat();
    call(world, "CreateOrUpdateTags", parameters).await.map(drop)
}

/// Takes a tag away, whatever its value is.
pub async fn untag(world: &World, group: &str, key: &str) -> Result<()> {
    let parameters = tag_parameters(group, key);
    call(world, "DeleteTags", parameters).await.map(drop)
}

fn tag_parameters<'a>(group: &'a str, key: &'a str) -> [(&'static str, &'a str); 4] {
    [
        ("Tags.member.1.ResourceId", group),
        ("Tags.member.1.ResourceType", "auto-scaling-group"),
        ("Tags.member.1.Key", key),
        ("Tags.member.1.PropagateAtLaunch", "false"),
    ]
}

/// A group as Auto Scaling describes it.
pub(super) async fn described(world: &World, group: &str) -> Result<Element> {
    let named = [("AutoScalingGroupNames.member.1", group)];
    let answer = call(world, "DescribeAutoScalingGroups", named).await?;
    let groups = answer.list("DescribeAutoScalingGroupsResult/AutoScalingGroups");
    let found = groups
        .first()
        .with_context(|| format!("there is no group {group}"))?;
    Ok(found.clone())
}
