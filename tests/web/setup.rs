//! The first administrator.

use std::time::Duration;

use rocket::futures::future::join;

use crate::harness::{PASSWORD, Server};

on_both_stores! {
    whoever_has_the_code_becomes_the_first_administrator,
    the_code_is_good_once_and_setup_is_closed_afterwards,
    two_at_once_make_one_administrator,
}

async fn code(server: &Server) -> String {
    server.service.offer_setup().await.expect("the store answers").expect("there are no users yet")
}

fn typed<'a>(code: &'a str, email: &'a str) -> [(&'a str, &'a str); 4] {
    [("code", code), ("name", "Root"), ("email", email), ("password", PASSWORD)]
}

async fn whoever_has_the_code_becomes_the_first_administrator(server: Server) {
    let code = code(&server).await;
    let mut person = server.anonymous();
    person.open("/").await.is(200).says("Set up sessiond");
    let done = person.fill("/setup", "/setup", &typed(&code, "root@example.com")).await;
    done.goes_to("/login");
    assert_eq!(person.credential(), None, "setting up signs nobody in");
    person.follow(done).await.says("The first administrator is created");
    person.sign_in("root@example.com", PASSWORD).await.goes_to("/account");
    person.open("/admin").await.is(200).says("Sessions");
}

async fn the_code_is_good_once_and_setup_is_closed_afterwards(server: Server) {
    let code = code(&server).await;
    let (mut first, mut second) = (server.anonymous(), server.anonymous());
    let form = second.open("/setup").await.form("/setup");
    first.fill("/setup", "/setup", &typed(&code, "root@example.com")).await.goes_to("/login");
    second.submit(form.fill(&typed(&code, "evil@example.com"))).await.is(403).says("Setup is done");
    let closed = second.open("/setup").await;
    closed.is(200).says("Setup is done");
    assert!(closed.forms().iter().all(|form| form.action != "/setup"), "{}", closed.shown());
    second.sign_in("evil@example.com", PASSWORD).await.is(401);
    assert_eq!(server.service.offer_setup().await.expect("the store answers"), None, "no second code");
}

async fn two_at_once_make_one_administrator(server: Server) {
    let code = code(&server).await;
    let (mut one, mut other) = (server.anonymous(), server.anonymous());
    let first = one.open("/setup").await.form("/setup").fill(&typed(&code, "one@example.com"));
    let second = other.open("/setup").await.form("/setup").fill(&typed(&code, "other@example.com"));
    let (first, second) = join(one.submit(first), other.submit(second)).await;
    let mut statuses = [first.status.code, second.status.code];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 403], "{}\n{}", first.shown(), second.shown());
    let mut signed_in = 0;
    for email in ["one@example.com", "other@example.com"] {
        signed_in += usize::from(server.anonymous().sign_in(email, PASSWORD).await.status.code == 303);
    }
    assert_eq!(signed_in, 1);
}

#[tokio::test]
async fn a_wrong_code_creates_nobody_and_keeps_what_was_typed_but_no_secrets() {
    let server = Server::start().await;
    let code = code(&server).await;
    let mut person = server.anonymous();
    let refused = person.fill("/setup", "/setup", &typed("AAAA-AAAA-AAAA", "root@example.com")).await;
    refused.is(422).says("That is not the code").never_says(PASSWORD).never_says("AAAA-AAAA").never_says(&code);
    let form = refused.form("/setup");
    assert_eq!((form.field("name"), form.field("email")), (Some("Root"), Some("root@example.com")));
    assert_eq!((form.field("code"), form.field("password")), (Some(""), Some("")));
    person.open("/login").await.says("Set up sessiond");

    // The code does not suffer from a slip, in it or in another field, and may be typed as people type.
    let loose = code.to_lowercase().replace('-', " ");
    let short = [("code", code.as_str()), ("name", "Root"), ("email", "root@example.com"), ("password", "short")];
    person.fill("/setup", "/setup", &short).await.is(422).says("at least 15 characters");
    person.fill("/setup", "/setup", &typed(&code, "nobody")).await.is(422).says("An e-mail address looks like");
    person.fill("/setup", "/setup", &typed(&loose, "root@example.com")).await.goes_to("/login");
}

#[tokio::test]
async fn asvs_6_2_4_a_password_that_will_not_do_is_refused_with_the_reason() {
    let server = Server::start().await;
    let code = code(&server).await;
    let mut person = server.anonymous();
    for (password, told) in [
        ("fourteen chars", "A password has at least 15 characters"),
        ("root@example.com", "little more than your name, your address"),
        ("30 Seconds to Mars", "among those that leaked"),
        ("qwertyuiop1234567", "runs along the keyboard"),
    ] {
        let fields = [("code", code.as_str()), ("name", "Root"), ("email", "root@example.com"), ("password", password)];
        let answer = person.fill("/setup", "/setup", &fields).await;
        answer.is(422).says(told);
        assert_eq!(answer.form("/setup").field("password"), Some(""));
    }
    person.fill("/setup", "/setup", &typed(&code, "root@example.com")).await.goes_to("/login");
}

#[tokio::test]
async fn asvs_6_4_1_a_code_is_good_for_thirty_minutes() {
    let server = Server::start().await;
    let code = code(&server).await;
    let mut person = server.anonymous();
    server.pass(Duration::from_secs(30 * 60 - 1));
    let form = person.open("/setup").await.form("/setup");
    server.pass(Duration::from_secs(1));
    person.submit(form.fill(&typed(&code, "root@example.com"))).await.is(403).says("The setup code has run out");
    person.open("/setup").await.is(200).says("The setup code has run out");
    person.sign_in("root@example.com", PASSWORD).await.is(401);
}

#[tokio::test]
async fn guessing_neither_finds_the_code_nor_voids_it() {
    let server = Server::start().await;
    let code = code(&server).await;
    let mut person = server.anonymous();
    let form = person.open("/setup").await.form("/setup");
    for guess in 0..200 {
        let guess = format!("{guess:012}");
        person.submit(form.clone().fill(&typed(&guess, "root@example.com"))).await.is(422);
    }
    person.submit(form.fill(&typed(&code, "root@example.com"))).await.goes_to("/login");
}

#[tokio::test]
async fn asvs_6_3_2_there_is_no_default_account() {
    let server = Server::start().await;
    let mut person = server.anonymous();
    for email in ["admin", "admin@localhost", "root@localhost", "admin@example.com"] {
        for password in ["admin", "password", "sessiond", ""] {
            person.sign_in(email, password).await.is(401);
        }
    }
}
