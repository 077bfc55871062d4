//! What is answered when a handler fails: that it failed, and nothing of how.

use crate::harness::{Ask, Server};

const ADA: &str = "ada@example.com";
/// What the probe panics with.
const OWN_WORDS: &str = "a handler's own mistake";

#[tokio::test]
async fn asvs_16_5_1_an_unexpected_error_tells_nothing_of_itself() {
    let server = Server::start().await;
    let ada = server.user(ADA).await;
    for path in ["/probe/panics", "/probe/fails"] {
        let page = ada.clone().get(path).await;
        page.is(500).says("Something went wrong").says("What happened stands in its log.");
        let json = ada.clone().send(Ask::get(path).json()).await;
        assert_eq!(json.is(500).body, r#"{"code":500,"message":"Internal Server Error","type":"error"}"#);
        for answer in [page, json] {
            answer.never_says(OWN_WORDS).never_says("panicked").never_says(".rs:");
        }
    }
}

#[tokio::test]
async fn asvs_16_5_4_a_handler_that_panics_leaves_the_server_and_all_sessions_alive() {
    let server = Server::start().await;
    let (ada, bob) = (server.user(ADA).await, server.user("bob@example.com").await);
    for _ in 0..20 {
        ada.clone().get("/probe/panics").await.is(500);
    }
    assert!(ada.is_signed_in().await && bob.is_signed_in().await);
    drop(server.anonymous().signed_in(ADA).await);
    // It is no way around the gate either.
    ada.clone().sign_out().await.goes_to("/login");
    let ran = server.probe.ran();
    ada.clone().get("/probe/panics").await.asks_to_sign_in();
    assert_eq!(server.probe.ran(), ran);
}
