//! The audit log as a file.

use std::time::Duration;

use rocket::tokio::io::AsyncReadExt;
use serde_json::Value;
use sessiond::domain::audit::search::{Filter, Query};
use sessiond::domain::audit::{Action, Detail, Draft, Event, Outcome};
use sessiond::domain::ending::{Actor, Note};

use crate::harness::{Answer, Ask, Person, Server};

on_both_stores! {
    an_export_is_the_whole_log_in_both_forms_and_an_event_itself,
    the_filter_goes_along_and_the_oldest_may_come_first,
    asking_for_the_head_alone_hands_nothing_out,
    asvs_16_4_1_line_ends_and_controls_stay_in_their_field,
    asvs_1_2_10_formulas_are_text_in_the_csv_and_exact_in_the_ndjson,
    what_is_written_meanwhile_is_not_in_it,
    asvs_7_4_1_an_export_stops_when_the_session_that_asked_for_it_is_ended,
}

const ROOT: &str = "root@example.com";
const EVIL: &str = "one\r\ntwo\tthree\u{1b}[2J\u{9b}1m\u{202e}\"quoted\", =cmd";

async fn all(server: &Server) -> Vec<Event> {
    let (mut events, mut query) = (Vec::new(), Query::first(Filter::default()));
    loop {
        let page = server.service.find(&query).await.expect("events");
        events.extend(page.rows);
        match page.next {
            Some(next) => query.cursor = Some(next),
            None => return events,
        }
    }
}

async fn record(server: &Server, draft: Draft) {
    server.service.store().record(draft).await.expect("an event");
}

/// Many at once: a store on disk syncs them together.
async fn crowd(server: &Server, count: usize) {
    let mut running = tokio::task::JoinSet::new();
    for number in 0..count {
        let service = server.service.clone();
        let detail = Some(Detail::new(format!("number {number} of many, told at some length")));
        let draft = Draft { detail, ..Draft::new(Actor::System, Action::Start, Outcome::Success) };
        running.spawn(async move { service.store().record(draft).await });
    }
    running.join_all().await;
}

fn records(answer: &Answer) -> Vec<Vec<String>> {
    assert_eq!(answer.is(200).header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    let mut reader = csv::Reader::from_reader(answer.body.as_bytes());
    let head = reader.headers().expect("a head").iter().map(str::to_owned).collect();
    let rows = reader.records().map(|row| row.expect("a record").iter().map(str::to_owned).collect());
    std::iter::once(head).chain(rows).collect()
}

fn objects(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.is(200).header("content-type"), Some("application/x-ndjson; charset=utf-8"));
    answer.body.lines().map(|line| serde_json::from_str(line).expect("an object")).collect()
}

/// The newest event, which tells of an export.
async fn told(server: &Server) -> Event {
    let newest = all(server).await.remove(0);
    assert_eq!((newest.draft.action, newest.draft.outcome), (Action::ExportAudit, Outcome::Success));
    newest
}

fn detail(event: &Event) -> &str {
    event.draft.detail.as_ref().expect("a detail").as_str()
}

async fn an_export_is_the_whole_log_in_both_forms_and_an_event_itself(server: Server) {
    let mut root = server.administrator(ROOT).await;
    crowd(&server, 1_200).await;
    let before = all(&server).await;
    let csv = root.get("/admin/audit/export.csv").await;
    let name = csv.header("content-disposition").expect("a name").to_owned();
    assert_eq!(name, "attachment; filename=\"sessiond-audit-2026-01-02-03-04.csv\"");
    assert_eq!(csv.header("content-length"), Some(csv.body.len().to_string().as_str()));
    assert_eq!(csv.header("cache-control"), Some("no-store"));
    let rows = records(&csv);
    assert_eq!(rows[0][..5], ["number", "at", "actor", "action", "outcome"]);
    assert_eq!(rows.len(), before.len() + 1);
    for (row, event) in rows[1..].iter().zip(&before) {
        assert_eq!(row[..3], [event.seq.0.to_string(), event.at.to_string(), event.draft.actor.to_string()]);
        assert_eq!(
            (&*row[3], &*row[11]),
            (event.draft.action.code(), event.draft.detail.as_ref().map_or("", Detail::as_str))
        );
    }
    let event = told(&server).await;
    assert_eq!(detail(&event), format!("csv, {} events: everything", before.len()));
    let admin = server.service.named(ROOT).await.expect("the store answers").expect("an administrator");
    assert_eq!((event.draft.actor.clone(), event.draft.from), (Actor::User(admin.id), Some([192, 0, 2, 10].into())));

    let ndjson = root.get("/admin/audit/export.ndjson").await;
    assert_eq!(ndjson.header("content-length"), Some(ndjson.body.len().to_string().as_str()));
    let lines = objects(&ndjson);
    assert_eq!(lines.len(), before.len() + 1);
    assert_eq!((&lines[0]["action"], &lines[0]["detail"]), (&"audit.export".into(), &detail(&event).into()));
    assert_eq!(lines[1]["number"], before[0].seq.0);
    assert_eq!(detail(&told(&server).await), format!("ndjson, {} events: everything", before.len() + 1));
}

async fn the_filter_goes_along_and_the_oldest_may_come_first(server: Server) {
    let mut root = server.administrator(ROOT).await;
    server.create("ada@example.com", &[]).await;
    for _ in 0..3 {
        server.anonymous().sign_in("ada@example.com", "not the password at all").await.is(401);
        server.pass(Duration::from_secs(1));
    }
    let page = root.open("/admin/audit?user=ada@example.com&outcome=failure&direction=asc&rows=25").await;
    let lines = objects(&root.get(&page.link("Export NDJSON")).await);
    let told_of: Vec<_> = lines.iter().map(|line| (line["outcome"].as_str(), line["action"].as_str())).collect();
    assert_eq!(told_of, [(Some("failure"), Some("session.create")); 3]);
    assert!(lines.is_sorted_by_key(|line| line["number"].as_u64()));
    let event = told(&server).await;
    let ada = server.service.named("ada@example.com").await.expect("the store answers").expect("a user").id;
    assert_eq!(detail(&event), format!("ndjson, 3 events: user={ada}&outcome=failure&direction=asc"));
    for field in ["user", "actor", "target"] {
        root.get(&format!("/admin/audit/export.csv?{field}=ada@example.com")).await.is(200);
        let event = told(&server).await;
        assert!(!detail(&event).contains('@') && detail(&event).contains(ada.as_str()), "{}", detail(&event));
    }
    let none = records(&root.get("/admin/audit/export.csv?from=2099-01-01").await);
    assert_eq!(none.len(), 1, "the head alone");
}

async fn asking_for_the_head_alone_hands_nothing_out(server: Server) {
    let mut root = server.administrator(ROOT).await;
    let before = all(&server).await;
    let ask = Ask::new(rocket::http::Method::Head, "/admin/audit/export.csv").header("Sec-Fetch-Site", "none");
    let head = root.send(ask).await;
    assert_eq!(head.is(200).header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    assert_eq!((head.body.as_str(), all(&server).await), ("", before));
}

async fn asvs_16_4_1_line_ends_and_controls_stay_in_their_field(server: Server) {
    let mut root = server.administrator(ROOT).await;
    let draft = Draft::new(Actor::Operator, Action::ChangeName, Outcome::Success);
    record(&server, Draft { note: Note::parse(EVIL).expect("short"), detail: Some(Detail::new(EVIL)), ..draft }).await;
    let csv = root.get("/admin/audit/export.csv?action=user.name.change").await;
    let rows = records(&csv);
    let spelt = "one\r\ntwo\tthree\\u{1b}[2J\\u{9b}1m\\u{202e}\"quoted\", =cmd";
    assert_eq!((rows.len(), &*rows[1][9], &*rows[1][11]), (2, spelt, spelt));
    let ndjson = root.get("/admin/audit/export.ndjson?action=user.name.change").await;
    assert_eq!(ndjson.body.lines().count(), 1);
    let acting = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
    assert!(!ndjson.body.contains(acting), "{:?}", ndjson.body);
    let lines = objects(&ndjson);
    assert_eq!((&lines[0]["note"], &lines[0]["detail"]), (&EVIL.into(), &EVIL.into()));
    let page = root.get("/admin/audit?action=user.name.change").await;
    assert_eq!(page.body.matches("l-number").count(), 1);
    assert!(page.body.contains("three\u{1b}[2J"), "as text, which does nothing in a page");
}

async fn asvs_1_2_10_formulas_are_text_in_the_csv_and_exact_in_the_ndjson(server: Server) {
    let mut root = server.administrator(ROOT).await;
    let formulas = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "  =1", "\"=1\"", "＝1", "＠x", "'=1"];
    for formula in formulas {
        let draft = Draft::new(Actor::Operator, Action::ChangeName, Outcome::Success);
        record(&server, Draft { detail: Some(Detail::new(formula)), ..draft }).await;
    }
    let rows = records(&root.get("/admin/audit/export.csv?action=user.name.change&direction=asc").await);
    let written: Vec<_> = rows[1..].iter().map(|row| row[11].clone()).collect();
    assert_eq!(written, formulas.map(|formula| format!("'{}", formula.replace('\t', "\t'"))));
    let lines = objects(&root.get("/admin/audit/export.ndjson?action=user.name.change&direction=asc").await);
    assert_eq!(lines.iter().map(|line| line["detail"].as_str().unwrap_or_default()).collect::<Vec<_>>(), formulas);
}

/// Reads as far as `most` bytes, or to the end, or to where it breaks off.
async fn read(response: &mut rocket::local::asynchronous::LocalResponse<'_>, most: usize) -> usize {
    let (mut buffer, mut read) = (vec![0; 4096], 0);
    while read < most {
        match response.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(bytes) => read += bytes,
        }
    }
    read
}

fn length(response: &rocket::local::asynchronous::LocalResponse<'_>) -> usize {
    response.headers().get_one("content-length").and_then(|text| text.parse().ok()).expect("a length")
}

fn file(kind: &str) -> Ask {
    Ask::get(format!("/admin/audit/export.{kind}")).header("Accept", "text/html").header("Sec-Fetch-Site", "none")
}

async fn what_is_written_meanwhile_is_not_in_it(server: Server) {
    let root = server.administrator(ROOT).await;
    crowd(&server, 1_200).await;
    for (kind, direction) in [("csv", "desc"), ("ndjson", "asc")] {
        let ask = file(&format!("{kind}?direction={direction}"));
        let mut response = root.begin(ask).await;
        let first = read(&mut response, 1).await;
        crowd(&server, 50).await;
        assert_eq!(first + read(&mut response, usize::MAX).await, length(&response), "{kind}");
    }
}

async fn asvs_7_4_1_an_export_stops_when_the_session_that_asked_for_it_is_ended(server: Server) {
    crowd(&server, 3_000).await;
    for kind in ["csv", "ndjson"] {
        let mut root: Person<'_> = server.administrator(ROOT).await;
        let mut response = root.begin(file(kind)).await;
        assert_eq!(response.status().code, 200);
        let first = read(&mut response, 1).await;
        assert!(first > 0);
        root.sign_out().await;
        let all = first + read(&mut response, usize::MAX).await;
        assert!(all < length(&response) / 2, "{kind}: {all} of {} bytes", length(&response));
        // Once it is ended there is no beginning either.
        root.send(file(kind)).await.asks_to_sign_in();
    }
}
