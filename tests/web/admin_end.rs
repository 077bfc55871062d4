//! Administrators end sessions: one, the ticked ones, all of one user's.

use crate::harness::{Answer, Person, Server};

on_both_stores! {
    one_session_ends_by_the_button_of_its_row,
    the_ticked_ones_end_and_no_others,
    the_reason_is_for_administrators_alone,
    asvs_7_4_5_all_of_one_users_sessions_end,
}

const ROOT: &str = "root@example.com";
const ADA: &str = "ada@example.com";

/// Presses a button of the list with these fields.
async fn press(root: &mut Person<'_>, fields: &[(&str, &str)]) -> Answer {
    let page = root.open("/admin/sessions").await;
    root.submit(page.form("/admin/sessions/end").fill(fields)).await
}

async fn one_session_ends_by_the_button_of_its_row(server: Server) {
    let (mut ada, mut phone) = (server.user(ADA).await, server.user(ADA).await);
    let mut root = server.administrator(ROOT).await;
    let (one, other) = (ada.session().await.to_string(), phone.session().await.to_string());
    let page = root.open("/admin/sessions").await;
    let form = page.form("/admin/sessions/end");
    assert!(form.offered.contains(&("only".to_owned(), one.clone())), "{form:?}");
    let own = root.session().await.to_string();
    assert!(form.offered.iter().all(|(_, value)| *value != own), "no button for the administrator's own session");
    // Ticked boxes do not count when a row's own button is pressed.
    let answer = press(&mut root, &[("session", &other), ("only", &one)]).await;
    answer.goes_to("/admin/sessions");
    root.follow(answer).await.says("1 session ended.").says("2 live").says("1 ended");
    assert!(!ada.is_signed_in().await && phone.is_signed_in().await);
    let answer = ada.get("/account").await;
    assert!(answer.asks_to_sign_in().cookie("sessiond").is_some_and(|cookie| cookie.expires()), "{}", answer.shown());
    ada.follow(answer).await.says("An administrator ended your session").says("just now");
    let again = press(&mut root, &[("only", &one)]).await;
    root.follow(again).await.says("No session was ended. 1 had ended before.");
}

async fn the_ticked_ones_end_and_no_others(server: Server) {
    let (mut ada, mut bob, carol) =
        (server.user(ADA).await, server.user("bob@example.com").await, server.user("carol@example.com").await);
    let mut root = server.administrator(ROOT).await;
    let (one, two) = (ada.session().await.to_string(), bob.session().await.to_string());
    let missing = "0199f2a4-7d3c-7000-8000-00805f9b34fb";
    let ticked =
        [("session", one.as_str()), ("session", two.as_str()), ("session", missing), ("note", "left the team")];
    let answer = press(&mut root, &ticked).await;
    answer.goes_to("/admin/sessions");
    root.follow(answer).await.says("2 sessions ended. 1 could not be found.");
    assert!(!ada.is_signed_in().await && !bob.is_signed_in().await && carol.is_signed_in().await);
    let none = press(&mut root, &[]).await;
    none.goes_to("/admin/sessions");
    root.follow(none).await.is(200);
    assert!(carol.is_signed_in().await && root.is_signed_in().await);
}

async fn the_reason_is_for_administrators_alone(server: Server) {
    let mut ada = server.user(ADA).await;
    let mut elsewhere = server.user(ADA).await;
    let mut root = server.administrator(ROOT).await;
    let id = ada.session().await.to_string();
    let note = "seen on a stolen laptop";
    press(&mut root, &[("session", &id), ("note", note)]).await.goes_to("/admin/sessions");
    root.open("/admin/sessions?status=ended").await.says(note).says("Ended by an administrator.");

    let away = ada.get("/account").await;
    away.asks_to_sign_in().never_says(note).never_says(ROOT);
    ada.follow(away).await.says("An administrator ended").never_says(note).never_says(ROOT);
    let own = elsewhere.open("/account").await;
    own.says("An administrator ended this session.").never_says(note).never_says(ROOT).never_says("By ");
}

async fn asvs_7_4_5_all_of_one_users_sessions_end(server: Server) {
    let user = server.create(ADA, &[]).await.expect("a new user");
    let mut browsers = Vec::new();
    for _ in 0..5 {
        browsers.push(server.anonymous().signed_in(ADA).await);
    }
    let bob = server.user("bob@example.com").await;
    let mut root = server.administrator(ROOT).await;
    let path = format!("/admin/users/{}/end", user.id);
    let list = root.open("/admin/sessions").await;
    assert!(list.links().contains(&path), "{}", list.shown());
    let page = root.open(&path).await;
    page.says("5 live sessions will be ended at once.");
    let answer = root.submit(page.form(&path).fill(&[("note", "left the team")])).await;
    root.follow(answer).await.says("5 sessions ended.").says("Ended by an administrator.").says("left the team");
    for browser in &mut browsers {
        assert!(!browser.is_signed_in().await);
        browser.open("/account").await.says("An administrator ended your session").never_says("left the team");
    }
    assert!(bob.is_signed_in().await && root.is_signed_in().await);
    assert!(server.user(ADA).await.is_signed_in().await, "signing in again is possible");
}

#[tokio::test]
async fn an_administrator_who_ends_their_own_sessions_keeps_this_one() {
    let server = Server::start().await;
    let elsewhere = server.administrator(ROOT).await;
    let mut root = server.administrator(ROOT).await;
    let list = root.open("/admin/sessions").await;
    assert!(list.links().iter().all(|link| !link.ends_with("/end")), "no link to end one's own");
    let user = server.service.whose(ROOT).await.expect("the store answers");
    let sessiond::domain::listing::Whose::User(key) = user else { panic!("{user:?}") };
    let user = server.service.store().user(key).await.expect("the store answers").expect("a user");
    let path = format!("/admin/users/{}/end", user.id);
    let page = root.open(&path).await;
    root.submit(page.form(&path)).await.goes_to(&format!("/admin/users/{}", user.id));
    assert!(root.is_signed_in().await && !elsewhere.is_signed_in().await);
}

#[tokio::test]
async fn what_does_not_parse_ends_nothing() {
    let server = Server::start().await;
    let mut ada = server.user(ADA).await;
    let mut root = server.administrator(ROOT).await;
    let id = ada.session().await.to_string();
    press(&mut root, &[("session", &id), ("session", "x")]).await.is(404);
    press(&mut root, &[("session", &id), ("note", &"x".repeat(201))]).await.is(400).says("200 characters");
    assert!(ada.is_signed_in().await);
    for id in ["nobody", "%2e%2e", "x%20y", &"x".repeat(37)] {
        root.get(&format!("/admin/users/{id}/end")).await.is(404);
    }
}

#[tokio::test]
async fn a_reason_that_is_too_long_is_handed_back() {
    let server = Server::start().await;
    let user = server.create(ADA, &[]).await.expect("a new user");
    let ada = server.anonymous().signed_in(ADA).await;
    let mut root = server.administrator(ROOT).await;
    let (path, long) = (format!("/admin/users/{}/end", user.id), "é".repeat(201));
    let answer = root.fill(&path, &path, &[("note", &long)]).await;
    assert_eq!(answer.is(422).form(&path).field("note"), Some(long.as_str()));
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn the_way_back_after_ending_keeps_the_filter_and_leads_nowhere_else() {
    let server = Server::start().await;
    drop(server.user(ADA).await);
    let mut root = server.administrator(ROOT).await;
    let page = root.open("/admin/sessions?status=any&user=ada").await;
    let answer = root.submit(page.form("/admin/sessions/end")).await;
    assert_eq!(answer.is(303).leads_to(), "/admin/sessions");
    assert!(answer.location().is_some_and(|to| to.contains("user=ada") && to.contains("status=any")));
    for back in ["https://evil.example", "//evil.example", "/account", "/admin/sessions\\..\\x", ""] {
        press(&mut root, &[("back", back)]).await.goes_to("/admin/sessions");
    }
}

#[tokio::test]
async fn what_could_not_be_confirmed_is_told_and_safe_to_repeat() {
    let server = Server::start().await;
    let mut ada = server.user(ADA).await;
    let mut root = server.administrator(ROOT).await;
    let id = ada.session().await.to_string();
    let form = root.open("/admin/sessions").await.form("/admin/sessions/end").fill(&[("only", &id)]);
    server.faults().fail_after_write(1);
    root.submit(form.clone()).await.is(503).says("could not confirm");
    assert!(!ada.is_signed_in().await);
    let answer = root.submit(form).await;
    root.follow(answer).await.says("1 had ended before");
}
