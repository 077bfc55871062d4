"""Who schemathesis is: a program with an API key, and in the account's operations a person, anew whenever a case has ended their
session or account. What it generates is left alone, but that people know their own passwords and tokens."""

import os
import uuid

import requests
import schemathesis

ENDPOINT, KEY = os.environ["SESSIOND_ENDPOINT"], {"X-Appwrite-Key": os.environ["SESSIOND_KEY"]}
PASSWORD, OTHER_PASSWORD = "a few words in a row", "seven brave otters juggle"
ACCOUNT = "^/v1/account"
OPEN = "^(createAccount|createEmailPasswordSession|createSession)$"


def post(path, body):
    answer = requests.post(ENDPOINT + path, json=body, headers=KEY, timeout=60)
    assert answer.status_code == 201, f"{path}: {answer.status_code} {answer.text}"
    return answer.json()


class Person:
    """Whoever is signed in at the moment."""

    id = email = secret = None

    @classmethod
    def is_signed_in(cls):
        headers = {"X-Appwrite-Session": cls.secret}
        return cls.secret and requests.get(f"{ENDPOINT}/account", headers=headers, timeout=60).status_code == 200

    @classmethod
    def here(cls):
        if not cls.is_signed_in():
            cls.email = f"{uuid.uuid4().hex}@schemathesis.example"
            cls.id = post("/account", {"userId": "unique()", "email": cls.email, "password": PASSWORD})["$id"]
            cls.secret = post("/account/sessions/email", {"email": cls.email, "password": PASSWORD})["secret"]
        return cls


@schemathesis.auth(refresh_interval=None).apply_to(path_regex=ACCOUNT).skip_for(operation_id_regex=OPEN)
class Session:
    def get(self, case, context):
        return Person.here().secret

    def set(self, case, data, context):
        case.headers["X-Appwrite-Session"] = data


@schemathesis.auth(refresh_interval=None).skip_for(path_regex=ACCOUNT)
class Key:
    def get(self, case, context):
        return KEY["X-Appwrite-Key"]

    def set(self, case, data, context):
        case.headers["X-Appwrite-Key"] = data


def password_sign_in():
    return {"email": Person.here().email, "password": PASSWORD}


def token_sign_in():
    token = post(f"/users/{Person.here().id}/tokens", {})
    return {"userId": token["userId"], "secret": token["secret"]}


# What somebody sends who knows what they are doing: else these operations would never succeed.
KNOWN = {
    "createEmailPasswordSession": password_sign_in,
    "createSession": token_sign_in,
    "updateAccountEmail": lambda: {"password": PASSWORD},
    "updateAccountPassword": lambda: {"oldPassword": PASSWORD, "password": OTHER_PASSWORD},
}
# In chains, what is created must be there.
CREATED = {"createUser": lambda: {"userId": "unique()", "email": f"{uuid.uuid4().hex}@schemathesis.example", "password": PASSWORD}}


@schemathesis.hook
def before_call(context, case, kwargs):
    operation, meta = case.operation.definition.raw.get("operationId"), case.meta
    if meta and meta.generation.mode.is_positive and isinstance(case.body, dict):
        known = KNOWN.get(operation) or (meta.phase.name.value == "stateful" and CREATED.get(operation))
        if known:
            case.body = {**case.body, **known()}


ended = set()


@schemathesis.hook
def after_call(context, case, response):
    """Notes what became of a session after it was deleted."""
    operation = case.operation.definition.raw.get("operationId", "")
    session = (case.path_parameters or {}).get("sessionId", "current")
    if session in ended:
        with open("after-delete", "a") as told:
            told.write(f"{operation} {response.status_code}\n")
    elif session != "current" and operation.startswith("delete") and response.status_code == 204:
        ended.add(session)
