//! Groups and their instances.

use std::collections::BTreeMap;

use aws_sdk_autoscaling::error::SdkError;
use aws_sdk_autoscaling::operation::describe_auto_scaling_groups::builders::DescribeAutoScalingGroupsFluentBuilder;
use aws_sdk_autoscaling::types::{AutoScalingGroup, Filter, Instance};
use domain::ids::{ClusterName, GroupName, InstanceId};
use domain::keys;
use domain::lifecycle::LifecycleState;
use domain::offhours::Capacity;
use jiff::Timestamp;

use super::AutoScaling;
use crate::error::{Call, Error};
use crate::{capacity, time};

/// The API takes at most 50 names in one call unless told otherwise.
const NAMES_IN_A_CALL: usize = 50;
/// The largest page that the API gives.
const PAGE: i32 = 100;

/// Lists groups with their instances.
pub trait DescribeGroups {
    /// The groups that opted in to `cluster` by the tag `lamplighter:cluster`.
    async fn groups_of(&self, cluster: &ClusterName) -> Result<Vec<Group>, Error>;

    /// The groups of these names. A name without a group is left out; no names, no groups.
    async fn groups_named(&self, names: &[GroupName]) -> Result<Vec<Group>, Error>;
}

/// An Auto Scaling group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: GroupName,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// How large it is to be.
    pub capacity: Capacity,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// Its instances, those on their way in and out included.
    pub instances: Vec<GroupInstance>,
}

/// An instance as its group sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupInstance {
    /// Its id.
    pub id: InstanceId,
    /// Where it is in its life.
    pub lifecycle: LifecycleState,
    /// The availability zone, for example `eu-central-1a`.
    pub zone: String,
    /// What the group's health checks say.
    pub health: Health,
    /// For example `m7g.large`.
    pub machine_type: String,
}

/// What the group's health checks say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It stays.
    Healthy,
    /// It is about to be replaced.
    Unhealthy,
}

impl DescribeGroups for AutoScaling {
    async fn groups_of(&self, cluster: &ClusterName) -> Result<Vec<Group>, Error> {
        let tag = Filter::builder()
            .name(format!("tag:{}", keys::CLUSTER_TAG))
            .values(cluster.as_str())
            .build();
        let request = self.client.describe_auto_scaling_groups().filters(tag);
        all_pages(request, &describe(format!("cluster {cluster}"))).await
    }

    async fn groups_named(&self, names: &[GroupName]) -> Result<Vec<Group>, Error> {
        let mut groups = Vec::new();
        // Without names the API would describe every group of the account.
        for chunk in names.chunks(NAMES_IN_A_CALL) {
            let texts: Vec<String> = chunk.iter().map(|name| name.as_str().to_owned()).collect();
            let call = describe(format!("groups {}", texts.join(", ")));
            let request = self
                .client
                .describe_auto_scaling_groups()
                .set_auto_scaling_group_names(Some(texts));
            groups.extend(all_pages(request, &call).await?);
        }
        Ok(groups)
    }
}

fn describe(subject: String) -> Call {
    Call::new("autoscaling:DescribeAutoScalingGroups", subject)
}

async fn all_pages(
    request: DescribeAutoScalingGroupsFluentBuilder,
    call: &Call,
) -> Result<Vec<Group>, Error> {
    let mut pages = request.max_records(PAGE).into_paginator().send();
    let mut groups = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error: SdkError<_, _>| call.clone().failed(error))?;
        for group in page.auto_scaling_groups() {
            groups.push(group_of(group, call)?);
        }
    }
    Ok(groups)
}

fn group_of(group: &AutoScalingGroup, call: &Call) -> Result<Group, Error> {
    let name = call.must("group name", group.auto_scaling_group_name())?;
    let tag = |tag: &aws_sdk_autoscaling::types::TagDescription| {
        Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()))
    };
    Ok(Group {
        name: GroupName::parse(name).map_err(|error| call.unexpected(error))?,
        tags: group.tags().iter().filter_map(tag).collect(),
        capacity: capacity::read(group.min_size(), group.desired_capacity(), group.max_size(), call)?,
        created: group.created_time().and_then(time::read),
        instances: group
            .instances()
            .iter()
            .map(|instance| instance_of(instance, call))
            .collect::<Result<_, _>>()?,
    })
}

fn instance_of(instance: &Instance, call: &Call) -> Result<GroupInstance, Error> {
    let id = call.must("instance id", instance.instance_id())?;
    let state = call.must("lifecycle state", instance.lifecycle_state())?;
    let healthy = instance
        .health_status()
        .is_some_and(|status| status.eq_ignore_ascii_case("Healthy"));
    Ok(GroupInstance {
        id: InstanceId::parse(id).map_err(|error| call.unexpected(error))?,
        lifecycle: LifecycleState::parse(state.as_str()),
        machine_type: instance.instance_type().unwrap_or_default().to_owned(),
        zone: instance.availability_zone().unwrap_or_default().to_owned(),
        health: if healthy {
            Health::Healthy
        } else {
            Health::Unhealthy
        },
    })
}
