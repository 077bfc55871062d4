//! Opening, closing and what is there afterwards.

use super::bench::*;
use sessiond::domain::audit::{Action, Draft, Outcome as Went};
use sessiond::domain::ending::Actor;
use sessiond::domain::lifetime::Limits;
use sessiond::domain::listing::{Order, Query, Status, Total};
use sessiond::domain::session::{SessionChange, Verdict};
use sessiond::store::{Change, Created, End, EndedEveryone, StoreError};

store_contract! {
    an_open_store_is_ready_and_a_closed_one_is_not,
    a_closed_store_answers_nothing,
    closing_lets_go_of_the_files,
    everything_is_there_after_opening_again,
    numbers_go_on_after_opening_again,
    withdrawn_sessions_stay_ended_after_opening_again,
    what_expires_while_closed_has_expired,
    a_lower_limit_is_kept_from_the_next_sign_in_on,
    what_somebody_was_told_has_run_out_stays_so,
}

async fn an_open_store_is_ready_and_a_closed_one_is_not(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    bench.store.ready().await?;
    bench.store.close().await?;
    assert!(matches!(bench.store.ready().await, Err(StoreError::Unavailable { .. })));
    bench.store.close().await?;
    Ok(())
}

async fn a_closed_store_answers_nothing(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let (session, next) = (bench.sign_in(&ada).await?, bench.session(&ada).await?);
    bench.store.close().await?;
    let (store, key, id) = (&bench.store, ada.key(), session.id());
    let draft = Draft::new(Actor::System, Action::Start, Went::Success);
    for failure in [
        store.server_epoch().await.err(),
        store.session(key, id).await.err(),
        store.owner(id).await.err(),
        store.create(next, None).await.err(),
        store.end(key, id, revoked()).await.err(),
        store.end_user(key, None, revoked()).await.err(),
        store.end_everyone(everyone_revoked()).await.err(),
        store.change_session(key, id, SessionChange::Reauthenticated, None).await.err(),
        store.touch(key, id).await.err(),
        store.reap(1).await.err(),
        store.page(&Query::first(everyones(Status::Any))).await.err(),
        store.total(&everyones(Status::Any)).await.err(),
        store.user(key).await.err(),
        store.user_by_email(&ada.email).await.err(),
        store.has_users().await.err(),
        store.create_user(ada.clone(), false, Actor::System, None).await.err(),
        store.record(draft).await.err(),
        store.events(None, 1).await.err(),
    ] {
        assert!(matches!(failure, Some(StoreError::Unavailable { .. })), "{failure:?}");
    }
    Ok(())
}

/// Somebody may still hold the closed store, and somebody else must be able to open its folder.
async fn closing_lets_go_of_the_files(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    bench.store.close().await?;
    bench.open_again().await?.ready().await?;
    Ok(())
}

async fn everything_is_there_after_opening_again(backend: &'static dyn Backend) -> Outcome {
    let mut bench = Bench::open(backend).await?;
    let (ada, bob) = (bench.user("ada").await?, bench.user("bob").await?);
    let mut all = bench.sign_in_times(&ada, 2).await?;
    bench.clock.advance(HOUR * 2);
    all.extend(bench.sign_in_times(&ada, 2).await?);
    bench.end_user(&ada, Some(all[2].id())).await?;
    all.extend(bench.sign_in_times(&bob, 3).await?);
    bench.end(&all[4]).await?;
    bench.clock.advance(MINUTE * 20);
    bench.touch(&all[5]).await?;
    assert_eq!(
        bench.store.change_session(bob.key(), all[6].id(), SessionChange::Reauthenticated, None).await?,
        Change::Done
    );

    let mut before = Vec::new();
    for session in &all {
        before.push(bench.standing(session).await?);
    }
    let (epochs, events) = (bench.epochs(&ada).await?, bench.events().await?);
    let (mut totals, mut lists) = (Vec::new(), Vec::new());
    for status in Status::ALL {
        totals.push(bench.total(&everyones(status)).await?);
        lists.push(bench.walk(&everyones(status), Order::LastActive, 2).await?);
    }

    bench.reopen().await?;
    for (session, standing) in all.iter().zip(before) {
        assert_eq!(bench.standing(session).await?, standing);
        assert_eq!(bench.store.owner(session.id()).await?, Some(session.user_key()));
    }
    assert_eq!(bench.epochs(&ada).await?, epochs);
    assert_eq!(bench.events().await?, events);
    for (n, status) in Status::ALL.into_iter().enumerate() {
        assert_eq!(bench.total(&everyones(status)).await?, totals[n]);
        assert_eq!(bench.walk(&everyones(status), Order::LastActive, 2).await?, lists[n]);
    }
    assert_eq!(bench.store.user_by_email(&bob.email).await?, Some(bob));
    assert!(bench.store.has_users().await?);
    Ok(())
}

async fn numbers_go_on_after_opening_again(backend: &'static dyn Backend) -> Outcome {
    let mut bench = Bench::open(backend).await?;
    for round in 1..=3 {
        let draft = Draft::new(Actor::System, Action::Start, Went::Success);
        assert_eq!(bench.store.record(draft).await?.0, round);
        bench.reopen().await?;
    }
    Ok(())
}

async fn withdrawn_sessions_stay_ended_after_opening_again(backend: &'static dyn Backend) -> Outcome {
    let mut bench = Bench::open(backend).await?;
    let (ada, bob) = (bench.user("ada").await?, bench.user("bob").await?);
    let (adas, bobs) = (bench.sign_in(&ada).await?, bench.sign_in(&bob).await?);
    let (_, by_user) = bench.end_user(&ada, None).await?;
    let EndedEveryone { ended: by_server, .. } = bench.store.end_everyone(everyone_revoked()).await?;
    let ended = [Verdict::Ended(by_user), Verdict::Ended(by_server)];
    bench.reopen().await?;
    assert_eq!(bench.verdicts(&[adas.clone(), bobs.clone()]).await?, ended);
    assert_eq!(bench.store.reap(10).await?, 2);
    bench.reopen().await?;
    assert_eq!(bench.store.reap(10).await?, 0);
    assert_eq!(bench.verdicts(&[adas, bobs]).await?, ended);
    Ok(())
}

async fn what_expires_while_closed_has_expired(backend: &'static dyn Backend) -> Outcome {
    let mut bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let session = bench.sign_in(&ada).await?;
    bench.store.ready().await?;
    bench.clock.advance(HOUR * 2);
    bench.reopen().await?;
    assert!(matches!(bench.verdict(&session).await?, Verdict::Expired(_)));
    assert_eq!(bench.walk(&everyones(Status::Expired), Order::SignedIn, 5).await?, [session.id()]);
    Ok(())
}

async fn a_lower_limit_is_kept_from_the_next_sign_in_on(backend: &'static dyn Backend) -> Outcome {
    for replaced in [None, Some(0), Some(5)] {
        let mut bench = Bench::with_room_for(backend, 10).await?;
        if !bench.keeps() {
            return Ok(());
        }
        let ada = bench.user("ada").await?;
        let six = bench.sign_in_times(&ada, 6).await?;
        bench.limits.sessions_per_user = 3;
        bench.reopen().await?;
        assert_eq!(bench.total(&everyones(Status::Live)).await?, Total::Exactly(6));
        let new = bench.session(&ada).await?;
        let replaces = replaced.map(|n: usize| six[n].id());
        assert!(matches!(bench.store.create(new, replaces).await?, Created::Done { .. }));
        assert_eq!(bench.total(&everyones(Status::Live)).await?, Total::Exactly(3), "replaced: {replaced:?}");
    }
    Ok(())
}

/// Limits that were lowered and are raised again must not revive what was answered as past.
async fn what_somebody_was_told_has_run_out_stays_so(backend: &'static dyn Backend) -> Outcome {
    let mut short = Limits::default();
    short.standard.idle = MINUTE * 10;
    let mut bench = Bench::with(backend, short).await?;
    let ada = bench.user("ada").await?;
    let session = bench.sign_in(&ada).await?;
    bench.clock.advance(MINUTE * 30);
    let expired = bench.verdict(&session).await?;
    assert!(matches!(expired, Verdict::Expired(_)));
    let end = bench.store.end(ada.key(), session.id(), revoked()).await?;
    assert_eq!(end, End::AlreadyEnded(expired.clone()));
    bench.limits = Limits::default();
    bench.reopen().await?;
    assert_eq!(bench.verdict(&session).await?, expired);
    assert_eq!(bench.total(&everyones(Status::Expired)).await?, Total::Exactly(1));
    Ok(())
}
