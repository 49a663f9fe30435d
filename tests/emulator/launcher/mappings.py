"""Event source mappings whose concurrency is a number.

The emulator's CloudFormation keeps a parameter of type ``Number`` as text, and its poller, which serves all mappings,
fails on a ``MaximumConcurrency`` that is text.
"""

from ministack.services.cloudformation import provisioners


def install():
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]
    for step, properties in (("create", 1), ("update", 2)):
        handlers[step] = _with_number(handlers[step], properties)


def _with_number(provision, properties):
    def provision_with_number(*arguments, **options):
        scaling = arguments[properties].get("ScalingConfig") or {}
        if "MaximumConcurrency" in scaling:
            scaling["MaximumConcurrency"] = int(scaling["MaximumConcurrency"])
        return provision(*arguments, **options)

    return provision_with_number
