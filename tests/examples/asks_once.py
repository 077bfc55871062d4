"""Runs the Streamlit example with Streamlit's own harness and counts what it asks of sessiond: once in each run, whatever the
answer, so that nothing makes it run again and again by itself."""

import sys
from types import SimpleNamespace
from unittest.mock import patch

import requests
from streamlit.testing.v1 import AppTest

COOKIES = SimpleNamespace(cookies={"__Host-sessiond": "a secret"})


def run(what, outcome, asked, shown):
    def answer(method, url, **_):
        calls.append((method, url.rpartition("/v1")[2]))
        if isinstance(outcome, Exception):
            raise outcome
        status, body = outcome
        return SimpleNamespace(status_code=status, content=b"x" if body else b"", json=lambda: body)

    calls = []
    with patch("requests.request", answer), patch("streamlit.context", COOKIES):
        test = AppTest.from_file(sys.argv[1], default_timeout=60).run()
    if test.exception:
        sys.exit(f"{what}: {test.exception[0].value}")
    if calls != asked:
        sys.exit(f"{what}: asked {calls}, not {asked}")
    texts = [element.value for element in [*test.markdown, *test.info, *test.error]]
    if not any(shown in text for text in texts):
        sys.exit(f"{what}: shows {texts}, not {shown!r}")
    print("ok:", what)


ONCE = [("GET", "/account")]
run("signed in", (200, {"name": "Grace"}), ONCE, "Hello, Grace.")
run("ended or expired", (401, {"type": "general_unauthorized_scope"}), ONCE, "You are signed out.")
run("down for a moment", (503, {}), ONCE, "You are not signed out")
run("an error", (500, {}), ONCE, "You are not signed out")
run("no answer", requests.ConnectionError("no route"), ONCE, "You are not signed out")
COOKIES.cookies.clear()
run("never signed in", (200, {"name": "Grace"}), [], "You are signed out.")
