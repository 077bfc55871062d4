//! The way back in for whoever has forgotten their password.

use crate::harness::{On, Server};

const PATH: &str = "/login/forgotten";

#[tokio::test]
async fn the_sign_in_page_leads_to_the_way_back_in() {
    let server = Server::start().await;
    server.create("ada@example.com", &[]).await;
    let mut ada = server.anonymous();
    let page = ada.open("/login").await;
    assert_eq!(page.link("Forgotten your password?"), PATH);
    let page = ada.open(PATH).await;
    page.is(200).says("Ask an administrator").says("good once and for a short time");
    assert_eq!(page.link("Back to signing in"), "/login");
    assert!(!page.has_link("Ask for help"), "{}", page.shown());
    // A failed try leads there, too: that is when people look for it.
    let refused = ada.sign_in("ada@example.com", "not the right words").await;
    assert_eq!(refused.is(401).link("Forgotten your password?"), PATH);
}

#[tokio::test]
async fn text_and_link_are_the_operators() {
    let told = "text = \"Call 1234.\\nOr knock at <room> 5.\"";
    let server = Server::with(
        On::Memory,
        &format!("forgotten_password = {{ {told}, link = \"https://help.example.com/?a=b&c\" }}"),
    )
    .await;
    let page = server.anonymous().open(PATH).await;
    page.is(200).says("Call 1234. Or knock at <room> 5.").never_says("Ask an administrator");
    assert!(page.body.contains("<p>Call 1234.</p>") && page.body.contains("&lt;room&gt;"), "{}", page.body);
    assert_eq!(page.link("Ask for help"), "https://help.example.com/?a=b&c");

    let server = server.restarted("forgotten_password = { link = \"mailto:help@example.com?subject=Password\" }").await;
    let page = server.anonymous().open(PATH).await;
    page.is(200).says("Ask an administrator");
    assert_eq!(page.link("Write to help@example.com"), "mailto:help@example.com?subject=Password");
}

#[tokio::test]
async fn asvs_6_4_2_the_way_back_in_asks_for_nothing_and_is_the_same_for_everybody() {
    let server = Server::start().await;
    let (mut ada, mut stranger) = (server.user("ada@example.com").await, server.anonymous());
    let page = stranger.get(PATH).await;
    assert!(page.is(200).forms().is_empty(), "{}", page.shown());
    for query in ["?email=ada@example.com", "?email=eve@example.com"] {
        assert_eq!(stranger.get(&format!("{PATH}{query}")).await.body, stranger.get(PATH).await.body);
    }
    ada.get(PATH).await.is(200);
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn whoever_was_turned_away_is_shown_the_way_back_in() {
    let server = Server::start().await;
    let mut ada = super::gate::ended(&server).await;
    ada.get(PATH).await.is(200).says("Ask an administrator");
    server.faults().fail(true);
    ada.get(PATH).await.is(200).says("Ask an administrator");
}
