//! Signing in.

use crate::harness::{Answer, Ask, On, PASSWORD, Server};

on_both_stores! {
    the_right_password_opens_the_account,
    asvs_6_3_8_a_wrong_password_and_an_unknown_user_get_the_same_page,
}

const ADA: &str = "ada@example.com";

async fn the_right_password_opens_the_account(server: Server) {
    server.create_named(ADA, "Ada Lovelace", &[]).await;
    let mut ada = server.anonymous();
    ada.open("/login").await.is(200).says("Sign in").says("Keep me signed in");
    let answer = ada.sign_in("  ADA@Example.com ", PASSWORD).await;
    answer.goes_to("/account").never_says(PASSWORD);
    let page = ada.follow(answer).await;
    page.is(200).says("Ada Lovelace").says("Firefox on Windows").says("192.0.2.10");
    page.never_says(&ada.credential().expect("a cookie"));
}

/// The page without what differs between any two requests.
pub fn leveled(answer: &Answer, email: &str) -> String {
    let token = answer.form("/login").field("csrf").unwrap_or_default().to_owned();
    assert!(!token.is_empty() && answer.body.contains(email), "{}", answer.shown());
    let mut headers = answer.headers.clone();
    headers.sort();
    format!("{} {headers:?} {}", answer.status, answer.body.replace(&token, "TOKEN").replace(email, "EMAIL"))
}

async fn asvs_6_3_8_a_wrong_password_and_an_unknown_user_get_the_same_page(server: Server) {
    server.create(ADA, &[]).await;
    let (mut one, mut other) = (server.anonymous(), server.anonymous());
    let wrong = one.sign_in(ADA, "not the right words").await;
    let unknown = other.sign_in("eve@example.com", PASSWORD).await;
    wrong.is(401).says("The e-mail address, the password or the code is wrong.");
    assert_eq!(wrong.header("www-authenticate"), Some("Session realm=\"sessiond\""));
    assert_eq!(leveled(&wrong, ADA), leveled(&unknown, "eve@example.com"));
    assert_eq!((one.credential(), other.credential()), (None, None));
}

#[tokio::test]
async fn the_page_keeps_address_choice_and_way_back_but_never_the_password() {
    let server = Server::start().await;
    server.create(ADA, &[]).await;
    let mut ada = server.anonymous();
    let fields = [("email", ADA), ("password", "not the right words"), ("remember", "on")];
    let answer = ada.fill("/login?next=/admin/sessions", "/login", &fields).await;
    answer.is(401).never_says("not the right words");
    let form = answer.form("/login");
    assert_eq!((form.field("email"), form.field("password")), (Some(ADA), Some("")));
    assert_eq!((form.field("remember"), form.field("next")), (Some("on"), Some("/admin/sessions")));
    ada.submit(form.fill(&[("password", PASSWORD)])).await.goes_to("/admin/sessions");
}

#[tokio::test]
async fn whatever_is_typed_as_address_or_password_is_only_wrong() {
    let server = Server::start().await;
    server.create(ADA, &[]).await;
    let long = "a".repeat(20_000);
    for (email, password) in [
        ("", ""),
        ("ada", PASSWORD),
        (ADA, ""),
        (ADA, "A FEW WORDS IN A ROW"),
        (ADA, "a few words in a row "),
        (ADA, &long),
        ("a\u{0}b@example.com", PASSWORD),
        ("🦀@example.com", "🦀"),
        ("' or 1=1 --@x", PASSWORD),
    ] {
        server.anonymous().sign_in(email, password).await.is(401);
    }
}

#[tokio::test]
async fn asvs_3_3_1_over_plain_http_the_cookie_has_the_plain_name_and_goes_with_the_browser() {
    let server = Server::start().await;
    server.create(ADA, &[]).await;
    let answer = server.anonymous().sign_in(ADA, PASSWORD).await;
    let cookie = answer.cookie("sessiond").expect("a session cookie");
    assert_eq!(cookie.value.len(), 86);
    let device = answer.cookie("sessiond-device").expect("a known browser's cookie");
    assert_eq!(
        answer.all("set-cookie"),
        [
            format!("sessiond={}; Path=/; HttpOnly; SameSite=Lax", cookie.value),
            format!("sessiond-device={}; Path=/; HttpOnly; SameSite=Lax; Max-Age=15552000", device.value),
        ]
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn asvs_3_3_1_over_https_every_cookie_is_secure_and_bound_to_the_host() {
    let server = Server::with(On::Memory, "public_url = \"https://login.example.com\"").await;
    server.create(ADA, &[]).await;
    let mut ada = server.anonymous();
    let page = ada.open("/login").await;
    let answer = ada.submit(page.form("/login").fill(&[("email", ADA), ("password", PASSWORD)])).await;
    let out = ada.sign_out().await;
    for (answer, name) in [(&page, "__Host-sessiond-visitor"), (&answer, "__Host-sessiond"), (&out, "__Host-sessiond")]
    {
        assert!(answer.cookie(name).is_some(), "{name}\n{}", answer.shown());
        for cookie in answer.cookies() {
            assert!(cookie.name.starts_with("__Host-"), "{cookie:?}");
            for attribute in ["secure", "httponly", "path", "samesite"] {
                assert!(cookie.has(attribute), "{attribute} is missing: {cookie:?}");
            }
            assert_eq!(cookie.attributes.get("samesite").map(String::as_str), Some("Lax"), "{cookie:?}");
            assert!(!cookie.has("domain"), "{cookie:?}");
        }
    }
    assert!(out.all("set-cookie").iter().all(|header| header.len() < 4096));
}

#[tokio::test]
async fn keep_me_signed_in_outlives_the_browser_except_for_administrators() {
    let server = Server::start().await;
    server.create(ADA, &[]).await;
    drop(server.administrator("root@example.com").await);
    let remember = |email| [("email", email), ("password", PASSWORD), ("remember", "on")];
    let answer = server.anonymous().fill("/login", "/login", &remember(ADA)).await;
    assert_eq!(answer.cookie("sessiond").and_then(|cookie| cookie.max_age()), Some(30 * 24 * 3600));
    let answer = server.anonymous().fill("/login", "/login", &remember("root@example.com")).await;
    assert_eq!(answer.cookie("sessiond").expect("a cookie").max_age(), None);
}

#[tokio::test]
async fn asvs_3_7_2_the_way_back_stays_on_this_server() {
    let server = Server::start().await;
    server.create(ADA, &[]).await;
    for next in [
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example/",
        "javascript:alert(1)",
        "/\tevil",
        "/ /evil.example",
        "/account\r\nSet-Cookie: sessiond=x",
        "/logout",
        "/login?next=/account",
        "account",
        "",
    ] {
        let mut ada = server.anonymous();
        let encoded = percent_encoding::utf8_percent_encode(next, percent_encoding::NON_ALPHANUMERIC);
        let page = ada.open(&format!("/login?next={encoded}")).await;
        assert_eq!(page.is(200).form("/login").field("next"), Some(""), "{next}");
        // Nor when the field of the form says it.
        let fields = [("email", ADA), ("password", PASSWORD), ("next", next)];
        ada.submit(page.form("/login").fill(&fields)).await.goes_to("/account");
    }
    for next in ["/account", "/admin/sessions?user=ada%40example.com&status=any", "/%2f%2fevil.example"] {
        let fields = [("email", ADA), ("password", PASSWORD), ("next", next)];
        server.anonymous().fill("/login", "/login", &fields).await.goes_to(next);
    }
}

#[tokio::test]
async fn asvs_7_6_2_no_get_begins_a_session() {
    let server = Server::start().await;
    server.create(ADA, &[]).await;
    let uri = format!("/login?email=ada%40example.com&password={}", PASSWORD.replace(' ', "+"));
    let mut person = server.anonymous();
    person.get(&uri).await.is(200);
    person.send(Ask::get(&uri).header("Authorization", "Basic YWRhQGV4YW1wbGUuY29tOmE=")).await.is(200);
    assert_eq!(person.credential(), None);
}

#[tokio::test]
async fn somebody_who_was_sent_to_sign_in_comes_back_to_where_they_wanted_to_go() {
    let server = Server::start().await;
    drop(server.administrator("root@example.com").await);
    let mut root = server.anonymous();
    let page = root.open("/admin/sessions?user=ada&status=any").await;
    page.is(200).says("Sign in");
    let form = page.form("/login").fill(&[("email", "root@example.com"), ("password", PASSWORD)]);
    let answer = root.submit(form).await;
    answer.goes_to("/admin/sessions?user=ada&status=any");
    root.follow(answer).await.is(200).says("No session matches this filter");
}
