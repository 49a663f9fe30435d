"""The registry keeps images as ECR does.

The emulator keeps a list of manifests. What functions decide by is added here:

- an image is what its digest says: a tag moves to the image that was pushed with it last, an image keeps its other tags,
  and nothing is pushed twice (``ImageAlreadyExistsException``);
- immutable tags, also with exclusions, don't move;
- a manifest names only what is there: layers and configuration that were uploaded, images that were pushed;
- DescribeImages and ListImages have pages, filters, and no image that nobody asked for; what is not there is an error;
- the type of an artifact is that of its configuration, or what the manifest says itself, and an index has none;
- a deletion by tag takes the tag, and the image only with its last one; an image of an index stays while the index does;
- a registry is the account's own.

Sources: Amazon ECR API Reference (PutImage, DescribeImages, ListImages, BatchGetImage, BatchDeleteImage); User Guide,
"Deleting an image in Amazon ECR", "Preventing image tags from being overwritten in Amazon ECR".

Not known, and so as the emulator does it: an old image that is tagged again keeps the time of its first push.

Left out: scans, lifecycle policies, replication, the conversion of manifests by ``acceptedMediaTypes``.
"""

import fnmatch
import hashlib
import json
import time

import image_actions
from ministack.core.responses import error_response_json, json_response
from ministack.services import ecr

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
PAGE = {"DescribeImages": 100, "ListImages": 100}


class Refused(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code, self.message = code, message


def install():
    ecr._put_image = _answering(_put_image)
    ecr._describe_images = _answering(_describe_images)
    ecr._list_images = _answering(_list_images)
    ecr._batch_get_image = _answering(_batch_get_image)
    ecr._batch_delete_image = _answering(_batch_delete_image)
    ecr._v2_put_manifest = _put_by_protocol(ecr._v2_put_manifest)
    ecr._v2_delete_manifest = _delete_by_protocol(ecr._v2_delete_manifest)
    for name in ("_create_repository", "_put_image_tag_mutability"):
        setattr(ecr, name, _with_exclusions(getattr(ecr, name)))
    ecr._delete_repository = _with_its_content(ecr._delete_repository)
    shape = ecr._repo_shape
    ecr._repo_shape = lambda repo: shape(repo) | {key: repo[key] for key in [EXCLUSIONS] if repo.get(key)}


def put(name, manifest, media_type, tag, digest=None):
    """Keeps a manifest under its digest, and under ``tag`` if there is one. Returns the digest, or raises Refused."""
    raw = manifest.encode()
    actual = "sha256:" + hashlib.sha256(raw).hexdigest()
    if digest not in (None, actual):
        raise Refused("ImageDigestDoesNotMatchException", f"The digest of the manifest is {actual} and not {digest}")
    content = _parsed(manifest)
    media_type = media_type or content.get("mediaType") or DOCKER_MANIFEST
    _check_references(name, content)
    images = ecr._images.setdefault(name, [])
    image = _with_digest(name, actual)
    if image is not None and (tag is None or tag in image["imageTags"]):
        words = f"Image with digest '{actual}' and tag '{tag}' already exists in the repository with name '{name}'"
        raise Refused("ImageAlreadyExistsException", words)
    holder = next((one for one in images if tag in one["imageTags"]), None)
    if holder is not None:
        if _is_immutable(ecr._repositories[name], tag):
            words = f"The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten"
            raise Refused("ImageTagAlreadyExistsException", f"{words} because the tag is immutable.")
        holder["imageTags"].remove(tag)
    if image is None:
        image = {
            "imageId": {"imageDigest": actual},
            "imageDigest": actual,
            "imageManifest": manifest,
            "imageManifestMediaType": media_type,
            "imageTags": [],
            "imagePushedAt": int(time.time()),
        }
        images.append(image)
        ecr._manifest_blobs.setdefault(name, {})[actual] = raw
    if tag is not None:
        image["imageTags"].append(tag)
    _note("PUSH", name, image, tag)
    return actual


def _check_references(name, content):
    blobs = ecr._layer_blobs.get(name, {})
    layers = [*content.get("layers", []), *([content["config"]] if "config" in content else [])]
    if missing := [layer["digest"] for layer in layers if layer["digest"] not in blobs]:
        words = f"The specified layers with digests '{missing}' do not exist in the repository with name '{name}'"
        raise Refused("LayersNotFoundException", words)
    children = [child["digest"] for child in content.get("manifests", [])]
    if missing := [digest for digest in children if _with_digest(name, digest) is None]:
        words = f"Images with digests '{missing}' required for pushing image into repository with name '{name}'"
        raise Refused("ReferencedImagesNotFoundException", f"{words} don't exist")


EXCLUSIONS = "imageTagMutabilityExclusionFilters"


def _is_immutable(repository, tag):
    mutability = repository.get("imageTagMutability", "MUTABLE")
    excluded = any(fnmatch.fnmatchcase(tag, one["filter"]) for one in repository.get(EXCLUSIONS) or [])
    return mutability.startswith("IMMUTABLE") != (excluded and mutability.endswith("_WITH_EXCLUSION"))


def _with_exclusions(change):
    def change_with_exclusions(data):
        answer = change(data)
        if answer[0] == 200:
            ecr._repositories[data["repositoryName"]][EXCLUSIONS] = data.get(EXCLUSIONS, [])
        return answer

    return change_with_exclusions


def _with_its_content(delete):
    def delete_with_content(data):
        answer = delete(data)
        if answer[0] == 200:
            for store in (ecr._layer_blobs, ecr._manifest_blobs, ecr._uploads):
                store.pop(data["repositoryName"], None)
        return answer

    return delete_with_content


def _answering(handle):
    def handle_or_refuse(data):
        try:
            name = data.get("repositoryName", "")
            if name not in ecr._repositories or data.get("registryId", ecr._registry_id()) != ecr._registry_id():
                registry = data.get("registryId", ecr._registry_id())
                words = f"The repository with name '{name}' does not exist in the registry with id '{registry}'"
                raise Refused("RepositoryNotFoundException", words)
            return json_response(handle(name, data))
        except Refused as refused:
            return error_response_json(refused.code, refused.message, 400)

    return handle_or_refuse


def _put_image(name, data):
    manifest, tag = data.get("imageManifest", ""), data.get("imageTag")
    digest = put(name, manifest, data.get("imageManifestMediaType"), tag, data.get("imageDigest"))
    return {"image": _shown(name, _with_digest(name, digest), {"imageTag": tag} if tag else {})}


def _describe_images(name, data):
    if asked := data.get("imageIds"):
        if data.get("maxResults") or data.get("nextToken"):
            raise Refused("InvalidParameterException", "Pagination is not supported where imageIds are given")
        found = {}
        for one in asked:
            image = _find(name, one)
            if image is None:
                digest, tag = one.get("imageDigest", "null"), one.get("imageTag", "null")
                words = f"The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not exist within"
                whose = f"the repository with name '{name}' in the registry with id '{ecr._registry_id()}'"
                raise Refused("ImageNotFoundException", f"{words} {whose}")
            found[image["imageDigest"]] = image
        return {"imageDetails": [_detail(name, image) for image in found.values()]}
    images, token = _page("DescribeImages", data, [one for one in ecr._images[name] if _is_wanted(one, data)])
    return {"imageDetails": [_detail(name, image) for image in images]} | token


def _list_images(name, data):
    images = [one for one in ecr._images[name] if _is_wanted(one, data)]
    ids = [
        image["imageId"] | ({"imageTag": tag} if tag else {})
        for image in images
        for tag in image["imageTags"] or [None]
    ]
    ids, token = _page("ListImages", data, ids)
    return {"imageIds": ids} | token


def _batch_get_image(name, data):
    images, failures = [], []
    for asked in data.get("imageIds", []):
        image = _find(name, asked)
        if image is None:
            failures.append(_failure(asked, "ImageNotFound", "Requested image not found"))
        else:
            images.append(_shown(name, image, asked))
    return {"images": images, "failures": failures}


def _batch_delete_image(name, data):
    deleted, failures = [], []
    for asked in data.get("imageIds", []):
        image, tag = _find(name, asked), asked.get("imageTag")
        if image is None:
            failures.append(_failure(asked, "ImageNotFound", "Requested image not found"))
        elif tag and len(image["imageTags"]) > 1:
            image["imageTags"].remove(tag)
            deleted.append({"imageDigest": image["imageDigest"], "imageTag": tag})
            _note("DELETE", name, image, tag)
        elif index := _index_with(name, image["imageDigest"]):
            words = f"Requested image referenced by manifest list: [{index}]"
            failures.append(_failure(asked, "ImageReferencedByManifestList", words))
        else:
            for tag in delete(name, image):
                deleted.append({"imageDigest": image["imageDigest"]} | ({"imageTag": tag} if tag else {}))
    return {"imageIds": deleted, "failures": failures}


def delete(name, image):
    """Deletes an image with all its tags, and returns these, or one that is None."""
    ecr._images[name].remove(image)
    ecr._manifest_blobs.get(name, {}).pop(image["imageDigest"], None)
    tags = image["imageTags"] or [None]
    for tag in tags:
        _note("DELETE", name, image, tag)
    return tags


def _put_by_protocol(put_manifest):
    def put_by_protocol(name, ref, headers, body):
        if name not in ecr._repositories or not body:
            return put_manifest(name, ref, headers, body)
        tag, digest = (None, ref) if ref.startswith("sha256:") else (ref, None)
        raw = body if isinstance(body, bytes) else body.encode()
        actual = ecr._content_digest(raw)
        try:
            put(name, raw.decode(), headers.get("content-type"), tag, digest)
        except Refused as refused:
            # A client that pushes what is there already is told that it is there.
            if refused.code != "ImageAlreadyExistsException":
                code = {"ImageTagAlreadyExistsException": "TAG_INVALID", "LayersNotFoundException": "BLOB_UNKNOWN"}
                return ecr._registry_error(400, code.get(refused.code, "MANIFEST_INVALID"), refused.message, {})
        location = {"Location": f"/v2/{name}/manifests/{actual}", "Docker-Content-Digest": actual}
        return ecr._registry_ok(201, location | {"Content-Length": "0"}, b"")

    return put_by_protocol


def _delete_by_protocol(delete_manifest):
    def delete_by_protocol(name, ref):
        image = _with_digest(name, ref) if name in ecr._repositories else None
        if image is None:
            return delete_manifest(name, ref)
        delete(name, image)
        return ecr._registry_ok(202, {}, b"")

    return delete_by_protocol


def _with_digest(name, digest):
    return next((one for one in ecr._images.get(name, []) if one["imageDigest"] == digest), None)


def _find(name, asked):
    digest, tag = asked.get("imageDigest"), asked.get("imageTag")
    for image in ecr._images.get(name, []):
        if (digest or tag) and digest in (None, image["imageDigest"]) and (not tag or tag in image["imageTags"]):
            return image
    return None


def _index_with(name, digest):
    for image in ecr._images.get(name, []):
        children = _parsed(image["imageManifest"]).get("manifests", [])
        if any(child["digest"] == digest for child in children):
            return image["imageDigest"]
    return None


def _parsed(manifest):
    try:
        content = json.loads(manifest)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise Refused("InvalidParameterException", "Invalid parameter at 'ImageManifest': it is no JSON object")
    return content


def _artifact(content):
    return content.get("artifactType") or content.get("config", {}).get("mediaType")


def _is_wanted(image, data):
    status = (data.get("filter") or {}).get("tagStatus", "ANY")
    return status == "ANY" or (status == "TAGGED") == bool(image["imageTags"])


def _page(action, data, items):
    """The items of the page that was asked for, and the token of the next one."""
    start, size = int(data.get("nextToken") or 0), data.get("maxResults") or PAGE[action]
    if not 1 <= size <= 1000:
        raise Refused("InvalidParameterException", "Invalid parameter at 'maxResults': it is not from 1 to 1000")
    end = start + size
    return items[start:end], {"nextToken": str(end)} if end < len(items) else {}


def _shown(name, image, asked):
    return {
        "registryId": ecr._registry_id(),
        "repositoryName": name,
        "imageId": image["imageId"] | ({"imageTag": asked["imageTag"]} if asked.get("imageTag") else {}),
        "imageManifest": image["imageManifest"],
        "imageManifestMediaType": image["imageManifestMediaType"],
    }


def _detail(name, image):
    content = _parsed(image["imageManifest"])
    detail = {
        "registryId": ecr._registry_id(),
        "repositoryName": name,
        "imageDigest": image["imageDigest"],
        "imageTags": list(image["imageTags"]),
        "imageSizeInBytes": sum(layer.get("size", 0) for layer in content.get("layers", [])),
        "imagePushedAt": image["imagePushedAt"],
        "imageManifestMediaType": image["imageManifestMediaType"],
        "artifactMediaType": _artifact(content),
    }
    # Whoever has no tags or no configuration has no such field.
    return {key: value for key, value in detail.items() if value not in (None, [])}


def _failure(asked, code, reason):
    return {"imageId": asked, "failureCode": code, "failureReason": reason}


def _note(action, name, image, tag):
    artifact = _artifact(_parsed(image["imageManifest"]))
    image_actions.note(action, name, image["imageDigest"], tag, image["imageManifestMediaType"], artifact)
