"""Write the events that the tests replay and that `cargo lambda invoke` sends.

One folder per function. `success` is a request that it grants, `refusal` one that it turns down; `v1` is the
shape of a REST API (payload 1.0), `v2` that of an HTTP API and of `cargo lambda watch` (payload 2.0).
`expected.json` says what the answers are. What only a running service can know stands in double braces:
the tests put it in. Run this after changing it: `python3 events/generate.py`.
"""

import base64
import hashlib
import json
import pathlib
import urllib.parse

HERE = pathlib.Path(__file__).parent
CLIENT = "203.0.113.7"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
ACCOUNT, API, REGION, STAGE = "123456789012", "a1b2c3d4e5", "eu-central-1", "dev"
HOST = f"{API}.execute-api.{REGION}.amazonaws.com"
REQUEST_ID = "5f0a1c9e-7d2b-4c3a-9e8f-6b1d2c3a4e5f"
EPOCH_MS, WHEN = 1_767_225_600_000, "01/Jan/2026:00:00:00 +0000"

AUTH = "/api/v1/auth"
BEARER = {"authorization": "Bearer {{access_token}}"}
PASSWORD, NEW_PASSWORD = "Correct-Horse-7-Battery", "Brave-Otter-9-Lantern"
UNKNOWN_SESSION = "00000000-0000-4000-8000-000000000000"


def unknown(prefix, length):
    """A token of the right form, its check included, that was never issued."""
    content = bytes(length)
    token = content + hashlib.sha256(content).digest()[:4]
    return prefix + base64.urlsafe_b64encode(token).rstrip(b"=").decode()


def compact(value):
    return json.dumps(value, separators=(",", ":"))


class Request:
    """One HTTP request; `route` is its path as the gateway knows it."""

    def __init__(self, method, route, body=None, headers=None, parameters=None, query=None):
        self.method, self.route = method, route
        self.query = query or {}
        self.parameters = parameters or {}
        self.path = route
        for name, value in self.parameters.items():
            self.path = self.path.replace("{%s}" % name, value).replace("{%s+}" % name, value)
        self.body = body if body is None or isinstance(body, str) else compact(body)
        kind = {} if body is None else {"content-type": "application/json"}
        self.headers = {"accept": "*/*", "host": HOST, "user-agent": AGENT, **kind, **(headers or {})}

    def v1(self):
        return {
            "resource": self.route,
            "path": self.path,
            "httpMethod": self.method,
            "headers": self.headers,
            "multiValueHeaders": {name: [value] for name, value in self.headers.items()},
            "queryStringParameters": self.query or None,
            "multiValueQueryStringParameters": {name: [value] for name, value in self.query.items()} or None,
            "pathParameters": self.parameters or None,
            "stageVariables": None,
            "requestContext": {
                "accountId": ACCOUNT,
                "apiId": API,
                "domainName": HOST,
                "domainPrefix": API,
                "extendedRequestId": "JKJaXmPLvHcESHA=",
                "httpMethod": self.method,
                "identity": {"sourceIp": CLIENT, "userAgent": AGENT},
                "path": f"/{STAGE}{self.path}",
                "protocol": "HTTP/1.1",
                "requestId": REQUEST_ID,
                "requestTime": WHEN,
                "requestTimeEpoch": EPOCH_MS,
                "resourceId": "abc123",
                "resourcePath": self.route,
                "stage": STAGE,
            },
            "body": self.body,
            "isBase64Encoded": False,
        }

    def v2(self):
        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": self.path,
            "rawQueryString": urllib.parse.urlencode(self.query, safe="{}"),
            "headers": self.headers,
            "requestContext": {
                "accountId": ACCOUNT,
                "apiId": API,
                "domainName": HOST,
                "domainPrefix": API,
                "http": {
                    "method": self.method,
                    "path": self.path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": CLIENT,
                    "userAgent": AGENT,
                },
                "requestId": REQUEST_ID,
                "routeKey": "$default",
                "stage": "$default",
                "time": WHEN,
                "timeEpoch": EPOCH_MS,
            },
            "isBase64Encoded": False,
        }
        return event if self.body is None else {**event, "body": self.body}


def post(name, body, headers=None):
    return Request("POST", f"{AUTH}/{name}", body, headers)


def sessions(which, headers=None, **parameters):
    return Request("DELETE", f"{AUTH}/sessions/{which}", None, headers, parameters)


ADMIN = "/api/v1/admin"
# What the caller of an admin route shows; the caller is an admin.
ADMIN_BEARER = {"authorization": "Bearer {{admin_token}}"}
REASON = {"reason": "Asked for by an event of the tests"}


def admin(path, body, **parameters):
    return Request("POST", f"{ADMIN}/{path}", body, ADMIN_BEARER, parameters)


def page(path):
    """A document that is only read: what it turns down is any other method."""
    return Request("GET", path), 200, Request("POST", path), 405, "method_not_allowed"


EMAIL = {"email": "ada@example.com"}
ADA = {**EMAIL, "password": PASSWORD}
GRACE = {"email": "grace@example.com", "password": PASSWORD, "name": "Grace Hopper"}
CHANGE = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
ME = f"{AUTH}/me"

# function: the granted request, its status, the refused one, its status and code
FUNCTIONS = {
    "auth-register": (
        post("register", GRACE), 201,
        post("register", {**GRACE, "password": "short"}), 422, "validation_failed"),
    "auth-verify-email": (
        post("verify-email", {"token": "{{verification_token}}"}), 200,
        post("verify-email", {"token": unknown("dvt_", 48)}), 400, "invalid_or_expired_token"),
    "auth-resend-verification": (
        post("resend-verification", EMAIL), 202,
        post("resend-verification", {"email": "no address"}), 422, "validation_failed"),
    "auth-login": (
        post("login", ADA), 200,
        post("login", {**ADA, "password": "Wrong-Horse-7-Battery"}), 401, "invalid_credentials"),
    "auth-refresh": (
        post("refresh", {"refresh_token": "{{refresh_token}}", "retry_key": "Mz8xk2v_Qb-7Yt0LwR4s3A"}), 200,
        post("refresh", {"refresh_token": unknown("dtr_", 80)}), 401, "invalid_refresh_token"),
    "auth-logout": (
        post("logout", {"refresh_token": "{{refresh_token}}"}, BEARER), 200,
        post("logout", '{"refresh_token":'), 400, "malformed_json"),
    "auth-request-password-reset": (
        post("request-password-reset", EMAIL), 202,
        post("request-password-reset", {"email": "no address"}), 422, "validation_failed"),
    "auth-reset-password": (
        post("reset-password", {"token": "{{reset_token}}", "new_password": NEW_PASSWORD}), 200,
        post("reset-password", {"token": unknown("drs_", 48), "new_password": NEW_PASSWORD}), 400, "invalid_or_expired_token"),
    "auth-me": (Request("GET", ME, None, BEARER), 200, Request("GET", ME), 401, "missing_token"),
    "auth-update-me": (
        Request("PATCH", ME, {"name": "Ada King"}, BEARER), 200,
        Request("PATCH", ME, {"name": " "}, BEARER), 422, "validation_failed"),
    "auth-delete-me": (
        Request("DELETE", ME, {"password": PASSWORD}, BEARER), 200,
        Request("DELETE", ME, {"password": "Wrong-Horse-7-Battery"}, BEARER), 401, "invalid_credentials"),
    "auth-export-me": (
        Request("GET", f"{ME}/export", None, BEARER), 200, Request("GET", f"{ME}/export"), 401, "missing_token"),
    "auth-change-password": (
        post("change-password", CHANGE, BEARER), 200,
        post("change-password", {**CHANGE, "current_password": "Wrong-Horse-7-Battery"}, BEARER), 401, "invalid_credentials"),
    "auth-reauthenticate": (
        post("reauthenticate", {"password": PASSWORD}, BEARER), 200,
        post("reauthenticate", {"password": "Wrong-Horse-7-Battery"}, BEARER), 401, "invalid_credentials"),
    "auth-secure-account": (
        post("secure-account", {"token": "{{notice_token}}"}), 200,
        post("secure-account", {"token": unknown("dsa_", 48)}), 400, "invalid_or_expired_token"),
    "auth-accept-invitation": (
        post("accept-invitation", {"token": "{{invitation_token}}", "name": "Grace Hopper", "password": NEW_PASSWORD}), 200,
        post("accept-invitation", {"token": unknown("div_", 48), "name": "Grace Hopper", "password": NEW_PASSWORD}), 400, "invalid_or_expired_token"),
    "auth-activity": (
        Request("GET", f"{AUTH}/activity", None, BEARER, query={"limit": "10"}), 200,
        Request("GET", f"{AUTH}/activity", None, BEARER, query={"cursor": "made-up"}), 422, "validation_failed"),
    "sessions-list": (
        Request("GET", f"{AUTH}/sessions", None, BEARER), 200,
        Request("GET", f"{AUTH}/sessions", None, {"authorization": "Bearer no.access.token"}), 401, "invalid_token"),
    "sessions-revoke": (
        sessions("{id}", BEARER, id="{{other_session_id}}"), 200,
        sessions("{id}", BEARER, id=UNKNOWN_SESSION), 404, "not_found"),
    "sessions-revoke-others": (sessions("others", BEARER), 200, sessions("others"), 401, "missing_token"),
    "sessions-revoke-all": (sessions("all", BEARER), 200, sessions("all"), 401, "missing_token"),
    "admin-rotate-tokens": (
        admin("token-rotations", {"scope": "user", "user_id": "{{user_id}}", **REASON}), 200,
        admin("token-rotations", {"scope": "global", "reason": "too short"}), 422, "validation_failed"),
    "admin-rotate-signing-keys": (
        admin("signing-keys/rotations", {"mode": "compromised", **REASON}), 202,
        Request("POST", f"{ADMIN}/signing-keys/rotations", {"mode": "routine", **REASON}, BEARER), 403, "forbidden"),
    "admin-security-config": (
        Request("GET", f"{ADMIN}/security-config", None, ADMIN_BEARER), 200,
        Request("GET", f"{ADMIN}/security-config", None, BEARER), 403, "forbidden"),
    "admin-find-users": (
        Request("GET", f"{ADMIN}/users", None, ADMIN_BEARER, query={"email": "ada@example.com"}), 200,
        Request("GET", f"{ADMIN}/users", None, ADMIN_BEARER, query={"limit": "0"}), 422, "validation_failed"),
    "admin-create-invitation": (
        admin("invitations", {"email": "grace@example.com", "name": "Grace Hopper", **REASON}), 202,
        admin("invitations", {"email": "ada@example.com", **REASON}), 409, "conflict"),
    "admin-list-invitations": (
        Request("GET", f"{ADMIN}/invitations", None, ADMIN_BEARER), 200,
        Request("GET", f"{ADMIN}/invitations", None, BEARER), 403, "forbidden"),
    "admin-revoke-invitation": (
        Request("DELETE", f"{ADMIN}/invitations/{{id}}", None, ADMIN_BEARER, {"id": "{{invitation_id}}"}), 200,
        Request("DELETE", f"{ADMIN}/invitations/{{id}}", None, ADMIN_BEARER, {"id": UNKNOWN_SESSION}), 404, "not_found"),
    "admin-disable-user": (
        admin("users/{id}/disable", REASON, id="{{user_id}}"), 200,
        admin("users/{id}/disable", REASON, id=UNKNOWN_SESSION), 404, "not_found"),
    "admin-enable-user": (
        admin("users/{id}/enable", REASON, id="{{user_id}}"), 200,
        admin("users/{id}/enable", REASON, id=UNKNOWN_SESSION), 404, "not_found"),
    "admin-unlock-user": (
        admin("users/{id}/unlock", REASON, id="{{user_id}}"), 200,
        admin("users/{id}/unlock", {}, id=UNKNOWN_SESSION), 422, "validation_failed"),
    "admin-audit-events": (
        Request("GET", f"{ADMIN}/audit-events", None, ADMIN_BEARER, query={"user_id": "{{user_id}}", "action": "admin.unlock_user"}), 200,
        Request("GET", f"{ADMIN}/audit-events", None, ADMIN_BEARER, query={"user_id": "ada"}), 422, "validation_failed"),
    "well-known-jwks": page("/.well-known/jwks.json"),
    "well-known-authorization-server": page("/.well-known/oauth-authorization-server"),
    "well-known-openid-configuration": page("/.well-known/openid-configuration"),
    "service-health": page("/api/v1/health"),
    "service-openapi": page("/openapi.json"),
    "pages-verify-email": page("/verify-email"),
    "pages-reset-password": page("/reset-password"),
    "pages-secure-account": page("/secure-account"),
    "pages-accept-invitation": page("/accept-invitation"),
    "pages-errors": (
        Request("GET", "/errors/{code}", parameters={"code": "rate_limited"}), 200,
        Request("GET", "/errors/{code}", parameters={"code": "nothing"}), 404, "not_found"),
    # A browser's preflight (Fetch standard section 4.8) from an origin that is not listed.
    "service-fallback": (
        Request("OPTIONS", f"{AUTH}/login", None,
                {"origin": "https://app.example.com", "access-control-request-method": "POST"}), 204,
        Request("GET", "/{proxy+}", None, None, {"proxy": "api/v1/nowhere"}), 404, "not_found"),
}


def message(queue, body):
    """A batch of one message, as a queue hands it to its consumer."""
    text = compact(body)
    return {"Records": [{
        "messageId": "2e1424d4-f796-459a-8184-9c92662be6da",
        "receiptHandle": "AQEBzWwaftRI0KuVm4tP",
        "body": text,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": str(EPOCH_MS),
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": str(EPOCH_MS + 12),
        },
        "messageAttributes": {},
        "md5OfBody": hashlib.md5(text.encode()).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:dashtam-{STAGE}-{queue}",
        "awsRegion": REGION,
    }]}


def stack_status(status):
    """What EventBridge says when a stack changes its state."""
    arn = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/dashtam-{STAGE}/8c0e4f50-0000-11f0-8000-0a1b2c3d4e5f"
    return {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": "CloudFormation Stack Status Change",
        "source": "aws.cloudformation",
        "account": ACCOUNT,
        "time": "2026-01-01T00:00:00Z",
        "region": REGION,
        "resources": [arn],
        "detail": {
            "stack-id": arn,
            "status-details": {"status": status, "status-reason": ""},
            "client-request-token": "",
        },
    }


def stream_event(image):
    """What a table's stream says of an item that was put."""
    return {"Records": [{
        "eventID": "4a3e1b8f2c7d4e5f9a0b1c2d3e4f5a6b",
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": REGION,
        "dynamodb": {
            "ApproximateCreationDateTime": 1767225600,
            "Keys": {name: image[name] for name in ("pk", "sk") if name in image},
            "NewImage": image,
            "SequenceNumber": "100000000000000000001",
            "SizeBytes": 100,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventSourceARN": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/dashtam-{STAGE}-audit/stream/2026-01-01T00:00:00.000",
    }]}


def schedule(rule):
    """What EventBridge says when it is time."""
    return {
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": "2026-01-01T00:00:00Z",
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/dashtam-{STAGE}-{rule}"],
        "detail": {},
    }


def rotation(step, ring):
    """One step of a rotation, as Secrets Manager asks for it."""
    return {
        "Step": step,
        "SecretId": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:dashtam-{STAGE}/{ring}-a1b2c3",
        "ClientRequestToken": "5c9d0f6e-2b1a-4f3e-8d7c-6a5b4c3d2e1f",
    }


def authorization(method):
    """What a REST API asks a Lambda authorizer of the kind TOKEN."""
    return {
        "type": "TOKEN",
        "authorizationToken": method,
        "methodArn": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{API}/{STAGE}/GET/things",
    }


ROW = {"row": "{{outbox_row}}"}
NO_ROW = {"line": 1}


def write(function, name, value):
    folder = HERE / function
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def main():
    for function, (granted, success, refused, refusal, code) in FUNCTIONS.items():
        write(function, "success.v1", granted.v1())
        write(function, "success.v2", granted.v2())
        write(function, "refusal.v1", refused.v1())
        write(function, "refusal.v2", refused.v2())
        write(function, "expected", {"success": success, "refusal": refusal, "refusal_code": code})
    # A message that names no row goes back to the queue, and in the end to the dead letters.
    for function, queue in (("outbox-mailer", "mail"), ("outbox-sweeper", "sweep")):
        write(function, "success", message(queue, ROW))
        write(function, "refusal", message(queue, NO_ROW))
    # A version that nobody made cannot be put into use.
    for function, ring in (("keys-rotate-signing", "signing-ring"), ("keys-rotate-data", "data-ring")):
        write(function, "success", rotation("createSecret", ring))
        write(function, "refusal", rotation("finishSecret", ring))
    write("access-authorizer", "success", authorization("Bearer {{access_token}}"))
    write("access-authorizer", "refusal", authorization("Bearer no.access.token"))
    # An item without the keys of a record cannot be sealed.
    record = {"pk": {"S": "USER#0190a5d8-7d5a-7000-8000-000000000001"},
              "sk": {"S": "2026-01-01T00:00:00.000Z#0190a5d8-7d5a-7000-8000-000000000002"},
              "action": {"S": "auth.login"}, "ttl": {"N": "1801785600"}}
    write("audit-sealer", "success", stream_event(record))
    write("audit-sealer", "refusal", stream_event({"action": {"S": "auth.login"}}))
    write("audit-checkpoint", "success", schedule("AuditCheckpointFunctionMinutely"))
    write("audit-reconciler", "success", schedule("AuditReconcilerFunctionDaily"))
    write("outbox-digests", "success", schedule("OutboxDigestsFunctionEveryFewMinutes"))
    # A stack that goes needs no keys.
    write("keys-init", "success", stack_status("CREATE_COMPLETE"))
    write("keys-init", "refusal", stack_status("DELETE_IN_PROGRESS"))


if __name__ == "__main__":
    main()
