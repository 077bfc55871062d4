//! The list of users, finding somebody in it, and creating one.

use std::time::Duration;

use sessiond::domain::user::Label;

use crate::harness::{Answer, Person, Server};

on_both_stores! {
    everybody_is_listed_with_what_is_out_of_the_ordinary,
    the_filter_finds_by_text_and_by_state,
    long_lists_come_in_pages_both_ways,
    asvs_6_4_1_a_new_user_gets_a_random_password_for_one_use_that_is_shown_once,
}

const ROOT: &str = "root@example.com";
const ADA: &str = "ada@example.com";
const LIST: &str = "/admin/users";
const NEW: &str = "/admin/users/new";

/// The addresses that the list shows, in its order.
fn addresses(page: &Answer) -> Vec<String> {
    let parts = page.body.split("class=\"user-mail\">").skip(1);
    parts.map(|part| part.split('<').next().unwrap_or_default().to_owned()).collect()
}

async fn everybody_is_listed_with_what_is_out_of_the_ordinary(server: Server) {
    let (_ada, _phone) = (server.user(ADA).await, server.user(ADA).await);
    let bob = server.create_named("bob@example.com", "Bob Ross", &["staff".parse().expect("a label")]).await;
    let mut root = server.administrator(ROOT).await;
    let page = root.open(LIST).await;
    page.says("3 users").says("1 administrator").says("0 blocked").says("Showing 3 of 3 users").says("You");
    assert_eq!(addresses(&page), [ADA, "bob@example.com", ROOT]);
    page.says("Bob Ross").says("staff");
    assert!(page.links().contains(&format!("/admin/users/{}", bob.expect("a new user").id)));
    assert_eq!(page.link("Users"), LIST);
    let row = page.body.split("ada@example.com").nth(1).unwrap_or_default();
    assert!(row.contains("p-live num\" data-label=\"Live sessions\">2<"), "{row}");
}

async fn the_filter_finds_by_text_and_by_state(server: Server) {
    server.create_named("bob@example.com", "Bob Ross", &[]).await;
    server.create(ADA, &[]).await;
    let mut root = server.administrator(ROOT).await;
    for (query, found) in [
        ("user=ROSS", &["bob@example.com"][..]),
        ("user=ada%40example.com", &[ADA]),
        ("user=example.com", &[ADA, "bob@example.com", ROOT]),
        ("state=administrators", &[ROOT]),
        ("state=active&user=o", &[ADA, "bob@example.com", ROOT]),
        ("state=blocked", &[]),
        ("state=locked", &[]),
        ("user=nobody-is-called-so", &[]),
    ] {
        let page = root.open(&format!("{LIST}?{query}")).await;
        assert_eq!(addresses(&page), found, "{query}");
        if found.is_empty() {
            page.says("No user matches this filter.");
            assert_eq!(page.link("Show all users"), LIST);
        } else {
            page.says(&format!("Showing {0} of {0} matching user", found.len()));
        }
    }
    root.get(&format!("{LIST}?state=odd")).await.is(400).says("state: one of any, active").never_says(ADA);
    root.get(&format!("{LIST}?cursor=odd")).await.is(400).says("cursor");
}

async fn long_lists_come_in_pages_both_ways(server: Server) {
    for number in 0..60 {
        server.create(&format!("user-{number:02}@example.com"), &[]).await;
    }
    let mut root = server.administrator(ROOT).await;
    let mut page = root.open(&format!("{LIST}?user=user-")).await;
    let mut seen = addresses(&page);
    page.says("Showing 25 of 60 matching users");
    while page.has_link("Next") {
        page = root.open(&page.link("Next")).await;
        seen.extend(addresses(&page));
    }
    let all: Vec<_> = (0..60).map(|number| format!("user-{number:02}@example.com")).collect();
    assert_eq!(seen, all);
    page = root.open(&page.link("Previous")).await;
    assert_eq!(addresses(&page), all[25..50]);
    page = root.open(&page.link("Previous")).await;
    assert_eq!(addresses(&page), all[..25]);
    page = root.open(&page.link("Next")).await;
    page = root.open(&page.link("First")).await;
    assert_eq!(addresses(&page), all[..25]);
}

/// The one-time password that a page shows.
pub fn secret(page: &Answer) -> String {
    let shown = page.body.split("<code id=\"secret\"").nth(1).and_then(|rest| rest.split('>').nth(1));
    shown.and_then(|rest| rest.split('<').next()).unwrap_or_else(|| panic!("no secret\n{}", page.shown())).to_owned()
}

async fn create(root: &mut Person<'_>, fields: &[(&str, &str)]) -> Answer {
    root.fill(NEW, NEW, fields).await
}

async fn asvs_6_4_1_a_new_user_gets_a_random_password_for_one_use_that_is_shown_once(server: Server) {
    let mut root = server.administrator(ROOT).await;
    let fields = [("email", "Eve@Example.com"), ("name", "Eve"), ("labels", "staff, ops"), ("admin", "on")];
    let page = create(&mut root, &fields).await;
    page.is(200).says("Eve is created").says("good until 2026-01-03 03:04 UTC");
    let one = secret(&page);
    assert!(one.len() == 27 && page.header("cache-control") == Some("no-store"), "{}", page.shown());
    assert!(page.all("set-cookie").iter().all(|cookie| !cookie.contains(&one)));
    let user = server.service.named("eve@example.com").await.expect("the store answers").expect("a user");
    let labels: Vec<_> = user.labels.iter().map(Label::as_str).collect();
    assert_eq!(labels, ["admin", "ops", "staff"]);
    assert_eq!(user.safeguards.one_time_until, Some(server.now() + Duration::from_hours(24)));
    for path in [LIST.to_owned(), format!("{LIST}/{}", user.id), NEW.to_owned()] {
        root.open(&path).await.is(200).never_says(&one);
    }
    root.open(LIST).await.says("One-time password");
    let events = format!("{:?}", server.service.store().events(None, 100).await.expect("the store answers"));
    assert!(!events.contains(&one));
    let other = secret(&create(&mut root, &[("email", "fay@example.com")]).await);
    assert_ne!(one, other);
    server.pass(Duration::from_hours(25));
    root = server.administrator(ROOT).await;
    root.open(LIST).await.says("One-time password ran out");
}

#[tokio::test]
async fn what_is_wrong_with_a_new_user_is_said_and_what_was_typed_comes_back() {
    let server = Server::start().await;
    let mut root = server.administrator(ROOT).await;
    for (fields, told) in [
        ([("email", "nobody"), ("name", "Eve"), ("labels", "")], "looks like name@example.com"),
        ([("email", "eve@example.com"), ("name", &"x".repeat(129)), ("labels", "")], "1 to 128 characters"),
        ([("email", "eve@example.com"), ("name", "Eve"), ("labels", "so/so")], "A label has 1 to 36"),
        ([("email", ROOT), ("name", "Eve"), ("labels", "ops")], "There is a user with this e-mail address."),
    ] {
        let page = create(&mut root, &fields).await;
        page.is(422).says(told);
        for (name, value) in fields {
            assert_eq!(page.form(NEW).field(name), Some(value));
        }
    }
    root.open(LIST).await.says("1 user");
}

#[tokio::test]
async fn creating_a_user_asks_for_the_password_once_it_is_old() {
    let server = Server::start().await;
    let mut root = server.administrator(ROOT).await;
    server.pass(Duration::from_mins(11));
    let page = create(&mut root, &[("email", ADA), ("name", "Ada"), ("admin", "on")]).await;
    page.is(401).says("Create the user ada@example.com?").says("Nothing has been changed yet.");
    assert!(server.service.named(ADA).await.expect("the store answers").is_none());
    let form = page.form(NEW);
    let fields: Vec<_> = ["email", "name", "admin"].map(|name| form.field(name).unwrap_or_default().to_owned()).into();
    assert_eq!(fields, [ADA, "Ada", "on"]);
    let wrong = root.submit(form.clone().fill(&[("confirm.password", "not it")])).await;
    wrong.is(401).says("That is not your password. Nothing was changed.").never_says("not it");
    let again = wrong.form(NEW).fill(&[("confirm.password", crate::harness::PASSWORD)]);
    root.submit(again).await.is(200).says("Ada is created");
    // Fresh again for ten minutes.
    create(&mut root, &[("email", "bob@example.com")]).await.is(200).says("bob is created");
}
