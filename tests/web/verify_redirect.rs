//! The way from an application to the sign-in page and back.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::verify::tells_nobody;
use crate::harness::{Answer, Ask, On, PASSWORD, Person, Server};

const ADA: &str = "ada@example.com";
const SETTINGS: &str = "public_url = \"https://login.example.com\"\ncookie_domain = \"example.com\"\n\
                        trusted_proxies = [\"127.0.0.1\"]";
const LOGIN: &str = "https://login.example.com/login";

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// What a proxy at this address is answered for a request that it describes so.
async fn redirected(server: &Server, from: &str, query: &str, headers: &[(&str, &str)]) -> String {
    let ask = headers.iter().fold(Ask::get(format!("/verify{query}")), |ask, (name, value)| ask.header(name, *value));
    let answer = server.anonymous().at(from).send(ask).await;
    tells_nobody(&answer, 302);
    assert!(answer.body.is_empty(), "{}", answer.shown());
    answer.location().expect("a way").to_owned()
}

fn forwarded<'a>(proto: &'a str, host: &'a str, uri: &'a str) -> [(&'static str, &'a str); 3] {
    [("X-Forwarded-Proto", proto), ("X-Forwarded-Host", host), ("X-Forwarded-Uri", uri)]
}

#[tokio::test]
async fn a_trusted_proxy_tells_where_to_come_back_to() {
    let server = Server::with(On::Memory, SETTINGS).await;
    let long = format!("/{}", "x".repeat(3000));
    for (headers, back) in [
        (forwarded("https", "app.example.com", "/a?b=c&d=%20"), Some("https://app.example.com/a?b=c&d=%20")),
        (forwarded("https", "app.example.com", "/"), Some("https://app.example.com/")),
        (forwarded("https", "app.example.com:8443", "/x"), Some("https://app.example.com:8443/x")),
        (forwarded("https", "app.example.com", &long), Some("https://app.example.com/")),
        (forwarded("https", "app.example.com", "x"), Some("https://app.example.com/")),
        (forwarded("https", "app.example.com", "//evil"), Some("https://app.example.com//evil")),
        (forwarded("https", "login.example.com", "/account"), Some("/account")),
        (forwarded("https", "login.example.com", "/logout"), None),
        (forwarded("http", "app.example.com", "/x"), None),
        (forwarded("https", "evil.example", "/x"), None),
        (forwarded("https", "app.example.com@evil.example", "/x"), None),
        (forwarded("https", "evil.example/.example.com", "/x"), None),
        (forwarded("https", "app.example.com, evil.example", "/x"), None),
        (forwarded("https://evil.example/?", "app.example.com", "/x"), None),
        (forwarded("javascript", "app.example.com", "/x"), None),
    ] {
        let wanted = back.map_or_else(|| LOGIN.to_owned(), |back| format!("{LOGIN}?next={}", encoded(back)));
        assert_eq!(redirected(&server, "127.0.0.1", "?redirect=true", &headers).await, wanted, "{headers:?}");
        // Others may say what they like.
        assert_eq!(redirected(&server, "192.0.2.1", "?redirect=true", &headers).await, LOGIN, "{headers:?}");
    }
}

#[tokio::test]
async fn what_a_proxy_leaves_out_is_taken_from_the_question() {
    let server = Server::with(On::Memory, SETTINGS).await;
    let host = [("X-Forwarded-Host", "app.example.com")];
    let whole = format!("{LOGIN}?next={}", encoded("https://app.example.com/a?b=c&label=d"));
    let root = format!("{LOGIN}?next={}", encoded("https://app.example.com/"));
    assert_eq!(redirected(&server, "127.0.0.1", "?redirect=true&path=/a?b=c&label=d", &host).await, whole);
    assert_eq!(redirected(&server, "127.0.0.1", "?redirect=true", &host).await, root);
    // A form that was sent cannot be sent again by going there.
    let posted = [host[0], ("X-Forwarded-Method", "POST"), ("X-Forwarded-Uri", "/pay")];
    assert_eq!(redirected(&server, "127.0.0.1", "?redirect=true", &posted).await, root);
    // Whatever came twice is not to be believed.
    let twice = [host[0], ("X-Forwarded-Host", "b.example.com"), ("X-Forwarded-Uri", "/a")];
    assert_eq!(redirected(&server, "127.0.0.1", "?redirect=true", &twice).await, LOGIN);
}

#[tokio::test]
async fn without_a_redirect_the_way_stands_beside_the_refusal() {
    let server = Server::with(On::Memory, SETTINGS).await;
    let ask = forwarded("https", "app.example.com", "/x").into_iter();
    let ask = ask.fold(Ask::get("/verify"), |ask, (name, value)| ask.header(name, value));
    let answer = server.anonymous().at("127.0.0.1").send(ask).await;
    tells_nobody(&answer, 401);
    let back = format!("{LOGIN}?next={}", encoded("https://app.example.com/x"));
    assert_eq!(answer.location(), Some(back.as_str()), "{}", answer.shown());
}

/// Signs in on the page for `next`.
async fn sign_in(person: &mut Person<'_>, next: &str) -> Answer {
    let page = format!("/login?next={}", encoded(next));
    person.fill(&page, "/login", &[("email", ADA), ("password", PASSWORD)]).await
}

const APP: &str = "https://app.example.com/a?b=c&d='e'";

#[tokio::test]
async fn who_has_signed_in_goes_back_to_the_application_by_a_page_of_ours() {
    let server = Server::with(On::Memory, SETTINGS).await;
    server.create(ADA, &[]).await;
    let mut ada = server.anonymous();
    let answer = sign_in(&mut ada, APP).await;
    answer.goes_to(&format!("/login?next={}", encoded(APP)));
    let page = ada.follow(answer).await;
    page.is(200).says("You are signed in").says("app.example.com");
    assert_eq!(page.link("Continue"), APP);
    let refresh = "<meta http-equiv=\"refresh\" content=\"0; url=https:&#x2F;&#x2F;app.example.com&#x2F;a?b=c&amp;d=&#x27;e&#x27;\">";
    assert!(page.body.contains(refresh), "{}", page.body);
    // By itself only once: an application that sends everybody back would have them go in circles.
    let again = ada.get(&format!("/login?next={}", encoded(APP))).await;
    assert!(!again.is(200).body.contains("http-equiv=\"refresh\"") && again.link("Continue") == APP);
    // Nor where there is something to read.
    let server = Server::with(On::Memory, &format!("{SETTINGS}\nsessions_per_user = 1")).await;
    drop(server.user(ADA).await);
    let mut elsewhere = server.anonymous();
    let answer = sign_in(&mut elsewhere, APP).await;
    let page = elsewhere.follow(answer).await;
    assert!(
        page.says("You had too many sessions").link("Continue") == APP && !page.body.contains("refresh"),
        "{}",
        page.body
    );
}

#[tokio::test]
async fn asvs_3_7_2_the_page_leads_to_no_host_that_does_not_belong_here() {
    let server = Server::with(On::Memory, SETTINGS).await;
    server.create(ADA, &[]).await;
    for next in
        ["https://evil.example/", "https://app.example.com@evil.example/", "//evil.example", "javascript:alert(1)"]
    {
        let mut ada = server.anonymous();
        let page = ada.get(&format!("/login?next={}", encoded(next))).await;
        assert_eq!(page.form("/login").field("next"), Some(""), "{next}");
        sign_in(&mut ada, next).await.goes_to("/account");
        // Nor for a form that was made by hand.
        let form =
            ada.get("/login").await.form("/login").fill(&[("email", ADA), ("password", PASSWORD), ("next", next)]);
        ada.submit(form).await.goes_to("/account");
        let page = ada.get(&format!("/login?next={}", encoded(next))).await;
        page.is(200).says("Sign in").never_says("evil").never_says("javascript:");
    }
}

#[tokio::test]
async fn the_sign_in_page_tells_why_a_session_is_over() {
    let server = Server::with(On::Memory, SETTINGS).await;
    let (ada, mut elsewhere) = (server.user(ADA).await, server.user(ADA).await);
    let form = elsewhere.open("/account").await.form("/account/sessions/end");
    elsewhere.submit(form).await.goes_to("/account");
    let ask = forwarded("https", "app.example.com", "/x").into_iter();
    let ask = ask.fold(Ask::get("/verify?redirect=true"), |ask, (name, value)| ask.header(name, value));
    let mut ada = ada.at("127.0.0.1");
    let answer = ada.send(ask).await;
    tells_nobody(&answer, 302);
    assert!(answer.cookies().is_empty(), "{}", answer.shown());
    let page =
        ada.get(answer.location().and_then(|to| to.strip_prefix("https://login.example.com")).expect("ours")).await;
    page.is(200).says("You ended this session from another device or browser.");
    let form = page.form("/login").fill(&[("email", ADA), ("password", PASSWORD)]);
    ada.submit(form).await.goes_to(&format!("/login?next={}", encoded("https://app.example.com/x")));
}

#[tokio::test]
async fn a_password_for_one_use_leads_back_to_the_application_too() {
    let server = Server::with(On::Memory, SETTINGS).await;
    let mut root = server.administrator("root@example.com").await;
    let fields = [("email", ADA), ("name", "Ada")];
    let made = root.fill("/admin/users/new", "/admin/users/new", &fields).await;
    let code = made
        .is(200)
        .body
        .split("id=\"secret\"")
        .nth(1)
        .and_then(|rest| rest.split(['>', '<']).nth(1))
        .expect("a password");
    let mut ada = server.anonymous();
    let page = format!("/login?next={}", encoded(APP));
    let page = ada.fill(&page, "/login", &[("email", ADA), ("password", code)]).await;
    let form = page.form("/login/password");
    assert_eq!(form.field("next"), Some(APP), "{}", page.shown());
    let chosen = "seven brave otters juggle";
    let form = form.fill(&[("new_password", chosen), ("new_password_again", chosen)]);
    ada.submit(form).await.goes_to(&format!("/login?next={}", encoded(APP)));
}
