"""Pushes a small image by the OCI distribution protocol, with a client that is not ours.

push.py HOST/REPOSITORY:TAG PASSWORD DIRECTORY
"""

import json
import os
import sys

import oras.client

target, password, directory = sys.argv[1:]
os.makedirs(directory, exist_ok=True)
os.chdir(directory)
with open("config.json", "w") as config:
    json.dump({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}, config)
with open("layer.tar", "w") as layer:
    layer.write("a layer")
client = oras.client.OrasClient(insecure=True, auth_backend="basic")
client.auth.set_basic_auth("AWS", password)
pushed = client.push(
    target=target,
    files=["layer.tar:application/vnd.oci.image.layer.v1.tar"],
    manifest_config="config.json:application/vnd.oci.image.config.v1+json",
)
print(pushed.headers["Docker-Content-Digest"])
