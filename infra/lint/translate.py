"""Print the CloudFormation template that SAM makes of a SAM template.

Linters see little of a raw SAM template: a misspelt action or an undefined reference inside a
function's policy passes there, since the policy only becomes a role in the translation.
"""

import copy
import json
import logging
import sys

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform


class NoManagedPolicies:
    """The template names no managed policy, so there is no list to fetch from an account."""

    def load(self):
        return {}


def read(path):
    with open(path, encoding="utf-8") as file:
        return yaml_parse(file.read())


def translated(template):
    """What SAM makes of a template, which stays as it is."""
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    template = copy.deepcopy(template)
    # The translator wants code in a bucket; `sam deploy` puts it there. Where it lies is of no matter here.
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
        if resource["Type"] == "AWS::CloudFormation::Stack":
            resource["Properties"]["TemplateURL"] = "https://bucket.s3.amazonaws.com/key"
    return transform(template, {}, NoManagedPolicies())


if __name__ == "__main__":
    json.dump(translated(read(sys.argv[1])), sys.stdout, indent=2)
