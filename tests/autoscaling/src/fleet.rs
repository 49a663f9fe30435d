//! The EC2 that instances are launched in: a port, so that the state machine is tested without one.

use std::collections::BTreeMap;

use futures::future::BoxFuture;

/// What to launch, after launch template, overrides and group have been put together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LaunchRequest {
    /// AMI id.
    pub image_id: String,
    /// For example `m7g.large`.
    pub instance_type: String,
    /// For example `eu-central-1a`.
    pub availability_zone: String,
    /// Subnet of that zone, when the group names subnets.
    pub subnet_id: Option<String>,
    /// Base64, as the launch template holds it.
    pub user_data: Option<String>,
    /// Name or ARN of the instance profile.
    pub instance_profile: Option<String>,
    /// Whether it is a spot instance.
    pub spot: bool,
    /// Tags of the instance: those of the group with `PropagateAtLaunch`, and `aws:autoscaling:groupName`.
    pub tags: BTreeMap<String, String>,
}

/// An instance that was launched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launched {
    /// `i-` and 17 hexadecimal digits.
    pub instance_id: String,
    /// `ip-10-0-1-7.eu-central-1.compute.internal`.
    pub private_dns_name: String,
    /// `10.0.1.7`.
    pub private_ip: String,
    /// Where it is.
    pub availability_zone: String,
}

/// A launch template as a group names it: by id or by name, with a version (`$Default`, `$Latest` or a number).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemplateRef {
    /// `lt-…`.
    pub id: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// `$Default` when absent.
    pub version: Option<String>,
}

/// What a version of a launch template says, and its identity for `DescribeAutoScalingGroups`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Template {
    /// `lt-…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The number of the version that was resolved.
    pub version: String,
    /// AMI id.
    pub image_id: Option<String>,
    /// For example `m7g.large`.
    pub instance_type: Option<String>,
    /// Base64.
    pub user_data: Option<String>,
    /// Name or ARN.
    pub instance_profile: Option<String>,
}

/// EC2, as far as Auto Scaling uses it. Errors are EC2's own words.
pub trait Fleet: Send + Sync + 'static {
    /// Launches one instance.
    fn launch(&self, request: LaunchRequest) -> BoxFuture<'_, Result<Launched, String>>;
    /// Terminates one instance; done already is no error.
    fn terminate<'a>(&'a self, instance_id: &'a str) -> BoxFuture<'a, Result<(), String>>;
    /// Looks a launch template up.
    fn template<'a>(&'a self, template: &'a TemplateRef) -> BoxFuture<'a, Result<Template, String>>;
}
