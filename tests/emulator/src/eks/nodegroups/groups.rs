//! The Auto Scaling group behind each node group, as EKS makes it: `eks-<node group>-<suffix>`.
//!
//! Source: EKS User Guide, "Managed node groups": an Auto Scaling group that EKS manages, tagged for the Cluster Autoscaler; API
//! Reference, `NodegroupResources`. Left out: the hook by which EKS drains a node before it goes; here it goes at once.

use anyhow::{Context, Result};
use base::aws;
use serde_json::Value;

use crate::Client;
use crate::client::Refused;

const EC2: (&str, &str) = ("ec2", "2016-11-15");
const AUTO_SCALING: (&str, &str) = ("autoscaling", "2011-01-01");

/// The tag by which a group says whose nodes it launches.
pub const NODEGROUP_TAG: &str = "eks:nodegroup-name";

/// How the labels of its nodes are written down on a group.
pub const LABEL_TAG: &str = "k8s.io/cluster-autoscaler/node-template/label/";

/// Makes, resizes and deletes the groups.
#[derive(Debug, Clone)]
pub(super) struct Groups {
    /// EC2, for the launch template.
    pub(super) emulator: Client,
    /// Auto Scaling.
    pub(super) autoscaling: Client,
}

/// Sizes as the API of EKS names them, and as that of Auto Scaling does.
const SIZES: [(&str, &str); 3] = [
    ("minSize", "MinSize"),
    ("maxSize", "MaxSize"),
    ("desiredSize", "DesiredCapacity"),
];

impl Groups {
    /// Makes the group of a node group that was just created.
    pub(super) async fn create(&self, group: &str, cluster: &str, nodegroup: &Value) -> Result<()> {
        let instance_type = nodegroup["instanceTypes"][0].as_str().unwrap_or("m7g.large");
        let template = [
            ("LaunchTemplateName", group),
            ("LaunchTemplateData.ImageId", "ami-0123456789abcdef0"),
            ("LaunchTemplateData.InstanceType", instance_type),
        ];
        self.emulator
            .query(EC2.0, EC2.1, "CreateLaunchTemplate", template)
            .await?;
        let mut parameters = sizes(&nodegroup["scalingConfig"]);
        let mut set = |key: String, value: &str| parameters.push((key, value.to_owned()));
        set("AutoScalingGroupName".to_owned(), group);
        set("LaunchTemplate.LaunchTemplateName".to_owned(), group);
        for (n, zone) in (1..).zip(["a", "b", "c"]) {
            set(
                format!("AvailabilityZones.member.{n}"),
                &format!("{}{zone}", aws::REGION),
            );
        }
        for (n, (key, value)) in (1..).zip(tags(cluster, nodegroup)) {
            set(format!("Tags.member.{n}.Key"), &key);
            set(format!("Tags.member.{n}.Value"), &value);
            set(format!("Tags.member.{n}.PropagateAtLaunch"), "true");
        }
        self.call("CreateAutoScalingGroup", parameters).await.map(drop)
    }

    /// Gives the group the sizes of a node group.
    pub(super) async fn resize(&self, group: &str, scaling: &Value) -> Result<()> {
        let mut parameters = sizes(scaling);
        parameters.push(("AutoScalingGroupName".to_owned(), group.to_owned()));
        self.call("UpdateAutoScalingGroup", parameters).await.map(drop)
    }

    /// Deletes the group and its instances; one that somebody deleted is deleted.
    pub(super) async fn delete(&self, group: &str) -> Result<()> {
        let parameters = [("AutoScalingGroupName", group), ("ForceDelete", "true")];
        match self.call("DeleteAutoScalingGroup", parameters).await {
            Err(error) if Refused::is(&error, "ValidationError") => Ok(()),
            deleted => deleted.map(drop),
        }
    }

    /// How many instances the group wants now, whoever said so; `None` if there is no such group.
    pub(super) async fn desired(&self, group: &str) -> Result<Option<i64>> {
        let named = [("AutoScalingGroupNames.member.1", group)];
        let answer = self.call("DescribeAutoScalingGroups", named).await?;
        answer
            .text_at("DescribeAutoScalingGroupsResult/AutoScalingGroups/member/DesiredCapacity")
            .map(|desired| desired.parse().context("DesiredCapacity is no number"))
            .transpose()
    }

    async fn call<K: AsRef<str>, V: AsRef<str>>(
        &self,
        action: &str,
        parameters: impl IntoIterator<Item = (K, V)>,
    ) -> Result<crate::Element> {
        self.autoscaling
            .query(AUTO_SCALING.0, AUTO_SCALING.1, action, parameters)
            .await
    }
}

fn sizes(scaling: &Value) -> Vec<(String, String)> {
    SIZES
        .iter()
        .filter_map(|&(field, parameter)| Some((parameter.to_owned(), scaling[field].as_i64()?.to_string())))
        .collect()
}

fn tags(cluster: &str, nodegroup: &Value) -> Vec<(String, String)> {
    let text = |field: &str| nodegroup[field].as_str().unwrap_or_default().to_owned();
    let labels = nodegroup["labels"].as_object().into_iter().flatten();
    let labels =
        labels.filter_map(|(key, value)| Some((format!("{LABEL_TAG}{key}"), value.as_str()?.to_owned())));
    [
        ("eks:cluster-name".to_owned(), cluster.to_owned()),
        (NODEGROUP_TAG.to_owned(), text("nodegroupName")),
        ("k8s.io/cluster-autoscaler/enabled".to_owned(), "true".to_owned()),
        (format!("k8s.io/cluster-autoscaler/{cluster}"), "owned".to_owned()),
        (format!("kubernetes.io/cluster/{cluster}"), "owned".to_owned()),
    ]
    .into_iter()
    .chain(labels)
    .collect()
}
