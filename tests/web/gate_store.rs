//! While the store does not answer, nobody with a session is let in, and nobody is signed out.

use rocket::http::Method;

use super::gate::{METHODS, is_exempt, paths};
use crate::harness::probe::ROUTE;
use crate::harness::{Ask, Server};

const ADA: &str = "ada@example.com";

#[tokio::test]
async fn asvs_16_5_3_every_route_but_sign_in_and_static_files_answers_503_and_the_cookie_stays() {
    let server = Server::start().await;
    let ada = server.user(ADA).await;
    server.faults().fail(true);
    for path in paths(&server) {
        for method in METHODS {
            // Signing out is no exception here: nobody could vouch for it.
            if path != "/logout" && is_exempt(method, &path) {
                continue;
            }
            let ask = Ask::new(method, &path).header("Sec-Fetch-Site", "same-origin");
            for ask in [ask.clone(), ask.json()] {
                let answer = ada.clone().send(ask).await;
                assert_eq!(answer.is(503).header("retry-after"), Some("1"), "{}", answer.shown());
                assert!(
                    answer.header(ROUTE).is_some_and(|route| route.ends_with(" /-/rejected")),
                    "{}",
                    answer.shown()
                );
                assert!(answer.cookie("sessiond").is_none(), "{}", answer.shown());
                assert_eq!(answer.body.is_empty(), method == Method::Head, "{}", answer.shown());
            }
        }
    }
    assert_eq!(server.probe.ran(), 0);
    server.faults().fail(false);
    assert!(ada.is_signed_in().await, "nothing is lost");
}

#[tokio::test]
async fn sign_in_and_static_files_need_no_session() {
    let server = Server::start().await;
    let mut ada = server.user(ADA).await;
    server.faults().fail(true);
    ada.get("/static/app.css").await.is(200);
    let page = ada.get("/login").await;
    page.is(200).says("Sign in");
    assert!(page.cookie("sessiond").is_none());
    ada.get("/setup").await.is(503);
    let mut stranger = server.anonymous();
    let form = stranger.get("/login").await.form("/login").fill(&[("email", ADA), ("password", "any")]);
    let answer = stranger.submit(form).await;
    answer.is(503).says("cannot sign anybody in right now").never_says("wrong");
    assert_eq!(answer.header("retry-after"), Some("1"));
    stranger.get("/account").await.asks_to_sign_in();
    server.faults().fail(false);
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn the_server_says_whether_it_would_take_a_change() {
    let server = Server::start().await;
    let mut anybody = server.anonymous();
    anybody.get("/health/live").await.is(200).says("live");
    anybody.get("/health/ready").await.is(200).says("ready");
    server.faults().fail_writes(true);
    anybody.get("/health/ready").await.is(200).says("ready");
    server.pass(std::time::Duration::from_secs(1));
    anybody.get("/health/live").await.is(200);
    let answer = anybody.get("/health/ready").await;
    assert_eq!(answer.is(503).says("not_ready").header("retry-after"), Some("1"));
    server.faults().fail_writes(false);
    server.pass(std::time::Duration::from_secs(1));
    anybody.get("/health/ready").await.is(200);
    // An ended session does not make the server ill, and asking does not renew a live one.
    let mut ada = server.user(ADA).await;
    let mut copy = ada.clone();
    ada.sign_out().await;
    copy.get("/health/ready").await.is(200);
}

#[tokio::test]
async fn a_session_that_cannot_be_noted_as_seen_is_not_let_in() {
    let server = Server::start().await;
    let ada = server.user(ADA).await;
    server.faults().fail_writes(true);
    assert!(ada.is_signed_in().await, "within the touch step nothing is written");
    server.pass(std::time::Duration::from_mins(5));
    ada.clone().get("/probe/mine").await.is(503);
    server.faults().fail_writes(false);
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn one_failure_is_one_503() {
    let server = Server::start().await;
    let mut ada = server.user(ADA).await;
    server.faults().fail_next(1);
    ada.get("/account").await.is(503).says("Please try again");
    ada.get("/account").await.is(200);
    // Where the gate has passed and the page itself cannot be made.
    server.faults().fail_next(1);
    server.anonymous().get("/setup").await.is(503).says("Please try again");
}
