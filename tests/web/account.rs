//! One's own sessions.

use std::time::Duration;

use sessiond::domain::clock::OsEntropy;
use sessiond::domain::id::SessionId;

use crate::harness::{Answer, Person, Server};

on_both_stores! {
    asvs_7_5_2_people_see_their_own_sessions_and_nobody_elses,
    asvs_7_5_2_people_end_one_of_their_sessions,
    all_others_end_and_this_one_stays,
    all_end_this_one_too,
    asvs_8_2_2_somebody_elses_session_does_not_exist,
}

const ADA: &str = "ada@example.com";

/// Presses "End" beside one session; the form of any other row does for one that is not shown.
async fn end(person: &mut Person<'_>, id: SessionId) -> Answer {
    let page = person.open("/account").await;
    let mut form = page.form("/account/sessions/end");
    form.action = format!("/account/sessions/{id}/end");
    person.submit(form).await
}

async fn asvs_7_5_2_people_see_their_own_sessions_and_nobody_elses(server: Server) {
    let mut ada = server.user(ADA).await;
    let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                 Version/18.6 Mobile/15E148 Safari/604.1";
    server.pass(Duration::from_mins(2));
    drop(server.anonymous().at("198.51.100.7").using(phone).signed_in(ADA).await);
    let mut bob = server.user("bob@example.com").await;
    let page = ada.open("/account").await;
    page.is(200).says("Signed in now 2").says("Safari on iOS").says("198.51.100.7").says("Firefox on Windows");
    page.never_says("bob@example.com").never_says(&bob.session().await.to_string());
    assert_eq!(page.text().matches("This device").count(), 1);
    let own = page.text().rfind("This device");
    assert!(own < page.text().rfind("Safari on iOS"), "this browser's session comes first\n{}", page.shown());
    bob.open("/account").await.says("Signed in now 1").says("You are signed in nowhere else.").never_says(ADA);
}

async fn asvs_7_5_2_people_end_one_of_their_sessions(server: Server) {
    let (mut ada, mut phone, laptop) = (server.user(ADA).await, server.user(ADA).await, server.user(ADA).await);
    let lost = phone.session().await;
    let page = ada.open("/account").await;
    let answer = ada.submit(page.form(&format!("/account/sessions/{lost}/end"))).await;
    answer.goes_to("/account");
    ada.follow(answer)
        .await
        .says("1 session ended.")
        .says("Recently ended 1")
        .says("You ended this session from another");
    assert!(ada.is_signed_in().await && laptop.is_signed_in().await && !phone.is_signed_in().await);
    phone.open("/account").await.says("You ended this session from another device or browser.");

    let again = end(&mut ada, lost).await;
    again.goes_to("/account");
    ada.follow(again).await.says("No session was ended. 1 had ended before.");
}

async fn all_others_end_and_this_one_stays(server: Server) {
    let (mut ada, phone, laptop) = (server.user(ADA).await, server.user(ADA).await, server.user(ADA).await);
    let bob = server.user("bob@example.com").await;
    let page = ada.open("/account").await;
    page.says("Your 2 other sessions end at once.");
    // The page has a form for each scope; the first is for the others.
    let form = page.form("/account/sessions/end");
    assert_eq!(form.field("scope"), Some("others"));
    let answer = ada.submit(form).await;
    answer.goes_to("/account");
    ada.follow(answer).await.says("2 sessions ended.").says("You are signed in nowhere else.");
    assert!(ada.is_signed_in().await && bob.is_signed_in().await);
    assert!(!phone.is_signed_in().await && !laptop.is_signed_in().await);
    server.service.reap().await.expect("the reaper runs");
    assert!(ada.is_signed_in().await && !phone.is_signed_in().await);
    drop(server.user(ADA).await);
    ada.open("/account").await.says("Signed in now 2");
}

async fn all_end_this_one_too(server: Server) {
    let (mut ada, phone) = (server.user(ADA).await, server.user(ADA).await);
    let copy = ada.clone();
    let form = ada.open("/account").await.form("/account/sessions/end").fill(&[("scope", "all")]);
    let answer = ada.submit(form).await;
    answer.goes_to("/login");
    assert!(answer.cookie("sessiond").is_some_and(|cookie| cookie.expires()), "{}", answer.shown());
    assert_eq!(answer.header("clear-site-data"), Some("\"storage\""));
    ada.follow(answer).await.says("You are signed out: 2 sessions ended.");
    assert!(!copy.is_signed_in().await && !phone.is_signed_in().await);
}

async fn asvs_8_2_2_somebody_elses_session_does_not_exist(server: Server) {
    let (mut ada, mut bob) = (server.user(ADA).await, server.user("bob@example.com").await);
    let mut root = server.administrator("root@example.com").await;
    let foreign = bob.session().await;
    let missing = SessionId::new(server.now(), &OsEntropy);
    let refused = end(&mut ada, foreign).await;
    let unknown = end(&mut ada, missing).await;
    refused.is(404);
    assert_eq!(refused.body, unknown.body.replace(&missing.to_string(), &foreign.to_string()));
    // Administrators have their own page for that; this one is about one's own.
    end(&mut root, foreign).await.is(404);
    for id in ["x", "..", "%00", "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", &foreign.to_string().to_uppercase()] {
        let mut form = ada.open("/account").await.form("/account/sessions/end");
        form.action = format!("/account/sessions/{id}/end");
        ada.submit(form).await.is(404);
    }
    assert!(bob.is_signed_in().await);
}

#[tokio::test]
async fn ending_this_very_session_signs_out() {
    let server = Server::start().await;
    let mut ada = server.user(ADA).await;
    let (own, copy) = (ada.session().await, ada.clone());
    let answer = end(&mut ada, own).await;
    answer.goes_to("/login");
    assert!(answer.cookie("sessiond").is_some_and(|cookie| cookie.expires()), "{}", answer.shown());
    assert!(!copy.is_signed_in().await);
}

#[tokio::test]
async fn a_scope_that_is_none_ends_nothing() {
    let server = Server::start().await;
    let (mut ada, phone) = (server.user(ADA).await, server.user(ADA).await);
    let form = ada.open("/account").await.form("/account/sessions/end");
    ada.submit(form.clone().fill(&[("scope", "everyone")])).await.is(422);
    let form =
        crate::harness::Form { fields: form.fields.into_iter().filter(|(name, _)| name == "csrf").collect(), ..form };
    ada.submit(form).await.is(422);
    assert!(ada.is_signed_in().await && phone.is_signed_in().await);
}

#[tokio::test]
async fn what_could_not_be_confirmed_is_told() {
    let server = Server::start().await;
    let (mut ada, phone) = (server.user(ADA).await, server.user(ADA).await);
    let form = ada.open("/account").await.form("/account/sessions/end");
    server.faults().fail_after_write(1);
    let answer = ada.submit(form).await;
    answer.is(503).says("could not confirm");
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(ada.is_signed_in().await && !phone.is_signed_in().await);
}
