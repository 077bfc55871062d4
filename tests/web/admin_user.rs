//! One user's page: facts, sessions, timeline, events; and changing name, address and labels.

use std::time::Duration;

use sessiond::domain::audit::{Action, Event};
use sessiond::domain::ending::Actor;
use sessiond::domain::user::{Label, User};
use sessiond::service::invite::Invited;
use sessiond::service::sessions::Order;
use sessiond::store::UserDeleted;

use crate::harness::{Answer, PASSWORD, Person, Server};

on_both_stores! {
    a_users_page_tells_all_sessions_with_who_ended_them_when_and_why,
    name_and_address_change_and_sessions_go_on,
    labels_change_and_only_the_administrators_one_ends_sessions,
    asvs_8_2_1_a_form_that_stood_open_gives_no_rights_back_that_were_taken_meanwhile,
    asvs_7_4_5_one_session_ends_from_the_users_page,
    whoever_was_invited_and_never_came_is_no_administrator_to_fall_back_on,
}

const ROOT: &str = "root@example.com";
const ADA: &str = "ada@example.com";
const LAST: &str = "This is the last administrator who can sign in.";

pub async fn named(server: &Server, email: &str) -> User {
    server.service.named(email).await.expect("the store answers").expect("a user")
}

pub async fn newest(server: &Server) -> Event {
    let mut events = server.service.store().events(None, 1).await.expect("the store answers");
    events.pop().expect("an event")
}

/// Sends a form of the user's edit page.
async fn edit(root: &mut Person<'_>, user: &User, which: &str, fields: &[(&str, &str)]) -> Answer {
    let page = format!("/admin/users/{}/edit", user.id);
    root.fill(&page, &format!("/admin/users/{}/{which}", user.id), fields).await
}

async fn a_users_page_tells_all_sessions_with_who_ended_them_when_and_why(server: Server) {
    let (mut ada, mut elsewhere) = (server.user(ADA).await, server.user(ADA).await);
    let mut root = server.administrator(ROOT).await;
    let user = named(&server, ADA).await;
    let path = format!("/admin/users/{}", user.id);
    server.pass(Duration::from_mins(1));
    let one = ada.session().await.to_string();
    let fields = [("only", one.as_str()), ("note", "left open in the library")];
    root.fill("/admin/sessions", "/admin/sessions/end", &fields).await;
    server.pass(Duration::from_mins(1));
    elsewhere.sign_out().await;
    drop(server.user(ADA).await);
    let page = root.open(&path).await;
    page.says("ada@example.com").says(user.id.as_str()).says("Live sessions 1").says("Sessions 3");
    page.says("Ended by an administrator. By root, 1 minute ago. “left open in the library”")
        .says("Signed out. By ada");
    page.says("2026-01-02").says("Signed in Firefox on Windows, 192.0.2.10").says("By root.");
    page.says("End one session session.end by root").says("Create a user user.create by The operator");
    assert_eq!(page.link("All events about this user"), format!("/admin/audit?user={}", user.id));
    // Newest first.
    let text = page.text();
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("no {part}: {text}"));
    let timeline = &text[at("Sign-ins")..];
    let first = timeline.find("Signed in").unwrap_or_default();
    assert!(first < timeline.find("Signed out.").unwrap_or_default(), "{timeline}");
    for id in ["nobody", "%2e%2e", "x%20y", &"x".repeat(37)] {
        root.get(&format!("/admin/users/{id}")).await.is(404);
        root.get(&format!("/admin/users/{id}/edit")).await.is(404);
        root.get(&format!("/admin/users/{id}/block")).await.is(404);
    }
    root.get(&format!("{path}/nothing")).await.is(404);
    root.get(&format!("{path}?cursor=odd")).await.is(400);
}

async fn asvs_7_4_5_one_session_ends_from_the_users_page(server: Server) {
    let (mut ada, phone) = (server.user(ADA).await, server.user(ADA).await);
    let mut root = server.administrator(ROOT).await;
    let path = format!("/admin/users/{}", named(&server, ADA).await.id);
    let id = ada.session().await.to_string();
    let page = root.open(&path).await;
    let form = page.forms().into_iter().find(|form| form.offered.iter().any(|(_, value)| *value == id));
    let form = form.expect("a button for the session").fill(&[("only", &id)]);
    let answer = root.submit(form).await;
    answer.goes_to(&path);
    root.follow(answer).await.says("1 session ended.");
    assert!(!ada.is_signed_in().await && phone.is_signed_in().await);
}

async fn name_and_address_change_and_sessions_go_on(server: Server) {
    let ada = server.user(ADA).await;
    let mut root = server.administrator(ROOT).await;
    let user = named(&server, ADA).await;
    let answer = edit(&mut root, &user, "name", &[("name", "Ada Lovelace"), ("note", "asked for it")]).await;
    root.follow(answer).await.says("The name is changed.").says("Ada Lovelace");
    let answer = edit(&mut root, &user, "email", &[("email", "Countess@example.com")]).await;
    root.follow(answer).await.says("The e-mail address is changed.").says("countess@example.com");
    let event = newest(&server).await.draft;
    assert_eq!((event.action, event.ended), (Action::ChangeEmail, 0));
    assert!(!format!("{event:?}").contains("example.com"), "the log tells no address: {event:?}");
    assert!(ada.is_signed_in().await, "sessions go on");
    server.anonymous().sign_in(ADA, PASSWORD).await.is(401);
    server.anonymous().sign_in("countess@example.com", PASSWORD).await.goes_to("/account");
    let taken = edit(&mut root, &user, "email", &[("email", ROOT)]).await;
    taken.is(409).says("Another user has this e-mail address.");
    edit(&mut root, &user, "email", &[("email", "nobody")]).await.is(422).says("looks like name@example.com");
    edit(&mut root, &user, "name", &[("name", " ")]).await.is(422).says("A name has 1 to 128 characters");
    let long = "x".repeat(201);
    edit(&mut root, &user, "name", &[("name", "Ada"), ("note", &long)]).await.is(422).says("200 characters");
    let same = edit(&mut root, &user, "name", &[("name", "Ada Lovelace")]).await;
    root.follow(same).await.says("Nothing was changed");
}

async fn labels_change_and_only_the_administrators_one_ends_sessions(server: Server) {
    let ada = server.user(ADA).await;
    let mut root = server.administrator(ROOT).await;
    let user = named(&server, ADA).await;
    let answer = edit(&mut root, &user, "labels", &[("labels", "staff ops")]).await;
    root.follow(answer).await.says("The labels are changed.").says("staff").never_says("ended.");
    assert!(ada.is_signed_in().await);
    let answer = edit(&mut root, &user, "labels", &[("labels", "staff"), ("admin", "on")]).await;
    root.follow(answer).await.says("The labels are changed. 1 session ended.").says("admin");
    assert!(!ada.is_signed_in().await);
    edit(&mut root, &user, "labels", &[("labels", "so/so")]).await.is(422).says("A label has 1 to 36");
    // Demoting oneself works while somebody else is there, and shows at once.
    let own = named(&server, ROOT).await;
    let form = root.open(&format!("/admin/users/{}/edit", own.id)).await;
    form.says("These are your own labels");
    let mut form = form.form(&format!("/admin/users/{}/labels", own.id));
    form.fields.retain(|(name, _)| name != "admin");
    let answer = root.submit(form).await;
    root.follow(answer).await.says("Your session was ended").says("What you may do has changed");
    assert!(!named(&server, ROOT).await.is_administrator());
}

async fn asvs_8_2_1_a_form_that_stood_open_gives_no_rights_back_that_were_taken_meanwhile(server: Server) {
    drop(server.administrator(ADA).await);
    let mut root = server.administrator(ROOT).await;
    let mut other = server.administrator("other@example.com").await;
    let user = named(&server, ADA).await;
    let (edit_page, action) = (format!("/admin/users/{}/edit", user.id), format!("/admin/users/{}/labels", user.id));
    let open = root.open(&edit_page).await;
    let mut form = other.open(&edit_page).await.form(&action);
    form.fields.retain(|(name, _)| name != "admin");
    other.submit(form.fill(&[("labels", "ops")])).await.is(303);
    assert!(!named(&server, ADA).await.is_administrator());

    let answer = root.submit(open.form(&action).fill(&[("labels", "staff")])).await;
    root.follow(answer).await.says("The labels are changed.");
    let labels: Vec<_> = named(&server, ADA).await.labels.iter().map(|label| label.as_str().to_owned()).collect();
    assert_eq!(labels, ["ops", "staff"]);
}

async fn whoever_was_invited_and_never_came_is_no_administrator_to_fall_back_on(server: Server) {
    let mut root = server.administrator(ROOT).await;
    let eve = Invited { email: ADA.to_owned(), name: String::new(), labels: [Label::admin()].into(), from: None };
    let (eve, _) = server.service.invite(eve, Actor::Operator).await.expect("she is created");
    let own = named(&server, ROOT).await;
    let action = format!("/admin/users/{}/labels", own.id);
    let mut form = root.open(&format!("/admin/users/{}/edit", own.id)).await.form(&action);
    form.fields.retain(|(name, _)| name != "admin");
    root.submit(form.clone()).await.is(409).says(LAST);
    let order = Order { by: Actor::Operator, note: None, from: None };
    let deleted = server.service.delete_user(&own.id, &order).await;
    assert!(matches!(deleted, Ok(UserDeleted::LastAdministrator)), "{deleted:?}");
    // Once she has a password of her own she is one; and that of the only one there is may be reset.
    server.service.set_password(&eve, "seven brave otters juggle".to_owned(), &order).await.expect("she has one now");
    root.submit(form).await.is(303);
    assert!(!named(&server, ROOT).await.is_administrator());
    let eve = named(&server, ADA).await;
    assert!(server.service.reset_password(&eve, &order).await.is_ok());
}

#[tokio::test]
async fn asvs_7_5_1_rights_and_addresses_need_a_fresh_password_and_names_do_not() {
    let server = Server::start().await;
    drop(server.user(ADA).await);
    let mut root = server.administrator(ROOT).await;
    let user = named(&server, ADA).await;
    server.pass(Duration::from_mins(10));
    for (which, fields, asks) in [
        ("name", &[("name", "Ada L")][..], false),
        ("labels", &[("labels", "staff")], false),
        ("labels", &[("labels", "staff"), ("admin", "on")], true),
        ("email", &[("email", "ada.l@example.com")], true),
    ] {
        let before = named(&server, ADA).await;
        let answer = edit(&mut root, &user, which, fields).await;
        assert_eq!(answer.status.code, if asks { 401 } else { 303 }, "{which}: {}", answer.shown());
        assert_eq!(named(&server, ADA).await == before, asks, "{which}");
        if asks {
            answer.says("Confirm that it is you");
            let form = answer.form(&format!("/admin/users/{}/{which}", user.id));
            for (name, value) in fields {
                assert_eq!(form.field(name), Some(*value), "{which}");
            }
        }
    }
    let answer = edit(&mut root, &user, "email", &[("email", "ada.l@example.com"), ("note", "moved")]).await;
    let form = answer.form(&format!("/admin/users/{}/email", user.id)).fill(&[("confirm.password", PASSWORD)]);
    let answer = root.submit(form).await;
    root.follow(answer).await.says("The e-mail address is changed.");
    assert_eq!(newest(&server).await.draft.note.map(|note| note.as_str().to_owned()).as_deref(), Some("moved"));
    edit(&mut root, &user, "labels", &[("labels", "staff"), ("admin", "on")]).await.is(303);
}

#[tokio::test]
async fn the_last_administrator_is_not_demoted() {
    let server = Server::start().await;
    let mut root = server.administrator(ROOT).await;
    let own = named(&server, ROOT).await;
    let edit = root.open(&format!("/admin/users/{}/edit", own.id)).await;
    let mut form = edit.form(&format!("/admin/users/{}/labels", own.id));
    form.fields.retain(|(name, _)| name != "admin");
    root.submit(form).await.is(409).says(LAST);
    assert!(root.is_signed_in().await && named(&server, ROOT).await.is_administrator());
}

#[tokio::test]
async fn of_two_administrators_who_demote_each_other_at_once_one_is_left() {
    for _ in 0..10 {
        let server = Server::with(crate::harness::On::Sled, "").await;
        let (mut ada, mut bob) = (server.administrator(ADA).await, server.administrator("bob@example.com").await);
        let people = [named(&server, ADA).await, named(&server, "bob@example.com").await];
        let mut forms = Vec::new();
        for (person, target) in [(&mut ada, &people[1]), (&mut bob, &people[0])] {
            let page = person.open(&format!("/admin/users/{}/edit", target.id)).await;
            let mut form = page.form(&format!("/admin/users/{}/labels", target.id));
            form.fields.retain(|(name, _)| name != "admin");
            forms.push(form);
        }
        let second = forms.pop().expect("two forms");
        let first = forms.pop().expect("two forms");
        let (one, other) = tokio::join!(ada.submit(first), bob.submit(second));
        let mut left = 0;
        for email in [ADA, "bob@example.com"] {
            left += u8::from(named(&server, email).await.labels.contains(&Label::admin()));
        }
        assert_eq!(left, 1, "{}\n{}", one.shown(), other.shown());
    }
}
