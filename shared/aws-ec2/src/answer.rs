//! EC2's XML, as far as we read it (EC2 API reference, `DescribeInstances` and "Error response format").

use std::net::IpAddr;

use aws::Error;
use aws::error::Call;
use aws_smithy_types::error::ErrorMetadata;
use domain::ids::InstanceId;
use domain::machine::{self, CapacityType, Machine, MachineState};
use jiff::Timestamp;
use serde::Deserialize;

/// One page of an answer.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) machines: Vec<Machine>,
    /// What to ask with for the next page, if there is one.
    pub(crate) next: Option<String>,
}

/// Reads a page that `region` gave.
pub(crate) fn read(body: &str, region: &str, call: &Call) -> Result<Page, Error> {
    let answer: Instances = quick_xml::de::from_str(body).map_err(|error| call.unexpected(error))?;
    let mut machines = Vec::new();
    for reservation in answer.reservation_set.item {
        for instance in reservation.instances_set.item {
            machines.push(instance.machine(region, &reservation.owner_id, call)?);
        }
    }
    Ok(Page {
        machines,
        next: answer.next_token.filter(|token| !token.is_empty()),
    })
}

/// Reads an error. One that is not EC2's own has neither code nor message.
pub(crate) fn error(body: &str) -> ErrorMetadata {
    let mut metadata = ErrorMetadata::builder();
    if let Ok(response) = quick_xml::de::from_str::<Refusal>(body)
        && let Some(error) = response.errors.error.into_iter().next()
    {
        metadata = metadata.code(error.code).message(error.message);
    }
    metadata.build()
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(rename = "Errors")]
    errors: Errors,
}

#[derive(Deserialize)]
struct Errors {
    #[serde(rename = "Error", default)]
    error: Vec<RefusalError>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RefusalError {
    code: String,
    #[serde(default)]
    message: String,
}

/// A list, as EC2 writes each of its lists.
#[derive(Deserialize)]
struct Set<T> {
    #[serde(default = "Vec::new")]
    item: Vec<T>,
}

impl<T> Default for Set<T> {
    fn default() -> Self {
        Self { item: Vec::new() }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Instances {
    #[serde(default)]
    reservation_set: Set<Reservation>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reservation {
    owner_id: String,
    #[serde(default)]
    instances_set: Set<Instance>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Instance {
    #[serde(rename = "instanceId")]
    id: String,
    #[serde(rename = "instanceState")]
    state: State,
    #[serde(default)]
    private_dns_name: String,
    launch_time: String,
    #[serde(rename = "instanceType")]
    kind: String,
    placement: Placement,
    private_ip_address: Option<String>,
    #[serde(default)]
    network_interface_set: Set<Interface>,
    #[serde(default)]
    architecture: String,
    #[serde(rename = "instanceLifecycle")]
    lifecycle: Option<String>,
    iam_instance_profile: Option<Profile>,
    #[serde(default)]
    tag_set: Set<Tag>,
}

#[derive(Deserialize)]
struct State {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Placement {
    availability_zone: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Interface {
    #[serde(default)]
    private_ip_addresses_set: Set<PrivateAddress>,
    #[serde(default)]
    ipv6_addresses_set: Set<Ipv6Address>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PrivateAddress {
    private_ip_address: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ipv6Address {
    ipv6_address: String,
}

#[derive(Deserialize)]
struct Profile {
    arn: String,
}

#[derive(Deserialize)]
struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

impl Instance {
    fn machine(self, region: &str, account: &str, call: &Call) -> Result<Machine, Error> {
        let ips = self.ips(call)?;
        let id = InstanceId::parse(self.id).map_err(|error| call.unexpected(error))?;
        let launched: Timestamp = self
            .launch_time
            .parse()
            .map_err(|error| call.unexpected(format!("launch time of {id}: {error}")))?;
        Ok(Machine {
            arn: machine::arn(region, account, &id),
            id,
            state: MachineState::parse(&self.state.name),
            launched,
            private_dns_name: self.private_dns_name,
            ips,
            zone: self.placement.availability_zone,
            region: region.to_owned(),
            instance_type: self.kind,
            capacity: CapacityType::of_lifecycle(self.lifecycle.as_deref()),
            architecture: self.architecture,
            profile_arn: self.iam_instance_profile.map(|profile| profile.arn),
            tags: self
                .tag_set
                .item
                .into_iter()
                .map(|tag| (tag.key, tag.value))
                .collect(),
        })
    }

    /// Each address once. The machine's own comes first: that of its first interface, which the interfaces
    /// themselves do not promise.
    fn ips(&self, call: &Call) -> Result<Vec<IpAddr>, Error> {
        let of_interfaces = self.network_interface_set.item.iter().flat_map(|interface| {
            let v4 = interface.private_ip_addresses_set.item.iter();
            let v6 = interface.ipv6_addresses_set.item.iter();
            v4.map(|address| &address.private_ip_address)
                .chain(v6.map(|address| &address.ipv6_address))
        });
        let mut ips = Vec::new();
        for text in self.private_ip_address.iter().chain(of_interfaces) {
            if text.is_empty() {
                continue;
            }
            let ip: IpAddr = text
                .parse()
                .map_err(|error| call.unexpected(format!("address {text:?}: {error}")))?;
            if !ips.contains(&ip) {
                ips.push(ip);
            }
        }
        Ok(ips)
    }
}
