//! `GET /v1/events`: what happens, as it happens, to whoever may know and for as long as they may.

mod reader;

use std::time::Duration;

use rocket::futures::future::join_all;
use rocket::http::Status;
use serde_json::{Value, json};
use sessiond::domain::audit::{Action, Draft, Outcome as Went};
use sessiond::domain::ending::Actor;
use sessiond::domain::id::KeyId;
use sessiond::domain::listing::{Filter, Query};
use sessiond::service::keys::NewKey;
use sessiond::service::sessions::Order;

use self::reader::{Reader, following, wait};
use crate::harness::{Answer, Ask, PASSWORD, Person, Server};

on_both_stores! {
    sign_ins_and_endings_are_told_in_their_order,
    whoever_comes_back_hears_what_they_missed_once,
    what_the_log_no_longer_has_is_told_as_a_gap,
    a_feed_ends_with_its_key_and_tells_nothing_that_is_newer,
    a_feed_ends_with_its_session_or_the_right_to_it,
    a_feed_keeps_no_session_alive,
    only_keys_with_the_scope_and_administrators_follow,
    two_hundred_at_once_are_told_once_each_and_in_order,
    whoever_does_not_read_holds_nobody_up,
}

const ADA: &str = "ada@example.com";
const ROOT: &str = "root@example.com";

async fn key_for(server: &Server, scopes: &str, lifetime: Option<Duration>) -> (KeyId, String) {
    let new = NewKey { name: "a program".to_owned(), scopes: scopes.to_owned(), lifetime, from: None };
    let (key, credential) = server.service.create_key(new, Actor::Operator).await.expect("a key");
    (key.id, credential.expose())
}

fn keyed(key: &str, uri: &str) -> Ask {
    Ask::get(uri).header("Authorization", format!("Bearer {key}")).header("Host", "127.0.0.1:8000")
}

async fn open<'s>(server: &'s Server, key: &str, uri: &str) -> Reader<'s> {
    following(server.begin(keyed(key, uri), [198, 51, 100, 7].into()).await).await
}

async fn refused(server: &Server, ask: Ask) -> Answer {
    wait(server.send(ask, [198, 51, 100, 7].into())).await
}

fn order() -> Order {
    Order { by: Actor::Operator, note: None, from: None }
}

async fn revoke(server: &Server, person: &mut Person<'_>) {
    let id = person.session().await;
    server.service.revoke(id, &order()).await.expect("an answer");
}

async fn sign_ins_and_endings_are_told_in_their_order(server: Server) {
    let (_, key) = key_for(&server, "sessions.read", None).await;
    let mut feed = open(&server, &key, "/v1/events").await;
    let mut ada = server.user(ADA).await;
    let id = ada.session().await.to_string();
    let user = server.service.named(ADA).await.unwrap().unwrap().id.to_string();
    server.anonymous().sign_in(ADA, "wrong").await;
    revoke(&server, &mut ada).await;
    server.service.revoke_user(&user.parse().unwrap(), None, &order()).await.unwrap();
    let other = key_for(&server, "users.read", None).await.0;
    server.service.revoke_key(other, &order()).await.unwrap();

    let told = feed.next().await.told();
    let at = server.now().to_string();
    let by_ada = json!({ "type": "user", "id": user });
    assert_eq!(
        told,
        json!({ "id": told["id"], "type": "session.created", "at": at, "actor": by_ada, "action": "session.create",
                "userId": user, "sessionId": id })
    );
    let told = feed.next().await.told();
    assert_eq!(
        told,
        json!({ "id": told["id"], "type": "session.ended", "at": at, "actor": { "type": "operator" },
                "action": "session.end", "userId": user, "sessionId": id, "reason": "revoked", "ended": 1 })
    );
    let told = feed.next().await.told();
    assert_eq!((&told["type"], &told["ended"]), (&json!("user.sessions.ended"), &json!(0)));
    let told = feed.next().await.told();
    assert_eq!((&told["type"], &told["keyId"]), (&json!("key.revoked"), &json!(other.to_string())));
}

async fn whoever_comes_back_hears_what_they_missed_once(server: Server) {
    let (_, key) = key_for(&server, "sessions.read", None).await;
    let mut feed = open(&server, &key, "/v1/events").await;
    let begun = feed.at.clone();
    let mut ids = Vec::new();
    server.user(ADA).await;
    for _ in 0..4 {
        server.anonymous().signed_in(ADA).await;
    }
    for _ in 0..5 {
        ids.push(feed.next().await.id);
    }
    drop(feed);
    assert!(ids.iter().all(|id| id.contains('-')), "{ids:?}");
    // A browser that comes back says it in a header, and still has the address that it began with.
    for (asked, header, expected) in [
        (Some(&begun), None, &ids[..]),
        (Some(&ids[1]), None, &ids[2..]),
        (Some(&begun), Some(&ids[2]), &ids[3..]),
        (None, Some(&ids[0]), &ids[1..]),
    ] {
        let uri = asked.map_or("/v1/events".to_owned(), |id| format!("/v1/events?lastEventId={id}"));
        let ask = header.iter().fold(keyed(&key, &uri), |ask, id| ask.header("Last-Event-ID", (*id).clone()));
        let mut feed = following(server.begin(ask, [198, 51, 100, 7].into()).await).await;
        let mut told = Vec::new();
        for _ in expected {
            told.push(feed.next().await.id);
        }
        assert_eq!(told, expected);
    }
    // All there is, from the beginning.
    let mut feed = open(&server, &key, "/v1/events?lastEventId=0").await;
    assert_eq!(feed.next().await.id, ids[0]);

    for id in ["999999", "999999-1767323045678", "x", "1-", "-1", "1-2-3"] {
        let asked = keyed(&key, &format!("/v1/events?lastEventId={id}"));
        let sent = keyed(&key, "/v1/events").header("Last-Event-ID", id);
        for (ask, name) in [(asked, "`lastEventId`"), (sent, "`Last-Event-ID`")] {
            let answer = refused(&server, ask).await;
            let body: Value = serde_json::from_str(&answer.is(400).body).unwrap();
            assert!(body["message"].as_str().unwrap().contains(name), "{body}");
        }
    }
    for query in ["lastEventId=0&lastEventId=0", "last=0"] {
        refused(&server, keyed(&key, &format!("/v1/events?{query}"))).await.is(400);
    }
}

async fn what_the_log_no_longer_has_is_told_as_a_gap(server: Server) {
    let mut ada = server.user(ADA).await;
    let (_, key) = key_for(&server, "sessions.read", None).await;
    let early = open(&server, &key, "/v1/events").await.at;
    revoke(&server, &mut ada).await;
    server.pass(Duration::from_hours(24 * 100));
    server.anonymous().signed_in(ADA).await;
    server.service.sweep(Duration::from_hours(24 * 90)).await.unwrap();
    let mut feed = open(&server, &key, &format!("/v1/events?lastEventId={early}")).await;
    let gap = feed.next().await;
    assert_eq!((gap.event.as_str(), gap.told()["type"].as_str()), ("gap", Some("gap")));
    assert_eq!(feed.next().await.event, "session.created");
    // Whoever goes on from the gap has no second one.
    let mut feed = open(&server, &key, &format!("/v1/events?lastEventId={}", gap.id)).await;
    let last = feed.next().await;
    assert_eq!(last.event, "session.created");
    // An event of this number and another time is not of this log.
    let stranger = format!("{}-1", last.id.split('-').next().unwrap());
    let mut feed = open(&server, &key, &format!("/v1/events?lastEventId={stranger}")).await;
    server.anonymous().signed_in(ADA).await;
    assert_eq!(feed.next().await.event, "gap");
}

async fn a_feed_ends_with_its_key_and_tells_nothing_that_is_newer(server: Server) {
    let (id, key) = key_for(&server, "sessions.read", None).await;
    let mut feed = open(&server, &key, "/v1/events").await;
    server.user(ADA).await;
    assert_eq!(feed.next().await.event, "session.created");
    server.service.revoke_key(id, &order()).await.unwrap();
    server.anonymous().signed_in(ADA).await;
    assert_eq!(feed.rest().await, "", "nothing after the end of the key");

    // One that runs out while nothing happens.
    let (_, key) = key_for(&server, "sessions.read", Some(Duration::from_mins(5))).await;
    let mut feed = open(&server, &key, "/v1/events").await;
    server.pass(Duration::from_mins(6));
    assert_eq!(feed.rest().await, "");
}

async fn follow<'s>(person: &Person<'s>) -> Reader<'s> {
    following(person.begin(Ask::get("/v1/events")).await).await
}

async fn a_feed_ends_with_its_session_or_the_right_to_it(server: Server) {
    let mut root = server.administrator(ROOT).await;
    let mut feed = follow(&root).await;
    revoke(&server, &mut root).await;
    server.user(ADA).await;
    assert_eq!(feed.rest().await, "");

    let root = server.anonymous().signed_in(ROOT).await;
    let mut feed = follow(&root).await;
    server.service.revoke_everyone(&order()).await.unwrap();
    assert_eq!(feed.rest().await, "");

    let root = server.anonymous().signed_in(ROOT).await;
    let mut feed = follow(&root).await;
    server.pass(Duration::from_hours(13));
    assert_eq!(feed.rest().await, "", "it has run out");
}

async fn a_feed_keeps_no_session_alive(server: Server) {
    let root = server.administrator(ROOT).await;
    let mut feed = follow(&root).await;
    let seen = async || server.service.list(&Query::first(Filter::default())).await.unwrap().rows[0].0.seen;
    let before = seen().await;
    // Long enough for a note of it to be due, were somebody there.
    for _ in 0..3 {
        server.pass(Duration::from_mins(4));
        let news = Draft::new(Actor::System, Action::Lost, Went::Failure);
        server.service.store().record(news).await.unwrap();
        assert_eq!(feed.next().await.event, "gap");
    }
    server.service.store().ready().await.unwrap();
    assert_eq!(seen().await, before);
    server.pass(Duration::from_mins(5));
    assert_eq!(feed.rest().await, "");
}

async fn only_keys_with_the_scope_and_administrators_follow(server: Server) {
    let typed = |answer: &Answer| {
        let body: Value = serde_json::from_str(&answer.body).expect("JSON");
        body["type"].as_str().unwrap_or_default().to_owned()
    };
    refused(&server, Ask::get("/v1/events")).await.is(401);
    let (id, key) = key_for(&server, "users.read,audit.read", None).await;
    let answer = refused(&server, keyed(&key, "/v1/events")).await;
    assert_eq!((answer.status, typed(&answer).as_str()), (Status::Unauthorized, "general_unauthorized_scope"));
    let (_, good) = key_for(&server, "sessions.read", None).await;
    let other = format!("{}{}", &good[..good.len() - 2], if good.ends_with("AA") { "BA" } else { "AA" });
    for wrong in [other.as_str(), "sessiond_x", "x"] {
        refused(&server, keyed(wrong, "/v1/events")).await.is(401);
    }
    server.service.revoke_key(id, &order()).await.unwrap();
    refused(&server, keyed(&key, "/v1/events")).await.is(401);
    let ada = server.user(ADA).await;
    let mut asking = ada.clone();
    let answer = asking.send(Ask::get("/v1/events")).await;
    assert_eq!((answer.status, typed(&answer).as_str()), (Status::Unauthorized, "general_unauthorized_scope"));
    let mut gone = server.administrator(ROOT).await;
    revoke(&server, &mut gone).await;
    gone.send(Ask::get("/v1/events")).await.is(401);
}

/// Each with a session that begins and ends, while two follow: one from the beginning, one who comes back all the time.
async fn two_hundred_at_once_are_told_once_each_and_in_order(server: Server) {
    const PEOPLE: usize = 40;
    const EACH: usize = 5;
    let (_, key) = key_for(&server, "sessions.read", None).await;
    for number in 0..PEOPLE {
        server.create(&format!("p{number}@example.com"), &[]).await;
    }
    let mut feed = open(&server, &key, "/v1/events").await;
    let begun = feed.at.clone();
    let server = &server;
    let coming_and_going = join_all((0..PEOPLE).map(|number| async move {
        for _ in 0..EACH {
            let mut person = server.anonymous();
            person.sign_in(&format!("p{number}@example.com"), PASSWORD).await.goes_to("/account");
            person.sign_out().await.goes_to("/login");
        }
    }));
    let following_on = async {
        let mut told = Vec::new();
        while told.len() < 2 * PEOPLE * EACH {
            told.push(feed.next().await.id);
        }
        told
    };
    let coming_back = async {
        let (mut told, mut at): (Vec<String>, _) = (Vec::new(), begun);
        while told.len() < 2 * PEOPLE * EACH {
            let mut feed = open(server, &key, &format!("/v1/events?lastEventId={at}")).await;
            for _ in 0..(2 * PEOPLE * EACH - told.len()).min(7) {
                at = feed.next().await.id;
                told.push(at.clone());
            }
        }
        told
    };
    let (_, told, again) = rocket::tokio::join!(coming_and_going, following_on, coming_back);
    assert_eq!(again, told);
    let log = server.service.store().events(None, 10_000).await.unwrap();
    let mut expected: Vec<_> = log
        .iter()
        .filter(|event| ["session.create", "session.end"].contains(&event.draft.action.code()))
        .map(|event| format!("{}-{}", event.seq.0, event.at.millis()))
        .collect();
    expected.reverse();
    assert_eq!(told, expected);
}

async fn whoever_does_not_read_holds_nobody_up(server: Server) {
    let (_, key) = key_for(&server, "sessions.read", None).await;
    let mut stalled = open(&server, &key, "/v1/events").await;
    let mut ended = Vec::new();
    server.create(ADA, &[]).await;
    for _ in 0..100 {
        let mut ada = server.anonymous().signed_in(ADA).await;
        ended.push(ada.session().await.to_string());
        revoke(&server, &mut ada).await;
    }
    for id in ended {
        for kind in ["session.created", "session.ended"] {
            let told = stalled.next().await.told();
            assert_eq!((told["type"].as_str(), told["sessionId"].as_str()), (Some(kind), Some(&*id)));
        }
    }
}

#[rocket::async_test]
async fn one_key_has_eight_and_a_feed_that_is_closed_makes_room() {
    let server = Server::start().await;
    let (_, key) = key_for(&server, "sessions.read", None).await;
    let mut feeds = Vec::new();
    for _ in 0..8 {
        feeds.push(open(&server, &key, "/v1/events").await);
    }
    let answer = refused(&server, keyed(&key, "/v1/events")).await;
    let body: Value = serde_json::from_str(&answer.is(429).body).unwrap();
    assert_eq!(body["type"], "general_rate_limit_exceeded");
    for (name, value) in [("retry-after", "30"), ("x-ratelimit-limit", "8"), ("x-ratelimit-remaining", "0")] {
        assert_eq!(answer.header(name), Some(value), "{}", answer.shown());
    }
    let (_, another) = key_for(&server, "sessions.read", None).await;
    drop(open(&server, &another, "/v1/events").await);
    drop(feeds.pop());
    drop(open(&server, &key, "/v1/events").await);
}

#[rocket::async_test]
async fn a_feed_ends_where_nobody_knows_whether_it_may_go_on() {
    let server = Server::start().await;
    let (_, key) = key_for(&server, "sessions.read", None).await;
    let mut feed = open(&server, &key, "/v1/events").await;
    server.faults().fail(true);
    assert_eq!(feed.rest().await, "");
    refused(&server, keyed(&key, "/v1/events")).await.is(503);
}
