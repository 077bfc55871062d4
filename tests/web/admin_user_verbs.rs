//! Blocking, unblocking, unlocking, resetting, removing a second factor, deleting.

use std::collections::BTreeSet;
use std::time::Duration;

use sessiond::domain::audit::{Action, Draft, Outcome};
use sessiond::domain::change::{NewSecondFactor, UserChange};
use sessiond::domain::clock::OsEntropy;
use sessiond::domain::ending::{Actor, Reason};
use sessiond::domain::safeguards::Tries;
use sessiond::domain::second_factor::{SecondFactor, TotpSecret};
use sessiond::domain::session::MOST_WRONG_PROOFS;
use sessiond::domain::user::User;
use sessiond::service::sessions::Order;

use super::admin_user::{named, newest};
use super::admin_users::secret;
use crate::harness::{Answer, On, PASSWORD, Person, Server};

on_both_stores! {
    asvs_7_4_2_blocking_ends_all_sessions_and_unblocking_brings_none_back,
    asvs_7_4_2_deleting_ends_all_sessions_and_the_log_keeps_no_address,
    asvs_6_4_6_a_reset_ends_all_sessions_and_hands_out_a_password_for_one_use,
    removing_the_second_factor_ends_all_sessions,
    unlocking_forgets_the_wrong_tries,
    asvs_6_4_1_what_the_page_hands_out_opens_the_choice_of_a_password,
    asvs_6_4_3_a_reset_leaves_the_second_factor_on,
}

const ROOT: &str = "root@example.com";
const ADA: &str = "ada@example.com";
const LAST: &str = "This is the last administrator who can sign in.";

fn path(user: &User, verb: &str) -> String {
    format!("/admin/users/{}/{verb}", user.id)
}

async fn press(root: &mut Person<'_>, user: &User, verb: &str, note: &str) -> Answer {
    root.fill(&path(user, verb), &path(user, verb), &[("note", note)]).await
}

async fn asvs_7_4_2_blocking_ends_all_sessions_and_unblocking_brings_none_back(server: Server) {
    let (mut ada, phone) = (server.user(ADA).await, server.user(ADA).await);
    let mut root = server.administrator(ROOT).await;
    let user = named(&server, ADA).await;
    let page = root.open(&path(&user, "block")).await;
    page.says("Block ada?").says("Their 2 sessions that are live end at once.").says("cannot sign in until");
    let answer = press(&mut root, &user, "block", "left the team").await;
    answer.goes_to(&format!("/admin/users/{}", user.id));
    root.follow(answer).await.says("The user is blocked and cannot sign in. 2 sessions ended.").says("Blocked");
    let event = newest(&server).await.draft;
    assert_eq!((event.action, event.ended, event.reason), (Action::BlockUser, 2, Some(Reason::Blocked)));
    assert_eq!(event.note.map(|note| note.as_str().to_owned()).as_deref(), Some("left the team"));
    assert!(!phone.is_signed_in().await);
    ada.open("/account").await.says("An administrator blocked your account").never_says("left the team");
    server.anonymous().sign_in(ADA, PASSWORD).await.is(403);
    root.open("/admin/users?state=blocked").await.says(ADA);
    let again = press(&mut root, &user, "block", "").await;
    root.follow(again).await.says("Nothing was changed");
    let answer = press(&mut root, &user, "unblock", "").await;
    root.follow(answer).await.says("The user may sign in again.").never_says("session ended");
    assert!(!ada.is_signed_in().await && !phone.is_signed_in().await);
    assert!(server.user(ADA).await.is_signed_in().await);
}

async fn asvs_7_4_2_deleting_ends_all_sessions_and_the_log_keeps_no_address(server: Server) {
    let (mut ada, phone) = (server.user(ADA).await, server.user(ADA).await);
    let mut root = server.administrator(ROOT).await;
    let user = named(&server, ADA).await;
    let page = root.open(&path(&user, "delete")).await;
    page.says("Delete ada?").says("Their 2 sessions that are live end at once.");
    page.says("a fingerprint of the e-mail address, not the address itself");
    let answer = press(&mut root, &user, "delete", "asked to be forgotten").await;
    answer.goes_to("/admin/users");
    root.follow(answer).await.says("The user is deleted. 2 sessions ended.").never_says(ADA);
    assert!(!phone.is_signed_in().await);
    ada.open("/account").await.says("Your account was deleted");
    server.anonymous().sign_in(ADA, PASSWORD).await.is(401);
    root.get(&format!("/admin/users/{}", user.id)).await.is(404);
    let event = newest(&server).await;
    assert_eq!(event.draft.action, Action::SignIn, "the try after it");
    let events = server.service.store().events(None, 100).await.expect("the store answers");
    let deleted = events.iter().find(|event| event.draft.action == Action::DeleteUser).expect("an event");
    assert_eq!((deleted.draft.user.as_ref(), deleted.draft.ended), (Some(&user.id), 2));
    let detail = deleted.draft.detail.as_ref().map(|detail| detail.as_str().to_owned()).unwrap_or_default();
    assert!(detail.contains(&user.email.fingerprint()), "{detail}");
    assert!(!format!("{events:?}").contains(ADA), "no event tells the address");
    // What is left of the sessions, without a link to a page that is gone.
    let list = root.open(&format!("/admin/sessions?status=ended&user={}", user.id)).await;
    list.says("The user was deleted. By root").says(user.id.as_str()).says("asked to be forgotten");
    assert!(list.links().iter().all(|link| !link.contains(user.id.as_str()) || link.starts_with("/admin/sessions")));
    // The address is free, and brings nothing back.
    let mut fresh = server.user(ADA).await;
    assert!(fresh.is_signed_in().await && !phone.is_signed_in().await);
    fresh.open("/account").await.says("Signed in now 1").never_says("Recently ended");
}

async fn asvs_6_4_6_a_reset_ends_all_sessions_and_hands_out_a_password_for_one_use(server: Server) {
    let (mut ada, phone) = (server.user(ADA).await, server.user(ADA).await);
    let mut root = server.administrator(ROOT).await;
    let user = named(&server, ADA).await;
    root.open(&path(&user, "password")).await.says("shown once, is good for 24 hours, and has to be changed");
    let page = press(&mut root, &user, "password", "forgotten, called from home").await;
    page.is(200).says("The password of ada is reset").says("2 sessions of theirs ended.");
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let one = secret(&page);
    assert!(!phone.is_signed_in().await);
    ada.open("/account").await.says("Your password was changed");
    server.anonymous().sign_in(ADA, PASSWORD).await.is(401);
    let after = named(&server, ADA).await;
    assert_eq!(after.safeguards.one_time_until, Some(server.now() + Duration::from_hours(24)));
    root.open(&format!("/admin/users/{}", user.id)).await.says("One-time password").never_says(&one);
    let other = secret(&press(&mut root, &user, "password", "").await);
    assert_ne!(one, other, "each is another one");
    let events = format!("{:?}", server.service.store().events(None, 100).await.expect("the store answers"));
    assert!(!events.contains(&one) && !events.contains(&other));
}

async fn asvs_6_4_1_what_the_page_hands_out_opens_the_choice_of_a_password(server: Server) {
    const NEW: &str = "seven brave otters juggle";
    drop(server.user(ADA).await);
    let mut root = server.administrator(ROOT).await;
    let reset = press(&mut root, &named(&server, ADA).await, "password", "").await;
    let created =
        root.fill("/admin/users/new", "/admin/users/new", &[("email", "eve@example.com"), ("name", "Eve")]).await;
    for (email, page) in [(ADA, reset), ("eve@example.com", created)] {
        let mut browser = server.anonymous();
        let choice = browser.sign_in(email, &secret(&page)).await;
        choice.is(200).says("Choose your password");
        assert!(!browser.is_signed_in().await);
        let form = choice.form("/login/password").fill(&[("new_password", NEW), ("new_password_again", NEW)]);
        browser.submit(form).await.goes_to("/account");
        assert!(browser.is_signed_in().await);
        assert_eq!(named(&server, email).await.safeguards.one_time_until, None);
        server.anonymous().sign_in(email, &secret(&page)).await.is(401);
        let page = root.open(&format!("/admin/users/{}", named(&server, email).await.id)).await;
        page.says("Password Their own").never_says("One-time password");
    }
}

async fn asvs_6_4_3_a_reset_leaves_the_second_factor_on(server: Server) {
    drop(server.user(ADA).await);
    let mut root = server.administrator(ROOT).await;
    let user = named(&server, ADA).await;
    let totp = with_second_factor(&server, &user).await;
    let one = secret(&press(&mut root, &user, "password", "").await);
    assert!(named(&server, ADA).await.safeguards.second_factor.is_some());
    server.anonymous().sign_in(ADA, &one).await.is(401);
    let fields = [("email", ADA), ("password", one.as_str()), ("code", &totp.code(server.now()))];
    server.anonymous().fill("/login", "/login", &fields).await.is(200).says("Choose your password");
}

async fn change(server: &Server, user: &User, change: UserChange) {
    let order = Order { by: Actor::Operator, note: None, from: None };
    server.service.change_user(&user.id, change, &order).await.expect("the store answers");
}

/// Gives a user a second factor.
async fn with_second_factor(server: &Server, user: &User) -> TotpSecret {
    let secret = TotpSecret::draw(&OsEntropy);
    let factor = Some(SecondFactor::new(secret.clone(), 0, BTreeSet::new()));
    change(server, user, UserChange::SecondFactor(Box::new(NewSecondFactor { factor, asked: None }))).await;
    secret
}

async fn removing_the_second_factor_ends_all_sessions(server: Server) {
    drop(server.user(ADA).await);
    let mut root = server.administrator(ROOT).await;
    let user = named(&server, ADA).await;
    with_second_factor(&server, &user).await;
    root.open(&format!("/admin/users/{}", user.id)).await.says("Set up, 0 recovery codes left");
    root.open(&path(&user, "second-factor")).await.says("They sign in with the password alone");
    let answer = press(&mut root, &user, "second-factor", "lost the phone").await;
    root.follow(answer).await.says("The second factor is removed.").says("Second factor None");
    let event = newest(&server).await.draft;
    assert_eq!(event.action, Action::RemoveSecondFactor);
    assert_eq!(named(&server, ADA).await.safeguards.second_factor, None);
    assert!(server.user(ADA).await.is_signed_in().await);
}

async fn unlocking_forgets_the_wrong_tries(server: Server) {
    drop(server.user(ADA).await);
    let mut root = server.administrator(ROOT).await;
    let user = named(&server, ADA).await;
    for _ in 0..Tries::STRANGERS {
        let draft = Draft::new(Actor::Anonymous, Action::SignIn, Outcome::Failure);
        let draft = Draft { user: Some(user.id.clone()), ..draft };
        server.service.store().sign_in_failed(user.key(), false, draft).await.expect("the store answers");
    }
    root.open("/admin/users?state=locked").await.says(ADA).says("Locked");
    root.open(&format!("/admin/users/{}", user.id)).await.says("Locked to browsers that they have not signed in with");
    root.open(&path(&user, "unlock"))
        .await
        .says(&format!("{} wrong passwords or codes in a row are forgotten", Tries::STRANGERS));
    let answer = press(&mut root, &user, "unlock", "").await;
    root.follow(answer).await.says("The wrong passwords are forgotten").says("Wrong tries in a row 0");
    assert_eq!(newest(&server).await.draft.action, Action::UnlockUser);
    root.open("/admin/users?state=locked").await.says("No user matches");
}

#[tokio::test]
async fn of_two_administrators_who_block_and_delete_each_other_at_once_one_is_left() {
    for round in 0..10 {
        let server = Server::with(On::Sled, "").await;
        let (mut ada, mut root) = (server.administrator(ADA).await, server.administrator(ROOT).await);
        let people = [named(&server, ADA).await, named(&server, ROOT).await];
        let verbs = if round % 2 == 0 { ["block", "delete"] } else { ["delete", "delete"] };
        let (first, second) = (path(&people[1], verbs[0]), path(&people[0], verbs[1]));
        let first = ada.open(&first).await.form(&first);
        let second = root.open(&second).await.form(&second);
        let (one, other) = tokio::join!(ada.submit(first), root.submit(second));
        let mut left = 0;
        for email in [ADA, ROOT] {
            let user = server.service.named(email).await.expect("the store answers");
            left += u8::from(user.is_some_and(|user| user.may_administrate()));
        }
        assert_eq!(left, 1, "{}\n{}", one.shown(), other.shown());
        for answer in [one, other] {
            match answer.status.code {
                409 => {
                    answer.says(LAST);
                }
                _ => {
                    answer.is(303);
                }
            }
        }
    }
}

#[tokio::test]
async fn nobody_blocks_deletes_or_resets_themselves() {
    let server = Server::start().await;
    drop(server.administrator("second@example.com").await);
    let mut root = server.administrator(ROOT).await;
    let own = named(&server, ROOT).await;
    let page = root.open(&format!("/admin/users/{}", own.id)).await;
    for verb in ["block", "delete", "password", "second-factor"] {
        assert!(!page.links().contains(&path(&own, verb)), "{verb}");
        let asked = root.open(&path(&own, verb)).await;
        asked.is(200).says("our");
        assert!(asked.forms().iter().all(|form| form.action != path(&own, verb)), "{verb}");
        // Somebody sends it all the same.
        let form = crate::harness::Form { action: path(&own, verb), ..page.form("/logout") };
        root.submit(form).await.is(403);
        assert_eq!(named(&server, ROOT).await, own, "{verb}");
    }
    assert!(root.is_signed_in().await);
}

#[tokio::test]
async fn asvs_7_5_1_what_takes_an_account_over_needs_a_fresh_password_and_emergencies_do_not() {
    let server = Server::start().await;
    let (_ada, mut root) = (server.user(ADA).await, server.administrator(ROOT).await);
    let user = named(&server, ADA).await;
    with_second_factor(&server, &user).await;
    server.pass(Duration::from_mins(10));
    for verb in ["password", "second-factor", "delete"] {
        let before = named(&server, ADA).await;
        let page = press(&mut root, &user, verb, "a reason").await;
        page.is(401).says("Confirm that it is you");
        assert_eq!(page.form(&path(&user, verb)).field("note"), Some("a reason"), "{verb}");
        assert_eq!(named(&server, ADA).await, before, "{verb}");
        let json = crate::harness::Ask::post(path(&user, verb)).form(page.form(&path(&user, verb)).fields).json();
        let json = root.send(json.header("Origin", server.origin.clone())).await;
        json.is(401);
        assert!(json.body.contains("confirmation_required"), "{}", json.shown());
    }
    for verb in ["block", "unblock", "unlock", "end"] {
        press(&mut root, &user, verb, "").await.is(303);
    }
    // Who unblocks an administrator makes one.
    drop(server.administrator("other@example.com").await);
    let other = named(&server, "other@example.com").await;
    press(&mut root, &other, "block", "").await.is(303);
    press(&mut root, &other, "unblock", "").await.is(401).says("Confirm that it is you");
    assert!(named(&server, "other@example.com").await.blocked);
    let page = press(&mut root, &user, "delete", "a reason").await;
    let form = page.form(&path(&user, "delete"));
    root.submit(form.clone().fill(&[("confirm.password", "not it")])).await.is(401).says("That is not your password");
    assert_eq!(named(&server, ADA).await.id, user.id);
    let answer = root.submit(form.fill(&[("confirm.password", PASSWORD)])).await;
    root.follow(answer).await.says("The user is deleted.");
    assert!(server.service.named(ADA).await.expect("the store answers").is_none());
}

#[tokio::test]
async fn too_many_wrong_passwords_end_the_asking_without_an_answer() {
    let server = Server::start().await;
    let (_ada, mut root) = (server.user(ADA).await, server.administrator(ROOT).await);
    let user = named(&server, ADA).await;
    server.pass(Duration::from_mins(10));
    let form = press(&mut root, &user, "delete", "").await.form(&path(&user, "delete"));
    for _ in 0..MOST_WRONG_PROOFS {
        root.submit(form.clone().fill(&[("confirm.password", "not it")])).await.is(401);
    }
    root.submit(form.fill(&[("confirm.password", PASSWORD)])).await.asks_to_sign_in();
    assert!(server.service.named(ADA).await.expect("the store answers").is_some());
}

#[tokio::test]
async fn a_change_that_could_not_be_confirmed_is_told_and_safe_to_repeat() {
    let server = Server::with(On::Memory, "").await;
    let (ada, mut root) = (server.user(ADA).await, server.administrator(ROOT).await);
    let user = named(&server, ADA).await;
    let form = root.open(&path(&user, "block")).await.form(&path(&user, "block"));
    server.faults().fail_after_write(1);
    root.submit(form.clone()).await.is(503).says("could not confirm");
    assert!(!ada.is_signed_in().await);
    let answer = root.submit(form).await;
    root.follow(answer).await.says("Nothing was changed");
}
