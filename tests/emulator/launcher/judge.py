"""Who signed this, and may they?

Endpoints of the world that answer in the emulator's place send it the request exactly as it came, with one
header more. It holds, as base64 of JSON, what the request asks for: ``service``, ``action``, ``resource``
and ``tags``, those of the resource, which the emulator can't know. The request is then authenticated and
authorised as any other, with the tags as ``aws:ResourceTag`` and ``<service>:ResourceTag``, and nothing
more happens: 200, or the refusal in AWS's words.
"""

import base64
import json

from ministack import app
from ministack.core import iam_actions, iam_evaluator

HEADER = "x-lamplighter-judge"


def install():
    dispatch = app._dispatch_service_request
    # Named here so that another version of the emulator fails at start.
    enforce = app._enforce_data_plane

    async def judge_or_dispatch(method, path, headers, body, query_params, request_id):
        question = headers.pop(HEADER, None)
        if question is None:
            return await dispatch(method, path, headers, body, query_params, request_id)
        asked = json.loads(base64.b64decode(question))
        iam_evaluator.pin_request_caller(headers, query_params)
        refusal = enforce(
            asked["service"],
            asked["action"],
            headers,
            query_params,
            request_id,
            resource_arn=asked["resource"],
            service_context=_context(asked, method, path, headers, body, query_params),
            named_resource=asked["resource"],
        )
        return refusal or (200, {"Content-Type": "application/json"}, b"{}")

    app._dispatch_service_request = judge_or_dispatch


def _context(asked, method, path, headers, body, query_params):
    params = app._routing_params(method, path, headers, body, query_params)
    service = asked["service"]
    context = iam_actions.request_tag_context(service, asked["action"], body, params)
    for key, value in asked["tags"].items():
        context[f"aws:ResourceTag/{key}"] = value
        context[f"{service}:ResourceTag/{key}"] = value
    return context
