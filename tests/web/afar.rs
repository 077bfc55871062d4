//! Commands from afar: what an API key opens, and what nothing else does.

use std::time::Duration;

use rocket::http::Method;
use serde_json::{Value, json};
use sessiond::domain::audit::{Action, Event};
use sessiond::domain::ending::{Actor, Note};
use sessiond::domain::id::KeyId;
use sessiond::service::keys::NewKey;
use sessiond::service::sessions::Order;

use super::gate::{METHODS, ended};
use crate::harness::{Answer, Ask, Server};

on_both_stores! {
    asvs_8_2_1_a_key_opens_what_its_scopes_say_and_nothing_else,
    asvs_7_4_1_a_revoked_key_is_refused_from_the_next_request_on,
}

const ADA: &str = "ada@example.com";
const ROOT: &str = "root@example.com";

async fn key_for(server: &Server, scopes: &str, lifetime: Option<Duration>) -> (KeyId, String) {
    let new = NewKey { name: "a program".to_owned(), scopes: scopes.to_owned(), lifetime, from: None };
    let (key, credential) = server.service.create_key(new, Actor::Operator).await.expect("a key");
    (key.id, credential.expose())
}

async fn key(server: &Server, scopes: &str) -> String {
    key_for(server, scopes, None).await.1
}

fn command(name: &str, text: &Value) -> Ask {
    Ask::post(format!("/operator/{name}")).body("application/json", text.to_string())
}

fn list() -> Ask {
    command("session-list", &json!({ "user": "", "typed": {} }))
}

fn everyone() -> Ask {
    command("session-revoke", &json!({ "Everyone": { "reason": "test" } }))
}

async fn send(server: &Server, key: &str, ask: Ask) -> Answer {
    let ask = ask.header("Authorization", format!("Bearer {key}")).header("Host", "127.0.0.1:8000");
    server.send(ask, [198, 51, 100, 7].into()).await
}

/// What was done; what was refused has a test of its own.
async fn events(server: &Server) -> Vec<Event> {
    let all = server.service.store().events(None, 1_000).await.expect("the audit log");
    all.into_iter().filter(|event| event.draft.action != Action::Request).collect()
}

#[track_caller]
fn is_refused(answer: &Answer, code: &str, challenge: &str) {
    answer.is(401);
    let body: Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!((&body["type"], &body["code"]), (&code.into(), &401.into()), "{}", answer.shown());
    let told = answer.header("www-authenticate").unwrap_or_default();
    assert_eq!(told, format!("Bearer realm=\"sessiond\"{challenge}"), "{}", answer.shown());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.cookies().is_empty(), "{}", answer.shown());
}

const INVALID: &str = ", error=\"invalid_token\"";

async fn asvs_8_2_1_a_key_opens_what_its_scopes_say_and_nothing_else(server: Server) {
    let (ada, _root) = (server.user(ADA).await, server.administrator(ROOT).await);
    let (id, reads) = key_for(&server, "sessions.read", None).await;
    let answer = send(&server, &reads, list()).await;
    let listed: Value = serde_json::from_str(&answer.is(200).body).expect("JSON");
    assert_eq!(listed["rows"].as_array().map(Vec::len), Some(2), "{listed}");
    assert_eq!(answer.header("content-type"), Some("application/json"));

    let before = events(&server).await.len();
    let refused = [
        (everyone(), "sessions.write"),
        (command("session-revoke/dry-run", &json!({ "Everyone": { "reason": "" } })), "sessions.write"),
        (command("user-change", &json!({ "user": ADA, "change": "Block", "reason": "" })), "users.write"),
        (command("key-list", &json!(null)), "users.read"),
        (command("key-revoke", &json!({ "id": id.to_string(), "reason": "" })), "users.write"),
    ];
    for (ask, scope) in refused {
        let answer = send(&server, &reads, ask).await;
        let challenge = format!(", error=\"insufficient_scope\", scope=\"{scope}\"");
        is_refused(&answer, "general_unauthorized_scope", &challenge);
    }
    assert_eq!(events(&server).await.len(), before);
    assert!(ada.is_signed_in().await);

    // Writing does not include reading.
    let (id, writes) = key_for(&server, "sessions.write", None).await;
    send(&server, &writes, list()).await.is(401);
    let answer = send(&server, &writes, everyone()).await;
    assert_eq!(answer.is(200).body, "{\"All\":2}");
    assert!(!ada.is_signed_in().await);
    let event = events(&server).await.remove(0);
    assert_eq!((event.draft.action, &event.draft.actor), (Action::EndEveryonesSessions, &Actor::Key(id)));
    assert_eq!(event.draft.from, Some([198, 51, 100, 7].into()));
    assert_eq!(event.draft.note.as_ref().map(Note::as_str), Some("test"));
}

async fn asvs_7_4_1_a_revoked_key_is_refused_from_the_next_request_on(server: Server) {
    let ada = server.user(ADA).await;
    let (id, key) = key_for(&server, "all", None).await;
    send(&server, &key, list()).await.is(200);
    let order = Order { by: Actor::Operator, note: None, from: None };
    server.service.revoke_key(id, &order).await.expect("revoked");
    for ask in [list(), everyone(), command("nothing", &json!({}))] {
        is_refused(&send(&server, &key, ask).await, "key_revoked", INVALID);
    }
    assert!(ada.is_signed_in().await);

    let (_, key) = key_for(&server, "all", Some(Duration::from_mins(1))).await;
    server.pass(Duration::from_millis(59_999));
    send(&server, &key, list()).await.is(200);
    server.pass(Duration::from_millis(1));
    is_refused(&send(&server, &key, list()).await, "key_expired", INVALID);
    // A key can revoke itself, or whichever has leaked.
    let (id, key) = key_for(&server, "users.write", None).await;
    let revoke = || command("key-revoke", &json!({ "id": id.to_string(), "reason": "leaked" }));
    assert_eq!(send(&server, &key, revoke()).await.is(200).body, "{\"now\":true}");
    is_refused(&send(&server, &key, revoke()).await, "key_revoked", INVALID);
}

#[tokio::test]
async fn what_the_holder_of_a_key_was_refused_is_one_event_for_a_burst() {
    let server = Server::start().await;
    let (reads, (id, key)) = (key(&server, "sessions.read").await, key_for(&server, "all", None).await);
    let order = Order { by: Actor::Operator, note: None, from: None };
    server.service.revoke_key(id, &order).await.expect("revoked");
    for _ in 0..5 {
        send(&server, &reads, everyone()).await.is(401);
        send(&server, &key, everyone()).await.is(401);
        send(&server, &format!("{}{}", &key[..26], &reads[26..]), everyone()).await.is(401);
    }
    let all = server.service.store().events(None, 1_000).await.expect("the audit log");
    let refused: Vec<_> = all.iter().filter(|event| event.draft.action == Action::Request).collect();
    assert_eq!(refused.len(), 2, "{refused:?}");
    assert_eq!(refused[0].draft.actor, Actor::Key(id));
    assert_eq!(refused[0].draft.from, Some([198, 51, 100, 7].into()));
    let detail = refused[0].draft.detail.as_ref().map_or("", |detail| detail.as_str());
    assert!(detail.starts_with("POST /operator/session-revoke: with an API key that is revoked"), "{detail}");
}

#[tokio::test]
async fn asvs_6_3_8_an_unknown_key_and_a_wrong_secret_get_the_same_answer_and_never_basic() {
    let server = Server::start().await;
    let ada = server.user(ADA).await;
    let (key, other) = (key(&server, "all").await, key(&server, "all").await);
    let answer = server.send(list().header("Host", "127.0.0.1:8000"), [198, 51, 100, 7].into()).await;
    is_refused(&answer, "key_missing", "");
    let wrong_secret = format!("{}{}", &key[..26], &other[26..]);
    let unknown = format!("{}0000000000000000{}", &key[..9], &key[25..]);
    let mut answers = Vec::new();
    for wrong in [&wrong_secret, &unknown, &key[..68], &key.to_uppercase(), "", "x", &format!("{key}, Bearer {other}")]
    {
        let answer = send(&server, wrong, list()).await;
        is_refused(&answer, "key_unknown", INVALID);
        answers.push((answer.headers, answer.body));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    for value in [format!("Basic {key}"), key.clone(), format!("Bearer{key}"), String::new()] {
        let ask = list().header("Authorization", value).header("Host", "127.0.0.1:8000");
        is_refused(&server.send(ask, [198, 51, 100, 7].into()).await, "key_unknown", INVALID);
    }
    let twice = list().header("Authorization", format!("Bearer {key}"));
    is_refused(&send(&server, &other, twice).await, "key_unknown", INVALID);
    // In the address it is nothing, and whoever has no key learns not even which commands there are.
    let ask = Ask::post(format!("/operator/nothing?key={key}")).header("Host", "127.0.0.1:8000");
    is_refused(&server.send(ask, [198, 51, 100, 7].into()).await, "key_missing", "");
    send(&server, &key, list()).await.is(200);
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn asvs_3_5_1_a_key_is_no_way_around_the_forms_token_and_a_session_none_around_the_key() {
    let server = Server::start().await;
    let ada = server.user(ADA).await;
    let mut root = server.administrator(ROOT).await;
    let key = key(&server, "all").await;
    let bearer = format!("Bearer {key}");
    let before = events(&server).await.len();
    // With an administrator's cookie beside it the request is judged like any other: this one says nowhere from where it is.
    for ask in [everyone().header("Authorization", &bearer), everyone()] {
        let ask = Ask { headers: [ask.headers, vec![]].concat(), ..ask };
        root.send(ask.clone()).await.is(403);
        root.send(ask.header("Sec-Fetch-Site", "cross-site").header("Origin", "https://evil.example")).await.is(403);
    }
    // From our own page it passes, and the session alone opens nothing.
    is_refused(&root.send(everyone().header("Sec-Fetch-Site", "same-origin")).await, "key_missing", "");
    let token = root.open("/account").await.form("/logout").field("csrf").unwrap_or_default().to_owned();
    let form = Ask::post("/operator/session-revoke").form([("csrf", token.as_str()), ("Everyone", "")]);
    is_refused(&root.send(form).await, "key_missing", "");
    // Without a cookie, but by a browser on somebody else's page.
    for (name, value) in [("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site"), ("Origin", "null")] {
        send(&server, &key, everyone().header(name, value)).await.is(403);
    }
    // And nowhere else does the header stand for a token.
    for path in ["/probe/change", "/logout", "/login", "/admin/sessions/everyone", "/operator", "/operators/x"] {
        let ask = Ask::post(path).form([("scope", "all")]).header("Authorization", &bearer);
        root.send(ask).await.is(403);
    }
    assert_eq!((server.probe.ran(), events(&server).await.len()), (0, before));
    assert!(ada.is_signed_in().await && root.is_signed_in().await);
    // A browser that asks whether it may is told nothing.
    let asks = Ask::new(Method::Options, "/operator/session-revoke").header("Origin", "https://evil.example");
    let asks = asks.header("Access-Control-Request-Headers", "authorization");
    let answer = send(&server, &key, asks.header("Access-Control-Request-Method", "POST")).await;
    assert!(answer.status.code >= 400, "{}", answer.shown());
    assert!(!answer.headers.iter().any(|(name, _)| name.to_lowercase().starts_with("access-control")));
}

#[tokio::test]
async fn asvs_7_4_1_an_ended_session_is_turned_away_with_a_good_key_beside_it() {
    let server = Server::start().await;
    let mut ada = ended(&server).await;
    let ask = everyone().header("Authorization", format!("Bearer {}", key(&server, "all").await));
    let answer = ada.send(ask.header("Sec-Fetch-Site", "same-origin")).await;
    answer.is(401);
    assert!(answer.body.contains("session_ended"), "{}", answer.shown());
}

#[tokio::test]
async fn what_concerns_the_machine_is_not_to_be_had_from_afar() {
    let server = Server::start().await;
    let key = key(&server, "all").await;
    for name in ["backup", "restore", "check", "compact", "key-create", "key-create/dry-run"] {
        let text = json!({ "name": "another", "scopes": "all", "lifetime": null });
        let answer = send(&server, &key, command(name, &text)).await;
        assert!(answer.is(403).body.contains("general_access_forbidden"), "{}", answer.shown());
    }
    assert_eq!(server.service.keys().await.expect("keys").len(), 1);
    let answer = send(&server, &key, command("nothing", &json!({}))).await;
    assert!(answer.is(404).body.contains("general_route_not_found"), "{}", answer.shown());
    for method in METHODS.into_iter().filter(|method| *method != Method::Post) {
        let answer = send(&server, &key, Ask::new(method, "/operator/session-list").json()).await;
        assert!(matches!(answer.status.code, 404 | 405), "{}", answer.shown());
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_told_and_does_nothing() {
    let server = Server::start().await;
    let ada = server.user(ADA).await;
    let key = key(&server, "all").await;
    let long = json!({ "Everyone": { "reason": "x".repeat(64 << 10) } });
    for text in ["", "{", "null", "{\"Everyone\":{}}", "{\"Everybody\":{\"reason\":\"\"}}", &long.to_string()] {
        let ask = Ask::post("/operator/session-revoke").body("application/json", text);
        let answer = send(&server, &key, ask).await;
        let told: Value = serde_json::from_str(&answer.is(422).body).expect("JSON");
        assert_eq!(told["usage"], true, "{told}");
    }
    let answer = send(&server, &key, command("session-list/dry-run", &json!({ "user": "", "typed": {} }))).await;
    answer.is(422);
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn asvs_16_5_3_without_the_store_no_key_opens_anything() {
    let server = Server::start().await;
    let key = key(&server, "all").await;
    server.faults().fail(true);
    let answer = send(&server, &key, list()).await;
    assert_eq!(answer.is(503).header("retry-after"), Some("1"));
    server.faults().fail(false);
    send(&server, &key, list()).await.is(200);
}
