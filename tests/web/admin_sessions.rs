//! The list of everybody's sessions.

use std::collections::BTreeSet;
use std::time::Duration;

use sessiond::domain::user::Label;

use crate::harness::{Answer, Person, Server};

on_both_stores! {
    administrators_see_every_session_with_its_device_and_address,
    the_list_is_filtered_by_user_status_and_address,
    pages_go_on_and_back_and_miss_nobody,
    the_totals_are_exact,
}

const ROOT: &str = "root@example.com";

/// The ids of the sessions that a page shows, in its order.
fn rows(page: &Answer) -> Vec<String> {
    let ids = page.is(200).body.split("<code>").skip(1);
    ids.map(|rest| rest.split("</code>").next().unwrap_or_default().to_owned()).collect()
}

async fn administrators_see_every_session_with_its_device_and_address(server: Server) {
    let curl = server.anonymous().at("198.51.100.7").using("curl/8.14.1");
    server.create_named("ada@example.com", "Ada Lovelace", &[]).await;
    let mut ada = curl.signed_in("ada@example.com").await;
    server.pass(Duration::from_mins(3));
    let mut root = server.administrator(ROOT).await;
    let page = root.open("/admin").await;
    page.says("Ada Lovelace").says("ada@example.com").says("curl").says("198.51.100.7").says("3 minutes ago");
    page.says("Showing 2 of 2 sessions").says("2 live").says("0 ended").says("0 expired");
    assert_eq!(
        rows(&page),
        [root.session().await.to_string(), ada.session().await.to_string()],
        "newest activity first"
    );
    page.never_says(&ada.credential().expect("a cookie")).never_says(&root.credential().expect("a cookie"));
}

/// A list with one live, one ended and one expired session, and the administrator's own.
async fn varied(server: &Server) -> Person<'_> {
    server.create_named("carol@example.com", "Carol", &[]).await;
    drop(server.anonymous().at("2001:db8::7").signed_in("carol@example.com").await);
    server.pass(Duration::from_hours(2));
    server.create_named("bob@example.com", "Bob", &[]).await;
    server.anonymous().at("198.51.100.8").signed_in("bob@example.com").await.sign_out().await;
    server.create_named("ada@example.com", "Ada Lovelace", &[]).await;
    drop(server.anonymous().at("198.51.100.7").signed_in("ada@example.com").await);
    server.administrator(ROOT).await
}

async fn the_list_is_filtered_by_user_status_and_address(server: Server) {
    let mut root = varied(&server).await;
    let all = ["Ada Lovelace", "Bob", "Carol"];
    for (query, shown) in [
        ("status=live", &["Ada Lovelace"][..]),
        ("status=ended", &["Bob"]),
        ("status=expired", &["Carol"]),
        ("status=any", &all),
        ("status=any&user=ada@example.com", &["Ada Lovelace"]),
        ("status=any&user=lovelace", &["Ada Lovelace"]),
        ("status=any&user=%20BOB%20", &["Bob"]),
        ("status=any&user=nobody", &[]),
        ("status=any&address=198.51.100.7", &["Ada Lovelace"]),
        ("status=any&address=198.51.100.0/24", &["Ada Lovelace", "Bob"]),
        ("status=any&address=2001:db8::/32", &["Carol"]),
        ("status=ended&user=ada&address=198.51.100.7", &[]),
        ("user=&address=&status=&order=&cursor=", &["Ada Lovelace"]),
        ("order=signed-in&status=any", &all),
    ] {
        let page = root.open(&format!("/admin/sessions?{query}")).await;
        // Who ended a session is named beside it, so the names are looked for where rows name their user.
        let names: BTreeSet<_> = page.is(200).body.split("user-name\">").skip(1).collect();
        for name in all {
            let found = names.iter().any(|row| row.starts_with(name));
            assert_eq!(found, shown.contains(&name), "{query}: {name}\n{}", page.shown());
        }
    }
    let page = root.open("/admin/sessions?status=any&user=lovelace&address=198.51.100.0/24").await;
    let filter = page.forms().into_iter().find(|form| form.method == "get").expect("a filter");
    assert_eq!((filter.field("user"), filter.field("address")), (Some("lovelace"), Some("198.51.100.0/24")));
    root.open("/admin/sessions?user=nobody").await.says("No session matches this filter");
}

async fn pages_go_on_and_back_and_miss_nobody(server: Server) {
    let mut root = server.administrator(ROOT).await;
    for number in 0..60 {
        // Half a minute in all: too short for the administrator's own place in the list to move.
        server.pass(Duration::from_millis(500));
        drop(server.user(&format!("user{}@example.com", number % 7)).await);
    }
    for order in ["last-active", "signed-in"] {
        let first = root.open(&format!("/admin/sessions?order={order}")).await;
        first.says("Showing 25 of 61 sessions");
        let second = root.open(&first.link("Older")).await;
        let third = root.open(&second.link("Older")).await;
        let pages = [rows(&first), rows(&second), rows(&third)];
        assert_eq!(pages.each_ref().map(Vec::len), [25, 25, 11], "{order}");
        let distinct: BTreeSet<_> = pages.iter().flatten().collect();
        assert_eq!(distinct.len(), 61, "{order}: nobody twice");
        assert!(!third.has_link("Older") && !first.has_link("Newer"), "{order}");
        let back = root.open(&third.link("Newer")).await;
        assert_eq!(rows(&back), pages[1], "{order}");
        let start = root.open(&back.link("Newer")).await;
        assert_eq!(rows(&start), pages[0], "{order}");
        assert_eq!(rows(&root.open(&third.link("Newest")).await), pages[0], "{order}");
    }
    // A filter goes along.
    let first = root.open("/admin/sessions?user=example.com&address=192.0.2.0/24").await;
    let second = root.open(&first.link("Older")).await;
    second.says("matching sessions");
    assert_eq!(rows(&second).len(), 25);
}

async fn the_totals_are_exact(server: Server) {
    let mut root = varied(&server).await;
    root.open("/admin/sessions").await.says("2 live").says("1 ended").says("1 expired").says("Showing 2 of 2 sessions");
    root.open("/admin/sessions?status=any").await.says("Showing 4 of 4 matching sessions");
    root.open("/admin/sessions?status=any&user=bob").await.says("Showing 1 of 1 matching session");
    server.pass(Duration::from_hours(48));
    let mut root = server.administrator(ROOT).await;
    root.open("/admin/sessions").await.says("1 live").says("1 ended").says("3 expired");
}

#[tokio::test]
async fn what_does_not_parse_is_named_with_400() {
    let server = Server::start().await;
    let mut root = server.administrator(ROOT).await;
    drop(server.user("ada@example.com").await);
    for (query, field) in [
        ("status=dead", "status:"),
        ("order=random", "order:"),
        ("address=198.51.100", "address:"),
        ("address=198.51.100.0/33", "address:"),
        ("cursor=x", "cursor:"),
        ("cursor=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "cursor:"),
        ("cursor=%00%ff", "cursor:"),
    ] {
        let page = root.get(&format!("/admin/sessions?{query}")).await;
        page.is(400).says(field);
        assert!(page.forms().iter().any(|form| form.method == "get"), "the filter is there to be mended");
    }
    let typed = root.get("/admin/sessions?status=dead&user=ada&address=198.51.100.7").await;
    let filter = typed.forms().into_iter().find(|form| form.method == "get").expect("a filter");
    assert_eq!((filter.field("user"), filter.field("address")), (Some("ada"), Some("198.51.100.7")));
}

#[tokio::test]
async fn a_cursor_of_another_order_is_refused() {
    let server = Server::start().await;
    let mut root = server.administrator(ROOT).await;
    for _ in 0..26 {
        drop(server.user("ada@example.com").await);
        drop(server.user("bob@example.com").await);
    }
    let older = root.open("/admin/sessions").await.link("Older");
    root.get(&format!("{older}&order=signed-in")).await.is(400).says("cursor:");
}

#[tokio::test]
async fn labels_are_read_at_each_request() {
    let server = Server::start().await;
    let user = server.create("eve@example.com", &[Label::admin()]).await.expect("a new user");
    assert!(user.is_administrator());
    let mut eve = server.anonymous().signed_in("eve@example.com").await;
    eve.open("/account").await.says("admin");
    eve.open("/admin/sessions").await.is(200).says("Administrator");
}
