"""Buckets of a stack.

The emulator's CloudFormation forgets a bucket's encryption and its lifecycle, and deletes a bucket with everything that
is in it. AWS deletes no bucket that holds an object or a version of one: the stack's deletion fails.
"""

from xml.sax.saxutils import escape

from ministack.services import s3
from ministack.services.cloudformation import provisioners

# What a rule of a lifecycle may say here; anything else ends the deployment instead of being forgotten.
RULE = {
    "AbortIncompleteMultipartUpload",
    "ExpirationInDays",
    "ExpiredObjectDeleteMarker",
    "Id",
    "NoncurrentVersionExpiration",
    "NoncurrentVersionExpirationInDays",
    "Prefix",
    "Status",
}


def install():
    handlers = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]
    create, update, delete = handlers["create"], handlers["update"], handlers["delete"]

    def create_whole(logical_id, properties, *rest, **options):
        created = create(logical_id, properties, *rest, **options)
        _configure(created[0], properties)
        return created

    def update_whole(name, old, properties, *rest, **options):
        updated = update(name, old, properties, *rest, **options)
        _configure(updated[0], properties)
        return updated

    def delete_empty(name, *rest, **options):
        bucket = s3._buckets.get(name)
        if bucket is not None and (bucket["objects"] or s3._bucket_has_versions(name)):
            raise ValueError(f"The bucket you tried to delete is not empty: {name}")
        return delete(name, *rest, **options)

    handlers.update(create=create_whole, update=update_whole, delete=delete_empty)


def _configure(name, properties):
    encryption, lifecycle = properties.get("BucketEncryption"), properties.get("LifecycleConfiguration")
    _apply(name, encryption, _encryption, s3._put_bucket_encryption, s3._delete_bucket_encryption)
    _apply(name, lifecycle, _lifecycle, s3._put_bucket_lifecycle, s3._delete_bucket_lifecycle)


def _apply(name, value, to_xml, put, delete):
    status, _, body = put(name, to_xml(value).encode()) if value else delete(name)
    if status >= 400 and value:
        raise ValueError(f"bucket {name}: {body.decode()}")


def _encryption(value):
    rules = ""
    for rule in value["ServerSideEncryptionConfiguration"]:
        default = rule.get("ServerSideEncryptionByDefault") or {}
        inner = "".join(_element(key, default.get(key)) for key in ("SSEAlgorithm", "KMSMasterKeyID"))
        key = _element("BucketKeyEnabled", rule.get("BucketKeyEnabled"))
        rules += f"<Rule>{_wrapped('ApplyServerSideEncryptionByDefault', inner)}{key}</Rule>"
    return _wrapped("ServerSideEncryptionConfiguration", rules)


def _lifecycle(value):
    return _wrapped("LifecycleConfiguration", "".join(_rule(rule) for rule in value["Rules"]))


def _rule(rule):
    if unknown := set(rule) - RULE:
        raise ValueError(f"the world knows no {', '.join(sorted(unknown))} in a rule of a bucket's lifecycle")
    expiration = _element("Days", rule.get("ExpirationInDays")) + _element(
        "ExpiredObjectDeleteMarker", rule.get("ExpiredObjectDeleteMarker")
    )
    versions = rule.get("NoncurrentVersionExpiration") or {}
    days = versions.get("NoncurrentDays", rule.get("NoncurrentVersionExpirationInDays"))
    noncurrent = _element("NoncurrentDays", days) + _element(
        "NewerNoncurrentVersions", versions.get("NewerNoncurrentVersions")
    )
    uploads = (rule.get("AbortIncompleteMultipartUpload") or {}).get("DaysAfterInitiation")
    return (
        f"<Rule>{_element('ID', rule.get('Id'))}<Filter><Prefix>{escape(rule.get('Prefix', ''))}</Prefix></Filter>"
        + _element("Status", rule["Status"])
        + _wrapped("Expiration", expiration)
        + _wrapped("NoncurrentVersionExpiration", noncurrent)
        + _wrapped("AbortIncompleteMultipartUpload", _element("DaysAfterInitiation", uploads))
        + "</Rule>"
    )


def _wrapped(name, inner):
    return f"<{name}>{inner}</{name}>" if inner else ""


def _element(name, value):
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"<{name}>{escape(text)}</{name}>"
