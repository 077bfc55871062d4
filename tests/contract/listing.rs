//! `page` and `total`: the list is true, keeps its place and costs no more than a page.

use super::bench::*;
use sessiond::domain::id::SessionId;
use sessiond::domain::listing::{
    Cursor, Direction, Filter, Order, Page, Period, Query, Status, Total, Whose, parse_network,
};
use sessiond::domain::session::{Door, Session, Start};
use sessiond::domain::timestamp::Timestamp;
use sessiond::domain::user::User;
use sessiond::store::Created;

store_contract! {
    rows_come_from_either_end_in_both_orders,
    each_filter_means_what_it_says,
    a_period_has_its_first_moment_and_not_its_last,
    a_cursor_brings_order_and_direction,
    a_walk_under_change_shows_each_row_that_stayed_once,
    rows_carry_their_records_and_verdicts,
    totals_are_what_a_walk_over_all_pages_finds,
    filters_take_in_what_they_say,
    a_listing_of_nobody_is_empty,
    a_page_holds_no_more_rows_than_asked,
}

pub const BOTH: [Order; 2] = [Order::LastActive, Order::SignedIn];

pub fn query(filter: Filter, order: Order, cursor: Option<Cursor>, rows: usize) -> Query {
    Query { order, cursor, rows, ..Query::first(filter) }
}

pub fn shown(page: &Page) -> Vec<SessionId> {
    page.rows.iter().map(|(standing, _)| standing.session.id()).collect()
}

const DEVICES: [[&str; 2]; 3] = [["Firefox", "Windows"], ["Chrome", "Windows"], ["curl", ""]];

/// Three users with live, ended, expired and withdrawn sessions, some of them touched.
pub async fn populate(bench: &Bench) -> Result<(Vec<User>, Vec<Session>), Failure> {
    let people = vec![bench.user("ada").await?, bench.user("bob").await?, bench.user("cleo").await?];
    let mut all = Vec::new();
    for round in 0..6_u8 {
        for (n, user) in (1..).zip(&people) {
            let start = bench.start(user, bench.epochs(user).await?);
            let device = DEVICES[usize::from(round + n) % DEVICES.len()];
            let start = Start { client: client_with([10, round, n, 1], &format!("agent/{round}"), device), ..start };
            let session = Session::start(start, &*bench.dice).0;
            assert!(matches!(bench.store.create(session.clone(), None).await?, Created::Done { .. }));
            all.push(session);
        }
        match round {
            0 => bench.clock.advance(HOUR * 2),
            1 => bench.end_user(&people[1], None).await.map(drop)?,
            2 => bench.store.end_everyone(everyone_revoked()).await.map(drop)?,
            3 => bench.end(&all[10]).await.map(drop)?,
            _ => {}
        }
        bench.clock.advance(MINUTE * 6);
    }
    bench.touch(&all[9]).await?;
    bench.clock.advance(MINUTE);
    bench.touch(&all[13]).await?;
    Ok((people, all))
}

async fn expected(bench: &Bench, all: &[Session], filter: &Filter, order: Order) -> Result<Vec<SessionId>, Failure> {
    let mut rows = Vec::new();
    for session in all {
        let standing = bench.standing(session).await?;
        if filter.admits(&standing, &standing.verdict(bench.now(), &bench.limits)) {
            rows.push((order.key(&standing), session.id()));
        }
    }
    rows.sort_unstable();
    Ok(rows.into_iter().rev().map(|(_, id)| id).collect())
}

fn filters(people: &[User], all: &[Session]) -> Result<Vec<Filter>, Failure> {
    let mut whose = vec![Whose::Everyones, Whose::Matching("example.com".to_owned()), Whose::Matching("b".to_owned())];
    whose.push(Whose::Matching("nothing".to_owned()));
    whose.extend(people.iter().map(|user| Whose::User(user.key())));
    let networks = [None, Some(parse_network("10.3.0.0/16")?), Some(parse_network("10.4.2.1")?)];
    let mut filters = Vec::new();
    for whose in whose {
        for status in Status::ALL {
            filters.extend(networks.map(|network| Filter {
                whose: whose.clone(),
                status,
                network,
                ..Filter::default()
            }));
            filters.extend(narrower(all).map(|filter| Filter { whose: whose.clone(), status, ..filter }));
        }
    }
    Ok(filters)
}

/// Filters by device and time, alone and together.
fn narrower(all: &[Session]) -> [Filter; 7] {
    let (early, late) = (all[4].created(), all[12].created());
    let agent = |part: &str| Some(part.to_owned());
    let (between, since) = (Period { from: Some(early), to: Some(late) }, Period { from: Some(late), to: None });
    let any = Filter::default;
    [
        Filter { agent: agent("windows"), ..any() },
        Filter { agent: agent("agent/3"), ..any() },
        Filter { agent: agent("lynx"), ..any() },
        Filter { created: between, door: Some(Door::Pages), ..any() },
        Filter { seen: between, ..any() },
        Filter { seen: since, agent: agent("firefox on windows"), ..any() },
        Filter { created: Period { from: None, to: Some(late) }, seen: since, ..any() },
    ]
}

async fn rows_come_from_either_end_in_both_orders(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (_, all) = populate(&bench).await?;
    for order in BOTH {
        for status in Status::ALL {
            let filter = everyones(status);
            let wanted = expected(&bench, &all, &filter, order).await?;
            assert_eq!(bench.walk_both_ways(&filter, order, 100).await?, wanted);
            assert_eq!(bench.walk_both_ways(&filter, order, 4).await?, wanted);
        }
    }
    Ok(())
}

async fn rows_carry_their_records_and_verdicts(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (_, all) = populate(&bench).await?;
    let page = bench.store.page(&query(everyones(Status::Any), Order::SignedIn, None, 100)).await?;
    assert_eq!(page.rows.len(), all.len());
    for (standing, verdict) in page.rows {
        assert_eq!(standing, bench.standing(&standing.session).await?);
        assert_eq!(verdict, bench.verdict(&standing.session).await?);
    }
    Ok(())
}

async fn totals_are_what_a_walk_over_all_pages_finds(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (people, all) = populate(&bench).await?;
    for filter in filters(&people, &all)? {
        let walked = bench.walk(&filter, Order::LastActive, 4).await?.len() as u64;
        assert_eq!(bench.total(&filter).await?, Total::Exactly(walked), "{filter:?}");
    }
    Ok(())
}

async fn filters_take_in_what_they_say(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (people, all) = populate(&bench).await?;
    for filter in filters(&people, &all)? {
        for order in BOTH {
            let rows = bench.walk_both_ways(&filter, order, 3).await?;
            assert_eq!(rows, expected(&bench, &all, &filter, order).await?, "{filter:?}");
        }
    }
    Ok(())
}

/// The oracle of the others is the filter itself; this says what it must say.
async fn each_filter_means_what_it_says(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (ada, bob) = (bench.user("ada").await?, bench.user("bob").await?);
    let mut all = Vec::new();
    for (user, n, agent, device) in [
        (&ada, 1, "Mozilla/5.0 Firefox/143.0", ["Firefox", "Windows"]),
        (&ada, 2, "Mozilla/5.0 Chrome/141.0", ["Chrome", "Windows"]),
        (&bob, 3, "curl/8.14.1", ["curl", ""]),
        (&bob, 4, "", ["", ""]),
    ] {
        let start = bench.start(user, bench.epochs(user).await?);
        let session =
            Session::start(Start { client: client_with([10, 0, 0, n], agent, device), ..start }, &*bench.dice).0;
        assert!(matches!(bench.store.create(session.clone(), None).await?, Created::Done { .. }));
        all.push(session);
        bench.clock.advance(MINUTE * 5);
    }
    bench.touch(&all[0]).await?;
    let made = |n: usize| Some(all[n].created());
    let agent = |part: &str| Filter { agent: Some(part.to_owned()), ..Filter::default() };
    let created = |from, to| Filter { created: Period { from, to }, ..Filter::default() };
    let seen = |from, to| Filter { seen: Period { from, to }, ..Filter::default() };
    for (filter, meant) in [
        (agent("windows"), &[0, 1][..]),
        (agent("firefox on windows"), &[0]),
        (agent("chrome/141"), &[1]),
        (agent("8.14"), &[2]),
        (agent("unknown"), &[3]),
        (agent("opera"), &[]),
        (Filter { door: Some(Door::Pages), ..Filter::default() }, &[0, 1, 2, 3]),
        (created(made(1), None), &[1, 2, 3]),
        (created(None, made(1)), &[0]),
        (created(made(1), made(3)), &[1, 2]),
        (created(made(3), made(1)), &[]),
        // The first of them was seen last.
        (seen(made(2), None), &[0, 2, 3]),
        (seen(None, made(2)), &[1]),
        (Filter { created: Period { from: None, to: made(2) }, ..seen(made(2), None) }, &[0]),
        (Filter { whose: Whose::User(bob.key()), ..agent("curl") }, &[2]),
        (Filter { network: Some(parse_network("10.0.0.0/30")?), ..agent("windows") }, &[0, 1]),
        (Filter { network: Some(parse_network("10.0.0.2")?), ..agent("windows") }, &[1]),
    ] {
        let mut rows = bench.walk_both_ways(&filter, Order::SignedIn, 25).await?;
        rows.reverse();
        let meant: Vec<_> = meant.iter().map(|n: &usize| all[*n].id()).collect();
        assert_eq!(rows, meant, "{filter:?}");
        assert_eq!(bench.total(&filter).await?, Total::Exactly(meant.len() as u64), "{filter:?}");
    }
    Ok(())
}

async fn a_period_has_its_first_moment_and_not_its_last(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let all = bench.sign_in_times(&ada, 6).await?;
    let span = |from: Timestamp, to: Timestamp| Period { from: Some(from), to: Some(to) };
    for (from, to) in [(0, 0), (0, 1), (1, 4), (2, 5)] {
        let period = span(all[from].created(), all[to].created());
        let wanted: Vec<_> = ids(&all[from..to]).into_iter().rev().collect();
        for order in BOTH {
            for filter in [
                Filter { created: period, ..Filter::default() },
                Filter { seen: period, ..Filter::default() },
                Filter { created: period, ..users(ada.key(), Status::Live) },
            ] {
                assert_eq!(bench.walk_both_ways(&filter, order, 2).await?, wanted, "{filter:?}");
            }
        }
    }
    Ok(())
}

async fn a_cursor_brings_order_and_direction(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    bench.sign_in_times(&ada, 9).await?;
    for order in BOTH {
        for direction in Direction::ALL {
            let first = Query { order, direction, rows: 3, ..Query::first(everyones(Status::Live)) };
            let page = bench.store.page(&first).await?;
            assert!(page.previous.is_none());
            let plain = Query { rows: 3, ..Query::first(everyones(Status::Live)) };
            let second = bench.store.page(&Query { cursor: page.next, ..plain.clone() }).await?;
            assert_eq!(second, bench.store.page(&Query { cursor: page.next, ..first.clone() }).await?);
            let back = bench.store.page(&Query { cursor: second.previous, ..plain }).await?;
            assert_eq!(back.rows, page.rows);
            let mut all = [shown(&page), shown(&second)].concat();
            all.extend(bench.walk_on(Query { cursor: second.next, ..first.clone() }).await?);
            assert_eq!(all, bench.walk_on(first).await?);
        }
    }
    Ok(())
}

/// Between any two pages sessions come, go and move. Whatever did none of that is shown once.
async fn a_walk_under_change_shows_each_row_that_stayed_once(backend: &'static dyn Backend) -> Outcome {
    for (seed, (order, direction)) in
        (1..).zip(BOTH.into_iter().flat_map(|order| Direction::ALL.map(|direction| (order, direction))))
    {
        let bench = Bench::with_room_for(backend, 1_000).await?;
        let ada = bench.user("ada").await?;
        let all = bench.sign_in_times(&ada, 40).await?;
        bench.clock.advance(MINUTE * 10);
        let (dice, mut changed, mut shown_ids) = (Dice::new(seed), Vec::new(), Vec::new());
        let mut query = Query { order, direction, rows: 3, ..Query::first(everyones(Status::Live)) };
        loop {
            let page = bench.store.page(&query).await?;
            shown_ids.extend(shown(&page));
            let Some(next) = page.next else { break };
            query.cursor = Some(next);
            if shown_ids.len() < 60 {
                bench.sign_in(&ada).await?;
            }
            let (gone, moved) = (&all[dice.below(40)], &all[dice.below(40)]);
            bench.store.end(ada.key(), gone.id(), revoked()).await?;
            bench.touch(moved).await?;
            bench.clock.advance(SECOND);
            changed.extend([gone.id(), moved.id()]);
        }
        for session in all.iter().filter(|session| !changed.contains(&session.id())) {
            let times = shown_ids.iter().filter(|id| **id == session.id()).count();
            assert_eq!(times, 1, "{order:?} {direction:?}: {:?}", session.id());
        }
    }
    Ok(())
}

async fn a_listing_of_nobody_is_empty(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let nobody = person("nobody", bench.now(), &*bench.dice);
    for filter in [users(nobody.key(), Status::Any), everyones(Status::Any)] {
        let page = bench.store.page(&Query::first(filter.clone())).await?;
        assert!(page.rows.is_empty() && page.next.is_none() && page.previous.is_none());
        assert_eq!(bench.total(&filter).await?, Total::Exactly(0));
    }
    Ok(())
}

async fn a_page_holds_no_more_rows_than_asked(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    bench.sign_in_times(&ada, 5).await?;
    for rows in 1..=6 {
        let page = bench.store.page(&query(everyones(Status::Any), Order::LastActive, None, rows)).await?;
        assert_eq!(page.rows.len(), rows.min(5));
        assert_eq!(page.next.is_some(), rows < 5);
    }
    Ok(())
}
