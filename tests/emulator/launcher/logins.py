"""Who logs in to the registry, and what may they do there?

The emulator gives everybody the same password and asks nobody for it. Here:

- ``GetAuthorizationToken`` gives a password of the caller's own, good for 12 hours;
- the registry protocol (``/v2/``) asks for one, and lets its owner do what the owner's policies allow: pulling needs
  ``ecr:BatchGetImage`` and ``ecr:GetDownloadUrlForLayer``, pushing five more;
- layers that were uploaded by the API are there, and those in an answer of ``GetDownloadUrlForLayer`` can be fetched from
  where it says, without a password.

``ExpireAuthorizationTokens`` is an operation of this emulator: every password given so far is older than 12 hours now.

Sources: Amazon ECR User Guide, "Private registry authentication in Amazon ECR", "IAM permissions for pushing an image";
API Reference, GetAuthorizationToken.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time

from ministack.core import iam_evaluator
from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.core.router import extract_access_key_id
from ministack.services import ecr

LIFETIME_SECONDS = 12 * 60 * 60
UPLOAD = ("ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload")
# What a request of the protocol needs, by what it is about and its method.
PERMISSIONS = {
    ("catalog", "GET"): ("ecr:DescribeRepositories",),
    ("tags_list", "GET"): ("ecr:ListImages",),
    ("manifest", "GET"): ("ecr:BatchGetImage",),
    ("manifest", "HEAD"): ("ecr:BatchGetImage",),
    ("manifest", "PUT"): ("ecr:PutImage",),
    ("manifest", "DELETE"): ("ecr:BatchDeleteImage",),
    ("blob", "GET"): ("ecr:GetDownloadUrlForLayer",),
    ("blob", "HEAD"): ("ecr:BatchCheckLayerAvailability",),
    ("blob", "DELETE"): ("ecr:BatchDeleteImage",),
}
SIGNATURE = "X-Amz-Signature"

# Whose each password is, and until when it is good.
_passwords = {}
_secret = secrets.token_bytes(32)


def install():
    handle, handle_registry = ecr.handle_request, ecr.handle_registry_request

    async def handle_with_logins(method, path, headers, body, query_params):
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        if operation == "GetAuthorizationToken":
            return _log_in(extract_access_key_id(headers, query_params))
        if operation == "ExpireAuthorizationTokens":
            for password, (key, _) in _passwords.items():
                _passwords[password] = (key, time.time())
            return json_response({})
        if operation == "GetDownloadUrlForLayer":
            return _download_url(json.loads(body), headers.get("host", ""))
        return await handle(method, path, headers, body, query_params)

    async def handle_registry_if_allowed(method, path, headers, body, query_params):
        refusal = _refusal(method.upper(), path, headers, query_params)
        return refusal or await handle_registry(method, path, headers, body, query_params)

    ecr.handle_request, ecr.handle_registry_request = handle_with_logins, handle_registry_if_allowed
    ecr._upload_layer_part, ecr._complete_layer_upload = _upload_layer_part, _complete_layer_upload
    ecr._batch_check_layer_availability = _batch_check_layer_availability


def _log_in(key):
    password = secrets.token_urlsafe(64)
    expires = time.time() + LIFETIME_SECONDS
    _passwords[password] = (key, expires)
    data = {
        "authorizationToken": base64.b64encode(f"AWS:{password}".encode()).decode(),
        "expiresAt": round(expires, 3),
        "proxyEndpoint": f"https://{get_account_id()}.dkr.ecr.{get_region()}.amazonaws.com",
    }
    return json_response({"authorizationData": [data]})


def _refusal(method, path, headers, query_params):
    headers = {key.lower(): value for key, value in headers.items()}
    parsed = ecr._parse_v2_path(path)
    if parsed is None:
        return None
    about, name, reference = parsed
    if about == "blob" and method in ("GET", "HEAD"):
        given = ecr._query_first(query_params, SIGNATURE)
        if given and hmac.compare_digest(given, _signature(name, reference)):
            return None
    key, expires = _passwords.get(_password(headers.get("authorization", "")), (None, 0))
    if key is None:
        status, answer, body = ecr._registry_error(401, "UNAUTHORIZED", "Not Authorized", {})
        realm = f"https://{get_account_id()}.dkr.ecr.{get_region()}.amazonaws.com/"
        return status, answer | {"Www-Authenticate": f'Basic realm="{realm}",service="ecr.amazonaws.com"'}, body
    if expires <= time.time():
        words = "Your authorization token has expired. Reauthenticate and try again."
        return ecr._registry_error(403, "DENIED", words, {})
    resource = ecr._repo_arn(name) if name else "*"
    # The request has no signature; its password says whose it is.
    iam_evaluator._anonymous.set(False)
    needed = UPLOAD if about.startswith("blob_upload") else PERMISSIONS.get((about, method), ())
    for permission in needed:
        denied = iam_evaluator.enforce(key, permission, "ecr", get_region(), resource)
        if denied is not None:
            caller = getattr(denied, "principal_arn", "")
            words = f"User: {caller} is not authorized to perform: {permission} on resource: {resource}"
            return ecr._registry_error(403, "DENIED", words, {})
    return None


def _password(authorization):
    scheme, _, encoded = authorization.partition(" ")
    try:
        user, _, password = base64.b64decode(encoded).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return password if scheme.lower() == "basic" and user == "AWS" else None


def _signature(name, digest):
    return hmac.new(_secret, f"{name}@{digest}".encode(), hashlib.sha256).hexdigest()


def _download_url(data, host):
    name, digest = data.get("repositoryName", ""), data.get("layerDigest", "")
    if name not in ecr._repositories:
        words = f"The repository with name '{name}' does not exist"
        return error_response_json("RepositoryNotFoundException", words, 400)
    if digest not in ecr._layer_blobs.get(name, {}):
        words = f"The layer with digest '{digest}' does not exist in the repository with name '{name}'"
        return error_response_json("LayersNotFoundException", words, 400)
    url = f"http://{host}/v2/{name}/blobs/{digest}?{SIGNATURE}={_signature(name, digest)}"
    return json_response({"downloadUrl": url, "layerDigest": digest})


def _upload_layer_part(data):
    name, upload = data.get("repositoryName", ""), data.get("uploadId", "")
    part = base64.b64decode(data.get("layerPartBlob", ""))
    buffer = ecr._uploads.setdefault(name, {}).setdefault(upload, bytearray())
    buffer.extend(part)
    answer = {"registryId": ecr._registry_id(), "repositoryName": name, "uploadId": upload}
    return json_response(answer | {"lastByteReceived": len(buffer) - 1})


def _complete_layer_upload(data):
    name, upload = data.get("repositoryName", ""), data.get("uploadId", "")
    content = ecr._uploads.get(name, {}).pop(upload, None)
    if content is None:
        return error_response_json("UploadNotFoundException", f"There is no upload {upload} in '{name}'", 400)
    digest = ecr._content_digest(bytes(content))
    if digest not in data.get("layerDigests", []):
        return error_response_json("InvalidLayerException", f"The digest of the layer is {digest}", 400)
    if digest in ecr._layer_blobs.get(name, {}):
        words = f"Layer with digest '{digest}' already exists in the repository with name '{name}'"
        return error_response_json("LayerAlreadyExistsException", words, 400)
    ecr._layer_blobs.setdefault(name, {})[digest] = bytes(content)
    answer = {"registryId": ecr._registry_id(), "repositoryName": name, "uploadId": upload}
    return json_response(answer | {"layerDigest": digest})


def _batch_check_layer_availability(data):
    name = data.get("repositoryName", "")
    if name not in ecr._repositories:
        words = f"The repository with name '{name}' does not exist"
        return error_response_json("RepositoryNotFoundException", words, 400)
    blobs = ecr._layer_blobs.get(name, {})
    layers = [
        {"layerDigest": digest, "layerAvailability": "AVAILABLE", "layerSize": len(blobs[digest])}
        if digest in blobs
        else {"layerDigest": digest, "layerAvailability": "UNAVAILABLE"}
        for digest in data.get("layerDigests", [])
    ]
    return json_response({"layers": layers, "failures": []})
