//! `session.clear()` of Flask.

use super::{Client, EMAIL, Live, PASSWORD, Server, USER, application, file, sessions};
use crate::process::form;
use crate::sdk::python;

fn started(live: &Live) -> Server {
    let app = file("flask/app.py");
    let words = ["-m", "flask", "--app", app.as_str(), "run", "--port", "0"];
    application(live, &python(), &words, "Running on http://127.0.0.1:")
}

fn typed(password: &str) -> String {
    form("", &[("email", EMAIL), ("password", password)])
}

#[track_caller]
fn signed_in(browser: &mut Client) {
    let answer = browser.send("POST", "/login", &typed(PASSWORD));
    assert_eq!((answer.status, answer.location()), (302, "/"), "{}", answer.body);
    let start = browser.get("/");
    assert!(start.status == 200 && start.body.contains("Hello, grace."), "{start:?}");
}

#[track_caller]
fn assert_signed_out(browser: &mut Client) {
    let answer = browser.get("/");
    assert_eq!((answer.status, answer.location()), (302, "/login"), "{}", answer.body);
}

#[test]
fn clearing_the_session_of_flask_ends_it_everywhere() {
    let live = Live::start();
    live.user(USER, PASSWORD);
    let app = started(&live);
    let mut browser = app.client();
    assert_signed_out(&mut browser);
    let refused = browser.send("POST", "/login", &typed("wrong words in a row"));
    assert!(refused.status == 401 && refused.body.contains("Wrong e-mail address or password."), "{refused:?}");
    assert_signed_out(&mut browser);

    let answer = browser.send("POST", "/login", &typed(PASSWORD));
    let cookies: Vec<_> = answer.cookies().collect();
    assert_eq!(cookies.len(), 1, "{answer:?}");
    assert!(cookies[0].starts_with("__Host-flask="), "{cookies:?}");
    for flag in ["; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/"] {
        assert!(cookies[0].contains(flag), "{flag} of {cookies:?}");
    }
    signed_in(&mut browser);
    assert_eq!(sessions(&live), 1, "whoever signs in again has one session");

    // What somebody has copied from the browser.
    let mut copy = browser.clone();
    let out = browser.send("POST", "/logout", "");
    assert_eq!((out.status, out.location()), (302, "/login"), "{}", out.body);
    assert_eq!(sessions(&live), 0);
    assert_signed_out(&mut browser);
    assert_signed_out(&mut copy);
    let again = browser.send("POST", "/logout", "");
    assert_eq!((again.status, again.location()), (302, "/login"), "nobody is signed in, and that is no error");
}

#[test]
fn an_administrator_ends_a_session_of_flask() {
    let live = Live::start();
    live.user(USER, PASSWORD);
    let app = started(&live);
    let mut browser = app.client();
    signed_in(&mut browser);
    live.revoke(USER);
    assert_signed_out(&mut browser);
    signed_in(&mut browser);
}

#[test]
fn flask_signs_nobody_in_or_out_while_sessiond_is_down() {
    let live = Live::start();
    live.user(USER, PASSWORD);
    let app = started(&live);
    let mut browser = app.client();
    signed_in(&mut browser);
    let down = live.down();
    for (method, path, body) in
        [("GET", "/", ""), ("POST", "/logout", ""), ("POST", "/login", typed(PASSWORD).as_str())]
    {
        let answer = browser.send(method, path, body);
        assert!(answer.status == 503 && answer.body.contains("nothing has changed"), "{method} {path}: {answer:?}");
    }
    let live = down.up();
    let start = browser.get("/");
    assert!(start.status == 200 && start.body.contains("Hello, grace."), "{start:?}");
    assert_eq!(sessions(&live), 1);
}
