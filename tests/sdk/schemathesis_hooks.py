"""Who schemathesis is: a program with an API key, and in the account's operations a person, anew whenever a case has ended their
session or account. What it generates is left alone, but that people know their own passwords."""

import os

import requests
import schemathesis

ENDPOINT, KEY = os.environ["SESSIOND_ENDPOINT"], {"X-Appwrite-Key": os.environ["SESSIOND_KEY"]}
PASSWORD, OTHER_PASSWORD = "a few words in a row", "seven brave otters juggle"
ACCOUNT = "^/v1/account"
OPEN = "^(createAccount|createEmailPasswordSession|createSession)$"


class Person:
    """Whoever is signed in at the moment."""

    number = 0
    email = secret = None

    @classmethod
    def session(cls):
        if not cls.secret or requests.get(f"{ENDPOINT}/account", headers={"X-Appwrite-Session": cls.secret}, timeout=30).status_code != 200:
            cls.number += 1
            cls.email = f"person-{cls.number}@schemathesis.example"
            cls.post("/account", {"userId": "unique()", "email": cls.email, "password": PASSWORD})
            cls.secret = cls.post("/account/sessions/email", {"email": cls.email, "password": PASSWORD})["secret"]
        return cls.secret

    @staticmethod
    def post(path, body):
        answer = requests.post(ENDPOINT + path, json=body, headers=KEY, timeout=30)
        assert answer.status_code == 201, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()


@schemathesis.auth(refresh_interval=None).apply_to(path_regex=ACCOUNT).skip_for(operation_id_regex=OPEN)
class Session:
    def get(self, case, context):
        return Person.session()

    def set(self, case, data, context):
        case.headers["X-Appwrite-Session"] = data


@schemathesis.auth(refresh_interval=None).skip_for(path_regex=ACCOUNT)
class Key:
    def get(self, case, context):
        return KEY["X-Appwrite-Key"]

    def set(self, case, data, context):
        case.headers["X-Appwrite-Key"] = data


@schemathesis.hook
def before_call(context, case, kwargs):
    """A valid request of somebody who knows their password has it right: else these operations would never succeed."""
    known = {
        "createEmailPasswordSession": {"password": PASSWORD},
        "updateAccountEmail": {"password": PASSWORD},
        "updateAccountPassword": {"oldPassword": PASSWORD, "password": OTHER_PASSWORD},
    }.get(case.operation.definition.raw.get("operationId"))
    if known and case.meta and case.meta.generation.mode.is_positive and isinstance(case.body, dict):
        Person.session()
        case.body = {**case.body, **known}
        if "createEmailPasswordSession" == case.operation.definition.raw["operationId"]:
            case.body["email"] = Person.email
