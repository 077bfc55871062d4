//! Ending everyone's sessions.

use crate::harness::{Answer, PASSWORD, Person, Server};

on_both_stores! {
    asvs_7_4_5_everyone_is_signed_out_and_the_administrator_gets_a_new_session,
    asvs_7_5_3_it_asks_for_the_password_and_a_wrong_one_ends_nothing,
}

const PATH: &str = "/admin/sessions/everyone";
const ROOT: &str = "root@example.com";
const ADA: &str = "ada@example.com";

async fn end(root: &mut Person<'_>, password: &str) -> Answer {
    root.fill(PATH, PATH, &[("password", password), ("note", "a leaked backup")]).await
}

async fn asvs_7_4_5_everyone_is_signed_out_and_the_administrator_gets_a_new_session(server: Server) {
    let (mut ada, bob) = (server.user(ADA).await, server.user("bob@example.com").await);
    let elsewhere = server.administrator(ROOT).await;
    let mut root = server.administrator(ROOT).await;
    let old = root.clone();
    root.open(PATH).await.says("3 live sessions will be ended at once");
    let answer = end(&mut root, PASSWORD).await;
    answer.goes_to("/admin/sessions").never_says(PASSWORD);
    assert!(root.credential().is_some() && root.credential() != old.credential());
    root.follow(answer).await.is(200).says("Everyone else is signed out: 3 sessions ended. You have a new session.");
    root.open("/admin/sessions").await.says("1 live").says("4 ended");
    for gone in [&old, &elsewhere, &ada, &bob] {
        assert!(!gone.is_signed_in().await);
    }
    ada.open("/account").await.says("An administrator signed everyone out").never_says("leaked");
    server.service.reap().await.expect("the reaper runs");
    assert!(root.is_signed_in().await && !old.is_signed_in().await && !ada.is_signed_in().await);
    assert!(server.user(ADA).await.is_signed_in().await);
}

async fn asvs_7_5_3_it_asks_for_the_password_and_a_wrong_one_ends_nothing(server: Server) {
    let ada = server.user(ADA).await;
    let mut root = server.administrator(ROOT).await;
    let old = root.credential();
    let answer = end(&mut root, "not the right words").await;
    answer.is(401).says("That is not your password. Nothing was ended.").never_says("not the right words");
    assert_eq!(answer.form(PATH).field("note"), Some("a leaked backup"));
    let missing = root.open(PATH).await.form(PATH);
    let missing = crate::harness::Form {
        fields: missing.fields.into_iter().filter(|(name, _)| name != "password").collect(),
        ..missing
    };
    root.submit(missing).await.is(422);
    assert!(ada.is_signed_in().await && root.is_signed_in().await);
    assert_eq!(root.credential(), old);
}

#[tokio::test]
async fn while_the_store_does_not_answer_nothing_is_promised() {
    let server = Server::start().await;
    let ada = server.user(ADA).await;
    let mut root = server.administrator(ROOT).await;
    let form = root.open(PATH).await.form(PATH).fill(&[("password", PASSWORD)]);
    // The password is confirmed by a first write; the second one ends everybody's sessions.
    server.faults().fail_writes(true);
    root.submit(form).await.is(503);
    server.faults().fail_writes(false);
    assert!(ada.is_signed_in().await && root.is_signed_in().await);
}
