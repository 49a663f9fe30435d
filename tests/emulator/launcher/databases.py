"""Databases of RDS that stop and start.

The emulator has an instance stopped or available the moment that it is asked to, in any state, authorises by no ARN of
a list and by no tag, and shows all instances on one page. Here, without any database behind it:

- an instance is ``creating``, ``stopping`` and ``starting`` for a second each, where AWS takes minutes;
- what its state does not permit is ``InvalidDBInstanceState``: stopping what is not available, starting what is not
  stopped, changing what is stopped, stopping a read replica or an instance that has some; members of a cluster are
  stopped by their cluster, and a Multi-AZ instance of SQL Server not at all;
- a stopped instance says when AWS will start it by itself, after seven days (``AutomaticRestartTime``);
- identifiers are lower case, lists are sorted and have pages of 20 to 100;
- ``aws:ResourceTag/<key>`` and ``rds:db-tag/<key>`` are the instance's tags, a request that names no instance is one
  for ``db:*``, and one about tags is for the ARN that it names.

Sources: RDS API Reference, StopDBInstance, StartDBInstance, DescribeDBInstances; RDS User Guide, "Stopping an Amazon
RDS DB instance temporarily" ("Limitations"); Service Authorization Reference, Amazon RDS. The codes of the refusals are
documented, their words are not, nor is which code it is for replicas and SQL Server.

Left out: the start after seven days itself, events, snapshots at the stop, ``rds:AddTagsToResource`` for tags at the
creation, and resources besides the instance that a creation names.
"""

import base64
import re
import threading
import time

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import rds, tagging

TRANSITION_SECONDS = 1
RESTART_SECONDS = 7 * 24 * 3600
# DescribeDBInstances: MaxRecords.
SMALLEST_PAGE, LARGEST_PAGE = 20, 100
FILTERS = ("db-cluster-id", "db-instance-id", "dbi-resource-id", "domain", "engine")
TAG_ACTIONS = ("AddTagsToResource", "RemoveTagsFromResource", "ListTagsForResource")
TAG_KEY = "rds:db-tag/"
# Elements that AWS leaves out where there is nothing to say.
EMPTY = re.compile(
    r"<(ReadReplicaSourceDBInstanceIdentifier|DBClusterIdentifier|ReplicaMode|KmsKeyId|MonitoringRoleArn"
    r"|EnhancedMonitoringResourceArn|DBName)></\1>"
)

_one_at_a_time = threading.RLock()


def install():
    handle, instance_xml = rds._handle_request_sync, rds._instance_xml

    def handle_settled(*request):
        # Two requests to stop must not both find the instance available.
        with _one_at_a_time:
            _settle()
            return handle(*request)

    def instance_xml_as_aws(instance):
        text = EMPTY.sub("", instance_xml(instance))
        if instance.get("_restart"):
            text += f"<AutomaticRestartTime>{rds._format_time(instance['_restart'])}</AutomaticRestartTime>"
        return text

    rds._handle_request_sync = handle_settled
    rds._instance_xml = instance_xml_as_aws
    for action, around in (
        ("CreateDBInstance", _create),
        ("DeleteDBInstance", _delete),
        ("DescribeDBInstances", _describe),
        ("ModifyDBInstance", _modify),
        ("StartDBInstance", _start),
        ("StopDBInstance", _stop),
        *((action, _tags) for action in TAG_ACTIONS),
    ):
        rds._ACTION_MAP[action] = _around(rds._ACTION_MAP[action], around)
    _authorise()


def _around(original, around):
    def handle(params):
        for name in ("DBInstanceIdentifier", "SourceDBInstanceIdentifier"):
            if value := rds._p(params, name):
                params[name] = [value.lower()]
        return around(original, params)

    return handle


def _authorise():
    extract, resolve = iam_actions.extract_resource_arn, iam_evaluator._resolve_condition_key

    def extract_instance(service, method, path, headers, body, params, *rest):
        if service != "rds":
            return extract(service, method, path, headers, body, params, *rest)
        if named := rds._p(params, "ResourceName"):
            return named
        name = rds._p(params, "DBInstanceIdentifier").lower()
        if name.startswith("arn:"):
            return name
        if name or rds._p(params, "Action") == "DescribeDBInstances":
            return f"arn:aws:rds:{get_region()}:{get_account_id()}:db:{name or '*'}"
        return extract(service, method, path, headers, body, params, *rest)

    def resolve_with_tags(key, context):
        value = resolve(key, context)
        if value is None and key.lower().startswith(TAG_KEY):
            return (tagging.resource_tags(context.resource_arn) or {}).get(key[len(TAG_KEY) :])
        return value

    iam_actions.extract_resource_arn = extract_instance
    iam_evaluator._resolve_condition_key = resolve_with_tags
    tagging._RESOURCE_TAG_COLLECTORS["rds"] = lambda: (
        (instance["DBInstanceArn"], instance["TagList"]) for instance in list(rds._instances.values())
    )


def _settle():
    """Ends the transitions whose time has come. Nobody sees an instance but by a request."""
    for instance in list(rds._instances.values()):
        then = instance.get("_then")
        if then is not None and time.time() >= then[0]:
            instance["DBInstanceStatus"], instance["_then"] = then[1], None


def _move(instance, through, to):
    instance["DBInstanceStatus"] = through
    instance["_then"] = (time.time() + TRANSITION_SECONDS, to)


def _answer(action, instance):
    return rds._single_instance_response(f"{action}Response", f"{action}Result", instance)


def _bad_state(message):
    return rds._error("InvalidDBInstanceState", message, 400)


def _create(create, params):
    answer = create(params)
    if answer[0] != 200:
        return answer
    instance = rds._instances[rds._p(params, "DBInstanceIdentifier")]
    _move(instance, "creating", "available")
    return _answer("CreateDBInstance", instance)


def _delete(delete, params):
    name = rds._p(params, "DBInstanceIdentifier").rpartition(":")[2]
    answer = delete(params)
    if answer[0] == 200:
        for instance in list(rds._instances.values()):
            replicas = instance.get("ReadReplicaDBInstanceIdentifiers") or []
            instance["ReadReplicaDBInstanceIdentifiers"] = [one for one in replicas if one != name]
    return answer


def _modify(modify, params):
    instance = rds._resolve_instance(rds._p(params, "DBInstanceIdentifier"))
    if instance and instance["DBInstanceStatus"] in ("stopping", "stopped", "starting"):
        return _bad_state(f"Database instance {instance['DBInstanceIdentifier']} is not in available state.")
    return modify(params)


def _start(start, params):
    instance = rds._resolve_instance(rds._p(params, "DBInstanceIdentifier"))
    if instance is None:
        return start(params)
    name = instance["DBInstanceIdentifier"]
    if instance.get("DBClusterIdentifier"):
        return _not_by_itself(instance)
    if instance["DBInstanceStatus"] != "stopped":
        return _bad_state(f"Instance {name} is not in stopped state.")
    instance["_restart"] = None
    _move(instance, "starting", "available")
    return _answer("StartDBInstance", instance)


def _stop(stop, params):
    instance = rds._resolve_instance(rds._p(params, "DBInstanceIdentifier"))
    if instance is None:
        return stop(params)
    name = instance["DBInstanceIdentifier"]
    if instance.get("DBClusterIdentifier"):
        return _not_by_itself(instance)
    if instance["DBInstanceStatus"] != "available":
        return _bad_state(f"Instance {name} is not in available state.")
    if instance.get("ReadReplicaSourceDBInstanceIdentifier") or instance.get("ReadReplicaDBInstanceIdentifiers"):
        return _bad_state(f"Instance {name} is a read replica or has read replicas and cannot be stopped.")
    if instance["Engine"].startswith("sqlserver") and instance.get("MultiAZ"):
        return _bad_state(f"Instance {name} is a Multi-AZ instance of SQL Server and cannot be stopped.")
    instance["_restart"] = time.time() + RESTART_SECONDS
    _move(instance, "stopping", "stopped")
    return _answer("StopDBInstance", instance)


def _not_by_itself(instance):
    words = f"{instance['Engine']} DB instances are not eligible for stopping and starting."
    return rds._error("InvalidParameterCombination", words, 400)


def _describe(describe, params):
    if rds._p(params, "DBInstanceIdentifier"):
        return describe(params)
    filters = rds._parse_filters(params)
    if unknown := [name for name in filters if name not in FILTERS]:
        return rds._error("InvalidParameterValue", f"Unrecognized filter name: {unknown[0]}", 400)
    size = rds._p(params, "MaxRecords") or str(LARGEST_PAGE)
    if not size.isdigit() or not SMALLEST_PAGE <= int(size) <= LARGEST_PAGE:
        words = f"Invalid value {size} for MaxRecords. Must be between {SMALLEST_PAGE} and {LARGEST_PAGE}"
        return rds._error("InvalidParameterValue", words, 400)
    found = rds._apply_instance_filters(list(rds._instances.values()), filters)
    found.sort(key=lambda instance: instance["DBInstanceIdentifier"])
    if marker := rds._p(params, "Marker"):
        try:
            after = base64.b64decode(marker, validate=True).decode()
        except ValueError:
            return rds._error("InvalidParameterValue", f"Invalid value for Marker: {marker}", 400)
        found = [instance for instance in found if instance["DBInstanceIdentifier"] > after]
    page, left = found[: int(size)], found[int(size) :]
    inner = "".join(f"<DBInstance>{rds._instance_xml(instance)}</DBInstance>" for instance in page)
    inner = f"<DBInstances>{inner}</DBInstances>"
    if left:
        last = base64.b64encode(page[-1]["DBInstanceIdentifier"].encode()).decode()
        inner += f"<Marker>{last}</Marker>"
    return rds._xml(
        200, "DescribeDBInstancesResponse", f"<DescribeDBInstancesResult>{inner}</DescribeDBInstancesResult>"
    )


def _tags(handle, params):
    """AWS knows no tags of an instance that is not there."""
    arn = rds._p(params, "ResourceName")
    if ":db:" in arn and not any(one["DBInstanceArn"] == arn for one in rds._instances.values()):
        return rds._error("DBInstanceNotFound", f"DBInstance {arn.rpartition(':')[2]} not found.", 404)
    return handle(params)
