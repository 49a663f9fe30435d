"""Variables in policies: ``${ec2:SourceInstanceARN}`` in a resource or in the value of a condition.

The emulator takes them for text. Here they are the value that the key has in the request, or their own default:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html.

A variable without a value makes its whole statement not apply. For an Allow that is the careful reading. For a
Deny it is the careless one, on purpose: a policy that passes here does not rely on a Deny whose variable is unset.

Left out: ``${*}``, ``${?}`` and ``${$}``, and wildcards in the value of a key, which would still be wildcards.
"""

import dataclasses
import re

from ministack.core import iam_evaluator

VARIABLE = re.compile(r"\$\{\s*([\w:/.@=+-]+)\s*(?:,\s*'([^']*)'\s*)?\}")


class Unset(Exception):
    """A variable has neither a value nor a default."""


def install():
    first_match = iam_evaluator._first_match

    def first_match_with_variables(context, statements, effect):
        resolved = (_resolved(statement, context) for statement in statements)
        return first_match(context, [statement for statement in resolved if statement is not None], effect)

    iam_evaluator._first_match = first_match_with_variables


def _resolved(statement, context):
    """The statement with its variables replaced, or None if it does not apply."""
    try:
        return dataclasses.replace(
            statement,
            resources=_replaced(statement.resources, context),
            not_resources=_replaced(statement.not_resources, context),
            conditions=_replaced(statement.conditions, context),
        )
    except Unset:
        return None


def _replaced(value, context):
    if isinstance(value, dict):
        return {key: _replaced(one, context) for key, one in value.items()}
    if isinstance(value, list):
        return [_replaced(one, context) for one in value]
    if isinstance(value, str) and "${" in value:
        return VARIABLE.sub(lambda found: _value(found, context), value)
    return value


def _value(found, context):
    key, default = found.groups()
    value = iam_evaluator._resolve_condition_key(key, context)
    # Keys of several values can't be variables.
    if value is None or isinstance(value, list):
        value = default
    if value is None:
        raise Unset(key)
    return str(value)
