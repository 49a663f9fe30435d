//! A machine as EC2 knows it, and the name that its node will have.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use jiff::Timestamp;

use crate::ids::{InstanceId, InvalidId, NodeName};
use crate::states::states;

/// The region whose private names carry no region, for it is the oldest.
const REGION_WITHOUT_NAME: &str = "us-east-1";

/// Regions outside the partition `aws`, by how their names begin (AWS General Reference, "Partitions").
const PARTITIONS: [(&str, &str); 7] = [
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-iso-", "aws-iso"),
    ("us-isob-", "aws-iso-b"),
    ("eu-isoe-", "aws-iso-e"),
    ("us-isof-", "aws-iso-f"),
    ("eusc-", "aws-eusc"),
];

/// An EC2 instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Its id.
    pub id: InstanceId,
    /// Its ARN, as the session of its own role carries it in `ec2:SourceInstanceARN`.
    pub arn: String,
    /// Whether it runs.
    pub state: MachineState,
    /// When it was launched; for one that was stopped meanwhile, when it was last started.
    pub launched: Timestamp,
    /// The name by which it is known in its network, as EC2 tells it. Empty for a machine that is gone, for
    /// one that has only just been launched, and in a network without host names.
    pub private_dns_name: String,
    /// All addresses of all its interfaces, the primary private one first.
    pub ips: Vec<IpAddr>,
    /// The availability zone, for example `eu-central-1a`.
    pub zone: String,
    /// The region, for example `eu-central-1`.
    pub region: String,
    /// For example `m7g.large`.
    pub instance_type: String,
    /// How it is paid for.
    pub capacity: CapacityType,
    /// As EC2 writes it: `x86_64`, `arm64`.
    pub architecture: String,
    /// The ARN of its instance profile, if it has one.
    pub profile_arn: Option<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl Machine {
    /// The name under which its kubelet registers. It is never empty and never guessed: a certificate for
    /// `system:node:` would be one for nobody in particular.
    ///
    /// Where EC2 does not tell the private name, it is computed by the rule by which EC2 makes it, so that a
    /// machine which asks early gets the same answer as one that asks late.
    pub fn node_name(&self, naming: NodeNaming) -> Result<NodeName, Nameless> {
        let name = match naming {
            NodeNaming::InstanceId => self.id.to_string(),
            NodeNaming::PrivateDnsName if self.private_dns_name.is_empty() => self.computed_dns_name()?,
            NodeNaming::PrivateDnsName => self.private_dns_name.clone(),
        };
        NodeName::parse(name).map_err(|problem| Nameless::Invalid {
            instance: self.id.clone(),
            problem,
        })
    }

    /// EC2 user guide, "EC2 instance hostnames and domains": `ip-10-0-1-7.eu-central-1.compute.internal`, in
    /// us-east-1 `ip-10-0-1-7.ec2.internal`.
    fn computed_dns_name(&self) -> Result<String, Nameless> {
        let primary = self.primary_ipv4().ok_or_else(|| Nameless::NoAddress {
            instance: self.id.clone(),
        })?;
        let [a, b, c, d] = primary.octets();
        let domain = if self.region == REGION_WITHOUT_NAME {
            "ec2.internal".to_owned()
        } else {
            format!("{}.compute.internal", self.region)
        };
        Ok(format!("ip-{a}-{b}-{c}-{d}.{domain}"))
    }

    fn primary_ipv4(&self) -> Option<Ipv4Addr> {
        self.ips.iter().find_map(|ip| match ip {
            IpAddr::V4(ip) => Some(*ip),
            IpAddr::V6(_) => None,
        })
    }
}

/// The ARN of an instance, which EC2 itself does not tell.
///
/// ```
/// use domain::ids::InstanceId;
/// let id = InstanceId::parse("i-0123456789abcdef0").unwrap();
/// assert_eq!(
///     domain::machine::arn("eu-central-1", "111122223333", &id),
///     "arn:aws:ec2:eu-central-1:111122223333:instance/i-0123456789abcdef0"
/// );
/// ```
pub fn arn(region: &str, account: &str, id: &InstanceId) -> String {
    let partition = PARTITIONS
        .iter()
        .find(|(prefix, _)| region.starts_with(prefix))
        .map_or("aws", |(_, partition)| partition);
    format!("arn:{partition}:ec2:{region}:{account}:instance/{id}")
}

/// A machine for whose node there is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Nameless {
    /// EC2 tells no private DNS name, and none can be computed.
    #[error("instance {instance}: no private DNS name, and no IPv4 address from which to compute it")]
    NoAddress {
        /// The instance.
        instance: InstanceId,
    },
    /// Its name can't be that of a node.
    #[error("instance {instance}: {problem}")]
    Invalid {
        /// The instance.
        instance: InstanceId,
        /// The name and the rule.
        problem: InvalidId,
    },
}

/// How nodes are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NodeNaming {
    /// By the private DNS name: what kubeadm and the AWS cloud provider expect unless told otherwise.
    #[default]
    PrivateDnsName,
    /// By the instance id.
    InstanceId,
}

impl NodeNaming {
    /// Reads the name of a way; `None` for one that this version does not know.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "private-dns-name" => Some(Self::PrivateDnsName),
            "instance-id" => Some(Self::InstanceId),
            _ => None,
        }
    }
}

/// How a machine is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CapacityType {
    /// May be taken back with two minutes' notice.
    Spot,
    /// Everything else: by the second, reserved, or in a block.
    OnDemand,
}

impl CapacityType {
    /// The type by what EC2 says in `instanceLifecycle`, which on-demand machines do not have.
    pub fn of_lifecycle(text: Option<&str>) -> Self {
        match text {
            Some("spot") => Self::Spot,
            _ => Self::OnDemand,
        }
    }

    /// `spot` or `on-demand`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spot => "spot",
            Self::OnDemand => "on-demand",
        }
    }
}

impl fmt::Display for CapacityType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

states! {
    /// Whether a machine runs, in EC2's own terms (user guide, "EC2 instance state changes").
    MachineState {
        /// On its way up.
        Pending = "pending",
        /// Up.
        Running = "running",
        /// On its way to the end.
        ShuttingDown = "shutting-down",
        /// Gone; EC2 still tells of it for about an hour, without name and addresses.
        Terminated = "terminated",
        /// On its way down, to come back.
        Stopping = "stopping",
        /// Down, as in a warm pool.
        Stopped = "stopped",
    }
    /// A state that this version does not know. Nothing is done for a machine in it.
    Other
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Machine {
        let id = InstanceId::parse("i-0123456789abcdef0").unwrap();
        Machine {
            arn: arn("eu-central-1", "111122223333", &id),
            id,
            state: MachineState::Running,
            launched: "2026-11-21T08:00:00Z".parse().unwrap(),
            private_dns_name: "ip-10-0-1-7.eu-central-1.compute.internal".into(),
            ips: vec!["10.0.1.7".parse().unwrap()],
            zone: "eu-central-1a".into(),
            region: "eu-central-1".into(),
            instance_type: "m7g.large".into(),
            capacity: CapacityType::OnDemand,
            architecture: "arm64".into(),
            profile_arn: None,
            tags: BTreeMap::new(),
        }
    }

    fn name(machine: &Machine, naming: NodeNaming) -> Result<String, String> {
        let name = machine.node_name(naming).map_err(|error| error.to_string())?;
        Ok(name.into())
    }

    #[test]
    fn a_node_is_named_by_the_dns_name_that_ec2_tells_or_by_the_instance() {
        let resource_name = Machine {
            private_dns_name: "i-0123456789abcdef0.eu-central-1.compute.internal".into(),
            ..machine()
        };
        let cases = [
            (
                machine(),
                NodeNaming::PrivateDnsName,
                "ip-10-0-1-7.eu-central-1.compute.internal",
            ),
            (
                resource_name,
                NodeNaming::PrivateDnsName,
                "i-0123456789abcdef0.eu-central-1.compute.internal",
            ),
            (machine(), NodeNaming::InstanceId, "i-0123456789abcdef0"),
        ];
        for (machine, naming, expected) in cases {
            assert_eq!(name(&machine, naming).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn case_23_without_a_dns_name_the_name_is_computed_and_is_never_empty() {
        let unnamed = |region: &str, ips: &[&str]| Machine {
            private_dns_name: String::new(),
            region: region.into(),
            ips: ips.iter().map(|ip| ip.parse().unwrap()).collect(),
            ..machine()
        };
        let name = |machine: &Machine| name(machine, NodeNaming::PrivateDnsName);
        let cases = [
            (
                "eu-central-1",
                &["10.0.1.7", "10.0.9.9"][..],
                "ip-10-0-1-7.eu-central-1.compute.internal",
            ),
            ("us-east-1", &["172.31.0.255"][..], "ip-172-31-0-255.ec2.internal"),
            (
                "us-west-2",
                &["fd00::7", "10.0.1.7"][..],
                "ip-10-0-1-7.us-west-2.compute.internal",
            ),
        ];
        for (region, ips, expected) in cases {
            assert_eq!(name(&unnamed(region, ips)).as_deref(), Ok(expected));
        }
        for ips in [&[][..], &["fd00::7"][..]] {
            let error = name(&unnamed("eu-central-1", ips)).unwrap_err();
            assert_eq!(
                error,
                "instance i-0123456789abcdef0: no private DNS name, and no IPv4 address from which to compute it"
            );
        }
        // What stands in the way of a name by DNS is nothing to a name by id.
        let by_id = unnamed("eu-central-1", &[]).node_name(NodeNaming::InstanceId);
        assert_eq!(by_id.unwrap().as_str(), "i-0123456789abcdef0");
    }

    #[test]
    fn a_name_that_no_node_can_have_is_refused() {
        let odd = Machine {
            private_dns_name: "IP-10-0-1-7".into(),
            ..machine()
        };
        assert_eq!(
            name(&odd, NodeNaming::PrivateDnsName).unwrap_err(),
            "instance i-0123456789abcdef0: node \"IP-10-0-1-7\": \
             expected a DNS subdomain of at most 253 characters"
        );
    }

    #[test]
    fn an_arn_is_of_the_partition_of_its_region() {
        let id = InstanceId::parse("i-01234567").unwrap();
        let cases = [
            ("us-east-1", "arn:aws:ec2:us-east-1:1:instance/i-01234567"),
            ("cn-north-1", "arn:aws-cn:ec2:cn-north-1:1:instance/i-01234567"),
            (
                "us-gov-west-1",
                "arn:aws-us-gov:ec2:us-gov-west-1:1:instance/i-01234567",
            ),
        ];
        for (region, expected) in cases {
            assert_eq!(arn(region, "1", &id), expected);
        }
    }

    #[test]
    fn words_of_ec2_are_read_and_unknown_ones_kept() {
        for text in ["pending", "running", "shutting-down", "terminated", "hibernating"] {
            assert_eq!(MachineState::parse(text).as_str(), text);
        }
        assert_eq!(MachineState::parse("running"), MachineState::Running);
        assert_eq!(CapacityType::of_lifecycle(Some("spot")), CapacityType::Spot);
        for other in [None, Some("scheduled"), Some("capacity-block")] {
            assert_eq!(CapacityType::of_lifecycle(other), CapacityType::OnDemand);
        }
        assert_eq!(NodeNaming::parse("instance-id"), Some(NodeNaming::InstanceId));
        assert_eq!(NodeNaming::parse("hostname"), None);
    }
}
