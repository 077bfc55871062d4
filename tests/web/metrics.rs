//! `/metrics`: what happened is what is counted, and nobody is named.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rocket::http::Method;
use serde_json::Value;
use sessiond::domain::change::UserChange;
use sessiond::domain::client::Client;
use sessiond::domain::ending::Actor;
use sessiond::domain::id::{KeyId, UserId};
use sessiond::domain::user::Label;
use sessiond::service::keys::NewKey;
use sessiond::service::sessions::Order;
use sessiond::service::tokens::{Reach, VouchError};

use crate::harness::exposition::Exposition;
use crate::harness::{Answer, Ask, On, PASSWORD, Server};

on_both_stores! {
    every_try_to_sign_in_is_counted_by_how_it_went,
    every_verdict_on_a_credential_is_counted,
    every_order_that_ended_something_is_counted_once,
    live_sessions_are_exact_at_every_scrape,
    asvs_13_4_5_the_metrics_take_a_key_with_their_scope_and_nothing_else,
}

const ADA: &str = "ada@example.com";
const BOB: &str = "bob@example.com";
const ROOT: &str = "root@example.com";
const NEW: &str = "seven brave otters juggle";
const ALL: [&str; 4] = ["/metrics", "/health/live", "/health/ready", "/openapi.json"];

fn order() -> Order {
    Order { by: Actor::Operator, note: None, from: None }
}

async fn key_for(server: &Server, scopes: &str, lifetime: Option<Duration>) -> (KeyId, String) {
    let new = NewKey { name: "a scraper".to_owned(), scopes: scopes.to_owned(), lifetime, from: None };
    let (key, credential) = server.service.create_key(new, Actor::Operator).await.expect("a key");
    (key.id, credential.expose())
}

async fn send(server: &Server, ask: Ask, key: Option<&str>) -> Answer {
    let ask = match key {
        Some(key) => ask.header("Authorization", format!("Bearer {key}")),
        None => ask,
    };
    server.send(ask.header("Host", "127.0.0.1:8000"), [198, 51, 100, 7].into()).await
}

/// What a scraper reads. Its own key is good for this once.
async fn scrape(server: &Server) -> Exposition {
    let (_, key) = key_for(server, "metrics.read", Some(Duration::from_secs(1))).await;
    scrape_with(server, &key).await
}

async fn scrape_with(server: &Server, key: &str) -> Exposition {
    let answer = send(server, Ask::get("/metrics"), Some(key)).await;
    let kind = answer.is(200).header("content-type");
    assert_eq!(kind, Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    Exposition::parse(&answer.body)
}

/// Values of labels, in the order of their names, with a count.
fn expected<const N: usize>(series: &[([&str; N], u64)]) -> BTreeMap<Vec<String>, u64> {
    series.iter().map(|(labels, count)| (labels.map(str::to_owned).to_vec(), *count)).collect()
}

async fn id_of(server: &Server, email: &str) -> UserId {
    server.service.named(email).await.expect("the store answers").expect("there they are").id
}

async fn every_try_to_sign_in_is_counted_by_how_it_went(server: Server) {
    assert_eq!(scrape(&server).await.counted("sessiond_sign_ins"), BTreeMap::new());
    drop((server.user(ADA).await, server.user(ADA).await, server.user(BOB).await));
    server.anonymous().sign_in(ADA, "not the right words").await.is(401);
    server.anonymous().sign_in("nobody@example.com", PASSWORD).await.is(401);
    let ada = id_of(&server, ADA).await;
    server.service.change_user(&ada, UserChange::Block, &order()).await.expect("blocked");
    server.anonymous().sign_in(ADA, PASSWORD).await.is(403);
    server.service.change_user(&ada, UserChange::Unblock, &order()).await.expect("unblocked");

    // A password for one use opens the choice of another, and that a session.
    let user = server.service.named(ADA).await.expect("an answer").expect("a user");
    let (one_time, _) = server.service.reset_password(&user, &order()).await.expect("it is reset");
    let mut person = server.anonymous();
    let there = person.sign_in(ADA, &one_time.secret).await;
    let page = person.follow(there).await;
    let form = page.form("/login/password").fill(&[("new_password", NEW), ("new_password_again", NEW)]);
    person.submit(form).await.goes_to("/account");
    let user = server.service.named(ADA).await.expect("an answer").expect("a user");
    let (one_time, _) = server.service.reset_password(&user, &order()).await.expect("it is reset");
    server.pass(Duration::from_hours(25));
    server.anonymous().sign_in(ADA, &one_time.secret).await;

    // What an application vouches for comes in by another door.
    let client = || Client::new(None, "");
    let bob = id_of(&server, BOB).await;
    server.service.vouch(&bob, client(), &order(), Reach::Everybody).await.expect("a session");
    let nobody = "nobody".parse().expect("an id");
    assert!(matches!(
        server.service.vouch(&nobody, client(), &order(), Reach::Everybody).await,
        Err(VouchError::NoUser)
    ));

    let mut limited = 0;
    while server.anonymous().sign_in("mallory@example.com", PASSWORD).await.status.code != 429 {
        limited += 1;
        assert!(limited < 100);
    }
    assert_eq!(
        scrape(&server).await.counted("sessiond_sign_ins"),
        expected(&[
            (["pages", "success"], 4),
            (["pages", "wrong"], 2 + limited),
            (["pages", "blocked"], 1),
            (["pages", "one-time"], 1),
            (["pages", "one-time-over"], 1),
            (["pages", "limited"], 1),
            (["server", "success"], 1),
            (["server", "wrong"], 1),
        ])
    );
}

async fn every_verdict_on_a_credential_is_counted(server: Server) {
    let (live, ended) = (server.user(ADA).await, server.user(BOB).await);
    let before = scrape(&server).await.value("sessiond_resolves_total", &[("verdict", "live")]);
    for _ in 0..3 {
        assert!(live.is_signed_in().await);
    }
    let bob = id_of(&server, BOB).await;
    server.service.revoke_user(&bob, None, &order()).await.expect("revoked");
    for _ in 0..2 {
        assert!(!ended.is_signed_in().await);
    }
    // Of the right form, and nobody's: somebody else's secret.
    let (mine, theirs) = (live.credential().expect("a cookie"), ended.credential().expect("a cookie"));
    let forged = format!("{}{}", &mine[..44], &theirs[44..]);
    server.send(Ask::get("/account").header("Cookie", format!("sessiond={forged}")), [192, 0, 2, 1].into()).await;
    server.pass(Duration::from_hours(2));
    assert!(!live.is_signed_in().await);
    // No credential, no verdict; nor for something that is none.
    server.anonymous().get("/account").await.is(303);
    server.send(Ask::get("/account").header("Cookie", "sessiond=nonsense"), [192, 0, 2, 1].into()).await;
    let seen = scrape(&server).await;
    let verdicts = ["live", "ended", "unknown", "expired", "error"];
    let counted = verdicts.map(|verdict| seen.value("sessiond_resolves_total", &[("verdict", verdict)]));
    assert_eq!(counted, [before + 3, 2, 1, 1, 0]);
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_seen() {
    let server = Server::start().await;
    let credential = server.user(ADA).await.credential().expect("a cookie");
    let server = server.restarted("operators = { access = \"public\" }").await;
    let scraped = async |server: &Server| {
        let answer = send(server, Ask::get("/metrics"), None).await;
        Exposition::parse(&answer.is(200).body)
    };
    let before = scraped(&server).await;
    assert_eq!(before.value("sessiond_ready", &[]), 1);
    assert_eq!(before.value("sessiond_live_sessions", &[]), 1);
    assert_eq!(before.counted("sessiond_store_errors"), BTreeMap::new());
    server.faults().fail(true);
    let ask = Ask::get("/account").header("Cookie", format!("sessiond={credential}"));
    server.send(ask, [192, 0, 2, 1].into()).await.is(503);
    let mut stranger = server.anonymous();
    let form = stranger.get("/login").await.form("/login").fill(&[("email", ADA), ("password", PASSWORD)]);
    stranger.submit(form).await.is(503);
    server.pass(Duration::from_secs(1));
    let failing = scraped(&server).await;
    assert_eq!(failing.value("sessiond_ready", &[]), 0);
    // An old number would pass for a new one.
    assert_eq!(failing.find("sessiond_live_sessions", &[]), None);
    assert_eq!(failing.find("sessiond_audit_events_total", &[]), None);
    assert_eq!(failing.value("sessiond_resolves_total", &[("verdict", "error")]), 1);
    let labels = [("door", "pages"), ("outcome", "failed")];
    assert_eq!(failing.value("sessiond_sign_ins_total", &labels), 1);
    let errors = failing.counted("sessiond_store_errors");
    let wanted = [
        (["events"], 1),
        // The sign-in page asks whether there is anybody.
        (["has_users"], 1),
        (["ready"], 1),
        (["session"], 1),
        (["total"], 1),
        (["user_by_email"], 1),
    ];
    assert_eq!(errors, expected(&wanted));
    server.faults().fail(false);
    server.pass(Duration::from_secs(1));
    assert_eq!(scraped(&server).await.value("sessiond_ready", &[]), 1);
}

async fn every_order_that_ended_something_is_counted_once(server: Server) {
    let mut ada = server.user(ADA).await;
    let mut others = Vec::new();
    for _ in 0..4 {
        others.push(server.user(ADA).await);
    }
    let root = server.administrator(ROOT).await;
    // One, by its own person; once more is nothing.
    others.pop().expect("one").sign_out().await;
    // Two by one selection: an administrator's order on each.
    let (one, two) = (others[0].session().await, others[1].session().await);
    let selection = server.service.revoke_selection(&[one, two, one], &order()).await.expect("revoked");
    assert_eq!((selection.ended, selection.already), (2, 1));
    // All others of a user's.
    let form = ada.open("/account").await.form("/account/sessions/end");
    ada.submit(form).await;
    // By a change, and by one that finds nothing to end.
    let bob = server.create(BOB, &[]).await.expect("a new user").id;
    server.service.change_user(&bob, UserChange::Block, &order()).await.expect("blocked");
    let ada = id_of(&server, ADA).await;
    server.service.change_user(&ada, UserChange::Labels([Label::admin()].into()), &order()).await.expect("labelled");
    server.user(ADA).await;
    server.service.delete_user(&ada, &order()).await.expect("deleted");
    let (id, _) = key_for(&server, "all", None).await;
    for _ in 0..2 {
        server.service.revoke_key(id, &order()).await.expect("revoked");
    }
    assert!(root.is_signed_in().await);
    server.service.revoke_everyone(&order()).await.expect("revoked");
    assert!(!root.is_signed_in().await);

    let seen = scrape(&server).await;
    let orders = expected(&[
        (["signed-out", "session"], 1),
        (["revoked", "session"], 2),
        (["signed-out-elsewhere", "user"], 1),
        (["rights-changed", "change"], 1),
        (["deleted", "change"], 1),
        (["revoked", "key"], 1),
        (["everyone-revoked", "everyone"], 1),
    ]);
    assert_eq!(seen.counted("sessiond_revokes"), orders);
    let sessions = expected(&[
        (["signed-out", "session"], 1),
        (["revoked", "session"], 2),
        (["signed-out-elsewhere", "user"], 1),
        (["rights-changed", "change"], 1),
        (["deleted", "change"], 1),
        (["everyone-revoked", "everyone"], 1),
    ]);
    assert_eq!(seen.counted("sessiond_revoked_sessions"), sessions);
    // Each of them has been on disk, once.
    for (scope, count) in [("session", 3), ("user", 1), ("change", 2), ("key", 1), ("everyone", 1)] {
        assert_eq!(seen.value("sessiond_revoke_durable_seconds_count", &[("scope", scope)]), count, "{scope}");
    }
}

#[tokio::test]
async fn how_long_a_revoke_took_is_told_in_seconds() {
    let server = Server::start().await;
    let ada = server.user(ADA).await;
    let user = id_of(&server, ADA).await;
    server.faults().hold_writes();
    let service = Arc::clone(&server.service);
    let revoke = tokio::spawn(async move { service.revoke_user(&user, None, &order()).await });
    server.faults().held(1).await;
    server.pass(Duration::from_millis(2_500));
    server.faults().release();
    revoke.await.expect("no panic").expect("revoked");
    assert!(!ada.is_signed_in().await);
    let seen = scrape(&server).await;
    let name = "sessiond_revoke_durable_seconds";
    assert_eq!(seen.millis(&format!("{name}_sum"), &[("scope", "user")]), 2_500);
    assert_eq!(seen.value(&format!("{name}_bucket"), &[("scope", "user"), ("le", "1.0")]), 0);
    assert_eq!(seen.value(&format!("{name}_bucket"), &[("scope", "user"), ("le", "5.0")]), 1);
    let call = "sessiond_store_call_seconds";
    assert_eq!(seen.millis(&format!("{call}_sum"), &[("operation", "end_user")]), 2_500);
    assert_eq!(seen.value(&format!("{call}_count"), &[("operation", "end_user")]), 1);
}

async fn live_sessions_are_exact_at_every_scrape(server: Server) {
    let live = async |server: &Server| scrape(server).await.value("sessiond_live_sessions", &[]);
    assert_eq!(live(&server).await, 0);
    let mut ada = server.user(ADA).await;
    drop((server.user(ADA).await, server.user(BOB).await));
    assert_eq!(live(&server).await, 3);
    ada.sign_out().await;
    assert_eq!(live(&server).await, 2);
    server.pass(Duration::from_mins(59));
    drop(server.user(BOB).await);
    assert_eq!(live(&server).await, 3);
    // Two have been idle for too long by now, whatever was not written down of them.
    server.pass(Duration::from_mins(5));
    assert_eq!(live(&server).await, 1);
}

#[track_caller]
fn is_refused(answer: &Answer, code: &str, challenge: &str) {
    let body: Value = serde_json::from_str(&answer.is(401).body).expect("JSON");
    assert_eq!((&body["type"], &body["code"]), (&code.into(), &401.into()), "{}", answer.shown());
    let told = answer.header("www-authenticate").unwrap_or_default();
    assert_eq!(told, format!("Bearer realm=\"sessiond\"{challenge}"), "{}", answer.shown());
    assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("application/json")));
}

async fn asvs_13_4_5_the_metrics_take_a_key_with_their_scope_and_nothing_else(server: Server) {
    const INVALID: &str = ", error=\"invalid_token\"";
    let get = || Ask::get("/metrics");
    is_refused(&send(&server, get(), None).await, "key_missing", "");
    // The session of an administrator is no key.
    let answer = server.administrator(ROOT).await.get("/metrics").await;
    is_refused(&answer, "key_missing", "");
    is_refused(&send(&server, get(), Some("nonsense")).await, "key_unknown", INVALID);
    let (_, wrong) = key_for(&server, "sessions.read,sessions.write,users.read,users.write,audit.read", None).await;
    let scope = ", error=\"insufficient_scope\", scope=\"metrics.read\"";
    is_refused(&send(&server, get(), Some(&wrong)).await, "general_unauthorized_scope", scope);
    let (id, right) = key_for(&server, "metrics.read", Some(Duration::from_mins(1))).await;
    send(&server, get(), Some(&right)).await.is(200);
    let head = send(&server, Ask::new(Method::Head, "/metrics"), Some(&right)).await;
    assert_eq!(head.is(200).body, "");
    // It opens nothing else.
    let list = Ask::post("/operator/session-list").body("application/json", "{\"user\":\"\",\"typed\":{}}");
    send(&server, list, Some(&right)).await.is(401);
    server.service.revoke_key(id, &order()).await.expect("revoked");
    is_refused(&send(&server, get(), Some(&right)).await, "key_revoked", INVALID);
    let (_, short) = key_for(&server, "all", Some(Duration::from_secs(9))).await;
    server.pass(Duration::from_secs(9));
    is_refused(&send(&server, get(), Some(&short)).await, "key_expired", INVALID);

    let (_, last) = key_for(&server, "all", None).await;
    let seen = scrape_with(&server, &last).await.counted("sessiond_key_resolves");
    // The key with which nothing but the session list was asked for is looked up there, too.
    let wanted = [(["live"], 5), (["revoked"], 1), (["expired"], 1)];
    assert_eq!(seen, expected(&wanted));
    // Health is open, here and by default.
    for path in ["/health/live", "/health/ready"] {
        send(&server, Ask::get(path), None).await.is(200);
        let head = send(&server, Ask::new(Method::Head, path), None).await;
        assert_eq!((head.is(200).body.as_str(), head.header("content-type")), ("", Some("application/json")));
    }
}

#[tokio::test]
async fn by_choice_all_of_them_are_open_or_take_a_key_or_are_elsewhere() {
    let server = Server::with(On::Memory, "operators = { access = \"public\" }").await;
    for path in ALL {
        send(&server, Ask::get(path), None).await.is(200);
    }
    let server = Server::with(On::Memory, "operators = { access = \"key\" }").await;
    let (_, key) = key_for(&server, "metrics.read", None).await;
    let (_, other) = key_for(&server, "audit.read", None).await;
    for path in ALL {
        is_refused(&send(&server, Ask::get(path), None).await, "key_missing", "");
        let scope = ", error=\"insufficient_scope\", scope=\"metrics.read\"";
        is_refused(&send(&server, Ask::get(path), Some(&other)).await, "general_unauthorized_scope", scope);
        send(&server, Ask::get(path), Some(&key)).await.is(200);
    }
    let server = Server::with(On::Memory, "operators = { listen = \"127.0.0.1:0\" }").await;
    let (_, key) = key_for(&server, "all", None).await;
    for path in ALL {
        send(&server, Ask::get(path), None).await.is(404);
        send(&server, Ask::get(path), Some(&key)).await.is(404);
    }
}

#[tokio::test]
async fn nobody_is_named_in_the_metrics() {
    let server = Server::with(On::Memory, "operators = { access = \"public\" }").await;
    let mut ada = server.user(ADA).await;
    let (session, user) = (ada.session().await, id_of(&server, ADA).await);
    server.anonymous().sign_in("somebody.else@example.com", "whatever it is").await;
    server.service.revoke(session, &order()).await.expect("revoked");
    let text = send(&server, Ask::get("/metrics"), None).await.body;
    for secret in ["ada", "somebody", "example", "192.0.2", "198.51", &session.to_string(), user.as_str()] {
        assert!(!text.contains(secret), "{secret}");
    }
}

/// A row: name, type, labels.
type Row = (String, String, BTreeSet<String>);

#[tokio::test]
async fn every_metric_stands_in_the_document_and_no_other() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let document = fs::read_to_string(document).expect("the document");
    let quoted = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let mut told: BTreeSet<Row> = BTreeSet::new();
    for line in document.lines() {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, kind, labels, ..] = cells[..] else { continue };
        if !["counter", "gauge", "histogram", "info"].contains(&kind) {
            continue;
        }
        assert_eq!(cells.len(), 6, "name, type, labels, unit, meaning, what to watch for: {line}");
        assert!(cells[4].len() > 10 && !cells[5].is_empty(), "{line}");
        let names = quoted(name);
        assert_eq!(names.len(), 1, "{line}");
        let labels = quoted(labels).into_iter().collect();
        assert!(told.insert((names[0].clone(), kind.to_owned(), labels)), "twice: {line}");
    }
    let server = Server::with(On::Memory, "operators = { access = \"public\" }").await;
    drop(server.user(ADA).await);
    let seen = Exposition::parse(&send(&server, Ask::get("/metrics"), None).await.is(200).body);
    let shown = seen.0.iter().map(|(name, family)| {
        let suffix = match family.kind.as_str() {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        let labels = family.labels().into_iter().map(str::to_owned).collect();
        (format!("{name}{suffix}"), family.kind.clone(), labels)
    });
    assert_eq!(shown.collect::<BTreeSet<_>>(), told);
    let seconds = seen.0.iter().filter(|(name, _)| name.ends_with("_seconds"));
    assert!(seconds.clone().count() > 2 && seconds.clone().all(|(_, one)| one.unit.as_deref() == Some("seconds")));
}
