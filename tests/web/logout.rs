//! Signing out.

use std::time::Duration;

use rocket::http::Method;

use crate::harness::{Ask, Person, Server};

on_both_stores! {
    asvs_7_4_1_the_session_is_over_for_whoever_copied_it,
    opening_the_page_asks_and_ends_nothing,
    all_ends_every_session_of_the_user_and_nobody_elses,
    asvs_7_4_1_an_ended_session_stays_ended,
}

const ADA: &str = "ada@example.com";

async fn asvs_7_4_1_the_session_is_over_for_whoever_copied_it(server: Server) {
    let mut ada = server.user(ADA).await;
    let (copy, elsewhere) = (ada.clone(), server.user(ADA).await);
    let answer = ada.sign_out().await;
    answer.goes_to("/login");
    assert_eq!(answer.header("clear-site-data"), Some("\"storage\""));
    let cookie = answer.cookie("sessiond").expect("the cookie is expired");
    assert!(cookie.expires() && cookie.value.is_empty(), "{cookie:?}");
    assert!(cookie.has("expires"), "for browsers without Max-Age: {cookie:?}");
    assert_eq!(ada.credential(), None);
    ada.follow(answer).await.is(200).says("You are signed out.");
    assert!(!copy.is_signed_in().await);
    assert!(elsewhere.is_signed_in().await);
}

async fn opening_the_page_asks_and_ends_nothing(server: Server) {
    let mut ada = server.user(ADA).await;
    for method in [Method::Get, Method::Head] {
        let answer = ada.send(Ask::new(method, "/logout")).await;
        answer.is(200);
        assert!(answer.cookies().is_empty(), "{}", answer.shown());
    }
    ada.open("/logout").await.says("Sign out?").says("You have one live session: this one.");
    assert!(ada.is_signed_in().await);
    drop(server.user(ADA).await);
    ada.open("/logout").await.says("Ends all 2 of your live sessions at once.");
    server.anonymous().get("/logout").await.goes_to("/login");
}

async fn all_ends_every_session_of_the_user_and_nobody_elses(server: Server) {
    let (mut ada, phone) = (server.user(ADA).await, server.user(ADA).await);
    let (copy, bob) = (ada.clone(), server.user("bob@example.com").await);
    let answer = ada.fill("/logout", "/logout", &[("scope", "all")]).await;
    answer.goes_to("/login");
    ada.follow(answer).await.says("You are signed out: 2 sessions ended.");
    assert!(!copy.is_signed_in().await && !phone.is_signed_in().await);
    assert!(bob.is_signed_in().await);
    phone.clone().open("/account").await.says("You ended this session from another device or browser.");
}

async fn asvs_7_4_1_an_ended_session_stays_ended(server: Server) {
    let mut ada = server.user(ADA).await;
    let copy = ada.clone();
    ada.sign_out().await;
    server.service.reap().await.expect("the reaper runs");
    for _ in 0..3 {
        server.pass(std::time::Duration::from_hours(12));
        assert!(!copy.is_signed_in().await);
    }
}

/// Signs out once more with a browser that still holds its cookies.
async fn quiet(person: &mut Person<'_>, method: Method) {
    let answer = person.send(Ask::new(method, "/logout").header("Sec-Fetch-Site", "same-origin")).await;
    answer.goes_to("/login");
    assert!(answer.cookie("sessiond").is_some_and(|cookie| cookie.expires()), "{}", answer.shown());
}

#[tokio::test]
async fn a_script_signs_out_with_delete() {
    let server = Server::start().await;
    let mut ada = server.user(ADA).await;
    let copy = ada.clone();
    quiet(&mut ada, Method::Delete).await;
    assert!(!copy.is_signed_in().await);
}

#[tokio::test]
async fn repeating_it_is_a_quiet_success() {
    let server = Server::start().await;
    let mut ada = server.user(ADA).await;
    let copy = ada.clone();
    ada.sign_out().await.goes_to("/login");
    for method in [Method::Post, Method::Delete] {
        quiet(&mut copy.clone(), method).await;
        quiet(&mut server.anonymous(), method).await;
    }
    let page = copy.clone().follow(copy.clone().send(Ask::new(Method::Delete, "/logout")).await).await;
    page.is(200).says("Sign in").never_says("administrator");
}

#[tokio::test]
async fn another_site_can_sign_nobody_out() {
    let server = Server::start().await;
    let mut ada = server.user(ADA).await;
    for method in [Method::Post, Method::Delete] {
        let ask = Ask::new(method, "/logout").header("Origin", "https://evil.example");
        ada.send(ask.clone()).await.is(403);
        ada.send(ask.header("Sec-Fetch-Site", "cross-site")).await.is(403);
    }
    ada.send(Ask::post("/logout").form([("scope", "this")])).await.is(403);
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn a_scope_that_cannot_be_read_is_not_taken_for_another() {
    let server = Server::start().await;
    let (mut ada, elsewhere) = (server.user(ADA).await, server.user(ADA).await);
    ada.fill("/logout", "/logout", &[("scope", "everywhere")]).await.is(422).says("Nothing was changed");
    assert!(ada.is_signed_in().await && elsewhere.is_signed_in().await);
    // A browser without a session is told what it wants to hear.
    server.anonymous().send(Ask::post("/logout").form([("scope", "everywhere")])).await.goes_to("/login");
}

#[tokio::test]
async fn what_could_not_be_confirmed_is_told_and_the_cookie_stays() {
    let server = Server::start().await;
    for lost_after in [true, false] {
        let mut ada = server.user(ADA).await;
        let form = ada.open("/logout").await.form("/logout");
        if lost_after {
            server.faults().fail_after_write(1);
        } else {
            server.faults().fail_writes(true);
        }
        let answer = ada.submit(form).await;
        server.faults().fail_writes(false);
        answer.is(503).says("We could not confirm that you are signed out");
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(
            answer.header("clear-site-data").is_none() && answer.cookie("sessiond").is_none(),
            "{}",
            answer.shown()
        );
        assert_eq!(ada.is_signed_in().await, !lost_after);
        // The page offers to try again, and that is safe either way.
        let copy = ada.clone();
        let answer = ada.submit(answer.form("/logout")).await;
        answer.goes_to("/login");
        assert!(!copy.is_signed_in().await);
    }
}

#[tokio::test]
async fn while_the_store_does_not_answer_nobody_is_told_that_they_are_signed_out() {
    let server = Server::start().await;
    let mut ada = server.user(ADA).await;
    let form = ada.open("/logout").await.form("/logout");
    server.faults().fail(true);
    ada.submit(form).await.is(503).says("We could not confirm that you are signed out");
    let delete = Ask::new(Method::Delete, "/logout").header("Sec-Fetch-Site", "same-origin");
    ada.send(delete).await.is(503).says("We could not confirm that you are signed out");
    assert!(ada.credential().is_some());
    server.faults().fail(false);
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn asvs_7_4_4_every_signed_in_page_offers_to_sign_out() {
    let server = Server::start().await;
    let mut root = server.administrator("root@example.com").await;
    let mut seen = vec!["/account".to_owned()];
    let mut next = 0;
    while let Some(path) = seen.get(next).cloned() {
        next += 1;
        let page = root.open(&path).await;
        page.is(200).form("/logout");
        // Files are no pages.
        let is_page = |link: &&String| link.starts_with('/') && !link.starts_with("/admin/audit/export.");
        for link in page.links().iter().filter(is_page) {
            if !seen.contains(link) {
                seen.push(link.clone());
            }
        }
    }
    assert!(seen.len() >= 12, "{seen:?}");
}

#[tokio::test]
async fn a_sign_out_everywhere_that_was_not_confirmed_is_repeated_as_far_as_it_was_meant() {
    let server = Server::start().await;
    let mut ada = server.user(ADA).await;
    let elsewhere = server.user(ADA).await;
    let form = ada.open("/logout").await.form("/logout").fill(&[("scope", "all")]);
    server.faults().fail_writes(true);
    let answer = ada.submit(form).await;
    server.faults().fail_writes(false);
    answer.is(503);
    // The header has a form of its own; the page's is the one that says "Try again".
    let again = answer.forms().into_iter().rfind(|form| form.action == "/logout").expect("a form");
    ada.submit(again).await.goes_to("/login");
    assert!(!elsewhere.is_signed_in().await);
}

#[tokio::test]
async fn a_sign_out_everywhere_from_a_session_that_is_over_says_what_it_did_not_do() {
    let server = Server::start().await;
    let mut ada = server.user(ADA).await;
    let copy = ada.clone();
    let elsewhere = server.user(ADA).await;
    let form = ada.open("/logout").await.form("/logout").fill(&[("scope", "all")]);
    copy.clone().sign_out().await;
    let answer = ada.submit(form).await;
    ada.follow(answer).await.says("your other sessions were not touched");
    assert!(elsewhere.is_signed_in().await);
}

#[tokio::test]
async fn a_body_that_is_no_form_is_refused_and_signs_nobody_out() {
    let server = Server::start().await;
    let mut ada = server.user(ADA).await;
    let ask = Ask::post("/logout").header("Sec-Fetch-Site", "same-origin");
    ada.send(ask.body("application/json", "{\"scope\":\"all\"}")).await.is(415);
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn signing_out_of_a_session_that_ran_out_is_written_down_or_not_confirmed() {
    let server = Server::start().await;
    let mut ada = server.user(ADA).await;
    let form = ada.open("/logout").await.form("/logout");
    server.pass(Duration::from_hours(2));
    server.faults().fail_writes(true);
    ada.submit(form.clone()).await.is(503).says("We could not confirm that you are signed out");
    server.faults().fail_writes(false);
    ada.submit(form).await.goes_to("/login");
}
