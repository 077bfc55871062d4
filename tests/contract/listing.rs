//! `page` and `total`: the list is true, keeps its place and costs no more than a page.

use super::bench::*;
use sessiond::domain::id::SessionId;
use sessiond::domain::listing::{Cursor, Filter, Order, Page, Query, Status, Total, Towards, Whose, parse_network};
use sessiond::domain::session::{Session, Start};
use sessiond::domain::user::User;
use sessiond::store::Created;

store_contract! {
    rows_come_newest_first_in_both_orders,
    rows_carry_their_records_and_verdicts,
    totals_are_what_a_walk_over_all_pages_finds,
    filters_take_in_what_they_say,
    a_listing_of_nobody_is_empty,
    the_ends_of_a_listing_lead_nowhere,
    walking_back_visits_the_same_rows,
    a_cursor_keeps_its_place_while_rows_come_and_go,
    the_way_back_from_an_empty_page_misses_no_row,
    the_way_on_from_an_empty_page_misses_no_row,
    the_way_back_misses_no_row_when_others_moved_up,
    a_page_holds_no_more_rows_than_asked,
}

const BOTH: [Order; 2] = [Order::LastActive, Order::SignedIn];

fn query(filter: Filter, order: Order, cursor: Option<Cursor>, rows: usize) -> Query {
    Query { filter, order, cursor, rows }
}

/// Three users with live, ended, expired and withdrawn sessions, some of them touched.
async fn populate(bench: &Bench) -> Result<(Vec<User>, Vec<Session>), Failure> {
    let people = vec![bench.user("ada").await?, bench.user("bob").await?, bench.user("cleo").await?];
    let mut all = Vec::new();
    for round in 0..6_u8 {
        for (n, user) in (1..).zip(&people) {
            let start = bench.start(user, bench.epochs(user).await?);
            let start = Start { client: client([10, round, n, 1]), ..start };
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

fn filters(people: &[User]) -> Result<Vec<Filter>, Failure> {
    let mut whose = vec![Whose::Everyones, Whose::Matching("example.com".to_owned()), Whose::Matching("b".to_owned())];
    whose.push(Whose::Matching("nothing".to_owned()));
    whose.extend(people.iter().map(|user| Whose::User(user.key())));
    let networks = [None, Some(parse_network("10.3.0.0/16")?), Some(parse_network("10.4.2.1")?)];
    let mut filters = Vec::new();
    for whose in whose {
        for status in Status::ALL {
            filters.extend(networks.map(|network| Filter { whose: whose.clone(), status, network }));
        }
    }
    Ok(filters)
}

async fn rows_come_newest_first_in_both_orders(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (_, all) = populate(&bench).await?;
    for order in BOTH {
        for status in Status::ALL {
            let filter = everyones(status);
            assert_eq!(bench.walk(&filter, order, 100).await?, expected(&bench, &all, &filter, order).await?);
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
    let (people, _) = populate(&bench).await?;
    for filter in filters(&people)? {
        let walked = bench.walk(&filter, Order::LastActive, 4).await?.len() as u64;
        assert_eq!(bench.total(&filter).await?, Total::Exactly(walked), "{filter:?}");
    }
    Ok(())
}

async fn filters_take_in_what_they_say(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (people, all) = populate(&bench).await?;
    for filter in filters(&people)? {
        for order in BOTH {
            let rows = bench.walk(&filter, order, 3).await?;
            assert_eq!(rows, expected(&bench, &all, &filter, order).await?, "{filter:?}");
        }
    }
    Ok(())
}

async fn a_listing_of_nobody_is_empty(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let nobody = person("nobody", bench.now(), &*bench.dice);
    for filter in [users(nobody.key(), Status::Any), everyones(Status::Any)] {
        let page = bench.store.page(&Query::first(filter.clone())).await?;
        assert!(page.rows.is_empty() && page.older.is_none() && page.newer.is_none());
        assert_eq!(bench.total(&filter).await?, Total::Exactly(0));
    }
    Ok(())
}

async fn the_ends_of_a_listing_lead_nowhere(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    bench.sign_in_times(&ada, 6).await?;
    for order in BOTH {
        let whole = bench.store.page(&query(everyones(Status::Live), order, None, 6)).await?;
        assert!(whole.older.is_none() && whole.newer.is_none(), "one page holds all");
        let first = bench.store.page(&query(everyones(Status::Live), order, None, 3)).await?;
        assert!(first.newer.is_none() && first.older.is_some());
        let last = bench.store.page(&query(everyones(Status::Live), order, first.older, 3)).await?;
        assert!(last.newer.is_some() && last.older.is_none());
        let back = bench.store.page(&query(everyones(Status::Live), order, last.newer, 3)).await?;
        assert_eq!(back.rows, first.rows);
        assert!(back.newer.is_none() && back.older.is_some());
    }
    Ok(())
}

async fn walking_back_visits_the_same_rows(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (people, _) = populate(&bench).await?;
    for filter in [everyones(Status::Any), everyones(Status::Ended), users(people[0].key(), Status::Any)] {
        for order in BOTH {
            let (mut there, mut cursor) = (Vec::new(), None);
            let mut page = loop {
                let page = bench.store.page(&query(filter.clone(), order, cursor, 4)).await?;
                there.push(page.rows.clone());
                match page.older {
                    Some(older) => cursor = Some(older),
                    None => break page,
                }
            };
            let mut back = vec![page.rows];
            while let Some(newer) = page.newer {
                assert_eq!(newer.towards, Towards::Newer);
                page = bench.store.page(&query(filter.clone(), order, Some(newer), 4)).await?;
                back.push(page.rows.clone());
            }
            back.reverse();
            assert_eq!(back.concat(), there.concat());
        }
    }
    Ok(())
}

async fn a_cursor_keeps_its_place_while_rows_come_and_go(backend: &'static dyn Backend) -> Outcome {
    for order in BOTH {
        let bench = Bench::open(backend).await?;
        let ada = bench.user("ada").await?;
        let all = bench.sign_in_times(&ada, 10).await?;
        bench.clock.advance(MINUTE * 10);
        let first = bench.store.page(&query(everyones(Status::Live), order, None, 3)).await?;

        // One shown row goes, one moves up; one row to come goes; a new one arrives. The row beside the cursor goes, too.
        for session in [&all[9], &all[7], &all[4]] {
            bench.end(session).await?;
        }
        bench.touch(&all[8]).await?;
        bench.sign_in(&ada).await?;

        let rest = bench.walk_from(&everyones(Status::Live), order, 3, first.older).await?;
        let mut still: Vec<_> = ids(&[&all[5..7], &all[..4]].concat());
        still.sort_by_key(|id| all.iter().position(|session| session.id() == *id));
        still.reverse();
        assert_eq!(rest, still);
    }
    Ok(())
}

fn shown(page: &Page) -> Vec<SessionId> {
    page.rows.iter().map(|(standing, _)| standing.session.id()).collect()
}

async fn the_way_back_from_an_empty_page_misses_no_row(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let all = bench.sign_in_times(&ada, 4).await?;
    let live = |cursor| query(everyones(Status::Live), Order::SignedIn, cursor, 2);
    let first = bench.store.page(&live(None)).await?;
    bench.end(&all[0]).await?;
    bench.end(&all[1]).await?;
    let empty = bench.store.page(&live(first.older)).await?;
    assert!(empty.rows.is_empty() && empty.older.is_none());
    let back = bench.store.page(&live(empty.newer)).await?;
    assert_eq!(shown(&back), [all[3].id(), all[2].id()]);
    Ok(())
}

async fn the_way_on_from_an_empty_page_misses_no_row(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let all = bench.sign_in_times(&ada, 4).await?;
    let live = |cursor| query(everyones(Status::Live), Order::SignedIn, cursor, 2);
    let first = bench.store.page(&live(None)).await?;
    let last = bench.store.page(&live(first.older)).await?;
    bench.end(&all[2]).await?;
    bench.end(&all[3]).await?;
    let empty = bench.store.page(&live(last.newer)).await?;
    assert!(empty.rows.is_empty() && empty.newer.is_none());
    let on = bench.store.page(&live(empty.older)).await?;
    assert_eq!(shown(&on), [all[1].id(), all[0].id()]);
    Ok(())
}

async fn the_way_back_misses_no_row_when_others_moved_up(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let all = bench.sign_in_times(&ada, 4).await?;
    let live = |cursor| query(everyones(Status::Live), Order::LastActive, cursor, 2);
    let first = bench.store.page(&live(None)).await?;
    bench.clock.advance(MINUTE * 10);
    bench.touch(&all[0]).await?;
    bench.touch(&all[1]).await?;
    let empty = bench.store.page(&live(first.older)).await?;
    assert!(empty.rows.is_empty() && empty.older.is_none());
    let back = bench.store.page(&live(empty.newer)).await?;
    assert_eq!(shown(&back), [all[3].id(), all[2].id()]);
    assert!(back.newer.is_some());
    Ok(())
}

async fn a_page_holds_no_more_rows_than_asked(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    bench.sign_in_times(&ada, 5).await?;
    for rows in 1..=6 {
        let page = bench.store.page(&query(everyones(Status::Any), Order::LastActive, None, rows)).await?;
        assert_eq!(page.rows.len(), rows.min(5));
        assert_eq!(page.older.is_some(), rows < 5);
    }
    Ok(())
}
