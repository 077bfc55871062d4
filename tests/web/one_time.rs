//! Passwords for one use.

use std::time::Duration;

use sessiond::domain::change::UserChange;
use sessiond::domain::ending::Actor;
use sessiond::domain::user::User;
use sessiond::service::sessions::Order;

use crate::harness::{Answer, Ask, PASSWORD, Person, Server};

on_both_stores! {
    asvs_6_4_1_a_one_time_password_opens_nothing_but_the_choice_of_another,
    asvs_6_4_1_a_one_time_password_is_good_for_a_day,
    asvs_6_4_1_the_choice_is_good_once_and_for_a_quarter_of_an_hour,
    asvs_6_4_1_whoever_is_blocked_or_reset_meanwhile_chooses_nothing,
    asvs_6_4_1_a_second_factor_is_asked_for_beside_it,
}

const ADA: &str = "ada@example.com";
const NEW: &str = "seven brave otters juggle";
const CHOICE: &str = "/login/password";

fn order() -> Order {
    Order { by: Actor::Operator, note: None, from: None }
}

async fn ada(server: &Server) -> User {
    server.create(ADA, &[]).await;
    server.service.named(ADA).await.expect("the store answers").expect("there she is")
}

async fn reset(server: &Server) -> (String, u64) {
    let user = ada(server).await;
    let (one_time, ended) = server.service.reset_password(&user, &order()).await.expect("it is reset");
    (one_time.secret, ended)
}

async fn choose(person: &mut Person<'_>, page: &Answer, new: &str) -> Answer {
    person.submit(page.form(CHOICE).fill(&[("new_password", new), ("new_password_again", new)])).await
}

async fn asvs_6_4_1_a_one_time_password_opens_nothing_but_the_choice_of_another(server: Server) {
    let (mut old, other) = (server.user(ADA).await, server.user(ADA).await);
    let (secret, ended) = reset(&server).await;
    assert_eq!(ended, 2);
    assert_eq!(secret.chars().filter(char::is_ascii_alphanumeric).count(), 24, "120 bits");
    assert!(!other.is_signed_in().await);
    old.open("/account").await.says("Your password was changed");
    let mut ada = server.anonymous();
    ada.sign_in(ADA, PASSWORD).await.is(401);

    let page = ada.sign_in(ADA, &secret).await;
    page.is(200).says("Choose your password").never_says(&secret);
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert!(page.cookie("sessiond").is_none() && !ada.is_signed_in().await);
    let form = page.form(CHOICE);
    ada.submit(form.clone().fill(&[("new_password", NEW), ("new_password_again", "else")])).await.is(422);
    let refused = choose(&mut ada, &page, "too short").await;
    refused.is(422).says("at least 15 characters");
    choose(&mut ada, &refused, &secret).await.is(422).says("the password that you have now");
    assert!(!ada.is_signed_in().await);
    choose(&mut ada, &refused, NEW).await.goes_to("/account");
    assert!(ada.is_signed_in().await);
    for gone in [&secret, PASSWORD] {
        server.anonymous().sign_in(ADA, gone).await.is(401);
    }
    server.anonymous().sign_in(ADA, NEW).await.goes_to("/account");
    assert!(ada.is_signed_in().await);
}

async fn asvs_6_4_1_a_one_time_password_is_good_for_a_day(server: Server) {
    let (secret, _) = reset(&server).await;
    server.pass(Duration::from_hours(24) - Duration::from_millis(1));
    let mut in_time = server.anonymous();
    let page = in_time.sign_in(ADA, &secret).await;
    page.is(200).says("Choose your password");
    server.pass(Duration::from_millis(1));
    server.anonymous().sign_in(ADA, &secret).await.is(403).says("This one-time password has run out");
    server.anonymous().sign_in(ADA, "not the right words").await.is(401);
    choose(&mut in_time, &page, NEW).await.is(403).says("good no longer");
    server.anonymous().sign_in(ADA, NEW).await.is(401);
    let (fresh, _) = reset(&server).await;
    assert_ne!(fresh, secret);
    server.anonymous().sign_in(ADA, &fresh).await.is(200).says("Choose your password");
}

async fn asvs_6_4_1_the_choice_is_good_once_and_for_a_quarter_of_an_hour(server: Server) {
    let (secret, _) = reset(&server).await;
    let mut ada = server.anonymous();
    let old = ada.sign_in(ADA, &secret).await;
    server.pass(Duration::from_mins(15));
    choose(&mut ada, &old, NEW).await.is(403).says("good no longer");
    let page = ada.sign_in(ADA, &secret).await;
    let (mut first, mut second) = (ada.clone(), ada.clone());
    choose(&mut first, &page, NEW).await.goes_to("/account");
    choose(&mut second, &page, "another set of four words").await.is(403);
    assert!(first.is_signed_in().await && !second.is_signed_in().await);
    server.anonymous().sign_in(ADA, "another set of four words").await.is(401);
    let forged = Ask::post(CHOICE).form([("ticket", "ada~1~2~3"), ("new_password", NEW), ("new_password_again", NEW)]);
    server.anonymous().send(forged.header("Sec-Fetch-Site", "same-origin")).await.is(403);
    server.anonymous().get(CHOICE).await.goes_to("/login");
}

async fn asvs_6_4_1_whoever_is_blocked_or_reset_meanwhile_chooses_nothing(server: Server) {
    let (secret, _) = reset(&server).await;
    let mut ada = server.anonymous();
    let page = ada.sign_in(ADA, &secret).await;
    let user = self::ada(&server).await;
    server.service.change_user(&user.id, UserChange::Block, &order()).await.expect("blocked");
    choose(&mut ada, &page, NEW).await.is(403).says("good no longer");
    server.anonymous().sign_in(ADA, &secret).await.is(403).says("blocked");
    server.service.change_user(&user.id, UserChange::Unblock, &order()).await.expect("unblocked");
    server.anonymous().sign_in(ADA, NEW).await.is(401);
    let page = ada.sign_in(ADA, &secret).await;
    reset(&server).await;
    choose(&mut ada, &page, NEW).await.is(403);
    assert!(!ada.is_signed_in().await);
}

async fn asvs_6_4_1_a_second_factor_is_asked_for_beside_it(server: Server) {
    let mut ada = server.user(ADA).await;
    let (secret, _) = super::second_factor::set_up(&server, &mut ada).await;
    server.pass(Duration::from_secs(30));
    let (one_time, _) = reset(&server).await;
    server.anonymous().sign_in(ADA, &one_time).await.is(401);
    let code = secret.code(server.now());
    let fields = [("email", ADA), ("password", one_time.as_str()), ("code", code.as_str())];
    let mut there = server.anonymous();
    let page = there.fill("/login", "/login", &fields).await;
    choose(&mut there, page.is(200), NEW).await.goes_to("/account");
}
