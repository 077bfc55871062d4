//! The list of everybody's sessions.

use std::collections::BTreeSet;
use std::time::Duration;

use sessiond::domain::ending::{Actor, Ending, Reason};
use sessiond::domain::user::Label;

use crate::harness::{Answer, Person, Server};

on_both_stores! {
    administrators_see_every_session_with_its_device_and_address,
    the_list_is_filtered_by_user_status_and_address,
    the_list_is_filtered_by_device_door_and_time,
    pages_go_on_and_back_and_miss_nobody,
    the_oldest_may_come_first,
    the_totals_are_exact,
    whose_a_deleted_users_sessions_were_is_told,
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
        ("status=ended&user=ada%40&address=198.51.100.7", &[]),
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

/// The names of those whose sessions a page shows, without the administrator who looks at it.
fn named(page: &Answer) -> Vec<String> {
    let rows = page.is(200).body.split("user-name\">").skip(1);
    let names = rows.map(|row| row.split('<').next().unwrap_or_default().to_owned());
    names.filter(|name| ["Ada", "Bob", "Carol"].contains(&name.as_str())).collect()
}

async fn the_list_is_filtered_by_device_door_and_time(server: Server) {
    const WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0";
    let mut moments = Vec::new();
    for (name, agent) in [("Ada", WINDOWS), ("Bob", "curl/8.14.1"), ("Carol", WINDOWS)] {
        let email = format!("{}@example.com", name.to_lowercase());
        server.create_named(&email, name, &[]).await;
        moments.push(server.now().to_string());
        drop(server.anonymous().using(agent).signed_in(&email).await);
        server.pass(Duration::from_mins(5));
    }
    let mut root = server.administrator(ROOT).await;
    let [first, second, third] = &moments[..] else { panic!("{moments:?}") };
    let minute = &second[..16];
    for (query, shown) in [
        ("device=firefox+on+windows", &["Carol", "Ada"][..]),
        ("device=CURL", &["Bob"]),
        ("device=8.14.1", &["Bob"]),
        ("device=lynx", &[]),
        ("device=firefox&user=ada%40", &["Ada"]),
        ("door=pages&device=o", &["Carol", "Ada"]),
        (&format!("created_from={second}&device=r"), &["Carol", "Bob"]),
        (&format!("created_from={minute}&user=example.com&device=f"), &["Carol"]),
        (&format!("created_to={second}"), &["Ada"]),
        (&format!("created_from={second}&created_to={third}"), &["Bob"]),
        (&format!("seen_from={first}&seen_to={third}"), &["Bob", "Ada"]),
        (&format!("seen_from={first}&seen_to={third}&direction=asc"), &["Ada", "Bob"]),
        (&format!("seen_from={first}&seen_to={third}&order=signed-in&direction=asc&rows=1"), &["Ada"]),
        ("created_to=2001-01-01", &[]),
        ("device=&door=&created_from=&created_to=&seen_from=&seen_to=&direction=&rows=&user=bob", &["Bob"]),
    ] {
        let page = root.open(&format!("/admin/sessions?{query}")).await;
        assert_eq!(named(&page), shown, "{query}\n{}", page.shown());
    }
    let url = format!("/admin/sessions?device=firefox&created_from={first}&seen_to=2099-01-01&rows=50&direction=asc");
    let page = root.open(&url).await;
    let filter = page.forms().into_iter().find(|form| form.method == "get").expect("a filter");
    assert_eq!(filter.field("device"), Some("firefox"));
    assert_eq!(filter.field("seen_to"), Some("2099-01-01T00:00"), "as a field of date and time has it");
    assert!(filter.field("created_from").is_some_and(|shown| first.starts_with(shown)));
    assert!(page.body.contains("<details class=\"filter-more\" open>"), "what narrows the list is in sight");
    page.says("5 set");
    assert!(!root.open("/admin/sessions?user=ada").await.body.contains("<details class=\"filter-more\" open>"));
}

async fn the_oldest_may_come_first(server: Server) {
    let mut root = server.administrator(ROOT).await;
    for number in 0..7 {
        server.pass(Duration::from_millis(500));
        drop(server.user(&format!("user{number}@example.com")).await);
    }
    for order in ["last-active", "signed-in"] {
        let newest_first = root.open(&format!("/admin/sessions?order={order}")).await;
        let mut all = rows(&newest_first);
        all.reverse();
        let first = root.open(&format!("/admin/sessions?order={order}&direction=asc&rows=3")).await;
        let second = root.open(&first.link("Newer")).await;
        let third = root.open(&second.link("Newer")).await;
        assert_eq!([rows(&first), rows(&second), rows(&third)].concat(), all, "{order}");
        assert!(!first.has_link("Older") && !third.has_link("Newer"), "{order}");
        assert_eq!(rows(&root.open(&third.link("Older")).await), rows(&second), "{order}");
        assert_eq!(rows(&root.open(&third.link("Oldest")).await), rows(&first), "{order}");
    }
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
        ("door=window", "door: one of pages"),
        ("direction=up", "direction: one of desc (newest first), asc (oldest first)"),
        ("rows=0", "rows: a number from 1 to 100"),
        ("rows=101", "rows:"),
        ("rows=many", "rows:"),
        ("created_from=yesterday", "created_from: a date like 2026-11-20 or a time like 2026-11-20T09:30Z, in UTC"),
        ("created_to=2026-13-01", "created_to: a date"),
        ("seen_from=2026-11-20T25:00Z", "seen_from: a date"),
        ("seen_to=20.11.2026", "seen_to: a date"),
        ("seen_from=2026-11-20&seen_to=2026-11-20", "seen_to: a time after the one that the period starts at"),
        ("created_from=2026-11-20T09:30Z&created_to=2026-11-20", "created_to: a time after"),
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
    root.get(&format!("{older}&direction=asc")).await.is(400).says("cursor:");
    root.get(&format!("{older}&order=last-active&direction=desc")).await.is(200);
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

async fn whose_a_deleted_users_sessions_were_is_told(server: Server) {
    let ada = server.create("ada@example.com", &[]).await.expect("a user");
    drop(server.anonymous().signed_in("ada@example.com").await);
    let mut root = server.administrator(ROOT).await;
    let ending = Ending::new(Actor::Operator, Reason::Deleted, None);
    server.service.store().delete_user(ada.key(), ending).await.expect("deleted");
    for filter in [String::new(), format!("&user={}", ada.id)] {
        let page = root.open(&format!("/admin/sessions?status=any{filter}")).await;
        page.is(200).says("The user was deleted").never_says("ada@example.com");
        let name = page.body.split("user-name\">").nth(1).and_then(|rest| rest.split("</span>").next());
        assert!(name.is_some_and(|name| !name.is_empty()), "{}", page.shown());
        assert!(page.body.contains(&format!(">{}", ada.id)), "{}", page.shown());
        let link = format!("/admin/users/{}/end", ada.id);
        assert!(!page.body.contains(&link), "there is nothing to be ended");
    }
}
