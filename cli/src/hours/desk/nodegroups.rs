//! Node groups of a cluster that may be none of EKS: a person need not say what the function was told.

use aws::eks::{DescribeNodegroups, Eks, Nodegroup, ResizeNodegroup, TagNodegroup};
use aws_config::SdkConfig;
use domain::ids::ClusterName;
use domain::offhours::Capacity;

/// EKS answers so where it has no cluster of that name.
const NO_SUCH_CLUSTER: &str = "ResourceNotFoundException";

/// EKS, which has no node groups of a cluster that it does not know.
pub(crate) struct Nodegroups(Eks);

impl Nodegroups {
    /// Those of the configured region.
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self(Eks::new(config))
    }
}

impl DescribeNodegroups for Nodegroups {
    async fn nodegroups_of(&self, cluster: &ClusterName) -> Result<Vec<Nodegroup>, aws::Error> {
        match self.0.nodegroups_of(cluster).await {
            Err(aws::Error::Refused { code, .. }) if code == NO_SUCH_CLUSTER => Ok(Vec::new()),
            other => other,
        }
    }
}

impl ResizeNodegroup for Nodegroups {
    async fn resize_nodegroup(
        &self,
        cluster: &ClusterName,
        name: &str,
        capacity: Capacity,
    ) -> Result<(), aws::Error> {
        self.0.resize_nodegroup(cluster, name, capacity).await
    }
}

impl TagNodegroup for Nodegroups {
    async fn tag_nodegroup(&self, arn: &str, tags: &[(&str, &str)]) -> Result<(), aws::Error> {
        self.0.tag_nodegroup(arn, tags).await
    }

    async fn untag_nodegroup(&self, arn: &str, keys: &[&str]) -> Result<(), aws::Error> {
        self.0.untag_nodegroup(arn, keys).await
    }
}
