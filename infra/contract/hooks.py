"""What schemathesis cannot know: how to sign in, and what the formats of this interface look like."""

import os
import re
import time

import requests
import schemathesis
from hypothesis import strategies as st

URL = os.environ["URL"]
API = f"{URL}/api/v1/auth"
EMAIL = os.environ["CONTRACT_ADMIN"]
# Another than in the examples, which would change it.
PASSWORD = "Quiet-Heron-4-Lantern"

ASCII = st.characters(min_codepoint=0x21, max_codepoint=0x7E)
WORDS = st.text(st.characters(min_codepoint=0x61, max_codepoint=0x7A), min_size=1, max_size=12)

# What the format below makes, and nothing that was broken on purpose.
WELL_FORMED = re.compile(r"[a-z]+@[a-z]+\.example\.com")

schemathesis.openapi.format("email", st.builds("{}@{}.example.com".format, WORDS, WORDS))
schemathesis.openapi.format("password", st.builds("Zq7!{}Kw9?".format, st.text(ASCII, min_size=4, max_size=40)))
schemathesis.openapi.format("display-name", st.builds("Ada {}".format, WORDS))
schemathesis.openapi.format("reason", st.builds("Because of {}.".format, WORDS))


def call(method, path, **arguments):
    return requests.request(method, f"{API}/{path}", timeout=20, **arguments)


def make_account():
    """An account that the settings make an admin, verified by its mail."""
    body = {"email": EMAIL, "password": PASSWORD, "name": "Ada Lovelace"}
    call("POST", "register", json=body).raise_for_status()
    for _ in range(100):
        mail = requests.get(f"{URL}/_local/mail", params={"to": EMAIL}, timeout=20).text
        # Who verifies the address of an admin sets the password with it.
        if found := re.search(r"drs_[A-Za-z0-9_-]+", mail):
            call("POST", "reset-password", json={"token": found[0], "new_password": PASSWORD}).raise_for_status()
            return
        time.sleep(0.1)
    raise RuntimeError("no verification mail came")


make_account()


@schemathesis.auth(refresh_interval=None)
class SignedIn:
    """An access token that is good now: what is tried ends sessions and rotates keys."""

    token = None

    def get(self, case, context):
        if self.token is None or call("GET", "me", headers=self.header()).status_code != 200:
            answer = call("POST", "login", json={"email": EMAIL, "password": PASSWORD})
            answer.raise_for_status()
            self.token = answer.json()["access_token"]
        return self.token

    def set(self, case, data, context):
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}

    def header(self):
        return {"Authorization": f"Bearer {self.token}"}


REFRESH_TOKEN = {"refresh_token": "$response.body#/refresh_token"}
# What may be done next with an answer. Links are not in the description: they stop a popular generator of clients.
LINKS = {
    "auth-login": [("auth-refresh", "requestBody", REFRESH_TOKEN), ("auth-logout", "requestBody", REFRESH_TOKEN)],
    "auth-refresh": [("auth-refresh", "requestBody", REFRESH_TOKEN), ("auth-logout", "requestBody", REFRESH_TOKEN)],
    "auth-change-password": [("auth-refresh", "requestBody", REFRESH_TOKEN)],
    "sessions-list": [("sessions-revoke", "parameters", {"id": "$response.body#/sessions/0/id"})],
    "admin-find-users": [("admin-unlock-user", "parameters", {"id": "$response.body#/users/0/id"})],
}


@schemathesis.hook
def before_load_schema(context, raw_schema):
    for path in raw_schema["paths"].values():
        for operation in path.values():
            links = LINKS.get(operation["operationId"], [])
            made = {target: {"operationId": target, kind: value} for target, kind, value in links}
            if made:
                operation["responses"]["200"]["links"] = made


@schemathesis.hook
def map_body(context, body):
    """Credentials cannot be guessed: every other well-formed login has those that there are."""
    operation = context.operation.definition.raw.get("operationId")
    if operation == "auth-login" and isinstance(body, dict) and body.keys() == {"email", "password"}:
        email, password = body["email"], body["password"]
        well_formed = isinstance(email, str) and WELL_FORMED.fullmatch(email) and isinstance(password, str)
        if well_formed and len(password) <= 1024 and len(email) % 2:
            return {"email": EMAIL, "password": PASSWORD}
    return body
