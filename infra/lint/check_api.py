"""Hold the translated API to what the emulator cannot show.

The emulator drops the method that stands for all others, and enforces no permission. So this looks at what SAM makes of the
template: every method of every path reaches a function that exists and that the API may invoke, what no route takes
reaches the fallback, nothing is declared beside the body, functions may know the API's own URL, and scripts can read each
answer of the gateway itself. Each rule is shown to fail. The same holds for a template with 120 routes.

    check_api.py TEMPLATE INVOCATIONS
"""

import copy
import json
import re
import sys

from check_walls import ROUTES, grown, of_type
from translate import read, translated

ANY = "x-amazon-apigateway-any-method"
INTEGRATION = "x-amazon-apigateway-integration"
RESPONSES = "x-amazon-apigateway-gateway-responses"
FALLBACK = "service-fallback"
ARN = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:"
URI = re.compile(
    re.escape("arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/" + ARN + "${AWS::StackName}-")
    + "([a-z0-9-]+)/invocations"
)
SOURCE = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${ApiId}/*"


def faults(template, invocations):
    (api,) = of_type(template, "AWS::ApiGateway::RestApi").values()
    functions = {
        function["FunctionName"]["Fn::Sub"].removeprefix("${AWS::StackName}-"): name
        for name, function in of_type(template, "AWS::Lambda::Function").items()
        if "FunctionName" in function
    }
    permissions = [
        permission["FunctionName"]["Fn::Sub"].removeprefix("${StackName}-")
        for permission in of_type(invocations, "AWS::Lambda::Permission").values()
        if permission["SourceArn"] == {"Fn::Sub": SOURCE} and permission["Principal"] == "apigateway.amazonaws.com"
    ]
    found, invoked = [], set()
    for path, methods in api["Body"]["paths"].items():
        for method, operation in methods.items():
            integration = operation[INTEGRATION]
            named = URI.fullmatch(integration["uri"]["Fn::Sub"])
            if not named or (integration["type"], integration["httpMethod"]) != ("aws_proxy", "POST"):
                found.append(f"{method} {path} is no call of a function by its name")
                continue
            invoked.add(named[1])
            if (method == ANY) != (named[1] == FALLBACK):
                found.append(f"{method} {path} goes to {named[1]}")
            if method == "get" and methods.get("head") != operation:
                found.append(f"HEAD {path} goes elsewhere than GET")
        if ANY not in methods:
            found.append(f"{path} has no answer to other methods")
    found += [f"{path} goes nowhere" for path in ("/", "/{proxy+}") if path not in api["Body"]["paths"]]
    found += [f"{name} is invoked and is no function of the stack" for name in invoked - set(functions)]
    found += [f"{name} may not be invoked by the API" for name in invoked if permissions.count(name) != 1]
    found += [f"{name} may be invoked by the API, which does not" for name in set(permissions) - invoked]
    waits = template["Resources"]["InvocationsStack"].get("DependsOn", [])
    found += [f"the permission of {name} does not wait for it" for name in invoked & set(functions) if functions[name] not in waits]
    found += [
        f"{name} lets the API invoke a function by an event"
        for name, permission in of_type(template, "AWS::Lambda::Permission").items()
        if permission["Principal"] == "apigateway.amazonaws.com"
    ]
    found += [f"{' waits for '.join(names)}, a circle" for names in circles(naming_the_api(template))]
    responses = api["Body"].get(RESPONSES, {})
    if len(responses) < 14:
        found.append(f"the gateway itself has {len(responses)} answers of ours")
    for kind, response in responses.items():
        if not any(key.endswith(".Access-Control-Allow-Origin") for key in response["responseParameters"]):
            found.append(f"no script can read the gateway's {kind}")
    return found


def references(resource, resources):
    """The resources that one refers to, and so waits for."""
    text = json.dumps(resource)
    found = re.findall(r'"Ref": "(\w+)"|"Fn::GetAtt": (?:\["|")(\w+)|\$\{(\w+)[.}]', text)
    names = {name for names in found for name in names if name}
    waits = resource.get("DependsOn", [])
    return (names | set([waits] if isinstance(waits, str) else waits)) & set(resources)


def circles(template):
    """The first circle of resources that wait for each other, which CloudFormation refuses and no linter here sees."""
    left = {name: references(resource, template["Resources"]) - {name} for name, resource in template["Resources"].items()}
    while free := [name for name, waits in left.items() if not waits & set(left)]:
        for name in free:
            del left[name]
    if not left:
        return []
    path = [next(iter(left))]
    while (after := next(iter(left[path[-1]] & set(left)))) not in path:
        path.append(after)
    return [[*path[path.index(after) :], after]]


def naming_the_api(template):
    """The template with functions that know the API's own URL, as they may."""
    template = copy.deepcopy(template)
    for function in of_type(template, "AWS::Lambda::Function").values():
        function["Environment"]["Variables"]["API"] = {"Fn::Sub": "https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}"}
    return template


def body(template):
    return template["Resources"]["Api"]["Properties"]["Body"]


def login(template):
    return body(template)["paths"]["/api/v1/auth/login"]


def add_event(template):
    template["Resources"]["Added"] = {
        "Type": "AWS::Lambda::Permission",
        "Properties": {"Principal": "apigateway.amazonaws.com", "FunctionName": {"Ref": "AuthLoginFunction"}},
    }


# For each rule a change to one of the two stacks, and what has to be said of it.
BREAKS = [
    (lambda t, i: login(t).pop(ANY), "no answer to other methods"),
    (lambda t, i: login(t).update(get=login(t)[ANY]), "goes to service-fallback"),
    (lambda t, i: body(t)["paths"]["/api/v1/auth/me"].pop("head"), "goes elsewhere than GET"),
    (lambda t, i: login(t)["post"][INTEGRATION].update(httpMethod="GET"), "no call of a function"),
    (lambda t, i: body(t)["paths"].pop("/{proxy+}"), "goes nowhere"),
    (lambda t, i: t["Resources"].pop("AuthLoginFunction"), "no function of the stack"),
    (lambda t, i: i["Resources"].pop("AuthLoginPermission"), "may not be invoked"),
    (lambda t, i: body(t)["paths"].pop("/api/v1/auth/login"), "which does not"),
    (lambda t, i: t["Resources"]["InvocationsStack"]["DependsOn"].remove("AuthLoginFunction"), "does not wait"),
    (lambda t, i: add_event(t), "by an event"),
    (lambda t, i: body(t)["info"].update(title={"Ref": "AuthLoginFunction"}), "a circle"),
    (lambda t, i: body(t)[RESPONSES].pop("THROTTLED"), "answers of ours"),
    (lambda t, i: body(t)[RESPONSES]["THROTTLED"]["responseParameters"].clear(), "no script can read"),
]


def main(template_path, invocations_path):
    sam = read(template_path), read(invocations_path)
    # A deployment is named after the text of the body, in which a parameter's value does not show.
    if sam[0]["Resources"]["Api"]["Properties"].get("AlwaysDeploy") is not True:
        sys.exit("a change of a parameter, such as the origins, would not be deployed")
    today = [translated(stack) for stack in sam]
    found = faults(*today)
    found += [f"with {ROUTES} routes: {fault}" for fault in faults(*(translated(stack) for stack in grown(*sam, ROUTES)))]
    if found:
        sys.exit("\n".join(found))
    for change, wanted in BREAKS:
        broken = copy.deepcopy(today)
        change(*broken)
        if not any(wanted in fault for fault in faults(*broken)):
            sys.exit(f"'{wanted}' is not seen: {faults(*broken)}")
    print(f"{len(body(today[0])['paths'])} paths reach their functions; {len(BREAKS)} faults were seen to be found")


if __name__ == "__main__":
    main(*sys.argv[1:])
