"""Events of people's own sources on their way to a queue.

The emulator delivers what PutEvents brings to the targets of the rules that match, but asks nobody. AWS asks the
queue's own policy whether ``events.amazonaws.com`` may send to it for this rule, and gives what the queue would not
have to the target's dead-letter queue, if that one lets it in. (Events of AWS's own services are the relay's.)

PutEvents is authorised for each of its entries, with ``events:source`` and ``events:detail-type``.

Sources: EventBridge User Guide, "Using resource-based policies", "Using dead-letter queues", "Using IAM policy
conditions". Left out: policies of functions that are targets, and retries before the dead-letter queue.
"""

import json
import logging

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.core.router import extract_access_key_id
from ministack.services import eventbridge, sqs

SERVICE = "events.amazonaws.com"
PUT = "events:PutEvents"

logger = logging.getLogger("lamplighter.rules")


def install():
    invoke, context_of, handle = (
        eventbridge._invoke_target,
        iam_actions.request_tag_context,
        eventbridge.handle_request,
    )

    def invoke_if_let_in(target, event, rule, *args, **kwargs):
        arn = target.get("Arn", "")
        # A schedule calls its target in the name of a role instead: see ``roles``.
        if event.get("Source") == "aws.scheduler" or not arn.startswith("arn:aws:sqs:"):
            return invoke(target, event, rule, *args, **kwargs)
        if reason := _kept_out(arn, rule):
            return _bury(target, event, rule, reason)
        return invoke(target, event, rule, *args, **kwargs)

    def context_with_event(service, action, body, params):
        context = context_of(service, action, body, params)
        return {**context, **_context(_entries(body)[:1])} if action == PUT else context

    async def handle_if_allowed(method, path, headers, body, query_params):
        # The first entry has been asked for already.
        for entry in _entries(body)[1:] if headers.get("x-amz-target", "").endswith(".PutEvents") else []:
            if refusal := _refusal(entry, headers, query_params):
                return refusal
        return await handle(method, path, headers, body, query_params)

    eventbridge._invoke_target = invoke_if_let_in
    iam_actions.request_tag_context = context_with_event
    eventbridge.handle_request = handle_if_allowed


def _entries(body):
    try:
        entries = json.loads(body or b"{}").get("Entries")
    except (ValueError, AttributeError):
        return []
    return [entry for entry in entries or [] if isinstance(entry, dict)]


def _context(entries):
    context = {}
    for entry in entries:
        for key, field in (("events:source", "Source"), ("events:detail-type", "DetailType")):
            if isinstance(entry.get(field), str):
                context[key] = entry[field]
    return context


def _refusal(entry, headers, query_params):
    bus = entry.get("EventBusName") or "default"
    arn = bus if bus.startswith("arn:") else f"arn:aws:events:{get_region()}:{get_account_id()}:event-bus/{bus}"
    key = extract_access_key_id(headers, query_params)
    denied = iam_evaluator.enforce(key, PUT, "events", get_region(), arn, _context([entry]))
    if denied is None:
        return None
    explicit = getattr(denied, "decision", "") == "Deny"
    caller = getattr(denied, "principal_arn", "")
    return iam_actions.access_denied_response("events", PUT, caller, "", resource_arn=arn, explicit_deny=explicit)


def _kept_out(queue, rule):
    """Why the queue does not take an event of this rule, or None."""
    if sqs._queue_by_arn(queue) is None:
        return "NON_EXISTENT_QUEUE", f"{queue} does not exist"
    if not sqs.queue_policy_allows(queue, SERVICE, rule.get("Arn", ""), get_account_id()):
        return "NO_PERMISSIONS", f"the policy of {queue} does not allow sqs:SendMessage to {rule.get('Arn', '')}"
    return None


def _bury(target, event, rule, reason):
    queue = (target.get("DeadLetterConfig") or {}).get("Arn")
    also = _kept_out(queue, rule) if queue else ("NO_DEAD_LETTER_QUEUE", "there is no dead-letter queue")
    if also:
        logger.error("event of rule %s lost: %s; %s", rule.get("Arn", ""), reason[1], also[1])
        return
    code, message = reason
    logger.error("event of rule %s to its dead-letter queue: %s", rule.get("Arn", ""), message)
    attributes = {
        "RULE_ARN": rule.get("Arn", ""),
        "TARGET_ARN": target.get("Arn", ""),
        "ERROR_CODE": code,
        "ERROR_MESSAGE": message,
    }
    message = {
        "MessageBody": json.dumps(eventbridge._pattern_event_view(event).event_with_detail()),
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        },
    }
    sqs._act_send_message(message, sqs._queue_by_arn(queue)["url"])
