//! Proving again who one is, before what a stranger at an open browser must not do.

use std::time::Duration;

use crate::harness::{Answer, Ask, Form, PASSWORD, Server};

on_both_stores! {
    asvs_7_5_2_ending_other_sessions_from_an_old_session_takes_the_password,
    asvs_7_5_1_changing_the_address_from_an_old_session_takes_the_password,
    signing_out_here_never_asks,
    what_was_confirmed_stays_so_for_ten_minutes,
    asvs_7_5_2_an_administrator_is_asked_as_well_before_their_own_other_sessions_end,
}

const ADA: &str = "ada@example.com";
const AGED: Duration = Duration::from_mins(10);
const ALMOST: Duration = Duration::from_millis(599_999);

/// The form that asks for the password; the page's head has one of its own.
fn question(page: &Answer) -> Form {
    let asks = |form: &Form| form.field("confirm.password").is_some();
    page.forms().into_iter().find(asks).unwrap_or_else(|| panic!("{}", page.shown()))
}

async fn asvs_7_5_2_ending_other_sessions_from_an_old_session_takes_the_password(server: Server) {
    let (mut ada, mut phone) = (server.user(ADA).await, server.user(ADA).await);
    let lost = phone.session().await;
    server.pass(AGED);
    let one = format!("/account/sessions/{lost}/end");
    for (path, form, fields) in [
        ("/account", one.as_str(), vec![]),
        ("/account", "/account/sessions/end", vec![("scope", "others")]),
        ("/account", "/account/sessions/end", vec![("scope", "all")]),
        ("/logout", "/logout", vec![("scope", "all")]),
    ] {
        let page = ada.open(path).await;
        let page = ada.submit(page.form(form).fill(&fields)).await;
        page.is(401).says("Confirm that it is you").says("Nothing has been changed yet");
        let again = question(&page);
        for (name, value) in &fields {
            assert_eq!(again.field(name), Some(*value), "{}", page.shown());
        }
        let wrong = ada.submit(again.fill(&[("confirm.password", "not the right words")])).await;
        wrong.is(401).says("That is not your password");
        assert_eq!(question(&wrong).field("confirm.password"), Some(""));
        assert!(ada.is_signed_in().await && phone.is_signed_in().await);
    }
    let token = ada.open("/account").await.form("/logout").field("csrf").unwrap_or_default().to_owned();
    let program = Ask::post("/account/sessions/end").form([("csrf", token.as_str()), ("scope", "others")]).json();
    let answer =
        ada.send(program.header("Sec-Fetch-Site", "same-origin").header("Origin", server.origin.clone())).await;
    answer.is(401);
    assert!(answer.body.contains("confirmation_required"), "{}", answer.shown());
    let page = ada.open("/account").await;
    let page = ada.submit(page.form(&one)).await;
    ada.submit(page.form(&one).fill(&[("confirm.password", PASSWORD)])).await.goes_to("/account");
    assert!(ada.is_signed_in().await && !phone.is_signed_in().await);
}

async fn asvs_7_5_1_changing_the_address_from_an_old_session_takes_the_password(server: Server) {
    let mut ada = server.user(ADA).await;
    drop(server.user("bob@example.com").await);
    let path = "/account/profile";
    server.pass(AGED);
    // A name opens nothing.
    ada.fill(path, path, &[("name", "Ada Lovelace")]).await.goes_to("/account");
    let new = "lovelace@example.com";
    let page = ada.fill(path, path, &[("email", new)]).await;
    page.is(401).says("Change your e-mail address?");
    server.anonymous().sign_in(new, PASSWORD).await.is(401);
    let taken = ada.submit(page.form(path).fill(&[("email", "bob@example.com"), ("confirm.password", PASSWORD)])).await;
    taken.is(422).says("Somebody else has this e-mail address");
    // Confirmed a moment ago.
    ada.fill(path, path, &[("email", new)]).await.goes_to("/account");
    ada.open("/account").await.says("Ada Lovelace").says(new);
    server.anonymous().sign_in(ADA, PASSWORD).await.is(401);
    server.anonymous().sign_in(new, PASSWORD).await.goes_to("/account");
    for (field, bad) in [("email", "nowhere"), ("name", "  ")] {
        ada.fill(path, path, &[(field, bad)]).await.is(422);
    }
}

async fn signing_out_here_never_asks(server: Server) {
    let mut ada = server.user(ADA).await;
    server.pass(AGED * 3);
    ada.sign_out().await.goes_to("/login");
    let mut again = server.user(ADA).await;
    let own = again.session().await;
    server.pass(AGED * 3);
    let path = format!("/account/sessions/{own}/end");
    let token = again.open("/account").await.form("/logout").field("csrf").unwrap_or_default().to_owned();
    let ask = Ask::post(path).form([("csrf", token.as_str())]).header("Sec-Fetch-Site", "same-origin");
    again.send(ask.header("Accept", "text/html")).await.goes_to("/login");
}

async fn what_was_confirmed_stays_so_for_ten_minutes(server: Server) {
    let mut ada = server.user(ADA).await;
    server.pass(AGED);
    let ending = "/account/sessions/end";
    let page = ada.open("/account").await;
    let page = ada.submit(page.form(ending).fill(&[("scope", "others")])).await;
    // Nobody else is signed in, and that is no error.
    ada.submit(page.is(401).form(ending).fill(&[("confirm.password", PASSWORD)])).await.goes_to("/account");
    server.pass(ALMOST);
    let phone = server.anonymous().signed_in(ADA).await;
    let page = ada.open("/account").await;
    ada.submit(page.form(ending).fill(&[("scope", "others")])).await.goes_to("/account");
    assert!(!phone.is_signed_in().await);
    server.pass(Duration::from_millis(1));
    let page = ada.open("/account").await;
    ada.submit(page.form(ending).fill(&[("scope", "all")])).await.is(401);
}

async fn asvs_7_5_2_an_administrator_is_asked_as_well_before_their_own_other_sessions_end(server: Server) {
    let (mut root, mut phone) = (server.administrator("root@example.com").await, server.anonymous());
    phone.sign_in("root@example.com", PASSWORD).await.goes_to("/account");
    let id = server.service.named("root@example.com").await.expect("an answer").expect("root").id;
    let lost = phone.session().await.to_string();
    server.pass(AGED);
    let all = format!("/admin/users/{id}/end");
    for (page, form, fields) in [
        (all.as_str(), all.as_str(), vec![]),
        ("/admin/sessions", "/admin/sessions/end", vec![("only", lost.as_str())]),
    ] {
        let page = root.open(page).await;
        let page = root.submit(page.form(form).fill(&fields)).await;
        assert!(phone.is_signed_in().await, "ended without the password: {form}");
        page.is(401);
    }
}
