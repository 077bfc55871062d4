//! `/v1/audit`: the audit log, for API keys and administrators.

use std::time::Duration;

use rocket::http::Method;
use serde_json::{Value, json};
use sessiond::domain::audit::{Action, Outcome};
use sessiond::domain::ending::Actor;

use super::api_door::{Program, asked, by, query};
use crate::harness::Server;

on_both_stores! {
    a_key_reads_the_log_as_the_export_has_it,
    events_are_found_by_each_thing_that_can_be_asked_for,
    pages_of_events_go_on_both_ways,
    asvs_8_2_1_nobody_else_reads_the_log,
    asvs_16_3_2_what_only_administrators_may_is_written_down_where_others_ask,
    what_cannot_be_asked_of_the_log_is_refused_by_name,
}

const ADA: &str = "ada@example.com";

fn numbers(answer: &Value) -> Vec<u64> {
    let rows = answer["events"].as_array().expect("events");
    rows.iter().map(|row| row["number"].as_u64().expect("a number")).collect()
}

async fn a_key_reads_the_log_as_the_export_has_it(server: Server) {
    let _ada = server.user(ADA).await;
    let key = Program::with(&server, "audit.read").await;
    let all = key.get("/v1/audit").await.is(200).value();
    let events = all["events"].as_array().expect("events");
    let actions: Vec<_> = events.iter().map(|event| event["action"].as_str().expect("a code")).collect();
    assert_eq!(actions, ["key.create", "session.create", "user.create"], "the newest first");
    let lines: Vec<_> = events.iter().map(|event| serde_json::to_string(event).expect("JSON")).collect();
    let exported = server.administrator("root@example.com").await.get("/admin/audit/export.ndjson").await;
    let mut exported: Vec<Value> =
        exported.body.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    // What does not apply is left out: no answer of the API holds a null.
    exported.iter_mut().filter_map(Value::as_object_mut).for_each(|event| event.retain(|_, value| !value.is_null()));
    for line in lines {
        let event: Value = serde_json::from_str(&line).expect("JSON");
        assert!(exported.contains(&event), "{event}\n{exported:#?}");
    }
}

async fn events_are_found_by_each_thing_that_can_be_asked_for(server: Server) {
    let ada = server.create(ADA, &[]).await.expect("ada");
    server.pass(Duration::from_mins(1));
    let signed_in = server.now().iso();
    let mut browser = server.anonymous().at("192.0.2.77").signed_in(ADA).await;
    let session = browser.session().await.to_string();
    server.pass(Duration::from_mins(1));
    browser.sign_out().await;
    let key = Program::with(&server, "audit.read").await;
    let by_key = format!("key:{}", key.id);
    key.get("/v1/sessions").await.is(401);
    let found = async |queries: Vec<String>| {
        let answer = key.get(&asked("/v1/audit", &queries)).await.is(200).value();
        let events = answer["events"].as_array().expect("events");
        events.iter().map(|event| event["action"].as_str().expect("a code").to_owned()).collect::<Vec<_>>()
    };
    let both = ["session.end", "session.create"];
    for (queries, expected) in [
        (vec![query("equal", "user", &[ADA])], &["session.end", "session.create", "user.create"][..]),
        (vec![query("equal", "actor", &[ada.id.as_str()])], &both),
        (vec![query("equal", "actor", &[&by_key])], &["request"]),
        (vec![query("equal", "actor", &["operator"])], &["key.create", "user.create"]),
        (vec![query("equal", "target", &[ada.id.as_str()])], &["session.end", "session.create", "user.create"]),
        (vec![query("equal", "action", &both)], &both),
        (vec![query("equal", "outcome", &["denied"])], &["request"]),
        (vec![query("equal", "ip", &["192.0.2.77"])], &both),
        (vec![query("equal", "ip", &["192.0.2.0/24"])], &both),
        (vec![query("equal", "session", &[&session])], &both),
        (vec![query("lessThan", "at", &[&signed_in])], &["user.create"]),
        (vec![query("between", "at", &[&signed_in, &signed_in])], &["session.create"]),
        (
            vec![query("orderAsc", "at", &[]), query("equal", "user", &[ADA])],
            &["user.create", "session.create", "session.end"],
        ),
        (vec![query("equal", "user", &["nobody"])], &[]),
    ] {
        assert_eq!(found(queries.clone()).await, expected, "{queries:?}");
    }
}

async fn pages_of_events_go_on_both_ways(server: Server) {
    for name in ["a", "b", "c", "d", "e"] {
        server.create(&format!("{name}@example.com"), &[]).await;
    }
    let mut root = server.administrator("root@example.com").await;
    let two = json!({ "method": "limit", "values": [2] }).to_string();
    let mut page = async |cursor: Option<(&str, Value)>| {
        let cursor = cursor.map(|(method, at)| json!({ "method": method, "values": [at] }).to_string());
        let queries: Vec<_> = [two.clone(), query("orderAsc", "at", &[])].into_iter().chain(cursor).collect();
        by(&mut root, Method::Get, &asked("/v1/audit", &queries), &Value::Null).await.is(200).value()
    };
    let first = page(None).await;
    assert_eq!((numbers(&first), &first["previous"]), (vec![1, 2], &json!("")));
    let second = page(Some(("cursorAfter", first["next"].clone()))).await;
    assert_eq!(numbers(&second), [3, 4]);
    assert_eq!(numbers(&page(Some(("cursorBefore", second["previous"].clone()))).await), [1, 2]);
    assert_eq!(numbers(&page(Some(("cursorAfter", json!(4)))).await), [5, 6]);
    assert_eq!(numbers(&page(Some(("cursorBefore", json!("4")))).await), [2, 3]);
    let bad = asked("/v1/audit", &[json!({ "method": "cursorAfter", "values": ["x"] }).to_string()]);
    by(&mut root, Method::Get, &bad, &Value::Null).await.fails(400, "general_cursor_not_found");
}

async fn asvs_8_2_1_nobody_else_reads_the_log(server: Server) {
    let mut ada = server.user(ADA).await;
    let key = Program::with(&server, "sessions.read,sessions.write,users.read,users.write").await;
    key.get("/v1/audit").await.fails(401, "general_unauthorized_scope");
    by(&mut ada, Method::Get, "/v1/audit", &Value::Null).await.fails(401, "general_unauthorized_scope");
    by(&mut server.anonymous(), Method::Get, "/v1/audit", &Value::Null).await.fails(401, "general_unauthorized_scope");
}

async fn asvs_16_3_2_what_only_administrators_may_is_written_down_where_others_ask(server: Server) {
    let mut ada = server.user(ADA).await;
    let id = server.service.store().user_by_email(&ADA.parse().expect("an address")).await.expect("a store");
    let reason = json!({ "reason": "none" });
    by(&mut ada, Method::Delete, "/v1/sessions/0199f2a4-7d3c-7000-8000-00805f9b34fb", &reason).await.is(401);
    let events = server.service.store().events(None, 1).await.expect("events");
    let draft = &events[0].draft;
    assert_eq!((draft.action, draft.outcome), (Action::Request, Outcome::Denied));
    assert_eq!(draft.actor, Actor::User(id.expect("ada").id));
    assert!(draft.detail.as_ref().is_some_and(|detail| detail.as_str().contains("DELETE /v1/sessions/")), "{draft:?}");
}

async fn what_cannot_be_asked_of_the_log_is_refused_by_name(server: Server) {
    let key = Program::with(&server, "audit.read").await;
    for (text, named) in [
        (query("equal", "mood", &["good"]), "mood"),
        (query("contains", "user", &["a"]), "contains"),
        (query("equal", "action", &["explode"]), "explode"),
        (query("equal", "outcome", &["maybe"]), "outcome"),
        (query("equal", "user", &["no such one!"]), "user"),
        (query("equal", "actor", &["no such one!"]), "actor"),
        (query("equal", "session", &["1"]), "session"),
        (query("equal", "ip", &["300.0.0.1"]), "address"),
        (query("equal", "ip", &["192.0.2.1", "192.0.2.2"]), "equal"),
        (query("between", "at", &["2026-01-02T03:04:05Z", "2025-01-02T03:04:05Z"]), "to"),
        (query("orderAsc", "user", &[]), "user"),
        (r#"{"method":"limit","values":[101]}"#.to_owned(), "rows"),
        (r#"{"method":"offset","values":[5]}"#.to_owned(), "offset"),
        ("nonsense".to_owned(), "nonsense"),
    ] {
        let answer = key.get(&asked("/v1/audit", std::slice::from_ref(&text))).await;
        answer.fails(400, "general_argument_invalid");
        let told = answer.value()["message"].as_str().unwrap_or_default().to_owned();
        assert!(told.contains("queries") && told.contains(named), "{text}: {told}");
    }
}
