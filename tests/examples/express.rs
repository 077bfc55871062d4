//! `DELETE /logout` of Express.

use serde_json::json;
use tempfile::TempDir;

use super::{Client, EMAIL, Live, PASSWORD, Server, USER, application, sessions};
use crate::sdk::{beside_packages, command};

fn started(live: &Live) -> (Server, TempDir) {
    let (folder, app) = beside_packages("examples/express/app.mjs");
    let app = format!("PORT=0 exec '{}' '{}'", command("node").display(), app.display());
    (application(live, "/bin/sh".as_ref(), &["-c", &app], "listens on http://127.0.0.1:"), folder)
}

#[track_caller]
fn signed_in(browser: &mut Client) {
    let typed = json!({ "email": EMAIL, "password": PASSWORD });
    let answer = browser.send_json("POST", "/login", &typed);
    assert_eq!(answer.status, 204, "{answer:?}");
    for flag in ["__Host-express=", "; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/"] {
        assert!(answer.cookies().all(|cookie| cookie.contains(flag)), "{flag} of {answer:?}");
    }
    let me = browser.get("/me");
    assert!(me.status == 200 && me.body.contains("grace"), "{me:?}");
}

#[track_caller]
fn assert_signed_out(browser: &mut Client) {
    let answer = browser.get("/me");
    assert!(answer.status == 401 && answer.body.contains("Sign in first."), "{answer:?}");
}

#[test]
fn delete_logout_of_express_ends_the_session_everywhere() {
    let live = Live::start();
    live.user(USER, PASSWORD);
    let (app, _folder) = started(&live);
    let mut browser = app.client();
    assert_signed_out(&mut browser);
    let wrong = browser.send_json("POST", "/login", &json!({ "email": EMAIL, "password": "wrong words in a row" }));
    assert!(wrong.status == 401 && wrong.cookies().next().is_none(), "{wrong:?}");
    assert_eq!(browser.send("DELETE", "/logout", "").status, 204, "no session is no error");
    signed_in(&mut browser);
    let (mut copy, mut late) = (browser.clone(), browser.clone());
    assert_eq!(browser.send("DELETE", "/logout", "").status, 204);
    assert_eq!(sessions(&live), 0);
    assert_signed_out(&mut browser);
    assert_signed_out(&mut copy);
    assert_eq!(late.send("DELETE", "/logout", "").status, 204, "an ended session is no error");
}

#[test]
fn an_administrator_ends_a_session_of_express() {
    let live = Live::start();
    live.user(USER, PASSWORD);
    let (app, _folder) = started(&live);
    let mut browser = app.client();
    signed_in(&mut browser);
    live.revoke(USER);
    assert_signed_out(&mut browser);
    signed_in(&mut browser);
}

#[test]
fn express_tells_that_it_could_not_sign_out() {
    let live = Live::start();
    live.user(USER, PASSWORD);
    let (app, _folder) = started(&live);
    let mut browser = app.client();
    signed_in(&mut browser);
    let down = live.down();
    for (method, path) in [("DELETE", "/logout"), ("GET", "/me")] {
        let answer = browser.send(method, path, "");
        assert!(answer.status == 503 && answer.body.contains("nothing has changed"), "{method}: {answer:?}");
        assert_eq!(answer.cookies().next(), None, "the cookie stays");
    }
    let live = down.up();
    assert_eq!(browser.get("/me").status, 200);
    assert_eq!(browser.send("DELETE", "/logout", "").status, 204);
    assert_eq!(sessions(&live), 0);
}
