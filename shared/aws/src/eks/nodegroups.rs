//! Managed node groups: what there is, how large it is to be, and what is written on it.

use std::collections::BTreeMap;

use aws_sdk_eks::types::{self, NodegroupScalingConfig};
use domain::ids::{ClusterName, GroupName};
use domain::offhours::{Capacity, NodegroupStatus};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;

use super::Eks;
use crate::error::{Call, Error};
use crate::{capacity, time};

/// The largest page that the API gives.
const PAGE: i32 = 100;
/// Node groups that are described at once: most clusters in one round trip, and far from what EKS throttles.
const AT_ONCE: usize = 8;

/// Lists a cluster's managed node groups.
pub trait DescribeNodegroups {
    /// All of them. One that vanishes meanwhile is left out.
    async fn nodegroups_of(&self, cluster: &ClusterName) -> Result<Vec<Nodegroup>, Error>;
}

/// Changes how large a node group is to be.
pub trait ResizeNodegroup {
    /// Sets all three sizes. Machines follow later, and the node group is `UPDATING` for a while: another change is
    /// refused until then, by an error that [is busy](Error::is_busy). A `max` of 0 is refused by EKS always.
    async fn resize_nodegroup(
        &self,
        cluster: &ClusterName,
        name: &str,
        capacity: Capacity,
    ) -> Result<(), Error>;
}

/// Writes on a node group what people and the next invocation read there.
pub trait TagNodegroup {
    /// Sets these tags on the node group `arn`. Its machines don't get them.
    async fn tag_nodegroup(&self, arn: &str, tags: &[(&str, &str)]) -> Result<(), Error>;

    /// Takes the tags of these keys away. One that is not there is fine.
    async fn untag_nodegroup(&self, arn: &str, keys: &[&str]) -> Result<(), Error>;
}

/// A managed node group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nodegroup {
    /// Its name within the cluster.
    pub name: String,
    /// Its name within AWS, by which it is tagged.
    pub arn: String,
    /// How large it is to be.
    pub capacity: Capacity,
    /// How it is doing.
    pub status: NodegroupStatus,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The Auto Scaling groups in which its machines are.
    pub groups: Vec<GroupName>,
    /// What its health checks say: code and message of each problem.
    pub problems: Vec<String>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// Of which types its machines may be, the preferred one first.
    pub machine_types: Vec<String>,
}

impl DescribeNodegroups for Eks {
    async fn nodegroups_of(&self, cluster: &ClusterName) -> Result<Vec<Nodegroup>, Error> {
        let names = self.nodegroup_names(cluster).await?;
        let described: Vec<Option<Nodegroup>> = stream::iter(&names)
            .map(|name| self.describe_nodegroup(cluster, name))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(described.into_iter().flatten().collect())
    }
}

impl ResizeNodegroup for Eks {
    async fn resize_nodegroup(
        &self,
        cluster: &ClusterName,
        name: &str,
        capacity: Capacity,
    ) -> Result<(), Error> {
        let call = Call::new("eks:UpdateNodegroupConfig", subject(cluster, name));
        let sizes = NodegroupScalingConfig::builder()
            .min_size(capacity::write(capacity.min, &call)?)
            .desired_size(capacity::write(capacity.desired, &call)?)
            .max_size(capacity::write(capacity.max, &call)?)
            .build();
        let request = self
            .client
            .update_nodegroup_config()
            .cluster_name(cluster.as_str())
            .nodegroup_name(name)
            .scaling_config(sizes);
        request.send().await.map(drop).map_err(|error| call.failed(error))
    }
}

impl TagNodegroup for Eks {
    async fn tag_nodegroup(&self, arn: &str, tags: &[(&str, &str)]) -> Result<(), Error> {
        if tags.is_empty() {
            return Ok(()); // the API refuses an empty list
        }
        let call = Call::new("eks:TagResource", arn);
        let text = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let request = self
            .client
            .tag_resource()
            .resource_arn(arn)
            .set_tags(Some(tags.iter().map(text).collect()));
        request.send().await.map(drop).map_err(|error| call.failed(error))
    }

    async fn untag_nodegroup(&self, arn: &str, keys: &[&str]) -> Result<(), Error> {
        if keys.is_empty() {
            return Ok(()); // the API refuses an empty list
        }
        let call = Call::new("eks:UntagResource", arn);
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        let request = self
            .client
            .untag_resource()
            .resource_arn(arn)
            .set_tag_keys(Some(keys));
        request.send().await.map(drop).map_err(|error| call.failed(error))
    }
}

impl Eks {
    async fn nodegroup_names(&self, cluster: &ClusterName) -> Result<Vec<String>, Error> {
        let call = Call::new("eks:ListNodegroups", format!("cluster {cluster}"));
        let request = self.client.list_nodegroups().cluster_name(cluster.as_str());
        let mut pages = request.max_results(PAGE).into_paginator().send();
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| call.clone().failed(error))?;
            names.extend(page.nodegroups.unwrap_or_default());
        }
        Ok(names)
    }

    /// `None` if it vanished since it was listed.
    async fn describe_nodegroup(
        &self,
        cluster: &ClusterName,
        name: &str,
    ) -> Result<Option<Nodegroup>, Error> {
        let call = Call::new("eks:DescribeNodegroup", subject(cluster, name));
        let request = self
            .client
            .describe_nodegroup()
            .cluster_name(cluster.as_str())
            .nodegroup_name(name);
        match request.send().await.map_err(|error| call.clone().failed(error)) {
            Ok(answer) => nodegroup_of(call.must("node group", answer.nodegroup())?, &call).map(Some),
            Err(error) if error.is("ResourceNotFoundException") => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn subject(cluster: &ClusterName, name: &str) -> String {
    format!("node group {name}, cluster {cluster}")
}

fn nodegroup_of(described: &types::Nodegroup, call: &Call) -> Result<Nodegroup, Error> {
    let sizes = call.must("scaling configuration", described.scaling_config())?;
    let status = call.must("status", described.status())?;
    let groups = described
        .resources()
        .map_or(&[][..], |resources| resources.auto_scaling_groups());
    let group = |group: &types::AutoScalingGroup| {
        let name = call.must("name of the Auto Scaling group", group.name())?;
        GroupName::parse(name).map_err(|error| call.unexpected(error))
    };
    let problems = described.health().map_or(&[][..], |health| health.issues());
    Ok(Nodegroup {
        name: call.must("name", described.nodegroup_name())?.to_owned(),
        arn: call.must("ARN", described.nodegroup_arn())?.to_owned(),
        capacity: capacity::read(sizes.min_size(), sizes.desired_size(), sizes.max_size(), call)?,
        status: NodegroupStatus::parse(status.as_str()),
        tags: described
            .tags()
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
        groups: groups.iter().map(group).collect::<Result<_, _>>()?,
        problems: problems.iter().map(problem).collect(),
        created: described.created_at().and_then(time::read),
        machine_types: described.instance_types().to_vec(),
    })
}

fn problem(issue: &types::Issue) -> String {
    let code = issue.code().map_or("no code", |code| code.as_str());
    format!("{code}: {}", issue.message().unwrap_or("no message"))
}

#[cfg(test)]
mod tests;
