//! Security headers, on whatever is answered.

use rocket::http::Method;

use crate::harness::{Answer, Ask, On, Person, Server};

const ADA: &str = "ada@example.com";

/// Every header that must be there, whatever the answer.
#[track_caller]
fn is_secured(answer: &Answer, https: bool) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-robots-tag", "noindex, nofollow"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}\n{}", answer.shown());
    }
    assert!(answer.header("permissions-policy").is_some(), "{}", answer.shown());
    let policy = answer.header("content-security-policy").unwrap_or_default();
    for directive in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"] {
        assert!(policy.contains(directive), "{directive}\n{}", answer.shown());
    }
    assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("http"), "{policy}");
    let transport = answer.header("strict-transport-security");
    assert_eq!(transport, https.then_some("max-age=63072000; includeSubDomains"), "{}", answer.shown());
    assert!(answer.header("server").is_none(), "nobody needs to know what runs here\n{}", answer.shown());
    assert!(answer.all("access-control-allow-origin").is_empty(), "{}", answer.shown());
}

/// An answer of every kind, each with what it should be.
async fn answers(server: &Server) -> Vec<(u16, Answer)> {
    let mut ada = server.user(ADA).await;
    let mut root = server.administrator("root@example.com").await;
    let token = ada.open("/account").await.form("/logout").field("csrf").unwrap_or_default().to_owned();
    let form = |uri: &str, rest: &str| {
        let ask = Ask::post(uri).body("application/x-www-form-urlencoded", format!("csrf={token}&{rest}"));
        ask.header("Sec-Fetch-Site", "same-origin").header("Accept", "text/html")
    };
    let ended = {
        let mut elsewhere = server.user(ADA).await;
        let copy = elsewhere.clone();
        elsewhere.sign_out().await;
        copy
    };
    let style = ada.get("/static/app.css").await;
    let tag = style.header("etag").unwrap_or_default().to_owned();
    let mut all = vec![
        (200, server.anonymous().get("/login").await),
        (200, ada.get("/account").await),
        (200, root.get("/admin/sessions").await),
        (200, ada.get("/probe/mine").await),
        (200, ada.send(Ask::new(Method::Head, "/account")).await),
        (303, server.anonymous().get("/account").await),
        (303, ended.clone().get("/account").await),
        (401, ended.clone().send(Ask::get("/account").json()).await),
        (401, server.anonymous().sign_in(ADA, "wrong").await),
        (401, server.anonymous().send(Ask::get("/probe/mine").json()).await),
        (400, root.get("/admin/sessions?status=dead").await),
        (403, ada.get("/admin/sessions").await),
        (403, ada.send(Ask::post("/probe/change")).await),
        (403, ada.send(Ask::post("/probe/change").header("Origin", "https://evil.example")).await),
        (404, ada.get("/nowhere").await),
        (404, server.anonymous().get("/nowhere").await),
        (404, ada.send(Ask::get("/nowhere").json()).await),
        (404, ada.get("/-/rejected").await),
        (404, ada.get("/static/nothing.css").await),
        (404, ada.get("/static/../Cargo.toml").await),
        (413, ada.send(form("/account/sessions/end", &"x".repeat(40_000))).await),
        (422, ada.send(form("/account/sessions/end", "scope=none")).await),
        (500, ada.get("/probe/fails").await),
        (500, ada.get("/probe/panics").await),
        (500, ada.send(Ask::get("/probe/fails").json()).await),
        (200, style),
        (304, ada.send(Ask::get("/static/app.css").header("If-None-Match", tag)).await),
    ];
    for method in [Method::Options, Method::Trace, Method::Patch, Method::Put, Method::Delete] {
        let ask = Ask::new(method, "/login").header("Sec-Fetch-Site", "same-origin");
        all.push((404, server.anonymous().send(ask).await));
    }
    all
}

async fn checked(https: bool) {
    let settings = if https { "public_url = \"https://login.example.com\"" } else { "" };
    let server = Server::with(On::Memory, settings).await;
    for (status, answer) in answers(&server).await {
        is_secured(answer.is(status), https);
        let statics = answer.asked.contains("/static/app.css");
        if statics {
            assert_eq!(answer.header("cache-control"), Some("no-cache"), "{}", answer.shown());
            assert!(answer.cookies().is_empty(), "{}", answer.shown());
        } else {
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{}", answer.shown());
        }
    }
    let mut ada = server.user(ADA).await;
    server.faults().fail(true);
    for answer in [ada.get("/account").await, ada.send(Ask::get("/account").json()).await] {
        is_secured(answer.is(503), https);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn asvs_3_4_1_every_answer_over_http_has_them_all_but_strict_transport_security() {
    checked(false).await;
}

#[tokio::test]
async fn asvs_3_4_1_every_answer_over_https_has_strict_transport_security_as_well() {
    checked(true).await;
}

#[tokio::test]
async fn asvs_14_2_2_whatever_sets_a_cookie_is_not_kept_by_caches() {
    let server = Server::start().await;
    server.create(ADA, &[]).await;
    let mut ada = server.anonymous();
    let page = ada.get("/login").await;
    let signed_in = ada.sign_in(ADA, crate::harness::PASSWORD).await;
    let signed_out = ada.sign_out().await;
    for answer in [page, signed_in, signed_out] {
        assert!(!answer.cookies().is_empty(), "{}", answer.shown());
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{}", answer.shown());
    }
}

#[tokio::test]
async fn asvs_14_2_2_an_applications_own_caching_rule_gives_way_to_a_cookie() {
    let server = Server::start().await;
    let mut person = server.anonymous();
    let plain = person.get("/probe/cached").await;
    assert_eq!(plain.is(200).header("cache-control"), Some("public, max-age=60"));
    let setting = person.get("/probe/cached/cookie").await;
    assert_eq!(setting.is(200).header("cache-control"), Some("no-store"), "{}", setting.shown());
}

#[tokio::test]
async fn a_file_under_its_contents_name_may_be_kept_for_ever() {
    let server = Server::start().await;
    let mut person: Person<'_> = server.anonymous();
    let page = person.open("/login").await;
    let style =
        page.body.split("href=\"").filter_map(|rest| rest.split('"').next()).find(|url| url.contains("app.css"));
    let answer = person.get(style.expect("a stylesheet")).await;
    assert_eq!(answer.is(200).header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(answer.header("content-type"), Some("text/css; charset=utf-8"));
    let other = person.get("/static/app.css?v=0000000000000000").await;
    assert_eq!(other.is(200).header("cache-control"), Some("no-cache"));
}
