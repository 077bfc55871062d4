//! `page`: a cursor keeps its place, whichever way it leads.

use super::bench::*;
use super::listing::{BOTH, populate, query, shown};
use sessiond::domain::listing::{Order, Status, Towards};

store_contract! {
    the_ends_of_a_listing_lead_nowhere,
    walking_back_visits_the_same_rows,
    a_cursor_keeps_its_place_while_rows_come_and_go,
    the_way_back_from_an_empty_page_misses_no_row,
    the_way_on_from_an_empty_page_misses_no_row,
    the_way_back_misses_no_row_when_others_moved_up,
}

async fn the_ends_of_a_listing_lead_nowhere(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    bench.sign_in_times(&ada, 6).await?;
    for order in BOTH {
        let whole = bench.store.page(&query(everyones(Status::Live), order, None, 6)).await?;
        assert!(whole.next.is_none() && whole.previous.is_none(), "one page holds all");
        let first = bench.store.page(&query(everyones(Status::Live), order, None, 3)).await?;
        assert!(first.previous.is_none() && first.next.is_some());
        let last = bench.store.page(&query(everyones(Status::Live), order, first.next, 3)).await?;
        assert!(last.previous.is_some() && last.next.is_none());
        let back = bench.store.page(&query(everyones(Status::Live), order, last.previous, 3)).await?;
        assert_eq!(back.rows, first.rows);
        assert!(back.previous.is_none() && back.next.is_some());
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
                match page.next {
                    Some(next) => cursor = Some(next),
                    None => break page,
                }
            };
            let mut back = vec![page.rows];
            while let Some(previous) = page.previous {
                assert_eq!(previous.towards, Towards::Previous);
                page = bench.store.page(&query(filter.clone(), order, Some(previous), 4)).await?;
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

        let rest = bench.walk_on(query(everyones(Status::Live), order, first.next, 3)).await?;
        let mut still: Vec<_> = ids(&[&all[5..7], &all[..4]].concat());
        still.sort_by_key(|id| all.iter().position(|session| session.id() == *id));
        still.reverse();
        assert_eq!(rest, still);
    }
    Ok(())
}

async fn the_way_back_from_an_empty_page_misses_no_row(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let all = bench.sign_in_times(&ada, 4).await?;
    let live = |cursor| query(everyones(Status::Live), Order::SignedIn, cursor, 2);
    let first = bench.store.page(&live(None)).await?;
    bench.end(&all[0]).await?;
    bench.end(&all[1]).await?;
    let empty = bench.store.page(&live(first.next)).await?;
    assert!(empty.rows.is_empty() && empty.next.is_none());
    let back = bench.store.page(&live(empty.previous)).await?;
    assert_eq!(shown(&back), [all[3].id(), all[2].id()]);
    Ok(())
}

async fn the_way_on_from_an_empty_page_misses_no_row(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let all = bench.sign_in_times(&ada, 4).await?;
    let live = |cursor| query(everyones(Status::Live), Order::SignedIn, cursor, 2);
    let first = bench.store.page(&live(None)).await?;
    let last = bench.store.page(&live(first.next)).await?;
    bench.end(&all[2]).await?;
    bench.end(&all[3]).await?;
    let empty = bench.store.page(&live(last.previous)).await?;
    assert!(empty.rows.is_empty() && empty.previous.is_none());
    let on = bench.store.page(&live(empty.next)).await?;
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
    let empty = bench.store.page(&live(first.next)).await?;
    assert!(empty.rows.is_empty() && empty.next.is_none());
    let back = bench.store.page(&live(empty.previous)).await?;
    assert_eq!(shown(&back), [all[3].id(), all[2].id()]);
    assert!(back.previous.is_some());
    Ok(())
}
