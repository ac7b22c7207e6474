"""Hold every policy of a role to what IAM knows, by parliament: actions that exist, over resources that they take.

References become ARNs of the kind that they would have. A policy that is misspelt deploys well and refuses later.

    check_policies.py TEMPLATE
"""

import json
import re
import sys

from parliament import analyze_policy_string

ACCOUNT = "arn:aws:{}:us-east-1:123456789012:{}"
ARNS = {
    "AWS::DynamoDB::Table": ACCOUNT.format("dynamodb", "table/name"),
    "AWS::SQS::Queue": ACCOUNT.format("sqs", "name"),
    "AWS::KMS::Key": ACCOUNT.format("kms", "key/00000000-0000-0000-0000-000000000000"),
    "AWS::SecretsManager::Secret": ACCOUNT.format("secretsmanager", "secret:name-abcdef"),
    "AWS::Lambda::Function": ACCOUNT.format("lambda", "function:name"),
    "AWS::S3::Bucket": "arn:aws:s3:::name",
}
PSEUDO = {"AWS::Partition": "aws", "AWS::Region": "us-east-1", "AWS::AccountId": "123456789012"}


def arn(resources, name, attribute):
    text = ARNS.get(resources[name]["Type"])
    if text is None:
        sys.exit(f"{name}: no ARN is known for {resources[name]['Type']}; add it to check_policies.py")
    return f"{text}/stream/label" if attribute == "StreamArn" else text


def plain(resources, value):
    """The policy with texts in place of references."""
    if isinstance(value, list):
        return [plain(resources, item) for item in value]
    if not isinstance(value, dict):
        return value
    if "Fn::GetAtt" in value:
        return arn(resources, *value["Fn::GetAtt"])
    if "Ref" in value:
        return arn(resources, value["Ref"], "Arn") if value["Ref"] in resources else "name"
    if "Fn::Sub" in value:
        text = value["Fn::Sub"] if isinstance(value["Fn::Sub"], str) else value["Fn::Sub"][0]
        def replaced(found):
            name, _, attribute = found[1].partition(".")
            return PSEUDO.get(name) or (arn(resources, name, attribute) if attribute else "name")
        return re.sub(r"\$\{([^}]+)\}", replaced, text)
    return {key: plain(resources, item) for key, item in value.items()}


def main(path):
    with open(path, encoding="utf-8") as file:
        resources = json.load(file)["Resources"]
    count, faults = 0, []
    for name, resource in resources.items():
        if resource["Type"] != "AWS::IAM::Role":
            continue
        for policy in resource["Properties"].get("Policies", []):
            count += 1
            # Not bound to a stream, says IAM; AWS's own examples name the stream, and it is read without it.
            text = json.dumps(plain(resources, policy["PolicyDocument"])).replace(', "dynamodb:ListStreams"', "")
            analysed = analyze_policy_string(text)
            faults += [f"{name}: {finding}" for finding in analysed.findings]
    if not count:
        sys.exit("no policy was found")
    # It must see what it is there for.
    broken = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"dynamodb:Gettem","Resource":"*"}]}'
    if not analyze_policy_string(broken).findings:
        sys.exit("parliament takes an action that does not exist")
    if faults:
        sys.exit("\n".join(faults))
    print(f"{count} policies are what IAM knows")


if __name__ == "__main__":
    main(sys.argv[1])
