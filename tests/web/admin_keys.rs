//! `/admin/keys`: API keys on the dashboard.

use std::time::Duration;

use crate::harness::{Answer, Ask, PASSWORD, Server};

const ROOT: &str = "root@example.com";
const NEW: &str = "/admin/keys/new";

on_both_stores! {
    a_key_is_shown_once_opens_what_it_is_good_for_and_nothing_once_it_is_revoked,
    who_proved_who_they_are_long_ago_is_asked_before_a_key_is_created,
}

/// The key that a page shows.
fn secret(page: &Answer) -> String {
    let rest = page.body.split("id=\"secret\"").nth(1).and_then(|rest| rest.split_once('>')).map(|(_, rest)| rest);
    let key = rest.and_then(|rest| rest.split('<').next()).unwrap_or_default().to_owned();
    assert!(key.starts_with("sessiond_"), "{}", page.shown());
    key
}

/// What a program is told that shows `key` and asks which keys there are.
async fn keys(server: &Server, key: &str) -> u16 {
    let ask = Ask::post("/operator/key-list").header("Authorization", format!("Bearer {key}"));
    server.send(ask.body("application/json", "null"), [192, 0, 2, 9].into()).await.status.code
}

async fn a_key_is_shown_once_opens_what_it_is_good_for_and_nothing_once_it_is_revoked(server: Server) {
    let mut root = server.administrator(ROOT).await;
    root.get("/admin/keys").await.is(200).says("There is no API key yet");
    for (name, scope, lifetime) in [("", "users.read", "30d"), ("x", "all", "forever"), ("x", "users", "30d")] {
        let typed = [("name", name), ("scope", scope), ("lifetime", lifetime)];
        root.fill(NEW, NEW, &typed).await.is(422);
    }
    root.fill(NEW, NEW, &[("name", "x"), ("lifetime", "30d")]).await.is(422).says("at least one thing");
    root.get("/admin/keys").await.says("There is no API key yet");

    let typed = [("name", "Nightly report"), ("scope", "users.read"), ("scope", "sessions.read"), ("lifetime", "30d")];
    let page = root.fill(NEW, NEW, &typed).await;
    page.is(200).says("Nightly report is created").says("sessions.read, users.read").says("shown this once");
    assert!(page.header("cache-control").is_some_and(|kept| kept.contains("no-store")));
    let key = secret(&page);
    assert_eq!(keys(&server, &key).await, 200);

    let list = root.get("/admin/keys").await;
    list.says("Nightly report").says("Live").never_says(&key);
    let revoke = list.link("Revoke");
    root.get(&revoke).await.is(200).says("refused from the next request on");
    assert_eq!(keys(&server, &key).await, 200, "asking revokes nothing");
    let answer = root.fill(&revoke, &revoke, &[("note", "leaked")]).await;
    answer.goes_to("/admin/keys");
    assert_eq!(keys(&server, &key).await, 401);
    let list = root.follow(answer).await;
    list.says("The API key is revoked.").says("Revoked");
    assert!(!list.has_link("Revoke"));
    root.get("/admin/audit").await.says("Revoke an API key").says("leaked").says("Create an API key");

    let typed = [("name", "Short"), ("scope", "users.read"), ("lifetime", "1d")];
    let key = secret(&root.fill(NEW, NEW, &typed).await);
    server.pass(Duration::from_hours(25));
    assert_eq!(keys(&server, &key).await, 401);
}

async fn who_proved_who_they_are_long_ago_is_asked_before_a_key_is_created(server: Server) {
    let mut root = server.administrator(ROOT).await;
    server.pass(Duration::from_mins(11));
    let typed = [("name", "Late"), ("scope", "users.read"), ("scope", "audit.read"), ("lifetime", "never")];
    let asked = root.fill(NEW, NEW, &typed).await;
    asked.is(401).says("Create the key Late?");
    root.get("/admin/keys").await.says("There is no API key yet");
    let form = asked.form(NEW).fill(&[("confirm.password", PASSWORD)]);
    root.submit(form).await.is(200).says("audit.read").says("users.read");
}
