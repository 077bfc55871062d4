//! What is for administrators is for nobody else.

use rocket::http::Method;

use crate::harness::{Ask, Server};
use crate::web::gate::path;

#[tokio::test]
async fn every_admin_route_is_403_for_other_users_and_asks_strangers_to_sign_in() {
    let server = Server::start().await;
    let mut ada = server.user("ada@example.com").await;
    let mut bob = server.user("bob@example.com").await;
    let id = bob.session().await.to_string();
    let token = ada.open("/account").await.form("/logout").field("csrf").unwrap_or_default().to_owned();
    let stranger = server.anonymous().open("/login").await;
    let mut tried = 0;
    for route in server.routes() {
        if !route.uri.path().starts_with("/admin") {
            continue;
        }
        tried += 1;
        let uri = path(&route);
        let fields = |token: &str| [("csrf", token.to_owned()), ("session", id.clone()), ("password", "x".to_owned())];
        let ask = |token: &str| match route.method {
            Method::Get => Ask::get(&uri),
            method => Ask::new(method, &uri).form(fields(token)),
        };
        ada.send(ask(&token)).await.is(403).says("for administrators");
        ada.send(ask(&token).json()).await.is(403);
        if route.method == Method::Get {
            server.anonymous().send(ask("")).await.asks_to_sign_in();
        }
        let mut visitor = server.anonymous();
        let token = visitor.open("/login").await.form("/login").field("csrf").unwrap_or_default().to_owned();
        visitor.send(ask(&token)).await.asks_to_sign_in();
    }
    assert!(tried >= 7, "only {tried} routes below /admin");
    assert!(bob.is_signed_in().await && stranger.status.code == 200);
    assert_eq!(server.probe.ran(), 1);
}

#[tokio::test]
async fn the_guards_of_an_applications_own_routes_say_401_and_403() {
    let server = Server::start().await;
    let mut ada = server.user("ada@example.com").await;
    let mut root = server.administrator("root@example.com").await;
    ada.get("/probe/mine").await.is(200).says("ran for ada@example.com");
    ada.get("/probe/administrators").await.is(403);
    root.get("/probe/administrators").await.is(200).says("ran for root@example.com");
    server.anonymous().get("/probe/administrators").await.goes_to("/login?next=%2Fprobe%2Fadministrators");
    let refused = server.anonymous().send(Ask::get("/probe/mine").json()).await;
    assert_eq!(refused.is(401).header("www-authenticate"), Some("Session realm=\"sessiond\""));
    assert_eq!(server.probe.ran(), 2);
}

#[tokio::test]
async fn the_navigation_offers_only_what_is_allowed() {
    let server = Server::start().await;
    let mut ada = server.user("ada@example.com").await;
    let page = ada.open("/account").await;
    assert!(page.links().iter().all(|link| !link.starts_with("/admin")), "{}", page.shown());
    let refused = ada.get("/admin/sessions").await;
    refused.is(403).never_says("Filter");
    refused.form("/logout");
}
