//! `/v1/users`: what applications do with everybody's accounts.

use std::time::Duration;

use rocket::http::Method;
use serde_json::json;
use sessiond::domain::audit::{Action, Outcome};
use sessiond::domain::ending::Actor;
use sessiond::domain::user::Label;

use super::api::{ADA, App, ROOT, fails, ids, key, told};
use crate::harness::{Ask, PASSWORD, Server};

on_both_stores! {
    users_are_created_seen_changed_and_deleted,
    asvs_7_4_2_who_is_blocked_is_signed_out_for_good_and_let_in_by_nobody,
    asvs_7_4_1_sessions_of_users_are_listed_begun_and_ended,
    the_last_administrator_stays,
    asvs_8_2_1_each_operation_asks_for_its_scope,
    asvs_8_2_1_a_key_that_makes_no_administrators_lets_nobody_in_as_one,
}

const TIME: &str = "2026-01-02T03:04:05.678+00:00";
const FIREFOX: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0";

async fn users_are_created_seen_changed_and_deleted(server: Server) {
    let app = App::keyed(&server, "users.read,users.write").await;
    let new = json!({ "userId": "ada", "email": "Ada@Example.com", "password": PASSWORD, "name": "Ada" });
    let created = app.post("/users", new).await;
    let expected = json!({
        "$id": "ada", "$createdAt": TIME, "$updatedAt": TIME, "name": "Ada", "registration": TIME, "status": true,
        "labels": [], "passwordUpdate": TIME, "email": ADA, "phone": "", "emailVerification": false,
        "phoneVerification": false, "mfa": false, "prefs": {}, "targets": [], "accessedAt": "",
    });
    assert_eq!(told(created.is(201)), expected);
    assert_eq!(created.header("location"), Some("/v1/users/ada"));
    assert_eq!(told(app.get("/users/ada").await.is(200)), expected);
    assert_eq!(told(app.get("/users/%61da").await.is(200)), expected, "percent-encoded");

    server.pass(Duration::from_secs(1));
    for (path, body, field) in [
        ("/users/ada/name", json!({ "name": "Countess" }), "name"),
        ("/users/ada/name", json!({ "name": "" }), "name"),
        ("/users/ada/email", json!({ "email": "countess@example.com" }), "email"),
        ("/users/ada/verification", json!({ "emailVerification": true }), "emailVerification"),
        ("/users/ada/status", json!({ "status": false }), "status"),
        ("/users/ada/status", json!({ "status": true }), "status"),
    ] {
        let changed = told(app.patch(path, body.clone()).await.is(200));
        assert_eq!(changed[field], body[field], "{path}");
        assert_eq!(changed["$updatedAt"], "2026-01-02T03:04:06.678+00:00", "{path}");
        assert_eq!(told(app.patch(path, body).await.is(200)), changed, "again: nothing is to be changed");
        assert_eq!(told(app.get("/users/ada").await.is(200)), changed);
    }
    let labels = app.put("/users/ada/labels", json!({ "labels": ["writer", "Editor", "writer"] })).await;
    assert_eq!(told(labels.is(200))["labels"], json!(["Editor", "writer"]));
    let labels = app.put("/users/ada/labels", json!({ "labels": [] })).await;
    assert_eq!(told(labels.is(200))["labels"], json!([]));

    let prefs = json!({ "theme": "dark", "deep": { "a": [1, null, 1e300] } });
    let answer = app.patch("/users/ada/prefs", json!({ "prefs": prefs })).await;
    assert_eq!(told(app.get("/users/ada").await.is(200))["prefs"], prefs);
    // Preferences alone, and not a user. A null in them is theirs.
    let answer: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(answer, prefs);
    app.patch("/users/ada/prefs", json!({ "prefs": {} })).await.is(200);
    assert_eq!(told(app.get("/users/ada/prefs").await.is(200)), json!({}));

    let answer = app.patch("/users/ada/password", json!({ "password": "quite another few words" })).await;
    assert_eq!(told(answer.is(200))["passwordUpdate"], "2026-01-02T03:04:06.678+00:00");
    server.anonymous().sign_in("countess@example.com", "quite another few words").await.goes_to("/account");

    app.delete("/users/ada").await.is(204);
    for (method, path, body) in [
        (Method::Get, "/users/ada", json!({})),
        (Method::Delete, "/users/ada", json!({})),
        (Method::Patch, "/users/ada/status", json!({ "status": true })),
        (Method::Patch, "/users/ada/password", json!({ "password": PASSWORD })),
        (Method::Patch, "/users/ada/name", json!({ "name": "Ada" })),
        (Method::Patch, "/users/ada/email", json!({ "email": ADA })),
        (Method::Patch, "/users/ada/verification", json!({ "emailVerification": true })),
        (Method::Get, "/users/ada/prefs", json!({})),
        (Method::Patch, "/users/ada/prefs", json!({ "prefs": {} })),
        (Method::Put, "/users/ada/labels", json!({ "labels": [] })),
    ] {
        fails(&app.ask(method, path, &body).await, 404, "user_not_found", "");
    }
}

#[tokio::test]
async fn ids_and_addresses_are_taken_once_and_both_may_be_left_to_the_server() {
    let server = Server::start().await;
    let app = App::keyed(&server, "users.write").await;
    let fresh = told(app.created("unique()", ADA).await.is(201));
    assert_eq!(fresh["$id"].as_str().map(str::len), Some(20));
    assert_eq!(fresh["name"], "");
    fails(&app.created("unique()", "ADA@example.com").await, 409, "user_already_exists", "address");
    app.created("bob", "bob@example.com").await.is(201);
    fails(&app.created("bob", "other@example.com").await, 409, "user_already_exists", "this id");
    app.delete("/users/bob").await.is(204);
    let taken = json!({ "email": ADA });
    app.created("carol", "carol@example.com").await.is(201);
    fails(&app.patch("/users/carol/email", taken).await, 409, "user_email_already_exists", "");
    // Nobody knows the password of somebody who got none.
    server.anonymous().sign_in("carol@example.com", "").await.is(401);
}

impl App<'_> {
    async fn created(&self, id: &str, email: &str) -> crate::harness::Answer {
        self.post("/users", json!({ "userId": id, "email": email, "phone": "", "password": null, "name": null })).await
    }
}

#[tokio::test]
async fn what_is_outside_its_schema_is_named_and_does_nothing() {
    let server = Server::start().await;
    let app = App::keyed(&server, "all").await;
    app.created("ada", ADA).await.is(201);
    let before = server.service.store().events(None, 1_000).await.expect("events").len();
    let post = |body| (Method::Post, "/users", body);
    let patch = |path, body| (Method::Patch, path, body);
    let many: Vec<_> = (0..101).map(|number| format!("l{number}")).collect();
    for ((method, path, body), part) in [
        (post(json!({ "userId": "bob" })), "Param \"email\" is not optional."),
        (post(json!({ "email": "bob@x" })), "Param \"userId\" is not optional."),
        (post(json!({ "userId": ".bob", "email": "bob@x" })), "`userId`"),
        (post(json!({ "userId": "x".repeat(37), "email": "bob@x" })), "`userId`"),
        (post(json!({ "userId": null, "email": "bob@x" })), "`userId`"),
        (post(json!({ "userId": "bob", "email": "bob" })), "`email`"),
        (post(json!({ "userId": "bob", "email": " bob@x" })), "`email`"),
        (post(json!({ "userId": "bob", "email": "bób@x" })), "`email`"),
        (post(json!({ "userId": "bob", "email": "bob@x", "phone": "+4912345" })), "`phone`"),
        (post(json!({ "userId": "bob", "email": "bob@x", "password": "short" })), "`password`"),
        (post(json!({ "userId": "bob", "email": "bob@x", "password": "a".repeat(15) })), "`password`"),
        (post(json!({ "userId": "bob", "email": "bob@x", "password": "x".repeat(257) })), "`password`"),
        (post(json!({ "userId": "bob", "email": "bob@x", "name": "a\nb" })), "`name`"),
        (post(json!({ "userId": "bob", "email": "bob@x", "name": "x".repeat(129) })), "`name`"),
        (post(json!({ "userId": "bob", "email": "bob@x", "labels": [] })), "`labels`"),
        (patch("/users/ada/status", json!({ "status": "true" })), "`status`"),
        (patch("/users/ada/status", json!({})), "\"status\""),
        (patch("/users/ada/password", json!({ "password": "short" })), "`password`"),
        (patch("/users/ada/password", json!({ "password": "ada@example.com" })), "`password`"),
        (patch("/users/ada/email", json!({ "email": "" })), "`email`"),
        (patch("/users/ada/name", json!({ "name": null })), "`name`"),
        (patch("/users/ada/verification", json!({ "emailVerification": 1 })), "`emailVerification`"),
        (patch("/users/ada/prefs", json!({ "prefs": [] })), "`prefs`"),
        (patch("/users/ada/prefs", json!({ "prefs": { "a": "x".repeat(16 << 10) } })), "`prefs`"),
        ((Method::Put, "/users/ada/labels", json!({ "labels": ["ok", "not ok"] })), "`labels[1]`"),
        ((Method::Put, "/users/ada/labels", json!({ "labels": ["x".repeat(37)] })), "`labels[0]`"),
        ((Method::Put, "/users/ada/labels", json!({ "labels": many })), "`labels`"),
        ((Method::Post, "/users/ada/tokens", json!({ "length": 3 })), "`length`"),
        ((Method::Post, "/users/ada/tokens", json!({ "length": 129 })), "`length`"),
        ((Method::Post, "/users/ada/tokens", json!({ "length": 6.5 })), "`length`"),
        ((Method::Post, "/users/ada/tokens", json!({ "expire": 59 })), "`expire`"),
        ((Method::Post, "/users/ada/tokens", json!({ "expire": 2_592_001 })), "`expire`"),
        ((Method::Post, "/users/ada/tokens", json!({ "expire": -60 })), "`expire`"),
        ((Method::Post, "/users/ada/tokens", json!({ "expire": "60" })), "`expire`"),
        ((Method::Get, "/users/-ada", json!({})), "`userId`"),
        ((Method::Get, "/users/a%20b", json!({})), "`userId`"),
        ((Method::Delete, "/users/ada/sessions/a%20b", json!({})), "`sessionId`"),
        ((Method::Get, "/users?total=1", json!({})), "`total`"),
        ((Method::Get, "/users?total=", json!({})), "`total`"),
        ((Method::Get, "/users?total=true&total=true", json!({})), "`total`"),
        ((Method::Get, "/users?limit=5", json!({})), "`limit`"),
        ((Method::Get, "/users/ada/sessions?total=null", json!({})), "`total`"),
    ] {
        let answer = app.ask(method, path, &body).await;
        fails(&answer, 400, "general_argument_invalid", part);
    }
    assert_eq!(server.service.store().events(None, 1_000).await.expect("events").len(), before);
    let longest = "x".repeat(257);
    fails(&app.get(&format!("/users?search={longest}")).await, 400, "general_argument_invalid", "`search`");
    // At the edge of what is allowed.
    for body in [
        json!({ "length": 4, "expire": 60 }),
        json!({ "length": 128.0, "expire": 2_592_000 }),
        json!({ "length": null }),
    ] {
        app.post("/users/ada/tokens", body).await.is(201);
    }
    let exact: Vec<_> = (0..100).map(|number| format!("l{number}")).collect();
    app.put("/users/ada/labels", json!({ "labels": exact })).await.is(200);
}

async fn asvs_7_4_2_who_is_blocked_is_signed_out_for_good_and_let_in_by_nobody(server: Server) {
    let app = App::keyed(&server, "all").await;
    let mut ada = server.user(ADA).await;
    let own = App::signed_in(&server, ADA).await;
    let id = told(own.get("/account").await.is(200))["$id"].as_str().expect("an id").to_owned();
    let status = format!("/users/{id}/status");
    assert_eq!(told(app.patch(&status, json!({ "status": false })).await.is(200))["status"], false);
    assert!(!ada.is_signed_in().await);
    fails(&own.get("/account").await, 401, "general_unauthorized_scope", "");
    ada.open("/account").await.says("blocked");
    fails(&app.post(&format!("/users/{id}/sessions"), json!({})).await, 403, "user_blocked", "");
    fails(&app.post(&format!("/users/{id}/tokens"), json!({})).await, 403, "user_blocked", "");
    fails(&App::new(&server).signs_in(ADA, PASSWORD).await, 403, "user_blocked", "");
    fails(&App::new(&server).signs_in(ADA, "not the right words").await, 401, "user_invalid_credentials", "");
    app.patch(&status, json!({ "status": true })).await.is(200);
    fails(&own.get("/account").await, 401, "general_unauthorized_scope", "");
    assert!(!ada.is_signed_in().await, "unblocking brings nothing back");
    App::new(&server).signs_in(ADA, PASSWORD).await.is(201);
}

async fn asvs_7_4_1_sessions_of_users_are_listed_begun_and_ended(server: Server) {
    let (id, secret) = key(&server, "all").await;
    let app = App::new(&server).with("X-Appwrite-Key", &secret);
    app.created("ada", ADA).await.is(201);
    app.created("bob", "bob@example.com").await.is(201);
    let begun = app.clone().with("X-Forwarded-User-Agent", FIREFOX).post("/users/ada/sessions", json!({})).await;
    let session = told(begun.is(201));
    assert!(begun.cookies().is_empty(), "{}", begun.shown());
    for (field, value) in [
        ("provider", json!("server")),
        ("factors", json!(["server"])),
        ("current", json!(false)),
        ("userId", json!("ada")),
        ("clientCode", json!("FF")),
        ("osCode", json!("WIN")),
        ("ip", json!("198.51.100.7")),
        ("$createdAt", json!(TIME)),
        ("providerUid", json!("")),
        ("mfaUpdatedAt", json!("")),
    ] {
        assert_eq!(session[field], value, "{field}");
    }
    let own = App::new(&server).with("X-Appwrite-Session", session["secret"].as_str().expect("a secret"));
    assert_eq!(told(own.get("/account").await.is(200))["$id"], "ada");

    server.pass(Duration::from_secs(1));
    let second = told(app.post("/users/ada/sessions", json!({})).await.is(201));
    let listed = app.get("/users/ada/sessions").await;
    let expected = [&session, &second].map(|one| one["$id"].as_str().expect("an id").to_owned());
    assert_eq!(ids(&listed, "sessions"), expected, "the oldest first");
    let body = told(&listed);
    assert_eq!(body["total"], 2);
    assert_eq!(told(app.get("/users/ada/sessions?total=false").await.is(200))["total"], 0);
    for one in body["sessions"].as_array().expect("a list") {
        assert_eq!((&one["secret"], &one["current"]), (&json!(""), &json!(false)));
    }

    let path = |user: &str, session: &serde_json::Value| {
        format!("/users/{user}/sessions/{}", session["$id"].as_str().unwrap_or_default())
    };
    fails(&app.delete(&path("bob", &session)).await, 404, "user_session_not_found", "");
    fails(&app.delete(&path("nobody", &session)).await, 404, "user_not_found", "");
    fails(&app.delete("/users/ada/sessions/nothing").await, 404, "user_session_not_found", "");
    own.get("/account").await.is(200);
    app.delete(&path("ada", &session)).await.is(204);
    fails(&own.get("/account").await, 401, "general_unauthorized_scope", "");
    fails(&app.delete(&path("ada", &session)).await, 404, "user_session_not_found", "");
    let all = server.service.store().events(None, 1_000).await.expect("events");
    let ended = all.iter().find(|event| event.draft.action == Action::EndSession).expect("an event");
    assert_eq!((&ended.draft.actor, ended.draft.ended), (&Actor::Key(id), 1));
    assert_eq!(ended.draft.from, Some([198, 51, 100, 7].into()));

    app.delete("/users/ada/sessions").await.is(204);
    assert_eq!(told(app.get("/users/ada/sessions").await.is(200)), json!({ "total": 0, "sessions": [] }));
    app.delete("/users/ada/sessions").await.is(204);
    for (method, path) in [
        (Method::Get, "/users/nobody/sessions"),
        (Method::Post, "/users/nobody/sessions"),
        (Method::Delete, "/users/nobody/sessions"),
        (Method::Post, "/users/nobody/tokens"),
    ] {
        fails(&app.ask(method, path, &json!({})).await, 404, "user_not_found", "");
    }
    fails(&app.post("/users/ada/jwts", json!({})).await, 501, "general_not_implemented", "JWT");
}

async fn the_last_administrator_stays(server: Server) {
    let app = App::keyed(&server, "all").await;
    let mut root = server.administrator(ROOT).await;
    let id = told(app.get("/users?search=root").await.is(200))["users"][0]["$id"].as_str().expect("an id").to_owned();
    let last = "user_last_administrator";
    fails(&app.patch(&format!("/users/{id}/status"), json!({ "status": false })).await, 409, last, "");
    fails(&app.put(&format!("/users/{id}/labels"), json!({ "labels": ["writer"] })).await, 409, last, "");
    fails(&app.delete(&format!("/users/{id}")).await, 409, last, "");
    assert!(root.is_signed_in().await);
    app.post("/users", json!({ "userId": "ada", "email": ADA, "password": PASSWORD })).await.is(201);
    let ada = App::signed_in(&server, ADA).await;
    app.put("/users/ada/labels", json!({ "labels": ["admin"] })).await.is(200);
    fails(&ada.get("/account").await, 401, "general_unauthorized_scope", "");
    app.put(&format!("/users/{id}/labels"), json!({ "labels": ["writer"] })).await.is(200);
    assert!(!root.is_signed_in().await, "other rights, another session");
    root.open("/account").await.is(200);
    app.delete(&format!("/users/{id}")).await.is(204);
}

/// Every operation on users, and its scope.
const OPERATIONS: [(Method, &str, &str); 18] = [
    (Method::Get, "/users", "users.read"),
    (Method::Post, "/users", "users.write"),
    (Method::Get, "/users/ada", "users.read"),
    (Method::Delete, "/users/ada", "users.write"),
    (Method::Patch, "/users/ada/status", "users.write"),
    (Method::Patch, "/users/ada/password", "users.write"),
    (Method::Patch, "/users/ada/name", "users.write"),
    (Method::Patch, "/users/ada/email", "users.write"),
    (Method::Patch, "/users/ada/verification", "users.write"),
    (Method::Get, "/users/ada/prefs", "users.read"),
    (Method::Patch, "/users/ada/prefs", "users.write"),
    (Method::Put, "/users/ada/labels", "users.write"),
    (Method::Get, "/users/ada/sessions", "sessions.read"),
    (Method::Post, "/users/ada/sessions", "sessions.write"),
    (Method::Delete, "/users/ada/sessions", "sessions.write"),
    (Method::Delete, "/users/ada/sessions/x", "sessions.write"),
    (Method::Post, "/users/ada/tokens", "sessions.write"),
    (Method::Post, "/users/ada/jwts", "sessions.write"),
];

async fn asvs_8_2_1_each_operation_asks_for_its_scope(server: Server) {
    let routes = server.routes();
    let there = routes.iter().filter(|route| route.uri.path().starts_with("/v1/users")).count();
    assert_eq!(there, OPERATIONS.len(), "each operation is tried");
    App::keyed(&server, "users.write").await.created("ada", ADA).await.is(201);
    let own = App::signed_in(&server, ROOT).await;
    let before = server.service.store().events(None, 1_000).await.expect("events").len();
    for (method, path, scope) in OPERATIONS {
        let others = ["users.read", "users.write", "sessions.read", "sessions.write", "audit.read"];
        let others: Vec<_> = others.into_iter().filter(|other| *other != scope).collect();
        let answer = App::keyed(&server, &others.join(",")).await.ask(method, path, &json!({})).await;
        fails(&answer, 401, "general_unauthorized_scope", scope);
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        assert!(challenge.contains(&format!("scope=\"{scope}\"")), "{}", answer.shown());
        // A session, of an administrator even, is no key.
        fails(&own.ask(method, path, &json!({})).await, 401, "general_unauthorized_scope", "API key");
        let nobody = App::new(&server).ask(method, path, &json!({})).await;
        fails(&nobody, 401, "general_unauthorized_scope", "API key");
    }
    let all = server.service.store().events(None, 1_000).await.expect("events");
    let done = all.iter().filter(|event| !matches!(event.draft.action, Action::Request | Action::CreateKey)).count();
    assert_eq!(done + 2, before, "nothing was done");
}

async fn asvs_8_2_1_a_key_that_makes_no_administrators_lets_nobody_in_as_one(server: Server) {
    let root = server.create(ROOT, &[Label::admin()]).await.expect("an administrator").id;
    let ada = server.create(ADA, &[]).await.expect("a user").id;
    let (sessions, tokens) = (format!("/users/{root}/sessions"), format!("/users/{root}/tokens"));
    let app = App::keyed(&server, "sessions.read,sessions.write,users.read,audit.read").await;
    for path in [&sessions, &tokens] {
        fails(&app.post(path, json!({})).await, 401, "general_unauthorized_scope", "users.write");
        let events = server.service.store().events(None, 1).await.expect("events");
        assert_eq!((events[0].draft.outcome, &events[0].draft.user), (Outcome::Denied, &Some(root.clone())));
    }
    assert_eq!(ids(&app.get(&sessions).await, "sessions"), Vec::<String>::new());
    app.post(&format!("/users/{ada}/sessions"), json!({})).await.is(201);
    // Who may make administrators may let them in as well.
    let all = App::keyed(&server, "sessions.write,users.write").await;
    all.post(&sessions, json!({})).await.is(201);
    all.post(&tokens, json!({})).await.is(201);
}

#[tokio::test]
async fn asvs_16_5_3_without_the_store_the_answer_is_503_and_a_failed_write_is_not_done() {
    let server = Server::start().await;
    let app = App::keyed(&server, "all").await;
    app.created("ada", ADA).await.is(201);
    server.faults().fail(true);
    for (method, path, _) in OPERATIONS {
        let answer = app.ask(method, path, &json!({})).await;
        fails(&answer, 503, "general_service_unavailable", "");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    server.faults().fail(false);
    server.faults().fail_writes(true);
    for (method, path, body) in [
        (Method::Post, "/users", json!({ "userId": "bob", "email": "bob@example.com" })),
        (Method::Patch, "/users/ada/status", json!({ "status": false })),
        (Method::Delete, "/users/ada/sessions", json!({})),
        (Method::Post, "/users/ada/sessions", json!({})),
        (Method::Post, "/users/ada/tokens", json!({})),
        (Method::Delete, "/users/ada", json!({})),
    ] {
        fails(&app.ask(method, path, &body).await, 503, "general_service_unavailable", "try again");
    }
    server.faults().fail_writes(false);
    app.send(Ask::get("/v1/users/ada")).await.is(200);
}
