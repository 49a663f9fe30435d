"""Functions in subnets.

Lambda makes a function's network interfaces in the name of its role, and refuses a function whose role lacks the
permissions for it: https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html ("Required IAM permissions").
"""

from ministack.core.responses import error_response_json
from ministack.services import lambda_svc
from ministack.services.cloudformation import provisioners
from roles import missing

ACTIONS = ("ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface")


def install():
    create, update = lambda_svc._create_function, lambda_svc._update_config
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]

    def create_if_allowed(data):
        return _refusal(data.get("Role", ""), data) or create(data)

    def update_if_allowed(name, data):
        known = lambda_svc._functions.get(name) or {"config": {}}
        return _refusal(data.get("Role") or known["config"].get("Role", ""), data) or update(name, data)

    lambda_svc._create_function, lambda_svc._update_config = create_if_allowed, update_if_allowed
    for step, properties in (("create", 1), ("update", 2)):
        handlers[step] = _checked(handlers[step], properties)


def _checked(provision, properties):
    def provision_if_allowed(*arguments, **options):
        data = arguments[properties]
        if words := _missing(data.get("Role", ""), data):
            raise ValueError(words)
        return provision(*arguments, **options)

    return provision_if_allowed


def _refusal(role, data):
    words = _missing(role, data)
    return error_response_json("InvalidParameterValueException", words, 400) if words else None


def _missing(role, data):
    if not (data.get("VpcConfig") or {}).get("SubnetIds"):
        return None
    if action := missing(role, ACTIONS, "*"):
        name = action.partition(":")[2]
        return f"The provided execution role does not have permissions to call {name} on EC2"
    return None
