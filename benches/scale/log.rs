//! The audit log: opening, one user's page, a rare action, a period, and all of it page by page.

use std::time::{Duration, Instant};

use rocket::futures::future::join_all;
use sessiond::domain::audit::search::{Filter, Query};
use sessiond::domain::audit::{Action, Draft, Outcome};
use sessiond::domain::clock::Clock;
use sessiond::domain::ending::Actor;
use sessiond::domain::id::UserId;
use sessiond::domain::listing::{Period, parse_network};
use sessiond::store::{Audit, Store};

use super::crowd::{AT_ONCE, Crowd};
use super::{median, opening, timed, told};

/// How often each page is asked for.
const TIMES: usize = 21;
/// Events of one user, as far as there are so many.
const EACH: u32 = 100;

type Figures = Vec<(String, Duration)>;

/// Measures both sizes and tells them side by side.
pub async fn compare(small: u32, large: u32) {
    let few = measure(small).await;
    let many = measure(large).await;
    for ((what, base), (_, time)) in few.into_iter().zip(many) {
        told(&what, small, base, base);
        told(&what, large, time, base);
    }
}

fn draft(number: u32, users: u32) -> Draft {
    let id: UserId = format!("user{}", number % users).parse().unwrap();
    let from = Some(std::net::Ipv4Addr::from(0x0a00_0000 | (number & 0xffff)).into());
    match number % 4 {
        0 => Draft { user: Some(id), from, ..Draft::new(Actor::Anonymous, Action::SignIn, Outcome::Failure) },
        1 => Draft { user: Some(id), ended: 1, ..Draft::new(Actor::Operator, Action::EndSession, Outcome::Success) },
        _ => Draft { user: Some(id.clone()), from, ..Draft::new(Actor::User(id), Action::SignIn, Outcome::Success) },
    }
}

async fn measure(size: u32) -> Figures {
    let crowd = Crowd::open().await;
    let users = (size / EACH).max(4);
    let start = Instant::now();
    let deleted = Draft {
        user: Some("user0".parse().unwrap()),
        ..Draft::new(Actor::Operator, Action::DeleteUser, Outcome::Success)
    };
    crowd.store.record(deleted).await.unwrap();
    let numbers: Vec<u32> = (1..size).collect();
    for chunk in numbers.chunks(AT_ONCE) {
        crowd.clock.advance(Duration::from_secs(1));
        let written = join_all(chunk.iter().map(|number| crowd.store.record(draft(*number, users)))).await;
        assert!(written.iter().all(Result::is_ok));
    }
    println!("{size} audit events of {users} users, written in {:.0} s", start.elapsed().as_secs_f64());

    let now = crowd.clock.now();
    let filters = [
        ("newest events", Filter::default()),
        ("one user's events", Filter { user: Some("user1".parse().unwrap()), ..Filter::default() }),
        ("a rare action", Filter { actions: vec![Action::DeleteUser], ..Filter::default() }),
        ("a second in the middle", {
            let middle = now - Duration::from_secs(u64::from(size) / AT_ONCE as u64 / 2);
            let period = Period { from: Some(middle), to: Some(middle + Duration::from_secs(1)) };
            Filter { period, ..Filter::default() }
        }),
        ("an address that nobody has (part of the log)", {
            Filter { network: Some(parse_network("192.0.2.0/24").unwrap()), ..Filter::default() }
        }),
    ];
    let mut figures = Vec::new();
    for (what, filter) in filters {
        let query = Query::first(filter);
        let mut times = Vec::new();
        for _ in 0..TIMES {
            let (found, time) = timed(crowd.store.find(&query)).await;
            found.unwrap();
            times.push(time);
        }
        figures.push((format!("audit page: {what}"), median(times)));
    }
    let start = Instant::now();
    let (mut query, mut count) = (Query { rows: 500, ..Query::first(Filter::default()) }, 0);
    loop {
        let page = crowd.store.find(&query).await.unwrap();
        count += page.rows.len();
        match page.next {
            Some(next) => query.cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(count, size as usize);
    figures.push(("the whole audit log, 500 events at a time".to_owned(), start.elapsed()));

    crowd.store.close().await.unwrap();
    let path = crowd.folder.path().to_owned();
    drop(crowd.store);
    opening::in_another_process(&path, now, &format!("{size} audit events"));
    figures
}
