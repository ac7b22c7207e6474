#!/usr/bin/env bash
# ministack 1.5.33 ignores ExcludePunctuation when CloudFormation makes a secret.
#
# A template asks for a secret of 64 characters without punctuation (AWS::SecretsManager::Secret, GenerateSecretString with
# `PasswordLength` and `ExcludePunctuation: true`), as the CloudFormation user guide describes. The emulator's own
# GetRandomPassword obeys the same option; its CloudFormation does not pass it on, so the value holds punctuation. What reads such a
# value as letters and digits works on AWS and fails on the emulator. A check can name the wanted characters by
# ExcludeCharacters instead, which both obey.
#
# Seen (100 secrets by each way):
#   GetRandomPassword, ExcludePunctuation: 0 of 100 with punctuation
#   CloudFormation, ExcludePunctuation: 100 of 100 with punctuation
#   CloudFormation, ExcludeCharacters: 0 of 100 with punctuation
#
# Needs Python 3.11 or newer and a free port on loopback. Exits with 0 while this is so, and with 1 once it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${emulator:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet ministack==1.5.33 boto3==1.43.106
port=$("$folder/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cd "$folder"
GATEWAY_PORT=$port TMPDIR=$folder venv/bin/ministack > emulator.log 2>&1 &
emulator=$!
for _ in $(seq 100); do
    curl --silent --fail --output /dev/null "http://127.0.0.1:$port/_ministack/health" && break
    sleep 0.2
done
cat > look.py <<'PYTHON'
import json
import string
import sys
import time

import boto3

COUNT = 100
place = {
    "endpoint_url": sys.argv[1],
    "region_name": "us-east-1",
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
}
secrets, stacks = boto3.client("secretsmanager", **place), boto3.client("cloudformation", **place)


def punctuated(values):
    return sum(any(letter in string.punctuation for letter in value) for value in values)


def by_stack(name, option):
    generate = {"PasswordLength": 64, **option}
    resources = {
        f"S{n}": {
            "Type": "AWS::SecretsManager::Secret",
            "Properties": {"Name": f"{name}-{n}", "GenerateSecretString": generate},
        }
        for n in range(COUNT)
    }
    stacks.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources}))
    for _ in range(100):
        if stacks.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE":
            break
        time.sleep(0.2)
    return [secrets.get_secret_value(SecretId=f"{name}-{n}")["SecretString"] for n in range(COUNT)]


asked = [secrets.get_random_password(PasswordLength=64, ExcludePunctuation=True)["RandomPassword"] for _ in range(COUNT)]
seen = [
    ("GetRandomPassword, ExcludePunctuation", punctuated(asked)),
    ("CloudFormation, ExcludePunctuation", punctuated(by_stack("one", {"ExcludePunctuation": True}))),
    ("CloudFormation, ExcludeCharacters", punctuated(by_stack("two", {"ExcludeCharacters": string.punctuation}))),
]
for what, count in seen:
    print(f"{what}: {count} of {COUNT} with punctuation")
sys.exit(0 if [count for _, count in seen] == [0, COUNT, 0] else 1)
PYTHON
venv/bin/python look.py "http://127.0.0.1:$port"
