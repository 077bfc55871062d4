//! `/verify`: what a reverse proxy is told of whoever sent a request.

use std::time::Duration;

use rocket::http::Method;
use sessiond::domain::change::UserChange;
use sessiond::domain::ending::Actor;
use sessiond::domain::user::Label;
use sessiond::service::sessions::Order;

use super::gate::METHODS;
use crate::harness::{Answer, Ask, On, PASSWORD, Person, Server};

on_both_stores! {
    all_four_headers_are_there_whoever_it_is,
    asvs_7_1_3_a_verdict_is_asked_for_anew_with_each_request,
}

const ADA: &str = "ada@example.com";
const NAMES: [&str; 4] = ["remote-user", "remote-name", "remote-email", "remote-groups"];

/// What a proxy asks for somebody's request.
pub async fn verify(person: &Person<'_>, query: &str) -> Answer {
    person.clone().send(Ask::get(format!("/verify{query}"))).await
}

fn label(text: &str) -> Label {
    text.parse().expect("a label")
}

/// 200 with the four headers, each once, and nothing to read.
#[track_caller]
fn told(answer: &Answer) -> [&str; 4] {
    answer.is(200);
    assert_eq!((answer.body.as_str(), answer.header("cache-control")), ("", Some("no-store")), "{}", answer.shown());
    assert!(answer.cookies().is_empty(), "{}", answer.shown());
    NAMES.map(|name| answer.header(name).unwrap_or_else(|| panic!("no {name}\n{}", answer.shown())))
}

/// No header that could be taken for an identity.
#[track_caller]
pub fn tells_nobody(answer: &Answer, status: u16) {
    answer.is(status);
    for name in NAMES {
        assert!(answer.header(name).is_none(), "{}", answer.shown());
    }
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{}", answer.shown());
}

/// 401 as programs read it.
#[track_caller]
fn refused(answer: &Answer, code: &str) {
    tells_nobody(answer, 401);
    assert_eq!(answer.header("www-authenticate"), Some("Session realm=\"sessiond\""));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let body: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!((body["code"].as_u64(), body["type"].as_str()), (Some(401), Some(code)), "{}", answer.shown());
}

async fn all_four_headers_are_there_whoever_it_is(server: Server) {
    for (email, name, labels, headers) in [
        (ADA, "Ada Lovelace", &["staff", "ops", "Zoo"][..], ["Ada%20Lovelace", ADA, "Zoo,ops,staff"]),
        ("bob@example.com", "", &[], ["", "bob@example.com", ""]),
        (
            "eve@example.com",
            "Ève, \"die\" 🦀;=%0d%0aX: y",
            &[],
            ["%C3%88ve%2C%20%22die%22%20%F0%9F%A6%80%3B%3D%250d%250aX%3A%20y", "eve@example.com", ""],
        ),
        ("zoë%41+x'@exämple.com", "Zoë", &["a"], ["Zo%C3%AB", "zo%C3%AB%2541+x'@ex%C3%A4mple.com", "a"]),
    ] {
        let labels: Vec<_> = labels.iter().map(|text| label(text)).collect();
        let user = server.create_named(email, name, &labels).await.expect("a new user");
        let person = server.anonymous().signed_in(email).await;
        let answer = verify(&person, "").await;
        let [id, rest @ ..] = told(&answer);
        // A user without a name is called by the address.
        let name = if name.is_empty() { rest[0] } else { headers[0] };
        assert_eq!((id, rest), (user.id.as_str(), [name, headers[1], headers[2]]));
        assert!(rest.iter().all(|value| value.bytes().all(|byte| byte.is_ascii_graphic())), "{rest:?}");
    }
}

async fn asvs_7_1_3_a_verdict_is_asked_for_anew_with_each_request(server: Server) {
    let (ada, mut elsewhere) = (server.user(ADA).await, server.user(ADA).await);
    told(&verify(&ada, "").await);
    let form = elsewhere.open("/account").await.form("/account/sessions/end");
    elsewhere.submit(form).await.goes_to("/account");
    let answer = verify(&ada, "").await;
    refused(&answer, "session_ended");
    assert!(answer.cookie("sessiond").is_some_and(|cookie| cookie.expires()), "{}", answer.shown());
    told(&verify(&elsewhere, "").await);
    // Labels and names are those of this very request.
    let user = server.service.named(ADA).await.expect("the store answers").expect("there she is");
    let order = Order { by: Actor::Operator, note: None, from: None };
    let labels = UserChange::Labels([label("staff")].into());
    server.service.change_user(&user.id, labels, &order).await.expect("the store answers");
    assert_eq!(told(&verify(&elsewhere, "").await)[3], "staff");
    server.service.change_user(&user.id, UserChange::Block, &order).await.expect("the store answers");
    refused(&verify(&elsewhere, "").await, "session_ended");
}

#[tokio::test]
async fn who_is_not_signed_in_is_refused_with_a_challenge() {
    let server = Server::start().await;
    let ada = server.user(ADA).await;
    refused(&verify(&server.anonymous(), "").await, "unauthorized");
    let credential = ada.credential().expect("a cookie");
    for cookie in [
        String::new(),
        "sessiond=".to_owned(),
        "sessiond=x".to_owned(),
        format!("sessiond={}", &credential[1..]),
        format!("sessiond={credential}; sessiond={credential}"),
        format!("__Secure-sessiond-proxy={credential}"),
    ] {
        let answer = server.send(Ask::get("/verify").header("Cookie", &cookie), [192, 0, 2, 1].into()).await;
        refused(&answer, "unauthorized");
        assert!(answer.cookies().is_empty(), "{}", answer.shown());
    }
    for (name, value) in [
        ("Authorization", format!("Bearer {credential}")),
        ("X-Appwrite-Session", credential.clone()),
        ("Remote-User", "root".to_owned()),
    ] {
        let answer = server.send(Ask::get("/verify").header(name, value), [192, 0, 2, 1].into()).await;
        refused(&answer, "unauthorized");
    }
    server.pass(Duration::from_hours(2));
    let answer = verify(&ada, "").await;
    refused(&answer, "session_expired");
    assert!(answer.cookie("sessiond").is_some_and(|cookie| cookie.expires()), "{}", answer.shown());
}

#[tokio::test]
async fn headers_that_a_client_has_sent_never_count() {
    let server = Server::start().await;
    let ada = server.user(ADA).await;
    let forged = NAMES.iter().fold(Ask::get("/verify"), |ask, name| ask.header(name, "root"));
    let forged = forged.header("Remote_User", "root").header("Authorization", "Bearer x");
    let answer = ada.clone().send(forged.clone()).await;
    let [user, name, email, groups] = told(&answer);
    assert!(![user, name, groups].contains(&"root") && email == ADA, "{}", answer.shown());
    tells_nobody(&server.anonymous().send(forged).await, 401);
}

#[tokio::test]
async fn every_method_gets_the_same_answer_and_changes_nothing() {
    let server = Server::start().await;
    let (ada, nobody) = (server.user(ADA).await, server.anonymous());
    for method in METHODS {
        for headers in [&[][..], &[("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example")]] {
            let ask = headers.iter().fold(Ask::new(method, "/verify"), |ask, (name, value)| ask.header(name, *value));
            told(&ada.clone().send(ask.clone()).await);
            let form = ask.clone().form([("_method", "delete"), ("csrf", "x"), ("scope", "all")]);
            let form = form.header("Content-Length", "30");
            told(&ada.clone().send(form).await);
            let answer = nobody.clone().send(ask).await;
            tells_nobody(&answer, 401);
            assert_eq!(answer.body.is_empty(), method == Method::Head, "{}", answer.shown());
        }
    }
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn labels_are_required_one_and_all() {
    let server = Server::start().await;
    server.create(ADA, &[label("staff"), label("ops")]).await;
    let ada = server.anonymous().signed_in(ADA).await;
    for query in ["?label=staff", "?label=ops&label=staff", "?label=ops&label=ops", "?label=%6Fps&redirect=true"] {
        assert_eq!(told(&verify(&ada, query).await)[3], "ops,staff", "{query}");
    }
    for query in ["?label=admin", "?label=staff&label=admin", "?label=OPS", "?label=op&redirect=true"] {
        let answer = verify(&ada, query).await;
        tells_nobody(&answer, 403);
        assert!(answer.body.contains("label_missing"), "{}", answer.shown());
        // Whoever is not signed in is told to sign in, not which label it takes.
        let status = if query.contains("redirect") { 302 } else { 401 };
        tells_nobody(&verify(&server.anonymous(), query).await, status);
    }
}

#[tokio::test]
async fn an_administrator_who_still_lacks_the_second_factor_is_none_elsewhere() {
    let server = Server::with(On::Memory, "second_factor = \"administrators\"").await;
    server.create("root@example.com", &[Label::admin(), label("ops")]).await;
    let mut root = server.anonymous().signed_in("root@example.com").await;
    assert_eq!(told(&verify(&root, "?label=ops").await)[3], "ops");
    tells_nobody(&verify(&root, "?label=admin").await, 403);
    super::second_factor::set_up(&server, &mut root).await;
    assert_eq!(told(&verify(&root, "?label=admin").await)[3], "admin,ops");
}

#[tokio::test]
async fn a_parameter_that_is_wrong_is_400_and_named_whoever_asks() {
    let server = Server::start().await;
    let ended = super::gate::ended(&server).await;
    let ada = server.user(ADA).await;
    for (query, named) in [
        ("?redirect=yes", "redirect"),
        ("?redirect=true&redirect=true", "redirect"),
        ("?label=", "label"),
        ("?label=a%20b", "label"),
        ("?group=ops", "group"),
        ("?label=a;redirect=true", "label"),
        ("?%3Cscript%3E=1", "<script>"),
    ] {
        for person in [&ada, &ended, &server.anonymous()] {
            let answer = verify(person, query).await;
            tells_nobody(&answer, 400);
            let body: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
            assert_eq!((body["code"].as_u64(), body["type"].as_str()), (Some(400), Some("bad_request")));
            assert!(body["message"].as_str().is_some_and(|told| told.contains(named)), "{}", answer.shown());
        }
    }
    for query in ["?", "?&", "?path=/a?b=c&redirect=maybe&label=", "?redirect=false&path="] {
        told(&verify(&ada, query).await);
    }
}

#[tokio::test]
async fn while_the_store_fails_nobody_is_let_in() {
    let server = Server::start().await;
    let ada = server.user(ADA).await;
    server.faults().fail(true);
    for query in ["", "?redirect=true", "?label=staff"] {
        let answer = verify(&ada, query).await;
        tells_nobody(&answer, 503);
        assert_eq!((answer.header("retry-after"), answer.cookies().len()), (Some("1"), 0), "{}", answer.shown());
    }
    server.faults().fail(false);
    told(&verify(&ada, "").await);
}

#[tokio::test]
async fn requests_through_the_proxy_keep_a_session_alive() {
    let server = Server::start().await;
    let (ada, idle) = (server.user(ADA).await, server.user(ADA).await);
    for _ in 0..6 {
        server.pass(Duration::from_mins(45));
        told(&verify(&ada, "").await);
    }
    refused(&verify(&idle, "").await, "session_expired");
}

#[tokio::test]
async fn no_other_spelling_of_the_path_asks_this_door() {
    let server = Server::start().await;
    let ada = server.user(ADA).await;
    for path in ["/%76erify", "/verify/", "/Verify", "/verify/x", "//verify"] {
        for method in [Method::Get, Method::Post] {
            let ask = Ask::new(method, path).json().header("Sec-Fetch-Site", "same-origin");
            let answer = ada.clone().send(ask).await;
            assert!(matches!(answer.status.code, 400 | 403 | 404), "{}", answer.shown());
            assert!(answer.header("remote-user").is_none(), "{}", answer.shown());
        }
    }
    ada.clone().get(&format!("/verify?email={ADA}&password={PASSWORD}").replace(' ', "+")).await.is(400);
}
