"""Instances in the zone of their subnet, and their user data.

The emulator puts every instance into zone ``a``, gives it a random address of 10.0.0.0/16 that another one
may have, and a name of us-east-1. Kubernetes nodes are known by their private DNS name and spread by zone,
so both have to be right: https://docs.aws.amazon.com/vpc/latest/userguide/vpc-dns.html, "EC2 instance
hostnames". User data it takes, but answers with nothing when it is asked for it.
"""

import ipaddress
import threading

from ministack.core.responses import get_region
from ministack.services import ec2

# The first four addresses of a subnet are AWS's own, as is the last.
RESERVED = 4

_allocating = threading.Lock()


def install():
    launch = ec2._launch_instances_internal

    def launch_in_zone(*args, **kwargs):
        # Two launches at once must not find the same address free.
        with _allocating:
            created = launch(*args, **kwargs)
            for instance in created:
                _place(instance, asked=kwargs.get("requested_private_ip"))
        return created

    ec2._launch_instances_internal = launch_in_zone

    describe_attribute = ec2._ACTION_MAP["DescribeInstanceAttribute"]

    def describe_attribute_with_user_data(params):
        status, headers, body = describe_attribute(params)
        instance = ec2._instances.get(ec2._p(params, "InstanceId")) or {}
        if data := instance.get("UserData"):
            value = f"<userData><value>{data}</value></userData>"
            body = body.replace(b"<userData/>", value.encode())
        return status, headers, body

    ec2._ACTION_MAP["DescribeInstanceAttribute"] = describe_attribute_with_user_data


def _place(instance, asked):
    subnet = ec2._subnets.get(instance["SubnetId"])
    if subnet is None:
        return
    zone = subnet["AvailabilityZone"]
    instance["Placement"]["AvailabilityZone"] = zone
    for device in instance["BlockDeviceMappings"]:
        ec2._volumes[device["Ebs"]["VolumeId"]]["AvailabilityZone"] = zone
    address = asked or _free_address(subnet["CidrBlock"], instance["InstanceId"])
    instance["PrivateIpAddress"] = address
    instance["PrivateDnsName"] = f"ip-{address.replace('.', '-')}.{_domain(get_region())}"


def _free_address(block, own_id):
    used = {
        other["PrivateIpAddress"]
        for other in ec2._instances.values()
        if other["InstanceId"] != own_id and other["State"]["Name"] != "terminated"
    }
    network = ipaddress.ip_network(block)
    for number in range(RESERVED, network.num_addresses - 1):
        address = str(network[number])
        if address not in used:
            return address
    raise RuntimeError(f"subnet {block} has no free address")


def _domain(region):
    return "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"
