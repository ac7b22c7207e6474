"""The README's flow through a Python client that OpenAPI Generator has made of the description.

The client checks every answer against the description: a pattern or a type that is not true stops it.
"""

import os
import re
import time
import urllib.parse
import urllib.request
import uuid

import openapi_client as api

URL = os.environ["URL"]
EMAIL = f"python-{uuid.uuid4()}@example.com"
PASSWORD = "Correct-Horse-7-Battery"


def client(access_token: str | None = None) -> api.ApiClient:
    return api.ApiClient(api.Configuration(host=URL, access_token=access_token))


def mailed(prefix: str) -> str:
    """The token of the newest email with this prefix; the mailer runs beside the service."""
    query = urllib.parse.urlencode({"to": EMAIL})
    for _ in range(100):
        with urllib.request.urlopen(f"{URL}/_local/mail?{query}") as answer:
            found = re.search(prefix + r"[A-Za-z0-9_-]+", answer.read().decode())
        if found:
            return found.group()
        time.sleep(0.1)
    raise SystemExit(f"no email with {prefix} arrived")


def refused(step: str, code: str, call) -> None:
    """The problem document of an error is read into its own class."""
    try:
        call()
    except api.ApiException as error:
        if getattr(error.data, "code", None) != code:
            raise
        print(step)
    else:
        raise SystemExit(f"{step}: not refused")


anonymous = api.AccountsApi(client())
anonymous.auth_register(api.AuthRegisterInput(email=EMAIL, password=PASSWORD, name="Ada"))
print("register")
credentials = api.AuthLoginInput(email=EMAIL, password=PASSWORD)
refused("unverified", "email_not_verified", lambda: anonymous.auth_login(credentials))
anonymous.auth_verify_email(api.AuthVerifyEmailInput(token=mailed("dvt_")))
print("verify")
weak = api.AuthRegisterInput(email=EMAIL, password="password", name="Ada")
refused("weak password", "validation_failed", lambda: anonymous.auth_register(weak))

tokens = anonymous.auth_login(credentials)
assert tokens.user.email == EMAIL and tokens.token_type == "bearer"
print("login")
account = api.AccountsApi(client(tokens.access_token)).auth_me()
assert account.email_verified and account.role == "user" and account.created_at.tzinfo
print("me")

fresh = anonymous.auth_refresh(api.AuthRefreshInput(refresh_token=tokens.refresh_token))
assert fresh.refresh_token != tokens.refresh_token
print("refresh")
signed_in = client(fresh.access_token)
sessions = api.SessionsApi(signed_in).sessions_list()
assert sessions.total_count == 1 and sessions.sessions[0].is_current
print("sessions")
activity = api.AccountsApi(signed_in).auth_activity(limit=5)
assert any(event.action == "auth.login" for event in activity.events)
print("activity")
keys = api.MetadataApi(client()).well_known_jwks()
assert all(key.alg == "ES256" for key in keys.keys)
print("keys")

anonymous.auth_logout(auth_logout_input=api.AuthLogoutInput(refresh_token=fresh.refresh_token))
print("logout")
refused("signed out", "session_revoked", lambda: api.AccountsApi(signed_in).auth_me())
