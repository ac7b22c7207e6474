"""Hold the templates to the rules of infra/guard, and show that each rule can fail.

A rule that never fires guards nothing, and one that is misspelt is skipped without a word. So the template is broken
once for each rule, in one way that the rule is there to see, and the rule must name it. A rule without such a case is
refused.

    prove_rules.py CFN_GUARD RULES TEMPLATE...

The first template is the main one, already translated; all are JSON.
"""

import copy
import json
import pathlib
import re
import subprocess
import sys
import tempfile


def of_type(template, kind):
    return [resource for resource in template["Resources"].values() if resource["Type"] == kind]


def statement(template, number=0):
    role = template["Resources"]["AuthLoginFunctionRole"]["Properties"]
    return role["Policies"][0]["PolicyDocument"]["Statement"][number]


def stage(template):
    return of_type(template, "AWS::ApiGateway::Stage")[0]["Properties"]


def properties(template, name):
    return template["Resources"][name]["Properties"]


def add(template, kind, **values):
    template["Resources"]["Added"] = {"Type": kind, "Properties": values}


def put(target, *path_and_value):
    *path, last, value = path_and_value
    for part in path:
        target = target[part]
    target[last] = value


def drop(target, *path):
    *path, last = path
    for part in path:
        target = target[part]
    del target[last]


# For each rule a change that it must see.
BREAKS = {
    "no_action_is_a_wildcard": lambda t: put(statement(t), "Action", ["dynamodb:*"]),
    "rights_are_over_resources_of_this_stack": lambda t: put(statement(t), "Resource", "*"),
    "managed_policies_write_logs_alone": lambda t: properties(t, "AuthLoginFunctionRole")["ManagedPolicyArns"].append(
        "arn:aws:iam::aws:policy/AdministratorAccess"
    ),
    "whoever_calls_a_function_is_named": lambda t: drop(properties(t, "KeysRotateDataPermission"), "SourceArn"),
    "no_function_has_a_url": lambda t: add(t, "AWS::Lambda::Url", AuthType="NONE"),
    "tables_are_encrypted_with_the_stacks_key": lambda t: drop(
        properties(t, "LimitsTable"), "SSESpecification", "KMSMasterKeyId"
    ),
    "what_holds_truth_can_be_restored": lambda t: drop(properties(t, "SealsTable"), "PointInTimeRecoverySpecification"),
    "what_holds_truth_cannot_be_deleted": lambda t: drop(t["Resources"]["UsersTable"], "DeletionPolicy"),
    "items_expire_by_one_attribute": lambda t: drop(properties(t, "OutboxTable"), "TimeToLiveSpecification"),
    "keys_outlive_the_stack": lambda t: put(t["Resources"]["DataKey"], "DeletionPolicy", "Delete"),
    "keys_that_encrypt_are_rotated": lambda t: put(properties(t, "DataKey"), "EnableKeyRotation", False),
    "secrets_are_made_by_aws_and_seen_by_nobody": lambda t: put(properties(t, "MailKey"), "SecretString", "changeme"),
    "rings_are_rotated": lambda t: drop(t["Resources"], "DataRingRotation"),
    "buckets_are_locked_and_private": lambda t: put(
        properties(t, "AuditArchive"), "PublicAccessBlockConfiguration", "BlockPublicAcls", False
    ),
    "queues_are_encrypted": lambda t: drop(properties(t, "MailDeadLetters"), "SqsManagedSseEnabled"),
    "what_a_queue_gives_up_is_kept": lambda t: drop(properties(t, "SweepQueue"), "RedrivePolicy"),
    "what_a_stream_gives_up_is_kept": lambda t: drop(properties(t, "AuditSealerEvents"), "DestinationConfig"),
    "what_a_pipe_gives_up_is_kept": lambda t: drop(
        properties(t, "MailPipe"), "SourceParameters", "DynamoDBStreamParameters", "DeadLetterConfig"
    ),
    "every_method_is_throttled": lambda t: drop(stage(t)["MethodSettings"][3], "ThrottlingRateLimit"),
    "the_gateway_logs_no_request": lambda t: put(stage(t)["MethodSettings"][0], "DataTraceEnabled", True),
    "no_answer_is_cached": lambda t: put(stage(t)["MethodSettings"][0], "CachingEnabled", True),
    "no_authorizer_keeps_its_answers": lambda t: add(
        t, "AWS::ApiGateway::Authorizer", Type="TOKEN", AuthorizerResultTtlInSeconds=300
    ),
    "access_logs_hold_no_secret": lambda t: put(
        stage(t), "AccessLogSetting", "Format", '{"a":"$context.authorizer.token"}'
    ),
    "a_domain_closes_the_gateways_own_address": lambda t: put(
        of_type(t, "AWS::ApiGateway::RestApi")[0]["Properties"]["Body"]["servers"][0],
        "x-amazon-apigateway-endpoint-configuration",
        "disableExecuteApiEndpoint",
        False,
    ),
    "domains_take_tls_1_2_and_above": lambda t: add(t, "AWS::ApiGateway::DomainName", SecurityPolicy="TLS_1_0"),
    "firewalls_keep_no_samples": lambda t: add(
        t, "AWS::WAFv2::WebACL", VisibilityConfig={"SampledRequestsEnabled": True}, Rules=[]
    ),
    "what_hashes_or_mails_can_be_capped": lambda t: drop(
        properties(t, "AuthLoginFunction"), "ReservedConcurrentExecutions"
    ),
    "functions_share_one_bounded_log": lambda t: drop(properties(t, "AuthMeFunction"), "LoggingConfig"),
    "log_lines_are_encrypted_and_kept_for_a_bounded_time": lambda t: drop(
        properties(t, "AccessLogs"), "RetentionInDays"
    ),
    "production_keeps_the_trail_for_a_year": lambda t: put(t["Parameters"]["AuditRetentionDays"], "Default", 30),
    "mail_goes_by_tls_and_not_to_suppressed_addresses": lambda t: put(
        properties(t, "MailConfigurationSet"), "SuppressionOptions", "SuppressedReasons", ["BOUNCE"]
    ),
}


def excerpt(template):
    """The template with a few functions only: cfn-guard is slow, and reads it once for each rule."""
    keep = ("AuthLogin", "AuthMe", "OutboxMailer", "KeysRotateData", "ApiLogRole", "MailPipe")
    many = ("AWS::Lambda::Function", "AWS::IAM::Role", "AWS::Lambda::Permission", "AWS::CloudWatch::Alarm")
    small = copy.deepcopy(template)
    for name, resource in template["Resources"].items():
        if resource["Type"] in many and not name.startswith(keep):
            del small["Resources"][name]
    for api in of_type(small, "AWS::ApiGateway::RestApi"):
        api["Properties"]["Body"]["paths"] = {}
        api["Properties"]["Body"].pop("x-amazon-apigateway-gateway-responses", None)
    return small


def judge(guard, rules, folder):
    """The broken rules, the kept ones and those that do not apply, for each file."""
    command = [guard, "validate", "-r", rules, "-d", folder, "--show-summary", "none", "-o", "json", "--structured"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    # What it cannot read it reports and leaves out.
    if run.stderr.strip() or run.returncode not in (0, 19):
        sys.exit(f"cfn-guard cannot use the rules or the templates:\n{run.stdout[:2000]}{run.stderr[:2000]}")
    return {
        pathlib.Path(report["name"]).stem: (
            {finding["Rule"]["name"] for finding in report["not_compliant"]},
            set(report["compliant"]),
            report["not_compliant"],
        )
        for report in json.loads(run.stdout)
    }


def main(guard, rules, main_template, *nested):
    texts = [path.read_text(encoding="utf-8") for path in sorted(pathlib.Path(rules).glob("*.guard"))]
    named = set(re.findall(r"(?m)^rule ([a-z0-9_]+)", "\n".join(texts)))
    if named != set(BREAKS):
        sys.exit(f"rules without a case, or cases without a rule: {sorted(named ^ set(BREAKS))}")

    with tempfile.TemporaryDirectory() as folder:
        for path in (main_template, *nested):
            (pathlib.Path(folder) / pathlib.Path(path).name).write_bytes(pathlib.Path(path).read_bytes())
        faults = []
        for name, (broken, _, findings) in sorted(judge(guard, rules, folder).items()):
            faults += [f"{name}: {rule}" for rule in sorted(broken)]
            if broken:
                print(json.dumps(findings, indent=1)[:4000])
    if faults:
        sys.exit("\n".join(["broken rules:", *faults]))

    template = excerpt(json.loads(pathlib.Path(main_template).read_text(encoding="utf-8")))
    with tempfile.TemporaryDirectory() as folder:
        for rule, change in BREAKS.items():
            broken = copy.deepcopy(template)
            change(broken)
            (pathlib.Path(folder) / f"{rule}.json").write_text(json.dumps(broken), encoding="utf-8")
        reports = judge(guard, rules, folder)
    silent = [f"{rule}: {sorted(reports[rule][0]) or 'nothing'} broken" for rule in BREAKS if reports[rule][0] != {rule}]
    if silent:
        sys.exit("\n".join(["rules that do not see what they are there for:", *silent]))
    print(f"{len(BREAKS)} rules hold, and each was seen to fail")


if __name__ == "__main__":
    main(*sys.argv[1:])
