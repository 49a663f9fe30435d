"""Parameter Store authorises what a request really asks for.

- Every name of a request is a resource, those of ``GetParameters`` and ``DeleteParameters`` one by one, and the path
  of ``GetParametersByPath`` is one too, instead of what is below it. An ARN and a name with a version or a label mean
  the parameter.
- A parameter's tags are ``aws:ResourceTag/<key>`` and ``ssm:resourceTag/<key>``; tags at its creation need
  ``ssm:AddTagsToResource``.
- A SecureString under a key of the customer's is encrypted and decrypted in the caller's name, with that key:
  ``kms:Encrypt`` (``kms:GenerateDataKey`` for the advanced tier) and ``kms:Decrypt``, by ``kms:ViaService`` and with the
  parameter's ARN as the encryption context.

Sources: AWS Systems Manager User Guide, "Restricting access to Parameter Store parameters using IAM policies",
"How AWS Systems Manager Parameter Store uses AWS KMS"; Service Authorization Reference, AWS Systems Manager.
"""

import json

from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import error_response_json, get_account_id, get_region
from ministack.core.router import extract_access_key_id
from ministack.services import kms, ssm, tagging

# Where each action has the names of its parameters.
NAMED = {
    "PutParameter": "Name",
    "GetParameter": "Name",
    "GetParameterHistory": "Name",
    "DeleteParameter": "Name",
    "LabelParameterVersion": "Name",
    "GetParameters": "Names",
    "DeleteParameters": "Names",
    "GetParametersByPath": "Path",
}
TAG_KEYS = ("aws:resourcetag/", "ssm:resourcetag/")


def install():
    extract = iam_actions.extract_resource_arn
    resolve = iam_evaluator._resolve_condition_key
    handle = ssm.handle_request

    def extract_parameter(service, method, path, headers, body, *rest):
        named = _names(*_request(headers, body)) if service == "ssm" else []
        return _arn(named[0]) if named else extract(service, method, path, headers, body, *rest)

    def resolve_with_tags(key, context):
        value = resolve(key, context)
        return _tag(key, context.resource_arn) if value is None else value

    async def handle_if_allowed(method, path, headers, body, query_params):
        action, data = _request(headers, body)
        refusal = _refusal(action, data, headers, body, query_params)
        return refusal or await handle(method, path, headers, body, query_params)

    iam_actions.extract_resource_arn = extract_parameter
    iam_evaluator._resolve_condition_key = resolve_with_tags
    ssm.handle_request = handle_if_allowed


def _request(headers, body):
    action = headers.get("x-amz-target", "").rpartition(".")[2]
    try:
        data = json.loads(body or b"{}")
    except ValueError:
        data = {}
    return action, data if isinstance(data, dict) else {}


def _names(action, data):
    named = data.get(NAMED.get(action, ""), [])
    return [name for name in (named if isinstance(named, list) else [named]) if isinstance(name, str) and name]


def _arn(name):
    plain = ssm._split_selector(name)[0]
    if plain.startswith("arn:"):
        return plain
    return f"arn:aws:ssm:{get_region()}:{get_account_id()}:parameter/{plain.removeprefix('/')}"


def _tag(key, arn):
    prefix = next((prefix for prefix in TAG_KEYS if key.lower().startswith(prefix)), None)
    if prefix is None or not arn.startswith("arn:aws:ssm:"):
        return None
    return (tagging.resource_tags(arn) or {}).get(key[len(prefix) :])


def _refusal(action, data, headers, body, query_params):
    """The first permission that is missing beside the one for the first name, which the emulator has asked for."""

    def refused(permission, resource, context=None):
        region, key = get_region(), extract_access_key_id(headers, query_params)
        service = permission.partition(":")[0]
        denied = iam_evaluator.enforce(key, permission, service, region, resource, context)
        if denied is None:
            return None
        explicit = getattr(denied, "decision", "") == "Deny"
        caller = getattr(denied, "principal_arn", "")
        return iam_actions.access_denied_response(
            "ssm", permission, caller, "", resource_arn=resource, explicit_deny=explicit
        )

    names = _names(action, data)
    for name in names[1:]:
        if refusal := refused(f"ssm:{action}", _arn(name)):
            return refusal
    if action == "PutParameter" and data.get("Tags"):
        tags = iam_actions.request_tag_context("ssm", "ssm:PutParameter", body, query_params)
        if refusal := refused("ssm:AddTagsToResource", _arn(names[0]), tags):
            return refusal
    for permission, key_id, arn in _uses_of_keys(action, data, names):
        key = kms._resolve_key(key_id)
        if key is None:
            return error_response_json("InvalidKeyId", f"Key {key_id} does not exist", 400)
        context = {
            "kms:ViaService": f"ssm.{get_region()}.amazonaws.com",
            "kms:CallerAccount": get_account_id(),
            "kms:EncryptionContextKeys": ["PARAMETER_ARN"],
            "kms:EncryptionContext:PARAMETER_ARN": arn,
        }
        if refusal := refused(permission, key["Arn"], context):
            return refusal
    return None


def _uses_of_keys(action, data, names):
    """What is asked of which key for which parameter. AWS's own key may be used by everybody in the account."""
    if action == "PutParameter":
        if data.get("Type") == "SecureString" and _is_customers(data.get("KeyId")):
            permission = "kms:GenerateDataKey" if data.get("Tier") == "Advanced" else "kms:Encrypt"
            yield permission, data["KeyId"], _arn(names[0])
    elif data.get("WithDecryption"):
        if action == "GetParametersByPath":
            below = (names[0] if names else "/").rstrip("/") + "/"
            found = [one for name, one in ssm._parameters.items() if name.startswith(below)]
        else:
            found = [one for one in (ssm._select_parameter(name)[0] for name in names) if one]
        for parameter in found:
            if parameter["Type"] == "SecureString" and _is_customers(parameter.get("KeyId")):
                yield "kms:Decrypt", parameter["KeyId"], _arn(parameter["Name"])


def _is_customers(key_id):
    return bool(key_id) and not key_id.endswith("alias/aws/ssm")
