//! `/v1/sessions`: everybody's sessions, for API keys and administrators.

use std::time::Duration;

use rocket::http::Method;
use serde_json::{Value, json};
use sessiond::domain::audit::Action;
use sessiond::domain::ending::Actor;

use super::api_door::{Program, asked, by, query};
use crate::harness::{PASSWORD, Person, Server};

on_both_stores! {
    a_key_sees_everybodys_live_sessions_and_what_became_of_the_others,
    sessions_are_found_by_each_thing_that_can_be_asked_for,
    pages_go_on_from_cursors_and_from_sessions_both_ways,
    asvs_7_4_5_an_administrator_ends_one_session_and_it_is_over_at_once,
    asvs_8_2_1_nobody_else_sees_or_ends_them,
    what_cannot_be_asked_for_is_refused_by_name,
}

const ADA: &str = "ada@example.com";
const BOB: &str = "bob@example.com";
const ROOT: &str = "root@example.com";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0";

fn ids(answer: &Value) -> Vec<&str> {
    let rows = answer["sessions"].as_array().expect("sessions");
    rows.iter().map(|row| row["$id"].as_str().expect("an id")).collect()
}

/// A browser of somebody who is there already.
async fn browser<'s>(server: &'s Server, email: &str, address: &str) -> (Person<'s>, String) {
    server.create(email, &[]).await;
    let mut person = server.anonymous().at(address).using(FIREFOX).signed_in(email).await;
    let id = person.session().await.to_string();
    (person, id)
}

async fn a_key_sees_everybodys_live_sessions_and_what_became_of_the_others(server: Server) {
    let (_ada, first) = browser(&server, ADA, "192.0.2.1").await;
    server.pass(Duration::from_secs(1));
    let (mut bob, second) = browser(&server, BOB, "192.0.2.2").await;
    server.pass(Duration::from_secs(1));
    let (_again, third) = browser(&server, ADA, "192.0.2.3").await;
    let key = Program::with(&server, "sessions.read").await;
    let all = key.get("/v1/sessions").await;
    let all = all.is(200).value();
    assert_eq!(ids(&all), [&third, &second, &first]);
    assert_eq!((&all["total"], &all["totalIsExact"]), (&json!(3), &json!(true)));
    assert_eq!((&all["next"], &all["previous"]), (&json!(""), &json!("")));
    let row = &all["sessions"][0];
    assert_eq!(
        (&row["ip"], &row["clientName"], &row["osName"]),
        (&json!("192.0.2.3"), &json!("Firefox"), &json!("Linux"))
    );
    assert_eq!((&row["status"], &row["endedAt"], &row["secret"]), (&json!("live"), &json!(""), &json!("")));
    assert!(row.as_object().is_some_and(|row| row.values().all(|value| !value.is_null())), "{row}");

    bob.sign_out().await;
    assert_eq!(ids(&key.get("/v1/sessions").await.value()), [&third, &first]);
    let ended = key.get(&asked("/v1/sessions", &[query("equal", "status", &["ended"])])).await.value();
    assert_eq!(ids(&ended), [&second]);
    let row = &ended["sessions"][0];
    assert_eq!((&row["status"], &row["endedReason"]), (&json!("ended"), &json!("signed-out")));
    assert_eq!(row["endedBy"], json!(format!("user:{}", row["userId"].as_str().expect("a user"))));
    server.pass(Duration::from_hours(3));
    let expired = key.get(&asked("/v1/sessions", &[query("equal", "status", &["expired"])])).await.value();
    assert_eq!(expired["total"], json!(2));
    assert_eq!(expired["sessions"][0]["status"], json!("expired"));
    let any = key.get(&asked("/v1/sessions", &[query("equal", "status", &["any"])])).await.value();
    assert_eq!(any["total"], json!(3));

    let path = format!("/v1/sessions/{second}");
    key.get(&path).await.fails(404, "user_session_not_found");
    let both = [query("equal", "$id", &[&second]), query("equal", "status", &["any"])];
    let found = key.get(&asked("/v1/sessions", &both)).await.value();
    assert_eq!((ids(&found), &found["total"]), (vec![&*second], &json!(1)));
}

async fn sessions_are_found_by_each_thing_that_can_be_asked_for(server: Server) {
    let ada = server.create_named(ADA, "Ada Lovelace", &[]).await.expect("ada");
    let (_one, first) = browser(&server, ADA, "192.0.2.1").await;
    let before = server.now().iso();
    server.pass(Duration::from_mins(1));
    let (_two, second) = browser(&server, BOB, "198.51.100.9").await;
    let key = Program::with(&server, "sessions.read").await;
    let found = async |queries: Vec<String>| {
        let answer = key.get(&asked("/v1/sessions", &queries)).await;
        ids(&answer.is(200).value()).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    for (queries, expected) in [
        (vec![query("equal", "userId", &[ada.id.as_str()])], vec![&first]),
        (vec![query("contains", "user", &["LOVE"])], vec![&first]),
        (vec![query("search", "user", &["bob@"])], vec![&second]),
        (vec![query("equal", "ip", &["192.0.2.1"])], vec![&first]),
        (vec![query("equal", "ip", &["198.51.100.0/24"])], vec![&second]),
        (vec![query("contains", "agent", &["firefox on linux"])], vec![&second, &first]),
        (vec![query("search", "agent", &["chrome"])], vec![]),
        (vec![query("equal", "door", &["pages"])], vec![&second, &first]),
        (vec![query("equal", "provider", &["token"])], vec![]),
        (vec![query("lessThanEqual", "$createdAt", &[&before])], vec![&first]),
        (vec![query("lessThan", "$createdAt", &[&before])], vec![]),
        (vec![query("greaterThan", "$createdAt", &[&before])], vec![&second]),
        (vec![query("greaterThanEqual", "$updatedAt", &[&before])], vec![&second, &first]),
        (vec![query("between", "$createdAt", &[&before, &before])], vec![&first]),
        (vec![query("equal", "userId", &[ada.id.as_str()]), query("equal", "ip", &["198.51.100.9"])], vec![]),
        (vec![query("orderAsc", "$createdAt", &[])], vec![&first, &second]),
        (vec![query("orderDesc", "$updatedAt", &[])], vec![&second, &first]),
        (vec![json!({ "method": "limit", "values": [1] }).to_string()], vec![&second]),
    ] {
        assert_eq!(found(queries.clone()).await.iter().collect::<Vec<_>>(), expected, "{queries:?}");
    }
}

async fn pages_go_on_from_cursors_and_from_sessions_both_ways(server: Server) {
    let mut all = Vec::new();
    for number in 0..5 {
        all.push(browser(&server, ADA, &format!("192.0.2.{number}")).await.1);
        server.pass(Duration::from_secs(1));
    }
    let key = Program::with(&server, "sessions.read").await;
    let order = query("orderAsc", "$createdAt", &[]);
    let two = json!({ "method": "limit", "values": [2] }).to_string();
    let page = async |cursor: Option<(&str, &str)>| {
        let cursor = cursor.map(|(method, at)| json!({ "method": method, "values": [at] }).to_string());
        let queries: Vec<_> = [order.clone(), two.clone()].into_iter().chain(cursor).collect();
        key.get(&asked("/v1/sessions", &queries)).await.is(200).value()
    };
    let first = page(None).await;
    assert_eq!((ids(&first), &first["total"]), (vec![&*all[0], &*all[1]], &json!(5)));
    let next = first["next"].as_str().expect("a cursor");
    let second = page(Some(("cursorAfter", next))).await;
    assert_eq!(ids(&second), [&all[2], &all[3]]);
    let previous = second["previous"].as_str().expect("a cursor");
    assert_eq!(ids(&page(Some(("cursorBefore", previous))).await), [&all[0], &all[1]]);
    // As the clients do it: beside the last one they have.
    assert_eq!(ids(&page(Some(("cursorAfter", &all[3]))).await), [&all[4]]);
    assert_eq!(ids(&page(Some(("cursorBefore", &all[3]))).await), [&all[1], &all[2]]);

    let gone = "0199f2a4-7d3c-7000-8000-00805f9b34fb";
    for cursor in ["x", gone] {
        let cursor = json!({ "method": "cursorAfter", "values": [cursor] }).to_string();
        key.get(&asked("/v1/sessions", &[cursor])).await.fails(400, "general_cursor_not_found");
    }
    for (method, at) in [("cursorBefore", next), ("cursorAfter", previous)] {
        let cursor = json!({ "method": method, "values": [at] }).to_string();
        key.get(&asked("/v1/sessions", &[cursor])).await.fails(400, "general_argument_invalid");
    }
    let other =
        [query("orderDesc", "$updatedAt", &[]), json!({ "method": "cursorAfter", "values": [next] }).to_string()];
    key.get(&asked("/v1/sessions", &other)).await.fails(400, "general_argument_invalid");
}

async fn asvs_7_4_5_an_administrator_ends_one_session_and_it_is_over_at_once(server: Server) {
    let mut root = server.administrator(ROOT).await;
    let (ada, id) = browser(&server, ADA, "192.0.2.1").await;
    let path = format!("/v1/sessions/{id}");
    by(&mut root, Method::Get, &path, &Value::Null).await.is(200);
    let answer = by(&mut root, Method::Delete, &path, &json!({ "reason": "laptop lost" })).await;
    assert_eq!(answer.is(204).header("content-type"), Some("text/plain; charset=utf-8"));
    assert!(!ada.is_signed_in().await);
    by(&mut root, Method::Get, &path, &Value::Null).await.fails(404, "user_session_not_found");
    by(&mut root, Method::Delete, &path, &Value::Null).await.fails(404, "user_session_not_found");
    let event = server.service.store().events(None, 1).await.expect("the log").remove(0);
    assert_eq!((event.draft.action, event.draft.ended), (Action::EndSession, 1));
    assert_eq!(event.draft.note.as_ref().map(|note| note.as_str().to_owned()).as_deref(), Some("laptop lost"));
    let Actor::User(by_whom) = &event.draft.actor else { panic!("{event:?}") };
    assert_eq!(server.service.named(ROOT).await.expect("root").map(|user| user.id).as_ref(), Some(by_whom));

    // Eleven minutes later a password is asked for.
    let (ada, id) = browser(&server, ADA, "192.0.2.1").await;
    server.pass(Duration::from_mins(11));
    let path = format!("/v1/sessions/{id}");
    by(&mut root, Method::Delete, &path, &json!({})).await.fails(401, "user_reauthentication_required");
    by(&mut root, Method::Delete, &path, &json!({ "password": "not this one at all" }))
        .await
        .fails(401, "user_invalid_credentials");
    assert!(ada.is_signed_in().await);
    by(&mut root, Method::Delete, &path, &json!({ "password": PASSWORD })).await.is(204);
    assert!(!ada.is_signed_in().await);

    // One's own, too.
    let own = root.session().await;
    let answer = by(&mut root, Method::Delete, &format!("/v1/sessions/{own}"), &Value::Null).await;
    assert!(answer.is(204).cookie(server.cookie_name()).is_some_and(|cookie| cookie.expires()));
}

async fn asvs_8_2_1_nobody_else_sees_or_ends_them(server: Server) {
    let (mut ada, id) = browser(&server, ADA, "192.0.2.1").await;
    let path = format!("/v1/sessions/{id}");
    let bulk = json!({ "queries": [query("equal", "ip", &["192.0.2.1"])], "reason": "test" });
    let reading = Program::with(&server, "users.read,users.write,sessions.write,audit.read").await;
    for path in ["/v1/sessions", &*path, "/v1/jobs", "/v1/jobs/0199f2a47d3c7000"] {
        reading.get(path).await.fails(401, "general_unauthorized_scope");
        by(&mut ada, Method::Get, path, &Value::Null).await.fails(401, "general_unauthorized_scope");
        by(&mut server.anonymous(), Method::Get, path, &Value::Null).await.fails(401, "general_unauthorized_scope");
    }
    let ending = Program::with(&server, "users.read,users.write,sessions.read,audit.read").await;
    for (path, body) in [(&*path, &json!({})), ("/v1/sessions", &bulk)] {
        ending.delete(path, body).await.fails(401, "general_unauthorized_scope");
        by(&mut ada, Method::Delete, path, body).await.fails(401, "general_unauthorized_scope");
        by(&mut server.anonymous(), Method::Delete, path, body).await.fails(401, "general_unauthorized_scope");
    }
    assert!(ada.is_signed_in().await);
    assert_eq!(server.service.jobs().await.expect("jobs"), []);
}

async fn what_cannot_be_asked_for_is_refused_by_name(server: Server) {
    let key = Program::with(&server, "sessions.read").await;
    for (text, named) in [
        (query("equal", "mood", &["good"]), "mood"),
        (query("notEqual", "ip", &["192.0.2.1"]), "notEqual"),
        (query("equal", "userId", &["ada", "bob"]), "userId"),
        (query("equal", "userId", &["../x"]), "user id"),
        (query("equal", "ip", &["192.0.2"]), "address"),
        (query("equal", "status", &["dead"]), "status"),
        (query("equal", "door", &["window"]), "door"),
        (query("equal", "provider", &["email"]), "email"),
        (query("equal", "$id", &["1"]), "session id"),
        (query("greaterThan", "$createdAt", &["yesterday"]), "yesterday"),
        (query("between", "$createdAt", &["2026-01-02T03:04:05Z"]), "between"),
        (query("isNull", "$updatedAt", &[]), "isNull"),
        (query("orderAsc", "ip", &[]), "ip"),
        (query("contains", "user", &["  "]), "contains"),
        (r#"{"method":"limit","values":[101]}"#.to_owned(), "limit"),
        (r#"{"method":"limit","values":[0]}"#.to_owned(), "limit"),
        (r#"{"method":"limit","values":["5"]}"#.to_owned(), "limit"),
        (r#"{"method":"offset","values":[5]}"#.to_owned(), "offset"),
        (r#"{"method":"or","values":[]}"#.to_owned(), "or"),
        (r#"{"method":"equal","attribute":"ip","values":[null]}"#.to_owned(), "text"),
        (r#"{"method":"equal","attribute":"ip","values":["192.0.2.1"],"more":1}"#.to_owned(), "more"),
        ("limit(5)".to_owned(), "limit(5)"),
        ("{\u{0}}".to_owned(), "query"),
        ("[]".to_owned(), "query"),
        (String::new(), "query"),
    ] {
        let answer = key.get(&asked("/v1/sessions", std::slice::from_ref(&text))).await;
        answer.fails(400, "general_argument_invalid");
        let told = answer.value()["message"].as_str().unwrap_or_default().to_owned();
        assert!(told.contains("queries") && told.contains(named), "{text}: {told}");
    }
    let twice = [query("equal", "ip", &["192.0.2.1"]), query("equal", "ip", &["192.0.2.2"])];
    key.get(&asked("/v1/sessions", &twice)).await.fails(400, "general_argument_invalid");
    key.get("/v1/sessions?limit=5").await.fails(400, "general_argument_invalid");
    key.get("/v1/sessions/none").await.fails(404, "user_session_not_found");
}

#[tokio::test]
async fn that_a_session_is_past_is_told_by_nobody_before_it_is_on_disk() {
    let server = Server::start().await;
    let (_ada, id) = browser(&server, ADA, "192.0.2.1").await;
    let mut other = server.anonymous().signed_in(ADA).await;
    let key = Program::with(&server, "sessions.read,sessions.write").await;
    // That the key is used is noted by now.
    key.get("/v1/sessions").await.is(200);
    let ends = json!({ "reason": "lost" });
    let paths = [format!("/v1/sessions/{id}"), format!("/v1/account/sessions/{id}")];
    // Seen by everybody, and nobody knows whether it is on disk.
    server.faults().fail_after_write(1);
    key.delete(&paths[0], &ends).await.fails(503, "general_service_unavailable");
    server.faults().fail_writes(true);
    key.delete(&paths[0], &ends).await.fails(503, "general_service_unavailable");
    by(&mut other, Method::Delete, &paths[1], &json!({})).await.fails(503, "general_service_unavailable");
    server.faults().fail_writes(false);
    key.delete(&paths[0], &ends).await.fails(404, "user_session_not_found");
    by(&mut other, Method::Delete, &paths[1], &json!({})).await.fails(404, "user_session_not_found");
}

#[tokio::test]
async fn whoever_signs_out_once_more_is_told_nothing_before_it_is_on_disk() {
    let server = Server::start().await;
    let mut ada = server.user(ADA).await;
    let signs_out =
        async |ada: &mut Person<'_>| by(ada, Method::Delete, "/v1/account/sessions/current", &json!({})).await;
    server.faults().fail_after_write(1);
    signs_out(&mut ada).await.fails(503, "general_service_unavailable");
    server.faults().fail_writes(true);
    signs_out(&mut ada).await.fails(503, "general_service_unavailable");
    server.faults().fail_writes(false);
    signs_out(&mut ada).await.fails(401, "general_unauthorized_scope");
}
