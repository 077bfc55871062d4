"""The main path with PyPI's `appwrite`, just as it is installed. Tells what it has checked, and ends at the first difference."""

import os
import sys

from appwrite.client import Client
from appwrite.exception import AppwriteException
from appwrite.id import ID
from appwrite.query import Query
from appwrite.services.account import Account
from appwrite.services.users import Users

ENDPOINT, KEY = os.environ["SESSIOND_ENDPOINT"], os.environ["SESSIOND_KEY"]
PASSWORD, OTHER_PASSWORD = "a few words in a row", "seven brave otters juggle"
UNKNOWN_SESSION = "01890000-0000-7000-8000-000000000000"


def same(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what}: {got!r}, not {wanted!r}")
    print("ok:", what)


def true(what, held):
    same(what, bool(held), True)


def refused(what, code, kind, call, *words, **named):
    try:
        got = call(*words, **named)
    except AppwriteException as error:
        true(f"{what}: the error has a message", error.message)
        same(f"{what}: refused", (error.code, error.type), (code, kind))
    else:
        sys.exit(f"{what}: {got!r}, not refused with {code} {kind}")


def guest():
    return Client().set_endpoint(ENDPOINT).set_project("default")


def with_key(key=KEY):
    return guest().set_key(key)


def signed_in(secret):
    return Account(guest().set_session(secret))


def sign_in(email, password=PASSWORD):
    """A server that signs people in has a key: only then is the secret told."""
    return Account(with_key()).create_email_password_session(email, password)


def is_signed_out(what, account):
    refused(what, 401, "general_unauthorized_scope", account.get)


def sign_up():
    anybody = Account(guest())
    user = anybody.create(ID.unique(), "Grace@Example.com", PASSWORD, "Grace Hopper")
    same("create: the particulars", (user.name, user.email, user.status, user.labels), ("Grace Hopper", "grace@example.com", True, []))
    same("create: no preferences, no targets", (user.prefs.data, user.targets), ({}, []))
    refused("create: the address is taken", 409, "user_already_exists", anybody.create, ID.unique(), "grace@example.com", PASSWORD)
    refused("create: a short password", 400, "general_argument_invalid", anybody.create, ID.unique(), "x@example.com", "short")
    is_signed_out("create: signs nobody in", anybody)
    return user


def sessions(user, other):
    wrong = "wrong words in a row"
    refused("sign in: wrong password", 401, "user_invalid_credentials", sign_in, user.email, wrong)
    refused("sign in: unknown address", 401, "user_invalid_credentials", sign_in, "nobody@example.com", wrong)
    untold = Account(guest()).create_email_password_session(user.email, PASSWORD)
    same("sign in: without a key, no secret", untold.secret, "")
    session = sign_in(user.email)
    true("sign in: with a key, a secret", session.secret)
    same("sign in: the session", (session.userid, session.provider, session.provideruid, session.factors), (user.id, "email", user.email, ["password"]))
    account = signed_in(session.secret)
    same("get", account.get().id, user.id)

    listed = account.list_sessions()
    same("list: all, oldest first", [one.id for one in listed.sessions], [untold.id, session.id])
    same("list: total, current, no secrets", (listed.total, [(one.current, one.secret) for one in listed.sessions]), (2, [(False, ""), (True, "")]))
    same("get session: current", account.get_session("current").id, session.id)
    found = account.get_session(untold.id)
    same("get session: by id", (found.id, found.current), (untold.id, False))
    refused("get session: somebody else's", 404, "user_session_not_found", account.get_session, other.id)
    refused("get session: unknown", 404, "user_session_not_found", account.get_session, UNKNOWN_SESSION)
    renewed = account.update_session("current")
    true("renew: not shorter", renewed.expire >= session.expire)
    same("renew: the same session", renewed.id, session.id)

    refused("delete: somebody else's", 404, "user_session_not_found", account.delete_session, other.id)
    account.delete_session(untold.id)
    same("delete: by id", [one.id for one in account.list_sessions().sessions], [session.id])
    refused("delete: again", 404, "user_session_not_found", account.delete_session, untold.id)
    account.delete_session("current")
    is_signed_out("delete: current", account)

    first, second = signed_in(sign_in(user.email).secret), signed_in(sign_in(user.email).secret)
    second.delete_sessions(current=False)
    same("delete all others: keeps this one", second.list_sessions().total, 1)
    is_signed_out("delete all others: ends the others", first)
    second.delete_sessions()
    is_signed_out("delete all", second)


def particulars(user):
    account = signed_in(sign_in(user.email).secret)
    same("preferences: empty", account.get_prefs().data, {})
    prefs = {"theme": "dark", "size": 12, "nested": {"list": [1, None, "x"]}}
    same("preferences: replaced", account.update_prefs(prefs).prefs.data, prefs)
    same("preferences: kept", account.get_prefs().data, prefs)
    same("name", account.update_name("Rear Admiral Hopper").name, "Rear Admiral Hopper")
    refused("address: wrong password", 401, "user_invalid_credentials", account.update_email, "hopper@example.com", "wrong words in a row")
    same("address", account.update_email("hopper@example.com", PASSWORD).email, "hopper@example.com")
    other = signed_in(sign_in("hopper@example.com").secret)
    refused("password: wrong old one", 401, "user_invalid_credentials", account.update_password, OTHER_PASSWORD, "wrong words in a row")
    same("password", account.update_password(OTHER_PASSWORD, PASSWORD).id, user.id)
    same("password: this session goes on", account.get().id, user.id)
    is_signed_out("password: the others end", other)
    refused("password: the old one is over", 401, "user_invalid_credentials", sign_in, "hopper@example.com", PASSWORD)
    same("status: blocks oneself", account.update_status().status, False)
    is_signed_out("status: ends the session", account)
    refused("status: blocked", 403, "user_blocked", sign_in, "hopper@example.com", OTHER_PASSWORD)
    refused("status: told only after the right password", 401, "user_invalid_credentials", sign_in, "hopper@example.com", PASSWORD)


def listing(users):
    for name in ("one", "two", "three"):
        users.create(f"list-{name}", f"{name}@list.example", None, PASSWORD, f"Listed {name}")
    whole = users.list()
    same("list: total", whole.total, len(whole.users))
    ids = [user.id for user in whole.users]
    page = users.list([Query.limit(2)])
    same("list: limit", ([user.id for user in page.users], page.total), (ids[:2], whole.total))
    same("list: offset", [user.id for user in users.list([Query.limit(2), Query.offset(1)]).users], ids[1:3])
    same("list: cursor after", [user.id for user in users.list([Query.limit(2), Query.cursor_after(ids[1])]).users], ids[2:4])
    same("list: cursor before", [user.id for user in users.list([Query.limit(2), Query.cursor_before(ids[3])]).users], ids[1:3])
    same("list: newest first", [user.id for user in users.list([Query.order_desc("$createdAt")]).users], ids[::-1])
    same("list: equal", [user.id for user in users.list([Query.equal("email", "two@list.example")]).users], ["list-two"])
    either = users.list([Query.equal("email", ["one@list.example", "two@list.example"])])
    same("list: equal to any", ([user.id for user in either.users], either.total), (["list-one", "list-two"], 2))
    found = users.list(search="Listed th")
    same("list: search", ([user.id for user in found.users], found.total), (["list-three"], 1))
    same("list: no total", users.list(total=False).total, 0)
    refused("list: unknown cursor", 400, "general_cursor_not_found", users.list, [Query.cursor_after("nobody")])
    refused("list: a query that is none", 400, "general_argument_invalid", users.list, ["limit(2)"])
    refused("list: an unknown attribute", 400, "general_argument_invalid", users.list, [Query.equal("shoeSize", 43)])


def administer(users):
    user = users.create("linus", "linus@example.com", None, PASSWORD, "Linus")
    same("get", (users.get("linus").id, users.get("linus").email), (user.id, "linus@example.com"))
    refused("get: unknown", 404, "user_not_found", users.get, "nobody")
    refused("create: the id is taken", 409, "user_already_exists", users.create, "linus", "l@example.com", None, PASSWORD)
    same("labels: no doubles", sorted(users.update_labels("linus", ["staff", "beta", "staff"]).labels), ["beta", "staff"])
    same("verification", users.update_email_verification("linus", True).emailverification, True)
    same("preferences", (users.update_prefs("linus", {"a": 1}).data, users.get_prefs("linus").data), ({"a": 1}, {"a": 1}))
    same("name", users.update_name("linus", "Linus T").name, "Linus T")
    same("address", users.update_email("linus", "torvalds@example.com").email, "torvalds@example.com")
    users.update_password("linus", OTHER_PASSWORD)
    true("password", sign_in("torvalds@example.com", OTHER_PASSWORD).secret)
    users.delete_sessions("linus")

    session = users.create_session("linus")
    same("create session", (session.userid, session.provider, session.current), ("linus", "server", False))
    account = signed_in(session.secret)
    same("create session: it opens", account.get().id, "linus")
    listed = users.list_sessions("linus")
    same("list sessions", (listed.total, [(one.id, one.secret, one.current) for one in listed.sessions]), (1, [(session.id, "", False)]))
    refused("delete session: of somebody else", 404, "user_session_not_found", users.delete_session, "list-one", session.id)
    users.delete_session("linus", session.id)
    is_signed_out("delete session", account)
    refused("delete session: again", 404, "user_session_not_found", users.delete_session, "linus", session.id)
    both = [signed_in(users.create_session("linus").secret) for _ in range(2)]
    users.delete_sessions("linus")
    for account in both:
        is_signed_out("delete sessions", account)

    token = users.create_token("linus", length=32, expire=60)
    same("token: its length", len(token.secret), 32)
    exchanged = Account(with_key()).create_session("linus", token.secret)
    same("token: exchanged", (exchanged.provider, signed_in(exchanged.secret).get().id), ("token", "linus"))
    refused("token: once", 401, "user_invalid_token", Account(with_key()).create_session, "linus", token.secret)
    refused("jwt", 501, "general_not_implemented", users.create_jwt, "linus")

    account = signed_in(exchanged.secret)
    same("block", users.update_status("linus", False).status, False)
    is_signed_out("block: ends the sessions", account)
    refused("block: no sign-in", 403, "user_blocked", sign_in, "torvalds@example.com", OTHER_PASSWORD)
    same("unblock", users.update_status("linus", True).status, True)
    is_signed_out("unblock: does not bring them back", account)
    account = signed_in(users.create_session("linus").secret)
    users.delete("linus")
    is_signed_out("delete: ends the sessions", account)
    refused("delete: gone", 404, "user_not_found", users.get, "linus")


def errors():
    refused("no session", 401, "general_unauthorized_scope", Account(guest()).get)
    refused("a key has no account", 401, "general_unauthorized_scope", Account(with_key()).get)
    refused("no key", 401, "general_unauthorized_scope", Users(guest()).list)
    refused("a wrong key", 401, "general_unauthorized_scope", Users(with_key(KEY[:-4] + "AAAA")).list)
    refused("a credential that is none", 401, "general_unauthorized_scope", signed_in("nonsense").get)
    refused("unknown project", 404, "project_not_found", Account(guest().set_project("other")).get)
    refused("unknown route", 404, "general_route_not_found", guest().call, "get", "/nonsense")


def main():
    true("ping", guest().call("get", "/ping"))
    users = Users(with_key())
    users.create("bystander", "bystander@example.com", None, PASSWORD, "By Stander")
    other = users.create_session("bystander")
    user = sign_up()
    sessions(user, other)
    particulars(user)
    listing(users)
    administer(users)
    errors()
    same("the bystander was left alone", signed_in(other.secret).get().id, "bystander")


main()
