"""Count what AWS limits in the translated template, today's and one with 120 routes.

No emulator enforces these limits: a deployment finds out, and rolls back. They are counted after the translation, because SAM
adds roles, permissions, rules and the API's deployment. Each limit is shown to be seen when it is exceeded.

    check_walls.py TEMPLATE NESTED...
"""

import copy
import json
import os
import re
import sys

from translate import read, translated

ROUTES = 120
# What may be used. Behind it is what AWS takes: https://docs.aws.amazon.com/general/latest/gr/ and, for environment and policy,
# the quotas of Lambda.
WALLS = {
    "resources": 450,  # 500 a template
    "bytes": 900_000,  # 1 MB a template in a bucket
    "statements": 40,  # of a function's resource policy, which has
    "policy bytes": 20 * 1024,
    "environment bytes": 3584,  # 4 KB a function
    "API resources": 300,  # a path segment each
    "name characters": 64,  # of a function
}
# As long as a stack's name may be (docs/deploying.md), and the longest of the rest.
NAMES = {
    "AWS::StackName": "a-stack-name-of-32-characters-xx",
    "AWS::Region": "ap-southeast-4",
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws-us-gov",
    "AWS::URLSuffix": "amazonaws.com",
    # Of stacks inside.
    "StackName": "a-stack-name-of-32-characters-xx",
}
# Bytes that a parameter without a list of values is counted with, where 128 are not a good guess.
EXPECTED = {"AdminEmails": 384, "CorsOrigins": 384, "CorsHeaders": 256, "TrustedEdgeSecrets": 129}
REFERENCE = "x" * 128


def parameter(definition, name):
    if "AllowedValues" in definition:
        return max((str(value) for value in definition["AllowedValues"]), key=len)
    if definition["Type"] == "Number":
        return str(definition.get("MaxValue", definition["Default"]))
    return "x" * EXPECTED.get(name, 128)


def plain(template, value):
    """A value as long as it may become."""
    if not isinstance(value, dict):
        return str(value)
    (function, argument), = value.items()
    if function == "Ref":
        known = template.get("Parameters", {}).get(argument)
        return NAMES.get(argument) or (parameter(known, argument) if known else REFERENCE)
    if function == "Fn::If":
        return max((plain(template, branch) for branch in argument[1:]), key=len)
    if function == "Fn::Sub":
        text = argument if isinstance(argument, str) else argument[0]
        return re.sub(r"\$\{([^}]+)\}", lambda found: plain(template, {"Ref": found[1]}), text)
    return REFERENCE


def of_type(template, kind):
    return {name: found["Properties"] for name, found in template["Resources"].items() if found["Type"] == kind}


def policies(template, *nested):
    """The statements of each function's resource policy, as Lambda keeps them."""
    names = {plain(template, function["FunctionName"]): name for name, function in named(template).items()}
    found = {}
    for stack in (template, *nested):
        for name, permission in of_type(stack, "AWS::Lambda::Permission").items():
            function = permission["FunctionName"]
            # A stack inside knows the names only.
            function = function["Ref"] if "Ref" in function else plain(stack, function)
            function = names.get(function, function)
            condition = {"ArnLike": {"AWS:SourceArn": plain(stack, permission["SourceArn"])}}
            if "SourceAccount" in permission:
                condition["StringEquals"] = {"AWS:SourceAccount": plain(stack, permission["SourceAccount"])}
            statement = {
                "Sid": f"{NAMES['AWS::StackName']}-{name}-ABCDEFGHIJKL",
                "Effect": "Allow",
                "Principal": {"Service": permission["Principal"]},
                "Action": permission["Action"],
                "Resource": "arn:aws-us-gov:lambda:ap-southeast-4:123456789012:function:" + "x" * 64,
                "Condition": condition,
            }
            found.setdefault(function, []).append(statement)
    return found


def named(template):
    functions = of_type(template, "AWS::Lambda::Function")
    return {name: function for name, function in functions.items() if "FunctionName" in function}


def segments(template):
    """What API Gateway makes a resource of, the root included."""
    found = set()
    for api in of_type(template, "AWS::ApiGateway::RestApi").values():
        found.add("/")
        for path in api["Body"]["paths"]:
            parts = path.strip("/").split("/")
            found.update("/".join(parts[: end + 1]) for end in range(len(parts)) if parts[0])
    return found


def measured(template, *nested):
    """For each wall the largest value that anything of a stack has, and what has it."""
    functions = of_type(template, "AWS::Lambda::Function")
    environments = {name: function.get("Environment", {}).get("Variables", {}) for name, function in functions.items()}
    statements = policies(template, *nested)
    values = {
        "resources": {"the stack": len(template["Resources"])},
        "bytes": {"the template": len(compact(template))},
        "statements": {name: len(of_function) for name, of_function in statements.items()},
        "policy bytes": {
            name: len(compact({"Version": "2012-10-17", "Id": "default", "Statement": of_function}))
            for name, of_function in statements.items()
        },
        "environment bytes": {
            name: sum(len(key) + len(plain(template, value).encode()) for key, value in variables.items())
            for name, variables in environments.items()
        },
        "API resources": {"the API": len(segments(template))},
        "name characters": {
            name: len(plain(template, function["FunctionName"])) for name, function in named(template).items()
        },
    }
    return {wall: max(((value, name) for name, value in found.items()), default=(0, "")) for wall, found in values.items()}


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def exceeded(template, *nested):
    return {wall: found for wall, found in measured(template, *nested).items() if found[0] > WALLS[wall]}


def routes(template):
    """The routes of the API: HEAD is GET's, and every other method is the fallback's."""
    paths = template["Resources"]["Api"]["Properties"]["DefinitionBody"]["paths"]
    return sum(method not in ("head", "x-amazon-apigateway-any-method") for path in paths.values() for method in path)


def grown(template, invocations, wanted):
    """Both SAM templates with made-up endpoints, each a separate function, until there are as many routes as wanted."""
    template, invocations = copy.deepcopy(template), copy.deepcopy(invocations)
    resources, permissions = template["Resources"], invocations["Resources"]
    paths = resources["Api"]["Properties"]["DefinitionBody"]["paths"]

    def like_login(value, crate):
        return json.loads(json.dumps(value).replace("-auth-login", f"-{crate}"))

    for number in range(wanted - routes(template)):
        crate, name = f"made-up-{number:03}", f"MadeUp{number:03}"
        # Sign-in has the longest policy.
        resources[f"{name}Function"] = like_login(resources["AuthLoginFunction"], crate)
        resources["InvocationsStack"]["DependsOn"].append(f"{name}Function")
        permissions[f"{name}Permission"] = like_login(permissions["AuthLoginPermission"], crate)
        path = f"/api/v1/made-up-{number // 4:02}" + ("" if number % 4 == 0 else f"/{{id}}/{crate}")
        operations = like_login(paths["/api/v1/auth/login"], crate)
        own = operations.pop("post")
        methods = (["post"], ["get", "head"], ["patch"], ["delete"])[number % 4]
        paths[path] = {**{method: copy.deepcopy(own) for method in methods}, **operations}
    return template, invocations


def add_resources(template):
    template["Resources"].update({f"Added{number}": {"Type": "AWS::SNS::Topic", "Properties": {}} for number in range(450)})


def add_permissions(template, count, source):
    permission = dict(template["Resources"]["KeysRotateDataPermission"]["Properties"], SourceArn=source)
    added = {f"Added{number}": {"Type": "AWS::Lambda::Permission", "Properties": permission} for number in range(count)}
    template["Resources"].update(added)


def function(template):
    return template["Resources"]["AuthLoginFunction"]["Properties"]


# For each wall a change that goes beyond it, and beyond no other.
BREAKS = {
    "resources": add_resources,
    "bytes": lambda t: t.update(Metadata="x" * WALLS["bytes"]),
    "statements": lambda t: add_permissions(t, 40, "arn:short"),
    "policy bytes": lambda t: add_permissions(t, 30, "x" * 600),
    "environment bytes": lambda t: function(t)["Environment"]["Variables"].update(DASHTAM_ADDED="x" * WALLS["environment bytes"]),
    "API resources": lambda t: t["Resources"]["Api"]["Properties"]["Body"]["paths"].update(
        {f"/added-{number}": {} for number in range(300)}
    ),
    "name characters": lambda t: function(t).update(FunctionName={"Fn::Sub": "${AWS::StackName}-" + "x" * 32}),
}


def report(what, template, *nested):
    used = measured(template, *nested)
    print(f"{what}: " + ", ".join(f"{used[wall][0]} of {most} {wall}" for wall, most in WALLS.items() if used[wall][0]))
    return [f"{what}: {value} {wall} of {name}, at most {WALLS[wall]}" for wall, (value, name) in exceeded(template, *nested).items()]


def main(main_template, *nested):
    sam, stacks = read(main_template), {os.path.basename(path): read(path) for path in nested}
    now = routes(sam)
    today = [translated(sam), translated(stacks["invocations.yaml"])]
    later = [translated(stack) for stack in grown(sam, stacks["invocations.yaml"], ROUTES)]
    faults = report(f"{os.path.basename(main_template)} with {now} routes", *today)
    faults += report(f"the same with {ROUTES} routes", *later)
    faults += report(f"invocations.yaml with {ROUTES} routes", later[1])
    for name, stack in stacks.items():
        faults += report(name, translated(stack))
    if faults:
        sys.exit("\n".join([*faults, "close to what AWS takes: docs/adr/0025-one-body-for-the-api.md says what to do"]))

    used, more = measured(*today), measured(*later)
    each = {wall: (more[wall][0] - used[wall][0]) / (ROUTES - now) for wall in WALLS}
    ends = {wall: now + int((WALLS[wall] - used[wall][0]) / each[wall]) for wall in WALLS if each[wall] > 0}
    first = min(ends, key=ends.get)
    print(f"a route takes {each['resources']:.1f} resources; the first wall is {first}, at {ends[first]} routes")

    if set(BREAKS) != set(WALLS):
        sys.exit("a wall without a case that goes beyond it")
    for wall, change in BREAKS.items():
        broken = copy.deepcopy(today[0])
        change(broken)
        if set(exceeded(broken, today[1])) != {wall}:
            sys.exit(f"{wall} does not see what it is there for: {exceeded(broken, today[1])}")
    print(f"{len(WALLS)} walls, and each was seen to stop what goes beyond it")


if __name__ == "__main__":
    main(*sys.argv[1:])
