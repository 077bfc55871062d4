//! Forms: what changes something was meant by the person, and a form that is out of date is handed back.

use rocket::http::Method;

use super::gate::path;
use crate::harness::{Answer, Ask, On, PASSWORD, Person, Server};

const ADA: &str = "ada@example.com";
const ROOT: &str = "root@example.com";

/// The token of the forms that this browser sees.
async fn token(person: &mut Person<'_>, page: &str, action: &str) -> String {
    person.open(page).await.form(action).field("csrf").unwrap_or_default().to_owned()
}

/// Sends each form of the server with `csrf`, otherwise so that it would do its worst.
async fn send_all(server: &Server, person: &mut Person<'_>, victim: &str, csrf: Option<&str>) -> Vec<Answer> {
    let mut answers = Vec::new();
    for route in server.routes().into_iter().filter(|route| route.method == Method::Post) {
        // Nothing is changed there, and a proxy sends its clients' methods along.
        if route.uri.path() == "/verify" {
            continue;
        }
        let fields = [
            ("session", victim),
            ("only", victim),
            ("scope", "all"),
            ("email", ADA),
            ("password", PASSWORD),
            ("code", "AAAA-AAAA-AAAA"),
            ("name", "Eve"),
        ];
        let fields = csrf.map(|token| ("csrf", token)).into_iter().chain(fields);
        // The API takes no forms: where a request comes from decides there.
        if path(&route).starts_with("/v1") {
            continue;
        }
        let uri = path(&route).replace("0199f2a4-7d3c-7000-8000-00805f9b34fb", victim);
        let ask = Ask::post(uri).form(fields).header("Accept", "text/html");
        answers.push(person.send(ask.clone()).await);
        let own = ask.header("Origin", server.origin.clone()).header("Sec-Fetch-Site", "same-origin");
        answers.push(person.send(own).await);
    }
    assert!(answers.len() >= 16, "only {} forms", answers.len());
    answers
}

#[tokio::test]
async fn asvs_3_5_1_every_form_needs_a_token_of_this_very_session() {
    for on in [On::Memory, On::Sled] {
        let server = Server::with(on, "").await;
        let (mut ada, mut root) = (server.user(ADA).await, server.administrator(ROOT).await);
        let mut elsewhere = server.administrator(ROOT).await;
        let mut visitor = server.anonymous();
        let victim = ada.session().await.to_string();
        let adas = token(&mut ada, "/account", "/logout").await;
        let visitors = token(&mut visitor, "/login", "/login").await;
        let same_users = token(&mut elsewhere, "/account", "/logout").await;
        let own = token(&mut root, "/account", "/logout").await;
        assert!(own != adas && own != visitors && own != same_users);
        let cut = &own[1..];
        let credential = root.credential();
        for csrf in [None, Some(""), Some("x"), Some(cut), Some(&adas), Some(&visitors), Some(&same_users)] {
            for answer in send_all(&server, &mut root, &victim, csrf).await {
                answer.is(403).never_says(PASSWORD).never_says("AAAA-AAAA");
            }
        }
        assert_eq!(server.probe.ran(), 0);
        assert_eq!(root.credential(), credential);
        assert!(root.is_signed_in().await && elsewhere.is_signed_in().await && ada.is_signed_in().await);
    }
}

#[tokio::test]
async fn asvs_3_5_1_signing_in_needs_a_token_too_and_nothing_is_stored_for_it() {
    let server = Server::start().await;
    server.create(ADA, &[]).await;
    let (mut one, mut other) = (server.anonymous(), server.anonymous());
    let foreign = token(&mut other, "/login", "/login").await;
    let page = one.open("/login").await;
    let form = page.form("/login").fill(&[("email", ADA), ("password", PASSWORD)]);
    assert_ne!(form.field("csrf"), Some(foreign.as_str()));
    let refused = one.submit(form.clone().fill(&[("csrf", &foreign)])).await;
    refused.is(403);
    assert_eq!(one.credential(), None);
    // A browser that lost its cookie, or made one up, has no valid form.
    for visitor in ["", "x", &"0".repeat(32), &"g".repeat(32)] {
        let mut browser = server.anonymous();
        browser.jar.set("sessiond-visitor", visitor);
        browser.submit(form.clone()).await.is(403);
        assert_eq!(browser.credential(), None, "{visitor}");
    }
    one.submit(form).await.goes_to("/account");
}

#[tokio::test]
async fn a_stale_sign_in_is_offered_again_with_all_but_the_password() {
    let server = Server::start().await;
    server.create(ADA, &[]).await;
    let mut ada = server.anonymous();
    let form = ada.open("/login?next=/logout-later").await.form("/login");
    let form = form.fill(&[("email", ADA), ("password", PASSWORD), ("remember", "on")]);
    ada.jar.remove("sessiond-visitor");
    let page = ada.submit(form).await;
    page.is(403).says("This form was out of date. Nothing was changed; send it again.").never_says(PASSWORD);
    let form = page.form("/login");
    assert_eq!((form.field("email"), form.field("password")), (Some(ADA), Some("")));
    assert_eq!((form.field("remember"), form.field("next")), (Some("on"), Some("/logout-later")));
    ada.submit(form.fill(&[("password", PASSWORD)])).await.goes_to("/logout-later");
}

#[tokio::test]
async fn a_stale_setup_is_offered_again_without_code_and_password() {
    let server = Server::start().await;
    let code = server.service.offer_setup().await.expect("the store answers").expect("a code");
    let mut root = server.anonymous();
    let form = root.open("/setup").await.form("/setup");
    let form = form.fill(&[("email", ROOT), ("name", "Root"), ("password", PASSWORD), ("code", &code)]);
    root.jar.remove("sessiond-visitor");
    let page = root.submit(form).await;
    page.is(403).never_says(PASSWORD).never_says(&code);
    let form = page.form("/setup");
    assert_eq!((form.field("email"), form.field("name"), form.field("code")), (Some(ROOT), Some("Root"), Some("")));
    root.submit(form.fill(&[("password", PASSWORD), ("code", &code)])).await.goes_to("/login");
}

#[tokio::test]
async fn a_stale_order_is_offered_again_as_it_was() {
    let server = Server::start().await;
    let user = server.create(ADA, &[]).await.expect("a new user");
    let ada = server.anonymous().signed_in(ADA).await;
    let mut root = server.administrator(ROOT).await;
    let path = format!("/admin/users/{}/end", user.id);
    let form = root.open(&path).await.form(&path).fill(&[("note", "left & \"gone\" <b>")]);
    // In another tab they sign in anew.
    root.sign_in(ROOT, PASSWORD).await.goes_to("/account");
    let page = root.submit(form.clone()).await;
    page.is(403).says("This form was out of date").says("Nothing was changed");
    assert!(ada.is_signed_in().await);
    let again = page.form(&path);
    assert_eq!(again.field("note"), Some("left & \"gone\" <b>"));
    assert_ne!(again.field("csrf"), form.field("csrf"));
    root.submit(again).await.goes_to(&format!("/admin/users/{}", user.id));
    assert!(!ada.is_signed_in().await);
}

#[tokio::test]
async fn a_stale_order_with_a_password_is_not_offered_again() {
    let server = Server::start().await;
    let mut root = server.administrator(ROOT).await;
    let everyone = "/admin/sessions/everyone";
    let form = root.open(everyone).await.form(everyone).fill(&[("password", PASSWORD), ("note", "x")]);
    root.sign_in(ROOT, PASSWORD).await.goes_to("/account");
    let page = root.submit(form).await;
    page.is(403).never_says(PASSWORD);
    assert!(page.forms().iter().all(|form| form.action != everyone), "{}", page.shown());
}

#[tokio::test]
async fn a_form_from_nobody_knows_where_is_not_offered_to_be_sent_by_one_press() {
    let server = Server::start().await;
    let mut ada = server.user(ADA).await;
    let page = ada.send(Ask::post("/account/sessions/end").form([("scope", "all")])).await;
    page.is(403);
    assert!(page.forms().iter().all(|form| form.action == "/logout"), "{}", page.shown());
}

#[tokio::test]
async fn a_stale_form_is_offered_for_a_path_of_this_server_only() {
    let server = Server::start().await;
    let mut ada = server.user(ADA).await;
    for path in ["//evil.example/x", "/\\evil.example", "///evil.example"] {
        let page = ada.send(Ask::post(path).form([("note", "x")]).header("Sec-Fetch-Site", "same-origin")).await;
        let actions: Vec<_> = page.forms().into_iter().map(|form| form.action).collect();
        assert!(actions.iter().all(|action| action == "/logout"), "{path}: {actions:?}\n{}", page.shown());
    }
}

#[tokio::test]
async fn programs_are_told_in_json() {
    let server = Server::start().await;
    let mut ada = server.user(ADA).await;
    let answer = ada.send(Ask::post("/account/sessions/end").form([("scope", "all")]).json()).await;
    answer.is(403);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert!(answer.body.contains("\"type\":\"csrf\""), "{}", answer.shown());
    assert!(ada.is_signed_in().await);
}
