//! Bodies over the limit.

use rocket::http::Method;

use super::gate::path;
use crate::harness::{Ask, PASSWORD, Server};

const ADA: &str = "ada@example.com";
const NEW: &str = "seven+brave+otters+juggle";

#[tokio::test]
async fn a_form_over_the_limit_is_413_and_changes_nothing() {
    let server = Server::start().await;
    let (mut ada, mut root) = (server.user(ADA).await, server.administrator("root@example.com").await);
    let victim = ada.session().await.to_string();
    let token = root.open("/account").await.form("/logout").field("csrf").unwrap_or_default().to_owned();
    let takes_a_form = |path: &str| {
        let others = ["/probe/", "/account/sessions/0", "/operator/", "/v1/", "/verify"];
        !others.iter().any(|other| path.starts_with(other))
    };
    let mut tried = 0;
    for route in server.routes().into_iter().filter(|route| route.method == Method::Post) {
        let uri = path(&route);
        if !takes_a_form(&uri) {
            continue;
        }
        tried += 1;
        let body = format!(
            "csrf={token}&scope=all&session={victim}&email={ADA}&password={}&new_password={NEW}&new_password_again={NEW}&code=x&name=x&note={}",
            PASSWORD.replace(' ', "+"),
            "x".repeat(32 * 1024)
        );
        let ask = Ask::post(&uri).body("application/x-www-form-urlencoded", body);
        let answer = root.send(ask.header("Sec-Fetch-Site", "same-origin")).await;
        answer.is(413).says("Nothing was changed");
    }
    assert_eq!(tried, 21);
    assert!(ada.is_signed_in().await && root.is_signed_in().await);
}

#[tokio::test]
async fn a_form_just_below_the_limit_is_read() {
    let server = Server::start().await;
    let mut root = server.administrator("root@example.com").await;
    let form = root.open("/admin/sessions").await.form("/admin/sessions/end");
    let missing = "0199f2a4-7d3c-7000-8000-00805f9b34fb";
    let ticked = vec![("session", missing); 600];
    let answer = root.submit(form.fill(&ticked)).await;
    root.follow(answer).await.says("600 could not be found");
}

#[tokio::test]
async fn a_stranger_with_a_huge_body_is_refused_before_it_is_read() {
    let server = Server::start().await;
    for kind in ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"] {
        let huge = Ask::post("/login").body(kind, vec![b'x'; 4 << 20]);
        server.anonymous().send(huge.clone()).await.is(403);
        server.anonymous().send(huge.header("Origin", "https://evil.example")).await.is(403);
    }
}

#[tokio::test]
async fn a_body_that_is_no_text_is_refused() {
    let server = Server::start().await;
    let mut ada = server.user(ADA).await;
    let token = ada.open("/account").await.form("/logout").field("csrf").unwrap_or_default().to_owned();
    for path in ["/account/sessions/end", "/admin/sessions/end", "/login"] {
        let mut body = format!("csrf={token}&scope=").into_bytes();
        body.extend([0xff, 0xfe, 0x00]);
        let answer = ada.send(Ask::post(path).body("application/x-www-form-urlencoded", body)).await;
        assert!(matches!(answer.status.code, 400 | 403 | 422), "{}", answer.shown());
        let answer = ada.send(Ask::post(path).body("application/x-www-form-urlencoded", [0xff; 64])).await;
        assert!(matches!(answer.status.code, 400 | 403), "{}", answer.shown());
    }
    assert!(ada.is_signed_in().await);
}
