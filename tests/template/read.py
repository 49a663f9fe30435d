"""Reads YAML for the checks and prints it as JSON.

    read.py translate <template.yaml>   the template as CloudFormation gets it, after SAM's translator
    read.py documents <file.yaml>       the documents of a Kubernetes manifest
"""

import json
import sys

import yaml
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


class NoManagedPolicies:
    """The translator asks for AWS's managed policies by name; the template uses none."""

    def load(self):
        return {}


def translate(text):
    template = yaml_parse(text)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            # `sam build` and `sam deploy` put the address of the uploaded zip here.
            resource["Properties"]["CodeUri"] = "s3://bucket/code.zip"
    return transform(template, {}, NoManagedPolicies())


def main():
    what, path = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        text = file.read()
    result = translate(text) if what == "translate" else list(yaml.safe_load_all(text))
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
