"""Use a stack that is deployed into the emulator.

`events`: functions start and refuse what their events say. `flow`: the README's flow goes through the gateway.
`update`: the stack is updated, and keeps what it was when that fails. `delete`: the stack goes. `serve`: the stack is there
for others until Ctrl-C.

The emulator's pipes do not reach queues. What the pipe would carry is put into the mailer's queue here; from there on
the event source mapping, the mailer and SES are the stack's own.
"""

import json
import re
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import boto3

EMAIL = "ada@example.com"
# The domain of MailFrom in check-deployment.
SENDER = "example.com"
PASSWORD = "Correct-Horse-7-Battery"
EVENTS = Path(__file__).resolve().parents[2] / "events"


def until(what, look, seconds=60):
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.3)
    raise SystemExit(f"{what}: not within {seconds} s")


class Stack:
    """The resources of a deployed stack, by their names in the template."""

    def __init__(self, name, endpoint):
        self.name, self.endpoint = name, endpoint
        summaries = boto3.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=name)
        self.ids = {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for page in summaries
            for resource in page["StackResourceSummaries"]
        }
        stage = boto3.client("apigateway").get_stages(restApiId=self.ids["Api"])["item"][0]["stageName"]
        self.url = f"{endpoint}/restapis/{self.ids['Api']}/{stage}/_user_request_"
        self.carried = set()

    def call(self, method, path, expected, body=None, bearer=None):
        """The body of the answer, which has to have the expected status."""
        headers = {"content-type": "application/json"} if body is not None else {}
        if bearer:
            headers["authorization"] = f"Bearer {bearer}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            answer = urllib.request.urlopen(request, timeout=60)
        except urllib.error.HTTPError as refusal:
            answer = refusal
        text = answer.read().decode()
        if answer.status != expected:
            raise SystemExit(f"{method} {path}: {answer.status} instead of {expected}: {text}")
        print(f"{method} {path}: {answer.status}")
        return json.loads(text) if "json" in answer.headers.get("content-type", "") else text

    def carry_outbox(self):
        """Does the pipe's part, once for each row."""
        rows = boto3.client("dynamodb").scan(TableName=self.ids["OutboxTable"])["Items"]
        for row in rows:
            if "mail" in row and row["pk"]["S"] not in self.carried:
                self.carried.add(row["pk"]["S"])
                body = json.dumps({"row": row["pk"]["S"]})
                boto3.client("sqs").send_message(QueueUrl=self.ids["MailQueue"], MessageBody=body)

    def mailed(self, prefix):
        """The token with this prefix in a mail to the account."""
        self.carry_outbox()

        def look():
            answer = urllib.request.urlopen(f"{self.endpoint}/_ministack/ses/messages", timeout=10)
            mails = [mail for mails in json.load(answer)["messages"].values() for mail in mails]
            texts = [mail["BodyText"] for mail in mails if EMAIL in mail["To"]]
            return next(iter(re.findall(prefix + r"[A-Za-z0-9_-]+", "".join(texts))), None)

        return until(f"a mail with {prefix}", look)

    def invoke(self, function, event):
        """What the function answers to an event of events/, told as a function's error if it is one."""
        answer = boto3.client("lambda").invoke(FunctionName=self.ids[function], Payload=event.encode())
        return json.load(answer["Payload"]), answer.get("FunctionError")


def logical_id(stack, endpoint):
    """The function of an endpoint: its own, or the one of all that need no rights."""
    own = "".join(part.capitalize() for part in endpoint.split("-")) + "Function"
    return own if own in stack.ids else "ServiceStaticFunction"


def replay(stack):
    """Functions refuse what their events say is refused, in both payload versions, where that needs no token of this stack."""
    refused = 0
    for expected in sorted(EVENTS.glob("*/expected.json")):
        promise = json.loads(expected.read_text())
        for version in ["v1", "v2"]:
            event = (expected.parent / f"refusal.{version}.json").read_text()
            if "{{" in event:
                continue
            answer, error = stack.invoke(logical_id(stack, expected.parent.name), event)
            if error or answer["statusCode"] != promise["refusal"]:
                raise SystemExit(f"{expected.parent.name}, refusal.{version}: {error} {answer}")
            refused += 1
    if refused < 40:
        raise SystemExit(f"only {refused} events could be replayed")
    print(f"{refused} events of {refused // 2} endpoints are answered as they say")


def complete(stack):
    """What the deployer has beforehand, a sender that SES knows, and what EventBridge asks for afterwards, keys."""
    ses = boto3.client("sesv2")
    if not ses.list_email_identities()["EmailIdentities"]:
        ses.create_email_identity(EmailIdentity=SENDER)
    _, error = stack.invoke("KeysInitFunction", (EVENTS / "keys-init/success.json").read_text())
    if error:
        raise SystemExit(f"keys-init: {error}")


def use(stack):
    """From the registration to the end of the session."""
    complete(stack)
    keys = stack.call("GET", "/.well-known/jwks.json", 200)["keys"]
    if not keys:
        raise SystemExit("no signing key is published")
    stack.call("GET", "/api/v1/health", 200)
    account = {"email": EMAIL, "password": PASSWORD}
    stack.call("POST", "/api/v1/auth/register", 201, {**account, "name": "Ada"})
    stack.call("POST", "/api/v1/auth/login", 403, account)
    stack.call("POST", "/api/v1/auth/verify-email", 200, {"token": stack.mailed("dvt_")})
    first = stack.call("POST", "/api/v1/auth/login", 200, account)
    me = stack.call("GET", "/api/v1/auth/me", 200, bearer=first["access_token"])
    if me["email"] != EMAIL:
        raise SystemExit(f"me is somebody else: {me}")
    second = stack.call("POST", "/api/v1/auth/refresh", 200, {"refresh_token": first["refresh_token"]})
    sessions = stack.call("GET", "/api/v1/auth/sessions", 200, bearer=second["access_token"])
    if sessions["total_count"] != 1:
        raise SystemExit(f"not the one session that was begun: {sessions}")
    stack.call("POST", "/api/v1/auth/logout", 200, {"refresh_token": second["refresh_token"]})
    stack.call("GET", "/api/v1/auth/me", 401, bearer=second["access_token"])
    stack.call("POST", "/api/v1/auth/refresh", 401, {"refresh_token": second["refresh_token"]})


def change(stack, log_level, **template):
    """How an update of the stack ends that sets this log level."""
    cloudformation = boto3.client("cloudformation")
    described = cloudformation.describe_stacks(StackName=stack.name)["Stacks"][0]["Parameters"]
    parameters = [
        {"ParameterKey": parameter["ParameterKey"], "UsePreviousValue": True}
        for parameter in described
        if parameter["ParameterKey"] != "LogLevel"
    ]
    parameters.append({"ParameterKey": "LogLevel", "ParameterValue": log_level})
    capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    cloudformation.update_stack(StackName=stack.name, Parameters=parameters, Capabilities=capabilities, **template)

    def ended():
        status = cloudformation.describe_stacks(StackName=stack.name)["Stacks"][0]["StackStatus"]
        return None if status.endswith("_IN_PROGRESS") else status

    return until("the update", ended, seconds=180)


def update(stack):
    """An update reaches the functions; one that fails leaves them as they were."""

    def log_level():
        configuration = boto3.client("lambda").get_function_configuration(FunctionName=stack.ids["AuthMeFunction"])
        return configuration["Environment"]["Variables"]["DASHTAM_LOG"]

    ended = change(stack, "debug", UsePreviousTemplate=True)
    if (ended, log_level()) != ("UPDATE_COMPLETE", "debug"):
        raise SystemExit(f"the update ended with {ended}, the log level is {log_level()}")
    template = boto3.client("cloudformation").get_template(StackName=stack.name, TemplateStage="Original")["TemplateBody"]
    if not isinstance(template, str):
        template = json.dumps(template)
    broken = template.replace("PAY_PER_REQUEST", "NO_SUCH_MODE")
    if broken == template:
        raise SystemExit("nothing in the template could be broken")
    s3 = boto3.client("s3")
    bucket = next(bucket["Name"] for bucket in s3.list_buckets()["Buckets"] if "samcli" in bucket["Name"])
    s3.put_object(Bucket=bucket, Key="broken.template", Body=broken.encode())
    ended = change(stack, "error", TemplateURL=f"{stack.endpoint}/{bucket}/broken.template")
    if (ended, log_level()) != ("UPDATE_ROLLBACK_COMPLETE", "debug"):
        raise SystemExit(f"the broken update ended with {ended}, the log level is {log_level()}")
    print("an update was made, and one that failed was rolled back")


def delete(stack):
    """The stack goes, and the tables that hold truth stay."""
    cloudformation, dynamodb = boto3.client("cloudformation"), boto3.client("dynamodb")
    cloudformation.delete_stack(StackName=stack.name)

    def gone():
        stacks = cloudformation.list_stacks()["StackSummaries"]
        statuses = [found["StackStatus"] for found in stacks if found["StackName"] == stack.name]
        return all(status == "DELETE_COMPLETE" for status in statuses)

    until("the end of the stack", gone)
    kept = {name.removeprefix(f"{stack.name}-") for name in dynamodb.list_tables()["TableNames"]}
    if kept != {"users", "tokens", "audit", "security", "seals"}:
        raise SystemExit(f"these tables are left: {sorted(kept)}")
    print("the stack was deleted, and the tables that hold truth are kept")


def serve(stack):
    """Carries the outbox until Ctrl-C."""
    complete(stack)
    print(f"The stack is deployed at {stack.url}")
    print(f"Its mails are at {stack.endpoint}/_ministack/ses/messages")
    print("Ctrl-C ends it.", flush=True)
    try:
        while True:
            stack.carry_outbox()
            time.sleep(1)
    except KeyboardInterrupt:
        print("The stack ends.")


def main(command, name, endpoint):
    stack = Stack(name, endpoint)
    commands = {"events": replay, "flow": use, "update": update, "delete": delete, "serve": serve}
    commands[command](stack)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        # What the shell calls a program that Ctrl-C has ended; `check-deployment` knows it.
        sys.exit(130)
