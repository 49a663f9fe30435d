"""Objects in S3: a request needs what it learns and what it does.

- Whether a key exists is a secret to those who may not list: without ``s3:ListBucket``, GetObject and HeadObject of a
  key that is not there are 403 and not 404. No prefix is asked for, so a permission that is conditional on
  ``s3:prefix`` is none here. AWS does not say what it is there; this is the careful reading.
- A condition on an ETag reads the object: ``If-Match`` needs ``s3:GetObject`` beside ``s3:PutObject`` or
  ``s3:DeleteObject``. ``If-None-Match: *`` and ``If-Match: *`` don't.
- ``s3:if-match`` and ``s3:if-none-match`` are condition keys of writes and deletions.

Sources: Amazon S3 API Reference, GetObject ("Permissions"); User Guide, "How to prevent object overwrites with
conditional writes", "How to perform conditional deletes", "Enforce conditional writes on Amazon S3 buckets".

Left out: 409 ``ConditionalRequestConflict``, which AWS may answer when two conditional requests meet. Here one of them
has been first.
"""

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_region
from ministack.core.router import extract_access_key_id
from ministack.services import s3

CONDITIONS = ("if-match", "if-none-match")
CONDITIONAL = {"PUT": "s3:PutObject", "DELETE": "s3:DeleteObject"}


def install():
    more_checks, context_of = iam_actions.s3_additional_checks, iam_actions.s3_service_context
    handle = s3.handle_request

    def more_checks_with_reading(method, path, headers, body, query_params):
        checks = more_checks(method, path, headers, body, query_params)
        bucket, _, key = path.lstrip("/").partition("/")
        if key and method in CONDITIONAL and headers.get("if-match", "*").strip() != "*":
            checks = [*checks, ("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}")]
        return checks

    def context_with_conditions(action, query_params, path="", headers=None):
        context = context_of(action, query_params, path, headers)
        if action in CONDITIONAL.values():
            asked = {f"s3:{name}": (headers or {}).get(name) for name in CONDITIONS}
            context |= {key: value for key, value in asked.items() if value}
        return context

    async def handle_without_telling(method, path, headers, body, query_params, *args, **kwargs):
        answer = await handle(method, path, headers, body, query_params, *args, **kwargs)
        if answer[0] != 404 or method not in ("GET", "HEAD") or kwargs.get("internal"):
            return answer
        bucket, _, key = path.lstrip("/").partition("/")
        refusal = _may_not_list(bucket, headers, query_params) if key and bucket in s3._buckets else None
        if refusal is None:
            return answer
        status, headers, body = refusal
        return status, headers, b"" if method == "HEAD" else body

    iam_actions.s3_additional_checks = more_checks_with_reading
    iam_actions.s3_service_context = context_with_conditions
    s3.handle_request = handle_without_telling


def _may_not_list(bucket, headers, query_params):
    permission, resource = "s3:ListBucket", f"arn:aws:s3:::{bucket}"
    key = extract_access_key_id(headers, query_params)
    denied = iam_evaluator.enforce(key, permission, "s3", get_region(), resource)
    if denied is None:
        return None
    explicit = getattr(denied, "decision", "") == "Deny"
    caller = getattr(denied, "principal_arn", "")
    return iam_actions.access_denied_response(
        "s3", permission, caller, "", headers=headers, resource_arn=resource, explicit_deny=explicit
    )
