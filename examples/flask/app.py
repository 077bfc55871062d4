"""A Flask application whose sessions sessiond keeps: `session.clear()` ends the session for good, everywhere."""

import os

import requests
from flask import Flask, abort, g, redirect, render_template_string, request, session, url_for
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

API, KEY = os.environ["SESSIOND_URL"] + "/v1", os.environ["SESSIOND_KEY"]
PAGE = """<!doctype html><title>Flask and sessiond</title>
{% if g.user %}<p>Hello, {{ g.user.name }}.</p><form method="post" action="/logout"><button>Sign out</button></form>
{% else %}<p role="alert">{{ told }}</p><form method="post"><label>E-mail <input name="email" type="email" required></label>
<label>Password <input name="password" type="password" required></label><button>Sign in</button></form>{% endif %}"""


def ask(method, path, headers, body=None):
    """sessiond's answer, or `None` if it says no. Whatever else happens decides nothing: 503, and the cookie stays."""
    try:
        answer = requests.request(method, API + path, headers=headers, json=body, timeout=5, allow_redirects=False)
    except requests.RequestException:
        abort(503, "The sign-in service cannot be reached; nothing has changed. Please try again.")
    if answer.status_code in (401, 403):
        return None
    if not 200 <= answer.status_code < 300:
        abort(answer.status_code if answer.status_code in (400, 429) else 503)
    return answer.json() if answer.content else {}


class Session(SecureCookieSession):
    def clear(self):
        # First there, then here: whoever is told that they are signed out must be.
        if "secret" in self:
            ask("DELETE", "/account/sessions/current", {"X-Appwrite-Session": self["secret"]})
        super().clear()


app = Flask(__name__)
app.session_interface = SecureCookieSessionInterface()
app.session_interface.session_class = Session
# HttpOnly is Flask's default. Browsers take a `Secure` cookie from http://localhost, too.
COOKIE = {"SESSION_COOKIE_NAME": "__Host-flask", "SESSION_COOKIE_SECURE": True, "SESSION_COOKIE_SAMESITE": "Lax"}
app.config.update(COOKIE, SECRET_KEY=os.environ["SECRET_KEY"])


@app.before_request
def check():
    # Forms of other sites must neither sign anybody out nor in as somebody else.
    if request.method == "POST" and request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        abort(403)
    g.user = None
    if "secret" in session:
        g.user = ask("GET", "/account", {"X-Appwrite-Session": session["secret"]})
    if g.user is None and request.endpoint not in ("login", "logout"):
        return redirect(url_for("login"))


@app.get("/")
def start():
    return render_template_string(PAGE)


@app.route("/login", methods=["GET", "POST"])
def login():
    told, status = "", 200
    if request.method == "POST":
        headers = {"X-Appwrite-Key": KEY, "X-Forwarded-User-Agent": request.headers.get("User-Agent", "")}
        typed = {name: request.form[name] for name in ("email", "password")}
        if opened := ask("POST", "/account/sessions/email", headers, typed):
            session.clear()
            session["secret"] = opened["secret"]
            return redirect(url_for("start"))
        told, status = "Wrong e-mail address or password.", 401
    return render_template_string(PAGE, told=told), status


@app.post("/logout")
def logout():
    session.clear()
    return redirect(url_for("login"))
