//! New browsers are told of, and devices have names.

use std::time::Duration;

use crate::harness::{Ask, Person, Server};

on_both_stores! {
    asvs_6_3_5_other_sessions_tell_of_a_sign_in_in_a_new_browser_until_it_is_acknowledged,
    a_device_keeps_its_name_at_the_next_sign_in,
    only_ones_own_devices_have_names,
    asvs_6_3_5_a_sign_in_while_nobody_was_signed_in_is_told_at_the_next_one,
}

const ADA: &str = "ada@example.com";
const CURL: &str = "curl/8.14.1";
const TOLD: &str = "in a new browser";

async fn asvs_6_3_5_other_sessions_tell_of_a_sign_in_in_a_new_browser_until_it_is_acknowledged(server: Server) {
    let mut ada = server.user(ADA).await;
    ada.open("/account").await.never_says(TOLD);
    server.pass(Duration::from_secs(1));
    let mut stranger = server.anonymous().at("198.51.100.7").using(CURL).signed_in(ADA).await;
    stranger.open("/account").await.never_says(TOLD);
    let page = ada.open("/account/password").await;
    page.says("Somebody signed in to your account in a new browser").says("curl, 198.51.100.7");
    let seen = page.form("/account/devices/acknowledge");
    server.pass(Duration::from_secs(1));
    drop(server.anonymous().at("203.0.113.9").signed_in(ADA).await);
    // Said of one: the other, which the page did not tell of, is told of still.
    ada.submit(seen).await.goes_to("/account");
    let page = ada.open("/account").await;
    page.says(TOLD).says("203.0.113.9");
    assert!(
        !page
            .body
            .split("newdevices")
            .nth(1)
            .unwrap_or_default()
            .split("</ul>")
            .next()
            .unwrap_or_default()
            .contains("198.51.100.7")
    );
    ada.submit(page.form("/account/devices/acknowledge")).await.goes_to("/account");
    ada.open("/account").await.never_says(TOLD);

    // The same browser again is nothing new.
    stranger.sign_out().await;
    server.pass(Duration::from_secs(1));
    stranger.sign_in(ADA, crate::harness::PASSWORD).await.goes_to("/account");
    ada.open("/account").await.never_says(TOLD);
    // "Not me" ends it.
    server.pass(Duration::from_secs(1));
    let thief = server.anonymous().signed_in(ADA).await;
    let page = ada.open("/account").await;
    let inside = page.body.split("newdevices").nth(1).unwrap_or_default();
    let end = inside.split("action=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned();
    ada.submit(page.form(&end)).await.goes_to("/account");
    assert!(!thief.is_signed_in().await && ada.is_signed_in().await);
}

async fn name(person: &mut Person<'_>, of: &str, name: &str) {
    let path = format!("/account/sessions/{of}/name");
    let page = person.open("/account").await;
    let answer = person.submit(page.form(&path).fill(&[("name", name)])).await;
    answer.goes_to("/account");
}

async fn a_device_keeps_its_name_at_the_next_sign_in(server: Server) {
    let mut ada = server.user(ADA).await;
    let id = ada.session().await.to_string();
    name(&mut ada, &id, "  Old laptop ").await;
    ada.open("/account").await.says("Old laptop");
    ada.sign_out().await;
    server.pass(Duration::from_mins(1));
    ada.sign_in(ADA, crate::harness::PASSWORD).await.goes_to("/account");
    ada.open("/account").await.says("Signed in now 1").says("Old laptop");
    let id = ada.session().await.to_string();
    name(&mut ada, &id, "").await;
    ada.sign_out().await;
    ada.sign_in(ADA, crate::harness::PASSWORD).await.goes_to("/account");
    let page = ada.open("/account").await;
    assert!(!page.text().split("Recently ended").next().unwrap_or_default().contains("Old laptop"), "{}", page.shown());
    drop(server.anonymous().signed_in(ADA).await);
    let path = format!("/account/sessions/{}/name", ada.session().await);
    let page = ada.open("/account").await;
    ada.submit(page.form(&path).fill(&[("name", &"x".repeat(61))])).await.is(400).says("1 to 60 characters");
}

async fn only_ones_own_devices_have_names(server: Server) {
    let (mut ada, mut bob) = (server.user(ADA).await, server.user("bob@example.com").await);
    let token = ada.open("/account").await.form("/logout").field("csrf").unwrap_or_default().to_owned();
    let theirs = bob.session().await;
    for id in [theirs.to_string(), "0199f2a4-7d3c-7000-8000-00805f9b34fb".to_owned(), "x".to_owned()] {
        let form = [("csrf", token.as_str()), ("name", "mine")];
        let ask = Ask::post(format!("/account/sessions/{id}/name")).form(form);
        ada.send(ask.header("Sec-Fetch-Site", "same-origin")).await.is(404);
    }
    bob.open("/account").await.never_says("mine");
}

async fn asvs_6_3_5_a_sign_in_while_nobody_was_signed_in_is_told_at_the_next_one(server: Server) {
    let mut ada = server.user(ADA).await;
    ada.sign_out().await;
    server.pass(Duration::from_hours(8));
    let thief = server.anonymous().at("198.51.100.7").using(CURL).signed_in(ADA).await;
    server.pass(Duration::from_hours(8));
    ada.sign_in(ADA, crate::harness::PASSWORD).await.goes_to("/account");
    ada.open("/account").await.says(TOLD).says("198.51.100.7");
    drop(thief);
}
