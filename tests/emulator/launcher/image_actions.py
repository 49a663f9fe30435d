"""What happened to images, for whoever sends the events of it in AWS's place.

ECR sends an event for each push and each deletion, and nobody can send one in its name. So each is written down here, in
order, and the world's relay asks for those after the last one that it has seen: ``WaitForImageActions`` is an operation
of this emulator, which answers as soon as there is one, and with none after a while. Whoever calls it needs
``ecr:WaitForImageActions``.

A push of an image under one tag is one action, and so is each further tag. That of an untagged image has an empty tag, as
in https://github.com/aws-ia/cfn-ecr-aws-soci-index-builder/issues/137. A refused push is none.

Not known, and so assumed: an image that is deleted by its digest is told of once for each of its tags.
"""

import asyncio
import json
import time

from ministack.core.responses import json_response
from ministack.services import ecr

OPERATION = "WaitForImageActions"
# As long as a client may wait for an answer in any case.
PATIENCE_SECONDS = 5.0
LOOK_SECONDS = 0.05

_actions = []


def install():
    handle = ecr.handle_request

    async def handle_or_wait(method, path, headers, body, query_params):
        if headers.get("x-amz-target", "").rpartition(".")[2] != OPERATION:
            return await handle(method, path, headers, body, query_params)
        after = json.loads(body or b"{}").get("after", 0)
        until = time.monotonic() + PATIENCE_SECONDS
        while len(_actions) <= after and time.monotonic() < until:
            await asyncio.sleep(LOOK_SECONDS)
        return json_response({"actions": _actions[after:]})

    ecr.handle_request = handle_or_wait


def note(action, repository, digest, tag, manifest_type, artifact_type):
    """Writes down a push or a deletion that succeeded just now."""
    _actions.append(
        {
            "at": time.time(),
            "action": action,
            "repository": repository,
            "digest": digest,
            "tag": tag or "",
            "manifestMediaType": manifest_type,
            "artifactMediaType": artifact_type,
        }
    )
