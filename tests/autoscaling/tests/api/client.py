"""Drives a group through the Auto Scaling endpoint at the given URL with boto3, and prints "ok"."""

import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "eu-central-1"
GROUP = "boto"
HOOK = "drain"


def client(url):
    return boto3.client(
        "autoscaling",
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id="AKIAEXAMPLE",
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}),
    )


def instances(api):
    pages = api.get_paginator("describe_auto_scaling_instances").paginate(PaginationConfig={"PageSize": 2})
    found = [instance for page in pages for instance in page["AutoScalingInstances"]]
    return {instance["InstanceId"]: instance for instance in found}


def wait(what, condition):
    deadline = time.monotonic() + 10
    while not (result := condition()):
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.01)
    return result


def refused(call, **parameters):
    try:
        call(**parameters)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    raise AssertionError(f"accepted: {parameters}")


def main(url):
    api = client(url)
    api.create_auto_scaling_group(
        AutoScalingGroupName=GROUP,
        MinSize=0,
        MaxSize=5,
        DesiredCapacity=3,
        AvailabilityZones=[REGION + "a", REGION + "b"],
        LaunchTemplate={"LaunchTemplateName": "nodes", "Version": "$Default"},
        Tags=[{"Key": "team", "Value": "a & <b>", "PropagateAtLaunch": True}],
        LifecycleHookSpecificationList=[
            {
                "LifecycleHookName": HOOK,
                "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
                "HeartbeatTimeout": 900,
                "DefaultResult": "CONTINUE",
            }
        ],
    )

    def in_service():
        return [i for i, it in sorted(instances(api).items()) if it["LifecycleState"] == "InService"]

    wait("three in service", lambda: len(in_service()) == 3)
    groups = api.describe_auto_scaling_groups(Filters=[{"Name": "tag:team", "Values": ["a & <b>"]}])
    (group,) = groups["AutoScalingGroups"]
    assert group["Tags"][0]["Value"] == "a & <b>", group
    assert group["CreatedTime"].year >= 2026, group
    assert sorted(i["AvailabilityZone"][-1] for i in group["Instances"]) in (["a", "a", "b"], ["a", "b", "b"])

    gone = in_service()[0]
    activity = api.terminate_instance_in_auto_scaling_group(InstanceId=gone, ShouldDecrementDesiredCapacity=False)
    assert activity["Activity"]["StatusCode"] == "InProgress", activity
    assert instances(api)[gone]["LifecycleState"] == "Terminating:Wait"
    action = {"AutoScalingGroupName": GROUP, "LifecycleHookName": HOOK, "InstanceId": gone}
    api.record_lifecycle_action_heartbeat(**action)
    api.complete_lifecycle_action(**action, LifecycleActionResult="CONTINUE")
    wait("the instance gone", lambda: gone not in instances(api))
    wait("three in service again", lambda: len(in_service()) == 3)
    code, message = refused(api.complete_lifecycle_action, **action, LifecycleActionResult="CONTINUE")
    assert (code, message) == (
        "ValidationError",
        f"No active Lifecycle Action found with instance ID {gone}",
    ), (code, message)

    (hook,) = api.describe_lifecycle_hooks(AutoScalingGroupName=GROUP)["LifecycleHooks"]
    assert hook["GlobalTimeout"] == 90_000, hook
    code, _ = refused(api.delete_auto_scaling_group, AutoScalingGroupName=GROUP)
    assert code == "ResourceInUse", code
    api.delete_auto_scaling_group(AutoScalingGroupName=GROUP, ForceDelete=True)
    wait("the group gone", lambda: not api.describe_auto_scaling_groups()["AutoScalingGroups"])
    print("ok")


main(sys.argv[1])
