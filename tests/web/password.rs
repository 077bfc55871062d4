//! Changing one's password, and what a password must not be.

use sessiond::domain::change::UserChange;
use sessiond::domain::clock::OsEntropy;
use sessiond::domain::ending::{Actor, Ending};
use sessiond::domain::password::{Password, PasswordHash};
use sessiond::domain::session::MOST_WRONG_PROOFS;
use sessiond::domain::user::User;
use sessiond::service::hasher::{Cost, Hasher};
use sessiond::service::passwords::{PasswordChangeError, PasswordForm};
use sessiond::service::proofs::Proof;
use sessiond::service::sessions::Resolved;

use crate::harness::{Answer, Ask, PASSWORD, Person, Server};

on_both_stores! {
    asvs_7_4_3_all_other_sessions_end_and_this_one_gets_a_new_credential,
    asvs_6_2_3_changing_takes_the_present_password,
    asvs_6_3_1_a_stranger_at_an_open_session_does_not_guess_the_password_for_ever,
    asvs_6_2_8_passwords_are_taken_exactly_as_typed,
    asvs_7_4_1_a_session_that_ended_while_the_form_was_open_changes_nothing,
    asvs_11_4_2_a_password_is_hashed_anew_at_sign_in_when_the_cost_is_another,
}

const PATH: &str = "/account/password";
const ADA: &str = "ada@example.com";
const NEW: &str = "seven brave otters juggle";

async fn change(person: &mut Person<'_>, present: &str, new: &str) -> Answer {
    let fields = [("password", present), ("new_password", new), ("new_password_again", new)];
    person.fill(PATH, PATH, &fields).await
}

async fn stored(server: &Server) -> User {
    server.service.named(ADA).await.expect("the store answers").expect("there she is")
}

async fn asvs_7_4_3_all_other_sessions_end_and_this_one_gets_a_new_credential(server: Server) {
    let (phone, laptop, mut ada) = (server.user(ADA).await, server.user(ADA).await, server.user(ADA).await);
    let bob = server.user("bob@example.com").await;
    let mut old = ada.clone();
    let page = ada.open("/account").await;
    assert_eq!(page.link("Change password"), PATH);
    ada.open(PATH).await.says("Your sessions on all other devices end at once.");
    let answer = change(&mut ada, PASSWORD, NEW).await;
    answer.goes_to("/account").never_says(NEW);
    assert!(ada.credential().is_some() && ada.credential() != old.credential());
    let page = ada.follow(answer).await;
    page.is(200).says("Your password is changed. 2 sessions elsewhere ended; you have a new one here.");
    page.says("Signed in now 1").says("This session ended because the password was changed.");
    for gone in [&old, &phone, &laptop] {
        assert!(!gone.is_signed_in().await);
    }
    assert!(ada.is_signed_in().await && bob.is_signed_in().await);
    old.open("/account").await.says("Your password was changed").says("If that was not you");
    server.service.reap().await.expect("the reaper runs");
    assert!(ada.is_signed_in().await && !old.is_signed_in().await);

    let mut again = server.anonymous();
    again.sign_in(ADA, PASSWORD).await.is(401);
    again.sign_in(ADA, NEW).await.goes_to("/account");
    assert!(ada.is_signed_in().await && again.is_signed_in().await);
}

async fn asvs_6_2_3_changing_takes_the_present_password(server: Server) {
    let (mut ada, phone) = (server.user(ADA).await, server.user(ADA).await);
    let (before, credential) = (stored(&server).await.password, ada.credential());
    for wrong in ["", "not the right words", NEW] {
        let answer = change(&mut ada, wrong, NEW).await;
        answer.is(401).says("That is not your password. Nothing was changed.").never_says(NEW);
        assert_eq!(answer.form(PATH).field("new_password"), Some(""));
    }
    assert_eq!((stored(&server).await.password, ada.credential()), (before, credential));
    assert!(ada.is_signed_in().await && phone.is_signed_in().await);
    server.anonymous().get(PATH).await.goes_to("/login?next=%2Faccount%2Fpassword");
}

async fn asvs_6_3_1_a_stranger_at_an_open_session_does_not_guess_the_password_for_ever(server: Server) {
    let (mut ada, phone) = (server.user(ADA).await, server.user(ADA).await);
    for _ in 1..MOST_WRONG_PROOFS {
        change(&mut ada, "not the right words", NEW).await.is(401);
    }
    // The right one in between begins the count anew.
    change(&mut ada, PASSWORD, NEW).await.goes_to("/account");
    for _ in 0..MOST_WRONG_PROOFS {
        assert!(ada.is_signed_in().await);
        change(&mut ada, "not the right words", PASSWORD).await.is(401);
    }
    assert!(!ada.is_signed_in().await);
    ada.open("/account").await.says("Too many wrong passwords in a row were typed in this session.");
    ada.sign_in(ADA, NEW).await.goes_to("/account");
    assert!(!phone.is_signed_in().await, "by the change");
}

async fn asvs_6_2_8_passwords_are_taken_exactly_as_typed(server: Server) {
    let mut ada = server.user(ADA).await;
    // asvs 6.2.5, 6.2.9: any characters, and more than 64 of them.
    let long = format!("  {NEW} – Füße, 李 & <b>\u{1f411}\t").repeat(4);
    assert!(long.chars().count() > 64);
    change(&mut ada, PASSWORD, &long).await.goes_to("/account");
    for near in [long.trim(), &long.to_uppercase(), &long.chars().take(64).collect::<String>()] {
        server.anonymous().sign_in(ADA, near).await.is(401);
    }
    server.anonymous().sign_in(ADA, &long).await.goes_to("/account");
}

async fn asvs_7_4_1_a_session_that_ended_while_the_form_was_open_changes_nothing(server: Server) {
    let (mut ada, mut phone) = (server.user(ADA).await, server.user(ADA).await);
    let typed = [("password", PASSWORD), ("new_password", NEW), ("new_password_again", NEW)];
    let form = ada.open(PATH).await.form(PATH).fill(&typed);
    let before = stored(&server).await.password;
    phone.fill("/account", "/account/sessions/end", &[("scope", "others")]).await.goes_to("/account");
    let answer = ada.submit(form).await;
    ada.follow(answer).await.says("You are signed out");
    assert_eq!(stored(&server).await.password, before);
    assert!(!ada.is_signed_in().await && phone.is_signed_in().await);
}

/// What a password hashes to on a server with another cost.
async fn hashed_elsewhere() -> PasswordHash {
    let cost = Cost { memory_kib: 16, passes: 2, lanes: 1 };
    let hasher = Hasher::new(cost, std::sync::Arc::new(OsEntropy)).expect("a cost that argon2 knows");
    hasher.hash(Password::typed(PASSWORD.to_owned())).await.expect("nobody else hashes")
}

/// Has Ada come from a time when hashing cost something else.
async fn outdate(server: &Server) -> PasswordHash {
    let (ada, old) = (stored(server).await, hashed_elsewhere().await);
    let change = UserChange::Rehash { verified: ada.password.clone(), fresh: old.clone() };
    let ending = Ending::new(Actor::System, change.reason(), None);
    server.service.store().change_user(ada.key(), change, ending).await.expect("the store answers");
    assert_eq!(stored(server).await.password, old);
    old
}

async fn asvs_11_4_2_a_password_is_hashed_anew_at_sign_in_when_the_cost_is_another(server: Server) {
    let phone = server.user(ADA).await;
    let old = outdate(&server).await;
    server.anonymous().sign_in(ADA, "not the right words").await.is(401);
    assert_eq!(stored(&server).await.password, old, "a wrong password tells nothing");
    let ada = server.anonymous().signed_in(ADA).await;
    let fresh = stored(&server).await.password;
    assert!(fresh.as_phc().starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{}", fresh.as_phc());
    assert!(ada.is_signed_in().await && phone.is_signed_in().await);
    let again = server.anonymous().signed_in(ADA).await;
    assert!(again.is_signed_in().await);
    assert_eq!(stored(&server).await.password, fresh, "once is enough");
}

#[tokio::test]
async fn asvs_11_4_2_a_hash_that_cannot_be_stored_keeps_nobody_out() {
    let server = Server::start().await;
    server.create(ADA, &[]).await;
    let old = outdate(&server).await;
    // The first write tells of a new browser, the second creates the session.
    server.faults().fail_writes_after(2);
    let ada = server.anonymous().signed_in(ADA).await;
    server.faults().fail_writes(false);
    assert!(ada.is_signed_in().await);
    assert_eq!(stored(&server).await.password, old);
    drop(server.anonymous().signed_in(ADA).await);
    assert_ne!(stored(&server).await.password, old, "the next time does");
}

#[tokio::test]
async fn a_change_that_meets_another_one_is_refused_and_says_so() {
    let server = Server::start().await;
    let mut ada = server.user(ADA).await;
    let credential = ada.credential().expect("a cookie").parse().expect("a credential");
    let Resolved::Live(live) = server.service.resolve(&credential).await.expect("the store answers") else {
        panic!("not live")
    };
    let hashed_anew = outdate(&server).await;
    let client = live.session.client().clone();
    let proof = Proof { password: Password::typed(PASSWORD.to_owned()), code: String::new() };
    let form = PasswordForm { proof, chosen: NEW.to_owned(), client };
    let refused = server.service.change_own_password(&live, form).await.err();
    assert!(matches!(refused, Some(PasswordChangeError::Stale)), "{refused:?}");
    assert_eq!(stored(&server).await.password, hashed_anew);
    assert!(ada.is_signed_in().await);
    // What the page says then.
    let told = Ask::get(PATH)
        .header("Accept", "text/html")
        .header("Cookie", format!("sessiond={}; sessiond-flash=kept", ada.credential().unwrap_or_default()));
    ada.send(told).await.is(200).says("Your password was not changed").says("Try again.");
    change(&mut ada, PASSWORD, NEW).await.goes_to("/account");
}

#[tokio::test]
async fn asvs_6_2_4_a_password_that_will_not_do_is_refused_with_the_reason_at_a_change() {
    let server = Server::start().await;
    server.create_named(ADA, "Ada Lovelace", &[]).await;
    let mut ada = server.anonymous().signed_in(ADA).await;
    let before = stored(&server).await.password;
    for (new, told) in [
        ("fourteen chars", "A password has at least 15 characters"),
        (&"long words ".repeat(100), "A password has at most 1024 bytes."),
        ("30 Seconds to Mars", "among those that leaked"),
        ("lovelace-lovelace1", "little more than your name, your address"),
        ("ada@example.com", "little more than your name, your address"),
        ("sessiondsessiond2", "little more than your name, your address"),
        ("bananabananabanana", "one short piece over and over"),
        ("qwertyuiop1234567", "runs along the keyboard"),
        (PASSWORD, "This is the password that you have now"),
    ] {
        let answer = change(&mut ada, PASSWORD, new).await;
        answer.is(422).says(told).says("Nothing was changed.");
    }
    let fields = [("password", PASSWORD), ("new_password", NEW), ("new_password_again", "seven brave otters")];
    ada.fill(PATH, PATH, &fields).await.is(422).says("typed differently the second time");
    assert_eq!(stored(&server).await.password, before);
    // asvs 6.2.5: nothing is asked about kinds of characters.
    change(&mut ada, PASSWORD, "only lower case words").await.goes_to("/account");
}

#[tokio::test]
async fn asvs_6_2_6_password_managers_may_fill_in_and_nobody_is_kept_from_pasting() {
    let server = Server::start().await;
    let mut ada = server.user(ADA).await;
    let page = ada.open(PATH).await;
    for field in [
        "name=\"password\" type=\"password\" autocomplete=\"current-password\"",
        "name=\"new_password\" type=\"password\" autocomplete=\"new-password\" minlength=\"15\"",
        "name=\"new_password_again\" type=\"password\" autocomplete=\"new-password\" minlength=\"15\"",
        "autocomplete=\"username\" value=\"ada@example.com\"",
    ] {
        assert!(page.body.contains(field), "{field}\n{}", page.shown());
    }
    assert!(!page.body.contains("maxlength") && !page.body.contains("paste"), "{}", page.shown());
}

#[tokio::test]
async fn asvs_6_2_10_a_password_does_not_run_out() {
    let server = Server::start().await;
    server.create(ADA, &[]).await;
    server.pass(std::time::Duration::from_hours(24 * 365 * 10));
    let mut ada = server.anonymous();
    ada.sign_in(ADA, PASSWORD).await.goes_to("/account");
    ada.open("/account").await.is(200).says("Signed in now 1");
}

#[tokio::test]
async fn what_could_not_be_confirmed_is_told() {
    let server = Server::start().await;
    let mut ada = server.user(ADA).await;
    let typed = [("password", PASSWORD), ("new_password", NEW), ("new_password_again", NEW)];
    let form = ada.open(PATH).await.form(PATH).fill(&typed);
    let credential = ada.credential();
    server.faults().fail_writes(true);
    ada.submit(form.clone()).await.is(503).says("could not confirm");
    server.faults().fail_writes(false);
    assert!(ada.is_signed_in().await, "nothing had happened");
    assert_eq!(ada.credential(), credential);

    server.faults().fail_after_write(1);
    let answer = ada.submit(form).await;
    answer.is(503).says("Sign in with the new one");
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(!ada.is_signed_in().await, "it had happened, and nobody got the new credential");
    server.anonymous().sign_in(ADA, NEW).await.goes_to("/account");
}

#[tokio::test]
async fn a_stale_form_is_not_offered_again_with_what_was_typed() {
    let server = Server::start().await;
    let mut ada = server.user(ADA).await;
    let typed = [("password", PASSWORD), ("new_password", NEW), ("new_password_again", NEW)];
    let form = ada.open(PATH).await.form(PATH).fill(&typed);
    ada.sign_in(ADA, PASSWORD).await.goes_to("/account");
    let answer = ada.submit(form).await;
    answer.is(403).says("out of date").never_says(PASSWORD).never_says(NEW);
    server.anonymous().sign_in(ADA, NEW).await.is(401);
}
