"""Sessions of instance profiles.

The credentials that an instance finds in its metadata carry which instance it is, in every request made with
them and wherever it comes from: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html,
``ec2:SourceInstanceARN`` and ``ec2:RoleDelivery``. No other session of the same role has these keys.

A session is an instance's when AWS itself took it (the emulator's root, a key that never leaves the world) and named
it for an instance that exists. A person who takes the role on under such a name is still that person.
"""

from ministack.core import iam_evaluator
from ministack.services import ec2, sts


def install():
    keys_of = iam_evaluator._principal_keys

    def keys_with_instance(credential):
        return keys_of(credential) | _instance_keys(sts._sessions.get(credential.access_key_id))

    iam_evaluator._principal_keys = keys_with_instance
    # Imported there by name.
    sts._principal_keys = keys_with_instance


def _instance_keys(session):
    if session is None or not session.get("SourcePrincipalArn", "").endswith(":root"):
        return {}
    instance = ec2._instances.get(session["Arn"].rsplit("/", 1)[-1])
    if instance is None:
        return {}
    region = instance["Placement"]["AvailabilityZone"][:-1]
    return {
        "ec2:sourceinstancearn": f"arn:aws:ec2:{region}:{session['AccountId']}:instance/{instance['InstanceId']}",
        "ec2:roledelivery": "2.0",
    }
