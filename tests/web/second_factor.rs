//! The second factor: setting it up, signing in with it, and losing it.

use std::time::Duration;

use sessiond::domain::client::Client;
use sessiond::domain::credential::Credential;
use sessiond::domain::ending::Actor;
use sessiond::domain::password::Password;
use sessiond::domain::second_factor::TotpSecret;
use sessiond::domain::user::User;
use sessiond::service::passwords::PasswordForm;
use sessiond::service::proofs::Proof;
use sessiond::service::sessions::{LiveSession, Order, Resolved};

use crate::harness::{Answer, On, PASSWORD, Person, Server};

on_both_stores! {
    asvs_6_3_3_a_second_factor_once_set_up_is_asked_for_and_ends_other_sessions,
    asvs_6_5_1_neither_a_code_nor_a_recovery_code_is_good_twice,
    asvs_6_3_8_nobody_learns_which_of_password_and_code_was_wrong,
    asvs_7_5_1_changing_the_second_factor_takes_password_and_code,
    asvs_6_5_4_what_the_app_shows_is_checked_before_it_counts,
    asvs_7_4_3_a_session_that_ended_while_its_password_was_looked_at_draws_no_recovery_codes,
    a_session_without_a_second_factor_that_ended_meanwhile_changes_nothing_of_a_new_one,
}

const ADA: &str = "ada@example.com";
const HERE: &str = "/account/second-factor";
const NEW: &str = "/account/second-factor/new";
const STEP: Duration = Duration::from_secs(30);

/// Sets one up as people do; the secret in the app, and the recovery codes on paper.
pub async fn set_up(server: &Server, person: &mut Person<'_>) -> (TotpSecret, Vec<String>) {
    let page = person.open(NEW).await;
    let secret = page.form(NEW).field("secret").and_then(TotpSecret::from_base32).expect("a secret");
    let shown = secret.code(server.now());
    let done = person.submit(page.form(NEW).fill(&[("shown", &shown), ("password", PASSWORD)])).await;
    done.is(200).says("Your recovery codes");
    assert_eq!(done.header("cache-control"), Some("no-store"));
    (secret, recovery_codes(&done))
}

fn recovery_codes(page: &Answer) -> Vec<String> {
    let codes = page.body.split("<li><code>").skip(1).filter_map(|rest| rest.split("</code>").next());
    let codes: Vec<String> = codes.map(str::to_owned).collect();
    assert_eq!(codes.len(), 10, "{}", page.shown());
    codes
}

async fn sign_in(server: &Server, password: &str, code: &str) -> Answer {
    let fields = [("email", ADA), ("password", password), ("code", code)];
    server.anonymous().fill("/login", "/login", &fields).await
}

async fn asvs_6_3_3_a_second_factor_once_set_up_is_asked_for_and_ends_other_sessions(server: Server) {
    let (mut ada, mut phone) = (server.user(ADA).await, server.user(ADA).await);
    let mut old = ada.clone();
    ada.open("/account").await.says("Set up second factor");
    let (secret, _) = set_up(&server, &mut ada).await;
    // The forms of the answer already belong to the new session.
    let page = ada.open("/account").await;
    page.is(200).says("Signed in now 1").says("See second factor");
    assert!(!old.is_signed_in().await);
    phone.open("/account").await.says("Your second factor was changed");
    old.open("/account").await.says("the codes that you sign in with were changed");
    ada.open(HERE).await.says("10 recovery codes are left");

    server.pass(STEP);
    sign_in(&server, PASSWORD, "").await.is(401);
    sign_in(&server, PASSWORD, "000000").await.is(401);
    sign_in(&server, PASSWORD, &secret.code(server.now())).await.goes_to("/account");
    assert!(ada.is_signed_in().await);
}

async fn asvs_6_5_1_neither_a_code_nor_a_recovery_code_is_good_twice(server: Server) {
    let mut ada = server.user(ADA).await;
    let (secret, codes) = set_up(&server, &mut ada).await;
    let used = secret.code(server.now());
    sign_in(&server, PASSWORD, &used).await.is(401);
    server.pass(STEP);
    let code = secret.code(server.now());
    sign_in(&server, PASSWORD, &code).await.goes_to("/account");
    sign_in(&server, PASSWORD, &code).await.is(401);
    sign_in(&server, PASSWORD, &codes[4].to_uppercase()).await.goes_to("/account");
    sign_in(&server, PASSWORD, &codes[4]).await.is(401);
    ada.open(HERE).await.says("9 recovery codes are left");

    // A wrong password uses no code up.
    sign_in(&server, "not the right words", &codes[5]).await.is(401);
    sign_in(&server, PASSWORD, &codes[5]).await.goes_to("/account");
    let path = "/account/second-factor/codes";
    let renewed = ada.fill(path, path, &[("password", PASSWORD), ("code", &codes[6])]).await;
    let fresh = recovery_codes(renewed.is(200));
    sign_in(&server, PASSWORD, &codes[0]).await.is(401);
    sign_in(&server, PASSWORD, &fresh[0]).await.goes_to("/account");
    assert!(ada.is_signed_in().await, "new codes end nothing");
}

async fn asvs_6_3_8_nobody_learns_which_of_password_and_code_was_wrong(server: Server) {
    let mut ada = server.user(ADA).await;
    set_up(&server, &mut ada).await;
    server.create("bob@example.com", &[]).await;
    let shape = |answer: &Answer| {
        let visitor = |line: &&str| !line.contains("csrf") && !line.contains("name=\"email\"");
        let body: Vec<_> = answer.body.lines().filter(visitor).map(str::to_owned).collect();
        (answer.is(401).status, body)
    };
    let wrong_code = shape(&sign_in(&server, PASSWORD, "000000").await);
    assert_eq!(shape(&sign_in(&server, PASSWORD, "").await), wrong_code);
    assert_eq!(shape(&sign_in(&server, "not the right words", "000000").await), wrong_code);
    for email in ["bob@example.com", "nobody@example.com"] {
        let fields = [("email", email), ("password", "not the right words"), ("code", "000000")];
        assert_eq!(shape(&server.anonymous().fill("/login", "/login", &fields).await), wrong_code);
    }
}

async fn asvs_7_5_1_changing_the_second_factor_takes_password_and_code(server: Server) {
    let mut ada = server.user(ADA).await;
    let (secret, codes) = set_up(&server, &mut ada).await;
    let other = codes[0].as_str();
    for path in ["/account/second-factor/remove", "/account/second-factor/codes"] {
        for fields in [[("password", PASSWORD), ("code", "")], [("password", "wrong"), ("code", other)]] {
            let answer = ada.fill(path, path, &fields).await;
            answer.is(401).says("The password or the code is not right. Nothing was changed.");
        }
    }
    let page = ada.open(NEW).await;
    let fresh = page.form(NEW).field("secret").and_then(TotpSecret::from_base32).expect("a secret");
    let shown = fresh.code(server.now());
    let fields = [("shown", shown.as_str()), ("password", PASSWORD), ("code", "")];
    ada.submit(page.form(NEW).fill(&fields)).await.is(401);
    let fields = [("shown", shown.as_str()), ("password", PASSWORD), ("code", other)];
    ada.submit(page.form(NEW).fill(&fields)).await.is(200).says("Your recovery codes");
    server.pass(STEP);
    sign_in(&server, PASSWORD, &secret.code(server.now())).await.is(401);
    let phone = server.anonymous();
    let code = fresh.code(server.now());
    sign_in(&server, PASSWORD, &code).await.goes_to("/account");

    server.pass(STEP);
    let code = fresh.code(server.now());
    let path = "/account/second-factor/remove";
    let before = ada.clone();
    ada.fill(path, path, &[("password", PASSWORD), ("code", &code)]).await.goes_to(HERE);
    assert!(ada.is_signed_in().await && !before.is_signed_in().await && !phone.is_signed_in().await);
    ada.open(HERE).await.says("Set it up");
    ada.get(path).await.goes_to(HERE);
    sign_in(&server, PASSWORD, "").await.goes_to("/account");
}

async fn asvs_6_5_4_what_the_app_shows_is_checked_before_it_counts(server: Server) {
    let mut ada = server.user(ADA).await;
    let page = ada.open(NEW).await;
    page.is(200).says("Set up an authenticator app");
    let opens = page.links().into_iter().find(|link| link.starts_with("otpauth:")).unwrap_or_default();
    assert!(opens.starts_with("otpauth://totp/sessiond:ada%40example%2Ecom?secret="), "{opens}");
    let secret = page.form(NEW).field("secret").unwrap_or_default().to_owned();
    let again = ada.submit(page.form(NEW).fill(&[("shown", "000000"), ("password", PASSWORD)])).await;
    again.is(422).says("not the code that the app should show");
    assert_eq!(again.form(NEW).field("secret"), Some(secret.as_str()), "the app need not be shown another");
    assert_eq!(again.form(NEW).field("password"), Some(""));
    let bad = page.form(NEW).fill(&[("secret", "short"), ("shown", "000000"), ("password", PASSWORD)]);
    ada.submit(bad).await.is(400);
    assert!(ada.is_signed_in().await);
    sign_in(&server, PASSWORD, "").await.goes_to("/account");
}

#[tokio::test]
async fn asvs_6_3_3_administrators_do_nothing_without_a_second_factor_where_it_is_required() {
    let server = Server::with(On::Sled, "second_factor = \"administrators\"").await;
    let mut root = server.administrator("root@example.com").await;
    let ada = server.user(ADA).await;
    for path in ["/admin/sessions", "/admin/sessions/everyone", "/admin"] {
        let page = root.get(path).await;
        page.is(403).says("Administrators need a second factor here");
        assert_eq!(page.link("Set it up"), HERE);
    }
    root.open(HERE).await.says("You can do nothing as one before you have set it up.");
    let page = root.open(NEW).await;
    let secret = page.form(NEW).field("secret").and_then(TotpSecret::from_base32).expect("a secret");
    let shown = secret.code(server.now());
    root.submit(page.form(NEW).fill(&[("shown", &shown), ("password", PASSWORD)])).await.is(200);
    root.open("/admin/sessions").await.is(200).says("ada@example.com");
    server.pass(STEP);
    let code = secret.code(server.now());
    let path = "/account/second-factor/remove";
    let fields = [("password", PASSWORD), ("code", code.as_str())];
    root.fill(path, path, &fields).await.is(403).says("Administrators must have a second factor");
    assert!(ada.is_signed_in().await, "nobody else needs one");

    let everyone = "/admin/sessions/everyone";
    root.fill(everyone, everyone, &[("password", PASSWORD), ("code", "")]).await.is(401);
    assert!(ada.is_signed_in().await);
    root.fill(everyone, everyone, &fields).await.goes_to("/admin/sessions");
    assert!(!ada.is_signed_in().await && root.is_signed_in().await);
}

/// What the gate found out about a request of this browser's, before what follows happens to the session.
async fn as_of_now(server: &Server, person: &Person<'_>) -> LiveSession {
    let credential: Credential = person.credential().and_then(|text| text.parse().ok()).expect("a credential");
    match server.service.resolve(&credential).await {
        Ok(Resolved::Live(live)) => *live,
        other => panic!("{other:?}"),
    }
}

fn proof(password: &str, code: &str) -> Proof {
    Proof { password: Password::typed(password.to_owned()), code: code.to_owned() }
}

async fn stored(server: &Server) -> User {
    server.service.named(ADA).await.expect("the store answers").expect("there she is")
}

async fn asvs_7_4_3_a_session_that_ended_while_its_password_was_looked_at_draws_no_recovery_codes(server: Server) {
    let client = Client::new(None, "");
    let mut ada = server.user(ADA).await;
    let (lost, codes) = set_up(&server, &mut ada).await;
    // Somebody has the session, the password and the phone; at this moment the owner sets up another one.
    let thief = as_of_now(&server, &ada).await;
    let page = ada.open(NEW).await;
    let fresh = page.form(NEW).field("secret").and_then(TotpSecret::from_base32).expect("a secret");
    let shown = fresh.code(server.now());
    let fields = [("shown", shown.as_str()), ("password", PASSWORD), ("code", codes[0].as_str())];
    let kept = recovery_codes(&ada.submit(page.form(NEW).fill(&fields)).await);
    server.pass(STEP);
    let code = lost.code(server.now());
    let drawn = server.service.renew_recovery_codes(&thief, proof(PASSWORD, &code), &client).await;
    assert!(drawn.is_err(), "codes of the owner's new second factor");
    sign_in(&server, PASSWORD, &kept[0]).await.goes_to("/account");

    // The same where the password is reset and everything ends by it.
    let thief = as_of_now(&server, &ada).await;
    let order = Order { by: Actor::Operator, note: None, from: None };
    server.service.reset_password(&stored(&server).await, &order).await.expect("it is reset");
    let before = stored(&server).await.safeguards.second_factor.map(|factor| factor.recovery_left());
    let drawn = server.service.renew_recovery_codes(&thief, proof(PASSWORD, &kept[1]), &client).await;
    assert!(drawn.is_err(), "after a reset of the password");
    let after = stored(&server).await.safeguards.second_factor.map(|factor| factor.recovery_left());
    assert!(after <= before, "{after:?} {before:?}");
}

async fn a_session_without_a_second_factor_that_ended_meanwhile_changes_nothing_of_a_new_one(server: Server) {
    let client = || Client::new(None, "");
    let mut ada = server.user(ADA).await;
    let thief = as_of_now(&server, &ada).await;
    let (secret, _) = set_up(&server, &mut ada).await;
    server.pass(STEP);
    let before = stored(&server).await;
    let service = &server.service;
    let other = service.draw_totp_secret();
    let shown = other.code(server.now());
    assert!(service.set_second_factor(&thief, proof(PASSWORD, ""), other, &shown, client()).await.is_err());
    assert!(service.remove_second_factor(&thief, proof(PASSWORD, ""), client()).await.is_err());
    assert!(service.renew_recovery_codes(&thief, proof(PASSWORD, ""), &client()).await.is_err());
    let chosen = "seven brave otters juggle".to_owned();
    let form = PasswordForm { proof: proof(PASSWORD, ""), chosen, client: client() };
    assert!(service.change_own_password(&thief, form).await.is_err());
    assert!(service.reauthenticate(&thief, proof(PASSWORD, ""), None).await.is_err());
    let order = Order { by: Actor::Operator, note: None, from: None };
    assert!(service.revoke_everyone_else(&thief, proof(PASSWORD, ""), &order, client()).await.is_err());
    assert_eq!(stored(&server).await, before);
    assert!(ada.is_signed_in().await);
    sign_in(&server, PASSWORD, "").await.is(401);
    sign_in(&server, PASSWORD, &secret.code(server.now())).await.goes_to("/account");
}

#[tokio::test]
async fn who_proves_who_they_are_on_a_full_disk_may_end_sessions_all_the_same() {
    let server = Server::start().await;
    let mut ada = server.user(ADA).await;
    let prove = async |ada: &Person<'_>, password: &str, code: &str| {
        let live = as_of_now(&server, ada).await;
        server.faults().fail_writes(true);
        let proved = server.service.reauthenticate(&live, proof(password, code), None).await.is_ok();
        server.faults().fail_writes(false);
        proved
    };
    assert!(prove(&ada, PASSWORD, "").await);
    assert!(!prove(&ada, "not the right words", "").await);
    server.anonymous().sign_in(ADA, "not the right words").await.is(401);
    assert!(prove(&ada, PASSWORD, "").await, "somebody else's wrong password is in nobody's way");
    let (secret, _) = set_up(&server, &mut ada).await;
    server.pass(STEP);
    assert!(!prove(&ada, PASSWORD, "").await);
    assert!(prove(&ada, PASSWORD, &secret.code(server.now())).await);
}
