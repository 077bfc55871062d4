//! What a program shows the API, and which of it counts.

use std::time::Duration;

use serde_json::json;
use sessiond::domain::ending::Actor;
use sessiond::service::sessions::Order;

use super::api::{ADA, App, fails, key, told};
use crate::harness::{Answer, PASSWORD, Server};

on_both_stores! {
    a_session_is_shown_in_a_cookie_or_in_one_of_two_headers,
    asvs_7_4_1_what_has_ended_is_turned_away_at_every_door,
    asvs_7_4_1_a_key_that_is_revoked_opens_nothing_from_the_next_request_on,
}

const GUEST: &str = "general_unauthorized_scope";

/// A fresh session's credential, and its id.
async fn secret(server: &Server, email: &str) -> (String, String) {
    server.create(email, &[]).await;
    let session = told(App::keyed(server, "sessions.write").await.signs_in(email, PASSWORD).await.is(201));
    let text = |field: &str| session[field].as_str().expect("a text").to_owned();
    (text("secret"), text("$id"))
}

/// Every way to show it.
fn ways<'s>(server: &'s Server, secret: &str) -> [App<'s>; 3] {
    let app = App::new(server);
    [
        app.clone().with("Cookie", &format!("sessiond={secret}")),
        app.clone().with("X-Appwrite-Session", secret),
        app.with("Authorization", &format!("Bearer {secret}")),
    ]
}

#[track_caller]
fn is_session(answer: &Answer, id: &str) {
    assert_eq!(told(answer.is(200))["$id"], id, "{}", answer.shown());
}

async fn a_session_is_shown_in_a_cookie_or_in_one_of_two_headers(server: Server) {
    let (shown, id) = secret(&server, ADA).await;
    for app in ways(&server, &shown) {
        is_session(&app.get("/account/sessions/current").await, &id);
    }
    let bearer = App::new(&server).with("Authorization", &format!("bearer {shown}"));
    is_session(&bearer.get("/account/sessions/current").await, &id);
    // The same one twice is one.
    let [cookie, ..] = ways(&server, &shown);
    let twice = cookie.with("X-Appwrite-Session", &shown).with("Authorization", &format!("Bearer {shown}"));
    is_session(&twice.get("/account/sessions/current").await, &id);
    for (name, value) in [
        ("X-Appwrite-Session", ""),
        ("X-Appwrite-Session", "nothing"),
        ("Authorization", "Basic YTpi"),
        ("Authorization", "Bearer"),
        ("Authorization", "Bearer nothing"),
        ("Cookie", "sessiond=nothing"),
        ("Cookie", "a_session_default=nothing"),
        ("X-Fallback-Cookies", "{\"a_session_default\":\"x\"}"),
    ] {
        fails(&App::new(&server).with(name, value).get("/account").await, 401, GUEST, "Sign in first");
        // Beside a live one it is nothing.
        let [_, header, _] = ways(&server, &shown);
        if name != "X-Appwrite-Session" {
            is_session(&header.with(name, value).get("/account/sessions/current").await, &id);
        }
    }
    fails(&App::new(&server).get("/account").await, 401, GUEST, "Sign in first");
}

#[tokio::test]
async fn asvs_7_2_1_of_two_live_sessions_neither_counts() {
    let server = Server::start().await;
    let ((one, _), (other, _)) = (secret(&server, ADA).await, secret(&server, "bob@example.com").await);
    for app in ways(&server, &one) {
        for (name, value) in [("X-Appwrite-Session", other.clone()), ("Authorization", format!("Bearer {other}"))] {
            let app = app.clone().with(name, &value);
            fails(&app.get("/account").await, 401, GUEST, "two sessions");
            fails(&app.delete("/account/sessions").await, 401, GUEST, "two sessions");
            app.get("/ping").await.is(200);
        }
    }
    for app in ways(&server, &one).into_iter().chain(ways(&server, &other)) {
        app.get("/account").await.is(200);
    }
    // The cookie twice: which of them is meant nobody can tell.
    let cookies = App::new(&server).with("Cookie", &format!("sessiond={one}; sessiond={other}"));
    fails(&cookies.get("/account").await, 401, GUEST, "");
}

#[tokio::test]
async fn asvs_7_4_1_a_live_session_counts_beside_one_that_is_past() {
    let server = Server::start().await;
    let ((one, id), (dead, _)) = (secret(&server, ADA).await, secret(&server, ADA).await);
    let [_, app, _] = ways(&server, &dead);
    app.delete("/account/sessions/current").await.is(204);
    let [cookie, header, bearer] = ways(&server, &dead);
    for (name, app) in [("X-Appwrite-Session", cookie), ("Authorization", header), ("Cookie", bearer)] {
        let value = match name {
            "Authorization" => format!("Bearer {one}"),
            "Cookie" => format!("sessiond={one}"),
            _ => one.clone(),
        };
        is_session(&app.with(name, &value).get("/account/sessions/current").await, &id);
    }
}

async fn asvs_7_4_1_what_has_ended_is_turned_away_at_every_door(server: Server) {
    let (shown, _) = secret(&server, ADA).await;
    let ada = told(ways(&server, &shown)[1].get("/account").await.is(200))["$id"].as_str().expect("an id").to_owned();
    let app = App::keyed(&server, "all").await;
    app.delete(&format!("/users/{ada}/sessions")).await.is(204);
    let [cookie, header, bearer] = ways(&server, &shown);
    for (app, by_cookie) in [(&cookie, true), (&header, false), (&bearer, false)] {
        for path in ["/account", "/account/sessions", "/account/sessions/current", "/users", "/nothing"] {
            let answer = app.get(path).await;
            fails(&answer, 401, GUEST, "revoked");
            let expired = answer.cookie("sessiond").is_some_and(|cookie| cookie.expires());
            assert_eq!(expired, by_cookie, "{}", answer.shown());
        }
        // Where one signs in it counts as none.
        app.signs_in(ADA, PASSWORD).await.is(201);
        app.get("/ping").await.is(200);
        // With a key it is nothing, since a key takes the place of whoever is signed in.
        let (_, key) = key(&server, "all").await;
        app.clone().with("X-Appwrite-Key", &key).get("/users").await.is(200);
    }
    server.pass(Duration::from_hours(48));
    let (shown, _) = secret(&server, ADA).await;
    server.pass(Duration::from_hours(2));
    for app in ways(&server, &shown) {
        fails(&app.get("/account").await, 401, GUEST, "run out");
    }
}

#[tokio::test]
async fn a_key_has_no_account_and_takes_the_place_of_a_session() {
    let server = Server::start().await;
    let (shown, _) = secret(&server, ADA).await;
    let (_, key) = key(&server, "all").await;
    for app in ways(&server, &shown) {
        let both = app.with("X-Appwrite-Key", &key);
        fails(&both.get("/account").await, 401, GUEST, "no account");
        both.get("/users").await.is(200);
    }
    let bearer = App::new(&server).with("Authorization", &format!("Bearer {key}"));
    bearer.get("/users").await.is(200);
    bearer.clone().with("X-Appwrite-Key", &key).get("/users").await.is(200);
    let another = super::api::key(&server, "all").await.1;
    fails(&bearer.with("X-Appwrite-Key", &another).get("/users").await, 401, GUEST, "no API key");
    let doubled = App::new(&server).with("X-Appwrite-Key", &key).with("X-Appwrite-Key", &another);
    fails(&doubled.get("/users").await, 401, GUEST, "no API key");
    for wrong in ["nothing", "sessiond_", &key[..68], &key.to_uppercase(), &format!("{}{}", &key[..26], &another[26..])]
    {
        let answer = App::new(&server).with("X-Appwrite-Key", wrong).get("/users").await;
        fails(&answer, 401, GUEST, "no API key");
        // Nor does it open what needs no key.
        let sign_in = App::new(&server).with("X-Appwrite-Key", wrong).signs_in(ADA, PASSWORD).await;
        fails(&sign_in, 401, GUEST, "no API key");
    }
    let empty = App::new(&server).with("X-Appwrite-Key", "");
    fails(&empty.get("/users").await, 401, GUEST, "This is for API keys");
    // A key that may not begin sessions gets no secret.
    let reads = App::keyed(&server, "users.read").await;
    fails(&reads.signs_in(ADA, PASSWORD).await, 401, GUEST, "sessions.write");
}

async fn asvs_7_4_1_a_key_that_is_revoked_opens_nothing_from_the_next_request_on(server: Server) {
    let (id, key) = key(&server, "all").await;
    let app = App::new(&server).with("X-Appwrite-Key", &key);
    app.get("/users").await.is(200);
    let order = Order { by: Actor::Operator, note: None, from: None };
    server.service.revoke_key(id, &order).await.expect("revoked");
    fails(&app.get("/users").await, 401, GUEST, "revoked");
    fails(&app.post("/users", json!({})).await, 401, GUEST, "revoked");
    fails(&app.get("/account").await, 401, GUEST, "no account");
}

#[tokio::test]
async fn a_token_that_would_prove_itself_opens_nothing() {
    let server = Server::start().await;
    let (shown, id) = secret(&server, ADA).await;
    let jwt = App::new(&server).with("X-Appwrite-JWT", "eyJhbGciOiJIUzI1NiJ9.e30.x");
    fails(&jwt.get("/account").await, 401, "user_jwt_invalid", "JWT");
    is_session(&jwt.with("X-Appwrite-Session", &shown).get("/account/sessions/current").await, &id);
    let app = App::new(&server).with("X-Appwrite-Session", &shown);
    fails(&app.post("/account/jwts", json!({})).await, 501, "general_not_implemented", "JWT");
}
