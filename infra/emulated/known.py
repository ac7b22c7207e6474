"""Print a template without the resources whose types the emulator refuses to know.

Nothing refers to them: they say when something else is called. Others stay in, also where the emulator ignores them.
"""

import sys

from samcli.yamlhelper import yaml_dump, yaml_parse

UNKNOWN = {"AWS::SecretsManager::RotationSchedule", "AWS::WAFv2::WebACLAssociation"}


def main(path):
    with open(path, encoding="utf-8") as file:
        template = yaml_parse(file.read())
    resources = template["Resources"]
    template["Resources"] = {name: kept for name, kept in resources.items() if kept["Type"] not in UNKNOWN}
    print(yaml_dump(template))


if __name__ == "__main__":
    main(sys.argv[1])
