//! Signing in where somebody is signed in already, and on too many devices.

use std::time::Duration;

use crate::harness::{Ask, PASSWORD, Server};

on_both_stores! {
    asvs_7_2_4_signing_in_again_ends_the_session_that_the_browser_had,
    asvs_7_2_4_the_replaced_session_is_over_after_a_restart_too,
    another_users_session_in_the_same_browser_ends,
    asvs_7_1_2_the_session_above_the_limit_displaces_the_one_idle_longest,
}

const ADA: &str = "ada@example.com";

async fn asvs_7_2_4_signing_in_again_ends_the_session_that_the_browser_had(server: Server) {
    let mut ada = server.user(ADA).await;
    let elsewhere = server.user(ADA).await;
    let mut old = ada.clone();
    ada.sign_in(ADA, PASSWORD).await.goes_to("/account");
    assert_ne!(ada.credential(), old.credential());
    assert!(ada.is_signed_in().await && elsewhere.is_signed_in().await);
    old.open("/account").await.says("You signed in again");
    assert!(!old.is_signed_in().await);
    ada.open("/account").await.says("This session ended because the same browser signed in again.");
}

async fn asvs_7_2_4_the_replaced_session_is_over_after_a_restart_too(server: Server) {
    let mut ada = server.user(ADA).await;
    let old = ada.credential().expect("a cookie");
    ada.sign_in(ADA, PASSWORD).await.goes_to("/account");
    let new = ada.credential().expect("a cookie");
    let server = server.restarted("").await;
    let ask = |credential| Ask::get("/probe/mine").json().header("Cookie", format!("sessiond={credential}"));
    server.send(ask(old), [192, 0, 2, 10].into()).await.is(401);
    server.send(ask(new), [192, 0, 2, 10].into()).await.is(200);
}

async fn another_users_session_in_the_same_browser_ends(server: Server) {
    let mut shared = server.user(ADA).await;
    let elsewhere = server.user(ADA).await;
    let old = shared.clone();
    server.create("bob@example.com", &[]).await;
    shared.sign_in("bob@example.com", PASSWORD).await.goes_to("/account");
    assert!(!old.is_signed_in().await, "ada's session in this browser");
    assert!(elsewhere.is_signed_in().await, "ada's session in another browser");
    shared.open("/account").await.says("bob@example.com").never_says(ADA);
}

async fn asvs_7_1_2_the_session_above_the_limit_displaces_the_one_idle_longest(server: Server) {
    let mut browsers = Vec::new();
    for _ in 0..25 {
        browsers.push(server.user(ADA).await);
        server.pass(Duration::from_secs(1));
    }
    // The oldest is used once more: now the second one is idle longest.
    server.pass(Duration::from_mins(5));
    browsers[0].open("/account").await.is(200);

    let mut newest = server.anonymous();
    let answer = newest.sign_in(ADA, PASSWORD).await;
    answer.goes_to("/account");
    newest.follow(answer).await.says("You had too many sessions").says("Signed in now 25");
    let mut live = Vec::new();
    for browser in &browsers {
        live.push(browser.is_signed_in().await);
    }
    let displaced: Vec<_> = live.iter().enumerate().filter(|(_, live)| !**live).map(|(index, _)| index).collect();
    assert_eq!(displaced, [1]);
    browsers[1].open("/account").await.says("more devices than allowed");
}

#[tokio::test]
async fn a_wrong_password_ends_nothing() {
    let server = Server::start().await;
    let mut ada = server.user(ADA).await;
    ada.sign_in(ADA, "not the right words").await.is(401);
    ada.sign_in("bob@example.com", PASSWORD).await.is(401);
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn a_planted_credential_is_not_adopted() {
    let server = Server::start().await;
    let mut ada = server.user(ADA).await;
    let planted = ada.credential().expect("a cookie");
    ada.sign_out().await.goes_to("/login");
    // Session fixation: somebody puts a known credential into the browser before it signs in.
    ada.jar.set("sessiond", &planted);
    ada.sign_in(ADA, PASSWORD).await.goes_to("/account");
    assert_ne!(ada.credential().as_ref(), Some(&planted));
    let mut thief = server.anonymous();
    thief.jar.set("sessiond", &planted);
    assert!(!thief.is_signed_in().await);
}

#[tokio::test]
async fn if_the_other_users_session_cannot_be_ended_no_cookie_is_sent() {
    let server = Server::start().await;
    let mut shared = server.user(ADA).await;
    server.create("bob@example.com", &[]).await;
    let form = shared.open("/login").await.form("/login");
    let form = form.fill(&[("email", "bob@example.com"), ("password", PASSWORD)]);
    // The session is created, and then its answer is lost.
    server.faults().fail_after_write(1);
    let answer = shared.submit(form).await;
    answer.is(503).says("cannot sign anybody in right now");
    assert!(answer.cookie("sessiond").is_none(), "{}", answer.shown());
    assert_eq!(answer.header("retry-after"), Some("1"));
    shared.open("/account").await.says(ADA);
}

#[tokio::test]
async fn asvs_7_2_3_no_two_sign_ins_get_the_same_credential() {
    let server = Server::start().await;
    server.create(ADA, &[]).await;
    let mut seen = std::collections::HashSet::new();
    for _ in 0..40 {
        let ada = server.anonymous().signed_in(ADA).await;
        assert!(seen.insert(ada.credential().expect("a cookie")));
    }
    let ask = |credential: &String| Ask::get("/probe/mine").header("Cookie", format!("sessiond={credential}"));
    let mut live = 0;
    for credential in &seen {
        let answer = server.send(ask(credential), [192, 0, 2, 1].into()).await;
        live += usize::from(answer.status.code == 200);
    }
    assert_eq!(live, 25, "never more live sessions than allowed");
}
