"""Print a template without the resources whose types the emulator refuses to know.

Nothing refers to them: they say when something else is called. Others stay in, also where the emulator ignores them.

A generated secret without punctuation is asked for by its characters: the emulator's CloudFormation takes those alone, and keys
with punctuation are refused.
"""

import string
import sys

from samcli.yamlhelper import yaml_dump, yaml_parse

UNKNOWN = {"AWS::SecretsManager::RotationSchedule", "AWS::WAFv2::WebACLAssociation"}


def main(path):
    with open(path, encoding="utf-8") as file:
        template = yaml_parse(file.read())
    resources = template["Resources"]
    template["Resources"] = {name: kept for name, kept in resources.items() if kept["Type"] not in UNKNOWN}
    for resource in template["Resources"].values():
        generated = resource.get("Properties", {}).get("GenerateSecretString", {})
        if generated.pop("ExcludePunctuation", False):
            generated["ExcludeCharacters"] = string.punctuation
    print(yaml_dump(template))


if __name__ == "__main__":
    main(sys.argv[1])
