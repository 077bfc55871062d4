//! Following the audit log: whoever watches it hears of every event that is durable, and of none too early.

use super::bench::*;
use sessiond::domain::audit::{Action, Draft, Outcome as Went};
use sessiond::domain::ending::Actor;
use sessiond::domain::id::EventSeq;
use tokio::task::JoinSet;

store_contract! {
    an_event_is_heard_of_by_the_time_its_change_is_answered,
    what_was_refused_or_changed_nothing_wakes_nobody,
    a_watcher_under_way_finds_every_event_once_and_in_order,
    events_are_read_oldest_first_and_on_from_any_number,
    what_was_swept_is_missing_at_the_beginning_alone,
    numbers_go_on_after_a_reopening,
}

async fn an_event_is_heard_of_by_the_time_its_change_is_answered(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let mut heard = bench.store.watch_events();
    assert_eq!(*heard.borrow_and_update(), EventSeq(0));
    assert_eq!(bench.store.events_after(EventSeq(0), 10).await?, []);
    let ada = bench.user("ada").await?;
    assert_eq!(*heard.borrow_and_update(), EventSeq(1));
    let session = bench.sign_in(&ada).await?;
    assert_eq!(*heard.borrow_and_update(), EventSeq(2));
    bench.end(&session).await?;
    assert_eq!(*heard.borrow_and_update(), EventSeq(3));
    bench.sign_in_times(&ada, 3).await?;
    bench.end_user(&ada, None).await?;
    bench.store.end_everyone(everyone_revoked()).await?;
    assert_eq!(*heard.borrow_and_update(), EventSeq(8));
    let read = bench.store.events_after(EventSeq(0), 100).await?;
    assert_eq!(read, bench.events().await?);
    Ok(())
}

async fn what_was_refused_or_changed_nothing_wakes_nobody(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let session = bench.sign_in(&ada).await?;
    bench.end(&session).await?;
    let mut heard = bench.store.watch_events();
    heard.borrow_and_update();
    bench.store.end(ada.key(), session.id(), revoked()).await?;
    bench.touch(&session).await?;
    bench.store.reap(10).await?;
    bench.store.ready().await?;
    assert!(!heard.has_changed()?);
    Ok(())
}

/// Four write at once while one follows.
async fn a_watcher_under_way_finds_every_event_once_and_in_order(backend: &'static dyn Backend) -> Outcome {
    const WRITERS: u64 = 4;
    const EACH: u64 = 50;
    let bench = Bench::open(backend).await?;
    let (store, mut heard) = (bench.store.clone(), bench.store.watch_events());
    let following = tokio::spawn(async move {
        let mut read: Vec<u64> = Vec::new();
        while read.len() < usize::try_from(WRITERS * EACH)? {
            let newest = *heard.wait_for(|newest| newest.0 > read.len() as u64).await?;
            let after = EventSeq(read.last().copied().unwrap_or(0));
            let events = store.events_after(after, 7).await?;
            assert!(!events.is_empty() && events.len() <= 7, "{newest:?} was heard of and is not there");
            read.extend(events.iter().map(|event| event.seq.0));
        }
        Ok::<_, Failure>(read)
    });
    let mut writing = JoinSet::new();
    for _ in 0..WRITERS {
        let store = bench.store.clone();
        writing.spawn(async move {
            for _ in 0..EACH {
                let draft = Draft::new(Actor::Anonymous, Action::SignIn, Went::Failure);
                store.record(draft).await.expect("written");
            }
        });
    }
    writing.join_all().await;
    assert_eq!(following.await??, (1..=WRITERS * EACH).collect::<Vec<_>>());
    Ok(())
}

async fn events_are_read_oldest_first_and_on_from_any_number(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    bench.sign_in_times(&ada, 6).await?;
    let (mut read, mut after) = (Vec::new(), EventSeq(0));
    loop {
        let events = bench.store.events_after(after, 3).await?;
        let Some(last) = events.last() else { break };
        after = last.seq;
        read.extend(events);
    }
    assert_eq!(read, bench.events().await?);
    assert_eq!(read.len(), 7);
    assert_eq!(bench.store.events_after(EventSeq(5), 10).await?, read[5..]);
    assert_eq!(bench.store.events_after(EventSeq(7), 10).await?, []);
    assert_eq!(bench.store.events_after(EventSeq(u64::MAX), 10).await?, []);
    assert_eq!(bench.store.events_after(EventSeq(0), 0).await?, []);
    Ok(())
}

async fn what_was_swept_is_missing_at_the_beginning_alone(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let failed = Draft::new(Actor::Anonymous, Action::SignIn, Went::Failure);
    for _ in 0..5 {
        bench.store.record(failed.clone()).await?;
        bench.clock.advance(MINUTE);
    }
    let heard = bench.store.watch_events();
    while bench.store.sweep(bench.now() - MINUTE * 2, 10).await? > 0 {}
    assert!(!heard.has_changed()?, "a sweep is no news");
    let left: Vec<_> = bench.store.events_after(EventSeq(0), 10).await?.iter().map(|event| event.seq.0).collect();
    assert_eq!(left, [4, 5]);
    Ok(())
}

async fn numbers_go_on_after_a_reopening(backend: &'static dyn Backend) -> Outcome {
    let mut bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    bench.sign_in(&ada).await?;
    bench.reopen().await?;
    let heard = bench.store.watch_events();
    assert_eq!(*heard.borrow(), EventSeq(2));
    assert_eq!(bench.store.events_after(EventSeq(1), 10).await?, bench.events().await?[1..]);
    Ok(())
}
