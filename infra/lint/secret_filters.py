"""What check-secrets does not look at, named in .secrets.baseline."""

import re

# Code, tests and pages that are about passwords all the time. Where a word stands beside a quoted text there, it is an
# example; keys, tokens and random texts are looked for in them as everywhere.
ABOUT_PASSWORDS = re.compile(r"\.(rs|ts|py|md|json)$")
# Written by events/generate.py, which is looked at itself, and the lists of what is installed, which hold checksums.
WRITTEN_BY_TOOLS = re.compile(r"(^|/)(events/.*\.json|Cargo\.lock|package-lock\.json|\.secrets\.baseline)$")
# A reference of a template is no value.
REFERENCE = re.compile(r"!(Ref|GetAtt|Sub|If)\b|\$\{|\$[A-Z_]+|\bnull$")


def is_written_by_a_tool(filename):
    return bool(WRITTEN_BY_TOOLS.search(filename))


def is_an_example(filename, line, plugin, secret):
    if not secret or plugin.secret_type != "Secret Keyword":
        return False
    return bool(ABOUT_PASSWORDS.search(filename) or REFERENCE.search(line))
