//! `page` and `total` where there are thousands of sessions.

use super::bench::*;
use sessiond::domain::id::SessionId;
use sessiond::domain::listing::{Cursor, Filter, Order, Query, Status, Total, Whose, parse_network};
use sessiond::domain::session::{Session, Start, Verdict};
use sessiond::domain::user::User;
use sessiond::store::Created;

store_contract! {
    thousands_of_past_sessions_do_not_hold_up_a_page,
    filtered_totals_stop_at_a_bound,
    a_crowd_that_runs_out_at_once_is_past_at_once,
    what_has_run_out_before_an_end_all_has_not_ended,
}

/// Signs in very often and all at once, from addresses in 10.0.0.0/8.
async fn crowd(bench: &Bench, user: &User, count: usize) -> Outcome {
    let epochs = bench.epochs(user).await?;
    let mut creating = tokio::task::JoinSet::new();
    for n in 0..count {
        let [.., high, low] = n.to_be_bytes();
        let start = Start { client: client([10, 0, high, low]), ..bench.start(user, epochs) };
        let session = Session::start(start, &*bench.dice).0;
        let store = bench.store.clone();
        creating.spawn(async move { store.create(session, None).await });
        if n % 64 == 0 {
            bench.clock.advance(std::time::Duration::from_millis(1));
        }
    }
    while let Some(created) = creating.join_next().await {
        assert_eq!(created??, Created::Done { displaced: vec![] });
    }
    Ok(())
}

async fn thousands_of_past_sessions_do_not_hold_up_a_page(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::with_room_for(backend, 10_000).await?;
    let (ada, bob) = (bench.user("ada").await?, bench.user("bob").await?);
    let oldest = bench.sign_in(&bob).await?;
    bench.clock.advance(SECOND);
    crowd(&bench, &ada, 5_000).await?;
    bench.clock.advance(SECOND);
    assert_eq!(bench.end_user(&ada, None).await?.0, 5_000);

    for order in [Order::LastActive, Order::SignedIn] {
        for (filter, found) in [
            (everyones(Status::Live), vec![oldest.id()]),
            (Filter { network: Some(parse_network("192.0.2.0/24")?), ..everyones(Status::Any) }, vec![oldest.id()]),
            (Filter { whose: Whose::Matching("bob".to_owned()), ..Filter::default() }, vec![oldest.id()]),
            (users(ada.key(), Status::Live), vec![]),
        ] {
            let (mut rows, mut pages, mut cursor): (Vec<SessionId>, _, Option<Cursor>) = (Vec::new(), 0, None);
            loop {
                let page = bench.store.page(&Query { order, cursor, ..Query::first(filter.clone()) }).await?;
                assert!(page.rows.iter().all(|(_, verdict)| *verdict == Verdict::Live));
                rows.extend(page.rows.iter().map(|(standing, _)| standing.session.id()));
                pages += 1;
                let Some(next) = page.next else { break };
                assert!(cursor.is_none_or(|last| (next.at, next.id) < (last.at, last.id)), "it gets on");
                cursor = Some(next);
            }
            assert_eq!(rows, found);
            assert!(pages <= 5_001_usize.div_ceil(Query::MOST_EXAMINED) + 1, "{pages} pages");
        }
    }
    Ok(())
}

async fn filtered_totals_stop_at_a_bound(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::with_room_for(backend, 10_000).await?;
    let ada = bench.user("ada").await?;
    let filter = Filter { network: Some(parse_network("10.0.0.0/8")?), ..everyones(Status::Any) };
    crowd(&bench, &ada, 5_000).await?;
    assert_eq!(bench.total(&filter).await?, Total::Exactly(5_000));
    crowd(&bench, &ada, 1).await?;
    assert_eq!(bench.total(&filter).await?, Total::MoreThan(Total::COUNTED));
    assert_eq!(bench.total(&everyones(Status::Live)).await?, Total::Exactly(5_001));
    assert_eq!(bench.total(&users(ada.key(), Status::Live)).await?, Total::Exactly(5_001));
    Ok(())
}

/// Thousands of one user's sessions and one of another's that run out in the same moment.
async fn run_out(backend: &'static dyn Backend) -> Result<(Bench, User, User), Failure> {
    let bench = Bench::with_room_for(backend, 10_000).await?;
    let (ada, bob) = (bench.user("ada").await?, bench.user("bob").await?);
    crowd(&bench, &ada, 3_000).await?;
    bench.sign_in(&bob).await?;
    bench.clock.advance(HOUR * 2);
    Ok((bench, ada, bob))
}

async fn a_crowd_that_runs_out_at_once_is_past_at_once(backend: &'static dyn Backend) -> Outcome {
    let (bench, ada, bob) = run_out(backend).await?;
    let fresh = bench.sign_in(&ada).await?;
    for (status, of_all, of_ada, of_bob) in [
        (Status::Live, 1, 1, 0),
        (Status::Expired, 3_001, 3_000, 1),
        (Status::Ended, 0, 0, 0),
        (Status::Any, 3_002, 3_001, 1),
    ] {
        assert_eq!(bench.total(&everyones(status)).await?, Total::Exactly(of_all), "{status:?}");
        assert_eq!(bench.total(&users(ada.key(), status)).await?, Total::Exactly(of_ada), "{status:?}");
        assert_eq!(bench.total(&users(bob.key(), status)).await?, Total::Exactly(of_bob), "{status:?}");
        let walked = bench.walk(&everyones(status), Order::SignedIn, 100).await?;
        assert_eq!(walked.len() as u64, of_all, "{status:?}");
    }
    assert_eq!(bench.walk_both_ways(&everyones(Status::Live), Order::LastActive, 25).await?, [fresh.id()]);
    // Room is made for none of those that have run out.
    assert_eq!(bench.end_user(&ada, None).await?.0, 1);
    Ok(())
}

async fn what_has_run_out_before_an_end_all_has_not_ended(backend: &'static dyn Backend) -> Outcome {
    for everyone in [false, true] {
        let (bench, ada, _) = run_out(backend).await?;
        let kept = bench.sign_in(&ada).await?;
        let ended = if everyone {
            bench.store.end_everyone(everyone_revoked()).await?.count
        } else {
            bench.end_user(&ada, None).await?.0
        };
        assert_eq!(ended, 1);
        for reaped in [false, true] {
            assert_eq!(bench.total(&everyones(Status::Expired)).await?, Total::Exactly(3_001), "{everyone} {reaped}");
            assert_eq!(bench.total(&users(ada.key(), Status::Expired)).await?, Total::Exactly(3_000));
            assert_eq!(bench.walk(&everyones(Status::Ended), Order::LastActive, 25).await?, [kept.id()]);
            assert_eq!(bench.walk(&everyones(Status::Expired), Order::LastActive, 100).await?.len(), 3_001);
            assert_eq!(bench.walk(&users(ada.key(), Status::Any), Order::SignedIn, 100).await?.len(), 3_001);
            while bench.store.reap(256).await? > 0 {}
        }
    }
    Ok(())
}
