"""A Streamlit application whose sessions sessiond keeps, in place of a token in the browser's local storage.

    SESSIOND_URL=http://127.0.0.1:8000 streamlit run app.py

The browser's cookie is sessiond's own, so both are on one host (ports do not matter), and no script ever sees a secret.
"""

import os

import requests
import streamlit as st

SESSIOND = os.environ["SESSIOND_URL"]
COOKIE = os.environ.get("SESSIOND_COOKIE", "__Host-sessiond")


class Unanswered(Exception):
    """sessiond said neither yes nor no: nobody is signed in or out by that."""


def ask(method, path):
    """sessiond's answer, or `None` if it says no: the session has ended, has expired or never was."""
    secret = st.context.cookies.get(COOKIE)
    if not secret:
        return None
    headers = {"X-Appwrite-Session": secret}
    try:
        answer = requests.request(method, f"{SESSIOND}/v1{path}", headers=headers, timeout=5, allow_redirects=False)
    except requests.RequestException as error:
        raise Unanswered("The sign-in service cannot be reached.") from error
    if answer.status_code == 401:
        return None
    if not 200 <= answer.status_code < 300:
        raise Unanswered(f"The sign-in service answered {answer.status_code}.")
    return answer.json() if answer.content else {}


def sign_out():
    # A callback: it runs before the script does, so that the script runs once and sees what came of it.
    try:
        ask("DELETE", "/account/sessions/current")
    except Unanswered as error:
        st.session_state.told = f"{error} You may still be signed in; please try again."


def require_user():
    """Who is signed in, asked anew at each run; the script goes no further without."""
    try:
        user = ask("GET", "/account")
    except Unanswered as error:
        # Fails closed without signing anybody out. No `st.rerun()`: it would ask again and again by itself.
        st.error(f"{error} You are not signed out; try again in a moment.")
        st.button("Try again", key="try-again")
        st.stop()
    if user is None:
        # Local copies of what only that person may see.
        st.session_state.clear()
        st.info("You are signed out.")
        # In this tab: the cookies are those of the page's connection, and coming back makes a new one.
        st.markdown(f'<a href="{SESSIOND}/login" target="_self">Sign in</a>', unsafe_allow_html=True)
        st.stop()
    return user


user = require_user()
st.title("Reports")
st.write(f"Hello, {user['name']}.")
if told := st.session_state.pop("told", None):
    st.error(told)
st.button("Sign out", key="sign-out", on_click=sign_out)
st.button("Look again", key="look-again")
