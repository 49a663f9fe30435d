"""What services do in the name of a role.

The emulator checks the requests that functions send, but reads their queues, writes their logs and starts
schedules without asking. A template that lacks one of these statements would pass here and fail at its
first user's, so they are asked for as AWS does:

- an event source mapping needs ReceiveMessage, DeleteMessage and GetQueueAttributes of the function's role,
  at its creation (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html) and at every
  poll;
- a function's log lines need CreateLogStream and PutLogEvents
  (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html), without them it runs and its
  lines are lost;
- a schedule needs its role's permission to call its target
  (https://docs.aws.amazon.com/scheduler/latest/UserGuide/setting-up.html).

Left out: trust policies and resource-based policies of queues and functions.
"""

import logging

from ministack.core import iam_evaluator
from ministack.core.responses import error_response_json, get_account_id, get_region
from ministack.services import eventbridge, lambda_svc
from ministack.services.cloudformation import provisioners

QUEUE_ACTIONS = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
LOG_ACTIONS = ("logs:CreateLogStream", "logs:PutLogEvents")
# Targets of schedules that the world uses, by the service in their ARN.
TARGET_ACTIONS = {"lambda": "lambda:InvokeFunction", "sqs": "sqs:SendMessage"}

logger = logging.getLogger("lamplighter.roles")


def install():
    _guard_queues()
    _guard_logs()
    _guard_schedules()


def missing(role_arn, actions, resource):
    """The first of ``actions`` that the role's policies don't allow on ``resource``, or None."""
    name, account = role_arn.rsplit("/", 1)[-1], get_account_id()
    policies = iam_evaluator._gather_role_policies(name, account)
    for action in actions:
        context = iam_evaluator.EvalContext(
            principal_arn=f"arn:aws:sts::{account}:assumed-role/{name}/service",
            principal_type="AssumedRole",
            principal_account=account,
            action=action,
            resource_arn=resource,
            region=get_region(),
        )
        if iam_evaluator.evaluate(context, policies).decision != "Allow":
            return action
    return None


def _guard_queues():
    concurrency = lambda_svc._sqs_esm_concurrency

    def concurrency_if_allowed(esm, function, config, queue=None):
        action = missing(config.get("Role", ""), QUEUE_ACTIONS, esm["EventSourceArn"])
        if action is None:
            return concurrency(esm, function, config, queue)
        problem = f"PROBLEM: {_refusal(config.get('Role', ''), action, esm['EventSourceArn'])}"
        if esm.get("LastProcessingResult") != problem:
            logger.error("event source mapping %s: %s", esm["UUID"], problem)
            esm["LastProcessingResult"] = problem
        return 0

    lambda_svc._sqs_esm_concurrency = concurrency_if_allowed

    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]
    create_for_stack, create = handlers["create"], lambda_svc._create_esm

    def create_for_stack_if_allowed(logical_id, properties, stack_name):
        if refusal := _creation_refused(properties):
            raise ValueError(refusal)
        return create_for_stack(logical_id, properties, stack_name)

    def create_if_allowed(request):
        if refusal := _creation_refused(request):
            return error_response_json("InvalidParameterValueException", refusal, 400)
        return create(request)

    handlers["create"] = create_for_stack_if_allowed
    lambda_svc._create_esm = create_if_allowed


def _creation_refused(mapping):
    source = mapping.get("EventSourceArn", "")
    if ":sqs:" not in source:
        return None
    function = provisioners._lambda_function_for_cfn_ref(mapping.get("FunctionName", ""))[0]
    role = ((function or {}).get("config") or {}).get("Role", "")
    if action := missing(role, QUEUE_ACTIONS, source):
        return (
            f"The function execution role does not have permissions to call {action.partition(':')[2]} on SQS "
            f"({_refusal(role, action, source)})"
        )
    return None


def _guard_logs():
    emit = lambda_svc._emit_lambda_logs

    def emit_if_allowed(function, *args, **kwargs):
        config = function.get("config") or function
        role, name = config.get("Role", ""), config.get("FunctionName", "")
        group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}"
        stream = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{group}:log-stream:any"
        if action := missing(role, LOG_ACTIONS, stream):
            logger.error("function %s: log lines lost: %s", name, _refusal(role, action, stream))
            return None
        return emit(function, *args, **kwargs)

    lambda_svc._emit_lambda_logs = emit_if_allowed


def _guard_schedules():
    invoke = eventbridge._invoke_target

    def invoke_if_allowed(target, event, rule, *args, **kwargs):
        service = target.get("Arn", "").split(":")[2:3]
        action = TARGET_ACTIONS.get(service[0]) if service else None
        if event.get("Source") == "aws.scheduler" and action is not None:
            role = target.get("RoleArn", "")
            if missing(role, (action,), target["Arn"]):
                logger.error(
                    "schedule %s not started: %s", rule.get("Arn", ""), _refusal(role, action, target["Arn"])
                )
                return None
        return invoke(target, event, rule, *args, **kwargs)

    eventbridge._invoke_target = invoke_if_allowed


def _refusal(role, action, resource):
    return (
        f"{role} is not authorized to perform: {action} on resource: {resource} "
        f"because no identity-based policy allows the {action} action"
    )
