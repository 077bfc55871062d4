//! The audit page: what it shows, how it is filtered, and that every kind of event arrives there.

use std::time::Duration;

use rocket::http::Method;
use sessiond::domain::audit::search::{Filter, Query};
use sessiond::domain::audit::{Action, Draft, Event, Outcome};
use sessiond::domain::change::UserChange;
use sessiond::domain::ending::{Actor, Ending, Note, Reason};
use sessiond::store::UserChanged;

use crate::harness::{Answer, Ask, PASSWORD, Person, Server};

on_both_stores! {
    asvs_16_2_1_each_event_says_who_what_whom_when_from_where_and_how_it_went,
    the_log_is_filtered_by_each_part_of_it,
    pages_go_on_and_back_and_miss_nothing,
    a_filter_that_means_next_to_nothing_goes_on_where_it_stopped,
    asvs_16_3_1_sign_ins_arrive_whether_they_work_or_not,
    asvs_16_3_2_what_was_not_allowed_arrives_once_for_a_burst,
    old_events_go_and_the_page_says_since_when_there_are_some,
}

const ROOT: &str = "root@example.com";
const ADA: &str = "ada@example.com";

/// The codes of the actions that a page shows, in its order.
fn actions(page: &Answer) -> Vec<String> {
    let rows = page.is(200).body.split("scope=\"row\" class=\"l-what\"").skip(1);
    rows.map(|row| row.split("l-code\">").nth(1).and_then(|rest| rest.split('<').next()).unwrap_or_default().to_owned())
        .collect()
}

/// The numbers of the events that a page shows, in its order.
fn numbers(page: &Answer) -> Vec<u64> {
    let rows = page.is(200).body.split("l-number\">#").skip(1);
    rows.map(|rest| rest.split('<').next().and_then(|text| text.parse().ok()).expect("a number")).collect()
}

/// The row of the newest event with this code.
fn row(page: &Answer, code: &str) -> String {
    let body = &page.is(200).body;
    let found = body.split("<tr role=\"row\" class=\"is-").find(|row| row.contains(&format!("l-code\">{code}<")));
    found.unwrap_or_else(|| panic!("there is no {code}\n{}", page.shown())).to_owned()
}

async fn all(server: &Server) -> Vec<Event> {
    let query = Query { rows: Query::MOST_EXAMINED, ..Query::first(Filter::default()) };
    server.service.find(&query).await.expect("events").rows
}

async fn asvs_16_2_1_each_event_says_who_what_whom_when_from_where_and_how_it_went(server: Server) {
    let mut root = server.administrator(ROOT).await;
    server.create_named(ADA, "Ada Lovelace", &[]).await;
    let mut ada = server.anonymous().at("198.51.100.7").signed_in(ADA).await;
    let session = ada.session().await.to_string();
    server.pass(Duration::from_mins(3));
    let form = root.open("/admin/sessions").await.form("/admin/sessions/end");
    root.submit(form.fill(&[("only", &session), ("note", "Left the team")])).await.goes_to("/admin/sessions");
    let page = root.open("/admin/audit").await;
    let ended = row(&page, "session.end");
    let user = server.service.named(ADA).await.expect("the store answers").expect("Ada");
    let admin = server.service.named(ROOT).await.expect("the store answers").expect("an administrator");
    for part in [
        "is-success",
        "End one session",
        "Ended by an administrator.",
        "revoked",
        "“Left the team”",
        "192.0.2.10",
        "Done",
        &format!("href=\"/admin/users/{}\"", user.id),
        "Ada Lovelace",
        &format!("href=\"/admin/users/{}\"", admin.id),
        &session,
        "2026-01-02T03:07:05.678Z",
        "2026-01-02 03:07 UTC",
        "just now",
    ] {
        assert!(ended.contains(part), "{part}\n{ended}");
    }
    let signed_in = row(&page, "session.create");
    assert!(signed_in.contains("198.51.100.7") && signed_in.contains("3 minutes ago"), "{signed_in}");
    assert!(signed_in.contains("Themselves"), "{signed_in}");
    assert!(!page.body.contains(&ada.credential().expect("a cookie")), "no credential is on the page");
}

/// Somebody who signed in and out, somebody who could not, and somebody who was blocked.
async fn varied(server: &Server) -> Person<'_> {
    server.create_named("root@example.com", "Root", &[sessiond::domain::user::Label::admin()]).await;
    let root = server.anonymous().signed_in(ROOT).await;
    server.create_named(ADA, "Ada", &[]).await;
    server.create_named("bob@example.com", "Bob", &[]).await;
    server.pass(Duration::from_hours(1) / 12);
    server.anonymous().at("198.51.100.7").signed_in(ADA).await.sign_out().await;
    server.anonymous().at("2001:db8::7").sign_in("bob@example.com", "wrong wrong wrong").await.is(401);
    server.pass(Duration::from_mins(5));
    let bob = server.service.named("bob@example.com").await.expect("the store answers").expect("Bob");
    let ending =
        Ending { note: Note::parse("on leave").expect("short"), ..Ending::new(Actor::Operator, Reason::Blocked, None) };
    let changed = server.service.store().change_user(bob.key(), UserChange::Block, ending).await.expect("a change");
    assert!(matches!(changed, UserChanged::Done { .. }));
    root
}

async fn the_log_is_filtered_by_each_part_of_it(server: Server) {
    let mut root = varied(&server).await;
    let ada = server.service.named(ADA).await.expect("the store answers").expect("Ada");
    let session =
        all(&server).await.into_iter().find(|event| event.draft.action == Action::EndSession).expect("an end");
    let session = session.draft.session.expect("a session");
    for (query, shown) in [
        ("user=ada@example.com", &["session.end", "session.create", "user.create"][..]),
        (&format!("user={}", ada.id), &["session.end", "session.create", "user.create"]),
        ("user=%20ADA@example.com%20&direction=asc", &["user.create", "session.create", "session.end"]),
        ("actor=ada@example.com", &["session.end", "session.create"]),
        ("actor=operator", &["user.block", "user.create", "user.create", "user.create"]),
        ("actor=anonymous", &["session.create"]),
        ("target=bob@example.com", &["user.block", "session.create", "user.create"]),
        ("outcome=failure", &["session.create"]),
        ("action=user.block&action=session.end", &["user.block", "session.end"]),
        ("action=user.block&action=", &["user.block"]),
        ("address=198.51.100.0/24", &["session.end", "session.create"]),
        ("address=2001:db8::7", &["session.create"]),
        (&format!("session={session}"), &["session.end", "session.create"]),
        ("from=2026-01-02T03:10&to=2026-01-02T03:16", &["user.block"]),
        ("to=2026-01-02T03:05&action=session.create", &["session.create"]),
        ("user=nobody-at-all", &[]),
        ("user=ada@example.com&outcome=denied", &[]),
        ("from=2099-01-01", &[]),
    ] {
        let page = root.open(&format!("/admin/audit?{query}")).await;
        assert_eq!(actions(&page), shown, "{query}\n{}", page.shown());
    }
    root.open("/admin/audit?from=2099-01-01").await.says("No event matches this filter");
    let page =
        root.open("/admin/audit?user=ada@example.com&actor=operator&action=user.block&from=2026-01-02&rows=25").await;
    let form = page.forms().into_iter().find(|form| form.method == "get").expect("a filter");
    assert_eq!((form.field("user"), form.field("actor")), (Some(ADA), Some("operator")));
    assert_eq!((form.field("action"), form.field("from")), (Some("user.block"), Some("2026-01-02T00:00")));
    assert!(page.body.contains("<details class=\"filter-more\" open>"), "what narrows the log is in sight");
    assert!(page.link("Export CSV").starts_with("/admin/audit/export.csv?user=ada@example.com&"), "{}", page.shown());
    let all = root.open("/admin/audit").await;
    assert!(all.link("Audit").ends_with("/admin/audit") && all.body.contains("aria-current=\"page\">Audit"));
}

async fn pages_go_on_and_back_and_miss_nothing(server: Server) {
    let mut root = server.administrator(ROOT).await;
    for _ in 0..70 {
        let failed = Draft::new(Actor::Anonymous, Action::SignIn, Outcome::Failure);
        server.service.store().record(failed).await.expect("an event");
    }
    let first = root.open("/admin/audit?outcome=failure&rows=30").await;
    let second = root.open(&first.link("Older")).await;
    let third = root.open(&second.link("Older")).await;
    let pages = [numbers(&first), numbers(&second), numbers(&third)];
    assert_eq!(pages.each_ref().map(Vec::len), [30, 30, 10]);
    assert!(pages.concat().is_sorted_by(|a, b| a > b), "newest first and nothing twice");
    assert!(!third.has_link("Older") && !first.has_link("Newer"));
    assert_eq!(numbers(&root.open(&third.link("Newer")).await), pages[1]);
    assert_eq!(numbers(&root.open(&third.link("Newest")).await), pages[0]);
    let oldest = root.open("/admin/audit?outcome=failure&rows=30&direction=asc").await;
    let mut upwards = numbers(&root.open(&oldest.link("Newer")).await);
    upwards.reverse();
    assert!(numbers(&oldest).is_sorted() && upwards.is_sorted_by(|a, b| a > b));
    root.get(&format!("{}&direction=asc", first.link("Older"))).await.is(400).says("cursor:");
}

async fn a_filter_that_means_next_to_nothing_goes_on_where_it_stopped(server: Server) {
    let mut root = server.administrator(ROOT).await;
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..Query::MOST_EXAMINED + 50 {
        let service = server.service.clone();
        let failed = Draft::new(Actor::Anonymous, Action::SignIn, Outcome::Failure);
        running.spawn(async move { service.store().record(failed).await });
    }
    running.join_all().await;
    let page = root.open("/admin/audit?address=192.0.2.10&action=session.create").await;
    page.says("Nothing found so far: only part of the log was searched.");
    let on = root.open(&page.link("Search on")).await;
    assert_eq!(actions(&on), ["session.create"]);
}

async fn asvs_16_3_1_sign_ins_arrive_whether_they_work_or_not(server: Server) {
    let mut root = server.administrator(ROOT).await;
    server.create(ADA, &[]).await;
    let mut stranger = server.anonymous().at("203.0.113.9");
    for _ in 0..25 {
        stranger.sign_in(ADA, "not the password at all").await;
    }
    server.anonymous().at("203.0.113.10").sign_in("nobody@example.com", PASSWORD).await.is(401);
    server.user("bob@example.com").await;
    let page = root.open("/admin/audit?action=session.create&address=203.0.113.9&outcome=denied").await;
    assert_eq!(actions(&page).len(), 1, "one event for all that were refused by the limit");
    let page = root.open("/admin/audit?action=session.create&address=203.0.113.9&outcome=failure").await;
    assert_eq!(actions(&page).len(), 20, "{}", page.shown());
    let unknown = root.open("/admin/audit?address=203.0.113.10").await;
    assert!(row(&unknown, "session.create").contains("Nobody known"));
    let worked = root.open("/admin/audit?actor=bob@example.com&outcome=success").await;
    assert_eq!(actions(&worked), ["session.create"]);
}

async fn asvs_16_3_2_what_was_not_allowed_arrives_once_for_a_burst(server: Server) {
    let mut root = server.administrator(ROOT).await;
    let mut ada = server.user(ADA).await;
    for _ in 0..10 {
        ada.get("/admin/sessions?user=secret").await.is(403);
        let foreign = Ask::post("/account/sessions/end").form([("scope", "all")]);
        ada.send(foreign.header("Sec-Fetch-Site", "cross-site")).await.is(403);
        server.anonymous().send(Ask::new(Method::Post, "/login").form([("email", "x")])).await.is(403);
    }
    let page = root.open("/admin/audit?action=request&outcome=denied").await;
    assert_eq!(actions(&page), ["request"; 3], "{}", page.shown());
    page.says("GET /admin/sessions: for administrators only").says("POST /account/sessions/end: sent by another site");
    page.says("POST /login: without a sign of where it comes from").never_says("secret");
    assert_eq!(actions(&root.open("/admin/audit?actor=ada@example.com&outcome=denied").await).len(), 2);
    // A form of our own that is out of date is nobody's fault.
    let stale = Ask::post("/account/sessions/end").form([("scope", "all")]).header("Sec-Fetch-Site", "same-origin");
    ada.send(stale).await.is(403);
    assert_eq!(actions(&root.open("/admin/audit?action=request").await).len(), 3);
    server.pass(Duration::from_mins(11));
    ada.get("/admin/sessions").await.is(403);
    assert_eq!(actions(&root.open("/admin/audit?action=request").await).len(), 4);
}

async fn old_events_go_and_the_page_says_since_when_there_are_some(server: Server) {
    server.create(ADA, &[]).await;
    drop(server.anonymous().signed_in(ADA).await);
    server.pass(Duration::from_hours(24 * 91));
    let mut root = server.administrator(ROOT).await;
    let page = root.open("/admin/audit").await;
    page.says("The log begins 91 days ago").never_says("what is older has been removed");
    server.service.sweep(Duration::from_hours(24 * 90)).await.expect("a sweep");
    let page = root.open("/admin/audit").await;
    page.says("The log begins just now").says("what is older has been removed");
    assert_eq!(actions(&page), ["session.create", "user.create"]);
    assert_eq!(actions(&root.open("/admin/audit?user=ada@example.com").await), [""; 0]);
}

#[tokio::test]
async fn every_kind_of_event_arrives_in_words_with_its_code() {
    let server = Server::start().await;
    let mut root = server.administrator(ROOT).await;
    let ada = server.create_named(ADA, "Ada", &[]).await.expect("a new user");
    let actors = [Actor::User(ada.id.clone()), Actor::Operator, Actor::System, Actor::Anonymous];
    let mut words = std::collections::BTreeSet::new();
    for (number, action) in Action::ALL.into_iter().enumerate() {
        let outcome = Outcome::ALL[number % 3];
        let draft = Draft {
            user: Some(ada.id.clone()),
            from: Some([198, 51, 100, 7].into()),
            reason: Some(Reason::ALL[number % Reason::ALL.len()]),
            note: Note::parse(&format!("note {number}")).expect("short"),
            ended: 3,
            detail: Some(sessiond::domain::audit::Detail::new(format!("detail {number}"))),
            ..Draft::new(actors[number % 4].clone(), action, outcome)
        };
        server.service.store().record(draft).await.expect("an event");
        let page = root.open(&format!("/admin/audit?action={action}&address=198.51.100.7")).await;
        assert_eq!(actions(&page), [action.code()], "{}", page.shown());
        let row = row(&page, action.code());
        let said = row.split("l-action\">").nth(1).and_then(|rest| rest.split('<').next()).unwrap_or_default();
        assert!(!said.is_empty() && words.insert(said.to_owned()), "{action} is called {said:?}");
        let who = ["Ada", "The operator", "The server", "Nobody known"][number % 4];
        let went = [("is-success", "Done"), ("is-failure", "Failed"), ("is-denied", "Refused")][number % 3];
        let (note, detail) = (format!("“note {number}”"), format!("detail {number}"));
        let reason = Reason::ALL[number % Reason::ALL.len()].code();
        for part in [who, went.0, went.1, reason, &note, &detail, "198.51.100.7", "3 sessions ended", ada.id.as_str()] {
            assert!(row.contains(part), "{action}: {part}\n{row}");
        }
        let ended = page.link("3 sessions ended");
        assert_eq!(ended, format!("/admin/sessions?status=ended&user={}", ada.id));
    }
}

#[tokio::test]
async fn what_does_not_parse_is_named_with_400_and_shows_no_events() {
    let server = Server::start().await;
    let mut root = server.administrator(ROOT).await;
    for (query, told) in [
        ("action=session.dream", "action: `session.dream` is none"),
        ("outcome=luck", "outcome: one of success, failure, denied"),
        ("from=yesterday", "from: a date like"),
        ("from=2026-01-02&to=2026-01-01", "to: a time after"),
        ("address=198.51.100", "address:"),
        ("session=x", "session: a session's id"),
        ("user=not%20an%20id", "user: nobody is known by that; give a user's e-mail address or id"),
        ("target=no@example.com", "target:"),
        ("actor=no@example.com", "actor: nobody is known by that; give a user's e-mail address or id, operator"),
        ("direction=up", "direction:"),
        ("rows=1000", "rows:"),
        ("cursor=x", "cursor:"),
    ] {
        for path in ["/admin/audit", "/admin/audit/export.csv", "/admin/audit/export.ndjson"] {
            let page = root.get(&format!("{path}?{query}")).await;
            page.is(400).says(told);
            assert!(page.forms().iter().any(|form| form.method == "get"), "the filter is there to be mended");
            assert!(!page.body.contains("l-number"), "{}", page.shown());
        }
    }
    assert!(all(&server).await.iter().all(|event| event.draft.action != Action::ExportAudit));
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_said() {
    let server = Server::start().await;
    let mut root = server.administrator(ROOT).await;
    server.faults().fail(true);
    root.get("/admin/audit").await.is(503).says("Nothing is lost; try again");
}
